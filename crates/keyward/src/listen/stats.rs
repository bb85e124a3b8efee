//! Counters of the HTTP front, for metrics and for tests. No label comes from a request.

use super::refusal::Refusal;
use super::service::Door;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// What has happened since the start, and what is open now. Made by the caller, so that the service that
/// shows the metrics can hold it too.
#[derive(Debug, Default)]
pub struct Stats {
    public: DoorStats,
    admin: DoorStats,
    gate: DoorStats,
    refusals: [AtomicU64; Refusal::ALL.len()],
    panics: AtomicU64,
    handshakes: AtomicUsize,
    failed_handshakes: AtomicU64,
}

/// The counters of all listeners of one door.
#[derive(Debug, Default)]
pub struct DoorStats {
    pub(super) open: AtomicUsize,
    pub(super) accepted: AtomicU64,
    pub(super) over_total: AtomicU64,
    pub(super) over_source: AtomicU64,
    pub(super) accept_errors: AtomicU64,
}

impl Stats {
    /// The counters of one door.
    pub fn door(&self, door: Door) -> &DoorStats {
        match door {
            Door::Public => &self.public,
            Door::Admin => &self.admin,
            Door::Gate => &self.gate,
        }
    }

    /// Requests and connections turned away for this reason.
    pub fn refused(&self, refusal: Refusal) -> u64 {
        self.refusals.get(refusal as usize).map_or(0, |count| count.load(Relaxed))
    }

    /// Panics of the service.
    pub fn panics(&self) -> u64 {
        self.panics.load(Relaxed)
    }

    /// TLS handshakes under way.
    pub fn handshakes(&self) -> usize {
        self.handshakes.load(Relaxed)
    }

    /// TLS handshakes that failed or took too long.
    pub fn failed_handshakes(&self) -> u64 {
        self.failed_handshakes.load(Relaxed)
    }

    pub(super) fn count_refusal(&self, refusal: Refusal) {
        if let Some(count) = self.refusals.get(refusal as usize) {
            count.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn count_panic(&self) {
        self.panics.fetch_add(1, Relaxed);
    }

    pub(super) fn count_failed_handshake(&self) {
        self.failed_handshakes.fetch_add(1, Relaxed);
    }

    /// Counts a handshake as under way until the guard is dropped.
    pub(super) fn handshake(&self) -> impl Drop + '_ {
        Gauge::up(&self.handshakes)
    }
}

impl DoorStats {
    /// Connections open now.
    pub fn open(&self) -> usize {
        self.open.load(Relaxed)
    }

    /// Connections that were given a slot.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    /// Connections closed at once because the listener was full.
    pub fn over_total(&self) -> u64 {
        self.over_total.load(Relaxed)
    }

    /// Connections closed at once because their source had too many.
    pub fn over_source(&self) -> u64 {
        self.over_source.load(Relaxed)
    }

    /// Failures to accept, such as a lack of descriptors.
    pub fn accept_errors(&self) -> u64 {
        self.accept_errors.load(Relaxed)
    }
}

/// One more while it lives.
struct Gauge<'a>(&'a AtomicUsize);

impl<'a> Gauge<'a> {
    fn up(gauge: &'a AtomicUsize) -> Self {
        gauge.fetch_add(1, Relaxed);
        Self(gauge)
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
