//! The results: a table of what must be, the details behind it, and all of it as JSON.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde_json::json;

use crate::{
    round::{Run, Runs},
    rows::{Bound, Figure, Row},
};

/// The middle one of a figure, and how far its rounds lie apart.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spread {
    least: f64,
    median: f64,
    most: f64,
}

fn spread(runs: &[Run], figure: &Figure) -> Option<Spread> {
    spread_of(runs.iter().map(figure.of).collect())
}

fn spread_of(mut values: Vec<f64>) -> Option<Spread> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    let median = if values.len() % 2 == 1 { upper } else { f64::midpoint(values[middle - 1], upper) };
    Some(Spread { least: values[0], median, most: *values.last()? })
}

/// How a figure stands to its bound.
#[derive(Debug, PartialEq)]
struct Verdict {
    must: String,
    is: String,
    pass: bool,
}

fn verdict(value: f64, must: Bound, unit: &str, other: impl Fn(&str) -> Option<f64>) -> Option<Verdict> {
    let judged = |must: String, is: String, pass: bool| Some(Verdict { must, is, pass });
    let ratio = |name: &str| other(name).map(|other| value / other);
    match must {
        Bound::Most(most) => judged(format!("≤ {}", amount(most, unit)), amount(value, unit), value <= most),
        Bound::Least(least) => {
            judged(format!("≥ {}", amount(least, unit)), amount(value, unit), value >= least)
        }
        Bound::MostOf(factor, name) => {
            let ratio = ratio(name)?;
            judged(format!("≤ {factor} × {name}"), format!("{ratio:.2} ×"), ratio <= factor)
        }
        Bound::LeastOf(factor, name) => {
            let ratio = ratio(name)?;
            judged(format!("≥ {factor} × {name}"), format!("{ratio:.2} ×"), ratio >= factor)
        }
        Bound::MostAbove(most, name) => {
            let above = value - other(name)?;
            judged(
                format!("≤ {name} + {}", amount(most, unit)),
                format!("+ {}", amount(above, unit)),
                above <= most,
            )
        }
    }
}

/// Three digits, and the unit.
fn amount(value: f64, unit: &str) -> String {
    let number = match value.abs() {
        size if size >= 10_000.0 => format!("{:.0} thousand", value / 1e3),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    };
    if unit.is_empty() { number } else { format!("{number} {unit}") }
}

fn median(row: &Row, outcome: &[Runs], label: &str, figure: &Figure) -> Option<f64> {
    let index = row.entries.iter().position(|entry| entry.label == label)?;
    Some(spread(outcome[index].as_ref()?, figure)?.median)
}

/// The table with a line for every bound; the servers beside the hub have a column each.
pub(crate) fn report(rows: &[Row], outcomes: &[Vec<Runs>], rounds: u16) -> String {
    const BESIDE: [&str; 3] = ["floor", "axum", "nchan"];
    let mut out = format!(
        "The median of rounds: {rounds}. Processors: {}.\n\n\
         | load | figure | headwater | {} | must be | is | |\n|---|---|---|---|---|---|---|---|---|\n",
        std::thread::available_parallelism().map_or(0, usize::from),
        BESIDE.join(" | "),
    );
    for (row, outcome) in rows.iter().zip(outcomes) {
        for figure in &row.figures {
            for check in &figure.checks {
                let other = |label: &str| median(row, outcome, label, figure);
                let Some(value) = other(check.entry) else { continue };
                let Some(verdict) = verdict(value, check.must, figure.unit, other) else { continue };
                let name = match check.entry {
                    "headwater" => figure.name.to_owned(),
                    entry => format!(
                        "{}, {}",
                        figure.name,
                        entry.trim_start_matches("headwater").trim_matches([' ', ','])
                    ),
                };
                let beside = BESIDE
                    .map(|label| other(label).map_or_else(String::new, |value| amount(value, figure.unit)));
                let [floor, axum, nchan] = &beside;
                let is = amount(value, figure.unit);
                // Cheap or quick is easy for who does not deliver.
                let mark = match (verdict.pass, faulty(row, outcome, check.entry)) {
                    (true, false) => "✓",
                    (true, true) => "✗ (faults)",
                    (false, _) => "✗",
                };
                line(
                    &mut out,
                    &[row.title, &name, &is, floor, axum, nchan, &verdict.must, &verdict.is, mark],
                );
            }
        }
        let count = |runs: &Runs| runs.iter().flatten().filter(|run| !run.report.is_faultless()).count();
        let ours = row.entries.iter().zip(outcome).filter(|(entry, _)| entry.server.name() == "headwater");
        if ours.clone().any(|(_, runs)| runs.is_some()) {
            let faults: usize = ours.map(|(_, runs)| count(runs)).sum();
            let mark = if faults == 0 { "✓" } else { "✗" };
            let name = "runs with an event lost, doubled, out of order or refused";
            line(
                &mut out,
                &[row.title, name, &faults.to_string(), "", "", "", "0", &faults.to_string(), mark],
            );
        }
    }
    let faults: Vec<String> =
        rows.iter().zip(outcomes).flat_map(|(row, outcome)| faults(row, outcome)).collect();
    if !faults.is_empty() {
        let _ = writeln!(out, "\nFaults, of any server:\n");
        for fault in faults {
            let _ = writeln!(out, "- {fault}");
        }
    }
    out
}

fn line(out: &mut String, cells: &[&str]) {
    let _ = writeln!(out, "| {} |", cells.join(" | "));
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

/// Writes everything beside the table; answers the file.
pub(crate) fn save(folder: &Path, rows: &[Row], outcomes: &[Vec<Runs>], table: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let time = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    let all: Vec<_> = rows
        .iter()
        .zip(outcomes)
        .map(|(row, outcome)| {
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
        })
        .collect();
    let file = folder.join(format!("{time}.json"));
    let details: String = rows.iter().zip(outcomes).map(|(row, outcome)| details(row, outcome)).collect();
    fs::write(file.with_extension("md"), format!("{table}{details}"))?;
    fs::write(&file, serde_json::to_vec_pretty(&json!({ "unix_time": time, "rows": all }))?)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle() {
        let of = |values: &[f64]| spread_of(values.to_vec());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[3.0]), Some(Spread { least: 3.0, median: 3.0, most: 3.0 }));
        assert_eq!(of(&[5.0, 1.0, 9.0]), Some(Spread { least: 1.0, median: 5.0, most: 9.0 }));
        assert_eq!(of(&[4.0, 1.0, 2.0, 9.0]), Some(Spread { least: 1.0, median: 3.0, most: 9.0 }));
    }

    #[test]
    fn bounds_are_judged_on_the_right_side() {
        let pass = |value, must| verdict(value, must, "", |_| Some(10.0)).map(|verdict| verdict.pass);
        assert_eq!(pass(1.0, Bound::Most(1.0)), Some(true));
        assert_eq!(pass(1.1, Bound::Most(1.0)), Some(false));
        assert_eq!(pass(494.0, Bound::Least(495.0)), Some(false));
        assert_eq!(pass(11.4, Bound::MostOf(1.15, "floor")), Some(true));
        assert_eq!(pass(11.6, Bound::MostOf(1.15, "floor")), Some(false));
        assert_eq!(pass(30.0, Bound::LeastOf(3.0, "axum")), Some(true));
        assert_eq!(pass(29.0, Bound::LeastOf(3.0, "axum")), Some(false));
        assert_eq!(pass(26.0, Bound::MostAbove(16.0, "without")), Some(true));
        assert_eq!(pass(27.0, Bound::MostAbove(16.0, "without")), Some(false));
        assert_eq!(verdict(1.0, Bound::MostOf(1.0, "axum"), "", |_| None), None);
    }

    #[test]
    fn every_bound_names_entries_that_are_there() {
        for row in crate::rows::rows() {
            let there = |label: &str| row.entries.iter().any(|entry| entry.label == label);
            for check in row.figures.iter().flat_map(|figure| &figure.checks) {
                assert!(there(check.entry), "{}: {}", row.name, check.entry);
                if let Bound::MostOf(_, other) | Bound::LeastOf(_, other) | Bound::MostAbove(_, other) =
                    check.must
                {
                    assert!(there(other), "{}: {other}", row.name);
                }
            }
        }
    }
}
