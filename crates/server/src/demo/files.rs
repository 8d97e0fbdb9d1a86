//! The pages, and the client library that they import: files in the binary.
//!
//! A debug build reads them from the checkout that it was built in, at each request, so that they can be edited while the
//! hub runs; or from the folder that `HEADWATER_WEB` names (another checkout's `web`), so that one build serves several.

use std::borrow::Cow;
#[cfg(debug_assertions)]
use std::{env, fs, path::Path};

#[cfg(debug_assertions)]
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, Uri, header};
use http_body_util::Full;
use rust_embed::RustEmbed;

/// A page loads its own files and talks to its own hub, nothing else; no code stands inline, so none can be injected.
/// Workers count for themselves: one that all tabs share holds the one connection.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; \
     img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Discovery, as the protocol has publishers do it.
const LINK: &str = "</.well-known/mercure>; rel=\"mercure\"";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// `/` and what is below `/demo/`.
#[derive(RustEmbed)]
#[folder = "../../web/demo/"]
struct Pages;

/// What is below `/client/`: the modules of `@headwater/client`, as they are published.
#[derive(RustEmbed)]
#[folder = "../../web/client/"]
#[include = "*.js"]
#[exclude = "test/*"]
struct Client;

/// What there is of a file.
struct File {
    content: Bytes,
    /// SHA-256 of it.
    hash: [u8; 32],
}

/// The file at this path, the way to it, or none.
///
/// With the request's `If-None-Match`, a file that the browser has already is answered with 304.
pub(super) fn answer(uri: &Uri, if_none_match: Option<&HeaderValue>) -> Option<Response<Full<Bytes>>> {
    let path = uri.path();
    if let Some(name) = path.strip_prefix("/client/") {
        return found(name, module(name)?, if_none_match);
    }
    let name = if path == "/" { "index.html" } else { path.strip_prefix("/demo/")? };
    if let Some(folder) = name.strip_suffix('/') {
        let index = format!("{folder}/index.html");
        return found(&index, read::<Pages>("demo", &index)?, if_none_match);
    }
    if let Some(file) = read::<Pages>("demo", name) {
        return found(name, file, if_none_match);
    }
    // Without its slash, what the page names beside itself would be looked for one folder up.
    read::<Pages>("demo", &format!("{name}/index.html"))?;
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(moved(&HeaderValue::try_from(format!("{path}/{query}")).ok()?))
}

/// A module of the library; its tests are JavaScript, too, and stay where they are.
fn module(name: &str) -> Option<File> {
    let published = content_type(name) == Some(JAVASCRIPT) && !name.starts_with("test/");
    if published { read::<Client>("client", name) } else { None }
}

/// Names that could lead anywhere else are never looked for: no empty part, none that begins with a dot.
fn is_plain(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    name.split('/').all(|part| !part.is_empty() && !part.starts_with('.') && part.bytes().all(fits))
}

/// The file of this name; `folder` is where it lies below `web`.
#[cfg_attr(
    not(debug_assertions),
    expect(unused_variables, reason = "the folder was there when it was built")
)]
fn read<Files: RustEmbed>(folder: &str, name: &str) -> Option<File> {
    if !is_plain(name) {
        return None;
    }
    #[cfg(debug_assertions)]
    if let Some(web) = env::var_os("HEADWATER_WEB") {
        let content = fs::read(Path::new(&web).join(folder).join(name)).ok()?;
        let hash = digest(&SHA256, &content).as_ref().try_into().ok()?;
        return Some(File { content: content.into(), hash });
    }
    let file = Files::get(name)?;
    let content = match file.data {
        Cow::Borrowed(embedded) => Bytes::from_static(embedded),
        Cow::Owned(read) => Bytes::from(read),
    };
    Some(File { content, hash: file.metadata.sha256_hash() })
}

fn found(name: &str, file: File, if_none_match: Option<&HeaderValue>) -> Option<Response<Full<Bytes>>> {
    let content_type = content_type(name)?;
    let etag = etag(&file);
    let known = if_none_match.is_some_and(|known| lists(known, &etag));
    let mut response = Response::new(if known { Full::default() } else { Full::new(file.content) });
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

fn moved(location: &HeaderValue) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location.clone());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Only what is listed here is served.
fn content_type(name: &str) -> Option<&'static str> {
    Some(match name.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => JAVASCRIPT,
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" => "application/json",
        "txt" => "text/plain; charset=utf-8",
        "woff2" => "font/woff2",
        _ => return None,
    })
}

/// Half of the content's SHA-256, quoted.
fn etag(file: &File) -> HeaderValue {
    let half = file.hash.first_chunk().copied().map_or(0, u128::from_be_bytes);
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
    use std::collections::BTreeSet;

    use super::*;

    fn ask(target: &str) -> Option<Response<Full<Bytes>>> {
        answer(&Uri::try_from(target).expect("a target"), None)
    }

    #[test]
    fn serves_every_file_that_the_pages_are_made_of() {
        for name in Pages::iter() {
            let path = if name == "index.html" { "/".to_owned() } else { format!("/demo/{name}") };
            let response = ask(&path).unwrap_or_else(|| panic!("{name} has no content type, or an odd name"));
            assert_eq!(response.status(), StatusCode::OK, "{name}");
            assert_eq!(
                response.headers()[header::CONTENT_SECURITY_POLICY],
                CONTENT_SECURITY_POLICY,
                "{name}"
            );
        }
        assert_eq!(ask("/").expect("the page").headers()[header::LINK], LINK);
    }

    #[test]
    fn a_folder_is_its_page_and_is_led_to_with_its_slash() {
        let folders: Vec<_> =
            Pages::iter().filter_map(|name| Some(name.strip_suffix("/index.html")?.to_owned())).collect();
        for folder in &folders {
            let page = ask(&format!("/demo/{folder}/")).expect("a page");
            assert_eq!(page.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8", "{folder}");
            let way = ask(&format!("/demo/{folder}?room=help")).expect("the way to it");
            assert_eq!(way.status(), StatusCode::PERMANENT_REDIRECT);
            assert_eq!(way.headers()[header::LOCATION], format!("/demo/{folder}/?room=help"));
        }
    }

    #[test]
    fn serves_the_modules_that_the_package_publishes_and_no_others() {
        let manifest = include_str!("../../../../web/client/package.json");
        let manifest: serde_json::Value = serde_json::from_str(manifest).expect("a manifest");
        let files = manifest["files"].as_array().expect("a list").iter().filter_map(|file| file.as_str());
        let published: Vec<_> = files.collect();
        let served: BTreeSet<_> = Client::iter().map(Cow::into_owned).collect();
        for name in &served {
            let top = name.split('/').next().unwrap_or(name);
            assert!(published.contains(&top), "{name} is served, and is not published");
            let response = ask(&format!("/client/{name}")).expect("a module");
            assert_eq!(response.headers()[header::CONTENT_TYPE], JAVASCRIPT);
        }
        for name in published.iter().filter(|name| content_type(name) == Some(JAVASCRIPT)) {
            assert!(served.contains(*name), "{name} is published, and is not served");
        }
        assert!(served.contains("lib/source.js"), "{served:?}");
    }

    #[test]
    fn serves_nothing_beside_them() {
        for path in [
            "/index.html",
            "/demo",
            "/demo/",
            "/demo//",
            "/demo//etc/passwd",
            "/demo/main",
            "/demo/../package.json",
            "/demo/..%2fpackage.json",
            "/demo/./main.js",
            "/client",
            "/client/",
            "/client/lib",
            "/client/lib/",
            "/client/package.json",
            "/client/README.md",
            "/client/types/index.d.ts",
            "/client/test/server.js",
            "/client/../demo/main.js",
            "/client/lib/../test/server.js",
        ] {
            assert!(ask(path).is_none(), "{path}");
        }
    }

    #[test]
    fn answers_304_to_who_has_the_file() {
        let uri = Uri::from_static("/client/index.js");
        let etag = answer(&uri, None).expect("a file").headers()[header::ETAG].clone();
        let tag = etag.to_str().expect("ASCII");
        for known in [tag.to_owned(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let header = HeaderValue::try_from(&known).expect("a value");
            let status = answer(&uri, Some(&header)).expect("a file").status();
            assert_eq!(status, StatusCode::NOT_MODIFIED, "{known}");
        }
        let other = HeaderValue::from_static("\"other\"");
        assert_eq!(answer(&uri, Some(&other)).expect("a file").status(), StatusCode::OK);
    }
}
