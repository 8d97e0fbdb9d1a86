//! `Idempotency-Key`: a publish that may be repeated, and counts once.

use aws_lc_rs::digest::{Context, SHA256};
use headwater_hub::{IdempotencyKey, Update};
use http::{HeaderMap, HeaderName};

use crate::problem::Problem;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// History holds each key as long as the updates; a UUID has 36 bytes.
const MAX_KEY: usize = 255;

/// The request's key.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| !text.is_empty() && text.len() <= MAX_KEY);
    match text {
        Some(text) if values.next().is_none() => Ok(Some(text.to_owned())),
        _ => Err(Problem::bad_request(
            "Bad idempotency key",
            format!(
                "Send one `Idempotency-Key` of 1 to {MAX_KEY} ASCII characters, such as a UUID, or none."
            ),
        )),
    }
}

/// The hub's key for updates that come under the request's `key`, as its `part` (a line of NDJSON), from a token
/// with this grant.
pub(super) fn idempotency_key(
    key: &str,
    part: Option<u64>,
    identity: &[u8],
    updates: &[Update],
) -> IdempotencyKey {
    let name = match part {
        // No header can hold a line feed, so no key is another one's part.
        Some(part) => format!("{key}\n{part}"),
        None => key.to_owned(),
    };
    IdempotencyKey::new(identity, &name, fingerprint(updates))
}

/// Tells whether two requests publish the same, in whichever form they came.
fn fingerprint(updates: &[Update]) -> u128 {
    let mut hash = Context::new(&SHA256);
    // Each part goes in behind its length, and each absent one as a length that nothing has.
    let mut add = |part: Option<&str>| {
        hash.update(&part.map_or(u64::MAX, |p| p.len() as u64).to_le_bytes());
        hash.update(part.unwrap_or_default().as_bytes());
    };
    for update in updates {
        for topic in &update.topics {
            add(Some(topic.as_str()));
        }
        add(None);
        add(update.id.as_ref().map(headwater_sse::EventId::as_str));
        add(update.event_type.as_ref().map(headwater_sse::EventType::as_str));
        add(update.retry.map(|r| r.as_millis().to_string()).as_deref());
        add(update.private.then_some(""));
        add(Some(&update.data));
    }
    let digest = hash.finish();
    let half = digest.as_ref().first_chunk().expect("SHA-256 has 32 bytes");
    u128::from_le_bytes(*half)
}

#[cfg(test)]
mod tests {
    use headwater_hub::Topic;
    use http::HeaderValue;

    use super::*;

    fn update(topics: &[&str], data: &str) -> Update {
        let mut update = Update::new(Topic::new(topics[0]).unwrap(), data);
        update.topics = topics.iter().map(|t| Topic::new(t).unwrap()).collect();
        update
    }

    #[test]
    fn what_differs_in_any_way_has_another_fingerprint() {
        let mut private = update(&["a"], "x");
        private.private = true;
        let all = [
            vec![],
            vec![update(&["a"], "x")],
            vec![update(&["a"], "")],
            vec![update(&["a", "x"], "")],
            vec![update(&["ax"], "")],
            vec![update(&["a"], "x"), update(&["a"], "x")],
            vec![private],
        ];
        for (i, a) in all.iter().enumerate() {
            for (j, b) in all.iter().enumerate() {
                assert_eq!(fingerprint(a) == fingerprint(b), i == j, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn a_key_is_one_short_line() {
        let headers = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            headers
        };
        assert_eq!(key(&headers(&[])).unwrap(), None);
        assert_eq!(key(&headers(&["\"8e03\""])).unwrap().unwrap(), "\"8e03\"");
        for bad in [&[""][..], &["a", "b"], &["é"], &["x".repeat(256).as_str()]] {
            assert_eq!(key(&headers(bad)).unwrap_err().status(), 400, "{bad:?}");
        }
    }
}
