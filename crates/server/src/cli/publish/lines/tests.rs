//! The stream of lines against a server that follows a script.

use std::io::Cursor;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

/// What comes of this input when the hub answers so, once it has read all of it.
async fn outcome(input: impl Read + Send + 'static, answers: &str) -> (Outcome, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        // The end of a chunked body, or of the connection where the input broke.
        while !request.ends_with(b"0\r\n\r\n") {
            if stream.read_buf(&mut request).await.unwrap() == 0 {
                return;
            }
        }
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\nconnection: close\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(answers.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    };
    let publisher = Publisher::hub(&url).build().unwrap();
    let mut stderr = Vec::new();
    let publish = async { publish(&publisher, Box::new(input), &ProgressBar::hidden(), &mut stderr).await };
    let ((), outcome) = tokio::join!(serve, publish);
    (outcome, String::from_utf8(stderr).unwrap())
}

#[tokio::test]
async fn lines_that_are_refused_are_reported_with_their_number() {
    let input = Cursor::new("{\"topic\":\"a\"}\n\n{\n{\"topic\":\"b\"}");
    let answers = "{\"id\":\"#1-1\"}\n\
        {\"error\":{\"title\":\"Bad Request\",\"detail\":\"it ends too early\",\"line\":3,\"column\":2}}\n\
        {\"id\":\"#1-2\"}\n";
    let (outcome, stderr) = outcome(input, answers).await;
    assert_eq!(stderr, "headwater: line 3, column 2: Bad Request: it ends too early\n");
    assert_eq!((outcome.published, outcome.refused, outcome.sent, outcome.unanswered()), (2, 1, 3, 0));
    assert!(!outcome.is_complete());
    assert!(
        outcome.summary().ends_with("; 1 line refused; the last one published is #1-2"),
        "{}",
        outcome.summary()
    );
}

#[tokio::test]
async fn all_published_is_complete() {
    let (outcome, stderr) =
        outcome(Cursor::new("{}\r\n{}\r\n \r\n"), "{\"id\":\"1\"}\n{\"id\":\"2\"}\n").await;
    assert_eq!((stderr.as_str(), outcome.published, outcome.is_complete()), ("", 2, true));
    assert!(outcome.summary().starts_with("published 2 updates in "), "{}", outcome.summary());
}

#[tokio::test]
async fn an_answer_that_is_missing_is_no_success() {
    let (outcome, _) = outcome(Cursor::new("{}\n{}\n"), "{\"id\":\"1\"}\n").await;
    assert!(outcome.broken.is_none());
    assert_eq!((outcome.unanswered(), outcome.is_complete()), (1, false));
    assert!(outcome.summary().contains("; 1 line sent without an answer"), "{}", outcome.summary());
}

#[tokio::test]
async fn input_that_breaks_says_why() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let (outcome, _) = outcome(Read::chain(Cursor::new("{}\n"), Broken), "").await;
    assert_eq!(outcome.broken.as_deref(), Some("the input cannot be read: the disk is gone"));
    assert!(!outcome.is_complete());
}

#[test]
fn both_bars_can_be_drawn() {
    drop((progress_bar(Some(10)), progress_bar(None)));
}
