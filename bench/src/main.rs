//! The comparison: the hub beside a floor, an axum server and nchan, in one run, on the same load. See README.md.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command prints its table and what it is doing"
)]

mod load;
mod peer;
mod probe;
mod round;
mod rows;
mod server;
mod table;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

/// Compares the hub with a floor, an axum server and nchan; prints the table as Markdown.
#[derive(Parser)]
#[command(name = "headwater-bench")]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    comparison: Comparison,
}

#[derive(Subcommand)]
enum Command {
    /// One server to compare with: prints its address, serves until standard input ends.
    Peer {
        /// Which one.
        kind: peer::Kind,
        /// 0: any free port.
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
    /// A load in a process of its own, which stops at every phase until a line comes.
    #[command(hide = true)]
    Load {
        /// The bench's options as JSON.
        options: String,
    },
}

#[derive(Args)]
struct Comparison {
    /// Only these rows; repeat it for several.
    #[arg(long = "row", value_name = "NAME")]
    rows: Vec<String>,
    /// Only these servers (floor, axum, nchan, headwater); repeat it for several.
    #[arg(long = "server", value_name = "NAME")]
    servers: Vec<String>,
    /// Rounds; the table shows their median.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=99))]
    rounds: u16,
    /// One round, a third of the time: to see that all of it works.
    #[arg(long)]
    quick: bool,
    /// The hub's binary; built if it is not given.
    #[arg(long, value_name = "FILE")]
    headwater: Option<PathBuf>,
    /// Where the results go as JSON.
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/results"))]
    results: PathBuf,
    /// Lists the rows and ends.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Some(Command::Peer { kind, port }) => peer::serve(kind, port).map_err(Into::into),
        Some(Command::Load { options }) => load::serve(&options),
        None => compare(&cli.comparison),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("headwater-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What stops the comparison; it only ever goes to a person.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn compare(options: &Comparison) -> Result<(), Failure> {
    let all = rows::rows();
    if options.list {
        for row in &all {
            println!("{:<12}{}", row.name, row.title);
        }
        return Ok(());
    }
    if let Some(unknown) = options.rows.iter().find(|name| all.iter().all(|row| row.name != **name)) {
        return Err(format!("there is no row {unknown:?}; --list shows them").into());
    }
    let wanted =
        |row: &rows::Row| options.rows.is_empty() || options.rows.iter().any(|name| name == row.name);
    let chosen: Vec<rows::Row> = all.into_iter().filter(wanted).collect();
    let asked =
        |name: &str| options.servers.is_empty() || options.servers.iter().any(|server| server == name);
    let installed = server::Installed::find(asked("headwater"), options.headwater.clone())?;
    let admitted = |entry: &rows::Entry| asked(entry.server.name()) && installed.has(entry.server);
    let rounds = if options.quick { 1 } else { options.rounds };
    let hurry = if options.quick { 3.0 } else { 1.0 };
    let mut outcomes = Vec::new();
    for row in &chosen {
        let outcome = round::run(row, rounds, hurry, &installed, &admitted)?;
        eprintln!("{}", table::details(row, &outcome));
        outcomes.push(outcome);
    }
    let report = table::report(&chosen, &outcomes, rounds);
    println!("{report}");
    let file = table::save(&options.results, &chosen, &outcomes, &report)?;
    eprintln!("written to {}", file.display());
    Ok(())
}
