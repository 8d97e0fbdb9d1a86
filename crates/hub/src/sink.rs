//! Where a subscriber's bytes go.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
};

use mio::net::TcpStream;

use crate::{
    framing::Framing,
    pull::{End, Feed},
};

/// What a client may send on a stream that is ours to write: nothing of it is read by anyone. More than this is no
/// client's, and the stream is closed.
const DISCARD: usize = 64 << 10;

/// Where a subscriber's bytes go. A closed set: the shard knows them all.
#[derive(Debug)]
pub(crate) enum Sink {
    /// A socket that the shard writes itself.
    Plain { stream: TcpStream, framing: Framing, discarded: usize },
    /// A bounded slot that someone takes frames from: embedders, and transports that others write.
    Pull(Feed),
    /// Memory that stands in for a socket.
    #[cfg(test)]
    Pipe(crate::pipe::Pipe, Framing),
}

/// The peer is gone, or breaks the rules: the subscriber is to be closed.
#[derive(Debug)]
pub(crate) struct Gone;

impl Sink {
    /// For sinks that take bytes: how they are framed.
    pub(crate) fn framing(&self) -> Option<Framing> {
        match self {
            Self::Plain { framing, .. } => Some(*framing),
            Self::Pull(_) => None,
            #[cfg(test)]
            Self::Pipe(_, framing) => Some(*framing),
        }
    }

    /// Writes what the sink takes now, and answers how much that was. Less than all means that it is full, and will
    /// be reported writable.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<usize, Gone> {
        let mut written = 0;
        while written < bytes.len() {
            let result = match self {
                Self::Plain { stream, .. } => stream.write(&bytes[written..]),
                Self::Pull(_) => unreachable!("a pull sink takes frames, not bytes"),
                #[cfg(test)]
                Self::Pipe(pipe, _) => pipe.write(&bytes[written..]),
            };
            match result {
                Ok(n) => {
                    written += n;
                    // A short write is a full buffer; asking again would only be told so.
                    break;
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Gone),
            }
        }
        Ok(written)
    }

    /// Reads and drops what the client sent; finds out that it has gone.
    pub(crate) fn discard_input(&mut self) -> Result<(), Gone> {
        let (stream, discarded) = match self {
            Self::Plain { stream, discarded, .. } => (stream, discarded),
            Self::Pull(_) => return Ok(()),
            #[cfg(test)]
            Self::Pipe(pipe, _) => return if pipe.is_broken() { Err(Gone) } else { Ok(()) },
        };
        let mut scratch = [0u8; 4096];
        loop {
            match stream.read(&mut scratch) {
                Ok(0) => return Err(Gone),
                Ok(n) => {
                    *discarded += n;
                    if *discarded > DISCARD {
                        return Err(Gone);
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Err(Gone),
            }
        }
    }

    /// Ends the stream in good order; to be called between frames only.
    pub(crate) fn finish(mut self, end: End) {
        if let Self::Pull(slot) = &self {
            slot.end(end);
        }
        let Some(framing) = self.framing() else { return };
        // Best effort: whether or not the last bytes find room, the connection ends now.
        let _ = self.write(framing.end());
        #[cfg(test)]
        if let Self::Pipe(pipe, _) = &self {
            pipe.finish(end);
        }
        if let Self::Plain { stream, .. } = &self {
            let _ = stream.shutdown(Shutdown::Write);
        }
        // Closing a socket with unread input sends RST, which destroys what the peer has not read yet.
        let _ = self.discard_input();
    }
}
