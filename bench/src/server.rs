//! The servers of the comparison: how each is started, and how it wants to be spoken to.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{self, BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use headwater::bench::{Options, Style};
use tempfile::TempDir;

use crate::{
    Failure,
    durable::{feed::Target, site::Site},
};

const KEY: &str = "only for the loopback, and for the length of a bench";
const NGINX: &str = "/usr/sbin/nginx";
const NCHAN: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";
/// From start to the first accepted connection.
const START: Duration = Duration::from_secs(10);

/// Which server; the hub with what flags beyond the usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Floor,
    Axum,
    Nchan,
    Headwater(History, &'static [&'static str]),
}

/// Where a hub keeps its updates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum History {
    Memory,
    /// In a directory of its own, which ends with it.
    Disk,
}

impl Server {
    /// As `--server` names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Axum => "axum",
            Self::Nchan => "nchan",
            Self::Headwater(..) => "headwater",
        }
    }
}

/// What can be compared on this machine.
pub(crate) struct Installed {
    headwater: PathBuf,
    token: String,
    nchan: bool,
    site: Site,
}

impl Installed {
    /// Looks for nchan; builds the hub where it is `wanted` and not given. Its histories are at `site`.
    pub(crate) fn find(wanted: bool, headwater: Option<PathBuf>, site: Site) -> Result<Self, Failure> {
        let nchan = Path::new(NGINX).exists() && Path::new(NCHAN).exists();
        if !nchan {
            eprintln!("nchan is not here and stays out (apt-get install nginx-light libnginx-mod-nchan)");
        }
        let mut found = Self { headwater: PathBuf::new(), token: String::new(), nchan, site };
        if wanted {
            found.headwater = headwater.map_or_else(build, Ok)?;
            found.token = token(&found.headwater)?;
        }
        Ok(found)
    }

    pub(crate) fn has(&self, server: Server) -> bool {
        server != Server::Nchan || self.nchan
    }

    /// Where histories are.
    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// The token that publishers show.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The command that runs a hub; its history (`memory` or a directory) and other flags are to be added.
    pub(crate) fn serve(&self, address: SocketAddr, history: &OsStr) -> Command {
        let mut command = hub(&self.headwater);
        command
            .args(["serve", "--anonymous", "--publisher-key", KEY, "--log", "text"])
            .args(["--listen", &address.to_string()])
            .arg("--history")
            .arg(history)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }
}

/// The hub's command, whatever variables of its own are set where the comparison is started.
fn hub(headwater: &Path) -> Command {
    let mut command = Command::new(headwater);
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HEADWATER_")) {
        command.env_remove(name);
    }
    command
}

/// A token to publish with, made by the hub's own command.
fn token(headwater: &Path) -> Result<String, Failure> {
    let token = hub(headwater).args(["token", "--key", KEY, "--publish", "*"]).output()?;
    if !token.status.success() {
        return Err(format!("headwater token: {}", String::from_utf8_lossy(&token.stderr)).into());
    }
    Ok(String::from_utf8(token.stdout)?.trim().to_owned())
}

fn build() -> Result<PathBuf, Failure> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--release", "--package", "headwater", "--bin", "headwater"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    if !built.success() {
        return Err("the hub does not build; see above".into());
    }
    // Beside this program: both are of the same profile, or the comparison is none.
    let mine = env::current_exe()?;
    if mine.parent().and_then(Path::file_name) != Some("release".as_ref()) {
        return Err("compare release builds only: cargo run --release -p headwater-bench".into());
    }
    Ok(mine.with_file_name("headwater"))
}

/// A server that runs. Dropping it ends it.
pub(crate) struct Running {
    child: Child,
    /// Where the load goes; the rest of the options is the row's.
    address: SocketAddr,
    server: Server,
    token: String,
    _files: Option<TempDir>,
}

impl Running {
    pub(crate) fn start(server: Server, installed: &Installed) -> Result<Self, Failure> {
        let token = installed.token.clone();
        let running = |child, address, files| Self { child, address, server, token, _files: files };
        match server {
            Server::Floor | Server::Axum => {
                let mut child = Command::new(env::current_exe()?)
                    .args(["peer", server.name()])
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()?;
                let mut line = String::new();
                if let Some(stdout) = &mut child.stdout {
                    BufReader::new(stdout).read_line(&mut line)?;
                }
                Ok(running(child, line.trim().parse()?, None))
            }
            Server::Nchan => {
                let files = TempDir::new()?;
                let address = free_address()?;
                let config = files.path().join("nginx.conf");
                fs::write(&config, nginx(address, files.path()))?;
                let child = Command::new(NGINX).arg("-p").arg(files.path()).arg("-c").arg(config).spawn()?;
                let running = running(child, address, Some(files));
                running.await_listening()?;
                Ok(running)
            }
            Server::Headwater(history, flags) => {
                let files = match history {
                    History::Memory => None,
                    History::Disk => Some(installed.site.directory()?),
                };
                let place = files.as_ref().map_or(OsStr::new("memory"), |files| files.path().as_os_str());
                let address = free_address()?;
                let child = installed.serve(address, place).args(flags).spawn()?;
                let running = running(child, address, files);
                running.await_listening()?;
                Ok(running)
            }
        }
    }

    fn await_listening(&self) -> Result<(), Failure> {
        let began = Instant::now();
        while let Err(error) = TcpStream::connect(self.address) {
            if began.elapsed() > START {
                return Err(
                    format!("{} does not listen on {}: {error}", self.server.name(), self.address).into()
                );
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Where updates are published, if it is a hub.
    pub(crate) fn target(&self) -> Target {
        Target { address: self.address, token: self.token.clone() }
    }

    /// The row's load, for this server.
    pub(crate) fn address(&self, load: &Options) -> Options {
        let url = |path: &str| format!("http://{}{path}", self.address);
        let (subscribe, style, token) = match self.server {
            Server::Floor | Server::Axum => {
                (url("/"), Style::Plain { publish: url("/"), batch: url("/batch") }, None)
            }
            Server::Nchan => {
                (url("/"), Style::Plain { publish: url("/publish"), batch: url("/publish") }, None)
            }
            Server::Headwater(..) => (url("/.well-known/mercure"), Style::Mercure, Some(self.token.clone())),
        };
        Options { url: subscribe, style, token, anonymous: true, ..load.clone() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // nginx hands a TERM on to its workers; all others may as well be killed.
        if self.server == Server::Nchan {
            let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        } else {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn nginx(address: SocketAddr, files: &Path) -> String {
    let files = files.display();
    format!(
        "daemon off;
worker_processes auto;
worker_rlimit_nofile 20000;
pid {files}/pid;
error_log {files}/error.log error;
load_module {NCHAN};
events {{ worker_connections 19000; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  client_body_temp_path {files}/body;
  proxy_temp_path {files}/proxy;
  fastcgi_temp_path {files}/fastcgi;
  uwsgi_temp_path {files}/uwsgi;
  scgi_temp_path {files}/scgi;
  nchan_shared_memory_size 512M;
  server {{
    listen {address} backlog=4096;
    location = / {{
      nchan_subscriber eventsource;
      nchan_channel_id bench;
      nchan_subscriber_first_message newest;
      nchan_eventsource_ping_interval 15;
    }}
    location = /publish {{
      nchan_publisher;
      nchan_channel_id bench;
      nchan_message_buffer_length 10000;
      nchan_message_timeout 1m;
    }}
  }}
}}
"
    )
}
