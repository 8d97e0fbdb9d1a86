//! `headwater publish --ndjson`: a file or a pipe, line by line, with its progress.

use std::{
    fs::File,
    io::{self, Read, Write},
    pin::Pin,
    process::ExitCode,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    thread,
    time::Instant,
};

use bytes::Bytes;
use futures_util::Stream;
use headwater_client::{Error, Publisher};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;

use super::failed;
use crate::cli::tell;

/// A read of the input, and with its double the most that is in memory ahead of the network.
const READ: usize = 64 * 1024;

/// Publishes every line of the input: a file's name, or `-` or nothing for standard input.
pub(super) async fn run(publisher: &Publisher, input: Option<&str>) -> ExitCode {
    let (size, reader): (Option<u64>, Box<dyn Read + Send>) = match input {
        None | Some("-") => (None, Box::new(io::stdin())),
        Some(name) => match File::open(name) {
            // A pipe or a device has no size worth showing.
            Ok(file) => {
                let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|file| file.len());
                (size, Box::new(file))
            }
            Err(error) => return failed(1, &format_args!("{name}: {error}")),
        },
    };
    let progress = progress_bar(size);
    let outcome = publish(publisher, reader, &progress, io::stderr()).await;
    progress.finish_and_clear();
    if let Some(reason) = &outcome.broken {
        tell(format_args!("headwater: {reason}"));
    }
    tell(format_args!("headwater: {}", outcome.summary()));
    if outcome.is_complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// On standard error, and only if that is a terminal.
fn progress_bar(size: Option<u64>) -> ProgressBar {
    let (bar, template) = match size {
        Some(size) => (ProgressBar::new(size), "{wide_bar} {bytes}/{total_bytes}, {msg}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} {bytes} in {elapsed}, {msg}"),
    };
    bar.with_style(ProgressStyle::with_template(template).expect("a template that is tried in a test"))
}

async fn publish(
    publisher: &Publisher,
    input: Box<dyn Read + Send>,
    progress: &ProgressBar,
    mut stderr: impl Write,
) -> Outcome {
    let start = Instant::now();
    let sent = Arc::new(Sent::default());
    let body = Body { chunks: read(input), sent: sent.clone(), progress: progress.clone(), in_line: false };
    let mut answers = publisher.publish_lines(body);
    let mut outcome = Outcome::default();
    let mut whole_refused = false;
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(Ok(id)) => {
                outcome.published += 1;
                outcome.last_id = Some(id);
            }
            Ok(Err(error)) => {
                outcome.refused += 1;
                // Between two drawings of the bar, so that neither overwrites the other.
                progress.suspend(|| {
                    let _ = writeln!(stderr, "headwater: {error}");
                });
            }
            Err(error) => {
                whole_refused = matches!(error, Error::Refused(_));
                outcome.broken = Some(error.to_string());
            }
        }
        outcome.seconds = start.elapsed().as_secs_f64();
        progress.set_message(format!("{} updates, {:.0}/s", outcome.published, outcome.rate()));
    }
    outcome.seconds = start.elapsed().as_secs_f64();
    if !whole_refused {
        outcome.sent = sent.lines.load(Ordering::Relaxed);
    }
    if let Some(reason) = sent.unreadable.get() {
        outcome.broken = Some(format!("the input cannot be read: {reason}"));
    }
    outcome
}

/// What went out, and what could not be read: seen from the body and from here.
#[derive(Default)]
struct Sent {
    /// That were not blank: those are the ones that get an answer.
    lines: AtomicU64,
    unreadable: OnceLock<String>,
}

/// Reads on a thread of its own: a pipe may stay silent for hours, and a file has no other way to be read without
/// blocking the connection. The thread ends with the input, or when nobody wants more of it.
fn read(mut input: Box<dyn Read + Send>) -> mpsc::Receiver<io::Result<Bytes>> {
    let (chunks, receiver) = mpsc::channel(1);
    thread::spawn(move || {
        let mut buffer = vec![0; READ];
        loop {
            let chunk = match input.read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => Ok(Bytes::copy_from_slice(&buffer[..length])),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let last = chunk.is_err();
            if chunks.blocking_send(chunk).is_err() || last {
                return;
            }
        }
    });
    receiver
}

/// The request's body: what has been read, counted as it goes out.
struct Body {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    sent: Arc<Sent>,
    progress: ProgressBar,
    /// The line that is going out holds something.
    in_line: bool,
}

impl Body {
    fn count(&mut self, chunk: &[u8]) {
        self.progress.inc(chunk.len() as u64);
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            let was_in_line = self.in_line;
            self.in_line |= !piece.trim_ascii().is_empty();
            if self.in_line && !was_in_line {
                self.sent.lines.fetch_add(1, Ordering::Relaxed);
            }
            if piece.ends_with(b"\n") {
                self.in_line = false;
            }
        }
    }
}

impl Stream for Body {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let chunk = ready!(self.chunks.poll_recv(cx));
        match &chunk {
            Some(Ok(chunk)) => self.count(chunk),
            Some(Err(error)) => _ = self.sent.unreadable.set(error.to_string()),
            None => {}
        }
        Poll::Ready(chunk)
    }
}

/// How far it came.
#[derive(Debug, Default)]
struct Outcome {
    published: u64,
    refused: u64,
    /// Lines that went out and ought to have an answer: none if the request was refused as a whole.
    sent: u64,
    last_id: Option<String>,
    /// Why it ended before its time.
    broken: Option<String>,
    seconds: f64,
}

impl Outcome {
    fn is_complete(&self) -> bool {
        self.broken.is_none() && self.refused == 0 && self.unanswered() == 0
    }

    /// The hub may or may not have published these.
    fn unanswered(&self) -> u64 {
        self.sent.saturating_sub(self.published + self.refused)
    }

    fn rate(&self) -> f64 {
        self.published as f64 / self.seconds.max(0.001)
    }

    fn summary(&self) -> String {
        let s = |count: u64| if count == 1 { "" } else { "s" };
        let mut parts = vec![format!(
            "published {} update{} in {:.1} s ({:.0}/s)",
            self.published,
            s(self.published),
            self.seconds,
            self.rate()
        )];
        if self.refused > 0 {
            parts.push(format!("{} line{} refused", self.refused, s(self.refused)));
        }
        let unanswered = self.unanswered();
        if unanswered > 0 {
            parts.push(format!("{unanswered} line{} sent without an answer", s(unanswered)));
        }
        if !self.is_complete()
            && let Some(id) = &self.last_id
        {
            parts.push(format!("the last one published is {id}"));
        }
        parts.join("; ")
    }
}

#[cfg(test)]
mod tests;
