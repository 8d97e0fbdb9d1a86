//! `[[retain]]`, the one table of the file: a shorter limit for the topics that a selector matches. No flag could hold
//! its two parts.

use std::{ops::Range, path::Path};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::ConfigError;

/// The file's key.
pub(super) const KEY: &str = "retain";

/// What to write, for every error of form.
const FORM: &str =
    "Write a table `[[retain]]` with `selector = \"…\"` and `age = \"1h\"`, below all other keys.";

/// One of the tables, as typed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct LowRule {
    pub(super) selector: Text,
    pub(super) age: Text,
}

/// What stands behind a key, and where.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) place: String,
}

/// Reads all that stands behind the file's key.
pub(super) fn read(
    path: &Path,
    value: &Spanned<DeValue<'_>>,
    line_of: impl Fn(Range<usize>) -> usize + Copy,
    errors: &mut Vec<ConfigError>,
) -> Vec<LowRule> {
    let place = |span, name: &str| format!("{}:{}: {name}", path.display(), line_of(span));
    let DeValue::Array(tables) = value.get_ref() else {
        errors.push(ConfigError::new(place(value.span(), KEY), FORM));
        return Vec::new();
    };
    let mut rules = Vec::new();
    for value in tables {
        match value.get_ref() {
            DeValue::Table(table) => rules.extend(rule(table, value.span(), &place, errors)),
            _ => errors.push(ConfigError::new(place(value.span(), KEY), FORM)),
        }
    }
    rules
}

fn rule(
    table: &DeTable<'_>,
    span: Range<usize>,
    place: &impl Fn(Range<usize>, &str) -> String,
    errors: &mut Vec<ConfigError>,
) -> Option<LowRule> {
    let (mut selector, mut age) = (None, None);
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let mut whole = true;
    for (key, value) in entries {
        let name: &str = key.get_ref();
        let place = place(key.span(), &format!("{KEY}.{name}"));
        let slot = match name {
            "selector" => &mut selector,
            "age" => &mut age,
            _ => {
                let message = "No such key is known here: there are `selector` and `age`. Remove it.";
                errors.push(ConfigError::new(place, message));
                continue;
            }
        };
        if let DeValue::String(text) = value.get_ref() {
            *slot = Some(Text { text: text.to_string(), place });
        } else {
            errors.push(ConfigError::new(place, "Write a string, in quotes."));
            whole = false;
        }
    }
    if whole && (selector.is_none() || age.is_none()) {
        let missing = if selector.is_none() { "selector" } else { "age" };
        errors.push(ConfigError::new(place(span, KEY), format!("It has no `{missing}`. {FORM}")));
    }
    Some(LowRule { selector: selector?, age: age? })
}
