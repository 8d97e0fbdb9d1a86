//! `application/x-www-form-urlencoded`: one update, as the Mercure protocol has it.
//!
//! Read strictly: a `%` that two hexadecimal digits do not follow is an error, as in the reference hub (HTML's rules
//! would keep it as it is), because `data=100%` is a publisher that forgot to encode, and the next `%` in its data
//! would change it in silence. Bytes that are no UTF-8 are an error too: an event stream is UTF-8. Of a field that
//! is given twice, other than `topic`, the first counts; `;` is an ordinary character.

use std::borrow::Cow;

use headwater_hub::Update;

use super::{Limits, field};
use crate::problem::Problem;

/// Reads one update. `private` is true when it is there, whatever its value; unknown fields are ignored.
pub(crate) fn parse(body: &[u8], limits: &Limits) -> Result<Update, Problem> {
    let mut topics = Vec::new();
    let (mut data, mut id, mut event_type, mut retry) = (None, None, None, None);
    let mut private = false;

    for pair in pairs(body) {
        let name = decode(pair.name, pair.name_at)?;
        let value = decode(pair.value, pair.value_at)?;
        let here = |problem: Problem| problem.at(1, column(pair.value_at));
        match &*name {
            "topic" if topics.len() == limits.topics => {
                return Err(here(field::too_many_topics(limits.topics)));
            }
            "topic" => topics.push(field::topic(&value).map_err(here)?),
            "private" => private = true,
            "data" if data.is_none() => data = Some(value.into_owned()),
            "id" if id.is_none() => id = Some(field::id(&value).map_err(here)?),
            "type" if event_type.is_none() => event_type = Some(field::event_type(&value).map_err(here)?),
            "retry" if retry.is_none() => retry = Some(field::retry(&value).map_err(here)?),
            _ => {}
        }
    }

    let Some(canonical) = topics.first() else {
        // What curl sends with `-d '{…}'` is called a form.
        let json = matches!(body.trim_ascii_start().first(), Some(b'{' | b'['));
        return Err(if json { looks_like_json() } else { field::no_topic() });
    };
    let mut update = Update::new(canonical.clone(), data.unwrap_or_default());
    update.topics = topics;
    update.private = private;
    update.id = id.flatten();
    update.event_type = event_type.flatten();
    update.retry = retry.flatten();
    Ok(update)
}

fn looks_like_json() -> Problem {
    Problem::bad_request(
        "No topic",
        "The body was sent as a form and has no `topic`. If it is JSON, say so: send `Content-Type: application/json`.",
    )
}

/// One `name=value`, still encoded, and where its halves start.
struct Pair<'a> {
    name: &'a [u8],
    name_at: usize,
    value: &'a [u8],
    value_at: usize,
}

fn pairs(body: &[u8]) -> impl Iterator<Item = Pair<'_>> {
    let mut at = 0;
    body.split(|&b| b == b'&').filter_map(move |text| {
        let name_at = at;
        at += text.len() + 1;
        let name_len = memchr::memchr(b'=', text).unwrap_or(text.len());
        let value = text.get(name_len + 1..).unwrap_or_default();
        let value_at = name_at + (name_len + 1).min(text.len());
        (!text.is_empty()).then_some(Pair { name: &text[..name_len], name_at, value, value_at })
    })
}

fn column(offset: usize) -> u64 {
    offset as u64 + 1
}

/// Undoes the encoding; `at` is where `text` starts in the body.
fn decode(text: &[u8], at: usize) -> Result<Cow<'_, str>, Problem> {
    let malformed = |offset: usize, detail: &str| {
        Problem::bad_request("Malformed form", detail).at(1, column(at + offset))
    };
    let not_utf8 = "The field is not UTF-8 from here on. Send UTF-8, percent-encoded.";

    if memchr::memchr2(b'%', b'+', text).is_none() {
        let text = std::str::from_utf8(text).map_err(|error| malformed(error.valid_up_to(), not_utf8))?;
        return Ok(Cow::Borrowed(text));
    }

    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(i) = memchr::memchr2(b'%', b'+', rest) {
        bytes.extend_from_slice(&rest[..i]);
        if rest[i] == b'+' {
            bytes.push(b' ');
            rest = &rest[i + 1..];
        } else {
            let digits = rest.get(i + 1..i + 3).and_then(|d| Some((hex(d[0])?, hex(d[1])?)));
            let Some((high, low)) = digits else {
                let offset = text.len() - rest.len() + i;
                let detail = "This `%` is not followed by two hexadecimal digits. Write a percent sign as `%25` \
                              (with curl: `--data-urlencode`).";
                return Err(malformed(offset, detail));
            };
            bytes.push(high << 4 | low);
            rest = &rest[i + 3..];
        }
    }
    bytes.extend_from_slice(rest);
    // Where in the encoded text the bad byte was is not worth keeping count of: the field's start is near enough.
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| malformed(0, not_utf8))
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use headwater_sse::Retry;
    use http::StatusCode;
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { topics: 3, updates: 10 };

    fn read(body: &[u8]) -> Update {
        parse(body, &LIMITS).unwrap_or_else(|problem| panic!("{}: {problem}", body.escape_ascii()))
    }

    fn fail(body: &[u8]) -> Problem {
        parse(body, &LIMITS).expect_err(&body.escape_ascii().to_string())
    }

    #[test]
    fn json_that_is_sent_as_a_form_is_told_how_to_say_so() {
        let limits = Limits { topics: 10, updates: 10 };
        for body in [r#"{"topic":"a","data":"x"}"#, " [1]"] {
            let problem = parse(body.as_bytes(), &limits).unwrap_err();
            assert!(problem.detail().contains("application/json"), "{problem}");
        }
        assert!(!parse(b"data=x", &limits).unwrap_err().detail().contains("JSON"));
    }

    #[test]
    fn every_field_is_taken() {
        let update = read(b"topic=a&topic=b%2Fc&data=x+y%0Az&private=on&id=1&type=add&retry=5");
        assert_eq!(update.topics.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b/c"]);
        assert_eq!(update.data, "x y\nz");
        assert!(update.private);
        assert_eq!(update.id.unwrap().as_str(), "1");
        assert_eq!(update.event_type.unwrap().as_str(), "add");
        assert_eq!(update.retry, Some(Retry::from_millis(5)));
    }

    #[test]
    fn only_a_topic_is_needed_and_empty_fields_are_none() {
        for body in ["topic=a", "topic=a&data=&id=&type=&retry=", "&&topic=a&", "foo=bar&topic=a&=x"] {
            let update = read(body.as_bytes());
            assert_eq!(update, Update::new(update.topics[0].clone(), ""), "{body}");
        }
    }

    #[test]
    fn private_is_true_when_it_is_there() {
        for (body, private) in [
            ("topic=a", false),
            ("topic=a&private", true),
            ("topic=a&private=", true),
            ("topic=a&private=off", true),
            ("topic=a&Private=on", false),
        ] {
            assert_eq!(read(body.as_bytes()).private, private, "{body}");
        }
    }

    #[test]
    fn of_a_repeated_field_the_first_counts() {
        let update = read(b"topic=a&data=1&data=2&id=x&id=%23&retry=&retry=no");
        assert_eq!((update.data.as_str(), update.retry), ("1", None));
        assert_eq!(update.id.unwrap().as_str(), "x");
    }

    #[test]
    fn separators_are_only_those_of_the_standard() {
        assert_eq!(read(b"topic=a;b&data=x=y;z").data, "x=y;z");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (body, title, column) in [
            (&b"topic=a&data=100%"[..], "Malformed form", Some(17)),
            (b"topic=a&data=100%2", "Malformed form", Some(17)),
            (b"topic=a&data=%41%zz", "Malformed form", Some(17)),
            (b"topic=a&da%ta=", "Malformed form", Some(11)),
            (b"topic=a&other=%", "Malformed form", Some(15)),
            (b"topic=a&data=ab\xff", "Malformed form", Some(16)),
            (b"topic=a&data=%FF", "Malformed form", Some(14)),
            (b"topic=", "Bad topic", Some(7)),
            (b"topic", "Bad topic", Some(6)),
            (b"data=a&topic=a%00", "Bad topic", Some(14)),
            (b"topic=a&topic=b&topic=c&topic=d", "Too many topics", Some(31)),
            (b"topic=/.well-known/mercure/subscriptions/x", "The hub's own topic", Some(7)),
            (b"topic=a&id=%231", "Bad id", Some(12)),
            (b"topic=a&type=headwater%3agap", "Bad type", Some(14)),
            (b"topic=a&retry=1s", "Bad retry", Some(15)),
            (b"data=hello", "No topic", None),
            (b"", "No topic", None),
        ] {
            let problem = fail(body);
            let place = column.map(|column| (1, column));
            assert_eq!((problem.title(), problem.place()), (title, place), "{}", body.escape_ascii());
            let own = title == "The hub's own topic";
            let status = if own { StatusCode::FORBIDDEN } else { StatusCode::BAD_REQUEST };
            assert_eq!(problem.status(), status);
        }
    }

    proptest! {
        #[test]
        fn what_another_encoder_wrote_is_read_back(topic in "[a-zA-Z0-9é+%&=]{1,8}", data in any::<String>()) {
            let body = form_urlencoded::Serializer::new(String::new())
                .append_pair("topic", &topic).append_pair("data", &data).finish();
            let update = read(body.as_bytes());
            prop_assert_eq!(update.topics[0].as_str(), topic);
            prop_assert_eq!(update.data, data);
        }

        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&body, &LIMITS);
        }
    }
}
