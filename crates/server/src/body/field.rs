//! What the fields of an update may hold, whichever form they came in. Each detail says what to do about it; the
//! caller adds the place.

use headwater_hub::Topic;
use headwater_sse::{EventId, EventType, Retry};
use http::StatusCode;
use percent_encoding::percent_decode_str;
use url::Url;

use crate::problem::Problem;

/// Where the hub lives, on every host.
pub(crate) const HUB_PATH: &str = "/.well-known/mercure";

/// A subscriber sends the id back in its request's head, beside cookies and a token; many proxies take 8 KiB of that.
const MAX_ID: usize = 4 << 10;

/// The longest delay that `setTimeout` takes. A client in JavaScript that is told a longer one reconnects at once,
/// again and again.
const MAX_RETRY: u64 = i32::MAX as u64;

pub(super) fn topic(text: &str) -> Result<Topic, Problem> {
    if is_the_hubs_own(text) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "The hub's own topic",
            format!(
                "Topics under `{HUB_PATH}` are the hub's own, so that nobody can forge its subscription events. \
                 Choose another topic."
            ),
        ));
    }
    Topic::new(text).map_err(|error| {
        let detail =
            format!("{error}. Name what the update is about, such as `https://example.com/books/1`.");
        Problem::bad_request("Bad topic", capitalized(&detail))
    })
}

/// Whether a subscriber could take a topic for one of the hub's: as a path or as a URL of any host (the hub does not
/// know all of its names), also in the spellings that a URL parser makes equal.
fn is_the_hubs_own(topic: &str) -> bool {
    // Nearly every topic; the rest is for those who try.
    if !topic.contains("mercure") && !topic.contains('%') {
        return false;
    }
    // The parser takes off outer spaces; the hub's path as a text may stand after them too.
    let topic = topic.trim();
    // What the parser would resolve against the hub's URL though it is a plain name, such as `mercure/books`, is
    // nobody's but the publisher's.
    let url = if topic.starts_with(['/', '\\']) {
        Url::parse("http://hub.invalid").and_then(|base| base.join(topic))
    } else {
        Url::parse(topic)
    };
    let Ok(url) = url else { return topic.starts_with(HUB_PATH) };
    let path = percent_decode_str(url.path()).decode_utf8_lossy();
    path.strip_prefix(HUB_PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(super) fn no_topic() -> Problem {
    Problem::bad_request("No topic", "Add a `topic`: the name of what the update is about.")
}

pub(super) fn too_many_topics(max: usize) -> Problem {
    Problem::bad_request(
        "Too many topics",
        format!("An update may have {max} topics here. Publish it to fewer, or raise `--limit-topics`."),
    )
}

/// An empty one is none: the hub makes one.
pub(super) fn id(text: &str) -> Result<Option<EventId>, Problem> {
    let bad = |detail: String| Err(Problem::bad_request("Bad id", detail));
    if text.is_empty() {
        return Ok(None);
    }
    if text.starts_with('#') {
        return bad(
            "Ids that start with `#` are made by the hub. Start yours otherwise, or leave it out.".into()
        );
    }
    if text == "earliest" {
        return bad(
            "`earliest` stands for the start of the history. Choose another id, or leave it out.".into()
        );
    }
    if text.len() > MAX_ID {
        return bad(format!(
            "It has {} bytes; an id may have {MAX_ID}, because clients send it back in a header. Shorten it.",
            text.len()
        ));
    }
    // Beyond what the event stream cannot hold: no client could send another control character back in a header.
    if text.chars().any(char::is_control) {
        return bad("It holds a control character, such as CR, LF or NUL. Leave that out.".into());
    }
    EventId::new(text).map(Some).or_else(|error| bad(format!("{}.", capitalized(&error.to_string()))))
}

/// An empty one is none: clients see a `message`.
pub(super) fn event_type(text: &str) -> Result<Option<EventType>, Problem> {
    let bad = |detail: String| Err(Problem::bad_request("Bad type", detail));
    if text.is_empty() {
        return Ok(None);
    }
    if text.starts_with("headwater:") {
        return bad("Types that start with `headwater:` are the hub's own. Start yours otherwise.".into());
    }
    EventType::new(text).map(Some).or_else(|error| bad(format!("{}.", capitalized(&error.to_string()))))
}

/// Milliseconds. An empty one is none, and so is 0 (as in the reference hub): it would ask for a busy loop.
pub(super) fn retry(text: &str) -> Result<Option<Retry>, Problem> {
    let bad = |detail: String| Err(Problem::bad_request("Bad retry", detail));
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return bad("It must be a whole number of milliseconds, in digits alone, such as 3000.".into());
    }
    match text.trim_start_matches('0') {
        "" => Ok(None),
        digits => match digits.parse() {
            Ok(ms) if ms <= MAX_RETRY => Ok(Some(Retry::from_millis(ms))),
            _ => {
                bad(format!("It may be up to {MAX_RETRY} (milliseconds, about 24 days). Send a smaller one."))
            }
        },
    }
}

pub(super) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_of_the_hub_are_forbidden_in_every_spelling() {
        for topic_text in [
            "/.well-known/mercure",
            "/.well-known/mercure/",
            "/.well-known/mercure/subscriptions/a/b",
            "/.well-known/mercure?topic=a",
            "/.well-known/mercure#here",
            "http://localhost:3000/.well-known/mercure/subscriptions/a/b",
            "HTTPS://hub.example/.well-known/mercure",
            "https://user:pw@[::1]:8443/.well-known/mercure/subscriptions",
            "//hub.example/.well-known/mercure/subscriptions",
            "https://hub.example/x/../.well-known/mercure/subscriptions",
            "https://hub.example/%2e/.well-known/merc%75re/subscriptions",
            "\\.well-known\\mercure\\subscriptions",
            "  /.well-known/mercure/subscriptions/a/b",
        ] {
            assert_eq!(topic(topic_text).unwrap_err().status(), StatusCode::FORBIDDEN, "{topic_text}");
        }
    }

    #[test]
    fn topics_that_only_look_alike_are_the_publishers() {
        for topic_text in [
            "books",
            "mercure/subscriptions",
            "/.well-known/mercury",
            "/.well-known/mercures/1",
            "/.WELL-KNOWN/mercure",
            "https://example.com/books/1?see=/.well-known/mercure",
            "https://example.com/a/.well-known/mercure",
            "urn:/.well-known/mercury",
            "https://[",
            "héllo wörld",
            "*",
        ] {
            assert_eq!(topic(topic_text).unwrap().as_str(), topic_text);
        }
    }

    #[test]
    fn topics_are_names() {
        for topic_text in ["", "a\nb", "\0", "a\u{7f}", "\u{85}"] {
            let problem = topic(topic_text).unwrap_err();
            assert_eq!((problem.status(), problem.title()), (StatusCode::BAD_REQUEST, "Bad topic"));
        }
    }

    #[test]
    fn ids_leave_room_for_the_hubs() {
        let longest = "i".repeat(MAX_ID);
        for text in ["1", "urn:uuid:5e94c686", "a#b", "Earliest", "日本", " ", longest.as_str()] {
            assert_eq!(id(text).unwrap().unwrap().as_str(), text);
        }
        assert_eq!(id(""), Ok(None));
        let too_long = "i".repeat(MAX_ID + 1);
        for text in ["#", "#1-2", "earliest", "a\rb", "a\n", "\0", "a\u{1}", too_long.as_str()] {
            assert_eq!(id(text).unwrap_err().title(), "Bad id", "{text:?}");
        }
    }

    #[test]
    fn types_leave_room_for_the_hubs() {
        for text in ["add", "message", "Headwater:gap", "my headwater:gap", "日本"] {
            assert_eq!(event_type(text).unwrap().unwrap().as_str(), text);
        }
        assert_eq!(event_type(""), Ok(None));
        for text in ["headwater:gap", "headwater:", "a\rb", "a\nb", "a\0b"] {
            assert_eq!(event_type(text).unwrap_err().title(), "Bad type", "{text:?}");
        }
    }

    #[test]
    fn a_retry_is_digits_within_what_timers_take() {
        for (text, expected) in [
            ("1", Some(1)),
            ("3000", Some(3000)),
            ("0003000", Some(3000)),
            ("2147483647", Some(2_147_483_647)),
            ("", None),
            ("0", None),
            ("000", None),
        ] {
            assert_eq!(retry(text), Ok(expected.map(Retry::from_millis)), "{text}");
        }
        let endless = "9".repeat(1000);
        for text in ["2147483648", "18446744073709551616", endless.as_str()] {
            assert!(retry(text).unwrap_err().detail().contains("2147483647"), "{text}");
        }
        for text in ["+5", "-1", "1.5", "1e3", " 1", "soon", "٣"] {
            assert!(retry(text).unwrap_err().detail().contains("digits"), "{text}");
        }
    }
}
