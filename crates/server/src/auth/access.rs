//! What a token allows.

use std::{sync::Arc, time::SystemTime};

use aws_lc_rs::digest::{Context, SHA256};
use headwater_hub::{Selector, Topic};
use serde_json::Value;

use super::error::AuthError;

/// What a verified token allows.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// A publish needs each of its topics to be matched by one of these.
    pub(crate) publish: Vec<Selector>,
    /// Of the private updates, a subscriber gets those with a topic that one of these matches.
    pub(crate) subscribe: Arc<[Selector]>,
    /// When a stream that was opened with it is closed: `exp` itself, without the leeway that a request has.
    pub(crate) expires: Option<SystemTime>,
    /// What the token's issuer says of the subscriber, to be shown to others.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "counts for the identity; nothing shows it to others yet")
    )]
    pub(crate) payload: Option<Value>,
    /// The same for tokens that say the same in their `mercure` claim, whenever they were issued and until whenever they
    /// are good: a retry with a renewed token is still the same publisher's.
    pub(crate) identity: [u8; 32],
}

impl Access {
    pub(super) fn new(
        publish: Vec<Selector>,
        subscribe: Vec<Selector>,
        payload: Option<Value>,
        expires: Option<SystemTime>,
    ) -> Self {
        let identity = identity(&publish, &subscribe, payload.as_ref());
        Self { publish, subscribe: subscribe.into(), expires, payload, identity }
    }

    /// Whether an update with these topics may be published. The error names the first topic that is not granted.
    pub(crate) fn may_publish<'t>(
        &self,
        topics: impl IntoIterator<Item = &'t Topic>,
    ) -> Result<(), AuthError> {
        let granted = |topic: &Topic| self.publish.iter().any(|selector| selector.matches(topic.as_str()));
        match topics.into_iter().find(|topic| !granted(topic)) {
            None => Ok(()),
            Some(topic) => Err(AuthError::MayNotPublish { topic: topic.clone() }),
        }
    }
}

/// A hash of the grant and the payload. In what order and how often a selector is listed does not matter.
fn identity(publish: &[Selector], subscribe: &[Selector], payload: Option<&Value>) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    // Each text with its length before it, so that no two lists run together into the same bytes.
    let mut add = |text: &str| {
        hash.update(&(text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    };
    for list in [publish, subscribe] {
        let mut texts: Vec<_> = list.iter().map(Selector::as_str).collect();
        texts.sort_unstable();
        texts.dedup();
        add(&texts.len().to_string());
        texts.into_iter().for_each(&mut add);
    }
    add(&payload.map(canonical).unwrap_or_default());
    hash.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// The same text for the same value: objects sorted by their keys, whichever map `serde_json` was built with.
fn canonical(value: &Value) -> String {
    match value {
        Value::Array(list) => {
            let list: Vec<_> = list.iter().map(canonical).collect();
            format!("[{}]", list.join(","))
        }
        Value::Object(map) => {
            let mut pairs: Vec<_> =
                map.iter().map(|(k, v)| format!("{}:{}", Value::from(k.as_str()), canonical(v))).collect();
            pairs.sort_unstable();
            format!("{{{}}}", pairs.join(","))
        }
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn access(publish: &[&str], subscribe: &[&str], payload: Option<Value>) -> Access {
        let list = |texts: &[&str]| texts.iter().map(Selector::new).collect();
        Access::new(list(publish), list(subscribe), payload, None)
    }

    #[test]
    fn every_topic_must_be_granted() {
        let topic = |s| Topic::new(s).expect("a topic");
        let access = access(&["/a/{x}", "b"], &["*"], None);
        assert_eq!(access.may_publish(&[topic("/a/1"), topic("b")]), Ok(()));
        assert_eq!(
            access.may_publish(&[topic("b"), topic("c"), topic("/a/1")]),
            Err(AuthError::MayNotPublish { topic: topic("c") })
        );
    }

    #[test]
    fn the_identity_is_the_grants() {
        let of = |p: &[&str], s: &[&str], payload| access(p, s, payload).identity;
        let base = of(&["a", "b"], &[], None);
        assert_eq!(base, of(&["b", "a", "a"], &[], None));
        for other in [
            of(&["a"], &[], None),
            of(&["ab"], &[], None),
            of(&[], &["a", "b"], None),
            of(&["a"], &["b"], None),
            of(&["a", "b"], &[], Some(json!(1))),
            of(&["a", "b"], &[], Some(json!(""))),
        ] {
            assert_ne!(base, other);
        }
        let payload = |text| Some(serde_json::from_str(text).expect("JSON"));
        assert_eq!(
            of(&[], &[], payload(r#"{"a":[1,{"c":2,"d":3}],"b":null}"#)),
            of(&[], &[], payload(r#"{ "b":null, "a":[1,{"d":3,"c":2}] }"#))
        );
    }
}
