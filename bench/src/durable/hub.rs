//! A hub on a history of its own, which is stopped, killed and started again.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::feed::Target;
use crate::{
    Failure,
    probe::{self, Resident},
    server::{Installed, free_address},
};

/// Longer than any bound; after that a start has failed.
const START: Duration = Duration::from_mins(1);
/// From the request to stop to the end of the process.
const STOP: Duration = Duration::from_secs(30);
/// Between two questions whether it is ready, or has ended.
const ASK: Duration = Duration::from_millis(1);

/// A history in a directory, and a hub that runs on it or does not. Dropping it ends the hub and removes the directory.
pub(crate) struct Hub<'a> {
    installed: &'a Installed,
    flags: Vec<String>,
    running: Option<(Child, SocketAddr)>,
    directory: TempDir,
}

impl<'a> Hub<'a> {
    /// Starts one on an empty directory.
    pub(crate) fn start(installed: &'a Installed, flags: &[&str]) -> Result<Self, Failure> {
        let mut flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
        flags.extend(["--drain".into(), "0".into()]);
        let mut hub = Self { installed, flags, running: None, directory: installed.site().directory()? };
        hub.restart()?;
        Ok(hub)
    }

    /// Starts it again; answers how long it took from the start of the process until it is ready.
    pub(crate) fn restart(&mut self) -> Result<Duration, Failure> {
        let address = free_address()?;
        let history = self.history();
        // Beside the history: that directory is the hub's alone.
        let log = self.directory.path().join("hub.log");
        let began = Instant::now();
        let child = self
            .installed
            .serve(address, history.as_os_str())
            .args(&self.flags)
            .stderr(File::create(&log)?)
            .spawn()?;
        let (child, _) = self.running.insert((child, address));
        loop {
            if is_ready(address) {
                return Ok(began.elapsed());
            }
            if child.try_wait()?.is_some() || began.elapsed() > START {
                let said = fs::read_to_string(&log)?;
                return Err(format!("the hub does not become ready; it said: {}", said.trim()).into());
            }
            thread::sleep(ASK);
        }
    }

    /// Ends it as an operator would.
    pub(crate) fn stop(&mut self) -> Result<(), Failure> {
        let Some((mut child, _)) = self.running.take() else { return Ok(()) };
        Command::new("kill").arg(child.id().to_string()).status()?;
        let began = Instant::now();
        loop {
            match child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(format!("the hub was stopped and ended with {status}").into()),
                None if began.elapsed() > STOP => {
                    child.kill()?;
                    child.wait()?;
                    return Err("the hub was asked to stop and did not end".into());
                }
                None => thread::sleep(ASK),
            }
        }
    }

    /// Ends it as the kernel would.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        let Some((mut child, _)) = self.running.take() else { return Ok(()) };
        child.kill()?;
        child.wait().map(drop)
    }

    /// Its history's directory.
    pub(crate) fn history(&self) -> PathBuf {
        self.directory.path().join("history")
    }

    /// A directory beside the history's, on the same disk.
    pub(crate) fn beside(&self) -> &Path {
        self.directory.path()
    }

    fn running(&self) -> Result<&(Child, SocketAddr), Failure> {
        self.running.as_ref().ok_or_else(|| "the hub does not run".into())
    }

    pub(crate) fn process(&self) -> Result<u32, Failure> {
        Ok(self.running()?.0.id())
    }

    /// Where it is, and what publishers show.
    pub(crate) fn target(&self) -> Result<Target, Failure> {
        Ok(Target { address: self.running()?.1, token: self.installed.token().to_owned() })
    }

    /// Its memory, now and at most since the start or [`forget_peak`](Self::forget_peak).
    pub(crate) fn memory(&self) -> Result<Resident, Failure> {
        Ok(probe::resident(self.process()?)?)
    }

    /// Peaks count from here on.
    pub(crate) fn forget_peak(&self) -> Result<(), Failure> {
        Ok(probe::forget_peak(self.process()?)?)
    }
}

impl Drop for Hub<'_> {
    fn drop(&mut self) {
        // It is to end whatever it says.
        let _ = self.kill();
    }
}

/// Whether it says so itself: it may listen before it has read its history.
fn is_ready(address: SocketAddr) -> bool {
    let ask = || -> io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok(&answer == b"HTTP/1.1 200")
    };
    // Nothing listens yet, or it is not done: both are asked again.
    ask().unwrap_or(false)
}
