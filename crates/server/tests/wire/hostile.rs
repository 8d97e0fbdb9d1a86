//! Clients that do not speak HTTP, or not to the end. None of them disturbs another.

use std::{
    io::Write as _,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use crate::harness::{Client, FORM, Hub, Stream, Witness, get, post, request, until};

#[test]
fn what_is_no_http_is_refused_and_harms_nobody() {
    let hub = Hub::start();
    let mut witness = Witness::new(&hub);
    let zeros = [0u8; 1000];
    let tls = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    let noise: Vec<u8> = (0..200_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for bytes in [
        &b"hello\r\n\r\n"[..],
        b"\r\n\r\n\r\n\r\nnonsense\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: hub\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : hub\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST /.well-known/mercure HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST /.well-known/mercure HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /.well-known/mercure HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        tls,
        &zeros,
        &noise,
    ] {
        let mut client = hub.connect();
        // It may close before it has taken all.
        let _ = client.try_send(bytes);
        client.try_half_close();
        let (answer, _) = client.rest();
        let refused = answer.is_empty() || answer.starts_with(b"HTTP/1.1 4");
        assert!(refused, "{}", answer.escape_ascii());
    }
    witness.check();
}

#[test]
fn a_request_that_breaks_off_harms_nobody() {
    let hub = Hub::start();
    let mut witness = Witness::new(&hub);
    let requests = [get("?topic=a"), post(FORM, "topic=witness&data=forged")];
    for whole in requests {
        for cut in (0..whole.len()).step_by(7) {
            let mut client = hub.connect();
            client.send(&whole[..cut]);
            if cut % 2 == 0 {
                client.reset();
            }
        }
    }
    witness.check();
}

#[test]
fn a_head_that_does_not_come_to_its_end_is_waited_for_no_longer_than_allowed() {
    let hub = Hub::with(&["--limit-head-wait", "1s"]);
    let mut witness = Witness::new(&hub);
    let mut silent = hub.connect();
    let mut begun = hub.connect();
    begun.send("GET /.well-known/mercure?topic=a HTTP/1.1\r\nHost:");
    let mut kept = hub.connect();
    assert_eq!(kept.ask(post(FORM, "topic=a")).status, 200);
    let mut second = hub.connect();
    assert_eq!(second.ask(post(FORM, "topic=a")).status, 200);
    second.send("POST /.well-known");
    for client in [&mut silent, &mut begun, &mut kept, &mut second] {
        client.is_closed_unanswered();
    }
    // Those who drip are no better, and streams have no such deadline.
    let mut dripping = hub.connect();
    until("dripping ends", || {
        hub.publish("topic=a");
        dripping.try_send("x").err()
    });
    dripping.is_closed_unanswered();
    witness.check();
}

#[test]
fn what_follows_a_subscribe_request_is_dropped() {
    let hub = Hub::start();
    let mut witness = Witness::new(&hub);
    for behind in [get("?topic=b"), post(FORM, "topic=witness&data=smuggled"), "x".repeat(1000)] {
        let mut client = hub.connect();
        client.send(get("?topic=a") + &behind);
        let mut stream = Stream::open(client);
        hub.publish("topic=a&data=1");
        assert_eq!(stream.data(), "1");
        // Also when it comes later.
        stream.client.send(&behind);
        hub.publish("topic=a&data=2");
        assert_eq!(stream.data(), "2");
        witness.check();
    }
}

#[test]
fn what_came_before_a_subscribe_request_is_answered() {
    let hub = Hub::start();
    let mut client = hub.connect();
    let before: String = (0..20).map(|n| post(FORM, &format!("topic=b&id={n}"))).collect();
    client.send(before + &get("?topic=a") + "GET / HTTP/1.1\r\n\r\n");
    for n in 0..20 {
        assert_eq!(client.answer().id(), n.to_string());
    }
    let mut stream = Stream::open(client);
    hub.publish("topic=a&data=1");
    assert_eq!(stream.data(), "1");
}

#[test]
fn a_stream_whose_beginning_has_to_wait_for_its_reader_loses_nothing() {
    let hub = Hub::start();
    let mut client = Client::connect_narrow(hub.address());
    let before: Vec<_> = (0..2000).map(|n| post(FORM, &format!("topic=b&id={n}"))).collect();
    let all = before.concat() + &get("?topic=a");
    let mut writer = client.writer();
    let enough = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(move || writer.write_all(all.as_bytes()).unwrap());
        // The answers pile up, the hub cannot write any more; updates go on all the while.
        scope.spawn(|| {
            for n in (0..20_000).take_while(|_| !enough.load(Relaxed)) {
                hub.publish(&format!("topic=a&id={n}"));
            }
        });
        for n in 0..2000 {
            assert_eq!(client.answer().id(), n.to_string());
        }
        let mut stream = Stream::open(client);
        let first = stream.event();
        let first: u32 = first[4..].lines().next().unwrap().parse().unwrap();
        for n in first + 1..first + 100 {
            assert!(stream.event().starts_with(&format!("id: {n}\n")), "{n}, from {first}");
        }
        enough.store(true, Relaxed);
    });
}

#[test]
fn a_subscribe_request_may_have_a_body_that_nobody_reads() {
    let hub = Hub::start();
    let mut client = hub.connect();
    client.send(request("GET", "?topic=a", &[], "a body"));
    let mut stream = Stream::open(client);
    hub.publish("topic=a&data=1");
    assert_eq!(stream.data(), "1");
}

#[test]
fn who_sends_without_end_on_a_stream_loses_it() {
    let hub = Hub::start();
    let mut witness = Witness::new(&hub);
    let mut stream = hub.subscribe("?topic=a");
    stream.client.send("x".repeat(10_000));
    hub.publish("topic=a&data=1");
    assert_eq!(stream.data(), "1");
    while stream.client.try_send("x".repeat(10_000)).is_ok() {}
    witness.check();
}

#[test]
fn subscribers_that_leave_in_any_way_make_room() {
    let hub = Hub::with(&["--limit-connections", "10"]);
    let mut witness = Witness::new(&hub);
    for round in 0..60 {
        // The hub may not have noticed yet that the ones before have gone.
        let stream = until("there is room", || hub.try_subscribe("?topic=a"));
        match round % 3 {
            0 => drop(stream),
            1 => stream.client.reset(),
            // Half closed is gone: who listens keeps its side open.
            _ => {
                let mut client = stream.client;
                client.half_close();
                client.is_closed_unanswered();
            }
        }
    }
    until("there is room", || (hub.ask(post(FORM, "topic=a")).status == 200).then_some(()));
    witness.check();
}

#[test]
fn who_is_half_closed_before_the_stream_begins_is_gone() {
    let hub = Hub::with(&["--limit-connections", "10"]);
    for _ in 0..30 {
        let mut client = hub.connect();
        client.send(get("?topic=a"));
        client.half_close();
        let (answer, _) = client.rest();
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 200 OK"), "{}", answer.escape_ascii());
    }
    Witness::new(&hub).check();
}

#[test]
fn the_kernel_looks_after_connections_on_which_nothing_is_sent() {
    let hub = Hub::start();
    let mut client = hub.connect();
    assert_eq!(client.ask(post(FORM, "topic=a")).status, 200);
    // `sl local remote state queues timer:when …` (proc_net_tcp.txt): 2 is the timer for probes.
    let remote = format!(":{:04X}", client.local_port());
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let timers: Vec<_> = sockets
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| fields[2].ends_with(&remote) && fields[3] == "01")
        .map(|fields| fields[5][..2].to_owned())
        .collect();
    assert_eq!(timers, ["02"]);
}

#[test]
fn a_request_cut_into_bytes_is_a_request() {
    let hub = Hub::start();
    let mut client = hub.connect();
    for byte in get("?topic=a").as_bytes() {
        client.send([*byte]);
    }
    let mut stream = Stream::open(client);
    hub.publish("topic=a&data=1");
    assert_eq!(stream.data(), "1");
}
