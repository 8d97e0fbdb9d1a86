//! The values of settings, read from text. Each error says what to write instead.

use std::{fmt::Display, net::SocketAddr, ops::RangeInclusive, str::FromStr, time::Duration};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const DAY: Duration = Duration::from_hours(24);

/// `15s`, `500ms`, `1h 30m`, or `0`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("\"{text}\" has no unit. Write {text}s, {text}ms, {text}m or {text}h."));
    }
    humantime::parse_duration(text).map_err(|_| {
        format!("\"{text}\" is no duration. Write a number and a unit, such as 500ms, 15s, 10m, 24h or 7d.")
    })
}

/// `64KiB`, `10 MiB`, `1GB`, or bytes without a unit.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return Err(not_a_size(text)),
    };
    let number: u64 = number.replace('_', "").parse().map_err(|_| not_a_size(text))?;
    number.checked_mul(factor).ok_or_else(|| not_a_size(text))
}

fn not_a_size(text: &str) -> String {
    format!("\"{text}\" is no size. Write a whole number and a unit, such as 64KiB, 10MiB or 1GiB.")
}

/// `1000`, or `1_000`.
pub(crate) fn count(text: &str) -> Result<u64, String> {
    let digits = text.trim().replace('_', "");
    let digits = digits.as_str();
    match digits.parse() {
        Ok(count) if digits.bytes().all(|b| b.is_ascii_digit()) => Ok(count),
        _ => Err(format!("\"{text}\" is no count. Write a whole number, such as 1000.")),
    }
}

pub(crate) fn switch(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(format!("\"{text}\" is neither true nor false. Write one of them.")),
    }
}

pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    text.trim().parse().map_err(|_| {
        format!(
            "\"{text}\" is no address. Write an IP address and a port, such as 127.0.0.1:3000, 0.0.0.0:80 or \
             [::]:3000 (a name such as localhost is not looked up)."
        )
    })
}

/// One of the named choices.
pub(crate) fn choice<'a, T: Copy>(choices: &'a [(&'a str, T)]) -> impl Fn(&str) -> Result<T, String> + 'a {
    move |text| {
        choices.iter().find(|(name, _)| *name == text.trim()).map(|(_, choice)| *choice).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            format!("\"{text}\" is not known. Write one of: {}.", names.join(", "))
        })
    }
}

/// What its own `FromStr` takes.
pub(crate) fn named<T: FromStr>(example: &'static str) -> impl Fn(&str) -> Result<T, String> {
    move |text| text.trim().parse().map_err(|_| format!("\"{text}\" is not known. Write one of: {example}."))
}

/// Also refuses what lies outside; the ends are shown as people write them.
pub(crate) fn within<T: PartialOrd + Copy>(
    parse: impl Fn(&str) -> Result<T, String>,
    range: RangeInclusive<T>,
    show: impl Fn(T) -> String,
) -> impl Fn(&str) -> Result<T, String> {
    move |text| {
        let value = parse(text)?;
        if range.contains(&value) {
            return Ok(value);
        }
        let (least, most) = (show(*range.start()), show(*range.end()));
        Err(format!("\"{text}\" is out of range. Write {least} to {most}."))
    }
}

pub(crate) fn show_duration(duration: Duration) -> String {
    if duration.is_zero() { "0".into() } else { humantime::format_duration(duration).to_string() }
}

pub(crate) fn show_size(bytes: u64) -> String {
    for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] {
        if bytes >= 1 << shift && bytes.is_multiple_of(1 << shift) {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

pub(crate) fn show(value: impl Display) -> String {
    value.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, ms) in [("0", 0), ("0s", 0), ("500ms", 500), (" 15s ", 15_000), ("1h 30m", 5_400_000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in ["", "15", "-1s", "soon", "1.5.1s", "99999999999999999999s"] {
            assert!(duration(text).is_err(), "{text}");
        }
        assert!(duration("15").unwrap_err().contains("15s"));
    }

    #[test]
    fn sizes() {
        for (text, bytes) in
            [("0", 0), ("512", 512), ("512B", 512), ("10MiB", 10 << 20), ("1 gib", 1 << 30), ("2kB", 2000)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "1.5MiB", "10M", "-1", "99999999999TiB", "18446744073709551616"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_as_they_may_be_written() {
        for (bytes, text) in [(0, "0"), (1000, "1000"), (16 << 10, "16KiB"), (10 << 20, "10MiB")] {
            assert_eq!(show_size(bytes), text);
            assert_eq!(size(text), Ok(bytes));
        }
    }

    #[test]
    fn counts() {
        assert_eq!((count("0"), count("1_000_000")), (Ok(0), Ok(1_000_000)));
        for text in ["", "+1", "-1", "1e3", "1.0", "many"] {
            assert!(count(text).is_err(), "{text}");
        }
    }

    #[test]
    fn switches() {
        assert_eq!((switch("true"), switch("0"), switch("Yes")), (Ok(true), Ok(false), Ok(true)));
        assert!(switch("maybe").is_err() && switch("").is_err());
    }

    #[test]
    fn addresses() {
        for text in ["127.0.0.1:3000", "[::1]:0", "0.0.0.0:80"] {
            assert_eq!(address(text).map(show), Ok(text.to_owned()));
        }
        for text in ["localhost:3000", ":3000", "3000", "::1:3000", "127.0.0.1", "127.0.0.1:99999"] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ranges_and_choices_name_what_they_admit() {
        let seconds = within(duration, Duration::from_secs(1)..=Duration::from_mins(1), show_duration);
        assert_eq!(seconds("2s"), Ok(Duration::from_secs(2)));
        assert!(seconds("0").unwrap_err().ends_with("Write 1s to 1m."));
        let format = choice(&[("text", 1), ("json", 2)]);
        assert_eq!(format("json"), Ok(2));
        assert!(format("xml").unwrap_err().contains("text, json"));
    }
}
