use headwater_sse::Retry;
use http::StatusCode;
use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits { topics: 3, updates: 2 };

fn one(body: &str) -> Update {
    match parse(body.as_bytes(), &LIMITS) {
        Ok(Updates::One(update)) => update,
        other => panic!("{body}: {other:?}"),
    }
}

fn fail(body: &str) -> Problem {
    parse(body.as_bytes(), &LIMITS).expect_err(body)
}

#[test]
fn every_member_is_taken() {
    let update = one(r#"
        {"topic": ["a", "b/\u0063"], "data": "x\ny", "private": true, "id": "1", "type": "add", "retry": 5}
    "#);
    assert_eq!(update.topics.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a", "b/c"]);
    assert_eq!(update.data, "x\ny");
    assert!(update.private);
    assert_eq!(update.id.unwrap().as_str(), "1");
    assert_eq!(update.event_type.unwrap().as_str(), "add");
    assert_eq!(update.retry, Some(Retry::from_millis(5)));
}

#[test]
fn optional_members_may_be_null_or_empty() {
    for body in [
        r#"{"topic":"a","data":""}"#,
        r#"{"topic":["a"],"data":"","private":false,"id":"","type":"","retry":0}"#,
        r#"{"topic":"a","data":"","private":null,"id":null,"type":null,"retry":null}"#,
        "\u{feff}{\"topic\":\"a\",\"data\":\"\"}\r\n",
    ] {
        let update = one(body);
        assert_eq!(update, Update::new(update.topics[0].clone(), ""), "{body}");
    }
}

#[test]
fn data_other_than_a_string_is_sent_as_written_but_compactly() {
    for (data, sent) in [
        (r#"{ "b" : 1.0, "a" : [ 1, 2 ] }"#, r#"{"b":1.0,"a":[1,2]}"#),
        ("12345678901234567890.10", "12345678901234567890.10"),
        ("1E400", "1E400"),
        ("-0.0", "-0.0"),
        ("null", "null"),
        ("true", "true"),
        ("[ ]", "[]"),
        (r#"[" a \" b ", "\\", "\u00e9\n" ]"#, r#"[" a \" b ","\\","\u00e9\n"]"#),
        ("{\"x\":\n\t1,\r\n\"x\": 2}", r#"{"x":1,"x":2}"#),
        (r#""a \u00e9 \" ""#, "a é \" "),
    ] {
        let body = format!(r#"{{"topic": "a", "data": {data} }}"#);
        assert_eq!(one(&body).data, sent);
    }
}

#[test]
fn deep_data_needs_no_deep_stack() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(one(&format!(r#"{{"topic":"a","data":{deep}}}"#)).data, deep);
}

#[test]
fn an_array_keeps_its_order_and_may_be_empty() {
    let body = br#" [{"topic":"a","data":1}, {"topic":"b","data":2}] "#;
    let Ok(Updates::Many(updates)) = parse(body, &LIMITS) else { panic!() };
    assert_eq!(updates.iter().map(|u| u.data.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(parse(b"[]", &LIMITS), Ok(Updates::Many(vec![])));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (body, title, line, column) in [
        ("", "Malformed JSON", 1, 1),
        ("{\"topic\":\"a\",\n", "Malformed JSON", 2, 1),
        ("{\"topic\":\"a\",\n \"data\":}", "Malformed JSON", 2, 9),
        (r#"{"topic":"a","data":1}{"topic":"b","data":1}"#, "Malformed JSON", 1, 23),
        ("[{\"topic\":\"a\",\"data\":1},\n]", "Malformed JSON", 2, 1),
        (r#"[{"topic":"a","data":1}"#, "Malformed JSON", 1, 23),
        (r#"[{"topic":"a","data":1}] 1"#, "Malformed JSON", 1, 26),
        (r#"{"topic":"a","data":"\ud800"}"#, "Malformed JSON", 1, 28),
        ("{\"topic\":\"a\",\"data\":\"\u{1}\"}", "Malformed JSON", 1, 21),
        ("5", "Bad update", 1, 1),
        ("[[\"a\",1]]", "Bad update", 1, 2),
        (r#""topic""#, "Bad update", 1, 7),
        (r#"{"topic":"a","data":1,"topics":[]}"#, "Bad update", 1, 30),
        (r#"{"topic":"a","data":1,"data":2}"#, "Bad update", 1, 28),
        (r#"{"topic":5,"data":1}"#, "Bad update", 1, 10),
        (r#"{"topic":["a",{}],"data":1}"#, "Bad update", 1, 15),
        (r#"{"topic":"a","data":1,"private":"yes"}"#, "Bad update", 1, 37),
        ("{\"topic\":\"a\",\"data\":1,\n  \"id\": 7}", "Bad update", 2, 9),
        ("[{\"topic\":\"a\",\"data\":1},\n  {\"data\":1}]", "No topic", 2, 3),
        (r#"{"topic":[],"data":1}"#, "No topic", 1, 1),
        (r#"{"topic":null,"data":1}"#, "No topic", 1, 1),
        (r#"{"topic":"a"}"#, "No data", 1, 1),
        (r#"{"topic":["a",""],"data":1}"#, "Bad topic", 1, 15),
        (r#"{"topic":["a","b","c","d"],"data":1}"#, "Too many topics", 1, 23),
        (r#"{"topic":"/.well-known/mercure","data":1}"#, "The hub's own topic", 1, 10),
        (r##"{"topic":"a","data":1,"id":"#1"}"##, "Bad id", 1, 28),
        (r#"{"topic":"a","data":1,"type":"a\nb"}"#, "Bad type", 1, 30),
        (r#"{"topic":"a","data":1,"retry":-1}"#, "Bad retry", 1, 31),
        (r#"{"topic":"a","data":1,"retry":1.5}"#, "Bad retry", 1, 31),
        (r#"{"topic":"a","data":1,"retry":"5"}"#, "Bad retry", 1, 31),
        (r#"[{"topic":"a","data":1},{"topic":"a","data":1},{}]"#, "Too many updates", 1, 48),
    ] {
        let problem = fail(body);
        assert_eq!((problem.title(), problem.place()), (title, Some((line, column))), "{body}: {problem}");
        let own = title == "The hub's own topic";
        let status = if own { StatusCode::FORBIDDEN } else { StatusCode::BAD_REQUEST };
        assert_eq!(problem.status(), status);
    }
}

#[test]
fn bytes_that_are_no_utf_8_are_pointed_at() {
    let problem = parse(b"{\"topic\":\"a\",\n\"data\":\"\xff\"}", &LIMITS).unwrap_err();
    assert_eq!((problem.title(), problem.place()), ("Malformed JSON", Some((2, 9))));
}

#[test]
fn an_unknown_member_is_named_and_so_are_those_known() {
    let detail = fail(r#"{"topic":"a","data":1,"topics":[]}"#).detail().to_owned();
    assert!(detail.contains("`topics`") && detail.contains("`topic`"), "{detail}");
}

#[test]
fn what_to_send_instead_depends_on_the_form() {
    assert!(fail("{").detail().contains("an array of them"));
    assert!(parse_line(b"{", 1, &LIMITS).unwrap_err().detail().contains("on each line"));
}

#[test]
fn a_bare_word_is_told_to_need_quotes() {
    for body in ["nope", r#"{"topic":nope,"data":1}"#, r#"{"topic":"a","data":truth}"#] {
        assert!(fail(body).detail().contains("needs quotes"), "{body}: {}", fail(body));
    }
}

#[test]
fn one_line_points_into_its_stream() {
    let problem = parse_line(br#"{"topic":"a","data":1,"id":"earliest"}"#, 12, &LIMITS).unwrap_err();
    assert_eq!(problem.place(), Some((12, 28)));
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn compacting_pretty_json_gives_the_compact_form(value in json()) {
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(compact(&pretty), value.to_string());
    }

    #[test]
    fn no_text_makes_it_panic(body in "[\\[\\]{}\":, \n0-9a-z\\\\é]{0,48}") {
        let _ = parse(body.as_bytes(), &LIMITS);
    }
}
