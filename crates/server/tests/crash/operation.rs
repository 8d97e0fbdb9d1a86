//! One request of a publisher: what it says, how it is sent, and what the hub has answered so far.

use std::io::{self, ErrorKind};

use serde_json::{Value, json};

use crate::{
    connection::Connection,
    dice::Dice,
    lobby::Generation,
    site::{PATH, bearer},
};

/// What the one who reads all to its end waits for.
const END: &str = "the end";

pub(crate) struct Planned {
    /// Whose and which it is; its data begin with that.
    pub(crate) name: String,
    pub(crate) topics: Vec<String>,
    pub(crate) private: bool,
    pub(crate) id: Option<String>,
    event_type: Option<String>,
    retry: Option<u64>,
    data: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    /// Fields of a form.
    Fields,
    /// An array of JSON: all or nothing.
    Array,
    /// Lines of JSON, so many in one chunk; each is answered.
    Lines { chunk: usize },
}

/// What is known of an update.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    None,
    /// The status said so, and what followed was cut off.
    Accepted,
    Id(String),
}

pub(crate) struct Operation {
    pub(crate) form: Form,
    pub(crate) key: Option<String>,
    pub(crate) updates: Vec<Planned>,
    pub(crate) answers: Vec<Answer>,
    pub(crate) attempts: u32,
    /// The hub that has published it for certain: the first one that it was sent to has answered.
    pub(crate) published_by: Option<Generation>,
}

/// All topics that there are.
pub(crate) fn topics() -> Vec<String> {
    let rooms = (0..8).map(|n| format!("/room/{n}"));
    rooms.chain((0..4).map(|n| format!("/news/{n}"))).collect()
}

/// Whether an event is the last one.
pub(crate) fn is_the_end(event: &str) -> bool {
    event.ends_with(END)
}

impl Planned {
    fn new(name: String, dice: &mut Dice) -> Self {
        let all = topics();
        let mut topics = vec![dice.pick(&all).clone()];
        if dice.one_in(4) {
            topics.extend((0..dice.within(1..3)).map(|_| dice.pick(&all).clone()));
        }
        // Mostly as people send them, and a few that no socket's buffer takes whole.
        let length = match dice.within(0..200) {
            0 => dice.within(4_000..12_000),
            1..=40 => 0,
            _ => dice.within(1..80),
        };
        Self {
            topics,
            private: dice.one_in(6),
            id: dice.one_in(4).then(|| format!("urn:{name}")),
            event_type: dice.one_in(8).then(|| format!("type-{}", dice.within(0..3))),
            retry: dice.one_in(16).then(|| dice.within(1..60_000)),
            data: format!("{name} {}", dice.text(length)),
            name,
        }
    }

    /// The event that subscribers get, without the blank line.
    pub(crate) fn event(&self, id: &str) -> String {
        let mut lines = Vec::new();
        lines.extend(self.event_type.iter().map(|t| format!("event: {t}")));
        lines.extend(self.retry.iter().map(|ms| format!("retry: {ms}")));
        lines.push(format!("id: {id}"));
        lines.extend(self.data.split('\n').map(|line| format!("data: {line}")));
        lines.join("\n")
    }

    fn json(&self) -> Value {
        let mut object = json!({ "topic": self.topics, "data": self.data });
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                object[name] = value;
            }
        };
        set("private", self.private.then_some(true.into()));
        set("id", self.id.clone().map(Value::from));
        set("type", self.event_type.clone().map(Value::from));
        set("retry", self.retry.map(Value::from));
        object
    }

    fn fields(&self) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for topic in &self.topics {
            form.append_pair("topic", topic);
        }
        form.append_pair("data", &self.data);
        if self.private {
            form.append_pair("private", "on");
        }
        let retry = self.retry.map(|ms| ms.to_string());
        for (name, value) in [("id", &self.id), ("type", &self.event_type), ("retry", &retry)] {
            if let Some(value) = value {
                form.append_pair(name, value);
            }
        }
        form.finish()
    }
}

impl Operation {
    pub(crate) fn plan(publisher: usize, number: usize, dice: &mut Dice) -> Self {
        let (form, count) = match dice.within(0..10) {
            0..5 => (Form::Fields, 1),
            5..8 => (Form::Array, dice.within(1..12)),
            _ => {
                let count = dice.within(1..30);
                (Form::Lines { chunk: dice.within(1..count + 1) as usize }, count)
            }
        };
        let key = dice.one_in(2).then(|| format!("key {publisher}-{number}"));
        let updates: Vec<_> =
            (0..count).map(|i| Planned::new(format!("{publisher}-{number}.{i}"), dice)).collect();
        Self::new(form, key, updates)
    }

    /// One update to all topics, which everybody gets.
    pub(crate) fn end(publisher: usize) -> Self {
        let name = format!("{publisher}-0.0");
        let data = format!("{name} {END}");
        let (id, event_type, retry) = (None, None, None);
        let end = Planned { name, topics: topics(), private: false, id, event_type, retry, data };
        Self::new(Form::Fields, None, vec![end])
    }

    fn new(form: Form, key: Option<String>, updates: Vec<Planned>) -> Self {
        let answers = vec![Answer::None; updates.len()];
        Self { form, key, updates, answers, attempts: 0, published_by: None }
    }

    /// Sends it and, unless nobody cares to hear, takes the answer. An error is a connection that broke.
    pub(crate) fn attempt(&mut self, connection: &mut Connection, listens: bool) -> io::Result<()> {
        self.attempts += 1;
        if let Form::Lines { chunk } = self.form {
            return self.attempt_lines(connection, chunk, listens);
        }
        let (content_type, body) = match self.form {
            Form::Fields => ("application/x-www-form-urlencoded", self.updates[0].fields()),
            _ => ("application/json", self.updates.iter().map(Planned::json).collect::<Value>().to_string()),
        };
        let length = format!("Content-Length: {}", body.len());
        connection.send(self.head(content_type, &length) + &body)?;
        if !listens {
            return Ok(());
        }
        let head = connection.head()?;
        if head.status == 200 {
            // The body may be cut off; published it is.
            for answer in self.answers.iter_mut().filter(|answer| **answer == Answer::None) {
                *answer = Answer::Accepted;
            }
        }
        let body = connection.body(&head)?;
        if is_stopping(&body) {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        assert_eq!(head.status, 200, "{body}");
        let ids: Vec<String> = match self.form {
            Form::Fields => vec![body],
            _ => serde_json::from_str::<Vec<Value>>(&body).expect("an array").iter().map(id).collect(),
        };
        assert_eq!(ids.len(), self.updates.len(), "an id for each");
        for (place, id) in ids.into_iter().enumerate() {
            self.answered(place, id);
        }
        Ok(())
    }

    fn attempt_lines(&mut self, connection: &mut Connection, chunk: usize, listens: bool) -> io::Result<()> {
        connection.send(self.head("application/x-ndjson", "Transfer-Encoding: chunked"))?;
        let mut answers = Answers::default();
        for start in (0..self.updates.len()).step_by(chunk) {
            let places = start..(start + chunk).min(self.updates.len());
            let lines = self.updates[places.clone()].iter().map(|update| format!("{}\n", update.json()));
            connection.send_chunk(&lines.collect::<String>())?;
            for place in places.filter(|_| listens) {
                let line = answers.next(connection)?;
                if is_stopping(&line) {
                    return Err(ErrorKind::ConnectionAborted.into());
                }
                self.answered(place, id(&serde_json::from_str(&line).expect("a line of JSON")));
            }
        }
        connection.send_chunk("")?;
        if !listens {
            return Ok(());
        }
        loop {
            let rest = str::from_utf8(connection.chunk()?).expect("JSON is UTF-8");
            if rest.is_empty() {
                return Ok(());
            }
            // One that drains may not have seen yet that there are no more lines.
            assert!(is_stopping(rest), "more answers than lines: {rest}");
        }
    }

    fn head(&self, content_type: &str, length: &str) -> String {
        let key = self.key.as_ref().map(|key| format!("Idempotency-Key: {key}\r\n")).unwrap_or_default();
        let bearer = bearer();
        format!(
            "POST {PATH} HTTP/1.1\r\nHost: hub\r\n{bearer}\r\nContent-Type: {content_type}\r\n{length}\r\n{key}\r\n"
        )
    }

    fn answered(&mut self, place: usize, id: String) {
        let (known, name) = (&mut self.answers[place], &self.updates[place].name);
        if let Answer::Id(known) = known {
            assert_eq!(*known, id, "{name}, published again with its key, is answered as the first time");
        }
        *known = Answer::Id(id);
    }
}

/// The one refusal there may be: a hub that drains.
fn is_stopping(answer: &str) -> bool {
    answer.contains("\"Shutting down\"")
}

fn id(answer: &Value) -> String {
    answer["id"].as_str().unwrap_or_else(|| panic!("refused: {answer}")).to_owned()
}

/// The lines of an answer that comes in chunks.
#[derive(Default)]
struct Answers {
    head: bool,
    text: Vec<u8>,
}

impl Answers {
    fn next(&mut self, connection: &mut Connection) -> io::Result<String> {
        if !self.head {
            assert_eq!(connection.head()?.status, 200);
            self.head = true;
        }
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.text) {
                let line: Vec<u8> = self.text.drain(..=end).collect();
                return Ok(String::from_utf8(line).expect("JSON is UTF-8"));
            }
            let chunk = connection.chunk()?;
            assert!(!chunk.is_empty(), "fewer answers than lines");
            self.text.extend_from_slice(chunk);
        }
    }
}
