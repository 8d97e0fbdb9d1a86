//! Requests: which client, which headers, which redirects; what answers that are not wanted say.

use std::sync::OnceLock;

use http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use reqwest::{Client, Response, Url};

use crate::{
    Error, Refusal,
    error::from_network,
    outside::Outside,
    redirect::{self, MAX_HOPS},
    refusal::MAX_BODY,
    retry_after::retry_after,
};

/// The HTTP clients, each made when it is first needed.
///
/// Loading the system's certificates takes some 10 ms, and fails on machines that have none: that must not
/// keep anyone from a hub at `http://localhost`. So there is one client that knows them, and one for plain HTTP.
#[derive(Debug, Default)]
pub(crate) struct Http {
    system_proxy: bool,
    plain: OnceLock<Client>,
    tls: OnceLock<Client>,
}

impl Http {
    pub(crate) fn new(system_proxy: bool) -> Self {
        Self { system_proxy, ..Self::default() }
    }

    pub(crate) fn client(&self, url: &Url) -> Result<&Client, Error> {
        let plain = url.scheme() == "http";
        let slot = if plain { &self.plain } else { &self.tls };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let mut builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none()) // followed here: see `redirect::Hop`
            .user_agent(concat!("headwater-client/", env!("CARGO_PKG_VERSION")));
        if !self.system_proxy {
            builder = builder.no_proxy();
        }
        if plain {
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(Error::Tls)?;
        Ok(slot.get_or_init(|| client))
    }

    /// A GET that follows redirects. `private` headers, which may hold credentials, stay with the origin of `url`.
    pub(crate) async fn get(
        &self,
        mut url: Url,
        public: HeaderMap,
        private: HeaderMap,
    ) -> Result<Response, Error> {
        let mut headers = public.clone();
        headers.extend(private);
        for _ in 0..=MAX_HOPS {
            let response = self
                .client(&url)?
                .get(url.clone())
                .headers(headers.clone())
                .send()
                .await
                .map_err(from_network)?;
            match redirect::hop(&url, response.status(), response.headers()).map_err(Error::Redirect)? {
                None => return Ok(response),
                Some(hop) => {
                    if !hop.same_origin {
                        headers.clone_from(&public); // for good: also when the next hop leads back
                    }
                    url = hop.url;
                }
            }
        }
        Err(Error::Redirect("it redirects too often: 20 times in a row"))
    }
}

/// Reads the body of an answer that says no.
pub(crate) async fn refusal(mut response: Response, outside: &dyn Outside) -> Refusal {
    let status = response.status();
    let headers = response.headers().clone();
    let retry_after = retry_after(&headers, outside.wall());
    let mut body = Vec::new();
    // A body that breaks off takes nothing from what the status says.
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk[..chunk.len().min(MAX_BODY - body.len())]);
        if body.len() == MAX_BODY {
            break;
        }
    }
    Refusal::new(status, &headers, &body, retry_after)
}

/// Headers as typed, for both builders.
#[derive(Default, Clone)]
pub(crate) struct Typed {
    headers: Vec<(String, String)>,
}

impl Typed {
    pub(crate) fn push(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn bearer(&mut self, token: &str) {
        self.push(AUTHORIZATION.as_str(), &format!("Bearer {}", token.trim()));
    }

    pub(crate) fn parse(&self) -> Result<HeaderMap, Error> {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let wrong = || Error::Header(format!("the header {name:?}"));
            let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
            let mut value = header_value(value).ok_or_else(wrong)?;
            value.set_sensitive(true);
            headers.append(parsed, value);
        }
        Ok(headers)
    }
}

/// The UTF-8 bytes as they are, also where they are not ASCII.
pub(crate) fn header_value(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_bytes(text.as_bytes()).ok()
}
