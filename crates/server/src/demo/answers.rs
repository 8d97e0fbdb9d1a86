//! An answer that comes word by word, as from a language model, by a program that is none.

mod prose;

use std::{sync::Arc, time::Duration};

use headwater_hub::{EventType, Topic, Update};
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::MissedTickBehavior,
};

use crate::problem::Problem;

/// The topics of all answers.
pub(super) const TOPICS: &str = "/demo/answers/{id}";

/// About as fast as people read along.
const WORDS_A_SECOND: u32 = 12;

/// Each is a commit twelve times a second.
const MAX_AT_ONCE: usize = 64;

const MAX_QUESTION_CHARS: usize = 500;

/// The type of the last event.
const DONE: &str = "done";

/// What somebody wants to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question(String);

impl Question {
    pub(super) fn new(text: String) -> Result<Self, Problem> {
        let wrong = if text.trim().is_empty() {
            "It is empty"
        } else if text.chars().count() > MAX_QUESTION_CHARS {
            "It is too long"
        } else {
            return Ok(Self(text));
        };
        Err(Problem::bad_request(
            "Bad question",
            format!("{wrong}. Ask in 1 to {MAX_QUESTION_CHARS} characters."),
        ))
    }
}

/// How many answers may still be begun.
#[derive(Debug)]
pub(super) struct Writers(Arc<Semaphore>);

impl Writers {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_AT_ONCE)))
    }

    /// Begins an answer, if there are not too many already.
    pub(super) fn begin(&self, id: u64, question: &Question) -> Option<Answer> {
        let writer = self.0.clone().try_acquire_owned().ok()?;
        let id = format!("{id:016x}");
        let topic = Topic::new(format!("/demo/answers/{id}")).expect("an id is of letters and digits");
        Some(Answer { id, topic, text: prose::compose(&question.0), _writer: writer })
    }
}

/// An answer that is to be written.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) id: String,
    pub(super) topic: Topic,
    text: String,
    /// Free again once this has been written, or given up.
    _writer: OwnedSemaphorePermit,
}

impl Answer {
    /// Publishes it word by word, each with the blank space before it, and then how many they were.
    pub(super) async fn write<F, P>(&self, publish: F)
    where
        F: Fn(Vec<Update>) -> P,
        P: Future<Output = ()>,
    {
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / WORDS_A_SECOND);
        // A disk that stood still for a moment does not make anybody read faster.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut words = 0;
        for text in pieces(&self.text) {
            ticks.tick().await;
            publish(vec![Update::new(
                self.topic.clone(),
                json!({ "index": words, "text": text }).to_string(),
            )])
            .await;
            words += 1;
        }
        let mut done = Update::new(self.topic.clone(), json!({ "words": words }).to_string());
        done.event_type = Some(EventType::new(DONE).expect("a word"));
        publish(vec![done]).await;
    }
}

/// The words, each with the blank space before it: joined they are the text.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let word = rest.find(|c: char| !c.is_whitespace())?;
        let end = rest[word..].find(char::is_whitespace).map_or(rest.len(), |length| word + length);
        let (piece, behind) = rest.split_at(end);
        rest = behind;
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use serde_json::Value;
    use tokio::time::Instant;

    use super::*;

    fn question(text: &str) -> Question {
        Question::new(text.into()).expect("a question")
    }

    #[tokio::test(start_paused = true)]
    async fn the_words_come_in_order_twelve_a_second_and_end_with_their_count() {
        let answer = Writers::new().begin(0x2a, &question("What is this?")).expect("a writer");
        assert_eq!(
            (answer.id.as_str(), answer.topic.as_str()),
            ("000000000000002a", "/demo/answers/000000000000002a")
        );
        let start = Instant::now();
        let written = RefCell::new(Vec::new());
        answer.write(async |updates: Vec<Update>| written.borrow_mut().extend(updates)).await;

        let mut written = written.take();
        let done = written.pop().expect("an end");
        assert_eq!(done.event_type, Some(EventType::new("done").unwrap()));
        assert_eq!(done.data, json!({ "words": written.len() }).to_string());
        let mut text = String::new();
        for (index, update) in written.iter().enumerate() {
            assert_eq!((&update.topics, &update.event_type), (&vec![answer.topic.clone()], &None));
            let data: Value = serde_json::from_str(&update.data).unwrap();
            assert_eq!(data["index"], index);
            text += data["text"].as_str().unwrap();
        }
        assert_eq!(text, answer.text);
        let expected = Duration::from_secs(1) * (written.len() as u32 - 1) / WORDS_A_SECOND;
        assert!(start.elapsed().abs_diff(expected) < Duration::from_millis(200), "{:?}", start.elapsed());
    }

    #[test]
    fn so_many_are_written_at_once_and_no_more_until_one_has_ended() {
        let writers = Writers::new();
        let question = question("How many?");
        let mut answers: Vec<_> = (0..64).map(|id| writers.begin(id, &question).expect("a writer")).collect();
        assert!(writers.begin(64, &question).is_none());
        answers.pop();
        assert!(writers.begin(64, &question).is_some());
    }

    #[test]
    fn pieces_are_words_with_what_stands_before_them() {
        let all = |text| pieces(text).collect::<Vec<_>>();
        assert_eq!(all("One two.\n\nThree"), ["One", " two.", "\n\nThree"]);
        assert_eq!(all(" a  b "), [" a", "  b"]);
        assert!(all("").is_empty() && all(" \n").is_empty());
    }

    #[test]
    fn a_question_says_something_and_is_not_long() {
        for good in ["?", &"ß".repeat(500)] {
            assert!(Question::new(good.into()).is_ok());
        }
        for bad in ["", " \n", &"ß".repeat(501)] {
            assert_eq!(Question::new(bad.into()).unwrap_err().title(), "Bad question");
        }
    }
}
