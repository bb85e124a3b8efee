//! Times as this API writes and reads them: RFC 3339.

use domain::clock::UnixMillis;
use jiff::Timestamp;

/// `2026-11-22T05:30:00.123Z`. Times beyond the year 9999 are written as its end, which no key will see.
pub(super) fn text(at: UnixMillis) -> String {
    let timestamp = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::MAX);
    format!("{timestamp:.3}")
}

/// Reads a date, a time and a zone (`Z` or an offset); `None` for anything else.
pub(super) fn parse(text: &str) -> Option<UnixMillis> {
    // The library would also take weeks, other separators and named zones; the standard has one form.
    let is_plain = |c: char| c.is_ascii_digit() || matches!(c, '-' | ':' | '.' | '+' | 'T' | 'Z');
    let has_separator = text.as_bytes().get(10) == Some(&b'T');
    if !has_separator || text.len() > 40 || !text.chars().all(is_plain) {
        return None;
    }
    text.parse::<Timestamp>().ok().map(|timestamp| UnixMillis(timestamp.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::{UnixMillis, parse, text};

    #[test]
    fn times_read_back() {
        for (written, millis) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2026-11-22T05:30:00.123Z", 1_795_325_400_123),
            ("9999-12-30T00:00:00.000Z", 253_402_128_000_000),
        ] {
            assert_eq!(text(UnixMillis(millis)), written);
            assert_eq!(parse(written), Some(UnixMillis(millis)));
        }
        assert_eq!(parse("2026-11-22T07:30:00+02:00"), Some(UnixMillis(1_795_325_400_000)));
        assert!(text(UnixMillis(i64::MAX)).starts_with("9999-12-30"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for given in [
            "",
            "2026-11-22",
            "2026-11-22T05:30:00",
            "2026-11-22 05:30:00Z",
            "2026-11-22T05:30:00z",
            "now",
            "2026-13-22T05:30:00Z",
            "2026-11-22T05:30:00Z[UTC]",
            "1795325400",
            "20261122T053000Z",
        ] {
            assert_eq!(parse(given), None, "{given}");
        }
    }
}
