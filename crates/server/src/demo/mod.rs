//! The demo of `headwater dev`: pages that show the hub at work, the feeds that they draw, and what else a site's own
//! backend would do for them.
//!
//! Whatever is published takes the way that everyone's updates take: a feed is handed what publishes, and knows no more
//! of the hub. The pages are in the binary.

mod answers;
mod endpoints;
mod files;
mod guard;
mod news;
mod random;
mod stage;
mod system;
mod ticker;
mod token;

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use headwater_hub::{RetainRule, Selector};

use crate::config::{Dev, Key};
use answers::{Answer, Question, Writers};
use random::Random;
use ticker::Wish;

pub(crate) use stage::{answer, run};

/// How long each topic is retained: about as much as its page shows. Who opens it after a week must not get a week of it.
pub(crate) fn retain_rules() -> Vec<RetainRule> {
    [
        (system::TOPIC, Duration::from_mins(15)),
        (news::TOPICS, Duration::from_hours(6)),
        (ticker::TOPICS, Duration::from_mins(2)),
        (answers::TOPICS, Duration::from_mins(15)),
        ("/demo/notifications/{user}", Duration::from_hours(1)),
        ("/demo/chat/{room}/{user}", Duration::from_hours(24)),
        // Who was about to write something a while ago is not any more.
        ("/demo/typing/{room}/{user}", Duration::from_secs(10)),
    ]
    .map(|(selector, age)| RetainRule { selector: Selector::new(selector), age })
    .into()
}

/// What the demo holds while the hub runs.
pub(crate) struct Demo {
    /// Publishes to every topic.
    publisher_token: String,
    /// What the pages' users get tokens of.
    key: Key,
    wish: Wish,
    writers: Writers,
    random: Mutex<Random>,
}

impl Demo {
    pub(crate) fn new(dev: &Dev, key: Key) -> Self {
        Self {
            publisher_token: dev.publisher_token.clone(),
            key,
            wish: Wish::none(),
            writers: Writers::new(),
            random: Mutex::new(Random::of_this_run()),
        }
    }

    fn random(&self) -> Random {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).fork()
    }

    fn begin_answer(&self, question: &Question) -> Option<Answer> {
        self.writers.begin(self.random().next(), question)
    }
}

impl fmt::Debug for Demo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Demo").field("writers", &self.writers).finish_non_exhaustive()
    }
}

fn unix_millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_topic_is_retained_for_as_long_as_its_page_shows_it() {
        let rules = retain_rules();
        let retained = |topic: &str| {
            rules.iter().find(|rule| rule.selector.matches(topic)).map(|rule| rule.age.as_secs())
        };
        for (topic, seconds) in [
            ("/demo/system", Some(15 * 60)),
            ("/demo/news/world", Some(6 * 3600)),
            ("/demo/ticker/COPSE", Some(2 * 60)),
            ("/demo/answers/000000000000002a", Some(15 * 60)),
            ("/demo/notifications/alice", Some(3600)),
            ("/demo/chat/lobby/Zo%C3%AB%20%2A", Some(24 * 3600)),
            ("/demo/typing/lobby/alice", Some(10)),
            // Whoever tries things out has topics of their own, and keeps them.
            ("/demo/message", None),
            ("/demo/news/world/more", None),
            ("hello", None),
        ] {
            assert_eq!(retained(topic), seconds, "{topic}");
        }
    }
}
