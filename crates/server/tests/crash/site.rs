//! The place of a hub that is killed again and again: one directory on a real disk, one port, one log of all its lives.

use std::{
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, LazyLock, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use crate::PATIENCE;

pub(crate) const PATH: &str = "/.well-known/mercure";

const KEY: &str = "a key of the crash tests, of more than thirty-two bytes";

/// `Authorization` for one who may publish everything, and see everything.
pub(crate) fn bearer() -> &'static str {
    static BEARER: LazyLock<String> = LazyLock::new(|| {
        let claims = json!({ "mercure": { "publish": ["*"], "subscribe": ["*"] } });
        let key = EncodingKey::from_secret(KEY.as_bytes());
        format!(
            "Authorization: Bearer {}",
            encode(&Header::default(), &claims, &key).expect("it can be signed")
        )
    });
    &BEARER
}

pub(crate) struct Site {
    seed: u64,
    folder: TempDir,
    /// Bound, and never listening: nobody else is given the port while no hub holds it, and no client that knocks
    /// then is connected with itself.
    _reserved: Socket,
    address: SocketAddr,
    hub: Option<Process>,
    log: Arc<Mutex<Vec<String>>>,
}

struct Process {
    child: Child,
    reader: JoinHandle<()>,
    listens: mpsc::Receiver<()>,
}

impl Site {
    pub(crate) fn new(seed: u64) -> Self {
        let reserved = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are sockets");
        reserved.set_reuse_address(true).expect("sockets have this option");
        reserved.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("there are free ports");
        let address = reserved.local_addr().ok().and_then(|a| a.as_socket()).expect("it is bound");
        Self {
            seed,
            // Beside the build: /tmp may be in memory.
            folder: TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made"),
            _reserved: reserved,
            address,
            hub: None,
            log: Arc::default(),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The directory.
    pub(crate) fn history(&self) -> PathBuf {
        self.folder.path().join("history")
    }

    /// Starts a hub, and does not wait for it. `what` it is there for is told in the log.
    pub(crate) fn start(&mut self, what: &str, flags: &[&str]) {
        self.note(format!("---- {what} {}", flags.join(" ")));
        let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
        command.env_clear().args(["serve", "--publisher-key", KEY, "--anonymous", "--heartbeat", "1h"]);
        command.arg("--listen").arg(self.address.to_string());
        command.arg("--history").arg(self.history());
        // Small, so that there are segments to seal; and so much that nothing is ever past it.
        command.args(["--retain-bytes", "128MiB", "--drain", "0"]).args(flags);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let (listening, listens) = mpsc::sync_channel(1);
        let log = self.log.clone();
        let reader = thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let is_up = line.contains("listening");
                log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                if is_up {
                    let _ = listening.send(());
                }
            }
        });
        self.hub = Some(Process { child, reader, listens });
    }

    pub(crate) fn wait_until_it_listens(&self) {
        let hub = self.hub.as_ref().expect("one has been started");
        assert!(hub.listens.recv_timeout(PATIENCE).is_ok(), "the hub does not start");
    }

    /// SIGTERM: it begins to drain.
    pub(crate) fn stop(&self) {
        let id = self.hub.as_ref().expect("one has been started").child.id();
        let killed = Command::new("sh").args(["-c", &format!("kill -s TERM {id}")]).status();
        assert!(killed.is_ok_and(|status| status.success()), "there is a shell");
    }

    /// SIGKILL. All of it is over when this returns. Answers whether it had ended by itself before.
    pub(crate) fn kill(&mut self) -> bool {
        let Some(mut hub) = self.hub.take() else { return false };
        let _ = hub.child.kill();
        let status = hub.child.wait();
        let _ = hub.reader.join();
        status.is_ok_and(|status| status.success())
    }

    /// No hub has had anything to complain of: the disk was well, and to be killed is nothing special.
    pub(crate) fn check_log(&self) {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let complaint =
            log.iter().find(|line| ["ERROR", "WARN", "panicked"].iter().any(|word| line.contains(word)));
        assert_eq!(complaint, None);
    }

    /// How many lines of the log have this in them.
    pub(crate) fn count_in_log(&self, text: &str) -> usize {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter().filter(|line| line.contains(text)).count()
    }

    fn note(&self, line: String) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

impl Drop for Site {
    #[expect(clippy::print_stderr, reason = "shown with a test that failed, and else not")]
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            self.folder.disable_cleanup(true);
            let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
            eprintln!("the log of all hubs:\n{}\n", log.join("\n"));
            eprintln!("the directory is left at {}", self.folder.path().display());
            eprintln!("the same plan again (its moments vary): HEADWATER_SEED={}", self.seed);
        }
    }
}
