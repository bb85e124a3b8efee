//! Percentiles of one run, medians and spreads over rounds. Pure.

use std::time::Duration;

/// What one run of the load generator measured.
pub(super) struct Sample {
    sorted: Vec<Duration>,
    elapsed: Duration,
}

impl Sample {
    /// From the time that each request took, and all of them together.
    pub(super) fn new(mut latencies: Vec<Duration>, elapsed: Duration) -> Self {
        latencies.sort_unstable();
        Self { sorted: latencies, elapsed }
    }

    /// Requests answered.
    pub(super) fn count(&self) -> usize {
        self.sorted.len()
    }

    /// Requests per second.
    pub(super) fn per_second(&self) -> f64 {
        float(self.count()) / self.elapsed.as_secs_f64()
    }

    /// The latency in seconds that 99 of 100 requests stay within (nearest rank); NaN without requests.
    pub(super) fn p99(&self) -> f64 {
        let rank = (self.count() * 99).div_ceil(100);
        let latency = rank.checked_sub(1).and_then(|index| self.sorted.get(index));
        latency.map_or(f64::NAN, Duration::as_secs_f64)
    }
}

/// The middle of several rounds and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) low: f64,
    pub(super) median: f64,
    pub(super) high: f64,
}

impl Spread {
    /// Of these values; `None` without any.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_unstable_by(f64::total_cmp);
        let upper = *values.get(values.len() / 2)?;
        let lower = *values.get((values.len() - 1) / 2)?;
        Some(Self { low: *values.first()?, median: f64::midpoint(lower, upper), high: *values.last()? })
    }
}

/// The middle of these values; NaN without any.
pub(super) fn median(values: &[f64]) -> f64 {
    Spread::of(values.iter().copied()).map_or(f64::NAN, |spread| spread.median)
}

/// Welch's t: how many standard errors the means of two samples lie apart. NaN without values.
pub(super) fn welch_t(one: &[f64], other: &[f64]) -> f64 {
    let moments = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / float(values.len());
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        (mean, squares / (float(values.len()) - 1.0) / float(values.len()))
    };
    let ((one_mean, one_error), (other_mean, other_error)) = (moments(one), moments(other));
    (one_mean - other_mean) / (one_error + other_error).sqrt()
}

/// A count as a float; exact for every count that a bench reaches.
pub(super) fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let millis = |count: u64| (1..=count).rev().map(Duration::from_millis).collect::<Vec<_>>();
        let sample = Sample::new(millis(1000), Duration::from_secs(2));
        assert_eq!(sample.p99(), 0.990);
        assert_eq!(sample.per_second(), 500.0);
        assert_eq!(Sample::new(millis(100), Duration::from_secs(1)).p99(), 0.099);
        assert_eq!(Sample::new(millis(3), Duration::from_secs(1)).p99(), 0.003);
        assert_eq!(Sample::new(millis(1), Duration::from_secs(1)).p99(), 0.001);
        assert!(Sample::new(Vec::new(), Duration::from_secs(1)).p99().is_nan());
    }

    #[test]
    fn welch_t_counts_standard_errors() {
        // Means 2 and 6, variances 1 and 7: a difference of 4 over the root of (1 + 7) / 3.
        let (a, b) = ([1.0, 2.0, 3.0], [4.0, 5.0, 9.0]);
        assert!((welch_t(&a, &b) + 4.0 / (8.0_f64 / 3.0).sqrt()).abs() < 1e-12);
        assert!((welch_t(&b, &a) + welch_t(&a, &b)).abs() < 1e-12);
        assert_eq!(welch_t(&a, &a), 0.0);
        assert!(welch_t(&[], &a).is_nan() && median(&[]).is_nan());
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), Some(Spread { low: 1.0, median: 2.0, high: 3.0 }));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]), Some(Spread { low: 1.0, median: 2.5, high: 4.0 }));
        assert_eq!(Spread::of([5.0]), Some(Spread { low: 5.0, median: 5.0, high: 5.0 }));
        assert_eq!(Spread::of([]), None);
    }
}
