//! How much of everything there may be, and what who brings more is told.

use std::process::Command;

use crate::harness::{Client, FORM, Hub, Witness, get, grant, post, request, serve, until};

#[test]
fn selectors_are_limited_in_number_and_length() {
    let hub = Hub::with(&["--limit-selectors", "2", "--limit-selector-length", "64"]);
    let detail = hub.ask(get("?topic=a&topic=a&topic=a")).problem(400, "Too many selectors");
    assert!(detail.contains('3') && detail.contains('2'), "{detail}");
    let detail = hub.ask(get(&format!("?topic={}", "x".repeat(65)))).problem(400, "Selector too long");
    assert!(detail.contains("65") && detail.contains("64"), "{detail}");
    hub.subscribe(&format!("?topic={}&topic=b", "x".repeat(64)));

    let hub = Hub::start();
    let many: Vec<_> = (0..1001).map(|n| format!("topic={n}")).collect();
    hub.ask(get(&format!("?{}", many.join("&")))).problem(400, "Too many selectors");
    let mut stream = hub.subscribe(&format!("?{}", many[..1000].join("&")));
    hub.publish("topic=999&data=x");
    assert_eq!(stream.data(), "x");
}

#[test]
fn selectors_of_all_subscribers_together_are_limited() {
    let hub = Hub::with(&["--limit-selector-bytes", "64KiB", "--limit-selector-length", "32KiB"]);
    let long = get(&format!("?topic={}", "x".repeat(30_000)));
    let open = || {
        let mut client = hub.connect();
        client.send(&long);
        client
    };
    let (mut first, mut second) = (open(), open());
    assert_eq!((first.head().status, second.head().status), (200, 200));
    open().is_closed_unanswered();
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let hub = Hub::with(&["--limit-head", "16KiB", "--limit-token", "8KiB"]);
    let mut witness = Witness::new(&hub);
    for extra in [20_000, 200_000, 2_000_000] {
        let mut client = hub.connect();
        client.send(request("GET", "?topic=a", &[&format!("X-Large: {}", "x".repeat(extra))], ""));
        assert_eq!(client.answer().status, 431, "{extra}");
    }
    // More lines than any client sends, and a target longer than any is.
    let lines: Vec<_> = (0..300).map(|n| format!("X-{n}: x")).collect();
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    assert_eq!(hub.ask(request("GET", "?topic=a", &lines, "")).status, 431);
    let hub = Hub::start();
    assert_eq!(hub.ask(get(&format!("?topic=a&x={}", "x".repeat(70_000)))).status, 414);
    assert_eq!(hub.ask(request("GET", "", &[&format!("X-Large: {}", "x".repeat(100_000))], "")).status, 400);
    witness.check();
}

#[test]
fn one_connection_too_many_is_told_to_come_again_or_closed() {
    let hub = Hub::with(&["--limit-connections", "3"]);
    let mut streams: Vec<_> = (0..3).map(|_| hub.subscribe("?topic=a")).collect();
    for _ in 0..3 {
        let mut client = hub.connect();
        client.send(get("?topic=a"));
        client.is_closed_unanswered();

        let mut client = hub.connect();
        let answer = client.ask(post(FORM, "topic=a"));
        let detail = answer.problem(503, "Too many connections");
        assert!(detail.contains("--limit-connections"));
        assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
        // It is one too many, and not kept.
        assert_eq!(answer.header("connection"), Some("close"));
        client.is_closed_unanswered();
    }
    // Who is to be told is told, however much it still sends.
    let large = format!("topic=a&data={}", "x".repeat(2 << 20));
    hub.ask(post(FORM, &large)).problem(503, "Too many connections");

    // One leaves, and there is room again.
    drop(streams.pop());
    until("there is room", || (hub.ask(post(FORM, "topic=a&data=1")).status == 200).then_some(()));
    for mut stream in streams {
        assert_eq!(stream.data(), "1");
    }
}

#[test]
fn exactly_as_many_as_are_admitted_find_room() {
    let hub = Hub::with(&["--limit-connections", "20"]);
    let streams: Vec<_> = (0..20).map(|_| hub.subscribe("?topic=a")).collect();
    let mut client = hub.connect();
    client.send(get("?topic=a"));
    client.is_closed_unanswered();
    drop(streams);
}

#[test]
fn without_descriptors_accepting_pauses_and_goes_on_later() {
    // The hub asks for more than 64 beside those for connections, and gets fewer.
    let serve = serve(&["--limit-connections", "64", "--shards", "1"]);
    let mut shell = Command::new("sh");
    shell.env_clear().arg("-c").arg("ulimit -n 128; exec \"$0\" \"$@\"");
    shell.arg(serve.get_program()).args(serve.get_args());
    let hub = Hub::launch(shell, 1);
    let mut witness = Witness::new(&hub);

    // Connections that never say anything are all counted as such; so many use up what there is.
    let mut idle: Vec<Client> = (0..200).map(|_| hub.connect()).collect();
    hub.wait_for_log("no descriptors are left");
    idle.truncate(20);
    until("accepting goes on", || hub.try_subscribe("?topic=a"));
    witness.check();
    assert_eq!(hub.count_in_log("no descriptors are left"), 1);
}

#[test]
fn a_token_is_limited() {
    let hub = Hub::with(&["--limit-token", "1KiB"]);
    let selectors: Vec<_> = (0..500).map(|n| n.to_string()).collect();
    let selectors: Vec<_> = selectors.iter().map(String::as_str).collect();
    let long = format!("Authorization: Bearer {}", grant(&selectors, &[]));
    let detail = hub.ask(request("POST", "", &[&long, FORM], "topic=1")).problem(401, "Bad token");
    assert!(detail.contains("1024"), "{detail}");
}
