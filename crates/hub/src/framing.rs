//! The form that bytes take on their transport.

/// How the bytes of a stream are framed on its transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// HTTP/1.1 chunks, one an event (RFC 9112, 7.1).
    Chunked,
    /// The event stream as it is, ended by the connection's end: HTTP/1.0.
    Bare,
}

impl Framing {
    /// What ends a stream in good order.
    pub(crate) fn end(self) -> &'static [u8] {
        match self {
            Self::Chunked => b"0\r\n\r\n",
            Self::Bare => b"",
        }
    }

    /// A heartbeat: a comment, framed.
    pub(crate) fn heartbeat(self) -> &'static [u8] {
        match self {
            Self::Chunked => b"2\r\n:\n\r\n",
            Self::Bare => b":\n",
        }
    }

    /// Frames an event that is not a record.
    pub(crate) fn wrap(self, event: &[u8]) -> Box<[u8]> {
        match self {
            Self::Chunked => {
                let mut chunk = format!("{:x}\r\n", event.len()).into_bytes();
                chunk.extend_from_slice(event);
                chunk.extend_from_slice(b"\r\n");
                chunk.into()
            }
            Self::Bare => event.into(),
        }
    }
}
