//! The epochs of a history whose manifest is lost: the ids that the hub gave its updates name them.

use std::sync::Arc;

use super::{
    lenient::Lenient,
    walk::{Step, Walk},
};
use crate::{
    cursor::{Cursor, Epoch, Offset},
    epochs::Epochs,
    log::{head::SegmentHead, survey::Tail},
};

#[derive(Debug, Default)]
pub(super) struct Told {
    list: Vec<(Epoch, Offset)>,
    /// Behind the last update that named its epoch.
    next: Offset,
}

impl Told {
    /// Reads the ids in a segment; segments come in their order.
    pub(super) fn read(&mut self, file: &Arc<Lenient>, head: SegmentHead, end: u64) -> std::io::Result<()> {
        let mut walk = Walk::new(file.clone(), head, end, Tail::Whole, false);
        self.next = self.next.max(if self.list.is_empty() { head.first } else { 0 });
        while let Some(step) = walk.next()? {
            if let Step::Record(record) = step
                && !record.has_chosen_id()
                && let Some(cursor) = Cursor::parse(record.id())
                && cursor.offset == record.offset
            {
                self.take(cursor);
            }
        }
        Ok(())
    }

    fn take(&mut self, Cursor { epoch, offset }: Cursor) {
        if self.list.last().is_none_or(|&(last, _)| last != epoch) {
            // It may have begun with updates whose ids do not tell. What the epoch before is good for must not reach
            // over what that one may have given to others, and lost.
            self.list.push((epoch, self.next));
        }
        self.next = offset + 1;
    }

    /// The table, or one of this epoch alone where no update names any.
    pub(super) fn table(self, fresh: Epoch, first: Offset) -> Epochs {
        Epochs::from_list(self.list).unwrap_or_else(|| Epochs::new(fresh, first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(epoch: u64, offset: Offset) -> Cursor {
        Cursor { epoch: Epoch::from_bits(epoch), offset }
    }

    #[test]
    fn an_epoch_begins_where_the_one_before_was_last_seen() {
        let mut told = Told { next: 5, ..Told::default() };
        for cursor in [cursor(1, 7), cursor(1, 8), cursor(2, 12), cursor(3, 13)] {
            told.take(cursor);
        }
        let table = told.table(Epoch::from_bits(9), 5);
        let epochs = [(1, 5), (2, 9), (3, 13)].map(|(epoch, first)| (Epoch::from_bits(epoch), first));
        assert_eq!(table.list(), epochs);
        assert!(table.admits(cursor(1, 8), 20) && !table.admits(cursor(1, 9), 20));
    }

    #[test]
    fn where_no_update_names_one_there_is_a_new_one() {
        let table = Told::default().table(Epoch::from_bits(9), 5);
        assert_eq!(table.list(), [(Epoch::from_bits(9), 5)]);
    }
}
