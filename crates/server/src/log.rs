//! The log: one line an event on standard error, as text or JSON, without anything secret.
//!
//! Only this project's own crates are heard, as others may log what they please (a header, a URL with a token). And
//! whatever gets past that is looked through for tokens before it is written.

mod scrub;

use std::io;

use tracing::Subscriber;
use tracing_subscriber::{
    Layer as _,
    filter::{LevelFilter, Targets},
    fmt::{self, MakeWriter},
    layer::SubscriberExt as _,
    registry,
    util::SubscriberInitExt as _,
};

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    Json,
}

/// The least severity that is logged.
pub(crate) use tracing::Level;

/// Every target of ours starts with it: `headwater`, `headwater_hub`, ….
const OURS: &str = "headwater";

/// Starts the log on standard error. Does nothing if the program has one already.
pub(crate) fn start(format: Format, level: Level) {
    let _ = subscriber(format, level, io::stderr).try_init();
}

fn subscriber<W>(format: Format, level: Level, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let ours = Targets::new().with_target(OURS, LevelFilter::from_level(level));
    let writer = scrub::Scrubbing(writer);
    let layer = match format {
        Format::Text => fmt::layer().with_writer(writer).with_ansi(false).boxed(),
        Format::Json => fmt::layer().json().flatten_event(true).with_writer(writer).boxed(),
    };
    registry().with(layer.with_filter(ours))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{debug, info, subscriber::with_default, warn};

    use super::*;

    const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJtZXJjdXJlIjp7fX0.c2lnbmF0dXJlLXNpZ25hdHVyZQ";

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: Format, write: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        with_default(subscriber(format, Level::INFO, move || writer.clone()), write);
        String::from_utf8(page.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn each_event_is_a_line_of_its_form() {
        let text = logged(Format::Text, || info!(listen = "127.0.0.1:1", "ready"));
        assert!(
            text.contains("INFO") && text.contains("ready listen=\"127.0.0.1:1\"") && text.ends_with('\n')
        );

        let json = logged(Format::Json, || info!(listen = "127.0.0.1:1", "ready"));
        let line: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&line["message"], &line["listen"]), (&"ready".into(), &"127.0.0.1:1".into()));
    }

    #[test]
    fn only_our_own_crates_are_heard_and_only_what_matters() {
        let text = logged(Format::Text, || {
            warn!(target: "hyper::proto", "theirs");
            warn!(target: "headwater_hub::shard", "ours");
            debug!("detail");
        });
        assert!(text.contains("ours") && !text.contains("theirs") && !text.contains("detail"), "{text}");
    }

    #[test]
    fn no_token_is_written_in_either_form() {
        for format in [Format::Text, Format::Json] {
            let text = logged(format, || {
                warn!(uri = format!("/.well-known/mercure?topic=a&authorization={TOKEN}&x=1"), "refused");
                warn!("Cookie: mercureAuthorization={TOKEN}; other=1");
                warn!("Authorization: Bearer not-even-a-jwt");
            });
            assert_eq!(text.lines().count(), 3);
            for secret in ["eyJ", "c2lnbmF0", "not-even-a-jwt"] {
                assert!(!text.contains(secret), "{text}");
            }
            for kept in ["topic=a", "x=1", "other=1", "refused"] {
                assert!(text.contains(kept), "{text}");
            }
        }
    }
}
