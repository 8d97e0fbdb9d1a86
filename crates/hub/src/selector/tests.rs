//! The rules as a table.

use super::*;

#[track_caller]
fn check(selector: &str, matching: &[&str], others: &[&str]) {
    let parsed = Selector::new(selector);
    for topic in matching {
        assert!(parsed.matches(topic), "{selector} shall match {topic}");
        assert!(topic.starts_with(parsed.literal_prefix()), "{selector}: the prefix of {topic}");
    }
    for topic in others {
        assert!(!parsed.matches(topic), "{selector} shall not match {topic}");
    }
    assert!(parsed.matches(selector), "{selector} matches itself");
}

#[test]
fn all_and_exact() {
    check("*", &["a", "https://example.com/ü?q#f", "{"], &[]);
    check(
        "https://example.com/a",
        &["https://example.com/a"],
        &["https://example.com/A", "https://example.com/a/", "*"],
    );
    check("/é", &["/é"], &["/%C3%A9", "/e\u{301}"]);
    assert_eq!(Selector::new("*").as_exact(), None);
    assert_eq!(Selector::new("a*").as_exact(), Some("a*"));
    assert_eq!(Selector::new("/a/{b}").as_exact(), None);
}

#[test]
fn runs() {
    check(
        "{v}",
        &["", "a", "a.b-c_d~E0", "a,b", "%20", "%e2%82%AC"],
        &["a/b", "a b", "é", "%", "%2", "%2G", "a=b", "a:b"],
    );
    check("/{v}", &["/", "/1", "/{v}"], &["1", "/1/", "x/1", "/1\n", "/1?"]);
    check("/{v,w}/x", &["//x", "/1,2/x", "/1,2,3/x"], &["/1/2/x", "/1/X"]);
    check("/{v*}", &["/a=1,b=2", "/a,b"], &["/a&b", "/a/b"]);
    check("/{id:3}", &["/1", "/123", "/12345"], &["/1/2"]);
    check(
        "{+v}",
        &["", "a/b?c=d#e", "[::1]:80", "!$&'()*+,;=@%20"],
        &["a b", "é", "%zz", "\"", "<a>", "{v", "a\\b", "|"],
    );
    check("{+path}/here", &["/foo/bar/here", "/here"], &["here", "/foo/bar/there"]);
    check("x{#v}", &["x", "x#", "x#a/b?c"], &["xa", "x# ", "x/a"]);
    check("x{.v,w}", &["x", "x.", "x.a.b", "x.a.b.c", "x.a,b"], &["xa", "x.a=b"]);
    check("x{.v*}", &["x", "x.a=b.c=d"], &["x.a/b"]);
}

#[test]
fn segments() {
    check("x{/v}", &["x", "x/", "x/a", "x/a,b", "x/%2F"], &["x/a/b", "xa", "x/a=b"]);
    check("x{/v,w}", &["x", "x/a", "x/a/b", "x//b"], &["x/a/b/c"]);
    check("x{/v*}", &["x", "x/a/b/c/d", "x/k=v/l=w"], &["xa", "x/a?b"]);
    check("x{/v:1,w*}/y", &["x/y", "x/a/b/c/y"], &["x", "x/a/b/c"]);
}

#[test]
fn named_pairs() {
    check(
        "x{?q,r}",
        &["x", "x?q=1", "x?r=", "x?q=1&r=2", "x?r=a,b&q=%20", "x{?q,r}"],
        &[
            "x?",
            "x?q",
            "x?q=1&q=2",
            "x?q=1&r=2&q=3",
            "x?s=1",
            "x?q=1&",
            "x?q=1&s=2",
            "x&q=1",
            "x?q=1?r=2",
            "x?q=a=b",
            "x?Q=1",
            "x?qr=1",
            "x?=1",
        ],
    );
    check("x{&q,r}", &["x", "x&q=1", "x&r=1&q=2"], &["x?q=1", "x&q=1&q=2", "x&"]);
    check("x?a=b{&q}", &["x?a=b", "x?a=b&q="], &["x?a=b&a=b", "x"]);
    check(
        "x{;q,r}",
        &["x", "x;q", "x;q=", "x;q=1;r", "x;r;q"],
        &["x;", "x;q;q=1", "x;qr", "x;q;", "x&q", "x;s"],
    );
    check("x{?q*}", &["x", "x?q=1&q=2", "x?any=thing&q"], &["x&q=1", "x?q=/"]);
    check("x{;q*,r}", &["x", "x;a=1;b;r=2"], &["x;a=1&b=2"]);
    check("x{&q*}", &["x", "x&a=1&b=2"], &["x?a=1"]);
    check("x{?a.b,%41_1}", &["x?%41_1=1&a.b=2"], &["x?A_1=1", "x?a=1"]);
    check("x{?q,q}", &["x?q=1"], &["x?q=1&q=2"]);
    // Several places where the set can begin, and names that begin other names.
    check("{+v}{?q,r}", &["?q=1?q=2", "a?r=1&q=2"], &[" ?q=1"]);
    check(
        "{v}{;a,ab,abc}!",
        &[";a!", ";ab!", ";abc;ab;a!", ";a;ab=;abc=x!", "!"],
        &[";a;a!", ";abcd!", ";abc;abc=1!"],
    );
    check("{;a}b{;a}", &["b", ";ab", ";ab;a", ";a=bb;a=b", "b;a"], &[";b", ";a;ab"]);
    check("{;q}=x", &["=x", ";q=x", ";q=1=x"], &[";q", ";q=1"]);
}

#[test]
fn what_is_no_template_is_exact() {
    for text in [
        "{",
        "}",
        "{}",
        "a}b",
        "{v",
        "{v}}",
        "{{v}}",
        "{v w}",
        "{v} x",
        "{-v}",
        "{+}",
        "{?}",
        "{v,}",
        "{,v}",
        "{v:0}",
        "{v:}",
        "{v:03}",
        "{v:10000}",
        "{v:a}",
        "{v:3*}",
        "{v*:3}",
        "{v**}",
        "{=v}",
        "{,v}",
        "{!v}",
        "{@v}",
        "{|v}",
        "{$v}",
        "{é}",
        "{.}",
        "{a..b}",
        "{a.}",
        "{a%4}",
        "{a%zz}",
        "{v}%",
        "{v}%4",
        "%zz{v}",
        "{v}'",
        "{v}\"",
        "{v}<",
        "{v}\\",
        "{v}^",
        "{v}`",
        "{v}|",
        "{v}\u{7f}",
        "{v}\u{FFFE}",
        "{v}\u{1FFFF}",
        "{v}\u{E0001}",
        "",
    ] {
        assert_eq!(Selector::new(text).as_exact(), Some(text), "{text:?} is no template");
        assert!(Selector::new(text).matches(text));
        assert!(!Selector::new(text).matches("v"));
    }
    for text in [
        "{v}",
        "{v:1}",
        "{v:9999}",
        "{_}",
        "{a.b.c}",
        "{%41}",
        "{9}",
        "é{v}\u{10000}\u{F0000}",
        "%41{v}",
        "[{v}](!)",
    ] {
        assert_eq!(Selector::new(text).as_exact(), None, "{text:?} is a template");
    }
}

#[test]
fn long_topics_are_matched_alike() {
    // On both sides of a word's and of the inline set's borders.
    for n in [1, 61, 62, 63, 64, 65, 126, 127, 128, 129, 253, 254, 255, 256, 257, 1_000] {
        let run = "a%2Fb".repeat(n / 5) + &"c".repeat(n % 5);
        let s = Selector::new("/{a}/{b}{?c}");
        assert!(s.matches(&format!("/{run}/{run}?c={run}")), "{n}");
        assert!(!s.matches(&format!("/{run}/{run}?c={run}&c")), "{n}");
        assert!(!s.matches(&format!("/{run}/{run}%2?c=")), "{n}");
        assert!(!s.matches(&format!("/{run}")), "{n}");
    }
}

#[test]
fn equal_means_of_equal_text() {
    let map = std::collections::HashMap::from([(Selector::new("/a/{b}"), 1)]);
    assert_eq!(map.get("/a/{b}"), Some(&1));
    assert_eq!(map.get(&Selector::new("/a/{b}")), Some(&1));
    assert_ne!(Selector::new("{a}"), Selector::new("{b}"));
    assert_eq!(format!("{:?} {}", Selector::new("{a}"), Selector::new("{a}")), r#""{a}" {a}"#);
}
