//! The bodies of a publish request: bytes in, checked [`Update`](headwater_hub::Update)s out.
//!
//! Three forms say the same thing. [`form`] is the Mercure protocol's own, [`json`] one update or an array of them,
//! [`ndjson`] a stream of them. What a value may be is decided once for all three, in [`field`].

pub(crate) mod field;
pub(crate) mod form;
pub(crate) mod json;
pub(crate) mod ndjson;

use http::{
    HeaderValue, StatusCode,
    header::{ACCEPT, ACCEPT_ENCODING},
};

use crate::problem::Problem;

const ACCEPTED: &str = "application/x-www-form-urlencoded, application/json, application/x-ndjson";

/// What a publisher may put into one request beside its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Topics of one update: each costs a lookup in every shard and in the grant.
    pub(crate) topics: usize,
    /// Updates of one JSON array: they become one commit, which must not hold up the others' for long.
    pub(crate) updates: usize,
}

/// The form of a request's body, from its `Content-Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    Form,
    Json,
    NdJson,
}

/// Refuses a body that is compressed: what it unpacks to is bounded by nothing that its length says.
pub(crate) fn refuse_encoded(value: Option<&HeaderValue>) -> Result<(), Problem> {
    match value {
        Some(encoding) if !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Unsupported content encoding",
            "Send the body as it is, without `Content-Encoding`.",
        )
        // RFC 9110, 15.5.16: tells programs the same.
        .with_header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))),
        _ => Ok(()),
    }
}

impl BodyKind {
    /// Reads the media type; parameters such as `charset` are ignored, as all three forms are UTF-8.
    pub(crate) fn from_content_type(value: Option<&HeaderValue>) -> Result<Self, Problem> {
        let media_type = value.and_then(|v| v.to_str().ok()).unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        let kinds = [
            ("application/x-www-form-urlencoded", Self::Form),
            ("application/json", Self::Json),
            ("application/x-ndjson", Self::NdJson),
        ];
        match kinds.iter().find(|(name, _)| essence.eq_ignore_ascii_case(name)) {
            Some((_, kind)) => Ok(*kind),
            None => Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Unsupported media type",
                format!("Set `Content-Type` to the form that the body has, one of: {ACCEPTED}."),
            )
            // RFC 9110, 15.5.16: tells programs the same.
            .with_header(ACCEPT, HeaderValue::from_static(ACCEPTED))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_type_names_the_form() {
        for (value, expected) in [
            ("application/x-www-form-urlencoded", Some(BodyKind::Form)),
            ("application/x-www-form-urlencoded; charset=UTF-8", Some(BodyKind::Form)),
            ("Application/X-WWW-Form-Urlencoded;charset=utf-8", Some(BodyKind::Form)),
            ("application/json", Some(BodyKind::Json)),
            ("application/json ; charset=utf-8", Some(BodyKind::Json)),
            ("application/x-ndjson", Some(BodyKind::NdJson)),
            ("application/jsonx", None),
            ("application/problem+json", None),
            ("multipart/form-data; boundary=x", None),
            ("text/plain", None),
            (";", None),
            ("", None),
        ] {
            let value = HeaderValue::from_static(value);
            assert_eq!(BodyKind::from_content_type(Some(&value)).ok(), expected, "{value:?}");
        }
    }

    #[test]
    fn another_or_none_is_a_415_that_names_those_accepted() {
        let latin = HeaderValue::from_bytes(b"application/json\xe9").unwrap();
        for value in [None, Some(&latin)] {
            let problem = BodyKind::from_content_type(value).unwrap_err();
            assert_eq!(problem.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
            assert!(problem.detail().contains(ACCEPTED));
            assert_eq!(problem.into_response().headers()[ACCEPT], ACCEPTED);
        }
    }
}
