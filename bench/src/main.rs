//! The comparison: the hub beside a floor, an axum server and nchan, in one run, on the same load. See README.md.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command prints its table and what it is doing"
)]

mod durable;
mod load;
mod peer;
mod probe;
mod round;
mod rows;
mod server;
mod table;
mod verdict;

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
    /// Where histories are while they are measured; beside this program if it is not given. It must be on a disk.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
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

/// What this program may hold open: the crowds of `durable`, and room.
const DESCRIPTORS: u64 = 4_096;

fn compare(options: &Comparison) -> Result<(), Failure> {
    let (all, cases) = (rows::rows(), durable::cases());
    let names = || {
        all.iter().map(|row| (row.name, row.title)).chain(cases.iter().map(|case| (case.name, case.title)))
    };
    if options.list {
        for (name, title) in names() {
            println!("{name:<12}{title}");
        }
        return Ok(());
    }
    if let Some(unknown) = options.rows.iter().find(|row| names().all(|(name, _)| name != **row)) {
        return Err(format!("there is no row {unknown:?}; --list shows them").into());
    }
    let wanted = |name: &str| options.rows.is_empty() || options.rows.iter().any(|row| row == name);
    let asked =
        |name: &str| options.servers.is_empty() || options.servers.iter().any(|server| server == name);
    rlimit::increase_nofile_limit(DESCRIPTORS)?;
    let site = durable::site::Site::open(options.data.as_deref())?;
    let installed = server::Installed::find(asked("headwater"), options.headwater.clone(), site)?;
    let admitted = |entry: &rows::Entry| asked(entry.server.name()) && installed.has(entry.server);
    let rounds = if options.quick { 1 } else { options.rounds };
    let hurry = if options.quick { 3.0 } else { 1.0 };

    let about = format!(
        "The median of rounds: {rounds}.{} Processors: {}.\n\n{}",
        if options.quick { " Quick: all is smaller than it says." } else { "" },
        std::thread::available_parallelism().map_or(0, usize::from),
        installed.site().disk(options.quick)?
    );
    eprintln!("{about}");
    let mut table = table::Table::new(&about);
    let (mut details, mut saved) = (String::new(), Vec::new());
    let mut tell = |text: String| {
        eprintln!("{text}");
        details.push_str(&text);
    };
    for row in all.iter().filter(|row| wanted(row.name)) {
        let outcome = round::run(row, rounds, hurry, &installed, &admitted)?;
        table::add(&mut table, row, &outcome);
        tell(table::details(row, &outcome));
        saved.push(table::saved(row, &outcome));
    }
    let plan = durable::Plan { rounds, quick: options.quick };
    for case in cases.iter().filter(|case| wanted(case.name) && asked("headwater")) {
        let outcome = case.run(&installed, plan);
        case.add(&mut table, &outcome);
        tell(case.details(&outcome));
        saved.push(case.saved(&outcome));
    }
    let report = table.finish();
    println!("{report}");
    let file = table::save(&options.results, &saved, &format!("{report}{details}"))?;
    eprintln!("written to {}", file.display());
    Ok(())
}
