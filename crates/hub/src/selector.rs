//! An expression that matches topics.

use std::{
    borrow::Borrow,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use crate::{automaton, template::Template};

/// An expression that matches topics: `*`, an exact topic, or an [RFC 6570] template.
///
/// - `*` matches every topic.
/// - Any selector matches the topic that equals it, byte for byte.
/// - A template also matches every topic that it could have produced: all of the topic, case-sensitive, and literal text
///   byte for byte. What each expression takes:
///
/// | expression | takes | so that it matches |
/// |---|---|---|
/// | `{v}`, `{v,w}` | a run: unreserved characters (ASCII letters, digits, `-` `.` `_` `~`), `%XX` and `,`; also an empty one | `42`, `a%20b`, `x,y` |
/// | `{+v}`, `{+v,w}` | a run of those and of reserved characters (``: / ? # [ ] @ ! $ & ' ( ) * + , ; =``) | `a/b?c=d` |
/// | `{#v}` | nothing, or `#` and what `{+v}` takes | `#top` |
/// | `{.v}`, `{.v,w}` | nothing, or `.` and a run | `.json` |
/// | `{/v}`, `{/v,w}` | up to as many times as there are variables: `/` and a run | `/a`, `/a/b` |
/// | `{?v,w}` | nothing, or `?` and pairs `name=run` with `&` between: the names in any order, each at most once | `?w=1`, `?w=1&v=2` |
/// | `{&v,w}` | the same, but with `&` in place of `?` | `&v=2` |
/// | `{;v,w}` | the same with `;` for both `?` and `&`; the `=` may be left out | `;v=2;w` |
///
/// An exploded variable (`{v*}`) makes its expression take `=` too, and the expression's separator any number of times:
/// `{/v*}` any number of segments, `{?v*}` pairs of any names (those of a map are not known). A prefix (`{v:3}`) does not
/// limit the length. No expression takes a space, a control or a non-ASCII character: percent-encode them in topics
/// that templates shall match.
///
/// A text that is no valid template (`{`, `{v`, `{v:0}`, `{v} and space`) is an exact topic, so every text is a selector.
///
/// Matching takes time linear in the topic's length, whatever the template. A clone is cheap, and equal means of equal
/// text.
///
/// ```
/// use headwater_hub::Selector;
///
/// let books = Selector::new("https://example.com/books/{id}{?edition,language}");
/// assert!(books.matches("https://example.com/books/1"));
/// assert!(books.matches("https://example.com/books/1?language=fr&edition=2"));
/// assert!(!books.matches("https://example.com/books/1/reviews"));
///
/// assert!(Selector::new("*").matches("anything"));
/// assert!(Selector::new("{no template").matches("{no template"));
/// ```
///
/// [RFC 6570]: https://www.rfc-editor.org/rfc/rfc6570
#[derive(Clone)]
pub struct Selector(Arc<Parsed>);

struct Parsed {
    text: Box<str>,
    kind: Kind,
}

enum Kind {
    All,
    Exact,
    Template(Template),
}

impl Selector {
    /// Parses a selector. What is no valid template is an exact topic, so this cannot fail.
    pub fn new(text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        let kind =
            if text == "*" { Kind::All } else { Template::parse(text).map_or(Kind::Exact, Kind::Template) };
        Self(Arc::new(Parsed { text: text.into(), kind }))
    }

    /// The text that it was made of.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The topic that it equals, if it is neither `*` nor a template: such a selector is looked up, not tried.
    pub(crate) fn as_exact(&self) -> Option<&str> {
        match self.0.kind {
            Kind::Exact => Some(&self.0.text),
            Kind::All | Kind::Template(_) => None,
        }
    }

    /// What every topic that it matches begins with: the text before the first expression of a template, all of an exact
    /// topic, nothing for `*`. An index can find selectors by it.
    pub(crate) fn literal_prefix(&self) -> &str {
        match &self.0.kind {
            Kind::All => "",
            Kind::Exact => &self.0.text,
            Kind::Template(template) => &self.0.text[..template.prefix_len()],
        }
    }

    /// Whether it matches the topic, in time linear in the topic.
    pub fn matches(&self, topic: &str) -> bool {
        match &self.0.kind {
            Kind::All => true,
            Kind::Exact => *self.0.text == *topic,
            Kind::Template(template) => {
                automaton::matches(template, &self.0.text, topic) || *self.0.text == *topic
            }
        }
    }
}

impl PartialEq for Selector {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.text == other.0.text
    }
}

impl Eq for Selector {}

impl Hash for Selector {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.text.hash(state);
    }
}

/// So that a map of selectors can be asked with a text.
impl Borrow<str> for Selector {
    fn borrow(&self) -> &str {
        &self.0.text
    }
}

impl fmt::Debug for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0.text, f)
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

#[cfg(test)]
mod random_tests;
#[cfg(test)]
mod tests;
