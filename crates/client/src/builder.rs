//! The settings of a source.

use std::{fmt, sync::Arc, time::Duration};

use headwater_sse::{EventId, Limits};
use http::{
    HeaderMap,
    header::{ACCEPT, CACHE_CONTROL, HeaderValue},
};
use reqwest::Url;

use crate::{
    Error, Source,
    backoff::FOREVER,
    http_client::{Http, Typed},
    hub_url,
    outside::{Machine, Outside},
    reconnect::Policy,
};

/// The reconnection time until the server gives one. Browsers take 3 to 5 s and keep it; here attempts that fail
/// back off from it, so a start at 1 s is no rush.
const RETRY: Duration = Duration::from_secs(1);
/// Connecting, redirects and the answer's head. A hub answers at once: only a dead host takes so long.
const ANSWER: Duration = Duration::from_secs(30);
/// Hubs send a comment every 15 s (Headwater) or 40 s (the reference hub): silence beyond both is a dead one.
const SILENCE: Duration = Duration::from_mins(1);

/// Settings for a [`Source`]; made by [`Source::hub`] or [`Source::url`].
#[must_use]
pub struct SourceBuilder {
    url: String,
    is_hub: bool,
    topics: Vec<String>,
    headers: Typed,
    last_event_id: String,
    gaps: bool,
    system_proxy: bool,
    limits: Limits,
    policy: Policy,
}

/// Without the headers and the URL: either may hold a token.
impl fmt::Debug for SourceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceBuilder")
            .field("topics", &self.topics)
            .field("last_event_id", &self.last_event_id)
            .finish_non_exhaustive()
    }
}

impl SourceBuilder {
    pub(crate) fn new(url: &str, is_hub: bool) -> Self {
        Self {
            url: url.to_owned(),
            is_hub,
            topics: Vec::new(),
            headers: Typed::default(),
            last_event_id: String::new(),
            gaps: is_hub,
            system_proxy: false,
            limits: Limits::default(),
            policy: Policy {
                strict: false,
                answer: ANSWER,
                silence: is_hub.then_some(SILENCE),
                retry: RETRY,
            },
        }
    }

    /// Adds a topic, or a selector of topics (`*`, or a URI template), to the URL's query.
    pub fn topic(mut self, selector: &str) -> Self {
        self.topics.push(selector.to_owned());
        self
    }

    /// Sends this token as `Authorization: Bearer`, to this origin only.
    pub fn bearer_token(mut self, token: &str) -> Self {
        self.headers.bearer(token);
        self
    }

    /// Sends this header, to this origin only: a redirect that leads elsewhere goes without it.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(name, value);
        self
    }

    /// Goes on after this event; with a hub, `earliest` asks for all that it holds.
    pub fn last_event_id(mut self, id: &str) -> Self {
        id.clone_into(&mut self.last_event_id);
        self
    }

    /// As a browser's `EventSource`: every status but 200 is final. Without it, 429 and 5xx are tried again,
    /// after `Retry-After` where the server sends it.
    pub fn strict(mut self) -> Self {
        self.policy.strict = true;
        self
    }

    /// Takes the stream for dead, and reconnects, when not even a heartbeat came for so long. 60 s for a
    /// [hub](Source::hub), which sends heartbeats; never (`None`) for another [URL](Source::url), which may not.
    pub fn silence(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.policy.silence = limit.into().map(|limit| limit.min(FOREVER));
        self
    }

    /// The reconnection time until the server sets one with a `retry` field: 1 s by default.
    pub fn reconnection_time(mut self, time: Duration) -> Self {
        self.policy.retry = time;
        self
    }

    /// How long connecting may take until the answer is there: 30 s by default.
    pub fn answer_within(mut self, time: Duration) -> Self {
        self.policy.answer = time.min(FOREVER);
        self
    }

    /// Whether to ask a hub to tell of gaps within the stream (`include=gap`): on for a [hub](Source::hub), which
    /// ignores it if it does not know it.
    pub fn ask_for_gaps(mut self, ask: bool) -> Self {
        self.gaps = ask;
        self
    }

    /// How large a line, an event and an id may be.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Uses the proxy that the system's settings and variables such as `HTTPS_PROXY` name. Off by default: a
    /// library that reads the environment behind its user's back surprises.
    pub fn system_proxy(mut self, yes: bool) -> Self {
        self.system_proxy = yes;
        self
    }

    /// Checks the settings. Nothing is sent before the first item is asked for.
    pub fn build(self) -> Result<Source, Error> {
        self.build_with(Arc::new(Machine))
    }

    pub(crate) fn build_with(self, outside: Arc<dyn Outside>) -> Result<Source, Error> {
        let mut url = if self.is_hub { hub_url(&self.url)? } else { hub_url::parse(&self.url)? };
        let query = self.topics.iter().map(|topic| ("topic", topic.as_str()));
        let query = query.chain(self.gaps.then_some(("include", "gap")));
        add_query(&mut url, query);
        let last_event_id = EventId::new(&self.last_event_id)
            .map_err(|error| Error::Header(format!("the last event id ({error})")))?;
        let mut public = HeaderMap::new();
        public.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        public.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let request = crate::source::Request {
            url,
            is_hub: self.is_hub,
            public,
            private: self.headers.parse()?,
            http: Arc::new(Http::new(self.system_proxy)),
        };
        Ok(Source::new(request, self.policy, self.limits, &last_event_id, outside))
    }
}

/// Appends to the query, if there is anything to append: an empty `?` would change the URL.
pub(crate) fn add_query<'a>(url: &mut Url, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
    let mut pairs = pairs.peekable();
    if pairs.peek().is_some() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
}
