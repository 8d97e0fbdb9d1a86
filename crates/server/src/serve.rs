//! Runs a hub until it is told to stop.

use std::{
    io::{self, Write as _},
    net::{SocketAddr, TcpListener},
    process::ExitCode,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use headwater_hub::{Epoch, HistoryPlace, Hub, Limits, Options, StartError};
use http::HeaderValue;
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use crate::{
    app::App,
    auth::Authenticator,
    cli::{banner, tell},
    config::{Config, Dev},
    connection::{self, Connections},
    demo::{self, Demo},
    listen,
    publish::Throttle,
    purge::Turn,
};

/// After the streams have ended, connections that still publish get so long to be answered.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// What waits for the disk has threads of its own: cursors that are looked up, and purges. More at once would only wait
/// for each other.
const BLOCKING_THREADS: usize = 64;

/// Binds, serves, drains. The exit status is 2 if it could not start as it was told to.
pub(crate) fn run(config: Config) -> ExitCode {
    crate::log::start(config.log, config.log_level);
    // A soft limit of 1,024 descriptors is for programs from before epoll.
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    match start(config) {
        Ok(started) => started.run(),
        Err(errors) => {
            for error in errors {
                tell(format_args!("headwater: {error}"));
            }
            ExitCode::from(2)
        }
    }
}

/// Everything there is before the first connection.
struct Started {
    runtime: Runtime,
    app: Arc<App>,
    listeners: Vec<TcpListener>,
    bound: Vec<SocketAddr>,
    history: HistoryPlace,
    dev: Option<Dev>,
    drain: watch::Sender<bool>,
    drain_over: Duration,
}

fn start(config: Config) -> Result<Started, Vec<String>> {
    let failed = |error: io::Error| vec![format!("the hub could not be started: {error}")];
    let auth = Authenticator::new(&config.auth, config.limits.token)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let hub = Hub::start(options(&config)).map_err(|error| vec![not_started(&error)])?;
    let (listeners, errors): (Vec<_>, Vec<_>) =
        config.listen.iter().map(|&address| listen_on(address, &hub)).partition(Result::is_ok);
    let errors: Vec<_> = errors.into_iter().filter_map(Result::err).collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let listeners: Vec<_> = listeners.into_iter().flatten().collect();
    let bound = listeners.iter().map(TcpListener::local_addr).collect::<Result<_, _>>().map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.shards.get())
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .map_err(failed)?;
    let (drain, draining) = watch::channel(false);
    let app = Arc::new(App {
        hub,
        auth,
        cors: config.cors,
        ndjson: Throttle::new(config.limits.queue),
        purging: Turn::default(),
        limits: config.limits,
        heartbeat: HeaderValue::from(config.heartbeat.unwrap_or_default().as_secs_f64().ceil() as u64),
        demo: config.dev.as_ref().map(|dev| Demo::new(dev, config.auth.publisher)),
        draining: AtomicBool::new(false),
        drain: draining,
    });
    let history = config.history.place;
    Ok(Started { runtime, app, listeners, bound, history, dev: config.dev, drain, drain_over: config.drain })
}

fn listen_on(address: SocketAddr, hub: &Hub) -> Result<TcpListener, String> {
    listen::bind(address, hub).map_err(|error| {
        let advice = match error.kind() {
            io::ErrorKind::AddrInUse => "Another program listens there: stop it, or use another port with --listen.",
            io::ErrorKind::PermissionDenied => {
                "Ports below 1024 take root, or the capability CAP_NET_BIND_SERVICE; or use another with --listen."
            }
            io::ErrorKind::AddrNotAvailable => "This machine has no such address; 0.0.0.0 and [::] stand for all.",
            _ => "Check the address given with --listen.",
        };
        format!("{address} cannot be listened on ({error}). {advice}")
    })
}

fn not_started(error: &StartError) -> String {
    let advice = match error {
        StartError::InUse { .. } | StartError::Foreign { .. } | StartError::Disk { .. } => {
            " The directory is set with --history."
        }
        _ => "",
    };
    format!("the hub could not be started: {error}.{advice}")
}

fn options(config: &Config) -> Options {
    let mut limits = Limits::default();
    limits.subscribers = usize::try_from(config.limits.connections).unwrap_or(usize::MAX);
    limits.selectors = config.limits.selectors;
    limits.selector_bytes = config.limits.selector_length;
    limits.all_selector_bytes = config.limits.selector_bytes;
    limits.queue_bytes = config.limits.queue;

    let mut options = Options::default();
    options.shards = config.shards.get();
    options.history = config.history.place.clone();
    options.sync = config.history.sync;
    options.retention = config.history.retention.clone();
    options.retain_rules.clone_from(&config.history.rules);
    options.slow_reader = config.history.slow_reader;
    options.unknown_cursor = config.unknown_cursor;
    options.heartbeat = config.heartbeat;
    options.write_timeout = config.write_timeout;
    options.linger = config.linger;
    options.limits = limits;
    if let Ok(bits) = getrandom::u64() {
        options.epoch = Epoch::from_bits(bits);
    }
    options
}

impl Started {
    fn run(self) -> ExitCode {
        let Self { runtime, app, listeners, bound, history, dev, drain, drain_over } = self;
        let ended = runtime.block_on(async {
            // Before anybody can connect: a signal that comes early must not kill.
            let mut signals = Signals::new()?;
            let http = connection::http(&app.limits);
            let connections = Connections::default();
            for listener in listeners {
                tokio::spawn(listen::accept(app.clone(), listener, http.clone(), connections.clone()));
            }
            for address in &bound {
                tracing::info!(%address, "listening");
            }
            let mut demo = None;
            if let Some(dev) = &dev {
                demo = Some(tokio::spawn(demo::run(app.clone())));
                // Where standard output is closed nobody wants to read it.
                let _ = io::stdout().write_all(banner(&bound, dev, &history).as_bytes());
            }
            let name = signals.next().await;
            tracing::info!(signal = name, over = ?drain_over, "draining; a second signal ends the process at once");
            tokio::spawn(async move {
                let name = signals.next().await;
                tracing::warn!(signal = name, "ended before all streams and requests were");
                std::process::exit(1);
            });
            if let Some(demo) = demo {
                demo.abort();
            }
            stop(app, drain, drain_over).await;
            Ok::<_, io::Error>(())
        });
        // What is still under way has had its time. It must be gone before the process is: with the last that holds the
        // hub, history is closed in good order.
        runtime.shutdown_timeout(LAST_ANSWERS);
        match ended {
            Ok(()) => {
                tracing::info!("stopped");
                ExitCode::SUCCESS
            }
            Err(error) => {
                tell(format_args!("headwater: signals cannot be caught: {error}"));
                ExitCode::FAILURE
            }
        }
    }
}

/// Ends it all in good order: no new connections, no new streams, what was accepted is answered, streams end spread
/// over `over`, so that not all their clients come back at the same moment.
async fn stop(app: Arc<App>, drain: watch::Sender<bool>, over: Duration) {
    app.draining.store(true, std::sync::atomic::Ordering::Release);
    drain.send_replace(true);
    let streams = app.clone();
    let ended = tokio::task::spawn_blocking(move || streams.hub.drain(over)).await;
    if let Err(error) = ended {
        tracing::error!(%error, "the streams could not be ended in good order");
    }
    // The app's own receiver is one of those that it waits for.
    drop(app);
    if tokio::time::timeout(LAST_ANSWERS, drain.closed()).await.is_err() {
        tracing::warn!("some requests were still under way and have been cut off");
    }
}

/// The signals that ask for the end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
