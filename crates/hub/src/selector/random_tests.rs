//! Random templates, and topics that they produce or nearly produce, against a matcher that is too plain to be wrong.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Piece {
    Literal(String),
    Expression { operator: Option<char>, variables: Vec<Variable> },
}

#[derive(Clone, Debug)]
struct Variable {
    name: &'static str,
    modifier: Modifier,
    value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Modifier {
    None,
    Explode,
    Prefix(usize),
}

#[derive(Clone, Debug)]
enum Value {
    Undefined,
    Text(String),
    List(Vec<String>),
    Map(Vec<(String, String)>),
}

fn text_of(pieces: &[Piece]) -> String {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Literal(s) => text += s,
            Piece::Expression { operator, variables } => {
                let list: Vec<_> = variables
                    .iter()
                    .map(|v| match v.modifier {
                        Modifier::None => v.name.to_owned(),
                        Modifier::Explode => format!("{}*", v.name),
                        Modifier::Prefix(n) => format!("{}:{n}", v.name),
                    })
                    .collect();
                let operator = operator.map(String::from).unwrap_or_default();
                text.extend(["{", &operator, &list.join(","), "}"]);
            }
        }
    }
    text
}

/// RFC 6570, section 3.2.1 and appendix A.
fn expand(pieces: &[Piece]) -> String {
    let mut out = String::new();
    for piece in pieces {
        let (operator, variables) = match piece {
            Piece::Literal(s) => {
                out += s;
                continue;
            }
            Piece::Expression { operator, variables } => (operator, variables),
        };
        let (first, separator, named, if_empty, reserved) = match operator {
            None => ("", ",", false, "", false),
            Some('+') => ("", ",", false, "", true),
            Some('#') => ("#", ",", false, "", true),
            Some('.') => (".", ".", false, "", false),
            Some('/') => ("/", "/", false, "", false),
            Some(';') => (";", ";", true, "", false),
            Some('?') => ("?", "&", true, "=", false),
            Some('&') => ("&", "&", true, "=", false),
            Some(other) => unreachable!("{other}"),
        };
        let encode = |s: &str| -> String {
            s.bytes()
                .map(|b| match b {
                    b if b.is_ascii_alphanumeric() || b"-._~".contains(&b) => char::from(b).to_string(),
                    b if reserved && b":/?#[]@!$&'()*+,;=".contains(&b) => char::from(b).to_string(),
                    b => format!("%{b:02X}"),
                })
                .collect()
        };
        let pair = |name: &str, value: &str| {
            if value.is_empty() { format!("{name}{if_empty}") } else { format!("{name}={value}") }
        };
        let mut items = Vec::new();
        for Variable { name, modifier, value } in variables {
            match (value, modifier) {
                (Value::Text(s), _) => {
                    let shown: String = match modifier {
                        Modifier::Prefix(n) => s.chars().take(*n).collect(),
                        _ => s.clone(),
                    };
                    let shown = encode(&shown);
                    items.push(if named { pair(name, &shown) } else { shown });
                }
                (Value::List(list), Modifier::Explode) => {
                    items.extend(list.iter().map(|s| if named { pair(name, &encode(s)) } else { encode(s) }));
                }
                (Value::Map(map), Modifier::Explode) => items.extend(map.iter().map(|(k, v)| {
                    let (k, v) = (encode(k), encode(v));
                    if named { pair(&k, &v) } else { format!("{k}={v}") }
                })),
                (Value::List(list), _) if !list.is_empty() => {
                    let joined = list.iter().map(|s| encode(s)).collect::<Vec<_>>().join(",");
                    items.push(if named { pair(name, &joined) } else { joined });
                }
                (Value::Map(map), _) if !map.is_empty() => {
                    let joined =
                        map.iter().flat_map(|(k, v)| [encode(k), encode(v)]).collect::<Vec<_>>().join(",");
                    items.push(if named { pair(name, &joined) } else { joined });
                }
                (Value::Undefined | Value::List(_) | Value::Map(_), _) => {}
            }
        }
        if !items.is_empty() {
            out += first;
            out += &items.join(separator);
        }
    }
    out
}

/// How many bytes at the start of `topic` a run can take.
fn run(topic: &[u8], reserved: bool, more: &[u8]) -> Vec<usize> {
    let mut lengths = vec![0];
    let mut at = 0;
    loop {
        at += match topic[at..] {
            [b, ..] if b.is_ascii_alphanumeric() || b"-._~,".contains(&b) || more.contains(&b) => 1,
            [b, ..] if reserved && b":/?#[]@!$&'()*+,;=".contains(&b) => 1,
            [b'%', a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => 3,
            _ => return lengths,
        };
        lengths.push(at);
    }
}

/// What an expression that begins with a character can take: at most `times` items.
fn items(topic: &[u8], first: u8, next: u8, times: usize, item: &dyn Fn(&[u8]) -> Vec<usize>) -> Vec<usize> {
    let mut lengths = vec![0];
    if times > 0 && topic.first() == Some(&first) {
        for n in item(&topic[1..]) {
            lengths
                .extend(items(&topic[1 + n..], next, next, times - 1, item).iter().map(|more| 1 + n + more));
        }
    }
    lengths
}

/// The same for pairs: each of the names at most once.
fn pairs(topic: &[u8], first: u8, next: u8, names: &[&str]) -> Vec<usize> {
    let mut lengths = vec![0];
    for (i, name) in names.iter().enumerate() {
        let others: Vec<_> = names.iter().enumerate().filter(|&(k, _)| k != i).map(|(_, n)| *n).collect();
        let Some(rest) = topic.strip_prefix(&[first]).and_then(|t| t.strip_prefix(name.as_bytes())) else {
            continue;
        };
        let mut values = Vec::new();
        if first == b';' {
            values.push(0);
        }
        if let Some(value) = rest.strip_prefix(b"=") {
            values.extend(run(value, false, b"").iter().map(|n| 1 + n));
        }
        for n in values {
            let so_far = topic.len() - rest.len() + n;
            lengths.extend(pairs(&rest[n..], next, next, &others).iter().map(|more| so_far + more));
        }
    }
    lengths
}

/// Tries everything.
fn reference(pieces: &[Piece], topic: &[u8]) -> bool {
    let Some((piece, rest)) = pieces.split_first() else { return topic.is_empty() };
    let lengths = match piece {
        Piece::Literal(s) => topic.starts_with(s.as_bytes()).then_some(s.len()).into_iter().collect(),
        Piece::Expression { operator, variables } => {
            let exploded = variables.iter().any(|v| v.modifier == Modifier::Explode);
            let more: &[u8] = if exploded { b"=" } else { b"" };
            let times = if exploded { usize::MAX } else { variables.len() };
            let item = |t: &[u8]| run(t, false, more);
            match operator {
                None => run(topic, false, more),
                Some('+') => run(topic, true, b""),
                Some('#') => items(topic, b'#', b'#', 1, &|t| run(t, true, b"")),
                Some(c @ ('.' | '/')) => items(topic, *c as u8, *c as u8, times, &item),
                Some(c) => {
                    let next = if *c == ';' { b';' } else { b'&' };
                    let names: Vec<_> = variables.iter().map(|v| v.name).collect();
                    if exploded {
                        items(topic, *c as u8, next, times, &item)
                    } else {
                        pairs(topic, *c as u8, next, &names)
                    }
                }
            }
        }
    };
    let lengths: BTreeSet<_> = lengths.into_iter().collect();
    lengths.into_iter().any(|n| reference(rest, &topic[n..]))
}

fn value() -> impl Strategy<Value = Value> {
    let text = || proptest::string::string_regex("[ab1/=&;,.?# é%-]{0,3}").expect("a valid pattern");
    prop_oneof![
        1 => Just(Value::Undefined),
        3 => text().prop_map(Value::Text),
        1 => proptest::collection::vec(text(), 0..3).prop_map(Value::List),
        1 => proptest::collection::vec((text(), text()), 0..3).prop_map(Value::Map),
    ]
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let literal = proptest::sample::select(vec![
        "a", "b", "-", "/", "?", "&", ";", "=", ".", "#", ",", "%2F", "é", "?a=", ";ab",
    ])
    .prop_map(|s| Piece::Literal(s.to_owned()));
    let modifier = prop_oneof![4 => Just(Modifier::None), 1 => Just(Modifier::Explode), 1 => (1..4_usize).prop_map(Modifier::Prefix)];
    let name = proptest::sample::select(vec!["a", "ab", "b", "a.b", "%2F"]);
    let variable =
        (name, modifier, value()).prop_map(|(name, modifier, value)| Variable { name, modifier, value });
    let operator = proptest::sample::select(vec![
        None,
        Some('+'),
        Some('#'),
        Some('.'),
        Some('/'),
        Some(';'),
        Some('?'),
        Some('&'),
        Some(';'),
        Some('?'),
        Some('&'),
    ]);
    let expression =
        (operator, proptest::collection::vec(variable, 1..4)).prop_map(|(operator, mut variables)| {
            // A name that is listed twice is still taken once, although RFC 6570 would show it twice.
            let mut seen = BTreeSet::new();
            variables.retain(|v| seen.insert(v.name));
            Piece::Expression { operator, variables }
        });
    proptest::collection::vec(prop_oneof![1 => literal, 2 => expression], 1..6)
}

fn topic() -> impl Strategy<Value = String> {
    let token = proptest::sample::select(vec![
        "a", "ab", "b", "1", "-", "/", "?", "&", ";", "=", ".", "#", ",", "%2F", "%", "2", "F", " ", "é",
        "?a=", "&b=", ";ab",
    ]);
    proptest::collection::vec(token, 0..9).prop_map(|tokens| tokens.concat())
}

/// The topic with one character taken away or another put in.
fn nearly(topic: &str, at: usize, put_in: Option<char>) -> String {
    let mut chars: Vec<_> = topic.chars().collect();
    let at = at % (chars.len() + 1);
    match put_in {
        Some(c) => chars.insert(at, c),
        None if at < chars.len() => drop(chars.remove(at)),
        None => {}
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8_192))]

    #[test]
    fn as_the_plain_matcher(pieces in pieces(), topic in topic(), at: usize, c in proptest::option::of(proptest::char::any())) {
        let text = text_of(&pieces);
        let selector = Selector::new(&text);
        let expansion = expand(&pieces);
        prop_assert!(selector.matches(&expansion), "{text} can produce {expansion}");

        let neighbour = nearly(&expansion, at, c);
        let delimiter = nearly(&expansion, at, Some(['?', '&', ';', '/', '=', 'a', '%'][at % 7]));
        for topic in [&topic, &expansion, &neighbour, &delimiter] {
            let expected = topic == &text || reference(&pieces, topic.as_bytes());
            prop_assert_eq!(selector.matches(topic), expected, "{} on {}", text, topic);
            if expected {
                prop_assert!(topic.starts_with(selector.literal_prefix()));
            }
        }
    }

    #[test]
    fn any_text_is_a_selector(text in "[{}a*:.,?&;#%é 1]{0,12}", topic in ".{0,12}") {
        let selector = Selector::new(&text);
        prop_assert!(selector.matches(&text));
        let _ = selector.matches(&topic);
    }
}
