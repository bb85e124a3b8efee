//! Lengths of time as ISO 8601 writes them.

use domain::clock::UnixMillis;
use domain::duration::CalendarDuration;

/// 2026-11-22 00:00:00 UTC, and days at which months and years are of several lengths.
const STARTS: [i64; 5] = [1_795_305_600_000, 1_706_659_200_000, 1_709_164_800_000, 0, 253_402_300_799_000];

/// Durations: whoever asks for one gets a later moment or none, never an earlier one or the same (threat T40); and only the
/// letters of ISO 8601 pass.
pub fn duration(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(duration) = CalendarDuration::parse(text) else { return };
    assert!(text.starts_with('P') && text.len() <= 64, "{text:?}");
    assert!(text.bytes().all(|byte| byte.is_ascii_digit() || b"PYMWDTHS.,".contains(&byte)), "{text:?}");
    for start in STARTS {
        let start = UnixMillis(start);
        if let Some(end) = duration.after(start) {
            assert!(end >= start, "{text:?} after {start} is {end}");
            assert!(end.0 <= 253_402_300_799_999, "{text:?} ends beyond the calendar");
        }
    }
    assert_eq!(duration.after(UnixMillis(i64::MAX)), None);
}
