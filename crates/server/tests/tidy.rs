//! The invariants of ARCHITECTURE.md that can be read off the sources: which crate may depend on which, what a crate
//! must never mention, how long a file may be. Every test reports all that it finds, not the first.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

/// Beyond this a file holds more than one noun.
const MAX_LINES: usize = 600;

/// An `unsafe` file says why within its first lines, where a reader cannot miss it.
const REASON_WITHIN: usize = 15;

/// Of the workspace's own crates: who may depend on whom. A crate that is not listed fails the test.
const ARROWS: &[(&str, &[&str])] = &[
    ("headwater-sse", &[]),
    ("headwater-hub", &["headwater-sse"]),
    ("headwater-client", &["headwater-sse"]),
    ("headwater-cluster", &["headwater-hub", "headwater-sse"]),
    ("headwater", &["headwater-sse", "headwater-hub", "headwater-client", "headwater-cluster"]),
    // Measures all of them, and nothing depends on it.
    (
        "headwater-bench",
        &["headwater", "headwater-sse", "headwater-hub", "headwater-client", "headwater-cluster"],
    ),
];

/// What a library crate must not reach, not even through its dependencies.
const UNKNOWN_TO: &[(&str, &[&str])] = &[
    ("headwater-sse", &["tokio", "mio", "hyper", "http"]),
    ("headwater-hub", &["tokio", "hyper", "http", "axum", "jsonwebtoken", "reqwest", "rustls"]),
    ("headwater-client", &["headwater-hub", "jsonwebtoken"]),
];

/// Words that must not stand in the code of these folders (comments and test modules aside).
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
    (
        "crates/sse/src",
        &["async fn", "async move", ".await", "std::io", "std::fs", "std::net", "std::thread"],
        "the codec never awaits, and does no I/O",
    ),
    (
        "crates/hub/src",
        &["tokio::", "hyper::", "http::", "jsonwebtoken"],
        "the hub knows no HTTP request, no JWT and no async runtime",
    ),
    ("crates/sse/src", &["std::env", "env::var"], "a library reads no environment"),
    ("crates/hub/src", &["std::env", "env::var"], "a library reads no environment"),
    ("crates/client/src", &["std::env", "env::var"], "a library reads no environment"),
    ("crates/hub/src", &["mpsc::channel()"], "no unbounded queue"),
    ("crates", &["unbounded_channel"], "no unbounded queue"),
];

#[test]
fn arrows_between_crates_go_one_way() {
    let mut wrong = Findings::default();
    for (manifest, table) in manifests() {
        let name = table["package"]["name"].as_str().expect("a package has a name").to_owned();
        let Some((_, allowed)) = ARROWS.iter().find(|(krate, _)| *krate == name) else {
            wrong.push(&manifest, "is a crate whose arrows are not listed in tests/tidy.rs");
            continue;
        };
        for dependency in dependencies(&table, &["dependencies", "dev-dependencies", "build-dependencies"]) {
            let own = dependency == "headwater" || dependency.starts_with("headwater-");
            if own && !allowed.contains(&dependency.as_str()) {
                wrong.push(&manifest, &format!("{name} must not depend on {dependency}"));
            }
        }
    }
    wrong.assert_none();
}

#[test]
fn the_codec_depends_on_memchr_and_bytes_alone() {
    let (_, table) =
        manifests().into_iter().find(|(path, _)| path.ends_with("sse/Cargo.toml")).expect("the codec");
    let found = dependencies(&table, &["dependencies", "build-dependencies"]);
    assert_eq!(found, BTreeSet::from(["bytes".to_owned(), "memchr".to_owned()]));
}

#[test]
fn libraries_reach_nothing_they_must_not_know() {
    let graph = lock_graph();
    let mut wrong = Findings::default();
    for (krate, unknown) in UNKNOWN_TO {
        let reached = reach(&graph, krate);
        assert!(reached.len() > 1, "{krate} is in Cargo.lock with its dependencies");
        for name in unknown.iter().filter(|name| reached.contains(**name)) {
            wrong.push(Path::new("Cargo.lock"), &format!("{krate} reaches {name}"));
        }
    }
    wrong.assert_none();
}

#[test]
fn crates_take_lints_and_versions_from_the_workspace() {
    let mut wrong = Findings::default();
    for (manifest, table) in manifests() {
        if table.get("lints").and_then(|lints| lints.get("workspace")) != Some(&Value::Boolean(true)) {
            wrong.push(&manifest, "lacks `[lints] workspace = true`");
        }
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            for (name, value) in table.get(section).and_then(Value::as_table).into_iter().flatten() {
                if value.get("workspace") != Some(&Value::Boolean(true)) {
                    wrong.push(
                        &manifest,
                        &format!("{name} takes its version from elsewhere than the workspace"),
                    );
                }
            }
        }
    }
    wrong.assert_none();
}

#[test]
fn code_keeps_out_what_its_crate_must_not_know() {
    let mut wrong = Findings::default();
    for (path, text) in files(&["rs"]) {
        for (folder, words, why) in FORBIDDEN {
            // What only tests are built with may read the number of seeds.
            let tests = |part: &std::ffi::OsStr| part == "tests" || part == "simulation";
            if !path.starts_with(folder) || path.components().any(|part| tests(part.as_os_str())) {
                continue;
            }
            for (number, line) in code_lines(&text) {
                for word in words.iter().filter(|word| line.contains(**word)) {
                    wrong.push(&path, &format!("line {number} has `{word}`: {why}"));
                }
            }
        }
    }
    wrong.assert_none();
}

#[test]
fn unsafe_code_stands_only_where_the_first_lines_say_why() {
    let mut wrong = Findings::default();
    for (path, text) in files(&["rs"]) {
        let has = text.lines().any(|line| mentions_unsafe(without_comment(line)));
        let reasoned = text
            .lines()
            .take(REASON_WITHIN)
            .any(|line| line.starts_with("//") && line.to_ascii_lowercase().contains("unsafe"));
        if has && !reasoned {
            wrong
                .push(&path, &format!("has unsafe code, and its first {REASON_WITHIN} lines do not say why"));
        }
    }
    wrong.assert_none();
}

#[test]
fn files_hold_one_noun() {
    let mut wrong = Findings::default();
    for (path, text) in files(&["rs", "js", "css", "html"]) {
        let lines = text.lines().count();
        if lines > MAX_LINES {
            wrong.push(&path, &format!("has {lines} lines; split it before {MAX_LINES}"));
        }
    }
    wrong.assert_none();
}

/// A lock file that names a registry's host would bind everyone to that registry.
#[test]
fn lock_files_name_no_host() {
    let mut wrong = Findings::default();
    for (path, text) in files(&["json"]) {
        if path.ends_with("package-lock.json")
            && (text.contains("\"resolved\": \"http") || text.contains("://"))
        {
            wrong.push(&path, "names a host; web/.npmrc keeps it out, so install from there");
        }
    }
    wrong.assert_none();
}

/// Pages are served from the binary and must work with no network but the hub's own.
#[test]
fn pages_load_nothing_from_elsewhere() {
    let mut wrong = Findings::default();
    for (path, text) in files(&["html", "css", "js"]) {
        if !path.starts_with("web/demo") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let loads = ["src=\"http", "href=\"http", "url(http", "from \"http", "import(\"http", "@import"];
            let inline = ["<script>", "<style>", " style=\"", " onclick=", "javascript:"];
            for word in loads.iter().chain(&inline).filter(|word| line.contains(**word)) {
                wrong.push(&path, &format!("line {} has `{word}`", number + 1));
            }
        }
    }
    wrong.assert_none();
}

/// ARCHITECTURE.md names a test for each invariant; a name that went stale would promise what nobody checks.
#[test]
fn the_tests_that_the_architecture_names_exist() {
    let mut wrong = Findings::default();
    let page = Path::new("ARCHITECTURE.md");
    let text = fs::read_to_string(root().join(page)).expect("the page is there");
    let named: Vec<_> = text
        .split('`')
        .filter_map(|span| span.split_once("::"))
        .filter(|(path, _)| path.contains('/'))
        .collect();
    assert!(named.len() > 10, "the page names its tests");
    for (path, name) in named {
        let declared = [format!("fn {name}("), format!("test('{name}'")];
        let found = fs::read_to_string(root().join(path))
            .is_ok_and(|source| declared.iter().any(|declaration| source.contains(declaration)));
        if !found {
            wrong.push(page, &format!("names {path}::{name}, which is not there"));
        }
    }
    wrong.assert_none();
}

#[test]
fn links_between_the_documents_lead_somewhere() {
    let mut wrong = Findings::default();
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        let text = fs::read_to_string(root().join(name)).expect("the document is there");
        let targets =
            text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
        for target in targets.filter(|target| !target.contains("://") && !target.starts_with('#')) {
            if !root().join(target).exists() {
                wrong.push(Path::new(name), &format!("links to {target}, which is not there"));
            }
        }
    }
    wrong.assert_none();
}

/// What the tests of this file found wrong, one line each.
#[derive(Default)]
struct Findings(String);

impl Findings {
    fn push(&mut self, path: &Path, what: &str) {
        writeln!(self.0, "  {}: {what}", path.display()).expect("a string takes all");
    }

    #[track_caller]
    fn assert_none(self) {
        assert!(self.0.is_empty(), "\n{}", self.0);
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/server lies two below").to_owned()
}

/// Every file with one of the extensions, its path relative to the root, below the folders that are written by hand.
fn files(extensions: &[&str]) -> Vec<(PathBuf, String)> {
    fn walk(dir: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).expect("a folder can be read") {
            let path = entry.expect("an entry can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                if !matches!(name, "target" | "node_modules" | "results" | "vendor") {
                    walk(&path, extensions, found);
                }
            } else if path.extension().is_some_and(|e| extensions.iter().any(|wanted| e == *wanted)) {
                found.push(path);
            }
        }
    }
    let root = root();
    let mut found = Vec::new();
    for folder in ["crates", "bench", "fuzz", "web", "conformance"] {
        if root.join(folder).is_dir() {
            walk(&root.join(folder), extensions, &mut found);
        }
    }
    assert!(!found.is_empty(), "there are files with {extensions:?}");
    found.sort();
    found
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source is UTF-8");
            (path.strip_prefix(&root).expect("below the root").to_owned(), text)
        })
        .collect()
}

fn manifests() -> Vec<(PathBuf, Table)> {
    files(&["toml"])
        .into_iter()
        .filter(|(path, _)| path.ends_with("Cargo.toml"))
        .map(|(path, text)| (path, text.parse().expect("a manifest is TOML")))
        .collect()
}

fn dependencies(manifest: &Table, sections: &[&str]) -> BTreeSet<String> {
    let per_target = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    std::iter::once(manifest)
        .chain(per_target.filter_map(Value::as_table))
        .flat_map(|table| sections.iter().filter_map(|section| table.get(*section)?.as_table()))
        .flat_map(|table| table.iter())
        .map(|(name, value)| value.get("package").and_then(Value::as_str).unwrap_or(name).to_owned())
        .collect()
}

/// From each package of Cargo.lock to those that it depends on (all features and targets, tests included).
fn lock_graph() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(root().join("Cargo.lock")).expect("the lock file is there");
    let lock: Table = text.parse().expect("the lock file is TOML");
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in lock["package"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a package has a name");
        let onto = graph.entry(name.to_owned()).or_default();
        for dependency in package.get("dependencies").and_then(Value::as_array).into_iter().flatten() {
            // "name", or "name version" where two versions are in the graph.
            let name =
                dependency.as_str().and_then(|d| d.split(' ').next()).expect("a dependency has a name");
            onto.insert(name.to_owned());
        }
    }
    graph
}

fn reach(graph: &BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::from([from.to_owned()]);
    let mut open = vec![from.to_owned()];
    while let Some(name) = open.pop() {
        for next in graph.get(&name).into_iter().flatten() {
            if reached.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    reached
}

/// The numbered lines of a Rust file before its test module, without comments.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| line.trim_end() != "#[cfg(test)]")
        .map(|(index, line)| (index + 1, without_comment(line)))
}

fn without_comment(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

/// Whether the line opens unsafe code, or allows it. Not: the bare word in a string.
fn mentions_unsafe(code: &str) -> bool {
    let code = code.trim_start();
    let openers =
        ["{", "fn ", "impl ", "impl<", "extern ", "trait "].map(|after| format!("{} {after}", "unsafe"));
    openers.iter().any(|opener| code.contains(opener)) || code.contains(concat!("(", "unsafe", "_code"))
}
