//! The tour in README.md is pasted into a shell, block by block, against `headwater dev`.
//!
//! A block marked `sh tour` is run; the `text` block after it, if there is one, is what it must print, where `…` stands
//! for anything within a line. A block marked `sh tour listen` runs beside the others until the end.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Read},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

const README: &str = include_str!("../../../README.md");

/// Where the README has the hub.
const ADDRESS: &str = "127.0.0.1:3000";

/// Stands before what each block prints; no block prints it.
const MARK: &str = "\u{1e}";

#[test]
fn the_tour_does_what_it_says() {
    let blocks = blocks(README);
    assert!(blocks.iter().filter(|block| block.prints.is_some()).count() > 5, "the tour is in the README");

    let folder = TempDir::new().expect("a folder for history");
    let (_hub, address) = start_hub(&folder);
    let mut listener = None;
    let mut script = String::new();
    for (index, block) in blocks.iter().enumerate() {
        let code = block.code.replace(ADDRESS, &address);
        if block.listens {
            listener = Some(Listener::start(&code));
        } else {
            writeln!(script, "printf '{MARK}%s\\n' {index}\n{code}").expect("a string takes all");
        }
    }
    let listener = listener.expect("one block of the tour listens");

    let output = Command::new("bash").args(["-c", &script]).output().expect("bash runs");
    let printed = String::from_utf8(output.stdout).expect("the tour prints text");
    for part in printed.split(MARK).skip(1) {
        let (index, printed) = part.split_once('\n').expect("a mark has its line");
        let block = &blocks[index.parse::<usize>().expect("a mark has its number")];
        if let Some(wanted) = &block.prints {
            assert!(
                agrees(printed, wanted),
                "\n{}\nprinted\n{printed}\nbut the README says\n{wanted}\n{}",
                block.code,
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    assert_eq!(printed.matches(MARK).count(), blocks.len() - 1, "every block ran");

    // Whoever listened from the start has seen all news in their order, and nothing else.
    let seen = listener.until("data: Six");
    let news = ["Hello, world", "and another", r#"{"title":"Three"}"#, "Four", "Five", "Six"];
    let places: Vec<_> = news.iter().map(|data| seen.find(&format!("data: {data}\n"))).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} in\n{seen}");
    assert!(!seen.contains("psst") && !seen.contains("paid"), "{seen}");
}

#[test]
fn wildcards_stand_for_anything_within_a_line() {
    assert!(agrees("#abc-1\n", "#…\n"));
    assert!(agrees(r#"[{"id":"x"},{"id":"y"}]"#, r#"[{"id":"…"},{"id":"…"}]"#));
    assert!(agrees(":\nid: 1\n\n", ":\nid: 1\n"));
    assert!(!agrees("#abc-1\n#abc-2\n", "#…\n"));
    assert!(!agrees("abc", "…b"));
    assert!(!agrees("", "#…"));
}

struct Block {
    code: String,
    listens: bool,
    prints: Option<String>,
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut lines = markdown.lines();
    let mut after_tour = false;
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let text: String = lines
            .by_ref()
            .take_while(|line| *line != "```")
            .fold(String::new(), |text, line| text + line + "\n");
        match info {
            "sh tour" | "sh tour listen" => {
                blocks.push(Block { code: text, listens: info.ends_with("listen"), prints: None });
            }
            "text" if after_tour => blocks.last_mut().expect("a block of the tour").prints = Some(text),
            _ => {}
        }
        after_tour = info == "sh tour";
    }
    blocks
}

/// Whether the text is the pattern, line by line; blank space at the end of either does not count.
fn agrees(text: &str, pattern: &str) -> bool {
    let (text, pattern) = (text.trim_end(), pattern.trim_end());
    text.lines().count() == pattern.lines().count()
        && text.lines().zip(pattern.lines()).all(|(line, pattern)| line_agrees(line, pattern))
}

fn line_agrees(line: &str, pattern: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('…') else { return line == pattern };
    let Some(mut line) = line.strip_prefix(start) else { return false };
    let mut parts = rest.split('…').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return line.ends_with(part);
        }
        match line.find(part) {
            Some(at) => line = &line[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// A process that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn start_hub(folder: &TempDir) -> (Running, String) {
    let probe = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = probe.local_addr().expect("it is bound").to_string();
    drop(probe);
    let child = Command::new(env!("CARGO_BIN_EXE_headwater"))
        .args(["dev", "--listen", &address, "--history"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("the hub starts");
    let hub = Running(child);
    let deadline = Instant::now() + Duration::from_secs(20);
    // A port that opens tells nobody.
    while TcpStream::connect(&address).is_err() {
        assert!(Instant::now() < deadline, "the hub listens on {address}");
        thread::sleep(Duration::from_millis(20));
    }
    (hub, address)
}

struct Listener {
    process: Running,
    output: BufReader<std::process::ChildStdout>,
}

impl Listener {
    /// Returns when the stream is open.
    fn start(code: &str) -> Self {
        // `exec`, so that ending the process ends curl; a bound, so that the test ends when an event never comes.
        let code = format!("exec {} --silent --max-time 60", code.trim_end());
        let mut child =
            Command::new("bash").args(["-c", &code]).stdout(Stdio::piped()).spawn().expect("bash runs");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut listener = Self { process: Running(child), output };
        let mut first = String::new();
        listener.output.read_line(&mut first).expect("a line");
        assert_eq!(first, ":\n", "a stream opens with a comment");
        listener
    }

    /// All that came, up to the line (or to the end, if that does not come).
    fn until(mut self, last: &str) -> String {
        let mut seen = String::new();
        while !seen.lines().any(|line| line == last) {
            let before = seen.len();
            self.output.read_line(&mut seen).expect("a line");
            if seen.len() == before {
                break;
            }
        }
        drop(self.process);
        self.output.read_to_string(&mut seen).expect("the rest is text");
        seen
    }
}
