//! Metrics in the Prometheus text form.
//!
//! Labels come from the program's own tables (`&'static str`), never from a request, so nobody outside can create
//! series. Handles are resolved when routes are built: a request then adds to atomics, without lock or hash.

use std::fmt;
use std::sync::atomic::Ordering::Relaxed;

use domain::Service;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::log::LogCounters;
use dialects::Outcome;

use super::DurationHistogram;
use crate::listen::{Door, Refusal, Stats};

/// The `Content-Type` of [`Metrics::exposition`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    dialect: &'static str,
    operation: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DialectLabel {
    dialect: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ListenerLabel {
    listener: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

/// From the table of [`Refusal`], whose sentences are the program's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HeadLabel {
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

/// All metrics of a server. The public fields are handles for the parts that count.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<OperationLabels, Counter>,
    request_durations: Family<DialectLabel, DurationHistogram>,
    connections: Family<ListenerLabel, Gauge>,
    refused_heads: Family<HeadLabel, Counter>,
    failed_authentications: Family<ReasonLabel, Counter>,
    panics: Counter,
    /// Time of each transaction that the committer wrote, up to and including its sync.
    pub store_commits: DurationHistogram,
    directory_hits: Counter,
    directory_misses: Counter,
    damaged_records: Counter,
    suspected_replays: Counter,
    /// Number of the newest audit entry of this node.
    pub audit_head_seq: Gauge,
    /// Lines that were not logged.
    pub log: LogCounters,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics at zero.
    #[must_use]
    pub fn new() -> Self {
        let lookups = Family::<ResultLabel, Counter>::default();
        let lost_lines = Family::<ReasonLabel, Counter>::default();
        let mut metrics = Self {
            registry: Registry::with_prefix("keyward"),
            requests: Family::default(),
            request_durations: Family::default(),
            connections: Family::default(),
            refused_heads: Family::default(),
            failed_authentications: Family::default(),
            panics: Counter::default(),
            store_commits: DurationHistogram::default(),
            directory_hits: lookups.get_or_create_owned(&ResultLabel { result: "hit" }),
            directory_misses: lookups.get_or_create_owned(&ResultLabel { result: "miss" }),
            damaged_records: Counter::default(),
            suspected_replays: Counter::default(),
            audit_head_seq: Gauge::default(),
            log: LogCounters {
                dropped: lost_lines.get_or_create_owned(&ReasonLabel { reason: "queue full" }),
                left_out: lost_lines.get_or_create_owned(&ReasonLabel { reason: "sampled" }),
            },
        };
        metrics.register(lookups, lost_lines);
        metrics
    }

    /// Names, helps and units; the text form adds `_total` to counters and the unit to names.
    fn register(&mut self, lookups: Family<ResultLabel, Counter>, lost_lines: Family<ReasonLabel, Counter>) {
        use prometheus_client::registry::Unit::Seconds;

        let to = &mut self.registry;
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        to.register("build", "The running build", Info::new(version));
        to.register("requests", "Requests answered", self.requests.clone());
        let durations = self.request_durations.clone();
        to.register_with_unit(
            "request_duration",
            "Time from a request's head to its answer",
            Seconds,
            durations,
        );
        to.register("connections", "Open connections", self.connections.clone());
        to.register("refused_heads", "Requests refused by the head checker", self.refused_heads.clone());
        let failed = self.failed_authentications.clone();
        to.register("failed_authentications", "Requests whose signer was not established", failed);
        to.register("panics", "Panics caught", self.panics.clone());
        let commits = self.store_commits.clone();
        to.register_with_unit(
            "store_commit_duration",
            "Time of a write transaction with its sync",
            Seconds,
            commits,
        );
        to.register("directory_lookups", "Look-ups of access keys in the directory", lookups);
        let damaged = self.damaged_records.clone();
        to.register("damaged_records", "Records that failed their integrity check; an alarm", damaged);
        let replays = self.suspected_replays.clone();
        to.register(
            "suspected_replays",
            "Signatures of writes seen from a second address; an alarm",
            replays,
        );
        to.register(
            "audit_head_seq",
            "Number of the newest audit entry of this node",
            self.audit_head_seq.clone(),
        );
        to.register("log_lines_lost", "Log lines that were not written", lost_lines);
    }

    /// The handles of one operation. Resolve them once, when routes are built.
    #[must_use]
    pub fn operation(&self, dialect: &'static str, operation: &'static str) -> OperationMetrics {
        let counter = |outcome: Outcome| {
            let labels = OperationLabels { dialect, operation, outcome: outcome.as_str() };
            self.requests.get_or_create_owned(&labels)
        };
        OperationMetrics {
            by_outcome: Outcome::ALL.map(counter),
            durations: self.request_durations.get_or_create_owned(&DialectLabel { dialect }),
        }
    }

    /// Takes over what other parts count for themselves. Called before the metrics are shown.
    pub fn refresh(&self, service: &Service, stats: &Stats) {
        let catch_up = |counter: &Counter, now: u64| {
            counter.inc_by(now.saturating_sub(counter.get()));
        };
        let directory = service.directory().counts();
        catch_up(&self.directory_hits, directory.hits.load(Relaxed));
        catch_up(&self.directory_misses, directory.misses.load(Relaxed));
        catch_up(&self.damaged_records, directory.damaged.load(Relaxed));
        catch_up(&self.suspected_replays, service.suspected_replays());
        catch_up(&self.panics, stats.panics());
        for (reason, count) in service.refusal_totals() {
            catch_up(&self.failed_authentications.get_or_create(&ReasonLabel { reason }), count);
        }
        for refusal in Refusal::ALL {
            let label = HeadLabel { reason: refusal.to_string() };
            catch_up(&self.refused_heads.get_or_create(&label), stats.refused(refusal));
        }
        for (listener, door) in [("public", Door::Public), ("admin", Door::Admin), ("gate", Door::Gate)] {
            let open = i64::try_from(stats.door(door).open()).unwrap_or(i64::MAX);
            self.connections.get_or_create(&ListenerLabel { listener }).set(open);
        }
    }

    /// All metrics as text, of type [`CONTENT_TYPE`].
    ///
    /// # Errors
    /// Never in practice: writing to memory does not fail.
    pub fn exposition(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

/// The counters of one operation.
#[derive(Clone, Debug)]
pub struct OperationMetrics {
    by_outcome: [Counter; Outcome::ALL.len()],
    durations: DurationHistogram,
}

impl OperationMetrics {
    /// Counts one request and its duration in microseconds.
    pub fn record(&self, outcome: Outcome, duration_us: u64) {
        if let Some(counter) = self.by_outcome.get(outcome.index()) {
            counter.inc();
        }
        self.durations.observe_us(duration_us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_shown() {
        let metrics = Metrics::new();
        let list = metrics.operation("scloud", "ListAccessKeys");
        list.record(Outcome::Ok, 90);
        list.record(Outcome::Ok, 300);
        metrics.operation("scloud", "ListAccessKeys").record(Outcome::Refused, 20_000_000);
        metrics.store_commits.observe_us(1_000);
        metrics.directory_hits.inc();
        metrics.audit_head_seq.set(42);
        metrics.log.dropped.inc();

        let text = metrics.exposition().unwrap();
        for line in [
            "keyward_requests_total{dialect=\"scloud\",operation=\"ListAccessKeys\",outcome=\"ok\"} 2",
            "keyward_requests_total{dialect=\"scloud\",operation=\"ListAccessKeys\",outcome=\"refused\"} 1",
            "keyward_requests_total{dialect=\"scloud\",operation=\"ListAccessKeys\",outcome=\"failed\"} 0",
            "keyward_request_duration_seconds_bucket{le=\"0.0001\",dialect=\"scloud\"} 1",
            "keyward_request_duration_seconds_bucket{le=\"0.0005\",dialect=\"scloud\"} 2",
            "keyward_request_duration_seconds_bucket{le=\"10.0\",dialect=\"scloud\"} 2",
            "keyward_request_duration_seconds_bucket{le=\"+Inf\",dialect=\"scloud\"} 3",
            "keyward_request_duration_seconds_count{dialect=\"scloud\"} 3",
            "keyward_request_duration_seconds_sum{dialect=\"scloud\"} 20.00039",
            "keyward_panics_total 0",
            "keyward_store_commit_duration_seconds_bucket{le=\"0.001\"} 1",
            "keyward_directory_lookups_total{result=\"hit\"} 1",
            "keyward_directory_lookups_total{result=\"miss\"} 0",
            "keyward_audit_head_seq 42",
            "keyward_log_lines_lost_total{reason=\"queue full\"} 1",
            "# EOF",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} is missing in\n{text}");
        }
    }
}
