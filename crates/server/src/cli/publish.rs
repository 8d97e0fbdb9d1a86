//! `headwater publish`: one update from the command line or a pipe.

mod lines;

use std::{
    io::{self, IsTerminal, Read},
    process::ExitCode,
};

use clap::{Args, value_parser};
use headwater_client::{Error, Publisher, Update};
use headwater_sse::{EventId, EventType, Retry};

/// As much of standard input as is taken for the data of one update. Hubs refuse far less.
const MAX_DATA: u64 = 256 << 20;

const EXAMPLES: &str = "\
Examples:
  headwater publish http://localhost:3000 --topic /news/1 'hello'
  date | headwater publish http://localhost:3000 --topic /time
  headwater publish http://localhost:3000 --ndjson updates.ndjson
  generate | headwater publish http://localhost:3000 --ndjson

Exit status:
  0  published
  1  not published, or with --ndjson not every line; the reason is on standard error
  2  the command line is wrong";

/// Publishes an update, or a stream of them.
///
/// Prints the id that the hub gave the update. What is lost on the way is sent again with the same idempotency key,
/// so that nothing is published twice.
///
/// With --ndjson: a file or standard input, one JSON object a line, such as
/// {"topic": "/news/1", "data": "hello", "type": "headline", "private": true}. Lines are published as they come, so
/// the input may be as long as you like. A line that is wrong is reported with its number, and harms no other.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PublishArgs {
    /// The hub; without a path, /.well-known/mercure is meant.
    url: String,

    /// The data. '-', or nothing with a pipe: standard input, less the line break at its end. With --ndjson: a file.
    #[arg(value_name = "DATA", allow_negative_numbers = true)]
    input: Option<String>,

    /// The update's topic. If given several times: further topics under which it can be found.
    #[arg(short, long = "topic", value_name = "TOPIC", required_unless_present = "ndjson")]
    topics: Vec<String>,

    /// A token that grants publishing to every one of the topics (see `headwater token`).
    #[arg(long, value_name = "JWT", env = "HEADWATER_TOKEN", hide_env_values = true)]
    token: Option<String>,

    /// An id of your own choice. Without it the hub gives one.
    #[arg(long, value_parser = |id: &str| EventId::new(id))]
    id: Option<EventId>,

    /// The event's type, as a browser's addEventListener takes it.
    #[arg(long = "type", value_name = "TYPE", value_parser = |event_type: &str| EventType::new(event_type))]
    event_type: Option<EventType>,

    /// The reconnection time that receivers shall take on, in milliseconds (25 days at the most).
    #[arg(long, value_name = "MS", value_parser = value_parser!(u64).range(..=Retry::MAX.as_millis()))]
    retry: Option<u64>,

    /// Only for subscribers whose token grants one of the topics.
    #[arg(long)]
    private: bool,

    /// Publish a file, or standard input, of newline-delimited JSON.
    #[arg(long, conflicts_with_all = ["topics", "id", "event_type", "retry", "private"])]
    ndjson: bool,
}

pub(super) fn run(args: &PublishArgs) -> ExitCode {
    let publisher = match args.publisher() {
        Ok(publisher) => publisher,
        Err(error) => return failed(2, &error),
    };
    if args.ndjson {
        return super::block_on(lines::run(&publisher, args.input.as_deref()));
    }
    let data = match args.data() {
        Ok(data) => data,
        Err(NoData::Missing) => {
            return failed(2, &"no data: give it after the URL, pipe it in, or give '-' to type it");
        }
        Err(NoData::Unreadable(reason)) => return failed(1, &reason),
    };
    match super::block_on(publisher.publish(&args.update(data))) {
        Ok(id) => {
            // Who closed the output did not want the id; the update is published all the same.
            super::print(id);
            ExitCode::SUCCESS
        }
        Err(error) => failed(1, &error),
    }
}

impl PublishArgs {
    fn publisher(&self) -> Result<Publisher, Error> {
        let mut publisher = Publisher::hub(&self.url).system_proxy(true);
        if let Some(token) = self.token.as_deref().filter(|token| !token.is_empty()) {
            publisher = publisher.bearer_token(token);
        }
        publisher.build()
    }

    fn update(&self, data: String) -> Update {
        let mut topics = self.topics.iter();
        let mut update = Update::new(topics.next().map_or("", String::as_str)).data(data);
        for topic in topics {
            update = update.alternate(topic);
        }
        if self.private {
            update = update.private();
        }
        if let Some(id) = &self.id {
            update = update.id(id.clone());
        }
        if let Some(event_type) = &self.event_type {
            update = update.event_type(event_type.clone());
        }
        if let Some(retry) = self.retry {
            update = update.retry(Retry::from_millis(retry));
        }
        update
    }

    fn data(&self) -> Result<String, NoData> {
        match self.input.as_deref() {
            None if io::stdin().is_terminal() => Err(NoData::Missing),
            None | Some("-") => read_data(io::stdin().lock()).map_err(NoData::Unreadable),
            Some(data) => Ok(data.to_owned()),
        }
    }
}

enum NoData {
    Missing,
    Unreadable(String),
}

/// All of it, less one line break at the end: `echo` and `date` put it there for the terminal.
fn read_data(input: impl Read) -> Result<String, String> {
    let mut data = Vec::new();
    let read = input
        .take(MAX_DATA + 1)
        .read_to_end(&mut data)
        .map_err(|error| format!("standard input: {error}"))?;
    if read as u64 > MAX_DATA {
        return Err("standard input: too long for one update; use --ndjson for many".to_owned());
    }
    let mut data = String::from_utf8(data).map_err(|error| {
        format!("standard input is not UTF-8, from byte {} on", error.utf8_error().valid_up_to() + 1)
    })?;
    if data.ends_with('\n') {
        data.pop();
        if data.ends_with('\r') {
            data.pop();
        }
    }
    Ok(data)
}

fn failed(code: u8, reason: &dyn std::fmt::Display) -> ExitCode {
    super::tell(format_args!("headwater: {reason}"));
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_from_a_pipe() {
        for (input, want) in
            [("", ""), ("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), ("a\nb", "a\nb"), ("\r", "\r")]
        {
            assert_eq!(read_data(input.as_bytes()).as_deref(), Ok(want), "{input:?}");
        }
        assert_eq!(read_data(&b"ab\xff"[..]).unwrap_err(), "standard input is not UTF-8, from byte 3 on");
    }
}
