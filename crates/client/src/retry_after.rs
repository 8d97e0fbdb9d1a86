//! The `Retry-After` header (RFC 9110, 10.2.3): seconds, or a date.

use std::time::{Duration, SystemTime};

use http::{
    HeaderMap, HeaderName,
    header::{DATE, RETRY_AFTER},
};

/// How long the server asks to wait. `None`: it does not say, or nothing that can be understood.
pub(crate) fn retry_after(headers: &HeaderMap, wall: SystemTime) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let value = text(RETRY_AFTER)?;
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        return Some(value.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    let then = httpdate::parse_http_date(value).ok()?;
    // The server's own clock, where it tells it: ours may be wrong by hours.
    let now = text(DATE).and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or(wall);
    Some(then.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates() {
        let wall = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777); // Sun, 06 Nov 1994 08:49:37 GMT
        for (value, date, want) in [
            ("3", None, Some(Duration::from_secs(3))),
            (" 0 ", None, Some(Duration::ZERO)),
            ("99999999999999999999999", None, Some(Duration::MAX)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", None, Some(Duration::from_secs(30))),
            ("Sun, 06 Nov 1994 08:00:00 GMT", None, Some(Duration::ZERO)),
            (
                "Sun, 06 Nov 1994 12:00:09 GMT",
                Some("Sun, 06 Nov 1994 12:00:00 GMT"),
                Some(Duration::from_secs(9)),
            ),
            ("", None, None),
            ("-1", None, None),
            ("+1", None, None),
            ("soon", None, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            if let Some(date) = date {
                headers.insert(DATE, date.parse().unwrap());
            }
            assert_eq!(retry_after(&headers, wall), want, "{value:?} {date:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), wall), None);
    }
}
