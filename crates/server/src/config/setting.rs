//! Everything that can be set, once: flags, `HEADWATER_…` variables, keys of the file and `--help` all come from this
//! table. What a limit is for stands in its help, where whoever wants to change it reads it.

/// How often a value may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    One,
    /// Repeat the flag; in a variable, separate by commas or spaces; in the file, an array.
    Many,
    /// True or false; the flag alone means true.
    Switch,
}

/// What holds where nothing is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fallback {
    /// As if this had been typed.
    Value(&'static str),
    /// Found out when the hub starts, as described.
    Found(&'static str),
    Nothing,
}

/// One thing that can be set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    /// The flag's name. The variable is `HEADWATER_` and this in capitals, the file's key the same in lower case; both
    /// with `_` for `-`.
    pub(crate) name: &'static str,
    /// What stands for the value in the help.
    pub(crate) value: &'static str,
    pub(crate) shape: Shape,
    pub(crate) fallback: Fallback,
    pub(crate) group: &'static str,
    pub(crate) help: &'static str,
}

impl Setting {
    pub(crate) fn flag(&self) -> String {
        format!("--{}", self.name)
    }

    pub(crate) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.key().to_ascii_uppercase())
    }

    pub(crate) fn key(&self) -> String {
        self.name.replace('-', "_")
    }

    /// Never to be quoted, not even in an error.
    #[cfg(test)]
    pub(crate) fn is_secret(&self) -> bool {
        matches!(self.name, "publisher-key" | "subscriber-key")
    }
}

pub(crate) const PREFIX: &str = "HEADWATER_";

/// The setting of this name, which must be one of the table's.
pub(crate) fn setting(name: &str) -> &'static Setting {
    settings().find(|setting| setting.name == name).expect("names in the code are the table's")
}

const fn one(name: &'static str, value: &'static str, fallback: Fallback, help: &'static str) -> Setting {
    Setting { name, value, shape: Shape::One, fallback, group: "", help }
}

const fn many(name: &'static str, value: &'static str, fallback: Fallback, help: &'static str) -> Setting {
    Setting { name, value, shape: Shape::Many, fallback, group: "", help }
}

const fn switch(name: &'static str, help: &'static str) -> Setting {
    Setting { name, value: "BOOL", shape: Shape::Switch, fallback: Value("false"), group: "", help }
}

const fn grouped<const N: usize>(group: &'static str, mut settings: [Setting; N]) -> [Setting; N] {
    let mut i = 0;
    while i < N {
        settings[i].group = group;
        i += 1;
    }
    settings
}

use Fallback::{Found, Nothing, Value};

const LISTENING: [Setting; 1] = grouped(
    "Listening",
    [many(
        "listen",
        "ADDR",
        Value("127.0.0.1:3000"),
        "IP address and port to listen on, such as 0.0.0.0:80 or [::]:3000; may be given several times",
    )],
);

const KEYS: [Setting; 8] = grouped(
    "Keys and tokens",
    [
        one(
            "publisher-key",
            "KEY",
            Nothing,
            "Key that publishers' tokens are checked with: an HMAC secret of 32 bytes or more, or a public key as PEM. \
             Others can read your command lines: prefer the file or the variable",
        ),
        one(
            "publisher-key-file",
            "FILE",
            Nothing,
            "File that holds the publisher key (one line break at its end is not part of it)",
        ),
        one(
            "publisher-algorithm",
            "ALG",
            Value("HS256"),
            "Algorithm of publishers' tokens: HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, \
             ES384 or EdDSA",
        ),
        one(
            "subscriber-key",
            "KEY",
            Found("the publisher's key"),
            "Key that subscribers' tokens are checked with",
        ),
        one("subscriber-key-file", "FILE", Nothing, "File that holds the subscriber key"),
        one(
            "subscriber-algorithm",
            "ALG",
            Found("the publisher's, where the key is the publisher's; else HS256"),
            "Algorithm of subscribers' tokens",
        ),
        switch("anonymous", "Admit subscribers without a token, to public updates"),
        one(
            "cookie-name",
            "NAME",
            Value("mercureAuthorization"),
            "Cookie that browsers carry their token in",
        ),
    ],
);

const BROWSERS: [Setting; 2] = grouped(
    "Browsers",
    [
        many(
            "cors-origin",
            "ORIGIN",
            Nothing,
            "Origin whose pages may read the hub's answers, also with cookies, such as https://example.com; may be \
             given several times. `*` admits all pages, without cookies",
        ),
        many(
            "publish-origin",
            "ORIGIN",
            Nothing,
            "Origin whose pages may publish with a cookie, which other pages could abuse (CSRF); may be given several \
             times",
        ),
    ],
);

const HISTORY: [Setting; 6] = grouped(
    "History",
    [
        one(
            "history",
            "PATH",
            Value("./headwater-data"),
            "Directory that updates are retained in, made if it is not there; or `memory`, which is empty after each \
             restart (`./memory` is a directory of that name)",
        ),
        one(
            "sync",
            "WHEN",
            Value("commit"),
            "When updates are on the disk for certain. `commit`: before their publisher is answered, so that neither a \
             crash nor a power cut loses one that was acknowledged. A duration such as 1s: after so long at most. Then \
             up to a second of acknowledged updates may be lost with the machine; an unclean stop begins a new epoch, \
             so that subscribers are told",
        ),
        one(
            "retain-age",
            "DURATION",
            Value("0"),
            "Forget updates older than this; 0 keeps them for as long as there is room. Tables `[[retain]]` of the file \
             shorten it for some topics",
        ),
        one("retain-count", "N", Found("1000000; in memory 100000"), "Retain at most so many updates"),
        one(
            "retain-bytes",
            "SIZE",
            Found("1GiB; in memory 64MiB"),
            "Retain at most so many bytes of updates (on a disk their indexes and a segment come on top: about a quarter)",
        ),
        one(
            "unknown-cursor",
            "WHAT",
            Value("replay"),
            "For a subscriber whose last event id is not known: `replay` all that is retained, or go `live`",
        ),
    ],
);

const STREAMS: [Setting; 6] = grouped(
    "Streams",
    [
        one(
            "heartbeat",
            "DURATION",
            Value("15s"),
            "Send a comment after so long a silence, so that proxies keep the connection; 0 sends none",
        ),
        one(
            "write-timeout",
            "DURATION",
            Value("30s"),
            "Close a stream whose reader has taken nothing for so long; it comes back where it was",
        ),
        one(
            "slow-reader",
            "WHAT",
            Value("catch-up"),
            "For a subscriber so slow that memory no longer holds what comes next: let it `catch-up` from the disk, or \
             `close` its stream; it comes back where it was",
        ),
        one(
            "linger",
            "DURATION",
            Value("0"),
            "Wait so long for more updates before writing: saves CPU at high rates, adds as much latency (up to 1s)",
        ),
        one(
            "drain",
            "DURATION",
            Value("5s"),
            "When stopping, spread the end of the streams over so long; 0 ends them at once",
        ),
        one("shards", "N", Found("one a core"), "Threads that write to subscribers"),
    ],
);

const LIMITS: [Setting; 12] = grouped(
    "Limits",
    [
        one(
            "limit-connections",
            "N",
            Found("what the descriptor limit admits"),
            "Open connections; each needs a file descriptor (see `ulimit -n`)",
        ),
        one(
            "limit-head",
            "SIZE",
            Value("128KiB"),
            "A request's line and headers: room for a token and for many selectors (the URL itself may have up to 64KiB)",
        ),
        one(
            "limit-head-wait",
            "DURATION",
            Value("30s"),
            "Time for a request's head to arrive, also on a connection that is kept, so that idle sockets cannot use \
             up the connections",
        ),
        one("limit-token", "SIZE", Value("32KiB"), "A token, so that checking one stays cheap"),
        one(
            "limit-body",
            "SIZE",
            Value("10MiB"),
            "A publish request's body (of NDJSON: see limit-line), as it is held whole",
        ),
        one(
            "limit-line",
            "SIZE",
            Value("10MiB"),
            "One line of NDJSON, as it is held whole; the number of lines has no limit",
        ),
        one(
            "limit-updates",
            "N",
            Value("10000"),
            "Updates in one JSON array: they are one commit, which others wait for",
        ),
        one(
            "limit-topics",
            "N",
            Value("1000"),
            "Topics of one update: each is looked up for every subscriber and grant",
        ),
        one(
            "limit-selectors",
            "N",
            Value("1000"),
            "Selectors of one subscriber: each may have to be tried for every update",
        ),
        one(
            "limit-selector-length",
            "SIZE",
            Value("16KiB"),
            "One selector: anyone may send one, and it is kept for as long as its subscriber stays",
        ),
        one(
            "limit-selector-bytes",
            "SIZE",
            Value("256MiB"),
            "All selectors in the hub together, as they are kept in memory",
        ),
        one(
            "limit-queue",
            "SIZE",
            Value("64MiB"),
            "Updates that wait for their commit; publishers beyond it are told to come again (503)",
        ),
    ],
);

const LOGS: [Setting; 2] = grouped(
    "Logs",
    [
        one("log", "FORMAT", Value("text"), "Format of the log on standard error: text or json"),
        one(
            "log-level",
            "LEVEL",
            Value("info"),
            "Least severity that is logged: error, warn, info, debug or trace",
        ),
    ],
);

/// Every setting, in the order of the help.
pub(crate) fn settings() -> impl Iterator<Item = &'static Setting> {
    static GROUPS: [&[Setting]; 7] = [&LISTENING, &KEYS, &BROWSERS, &HISTORY, &STREAMS, &LIMITS, &LOGS];
    GROUPS.iter().copied().flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_distinct_and_spelled_alike_everywhere() {
        let names: BTreeSet<_> = settings().map(|setting| setting.name).collect();
        assert_eq!(names.len(), settings().count());
        let file = setting("publisher-key-file");
        assert_eq!(file.flag(), "--publisher-key-file");
        assert_eq!(file.variable(), "HEADWATER_PUBLISHER_KEY_FILE");
        assert_eq!(file.key(), "publisher_key_file");
    }

    #[test]
    fn keys_are_secret_and_their_files_are_not() {
        let secret: Vec<_> = settings().filter(|s| s.is_secret()).map(|s| s.name).collect();
        assert_eq!(secret, ["publisher-key", "subscriber-key"]);
    }
}
