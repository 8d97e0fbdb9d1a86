//! `DELETE /.well-known/mercure?topic=…`: forgets what a topic holds, for good.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use headwater_hub::{PublishError, Topic};
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER},
    request::Parts,
};
use http_body_util::Full;
use tokio::sync::Semaphore;

use crate::{
    app::App,
    problem::Problem,
    publish::unavailable,
    response::{Body, whole},
};

/// Lets one purge work at a time: each may read and overwrite much of the disk, and holds a thread while it does.
#[derive(Clone, Debug)]
pub(crate) struct Turn(Arc<Semaphore>);

impl Default for Turn {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

/// Answers a purge request.
pub(crate) async fn purge(app: &Arc<App>, parts: &Parts, now: SystemTime) -> Response<Body> {
    let purged = match topics(app, parts, now) {
        Ok(topics) => forget(app, topics).await,
        Err(problem) => Err(problem),
    };
    whole(purged.map_or_else(Problem::into_response, response))
}

/// The topics, if who asks may publish to every one of them: what is not granted leaves the others as they are too.
fn topics(app: &App, parts: &Parts, now: SystemTime) -> Result<Vec<Topic>, Problem> {
    let access = app.auth.publisher(&parts.headers, parts.uri.query(), now)?;
    let query = parts.uri.query().unwrap_or_default();
    let given = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "topic");
    let topics = given.map(|(_, text)| Topic::new(text)).collect::<Result<Vec<_>, _>>().map_err(|error| {
        Problem::bad_request(
            "Bad topic",
            format!("In the query: {error}. Name each topic as it was published to."),
        )
    })?;
    let max = app.limits.topics;
    if topics.is_empty() {
        return Err(Problem::bad_request(
            "No topic",
            "Say what to purge: add at least one `topic` parameter to the URL, such as `?topic=/users/7`. Each is one \
             exact topic, also where it looks like a template.",
        ));
    }
    if topics.len() > max {
        return Err(Problem::bad_request(
            "Too many topics",
            format!("A purge may name {max} topics here. Send several, or raise `--limit-topics`."),
        ));
    }
    access.may_publish(&topics)?;
    Ok(topics)
}

/// Purges them one by one; answers how many updates that took away.
async fn forget(app: &Arc<App>, topics: Vec<Topic>) -> Result<u64, Problem> {
    let turn = app.purging.0.clone().acquire_owned().await.expect("it is never closed");
    let hub = app.clone();
    let work = move || {
        // Held here, as the work goes on when who asked for it is gone.
        let _turn = turn;
        let (mut updates, count) = (0, topics.len());
        for topic in topics {
            updates += hub.hub.purge(&topic)?.updates;
        }
        // Without their names: whose data it was is nobody's business any more.
        tracing::info!(topics = count, updates, "purged");
        Ok(updates)
    };
    // It fails only where the whole runtime ends.
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(PublishError::Closed)).map_err(problem)
}

fn problem(error: PublishError) -> Problem {
    match error {
        PublishError::Unavailable => unavailable(),
        _ => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Shutting down",
            "The hub is being stopped, and may not have purged all of it. Send the request again in a moment.",
        )
        .with_header(RETRY_AFTER, HeaderValue::from_static("1")),
    }
}

fn response(updates: u64) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(serde_json::json!({ "purged": updates }).to_string()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
