//! What was typed, and where: the flags, the environment and the file, joined but not yet understood.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    ops::Range,
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    ConfigError,
    rule::{self, LowRule},
    setting::{PREFIX, Setting, Shape, settings},
};

/// Variables that other commands read, or that are no settings: `serve` knows them and leaves them alone.
const OTHER_VARIABLES: [&str; 2] = ["HEADWATER_CONFIG", "HEADWATER_TOKEN"];

/// Where a value was given. In the order of their precedence: a flag beats a variable beats the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    Flag,
    Variable,
    File { path: PathBuf, line: usize },
}

impl Source {
    /// How to tell a person where.
    pub(super) fn place(&self, setting: &Setting) -> String {
        match self {
            Self::Flag => setting.flag(),
            Self::Variable => setting.variable(),
            Self::File { path, line } => format!("{}:{line}: {}", path.display(), setting.key()),
        }
    }

    /// Whether both are of one kind, so that neither beats the other.
    pub(super) fn ranks_with(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// The texts given for one setting, all from one source.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Typed {
    pub(super) values: Vec<String>,
    pub(super) source: Source,
}

/// What was typed. Has no `Debug`, as it holds keys.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct LowArgs {
    typed: BTreeMap<&'static str, Typed>,
    rules: Vec<LowRule>,
}

impl LowArgs {
    /// Takes out the file's rules, in their order.
    pub(super) fn take_rules(&mut self) -> Vec<LowRule> {
        std::mem::take(&mut self.rules)
    }

    /// Takes out what was given for a setting.
    pub(super) fn take(&mut self, setting: &Setting) -> Option<Typed> {
        self.typed.remove(setting.name)
    }

    /// Where a setting was given, if it was.
    pub(super) fn source(&self, setting: &Setting) -> Option<&Source> {
        self.typed.get(setting.name).map(|typed| &typed.source)
    }

    pub(super) fn has(&self, setting: &Setting) -> bool {
        self.typed.contains_key(setting.name)
    }

    /// The settings that nobody took out.
    pub(super) fn rest(&self) -> impl Iterator<Item = &str> {
        self.typed.keys().copied()
    }

    fn add(&mut self, setting: &Setting, values: Vec<String>, source: Source) {
        let lower = self.typed.get(setting.name).is_none_or(|typed| source < typed.source);
        if lower {
            self.typed.insert(setting.name, Typed { values, source });
        }
    }

    /// Adds flags: the name of the setting and what was given for it.
    pub(crate) fn add_flags(&mut self, flags: impl IntoIterator<Item = (&'static Setting, Vec<String>)>) {
        for (setting, values) in flags {
            self.add(setting, values, Source::Flag);
        }
    }

    /// Adds those of the environment's variables that start with `HEADWATER_`. An empty one counts as not set, as a
    /// compose file cannot say it otherwise.
    pub(crate) fn add_variables(
        &mut self,
        variables: &BTreeMap<OsString, OsString>,
        errors: &mut Vec<ConfigError>,
    ) {
        for (name, value) in variables {
            let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
            if OTHER_VARIABLES.contains(&name) || is_service_link(name, value) || value.is_empty() {
                continue;
            }
            let Some(setting) = settings().find(|setting| setting.variable() == name) else {
                let advice = advice(name, settings().map(Setting::variable));
                errors.push(ConfigError::new(name, format!("No variable of this name is known. {advice}")));
                continue;
            };
            let Some(value) = value.to_str() else {
                errors.push(ConfigError::new(name, "It is not UTF-8. Write it in UTF-8."));
                continue;
            };
            self.add(setting, vec![value.to_owned()], Source::Variable);
        }
    }

    /// Adds a file's text.
    pub(crate) fn add_file(&mut self, path: &Path, text: &str, errors: &mut Vec<ConfigError>) {
        let line_of = |span: Range<usize>| text[..span.start].matches('\n').count() + 1;
        let (table, malformed) = DeTable::parse_recoverable(text);
        for error in &malformed {
            let line = error.span().map_or(1, line_of);
            // Not the error's own display: it shows the line, which may hold a key.
            errors.push(ConfigError::new(place(path, line), format!("Not valid TOML: {}.", error.message())));
        }
        if !malformed.is_empty() {
            return;
        }
        let mut entries: Vec<_> = table.get_ref().iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        for (key, value) in entries {
            let line = line_of(key.span());
            if *key.get_ref() == rule::KEY {
                self.rules.extend(rule::read(path, value, line_of, errors));
                continue;
            }
            let Some(setting) = settings().find(|setting| setting.key() == **key.get_ref()) else {
                let advice = match value.get_ref() {
                    DeValue::Table(_) => {
                        "There are no tables but `[[retain]]`: write its keys at the top, as `limit_body`."
                            .into()
                    }
                    _ => advice(key.get_ref(), settings().map(Setting::key)),
                };
                let message = format!("No key `{}` is known. {advice}", key.get_ref());
                errors.push(ConfigError::new(place(path, line), message));
                continue;
            };
            let source = Source::File { path: path.to_owned(), line };
            match texts(setting, value) {
                Ok(values) => self.add(setting, values, source),
                Err(message) => errors.push(ConfigError::new(source.place(setting), message)),
            }
        }
    }
}

/// Whether Kubernetes made the variable: it gives every container those of each Service in its namespace, and one that
/// is called `headwater` or `headwater-…` must not keep the hub from starting.
fn is_service_link(name: &str, value: &OsStr) -> bool {
    // Whoever means the port to listen on is told that there is no such variable.
    let is_url = value.to_str().is_some_and(|value| value.contains("://"));
    let after = |infix: &str| name.split_once(infix).map(|(_, rest)| rest);
    let a_port = |rest: &str| {
        let mut parts = rest.split('_');
        let number = parts.next().is_some_and(|part| part.parse::<u16>().is_ok());
        number && parts.next().is_some_and(|part| matches!(part, "TCP" | "UDP" | "SCTP"))
    };
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || (name.ends_with("_PORT") && is_url)
        || after("_SERVICE_PORT_").is_some()
        || after("_PORT_").is_some_and(a_port)
}

fn place(path: &Path, line: usize) -> String {
    format!("{}:{line}", path.display())
}

/// The texts of a TOML value, as they would have been typed.
fn texts(setting: &Setting, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, &'static str> {
    let text = |value: &DeValue<'_>| match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) => Ok(number.to_string()),
        DeValue::Boolean(switch) => Ok(switch.to_string()),
        _ => Err("Write a string, a whole number, true or false."),
    };
    match value.get_ref() {
        DeValue::Array(values) if setting.shape == Shape::Many => {
            values.iter().map(|value| text(value.get_ref())).collect()
        }
        DeValue::Array(_) => Err("It takes one value, no array."),
        value => text(value).map(|text| vec![text]),
    }
}

/// What somebody may have meant.
fn advice(unknown: &str, known: impl Iterator<Item = String>) -> String {
    // What all variables begin with makes none of them alike.
    let bare = |name: &str| name.strip_prefix(PREFIX).unwrap_or(name).to_owned();
    let nearest = known
        .map(|name| (strsim::jaro_winkler(&bare(unknown), &bare(&name)), name))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((_, name)) => format!("Did you mean `{name}`?"),
        None => "See `headwater serve --help` for those that are; remove it.".into(),
    }
}
