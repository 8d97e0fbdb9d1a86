//! For any bytes whatever: the decoder agrees with a plain reading of the standard, the cuts make no difference,
//! and what was encoded is read back.

mod naive;
mod outcome;

use headwater_sse::{EventFields, EventId, EventType, Limits, Retry, encode};
use outcome::{Outcome, Seen, read};
use proptest::{collection::vec, prelude::*, sample::select};

/// Bytes that mean something to a decoder, each on its own, so that chance joins them.
const TOKENS: &[&[u8]] = &[
    b"data",
    b"data:",
    b"data: ",
    b"data: x\n",
    b"data: x\n\n",
    b"data:\r",
    b"id",
    b"id:",
    b"id: 1\n",
    b"event:",
    b"event: t\r\n",
    b"retry:",
    b"retry: 5\n",
    b"Data: ",
    b":",
    b": ",
    b" ",
    b"\t",
    b"\n",
    b"\n\n",
    b"\r",
    b"\r\n",
    b"\r\r\n",
    b"\0",
    b"7",
    b"99999999999999999999",
    b"+",
    b"x",
    b"\xEF\xBB\xBF",
    b"\xEF\xBB",
    b"\xEF",
    b"\xBF",
    b"\xC3\xA9",
    b"\xC3",
    b"\xA9",
    b"\xE2\x82\xAC",
    b"\xE2\x82",
    b"\xE2",
    b"\xF0\x9F\x8C\x8A",
    b"\xF0\x9F",
    b"\xED\xA0\x80",
    b"\xC0\x8A",
    b"\xFF",
    b"\xC2\x85",
    b"\xE2\x80\xA8",
    b"\x0B",
    b"\x0C",
];

fn soup() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        20 => select(TOKENS).prop_map(<[u8]>::to_vec),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
        1 => vec(any::<u8>(), 0..40),
    ];
    vec(token, 0..60).prop_map(|tokens| tokens.concat())
}

/// The sizes of the reads, over and over.
fn sizes() -> impl Strategy<Value = Vec<usize>> {
    vec(prop_oneof![3 => 0..4_usize, 1 => 0..40_usize], 1..12)
        .prop_filter("a read must be of some size", |sizes| sizes.iter().any(|&size| size > 0))
}

fn reads<'s>(mut rest: &'s [u8], sizes: &[usize]) -> Vec<&'s [u8]> {
    let mut reads = Vec::new();
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (read, next) = rest.split_at(rest.len().min(*size));
        reads.push(read);
        rest = next;
    }
    reads
}

/// Text with everything that a line can trip over.
fn text() -> impl Strategy<Value = String> {
    let token = prop_oneof![
        select(vec![
            "\n", "\r", "\r\n", "\n\n", " ", ":", "data: ", "id: 9", "\0", "\u{FEFF}", "\u{2028}", "\u{85}",
            "x", "é", "🌊", "+5"
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    vec(token, 0..8).prop_map(|tokens| tokens.concat())
}

/// The same without what an id or a type may not hold.
fn value() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.replace(['\r', '\n', '\0'], ""))
}

#[derive(Debug, Clone)]
enum Written {
    Event { id: Option<String>, event_type: Option<String>, retry: Option<u64>, data: String },
    Comment(String),
}

fn written() -> impl Strategy<Value = Written> {
    let option = proptest::option::of::<BoxedStrategy<String>>;
    let retry = proptest::option::of(prop_oneof![0..10_000_u64, any::<u64>()]);
    prop_oneof![
        4 => (option(value().boxed()), option(value().boxed()), retry, text())
            .prop_map(|(id, event_type, retry, data)| Written::Event { id, event_type, retry, data }),
        1 => value().prop_map(Written::Comment),
    ]
}

fn config() -> ProptestConfig {
    // A failure prints its smallest input, which belongs into `conformance/`, not into a file of seeds.
    ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn decodes_as_the_standard_says(streams in vec(soup(), 1..3), sizes in sizes()) {
        let expected = naive::read(&streams);
        prop_assert_eq!(&read(&streams, Limits::default(), |s| vec![s]), &expected, "whole");
        prop_assert_eq!(&read(&streams, Limits::default(), |s| reads(s, &sizes)), &expected, "in reads");
    }

    #[test]
    fn cuts_make_no_difference_to_the_limits(
        stream in soup(),
        sizes in sizes(),
        (line, event, id) in (0..40_usize, 0..20_usize, 0..6_usize),
    ) {
        let (streams, limits) = ([stream], Limits { line, event, id });
        let whole = read(&streams, limits, |s| vec![s]);
        prop_assert_eq!(&read(&streams, limits, |s| reads(s, &sizes)), &whole);
        // Up to the error, a limit changes nothing.
        let unlimited = naive::read(&streams);
        prop_assert!(unlimited.items.starts_with(&whole.items));
        prop_assert!(whole.error.is_some() || whole == unlimited);
    }

    #[test]
    fn reads_back_what_was_written(list in vec(written(), 0..8), sizes in sizes()) {
        let mut buf = Vec::new();
        let mut expected = Outcome::default();
        for written in list {
            match written {
                Written::Event { id, event_type, retry, data } => {
                    let id = id.map(|id| EventId::new(id).unwrap());
                    let event_type = event_type.map(|event_type| EventType::new(event_type).unwrap());
                    let retry = retry.map(Retry::from_millis);
                    let fields = EventFields { id: id.as_ref(), event_type: event_type.as_ref(), retry, data: &data };
                    encode::event(&mut buf, fields);

                    expected.items.extend(retry.map(|retry| Seen::Retry(retry.as_millis())));
                    if let Some(id) = id {
                        id.as_str().clone_into(&mut expected.last_event_id);
                    }
                    expected.items.push(Seen::Event {
                        event_type: match &event_type {
                            Some(event_type) if !event_type.as_str().is_empty() => event_type.to_string(),
                            _ => "message".to_owned(),
                        },
                        data: data.replace("\r\n", "\n").replace('\r', "\n"),
                        last_event_id: expected.last_event_id.clone(),
                    });
                }
                Written::Comment(text) => {
                    encode::comment(&mut buf, &text).unwrap();
                    expected.items.push(Seen::Comment(text));
                }
            }
        }
        let streams = [buf];
        let limits = Limits { id: 1 << 20, ..Limits::default() };
        prop_assert_eq!(&read(&streams, limits, |s| reads(s, &sizes)), &expected);
        prop_assert_eq!(&naive::read(&streams), &expected);
    }

    #[test]
    fn values_refuse_just_what_lines_cannot_hold(text in text()) {
        let good = !text.contains(['\r', '\n', '\0']);
        prop_assert_eq!(EventId::new(&text).is_ok(), good);
        prop_assert_eq!(EventType::new(&text).is_ok(), good);
        let mut buf = Vec::new();
        prop_assert_eq!(encode::comment(&mut buf, &text).is_ok(), !text.contains(['\r', '\n']));
    }
}
