//! Times as Keystone writes them.

use domain::clock::UnixMillis;
use jiff::Timestamp;

/// UTC with microseconds: `2020-01-03T09:08:49.965000Z`.
pub(crate) fn micros(at: UnixMillis) -> String {
    let timestamp = Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::MAX);
    format!("{timestamp:.6}")
}

#[cfg(test)]
mod tests {
    use super::{UnixMillis, micros};

    #[test]
    fn times_have_six_digits_and_a_z() {
        assert_eq!(micros(UnixMillis(1_578_042_529_965)), "2020-01-03T09:08:49.965000Z");
        assert_eq!(micros(UnixMillis(0)), "1970-01-01T00:00:00.000000Z");
    }
}
