//! Whether a template could have produced a topic.
//!
//! The template's parts are taken one after the other. What is kept between two of them is the set of places in the
//! topic where the parts so far can end; a topic matches if its end is in the last set. So the cost is the number of
//! parts (and of literal bytes, which a matching topic must hold) times the topic's length, 64 places at a time, and
//! there is nothing to build beforehand. `{?a,b,c}` in any order stays linear too: see [`Automaton::names`].

use memchr::memchr2_iter;

use crate::{
    places::Places,
    template::{Class, PairStyle, Part, Span, Template, is_encoded},
};

/// Counts what is looked at, for the test that bounds it; elsewhere it is nothing.
macro_rules! count {
    ($automaton:ident, $steps:expr) => {
        #[cfg(test)]
        {
            $automaton.steps += $steps;
        }
    };
}

/// Whether the template, parsed from `text`, could have produced the topic.
pub(crate) fn matches(template: &Template, text: &str, topic: &str) -> bool {
    let Some(middle) = middle(template, text, topic) else { return false };
    match only_way(template.parts(), text, middle) {
        Way::Decided(matches) => matches,
        Way::Parts(parts, rest) => Automaton::new(rest).run(parts, template, text),
    }
}

/// The topic without the template's literal beginning and end, if it has them.
fn middle<'t>(template: &Template, text: &str, topic: &'t str) -> Option<&'t [u8]> {
    if topic.len() < template.min_len() {
        return None;
    }
    topic
        .as_bytes()
        .strip_prefix(&text.as_bytes()[..template.prefix_len()])?
        .strip_suffix(template.suffix(text))
}

/// How far one gets without a choice.
enum Way<'p, 't> {
    Decided(bool),
    /// These parts remain, for this rest of the topic.
    Parts(&'p [Part], &'t [u8]),
}

/// Follows the parts while the next of them can end at one place alone: `/{a}/b/{c}` to its end. That is most templates,
/// and a tenth of the automaton's price.
fn only_way<'p, 't>(mut parts: &'p [Part], text: &str, mut topic: &'t [u8]) -> Way<'p, 't> {
    loop {
        match *parts {
            [] => return Way::Decided(topic.is_empty()),
            [Part::Literal(span), ref rest @ ..] => match topic.strip_prefix(span.of(text)) {
                None => return Way::Decided(false),
                Some(behind) => (parts, topic) = (rest, behind),
            },
            // The run does not take what the literal begins with, so that it ends just before the first such byte.
            [Part::Run { first: None, class }, Part::Literal(span), ..]
                if !class.can_take(span.of(text)[0]) =>
            {
                topic = &topic[run_end(class, topic)..];
                parts = &parts[1..];
            }
            // Nor what the parts after it begin with, if they are there at all.
            [Part::Run { first: None, class }, ref rest @ ..]
                if rest.iter().all(|part| part.first().is_some_and(|first| !class.can_take(first))) =>
            {
                (parts, topic) = (rest, &topic[run_end(class, topic)..]);
            }
            _ if parts.iter().all(|part| part.first().is_some()) => {
                return match topic.first() {
                    None => Way::Decided(true),
                    next if parts.iter().all(|part| part.first().as_ref() != next) => Way::Decided(false),
                    Some(_) => Way::Parts(parts, topic),
                };
            }
            _ => return Way::Parts(parts, topic),
        }
    }
}

/// Where a run of the class that starts with the topic has to end.
fn run_end(class: Class, topic: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&byte) = topic.get(at) {
        at += match byte {
            b'%' if is_encoded(&topic[at..]) => 3,
            _ if class.has(byte) => 1,
            _ => break,
        };
    }
    at
}

/// What is known of one topic.
struct Automaton<'t> {
    topic: &'t [u8],
    /// Where a `%XX` starts. `None`: there is none.
    triples: Option<Places>,
    /// Over which bytes a run of each class goes on. Made when first asked for.
    classes: [Option<Places>; Class::COUNT],
    /// One more than the place in `bytes`, 0 for a byte not asked for yet.
    byte_index: [u8; 256],
    bytes: Vec<Places>,
    /// What was done: words of places and bytes of topic that were looked at.
    #[cfg(test)]
    steps: usize,
}

impl<'t> Automaton<'t> {
    fn new(topic: &'t [u8]) -> Self {
        let mut triples = None;
        for at in memchr::memchr_iter(b'%', topic) {
            if is_encoded(&topic[at..]) {
                triples.get_or_insert_with(|| Places::in_text_of(topic.len())).insert(at);
            }
        }
        Self {
            topic,
            triples,
            classes: [const { None }; Class::COUNT],
            byte_index: [0; 256],
            bytes: Vec::new(),
            #[cfg(test)]
            steps: topic.len(),
        }
    }

    fn run(&mut self, parts: &[Part], template: &Template, text: &str) -> bool {
        let mut set = Places::in_text_of(self.topic.len());
        set.insert(0);
        for part in parts {
            match *part {
                Part::Literal(span) => {
                    self.literal(span.of(text), &mut set);
                    if set.is_empty() {
                        return false;
                    }
                }
                Part::Run { first: None, class } => self.flood(class, &mut set),
                Part::Run { first: Some(first), class } => self.segments(first, class, 1, &mut set),
                Part::Segments { class, max } => self.segments(b'/', class, max, &mut set),
                Part::Names { style, from, to } => {
                    self.names(style, template.names(from, to), text, &mut set);
                }
            }
        }
        set.contains(self.topic.len())
    }

    fn literal(&mut self, literal: &[u8], set: &mut Places) {
        for (i, &byte) in literal.iter().enumerate() {
            if let Some(place) = set.single() {
                let rest = &literal[i..];
                set.clear();
                if self.topic[place..].starts_with(rest) {
                    set.insert(place + rest.len());
                }
                count!(self, rest.len() + set.width());
                return;
            }
            self.step(byte, set);
            if set.is_empty() {
                return;
            }
        }
    }

    /// Up to `max` times: `first`, then a run of the class.
    fn segments(&mut self, first: u8, class: Class, max: u32, set: &mut Places) {
        let mut newest = set.clone();
        for _ in 0..max {
            self.step(first, &mut newest);
            if newest.is_empty() {
                return;
            }
            self.flood(class, &mut newest);
            set.union(&newest);
        }
    }

    /// Nothing, or pairs with these names in any order, each at most once.
    ///
    /// One chain of pairs is followed at a time, and that is enough. Neither a name nor a value holds a delimiter, so
    /// where the next pair starts is settled by the topic; and where a chain may begin anew, the new one can take every
    /// name that an older one still could, so the older one is forgotten. A name is used up if it was last taken since
    /// the chain began: a number a name, and never a set of sets.
    fn names(&mut self, style: PairStyle, names: &[Span], text: &str, set: &mut Places) {
        let topic = self.topic;
        count!(self, topic.len());
        let starts = set.clone();
        // For each name one more than the place of the delimiter it was last taken at.
        let mut taken: Vec<usize> = Vec::new();
        let mut began = 0;
        let mut goes_on_at = None;
        for delimiter in memchr2_iter(style.first, style.separator, topic) {
            if topic[delimiter] == style.first && starts.contains(delimiter) {
                began = delimiter;
                taken.resize(names.len(), 0);
            } else if goes_on_at != Some(delimiter) || topic[delimiter] != style.separator {
                continue;
            }
            goes_on_at = None;

            // The names sorted are a trie: those that begin with what was read are neighbours, the shortest first.
            let mut candidates = 0..names.len();
            let mut at = delimiter + 1;
            loop {
                count!(self, 1);
                let depth = at - delimiter - 1;
                let next = topic.get(at).copied();
                let whole = (names.get(candidates.start)).is_some_and(|name| name.len() == depth);
                if whole && taken[candidates.start] <= began {
                    if style.bare {
                        set.insert(at);
                        if next == Some(style.separator) {
                            taken[candidates.start] = delimiter + 1;
                            goes_on_at = Some(at);
                        }
                    }
                    if next == Some(b'=') {
                        taken[candidates.start] = delimiter + 1;
                        goes_on_at = Some(self.value(at + 1, set));
                    }
                }
                candidates.start += usize::from(whole);
                let Some(byte) = next else { break };
                let here = &names[candidates.clone()];
                let before = here.partition_point(|name| name.of(text)[depth] < byte);
                let until = here.partition_point(|name| name.of(text)[depth] <= byte);
                if before == until {
                    break;
                }
                candidates = candidates.start + before..candidates.start + until;
                at += 1;
            }
        }
    }

    /// Adds every place where the value that starts here can end, and gives the last.
    fn value(&mut self, mut at: usize, set: &mut Places) -> usize {
        set.insert(at);
        while let Some(&byte) = self.topic.get(at) {
            at += match byte {
                b'%' if self.triples.as_ref().is_some_and(|t| t.contains(at)) => 3,
                _ if Class::Value.has(byte) => 1,
                _ => break,
            };
            set.insert(at);
            count!(self, 1);
        }
        at
    }

    /// Adds every place that a run of the class leads to.
    fn flood(&mut self, class: Class, set: &mut Places) {
        let mask = self.classes[class as usize].get_or_insert_with(|| {
            let mut mask = self.triples.clone().unwrap_or_else(|| Places::in_text_of(self.topic.len()));
            mask.insert_where(self.topic, |byte| class.has(byte));
            count!(self, self.topic.len());
            mask
        });
        set.flood(mask);
        if let Some(triples) = &self.triples {
            set.leave_triples(triples);
        }
        count!(self, set.width());
    }

    /// Moves the places that are before this byte behind it, and drops the others.
    fn step(&mut self, byte: u8, set: &mut Places) {
        if let Some(place) = set.single() {
            set.clear();
            if self.topic.get(place) == Some(&byte) {
                set.insert(place + 1);
            }
            count!(self, set.width());
            return;
        }
        let index = &mut self.byte_index[usize::from(byte)];
        if *index == 0 {
            let mut mask = Places::in_text_of(self.topic.len());
            mask.insert_where(self.topic, |b| b == byte);
            self.bytes.push(mask);
            // UTF-8 has 243 different bytes at most, so this fits.
            *index = self.bytes.len() as u8;
            count!(self, self.topic.len());
        }
        set.step(&self.bytes[usize::from(*index) - 1]);
        count!(self, set.width());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(template: &str, topic: &str) -> (bool, usize) {
        let parsed = Template::parse(template).expect("a template");
        let Some(middle) = middle(&parsed, template, topic) else { return (false, 0) };
        match only_way(parsed.parts(), template, middle) {
            Way::Decided(matches) => (matches, middle.len()),
            Way::Parts(parts, rest) => {
                let mut automaton = Automaton::new(rest);
                let matches = automaton.run(parts, &parsed, template);
                (matches, automaton.steps + middle.len())
            }
        }
    }

    /// Templates of 2 to 16 KiB that make a backtracking matcher exponential or a plain automaton quadratic, and how many
    /// steps a byte of topic each may cost, whatever the topic.
    fn adversaries() -> Vec<(&'static str, String, usize)> {
        let names: Vec<_> = (0..3_000).map(|i| format!("n{i}")).collect();
        let alike: Vec<_> = (1..170).map(|i| "a".repeat(i)).collect();
        vec![
            ("runs with a literal between", "{a}-".repeat(1_000) + "{z}", 40),
            ("runs of two classes", "{a}{+b}/{c*}.".repeat(500) + "{z}", 40),
            ("optional parts", "{/c}{;h*}{#f}{/g*}".repeat(900), 120),
            ("parts that one run takes", "{a}{/c}{+b}{c*}{#d}{/e}{.f}{?g*}".repeat(500), 3),
            ("a literal that nearly matches everywhere", format!("{{a}}{}{{b}}", "a".repeat(1_500)), 30),
            ("path segments", format!("{{/a{}}}-{{b}}", ",x".repeat(8_000)), 260),
            ("a large set of names", format!("{{+a}}{{&{}}}", names.join(",")), 4),
            ("names that are each other's beginning", format!("{{+a}}{{;{}}}", alike.join(",")), 5),
            ("many sets of names", "{+a}{?b,c}{&b,c}{;b,c}".repeat(200), 900),
        ]
    }

    #[test]
    fn cost_is_linear_in_the_topic() {
        // Each is repeated: it keeps as many parts alive as can be.
        let lines = "a - a- / aaaaaaaa/a. ?b=1&c=2 ;a;aa;aaa;aaaa &n1=1&n2=2 ;b;c /x;b=%2F?d=#f&e= %41%4";
        for (what, template, allowed) in adversaries() {
            let mut most = 0;
            for line in lines.split(' ') {
                for bytes in [2_048, 8_192] {
                    let cost = steps(&template, &line.repeat(bytes / line.len())).1 / bytes;
                    assert!(
                        cost <= allowed,
                        "{what}, {bytes} bytes of {line}: {cost} steps a byte, not {allowed}"
                    );
                    most = most.max(cost);
                }
            }
            assert!(most >= allowed / 2, "{what}: {most} steps a byte at most, no adversary");
        }
    }

    #[test]
    fn a_topic_too_short_costs_nothing() {
        assert_eq!(steps(&"{a}-".repeat(4_096), &"-".repeat(4_095)), (false, 0));
        assert!(steps(&"{a}-".repeat(4_096), &"-".repeat(4_096)).0);
    }

    #[test]
    fn a_thousand_names_are_taken_in_any_order_once() {
        let names: Vec<_> = (0..1_000).map(|i| format!("n{i}")).collect();
        let template = format!("/q{{?{}}}", names.join(","));
        let pairs: Vec<_> = names.iter().rev().map(|name| format!("{name}=v")).collect();
        let topic = format!("/q?{}", pairs.join("&"));
        let (matches, cost) = steps(&template, &topic);
        assert!(matches);
        assert!(cost < 5 * topic.len(), "{cost} steps for {} bytes", topic.len());
        assert!(!steps(&template, &format!("{topic}&n7=v")).0, "n7 twice");
        assert!(!steps(&template, &format!("{topic}&n1000=v")).0, "a name not in it");
    }
}
