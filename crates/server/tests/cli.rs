//! The command as its users run it: what it prints, where, and how it exits.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Output, Stdio},
};

use tempfile::TempDir;

/// Runs it without any variable of this process that it would read.
fn headwater(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
    command.env_clear().args(arguments);
    command
}

fn run(arguments: &[&str]) -> Output {
    headwater(arguments).output().expect("it runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("it prints UTF-8")
}

#[test]
fn without_a_command_it_shows_what_there_is() {
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(2));
    for command in ["dev", "serve", "token", "completions"] {
        assert!(text(&output.stderr).contains(&format!("\n  {command}")), "{command}");
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    let version = run(&["--version"]);
    assert_eq!(text(&version.stdout), concat!("headwater ", env!("CARGO_PKG_VERSION"), "\n"));
    for arguments in [&["--help"][..], &["serve", "--help"], &["dev", "-h"], &["token", "--help"]] {
        let help = run(arguments);
        assert!(help.status.success() && help.stderr.is_empty());
        assert!(text(&help.stdout).contains("Usage: headwater"), "{arguments:?}");
    }
}

#[test]
fn the_help_of_serve_teaches() {
    let help = run(&["serve", "--help"]);
    let help = text(&help.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
    for taught in [
        "Keys and tokens:",
        "Limits:",
        "--listen <ADDR>",
        "[default: 127.0.0.1:3000]",
        "--heartbeat <DURATION>",
        "[default: 15s]",
        "[default: 10MiB]",
        "[default: ./headwater-data]",
        "[default: 1000000; in memory 100000]",
        "up to a second of acknowledged updates may be lost with the machine",
        "[[retain]]",
        "HEADWATER_RETAIN_AGE=24h",
        "retain_age = \"24h\"",
        "headwater token --generate-key",
    ] {
        assert!(help.contains(taught), "{taught} in {help}");
    }
}

#[test]
fn serve_lists_all_that_is_wrong_and_exits_2() {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("hub.toml");
    fs::write(&config, "heartbeet = '15s'\n").unwrap();
    let output = headwater(&["serve", "--listen", "here", "--config", config.to_str().unwrap()])
        .env("HEADWATER_DRAIN", "5")
        .env("HEADWATER_NO_SUCH_THING", "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let errors = text(&output.stderr);
    assert!(
        errors.starts_with("headwater: 5 errors in the configuration; nothing was started:\n"),
        "{errors}"
    );
    for named in ["HEADWATER_NO_SUCH_THING", "hub.toml:1", "--listen", "--publisher-key", "HEADWATER_DRAIN"] {
        assert!(errors.contains(&format!("{named}:")), "{named} in {errors}");
    }
}

#[test]
fn an_unknown_flag_exits_2_and_names_the_nearest() {
    let output = run(&["serve", "--lisen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--listen"));
}

#[test]
fn a_generated_key_signs_a_token_that_is_printed_alone() {
    let folder = TempDir::new().unwrap();
    let key = folder.path().join("key");
    fs::write(&key, run(&["token", "--generate-key"]).stdout).unwrap();
    let output = run(&["token", "--key-file", key.to_str().unwrap(), "--publish", "*"]);
    assert!(output.status.success() && output.stderr.is_empty());
    let token = text(&output.stdout).strip_suffix('\n').unwrap();
    assert_eq!(token.split('.').count(), 3);
    assert!(token.starts_with("eyJ") && !token.contains(char::is_whitespace));
}

#[test]
fn a_token_that_grants_nothing_is_told_so() {
    let output = run(&["token", "--key", &"k".repeat(32)]);
    assert!(output.status.success() && output.stdout.starts_with(b"eyJ"));
    assert!(text(&output.stderr).contains("grants nothing"));
}

#[test]
fn a_key_that_begins_with_a_hyphen_is_a_key_and_never_shown() {
    let secret = format!("-{}", "k".repeat(32));
    let output = run(&["token", "--key", &secret, "--publish", "*"]);
    assert!(output.status.success() && output.stdout.starts_with(b"eyJ"), "{}", text(&output.stderr));

    let pem = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----";
    for flag in ["--publisher-key", "--subscriber-key"] {
        let output = run(&["serve", "--listen", "here", flag, pem]);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            errors.contains(&format!("{flag}: It is a PEM key")) && errors.contains("--listen:"),
            "{errors}"
        );
        assert!(!errors.contains("MFkw"), "{errors}");
    }
}

#[test]
fn a_weak_key_signs_nothing() {
    let output = run(&["token", "--key", "secret"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(text(&output.stderr).starts_with("headwater token: --key: "));
}

#[test]
fn a_taken_port_exits_2_and_says_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let key = "k".repeat(32);
    for arguments in [
        &["serve", "--publisher-key", &key, "--listen", "127.0.0.1:0", "--listen", &address][..],
        &["dev", "--listen", &address],
    ] {
        let output = headwater(arguments).args(["--history", "memory"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
        let told = text(&output.stderr);
        assert!(told.contains(&address) && told.contains("--listen"), "{told}");
    }
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_dev_prints_can_be_pasted() {
    let folder = TempDir::new().unwrap();
    let mut command = headwater(&["dev", "--listen", "127.0.0.1:0"]);
    command.current_dir(&folder);
    let mut dev = Running(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let stdout = BufReader::new(dev.0.stdout.take().unwrap());
    let banner: Vec<String> =
        stdout.lines().map(Result::unwrap).take_while(|line| !line.starts_with("Stop it")).collect();
    let find = |start: &str, end: char| {
        let line =
            banner.iter().find_map(|line| line.split_once(start)).unwrap_or_else(|| panic!("{banner:?}"));
        line.1.split(end).next().unwrap().to_owned()
    };
    assert!(folder.path().join(find("kept in ", ',')).join("manifest").exists());
    let (address, token) = (find("http://", '/'), find("Bearer ", '\''));

    let mut hub = TcpStream::connect(&address).unwrap();
    let body = "topic=hello&data=world";
    write!(
        hub,
        "POST /.well-known/mercure HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    hub.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\r\n\r\n#"), "{answer}");
}

#[test]
fn completions_are_made_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert!(output.status.success());
        assert!(text(&output.stdout).contains("publisher-key-file"), "{shell}");
    }
}
