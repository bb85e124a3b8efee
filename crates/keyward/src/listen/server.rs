//! Workers: one thread per core, each with its own single-threaded runtime; no request changes its thread.
//!
//! The threads share each bound socket through duplicated descriptors. `SO_REUSEPORT` would spread connections
//! too, but it would also let a second server take half of the first one's port without a word.

use super::accept::{Acceptor, Common, Entrance};
use super::connection::Shared;
use super::crew::{Crew, Job};
use super::limits::{Caps, Limits};
use super::service::{Door, Service};
use super::stats::Stats;
#[cfg(feature = "tls")]
use super::tls::Tls;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Where connections come in.
#[derive(Debug)]
pub struct Listener {
    /// What it is for; the service is told.
    pub door: Door,
    /// The bound socket.
    pub socket: Socket,
    /// Whether TLS ends here.
    pub security: Security,
    /// Its own, so that a flood on one listener leaves the others theirs.
    pub caps: Caps,
}

/// A socket that is bound and listening.
#[derive(Debug)]
pub enum Socket {
    /// TCP, IPv4 or IPv6.
    Tcp(std::net::TcpListener),
    /// Unix stream socket; the owner of the file decides who may connect.
    Unix(std::os::unix::net::UnixListener),
}

impl Socket {
    fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(socket) => socket.try_clone().map(Self::Tcp),
            Self::Unix(socket) => socket.try_clone().map(Self::Unix),
        }
    }
}

/// What protects the bytes of a connection.
#[derive(Debug, Clone)]
pub enum Security {
    /// Nothing: HTTP/1 only.
    Plain,
    /// TLS 1.2 or 1.3; HTTP/2 where the client asks for it.
    #[cfg(feature = "tls")]
    Tls(Tls),
}

/// A server before its start.
pub struct Server<S> {
    service: Arc<S>,
    limits: Arc<Limits>,
    stats: Arc<Stats>,
    listeners: Vec<Listener>,
}

impl<S: Service> Server<S> {
    /// A server without listeners.
    pub fn new(service: Arc<S>, limits: Limits, stats: Arc<Stats>) -> Self {
        Self { service, limits: Arc::new(limits), stats, listeners: Vec::new() }
    }

    /// Adds a listener.
    #[must_use]
    pub fn listen(mut self, listener: Listener) -> Self {
        self.listeners.push(listener);
        self
    }

    /// Starts `workers` threads, which accept connections from now on. Cancelling `stop` ends that; requests
    /// in flight may finish within [`Limits::drain_timeout`].
    ///
    /// # Errors
    /// The system grants no runtime, descriptor or thread. Whatever was started stops.
    pub fn start(self, workers: NonZeroUsize, stop: &CancellationToken) -> io::Result<Running> {
        let entrances = self.entrances();
        let mut running = Running { workers: Vec::new() };
        let abandon = stop.clone().drop_guard();
        let (crew, inboxes) = Crew::new(workers.get());
        for (number, inbox) in inboxes.into_iter().enumerate() {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let shared = Arc::new(Shared {
                service: Arc::clone(&self.service),
                limits: Arc::clone(&self.limits),
                stats: Arc::clone(&self.stats),
                // A token of its own, for every connection locks it whenever it is polled.
                drain: stop.child_token(),
                tasks: TaskTracker::new(),
            });
            let acceptor = Acceptor { shared: Arc::clone(&shared), crew: Arc::clone(&crew), number };
            for (listener, entrance) in self.listeners.iter().zip(&entrances) {
                let socket = listener.socket.try_clone()?;
                let _context = runtime.enter();
                acceptor.accept_on(socket, entrance)?;
            }
            running.workers.push(Worker::start(number, runtime, shared, inbox, stop.clone())?);
        }
        abandon.disarm();
        Ok(running)
    }

    fn entrances(&self) -> Vec<Arc<Entrance>> {
        let common = Common::new(&self.limits);
        let entrance = |listener| Arc::new(Entrance::new(listener, &self.stats, &common));
        self.listeners.iter().map(entrance).collect()
    }
}

/// The threads of a server.
#[derive(Debug)]
pub struct Running {
    workers: Vec<Worker>,
}

/// A worker thread has panicked. The others were stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an HTTP worker thread has panicked")]
pub struct WorkerPanicked;

impl Running {
    /// Waits until every worker has drained and ended; nothing asks them to but the token given at the start.
    ///
    /// # Errors
    /// [`WorkerPanicked`]; this module has a defect.
    pub async fn finished(self) -> Result<(), WorkerPanicked> {
        let mut outcome = Ok(());
        for worker in self.workers {
            // The sender is dropped as the thread's last act, so that the join does not block.
            let _ended = worker.ended.await;
            outcome = outcome.and(worker.thread.join().map_err(|_panic| WorkerPanicked));
        }
        outcome
    }
}

#[derive(Debug)]
struct Worker {
    ended: oneshot::Receiver<()>,
    thread: JoinHandle<()>,
}

impl Worker {
    fn start<S: Service>(
        number: usize,
        runtime: Runtime,
        shared: Arc<Shared<S>>,
        mut inbox: UnboundedReceiver<Job<S>>,
        stop: CancellationToken,
    ) -> io::Result<Self> {
        let (ending, ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name(format!("http-{number}")).spawn(move || {
            let _ending: oneshot::Sender<()> = ending;
            // Should this thread panic, then a server with fewer workers must not go on silently.
            let _stop_all = stop.drop_guard();
            runtime.block_on(async {
                let work = async {
                    while let Some(job) = inbox.recv().await {
                        job(&shared);
                    }
                };
                tokio::select! {
                    () = shared.drain.cancelled() => {}
                    () = work => {}
                }
                // Connections that are still on their way are closed: they have asked for nothing yet.
                drop(inbox);
                shared.tasks.close();
                let drained = shared.tasks.wait();
                // Whoever is late is dropped with the runtime.
                let _late = tokio::time::timeout(shared.limits.drain_timeout, drained).await;
            });
            runtime.shutdown_background();
        })?;
        Ok(Self { ended, thread })
    }
}
