use std::path::Path;

use headwater_hub::{HistoryPlace, RetainRule, Retention, Selector, SlowReader, SyncPolicy};
use jsonwebtoken::Algorithm;
use proptest::prelude::*;
use tempfile::TempDir;

use super::{setting::settings, *};

const MACHINE: Machine = Machine { cores: NonZeroUsize::new(4).unwrap(), descriptors: 1024 };
const KEY: &str = "a-secret-of-thirty-two-bytes-or-more";

/// The three sources, as a test gives them.
#[derive(Default)]
struct Given {
    flags: Vec<(&'static str, &'static str)>,
    variables: Vec<(&'static str, String)>,
    file: Option<&'static str>,
}

impl Given {
    fn flags(flags: &[(&'static str, &'static str)]) -> Self {
        Self { flags: flags.to_vec(), ..Self::default() }
    }

    fn variables(variables: &[(&'static str, &str)]) -> Self {
        let variables = variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { variables, ..Self::default() }
    }

    fn file(text: &'static str) -> Self {
        Self { file: Some(text), ..Self::default() }
    }

    fn with_key(mut self) -> Self {
        self.variables.push(("HEADWATER_PUBLISHER_KEY", KEY.into()));
        self
    }

    fn load(self) -> Result<Config, Vec<String>> {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("hub.toml");
        let config = self.file.map(|text| {
            fs::write(&path, text).unwrap();
            path.clone()
        });
        let mut flags: BTreeMap<&str, (&Setting, Vec<String>)> = BTreeMap::new();
        for (name, value) in self.flags {
            flags.entry(name).or_insert((setting::setting(name), vec![])).1.push(value.to_owned());
        }
        let variables: BTreeMap<OsString, OsString> =
            self.variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        load(config, flags.into_values(), &variables, &MACHINE).map_err(|errors| {
            let path = format!("{}/", folder.path().display());
            errors.iter().map(|error| error.to_string().replace(&path, "")).collect()
        })
    }
}

fn load_ok(given: Given) -> Config {
    given.load().unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn errors(given: Given) -> Vec<String> {
    given.load().expect_err("it is wrong")
}

#[track_caller]
fn assert_errors(given: Given, expected: &[&str]) {
    let errors = errors(given);
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
    for (error, start) in errors.iter().zip(expected) {
        assert!(error.starts_with(start), "{error}\ndoes not start with\n{start}");
    }
}

#[test]
fn with_a_key_alone_the_defaults_hold() {
    let config = load_ok(Given::default().with_key());
    assert_eq!(config.listen, ["127.0.0.1:3000".parse().unwrap()]);
    assert_eq!(config.auth.publisher.secret.expose(), KEY.as_bytes());
    assert_eq!(config.auth.publisher.algorithm, Algorithm::HS256);
    assert_eq!(config.auth.subscriber, config.auth.publisher);
    assert!(!config.auth.anonymous);
    assert_eq!(config.auth.cookie_name, "mercureAuthorization");
    assert_eq!(config.cors, Cors::Off);
    assert_eq!(
        config.history,
        History {
            place: HistoryPlace::Directory("./headwater-data".into()),
            sync: SyncPolicy::Commit,
            retention: Retention { count: 1_000_000, bytes: 1 << 30, age: None },
            rules: vec![],
            slow_reader: SlowReader::CatchUp,
        }
    );
    assert_eq!(config.unknown_cursor, UnknownCursor::Replay);
    assert_eq!(config.heartbeat, Some(Duration::from_secs(15)));
    assert_eq!(config.write_timeout, Duration::from_secs(30));
    assert_eq!(config.linger, Duration::ZERO);
    assert_eq!(config.drain, Duration::from_secs(5));
    assert_eq!(config.shards, MACHINE.cores);
    assert_eq!(
        config.limits,
        Limits {
            connections: 1024 - 320,
            head: 128 << 10,
            head_wait: Duration::from_secs(30),
            token: 32 << 10,
            body: 10 << 20,
            line: 10 << 20,
            updates: 10_000,
            topics: 1_000,
            selectors: 1_000,
            selector_length: 16 << 10,
            selector_bytes: 256 << 20,
            queue: 64 << 20,
        }
    );
    assert_eq!((config.log, config.log_level, config.dev), (Format::Text, Level::INFO, None));
}

#[test]
fn the_hub_has_the_same_defaults_when_it_is_embedded() {
    let (config, hub) = (load_ok(Given::default().with_key()), headwater_hub::Options::default());
    assert_eq!(config.heartbeat, hub.heartbeat);
    let in_memory = load_ok(Given::flags(&[("history", "memory")]).with_key()).history;
    assert_eq!(in_memory.place, HistoryPlace::Memory);
    assert_eq!(in_memory.retention, hub.retention);
    assert_eq!((in_memory.sync, in_memory.slow_reader), (hub.sync, hub.slow_reader));
    assert_eq!(config.write_timeout, hub.write_timeout);
    assert_eq!(config.linger, hub.linger);
    assert_eq!(config.unknown_cursor, hub.unknown_cursor);
    assert_eq!(config.limits.selectors, hub.limits.selectors);
    assert_eq!(config.limits.selector_length, hub.limits.selector_bytes);
    assert_eq!(config.limits.selector_bytes, hub.limits.all_selector_bytes);
    assert_eq!(config.limits.queue, hub.limits.queue_bytes);
}

#[test]
fn every_setting_can_be_given_in_each_of_the_three_ways() {
    let folder = TempDir::new().unwrap();
    let key_file = folder.path().join("key");
    fs::write(&key_file, KEY).unwrap();
    let value = |setting: &Setting| match setting.name {
        "listen" => "127.0.0.1:4000",
        "publisher-key" | "subscriber-key" => KEY,
        "publisher-key-file" | "subscriber-key-file" => key_file.to_str().unwrap(),
        "publisher-algorithm" | "subscriber-algorithm" => "HS512",
        "anonymous" => "true",
        "cookie-name" => "token",
        "cors-origin" | "publish-origin" => "https://example.com",
        "history" => "/var/lib/headwater",
        "sync" => "1s",
        "slow-reader" => "close",
        "unknown-cursor" => "live",
        "retain-age" | "heartbeat" | "write-timeout" | "drain" | "limit-head-wait" => "2s",
        "linger" => "5ms",
        "log" => "json",
        "log-level" => "debug",
        "retain-bytes" | "limit-selector-bytes" => "1MiB",
        "limit-head" | "limit-body" | "limit-line" | "limit-selector-length" => "20KiB",
        "limit-token" => "2KiB",
        "limit-queue" => "1GiB",
        "retain-count" | "shards" | "limit-connections" | "limit-updates" | "limit-topics"
        | "limit-selectors" => "7",
        name => panic!("give {name} a value here that is not its default"),
    };
    for keys in ["publisher-key subscriber-key", "publisher-key-file subscriber-key-file"] {
        let chosen =
            || settings().filter(|s| !s.name.contains("-key") || keys.split(' ').any(|key| key == s.name));
        let loaded = |flags: Vec<(&'static Setting, Vec<String>)>,
                      variables: Vec<(String, String)>,
                      file: String| {
            let path = folder.path().join("hub.toml");
            fs::write(&path, file).unwrap();
            let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
            load(Some(path), flags, &variables, &MACHINE).unwrap_or_else(|errors| panic!("{errors:#?}"))
        };
        let flags = chosen().map(|s| (s, vec![value(s).to_owned()])).collect();
        let by_flag = loaded(flags, vec![], String::new());
        let variables = chosen().map(|s| (s.variable(), value(s).to_owned())).collect();
        assert_eq!(loaded(vec![], variables, String::new()), by_flag);
        let lines: Vec<_> = chosen().map(|s| format!("{} = '{}'", s.key(), value(s))).collect();
        assert_eq!(loaded(vec![], vec![], lines.join("\n")), by_flag);

        let default = load_ok(Given::default().with_key());
        assert_ne!(by_flag.limits, default.limits);
        assert_eq!(by_flag.linger, Duration::from_millis(5));
        assert_eq!(by_flag.history.sync, SyncPolicy::Every(Duration::from_secs(1)));
        assert_eq!(by_flag.history.slow_reader, SlowReader::Close);
        assert_eq!(by_flag.auth.subscriber.algorithm, Algorithm::HS512);
    }
}

#[test]
fn a_flag_beats_a_variable_beats_the_file() {
    let file = "heartbeat = '1s'\ndrain = '1s'\nlinger = '1ms'\nlisten = ['127.0.0.1:1', '127.0.0.1:2']";
    let mut given = Given::file(file).with_key();
    given.variables.push(("HEADWATER_HEARTBEAT", "2s".into()));
    given.variables.push(("HEADWATER_DRAIN", "2s".into()));
    given.variables.push(("HEADWATER_LISTEN", "127.0.0.1:3".into()));
    given.flags.push(("heartbeat", "3s"));
    let config = load_ok(given);
    assert_eq!(config.heartbeat, Some(Duration::from_secs(3)));
    assert_eq!(config.drain, Duration::from_secs(2));
    assert_eq!(config.linger, Duration::from_millis(1));
    assert_eq!(config.listen, ["127.0.0.1:3".parse().unwrap()], "a list replaces a list as a whole");
}

#[test]
fn of_a_flag_given_twice_the_last_counts_unless_it_takes_several() {
    let flags = [
        ("heartbeat", "1s"),
        ("heartbeat", "2s"),
        ("listen", "127.0.0.1:1"),
        ("listen", "[::1]:2, [::1]:3"),
        ("anonymous", "true"),
    ];
    let config = load_ok(Given::flags(&flags).with_key());
    assert_eq!(config.heartbeat, Some(Duration::from_secs(2)));
    assert_eq!(config.listen.len(), 3);
    assert!(config.auth.anonymous);
}

#[test]
fn the_file_may_hold_numbers_and_switches_as_they_are() {
    let config = load_ok(
        Given::file("anonymous = true\nshards = 2\nheartbeat = 0\nretain_bytes = 1_000_000").with_key(),
    );
    assert!(config.auth.anonymous);
    assert_eq!((config.shards.get(), config.heartbeat), (2, None));
    assert_eq!(config.history.retention.bytes, 1_000_000);
}

#[test]
fn an_empty_variable_is_none_and_those_of_others_are_left_alone() {
    let variables = [
        ("HEADWATER_HEARTBEAT", ""),
        ("HEADWATER_CONFIG", ""),
        ("HEADWATER_TOKEN", "x"),
        ("PATH", "/bin"),
        ("headwater_listen", "x"),
    ];
    assert!(Given::variables(&variables).with_key().load().is_ok());
}

#[test]
fn the_variables_of_kubernetes_services_are_no_settings() {
    let links = [
        ("HEADWATER_SERVICE_HOST", "10.0.0.1"),
        ("HEADWATER_SERVICE_PORT", "80"),
        ("HEADWATER_SERVICE_PORT_HTTP", "80"),
        ("HEADWATER_PORT", "tcp://10.0.0.1:80"),
        ("HEADWATER_PORT_80_TCP", "tcp://10.0.0.1:80"),
        ("HEADWATER_PORT_80_TCP_ADDR", "10.0.0.1"),
        ("HEADWATER_EU_PORT_80_TCP_PROTO", "tcp"),
    ];
    assert!(Given::variables(&links).with_key().load().is_ok());
    let settings_end_otherwise = settings().all(|s| !s.name.ends_with("-port") && !s.name.contains("-port-"));
    assert!(settings_end_otherwise, "a setting with such a name could not be told from a link");
    assert_errors(
        Given::variables(&[("HEADWATER_PORT", "8080"), ("HEADWATER_PORT_X", "1")]).with_key(),
        &["HEADWATER_PORT: No variable", "HEADWATER_PORT_X: No variable"],
    );
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(
        text in "([a-z_]{1,4}|listen|retain|selector|limit_body|publisher_key|=|\\[|\\]|\\{|'|\"|[0-9]|\n| |é|\\.|#){0,24}",
    ) {
        let mut errors = Vec::new();
        LowArgs::default().add_file(Path::new("hub.toml"), &text, &mut errors);
    }

    #[test]
    fn no_value_makes_it_panic(text in any::<String>()) {
        for setting in settings().filter(|setting| !setting.name.contains("file")) {
            let _ = load(None, [(setting, vec![text.clone()])], &BTreeMap::new(), &MACHINE);
        }
    }
}

#[test]
fn all_errors_are_listed_at_once() {
    let given = Given {
        flags: vec![
            ("listen", "localhost:3000"),
            ("heartbeat", "15"),
            ("retain-bytes", "lots"),
            ("shards", "0"),
            ("cors-origin", "example.com"),
            ("publish-origin", "https://example.com/app"),
            ("log", "xml"),
        ],
        variables: vec![
            ("HEADWATER_LISEN", "127.0.0.1:1".into()),
            ("HEADWATER_ANONYMOUS", "perhaps".into()),
            ("HEADWATER_PUBLISHER_KEY", "short".into()),
        ],
        file: Some("# a file\nlinger = '1m'\nretain_ages = '1h'\nhistory = ['memory']\n[limits]\nbody = 1\n"),
    };
    assert_errors(
        given,
        &[
            "HEADWATER_LISEN: No variable of this name is known. Did you mean `HEADWATER_LISTEN`?",
            "hub.toml:3: No key `retain_ages` is known. Did you mean `retain_age`?",
            "hub.toml:4: history: It takes one value, no array.",
            "hub.toml:5: No key `limits` is known. There are no tables but `[[retain]]`",
            "--listen: \"localhost:3000\" is no address. Write",
            "HEADWATER_ANONYMOUS: \"perhaps\" is neither true nor false.",
            "--publish-origin: \"https://example.com/app\" has more than an origin. Write https://example.com.",
            "HEADWATER_PUBLISHER_KEY: It has 5 bytes",
            "--cors-origin: \"example.com\" is no origin",
            "--retain-bytes: \"lots\" is no size.",
            "--heartbeat: \"15\" has no unit. Write 15s",
            "hub.toml:2: linger: \"1m\" is out of range. Write 0 to 1s.",
            "--shards: \"0\" is out of range. Write 1 to 256.",
            "--log: \"xml\" is not known. Write one of: text, json.",
        ],
    );
}

#[test]
fn a_file_that_is_no_toml_is_told_line_by_line_without_quoting_it() {
    let given = Given::file("listen = [\npublisher_key = 'hush-hush\nx = 1\n").with_key();
    let errors = errors(given);
    assert!(errors.iter().all(|error| error.starts_with("hub.toml:")), "{errors:#?}");
    assert!(!errors.iter().any(|error| error.contains("hush")), "{errors:#?}");
}

#[test]
fn a_missing_file_is_told_with_the_way_it_was_named() {
    let variables = [("HEADWATER_CONFIG", "/nowhere/hub.toml")];
    assert_errors(
        Given::variables(&variables).with_key(),
        &["HEADWATER_CONFIG: \"/nowhere/hub.toml\" cannot be read"],
    );
}

#[test]
fn without_a_publisher_key_it_says_which_command_makes_one() {
    let errors = errors(Given::default());
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].starts_with("--publisher-key: None is given") && errors[0].contains("token --generate-key")
    );
}

#[test]
fn keys_must_fit_their_algorithm() {
    const PEM: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----";
    for (flags, start) in [
        (&[("publisher-key", PEM)][..], "--publisher-key: "),
        (&[("publisher-key", KEY), ("subscriber-key", PEM)], "--subscriber-key: "),
        (&[("publisher-key", KEY), ("publisher-algorithm", "RS256")], "--publisher-key: "),
        (&[("publisher-key", PEM), ("publisher-algorithm", "ES256")], "--publisher-key: "),
        (&[("publisher-key", KEY), ("publisher-algorithm", "none")], "--publisher-algorithm: "),
        (&[("publisher-key", KEY), ("subscriber-algorithm", "HS512")], "--subscriber-algorithm: "),
        (
            &[("publisher-key", KEY), ("subscriber-key", "0123456789012345678901234567890")],
            "--subscriber-key: ",
        ),
        (&[("publisher-key-file", "/nowhere/key")], "--publisher-key-file: \"/nowhere/key\" cannot be read"),
        (&[("publisher-key-file", "/")], "--publisher-key-file: \"/\" cannot be read"),
        (
            &[("publisher-key", KEY), ("publisher-key-file", "/nowhere/key")],
            "--publisher-key: It is given beside --publisher-key-file",
        ),
    ] {
        let errors = errors(Given::flags(flags));
        assert_eq!(errors.len(), 1, "{errors:#?}");
        assert!(errors[0].starts_with(start), "{errors:#?}");
        for secret in [KEY, PEM, "0123456789"] {
            assert!(!errors[0].contains(secret), "{errors:#?}");
        }
    }
}

#[test]
fn public_keys_come_from_files_and_private_ones_are_refused() {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/src/auth/fixtures/test-only");
    for (algorithm, name) in [("RS256", "rsa"), ("PS512", "rsa"), ("ES384", "p384"), ("EdDSA", "ed25519")] {
        let load = |kind| {
            let path = format!("{fixtures}-{name}.{kind}.pem");
            let variables =
                [("HEADWATER_PUBLISHER_KEY_FILE", &*path), ("HEADWATER_PUBLISHER_ALGORITHM", algorithm)];
            Given::variables(&variables).load()
        };
        assert!(load("public").is_ok(), "{algorithm}");
        let errors = load("private").expect_err(algorithm);
        assert!(errors[0].starts_with("HEADWATER_PUBLISHER_KEY_FILE: It is a private key"), "{errors:?}");
    }
}

#[test]
fn a_key_by_flag_beats_a_key_file_by_variable() {
    let mut given = Given::flags(&[("publisher-key", KEY)]);
    given.variables.push(("HEADWATER_PUBLISHER_KEY_FILE", "/nowhere/key".into()));
    assert!(given.load().is_ok());
}

#[test]
fn one_line_break_at_the_end_of_a_key_file_is_not_of_the_key() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key");
    for (text, key) in [("k\n", "k"), ("k\r\n", "k"), ("k", "k"), ("k\n\n", "k\n"), ("k \n", "k ")] {
        fs::write(&path, text).unwrap();
        assert_eq!(read_key(&path).unwrap().expose(), key.as_bytes(), "{text:?}");
    }
    assert!(read_key(Path::new("/nowhere/key")).is_err());
}

#[test]
fn another_subscriber_key_has_an_algorithm_of_its_own() {
    let flags = [("publisher-key", KEY), ("publisher-algorithm", "HS384"), ("subscriber-key", KEY)];
    let config = load_ok(Given::flags(&flags));
    assert_eq!(config.auth.publisher.algorithm, Algorithm::HS384);
    assert_eq!(config.auth.subscriber.algorithm, Algorithm::HS256);
    let flags = [("publisher-key", KEY), ("publisher-algorithm", "HS384")];
    assert_eq!(load_ok(Given::flags(&flags)).auth.subscriber.algorithm, Algorithm::HS384);
}

#[test]
fn origins_are_a_list_or_all() {
    let cors = |value| load_ok(Given::flags(&[("cors-origin", value)]).with_key()).cors;
    assert_eq!(cors("*"), Cors::Any);
    let listed = ["https://a.example", "https://b.example"].map(|o| Origin::parse(o).unwrap());
    assert_eq!(cors("https://a.example,https://b.example/"), Cors::Origins(listed.into()));
    assert_errors(
        Given::flags(&[("cors-origin", "https://a.example *")]).with_key(),
        &["--cors-origin: `*` stands beside"],
    );
}

#[test]
fn limits_that_contradict_each_other_are_refused() {
    assert_errors(
        Given::flags(&[("limit-token", "1MiB"), ("limit-queue", "1MiB")]).with_key(),
        &[
            "--limit-token: It is more than --limit-head",
            "--limit-body: It is more",
            "--limit-line: It is more",
        ],
    );
}

#[test]
fn connections_need_descriptors() {
    for (history, too_many, most, other) in [("memory", "961", "960", 64), ("data", "705", "704", 320)] {
        let given = |asked| Given::flags(&[("history", history), ("limit-connections", asked)]).with_key();
        let error = format!(
            "--limit-connections: {too_many} connections and {other} other files need more descriptors than the 1024"
        );
        assert_errors(given(too_many), &[&error]);
        assert_eq!(load_ok(given(most)).limits.connections.to_string(), most);
    }
    for (descriptors, connections) in [(u64::MAX, 1_000_000), (321, 1), (10, 1)] {
        let machine = Machine { descriptors, ..MACHINE };
        let key = (setting::setting("publisher-key"), vec![KEY.to_owned()]);
        let config = load(None, [key], &BTreeMap::new(), &machine).unwrap();
        assert_eq!(config.limits.connections, connections);
    }
}

#[test]
fn a_configuration_shows_no_key() {
    let config = load_ok(Given::default().with_key());
    assert!(!format!("{config:?}").contains(KEY));
}

#[test]
fn some_topics_may_be_retained_for_less_in_the_order_of_the_file() {
    let text = "retain_age = '24h'\n[[retain]]\nselector = '/chat/{room}'\nage = '1h'\n\n[[retain]]\n\
                selector = '*'\nage = '24h'\n";
    let rule =
        |selector, hours| RetainRule { selector: Selector::new(selector), age: Duration::from_hours(hours) };
    let history = load_ok(Given::file(text).with_key()).history;
    assert_eq!(history.rules, [rule("/chat/{room}", 1), rule("*", 24)]);
    // Without a limit for all, any is shorter; and the array may be written in one line.
    let history = load_ok(Given::file("retain = [{ selector = 'a', age = '9000h' }]").with_key()).history;
    assert_eq!(history.rules, [rule("a", 9000)]);
}

#[test]
fn what_is_wrong_with_a_rule_is_listed_with_all_else() {
    let text = "retain_age = '24h'\nlinger = '2s'\n\
                [[retain]]\nselector = ''\nage = '0'\n\
                [[retain]]\nselector = 'a'\nage = '25h'\nages = '1h'\n\
                [[retain]]\nselector = 'a'\n\
                [[retain]]\nage = '1'\n\
                [[retain]]\nselector = ['a']\nage = 1\n";
    assert_errors(
        Given::file(text).with_key(),
        &[
            "hub.toml:9: retain.ages: No such key is known here",
            "hub.toml:10: retain: It has no `age`. Write a table",
            "hub.toml:12: retain: It has no `selector`. Write a table",
            "hub.toml:15: retain.selector: Write a string",
            "hub.toml:16: retain.age: Write a string",
            "hub.toml:5: retain.age: It is 0",
            "hub.toml:4: retain.selector: It is empty",
            "hub.toml:8: retain.age: \"25h\" is longer than `retain_age`",
            "hub.toml:2: linger:",
        ],
    );
    for text in ["retain = '1h'", "[retain]\nselector = 'a'\nage = '1h'", "retain = ['1h']"] {
        let errors = errors(Given::file(text).with_key());
        assert_eq!(errors.len(), 1, "{errors:#?}");
        assert!(errors[0].starts_with("hub.toml:1: retain: Write a table `[[retain]]`"), "{errors:#?}");
    }
}
