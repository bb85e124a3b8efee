//! Times as the vendor writes them: without a zone, which is Beijing's, eight hours ahead of UTC.

use domain::clock::UnixMillis;
use signing::format_time;

const BEIJING_MILLIS: i64 = 8 * 3_600_000;

/// `YYYY-MM-DD hh:mm:ss`.
pub(super) fn date_time(at: UnixMillis) -> String {
    format_time(at.plus(BEIJING_MILLIS).seconds(), "Y-M-D h:m:s")
}

/// `YYYY-MM-DD`.
pub(super) fn date(at: UnixMillis) -> String {
    format_time(at.plus(BEIJING_MILLIS).seconds(), "Y-M-D")
}

#[cfg(test)]
mod tests {
    use super::{UnixMillis, date, date_time};

    #[test]
    fn a_day_begins_at_sixteen_hours_utc() {
        let at = UnixMillis(1_577_260_379_999);
        assert_eq!((date_time(at).as_str(), date(at).as_str()), ("2019-12-25 15:52:59", "2019-12-25"));
        assert_eq!(date_time(UnixMillis(1_577_289_599_000)), "2019-12-25 23:59:59");
        assert_eq!(date_time(UnixMillis(1_577_289_600_000)), "2019-12-26 00:00:00");
    }
}
