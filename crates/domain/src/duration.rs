//! Durations as ISO 8601 writes them, such as `P1Y2M10DT2H30M15S`, counted by the calendar: a month after 31 January is the
//! last day of February.

use jiff::fmt::temporal::SpanParser;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::clock::UnixMillis;

/// Longest text, in bytes.
const MAX_BYTES: usize = 64;

/// A length of time that is not negative and not zero.
#[derive(Clone, Copy, Debug)]
pub struct CalendarDuration(Span);

impl CalendarDuration {
    /// Reads one: capital letters, no sign, fractions only where ISO 8601 has them. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_digit() || b"PYMWDTHS.,".contains(&byte);
        if text.len() > MAX_BYTES || !text.bytes().all(plain) {
            return None;
        }
        let span = SpanParser::new().parse_span(text).ok()?;
        span.is_positive().then_some(Self(span))
    }

    /// The moment this long after `start`, in UTC. `None` beyond the year 9999.
    pub fn after(self, start: UnixMillis) -> Option<UnixMillis> {
        let start = Timestamp::from_millisecond(start.0).ok()?.to_zoned(TimeZone::UTC);
        Some(UnixMillis(start.checked_add(self.0).ok()?.timestamp().as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::{CalendarDuration, UnixMillis};

    fn millis(text: &str) -> UnixMillis {
        UnixMillis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn months_and_years_follow_the_calendar() {
        for (start, duration, end) in [
            ("2024-05-17T00:23:17Z", "P1Y2M10DT2H30M15S", "2025-07-27T02:53:32Z"),
            ("2026-01-31T12:00:00Z", "P1M", "2026-02-28T12:00:00Z"),
            ("2024-01-31T12:00:00Z", "P1M", "2024-02-29T12:00:00Z"),
            ("2024-02-29T00:00:00Z", "P1Y", "2025-02-28T00:00:00Z"),
            ("2026-12-31T23:59:59Z", "PT1S", "2027-01-01T00:00:00Z"),
            ("2026-03-28T12:00:00Z", "P1D", "2026-03-29T12:00:00Z"),
            ("2026-11-22T00:00:00Z", "P2W", "2026-12-06T00:00:00Z"),
            ("2026-11-22T00:00:00Z", "PT36H", "2026-11-23T12:00:00Z"),
            ("2026-11-22T00:00:00Z", "PT0.5H", "2026-11-22T00:30:00Z"),
        ] {
            let after = CalendarDuration::parse(duration).unwrap().after(millis(start));
            assert_eq!(after, Some(millis(end)), "{start} + {duration}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "P",
            "PT",
            "P1",
            "1D",
            "T1H",
            "P1H",
            "PT1D",
            "P1D1Y",
            "PT1H1H",
            "p1d",
            "P1d",
            "-P1D",
            "+P1D",
            "P-1D",
            "P0D",
            "PT0S",
            "PT0H0M0.0S",
            "P1.5Y",
            "P 1D",
            "P1D ",
            " P1D",
            "1 day",
            "1h",
            "P1Y2M10DT",
            "P99999999999Y",
            "P１D",
            "P1D\0",
            "P99999999999999999999999999999999D",
        ] {
            assert!(CalendarDuration::parse(text).is_none(), "{text:?}");
        }
        assert!(CalendarDuration::parse(&format!("P{}1D", "0".repeat(80))).is_none(), "too long");
    }

    #[test]
    fn nothing_ends_beyond_the_calendar() {
        let long = CalendarDuration::parse("P9000Y").unwrap();
        assert_eq!(long.after(millis("2026-11-22T00:00:00Z")), None);
        let day = CalendarDuration::parse("P1D").unwrap();
        assert_eq!(day.after(UnixMillis(i64::MAX)), None);
        assert_eq!(day.after(UnixMillis(i64::MIN)), None);
    }
}
