//! Listening sockets, and what comes in on them.

use std::{
    fs::File,
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
    time::{Duration, Instant},
};

use headwater_hub::Hub;
use hyper::server::conn::http1;
use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    app::App,
    connection::{self, Connections},
};

/// Connections that the kernel holds until they are accepted; it cuts the number to its own limit (somaxconn). All
/// clients of a hub come back at once after a restart.
const BACKLOG: i32 = 16_384;

/// A connection that has been silent for so long is probed, so often. How long an answer may take is the hub's to
/// say: it is the write timeout.
const PROBE_AFTER: Duration = Duration::from_mins(1);
const PROBE_EVERY: Duration = Duration::from_secs(15);

/// How long accepting pauses where there are no descriptors left.
const PAUSE: Duration = Duration::from_millis(200);

/// A shortage is over when there has been none for so long. A hub at its limit has one with every connection.
const CALM: Duration = Duration::from_secs(10);

/// Binds an address. The hub sets the options that its streams need, which accepted sockets inherit.
pub(crate) fn bind(address: SocketAddr, hub: &Hub) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A hub that is restarted must not wait for the old connections to be forgotten.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // `[::]` beside `0.0.0.0` is what people write who want both.
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    hub.prepare(&socket)?;
    // A publisher may hold a request open without a word for days; only the kernel can find out that its host is gone.
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_EVERY))?;
    Ok(socket.into())
}

/// Accepts connections until the hub drains.
pub(crate) async fn accept(
    app: Arc<App>,
    listener: StdListener,
    http: http1::Builder,
    connections: Connections,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "a listening socket could not be used"),
    };
    let mut drain = app.drain.clone();
    let mut reserve = Reserve::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = drain.wait_for(|draining| *draining) => return,
        };
        match accepted {
            Ok((stream, _)) => {
                reserve.recovered();
                spawn(&app, stream, &http, &connections);
            }
            Err(error) if is_a_shortage(&error) => reserve.turn_away(&listener, &error).await,
            // The peer gave up before it was accepted, or the like: the next one may be well.
            Err(error) => tracing::debug!(%error, "a connection could not be accepted"),
        }
    }
}

fn spawn(app: &Arc<App>, stream: TcpStream, http: &http1::Builder, connections: &Connections) {
    let (entered, speaking) = connections.enter();
    let crowded = (speaking + app.hub.subscribers()) as u64 > app.limits.connections;
    let (app, mut http) = (app.clone(), http.clone());
    // One too many is told so, and makes room: it may be none too many when it comes again.
    http.keep_alive(!crowded);
    tokio::spawn(async move { connection::serve(app, &http, stream, crowded, entered).await });
}

/// Whether accepting again at once would only fail again: there are no descriptors, or no memory for sockets.
fn is_a_shortage(error: &io::Error) -> bool {
    const ENOMEM: i32 = 12;
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    const ENOBUFS: i32 = 105;
    matches!(error.raw_os_error(), Some(ENOMEM | ENFILE | EMFILE | ENOBUFS))
}

/// A descriptor that is kept for bad times: with none left, nobody could even be turned away, and the listener would
/// be reported ready without end.
struct Reserve {
    file: Option<File>,
    /// When it was last needed, if the log has been told, and not that it is over.
    short: Option<Instant>,
}

impl Reserve {
    fn new() -> Self {
        Self { file: File::open("/dev/null").ok(), short: None }
    }

    fn recovered(&mut self) {
        if self.short.take_if(|last| last.elapsed() > CALM).is_some() {
            tracing::info!("there are descriptors again: accepting goes on");
        }
    }

    async fn turn_away(&mut self, listener: &TcpListener, error: &io::Error) {
        if self.short.replace(Instant::now()).is_none() {
            tracing::error!(
                %error,
                "no descriptors are left, new connections are closed: raise the limit of open files \
                 (LimitNOFILE of systemd, `ulimit -n`), or lower --limit-connections"
            );
        }
        self.file = None;
        let turned_away = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
        drop(turned_away);
        self.file = File::open("/dev/null").ok();
        tokio::time::sleep(PAUSE).await;
    }
}
