//! The last look at a line before it is written: whatever may be a token goes.

use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

const HIDDEN: &[u8] = b"[hidden]";

/// What comes before a secret, in lower case.
const BEFORE_A_SECRET: [&[u8]; 3] = [b"authorization=", b"authorization%3d", b"bearer "];

/// Makes writers that scrub.
pub(super) struct Scrubbing<W>(pub(super) W);

impl<'a, W: MakeWriter<'a>> MakeWriter<'a> for Scrubbing<W> {
    type Writer = Scrub<W::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Scrub(self.0.make_writer())
    }
}

/// Scrubs each write. The formatter writes an event whole, so a token is never cut in two.
pub(super) struct Scrub<W>(W);

impl<W: Write> Write for Scrub<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(&scrub(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The line with the values after [`BEFORE_A_SECRET`], and what looks like a JWS, hidden.
fn scrub(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut rest = line;
    while let Some(&first) = rest.first() {
        let marker = BEFORE_A_SECRET
            .iter()
            .find(|marker| rest.get(..marker.len()).is_some_and(|start| start.eq_ignore_ascii_case(marker)));
        let (keep, hide) = if let Some(marker) = marker {
            let secret = &rest[marker.len()..];
            (marker.len(), secret.iter().take_while(|b| !ends_a_value(**b)).count())
        } else {
            (0, length_of_a_jws(rest))
        };
        out.extend_from_slice(&rest[..keep]);
        if hide > 0 {
            out.extend_from_slice(HIDDEN);
        } else if keep == 0 {
            out.push(first);
        }
        rest = &rest[(keep + hide).max(1)..];
    }
    out
}

fn ends_a_value(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"&;,\"'\\<>)]}".contains(&byte)
}

/// The length of the compact JWS that the text starts with, or 0. One starts with the base64url form of `{"`.
fn length_of_a_jws(text: &[u8]) -> usize {
    if !text.starts_with(b"eyJ") {
        return 0;
    }
    let part = |b: &u8| b.is_ascii_alphanumeric() || b"-_.=".contains(b);
    let length = text.iter().take_while(|b| part(b)).count();
    // Also one that was cut short: a header alone is no secret, but what follows may be.
    if text[..length].contains(&b'.') { length } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        for (line, scrubbed) in [
            ("nothing to hide: eyJx, a.b.c", "nothing to hide: eyJx, a.b.c"),
            ("t=eyJhbGciOi.eyJt.c2ln end", "t=[hidden] end"),
            ("?authorization=abc&topic=x", "?authorization=[hidden]&topic=x"),
            ("?topic=x&Authorization=a.b.c HTTP/1.1", "?topic=x&Authorization=[hidden] HTTP/1.1"),
            ("{\"h\":\"bearer abc\",\"x\":1}", "{\"h\":\"bearer [hidden]\",\"x\":1}"),
            ("Bearer ", "Bearer "),
            ("authorization=", "authorization="),
            ("mercureAuthorization=xyz; a=b", "mercureAuthorization=[hidden]; a=b"),
            ("héllo\n", "héllo\n"),
        ] {
            assert_eq!(String::from_utf8(scrub(line.as_bytes())).unwrap(), scrubbed);
        }
    }
}
