//! Tokens: where they may be, and what is answered to those that are no good.

use serde_json::{Value, json};

use crate::harness::{Answer, FORM, Hub, KEY, grant, request, seconds_from_now, token};

/// What a challenge must say of a token that is there and no good.
const INVALID: &str = "Bearer error=\"invalid_token\"";

/// A publish and a subscribe request with these headers behind this query.
fn both(hub: &Hub, query: &str, headers: &[&str]) -> [Answer; 2] {
    let separator = if query.is_empty() { "?" } else { "&" };
    let subscribe = request("HEAD", &format!("{query}{separator}topic=a"), headers, "");
    // A HEAD's answer has no body to look at: the publish has the same one.
    let mut client = hub.connect();
    client.send(subscribe);
    let head = client.head();
    let headers: Vec<_> = headers.iter().copied().chain([FORM]).collect();
    [hub.ask(request("POST", query, &headers, "topic=a")), head]
}

#[test]
fn a_token_may_come_in_the_header_the_query_or_a_cookie() {
    let hub = Hub::with(&["--anonymous=false", "--publish-origin", "https://app.example"]);
    let good = grant(&["*"], &["*"]);
    let from_page = "Origin: https://app.example";
    for (query, headers) in [
        (String::new(), vec![format!("Authorization: Bearer {good}")]),
        (String::new(), vec![format!("authorization: bearer  {good}")]),
        (format!("?authorization={good}"), vec![]),
        (String::new(), vec![format!("Cookie: a=b; mercureAuthorization={good}"), from_page.into()]),
        // The first one counts, and it alone.
        ("?authorization=SECRET".into(), vec![format!("Authorization: Bearer {good}")]),
        (format!("?authorization={good}"), vec!["Cookie: mercureAuthorization=SECRET".into()]),
    ] {
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        for answer in both(&hub, &query, &headers) {
            assert_eq!(answer.status, 200, "{query} {headers:?}");
        }
    }
}

#[test]
fn a_token_that_is_there_and_no_good_is_refused_never_anonymous() {
    let hub = Hub::start();
    let good = grant(&["*"], &["*"]);
    let claims = |claims: Value| format!("Authorization: Bearer {}", token(&claims));
    let bearer = |token: &str| format!("Authorization: Bearer {token}");
    let (signed, _) = good.rsplit_once('.').unwrap();
    for (query, headers, told) in [
        ("", vec!["Authorization: Basic U0VDUkVU".to_owned()], "bearer"),
        ("", vec![format!("Authorization: {good}")], "bearer"),
        ("", vec!["Authorization: Bearer".into()], "no token"),
        ("", vec!["Authorization: ".into()], "no token"),
        ("", vec![bearer(&good), bearer(&good)], "more than once"),
        ("?authorization=", vec![], "no token"),
        ("?authorization=SECRET&authorization=SECRET", vec![], "more than once"),
        ("", vec!["Cookie: mercureAuthorization=".into()], "no token"),
        ("", vec![bearer("SECRET")], "three parts"),
        ("", vec![bearer("SECRET.SECRET.SECRET")], "header"),
        ("", vec![bearer(&format!("{signed}.AAAA"))], "signature"),
        ("", vec![claims(json!({ "exp": 1, "mercure": { "publish": ["*"] } }))], "expired at 1970"),
        (
            "",
            vec![claims(json!({ "exp": seconds_from_now(-60.0), "mercure": { "publish": ["*"] } }))],
            "expired",
        ),
        (
            "",
            vec![claims(json!({ "nbf": seconds_from_now(60.5), "mercure": { "publish": ["*"] } }))],
            "not yet",
        ),
        ("", vec![claims(json!({ "mercure": { "publish": "*" } }))], "`publish`"),
        ("", vec![claims(json!({ "mercure": [] }))], "`mercure`"),
        // What is of no use in the first place is not looked for in the next one.
        ("?authorization=SECRET", vec!["Authorization: Basic SECRET".into()], "bearer"),
        ("", vec![bearer(&"SECRET".repeat(6000))], "bytes"),
    ] {
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        let [publish, subscribe] = both(&hub, query, &headers);
        let detail = publish.problem(401, "Bad token");
        assert!(detail.to_lowercase().contains(told) && !detail.contains("SECRET"), "{detail}");
        assert_eq!(subscribe.status, 401, "{query} {headers:?}");
        for answer in [publish, subscribe] {
            let challenge = answer.header("www-authenticate").unwrap();
            assert!(challenge.starts_with(INVALID) && challenge.contains("error_description"), "{challenge}");
        }
    }
}

#[test]
fn a_little_disagreement_of_clocks_is_forgiven() {
    let hub = Hub::start();
    for claims in [
        json!({ "exp": seconds_from_now(-2.5), "mercure": { "publish": ["*"] } }),
        json!({ "nbf": seconds_from_now(2.5), "iat": "?", "aud": 1, "iss": [], "mercure": { "publish": ["*"] } }),
    ] {
        let authorization = format!("Authorization: Bearer {}", token(&claims));
        assert_eq!(both(&hub, "", &[&authorization])[0].status, 200, "{claims}");
    }
}

#[test]
fn without_a_token_one_may_subscribe_if_the_hub_admits_it_and_never_publish() {
    let open = Hub::start();
    assert_eq!(both(&open, "", &[])[1].status, 200);
    let closed = Hub::with(&["--anonymous=false"]);
    assert_eq!(both(&closed, "", &[])[1].status, 401);
    for hub in [open, closed] {
        let [publish, _] = both(&hub, "", &["Cookie: other=1"]);
        let detail = publish.problem(401, "No token");
        assert!(detail.contains("Authorization: Bearer") && detail.contains("mercureAuthorization"));
        // No error code where there was no token.
        assert_eq!(publish.header("www-authenticate"), Some("Bearer"));
    }
}

#[test]
fn a_cookie_publishes_only_from_pages_that_may() {
    let hub = Hub::with(&[
        "--cookie-name",
        "hub",
        "--publish-origin",
        "https://app.example",
        "--cors-origin",
        "https://reads.example",
    ]);
    let cookie = format!("Cookie: hub={}", grant(&["*"], &["*"]));
    for (from, may) in [
        (&["Origin: https://app.example"][..], true),
        (&["Referer: https://app.example/some/page?q=1"], true),
        (&["Origin: https://app.example", "Referer: https://evil.example/"], true),
        (&["Origin: https://evil.example", "Referer: https://app.example/"], false),
        (&["Origin: https://app.example.evil.example"], false),
        (&["Origin: https://app.example:8443"], false),
        (&["Origin: http://app.example"], false),
        (&["Origin: null"], false),
        (&["Referer: https://evil.example/https://app.example"], false),
        (&["Referer: nonsense"], false),
        // Who may read may not publish for that.
        (&["Origin: https://reads.example"], false),
        (&[], false),
    ] {
        let headers: Vec<_> = from.iter().copied().chain([cookie.as_str()]).collect();
        let [publish, subscribe] = both(&hub, "", &headers);
        if may {
            publish.id();
        } else {
            let detail = publish.problem(403, "Foreign origin");
            assert!(detail.contains("--publish-origin"), "{detail}");
        }
        assert_eq!(subscribe.status, 200, "reading changes nothing: {from:?}");
    }
}

#[test]
fn publishers_and_subscribers_may_have_keys_of_their_own() {
    let other = "SECRET: another key of thirty-two bytes and more";
    let hub = Hub::with(&["--subscriber-key", other, "--anonymous=false"]);
    let claims = json!({ "mercure": { "publish": ["*"], "subscribe": ["*"] } });
    let signed = |key: &str| {
        let key = jsonwebtoken::EncodingKey::from_secret(key.as_bytes());
        let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
        format!("Authorization: Bearer {token}")
    };
    let statuses = |authorization: &str| both(&hub, "", &[authorization]).map(|answer| answer.status);
    assert_eq!(statuses(&signed(KEY)), [200, 401]);
    assert_eq!(statuses(&signed(other)), [401, 200]);
}
