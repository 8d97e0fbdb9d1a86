//! From what was typed to what will run. All that is wrong is collected, so that nobody has to start ten times.

use std::{num::NonZeroUsize, ops::RangeInclusive, path::Path, time::Duration};

use headwater_hub::{HistoryPlace, UnknownCursor};
use jsonwebtoken::Algorithm;

use super::{
    Auth, Config, ConfigError, Key, Limits, LowArgs, Machine, Origin, Secret,
    limits::MAX_ASSUMED_CONNECTIONS,
    low::{Source, Typed},
    machine::reserved_descriptors,
    read_key,
    setting::{Fallback, Setting, Shape, setting},
    value::{self, DAY, SECOND},
};
use crate::{
    cors::Cors,
    log::{Format, Level},
};

const ALGORITHMS: &str = "HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA";

/// Understands all that was typed; `errors` holds what was found wrong before.
pub(super) fn resolve(
    low: LowArgs,
    machine: &Machine,
    errors: Vec<ConfigError>,
) -> Result<Config, Vec<ConfigError>> {
    let mut reader = Reader { low, errors };
    // Every setting is read before the first `?`: one that is wrong must not hide the next.
    let listen = reader.many("listen", value::address);
    let auth = reader.auth();
    let cors = reader.cors();
    let history = reader.history();
    let unknown_cursors = [("replay", UnknownCursor::Replay), ("live", UnknownCursor::Live)];
    let unknown_cursor = reader.one("unknown-cursor", value::choice(&unknown_cursors));
    let heartbeat = reader.duration("heartbeat", Duration::ZERO..=DAY);
    let write_timeout = reader.duration("write-timeout", SECOND..=DAY);
    let linger = reader.duration("linger", Duration::ZERO..=SECOND);
    let drain = reader.duration("drain", Duration::ZERO..=DAY);
    let shards = reader.shards(machine);
    let place = history.as_ref().map_or(HistoryPlace::Memory, |history| history.place.clone());
    let limits = reader.limits(machine, &place);
    let log = reader.one("log", value::choice(&[("text", Format::Text), ("json", Format::Json)]));
    let log_level = reader.one("log-level", value::named::<Level>("error, warn, info, debug, trace"));

    debug_assert_eq!(reader.low.rest().next(), None, "every setting is read");
    let whole = || {
        Some(Config {
            listen,
            auth: auth?,
            cors,
            history: history?,
            unknown_cursor: unknown_cursor?,
            heartbeat: heartbeat.map(|every| (!every.is_zero()).then_some(every))?,
            write_timeout: write_timeout?,
            linger: linger?,
            drain: drain?,
            shards: shards?,
            limits: limits?,
            log: log?,
            log_level: log_level?,
            dev: None,
        })
    };
    match whole() {
        Some(config) if reader.errors.is_empty() => Ok(config),
        _ => Err(reader.errors),
    }
}

/// Reads setting after setting, and gathers what is wrong.
pub(super) struct Reader {
    pub(super) low: LowArgs,
    errors: Vec<ConfigError>,
}

impl Reader {
    pub(super) fn fail(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.errors.push(ConfigError::new(place, message));
    }

    /// What was given for a setting, else its default.
    fn typed(&mut self, setting: &Setting) -> Option<Typed> {
        self.low.take(setting).or_else(|| match setting.fallback {
            Fallback::Value(text) => Some(Typed { values: vec![text.into()], source: Source::Flag }),
            Fallback::Found(_) | Fallback::Nothing => None,
        })
    }

    /// One value, where it was given or has a default in the table. `None` also when it is wrong.
    pub(super) fn one<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let setting = setting(name);
        let typed = self.typed(setting)?;
        // Of a flag that is repeated the last one counts, so that an alias or a script can be overridden.
        match parse(typed.values.last()?) {
            Ok(value) => Some(value),
            Err(message) => {
                self.fail(typed.source.place(setting), message);
                None
            }
        }
    }

    fn many<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let setting = setting(name);
        debug_assert_eq!(setting.shape, Shape::Many);
        let Some(typed) = self.typed(setting) else { return Vec::new() };
        let mut values = Vec::new();
        let separators = |c: char| c == ',' || c.is_whitespace();
        for text in
            typed.values.iter().flat_map(|text| text.split(separators)).filter(|text| !text.is_empty())
        {
            match parse(text) {
                Ok(value) => values.push(value),
                Err(message) => self.fail(typed.source.place(setting), message),
            }
        }
        values
    }

    pub(super) fn duration(&mut self, name: &str, range: RangeInclusive<Duration>) -> Option<Duration> {
        self.one(name, value::within(value::duration, range, value::show_duration))
    }

    pub(super) fn size(&mut self, name: &str, range: RangeInclusive<u64>) -> Option<usize> {
        self.one(name, value::within(value::size, range, value::show_size))
            .map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
    }

    pub(super) fn count(&mut self, name: &str, range: RangeInclusive<u64>) -> Option<u64> {
        self.one(name, value::within(value::count, range, value::show))
    }

    fn shards(&mut self, machine: &Machine) -> Option<NonZeroUsize> {
        // More would only take turns; and a count that is a typo must not start a million threads.
        const MAX: u64 = 256;
        if !self.low.has(setting("shards")) {
            return Some(machine.cores.min(NonZeroUsize::new(MAX as usize)?));
        }
        self.count("shards", 1..=MAX).and_then(|shards| NonZeroUsize::new(shards as usize))
    }

    fn auth(&mut self) -> Option<Auth> {
        let publisher_algorithm = self.one("publisher-algorithm", value::named::<Algorithm>(ALGORITHMS));
        let publisher_secret = self.secret("publisher-key", "publisher-key-file");
        let subscriber_algorithm_given = self.low.has(setting("subscriber-algorithm"));
        let subscriber_algorithm = self.one("subscriber-algorithm", value::named::<Algorithm>(ALGORITHMS));
        let subscriber_secret = self.secret("subscriber-key", "subscriber-key-file");
        let anonymous = self.one("anonymous", value::switch);
        let cookie_name = self.one("cookie-name", cookie_name);
        let publish_origins = self.many("publish-origin", Origin::parse);

        if let Given::Nothing = publisher_secret {
            self.fail(
                "--publisher-key",
                "None is given, so nobody could publish. Make one with `headwater token --generate-key > \
                 publisher.key`, and add `--publisher-key-file publisher.key`. (To try things out: `headwater dev`.)",
            );
        }
        if subscriber_algorithm_given && matches!(subscriber_secret, Given::Nothing) {
            self.fail(
                "--subscriber-algorithm",
                "There is no subscriber key for it. Add one, or leave it out: the publisher's key has its own.",
            );
        }
        let publisher = self.key(publisher_secret, publisher_algorithm);
        let default = (!subscriber_algorithm_given).then_some(Algorithm::HS256);
        let subscriber = self.key(subscriber_secret, subscriber_algorithm.or(default));
        let publisher = publisher?;
        Some(Auth {
            subscriber: subscriber.unwrap_or_else(|| publisher.clone()),
            publisher,
            anonymous: anonymous?,
            cookie_name: cookie_name?,
            publish_origins,
        })
    }

    /// A key, given inline or by file; of two, the one whose source takes precedence.
    fn secret(&mut self, inline: &str, file: &str) -> Given {
        let (inline, file) = (setting(inline), setting(file));
        let (mut in_words, mut in_file) = (self.typed(inline), self.typed(file));
        if let (Some(a), Some(b)) = (&in_words, &in_file) {
            if a.source.ranks_with(&b.source) {
                let message = format!("It is given beside {}. Leave one of them out.", b.source.place(file));
                self.fail(a.source.place(inline), message);
                return Given::Wrong;
            }
            if a.source < b.source { in_file = None } else { in_words = None }
        }
        if let Some(typed) = in_words {
            let text = typed.values.last().cloned().unwrap_or_default();
            return Given::Secret(Secret::new(text), typed.source.place(inline));
        }
        let Some(typed) = in_file else { return Given::Nothing };
        let place = typed.source.place(file);
        let path = typed.values.last().cloned().unwrap_or_default();
        match read_key(Path::new(&path)) {
            Ok(secret) => Given::Secret(secret, place),
            Err(message) => {
                self.fail(place, message);
                Given::Wrong
            }
        }
    }

    fn key(&mut self, given: Given, algorithm: Option<Algorithm>) -> Option<Key> {
        let Given::Secret(secret, place) = given else { return None };
        match Key::new(algorithm?, secret) {
            Ok(key) => Some(key),
            Err(message) => {
                self.fail(place, message);
                None
            }
        }
    }

    fn cors(&mut self) -> Cors {
        let setting = setting("cors-origin");
        let place = self.low.source(setting).map(|source| source.place(setting));
        let origins = self.many("cors-origin", |text| match text {
            "*" => Ok(None),
            text => Origin::parse(text).map(Some),
        });
        let any = origins.contains(&None);
        let listed: Vec<_> = origins.into_iter().flatten().collect();
        match (any, listed.is_empty()) {
            (false, true) => Cors::Off,
            (false, false) => Cors::Origins(listed),
            (true, true) => Cors::Any,
            (true, false) => {
                let message = "`*` stands beside other origins. Leave it out (cookies are then admitted from the \
                               listed ones), or leave them out (no cookies from anywhere).";
                self.fail(place.unwrap_or_default(), message);
                Cors::Off
            }
        }
    }

    fn limits(&mut self, machine: &Machine, history: &HistoryPlace) -> Option<Limits> {
        let connections = self.connections(machine, reserved_descriptors(history));
        // A request line and the headers of a browser do not fit into less than the lower bound.
        let head = self.size("limit-head", 8 << 10..=16 << 20);
        let head_wait = self.duration("limit-head-wait", SECOND..=DAY);
        let token = self.size("limit-token", 1 << 10..=1 << 20);
        let body = self.size("limit-body", 1 << 10..=1 << 30);
        let line = self.size("limit-line", 1 << 10..=1 << 30);
        let updates = self.count("limit-updates", 1..=1_000_000);
        let topics = self.count("limit-topics", 1..=100_000);
        let selectors = self.count("limit-selectors", 1..=100_000);
        let selector_length = self.size("limit-selector-length", 64..=1 << 20);
        let selector_bytes = self.size("limit-selector-bytes", 64 << 10..=1 << 40);
        let queue = self.size("limit-queue", 64 << 10..=1 << 40);
        let limits = Limits {
            connections: connections?,
            head: head?,
            head_wait: head_wait?,
            token: token?,
            body: body?,
            line: line?,
            updates: updates? as usize,
            topics: topics? as usize,
            selectors: selectors? as usize,
            selector_length: selector_length?,
            selector_bytes: selector_bytes?,
            queue: queue?,
        };
        for (less, more, why) in limits.contradictions() {
            let message = format!("It is more than --{more} admits: {why}. Lower it, or raise the other.");
            self.fail(format!("--{less}"), message);
        }
        Some(limits)
    }

    fn connections(&mut self, machine: &Machine, reserved: u64) -> Option<u64> {
        let setting = setting("limit-connections");
        let room = machine.descriptors.saturating_sub(reserved).max(1);
        let Some(source) = self.low.source(setting).cloned() else {
            return Some(room.min(MAX_ASSUMED_CONNECTIONS));
        };
        let asked = self.count("limit-connections", 1..=u64::MAX)?;
        if asked > room {
            let message = format!(
                "{asked} connections and {reserved} other files need more descriptors than the {} that \
                 this process may have. Raise its hard limit (`ulimit -Hn`, systemd's `LimitNOFILE=`, Docker's \
                 `--ulimit nofile=`), or ask for {room} at most.",
                machine.descriptors
            );
            self.fail(source.place(setting), message);
            return None;
        }
        Some(asked)
    }
}

enum Given {
    Nothing,
    Wrong,
    /// And the place where it was given.
    Secret(Secret, String),
}

/// A cookie's name is a token (RFC 6265, 4.1.1).
fn cookie_name(text: &str) -> Result<String, String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !text.is_empty() && text.bytes().all(fits) {
        Ok(text.to_owned())
    } else {
        Err(format!("\"{text}\" cannot be a cookie's name. Write letters, digits, `-` and `_`."))
    }
}
