//! News from a world that does not exist: harmless headlines, one every quarter of a minute.

mod desk;

use std::{collections::VecDeque, time::Duration};

use headwater_hub::{Topic, Update};
use serde::Serialize;

use super::random::Random;
use desk::{DESKS, Desk};

/// The topics of all news.
pub(super) const TOPICS: &str = "/demo/news/{section}";

/// Who comes first finds so many.
const BACKLOG: usize = 12;

/// They are told to be so old, one after the other.
const BETWEEN_OLD_ONES: Duration = Duration::from_mins(4);

/// Between two items.
const PAUSE: Duration = Duration::from_secs(10);

/// And so much more, now and then: news that came by the clock would look made up.
const LONGER: Duration = Duration::from_secs(10);

/// No title comes again before so many others have.
const REMEMBERED: usize = 40;

/// What one update says.
#[derive(Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, Debug))]
struct Item<'a> {
    title: &'a str,
    summary: &'a str,
    section: &'a str,
    /// Milliseconds since 1970.
    time: u64,
}

/// Where the news are made.
pub(super) struct Newsroom {
    random: Random,
    /// The last titles.
    told: VecDeque<String>,
}

impl Newsroom {
    pub(super) fn new(random: Random) -> Self {
        Self { random, told: VecDeque::with_capacity(REMEMBERED) }
    }

    /// What happened before anybody looked, the oldest first.
    pub(super) fn backlog(&mut self, now: u64) -> Vec<Update> {
        let between = BETWEEN_OLD_ONES.as_millis() as u64;
        let age = |i: usize| between * (BACKLOG - i) as u64;
        (0..BACKLOG).map(|i| self.item(&DESKS[i % DESKS.len()], now.saturating_sub(age(i)))).collect()
    }

    /// What just happened.
    fn news(&mut self, now: u64) -> Update {
        let desk = self.random.pick(&DESKS);
        self.item(desk, now)
    }

    fn item(&mut self, desk: &Desk, time: u64) -> Update {
        let title = loop {
            let title = format!("{} {}", self.random.pick(&desk.who), self.random.pick(&desk.did));
            // There are more titles than are remembered: this ends.
            if !self.told.contains(&title) {
                break title;
            }
        };
        let summary = format!("{} {}", self.random.pick(&desk.says), self.random.pick(&desk.next));
        let item = Item { title: &title, summary: &summary, section: desk.section, time };
        let data = serde_json::to_string(&item).expect("numbers and texts are JSON");
        let topic = Topic::new(format!("/demo/news/{}", desk.section)).expect("sections are words");
        if self.told.len() == REMEMBERED {
            self.told.pop_front();
        }
        self.told.push_back(title);
        Update::new(topic, data)
    }

    fn pause(&mut self) -> Duration {
        PAUSE + LONGER.mul_f64(self.random.swing().abs())
    }
}

/// Publishes an item now and then, as long as it is polled. `now` is in milliseconds since 1970.
pub(super) async fn run<F, P>(mut newsroom: Newsroom, now: impl Fn() -> u64, publish: F)
where
    F: Fn(Vec<Update>) -> P,
    P: Future<Output = ()>,
{
    loop {
        tokio::time::sleep(newsroom.pause()).await;
        publish(vec![newsroom.news(now())]).await;
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::BTreeSet};

    use tokio::time::Instant;

    use super::*;

    fn item(update: &Update) -> Item<'_> {
        serde_json::from_str(&update.data).expect("an item")
    }

    fn newsroom(seed: u64) -> Newsroom {
        Newsroom::new(Random::new(seed))
    }

    #[test]
    fn the_first_to_look_finds_a_dozen_of_all_sections_with_the_oldest_first() {
        let now = 1_800_000_000_000;
        let backlog = newsroom(1).backlog(now);
        assert_eq!(backlog.len(), 12);
        let times: Vec<_> = backlog.iter().map(|update| item(update).time).collect();
        assert!(times.is_sorted() && times[0] >= now - 3_600_000 && times[11] < now, "{times:?}");
        let sections: BTreeSet<_> = backlog.iter().map(|update| item(update).section).collect();
        let all = ["culture", "science", "sport", "technology", "world"];
        assert_eq!(sections, BTreeSet::from(all));
        for update in &backlog {
            assert_eq!(update.topics[0].as_str(), format!("/demo/news/{}", item(update).section));
        }
        assert_eq!(newsroom(1).backlog(now), backlog, "one seed, one world");
        assert_ne!(newsroom(2).backlog(now), backlog);
    }

    #[test]
    fn no_title_comes_again_soon_and_every_desk_writes_whole_sentences() {
        let mut newsroom = newsroom(4);
        let items: Vec<_> = (0..1_000).map(|time| newsroom.news(time)).collect();
        for window in items.windows(REMEMBERED) {
            let titles: BTreeSet<_> = window.iter().map(|update| item(update).title).collect();
            assert_eq!(titles.len(), REMEMBERED);
        }
        for item in items.iter().map(item) {
            assert!(item.title.starts_with(char::is_uppercase) && !item.title.ends_with('.'), "{item:?}");
            assert!(item.summary.ends_with('.') && !item.summary.contains("  "), "{item:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_item_comes_every_ten_to_twenty_seconds() {
        let times = RefCell::new(vec![Instant::now()]);
        let publish = async |updates: Vec<Update>| {
            assert_eq!(updates.len(), 1);
            times.borrow_mut().push(Instant::now());
        };
        let an_hour = tokio::time::sleep(Duration::from_hours(1));
        tokio::select! { () = run(newsroom(1), || 0, publish) => {}, () = an_hour => {} }
        let times = times.take();
        assert!((200..300).contains(&times.len()), "{}", times.len());
        for pair in times.windows(2) {
            let pause = pair[1] - pair[0];
            assert!(pause >= PAUSE && pause <= PAUSE + LONGER + Duration::from_millis(1), "{pause:?}");
        }
    }
}
