//! Which hubs must have begun an epoch, and which must not.

use std::collections::BTreeMap;

use crate::{
    ledger::Ledger,
    lobby::Generation,
    operation::{Answer, Operation},
};

/// How a hub has ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum End {
    /// In good order.
    Stopped,
    /// Killed while it was about to; or while it started, with or without a trace.
    Unclear,
    Killed,
}

/// For each hub that listened the worst end of those between it and the one before that did.
#[derive(Default)]
pub(crate) struct Starts {
    ends: Vec<End>,
    worst: Option<End>,
}

impl Starts {
    pub(crate) fn ended(&mut self, end: End) {
        self.worst = self.worst.max(Some(end));
    }

    pub(crate) fn listens(&mut self) {
        self.ends.push(self.worst.take().unwrap_or(End::Unclear));
    }

    /// The worst end between two hubs that listened.
    fn worst(&self, after: Generation, until: Generation) -> Option<End> {
        self.ends[after as usize..until as usize].iter().copied().max()
    }
}

impl Ledger {
    /// A hub that was not stopped in good order is followed by a new epoch, and only such a one.
    pub(crate) fn check_epochs(&self, starts: &Starts) {
        let mut epochs: BTreeMap<Generation, &str> = BTreeMap::new();
        for (generation, id) in self.all().flat_map(made_ids) {
            let epoch = id.rsplit_once('-').expect("the hub made it").0;
            let known = *epochs.entry(generation).or_insert(epoch);
            assert_eq!(known, epoch, "of one hub, number {generation}");
        }
        for ((before, old), (after, new)) in epochs.iter().zip(epochs.iter().skip(1)) {
            let end = starts.worst(*before, *after).expect("there is one");
            if end != End::Unclear {
                assert_eq!(old == new, end == End::Stopped, "{end:?} between number {before} and {after}");
            }
        }
    }
}

/// The ids that the hub has made up, where it is known which hub that was.
fn made_ids(operation: &Operation) -> impl Iterator<Item = (Generation, &str)> {
    let made = operation.updates.iter().zip(&operation.answers).filter(|(update, _)| update.id.is_none());
    let ids =
        made.filter_map(|(_, answer)| if let Answer::Id(id) = answer { Some(id.as_str()) } else { None });
    operation.published_by.into_iter().flat_map(move |by| ids.clone().map(move |id| (by, id)))
}
