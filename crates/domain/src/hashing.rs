//! Slow hashes beside the async threads: a few threads of their own behind a bounded queue, so that a flood of logins costs
//! those who log in and nobody else (threat T83).

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use tokio::sync::oneshot;

/// Hashes that may wait; beyond, the service is busy.
const QUEUE: usize = 64;

type Job = Box<dyn FnOnce() + Send>;

/// The threads, which start with the first hash.
#[derive(Debug, Default)]
pub(crate) struct Hashing {
    queue: OnceLock<SyncSender<Job>>,
}

/// The queue is full, or the threads do not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Hashing {
    /// Runs `work` on one of the threads.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Full> {
        let (done, answer) = oneshot::channel();
        let job: Job = Box::new(move || {
            // Nobody waits any more when the client is gone.
            let _ = done.send(work());
        });
        self.queue.get_or_init(start).try_send(job).map_err(|_| Full)?;
        answer.await.map_err(|_| Full)
    }
}

/// Two threads for each core: while one waits for memory, the other computes.
fn start() -> SyncSender<Job> {
    let (queue, jobs) = sync_channel::<Job>(QUEUE);
    let jobs = Arc::new(Mutex::new(jobs));
    let threads = thread::available_parallelism().map_or(2, usize::from) * 2;
    for _ in 0..threads {
        let jobs = jobs.clone();
        // Where a thread does not start, the others have more to do; where none does, every hash finds the queue closed.
        let _ = thread::Builder::new().name("keyward-hash".to_owned()).spawn(move || work_off(&jobs));
    }
    queue
}

fn work_off(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        job();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::{Full, Hashing, QUEUE};

    #[test]
    fn t83_the_queue_is_bounded_and_those_inside_are_served() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let hashing = Hashing::default();
        let (open, gate) = mpsc::channel::<()>();
        let gate = std::sync::Arc::new(std::sync::Mutex::new(gate));
        runtime.block_on(async {
            let mut waiting = Vec::new();
            // More than the threads and the queue can ever hold: the last must be refused at once.
            let threads = std::thread::available_parallelism().map_or(2, usize::from) * 2;
            let mut refused = 0;
            for number in 0..QUEUE + threads + 1 {
                let gate = gate.clone();
                let mut run = Box::pin(hashing.run(move || {
                    let _ = gate.lock().unwrap().recv();
                    number
                }));
                match futures_poll(run.as_mut()) {
                    Some(Err(Full)) => refused += 1,
                    Some(Ok(_)) => panic!("nothing was let through yet"),
                    None => waiting.push((number, run)),
                }
            }
            assert!(refused >= 1);
            drop(open);
            for (number, run) in waiting {
                assert_eq!(run.await, Ok(number));
            }
        });
    }

    fn futures_poll<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.poll(&mut context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}
