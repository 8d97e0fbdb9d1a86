//! What was promised, held against what there is in the end: history against the publishers, the subscribers' records
//! against history.

use std::collections::HashMap;

use crate::{
    operation::{Answer, Form, Operation, Planned},
    subscriber::Record,
};

/// All that publishers have tried, each in its order.
pub(crate) struct Ledger {
    pub(crate) publishers: Vec<Vec<Operation>>,
}

/// All that was retained, in its order.
pub(crate) struct History<'a> {
    entries: Vec<Entry<'a>>,
}

struct Entry<'a> {
    update: &'a Planned,
    event: &'a str,
}

/// What is wrong. All of it is told: how many there are says much.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    const SHOWN: usize = 30;

    #[track_caller]
    fn assert_none(mut self) {
        let all = self.0.len();
        self.0.truncate(Self::SHOWN);
        assert!(all == 0, "{all} findings:\n  {}", self.0.join("\n  "));
    }
}

impl Ledger {
    /// Checks what all of history is, as one who may see everything has read it.
    pub(crate) fn check<'a>(&'a self, events: &'a [String]) -> History<'a> {
        let mut findings = Findings::default();
        let planned = self.all().flat_map(|operation| &operation.updates);
        let planned: HashMap<&str, &Planned> = planned.map(|update| (&*update.name, update)).collect();
        let mut entries = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (place, event) in events.iter().enumerate() {
            let id = event.lines().find_map(|line| line.strip_prefix("id: ")).unwrap_or_default();
            let name = event.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or_default();
            let name = name.split(' ').next().expect("a split has a first part");
            let Some(update) = planned.get(name) else {
                findings.0.push(format!("nobody has published {event:?}"));
                continue;
            };
            if *event != update.event(id) {
                findings.0.push(format!("{event:?} was {:?}", update.event(id)));
            }
            // Offsets count all updates: nothing is left out, also of what nobody was told of.
            let is_right = match &update.id {
                Some(chosen) => chosen == id,
                None => id.rsplit_once('-').is_some_and(|(_, offset)| offset == (place + 1).to_string()),
            };
            if !is_right {
                findings.0.push(format!("{id} is no id for {name}, number {}", place + 1));
            }
            if let Some(earlier) = places.insert(&update.name, place) {
                findings.0.push(format!("{name} is there twice: number {} and {}", earlier + 1, place + 1));
            }
            entries.push(Entry { update, event });
        }
        for operations in &self.publishers {
            let mut last = None;
            for operation in operations {
                check_operation(operation, events, &places, &mut last, &mut findings);
            }
        }
        findings.assert_none();
        History { entries }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Operation> {
        self.publishers.iter().flatten()
    }
}

/// `last` is the place of the publisher's last update before this operation.
fn check_operation<'a>(
    operation: &'a Operation,
    events: &[String],
    places: &HashMap<&str, usize>,
    last: &mut Option<(usize, &'a str)>,
    findings: &mut Findings,
) {
    let first = &operation.updates[0].name;
    let mut there = 0;
    for (update, answer) in operation.updates.iter().zip(&operation.answers) {
        let name = &*update.name;
        let Some(&place) = places.get(name) else {
            if *answer != Answer::None {
                findings.0.push(format!("{name} is lost, it was answered {answer:?}"));
            }
            continue;
        };
        there += 1;
        if let Answer::Id(id) = answer
            && !events[place].lines().any(|line| line.strip_prefix("id: ") == Some(id))
        {
            findings.0.push(format!("{name} was answered {id}, and is {:?}", events[place]));
        }
        if let Some((before, earlier)) = *last
            && before >= place
        {
            findings.0.push(format!("{earlier} is behind {name}, which its publisher sent after it"));
        }
        *last = Some((place, name));
    }
    if operation.form == Form::Array {
        let all = operation.updates.len();
        let apart = last.is_some_and(|(end, _)| there == all && places[&**first] + all != end + 1);
        if there % all != 0 || apart {
            findings.0.push(format!("of the array of {all} at {first}, {there} are there, apart: {apart}"));
        }
    }
    if operation.key.is_some() && !operation.answers.iter().all(|a| matches!(a, Answer::Id(_))) {
        findings.0.push(format!("{first} was never answered, in {} attempts", operation.attempts));
    }
}

impl History<'_> {
    /// Each record is what there is for it, from its first event on.
    pub(crate) fn check<'r>(&self, records: impl IntoIterator<Item = &'r Record>) {
        let mut findings = Findings::default();
        for (number, record) in records.into_iter().enumerate() {
            if let Err(finding) = self.check_record(record) {
                let Record { wish, connections, .. } = record;
                findings
                    .0
                    .push(format!("subscriber {number}, {connections} connections, {wish:?}: {finding}"));
            }
        }
        findings.assert_none();
    }

    fn check_record(&self, record: &Record) -> Result<(), String> {
        let wanted: Vec<&str> =
            self.entries.iter().filter(|e| record.wish.wants(e.update)).map(|e| e.event).collect();
        let first = record.events.first().ok_or("it was sent nothing")?;
        let start =
            if record.wish.earliest { Some(0) } else { wanted.iter().position(|event| event == first) };
        let wanted = &wanted[start.ok_or_else(|| format!("its first is {first:?}, which is not its"))?..];
        for (place, event) in record.events.iter().enumerate() {
            if wanted.get(place) == Some(&&**event) {
                continue;
            }
            let what = match wanted.iter().position(|w| w == event) {
                Some(true_place) if true_place < place => "once more, or too late",
                Some(true_place) => {
                    return Err(format!("{} are missing before {event:?}", true_place - place));
                }
                None => "which is not its, or not so",
            };
            let before = place.checked_sub(1).map(|i| &record.events[i]);
            return Err(format!("after {place} events, the last {before:?}, came {event:?}, {what}"));
        }
        match wanted.len() - record.events.len() {
            0 => Ok(()),
            missing => Err(format!("{missing} are missing at the end")),
        }
    }
}
