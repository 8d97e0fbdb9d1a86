//! The wire vectors of `conformance/`, whose README says what they mean, each cut in every way there is.

mod naive;
mod outcome;

use std::{collections::HashSet, fs, path::PathBuf};

use headwater_sse::{EventFields, EventId, EventType, Limit, Limits, Retry, ValueError, encode};
use outcome::{Outcome, Seen, read};
use serde::{Deserialize, de::DeserializeOwned};

#[derive(Deserialize, Clone)]
#[serde(untagged)]
enum Text {
    Plain(String),
    Hex { hex: String },
    Repeat { repeat: (Box<Text>, usize) },
    List(Vec<Text>),
}

impl Text {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Plain(text) => text.as_bytes().to_vec(),
            Self::Hex { hex } => {
                let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
                assert_eq!(digits.len(), hex.replace(' ', "").len(), "{hex:?} is hexadecimal");
                digits.chunks_exact(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect()
            }
            Self::Repeat { repeat: (text, count) } => text.bytes().repeat(*count),
            Self::List(texts) => texts.iter().flat_map(Self::bytes).collect(),
        }
    }

    fn string(&self) -> String {
        String::from_utf8(self.bytes()).expect("an expected text is UTF-8")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<Case> {
    #[serde(rename = "about")]
    _about: String,
    cases: Vec<Case>,
}

fn load<Case: DeserializeOwned>(file: &str) -> Vec<Case> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance")).join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let file: File<Case> = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert!(!file.cases.is_empty());
    file.cases
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct DecodeCase {
    name: String,
    input: Option<Text>,
    streams: Option<Vec<Text>>,
    items: Vec<ItemCase>,
    last_event_id: Option<Text>,
    limits: Option<LimitsCase>,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum ItemCase {
    #[serde(rename_all = "camelCase")]
    Event {
        r#type: Option<Text>,
        data: Text,
        last_event_id: Option<Text>,
    },
    Retry {
        retry: u64,
    },
    Comment {
        comment: Text,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsCase {
    line: Option<usize>,
    event: Option<usize>,
    id: Option<usize>,
}

impl DecodeCase {
    fn streams(&self) -> Vec<Vec<u8>> {
        match (&self.input, &self.streams) {
            (Some(input), None) => vec![input.bytes()],
            (None, Some(streams)) => streams.iter().map(Text::bytes).collect(),
            _ => panic!("{}: either `input` or `streams`", self.name),
        }
    }

    fn limits(&self) -> Limits {
        const NONE: LimitsCase = LimitsCase { line: None, event: None, id: None };
        let LimitsCase { line, event, id } = self.limits.as_ref().unwrap_or(&NONE);
        let default = Limits::default();
        Limits {
            line: line.unwrap_or(default.line),
            event: event.unwrap_or(default.event),
            id: id.unwrap_or(default.id),
        }
    }

    fn expected(&self) -> Outcome {
        let string = |text: &Option<Text>| text.as_ref().map(Text::string);
        let items = self.items.iter().map(|item| match item {
            ItemCase::Event { r#type, data, last_event_id } => Seen::Event {
                event_type: string(r#type).unwrap_or("message".to_owned()),
                data: data.string(),
                last_event_id: string(last_event_id).unwrap_or_default(),
            },
            ItemCase::Retry { retry } => Seen::Retry(*retry),
            ItemCase::Comment { comment } => Seen::Comment(comment.string()),
        });
        let error = self.error.as_deref().map(|limit| match limit {
            "line" => Limit::Line,
            "event" => Limit::Event,
            "id" => Limit::Id,
            other => panic!("{}: there is no limit {other}", self.name),
        });
        Outcome {
            items: items.collect(),
            last_event_id: string(&self.last_event_id).unwrap_or_default(),
            error,
        }
    }
}

/// Numbers from a seed (`SplitMix64`), the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % end as u64) as usize
    }

    /// Pieces of random sizes, most of them short, some of them empty.
    fn pieces<'s>(&mut self, mut rest: &'s [u8]) -> Vec<&'s [u8]> {
        let mut pieces = Vec::new();
        let longest = 1 + rest.len() / 50;
        while !rest.is_empty() {
            let size = if self.below(2) == 0 { self.below(4) } else { self.below(8 + longest) };
            let (piece, next) = rest.split_at(size.min(rest.len()));
            pieces.push(piece);
            rest = next;
        }
        pieces
    }
}

/// Where to cut a stream of this length in two: everywhere, or at its ends and some places between if that is
/// too many.
fn cuts(len: usize) -> Vec<usize> {
    const ALL: usize = 2000;
    if len <= ALL {
        return (0..=len).collect();
    }
    let near_the_ends = (0..20).chain(len - 20..=len);
    near_the_ends.chain((1..20).map(|i| len / 20 * i + i)).collect()
}

/// How long a difference may be before it hides what differs.
const SHOWN: usize = 2000;

fn assert_same(got: &Outcome, expected: &Outcome, what: &str) {
    if got != expected {
        let show = |outcome| format!("{outcome:?}").chars().take(SHOWN).collect::<String>();
        panic!("{what}\n     got {}\nexpected {}", show(got), show(expected));
    }
}

fn run(file: &str) {
    let mut names = HashSet::new();
    for case in load::<DecodeCase>(file) {
        assert!(names.insert(case.name.clone()), "{file}: two cases are named {:?}", case.name);
        let name = format!("{file}: {}", case.name);
        let (streams, limits, expected) = (case.streams(), case.limits(), case.expected());
        let longest = streams.iter().map(Vec::len).max().unwrap_or(0);

        assert_same(&read(&streams, limits, |s| vec![s]), &expected, &format!("{name}: whole"));
        for at in cuts(longest) {
            let halves = |s| <[u8]>::split_at_checked(s, at).map_or(vec![s], |(a, b)| vec![a, b]);
            assert_same(&read(&streams, limits, halves), &expected, &format!("{name}: cut at byte {at}"));
        }
        assert_same(
            &read(&streams, limits, |s| s.chunks(1).flat_map(|byte| [byte, &[]]).collect()),
            &expected,
            &format!("{name}: byte by byte, with empty reads"),
        );
        for seed in 0..20 {
            let mut random = Random(seed);
            let got = read(&streams, limits, |s| random.pieces(s));
            assert_same(&got, &expected, &format!("{name}: in the random pieces of seed {seed}"));
        }
        if expected.error.is_none() {
            assert_same(&naive::read(&streams), &expected, &format!("{name}: the vector itself"));
        }
    }
}

macro_rules! decode_files {
    ($($test:ident $file:literal,)*) => {
        $(#[test] fn $test() { run($file) })*

        #[test]
        fn every_file_is_run() {
            let run = HashSet::from(["README.md", "encoding.json", $($file),*]);
            for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../conformance")).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                assert!(run.contains(&*name), "no test runs {name}");
            }
        }
    };
}

decode_files! {
    lines "lines.json",
    bom "bom.json",
    fields "fields.json",
    data "data.json",
    types "type.json",
    id "id.json",
    retry "retry.json",
    comments "comments.json",
    utf8 "utf8.json",
    end_of_stream "end-of-stream.json",
    limits "limits.json",
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum EncodeCase {
    Event { name: String, event: FieldsCase, wire: Text },
    Comment { name: String, comment: Text, wire: Text },
    Refused { name: String, refused: RefusedCase, reason: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldsCase {
    id: Option<Text>,
    r#type: Option<Text>,
    retry: Option<u64>,
    data: Text,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RefusedCase {
    Id(Text),
    Type(Text),
    Comment(Text),
    Retry(Text),
}

#[test]
fn encoding() {
    for case in load::<EncodeCase>("encoding.json") {
        match case {
            EncodeCase::Event { name, event, wire } => {
                let id = event.id.map(|id| EventId::new(id.string()).expect(&name));
                let event_type = event.r#type.map(|t| EventType::new(t.string()).expect(&name));
                let retry = event.retry.map(Retry::from_millis);
                let data = event.data.string();
                let (id, event_type) = (id.as_ref(), event_type.as_ref());
                let mut buf = Vec::new();
                encode::event(&mut buf, EventFields { id, event_type, retry, data: &data });
                assert_eq!(buf, wire.bytes(), "{name}");

                let mut items: Vec<_> = retry.map(|r| Seen::Retry(r.as_millis())).into_iter().collect();
                let event_type = event_type.map_or("", EventType::as_str);
                items.push(Seen::Event {
                    event_type: if event_type.is_empty() { "message" } else { event_type }.to_owned(),
                    data: data.replace("\r\n", "\n").replace('\r', "\n"),
                    last_event_id: id.map_or("", EventId::as_str).to_owned(),
                });
                assert_eq!(read(&[buf], Limits::default(), |s| vec![s]).items, items, "{name}: read back");
            }
            EncodeCase::Comment { name, comment, wire } => {
                let mut buf = Vec::new();
                encode::comment(&mut buf, &comment.string()).expect(&name);
                assert_eq!(buf, wire.bytes(), "{name}");
                let items = read(&[buf], Limits::default(), |s| vec![s]).items;
                assert_eq!(items, [Seen::Comment(comment.string())], "{name}: read back");
            }
            EncodeCase::Refused { name, refused, reason } => {
                let expected = match &*reason {
                    "line-break" => ValueError::LineBreak,
                    "nul" => ValueError::Nul,
                    "not-digits" => ValueError::NotDigits,
                    other => panic!("{name}: there is no reason {other}"),
                };
                let mut buf = Vec::new();
                let got = match refused {
                    RefusedCase::Id(id) => EventId::new(id.string()).err(),
                    RefusedCase::Type(event_type) => EventType::new(event_type.string()).err(),
                    RefusedCase::Comment(text) => encode::comment(&mut buf, &text.string()).err(),
                    RefusedCase::Retry(retry) => retry.string().parse::<Retry>().err(),
                };
                assert_eq!(got, Some(expected), "{name}");
                assert!(buf.is_empty(), "{name}: nothing was written");
            }
        }
    }
}
