//! The token of one who uses the pages: what a site's own backend would hand out after a login.

use std::time::{Duration, SystemTime};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    auth::{Grant, KeyError},
    config::Key,
    problem::Problem,
};

/// So short that the pages are seen to renew it.
pub(super) const LIFETIME: Duration = Duration::from_mins(2);

/// A name stands in topics, and in front of what its bearer says.
const MAX_NAME_CHARS: usize = 40;

/// All but what RFC 3986 calls unreserved: so a name is one part of a path, and no brace of it opens an expression of a
/// template.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Someone's name, fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User(String);

impl User {
    pub(super) fn new(name: String) -> Result<Self, Problem> {
        let wrong = if name.trim().is_empty() {
            "It is empty"
        } else if name.chars().count() > MAX_NAME_CHARS {
            "It is too long"
        } else if name.chars().any(char::is_control) {
            "It has control characters in it"
        } else {
            return Ok(Self(name));
        };
        Err(Problem::bad_request(
            "Bad name",
            format!("{wrong}. Choose a name of 1 to {MAX_NAME_CHARS} characters that can be seen."),
        ))
    }

    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// May speak in every room under this name and no other, and receive what is meant for it alone.
    pub(super) fn token(&self, key: &Key, expires: SystemTime) -> Result<String, KeyError> {
        let name = utf8_percent_encode(&self.0, ESCAPED);
        let publish = [format!("/demo/chat/{{room}}/{name}"), format!("/demo/typing/{{room}}/{name}")];
        let subscribe = [format!("/demo/notifications/{name}")];
        Grant::new(&publish, &subscribe, None, Some(expires)).sign(key)
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, ffi::OsString, sync::Arc};

    use headwater_hub::Topic;
    use http::{HeaderMap, header::AUTHORIZATION};

    use super::*;
    use crate::{
        auth::{Access, Authenticator},
        config::{self, Config, Machine},
    };

    fn config() -> Config {
        let key = (OsString::from("HEADWATER_PUBLISHER_KEY"), OsString::from("k".repeat(40)));
        config::load(None, [], &BTreeMap::from([key]), &Machine::this()).expect("a configuration")
    }

    /// What the hub takes the token of this name to allow.
    fn access(name: &str) -> Arc<Access> {
        let config = config();
        let hub = Authenticator::new(&config.auth, config.limits.token).expect("a good key");
        let now = SystemTime::now();
        let user = User::new(name.into()).expect("a name");
        let token = user.token(&config.auth.publisher, now + LIFETIME).expect("a token");
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().expect("a header"));
        assert!(hub.publisher(&headers, None, now + 2 * LIFETIME).is_err(), "it expires");
        hub.publisher(&headers, None, now).expect("the hub takes it")
    }

    fn may(access: &Access, topic: &str) -> bool {
        access.may_publish(&[Topic::new(topic).expect("a topic")]).is_ok()
    }

    #[test]
    fn speaks_in_every_room_under_its_name_alone() {
        let alice = access("alice");
        for topic in ["/demo/chat/lobby/alice", "/demo/chat/a%20room/alice", "/demo/typing/help/alice"] {
            assert!(may(&alice, topic), "{topic}");
        }
        for topic in [
            "/demo/chat/lobby/bob",
            "/demo/chat/lobby/Alice",
            "/demo/chat/lobby/x/alice",
            "/demo/chat/lobby/alice/x",
            "/demo/notifications/alice",
            "/demo/message",
        ] {
            assert!(!may(&alice, topic), "{topic}");
        }
    }

    #[test]
    fn a_name_that_looks_like_a_selector_is_a_name_all_the_same() {
        for (name, topic) in [
            ("*", "/demo/chat/lobby/%2A"),
            ("{any}", "/demo/chat/lobby/%7Bany%7D"),
            ("x/{+any}", "/demo/chat/lobby/x%2F%7B%2Bany%7D"),
            ("Zoë 🦊", "/demo/chat/lobby/Zo%C3%AB%20%F0%9F%A6%8A"),
        ] {
            let access = access(name);
            assert!(may(&access, topic), "{name}");
            assert!(!may(&access, "/demo/chat/lobby/bob"), "{name}");
            assert!(!may(&access, &format!("/demo/chat/lobby/{name}")), "{name}");
        }
    }

    #[test]
    fn a_name_can_be_seen_and_is_not_long() {
        for good in ["a", "Zoë", &"ü".repeat(40), "a b", "…"] {
            assert_eq!(User::new(good.into()).expect("a name").name(), good);
        }
        for bad in ["", " ", "\u{a0}", "a\nb", "a\0", "\u{7f}", "\u{85}x", &"ü".repeat(41)] {
            assert_eq!(User::new(bad.into()).expect_err(bad).title(), "Bad name");
        }
    }
}
