//! The results: a table of what must be, the details behind it, and all of it as JSON.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde_json::{Value, json};

use crate::{
    round::{Run, Runs},
    rows::{Figure, Row},
    verdict::{Spread, Verdict, amount, judge},
};

/// Servers beside the hub that have a column.
const BESIDE: [&str; 3] = ["floor", "axum", "nchan"];

/// The table with a line for every bound.
pub(crate) struct Table {
    text: String,
    faults: Vec<String>,
}

impl Table {
    /// An empty table under what is to be known of the run.
    pub(crate) fn new(about: &str) -> Self {
        let text = format!(
            "{about}\n\n| load | figure | headwater | {} | must be | is | |\n|---|---|---|---|---|---|---|---|---|\n",
            BESIDE.join(" | "),
        );
        Self { text, faults: Vec::new() }
    }

    /// A line: what the hub has, and those of [`BESIDE`] that were measured. Cheap or quick is easy for who does not
    /// deliver, so a figure of a `faulty` run never passes.
    pub(crate) fn bound(
        &mut self,
        load: &str,
        figure: &str,
        is: &str,
        beside: impl Fn(&str) -> Option<String>,
        verdict: &Verdict,
        faulty: bool,
    ) {
        let mark = match (verdict.pass, faulty) {
            (true, false) => "✓",
            (true, true) => "✗ (faults)",
            (false, _) => "✗",
        };
        let [floor, axum, nchan] = &BESIDE.map(|name| beside(name).unwrap_or_default());
        self.line(&[load, figure, is, floor, axum, nchan, &verdict.must, &verdict.is, mark]);
    }

    /// The line that says in how many of the hub's runs something went wrong.
    pub(crate) fn faulty_runs(&mut self, load: &str, faulty: usize) {
        let name = "runs with an event lost, doubled, out of order or refused";
        let mark = if faulty == 0 { "✓" } else { "✗" };
        self.line(&[load, name, &faulty.to_string(), "", "", "", "0", &faulty.to_string(), mark]);
    }

    /// What went wrong in words; it stands below the table.
    pub(crate) fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    fn line(&mut self, cells: &[&str]) {
        let _ = writeln!(self.text, "| {} |", cells.join(" | "));
    }

    pub(crate) fn finish(mut self) -> String {
        if !self.faults.is_empty() {
            self.text.push_str("\nFaults, of any server:\n\n");
        }
        for fault in &self.faults {
            let _ = writeln!(self.text, "- {fault}");
        }
        self.text
    }
}

fn spread(runs: &[Run], figure: &Figure) -> Option<Spread> {
    Spread::of(runs.iter().map(figure.of).collect())
}

fn median(row: &Row, outcome: &[Runs], label: &str, figure: &Figure) -> Option<f64> {
    let index = row.entries.iter().position(|entry| entry.label == label)?;
    Some(spread(outcome[index].as_ref()?, figure)?.median)
}

/// Adds a row's bounds.
pub(crate) fn add(table: &mut Table, row: &Row, outcome: &[Runs]) {
    for figure in &row.figures {
        for check in &figure.checks {
            let other = |label: &str| median(row, outcome, label, figure);
            let Some(value) = other(check.entry) else { continue };
            let Some(verdict) = judge(value, check.must, figure.unit, other) else { continue };
            let name = match check.entry {
                "headwater" => figure.name.to_owned(),
                entry => format!(
                    "{}, {}",
                    figure.name,
                    entry.trim_start_matches("headwater").trim_matches([' ', ','])
                ),
            };
            let beside = |label: &str| other(label).map(|value| amount(value, figure.unit));
            let is = amount(value, figure.unit);
            table.bound(row.title, &name, &is, beside, &verdict, faulty(row, outcome, check.entry));
        }
    }
    let count = |runs: &Runs| runs.iter().flatten().filter(|run| !run.report.is_faultless()).count();
    let ours = row.entries.iter().zip(outcome).filter(|(entry, _)| entry.server.name() == "headwater");
    if ours.clone().any(|(_, runs)| runs.is_some()) {
        table.faulty_runs(row.title, ours.map(|(_, runs)| count(runs)).sum());
    }
    for fault in faults(row, outcome) {
        table.fault(fault);
    }
}

/// Whether any run of this entry went wrong.
fn faulty(row: &Row, outcome: &[Runs], label: &str) -> bool {
    let runs = row.entries.iter().zip(outcome).filter(|(entry, _)| entry.label == label);
    runs.flat_map(|(_, runs)| runs.iter().flatten()).any(|run| !run.report.is_faultless())
}

/// What went wrong in any run.
fn faults(row: &Row, outcome: &[Runs]) -> Vec<String> {
    let mut faults = Vec::new();
    for (entry, runs) in row.entries.iter().zip(outcome) {
        for (i, run) in runs.iter().flatten().enumerate().filter(|(_, run)| !run.report.is_faultless()) {
            let report = &run.report;
            faults.push(format!(
                "{}, {}, round {}: {} not connected, {} closed, {} publishes failed, {} lost, {} doubled, \
                     {} out of order; {}",
                row.name,
                entry.label,
                i + 1,
                report.not_connected,
                report.closed,
                report.publish_failures,
                report.lost,
                report.duplicated,
                report.out_of_order,
                report.trouble.as_deref().unwrap_or("no word why"),
            ));
        }
    }
    faults
}

/// Every entry's figures, with their spread.
pub(crate) fn details(row: &Row, outcome: &[Runs]) -> String {
    let mut out = format!("\n{}\n\n| |", row.title);
    for figure in &row.figures {
        let _ = write!(out, " {} |", figure.name);
    }
    let _ = writeln!(out, "\n|---|{}", "---|".repeat(row.figures.len()));
    for (entry, runs) in row.entries.iter().zip(outcome) {
        let Some(runs) = runs else { continue };
        let _ = write!(out, "| {} |", entry.label);
        for figure in &row.figures {
            let Some(Spread { least, median, most }) = spread(runs, figure) else { continue };
            let _ = write!(
                out,
                " {} ({} to {}) |",
                amount(median, figure.unit),
                amount(least, ""),
                amount(most, "")
            );
        }
        let _ = writeln!(out);
    }
    for fault in faults(row, outcome) {
        let _ = writeln!(out, "fault: {fault}");
    }
    out
}

/// A row's rounds, for the file.
pub(crate) fn saved(row: &Row, outcome: &[Runs]) -> Value {
    let entries: Vec<_> = row
        .entries
        .iter()
        .zip(outcome)
        .map(|(entry, runs)| {
            let rounds: Vec<_> = runs.iter().flatten().map(|run| run.saved(row)).collect();
            json!({ "entry": entry.label, "rounds": rounds })
        })
        .collect();
    json!({ "row": row.name, "title": row.title, "entries": entries })
}

/// Writes everything beside the table; answers the file.
pub(crate) fn save(folder: &Path, rows: &[Value], text: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let time = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    let file = folder.join(format!("{time}.json"));
    fs::write(file.with_extension("md"), text)?;
    fs::write(&file, serde_json::to_vec_pretty(&json!({ "unix_time": time, "rows": rows }))?)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_bound_names_entries_that_are_there() {
        for row in crate::rows::rows() {
            let there = |label: &str| row.entries.iter().any(|entry| entry.label == label);
            for check in row.figures.iter().flat_map(|figure| &figure.checks) {
                assert!(there(check.entry), "{}: {}", row.name, check.entry);
                assert!(check.must.other().is_none_or(there), "{}: {:?}", row.name, check.must);
            }
        }
    }
}
