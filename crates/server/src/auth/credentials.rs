//! Where a request has its token.

use std::borrow::Cow;

use http::{
    HeaderMap,
    header::{AUTHORIZATION, COOKIE},
};

use super::error::{AuthError, Source, Unusable};

/// A token as the request has it, not verified. (No `Debug`: it must not get into a log.)
pub(super) struct Credentials<'r> {
    pub(super) token: Cow<'r, str>,
    pub(super) source: Source,
}

/// The token of the first place that has something: the `Authorization` header, the query, the cookie. What the later
/// places hold does not count, also when the first is of no use: a token is never picked for the caller.
pub(super) fn find<'r>(
    headers: &'r HeaderMap,
    query: Option<&'r str>,
    cookie: &str,
) -> Result<Option<Credentials<'r>>, AuthError> {
    for (source, found) in [
        (Source::Header, header(headers)),
        (Source::Query, in_query(query.unwrap_or_default())),
        (Source::Cookie, in_cookies(headers, cookie)),
    ] {
        match found {
            Ok(None) => {}
            Ok(Some(token)) => return Ok(Some(Credentials { token, source })),
            Err(what) => return Err(AuthError::Unusable { place: source, what }),
        }
    }
    Ok(None)
}

type Found<'r> = Result<Option<Cow<'r, str>>, Unusable>;

/// The only one of them, if it is one and not empty.
fn only<'r>(mut all: impl Iterator<Item = Cow<'r, str>>) -> Found<'r> {
    match (all.next(), all.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(Unusable::Doubled),
        (Some(token), None) if token.is_empty() => Err(Unusable::Empty),
        (Some(token), None) => Ok(Some(token)),
    }
}

fn header(headers: &HeaderMap) -> Found<'_> {
    let mut all = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(Unusable::Doubled);
    }
    let value = value.to_str().map_err(|_| Unusable::Characters)?.trim();
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.is_empty() && !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Unusable::Scheme);
    }
    only(std::iter::once(token.trim_start().into()))
}

fn in_query(query: &str) -> Found<'_> {
    only(
        form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| name == "authorization")
            .map(|(_, value)| value),
    )
}

/// Of all `Cookie` headers: HTTP/2 may split one into many.
fn in_cookies<'r>(headers: &'r HeaderMap, name: &str) -> Found<'r> {
    let mut all = Vec::new();
    for value in headers.get_all(COOKIE) {
        // Other cookies may hold any bytes, and say nothing about ours.
        for pair in value.as_bytes().split(|&b| b == b';') {
            let pair = pair.trim_ascii();
            let Some(token) = pair.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
            else {
                continue;
            };
            let token = std::str::from_utf8(token).map_err(|_| Unusable::Characters)?;
            // A value may stand in quotes: RFC 6265, section 4.1.1.
            let bare = token.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
            all.push(bare.unwrap_or(token).into());
        }
    }
    only(all.into_iter())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    /// Of lines `name: value` and a query.
    fn found(lines: &[&str], query: &str) -> Result<Option<(String, Source)>, (Source, Unusable)> {
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(": ").expect("a header line");
            headers.append(
                HeaderName::try_from(name).expect("a name"),
                HeaderValue::from_bytes(value.as_bytes()).expect("a value"),
            );
        }
        match find(&headers, Some(query), "mercureAuthorization") {
            Ok(found) => Ok(found.map(|c| (c.token.into_owned(), c.source))),
            Err(AuthError::Unusable { place, what }) => Err((place, what)),
            Err(other) => panic!("{other}"),
        }
    }

    #[track_caller]
    fn is(lines: &[&str], query: &str, token: &str, source: Source) {
        assert_eq!(found(lines, query), Ok(Some((token.to_owned(), source))));
    }

    #[test]
    fn the_first_place_that_has_one_counts_alone() {
        let (header, cookie) = ("authorization: Bearer H", "cookie: mercureAuthorization=C");
        is(&[header, cookie], "authorization=Q", "H", Source::Header);
        is(&[cookie], "topic=a&authorization=Q", "Q", Source::Query);
        is(&[cookie], "authorisation=Q&Authorization=Q", "C", Source::Cookie);
        assert_eq!(found(&["cookie: other=1"], "topic=authorization"), Ok(None));
        // Also when it is of no use.
        for (header, what) in [
            ("authorization: Basic H", Unusable::Scheme),
            ("authorization: H", Unusable::Scheme),
            ("authorization: Bearer", Unusable::Empty),
            ("authorization: ", Unusable::Empty),
            ("authorization: Bearer é", Unusable::Characters),
        ] {
            assert_eq!(found(&[header, cookie], "authorization=Q"), Err((Source::Header, what)), "{header}");
        }
        assert_eq!(found(&[cookie], "authorization="), Err((Source::Query, Unusable::Empty)));
        assert_eq!(found(&["cookie: mercureAuthorization="], ""), Err((Source::Cookie, Unusable::Empty)));
    }

    #[test]
    fn the_scheme_is_in_any_case() {
        for scheme in ["Bearer", "bearer", "BEARER", "beareR  "] {
            is(&[&format!("authorization: {scheme} t")], "", "t", Source::Header);
        }
    }

    #[test]
    fn a_doubled_one_is_refused() {
        let doubled = |source| Err((source, Unusable::Doubled));
        assert_eq!(
            found(&["authorization: Bearer a", "authorization: Bearer a"], ""),
            doubled(Source::Header)
        );
        assert_eq!(found(&[], "authorization=a&x=1&authorization=a"), doubled(Source::Query));
        let cookies = ["cookie: mercureAuthorization=a; mercureAuthorization=b"];
        assert_eq!(found(&cookies, ""), doubled(Source::Cookie));
        let cookies = ["cookie: mercureAuthorization=a", "cookie: mercureAuthorization=b"];
        assert_eq!(found(&cookies, ""), doubled(Source::Cookie));
    }

    #[test]
    fn cookies_are_taken_apart() {
        for cookies in [
            "a=b; mercureAuthorization=t",
            "a=b;mercureAuthorization=t;c=d",
            "mercureAuthorization=\"t\"; mercureAuthorization2=x; xmercureAuthorization=x",
            "MercureAuthorization=x; b=é; mercureAuthorization=t; ; =",
        ] {
            is(&[&format!("cookie: {cookies}")], "", "t", Source::Cookie);
        }
        is(&["cookie: a=1", "cookie: mercureAuthorization=t"], "", "t", Source::Cookie);
        is(&["cookie: mercureAuthorization=a=b"], "", "a=b", Source::Cookie);
    }

    #[test]
    fn the_query_is_decoded() {
        is(&[], "authorization=a%2Eb%2ec", "a.b.c", Source::Query);
        is(&[], "%61uthorization=a", "a", Source::Query);
    }
}
