//! Whether the store may still acknowledge. Once it has failed it never does again (promise P5).

use std::sync::{Arc, Mutex, PoisonError};

use domain::store::{CommitObserver, StoreError};

/// Shared by everything that writes.
pub(super) struct Health {
    cause: Mutex<Option<String>>,
    observer: Arc<dyn CommitObserver>,
}

impl Health {
    pub(super) fn new(observer: Arc<dyn CommitObserver>) -> Self {
        Self { cause: Mutex::default(), observer }
    }

    /// Stops all acknowledgements and tells the observer, the first time.
    pub(super) fn fail(&self, cause: &str) {
        let mut first = self.cause.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_none() {
            *first = Some(cause.to_owned());
            drop(first);
            self.observer.failed(cause);
        }
    }

    /// Why nothing is accepted any more, if so.
    pub(super) fn error(&self) -> Option<StoreError> {
        let cause = self.cause.lock().unwrap_or_else(PoisonError::into_inner);
        cause.as_ref().map(|cause| StoreError::Unavailable(cause.clone()))
    }

    /// Runs `acknowledge` unless the store has failed. A failure that is noticed meanwhile, by a checkpoint say, waits: no
    /// acknowledgement comes after it.
    pub(super) fn acknowledge(&self, acknowledge: impl FnOnce(Option<StoreError>)) {
        let cause = self.cause.lock().unwrap_or_else(PoisonError::into_inner);
        acknowledge(cause.as_ref().map(|cause| StoreError::Unavailable(cause.clone())));
    }
}

/// Held by a thread that writes: if it ends by a panic, the store has failed.
pub(super) struct Watch(pub(super) Arc<Health>);

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail("a thread of the store stopped unexpectedly");
        }
    }
}
