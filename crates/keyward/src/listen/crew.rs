//! Spreads connections over the workers.
//!
//! Every worker accepts, but the kernel does not care how evenly: of 64 connections opened at once, one of two
//! workers often got all (measured), and half of the machine stayed idle. So whoever accepts a connection
//! hands it to the worker that has the fewest.

use super::connection::Shared;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What a worker does for another one: take over a connection.
pub(super) type Job<S> = Box<dyn FnOnce(&Arc<Shared<S>>) + Send>;

/// All workers of a server.
pub(super) struct Crew<S> {
    workers: Vec<Worker<S>>,
}

struct Worker<S> {
    connections: AtomicUsize,
    /// Holds a job per connection at most, so the caps of the listeners bound it.
    inbox: UnboundedSender<Job<S>>,
}

impl<S> Crew<S> {
    /// A crew and the inbox of each of its workers.
    pub(super) fn new(workers: usize) -> (Arc<Self>, Vec<UnboundedReceiver<Job<S>>>) {
        let (workers, inboxes) = (0..workers)
            .map(|_| {
                let (inbox, jobs) = unbounded_channel();
                (Worker { connections: AtomicUsize::new(0), inbox }, jobs)
            })
            .unzip();
        (Arc::new(Self { workers }), inboxes)
    }

    /// A place at the worker with the fewest connections, at `own` among equals.
    pub(super) fn place(self: &Arc<Self>, own: usize) -> Place<S> {
        let load = |&(number, worker): &(usize, &Worker<S>)| {
            (worker.connections.load(Relaxed), usize::from(number != own))
        };
        let least = self.workers.iter().enumerate().min_by_key(load);
        let number = least.map_or(own, |(number, _)| number);
        if let Some(worker) = self.workers.get(number) {
            worker.connections.fetch_add(1, Relaxed);
        }
        Place { crew: Arc::clone(self), number }
    }

    /// Has a worker do `job`. One that has ended drops it, and the connection with it.
    pub(super) fn send(&self, worker: usize, job: Job<S>) {
        if let Some(worker) = self.workers.get(worker) {
            let _ended = worker.inbox.send(job);
        }
    }
}

/// A connection's place at a worker, for as long as it lives.
pub(super) struct Place<S> {
    crew: Arc<Crew<S>>,
    number: usize,
}

impl<S> Place<S> {
    /// The number of its worker.
    pub(super) fn worker(&self) -> usize {
        self.number
    }
}

impl<S> Drop for Place<S> {
    fn drop(&mut self) {
        if let Some(worker) = self.crew.workers.get(self.number) {
            worker.connections.fetch_sub(1, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_spread_evenly_and_come_back() {
        let (crew, _inboxes) = Crew::<()>::new(3);
        let mut places: Vec<_> = (0..9).map(|_| crew.place(1)).collect();
        assert_eq!(places.iter().map(|place| place.number).collect::<Vec<_>>(), [1, 0, 2, 1, 0, 2, 1, 0, 2]);
        places.retain(|place| place.worker() != 2);
        assert!((0..3).map(|_| crew.place(1)).collect::<Vec<_>>().iter().all(|place| place.worker() == 2));
    }
}
