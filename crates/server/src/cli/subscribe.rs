//! `headwater subscribe`: events on standard output, what happens to the connection on standard error.

use std::{
    io::{self, ErrorKind, IsTerminal, Write},
    process::ExitCode,
};

use clap::Args;
use headwater_client::{Error, Event, Gap, Item, Open, Source};
use serde::Serialize;

/// As a shell reports a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

const EXAMPLES: &str = "\
Examples:
  headwater subscribe http://localhost:3000 --topic /news/1
  headwater subscribe https://example.com --topic '/news/{id}' --from earliest --json | jq .data
  headwater subscribe http://localhost:3000 --topic '*' --count 1

Exit status:
  0    --count events were received, or nobody reads the output any more, or the hub asked not to come back (204)
  1    the hub refused, and trying again would not help; the reason is on standard error
  2    the command line is wrong
  130  Ctrl-C";

/// Receives updates, one after the other, until Ctrl-C.
///
/// Prints the data of each event, and on standard error what happens to the connection. When it is lost, it is made
/// again and goes on after the last event received; if the hub no longer holds what came in between, that is said.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SubscribeArgs {
    /// The hub; without a path, /.well-known/mercure is meant.
    url: String,

    /// What to listen to: a topic, a URI template such as '/news/{id}', or '*' for all. May be given several times.
    #[arg(short, long = "topic", value_name = "SELECTOR", required = true)]
    topics: Vec<String>,

    /// A token that grants private updates, or that the hub asks for (see `headwater token`).
    #[arg(long, value_name = "JWT", env = "HEADWATER_TOKEN", hide_env_values = true)]
    token: Option<String>,

    /// Start with what the hub holds after this event id; 'earliest': with all that it holds.
    #[arg(long, value_name = "ID")]
    from: Option<String>,

    /// Print a JSON object a line: {"id","type","data"}, and {"gap":{"from","to"}} where events may be lost.
    #[arg(long)]
    json: bool,

    /// Show each event's id and type in a line before its data.
    #[arg(short, long, conflicts_with = "json")]
    verbose: bool,

    /// Say nothing about the connection, except why it ended for good.
    #[arg(short, long)]
    quiet: bool,

    /// End after so many events.
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

pub(super) fn run(args: &SubscribeArgs) -> ExitCode {
    let stdout = io::stdout();
    let printer =
        Printer { json: args.json, verbose: args.verbose, escape: stdout.is_terminal(), out: stdout.lock() };
    super::block_on(async {
        tokio::select! {
            code = args.listen(printer, io::stderr()) => ExitCode::from(code),
            Ok(()) = tokio::signal::ctrl_c() => ExitCode::from(INTERRUPTED),
        }
    })
}

impl SubscribeArgs {
    async fn listen(&self, mut printer: Printer<impl Write>, mut notices: impl Write) -> u8 {
        let mut notice = |text: &str| {
            // Nobody is left to tell it to.
            let _ = writeln!(notices, "headwater: {text}");
        };
        let mut source = match self.source() {
            Ok(source) => source,
            Err(error) => {
                notice(&error.to_string());
                return if matches!(error, Error::Tls(_)) { 1 } else { 2 };
            }
        };
        let mut left = self.count;
        let mut connected_before = false;
        while let Some(item) = source.next().await {
            let printed = match item {
                Ok(Item::Open(open)) => {
                    if !self.quiet {
                        notice(&opened(&open, connected_before));
                    }
                    connected_before = true;
                    Ok(())
                }
                Ok(Item::Event(event)) => {
                    let printed = printer.event(&event);
                    left = left.map(|left| left - 1);
                    printed
                }
                Ok(Item::Gap(gap)) => {
                    if !self.quiet {
                        notice(&lost(&gap));
                    }
                    printer.gap(&gap)
                }
                Ok(Item::Reconnecting { error, delay }) => {
                    if !self.quiet {
                        notice(&format!("{error}; trying again in {:.1} s", delay.as_secs_f64()));
                    }
                    Ok(())
                }
                Ok(_) => Ok(()),
                Err(error) => {
                    notice(&error.to_string());
                    return 1;
                }
            };
            match printed {
                Ok(()) if left == Some(0) => return 0,
                Ok(()) => {}
                // `| head` has seen enough.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return 0,
                Err(error) => {
                    notice(&format!("cannot write to standard output: {error}"));
                    return 1;
                }
            }
        }
        if !self.quiet {
            notice("the hub ended the subscription and asks not to come back (204)");
        }
        0
    }

    fn source(&self) -> Result<Source, Error> {
        let mut source = Source::hub(&self.url).system_proxy(true);
        for topic in &self.topics {
            source = source.topic(topic);
        }
        if let Some(token) = self.token.as_deref().filter(|token| !token.is_empty()) {
            source = source.bearer_token(token);
        }
        if let Some(id) = &self.from {
            source = source.last_event_id(id);
        }
        source.build()
    }
}

fn opened(open: &Open, before: bool) -> String {
    let again = if before { "connected again" } else { "connected" };
    match open.asked.as_str() {
        "" => format!("{again}, waiting for events"),
        "earliest" => format!("{again}, starting with all that the hub holds"),
        id => format!("{again}, going on after {}", visible(id)),
    }
}

fn lost(gap: &Gap) -> String {
    let part = |word, id: &Option<String>| id.as_ref().map(|id| format!(" {word} {}", visible(id)));
    let after = part("after", &gap.from).unwrap_or_default();
    let before = part("before", &gap.to).unwrap_or_default();
    format!("events may be lost: the hub no longer holds what came{after}{before}")
}

/// How events are written.
struct Printer<W> {
    json: bool,
    verbose: bool,
    /// The output is a terminal, and what publishers send must not control it.
    escape: bool,
    out: W,
}

#[derive(Serialize)]
struct EventLine<'a> {
    id: Option<&'a str>,
    r#type: &'a str,
    data: &'a str,
}

#[derive(Serialize)]
struct GapLine<'a> {
    gap: GapBounds<'a>,
}

#[derive(Serialize)]
struct GapBounds<'a> {
    from: Option<&'a str>,
    to: Option<&'a str>,
}

impl<W: Write> Printer<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let id = (!event.last_event_id.is_empty()).then_some(event.last_event_id.as_str());
        if self.json {
            return self.line(&EventLine { id, r#type: &event.event_type, data: &event.data });
        }
        // In one write: what follows in a pipe sees whole events.
        let mut text = String::with_capacity(event.data.len() + 64);
        if self.verbose {
            let id = id.map(|id| format!(" {}", visible(id))).unwrap_or_default();
            text = format!("--{id} {}\n", visible(&event.event_type));
        }
        if self.escape {
            for line in event.data.split('\n') {
                text.push_str(&visible(line));
                text.push('\n');
            }
        } else {
            text.push_str(&event.data);
            text.push('\n');
        }
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    fn gap(&mut self, gap: &Gap) -> io::Result<()> {
        if !self.json {
            return Ok(()); // told on standard error: among the data it would pass for an event
        }
        self.line(&GapLine { gap: GapBounds { from: gap.from.as_deref(), to: gap.to.as_deref() } })
    }

    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.out.write_all(&line)?;
        self.out.flush()
    }
}

/// With control characters, but for tabs, written out: an escape sequence in an event could rewrite the screen.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\t' { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

#[cfg(test)]
mod tests;
