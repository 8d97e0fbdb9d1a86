//! The URL of a hub, as people type it.

use reqwest::Url;

use crate::Error;

/// Where a hub listens by the Mercure protocol.
const WELL_KNOWN: &str = "/.well-known/mercure";

/// The hub's URL: what was given, with `/.well-known/mercure` where there is no path.
///
/// ```
/// use headwater_client::hub_url;
/// assert_eq!(hub_url("http://localhost:3000")?.as_str(), "http://localhost:3000/.well-known/mercure");
/// assert_eq!(hub_url("https://example.com/hub")?.as_str(), "https://example.com/hub");
/// assert!(hub_url("localhost:3000").is_err());
/// # Ok::<(), headwater_client::Error>(())
/// ```
pub fn hub_url(url: &str) -> Result<Url, Error> {
    let mut url = parse(url)?;
    if url.path() == "/" {
        url.set_path(WELL_KNOWN);
    }
    Ok(url)
}

pub(crate) fn parse(url: &str) -> Result<Url, Error> {
    if !url.contains("://") {
        return Err(Error::Url("it must start with http:// or https://".into()));
    }
    let url = Url::parse(url).map_err(|error| Error::Url(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Error::Url(format!(
            "it starts with {}://, and must with http:// or https://",
            url.scheme()
        )));
    }
    Ok(url)
}
