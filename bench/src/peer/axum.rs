//! axum's `Sse` over tokio's `broadcast`, as its documentation leads one to write it, and with two favours:
//! `TCP_NODELAY`, without which Nagle's algorithm would delay its events, and a channel long enough to lose none.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
    routing::{get, post},
    serve::ListenerExt,
};
use tokio::{net::TcpListener, sync::broadcast};
use tokio_stream::{Stream, StreamExt, wrappers::BroadcastStream};

/// Events that a slow subscriber may be behind.
const CHANNEL: usize = 4096;

type Events = broadcast::Sender<Arc<str>>;

pub(super) fn serve(address: SocketAddr) -> io::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let app = Router::new()
            .route("/", get(subscribe).post(publish))
            .route("/batch", post(batch))
            .with_state(broadcast::channel(CHANNEL).0);
        let listener = TcpListener::bind(address).await?;
        super::announce(listener.local_addr()?)?;
        let listener = listener.tap_io(|stream| {
            // A stream that cannot is slower, and says so in the table.
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, app).await
    })
}

async fn subscribe(State(events): State<Events>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let stream = BroadcastStream::new(events.subscribe())
        .filter_map(Result::ok)
        .map(|data| Ok(Event::default().data(&*data)));
    Sse::new(stream).keep_alive(KeepAlive::default())
}

async fn publish(State(events): State<Events>, data: String) {
    // It fails when nobody listens, which is no failure.
    let _ = events.send(data.into());
}

async fn batch(State(events): State<Events>, lines: String) {
    for data in lines.lines() {
        let _ = events.send(data.into());
    }
}
