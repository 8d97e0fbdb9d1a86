//! `headwater publish` and `headwater subscribe` against `headwater serve`, each a process of its own.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
};

const KEY: &str = "a key of more than thirty-two bytes, for tests";

fn headwater(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
    command.env_clear().args(arguments).stdin(Stdio::null());
    command
}

/// A process that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Hub {
    _process: Running,
    url: String,
    token: String,
}

impl Hub {
    fn start() -> Self {
        let mut serve =
            headwater(&["serve", "--listen", "127.0.0.1:0", "--anonymous", "--publisher-key", KEY]);
        serve.args(["--history", "memory"]);
        let mut process = serve.stderr(Stdio::piped()).spawn().expect("it starts");
        let mut log = BufReader::new(process.stderr.take().expect("a pipe"));
        let mut said = String::new();
        let address = loop {
            let before = said.len();
            assert_ne!(log.read_line(&mut said).expect("a line"), 0, "the hub ended: {said}");
            if let Some((_, address)) = said[before..].split_once("address=") {
                break address.split_whitespace().next().expect("an address").to_owned();
            }
        };
        // The pipe stays open and is read, so that the hub can go on logging.
        std::thread::spawn(move || log.read_to_end(&mut Vec::new()));
        let token = headwater(&["token", "--key", KEY, "--publish", "*"]).output().expect("it runs").stdout;
        let token = String::from_utf8(token).expect("a token").trim().to_owned();
        Self { _process: Running(process), url: format!("http://{address}"), token }
    }

    /// What it printed, what it said, and how it exited.
    fn publish(&self, arguments: &[&str], input: &str) -> (String, String, Option<i32>) {
        let mut command = headwater(&["publish", &self.url]);
        command.args(arguments).env("HEADWATER_TOKEN", &self.token);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("it starts");
        process.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
        let output = process.wait_with_output().expect("it ends");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        (text(output.stdout), text(output.stderr), output.status.code())
    }

    fn subscribe(&self, arguments: &[&str]) -> (Running, BufReader<ChildStdout>) {
        let mut command = headwater(&["subscribe", &self.url, "--quiet"]);
        let mut process = command.args(arguments).stdout(Stdio::piped()).spawn().expect("it starts");
        let output = BufReader::new(process.stdout.take().expect("a pipe"));
        (Running(process), output)
    }
}

#[test]
fn what_is_published_arrives() {
    let hub = Hub::start();
    let (id, said, code) = hub.publish(&["--topic", "/a", "--id", "one", "--type", "news", "hello\nyou"], "");
    assert_eq!((id.as_str(), said.as_str(), code), ("one\n", "", Some(0)));
    let (_, _, code) = hub.publish(&["--topic", "/a"], "from a pipe\n");
    assert_eq!(code, Some(0));
    let (_, _, code) = hub.publish(&["--topic", "/b", "of another topic"], "");
    assert_eq!(code, Some(0));
    let (_, _, code) = hub.publish(&["--topic", "/c", "--topic", "/a", "by its other name"], "");
    assert_eq!(code, Some(0));

    let (mut process, mut output) = hub.subscribe(&["--topic", "/a", "--from", "earliest", "--count", "3"]);
    let mut data = String::new();
    output.read_to_string(&mut data).expect("UTF-8");
    assert_eq!(data, "hello\nyou\nfrom a pipe\nby its other name\n");
    assert_eq!(process.0.wait().expect("it ends").code(), Some(0));

    let (_process, mut output) =
        hub.subscribe(&["--topic", "/{x}", "--from", "earliest", "--json", "-n", "1"]);
    let mut line = String::new();
    output.read_line(&mut line).expect("UTF-8");
    assert_eq!(line, "{\"id\":\"one\",\"type\":\"news\",\"data\":\"hello\\nyou\"}\n");
}

#[test]
fn a_stream_of_lines_arrives_but_for_those_that_are_wrong() {
    let hub = Hub::start();
    let many: Vec<_> = (0..5000).map(|n| format!("{{\"topic\":\"/n\",\"data\":{n}}}\n")).collect();
    let many = many.concat();
    let (_, said, code) = hub.publish(&["--ndjson"], &format!("{{\"topic\":7}}\n\n{many}{{\"topic\":\n"));
    assert_eq!(code, Some(1), "{said}");
    let lines: Vec<_> = said.lines().collect();
    assert!(lines[0].starts_with("headwater: line 1, column "), "{said}");
    assert!(lines[1].starts_with("headwater: line 5003, column "), "{said}");
    assert!(lines[2].starts_with("headwater: published 5000 updates in "), "{said}");
    assert!(lines[2].contains("; 2 lines refused; "), "{said}");

    let (_process, output) = hub.subscribe(&["--topic", "/n", "--from", "earliest", "--count", "5000"]);
    let data: Vec<_> = output.lines().map(|line| line.expect("UTF-8")).collect();
    assert!(data.into_iter().eq((0..5000).map(|n| n.to_string())));
}

#[test]
fn refusals_exit_with_1_and_wrong_use_with_2() {
    let hub = Hub::start();
    let (out, said, code) = hub.publish(&["--topic", "/a", "--token", "bad", "x"], "");
    assert_eq!((out.as_str(), code), ("", Some(1)));
    assert!(said.starts_with("headwater: 401 "), "{said}");
    let (_, said, code) = hub.publish(&["--ndjson", "--token", "bad"], "{\"topic\":\"/a\",\"data\":1}\n");
    assert_eq!(code, Some(1));
    assert!(said.starts_with("headwater: 401 "), "{said}");
    let subscribe =
        headwater(&["subscribe", &hub.url, "--topic", "/a", "--token", "bad"]).output().expect("it runs");
    assert_eq!(subscribe.status.code(), Some(1));
    assert!(subscribe.stderr.starts_with(b"headwater: 401 "));

    for wrong in [
        &["publish", "localhost:3000", "--topic", "/a", "x"][..],
        &["publish", &hub.url, "x"],
        &["publish", &hub.url, "--topic", "/a", "--pirvate", "x"],
        &["publish", &hub.url, "--topic", "/a", "--id", "a\nb", "x"],
        &["publish", &hub.url, "--topic", "/a", "--ndjson"],
        &["subscribe", &hub.url],
        &["subscribe", &hub.url, "--topic", "/a", "--count", "0"],
        &["subscribe", "ftp://host", "--topic", "/a"],
    ] {
        assert_eq!(headwater(wrong).output().expect("it runs").status.code(), Some(2), "{wrong:?}");
    }
}
