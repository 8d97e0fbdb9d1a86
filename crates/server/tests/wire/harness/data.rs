//! A directory for history, and the hubs that run on it, one after the other.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use super::{Hub, serve};

/// A place for history, which no hub has made yet. It is gone when this is dropped.
pub(crate) struct Data {
    folder: TempDir,
}

impl Data {
    pub(crate) fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    /// The same on a file system of the test's own.
    pub(crate) fn within(folder: &Path) -> Self {
        Self { folder: TempDir::new_in(folder).unwrap() }
    }

    /// The directory.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("history")
    }

    /// The folder that the directory is in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The command that starts a hub here. Its streams end at once when it stops.
    pub(crate) fn serve(&self, flags: &[&str]) -> Command {
        let path = self.path();
        let path = path.to_str().expect("temporary folders have plain names");
        serve(&[&["--history", path, "--drain", "0"], flags].concat())
    }

    pub(crate) fn start(&self) -> Hub {
        self.start_with(&[])
    }

    pub(crate) fn start_with(&self, flags: &[&str]) -> Hub {
        Hub::launch(self.serve(flags), 1)
    }

    /// A hub does not start here, and exits as one that is set up wrongly; answers what it says.
    #[track_caller]
    pub(crate) fn is_refused(&self) -> String {
        refused(self.serve(&[]))
    }

    /// The files of the directory, by name.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let entries = fs::read_dir(self.path()).expect("the directory is there");
        let mut files: Vec<_> = entries
            .map(|entry| entry.expect("it can be listed"))
            // What is removed in between is of no interest.
            .filter_map(|entry| {
                Some((entry.file_name().into_string().unwrap(), fs::read(entry.path()).ok()?))
            })
            .collect();
        files.sort();
        files
    }

    /// The files that hold these bytes.
    pub(crate) fn files_with(&self, bytes: &str) -> Vec<String> {
        let holds = |content: &[u8]| memchr::memmem::find(content, bytes.as_bytes()).is_some();
        self.files().into_iter().filter(|(_, content)| holds(content)).map(|(name, _)| name).collect()
    }
}

/// The command ends with status 2 before it listens; answers what it says.
#[track_caller]
pub(crate) fn refused(mut command: Command) -> String {
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut lines = Vec::new();
    for line in BufReader::new(child.stderr.take().expect("it is piped")).lines() {
        let line = line.expect("it writes text");
        if line.contains("listening") {
            let _ = child.kill();
            let _ = child.wait();
            panic!("it started: {line}");
        }
        // What it says to a person, not what it logs.
        lines.extend(line.strip_prefix("headwater: ").map(str::to_owned));
    }
    assert_eq!(child.wait().unwrap().code(), Some(2), "{lines:?}");
    lines.join("\n")
}
