//! `headwater history import`: lines become updates of a history that no hub has.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read},
    path::PathBuf,
    process::ExitCode,
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant, SystemTime},
};

use clap::{Args, ValueHint};
use headwater_hub::{
    Update,
    upkeep::{Import, UpkeepError},
};
use indicatif::{HumanCount, ProgressBar};

use super::{Place, counted, offsets};
use crate::{
    body::{
        Limits,
        ndjson::{Line, Lines},
    },
    cli::{
        tell, usage,
        watch::{Interrupt, bar},
    },
};

/// Updates, and bytes of data, of one commit.
const BATCH: usize = 16 << 10;
const BATCH_BYTES: usize = 8 << 20;

/// Bytes that are read at a time.
const READ: usize = 256 << 10;

/// The longest line: more than any hub takes that has its default limits.
const MAX_LINE: usize = 256 << 20;

/// As a hub that has no limit: what one had taken, under whatever limits, is taken again.
const LIMITS: Limits = Limits { topics: 10_000, updates: usize::MAX };

/// Where the input pauses for so long, what has come is stored.
const PAUSE: Duration = Duration::from_millis(100);

/// Adds updates to a history, or makes one, from lines of JSON.
///
/// The lines are those that `headwater history export` writes and that a hub takes as application/x-ndjson, such as
/// {"topic": "/news/1", "data": "hello", "type": "headline", "private": true}. They get offsets and times as if they
/// were published now, and keep the ids that are in them. A line that is wrong is told with its line and column, and
/// harms no other.
///
/// No hub may use the directory meanwhile. What is past its retention the hub lets go of when it starts.
#[derive(Args)]
pub(super) struct ImportArgs {
    #[command(flatten)]
    place: Place,

    /// The file to read. Without it: standard input.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: Option<PathBuf>,
}

pub(super) fn run(args: &ImportArgs) -> ExitCode {
    let (input, size): (Box<dyn Read + Send>, _) = match &args.file {
        Some(name) => match File::open(name) {
            Ok(file) => {
                let size = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|file| file.len());
                (Box::new(file), size)
            }
            Err(error) => {
                tell(format_args!("headwater: {}: {error}", name.display()));
                return usage();
            }
        },
        None if io::stdin().is_terminal() => {
            tell("headwater: no updates: pipe them in, or name a file with --file");
            return usage();
        }
        None => (Box::new(io::stdin()), None),
    };
    let import = match Import::open(&args.place.path) {
        Ok(import) => import,
        Err(error) => return super::failed(&error),
    };
    let bar = size.map_or_else(ProgressBar::no_length, ProgressBar::new);
    let mut importing = Importing {
        import,
        lines: Lines::new(MAX_LINE, LIMITS),
        bar: self::bar(bar),
        batch: Vec::new(),
        bytes: 0,
        first: None,
        next: 0,
        refused: 0,
    };
    let start = Instant::now();
    let ended = importing.run(&read(input));
    importing.bar.finish_and_clear();
    let status = match &ended {
        Ok(()) if importing.refused == 0 => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(Broken::Input(error)) => {
            tell(format_args!("headwater: the input cannot be read: {error}"));
            ExitCode::FAILURE
        }
        Err(Broken::History(error)) => {
            super::failed(error);
            ExitCode::FAILURE
        }
    };
    tell(importing.summary(start.elapsed().as_secs_f64()));
    status
}

enum Broken {
    Input(io::Error),
    History(UpkeepError),
}

/// Reads on a thread of its own, as a pipe may stay silent for hours.
fn read(mut input: Box<dyn Read + Send>) -> Receiver<io::Result<Vec<u8>>> {
    let (pieces, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut buffer = vec![0; READ];
        loop {
            let piece = match input.read(&mut buffer) {
                Ok(0) => return,
                Ok(len) => Ok(buffer[..len].to_vec()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            let last = piece.is_err();
            if pieces.send(piece).is_err() || last {
                return;
            }
        }
    });
    receiver
}

struct Importing {
    import: Import,
    lines: Lines,
    bar: ProgressBar,
    batch: Vec<Update>,
    bytes: usize,
    /// The first offset that was given, and the one after the last.
    first: Option<u64>,
    next: u64,
    refused: u64,
}

impl Importing {
    fn run(&mut self, pieces: &Receiver<io::Result<Vec<u8>>>) -> Result<(), Broken> {
        let interrupt = Interrupt::listen();
        loop {
            match pieces.recv_timeout(PAUSE) {
                Ok(piece) => self.piece(&piece.map_err(Broken::Input)?)?,
                Err(RecvTimeoutError::Timeout) => self.store()?,
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if interrupt.is_asked() {
                self.store()?;
                return Err(Broken::History(UpkeepError::Interrupted));
            }
        }
        if let Some(line) = self.lines.finish() {
            self.line(line)?;
        }
        self.store()
    }

    fn piece(&mut self, mut piece: &[u8]) -> Result<(), Broken> {
        self.bar.inc(piece.len() as u64);
        while let Some(line) = self.lines.next(&mut piece) {
            self.line(line)?;
        }
        Ok(())
    }

    fn line(&mut self, line: Line) -> Result<(), Broken> {
        match line.result {
            Ok(update) => {
                self.bytes += update.data.len();
                self.batch.push(update);
            }
            Err(problem) => {
                self.refused += 1;
                let (number, column) = problem.place().unwrap_or((line.number, 1));
                self.bar.suspend(|| {
                    tell(format_args!(
                        "headwater: line {number}, column {column}: {}: {}",
                        problem.title(),
                        problem.detail()
                    ));
                });
            }
        }
        if self.batch.len() >= BATCH || self.bytes >= BATCH_BYTES { self.store() } else { Ok(()) }
    }

    fn store(&mut self) -> Result<(), Broken> {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.bytes = 0;
        let offsets = self.import.append(self.batch.drain(..), SystemTime::now()).map_err(Broken::History)?;
        self.first.get_or_insert(offsets.start);
        self.next = offsets.end;
        Ok(())
    }

    fn summary(&self, seconds: f64) -> String {
        let refused = match self.refused {
            0 => String::new(),
            lines => format!("; {} refused", counted(lines, "line")),
        };
        let Some(first) = self.first else { return format!("headwater: imported nothing{refused}") };
        let count = self.next - first;
        let rate = count as f64 / seconds.max(0.001);
        format!(
            "headwater: imported {} in {seconds:.1} s ({}/s), offsets {}{refused}",
            counted(count, "update"),
            HumanCount(rate as u64),
            offsets(&(first..self.next))
        )
    }
}
