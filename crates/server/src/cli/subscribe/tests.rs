//! What is printed, and how it ends, against a server that follows a script.

use clap::Parser;
use headwater_sse::Decoder;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    subscribe: SubscribeArgs,
}

struct Run {
    code: u8,
    out: String,
    notices: String,
}

fn arguments(url: &str, more: &[&str]) -> SubscribeArgs {
    Line::try_parse_from(["subscribe", url, "--topic", "t"].iter().chain(more)).unwrap().subscribe
}

/// Subscribes with these arguments to a server that sends this and hangs up.
async fn run(more: &[&str], answer: &str) -> Run {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let subscribe = arguments(&format!("http://{}", listener.local_addr().unwrap()), more);
    let serve = async {
        let mut stream = accept(&listener).await;
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    };
    let (mut out, mut notices) = (Vec::new(), Vec::new());
    let printer = Printer { json: subscribe.json, verbose: subscribe.verbose, escape: false, out: &mut out };
    let ((), code) = tokio::join!(serve, subscribe.listen(printer, &mut notices));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code, out: text(out), notices: text(notices) }
}

/// A connection, its request read.
async fn accept(listener: &TcpListener) -> TcpStream {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
    }
    stream
}

fn stream(headers: &str, events: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n{headers}\r\n{events}"
    )
}

const EVENTS: &str =
    "id: #1-1\ndata: a\ndata: \"b\"\n\nevent: news\nid: #1-2\ndata: c\n\n: over\n\ndata: never\n\n";

#[tokio::test]
async fn prints_the_data() {
    let run = run(&["--count", "2"], &stream("", EVENTS)).await;
    assert_eq!((run.code, run.out.as_str()), (0, "a\n\"b\"\nc\n"));
    assert_eq!(run.notices, "headwater: connected, waiting for events\n");
}

#[tokio::test]
async fn prints_ids_and_types() {
    let run = run(&["--verbose", "--quiet", "-n2"], &stream("", EVENTS)).await;
    assert_eq!((run.code, run.out.as_str()), (0, "-- #1-1 message\na\n\"b\"\n-- #1-2 news\nc\n"));
    assert_eq!(run.notices, "");
}

#[tokio::test]
async fn prints_json() {
    let run = run(&["--json", "-n2"], &stream("", &format!("data: 0\n\n{EVENTS}"))).await;
    let want = "{\"id\":null,\"type\":\"message\",\"data\":\"0\"}\n\
        {\"id\":\"#1-1\",\"type\":\"message\",\"data\":\"a\\n\\\"b\\\"\"}\n";
    assert_eq!((run.code, run.out.as_str()), (0, want));
}

#[tokio::test]
async fn tells_of_a_gap() {
    let events = "event: headwater:gap\ndata: {\"from\":\"#1-1\",\"to\":\"#1-9\"}\n\ndata: x\n\n";
    let answer = stream("last-event-id: earliest\r\n", events);
    let run_json = run(&["--json", "-n1", "--from", "#1-1"], &answer).await;
    let want = "{\"gap\":{\"from\":\"#1-1\",\"to\":\"#1-9\"}}\n{\"id\":\"#1-1\",\"type\":\"message\",\"data\":\"x\"}\n";
    assert_eq!((run_json.code, run_json.out.as_str()), (0, want));

    let run = run(&["-n1", "--from", "#1-1"], &answer).await;
    assert_eq!((run.code, run.out.as_str()), (0, "x\n"));
    let want = "headwater: connected, going on after #1-1\n\
        headwater: events may be lost: the hub no longer holds what came after #1-1 before #1-9\n";
    assert_eq!(run.notices, want);
}

#[tokio::test]
async fn a_refusal_says_why() {
    let body = r#"{"title":"Unauthorized","detail":"the token expired"}"#;
    let answer = format!(
        "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let run = run(&["--quiet"], &answer).await;
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert_eq!(run.notices, "headwater: 401 Unauthorized: the token expired\n");
}

#[tokio::test]
async fn a_204_is_an_end() {
    let run = run(&[], "HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(run.code, 0);
    assert_eq!(run.notices, "headwater: the hub ended the subscription and asks not to come back (204)\n");
}

#[tokio::test]
async fn nobody_reads_on() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let subscribe = arguments(&format!("http://{}", listener.local_addr().unwrap()), &[]);
    let serve = async {
        let mut connection = accept(&listener).await;
        connection.write_all(stream("", "data: x\n\n").as_bytes()).await.unwrap();
        connection // stays open: the command ends by itself
    };
    let printer = Printer { json: false, verbose: false, escape: false, out: Closed };
    let (_connection, code) = tokio::join!(serve, subscribe.listen(printer, io::sink()));
    assert_eq!(code, 0);
}

#[test]
fn a_terminal_is_not_controlled_by_publishers() {
    let mut out = Vec::new();
    let mut printer = Printer { json: false, verbose: true, escape: true, out: &mut out };
    let mut input: &[u8] = "event: \u{8}x\ndata: a\u{1b}[2J\tb\ndata: \u{9b}\u{e9}\n\n".as_bytes();
    let mut decoder = Decoder::new();
    let Ok(Some(headwater_sse::Item::Event(event))) = decoder.next(&mut input) else { panic!("an event") };
    printer.event(&event.to_owned()).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "-- \\u{8}x\na\\u{1b}[2J\tb\n\\u{9b}\u{e9}\n");
}

#[tokio::test]
async fn a_url_that_cannot_work_is_a_wrong_command_line() {
    let mut notices = Vec::new();
    let printer = Printer { json: false, verbose: false, escape: false, out: io::sink() };
    let code = arguments("localhost:3000", &[]).listen(printer, &mut notices).await;
    assert_eq!(code, 2);
    let want = "headwater: the URL cannot be used: it must start with http:// or https://\n";
    assert_eq!(String::from_utf8(notices).unwrap(), want);
}
