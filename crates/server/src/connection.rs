//! One connection: hyper speaks HTTP on it until it ends, or until it becomes an event stream's and leaves.

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use headwater_hub::{Admitted, Framing};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioTimer;
use tokio::{net::TcpStream, time::timeout};

use crate::{
    app::{App, answer},
    config::Limits,
    handover::{Handover, Socket},
};

/// After the last answer, so much is read on and dropped, for so long: a connection that is closed with unread input
/// is reset, and the client might never see why it was refused.
const LINGER_BYTES: usize = 16 << 20;
const LINGER: Duration = Duration::from_secs(5);
/// One that sends nothing for so long has nothing under way; pools keep connections that they do not look at.
const SILENCE: Duration = Duration::from_secs(1);

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
    // Who says that no more requests will come still waits for the answer to the last one.
    http.half_close(true);
    http
}

enum Outcome {
    Ended(hyper::Result<()>),
    Stream(Admitted, Framing),
}

/// Serves a connection until it ends or has been handed to the hub. `crowded`: it is one too many.
pub(crate) async fn serve(
    app: Arc<App>,
    http: &http1::Builder,
    stream: TcpStream,
    crowded: bool,
    counted: Entered,
) {
    let handover = Arc::new(Handover::new(counted));
    let service = service_fn(|request| answer(app.clone(), request, handover.clone(), crowded));
    let mut connection = http.serve_connection(Socket::new(stream, handover.clone()), service);
    let mut drain = app.drain.clone();
    let mut drained = pin!(drain.wait_for(|draining| *draining));
    let (mut listens, mut draining) = (false, false);
    let outcome = poll_fn(|context| {
        loop {
            if let Poll::Ready(result) = Pin::new(&mut connection).poll(context) {
                return Poll::Ready(Outcome::Ended(result));
            }
            if let Some((subscriber, framing)) = handover.take() {
                return Poll::Ready(Outcome::Stream(subscriber, framing));
            }
            // Once is enough: it wakes this task, and the flag says why. Each time would cost each request a lock.
            if !listens {
                listens = true;
                let _ = drained.as_mut().poll(context);
            }
            if draining || !app.draining.load(Ordering::Acquire) {
                return Poll::Pending;
            }
            // What has been asked is answered; nothing more is.
            draining = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
    })
    .await;
    match outcome {
        Outcome::Ended(result) => {
            if let Err(error) = &result {
                tracing::debug!(%error, "a connection ended");
            }
            // Something was answered last, to a request or to what is none. All else just ends.
            if result.as_ref().err().is_none_or(hyper::Error::is_parse) {
                linger(&connection.into_parts().io.into_inner()).await;
            }
        }
        Outcome::Stream(subscriber, framing) => {
            // What the client sent behind its request is dropped with the parts: a stream answers no other.
            let stream = connection.into_parts().io.into_inner();
            if let Err(error) = hand_over(&app, subscriber, stream, framing) {
                tracing::error!(%error, "a stream could not be handed to the hub and was closed");
            }
        }
    }
}

/// Reads on until the client has closed too. The hub's own side has been closed by now.
async fn linger(stream: &TcpStream) {
    let drop_input = async {
        let mut scratch = vec![0; 8 << 10];
        let mut dropped = 0;
        while dropped <= LINGER_BYTES {
            match stream.try_read(&mut scratch) {
                Ok(0) => return,
                Ok(n) => dropped += n,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !matches!(timeout(SILENCE, stream.readable()).await, Ok(Ok(()))) {
                        return;
                    }
                }
                Err(_) => return,
            }
        }
    };
    // Who has not had enough by then is reset.
    let _ = timeout(LINGER, drop_input).await;
}

fn hand_over(app: &App, subscriber: Admitted, stream: TcpStream, framing: Framing) -> io::Result<()> {
    app.hub.attach_socket(subscriber, stream.into_std()?, framing)
}
