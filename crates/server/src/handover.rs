//! How an event stream's socket leaves HTTP, once nothing of the answer's beginning is left in a buffer of hyper's.
//!
//! The body of such an answer hands out the stream's opening, then stays pending. When it has been asked again, hyper
//! has taken the opening; when the socket has then reported a flush done, hyper has written it all.

use std::{
    io::IoSlice,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
};

use headwater_hub::{Admitted, Framing};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::connection::Entered;

/// The connection speaks HTTP.
const HTTP: u8 = 0;
/// The body's opening has been taken, and may lie in hyper's buffer.
const TAKEN: u8 = 1;
/// All has been written.
const WRITTEN: u8 = 2;

/// What the answer's body, the socket and the connection's task tell each other. One a connection.
#[derive(Debug)]
pub(crate) struct Handover {
    counted: Mutex<Counted>,
    stage: AtomicU8,
}

/// Where the connection is counted: never in both places, or the last one that is admitted would find no room.
#[derive(Debug)]
enum Counted {
    /// Among those that speak HTTP.
    Http { _entered: Entered },
    /// Among the hub's subscribers.
    Stream(Admitted, Framing),
    /// It has left.
    Gone,
}

impl Handover {
    /// For a connection that begins with HTTP.
    pub(crate) fn new(entered: Entered) -> Self {
        Self { counted: Mutex::new(Counted::Http { _entered: entered }), stage: AtomicU8::new(HTTP) }
    }

    /// The answer to the request is a stream for this subscriber.
    pub(crate) fn offer(&self, subscriber: Admitted, framing: Framing) {
        self.replace(Counted::Stream(subscriber, framing));
    }

    fn replace(&self, counted: Counted) -> Counted {
        std::mem::replace(&mut *self.counted.lock().expect("no code that holds this lock panics"), counted)
    }

    /// The body has been asked again after its opening.
    pub(crate) fn body_is_taken(&self) {
        // Only the first time: a body that is asked once more after the flush changes nothing.
        let _ = self.stage.compare_exchange(HTTP, TAKEN, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn flushed(&self) {
        let _ = self.stage.compare_exchange(TAKEN, WRITTEN, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The subscriber, once the socket can be taken from hyper. All of this runs in the connection's one task.
    pub(crate) fn take(&self) -> Option<(Admitted, Framing)> {
        if self.stage.load(Ordering::Relaxed) != WRITTEN {
            return None;
        }
        match self.replace(Counted::Gone) {
            Counted::Stream(subscriber, framing) => Some((subscriber, framing)),
            Counted::Http { .. } | Counted::Gone => None,
        }
    }
}

/// A socket that says when it has been flushed.
#[derive(Debug)]
pub(crate) struct Socket {
    io: TokioIo<TcpStream>,
    handover: Arc<Handover>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, handover: Arc<Handover>) -> Self {
        Self { io: TokioIo::new(stream), handover }
    }

    pub(crate) fn into_inner(self) -> TcpStream {
        self.io.into_inner()
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl Write for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        ready!(Pin::new(&mut self.io).poll_flush(context))?;
        self.handover.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }
}
