//! The names in the directory: as they are, and as a power cut may find them.

use std::collections::BTreeMap;

use super::random::Random;

pub(super) type Inode = u64;

#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    now: BTreeMap<String, Inode>,
    synced: BTreeMap<String, Inode>,
    /// Since the last sync, in order.
    changes: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Create(String, Inode),
    Remove(String),
    Rename(String, String),
}

impl Change {
    fn make(&self, names: &mut BTreeMap<String, Inode>) {
        match self {
            Self::Create(name, inode) => {
                names.insert(name.clone(), *inode);
            }
            Self::Remove(name) => {
                names.remove(name);
            }
            Self::Rename(from, to) => {
                if let Some(inode) = names.remove(from) {
                    names.insert(to.clone(), inode);
                }
            }
        }
    }
}

impl Names {
    pub(super) fn durable(names: BTreeMap<String, Inode>) -> Self {
        Self { synced: names.clone(), now: names, changes: Vec::new() }
    }

    pub(super) fn get(&self, name: &str) -> Option<Inode> {
        self.now.get(name).copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Inode)> {
        self.now.iter().map(|(name, inode)| (name.as_str(), *inode))
    }

    pub(super) fn has(&self, inode: Inode) -> bool {
        self.now.values().any(|&its| its == inode)
    }

    /// Whether the file has a name, or may have one again after a power cut.
    pub(super) fn may_have(&self, inode: Inode) -> bool {
        let created = |change: &Change| matches!(change, Change::Create(_, its) if *its == inode);
        self.synced.values().any(|&its| its == inode) || self.changes.iter().any(created)
    }

    pub(super) fn is_synced(&self) -> bool {
        self.changes.is_empty()
    }

    pub(super) fn create(&mut self, name: &str, inode: Inode) {
        self.change(Change::Create(name.to_owned(), inode));
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.change(Change::Remove(name.to_owned()));
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) {
        self.change(Change::Rename(from.to_owned(), to.to_owned()));
    }

    fn change(&mut self, change: Change) {
        change.make(&mut self.now);
        self.changes.push(change);
    }

    pub(super) fn sync(&mut self) {
        self.synced.clone_from(&self.now);
        self.changes.clear();
    }

    /// What a power cut leaves: a journal keeps the order of its changes, so it is cut off at one of them.
    pub(super) fn crash(&self, random: &mut Random) -> Self {
        let mut found = self.synced.clone();
        for change in &self.changes[..random.below(self.changes.len() + 1)] {
            change.make(&mut found);
        }
        Self::durable(found)
    }
}

mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_power_cut_finds_the_names_at_some_moment_since_the_last_sync() {
        let mut moments = BTreeSet::new();
        for seed in 0..2000 {
            let mut random = Random::new(seed);
            let mut names = Names::default();
            let mut since = vec![names.now.clone()];
            for inode in 0..random.below(12) as Inode {
                let [a, b] = [0; 2].map(|_| *random.pick(&["a", "b", "c"]));
                match (random.below(5), names.get(a)) {
                    (0, _) => {
                        names.sync();
                        since.clear();
                    }
                    (1, Some(_)) => names.remove(a),
                    (2 | 3, Some(_)) => names.rename(a, b),
                    (_, None) => names.create(a, inode),
                    _ => continue,
                }
                since.push(names.now.clone());
            }
            for &inode in names.now.values().chain(since.iter().flat_map(BTreeMap::values)) {
                assert!(names.may_have(inode), "seed {seed}: {inode} may be found again");
            }
            let found = names.crash(&mut random);
            assert!(found.is_synced());
            let moment = since.iter().position(|names| *names == found.now);
            moments.insert(moment.unwrap_or_else(|| panic!("seed {seed}: {:?} never was", found.now)));
        }
        assert!(moments.len() > 5, "and at any of them: {moments:?}");
    }

    #[test]
    fn a_name_that_is_taken_over_has_one_file_or_the_other() {
        let mut old = Names::durable(BTreeMap::from([("m".to_owned(), 1), ("m.new".to_owned(), 2)]));
        old.rename("m.new", "m");
        let found: BTreeSet<_> = (0..50).map(|seed| old.crash(&mut Random::new(seed)).get("m")).collect();
        assert_eq!(found, [Some(1), Some(2)].into());
        old.sync();
        assert!((0..50).all(|seed| old.crash(&mut Random::new(seed)).get("m") == Some(2)));
    }
}
