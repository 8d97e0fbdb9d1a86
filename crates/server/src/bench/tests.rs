//! The bench against small servers that misbehave in known ways: a fault that is not found is worse than none.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use super::*;

/// What a server sends to subscriber number `0` for the event numbered `1` with this data.
type Sends = fn(usize, usize, &str, held: &mut Vec<String>) -> Vec<String>;

fn faithful(_: usize, _: usize, data: &str, _: &mut Vec<String>) -> Vec<String> {
    vec![data.into()]
}

struct Silent;

impl Observer for Silent {
    fn phase(&mut self, _: Phase, _: Snapshot) {}
    fn tick(&mut self, _: Phase, _: Snapshot) {}
}

/// A server whose `sends` decides what becomes of each event. It ends with the process.
fn serve(answer: &'static str, sends: Sends) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hub", listener.local_addr().unwrap());
    let subscribers: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
    let events = Arc::new(Mutex::new((0, Vec::new())));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (subscribers, events) = (Arc::clone(&subscribers), Arc::clone(&events));
            thread::spawn(move || connection(stream.unwrap(), answer, sends, &subscribers, &events));
        }
    });
    url
}

fn connection(
    mut stream: TcpStream,
    answer: &str,
    sends: Sends,
    subscribers: &Mutex<Vec<TcpStream>>,
    events: &Mutex<(usize, Vec<String>)>,
) {
    let mut input = BufReader::new(stream.try_clone().unwrap());
    loop {
        let head: Vec<String> =
            input.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        let Some(first) = head.first() else { return };
        if first.starts_with("GET") {
            stream.write_all(answer.as_bytes()).unwrap();
            if answer.contains("200 OK") {
                subscribers.lock().unwrap().push(stream);
            }
            return;
        }
        let length =
            head.iter().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap().parse().unwrap();
        let mut body = vec![0; length];
        input.read_exact(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        let mut events = events.lock().unwrap();
        for data in body.split(['&', '"', '\n']).filter(|part| part.contains('~')) {
            let data = data.trim_start_matches("data=");
            let number = events.0;
            events.0 += 1;
            for (i, subscriber) in subscribers.lock().unwrap().iter_mut().enumerate() {
                for data in sends(i, number, data, &mut events.1) {
                    let event = format!("id: {number}\ndata: {data}\n\n");
                    // A chunk that ends within the stamp.
                    let (one, two) = event.split_at(20);
                    let chunks = format!("{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n", one.len(), two.len());
                    subscriber.write_all(chunks.as_bytes()).unwrap();
                }
            }
        }
        drop(events);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
    }
}

const STREAM: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n:\n\n\r\n";

fn options(url: String) -> Options {
    Options { url, subscribers: 5, rate: Some(200.0), seconds: 0.1, ..Options::default() }
}

#[test]
fn a_faithful_server_is_found_faultless_in_every_way_of_publishing() {
    for volley in [Volley::Singly, Volley::Pipelined, Volley::Batch] {
        for burst in [1, 10] {
            for publishers in [1, 4] {
                let options =
                    Options { volley, burst, publishers, threads: 2, ..options(serve(STREAM, faithful)) };
                let report = run(&options, &mut Silent).unwrap();
                assert!(report.is_faultless(), "{volley:?} × {burst}, {publishers}: {report}");
                assert_eq!(report.connected, 5);
                assert_eq!(report.received, report.published * 5, "{report}");
                assert_eq!(report.published % u64::from(burst), 0);
                assert!(report.published >= 2, "{report}");
                assert_eq!(report.bursts.is_some(), burst > 1);
            }
        }
    }
}

#[test]
fn a_lost_event_of_one_subscriber_is_found() {
    let url = serve(
        STREAM,
        |subscriber, event, data, _| {
            if (subscriber, event) == (3, 7) { vec![] } else { vec![data.into()] }
        },
    );
    let report = run(&Options { drain: 0.2, ..options(url) }, &mut Silent).unwrap();
    assert_eq!((report.lost, report.duplicated, report.out_of_order), (1, 0, 0), "{report}");
    assert_eq!(report.expected, report.received + 1);
}

#[test]
fn a_doubled_event_is_found() {
    let url = serve(STREAM, |subscriber, event, data, _| {
        let times = if (subscriber, event) == (0, 2) { 3 } else { 1 };
        vec![data.into(); times]
    });
    let report = run(&options(url), &mut Silent).unwrap();
    assert_eq!((report.lost, report.duplicated, report.out_of_order), (0, 2, 0), "{report}");
}

#[test]
fn two_events_that_change_places_are_found() {
    let url = serve(STREAM, |subscriber, event, data, held| match (subscriber, event) {
        (4, 3) => {
            held.push(data.into());
            vec![]
        }
        (4, 4) => [vec![data.into()], std::mem::take(held)].concat(),
        _ => vec![data.into()],
    });
    let report = run(&options(url), &mut Silent).unwrap();
    assert_eq!((report.lost, report.duplicated, report.out_of_order), (0, 0, 1), "{report}");
}

#[test]
fn events_of_another_topic_are_told_and_not_counted() {
    let url = serve(STREAM, faithful);
    let options = Options { topics: 5, rate: Some(500.0), ..options(url) };
    let report = run(&options, &mut Silent).unwrap();
    assert_eq!((report.lost, report.duplicated, report.out_of_order), (0, 0, 0), "{report}");
    assert_eq!(report.misdirected, report.received * 4, "this server sends everything to everyone");
}

#[test]
fn a_refused_subscription_says_why() {
    let url = serve("HTTP/1.1 401 Unauthorized\r\nContent-Length: 8\r\n\r\nno token", faithful);
    let error = run(&options(url), &mut Silent).unwrap_err();
    let Error::NoSubscriber { reason } = &error else { panic!("{error}") };
    assert!(reason.contains("401") && reason.contains("no token"), "{reason}");
}

#[test]
fn those_that_never_read_are_no_part_of_the_reckoning() {
    let url = serve(STREAM, faithful);
    let report = run(&Options { stalled: 3, ..options(url) }, &mut Silent).unwrap();
    assert_eq!(report.connected, 8);
    assert!(report.is_faultless(), "{report}");
    assert_eq!(report.received, report.published * 5);
}

#[test]
fn what_is_out_of_bounds_is_refused_before_anything_is_opened() {
    let url = "http://127.0.0.1:1/".to_owned();
    let refused = |options: Options| matches!(run(&options, &mut Silent), Err(Error::Option { .. }));
    assert!(refused(Options { topics: 0, ..options(url.clone()) }));
    assert!(refused(Options { topics: 2, topic: "one/for/all".into(), ..options(url.clone()) }));
    assert!(refused(Options { size: 10, ..options(url.clone()) }));
    assert!(refused(Options { rate: Some(f64::NAN), ..options(url.clone()) }));
    assert!(refused(Options { seconds: -1.0, ..options(url.clone()) }));
    let error = run(&Options { subscribers: 1_000_000, ..options(url) }, &mut Silent).unwrap_err();
    assert!(matches!(error, Error::Descriptors { needed: 1_000_033, .. }), "{error}");
}
