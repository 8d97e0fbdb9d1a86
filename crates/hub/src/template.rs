//! An RFC 6570 template, parsed into what its expansions look like.

use std::ops::Range;

/// The bytes that an expression takes, beside `%XX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Unreserved characters, and the comma that joins a list.
    Value,
    /// Unreserved and reserved characters.
    Reserved,
    /// Those of `Value` and `=`: an exploded variable with commas or dots between.
    Pairs,
    /// Those of `Pairs` and `/`.
    SlashPairs,
    /// Those of `Pairs` and `;`.
    SemicolonPairs,
    /// Those of `Pairs` and `&`.
    AmpersandPairs,
}

const UNRESERVED: u8 = 1;
const COMMA: u8 = 1 << 1;
const EQUALS: u8 = 1 << 2;
const SLASH: u8 = 1 << 3;
const SEMICOLON: u8 = 1 << 4;
const AMPERSAND: u8 = 1 << 5;
const OTHER_RESERVED: u8 = 1 << 6;

/// To what each byte belongs (RFC 3986, sections 2.2 and 2.3): one bit at most.
static KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut b = 0;
    while b < 256 {
        kinds[b] = match b as u8 {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => UNRESERVED,
            b',' => COMMA,
            b'=' => EQUALS,
            b'/' => SLASH,
            b';' => SEMICOLON,
            b'&' => AMPERSAND,
            b':' | b'?' | b'#' | b'[' | b']' | b'@' | b'!' | b'$' | b'\'' | b'(' | b')' | b'*' | b'+' => {
                OTHER_RESERVED
            }
            _ => 0,
        };
        b += 1;
    }
    kinds
};

impl Class {
    /// How many classes there are.
    pub(crate) const COUNT: usize = 6;

    const fn kinds(self) -> u8 {
        let pairs = UNRESERVED | COMMA | EQUALS;
        match self {
            Self::Value => UNRESERVED | COMMA,
            Self::Reserved => pairs | SLASH | SEMICOLON | AMPERSAND | OTHER_RESERVED,
            Self::Pairs => pairs,
            Self::SlashPairs => pairs | SLASH,
            Self::SemicolonPairs => pairs | SEMICOLON,
            Self::AmpersandPairs => pairs | AMPERSAND,
        }
    }

    pub(crate) fn has(self, byte: u8) -> bool {
        KINDS[usize::from(byte)] & self.kinds() != 0
    }

    /// Whether a run can go on over this byte, also as the start of `%XX`.
    pub(crate) fn can_take(self, byte: u8) -> bool {
        byte == b'%' || self.has(byte)
    }

    fn includes(self, other: Self) -> bool {
        other.kinds() & !self.kinds() == 0
    }
}

/// A piece of the template's own text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    // Template::parse refuses texts whose places do not fit.
    fn new(range: Range<usize>) -> Self {
        Self { start: range.start as u32, end: range.end as u32 }
    }

    pub(crate) fn of(self, text: &str) -> &[u8] {
        &text.as_bytes()[self.start as usize..self.end as usize]
    }

    pub(crate) fn len(self) -> usize {
        (self.end - self.start) as usize
    }
}

/// How the pairs of `{?…}`, `{&…}` and `{;…}` are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PairStyle {
    /// Before the first pair.
    pub(crate) first: u8,
    /// Between two.
    pub(crate) separator: u8,
    /// Whether a name may stand without `=`.
    pub(crate) bare: bool,
}

/// One part of a template between its literal ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// This very text.
    Literal(Span),
    /// Any run of the class, also an empty one. With `first`: that byte and then the run, or nothing.
    Run { first: Option<u8>, class: Class },
    /// Up to `max` times a slash and then a run of the class.
    Segments { class: Class, max: u32 },
    /// Nothing, or pairs with these names in any order, each at most once. The names are `Template::names[from..to]`.
    Names { style: PairStyle, from: u32, to: u32 },
}

impl Part {
    /// What it begins with, if it may as well be nothing.
    pub(crate) fn first(&self) -> Option<u8> {
        match *self {
            Self::Literal(_) | Self::Run { first: None, .. } => None,
            Self::Run { first, .. } => first,
            Self::Segments { .. } => Some(b'/'),
            Self::Names { style, .. } => Some(style.first),
        }
    }
}

/// A template with at least one expression. It refers to the text that it was parsed from, and does not hold it: a
/// template costs 16 bytes a part, and 8 for each name in a `{?…}`.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    /// The length of the text before the first expression.
    prefix: u32,
    /// Where the text after the last expression starts.
    suffix: u32,
    /// No topic of fewer bytes matches.
    min_len: usize,
    parts: Box<[Part]>,
    /// Within each `Part::Names` sorted by their bytes, and different.
    names: Box<[Span]>,
}

impl Template {
    /// Parses a template of RFC 6570, any level. `None`: it is not one, or has no expression.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        u32::try_from(text.len()).ok()?;
        let prefix = memchr::memchr(b'{', text.as_bytes())?;
        let mut parts = Parts { text, list: Vec::new(), names: Vec::new() };
        let mut min_len = 0;
        let mut at = 0;
        loop {
            let end = memchr::memchr(b'{', &text.as_bytes()[at..]).map_or(text.len(), |i| at + i);
            if !is_literal(&text[at..end]) {
                return None;
            }
            min_len += end - at;
            if end == text.len() {
                break;
            }
            if at != end && end != prefix {
                parts.list.push(Part::Literal(Span::new(at..end)));
            }
            let close = end + memchr::memchr(b'}', &text.as_bytes()[end..])?;
            parts.expression(end + 1, close)?;
            at = close + 1;
        }
        Some(Self {
            prefix: prefix as u32,
            suffix: at as u32,
            min_len,
            parts: parts.list.into(),
            names: parts.names.into(),
        })
    }

    /// The length of the text before the first expression.
    pub(crate) fn prefix_len(&self) -> usize {
        self.prefix as usize
    }

    /// The text after the last expression.
    pub(crate) fn suffix<'t>(&self, text: &'t str) -> &'t [u8] {
        &text.as_bytes()[self.suffix as usize..]
    }

    /// No topic of fewer bytes matches.
    pub(crate) fn min_len(&self) -> usize {
        self.min_len
    }

    /// What lies between the two.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The names of a `Part::Names`.
    pub(crate) fn names(&self, from: u32, to: u32) -> &[Span] {
        &self.names[from as usize..to as usize]
    }
}

/// The parts while they are parsed.
struct Parts<'t> {
    text: &'t str,
    list: Vec<Part>,
    names: Vec<Span>,
}

impl Parts<'_> {
    /// The expression whose inside is this range.
    fn expression(&mut self, mut start: usize, end: usize) -> Option<()> {
        let operator = match self.text.as_bytes()[start..end].first()? {
            b @ (b'+' | b'#' | b'.' | b'/' | b';' | b'?' | b'&') => {
                start += 1;
                Some(*b)
            }
            _ => None,
        };
        let from = self.names.len();
        let mut exploded = false;
        let mut count = 0;
        for variable in self.text.as_bytes()[start..end].split(|&b| b == b',') {
            let name = match *variable {
                [ref name @ .., b'*'] => {
                    exploded = true;
                    name
                }
                // How many characters of a value are shown is no matter here: it matches at any length.
                _ => match memchr::memchr(b':', variable) {
                    Some(colon) if is_prefix_length(&variable[colon + 1..]) => &variable[..colon],
                    Some(_) => return None,
                    None => variable,
                },
            };
            if !is_name(name) {
                return None;
            }
            count += 1;
            if matches!(operator, Some(b';' | b'?' | b'&')) {
                self.names.push(Span::new(start..start + name.len()));
            }
            start += variable.len() + 1;
        }
        match (operator, exploded) {
            (None, false) => self.run(Class::Value),
            (None, true) => self.run(Class::Pairs),
            (Some(b'+'), _) => self.run(Class::Reserved),
            (Some(b'#'), _) => self.optional(b'#', Class::Reserved, 1),
            // A dot is an unreserved character, so that one run takes all of `{.a,b}`.
            (Some(b'.'), false) => self.optional(b'.', Class::Value, 1),
            (Some(b'.'), true) => self.optional(b'.', Class::Pairs, 1),
            (Some(b'/'), true) => self.optional(b'/', Class::SlashPairs, 1),
            (Some(b'/'), false) => self.optional(b'/', Class::Value, count),
            (Some(first), true) => {
                // An exploded map has any names, so that the other variables' names say nothing any more.
                self.names.truncate(from);
                let class = if first == b';' { Class::SemicolonPairs } else { Class::AmpersandPairs };
                self.optional(first, class, 1);
            }
            (Some(first), false) => {
                let bytes = |span: &Span| span.of(self.text);
                self.names[from..].sort_unstable_by(|a, b| bytes(a).cmp(bytes(b)));
                let mut kept = from;
                for i in from..self.names.len() {
                    if i == from || bytes(&self.names[i]) != bytes(&self.names[kept - 1]) {
                        self.names[kept] = self.names[i];
                        kept += 1;
                    }
                }
                self.names.truncate(kept);
                let separator = if first == b';' { b';' } else { b'&' };
                let style = PairStyle { first, separator, bare: first == b';' };
                self.list.push(Part::Names { style, from: from as u32, to: kept as u32 });
            }
        }
        Some(())
    }

    /// Any run of the class. It swallows what stands before it and is nothing else, so that `{a}{b}{c}…` is one run.
    fn run(&mut self, class: Class) {
        while let Some(&last) = self.list.last() {
            match last {
                Part::Run { first: None, class: c } if c.includes(class) => return,
                Part::Run { first, class: c } if class.includes(c) && first.is_none_or(|f| class.has(f)) => {}
                Part::Segments { class: c, .. } if class.includes(c) && class.has(b'/') => {}
                _ => break,
            }
            self.list.pop();
        }
        self.list.push(Part::Run { first: None, class });
    }

    /// `max` times `first` and a run, or fewer: nothing new behind a run that takes all of that.
    fn optional(&mut self, first: u8, class: Class, max: u32) {
        if let Some(Part::Run { first: None, class: c }) = self.list.last()
            && c.includes(class)
            && c.has(first)
        {
            return;
        }
        self.list.push(match max {
            1 => Part::Run { first: Some(first), class },
            max => Part::Segments { class, max },
        });
    }
}

/// RFC 6570, section 2.1. (No `{` gets here; a `}` is refused.)
fn is_literal(text: &str) -> bool {
    let bytes = text.as_bytes();
    let ascii = bytes.iter().enumerate().all(|(i, &b)| match b {
        b'%' => is_encoded(&bytes[i..]),
        b'"' | b'\'' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => false,
        b'!'..=b'~' | 0x80.. => true,
        _ => false,
    });
    ascii && (text.is_ascii() || text.chars().filter(|c| !c.is_ascii()).all(is_iri_character))
}

/// `ucschar` and `iprivate`: RFC 6570, section 1.5.
fn is_iri_character(c: char) -> bool {
    match c {
        '\u{A0}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFEF}' => true,
        // Each plane's last two are no characters, and plane 14 begins with tags.
        '\u{10000}'.. => c as u32 & 0xFFFF < 0xFFFE && !('\u{E0000}'..'\u{E1000}').contains(&c),
        _ => false,
    }
}

/// Whether this begins with `%XX`.
pub(crate) fn is_encoded(text: &[u8]) -> bool {
    matches!(text, [b'%', a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
}

/// A variable's name: RFC 6570, section 2.3.
fn is_name(name: &[u8]) -> bool {
    let mut in_word = false;
    for (i, &b) in name.iter().enumerate() {
        match b {
            b'.' if !in_word => return false,
            b'.' => in_word = false,
            b'%' if !is_encoded(&name[i..]) => return false,
            b'%' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => in_word = true,
            _ => return false,
        }
    }
    in_word
}

/// A prefix modifier's length, 1 to 9999: RFC 6570, section 2.4.1.
fn is_prefix_length(digits: &[u8]) -> bool {
    matches!(digits, [b'1'..=b'9', rest @ ..] if rest.len() < 4 && rest.iter().all(u8::is_ascii_digit))
}
