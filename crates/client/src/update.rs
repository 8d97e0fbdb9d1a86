//! What a publisher submits.

use headwater_sse::{EventId, EventType, Retry};
use serde::{Serialize, Serializer};

/// An update: an event, its topics, and whether everyone may see it.
///
/// ```
/// use headwater_client::Update;
/// use headwater_sse::EventType;
///
/// let update = Update::new("/news/1").data("hello").event_type(EventType::new("headline")?);
/// assert_eq!(update.to_json(), r#"{"topic":["/news/1"],"data":"hello","type":"headline"}"#);
/// # Ok::<(), headwater_sse::ValueError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[must_use]
pub struct Update {
    #[serde(rename = "topic")]
    topics: Vec<String>,
    data: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    private: bool,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "id")]
    id: Option<EventId>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none", serialize_with = "event_type")]
    event_type: Option<EventType>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "retry")]
    retry: Option<Retry>,
}

impl Update {
    /// An update of this topic, without data, for everyone.
    pub fn new(topic: impl Into<String>) -> Self {
        Self {
            topics: vec![topic.into()],
            data: String::new(),
            private: false,
            id: None,
            event_type: None,
            retry: None,
        }
    }

    /// A further topic under which it can be found too.
    pub fn alternate(mut self, topic: impl Into<String>) -> Self {
        self.topics.push(topic.into());
        self
    }

    /// The data: any text. Line breaks of any kind arrive as LF.
    pub fn data(mut self, data: impl Into<String>) -> Self {
        self.data = data.into();
        self
    }

    /// Only for subscribers whose token grants one of its topics.
    pub fn private(mut self) -> Self {
        self.private = true;
        self
    }

    /// An id of your own; without one the hub gives it one, which says where it is in the stream.
    pub fn id(mut self, id: EventId) -> Self {
        self.id = Some(id);
        self
    }

    /// The event's type.
    pub fn event_type(mut self, event_type: EventType) -> Self {
        self.event_type = Some(event_type);
        self
    }

    /// The reconnection time that its receivers take on.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.retry = Some(retry);
        self
    }

    /// As one line of JSON: a line of the body that [`Publisher::publish_lines`](crate::Publisher::publish_lines)
    /// takes.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings, a flag and a number have a JSON form")
    }

    /// As a form, which every hub of the protocol takes.
    pub(crate) fn to_form(&self) -> String {
        // `Url` has the one form serializer that is in the tree anyway.
        let mut url = reqwest::Url::parse("x:").expect("a URL");
        {
            let mut form = url.query_pairs_mut();
            for topic in &self.topics {
                form.append_pair("topic", topic);
            }
            form.append_pair("data", &self.data);
            if self.private {
                form.append_pair("private", "on");
            }
            if let Some(id) = &self.id {
                form.append_pair("id", id.as_str());
            }
            if let Some(event_type) = &self.event_type {
                form.append_pair("type", event_type.as_str());
            }
            if let Some(retry) = self.retry {
                form.append_pair("retry", &retry.as_millis().to_string());
            }
        }
        url.query().unwrap_or_default().to_owned()
    }
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn id<S: Serializer>(id: &Option<EventId>, to: S) -> Result<S::Ok, S::Error> {
    id.as_ref().map(EventId::as_str).serialize(to)
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn event_type<S: Serializer>(event_type: &Option<EventType>, to: S) -> Result<S::Ok, S::Error> {
    event_type.as_ref().map(EventType::as_str).serialize(to)
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn retry<S: Serializer>(retry: &Option<Retry>, to: S) -> Result<S::Ok, S::Error> {
    retry.map(Retry::as_millis).serialize(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        assert_eq!(Update::new("a").to_form(), "topic=a&data=");
        let update = Update::new("/a b")
            .alternate("é")
            .data("x&y=\n+")
            .private()
            .id(EventId::new("1").unwrap())
            .event_type(EventType::new("t").unwrap())
            .retry(Retry::from_millis(5));
        let form = "topic=%2Fa+b&topic=%C3%A9&data=x%26y%3D%0A%2B&private=on&id=1&type=t&retry=5";
        assert_eq!(update.to_form(), form);
        assert_eq!(
            update.to_json(),
            r#"{"topic":["/a b","é"],"data":"x&y=\n+","private":true,"id":"1","type":"t","retry":5}"#
        );
    }
}
