//! The load, in a process of its own: the code of `headwater bench`, which waits at every phase, so that the
//! comparison can look at the server in between.

use std::{
    env,
    io::{self, BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use headwater::bench::{self, Observer, Options, Phase, Report, Snapshot};
use serde::{Deserialize, Serialize};

use crate::Failure;

/// What the load says, a line of JSON each.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    /// It waits.
    Phase(Phase),
    /// It is over.
    Report(Box<Report>),
    /// It is over, and why.
    Error(String),
}

fn say(line: &Line) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, line)?;
    out.write_all(b"\n")?;
    out.flush()
}

struct Stepped;

impl Observer for Stepped {
    fn phase(&mut self, phase: Phase, _: Snapshot) {
        let waited = say(&Line::Phase(phase)).and_then(|()| io::stdin().read_line(&mut String::new()));
        // Who waits for us is gone; so are we.
        if !matches!(waited, Ok(1..)) {
            std::process::exit(1);
        }
    }

    fn tick(&mut self, _: Phase, _: Snapshot) {}
}

/// The process's side.
pub(crate) fn serve(options: &str) -> Result<(), Failure> {
    let options: Options = serde_json::from_str(options)?;
    let line = match bench::run(&options, &mut Stepped) {
        Ok(report) => Line::Report(Box::new(report)),
        Err(error) => Line::Error(error.to_string()),
    };
    Ok(say(&line)?)
}

/// The comparison's side. Dropping it ends the process.
pub(crate) struct Load {
    child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Load {
    /// Starts the process; it waits at [`Phase::Start`].
    pub(crate) fn start(options: &Options) -> Result<Self, Failure> {
        let mut child = Command::new(env::current_exe()?)
            .arg("load")
            .arg(serde_json::to_string(options)?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err("the load has no pipes".into());
        };
        let mut load = Self { child, stdin, lines: BufReader::new(stdout).lines() };
        load.reach(Phase::Start)?;
        Ok(load)
    }

    /// Lets it go on to `phase`.
    pub(crate) fn go(&mut self, phase: Phase) -> Result<(), Failure> {
        self.stdin.write_all(b"\n")?;
        self.reach(phase)
    }

    fn reach(&mut self, phase: Phase) -> Result<(), Failure> {
        match self.line()? {
            Line::Phase(reached) if reached == phase => Ok(()),
            Line::Error(error) => Err(error.into()),
            line => Err(format!("the load should be at {phase:?} and is at {line:?}").into()),
        }
    }

    /// Lets it end.
    pub(crate) fn finish(mut self) -> Result<Report, Failure> {
        self.stdin.write_all(b"\n")?;
        match self.line()? {
            Line::Report(report) => Ok(*report),
            Line::Error(error) => Err(error.into()),
            Line::Phase(phase) => Err(format!("the load should be over and is at {phase:?}").into()),
        }
    }

    fn line(&mut self) -> Result<Line, Failure> {
        let line = self.lines.next().ok_or("the load ended without a word")??;
        Ok(serde_json::from_str(&line)?)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // It has ended already, or is not to go on.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
