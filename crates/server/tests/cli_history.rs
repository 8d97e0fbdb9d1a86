//! `headwater history` and `headwater backup`, against directories that real hubs have written.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
};

use tempfile::TempDir;

const KEY: &str = "a key of more than thirty-two bytes, for tests";

fn headwater(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_headwater"));
    command.env_clear().args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> (String, String, Option<i32>) {
    outcome(headwater(arguments).output().expect("it runs"))
}

fn outcome(output: Output) -> (String, String, Option<i32>) {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (text(output.stdout), text(output.stderr), output.status.code())
}

/// What it printed, if all went well.
fn done(arguments: &[&str]) -> String {
    let (out, said, code) = run(arguments);
    assert_eq!((said.as_str(), code), ("", Some(0)), "{arguments:?}");
    out
}

fn feed(arguments: &[&str], input: &str) -> (String, String, Option<i32>) {
    let mut command = headwater(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("it starts");
    process.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("it reads");
    outcome(process.wait_with_output().expect("it ends"))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

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
    fn spawn(history: &Path) -> Child {
        let mut serve =
            headwater(&["serve", "--listen", "127.0.0.1:0", "--anonymous", "--publisher-key", KEY]);
        // Segments of 1,024 updates.
        serve.args(["--retain-count", "16000", "--drain", "0", "--history", text(history)]);
        serve.stderr(Stdio::piped()).spawn().expect("it starts")
    }

    fn start(history: &Path) -> Self {
        let mut process = Self::spawn(history);
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
        thread::spawn(move || log.read_to_end(&mut Vec::new()));
        let token = done(&["token", "--key", KEY, "--publish", "*", "--subscribe", "*"]);
        Self { process, url: format!("http://{address}"), token: token.trim().to_owned() }
    }

    /// Why it does not start.
    fn refuses(history: &Path) -> String {
        let mut process = Self::spawn(history);
        let mut said = String::new();
        process.stderr.take().expect("a pipe").read_to_string(&mut said).expect("UTF-8");
        assert_ne!(process.wait().expect("it ends").code(), Some(0));
        said
    }

    fn publish(&self, lines: &str) {
        let (_, said, code) = feed(&["publish", &self.url, "--token", &self.token, "--ndjson"], lines);
        assert_eq!(code, Some(0), "{said}");
    }

    /// Ends it in good order.
    fn stop(mut self) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("it runs").success());
        assert_eq!(self.process.wait().expect("it ends").code(), Some(0));
    }
}

/// The n-th line, as it is exported; of each kind some.
fn line(n: usize) -> String {
    let topics = if n.is_multiple_of(3) { "[\"/a\",\"/b/ü\"]" } else { "\"/a\"" };
    let private = if n.is_multiple_of(4) { ",\"private\":true" } else { "" };
    let rest = if n.is_multiple_of(5) {
        format!(",\"id\":\"mine-{n}\",\"type\":\"tick\",\"retry\":{}", n + 1)
    } else {
        String::new()
    };
    format!("{{\"topic\":{topics},\"data\":\"line {n}\\n\\tand \\\"more\\\"\"{private}{rest}}}\n")
}

fn lines(numbers: std::ops::Range<usize>) -> String {
    numbers.map(line).collect()
}

/// A history of so many updates, in segments of about 1,024, ended in good order.
fn history(updates: usize) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("history");
    let hub = Hub::start(&path);
    hub.publish(&lines(0..updates));
    hub.stop();
    (folder, path)
}

/// The segments, oldest first.
fn segments(path: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(path).expect("it is there").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == "log")).collect();
    files.sort();
    files
}

#[test]
fn what_is_exported_can_be_imported_and_published() {
    let folder = TempDir::new().unwrap();
    let (path, copy, third) =
        (folder.path().join("history"), folder.path().join("copy"), folder.path().join("third"));
    let all = lines(0..3000);
    let hub = Hub::start(&path);
    hub.publish(&all);
    assert_eq!(done(&["history", "export", text(&path)]), all, "while the hub runs");
    hub.stop();
    assert_eq!(done(&["history", "export", text(&path)]), all);

    let (out, said, code) = feed(&["history", "import", text(&copy)], &all);
    assert_eq!((out.as_str(), code), ("", Some(0)), "{said}");
    assert!(
        said.starts_with("headwater: imported 3,000 updates in ") && said.ends_with(", offsets 1 to 3,000\n"),
        "{said}"
    );
    assert_eq!(done(&["history", "export", text(&copy)]), all);

    let file = folder.path().join("updates.ndjson");
    fs::write(&file, &all).unwrap();
    let (_, said, code) = run(&["history", "import", text(&copy), "--file", text(&file)]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(done(&["history", "export", text(&copy)]), format!("{all}{all}"));

    let hub = Hub::start(&third);
    hub.publish(&all);
    hub.stop();
    let placed = done(&["history", "export", text(&third), "--with-places"]);
    for (i, (plain, placed)) in all.lines().zip(placed.lines()).enumerate() {
        let plain = plain.strip_suffix('}').unwrap();
        let rest = placed.strip_prefix(plain).unwrap_or_else(|| panic!("{placed}"));
        assert!(rest.starts_with(&format!(",\"offset\":{},\"time\":\"20", i + 1)), "{rest}");
    }
}

/// The program beside the documentation of the format: what it prints, and whether it says that all went well.
#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
fn read_as_documented(arguments: &[&str]) -> Option<String> {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/read_log.py");
    match Command::new("python3").arg(program).args(arguments).output() {
        Ok(output) => {
            let (out, said, code) = outcome(output);
            assert_eq!((said.as_str(), code), ("", Some(0)));
            Some(out)
        }
        Err(error) => {
            eprintln!("SKIPPED: python3 does not run here ({error})");
            None
        }
    }
}

#[test]
fn a_strangers_program_reads_the_same_by_the_documentation_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("history");
    let place = text(&path);
    let hub = Hub::start(&path);
    // The first topic of the second half is in some of the segments only.
    hub.publish(&(lines(0..3000) + &lines(3000..9000).replace("/b/ü", "/ç")));
    let Some(read) = read_as_documented(&[place]) else { return };
    assert_eq!(read, done(&["history", "export", place]), "while the hub runs");
    drop(hub); // It is killed.
    let hub = Hub::start(&path);
    hub.publish(&lines(9000..9100));
    hub.stop();
    let check = || {
        let (all, _, _) = run(&["history", "export", place]);
        assert_eq!(read_as_documented(&[place]).as_ref(), Some(&all));
        for topic in ["/a", "/b/ü", "/ç", "/none"] {
            let quoted = format!("\"{topic}\"");
            let bearing: String = all.split_inclusive('\n').filter(|line| line.contains(&quoted)).collect();
            assert_eq!(read_as_documented(&[place, "--topic", topic]), Some(bearing), "{topic}");
        }
    };
    check();

    let files = segments(&path);
    let mut bytes = fs::read(&files[1]).unwrap();
    bytes[10_000] ^= 1;
    fs::write(&files[1], bytes).unwrap();
    fs::remove_file(&files[2]).unwrap();
    check();
    done(&["history", "repair", place]);
    check();
}

#[test]
fn a_strangers_program_reads_what_each_version_wrote() {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../hub/tests/fixtures");
    for version in 1..=2 {
        let place = format!("{fixtures}/history-{version}");
        let Some(read) = read_as_documented(&[&place]) else { return };
        assert_eq!(read, done(&["history", "export", &place]), "version {version}");
        assert_eq!(read.lines().count(), 8, "version {version}");
    }
}

#[test]
fn a_line_that_is_wrong_is_told_and_harms_no_other() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("history");
    let input = format!("{}\n{{\"topic\":7,\"data\":1}}\nnot JSON\n{}", line(1), line(2).trim());
    let (_, said, code) = feed(&["history", "import", text(&path)], &input);
    assert_eq!(code, Some(1));
    let said: Vec<_> = said.lines().collect();
    assert!(said[0].starts_with("headwater: line 3, column 10: "), "{said:?}");
    assert!(said[1].starts_with("headwater: line 4, column 2: Malformed JSON: "), "{said:?}");
    assert!(said[2].starts_with("headwater: imported 2 updates in "), "{said:?}");
    assert!(said[2].ends_with("; 2 lines refused"), "{said:?}");
    assert_eq!(done(&["history", "export", text(&path)]), format!("{}{}", line(1), line(2)));
}

#[test]
fn info_is_read_by_people_and_by_programs() {
    let (_folder, path) = history(3000);
    let told = done(&["history", "info", text(&path)]);
    for part in [
        "ended in good order",
        "format    2, id ",
        "updates   3,000, offsets 1 to 3,000",
        "gaps      none",
        "topics    3,000  /a\n          1,000  /b/ü",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&done(&["history", "info", text(&path), "--json"])).unwrap();
    assert_eq!(
        (&json["updates"], &json["next_offset"], &json["clean"]),
        (&3000.into(), &3001.into(), &true.into())
    );
    assert_eq!(json["topics"][1], serde_json::json!({ "topic": "/b/ü", "updates": 1000 }));
}

#[test]
fn a_hub_starts_again_after_a_repair_and_tells_of_the_gap() {
    let (_folder, path) = history(12_000);
    let place = text(&path);
    assert!(done(&["history", "verify", place]).contains(" is whole: 12,000 updates in "));

    // A bit in the second segment, the third one cut off, the last one gone.
    let files = segments(&path);
    assert!(files.len() >= 5, "{files:?}");
    let mut bytes = fs::read(&files[1]).unwrap();
    bytes[10_000] ^= 1;
    fs::write(&files[1], bytes).unwrap();
    fs::OpenOptions::new().write(true).open(&files[2]).unwrap().set_len(20_000).unwrap();
    fs::remove_file(files.last().unwrap()).unwrap();

    let (told, said, code) = run(&["history", "verify", place]);
    assert_eq!((said.as_str(), code), ("", Some(1)));
    let second = files[1].file_name().unwrap().to_str().unwrap();
    assert!(
        told.contains(&format!(" is damaged in 3 places, first in {second}:\n  {second}  offsets ")),
        "{told}"
    );
    assert!(told.contains("history repair"), "{told}");
    let (out, _, code) = run(&["history", "verify", place, "--json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["whole"], json["damage"].as_array().unwrap().len()), (Some(1), &false.into(), 3));
    let refused = Hub::refuses(&path);
    assert!(refused.contains("headwater history repair"), "{refused}");
    let (exported, said, code) = run(&["history", "export", place]);
    assert_eq!(code, Some(1));
    assert!(said.contains("not whole, and left out: "), "{said}");

    let told = done(&["history", "repair", place]);
    assert!(
        told.contains("lost, and a gap from now on: offsets ")
            && told.ends_with("A hub starts with it now.\n"),
        "{told}"
    );
    assert_eq!(done(&["history", "repair", place]), format!("{place} needs no repair\n"));
    assert!(done(&["history", "verify", place]).contains("Gaps that subscribers are told of: "));
    assert_eq!(done(&["history", "export", place]), exported);

    let hub = Hub::start(&path);
    hub.publish(&lines(12_000..12_010));
    hub.stop();
    assert_eq!(done(&["history", "export", place]), format!("{exported}{}", lines(12_000..12_010)));
    let placed = done(&["history", "export", place, "--with-places"]);
    assert!(placed.lines().last().unwrap().contains("\"offset\":12010,"), "no offset is given twice");
}

#[test]
fn a_manifest_that_is_gone_is_made_again() {
    let (_folder, path) = history(2500);
    fs::remove_file(path.join("manifest")).unwrap();
    let (told, _, code) = run(&["history", "verify", text(&path)]);
    assert_eq!(code, Some(1));
    assert!(told.contains("first in manifest:\n  manifest  it is missing\n"), "{told}");
    assert!(Hub::refuses(&path).contains("history repair"));
    assert!(done(&["history", "repair", text(&path)]).contains("the manifest was made again"));
    Hub::start(&path).stop();
    assert_eq!(done(&["history", "export", text(&path)]), lines(0..2500));
}

#[test]
fn a_backup_of_a_hub_that_goes_on_is_a_history_of_its_own() {
    let folder = TempDir::new().unwrap();
    let (path, copy) = (folder.path().join("history"), folder.path().join("copy"));
    let hub = Hub::start(&path);
    hub.publish(&lines(0..3000));
    let more = lines(3000..12_000);
    thread::scope(|scope| {
        scope.spawn(|| hub.publish(&more));
        let told = done(&["backup", text(&path), text(&copy)]);
        // What is sealed by then is linked; what is written to is copied in any case.
        assert!(told.contains(" copied ("), "{told}");
    });
    assert!(done(&["history", "verify", text(&copy)]).contains(" is whole: "));
    let backed_up = done(&["history", "export", text(&copy)]);
    let all = done(&["history", "export", text(&path)]);
    assert!(all.starts_with(&backed_up) && backed_up.starts_with(&lines(0..3000)));

    let of_copy = Hub::start(&copy);
    of_copy.publish(&line(1));
    assert_eq!(done(&["history", "export", text(&copy)]), format!("{backed_up}{}", line(1)));
    hub.stop();
    of_copy.stop();
    assert_eq!(done(&["history", "export", text(&path)]), all, "the original has none of that");
    for place in [&path, &copy] {
        assert!(done(&["history", "verify", text(place)]).contains(" is whole: "));
    }
}

#[test]
fn a_reader_that_has_had_enough_is_no_error_to_tell() {
    let (_folder, path) = history(5000);
    let mut command = headwater(&["history", "export", text(&path)]);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert_eq!(first, line(0));
    let (_, said, code) = outcome(process.wait_with_output().unwrap());
    assert_eq!((said.as_str(), code), ("", Some(1)));
}

#[test]
fn wrong_use_exits_with_2_and_says_what_to_do() {
    let folder = TempDir::new().unwrap();
    let (path, none, full) =
        (folder.path().join("history"), folder.path().join("none"), folder.path().join("full"));
    fs::create_dir(&full).unwrap();
    fs::write(full.join("letter.txt"), "Dear").unwrap();
    let hub = Hub::start(&path);
    let (path, none, full) = (text(&path), text(&none), text(&full));
    for (arguments, advice) in [
        (&["history", "info", none][..], "--history"),
        (&["history", "export", none], "--history"),
        (&["history", "verify", none], "--history"),
        (&["history", "repair", none], "--history"),
        (&["backup", none, full], "--history"),
        (&["backup", path, full], "is not empty"),
        (&["history", "info", full], "letter.txt"),
        (&["history", "import", full, "--file", "/dev/null"], "letter.txt"),
        (&["history", "import", path, "--file", "/dev/null"], "in use"),
        (&["history", "repair", path], "in use"),
        (&["history", "import", path, "--file", none], "No such file"),
    ] {
        let (out, said, code) = run(arguments);
        assert_eq!((out.as_str(), code), ("", Some(2)), "{arguments:?}: {said}");
        assert!(said.starts_with("headwater: ") && said.contains(advice), "{arguments:?}: {said}");
    }
    assert!(!Path::new(none).exists());
    hub.stop();
}
