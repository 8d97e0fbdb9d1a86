//! Beside the hub's own path.

use crate::harness::{Answer, Hub};

fn ask(hub: &Hub, method: &str, path: &str) -> Answer {
    hub.ask(format!("{method} {path} HTTP/1.1\r\nHost: hub\r\n\r\n"))
}

#[test]
fn whoever_watches_the_hub_is_told_that_it_is_well() {
    let hub = Hub::start();
    for (path, text) in [("/healthz", "ok\n"), ("/readyz", "ready\n"), ("/readyz?verbose", "ready\n")] {
        let answer = ask(&hub, "GET", path);
        assert_eq!((answer.status, answer.text()), (200, text));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let answer = ask(&hub, "POST", path);
        answer.problem(405, "Method not allowed");
        assert_eq!(answer.header("allow"), Some("GET, HEAD"));
    }
}

#[test]
fn any_other_path_is_not_found_and_told_where_the_hub_is() {
    let hub = Hub::start();
    for path in
        ["/", "/.well-known", "/.well-known/mercure/", "/.well-known/Mercure", "//", "/demo/config.json", "*"]
    {
        let detail = ask(&hub, "GET", path).problem(404, "Not found");
        assert!(detail.contains("/.well-known/mercure"), "{detail}");
    }
    let detail =
        ask(&hub, "GET", &format!("/{}?authorization=SECRET", "x".repeat(10_000))).problem(404, "Not found");
    assert!(detail.len() < 400 && !detail.contains("SECRET"));
}

#[test]
fn a_target_may_be_a_whole_url() {
    let hub = Hub::start();
    let answer = ask(&hub, "GET", "http://hub.example/healthz");
    assert_eq!(answer.text(), "ok\n");
}
