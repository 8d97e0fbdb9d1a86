//! `application/x-ndjson`: a stream of updates, one JSON object a line.
//!
//! Takes the body's bytes as they come, in pieces of any size, and gives each line as soon as it is whole. A line that
//! is wrong harms no other one.

use headwater_hub::Update;
use http::StatusCode;

use super::{Limits, json};
use crate::problem::Problem;

/// A buffer that one long line has grown is not kept for the rest of a stream that may last for weeks.
const KEEP: usize = 64 << 10;

/// A line, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Counts every line from 1, also the blank ones, as editors do.
    pub(crate) number: u64,
    pub(crate) result: Result<Update, Problem>,
}

/// Cuts a body into lines and reads them.
///
/// Lines end with LF or CRLF, the last one also with the body. Blank lines are skipped.
#[derive(Debug)]
pub(crate) struct Lines {
    limits: Limits,
    max_line: usize,
    /// The line that the next byte belongs to.
    number: u64,
    /// The start of a line whose end has not come yet; up to `max_line` bytes.
    partial: Vec<u8>,
    /// The rest of the line is dropped, because it has been too long.
    skipping: bool,
}

impl Lines {
    /// A line may have `max_line` bytes, its LF not counted.
    pub(crate) fn new(max_line: usize, limits: Limits) -> Self {
        Self { limits, max_line, number: 1, partial: Vec::new(), skipping: false }
    }

    /// Takes bytes off the front of `input` until a line is whole. `None`: the input is used up; come again with more,
    /// or with [`finish`](Self::finish).
    pub(crate) fn next(&mut self, input: &mut &[u8]) -> Option<Line> {
        while !input.is_empty() {
            let end = memchr::memchr(b'\n', input);
            let (piece, rest) = input.split_at(end.unwrap_or(input.len()));
            let number = self.number;
            *input = rest;
            if end.is_some() {
                *input = &rest[1..];
                self.number += 1;
            }

            if self.skipping {
                self.skipping = end.is_none();
                continue;
            }
            if self.partial.len() + piece.len() > self.max_line {
                self.drop_partial();
                self.skipping = end.is_none();
                return Some(Line { number, result: Err(self.too_large(number)) });
            }
            if end.is_none() {
                self.partial.extend_from_slice(piece);
                return None;
            }
            let line = if self.partial.is_empty() {
                self.read(piece, number)
            } else {
                self.partial.extend_from_slice(piece);
                self.read_partial(number)
            };
            if line.is_some() {
                return line;
            }
        }
        None
    }

    /// The line that the next byte belongs to.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The body has ended: gives the last line, if no line feed ended it.
    pub(crate) fn finish(&mut self) -> Option<Line> {
        self.read_partial(self.number)
    }

    fn read_partial(&mut self, number: u64) -> Option<Line> {
        let line = self.read(&self.partial, number);
        self.drop_partial();
        line
    }

    fn drop_partial(&mut self) {
        self.partial.clear();
        self.partial.shrink_to(KEEP);
    }

    fn read(&self, line: &[u8], number: u64) -> Option<Line> {
        let blank = line.trim_ascii().is_empty();
        (!blank).then(|| Line { number, result: json::parse_line(line, number, &self.limits) })
    }

    fn too_large(&self, number: u64) -> Problem {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Line too large",
            format!(
                "A line may have {} bytes. Publish a reference to what is larger, or raise `--limit-line`; the lines \
                 after this one are not affected.",
                self.max_line
            ),
        )
        .at(number, self.max_line as u64 + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits { topics: 3, updates: 3 };
    const MAX_LINE: usize = 40;

    /// Reads a body that comes in the given pieces.
    fn lines<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Line> {
        let mut lines = Lines::new(MAX_LINE, LIMITS);
        let mut found = Vec::new();
        for mut piece in pieces {
            while let Some(line) = lines.next(&mut piece) {
                found.push(line);
            }
            assert!(piece.is_empty());
            assert!(lines.partial.len() <= MAX_LINE, "buffers no more than one line may have");
        }
        found.extend(lines.finish());
        found
    }

    /// `number:data` for an update, `number:title@column` for a problem.
    fn summary(lines: &[Line]) -> Vec<String> {
        lines
            .iter()
            .map(|Line { number, result }| match result {
                Ok(update) => format!("{number}:{}", update.data),
                Err(problem) => {
                    let (line, column) = problem.place().unwrap();
                    assert_eq!(line, *number);
                    format!("{number}:{}@{column}", problem.title())
                }
            })
            .collect()
    }

    fn update(data: u32) -> String {
        format!(r#"{{"topic":"a","data":{data}}}"#)
    }

    #[test]
    fn lines_end_with_lf_crlf_or_the_body_and_blank_ones_count() {
        let body = format!("{}\n\r\n  \n{}\r\n\n{}", update(1), update(2), update(3));
        assert_eq!(summary(&lines([body.as_bytes()])), ["1:1", "4:2", "6:3"]);
        assert_eq!(summary(&lines([&b""[..]])), [""; 0]);
        assert_eq!(summary(&lines([&b"\n"[..]])), [""; 0]);
    }

    #[test]
    fn a_wrong_line_harms_no_other() {
        let body = format!("{}\nnot json\n[]\n{}\n{{\"topic\":\"a\"\n", update(1), update(2));
        assert_eq!(
            summary(&lines([body.as_bytes()])),
            ["1:1", "2:Malformed JSON@2", "3:Bad update@1", "4:2", "5:Malformed JSON@12"]
        );
    }

    #[test]
    fn a_line_that_is_too_long_is_told_once_and_skipped() {
        let fits = format!("{:1$}", update(1), MAX_LINE);
        let long = format!("{:1$}", update(2), MAX_LINE + 1);
        let endless = "x".repeat(10 * MAX_LINE);
        let body = format!("{fits}\n{long}\n{}\n{endless}\n{}\n{endless}", update(3), update(4));
        let expected =
            ["1:1", "2:Line too large@41", "3:3", "4:Line too large@41", "5:4", "6:Line too large@41"];
        assert_eq!(summary(&lines([body.as_bytes()])), expected);
        assert_eq!(summary(&lines(body.as_bytes().chunks(1))), expected);
    }

    #[test]
    fn a_line_is_given_as_soon_as_its_end_has_come() {
        let mut lines = Lines::new(MAX_LINE, LIMITS);
        let body = format!("{}\n", update(1));
        let (start, end) = body.split_at(10);
        assert_eq!(lines.next(&mut start.as_bytes()), None);
        assert_eq!(lines.next(&mut end.as_bytes()).unwrap().number, 1);
        assert_eq!(lines.finish(), None);
    }

    #[test]
    fn memory_of_a_long_line_is_given_back() {
        let mut lines = Lines::new(10 << 20, LIMITS);
        let long = vec![b'x'; 5 << 20];
        assert_eq!(lines.next(&mut &long[..]), None);
        assert!(lines.next(&mut &b"\n"[..]).is_some());
        assert!(lines.partial.capacity() <= KEEP);
    }

    fn line() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            4 => any::<u32>().prop_map(|n| update(n).into_bytes()),
            1 => Just(Vec::new()),
            1 => Just(b"  \t".to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..20),
            1 => (0..3 * MAX_LINE).prop_map(|n| vec![b' '; n]),
        ]
    }

    proptest! {
        #[test]
        fn the_cuts_make_no_difference(
            body in prop::collection::vec((line(), prop_oneof![Just("\n"), Just("\r\n")]), 0..12),
            last in line(),
            mut cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let mut bytes: Vec<u8> =
                body.into_iter().flat_map(|(line, end)| [line, end.as_bytes().to_vec()].concat()).collect();
            bytes.extend_from_slice(&last);
            let whole = lines([&bytes[..]]);
            prop_assert_eq!(&lines(bytes.chunks(1)), &whole);
            if !bytes.is_empty() {
                let mut cuts: Vec<usize> = cuts.drain(..).map(|cut| cut.index(bytes.len())).collect();
                cuts.extend([0, bytes.len()]);
                cuts.sort_unstable();
                prop_assert_eq!(lines(cuts.windows(2).map(|w| &bytes[w[0]..w[1]])), whole);
            }
        }
    }
}
