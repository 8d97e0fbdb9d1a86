//! The stream itself: carries out what the state machine decides.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use futures_core::Stream;
use headwater_sse::{Decoder, EventId, Limits};
use http::{HeaderMap, HeaderName, StatusCode};
use reqwest::Url;

use crate::{
    Error, Gap, Item, Open, SourceBuilder,
    builder::add_query,
    error::from_network,
    http_client::{Http, header_value, refusal},
    item::GAP_TYPE,
    outside::{Outside, Sleep},
    reconnect::{Action, Event, Failure, Patience, Policy, State},
    refusal::media_type,
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const EVENT_STREAM: &str = "text/event-stream";

/// A stream of Server-Sent Events that reconnects and resumes by itself.
///
/// It is a [`Stream`]; [`next`](Source::next) needs no further crate. It sends nothing before it is polled, and
/// dropping it closes the connection. After a final error, or when the server is done with it (204), it yields
/// `None`.
///
/// ```no_run
/// # async fn example() -> Result<(), headwater_client::Error> {
/// use headwater_client::{Item, Source};
///
/// let mut source = Source::hub("https://example.com").topic("/news/{id}").bearer_token("eyJ…").build()?;
/// while let Some(item) = source.next().await {
///     match item? {
///         Item::Event(event) => println!("{} {}", event.event_type, event.data),
///         Item::Gap(gap) => eprintln!("lost what came after {:?}", gap.from),
///         Item::Reconnecting { error, delay } => eprintln!("{error}; again in {delay:?}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Source {
    request: Request,
    outside: Arc<dyn Outside>,
    state: State,
    decoder: Decoder,
    phase: Phase,
    /// The hub's answer told of a gap, and the stream has not yet: see [`Gap`].
    untold: Option<Gap>,
    /// The event that such a gap came before.
    held: Option<headwater_sse::Event>,
}

/// What every attempt sends.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) url: Url,
    pub(crate) is_hub: bool,
    /// May go to any origin that a redirect leads to.
    pub(crate) public: HeaderMap,
    /// What the caller gave.
    pub(crate) private: HeaderMap,
    pub(crate) http: Arc<Http>,
}

type Opening = Pin<Box<dyn Future<Output = Result<Opened, Error>> + Send>>;
type Body = Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>;

enum Opened {
    Stream(Open, Body),
    Dismissed,
}

enum Phase {
    New,
    Connecting { opening: Opening, timer: Sleep },
    Reading { body: Body, chunk: Bytes, timer: Option<Sleep> },
    Waiting { timer: Sleep },
    Ended,
}

impl Source {
    /// Events of a hub that speaks the Mercure protocol; a URL without a path gets `/.well-known/mercure`.
    pub fn hub(url: &str) -> SourceBuilder {
        SourceBuilder::new(url, true)
    }

    /// Events of any URL that serves `text/event-stream`.
    pub fn url(url: &str) -> SourceBuilder {
        SourceBuilder::new(url, false)
    }

    pub(crate) fn new(
        request: Request,
        policy: Policy,
        limits: Limits,
        last_event_id: &EventId,
        outside: Arc<dyn Outside>,
    ) -> Self {
        let decoder = Decoder::with_limits(limits).with_last_event_id(last_event_id);
        Self {
            request,
            outside,
            state: State::new(policy),
            decoder,
            phase: Phase::New,
            untold: None,
            held: None,
        }
    }

    /// The next item; `None` when it is over. Nothing is lost if the future is dropped before it is ready.
    pub async fn next(&mut self) -> Option<Result<Item, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The id that a reconnection would go on from: of the last event received, else the builder's.
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    fn tell(&mut self, event: Event) -> Action {
        self.state.on(event, self.outside.now())
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Connect { until } => {
                if let Phase::Connecting { timer, .. } = &mut self.phase {
                    *timer = self.outside.sleep_until(until);
                    return;
                }
                let opening = Box::pin(open(
                    self.request.clone(),
                    self.decoder.last_event_id().to_owned(),
                    self.outside.clone(),
                ));
                self.phase = Phase::Connecting { opening, timer: self.outside.sleep_until(until) };
            }
            Action::Wait { until, .. } => {
                self.phase = Phase::Waiting { timer: self.outside.sleep_until(until) };
            }
            Action::Read { until } => {
                if let Phase::Reading { timer, .. } = &mut self.phase {
                    *timer = until.map(|until| self.outside.sleep_until(until));
                }
            }
            Action::End | Action::Fail | Action::GiveUp(_) => self.phase = Phase::Ended,
        }
    }

    fn fail(&mut self, error: Error) -> Result<Item, Error> {
        let failure = failure(&error);
        let luck = self.outside.luck();
        let action = self.tell(Event::Failed { failure, luck });
        self.act(action);
        match action {
            Action::Wait { delay, .. } => Ok(Item::Reconnecting { error, delay }),
            _ => Err(error),
        }
    }

    /// When a timer has fired: mostly the deadline has moved on since it was set, and it is set again. It is not
    /// set at every read, which would cost an allocation each.
    fn elapsed(&mut self) -> Option<Result<Item, Error>> {
        match self.tell(Event::Elapsed) {
            Action::GiveUp(Patience::Answer(time)) => Some(self.fail(Error::Timeout(time))),
            Action::GiveUp(Patience::Silence(time)) => Some(self.fail(Error::Silence(time))),
            action => {
                self.act(action);
                None
            }
        }
    }

    fn opened(&mut self, open: Open, body: Body) -> Item {
        self.decoder.reset();
        self.untold = open.is_gap().then(|| Gap { from: Some(open.asked.clone()), to: None });
        self.phase = Phase::Reading { body, chunk: Bytes::new(), timer: None };
        let action = self.tell(Event::Opened);
        self.act(action);
        Item::Open(open)
    }

    /// The next item from the bytes at hand.
    fn decode(&mut self) -> Result<Option<Item>, Error> {
        let now = self.outside.now();
        let Phase::Reading { chunk, .. } = &mut self.phase else { return Ok(None) };
        while !chunk.is_empty() {
            let mut input = &chunk[..];
            let item = self.decoder.next(&mut input).map_err(Error::Decode)?;
            let rest = input.len();
            let event = match item {
                Some(headwater_sse::Item::Event(event)) => {
                    self.state.on(Event::Delivered, now);
                    Some(event.to_owned())
                }
                Some(headwater_sse::Item::Retry(retry)) => {
                    self.state.on(Event::Retry(retry.into()), now);
                    None
                }
                _ => None,
            };
            chunk.advance(chunk.len() - rest);
            if let Some(event) = event {
                return Ok(Some(self.yielded(event)));
            }
        }
        Ok(None)
    }

    fn yielded(&mut self, event: headwater_sse::Event) -> Item {
        let untold = self.untold.take();
        if self.request.is_hub && event.event_type == GAP_TYPE {
            return Item::Gap(Gap::from_event(&event.data)); // the same gap, told better
        }
        match untold {
            None => Item::Event(event),
            Some(gap) => {
                self.held = Some(event);
                Item::Gap(gap)
            }
        }
    }
}

impl Stream for Source {
    type Item = Result<Item, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(event) = this.held.take() {
            return Poll::Ready(Some(Ok(Item::Event(event))));
        }
        loop {
            match &mut this.phase {
                Phase::New => {
                    let action = this.tell(Event::Start);
                    this.act(action);
                }
                Phase::Connecting { opening, timer } => match opening.as_mut().poll(cx) {
                    Poll::Ready(Ok(Opened::Stream(open, body))) => {
                        return Poll::Ready(Some(Ok(this.opened(open, body))));
                    }
                    Poll::Ready(Ok(Opened::Dismissed)) => {
                        let action = this.tell(Event::Dismissed);
                        this.act(action);
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Some(this.fail(error))),
                    Poll::Pending => {
                        ready!(timer.as_mut().poll(cx));
                        if let Some(item) = this.elapsed() {
                            return Poll::Ready(Some(item));
                        }
                    }
                },
                Phase::Reading { chunk, .. } if !chunk.is_empty() => match this.decode() {
                    Ok(Some(item)) => return Poll::Ready(Some(Ok(item))),
                    Ok(None) => {}
                    Err(error) => return Poll::Ready(Some(this.fail(error))),
                },
                Phase::Reading { body, chunk, timer } => match body.as_mut().poll_next(cx) {
                    Poll::Ready(Some(Ok(bytes))) => {
                        *chunk = bytes;
                        this.tell(Event::Heard);
                    }
                    Poll::Ready(Some(Err(error))) => {
                        return Poll::Ready(Some(this.fail(from_network(error))));
                    }
                    Poll::Ready(None) => return Poll::Ready(Some(this.fail(Error::Closed))),
                    Poll::Pending => {
                        let Some(timer) = timer else { return Poll::Pending };
                        ready!(timer.as_mut().poll(cx));
                        if let Some(item) = this.elapsed() {
                            return Poll::Ready(Some(item));
                        }
                    }
                },
                Phase::Waiting { timer } => {
                    ready!(timer.as_mut().poll(cx));
                    if let Some(item) = this.elapsed() {
                        return Poll::Ready(Some(item));
                    }
                }
                Phase::Ended => return Poll::Ready(None),
            }
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("state", &self.state)
            .field("last_event_id", &self.last_event_id())
            .finish_non_exhaustive()
    }
}

fn failure(error: &Error) -> Failure {
    match error {
        Error::Refused(refusal) => Failure::Status { code: refusal.status, retry_after: refusal.retry_after },
        error if error.is_retryable() => Failure::Cut,
        _ => Failure::Lasting,
    }
}

async fn open(mut request: Request, asked: String, outside: Arc<dyn Outside>) -> Result<Opened, Error> {
    if !asked.is_empty() {
        match header_value(&asked).filter(|_| asked.trim() == asked) {
            Some(value) => _ = request.public.insert(LAST_EVENT_ID, value),
            // An id with a control character, or a space at an end, does not survive in a header. Hubs take it
            // from the query too.
            None if request.is_hub => {
                add_query(&mut request.url, [("lastEventID", asked.as_str())].into_iter());
            }
            None => return Err(Error::Header("the last event id".into())),
        }
    }
    let response = request.http.get(request.url, request.public, request.private).await?;
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NO_CONTENT => return Ok(Opened::Dismissed),
        _ => return Err(Error::Refused(refusal(response, &*outside).await)),
    }
    let found = media_type(response.headers());
    if found.as_deref() != Some(EVENT_STREAM) {
        return Err(Error::ContentType { expected: EVENT_STREAM, found });
    }
    let last_event_id = response
        .headers()
        .get(LAST_EVENT_ID)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    Ok(Opened::Stream(Open { asked, last_event_id }, Box::pin(response.bytes_stream())))
}
