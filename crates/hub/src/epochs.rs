//! Which epochs a history has seen, and from where on each.

use crate::cursor::{Cursor, Epoch, Offset};

/// So many are kept that no update needs, for the cursors that still name them: a hub that crashes at every start must
/// not make its manifest grow.
const IDLE: usize = 256;

/// The epochs of one history, oldest first, each with the offset of its first update. There is always a current one.
///
/// Offsets go on from epoch to epoch. What tells them apart is what was lost in between: a cursor of an epoch that has
/// ended is good for the offsets that were still true when the next one began, and for no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Epochs(Vec<(Epoch, Offset)>);

impl Epochs {
    pub(crate) fn new(epoch: Epoch, first: Offset) -> Self {
        Self(vec![(epoch, first)])
    }

    /// A table that was written down; `None` where it cannot be one.
    pub(crate) fn from_list(list: Vec<(Epoch, Offset)>) -> Option<Self> {
        let distinct =
            list.iter().enumerate().all(|(i, (epoch, _))| list[..i].iter().all(|(e, _)| e != epoch));
        (!list.is_empty() && list.is_sorted_by_key(|&(_, first)| first) && distinct).then_some(Self(list))
    }

    pub(crate) fn list(&self) -> &[(Epoch, Offset)] {
        &self.0
    }

    pub(crate) fn current(&self) -> Epoch {
        self.0[self.0.len() - 1].0
    }

    /// The epoch that gave this offset.
    pub(crate) fn of(&self, offset: Offset) -> Epoch {
        let after = self.0.partition_point(|&(_, first)| first <= offset);
        self.0[after.saturating_sub(1)].0
    }

    /// Whether the update that the cursor names is the one that is, or was, at its offset. `next` is the offset that
    /// the next update gets.
    pub(crate) fn admits(&self, cursor: Cursor, next: Offset) -> bool {
        let Some(i) = self.0.iter().position(|&(epoch, _)| epoch == cursor.epoch) else { return false };
        let end = self.0.get(i + 1).map_or(next, |&(_, first)| first);
        cursor.offset < end
    }

    /// From `first` on updates are of this epoch.
    pub(crate) fn begin(&mut self, epoch: Epoch, first: Offset) {
        debug_assert!(self.0.last().is_none_or(|&(_, before)| before <= first), "offsets never restart");
        self.0.push((epoch, first));
        let idle = |list: &[(Epoch, Offset)], i: usize| list[i].1 == list[i + 1].1;
        let ended = self.0.len() - 1;
        if (0..ended).filter(|&i| idle(&self.0, i)).count() > IDLE {
            let oldest = (0..ended).find(|&i| idle(&self.0, i)).expect("there are many");
            self.0.remove(oldest);
        }
    }

    /// Drops the epochs whose cursors all lie before what is held from `floor` on.
    pub(crate) fn forget_before(&mut self, floor: Offset) {
        let over = self.0.windows(2).take_while(|pair| pair[1].1 < floor).count();
        self.0.drain(..over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(n: u64) -> Epoch {
        Epoch::from_bits(n)
    }

    fn cursor(n: u64, offset: Offset) -> Cursor {
        Cursor { epoch: epoch(n), offset }
    }

    /// Epoch 1 gave 1 to 9, epoch 2 gave nothing, epoch 3 gives from 10 on.
    fn three() -> Epochs {
        let mut epochs = Epochs::new(epoch(1), 1);
        epochs.begin(epoch(2), 10);
        epochs.begin(epoch(3), 10);
        epochs
    }

    #[test]
    fn each_offset_has_the_epoch_that_gave_it() {
        let epochs = three();
        assert_eq!(epochs.current(), epoch(3));
        assert_eq!([0, 1, 9, 10, u64::MAX].map(|o| epochs.of(o)), [1, 1, 1, 3, 3].map(epoch));
    }

    #[test]
    fn a_cursor_is_good_as_far_as_its_epoch_reached() {
        let epochs = three();
        for (cursor, good) in [
            (cursor(1, 0), true),
            (cursor(1, 9), true),
            (cursor(1, 10), false), // Epoch 1 may have given it, and it was lost: another update has it now.
            (cursor(2, 9), true),   // The head, as epoch 2 told it.
            (cursor(2, 10), false),
            (cursor(3, 9), true),
            (cursor(3, 14), true),
            (cursor(3, 15), false),
            (cursor(4, 1), false),
        ] {
            assert_eq!(epochs.admits(cursor, 15), good, "{cursor}");
        }
    }

    #[test]
    fn an_epoch_is_forgotten_when_nothing_can_go_on_from_it() {
        let mut epochs = three();
        epochs.forget_before(10);
        assert_eq!(epochs, three(), "after 9 comes 10, which is held");
        epochs.forget_before(11);
        assert_eq!(epochs.list(), [(epoch(3), 10)]);
        epochs.forget_before(u64::MAX);
        assert_eq!(epochs.current(), epoch(3), "the current one stays");
    }

    #[test]
    fn starts_without_an_update_do_not_fill_the_table() {
        let mut epochs = Epochs::new(epoch(0), 1);
        for n in 1..=10_000 {
            epochs.begin(epoch(n), 5);
        }
        assert_eq!(epochs.list().len(), 1 + IDLE + 1);
        assert_eq!((epochs.of(4), epochs.of(5)), (epoch(0), epoch(10_000)), "what updates need is there");
        assert!(epochs.admits(cursor(9_999, 4), 5));
        assert!(!epochs.admits(cursor(1, 4), 5));
    }

    #[test]
    fn a_list_that_is_no_table_is_refused() {
        let of =
            |list: &[(u64, Offset)]| Epochs::from_list(list.iter().map(|&(e, o)| (epoch(e), o)).collect());
        assert_eq!(of(&[(1, 1), (2, 10), (3, 10)]), Some(three()));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(1, 10), (2, 9)]), None);
        assert_eq!(of(&[(1, 1), (1, 9)]), None);
    }
}
