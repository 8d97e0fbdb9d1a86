//! One connection: hyper speaks HTTP on it until it ends, or until it becomes an event stream's and leaves.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

use headwater_hub::{Admitted, Framing};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioTimer;
use tokio::net::TcpStream;

use crate::{
    app::{App, answer},
    config::Limits,
    handover::{Handover, Socket},
};

/// The connections that speak HTTP. Those that have become streams are the hub's to count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connections(Arc<AtomicUsize>);

impl Connections {
    /// Counts one more, for as long as what comes back is there; answers how many there are with it.
    pub(crate) fn enter(&self) -> (Entered, usize) {
        let before = self.0.fetch_add(1, Ordering::Relaxed);
        (Entered(self.0.clone()), before + 1)
    }
}

/// A connection that is counted.
#[derive(Debug)]
pub(crate) struct Entered(Arc<AtomicUsize>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How hyper is to speak HTTP.
pub(crate) fn http(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    // The buffer is what bounds a head: one that does not fit is answered with 431. hyper panics below 8 KiB.
    http.max_buf_size(limits.head.max(8 << 10));
    // The header timeout works only with a timer.
    http.timer(TokioTimer::new()).header_read_timeout(limits.head_wait);
    http
}

enum Outcome {
    Ended(hyper::Result<()>),
    Stream(Admitted, Framing),
    Drain,
}

/// Serves a connection until it ends or has been handed to the hub. `crowded`: it is one too many.
pub(crate) async fn serve(
    app: Arc<App>,
    http: &http1::Builder,
    stream: TcpStream,
    crowded: bool,
    _count: Entered,
) {
    let handover = Arc::<Handover>::default();
    let service = service_fn(|request| answer(app.clone(), request, handover.clone(), crowded));
    let mut connection = http.serve_connection(Socket::new(stream, handover.clone()), service);
    let mut drain = app.drain.clone();
    let mut draining = false;
    let outcome = loop {
        let turn = poll_fn(|context| match Pin::new(&mut connection).poll(context) {
            Poll::Ready(result) => Poll::Ready(Outcome::Ended(result)),
            Poll::Pending => match handover.take() {
                Some((subscriber, framing)) => Poll::Ready(Outcome::Stream(subscriber, framing)),
                None => Poll::Pending,
            },
        });
        let outcome = tokio::select! {
            biased;
            outcome = turn => outcome,
            _ = drain.wait_for(|draining| *draining), if !draining => Outcome::Drain,
        };
        match outcome {
            Outcome::Drain => {
                // What has been asked is answered; nothing more is.
                draining = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            outcome => break outcome,
        }
    };
    match outcome {
        Outcome::Ended(Err(error)) => tracing::debug!(%error, "a connection ended"),
        Outcome::Stream(subscriber, framing) => {
            // What the client sent behind its request is dropped with the parts: a stream answers no other.
            let stream = connection.into_parts().io.into_inner();
            if let Err(error) = hand_over(&app, subscriber, stream, framing) {
                tracing::error!(%error, "a stream could not be handed to the hub and was closed");
            }
        }
        Outcome::Ended(Ok(())) | Outcome::Drain => {}
    }
}

fn hand_over(app: &App, subscriber: Admitted, stream: TcpStream, framing: Framing) -> io::Result<()> {
    app.hub.attach_socket(subscriber, stream.into_std()?, framing)
}
