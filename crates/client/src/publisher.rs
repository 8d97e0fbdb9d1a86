//! Publishing: one update with a safe retry, or a stream of them.

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use futures_core::Stream;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{ACCEPT, CONTENT_TYPE},
};
use reqwest::{Body, Response, Url};

use crate::{
    Error, LineAnswers, Update, backoff,
    error::from_network,
    http_client::{Http, Typed, refusal},
    hub_url,
    line_answers::Told,
    outside::{Machine, Outside},
    refusal::media_type,
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The wait before the second attempt; it doubles from there.
const RETRY: Duration = Duration::from_millis(200);
/// A `Retry-After` beyond this is the caller's to wait for: a publish should not hang for minutes unseen.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(1);
/// An id is some 30 bytes; one that a publisher chose is bounded by the hub.
const MAX_ID: usize = 64 * 1024;

/// Publishes to a hub that speaks the Mercure protocol.
///
/// ```no_run
/// # async fn example() -> Result<(), headwater_client::Error> {
/// use headwater_client::{Publisher, Update};
///
/// let publisher = Publisher::hub("http://localhost:3000").bearer_token("eyJ…").build()?;
/// let id = publisher.publish(&Update::new("/news/1").data("hello")).await?;
/// println!("published as {id}");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Publisher {
    url: Url,
    headers: HeaderMap,
    attempts: u32,
    timeout: Duration,
    http: Arc<Http>,
    outside: Arc<dyn Outside>,
}

/// Settings for a [`Publisher`]; made by [`Publisher::hub`].
#[must_use]
pub struct PublisherBuilder {
    url: String,
    headers: Typed,
    attempts: u32,
    timeout: Duration,
    system_proxy: bool,
}

impl PublisherBuilder {
    /// Sends this token as `Authorization: Bearer`.
    pub fn bearer_token(mut self, token: &str) -> Self {
        self.headers.bearer(token);
        self
    }

    /// Sends this header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(name, value);
        self
    }

    /// How often a publish is tried in all; 5 by default, some 3 s together. 1 is never again.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// How long to wait for an answer before the attempt counts as lost; 30 s by default.
    pub fn answer_within(mut self, time: Duration) -> Self {
        self.timeout = time.min(backoff::FOREVER);
        self
    }

    /// Uses the proxy that the system's settings and variables such as `HTTPS_PROXY` name. Off by default.
    pub fn system_proxy(mut self, yes: bool) -> Self {
        self.system_proxy = yes;
        self
    }

    /// Checks the settings. Nothing is sent.
    pub fn build(self) -> Result<Publisher, Error> {
        self.build_with(Arc::new(Machine))
    }

    pub(crate) fn build_with(self, outside: Arc<dyn Outside>) -> Result<Publisher, Error> {
        Ok(Publisher {
            url: hub_url(&self.url)?,
            headers: self.headers.parse()?,
            attempts: self.attempts,
            timeout: self.timeout,
            http: Arc::new(Http::new(self.system_proxy)),
            outside,
        })
    }
}

impl Publisher {
    /// A hub's URL; one without a path gets `/.well-known/mercure`.
    pub fn hub(url: &str) -> PublisherBuilder {
        PublisherBuilder {
            url: url.to_owned(),
            headers: Typed::default(),
            attempts: 5,
            timeout: Duration::from_secs(30),
            system_proxy: false,
        }
    }

    /// Publishes an update, and returns its id.
    ///
    /// What is lost on the way is sent again with the same `Idempotency-Key`, a new one for each call: Headwater
    /// publishes it once, also if it was the answer that was lost. (A hub that does not know the header may then
    /// publish it twice; if that is worse than not at all, set [`attempts`](PublisherBuilder::attempts) to 1.)
    ///
    /// # Errors
    /// The last attempt's. Only network failures, no answer, and statuses 429 and 502 to 504 are tried again.
    pub async fn publish(&self, update: &Update) -> Result<String, Error> {
        let form = Bytes::from(update.to_form());
        // A structured string, hence the quotes (draft-ietf-httpapi-idempotency-key-header, 2.1).
        let key = format!("\"{:032x}\"", self.outside.random());
        let key = HeaderValue::from_str(&key).expect("hexadecimal digits and quotes");
        let mut failures = 0;
        loop {
            let error = match self.attempt(form.clone(), key.clone()).await {
                Ok(id) => return Ok(id),
                Err(error) => error,
            };
            let at_least = match retry_after(&error) {
                Some(wait) if failures + 1 < self.attempts && wait <= MAX_RETRY_AFTER => wait,
                _ => return Err(error),
            };
            let delay = backoff::delay(RETRY, failures, at_least, self.outside.luck());
            failures += 1;
            self.outside.sleep(delay).await;
        }
    }

    async fn attempt(&self, form: Bytes, key: HeaderValue) -> Result<String, Error> {
        tokio::select! {
            biased;
            id = async {
                let answer = self.post("application/x-www-form-urlencoded", Some(key), form.into()).await?;
                read_id(answer).await
            } => id,
            () = self.outside.sleep(self.timeout) => Err(Error::Timeout(self.timeout)),
        }
    }

    /// Publishes a stream of updates: newline-delimited JSON, a line each, as [`Update::to_json`] makes them.
    ///
    /// The hub commits them in batches as they come. The answers are read while the body is sent, so neither
    /// side ever waits for the other; poll them to drive it. Dropping them ends the request; what was committed
    /// stays. A stream cannot be sent twice, so nothing is tried again: the answers tell how far it came.
    ///
    /// ```no_run
    /// # async fn example(lines: impl futures_core::Stream<Item = std::io::Result<bytes::Bytes>> + Send + 'static)
    /// # -> Result<(), headwater_client::Error> {
    /// use headwater_client::Publisher;
    ///
    /// let publisher = Publisher::hub("http://localhost:3000").bearer_token("eyJ…").build()?;
    /// let mut answers = publisher.publish_lines(lines);
    /// while let Some(answer) = answers.next().await {
    ///     match answer? {
    ///         Ok(id) => println!("{id}"),
    ///         Err(error) => eprintln!("{error}"), // of this line alone
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn publish_lines<S, E>(&self, body: S) -> LineAnswers
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>> + 'static,
    {
        let publisher = self.clone();
        let sent = Arc::default();
        let body = Body::wrap_stream(Told { body: Box::pin(body), over: Arc::clone(&sent) });
        let request = async move { publisher.post("application/x-ndjson", None, body).await };
        LineAnswers::new(Box::pin(request), sent)
    }

    /// The answer if it is a 200; a refusal with its reasons if not.
    async fn post(
        &self,
        kind: &'static str,
        key: Option<HeaderValue>,
        body: Body,
    ) -> Result<Response, Error> {
        let mut request = self
            .http
            .client(&self.url)?
            .post(self.url.clone())
            .headers(self.headers.clone())
            .header(ACCEPT, "*/*")
            .header(CONTENT_TYPE, kind)
            .body(body);
        if let Some(key) = key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        let answer = request.send().await.map_err(from_network)?;
        if answer.status().is_success() {
            Ok(answer)
        } else if answer.status().is_redirection() {
            Err(Error::Redirect("a publish does not follow redirects; use the URL that it leads to"))
        } else {
            Err(Error::Refused(refusal(answer, &*self.outside).await))
        }
    }
}

/// How long to wait at least before trying again; `None`: do not.
fn retry_after(error: &Error) -> Option<Duration> {
    match error {
        Error::Refused(refusal) => match refusal.status {
            429 | 502..=504 => Some(refusal.retry_after.unwrap_or_default()),
            _ => None, // a 500 is a fault that the same update would meet again
        },
        error => error.is_retryable().then_some(Duration::ZERO),
    }
}

async fn read_id(mut answer: Response) -> Result<String, Error> {
    const EXPECTED: &str = "text/plain";
    // Some page that answers a POST with 200 is not a hub, and its HTML is not an id.
    let found = media_type(answer.headers());
    if found.as_deref() != Some(EXPECTED) {
        return Err(Error::ContentType { expected: EXPECTED, found });
    }
    let mut id = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(from_network)? {
        if id.len() + chunk.len() > MAX_ID {
            return Err(Error::Answer("it is too long for an id"));
        }
        id.extend_from_slice(&chunk);
    }
    String::from_utf8(id).map_err(|_| Error::Answer("the id is not UTF-8"))
}

/// Without the headers and the URL: either may hold a token.
impl fmt::Debug for PublisherBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublisherBuilder").field("attempts", &self.attempts).finish_non_exhaustive()
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("attempts", &self.attempts).finish_non_exhaustive()
    }
}
