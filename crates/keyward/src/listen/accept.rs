//! Accepts connections, gives each its slot and runs it.

use super::caps::{Slot, Slots};
use super::connection::Shared;
use super::crew::{Crew, Place};
use super::limits::Limits;
use super::server::{Listener, Security, Socket};
use super::service::{ConnectionInfo, Door, Peer, Service, Transport};
use super::stats::Stats;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// How long an accept loop rests when the system lacks descriptors or memory.
const PAUSE: Duration = Duration::from_millis(50);

/// What the accept loops of one listener share over all workers.
pub(super) struct Entrance {
    door: Door,
    security: Security,
    slots: Arc<Slots>,
    common: Common,
}

/// What all listeners of a server share.
#[derive(Clone)]
pub(super) struct Common {
    connections: Arc<AtomicU64>,
    handshakes: Arc<Semaphore>,
}

impl Common {
    pub(super) fn new(limits: &Limits) -> Self {
        let handshakes = Arc::new(Semaphore::new(limits.tls_handshakes.min(Semaphore::MAX_PERMITS)));
        Self { connections: Arc::default(), handshakes }
    }
}

impl Entrance {
    pub(super) fn new(listener: &Listener, stats: &Arc<Stats>, common: &Common) -> Self {
        Self {
            door: listener.door,
            security: listener.security.clone(),
            slots: Slots::new(listener.caps, listener.door, Arc::clone(stats)),
            common: common.clone(),
        }
    }

    fn transport(&self) -> Transport {
        match self.security {
            Security::Plain => Transport::Plain,
            #[cfg(feature = "tls")]
            Security::Tls(_) => Transport::Tls,
        }
    }

    /// Serves one connection to its end.
    async fn serve<S, I>(self: Arc<Self>, io: I, from: ConnectionInfo, shared: Arc<Shared<S>>)
    where
        S: Service,
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        match &self.security {
            Security::Plain => shared.serve_http1(io, from).await,
            #[cfg(feature = "tls")]
            Security::Tls(tls) => {
                let handshake = tls.handshake(io, &self.common.handshakes, &shared.limits, &shared.stats);
                match handshake.await {
                    Some(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                        shared.serve_http2(stream, from).await;
                    }
                    Some(stream) => shared.serve_http1(stream, from).await,
                    None => {}
                }
            }
        }
    }
}

/// A socket that connections can be accepted from.
trait Accept: Send + Sync + 'static {
    /// A connection in the runtime of one worker.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// A connection on its way to another worker.
    type Detached: Send + 'static;

    fn next(&self) -> impl Future<Output = io::Result<Arrival<Self::Stream>>> + Send;
    fn detach(stream: Self::Stream) -> io::Result<Self::Detached>;
    fn attach(stream: Self::Detached) -> io::Result<Self::Stream>;
}

struct Arrival<I> {
    io: I,
    peer: Peer,
    local: Option<SocketAddr>,
}

impl Accept for TcpListener {
    type Stream = TcpStream;
    type Detached = std::net::TcpStream;

    async fn next(&self) -> io::Result<Arrival<TcpStream>> {
        let (io, peer) = self.accept().await?;
        // Answers are written whole; waiting for more to send would only delay them.
        io.set_nodelay(true)?;
        let local = Some(io.local_addr()?);
        Ok(Arrival { io, peer: Peer::Tcp(peer), local })
    }

    fn detach(stream: TcpStream) -> io::Result<std::net::TcpStream> {
        stream.into_std()
    }

    fn attach(stream: std::net::TcpStream) -> io::Result<TcpStream> {
        TcpStream::from_std(stream)
    }
}

impl Accept for UnixListener {
    type Stream = UnixStream;
    type Detached = std::os::unix::net::UnixStream;

    async fn next(&self) -> io::Result<Arrival<UnixStream>> {
        let (io, _) = self.accept().await?;
        Ok(Arrival { io, peer: Peer::Unix, local: None })
    }

    fn detach(stream: UnixStream) -> io::Result<std::os::unix::net::UnixStream> {
        stream.into_std()
    }

    fn attach(stream: std::os::unix::net::UnixStream) -> io::Result<UnixStream> {
        UnixStream::from_std(stream)
    }
}

/// One worker's part in accepting.
pub(super) struct Acceptor<S> {
    pub(super) shared: Arc<Shared<S>>,
    pub(super) crew: Arc<Crew<S>>,
    /// The worker's number in the crew.
    pub(super) number: usize,
}

impl<S> Clone for Acceptor<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), crew: Arc::clone(&self.crew), number: self.number }
    }
}

impl<S: Service> Acceptor<S> {
    /// Accepts on `socket` from now on, in a task of the runtime that is entered, until the drain.
    ///
    /// # Errors
    /// The runtime does not take the socket.
    pub(super) fn accept_on(&self, socket: Socket, entrance: &Arc<Entrance>) -> io::Result<()> {
        let (acceptor, entrance) = (self.clone(), Arc::clone(entrance));
        match socket {
            Socket::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                tokio::spawn(acceptor.accept_until_drain(TcpListener::from_std(socket)?, entrance));
            }
            Socket::Unix(socket) => {
                socket.set_nonblocking(true)?;
                tokio::spawn(acceptor.accept_until_drain(UnixListener::from_std(socket)?, entrance));
            }
        }
        Ok(())
    }

    async fn accept_until_drain<A: Accept>(self, socket: A, entrance: Arc<Entrance>) {
        tokio::select! {
            () = self.shared.drain.cancelled() => {}
            () = self.accept_all(socket, &entrance) => {}
        }
    }

    async fn accept_all<A: Accept>(&self, socket: A, entrance: &Arc<Entrance>) {
        loop {
            match socket.next().await {
                Ok(arrival) => self.admit::<A>(arrival, entrance),
                Err(error) if left_already(&error) => {}
                Err(_) => {
                    entrance.slots.counters().accept_errors.fetch_add(1, Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    fn admit<A: Accept>(&self, arrival: Arrival<A::Stream>, entrance: &Arc<Entrance>) {
        // Without a slot the connection is dropped at once: an answer would cost what the cap is to save.
        let Some(slot) = entrance.slots.take(arrival.peer) else { return };
        let from = ConnectionInfo {
            id: entrance.common.connections.fetch_add(1, Relaxed),
            door: entrance.door,
            peer: arrival.peer,
            local: arrival.local,
            transport: entrance.transport(),
        };
        let place = self.crew.place(self.number);
        let worker = place.worker();
        let hold = Hold { _slot: slot, _place: place };
        let entrance = Arc::clone(entrance);
        if worker == self.number {
            spawn(arrival.io, from, entrance, hold, &self.shared);
        } else if let Ok(detached) = A::detach(arrival.io) {
            let take_over = move |shared: &Arc<Shared<S>>| {
                if let Ok(io) = A::attach(detached) {
                    spawn(io, from, entrance, hold, shared);
                }
            };
            self.crew.send(worker, Box::new(take_over));
        }
    }
}

/// What a connection holds and gives back on every way it can end.
struct Hold<S> {
    _slot: Slot,
    _place: Place<S>,
}

fn spawn<S, I>(io: I, from: ConnectionInfo, entrance: Arc<Entrance>, hold: Hold<S>, shared: &Arc<Shared<S>>)
where
    S: Service,
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let served = entrance.serve(io, from, Arc::clone(shared));
    shared.tasks.spawn(async move {
        served.await;
        drop(hold);
    });
}

/// The client gave up while it was waiting; nothing is wrong here.
fn left_already(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput, NotConnected};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput | NotConnected
    )
}
