//! A running server: opened, bound, announced, drained.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use dialects::Registry;
use domain::Service;
use domain::audit::{AuditEntry, ChainHead};
use domain::store::CommitError;
use domain::vault::to_hex;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use crate::config::{Config, LogLevel};
use crate::front::Front;
use crate::gate::socket::GateSocket;
use crate::gate::{Gate, GateSettings};
use crate::listen::{Door, Limits, Listener, Running, Security, Server, Socket, Stats, WorkerPanicked};
use crate::node::bootstrap::{self, FirstKey};
use crate::node::{Alarms, Node, OnMissing, World};
use crate::operator::socket::AdminSocket;
use crate::operator::{Operator, Standing};
use crate::pipeline::Pipeline;
use crate::shutdown::{self, Ended, Signals};
use crate::system;
use crate::telemetry::log::Log;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::{DurationHistogram, Value};

/// How often counted refusals and last uses of keys are written.
const NOTES_EVERY: Duration = Duration::from_secs(1);
/// How often a new head of the audit chain is written to the log, which leaves the machine in most installations.
const HEAD_EVERY: Duration = Duration::from_secs(60);

/// How long requests for health and metrics may run on when everything else has ended.
const ADMIN_DRAIN: Duration = Duration::from_secs(1);

/// Runs a server until it is told to stop. Returns when everything is drained and closed.
///
/// # Errors
/// A sentence for the operator.
pub async fn serve(
    config: Config,
    world: World,
    unprotected: &[system::Refused],
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let metrics = Arc::new(Metrics::new());
    let (log, log_writer) = Log::start(&config.log, std::io::stderr(), &metrics.log)
        .context("the log's thread could not be started")?;
    let stop = CancellationToken::new();
    let mut signals = Signals::install().context("the system refuses signal handlers")?;
    let (broken, failure) = watch::channel(None);
    let (head, heads) = watch::channel(None);
    let alarms = Arc::new(ServerAlarms {
        stop: stop.clone(),
        broken,
        head,
        commits: metrics.store_commits.clone(),
        log: log.clone(),
    });
    let registry = Registry::new(&config.dialects())?;
    let doors = Doors::bind(&config)?;
    let node = Node::open(&config, &world, alarms, OnMissing::Create).await?;
    let first = create_first_administrator(&node, &world).await?;
    let place = config.gate.socket_place(&config.data_dir, rustix::process::geteuid().is_root());
    let socket = GateSocket::bind(&place, config.gate.socket_mode)?;
    let welcome = Welcome::new(&config, first.as_ref(), &doors, socket.as_ref(), &registry)?;

    let stats = Arc::new(Stats::default());
    let service = node.service.clone();
    let pipeline = Pipeline::new(registry, service.clone(), config.pipeline(), world.clone());
    let gate = Gate::new(service.clone(), GateSettings::new(&config), world.clone());
    let front = Arc::new(Front::new(
        pipeline,
        gate,
        service.clone(),
        log.clone(),
        metrics,
        stats.clone(),
        heads.clone(),
    ));
    let security = doors.security.clone();
    let running = doors.open(socket.as_ref(), &front, &config, &stats, &stop)?;
    front.set_ready(true);
    let operator = open_admin_socket(&node, &config, &world, &log);
    welcome.print(out)?;
    started(&log, &world, &config, &node, unprotected);

    let house = tokio::spawn(keep_house(service, world.clone(), log.clone(), heads.clone()));
    let drained = running.finished(&stop, || front.set_ready(false));
    let ended =
        shutdown::until_finished(drained, &mut signals, &stop, || reload(&security, &log, &world)).await;
    house.abort();
    operator.abort();
    let Ended::Finished(finished) = ended else { return Err(anyhow!("stopped at once, on a second signal")) };
    drop(socket);
    finished?;
    node.service.flush_refusals().await.ok();
    node.service.flush_last_used().await.ok();
    node.store.close().await.ok();
    log_head(&log, &world, heads.borrow().as_ref());
    drop(log_writer);
    match failure.borrow().as_deref() {
        None => Ok(()),
        Some(cause) => Err(anyhow!("the store failed; nothing was acknowledged after that: {cause}")),
    }
}

/// What the process does about news from the store.
struct ServerAlarms {
    stop: CancellationToken,
    broken: watch::Sender<Option<String>>,
    head: watch::Sender<Option<ChainHead>>,
    commits: DurationHistogram,
    log: Log,
}

impl Alarms for ServerAlarms {
    fn store_failed(&self, cause: &str) {
        self.broken.send_replace(Some(cause.to_owned()));
        self.stop.cancel();
    }

    fn audit_head(&self, head: &ChainHead) {
        self.head.send_replace(Some(*head));
    }

    /// Which object a request changed: its own line does not know, and a log archive may be all that is left to tell what was
    /// revoked after a backup.
    fn changed(&self, entry: &AuditEntry) {
        let Some(request) = entry.request.filter(|_| self.log.writes(LogLevel::Info)) else { return };
        let (request, object) = (request.hex(), to_hex(&entry.object));
        let fields = [
            ("request.id", Value::Text(&request)),
            ("action", Value::Text(&entry.action)),
            ("object", Value::Text(&object)),
            ("detail", Value::Text(&entry.detail)),
        ];
        self.log.event(entry.at.0, LogLevel::Info, "change", &fields);
    }

    fn committed_in(&self, took: Duration) {
        self.commits.observe_us(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
}

/// The bound sockets.
struct Doors {
    public: TcpListener,
    admin: TcpListener,
    security: Security,
}

impl Doors {
    /// Binds before the store is opened, so that a taken port is told before anything is created.
    fn bind(config: &Config) -> anyhow::Result<Self> {
        let bind = |address: SocketAddr| {
            TcpListener::bind(address)
                .with_context(|| format!("{address} cannot be listened on; is another server running there?"))
        };
        Ok(Self {
            security: security(config)?,
            public: bind(config.listen)?,
            admin: bind(config.admin_listen)?,
        })
    }

    /// Serves from now on.
    fn open(
        self,
        socket: Option<&GateSocket>,
        front: &Arc<Front>,
        config: &Config,
        stats: &Arc<Stats>,
        stop: &CancellationToken,
    ) -> anyhow::Result<Open> {
        let limits = config.listen_limits();
        let admin_limits = Limits { drain_timeout: ADMIN_DRAIN, ..limits.clone() };
        let public = Listener {
            door: Door::Public,
            socket: Socket::Tcp(self.public),
            security: self.security,
            caps: config.public_caps(),
        };
        let admin = Listener {
            door: Door::Admin,
            socket: Socket::Tcp(self.admin),
            security: Security::Plain,
            caps: config.admin_caps(),
        };
        let gate = socket.map(GateSocket::listener).transpose()?.map(|socket| Listener {
            door: Door::Gate,
            socket: Socket::Unix(socket),
            security: Security::Plain,
            caps: config.public_caps(),
        });
        let workers = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let admin_stop = CancellationToken::new();
        let server = |limits, listener| Server::new(front.clone(), limits, stats.clone()).listen(listener);
        let services = gate.into_iter().fold(server(limits, public), Server::listen);
        Ok(Open {
            public: services.start(workers, stop)?,
            admin: server(admin_limits, admin).start(NonZeroUsize::MIN, &admin_stop)?,
            admin_stop,
        })
    }
}

/// The listeners at work. The admin's has a thread of its own and closes last: health is told while the others drain, and
/// also when they are overrun.
struct Open {
    public: Running,
    admin: Running,
    admin_stop: CancellationToken,
}

impl Open {
    /// Waits for `stop`, tells it on, and drains.
    async fn finished(self, stop: &CancellationToken, stopping: impl FnOnce()) -> Result<(), WorkerPanicked> {
        tokio::select! {
            () = stop.cancelled() => {}
            // Only its own failure closes it now, and without health there is no service.
            () = self.admin_stop.cancelled() => stop.cancel(),
        }
        stopping();
        let public = self.public.finished().await;
        self.admin_stop.cancel();
        public.and(self.admin.finished().await)
    }
}

#[cfg(feature = "tls")]
fn security(config: &Config) -> anyhow::Result<Security> {
    match &config.tls {
        Some(tls) => Ok(Security::Tls(crate::listen::Tls::load(&tls.cert, &tls.key)?)),
        None => Ok(Security::Plain),
    }
}

#[cfg(not(feature = "tls"))]
fn security(config: &Config) -> anyhow::Result<Security> {
    match &config.tls {
        Some(_) => Err(anyhow!("[tls] is set, but this build has no TLS; build it with the feature `tls`")),
        None => Ok(Security::Plain),
    }
}

/// On SIGHUP: reads the certificate again; the old one stays in use when the new one is no good.
fn reload(security: &Security, log: &Log, world: &World) {
    let now = world.clock.now().0;
    match security {
        Security::Plain => log.event(now, LogLevel::Info, "reload", &[("tls", Value::Flag(false))]),
        #[cfg(feature = "tls")]
        Security::Tls(tls) => match tls.reload() {
            Ok(()) => log.event(now, LogLevel::Info, "reload", &[("tls", Value::Flag(true))]),
            Err(error) => {
                let cause = format!("the certificate in use stays in use: {error}");
                log.event(now, LogLevel::Error, "reload", &[("cause", Value::Text(&cause))]);
            }
        },
    }
}

/// Lets local commands ask this server. One that cannot have the socket serves its clients all the same.
fn open_admin_socket(node: &Node, config: &Config, world: &World, log: &Log) -> JoinHandle<()> {
    let operator = Operator::new(node.clone(), config.clone(), world.clone(), Standing::Serving);
    match AdminSocket::bind(&config.data_dir) {
        Ok(socket) => tokio::spawn(socket.serve(Arc::new(operator))),
        Err(error) => {
            let cause = format!("{error:#}");
            let fields = [("cause", Value::Text(&cause))];
            log.event(world.clock.now().0, LogLevel::Warn, "warning", &fields);
            tokio::spawn(std::future::ready(()))
        }
    }
}

/// Makes the first administrator in an empty store and returns the credential to announce.
async fn create_first_administrator(node: &Node, world: &World) -> anyhow::Result<Option<FirstKey>> {
    // One row tells; counting them would make a start as long as the store is large.
    if !node.store.scan_accounts(None, 1).await?.is_empty() {
        return Ok(None);
    }
    let first = bootstrap::first_key(world.environment.as_ref(), world.random.as_ref())?;
    let made = node.service.create_first_administrator(first.administrator()).await;
    let made = made.context("KEYWARD_BOOTSTRAP_ACCESS_KEY_ID and …SECRET_ACCESS_KEY cannot be used")?;
    Ok(made.then_some(first))
}

/// What the operator reads: the credential, once, then where the server listens.
struct Welcome(Zeroizing<String>);

impl Welcome {
    fn new(
        config: &Config,
        first: Option<&FirstKey>,
        doors: &Doors,
        socket: Option<&GateSocket>,
        registry: &Registry,
    ) -> anyhow::Result<Self> {
        let (public, admin) = (doors.public.local_addr()?, doors.admin.local_addr()?);
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        let mut text = Zeroizing::new(String::new());
        if let Some(first) = first {
            let own = format!("{scheme}://{public}");
            let url = config.public_url.first().map_or(own, ToString::to_string);
            text.push_str(&first.announcement(&url, registry));
        }
        text.push_str(&format!("listening on {scheme}://{public}\nlistening on http://{admin}\n"));
        if let Some(socket) = socket {
            text.push_str(&format!("listening on unix:{}\n", socket.path().display()));
        }
        Ok(Self(text))
    }

    fn print(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        out.write_all(self.0.as_bytes())?;
        Ok(out.flush()?)
    }
}

/// The first line of the log, and what the operator should know at each start.
fn started(log: &Log, world: &World, config: &Config, node: &Node, unprotected: &[system::Refused]) {
    let now = world.clock.now().0;
    let id = node.id.to_string();
    let fields = [("version", Value::Text(env!("CARGO_PKG_VERSION"))), ("node", Value::Text(&id))];
    log.event(now, LogLevel::Info, "started", &fields);
    for warning in config.warnings().into_iter().chain(unprotected.iter().map(ToString::to_string)) {
        log.event(now, LogLevel::Warn, "warning", &[("cause", Value::Text(&warning))]);
    }
}

/// What goes on beside the requests: refusals and last uses are written, the audit's head leaves the machine.
async fn keep_house(
    service: Arc<Service>,
    world: World,
    log: Log,
    mut head: watch::Receiver<Option<ChainHead>>,
) {
    let mut notes = tokio::time::interval(NOTES_EVERY);
    let mut heads = tokio::time::interval(HEAD_EVERY);
    loop {
        tokio::select! {
            _ = notes.tick() => {
                let warn = |event, error: CommitError| {
                    let cause = error.to_string();
                    log.event(world.clock.now().0, LogLevel::Warn, event, &[("cause", Value::Text(&cause))]);
                };
                if let Err(error) = service.flush_refusals().await {
                    warn("refusals.lost", error);
                }
                if let Err(error) = service.flush_last_used().await {
                    warn("last_used.delayed", error);
                }
            }
            _ = heads.tick() => {
                if head.has_changed().unwrap_or(false) {
                    let newest = *head.borrow_and_update();
                    log_head(&log, &world, newest.as_ref());
                }
            }
        }
    }
}

fn log_head(log: &Log, world: &World, head: Option<&ChainHead>) {
    let Some(head) = head else { return };
    let (node, seq, mark) =
        (head.node.to_string(), i64::try_from(head.seq).unwrap_or(i64::MAX), to_hex(&head.mark));
    let fields = [("node", Value::Text(&node)), ("seq", Value::Number(seq)), ("mark", Value::Text(&mark))];
    log.event(world.clock.now().0, LogLevel::Info, "audit.head", &fields);
}
