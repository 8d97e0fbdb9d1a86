//! What a history on disk does: rows that fill it, restart or kill the hub, stall its readers, each in a way of its own.
//!
//! Each is a module with a `case()`, whose figures stand in the same table as the others' and are judged alike.

mod crowd;
pub(crate) mod feed;
mod flat;
mod hub;
mod lapped;
mod ndjson;
mod post;
mod replay;
mod replay_many;
mod single;
pub(crate) mod site;
mod start;
mod topic;

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    Failure,
    server::Installed,
    table::Table,
    verdict::{Bound, Spread, amount, judge},
};

/// The stamps of what a case looks at.
const RUN: u16 = 1;

/// One row.
pub(crate) struct Case {
    pub name: &'static str,
    pub title: &'static str,
    figures: Vec<Figure>,
    run: fn(&Installed, Plan) -> Result<Vec<Round>, Failure>,
}

/// What is read off a round, and what it must be.
struct Figure {
    name: &'static str,
    unit: &'static str,
    must: Option<Bound>,
    of: Of,
}

/// Which round counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Median,
    /// Of what must never be more, or where it would be hidden.
    Most,
}

impl Figure {
    fn median(name: &'static str, unit: &'static str, must: Bound) -> Self {
        Self { name, unit, must: Some(must), of: Of::Median }
    }

    fn most(name: &'static str, unit: &'static str, must: Bound) -> Self {
        Self { name, unit, must: Some(must), of: Of::Most }
    }

    /// Only for the details.
    fn told(name: &'static str, unit: &'static str) -> Self {
        Self { name, unit, must: None, of: Of::Median }
    }
}

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub rounds: u16,
    /// A tenth of everything.
    pub quick: bool,
}

impl Plan {
    fn scaled(self, count: u64) -> u64 {
        if self.quick { count / 10 } else { count }
    }
}

/// What was measured once.
#[derive(Debug, Default)]
pub(crate) struct Round {
    values: Vec<(&'static str, f64)>,
    faults: Vec<String>,
}

impl Round {
    fn set(&mut self, figure: &'static str, value: f64) {
        self.values.push((figure, value));
    }

    fn fault(&mut self, fault: Option<String>) {
        self.faults.extend(fault);
    }
}

/// All cases, in the order in which they run.
pub(crate) fn cases() -> Vec<Case> {
    vec![
        ndjson::case(),
        single::case(),
        replay::case(),
        replay_many::case(),
        topic::case(),
        start::case(),
        lapped::case(),
        flat::case(),
    ]
}

impl Case {
    /// Its rounds. What stops it is a fault: the rows after it can still be measured.
    pub(crate) fn run(&self, installed: &Installed, plan: Plan) -> Vec<Round> {
        eprintln!("{}: headwater", self.name);
        (self.run)(installed, plan)
            .unwrap_or_else(|error| vec![Round { values: Vec::new(), faults: vec![error.to_string()] }])
    }

    fn spread(&self, rounds: &[Round], name: &str) -> Option<Spread> {
        let of =
            |round: &Round| round.values.iter().find(|(figure, _)| *figure == name).map(|(_, value)| *value);
        debug_assert!(self.figures.iter().any(|figure| figure.name == name), "{name}");
        Spread::of(rounds.iter().filter_map(of).collect())
    }

    /// Adds the bounds to the table.
    pub(crate) fn add(&self, table: &mut Table, rounds: &[Round]) {
        let faulty = rounds.iter().filter(|round| !round.faults.is_empty()).count();
        let median = |name: &str| self.spread(rounds, name).map(|spread| spread.median);
        for figure in &self.figures {
            let (Some(must), Some(spread)) = (figure.must, self.spread(rounds, figure.name)) else {
                continue;
            };
            let value = if figure.of == Of::Most { spread.most } else { spread.median };
            let Some(verdict) = judge(value, must, figure.unit, median) else { continue };
            let beside = |name: &str| {
                let here = self.figures.iter().any(|figure| figure.name == name);
                here.then(|| median(name).map(|value| amount(value, figure.unit))).flatten()
            };
            let is = amount(value, figure.unit);
            table.bound(self.title, figure.name, &is, beside, &verdict, faulty > 0);
        }
        table.faulty_runs(self.title, faulty);
        for (number, round) in rounds.iter().enumerate() {
            for fault in &round.faults {
                table.fault(format!("{}, round {}: {fault}", self.name, number + 1));
            }
        }
    }

    /// Every figure with its spread.
    pub(crate) fn details(&self, rounds: &[Round]) -> String {
        let mut out = format!("\n{}\n\n| figure | median | least | most |\n|---|---|---|---|\n", self.title);
        for figure in &self.figures {
            let Some(Spread { least, median, most }) = self.spread(rounds, figure.name) else { continue };
            let [least, median, most] = [least, median, most].map(|value| amount(value, figure.unit));
            let _ = writeln!(out, "| {} | {median} | {least} | {most} |", figure.name);
        }
        for fault in rounds.iter().flat_map(|round| &round.faults) {
            let _ = writeln!(out, "fault: {fault}");
        }
        out
    }

    /// The rounds, for the file.
    pub(crate) fn saved(&self, rounds: &[Round]) -> Value {
        let rounds: Vec<_> =
            rounds.iter().map(|round| json!({ "figures": round.values, "faults": round.faults })).collect();
        json!({ "row": self.name, "title": self.title, "entries": [{ "entry": "headwater", "rounds": rounds }] })
    }
}

fn kibibytes(bytes: u64) -> f64 {
    bytes as f64 / 1024.0
}

fn mebibytes(bytes: u64) -> f64 {
    kibibytes(bytes) / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_bounds_are_of_figures_that_are_there() {
        let cases = cases();
        let rows = crate::rows::rows();
        let mut names: Vec<&str> =
            cases.iter().map(|case| case.name).chain(rows.iter().map(|row| row.name)).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        for case in &cases {
            let there = |name: &str| case.figures.iter().filter(|figure| figure.name == name).count();
            for figure in &case.figures {
                assert_eq!(there(figure.name), 1, "{}: {}", case.name, figure.name);
                if let Some(other) = figure.must.and_then(Bound::other) {
                    assert_eq!(there(other), 1, "{}: {other}", case.name);
                }
            }
        }
    }

    #[test]
    fn the_worst_round_counts_where_it_must_and_a_fault_spoils_all() {
        let case = Case {
            name: "case",
            title: "a case",
            figures: vec![
                Figure::median("rate", "", Bound::Least(5.0)),
                Figure::most("wait", "ms", Bound::Most(5.0)),
            ],
            run: |_, _| Ok(Vec::new()),
        };
        let round = |rate, wait, fault: Option<&str>| Round {
            values: vec![("rate", rate), ("wait", wait)],
            faults: fault.map(str::to_owned).into_iter().collect(),
        };
        let table = |rounds: &[Round]| {
            let mut table = Table::new("");
            case.add(&mut table, rounds);
            table.finish()
        };
        let text = table(&[round(9.0, 1.0, None), round(6.0, 2.0, None), round(1.0, 7.0, None)]);
        assert!(text.contains("| a case | rate | 6.00 |  |  |  | ≥ 5.00 | 6.00 | ✓ |"), "{text}");
        assert!(text.contains("| a case | wait | 7.00 ms |  |  |  | ≤ 5.00 ms | 7.00 ms | ✗ |"), "{text}");
        let text = table(&[round(9.0, 1.0, Some("one was lost")), round(9.0, 1.0, None)]);
        assert!(text.contains("| ✗ (faults) |") && text.contains("- case, round 1: one was lost"), "{text}");
    }
}
