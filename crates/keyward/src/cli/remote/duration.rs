//! Spans of time as people write them on the command line: `45s`, `30m`, `1h`, `90d`.

/// Seconds in `text`.
///
/// # Errors
/// What to write instead.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let parsed = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        number
            .parse::<u64>()
            .ok()?
            .checked_mul(unit)
            .filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    parsed().ok_or_else(|| "write a number and s, m, h or d, such as 1h or 90d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn spans() {
        for (text, expected) in [("0s", 0), ("45s", 45), ("30m", 1_800), ("1h", 3_600), ("90d", 7_776_000)] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        for text in ["", "h", "1", "1w", "-1h", "+1h", "1 h", "1.5h", "99999999999999999999d", "1h1", "é"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
