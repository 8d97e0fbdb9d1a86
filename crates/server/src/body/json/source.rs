//! A JSON text that knows where each part of it stands.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize,
    de::{DeserializeOwned, Deserializer, Error as _, SeqAccess, Visitor},
};
use serde_json::{error::Category, value::RawValue};

use crate::{body::field::capitalized, problem::Problem};

pub(super) struct Source<'a> {
    text: &'a str,
    first_line: u64,
    /// What a text like this should hold.
    expected: &'static str,
}

impl<'a> Source<'a> {
    /// Takes UTF-8; `first_line` is the number of its first line.
    pub(super) fn new(bytes: &'a [u8], first_line: u64, expected: &'static str) -> Result<Self, Problem> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self { text, first_line, expected }),
            Err(error) => {
                let (valid, _) = bytes.split_at(error.valid_up_to());
                let (line, column) = end_of(valid);
                let detail = "The body is not UTF-8 from here on. Send UTF-8.";
                Err(Problem::bad_request("Malformed JSON", detail).at(first_line + line - 1, column))
            }
        }
    }

    /// The text without a byte order mark, which RFC 8259 lets parsers ignore, and without leading white space.
    pub(super) fn json(&self) -> &'a str {
        self.text.trim_start_matches('\u{feff}').trim_start_matches([' ', '\t', '\r', '\n'])
    }

    /// The line and column at which `part`, a piece of this text, starts.
    pub(super) fn place(&self, part: &str) -> (u64, u64) {
        let offset = part.as_ptr().addr() - self.text.as_ptr().addr();
        let (line, column) = end_of(&self.text.as_bytes()[..offset]);
        (self.first_line + line - 1, column)
    }

    /// Reads `part`, a piece of this text.
    pub(super) fn read<'p, T: Deserialize<'p>>(&self, part: &'p str) -> Result<T, Problem> {
        serde_json::from_str(part).map_err(|error| self.problem(part, None, &error))
    }

    /// Reads the member `name`, which is `part` of this text.
    pub(super) fn read_member<T: DeserializeOwned>(&self, name: &str, part: &RawValue) -> Result<T, Problem> {
        serde_json::from_str(part.get()).map_err(|error| self.problem(part.get(), Some(name), &error))
    }

    /// Shows each element of an array that is `part` of this text, until `take` refuses one. None is kept, so an
    /// array of very many small elements needs no memory of its own.
    pub(super) fn each<'p>(
        &self,
        part: &'p str,
        take: impl FnMut(&'p RawValue) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let mut refused = None;
        let elements = Elements { take, refused: &mut refused, part: PhantomData };
        let mut deserializer = serde_json::Deserializer::from_str(part);
        let outcome = deserializer.deserialize_seq(elements).and_then(|()| deserializer.end());
        match refused {
            Some(problem) => Err(problem),
            None => outcome.map_err(|error| self.problem(part, None, &error)),
        }
    }

    fn problem(&self, part: &str, member: Option<&str>, error: &serde_json::Error) -> Problem {
        let text = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let text = text.strip_suffix(&place).unwrap_or(&text);
        // What serde_json says of a word that starts like `null`, `true` or `false`.
        let text = if text == "expected ident" { "this is no JSON value (text needs quotes)" } else { text };
        let (title, detail) = match (error.classify(), member) {
            (Category::Data, Some(member)) => ("Bad update", format!("`{member}`: {text}. Correct it.")),
            (Category::Data, None) => ("Bad update", format!("{}. Correct it.", capitalized(text))),
            _ => ("Malformed JSON", format!("{}. Send {}.", capitalized(text), self.expected)),
        };
        let (line, column) = self.place(part);
        // Of a column 0 (the end of the line before), the first column is meant.
        let (inner_line, inner_column) = (error.line().max(1) as u64, error.column().max(1) as u64);
        let column = if inner_line == 1 { column + inner_column - 1 } else { inner_column };
        Problem::bad_request(title, detail).at(line + inner_line - 1, column)
    }
}

/// The line and column, from 1, of what follows `text`.
fn end_of(text: &[u8]) -> (u64, u64) {
    let line = memchr::memchr_iter(b'\n', text).count() as u64 + 1;
    let column = text.len() - memchr::memrchr(b'\n', text).map_or(0, |i| i + 1);
    (line, column as u64 + 1)
}

struct Elements<'s, 'p, F> {
    take: F,
    refused: &'s mut Option<Problem>,
    part: PhantomData<&'p str>,
}

impl<'p, F: FnMut(&'p RawValue) -> Result<(), Problem>> Visitor<'p> for Elements<'_, 'p, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'p>>(mut self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element()? {
            if let Err(problem) = (self.take)(element) {
                *self.refused = Some(problem);
                return Err(A::Error::custom("refused"));
            }
        }
        Ok(())
    }
}
