//! From a topic to the subscribers that are to get its updates, without looking at any others.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Bound,
};

use slab::Slab;

use crate::Selector;

/// Topics whose selectors are remembered. Most traffic goes to few topics; what is forgotten is found anew.
const CACHED_TOPICS: usize = 4096;
/// Groups that are remembered for all of them together, 4 MiB: strangers may bring very many that match one topic.
const CACHED_GROUPS: usize = 1 << 20;

/// Where a subscriber stands in a group: one for each of its selectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    group: u32,
    at: u32,
}

/// A member of a group: the subscriber, and which of its places this is.
#[derive(Debug, Clone, Copy)]
struct Member {
    subscriber: u32,
    place: u32,
}

/// All who subscribed with one selector.
#[derive(Debug)]
struct Group {
    selector: Selector,
    members: Vec<Member>,
    /// Where a template stands among those of the same prefix.
    at: u32,
}

/// The subscribers of one shard, by what they subscribed to.
#[derive(Debug, Default)]
pub(crate) struct Index {
    groups: Slab<Group>,
    by_text: HashMap<Selector, u32>,
    /// Templates by the text that they begin with; `*` begins with nothing.
    by_prefix: BTreeMap<Box<str>, Vec<u32>>,
    /// The template groups that match a topic. Emptied when a group of templates comes or goes.
    cache: HashMap<Box<str>, Box<[u32]>>,
    /// Groups in the cache.
    cached: usize,
}

impl Index {
    /// Adds a subscriber under each of its selectors. What comes back takes it out again.
    ///
    /// Those of equal text become one: ten thousand subscribers of one topic hold its name once.
    pub(crate) fn insert(&mut self, subscriber: u32, selectors: &mut [Selector]) -> Box<[Place]> {
        let mut places = Vec::with_capacity(selectors.len());
        for (selector, place) in selectors.iter_mut().zip(0..) {
            let group = self.group(selector);
            let Group { selector: shared, members, .. } = &mut self.groups[group as usize];
            *selector = shared.clone();
            places.push(Place { group, at: members.len() as u32 });
            members.push(Member { subscriber, place });
        }
        places.into_boxed_slice()
    }

    fn group(&mut self, selector: &Selector) -> u32 {
        if let Some(&group) = self.by_text.get(selector) {
            return group;
        }
        let group = Group { selector: selector.clone(), members: Vec::new(), at: 0 };
        let key = self.groups.insert(group) as u32;
        self.by_text.insert(selector.clone(), key);
        if selector.as_exact().is_none() {
            self.forget();
            let alike = self.by_prefix.entry(selector.literal_prefix().into()).or_default();
            self.groups[key as usize].at = alike.len() as u32;
            alike.push(key);
        }
        key
    }

    /// Takes out the subscriber that stands at `places`. `moved` is told of each place of another subscriber that has
    /// changed: whose, which of its places, and what it is now.
    pub(crate) fn remove(
        &mut self,
        subscriber: u32,
        places: &mut [Place],
        mut moved: impl FnMut(u32, usize, Place),
    ) {
        for i in 0..places.len() {
            let place = places[i];
            let members = &mut self.groups[place.group as usize].members;
            members.swap_remove(place.at as usize);
            if let Some(member) = members.get(place.at as usize) {
                // One who gave a selector twice may be moved into the hole that it left itself.
                if member.subscriber == subscriber {
                    places[member.place as usize] = place;
                } else {
                    moved(member.subscriber, member.place as usize, place);
                }
            }
            if members.is_empty() {
                self.drop_group(place.group);
            }
        }
    }

    fn drop_group(&mut self, group: u32) {
        let Group { selector, at, .. } = self.groups.remove(group as usize);
        self.by_text.remove(&selector);
        if selector.as_exact().is_none() {
            self.forget();
            let prefix = selector.literal_prefix();
            let alike = self.by_prefix.get_mut(prefix).expect("each template stands under its prefix");
            // Not searched for: of one prefix there may be as many as strangers like.
            alike.swap_remove(at as usize);
            if let Some(&moved) = alike.get(at as usize) {
                self.groups[moved as usize].at = at;
            } else if alike.is_empty() {
                self.by_prefix.remove(prefix);
            }
        }
    }

    fn forget(&mut self) {
        self.cache.clear();
        self.cached = 0;
    }

    /// Calls `found` with each subscriber of the topic, once for each of its selectors that match.
    pub(crate) fn each(&mut self, topic: &str, mut found: impl FnMut(u32)) {
        let mut visit = |groups: &Slab<Group>, group: u32| {
            for member in &groups[group as usize].members {
                found(member.subscriber);
            }
        };
        if let Some(&group) = self.by_text.get(topic) {
            visit(&self.groups, group);
        }
        if self.by_prefix.is_empty() {
            return;
        }
        if !self.cache.contains_key(topic) {
            let matching = self.match_templates(topic);
            if self.cache.len() >= CACHED_TOPICS || self.cached + matching.len() > CACHED_GROUPS {
                self.forget();
            }
            self.cached += matching.len();
            self.cache.insert(topic.into(), matching);
        }
        for &group in &self.cache[topic] {
            visit(&self.groups, group);
        }
    }

    /// The groups of templates that match. Walks down the sorted prefixes: the greatest one that is not above the
    /// topic either is a prefix of it, or leaves only such as share what it shares with the topic.
    fn match_templates(&self, topic: &str) -> Box<[u32]> {
        let mut matching = Vec::new();
        let mut bound = Some(topic);
        while let Some(at_most) = bound {
            let Some((prefix, groups)) =
                self.by_prefix.range::<str, _>((Bound::Unbounded, Bound::Included(at_most))).next_back()
            else {
                break;
            };
            if topic.starts_with(&**prefix) {
                matching.extend(groups.iter().copied().filter(|&g| {
                    let selector = &self.groups[g as usize].selector;
                    // A template that equals the topic byte for byte was found by its text.
                    selector.as_str() != topic && selector.matches(topic)
                }));
                bound = shorter(topic, prefix.len());
            } else {
                let shared = topic.bytes().zip(prefix.bytes()).take_while(|(a, b)| a == b).count();
                bound = Some(&topic[..topic.floor_char_boundary(shared)]);
            }
        }
        matching.into_boxed_slice()
    }
}

/// The topic's beginning of less than `len` bytes, if there is one.
fn shorter(topic: &str, len: usize) -> Option<&str> {
    Some(&topic[..topic.floor_char_boundary(len.checked_sub(1)?)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(Vec<&'static str>),
        Remove(usize),
        Find(&'static str),
    }

    const SELECTORS: &[&str] = &[
        "*", "a", "a/b", "a/{x}", "a/{x}/c", "{+x}", "{x}", "é/{x}", "èa", "a/b{x}", "{x}/b", "a/{x}b",
        "/{id}", "ab{x}",
    ];
    const TOPICS: &[&str] =
        &["a", "b", "a/b", "a/b/c", "a/{x}", "é/1", "è", "*", "{x}", "ab", "a/bb", "/1", "abc"];

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            proptest::collection::vec(proptest::sample::select(SELECTORS), 1..4).prop_map(Step::Insert),
            (0usize..20).prop_map(Step::Remove),
            proptest::sample::select(TOPICS).prop_map(Step::Find),
        ]
    }

    #[test]
    fn templates_of_one_prefix_go_as_fast_as_they_came() {
        // Searching for each among the others would take 10^10 steps.
        const MANY: usize = 200_000;
        let mut index = Index::default();
        let mut places: Vec<_> =
            (0..MANY).map(|i| index.insert(i as u32, &mut [Selector::new(format!("{{v{i}}}"))])).collect();
        for (i, own) in places.iter_mut().enumerate() {
            index.remove(i as u32, own, |_, _, _| unreachable!("each is alone in its group"));
        }
        assert!(index.groups.is_empty() && index.by_text.is_empty() && index.by_prefix.is_empty());
    }

    #[test]
    fn the_cache_is_bounded_by_what_it_holds() {
        const MANY: usize = 2_000;
        let mut index = Index::default();
        for i in 0..MANY {
            index.insert(i as u32, &mut [Selector::new(format!("{{v{i}}}"))]);
        }
        for i in 0..1_000 {
            let mut found = 0;
            index.each(&format!("t{i}"), |_| found += 1);
            assert_eq!(found, MANY);
            assert_eq!(index.cached, index.cache.values().map(|groups| groups.len()).sum());
            assert!(index.cached <= CACHED_GROUPS);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
        #[test]
        fn finds_whom_a_walk_over_all_would_find(steps in proptest::collection::vec(step(), 1..60)) {
            let mut index = Index::default();
            let mut subscribers: Slab<(Vec<Selector>, Box<[Place]>)> = Slab::new();
            for step in steps {
                match step {
                    Step::Insert(selectors) => {
                        let mut selectors: Vec<_> = selectors.into_iter().map(Selector::new).collect();
                        let slot = subscribers.vacant_entry();
                        let places = index.insert(slot.key() as u32, &mut selectors);
                        slot.insert((selectors, places));
                    }
                    Step::Remove(n) => {
                        let Some(key) = subscribers.iter().map(|(k, _)| k).nth(n) else { continue };
                        let (_, mut places) = subscribers.remove(key);
                        index.remove(key as u32, &mut places, |who, place, new| subscribers[who as usize].1[place] = new);
                    }
                    Step::Find(topic) => {
                        let mut found = vec![];
                        index.each(topic, |s| found.push(s));
                        found.sort_unstable();
                        let mut expected = vec![];
                        for (key, (selectors, _)) in &subscribers {
                            expected.extend(selectors.iter().filter(|s| s.matches(topic)).map(|_| key as u32));
                        }
                        prop_assert_eq!(found, expected);
                    }
                }
            }
        }
    }
}
