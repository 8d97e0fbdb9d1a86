//! Where the demo meets the hub. The rest of it is handed whatever publishes, and knows no more of that.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use headwater_hub::{Hub, Selector, Since, Submission, Subscribe, Update};
use http::{Method, Response, header::IF_NONE_MATCH, request::Parts};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::{
    Demo, answers::Answer, endpoints::Endpoint, files, news, news::Newsroom, system, ticker,
    ticker::Exchange, unix_millis,
};
use crate::{app::App, problem::Problem};

/// A disk that takes longer to find a line is not to hold up all feeds.
const LOOK_AT_NEWS: Duration = Duration::from_secs(10);

/// Answers what the demo has an answer to.
pub(crate) async fn answer(
    app: &Arc<App>,
    demo: &Demo,
    parts: &Parts,
    body: Incoming,
) -> Option<Response<Full<Bytes>>> {
    if let Some(endpoint) = Endpoint::at(parts.uri.path()) {
        let answered = endpoint.answer(demo, parts, body).await;
        return Some(answered.map_or_else(Problem::into_response, |(response, to_write)| {
            if let Some(answer) = to_write {
                tokio::spawn(write(app.clone(), answer));
            }
            response
        }));
    }
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    if reads { files::answer(&parts.uri, parts.headers.get(IF_NONE_MATCH)) } else { None }
}

/// Publishes an answer to its end, or the hub's.
async fn write(app: Arc<App>, answer: Answer) {
    let press = Press::new(&app);
    let mut drain = app.drain.clone();
    let stopped = async { drop(drain.wait_for(|stopped| *stopped).await) };
    tokio::select! {
        () = stopped => {}
        () = answer.write(|updates| press.publish(updates)) => {}
    }
}

/// Publishes all feeds, as long as it is polled.
pub(crate) async fn run(app: Arc<App>) {
    let Some(demo) = &app.demo else { return };
    let press = Press::new(&app);
    let publish = |updates| press.publish(updates);

    let mut newsroom = Newsroom::new(demo.random());
    // Before anything else is published: so whoever sees a reading knows that the news are there.
    if !has_news(&app.hub).await {
        publish(newsroom.backlog(unix_millis())).await;
    }
    let system = async {
        let Err(error) = system::run(publish).await;
        tracing::warn!(%error, "this machine does not let its load be read; the dashboard stays empty");
    };
    let news = news::run(newsroom, unix_millis, publish);
    let ticker = ticker::run(Exchange::new(demo.random()), demo.wish.watch(), unix_millis, publish);
    tokio::join!(system, news, ticker);
}

/// Whether history holds news. If it cannot tell, there may be.
async fn has_news(hub: &Hub) -> bool {
    let all = Subscribe::to([Selector::new(news::TOPICS)]).since(Since::Earliest).with_cursors();
    let Ok(subscriber) = hub.subscribe(all) else { return true };
    let mut frames = hub.attach_stream(subscriber);
    let look = async {
        // The stream tells where it stands twice: at its beginning, and where what is retained has ended.
        let mut positions = 0;
        while let Some(frame) = frames.next().await {
            if frame.is_position() {
                positions += 1;
            } else if frame.id().is_some() {
                return true;
            }
            if positions == 2 {
                return false;
            }
        }
        true
    };
    timeout(LOOK_AT_NEWS, look).await.unwrap_or(true)
}

/// Publishes as any publisher does.
struct Press<'a> {
    hub: &'a Hub,
    /// Told once, not with each price.
    failing: AtomicBool,
}

impl<'a> Press<'a> {
    fn new(app: &'a App) -> Self {
        Self { hub: &app.hub, failing: AtomicBool::new(false) }
    }

    async fn publish(&self, updates: Vec<Update>) {
        match self.hub.publish(Submission::new(updates)).await {
            Ok(_) => self.failing.store(false, Ordering::Relaxed),
            Err(error) if !self.failing.swap(true, Ordering::Relaxed) => {
                tracing::warn!(%error, "what the demo had to say was not published; it goes on trying");
            }
            Err(_) => {}
        }
    }
}
