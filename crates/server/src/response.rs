//! The body of an answer, whichever way it comes about.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::Response;
use http_body::{Frame, SizeHint};
use http_body_util::Full;
use tokio::sync::mpsc;

use crate::handover::Handover;

/// The body of an answer.
#[derive(Debug)]
pub(crate) enum Body {
    /// All of it, now.
    Whole(Full<Bytes>),
    /// Pieces as they are made; ends when the maker does.
    Pieces(mpsc::Receiver<Bytes>),
    /// The opening of an event stream. Then it stays pending: the connection leaves HTTP.
    Stream { opening: Option<Bytes>, handover: Arc<Handover> },
    /// No body, but the head of one whose length is not known: the answer to HEAD for a stream.
    Unsent,
}

impl Default for Body {
    fn default() -> Self {
        Self::Whole(Full::default())
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Whole(body) => Pin::new(body).poll_frame(context),
            Self::Pieces(pieces) => pieces.poll_recv(context).map(|piece| piece.map(|p| Ok(Frame::data(p)))),
            Self::Stream { opening, handover } => {
                if let Some(opening) = opening.take() {
                    return Poll::Ready(Some(Ok(Frame::data(opening))));
                }
                // Nobody is to be woken: the connection is looked at after each poll, and this was one.
                handover.body_is_taken();
                Poll::Pending
            }
            Self::Unsent => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            _ => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            _ => SizeHint::default(),
        }
    }
}

/// An answer whose body is all there.
pub(crate) fn whole(response: Response<Full<Bytes>>) -> Response<Body> {
    response.map(Body::Whole)
}
