//! Reads HTTP/1.1 answers: of a publish, one after another on a kept connection; of a subscribe, the head.

use serde::Deserialize;

use super::chunked::{Chunked, Malformed};

/// A head longer than this is not one that a hub sends.
const HEAD: usize = 16 * 1024;
/// Header fields in a head; a hub sends about ten.
const FIELDS: usize = 64;
/// As much of a refusal as is worth reading: a problem with a long detail is still whole.
const EXCERPT: usize = 1024;

/// Why an answer cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// It is not HTTP/1.
    #[error("the answer is not HTTP/1")]
    NotHttp,
    /// Its head is too large.
    #[error("the answer's head is larger than 16 KiB")]
    Head,
    /// Its chunks are wrong.
    #[error(transparent)]
    Chunked(#[from] Malformed),
}

/// How a body is delimited.
#[derive(Debug)]
pub enum Body {
    /// It ends with the connection.
    Plain,
    /// This many bytes.
    Length(u64),
    /// In chunks.
    Chunked(Chunked),
}

impl Body {
    /// The next run of the body's own bytes in `input`; `None`: the input is used up, or the body has ended.
    #[inline]
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
        let take = match self {
            Self::Chunked(chunked) => return chunked.next(input),
            Self::Plain => input.len(),
            Self::Length(left) => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                *left -= take as u64;
                take
            }
        };
        let (data, rest) = input.split_at(take);
        *input = rest;
        Ok((!data.is_empty()).then_some(data))
    }

    fn ended(&self) -> bool {
        match self {
            Self::Plain => false,
            Self::Length(left) => *left == 0,
            Self::Chunked(chunked) => chunked.ended(),
        }
    }
}

/// Gathers one head. Interim answers (1xx) are passed over.
#[derive(Debug, Default)]
pub struct Head {
    bytes: Vec<u8>,
}

impl Head {
    /// Takes bytes up to the head's end; `input` is left with what follows it.
    pub fn feed(&mut self, input: &mut &[u8]) -> Result<Option<(u16, Body)>, BadAnswer> {
        loop {
            let before = self.bytes.len();
            self.bytes.extend_from_slice(&input[..input.len().min(HEAD + 1 - before)]);
            let mut fields = [httparse::EMPTY_HEADER; FIELDS];
            let mut head = httparse::Response::new(&mut fields);
            let length = match head.parse(&self.bytes) {
                Ok(httparse::Status::Complete(length)) => length,
                Ok(httparse::Status::Partial) if self.bytes.len() > HEAD => return Err(BadAnswer::Head),
                Ok(httparse::Status::Partial) => {
                    *input = &[];
                    return Ok(None);
                }
                Err(_) => return Err(BadAnswer::NotHttp),
            };
            let status = head.code.unwrap_or_default();
            let body = body(status, head.headers);
            *input = &input[length - before..];
            self.bytes.clear();
            if status >= 200 {
                return Ok(Some((status, body)));
            }
        }
    }
}

fn body(status: u16, fields: &[httparse::Header<'_>]) -> Body {
    let value = |name: &str| {
        let field = fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(field.value).ok()
    };
    if matches!(status, 204 | 304) {
        return Body::Length(0);
    }
    if value("transfer-encoding").is_some_and(|coding| coding.to_ascii_lowercase().ends_with("chunked")) {
        return Body::Chunked(Chunked::default());
    }
    value("content-length").and_then(|length| length.trim().parse().ok()).map_or(Body::Plain, Body::Length)
}

/// What a refusal's body says: of a problem (RFC 9457) the words, of anything else the beginning.
pub(super) fn reason(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Problem {
        title: String,
        detail: String,
    }
    match serde_json::from_slice(body) {
        Ok(Problem { title, detail }) => format!("{title}: {detail}"),
        Err(_) => String::from_utf8_lossy(&body[..body.len().min(EXCERPT)]).into_owned(),
    }
}

/// A publish's answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The beginning of the body, which holds the reason of a refusal.
    pub text: String,
}

/// The answers of one connection, one after another.
#[derive(Debug, Default)]
pub struct Answers {
    head: Head,
    body: Option<(u16, Body)>,
    text: Vec<u8>,
}

impl Answers {
    /// The next answer that is complete; `None`: feed more.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Answer>, BadAnswer> {
        if self.body.is_none() {
            self.body = self.head.feed(input)?;
        }
        let Some((status, body)) = &mut self.body else { return Ok(None) };
        while let Some(data) = body.next(input)? {
            let room = EXCERPT - self.text.len();
            self.text.extend_from_slice(&data[..data.len().min(room)]);
        }
        if !body.ended() {
            return Ok(None);
        }
        let answer = Answer { status: *status, text: String::from_utf8_lossy(&self.text).into_owned() };
        self.body = None;
        self.text.clear();
        Ok(Some(answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(parts: &[&[u8]]) -> Result<Vec<(u16, String)>, BadAnswer> {
        let mut reader = Answers::default();
        let mut found = Vec::new();
        for part in parts {
            let mut input = *part;
            while let Some(answer) = reader.next(&mut input)? {
                found.push((answer.status, answer.text));
            }
            assert!(input.is_empty());
        }
        Ok(found)
    }

    #[test]
    fn a_problem_is_told_in_its_words_and_anything_else_as_it_is() {
        let problem = br#"{"type":"about:blank","title":"No token","status":401,"detail":"Send one."}"#;
        assert_eq!(reason(problem), "No token: Send one.");
        for other in ["<h1>401</h1>", "", "{\"title\":\"cut"] {
            assert_eq!(reason(other.as_bytes()), other);
        }
        assert_eq!(reason(&[b'x'; 2 * EXCERPT]).len(), EXCERPT);
    }

    #[test]
    fn answers_are_told_apart_wherever_they_are_cut() {
        let stream: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n\
            HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nid1\
            HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfull\r\n0\r\n\r\n\
            HTTP/1.1 204 No Content\r\n\r\n\
            HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n";
        let whole = [(200, "id1".into()), (503, "full".into()), (204, String::new()), (200, String::new())];
        for cut in 0..stream.len() {
            assert_eq!(answers(&[&stream[..cut], &stream[cut..]]).as_deref(), Ok(&whole[..]), "cut at {cut}");
        }
        assert_eq!(answers(&stream.chunks(1).collect::<Vec<_>>()).as_deref(), Ok(&whole[..]));
    }

    #[test]
    fn a_stream_s_head_leaves_the_stream() {
        let mut input: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n:\n\ndata";
        let (status, body) = Head::default().feed(&mut input).unwrap().unwrap();
        assert_eq!((status, input), (200, &b":\n\ndata"[..]));
        assert!(matches!(body, Body::Plain));
    }

    #[test]
    fn what_is_not_http_is_an_error() {
        assert_eq!(answers(&[b"SSH-2.0-OpenSSH\r\n"]), Err(BadAnswer::NotHttp));
        let endless = [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'x'; HEAD]].concat();
        assert_eq!(answers(&[&endless]), Err(BadAnswer::Head));
        assert_eq!(
            answers(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz"]),
            Err(BadAnswer::Chunked(Malformed))
        );
    }
}
