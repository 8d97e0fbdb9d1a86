//! Pages of other origins: what their browsers are told.

use crate::harness::{Answer, FORM, Hub, bearer, get, request};

const PAGE: &str = "Origin: https://app.example";
const FOREIGN: &str = "Origin: https://evil.example";

/// What an answer says of it, by name.
fn said(answer: &Answer) -> Vec<(&str, &str)> {
    let names = ["access-control-", "vary"];
    let mut said: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| names.iter().any(|start| name.starts_with(start)))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    said.sort_unstable();
    said
}

const ALLOWED: [(&str, &str); 4] = [
    ("access-control-allow-credentials", "true"),
    ("access-control-allow-origin", "https://app.example"),
    ("access-control-expose-headers", "Last-Event-ID, Link, Headwater-Heartbeat"),
    ("vary", "Origin"),
];

fn hub() -> Hub {
    Hub::with(&["--cors-origin", "https://app.example"])
}

#[test]
fn a_listed_page_may_read_every_answer_also_an_error() {
    let hub = hub();
    assert_eq!(said(&hub.subscribe_with("?topic=a", &[PAGE]).head), ALLOWED);
    for (status, request) in [
        (400, request("GET", "", &[PAGE], "")),
        (405, request("PUT", "", &[PAGE], "")),
        (200, request("POST", "", &[PAGE, FORM, &bearer()], "topic=a")),
        (401, request("POST", "", &[PAGE, FORM], "topic=a")),
        (415, request("POST", "", &[PAGE, &bearer()], "topic=a")),
    ] {
        let answer = hub.ask(request);
        assert_eq!(answer.status, status);
        assert_eq!(said(&answer), ALLOWED, "{status}");
    }
}

#[test]
fn a_foreign_page_is_answered_and_may_not_read_it() {
    let hub = hub();
    for headers in [&[FOREIGN][..], &["Origin: null"], &[]] {
        let mut stream = hub.subscribe_with("?topic=a", headers);
        assert_eq!(said(&stream.head), [("vary", "Origin")]);
        hub.publish("topic=a&data=1");
        assert_eq!(stream.data(), "1");
    }
    let silent = Hub::start();
    assert_eq!(said(&silent.subscribe_with("?topic=a", &[PAGE]).head), []);
}

#[test]
fn a_preflight_needs_no_token() {
    let hub = Hub::with(&["--cors-origin", "https://app.example", "--anonymous=false"]);
    let asks = "Access-Control-Request-Method: POST";
    let answer = hub.ask(request("OPTIONS", "", &[PAGE, asks], ""));
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(answer.header("vary"), Some("Origin"));
    assert!(answer.header("access-control-max-age").unwrap().parse::<u32>().unwrap() > 0);
    let methods = answer.header("access-control-allow-methods").unwrap();
    for method in ["GET", "HEAD", "POST", "DELETE"] {
        assert!(methods.split(", ").any(|m| m == method), "{methods}");
    }
    let headers = answer.header("access-control-allow-headers").unwrap();
    for header in ["Authorization", "Cache-Control", "Last-Event-ID", "Content-Type", "Idempotency-Key"] {
        assert!(headers.split(", ").any(|h| h == header), "{headers}");
    }
    let answer = hub.ask(request("OPTIONS", "", &[FOREIGN, asks], ""));
    assert_eq!((answer.status, said(&answer)), (204, vec![("vary", "Origin")]));
}

#[test]
fn a_star_admits_every_page_without_its_visitors_credentials() {
    let hub = Hub::with(&["--cors-origin", "*"]);
    let stream = hub.subscribe_with("?topic=a", &[FOREIGN]);
    assert_eq!(
        said(&stream.head),
        [
            ("access-control-allow-origin", "*"),
            ("access-control-expose-headers", "Last-Event-ID, Link, Headwater-Heartbeat")
        ]
    );
    assert_eq!(said(&hub.ask(request("POST", "", &[FORM], "topic=a"))), []);
    assert_eq!(said(&hub.ask(get(""))), []);
}
