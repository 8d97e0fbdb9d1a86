//! `headwater bench` against `headwater serve`, each a process of its own.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    thread,
};

use serde_json::Value;

const KEY: &str = "a key of more than thirty-two bytes, for tests";

fn headwater(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
    command.env_clear().args(arguments).stdin(Stdio::null());
    command
}

/// A hub that does not outlive its test.
struct Hub {
    process: Child,
    url: String,
    token: String,
}

impl Drop for Hub {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Hub {
    fn start() -> Self {
        Self::start_with(&[])
    }

    fn start_with(flags: &[&str]) -> Self {
        let mut serve =
            headwater(&["serve", "--listen", "127.0.0.1:0", "--anonymous", "--publisher-key", KEY]);
        serve.args(["--history", "memory"]);
        let mut process = serve.args(flags).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut log = BufReader::new(process.stderr.take().expect("a pipe"));
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert_ne!(log.read_line(&mut line).expect("a line"), 0, "the hub ended");
            if let Some((_, address)) = line.split_once("address=") {
                break address.split_whitespace().next().expect("an address").to_owned();
            }
        };
        // The pipe is read on, so that the hub can go on logging.
        thread::spawn(move || log.read_to_end(&mut Vec::new()));
        let token = headwater(&["token", "--key", KEY, "--publish", "*"]).output().expect("it runs").stdout;
        let token = String::from_utf8(token).expect("a token").trim().to_owned();
        Self { process, url: format!("http://{address}"), token }
    }

    /// What it printed, what it said, and how it exited.
    fn bench(&self, arguments: &str, token: &str) -> (String, String, Option<i32>) {
        let mut command = headwater(&["bench", &self.url, "--token", token]);
        let output = command.args(arguments.split(' ')).output().expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (text(output.stdout), text(output.stderr), output.status.code())
    }
}

#[test]
fn every_way_of_publishing_reaches_every_subscriber_once_and_in_order() {
    let hub = Hub::start();
    for load in [
        "--rate 400",
        "--rate max --publishers 8 --topics 3",
        "--rate max --burst 50",
        "--rate max --burst 50 --ndjson --topics 2",
        "--rate max --burst 50 --pipeline --size 2000",
        "--rate 400 --topic t/{index}/{sequence} --selector t/{index}/{number}",
        "--rate 400 --anonymous --stalled 5",
    ] {
        let (printed, said, code) =
            hub.bench(&format!("--subscribers 40 --seconds 0.5 --json {load}"), &hub.token);
        assert_eq!(code, Some(0), "{load}: {said}{printed}");
        let report: Value = serde_json::from_str(&printed).expect("JSON");
        let number = |name: &str| report[name].as_u64().unwrap_or_else(|| panic!("{name} in {printed}"));
        assert_eq!(number("connected"), if load.contains("stalled") { 45 } else { 40 }, "{load}");
        assert!(number("published") >= 50, "{load}: {printed}");
        assert!(number("received") > 0 && number("received") == number("expected"), "{load}: {printed}");
        for fault in ["lost", "duplicated", "out_of_order", "misdirected", "closed", "publish_failures"] {
            assert_eq!(number(fault), 0, "{load}: {fault} in {printed}");
        }
    }
}

#[test]
fn a_hub_that_lingers_forgets_nothing() {
    let hub = Hub::start_with(&["--linger", "5ms"]);
    let (printed, said, code) = hub.bench("--subscribers 40 --seconds 1 --rate 100", &hub.token);
    assert_eq!((said.as_str(), code), ("", Some(0)), "{printed}");
}

#[test]
fn a_person_gets_a_table() {
    let hub = Hub::start();
    let (printed, said, code) = hub.bench("--subscribers 5 --seconds 0.2", &hub.token);
    assert_eq!((said.as_str(), code), ("", Some(0)), "{printed}");
    let names: Vec<&str> = printed.lines().filter_map(|line| line.get(..24)).map(str::trim).collect();
    for name in ["connected", "latency p50", "p99", "max", "lost", "duplicated", "out of order"] {
        assert!(names.contains(&name), "{name} in\n{printed}");
    }
}

#[test]
fn a_refusal_is_told_in_the_hub_s_words() {
    let hub = Hub::start();
    let (_, said, code) = hub.bench("--seconds 0.2", "no.good.token");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no subscriber could connect") && said.contains("401"), "{said}");
    // May subscribe, and not publish.
    let (printed, _, code) = hub.bench("--subscribers 2 --seconds 0.2 --anonymous", "no.good.token");
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("first trouble: a publish was answered with 401"), "{printed}");
}

#[test]
fn what_is_typed_wrongly_exits_2() {
    let exits = |arguments: &[&str]| headwater(arguments).output().expect("it runs").status.code();
    assert_eq!(exits(&["bench", "https://127.0.0.1:1"]), Some(2));
    assert_eq!(exits(&["bench", "nonsense"]), Some(2));
    assert_eq!(exits(&["bench", "http://127.0.0.1:1", "--size", "3"]), Some(2));
    assert_eq!(exits(&["bench", "http://127.0.0.1:1", "--rate", "soon"]), Some(2));
    // Nobody listens there: not the user's fault.
    assert_eq!(exits(&["bench", "http://127.0.0.1:1"]), Some(1));
}
