//! A hub's process, and its log.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Instant,
};

use super::{Answer, Client, FORM, PATIENCE, Stream, get, post, request};

/// Every secret of these tests has this word in it, or is a JWS.
pub(crate) const KEY: &str = "SECRET: a key of thirty-two bytes and some more";

/// The command with these flags, so that nothing happens by time, and nothing is left behind, unless a test asks for it.
pub(crate) fn serve(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
    command.env_clear().args(["serve", "--publisher-key", KEY, "--anonymous", "--heartbeat", "1h"]);
    command.args(["--log-level", "trace"]);
    if !flags.contains(&"--listen") {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    if !flags.contains(&"--history") {
        command.args(["--history", "memory"]);
    }
    command.args(flags);
    command
}

/// The command for trying things out.
pub(crate) fn dev(history: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
    command.env_clear().args(["dev", "--listen", "127.0.0.1:0", "--history", history]).stdout(Stdio::null());
    command
}

/// A hub that runs until it is dropped. Then its log is looked through for what must never be in it.
pub(crate) struct Hub {
    child: Child,
    addresses: Vec<SocketAddr>,
    log: Arc<Log>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Log {
    written: Mutex<Written>,
    changed: Condvar,
}

#[derive(Default)]
struct Written {
    lines: Vec<String>,
    /// The process has ended.
    closed: bool,
}

impl Log {
    fn read(&self, stderr: ChildStderr) {
        let change = |change: &mut dyn FnMut(&mut Written)| {
            change(&mut self.written.lock().unwrap_or_else(PoisonError::into_inner));
            self.changed.notify_all();
        };
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            change(&mut |written| written.lines.push(line.clone()));
        }
        change(&mut |written| written.closed = true);
    }

    /// Waits until `found` finds something.
    fn wait<T>(&self, what: &str, found: impl Fn(&Written) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut written = self.written.lock().unwrap();
        loop {
            if let Some(found) = found(&written) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero() && !written.closed, "the log has not told {what}: {:#?}", written.lines);
            written = self.changed.wait_timeout(written, left).unwrap().0;
        }
    }
}

impl Hub {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    pub(crate) fn with(flags: &[&str]) -> Self {
        let listeners = flags.iter().filter(|flag| **flag == "--listen").count().max(1);
        Self::launch(serve(flags), listeners)
    }

    /// Starts a process that will listen on so many addresses.
    pub(crate) fn launch(mut command: Command, listeners: usize) -> Self {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let stderr = child.stderr.take().expect("it is piped");
        let log = Arc::<Log>::default();
        let reader = thread::spawn({
            let log = log.clone();
            move || log.read(stderr)
        });
        let mut hub = Self { child, addresses: Vec::new(), log, reader: Some(reader) };
        hub.addresses = hub.log.wait("where the hub listens", |written| {
            let addresses: Vec<_> = written.lines.iter().filter_map(|l| l.split_once("address=")).collect();
            (addresses.len() == listeners)
                .then(|| addresses.iter().map(|(_, address)| address.parse().unwrap()).collect())
        });
        hub
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address())
    }

    /// Sends a request on a connection of its own.
    pub(crate) fn ask(&self, request: impl AsRef<[u8]>) -> Answer {
        self.connect().ask(request)
    }

    /// Publishes a form; answers the id.
    #[track_caller]
    pub(crate) fn publish(&self, form: &str) -> String {
        self.ask(post(FORM, form)).id()
    }

    /// Publishes a form and ends; answers the id.
    #[track_caller]
    pub(crate) fn id_and_end(self, form: &str, end: fn(Self)) -> String {
        let id = self.publish(form);
        end(self);
        id
    }

    #[track_caller]
    pub(crate) fn subscribe(&self, query: &str) -> Stream {
        self.subscribe_with(query, &[])
    }

    #[track_caller]
    pub(crate) fn subscribe_with(&self, query: &str, headers: &[&str]) -> Stream {
        let mut client = self.connect();
        client.send(request("GET", query, headers, ""));
        Stream::open(client)
    }

    /// A stream of which the kernel keeps little.
    #[track_caller]
    pub(crate) fn subscribe_narrow(&self, query: &str) -> Stream {
        let mut client = Client::connect_narrow(self.address());
        client.send(get(query));
        Stream::open(client)
    }

    /// A stream, unless the hub has no room for it.
    pub(crate) fn try_subscribe(&self, query: &str) -> Option<Stream> {
        let mut client = self.connect();
        client.try_send(get(query)).ok()?;
        client.is_answered().then(|| Stream::open(client))
    }

    /// Sends a signal, by its name.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -s {name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("sh starts").success());
    }

    /// Waits until a line of the log has this in it.
    pub(crate) fn wait_for_log(&self, text: &str) -> String {
        self.log.wait(text, |written| written.lines.iter().find(|line| line.contains(text)).cloned())
    }

    /// How many lines of the log have this in them.
    pub(crate) fn count_in_log(&self, text: &str) -> usize {
        self.log.written.lock().unwrap().lines.iter().filter(|line| line.contains(text)).count()
    }

    /// Ends it as an operator does.
    #[track_caller]
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        assert_eq!(self.ended().code(), Some(0));
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.ended();
    }

    /// Waits for the process to end by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.log.wait("that the process has ended", |written| written.closed.then_some(()));
        self.child.wait().expect("it can be waited for")
    }
}

impl Drop for Hub {
    #[expect(clippy::print_stderr, reason = "shown with a test that failed, and else not")]
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.reader.take().map(JoinHandle::join);
        let written = self.log.written.lock().unwrap_or_else(PoisonError::into_inner);
        if thread::panicking() {
            eprintln!("the hub's log:\n{}", written.lines.join("\n"));
            return;
        }
        for line in &written.lines {
            for never in ["SECRET", "eyJ", "panicked"] {
                assert!(!line.contains(never), "{never} in the log: {line}");
            }
        }
    }
}
