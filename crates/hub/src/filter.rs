//! Which updates a subscriber may see and wants to.

use std::{collections::BTreeSet, sync::Arc};

use crate::{Selector, Topic, record::Record};

/// Each topic is looked up in each segment of the log.
const EXACT: usize = 1_000;

/// What a subscriber asked for, and what it is allowed.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) selectors: Box<[Selector]>,
    pub(crate) grant: Option<Arc<[Selector]>>,
}

impl Filter {
    /// Whether it is subscribed to one of the update's topics and may see it.
    pub(crate) fn admits(&self, record: &Record) -> bool {
        self.may_see(record) && any(&self.selectors, record)
    }

    /// The topics that it can be subscribed to, in ascending order, if they can be told one by one, and are few enough
    /// that looking up each costs less than reading everything.
    pub(crate) fn exact_topics(&self) -> Option<Arc<[Topic]>> {
        if self.selectors.len() > EXACT {
            return None;
        }
        let texts: Option<BTreeSet<&str>> = self.selectors.iter().map(Selector::as_exact).collect();
        // A text that is no topic matches none.
        Some(texts?.into_iter().filter_map(|text| Topic::new(text).ok()).collect())
    }

    /// The update's topics that it is subscribed to and may see: the others may be other people's.
    pub(crate) fn shown_topics<'a>(&self, record: &'a Record) -> impl Iterator<Item = &'a str> {
        let granted = |topic: &str| {
            !record.is_private()
                || self.grant.as_ref().is_some_and(|grant| grant.iter().any(|s| s.matches(topic)))
        };
        record.topics().filter(move |topic| self.selectors.iter().any(|s| s.matches(topic)) && granted(topic))
    }

    /// How many selectors a topic is held against, in the worst case.
    pub(crate) fn weight(&self) -> usize {
        self.selectors.len() + self.grant.as_ref().map_or(0, |grant| grant.len())
    }

    /// Whether its grant allows the update: any public one, and a private one of which a topic is granted.
    pub(crate) fn may_see(&self, record: &Record) -> bool {
        !record.is_private() || self.grant.as_ref().is_some_and(|grant| any(grant, record))
    }
}

fn any(selectors: &[Selector], record: &Record) -> bool {
    record.topics().any(|topic| selectors.iter().any(|s| s.matches(topic)))
}
