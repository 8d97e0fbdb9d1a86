//! Lanes: the unit of order. All events of a lane are for one topic and leave by one publisher, one after
//! another, so that every subscriber of the topic must see them in that order, each once.

/// How topics and publishers share the lanes: there are as many as there are of the larger.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lanes {
    topics: usize,
    publishers: usize,
}

impl Lanes {
    pub(super) fn new(topics: usize, publishers: usize) -> Self {
        Self { topics: topics.max(1), publishers: publishers.max(1) }
    }

    pub(super) fn count(self) -> usize {
        self.topics.max(self.publishers)
    }

    /// The topic whose events this lane carries.
    pub(super) fn topic(self, lane: usize) -> usize {
        lane % self.topics
    }

    /// The lanes that `publisher` fills, in turn.
    pub(super) fn of_publisher(self, publisher: usize) -> impl Iterator<Item = usize> {
        (publisher..self.count()).step_by(self.publishers)
    }

    /// How many lanes a subscriber of `topic` receives.
    pub(super) fn of_topic(self, topic: usize) -> usize {
        (topic..self.count()).step_by(self.topics).count()
    }

    /// Which of its topic's lanes this one is.
    pub(super) fn slot(self, lane: usize) -> usize {
        lane / self.topics
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lane_has_one_publisher_and_one_slot_of_its_topic() {
        for (topics, publishers) in [(1, 1), (1, 64), (10, 3), (3, 10), (7, 7), (0, 0)] {
            let lanes = Lanes::new(topics, publishers);
            let mut published: Vec<usize> =
                (0..publishers.max(1)).flat_map(|p| lanes.of_publisher(p)).collect();
            published.sort_unstable();
            assert_eq!(published, (0..lanes.count()).collect::<Vec<_>>(), "{topics} × {publishers}");

            let mut slots: Vec<Vec<usize>> = vec![Vec::new(); topics.max(1)];
            for lane in 0..lanes.count() {
                slots[lanes.topic(lane)].push(lanes.slot(lane));
            }
            for (topic, slots) in slots.iter().enumerate() {
                assert_eq!(*slots, (0..lanes.of_topic(topic)).collect::<Vec<_>>(), "topic {topic}");
            }
        }
    }
}
