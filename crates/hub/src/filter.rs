//! Which updates a subscriber may see and wants to.

use std::sync::Arc;

use crate::{Selector, record::Record};

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
