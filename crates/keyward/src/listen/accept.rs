//! Accepts connections, gives each its slot and runs it.

use super::caps::{Slot, Slots};
use super::connection::Shared;
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

    /// Serves one connection to its end; the slot is given back on every way out of here.
    async fn serve<S, I>(self: Arc<Self>, io: I, from: ConnectionInfo, slot: Slot, shared: Arc<Shared<S>>)
    where
        S: Service,
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let _slot = slot;
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
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    fn next(&self) -> impl Future<Output = io::Result<Arrival<Self::Stream>>> + Send;
}

struct Arrival<I> {
    io: I,
    peer: Peer,
    local: Option<SocketAddr>,
}

impl Accept for TcpListener {
    type Stream = TcpStream;

    async fn next(&self) -> io::Result<Arrival<TcpStream>> {
        let (io, peer) = self.accept().await?;
        // Answers are written whole; waiting for more to send would only delay them.
        io.set_nodelay(true)?;
        let local = Some(io.local_addr()?);
        Ok(Arrival { io, peer: Peer::Tcp(peer), local })
    }
}

impl Accept for UnixListener {
    type Stream = UnixStream;

    async fn next(&self) -> io::Result<Arrival<UnixStream>> {
        let (io, _) = self.accept().await?;
        Ok(Arrival { io, peer: Peer::Unix, local: None })
    }
}

/// Accepts on `socket` from now on, in a task of the runtime that is entered, until the drain.
///
/// # Errors
/// The runtime does not take the socket.
pub(super) fn accept_connections<S: Service>(
    socket: Socket,
    entrance: Arc<Entrance>,
    shared: Arc<Shared<S>>,
) -> io::Result<()> {
    match socket {
        Socket::Tcp(socket) => {
            socket.set_nonblocking(true)?;
            tokio::spawn(accept_all(TcpListener::from_std(socket)?, entrance, shared));
        }
        Socket::Unix(socket) => {
            socket.set_nonblocking(true)?;
            tokio::spawn(accept_all(UnixListener::from_std(socket)?, entrance, shared));
        }
    }
    Ok(())
}

async fn accept_all<A: Accept, S: Service>(socket: A, entrance: Arc<Entrance>, shared: Arc<Shared<S>>) {
    let accept = async {
        loop {
            match socket.next().await {
                Ok(arrival) => admit(arrival, &entrance, &shared),
                Err(error) if left_already(&error) => {}
                Err(_) => {
                    entrance.slots.counters().accept_errors.fetch_add(1, Relaxed);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = shared.drain.cancelled() => {}
        () = accept => {}
    }
}

fn admit<I, S>(arrival: Arrival<I>, entrance: &Arc<Entrance>, shared: &Arc<Shared<S>>)
where
    S: Service,
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Without a slot the connection is dropped at once: an answer would cost what the cap is to save.
    let Some(slot) = entrance.slots.take(arrival.peer) else { return };
    let from = ConnectionInfo {
        id: entrance.common.connections.fetch_add(1, Relaxed),
        door: entrance.door,
        peer: arrival.peer,
        local: arrival.local,
        transport: entrance.transport(),
    };
    shared.tasks.spawn(Arc::clone(entrance).serve(arrival.io, from, slot, Arc::clone(shared)));
}

/// The client gave up while it was waiting; nothing is wrong here.
fn left_already(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput, NotConnected};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput | NotConnected
    )
}
