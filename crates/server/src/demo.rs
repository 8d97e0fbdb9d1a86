//! The demo of `headwater dev`: this machine's own load as updates, and the page that draws it.
//!
//! The readings take the way that everyone's updates take: [`run`] is handed whatever publishes, and knows no more of
//! the hub. The page is in the binary (a debug build reads it from `web/demo` at each request, so that it can be edited
//! while the hub runs).

use std::{
    convert::Infallible,
    net::IpAddr,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use headwater_hub::{Topic, Update};
use http::{HeaderValue, Response, StatusCode, header, uri::Authority};
use http_body_util::Full;
use rust_embed::{EmbeddedFile, RustEmbed};
use serde::Serialize;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, Networks, RefreshKind, System};
use tokio::time::MissedTickBehavior;

/// The topic of the machine's readings.
pub(crate) const SYSTEM_TOPIC: &str = "/demo/system";

/// For so long they are retained: about as many as the page keeps. Who opens it after a week must not get a week of them.
pub(crate) const RETAINED: Duration = Duration::from_mins(15);

/// How often the machine is looked at.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

/// The page loads its own files and talks to its own hub, nothing else; no code stands inline, so none can be injected.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Discovery, as the protocol has publishers do it.
const LINK: &str = "</.well-known/mercure>; rel=\"mercure\"";

/// Publishes a [`Reading`] of this machine each second, as long as it is polled.
///
/// What becomes of an update is the closure's business: a publish that fails is one reading less. Ends only where the
/// machine does not let itself be read.
pub(crate) async fn run<F, P>(publish: F) -> Result<Infallible, sysinfo::Error>
where
    F: Fn(Update) -> P,
    P: Future<Output = ()>,
{
    let topic = Topic::new(SYSTEM_TOPIC).expect("it is neither empty nor has it control characters");
    let mut machine = Machine::new()?;
    let mut ticks = tokio::time::interval(INTERVAL);
    // After the machine slept there is nothing to make up for: one reading says how it is now.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is at once, and there is no CPU time to compare with yet.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        publish(Update::new(topic.clone(), machine.sample())).await;
    }
}

/// What one update says of this machine.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(crate) struct Reading {
    /// When this run began to look, in milliseconds since 1970: `seq` counts from 1 in each.
    pub(crate) run: u64,
    /// Counts the readings of the run, so that one that is missing or came twice is seen.
    pub(crate) seq: u64,
    /// When it was taken, in milliseconds since 1970.
    pub(crate) time: u64,
    /// How busy the processor was since the reading before.
    pub(crate) cpu: Cpu,
    /// The memory.
    pub(crate) memory: Memory,
    /// The load averages of 1, 5 and 15 minutes.
    pub(crate) load: [f64; 3],
    /// All interfaces but the loopback.
    pub(crate) network: Network,
}

/// Percent of the time, 0 to 100.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(crate) struct Cpu {
    /// Of all cores together.
    pub(crate) total: f64,
    /// Of each core.
    pub(crate) cores: Vec<f64>,
}

/// Bytes.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(crate) struct Memory {
    /// What programs hold; what the kernel would give up at once (its caches) does not count.
    pub(crate) used: u64,
    /// What the machine has.
    pub(crate) total: u64,
}

/// Bytes a second.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(crate) struct Network {
    /// Came in.
    pub(crate) received: u64,
    /// Went out.
    pub(crate) sent: u64,
}

/// This machine, and what it was like at the last look: rates need two.
#[derive(Debug)]
pub(crate) struct Machine {
    system: System,
    networks: Networks,
    run: u64,
    seq: u64,
    looked: Instant,
}

impl Machine {
    /// Looks for the first time.
    pub(crate) fn new() -> Result<Self, sysinfo::Error> {
        let cpu = CpuRefreshKind::nothing().with_usage();
        let memory = MemoryRefreshKind::nothing().with_ram();
        Ok(Self {
            system: System::new_with_specifics(RefreshKind::nothing().with_cpu(cpu).with_memory(memory))?,
            networks: Networks::new_with_refreshed_list()?,
            run: unix_millis(),
            seq: 0,
            looked: Instant::now(),
        })
    }

    /// Looks again, and says what is new as JSON: a [`Reading`].
    pub(crate) fn sample(&mut self) -> String {
        serde_json::to_string(&self.read()).expect("numbers and lists of them are JSON")
    }

    /// Reads a few files of `/proc`: well under a millisecond, so it may stand in an async task.
    fn read(&mut self) -> Reading {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        self.networks.refresh(true);
        let elapsed = self.looked.elapsed().as_secs_f64().max(0.001);
        self.looked = Instant::now();
        self.seq += 1;

        let (mut received, mut sent) = (0, 0);
        for (name, data) in &self.networks {
            if !matches!(name.to_str(), Some("lo" | "lo0")) {
                received += data.received();
                sent += data.transmitted();
            }
        }
        // Not every system has it.
        let load = System::load_average().map_or([0.0; 3], |load| [load.one, load.five, load.fifteen]);
        Reading {
            run: self.run,
            seq: self.seq,
            time: unix_millis(),
            cpu: Cpu {
                total: percent(self.system.global_cpu_usage()),
                cores: self.system.cpus().iter().map(|core| percent(core.usage())).collect(),
            },
            memory: Memory { used: self.system.used_memory(), total: self.system.total_memory() },
            load,
            network: Network {
                received: (received as f64 / elapsed) as u64,
                sent: (sent as f64 / elapsed) as u64,
            },
        }
    }
}

/// One decimal: what comes after it is noise, and would be most of the event.
fn percent(usage: f32) -> f64 {
    let usage = if usage.is_finite() { f64::from(usage).clamp(0.0, 100.0) } else { 0.0 };
    (usage * 10.0).round() / 10.0
}

fn unix_millis() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// The files of the page, by their name.
#[derive(RustEmbed)]
#[folder = "../../web/demo/"]
struct Files;

/// The file at this path of the demo (`/` is the page itself, its parts are below `/demo/`), or none.
///
/// With the request's `If-None-Match`, a file that the browser has already is answered with 304.
pub(crate) fn page(path: &str, if_none_match: Option<&HeaderValue>) -> Option<Response<Full<Bytes>>> {
    let name = if path == "/" { "index.html" } else { path.strip_prefix("/demo/")? };
    let content_type = content_type(name)?;
    let file = Files::get(name)?;
    let etag = etag(&file);
    let known = if_none_match.is_some_and(|known| lists(known, &etag));

    let mut response =
        Response::new(if known { Full::default() } else { Full::new(file.data.into_owned().into()) });
    *response.status_mut() = if known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::ETAG, etag);
    // Kept, and asked for again each time: a newer binary may have a newer page.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(header::LINK, HeaderValue::from_static(LINK));
    Some(response)
}

/// Whether a host, with or without its port, is an IP address or `localhost`. A domain may be anyone's, who could point
/// it here for a moment (DNS rebinding) to have their page read what this one does.
pub(crate) fn is_no_domain(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let host = authority.host();
    host.eq_ignore_ascii_case("localhost") || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

/// What `/demo/config.json` answers: where the hub is (a path will do) and a token that may publish to it.
///
/// Only `headwater dev` serves it, whose keys live as long as the process.
pub(crate) fn config_json(hub_url: &str, publisher_token: &str) -> Response<Full<Bytes>> {
    let config = serde_json::json!({ "hub": hub_url, "token": publisher_token });
    let mut response = Response::new(Full::new(config.to_string().into()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Only what is listed here is served.
fn content_type(name: &str) -> Option<&'static str> {
    Some(match name.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    })
}

/// Half of the content's SHA-256, quoted.
fn etag(file: &EmbeddedFile) -> HeaderValue {
    let half = file.metadata.sha256_hash().first_chunk().copied().map_or(0, u128::from_be_bytes);
    HeaderValue::try_from(format!("\"{half:032x}\""))
        .expect("hexadecimal digits in quotes are a header's value")
}

/// Whether an `If-None-Match` names the tag (RFC 9110, section 13.1.2: a list, compared weakly, or `*`).
fn lists(if_none_match: &HeaderValue, etag: &HeaderValue) -> bool {
    if_none_match.as_bytes().split(|byte| *byte == b',').any(|tag| {
        let tag = tag.trim_ascii();
        tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_told_from_an_address() {
        for own in ["localhost", "LocalHost:3000", "127.0.0.1:3000", "192.168.1.7", "[::1]:3000", "[::1]"] {
            assert!(is_no_domain(own), "{own}");
        }
        for other in
            ["example.com", "example.com:3000", "127.0.0.1.example.com", "localhost.example.com", "", "a b"]
        {
            assert!(!is_no_domain(other), "{other}");
        }
    }

    #[test]
    fn readings_count_up_within_a_run_and_stay_in_bounds() {
        let mut machine = Machine::new().expect("a machine that can be read");
        let readings: Vec<Reading> =
            (0..3).map(|_| serde_json::from_str(&machine.sample()).expect("a reading")).collect();
        assert_eq!(readings.iter().map(|reading| reading.seq).collect::<Vec<_>>(), [1, 2, 3]);
        for reading in &readings {
            assert_eq!(reading.run, readings[0].run);
            assert!(!reading.cpu.cores.is_empty());
            for usage in reading.cpu.cores.iter().chain([&reading.cpu.total]) {
                assert!((0.0..=100.0).contains(usage), "{usage}");
            }
            assert!(0 < reading.memory.used && reading.memory.used <= reading.memory.total);
        }
    }

    #[test]
    fn percentages_are_short_and_finite() {
        let shown = [12.345, -1.0, 130.0, f32::NAN].map(|usage| percent(usage).to_string());
        assert_eq!(shown, ["12.3", "0", "100", "0"]);
    }

    #[tokio::test(start_paused = true)]
    async fn publishes_one_reading_a_second_to_the_topic() {
        let (sender, mut updates) = tokio::sync::mpsc::channel(8);
        let publish = |update: Update| {
            let sender = sender.clone();
            async move { sender.send((tokio::time::Instant::now(), update)).await.expect("the test listens") }
        };
        let seen = async {
            let mut times = Vec::new();
            for seq in 1..=3 {
                let (at, update): (_, Update) = updates.recv().await.expect("a reading");
                assert_eq!(update.topics, [Topic::new(SYSTEM_TOPIC).expect("a topic")]);
                let reading: Reading = serde_json::from_str(&update.data).expect("a reading");
                assert_eq!(reading.seq, seq);
                times.push(at);
            }
            times
        };
        let times =
            tokio::select! { times = seen => times, result = run(publish) => panic!("it ended: {result:?}") };
        assert_eq!([times[1] - times[0], times[2] - times[1]], [INTERVAL, INTERVAL]);
    }

    #[test]
    fn serves_every_file_that_the_page_is_made_of() {
        for name in Files::iter() {
            let path = if name == "index.html" { "/".to_owned() } else { format!("/demo/{name}") };
            let response = page(&path, None).unwrap_or_else(|| panic!("{name} has no content type"));
            assert_eq!(response.status(), StatusCode::OK, "{name}");
            assert_eq!(
                response.headers()[header::CONTENT_SECURITY_POLICY],
                CONTENT_SECURITY_POLICY,
                "{name}"
            );
        }
        assert_eq!(page("/", None).expect("the page").headers()[header::LINK], LINK);
    }

    #[test]
    fn serves_nothing_beside_them() {
        for path in ["", "/index.html", "/demo/", "/demo/../package.json", "/demo//etc/passwd", "/demo/main"]
        {
            assert!(page(path, None).is_none(), "{path}");
        }
    }

    #[test]
    fn answers_304_to_who_has_the_file() {
        let etag = page("/demo/main.js", None).expect("a file").headers()[header::ETAG].clone();
        let tag = etag.to_str().expect("ASCII");
        for known in [tag.to_owned(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let header = HeaderValue::try_from(&known).expect("a value");
            let status = page("/demo/main.js", Some(&header)).expect("a file").status();
            assert_eq!(status, StatusCode::NOT_MODIFIED, "{known}");
        }
        let other = HeaderValue::from_static("\"other\"");
        assert_eq!(page("/demo/main.js", Some(&other)).expect("a file").status(), StatusCode::OK);
    }
}
