//! The requests of a bench, as bytes.

use std::net::{SocketAddr, ToSocketAddrs};

use form_urlencoded::byte_serialize;

use super::{Error, Options, Style, stamp::Stamp};

/// Where a URL points.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub address: SocketAddr,
    authority: String,
    path: String,
}

impl Target {
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let bad = |reason: &str| Error::Url { url: url.into(), reason: reason.into() };
        let uri: http::Uri = url.parse().map_err(|error: http::uri::InvalidUri| bad(&error.to_string()))?;
        if uri.scheme_str() != Some("http") {
            return Err(bad("it must begin with http:// (TLS would measure this machine's cipher)"));
        }
        let host = uri.host().ok_or_else(|| bad("it names no host"))?;
        let port = uri.port_u16().unwrap_or(80);
        let address = (host.trim_matches(['[', ']']), port)
            .to_socket_addrs()
            .map_err(|error| bad(&error.to_string()))?
            .next()
            .ok_or_else(|| bad("its host has no address"))?;
        let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let authority = if uri.port().is_some() { format!("{host}:{port}") } else { host.into() };
        Ok(Self { address, authority, path: path.into() })
    }
}

/// Writes requests in the style of the hub under test.
#[derive(Debug)]
pub(super) struct Requests {
    style: Style,
    topic: String,
    selector: String,
    authorization: String,
    /// Subscribers show it as well.
    known: bool,
    size: usize,
    subscribe: Target,
    publish: Target,
    batch: Target,
    scratch: Vec<u8>,
}

impl Requests {
    pub(super) fn new(options: &Options) -> Result<Self, Error> {
        let subscribe = Target::parse(&options.url)?;
        let (publish, batch) = match &options.style {
            Style::Mercure => (subscribe.clone(), subscribe.clone()),
            Style::Plain { publish, batch } => (Target::parse(publish)?, Target::parse(batch)?),
        };
        let authorization = match &options.token {
            Some(token) if token.bytes().any(|byte| !byte.is_ascii_graphic()) => {
                return Err(Error::Token);
            }
            Some(token) => format!("Authorization: Bearer {token}\r\n"),
            None => String::new(),
        };
        Ok(Self {
            style: options.style.clone(),
            topic: options.topic.clone(),
            selector: options.selector.clone().unwrap_or_else(|| options.topic.clone()),
            authorization,
            known: !options.anonymous,
            size: options.size,
            subscribe,
            publish,
            batch,
            scratch: Vec::new(),
        })
    }

    /// Where subscribers connect.
    pub(super) fn subscribe_address(&self) -> SocketAddr {
        self.subscribe.address
    }

    /// Where publishers connect, for single events or for batches.
    pub(super) fn publish_address(&self, batch: bool) -> SocketAddr {
        if batch { self.batch.address } else { self.publish.address }
    }

    /// A subscribe request for the topic numbered `topic`.
    pub(super) fn subscribe(&self, topic: usize) -> Vec<u8> {
        let Target { authority, path, .. } = &self.subscribe;
        let query = match self.style {
            Style::Plain { .. } => String::new(),
            Style::Mercure => {
                let selector = self.selector.replace("{index}", &topic.to_string());
                let separator = if path.contains('?') { '&' } else { '?' };
                format!("{separator}topic={}", byte_serialize(selector.as_bytes()).collect::<String>())
            }
        };
        let authorization = if self.known { &self.authorization } else { "" };
        format!(
            "GET {path}{query} HTTP/1.1\r\nHost: {authority}\r\nAccept: text/event-stream\r\n{authorization}\r\n"
        )
        .into_bytes()
    }

    /// Appends a request that publishes one event.
    pub(super) fn publish(&mut self, topic: usize, stamp: Stamp, out: &mut Vec<u8>) {
        self.scratch.clear();
        let kind = match self.style {
            Style::Plain { .. } => "text/plain",
            Style::Mercure => {
                self.scratch.extend_from_slice(b"topic=");
                let name = self.topic(topic, stamp.sequence);
                self.scratch.extend(byte_serialize(name.as_bytes()).flat_map(str::bytes));
                self.scratch.extend_from_slice(b"&data=");
                "application/x-www-form-urlencoded"
            }
        };
        stamp.write(self.size, &mut self.scratch);
        post(&self.publish, &self.authorization, kind, "", &self.scratch, out);
    }

    /// Appends one request that publishes `stamps` in order.
    pub(super) fn batch(&mut self, topic: usize, stamps: impl Iterator<Item = Stamp>, out: &mut Vec<u8>) {
        self.scratch.clear();
        for stamp in stamps {
            match self.style {
                Style::Plain { .. } => stamp.write(self.size, &mut self.scratch),
                Style::Mercure => {
                    let name = serde_json::Value::from(self.topic(topic, stamp.sequence));
                    self.scratch.extend_from_slice(format!("{{\"topic\":{name},\"data\":\"").as_bytes());
                    stamp.write(self.size, &mut self.scratch);
                    self.scratch.extend_from_slice(b"\"}");
                }
            }
            self.scratch.push(b'\n');
        }
        let kind = match self.style {
            Style::Plain { .. } => "text/plain",
            Style::Mercure => "application/x-ndjson",
        };
        post(&self.batch, &self.authorization, kind, "Prefer: return=minimal\r\n", &self.scratch, out);
    }

    fn topic(&self, topic: usize, sequence: u32) -> String {
        self.topic.replace("{index}", &topic.to_string()).replace("{sequence}", &sequence.to_string())
    }
}

fn post(target: &Target, authorization: &str, kind: &str, more: &str, body: &[u8], out: &mut Vec<u8>) {
    let Target { authority, path, .. } = target;
    let length = body.len();
    out.extend_from_slice(
        format!(
            "POST {path} HTTP/1.1\r\nHost: {authority}\r\n{authorization}{more}Content-Type: {kind}\r\n\
             Content-Length: {length}\r\n\r\n"
        )
        .as_bytes(),
    );
    out.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(options: Options) -> Requests {
        Requests::new(&Options { size: 0, ..options }).unwrap()
    }

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    const STAMP: Stamp = Stamp { run: 1, lane: 2, sequence: 3, nanos: 4 };
    const TEXT: &str = "~aaabaaacaaaaaaadaaaaaaaaaaaaaaae";

    #[test]
    fn a_mercure_publish_is_a_form_with_a_token() {
        let mut requests = requests(Options {
            url: "http://127.0.0.1:3000/.well-known/mercure".into(),
            token: Some("t.o.k".into()),
            topic: "a b/{index}/{sequence}".into(),
            ..Options::default()
        });
        let mut out = Vec::new();
        requests.publish(9, STAMP, &mut out);
        let body = format!("topic=a+b%2F9%2F3&data={TEXT}");
        assert_eq!(
            text(out),
            format!(
                "POST /.well-known/mercure HTTP/1.1\r\nHost: 127.0.0.1:3000\r\nAuthorization: Bearer t.o.k\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        );
    }

    #[test]
    fn a_mercure_batch_is_a_line_of_json_an_event() {
        let mut requests = requests(Options {
            url: "http://127.0.0.1:3000/hub".into(),
            topic: "say \"{index}\"".into(),
            ..Options::default()
        });
        let mut out = Vec::new();
        requests.batch(1, [STAMP, STAMP].into_iter(), &mut out);
        let line = format!("{{\"topic\":\"say \\\"1\\\"\",\"data\":\"{TEXT}\"}}\n");
        assert!(text(out).ends_with(&format!("\r\n\r\n{line}{line}")));
    }

    #[test]
    fn a_subscribe_adds_its_selector_to_the_query() {
        let subscribe = |url: &str| {
            let options =
                Options { url: url.into(), topic: "t/{index}/{+rest}".into(), ..Options::default() };
            text(requests(options).subscribe(5)).lines().next().map(str::to_owned)
        };
        assert_eq!(
            subscribe("http://127.0.0.1/hub?x=1").as_deref(),
            Some("GET /hub?x=1&topic=t%2F5%2F%7B%2Brest%7D HTTP/1.1")
        );
        assert_eq!(
            subscribe("http://127.0.0.1:80/hub").as_deref(),
            Some("GET /hub?topic=t%2F5%2F%7B%2Brest%7D HTTP/1.1")
        );
    }

    #[test]
    fn subscribers_show_the_token_unless_they_are_anonymous() {
        let shown = |anonymous| {
            let url = "http://127.0.0.1/hub".into();
            let options = Options { url, token: Some("t.o.k".into()), anonymous, ..Options::default() };
            text(requests(options).subscribe(0)).contains("\r\nAuthorization: Bearer t.o.k\r\n")
        };
        assert!(shown(false));
        assert!(!shown(true));
    }

    #[test]
    fn urls_that_cannot_be_driven_are_refused() {
        for url in ["https://127.0.0.1/", "127.0.0.1:3000", "/hub", "http://", "ftp://127.0.0.1/", ""] {
            assert!(matches!(Target::parse(url), Err(Error::Url { .. })), "{url}");
        }
        let v6 = Target::parse("http://[::1]:3000").unwrap();
        assert_eq!(
            (v6.address.to_string(), v6.authority, v6.path),
            ("[::1]:3000".into(), "[::1]:3000".into(), "/".into())
        );
    }

    #[test]
    fn a_token_cannot_smuggle_a_header() {
        let options = Options {
            url: "http://127.0.0.1/".into(),
            token: Some("a\r\nX: y".into()),
            ..Options::default()
        };
        assert!(matches!(Requests::new(&options), Err(Error::Token)));
    }
}
