//! Where updates are retained, for how long, and what that promises.

use std::time::Duration;

use headwater_hub::{HistoryPlace, RetainRule, Retention, Selector, SlowReader, SyncPolicy};

use super::{
    resolve::Reader,
    rule::LowRule,
    setting::setting,
    value::{self, DAY},
};

/// What a directory holds unless told otherwise: some weeks of a small site. It is on disk, and no memory goes with it.
const IN_DIRECTORY: Retention = Retention { count: 1_000_000, bytes: 1 << 30, age: None };

/// Beyond a minute nobody could call what is acknowledged published.
const SYNC_RANGE: std::ops::RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_mins(1);

/// What the hub is to know of its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct History {
    pub(crate) place: HistoryPlace,
    pub(crate) sync: SyncPolicy,
    pub(crate) retention: Retention,
    /// Shorter limits; of those that match a topic the first one counts.
    pub(crate) rules: Vec<RetainRule>,
    pub(crate) slow_reader: SlowReader,
}

impl Reader {
    pub(super) fn history(&mut self) -> Option<History> {
        let place = self.one("history", place);
        let sync = self.one("sync", sync);
        let age = self.duration("retain-age", Duration::ZERO..=100 * 366 * DAY);
        let age = age.map(|age| (!age.is_zero()).then_some(age));
        let default = match place {
            Some(HistoryPlace::Memory) => Retention::default(),
            _ => IN_DIRECTORY,
        };
        let count = self.given("retain-count").then(|| self.count("retain-count", 1..=1_000_000_000));
        let bytes = self.given("retain-bytes").then(|| self.size("retain-bytes", 64 << 10..=1 << 40));
        let rules = self.rules(age.flatten());
        let slow_readers = [("catch-up", SlowReader::CatchUp), ("close", SlowReader::Close)];
        let slow_reader = self.one("slow-reader", value::choice(&slow_readers));
        Some(History {
            place: place?,
            sync: sync?,
            retention: Retention {
                age: age?,
                count: count.unwrap_or(Some(default.count))?,
                bytes: bytes.unwrap_or(Some(default.bytes))?,
            },
            rules,
            slow_reader: slow_reader?,
        })
    }

    fn given(&self, name: &str) -> bool {
        self.low.has(setting(name))
    }

    fn rules(&mut self, longest: Option<Duration>) -> Vec<RetainRule> {
        let rules = self.low.take_rules();
        rules.into_iter().filter_map(|rule| self.rule(&rule, longest)).collect()
    }

    fn rule(&mut self, rule: &LowRule, longest: Option<Duration>) -> Option<RetainRule> {
        let age = match value::duration(&rule.age.text) {
            Ok(age) if age.is_zero() => {
                Err("It is 0, which would retain nothing of them. Write how long, such as \"1h\".".into())
            }
            Ok(age) if longest.is_some_and(|longest| age > longest) => Err(format!(
                "\"{}\" is longer than `retain_age`, so that it would change nothing. Shorten it, or raise that.",
                rule.age.text
            )),
            parsed => parsed,
        };
        let age = age.map_err(|message| self.fail(&rule.age.place, message)).ok();
        if rule.selector.text.is_empty() {
            let message =
                "It is empty, and no topic is. Write a topic, a template such as \"/chat/{room}\", or \"*\".";
            self.fail(&rule.selector.place, message);
            return None;
        }
        Some(RetainRule { selector: Selector::new(&rule.selector.text), age: age? })
    }
}

/// A directory, or the word that stands for none.
fn place(text: &str) -> Result<HistoryPlace, String> {
    let text = text.trim();
    match text {
        "" => Err("It is empty. Write a directory's path, or `memory`.".into()),
        "memory" => Ok(HistoryPlace::Memory),
        word if word.eq_ignore_ascii_case("memory") => {
            Err(format!("\"{word}\" could mean two things. Write `memory`, or `./{word}` for a directory."))
        }
        path if path == "~" || path.starts_with("~/") => Err(format!(
            "\"{path}\" begins with `~`, which only a shell understands. Write the path in full."
        )),
        path => Ok(HistoryPlace::Directory(path.into())),
    }
}

/// `commit`, or how much of the last updates a crash of the machine may cost.
fn sync(text: &str) -> Result<SyncPolicy, String> {
    if text.trim() == "commit" {
        return Ok(SyncPolicy::Commit);
    }
    let every = value::duration(text)
        .ok()
        .filter(|every| SYNC_RANGE.contains(every))
        .ok_or_else(|| format!("\"{text}\" is not known. Write `commit`, or a duration of 1ms to 1m."))?;
    Ok(SyncPolicy::Every(every))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_directory_or_memory_and_never_a_guess() {
        let directory = |path: &str| Ok(HistoryPlace::Directory(path.into()));
        assert_eq!(place("memory"), Ok(HistoryPlace::Memory));
        assert_eq!(place("./memory"), directory("./memory"));
        assert_eq!(place(" /var/lib/headwater\n"), directory("/var/lib/headwater"));
        assert_eq!(place("data"), directory("data"));
        for (text, advice) in [("", "a directory's path"), ("Memory", "`./Memory`"), ("~/data", "in full")] {
            let error = place(text).unwrap_err();
            assert!(error.contains(advice), "{error}");
        }
    }

    #[test]
    fn what_is_synced_when_is_one_word_or_a_short_time() {
        assert_eq!(sync("commit"), Ok(SyncPolicy::Commit));
        assert_eq!(sync("1s"), Ok(SyncPolicy::Every(Duration::from_secs(1))));
        for text in ["", "0", "1", "0s", "2m", "never", "Commit"] {
            assert!(sync(text).unwrap_err().contains("Write `commit`, or a duration"), "{text}");
        }
    }
}
