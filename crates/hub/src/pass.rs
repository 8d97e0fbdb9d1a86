//! One pass over some updates: who gets which of them is gathered first, then each subscriber is written once.
//!
//! What a subscriber has been given so far in the pass is a node in a tree of lists: its parent, and one record more.
//! All whose lists are equal stand at the same node, so a list is joined into one buffer once, and written to each of
//! them with one call. A subscriber's part of it is four bytes.

use std::{collections::HashMap, sync::Arc};

use crate::{
    framing::Framing,
    record::Shared,
    told::{Sent, Told},
};

/// A list of records, by its place in the tree.
pub(crate) type Node = u32;

/// The empty list, where each subscriber stands between passes.
pub(crate) const ROOT: Node = 0;

/// Joined bytes are kept for those who stand at the same node, up to here; beyond it they are joined again.
const ARENA: usize = 4 << 20;

/// Lists that memory is kept for between passes: 1.3 MiB.
const ENTRIES: usize = 1 << 16;

#[derive(Debug, Clone, Copy)]
struct Entry {
    parent: Node,
    /// The last update of the list: its place among the records, or behind them among those with lines.
    sent: u32,
    /// The child that was made last: while one record is handed round, all who stand here move to the same child.
    child: Node,
    /// The joined bytes in the arena, empty where they are not (or no longer) there.
    joined: (u32, u32),
}

/// A run of records, and the lists that have been made of them.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    pub(crate) records: Vec<Shared>,
    /// Records with lines beside them. All who are told the same share one.
    told: Vec<Arc<Told>>,
    by_lines: HashMap<(u32, String), u32>,
    /// The children that end with one of them: those who stand at one list may be told different things.
    children: HashMap<(Node, u32), Node>,
    entries: Vec<Entry>,
    arena: Vec<u8>,
    /// Scratch: the records of a list, first to last.
    path: Vec<u32>,
}

impl Pass {
    /// Drops the records and all lists, and keeps the memory unless it is much.
    pub(crate) fn clear(&mut self) {
        self.records.clear();
        self.told.clear();
        self.by_lines.clear();
        self.children.clear();
        self.entries.clear();
        self.entries.shrink_to(ENTRIES);
        self.arena.clear();
        self.arena.shrink_to(ARENA);
        self.entries.push(Entry { parent: ROOT, sent: 0, child: ROOT, joined: (0, 0) });
    }

    /// How many lists there are.
    pub(crate) fn lists(&self) -> usize {
        self.entries.len() - 1
    }

    /// The list at `node` with the record at `index` added. Records are added in ascending order.
    pub(crate) fn add(&mut self, node: Node, index: usize) -> Node {
        let sent = index as u32;
        let child = self.entries[node as usize].child;
        if child != ROOT && self.entries[child as usize].sent == sent {
            return child;
        }
        let new = self.push(node, sent);
        self.entries[node as usize].child = new;
        new
    }

    /// The same, with lines beside the record.
    pub(crate) fn add_told(&mut self, node: Node, index: usize, lines: String) -> Node {
        let Self { records, told, by_lines, .. } = self;
        let sent = *by_lines.entry((index as u32, lines)).or_insert_with_key(|(_, lines)| {
            told.push(Arc::new(Told::new(records[index].clone(), lines)));
            (records.len() + told.len() - 1) as u32
        });
        if let Some(&child) = self.children.get(&(node, sent)) {
            return child;
        }
        let child = self.push(node, sent);
        self.children.insert((node, sent), child);
        child
    }

    fn push(&mut self, parent: Node, sent: u32) -> Node {
        self.entries.push(Entry { parent, sent, child: ROOT, joined: (0, 0) });
        (self.entries.len() - 1) as Node
    }

    /// The last record of the list.
    pub(crate) fn last(&self, node: Node) -> Option<&Shared> {
        let i = (node != ROOT).then(|| self.entries[node as usize].sent as usize)?;
        Some(self.records.get(i).unwrap_or_else(|| self.told[i - self.records.len()].record()))
    }

    fn sent(&self, i: u32) -> Sent {
        let i = i as usize;
        match self.records.get(i) {
            Some(record) => Sent::Plain(record.clone()),
            None => Sent::Told(self.told[i - self.records.len()].clone()),
        }
    }

    fn trace(&mut self, node: Node) {
        self.path.clear();
        let mut at = node;
        while at != ROOT {
            let entry = self.entries[at as usize];
            self.path.push(entry.sent);
            at = entry.parent;
        }
        self.path.reverse();
    }

    /// The updates of the list.
    pub(crate) fn list(&mut self, node: Node) -> impl Iterator<Item = Sent> {
        self.trace(node);
        self.path.iter().map(|&i| self.sent(i))
    }

    /// The bytes of the list.
    pub(crate) fn bytes(&mut self, node: Node, framing: Framing) -> &[u8] {
        let entry = self.entries[node as usize];
        if entry.parent == ROOT {
            return bytes(&self.records, &self.told, entry.sent, framing);
        }
        // HTTP/1.0 is rare: its lists are joined each time, at the arena's end, and not kept.
        let keep = framing == Framing::Chunked;
        if keep && entry.joined.1 > 0 {
            return &self.arena[entry.joined.0 as usize..entry.joined.1 as usize];
        }
        if self.arena.len() > ARENA {
            self.arena.clear();
            for entry in &mut self.entries {
                entry.joined = (0, 0);
            }
        }
        self.trace(node);
        let start = self.arena.len();
        for &i in &self.path {
            self.arena.extend_from_slice(bytes(&self.records, &self.told, i, framing));
        }
        let end = self.arena.len();
        if keep {
            self.entries[node as usize].joined = (start as u32, end as u32);
        }
        &self.arena[start..end]
    }

    /// The update of the list in which byte `at` of its bytes lies, and the place in it. `None` at or past the end.
    pub(crate) fn locate(&mut self, node: Node, framing: Framing, mut at: usize) -> Option<(Sent, usize)> {
        self.trace(node);
        for &i in &self.path {
            let len = bytes(&self.records, &self.told, i, framing).len();
            if at < len {
                return Some((self.sent(i), at));
            }
            at -= len;
        }
        None
    }
}

fn bytes<'a>(records: &'a [Shared], told: &'a [Arc<Told>], i: u32, framing: Framing) -> &'a [u8] {
    let i = i as usize;
    match records.get(i) {
        Some(record) => record.bytes(framing),
        None => told[i - records.len()].bytes(framing),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::{Topic, Update, cursor::Epoch, record::Draft};

    fn pass(data: &[&str]) -> Pass {
        let mut pass = Pass::default();
        pass.clear();
        for (data, offset) in data.iter().zip(1..) {
            let draft = Draft::new(Update::new(Topic::new("t").unwrap(), *data));
            pass.records.push(Arc::new(draft.seal(Epoch::from_bits(0), offset, UNIX_EPOCH).0));
        }
        pass
    }

    fn plain(pass: &Pass, list: &[usize], framing: Framing) -> Vec<u8> {
        list.iter().flat_map(|&i| pass.records[i].bytes(framing).to_vec()).collect()
    }

    #[test]
    fn equal_lists_are_one_node_and_different_ones_are_not() {
        let mut pass = pass(&["a", "b", "c"]);
        let (mut x, mut y, mut z) = (ROOT, ROOT, ROOT);
        x = pass.add(x, 0);
        y = pass.add(y, 0);
        assert_eq!(x, y);
        y = pass.add(y, 1);
        z = pass.add(z, 1);
        assert_ne!(y, z);
        x = pass.add(x, 2);
        y = pass.add(y, 2);
        z = pass.add(z, 2);
        for (node, list) in [(x, &[0, 2][..]), (y, &[0, 1, 2]), (z, &[1, 2])] {
            for framing in [Framing::Chunked, Framing::Bare, Framing::Chunked] {
                let expected = plain(&pass, list, framing);
                assert_eq!(pass.bytes(node, framing), expected);
            }
        }
    }

    #[test]
    fn a_byte_is_located_in_its_record() {
        let mut pass = pass(&["a", "bbbb", "c"]);
        let mut node = ROOT;
        for i in 0..3 {
            node = pass.add(node, i);
        }
        for framing in [Framing::Chunked, Framing::Bare] {
            let mut expected = vec![];
            for record in &pass.records {
                expected.extend((0..record.bytes(framing).len()).map(|at| (record.offset, at)));
            }
            for (at, &place) in expected.iter().enumerate() {
                let (sent, within) = pass.locate(node, framing, at).unwrap();
                assert_eq!((sent.offset(), within), place);
            }
            assert!(pass.locate(node, framing, expected.len()).is_none());
        }
    }

    #[test]
    fn an_arena_that_is_full_starts_anew() {
        let big = "x".repeat(ARENA / 2 + 1);
        let mut pass = pass(&[&big, &big, &big, "y"]);
        let nodes: Vec<_> = (0..3)
            .map(|i| {
                let node = pass.add(ROOT, i);
                pass.add(node, 3)
            })
            .collect();
        for _ in 0..2 {
            for (i, &node) in nodes.iter().enumerate() {
                let expected = plain(&pass, &[i, 3], Framing::Chunked);
                assert!(pass.bytes(node, Framing::Chunked) == expected);
            }
        }
    }
}
