//! A histogram of durations that costs two atomic additions: no lock, no float on the hot path.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Upper bounds in microseconds; above the last one there is one more bucket.
const BOUNDS_US: [u64; 15] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 10_000_000,
];

/// Durations, recorded in microseconds and shown in seconds. Clones share the figures.
#[derive(Clone, Debug, Default)]
pub struct DurationHistogram {
    figures: Arc<Figures>,
}

#[derive(Debug, Default)]
struct Figures {
    buckets: [AtomicU64; BOUNDS_US.len()],
    above: AtomicU64,
    sum_us: AtomicU64,
}

impl DurationHistogram {
    /// Records one duration.
    pub fn observe_us(&self, duration_us: u64) {
        let position = BOUNDS_US.partition_point(|bound| *bound < duration_us);
        let bucket = self.figures.buckets.get(position).unwrap_or(&self.figures.above);
        bucket.fetch_add(1, Ordering::Relaxed);
        self.figures.sum_us.fetch_add(duration_us, Ordering::Relaxed);
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a figure for people; exact up to 2^53 microseconds, 285 years"
)]
fn seconds(microseconds: u64) -> f64 {
    microseconds as f64 / 1e6
}

impl EncodeMetric for DurationHistogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let load = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let bounds = BOUNDS_US.iter().map(|bound| seconds(*bound)).chain([f64::INFINITY]);
        let counts = self.figures.buckets.iter().chain([&self.figures.above]).map(load);
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(seconds(load(&self.figures.sum_us)), count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for DurationHistogram {
    const TYPE: MetricType = MetricType::Histogram;
}
