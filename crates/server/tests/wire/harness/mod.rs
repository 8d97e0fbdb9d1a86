//! What the tests share: a hub's process, a client that sees bytes, tokens.

mod client;
mod data;
mod hub;
mod mount;
mod token;
mod witness;

use std::time::{Duration, Instant};

pub(crate) use client::{Answer, Client, Stream};
pub(crate) use data::{Data, refused};
pub(crate) use hub::{Hub, KEY, dev, serve};
pub(crate) use mount::Mount;
pub(crate) use token::{grant, seconds_from_now, token};
pub(crate) use witness::Witness;

/// Longer than anything here takes on a busy machine: a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Tries until it comes about. What is tried asks the hub, so this is no busy loop.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(done) = attempt() {
            return done;
        }
        assert!(Instant::now() < deadline, "it has not come about that {what}");
    }
}

/// Where the hub lives.
pub(crate) const PATH: &str = "/.well-known/mercure";

/// The three forms of a body.
pub(crate) const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
pub(crate) const JSON: &str = "Content-Type: application/json";
pub(crate) const NDJSON: &str = "Content-Type: application/x-ndjson";

/// A request with these header lines; `target` is behind the hub's path.
pub(crate) fn request(method: &str, target: &str, headers: &[&str], body: &str) -> String {
    let line = format!("{method} {PATH}{target} HTTP/1.1");
    let length = format!("Content-Length: {}", body.len());
    let mut lines = vec![line.as_str(), "Host: hub"];
    lines.extend(headers);
    if !body.is_empty() || method == "POST" {
        lines.push(&length);
    }
    lines.join("\r\n") + "\r\n\r\n" + body
}

pub(crate) fn get(query: &str) -> String {
    request("GET", query, &[], "")
}

/// `Authorization` for one who may publish to every topic.
pub(crate) fn bearer() -> String {
    format!("Authorization: Bearer {}", grant(&["*"], &[]))
}

/// A publish to every topic's liking.
pub(crate) fn post(form: &str, body: &str) -> String {
    request("POST", "", &[&bearer(), form], body)
}

/// One chunk of HTTP/1.1.
pub(crate) fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}
