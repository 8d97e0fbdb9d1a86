//! What `headwater dev` serves beside the hub: its pages, its feeds, and what a site's own backend would do for them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::harness::{Answer, Data, FORM, Hub, JSON, dev, request, seconds_from_now};

/// Where the pages are opened.
const OWN: &str = "Host: 127.0.0.1:3000";

/// What may be asked with POST, each with a body that it takes.
const POSTS: [(&str, &str); 3] = [
    ("/demo/token", r#"{"user":"alice"}"#),
    ("/demo/ticker", ""),
    ("/demo/answers", r#"{"question":"What happens on a cut?"}"#),
];

fn start() -> Hub {
    Hub::launch(dev("memory"), 1)
}

fn ask(hub: &Hub, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    let headers = headers.join("\r\n");
    let length = body.len();
    hub.ask(format!("{method} {path} HTTP/1.1\r\n{headers}\r\nContent-Length: {length}\r\n\r\n{body}"))
}

fn post(hub: &Hub, path: &str, body: &str) -> Answer {
    ask(hub, "POST", path, &[OWN, JSON], body)
}

/// Publishes with a token.
fn publish(hub: &Hub, token: &str, form: &str) -> Answer {
    hub.ask(request("POST", "", &[&format!("Authorization: Bearer {token}"), FORM], form))
}

#[track_caller]
fn token(hub: &Hub, user: &str) -> String {
    let answer = post(hub, "/demo/token", &json!({ "user": user }).to_string());
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["token"].as_str().expect("a token").to_owned()
}

fn publishers_token(hub: &Hub) -> String {
    let config = ask(hub, "GET", "/demo/config.json", &[OWN], "").json();
    config["token"].as_str().expect("a token").to_owned()
}

/// What history holds of the topics, in order: id and data.
fn held(hub: &Hub, selector: &str) -> Vec<(String, Value)> {
    let query = format!("?topic={selector}&lastEventID=earliest&timeout=0");
    let page = hub.ask(request("GET", &query, &["Accept: application/json"], "")).json();
    let updates = page["updates"].as_array().expect("a list");
    updates
        .iter()
        .map(|update| {
            let data = update["data"].as_str().expect("text");
            (update["id"].to_string(), serde_json::from_str(data).expect("JSON"))
        })
        .collect()
}

#[test]
fn the_page_says_where_the_hub_is_and_the_feeds_end_as_soon_as_any() {
    let mut hub = start();
    let answer = ask(&hub, "GET", "/", &[OWN], "");
    assert_eq!(
        (answer.status, answer.header("link")),
        (200, Some("</.well-known/mercure>; rel=\"mercure\""))
    );
    let mut stream = hub.subscribe("?topic=/demo/system");
    assert!(stream.data().starts_with('{'));
    // Neither prices that move nor an answer that is being written are waited for.
    for (path, body) in POSTS {
        assert!([200, 201, 204].contains(&post(&hub, path, body).status), "{path}");
    }
    hub.signal("INT");
    assert_eq!(hub.ended().code(), Some(0));
    assert_eq!(hub.count_in_log("cut off"), 0);
}

#[test]
fn the_library_is_served_as_it_is_published_and_nothing_else_of_the_checkout() {
    let hub = start();
    let module = ask(&hub, "GET", "/client/index.js", &[OWN], "");
    assert_eq!(module.header("content-type"), Some("text/javascript; charset=utf-8"));
    // A worker that all tabs share is one of these, and goes by its own policy.
    let policy = module.header("content-security-policy").expect("a policy");
    assert!(policy.contains("worker-src 'self'") && policy.contains("default-src 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    let etag = format!("If-None-Match: {}", module.header("etag").expect("a tag"));
    let again = ask(&hub, "GET", "/client/index.js", &[OWN, &etag], "");
    assert_eq!((again.status, again.text()), (304, ""));
    for path in
        ["/client/test/server.js", "/client/package.json", "/client/", "/demo/../package.json", "/web"]
    {
        ask(&hub, "GET", path, &[OWN], "").problem(404, "Not found");
    }
    post(&hub, "/client/index.js", "").problem(404, "Not found");
}

#[test]
fn nothing_is_given_out_under_a_name_that_may_be_anyones() {
    let hub = start();
    let foreign = "Host: rebound.example:3000";
    ask(&hub, "GET", "/demo/config.json", &[foreign], "").problem(403, "Not under this name");
    for (path, body) in POSTS {
        ask(&hub, "POST", path, &[foreign, JSON], body).problem(403, "Not under this name");
    }
    assert_eq!(ask(&hub, "GET", "/demo/config.json", &[OWN], "").json()["hub"], "/.well-known/mercure");
}

#[test]
fn nothing_is_done_for_another_sites_page() {
    let hub = start();
    for (path, body) in POSTS {
        for from in ["Origin: http://127.0.0.1:3001", "Origin: null", "Sec-Fetch-Site: cross-site"] {
            ask(&hub, "POST", path, &[OWN, JSON, from], body).problem(403, "Not from another site");
        }
        let own = ["Sec-Fetch-Site: same-origin", "Origin: http://127.0.0.1:3000"];
        let answer = ask(&hub, "POST", path, &[&[OWN, JSON], &own[..]].concat(), body);
        assert!([200, 201, 204].contains(&answer.status), "{path}: {}", answer.text());
    }
}

#[test]
fn what_an_endpoint_does_not_take_is_told() {
    let hub = start();
    for (path, _) in POSTS {
        let answer = ask(&hub, "GET", path, &[OWN], "");
        answer.problem(405, "Method not allowed");
        assert_eq!(answer.header("allow"), Some("POST"));
        // What a page of another site asks first, if it wants to send JSON.
        ask(&hub, "OPTIONS", path, &[OWN], "").problem(405, "Method not allowed");
    }
    post(&hub, "/demo/config.json", "{}").problem(405, "Method not allowed");

    let long = json!({ "question": "?".repeat(501) }).to_string();
    let wrong = [
        ("/demo/token", "", "Bad JSON"),
        ("/demo/token", "{}", "Bad JSON"),
        ("/demo/token", r#"{"user":7}"#, "Bad JSON"),
        ("/demo/token", r#"{"user":"alice","admin":true}"#, "Bad JSON"),
        ("/demo/token", r#"{"user":""}"#, "Bad name"),
        ("/demo/token", r#"{"user":"a\u0000b"}"#, "Bad name"),
        ("/demo/answers", r#"{"question":"#, "Bad JSON"),
        ("/demo/answers", r#"{"question":" "}"#, "Bad question"),
        ("/demo/answers", &long, "Bad question"),
    ];
    for (path, body, title) in wrong {
        post(&hub, path, body).problem(400, title);
    }
    let place = post(&hub, "/demo/token", "{\n \"user\": }").json();
    assert_eq!((&place["line"], &place["column"]), (&json!(2), &json!(10)));

    let endless = json!({ "question": "?".repeat(8 << 10) }).to_string();
    post(&hub, "/demo/answers", &endless).problem(413, "Body too large");
    ask(&hub, "POST", "/demo/token", &[OWN, FORM], "user=alice").problem(415, "Unsupported media type");
    ask(&hub, "POST", "/demo/token", &[OWN], "").problem(415, "Unsupported media type");
}

#[test]
fn a_users_token_speaks_for_that_user_alone() {
    let hub = start();
    let alice = token(&hub, "alice");
    for topic in ["/demo/chat/lobby/alice", "/demo/typing/lobby/alice"] {
        assert_eq!(publish(&hub, &alice, &format!("topic={topic}&data=hello")).status, 200, "{topic}");
    }
    for topic in ["/demo/chat/lobby/bob", "/demo/notifications/alice", "/demo/message"] {
        let answer = publish(&hub, &alice, &format!("topic={topic}&data=hello"));
        assert_eq!(answer.status, 403, "{topic}: {}", answer.text());
    }
    let odd = token(&hub, "{+all}");
    assert_eq!(publish(&hub, &odd, "topic=/demo/chat/lobby/bob&data=hello").status, 403);
    let own = "topic=/demo/chat/lobby/%257B%252Ball%257D&data=hello";
    assert_eq!(publish(&hub, &odd, own).status, 200);
}

#[test]
fn a_notification_reaches_the_user_whose_it_is() {
    let hub = start();
    let everyones = "?topic=/demo/notifications/%7Buser%7D&topic=/demo/message";
    let streams = ["alice", "bob"].map(|user| {
        let bearer = format!("Authorization: Bearer {}", token(&hub, user));
        hub.subscribe_with(everyones, &[&bearer])
    });
    let publisher = publishers_token(&hub);
    for (topic, data) in [
        ("/demo/notifications/alice&private=on", "for alice"),
        ("/demo/notifications/bob&private=on", "for bob"),
        ("/demo/message", "for all"),
    ] {
        assert_eq!(publish(&hub, &publisher, &format!("topic={topic}&data={data}")).status, 200);
    }
    let [alice, bob] = streams.map(|mut stream| [stream.data(), stream.data()]);
    assert_eq!(alice, ["for alice", "for all"]);
    assert_eq!(bob, ["for bob", "for all"]);
}

#[test]
fn a_token_says_when_a_new_one_is_due() {
    let hub = start();
    let before = seconds_from_now(0.0);
    let answer = post(&hub, "/demo/token", r#"{"user":"Zo\u00eb"}"#);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let answer = answer.json();
    assert_eq!(answer["user"], "Zoë");
    let seconds = answer["expires"].as_f64().expect("a time") / 1_000.0 - before;
    assert!((118.0..135.0).contains(&seconds), "{seconds}");
}

#[test]
fn prices_are_all_told_at_once_when_somebody_looks_and_then_move() {
    let hub = start();
    let mut stream = hub.subscribe("?topic=/demo/ticker/%7Bsymbol%7D");
    assert_eq!(held(&hub, "/demo/ticker/%7Bsymbol%7D"), [], "nobody has looked");
    assert_eq!(post(&hub, "/demo/ticker", "").status, 204);
    let mut next = || serde_json::from_str::<Value>(&stream.data()).expect("a quote");
    let all: Vec<_> = (0..40).map(|_| next()).collect();
    let symbols: BTreeSet<_> = all.iter().map(|quote| quote["symbol"].to_string()).collect();
    assert_eq!(symbols.len(), 40);
    assert!(all.iter().all(|quote| quote["name"].is_string() && quote["price"] == quote["open"]), "{all:?}");
    let moved = next();
    assert!(symbols.contains(&moved["symbol"].to_string()), "{moved}");
    assert!(moved["price"].is_number() && moved.get("name").is_none(), "{moved}");
}

#[test]
fn who_comes_first_finds_old_news_and_a_restart_makes_none() {
    let data = Data::new();
    let path = data.path();
    let command = || dev(path.to_str().expect("temporary folders have plain names"));
    // The news are looked after before anything is published, so a reading of this run tells that they have been. What
    // came since is new.
    let old_news = |hub: &Hub| {
        hub.subscribe("?topic=/demo/system").data();
        let a_minute_ago = seconds_from_now(-60.0) * 1_000.0;
        let mut news = held(hub, "/demo/news/%7Bsection%7D");
        news.retain(|(_, item)| item["time"].as_f64().expect("a time") < a_minute_ago);
        news
    };
    let hub = Hub::launch(command(), 1);
    let first = old_news(&hub);
    assert_eq!(first.len(), 12, "{first:?}");
    let sections: BTreeSet<_> = first.iter().map(|(_, item)| item["section"].to_string()).collect();
    assert_eq!(sections.len(), 5);
    hub.stop();
    let again = old_news(&Hub::launch(command(), 1));
    assert_eq!(again, first);
}

#[test]
fn an_answer_comes_in_order_to_its_end_and_can_be_resumed_in_the_middle() {
    let hub = start();
    let told = post(&hub, "/demo/answers", r#"{"question":"What happens on a cut?"}"#);
    assert_eq!(told.status, 201, "{}", told.text());
    let told = told.json();
    let topic = told["topic"].as_str().expect("a topic");
    assert_eq!(topic, format!("/demo/answers/{}", told["id"].as_str().expect("an id")));

    // Until it has said so many words; the connection is cut then.
    let mut events = Vec::new();
    let mut stream = hub.subscribe(&format!("?topic={topic}&lastEventID=earliest"));
    while events.len() < 20 {
        events.push(stream.event());
    }
    drop(stream);
    let id = |event: &str| event.split_once("id: ").unwrap().1.split_once('\n').unwrap().0.to_owned();
    let cursor = format!("Last-Event-ID: {}", id(events.last().unwrap()));
    let mut stream = hub.subscribe_with(&format!("?topic={topic}"), &[&cursor]);
    let done = loop {
        let event = stream.event();
        if event.starts_with("event: done\n") {
            break event;
        }
        events.push(event);
    };

    let data = |event: &str| -> Value {
        let data = event.trim_end().rsplit_once("data: ").expect("data").1;
        serde_json::from_str(data).expect("JSON")
    };
    assert_eq!(data(&done), json!({ "words": events.len() }));
    let mut text = String::new();
    for (index, event) in events.iter().enumerate() {
        let data = data(event);
        assert_eq!(data["index"], index);
        text += data["text"].as_str().expect("text");
    }
    assert!(text.starts_with("I am no language model") && text.ends_with('.'), "{text}");
    assert_eq!(text.split_whitespace().count(), events.len());
}

#[test]
fn so_many_answers_are_written_at_once_and_who_asks_for_one_more_is_told_when_to_come_again() {
    let hub = start();
    let (path, body) = POSTS[2];
    for _ in 0..64 {
        assert_eq!(post(&hub, path, body).status, 201);
    }
    let refused = post(&hub, path, body);
    refused.problem(503, "Too many answers");
    assert_eq!(refused.header("retry-after"), Some("3"));
}
