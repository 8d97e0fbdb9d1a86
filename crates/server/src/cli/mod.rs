//! The command line: `headwater <command>`.

mod backup;
mod bench;
mod completions;
pub(crate) mod dev;
mod history;
mod publish;
mod serve;
mod subscribe;
mod token;
mod watch;

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fmt::Display,
    future::Future,
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{CommandFactory as _, Parser, Subcommand};

pub(crate) use dev::banner;

use crate::config::ConfigError;

const EXAMPLES: &str = "\
Examples:
  headwater dev                                        try it out: a hub, pages and lines to paste
  headwater token --generate-key > publisher.key       make a key
  headwater serve --publisher-key-file publisher.key --anonymous
  headwater token --key-file publisher.key --publish '*'
  headwater subscribe http://localhost:3000 --topic '*'
  headwater publish http://localhost:3000 --topic /news 'hello'

Exit status: 0 done, 1 failed, 2 used or configured wrongly (nothing was started).";

/// Pushes events to every browser, phone and service that listens, over plain HTTP (Server-Sent Events).
/// Compatible with the Mercure protocol.
#[derive(Parser)]
#[command(name = "headwater", version, after_help = EXAMPLES, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Dev(dev::DevArgs),
    Serve(serve::ServeArgs),
    Publish(publish::PublishArgs),
    Subscribe(subscribe::SubscribeArgs),
    Token(token::TokenArgs),
    History(history::HistoryArgs),
    Backup(backup::BackupArgs),
    Bench(bench::BenchArgs),
    Completions(completions::CompletionsArgs),
}

/// Runs the command that this process was started with, and says how it ended: 0 done, 1 failed, 2 used or configured
/// wrongly.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Dev(args) => dev::run(&args),
        Command::Serve(args) => serve::run(args, &variables()),
        Command::Publish(args) => publish::run(&args),
        Command::Subscribe(args) => subscribe::run(&args),
        Command::Token(args) => token::run(&args, &variables()),
        Command::History(args) => history::run(&args),
        Command::Backup(args) => backup::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Completions(args) => completions::run(&args, &mut Cli::command()),
    }
}

/// Used or configured wrongly.
fn usage() -> ExitCode {
    ExitCode::from(2)
}

fn variables() -> BTreeMap<OsString, OsString> {
    env::vars_os().collect()
}

/// Runs a command that is a client: one thread is plenty.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("the system gives a new process what an event loop needs")
        .block_on(future)
}

/// Writes a result to standard output. A reader that has gone away (`| head`) is no failure of ours to tell.
fn print(text: impl Display) -> ExitCode {
    match writeln!(io::stdout().lock(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Tells a person something, on standard error.
pub(crate) fn tell(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Lists all that is wrong with a configuration.
fn tell_errors(errors: &[ConfigError]) -> ExitCode {
    let count = errors.len();
    tell(format_args!(
        "headwater: {count} error{} in the configuration; nothing was started:",
        if count == 1 { "" } else { "s" }
    ));
    for error in errors {
        tell(format_args!("  {error}"));
    }
    usage()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
