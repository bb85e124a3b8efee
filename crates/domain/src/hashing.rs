//! Slow hashes beside the async threads: a few threads of their own behind a bounded queue, so that a flood of logins costs
//! those who log in and nobody else (threat T83).

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Poll, Waker};
use std::thread;

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
        let place = Arc::new(Place::default());
        let promise = Promise(place.clone());
        let job: Job = Box::new(move || promise.keep(work()));
        self.queue.get_or_init(start).try_send(job).map_err(|_| Full)?;
        poll_fn(|context| {
            let mut answer = place.lock();
            match answer.value.take() {
                Some(value) => Poll::Ready(Ok(value)),
                None if answer.is_over => Poll::Ready(Err(Full)),
                None => {
                    answer.waker = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

/// Where an answer is put and awaited.
struct Place<T>(Mutex<Answer<T>>);

struct Answer<T> {
    value: Option<T>,
    is_over: bool,
    waker: Option<Waker>,
}

impl<T> Default for Place<T> {
    fn default() -> Self {
        Self(Mutex::new(Answer { value: None, is_over: false, waker: None }))
    }
}

impl<T> Place<T> {
    fn lock(&self) -> MutexGuard<'_, Answer<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That a place will be filled. Dropped without that, it ends the wait all the same.
struct Promise<T>(Arc<Place<T>>);

impl<T> Promise<T> {
    fn keep(self, value: T) {
        self.0.lock().value = Some(value);
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        let waker = {
            let mut answer = self.0.lock();
            answer.is_over = true;
            answer.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Two threads for each core: while one waits for memory, the other computes.
fn start() -> SyncSender<Job> {
    let (queue, jobs) = sync_channel::<Job>(QUEUE);
    let jobs = Arc::new(Mutex::new(jobs));
    for _ in 0..threads() {
        let jobs = jobs.clone();
        // Where a thread does not start, the others have more to do; where none does, every hash finds the queue closed.
        let _ = thread::Builder::new().name("keyward-hash".to_owned()).spawn(move || work_off(&jobs));
    }
    queue
}

fn threads() -> usize {
    thread::available_parallelism().map_or(2, usize::from) * 2
}

fn work_off(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // A thread outlives work that panics; who waits for it is told by its promise.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use std::pin::{Pin, pin};
    use std::sync::mpsc;
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll, Wake, Waker};
    use std::thread::{self, Thread};

    use super::{Full, Hashing, QUEUE, threads};

    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        let mut future = pin!(future);
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        loop {
            match future.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::park(),
            }
        }
    }

    fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn t83_the_queue_is_bounded_and_those_inside_are_served() {
        let hashing = Hashing::default();
        let (open, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let mut waiting = Vec::new();
        let mut refused = 0;
        // More than the threads and the queue hold together, while nothing gets through.
        for number in 0..QUEUE + threads() + 1 {
            let gate = gate.clone();
            let mut run = Box::pin(hashing.run(move || {
                let _ = gate.lock().unwrap().recv();
                number
            }));
            match poll_once(run.as_mut()) {
                Poll::Ready(Err(Full)) => refused += 1,
                Poll::Ready(Ok(_)) => panic!("nothing was let through yet"),
                Poll::Pending => waiting.push((number, run)),
            }
        }
        assert!(refused >= 1);
        assert!(waiting.len() >= QUEUE);
        drop(open);
        for (number, run) in waiting {
            assert_eq!(block_on(run), Ok(number));
        }
    }

    #[test]
    fn work_that_panics_ends_its_wait() {
        let hashing = Hashing::default();
        assert_eq!(block_on(hashing.run(|| -> u8 { panic!("on purpose") })), Err(Full));
    }
}
