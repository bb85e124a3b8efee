//! Threads that read, each over a read-only connection of its own, behind one bounded queue.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use domain::store::StoreError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::closed;
use super::fault::Fault;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// The queue in front of the reading threads.
pub(super) struct Readers {
    jobs: Mutex<Option<SyncSender<Job>>>,
}

impl Readers {
    /// Starts a thread for each connection. The threads end once the queue is closed and empty.
    pub(super) fn start(
        connections: Vec<Connection>,
        queue: usize,
    ) -> std::io::Result<(Self, Vec<JoinHandle<()>>)> {
        let (sender, receiver) = sync_channel(queue);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut threads = Vec::new();
        for connection in connections {
            let receiver = receiver.clone();
            let thread = thread::Builder::new().name("keyward-read".to_owned());
            threads.push(thread.spawn(move || work(connection, &receiver))?);
        }
        Ok((Self { jobs: Mutex::new(Some(sender)) }, threads))
    }

    /// Runs `read` on one of the threads, inside a read transaction.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, answer) = oneshot::channel();
        self.enqueue(Box::new(move |db| {
            // Nobody waits any more: do not read for nobody.
            if !sender.is_closed() {
                let _ = sender.send(in_transaction(db, read));
            }
        }))?;
        answer.await.map_err(|_| closed())?.map_err(StoreError::from)
    }

    /// Lets no more reads in.
    pub(super) fn close(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    fn enqueue(&self, job: Job) -> Result<(), StoreError> {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        match jobs.as_ref().ok_or_else(closed)?.try_send(job) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(_)) => Err(StoreError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(closed()),
        }
    }
}

fn work(mut db: Connection, jobs: &Mutex<Receiver<Job>>) {
    loop {
        // The lock is held while waiting: one thread waits for a job, the others for their turn to wait.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(&mut db),
            Err(_) => return,
        }
    }
}

/// Several statements of one read see one moment. Nothing was written, so leaving the transaction by rolling back is right.
fn in_transaction<T>(
    db: &mut Connection,
    read: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let transaction = db.transaction()?;
    read(&transaction)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::task::{Context, Poll, Waker};

    use super::{Connection, Readers, StoreError};

    #[test]
    fn a_full_queue_is_busy_and_a_closed_one_is_worked_off() {
        let (readers, threads) = Readers::start(vec![Connection::open_in_memory().unwrap()], 2).unwrap();
        let context = &mut Context::from_waker(Waker::noop());
        let ((entered, has_entered), (go_on, may_go_on)) = (channel(), channel::<()>());
        let mut slow = Box::pin(readers.read(move |_| {
            entered.send(()).unwrap();
            may_go_on.recv().unwrap();
            Ok(1)
        }));
        assert!(slow.as_mut().poll(context).is_pending());
        has_entered.recv().unwrap();
        let mut queued: Vec<_> = (2..4).map(|number| Box::pin(readers.read(move |_| Ok(number)))).collect();
        assert!(queued.iter_mut().all(|read| read.as_mut().poll(context).is_pending()));
        let mut one_more = Box::pin(readers.read(|_| Ok(4)));
        assert_eq!(one_more.as_mut().poll(context), Poll::Ready(Err(StoreError::Busy)));

        readers.close();
        go_on.send(()).unwrap();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(slow.as_mut().poll(context), Poll::Ready(Ok(1)));
        for (number, read) in (2..).zip(&mut queued) {
            assert_eq!(read.as_mut().poll(context), Poll::Ready(Ok(number)));
        }
        let mut late = Box::pin(readers.read(|_| Ok(5)));
        assert!(matches!(late.as_mut().poll(context), Poll::Ready(Err(StoreError::Unavailable(_)))));
    }
}
