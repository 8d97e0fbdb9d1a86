//! Which request goes where.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use headwater_hub::Hub;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
    request::Parts,
};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::sync::watch;

use crate::{
    auth::Authenticator,
    body::field::HUB_PATH,
    config::Limits,
    cors::Cors,
    demo::{self, Demo},
    handover::Handover,
    problem::Problem,
    publish, purge,
    response::{Body, whole},
    subscribe,
};

/// What all connections share.
pub(crate) struct App {
    pub(crate) hub: Hub,
    pub(crate) auth: Authenticator,
    pub(crate) cors: Cors,
    pub(crate) limits: Limits,
    /// What streams say of their heartbeats: the seconds between two; 0 where there are none.
    pub(crate) heartbeat: HeaderValue,
    pub(crate) ndjson: publish::Throttle,
    pub(crate) purging: purge::Turn,
    /// Present under `headwater dev`.
    pub(crate) demo: Option<Demo>,
    /// The hub is being shut down: nobody is to begin a stream.
    pub(crate) draining: AtomicBool,
    /// The same, for those who wait for it. The last field: once it is dropped, so is the hub, and history is closed.
    pub(crate) drain: watch::Receiver<bool>,
}

/// The request is to get no answer: its connection is closed.
#[derive(Debug)]
pub(crate) struct Unanswered;

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("closed without an answer")
    }
}

impl std::error::Error for Unanswered {}

const HUB_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, DELETE, OPTIONS");
const READ_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD");

/// Answers a request. `crowded`: there are more connections than allowed, and this one is only told so.
pub(crate) async fn answer(
    app: Arc<App>,
    request: Request<Incoming>,
    handover: Arc<Handover>,
    crowded: bool,
) -> Result<Response<Body>, Unanswered> {
    let (parts, body) = request.into_parts();
    if parts.uri.path() != HUB_PATH {
        return Ok(page(&app, &parts, body, crowded).await);
    }
    if let Some(preflight) = app.cors.preflight(&parts.method, &parts.headers) {
        return Ok(preflight);
    }
    let now = SystemTime::now();
    let mut response = match parts.method {
        Method::GET | Method::HEAD if crowded || app.draining.load(Ordering::Relaxed) => {
            return Err(Unanswered);
        }
        Method::GET | Method::HEAD => subscribe::subscribe(&app, &parts, &handover, now).await?,
        Method::POST | Method::DELETE if crowded => whole(too_many_connections().into_response()),
        Method::POST => publish::publish(&app, &parts, body, now).await,
        Method::DELETE => purge::purge(&app, &parts, now).await,
        // Not a page's question before its request, but someone's own.
        Method::OPTIONS => {
            let mut response = Response::new(Body::default());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response.headers_mut().insert(ALLOW, HUB_METHODS);
            response
        }
        _ => whole(method_not_allowed(&parts, HUB_METHODS).into_response()),
    };
    app.cors.decorate(&parts.headers, response.headers_mut());
    Ok(response)
}

fn too_many_connections() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "Too many connections",
        "The hub has as many connections as it admits. Try again in a few seconds; its operator can raise \
         `--limit-connections`.",
    )
    .with_header(RETRY_AFTER, HeaderValue::from_static("5"))
}

pub(crate) fn method_not_allowed(parts: &Parts, allowed: HeaderValue) -> Problem {
    let names = allowed.to_str().unwrap_or_default().to_owned();
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "Method not allowed",
        format!("{:.32} is not a method of this path. Use one of: {names}.", parts.method.as_str()),
    )
    .with_header(ALLOW, allowed)
}

/// Everything beside the hub's own path.
async fn page(app: &Arc<App>, parts: &Parts, body: Incoming, crowded: bool) -> Response<Body> {
    let path = parts.uri.path();
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    let response = match path {
        "/healthz" if reads => text(StatusCode::OK, "ok\n"),
        "/readyz" if reads && app.draining.load(Ordering::Relaxed) => {
            text(StatusCode::SERVICE_UNAVAILABLE, "draining\n")
        }
        "/readyz" if reads => text(StatusCode::OK, "ready\n"),
        "/healthz" | "/readyz" => method_not_allowed(parts, READ_METHODS).into_response(),
        _ => match &app.demo {
            Some(_) if crowded && !reads => too_many_connections().into_response(),
            Some(demo) => demo::answer(app, demo, parts, body).await.unwrap_or_else(|| not_found(path)),
            None => not_found(path),
        },
    };
    whole(response)
}

fn not_found(path: &str) -> Response<Full<bytes::Bytes>> {
    Problem::new(
        StatusCode::NOT_FOUND,
        "Not found",
        format!(
            "There is nothing at {}. Publish and subscribe at {HUB_PATH}.",
            // Quoted, so that whatever a stranger put there stays one line; and not at any length.
            serde_json::Value::from(path.chars().take(200).collect::<String>())
        ),
    )
    .into_response()
}

fn text(status: StatusCode, text: &'static str) -> Response<Full<bytes::Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
