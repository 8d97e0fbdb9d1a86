//! `application/json`: one update as an object, or an array of them.
//!
//! Data that is no string is sent on as it was written, without the white space between its tokens: numbers keep
//! their digits and objects their order, which a round through a tree of values would not promise.

mod source;

use headwater_hub::Update;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use source::Source;

use super::{Limits, field};
use crate::problem::Problem;

/// What a body held. The answer has the same shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Updates {
    One(Update),
    /// To be published in order, all or none. May be empty.
    Many(Vec<Update>),
}

/// Reads a whole body.
pub(crate) fn parse(body: &[u8], limits: &Limits) -> Result<Updates, Problem> {
    let source = Source::new(body, 1, "one object, or an array of them")?;
    let json = source.json();
    if !json.starts_with('[') {
        return update(&source, json, limits).map(Updates::One);
    }
    let mut updates = Vec::new();
    source.each(json, |element| {
        if updates.len() == limits.updates {
            let max = limits.updates;
            let detail = format!(
                "An array may hold {max} updates. Send several arrays, raise `--limit-updates`, or send \
                 application/x-ndjson, which has no such limit."
            );
            return Err(Problem::bad_request("Too many updates", detail).at_part(&source, element));
        }
        updates.push(update(&source, element.get(), limits)?);
        Ok(())
    })?;
    Ok(Updates::Many(updates))
}

/// Reads one line of NDJSON.
pub(super) fn parse_line(line: &[u8], number: u64, limits: &Limits) -> Result<Update, Problem> {
    let source = Source::new(line, number, "one object on each line")?;
    update(&source, source.json(), limits)
}

const EXAMPLE: &str = "an object such as {\"topic\": \"a\", \"data\": \"hello\"}";

/// The members, unread: so that each error can point at its own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object such as {\"topic\": \"a\", \"data\": \"hello\"}")]
struct Object<'a> {
    #[serde(borrow, default)]
    topic: Option<&'a RawValue>,
    // `null` is data like any other.
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    private: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "type")]
    event_type: Option<&'a RawValue>,
    #[serde(borrow, default)]
    retry: Option<&'a RawValue>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

fn update(source: &Source<'_>, json: &str, limits: &Limits) -> Result<Update, Problem> {
    let here = |problem: Problem| problem.at_str(source, json);
    if json.starts_with('[') {
        // Left to itself, serde would take the elements for the members in their order.
        return Err(here(Problem::bad_request(
            "Bad update",
            format!("An array stands here instead of {EXAMPLE}."),
        )));
    }
    let object: Object<'_> = source.read(json)?;

    let mut topics = Vec::new();
    if let Some(raw) = object.topic {
        let mut add = |raw: &RawValue| {
            if topics.len() == limits.topics {
                return Err(field::too_many_topics(limits.topics).at_part(source, raw));
            }
            let text: String = source.read_member("topic", raw)?;
            topics.push(field::topic(&text).map_err(|p| p.at_part(source, raw))?);
            Ok(())
        };
        if raw.get().starts_with('[') { source.each(raw.get(), add)? } else { add(raw)? }
    }
    let Some(canonical) = topics.first() else { return Err(here(field::no_topic())) };

    let Some(data) = object.data else {
        let detail = "Add `data`: a string, or any other JSON value; \"\" if there is nothing to say.";
        return Err(here(Problem::bad_request("No data", detail)));
    };
    let data =
        if data.get().starts_with('"') { source.read_member("data", data)? } else { compact(data.get()) };

    let mut update = Update::new(canonical.clone(), data);
    update.topics = topics;
    if let Some(raw) = object.private {
        update.private = source.read_member("private", raw)?;
    }
    if let Some(raw) = object.id {
        let text: String = source.read_member("id", raw)?;
        update.id = field::id(&text).map_err(|p| p.at_part(source, raw))?;
    }
    if let Some(raw) = object.event_type {
        let text: String = source.read_member("type", raw)?;
        update.event_type = field::event_type(&text).map_err(|p| p.at_part(source, raw))?;
    }
    if let Some(raw) = object.retry {
        update.retry = field::retry(raw.get()).map_err(|p| p.at_part(source, raw))?;
    }
    Ok(update)
}

impl Problem {
    fn at_part(self, source: &Source<'_>, part: &RawValue) -> Self {
        self.at_str(source, part.get())
    }

    fn at_str(self, source: &Source<'_>, part: &str) -> Self {
        let (line, column) = source.place(part);
        self.at(line, column)
    }
}

/// Takes the white space out from between the tokens of valid JSON.
fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut start, mut in_string, mut escaped) = (0, false, false);
    for (i, byte) in json.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b' ' | b'\t' | b'\n' | b'\r' if !in_string => {
                out.push_str(&json[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    out.push_str(&json[start..]);
    out
}

#[cfg(test)]
mod tests;
