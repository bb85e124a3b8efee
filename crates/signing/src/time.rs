//! The few spellings of time that signatures use, on plain integers. Nothing here asks what time it is.

/// Seconds of unix time fit into these digits for thirty thousand years, and in milliseconds into an `i64`.
const MAX_SECONDS_DIGITS: usize = 12;

/// Reads unix seconds: digits only, so that a time has one spelling.
pub(crate) fn parse_unix_seconds(text: &str) -> Option<i64> {
    let plain = text.len() <= MAX_SECONDS_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

/// Reads `YYYYMMDDTHHMMSSZ` (UTC) into unix seconds. Days that the calendar does not have are refused.
pub(crate) fn parse_basic(text: &str) -> Option<i64> {
    let (date, rest) = text.split_at_checked(8)?;
    let clock = rest.strip_prefix('T')?.strip_suffix('Z').filter(|clock| clock.len() == 6)?;
    let number = |digits: &str| -> Option<i64> {
        if digits.bytes().all(|byte| byte.is_ascii_digit()) { digits.parse().ok() } else { None }
    };
    let (year, month, day) = (number(date.get(..4)?)?, number(date.get(4..6)?)?, number(date.get(6..)?)?);
    let (hour, minute, second) =
        (number(clock.get(..2)?)?, number(clock.get(2..4)?)?, number(clock.get(4..)?)?);
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    // Writing it back refuses month 13, 31 February, hour 24 and second 60 at once.
    (format_basic(seconds) == text).then_some(seconds)
}

/// Writes unix seconds as `YYYYMMDDTHHMMSSZ`, the form of `X-Amz-Date` and `X-Sdk-Date`.
pub fn format_basic(unix_seconds: i64) -> String {
    format_time(unix_seconds, "YMDThmsZ")
}

/// Writes the UTC day of unix seconds as `YYYY-MM-DD`, the form of the TC3 scope.
pub(crate) fn format_day(unix_seconds: i64) -> String {
    format_time(unix_seconds, "Y-M-D")
}

/// Writes unix seconds by a pattern, in UTC: `Y` stands for the four digits of the year, `M`, `D`, `h`, `m` and `s` for two
/// digits each, and everything else for itself. Lists are full of times, so this takes a fraction of what `format!` does.
pub fn format_time(unix_seconds: i64, pattern: &str) -> String {
    let (year, month, day) = civil_from_days(unix_seconds.div_euclid(86_400));
    let second = unix_seconds.rem_euclid(86_400);
    let mut text = String::with_capacity(32);
    for letter in pattern.chars() {
        match letter {
            // Before and beyond the years of four digits nothing is ever signed or listed.
            'Y' if !(0..=9_999).contains(&year) => text.push_str(&format!("{year:04}")),
            'Y' => [year / 100, year % 100].into_iter().for_each(|part| push_two_digits(&mut text, part)),
            'M' => push_two_digits(&mut text, month),
            'D' => push_two_digits(&mut text, day),
            'h' => push_two_digits(&mut text, second / 3_600),
            'm' => push_two_digits(&mut text, second / 60 % 60),
            's' => push_two_digits(&mut text, second % 60),
            other => text.push(other),
        }
    }
    text
}

/// A number of `0..100`.
fn push_two_digits(text: &mut String, number: i64) {
    let digit = |value: i64| u8::try_from(value % 10).map_or('0', |value| char::from(b'0' + value));
    text.extend([digit(number / 10), digit(number)]);
}

/// Days since 1970-01-01 of a day in the proleptic Gregorian calendar. Counts in years that begin in March, so that the
/// leap day comes last and the months before it form a linear sequence.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let march_year = if month <= 2 { year - 1 } else { year };
    let era = march_year.div_euclid(400);
    let year_of_era = march_year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_from_civil`]: year, month, day.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants_read_and_write_alike() {
        let cases = [
            ("19700101T000000Z", 0),
            ("20000229T235959Z", 951_868_799),
            ("20231114T221320Z", 1_700_000_000),
            ("20260115T083000Z", 1_768_465_800),
            ("21000301T000000Z", 4_107_542_400),
            ("19691231T235959Z", -1),
            ("00000301T000000Z", -62_162_035_200),
        ];
        for (text, seconds) in cases {
            assert_eq!(format_basic(seconds), text);
            assert_eq!(parse_basic(text), Some(seconds), "{text}");
        }
        assert_eq!(format_day(1_700_000_000), "2023-11-14");
        assert_eq!(format_day(1_709_164_799), "2024-02-28");
        assert_eq!(format_time(1_700_000_000, "Y-M-DTh:m:sZ"), "2023-11-14T22:13:20Z");
        assert_eq!(format_day(-62_198_755_200), "-001-01-01");
        assert_eq!(format_day(253_402_300_800), "10000-01-01");
    }

    #[test]
    fn every_day_of_eight_centuries_reads_back() {
        for days in -146_097..146_097 {
            let (year, month, day) = civil_from_days(days);
            assert_eq!(days_from_civil(year, month, day), days);
        }
    }

    #[test]
    fn other_spellings_and_impossible_days_are_refused() {
        for text in [
            "",
            "20260115",
            "20260115T083000",
            "20260115T083000z",
            "20260115t083000Z",
            "20260115T0830Z",
            "2026-01-15T08:30:00Z",
            " 20260115T083000Z",
            "20260115T083000Z ",
            "20261301T000000Z",
            "20260001T000000Z",
            "20260230T000000Z",
            "20250229T000000Z",
            "20260100T000000Z",
            "20260115T240000Z",
            "20260115T086000Z",
            "20260115T083060Z",
            "+0260115T083000Z",
            "2026é15T083000Z",
            "２０２６0115T083000Z",
        ] {
            assert_eq!(parse_basic(text), None, "{text}");
        }
    }
}
