//! A whole installation for a test: a store, a vault, a clock that is moved by hand, the use cases, and clients that sign.

use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex};

use domain::access_keys::{AccessKey, CreatedKey, KeyIssue, KeyScope, KeyShape, SchemeSet, TemporaryKeys};
use domain::accounts::{Account, FirstAdministrator};
use domain::audit::{AuditChain, ChainHead};
use domain::authenticate::{AuthError, Freshness};
use domain::batch::{Batch, Effect};
use domain::caller::{Caller, Origin};
use domain::clock::{Clock, UnixMillis};
use domain::directory::Generations;
use domain::id::{AccountUuid, KeyUuid, NodeId, RequestId, Serial, UserUuid};
use domain::invariants::{self, Report};
use domain::limits::Limits;
use domain::name::NameKey;
use domain::policy::Role;
use domain::random::{ALPHANUMERIC, Randomness};
use domain::secret::Secret;
use domain::service::{Parts, Service};
use domain::ssh_keys::{BlockList, NewSshKey};
use domain::store::{CommitObserver, SharedStore};
use domain::testing::{TestClock, TestRandom};
use domain::tokens::{AccountRef, IssuedToken, Login, LoginError, LoginUser};
use domain::users::{NewUser, User};
use domain::vault::{MasterKey, Vault};
use signing::{Claim, Params, Scheme, scloud};
use stores::memory::MemoryStore;
use stores::sqlite::{Options, SqliteStore};
use tempfile::TempDir;

/// When tests begin.
pub(crate) const START: UnixMillis = UnixMillis(1_700_000_000_000);

/// The schemes of the dialect that the tests speak.
pub(crate) const SCLOUD: SchemeSet = SchemeSet::of(&[Scheme::Scloud]);

/// The password of the first administrator.
pub(crate) const PASSWORD: &[u8] = b"correct horse battery";

/// Public keys that `ssh-keygen -t ed25519` made.
pub(crate) const SSH_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHtSMNsTEDaDHOUScu2iesNV77ifB9+VbWfGW2TEB5HL";
/// Another one.
pub(crate) const OTHER_SSH_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGNtSguTX7ZG842XQRwDSLlPeU45HWMRSvW1Ydq4zHyp";
/// The same with temporary keys.
pub(crate) const EVERY_KEY: KeyScope = KeyScope { schemes: SCLOUD, temporary: TemporaryKeys::Shown };

/// The shape of the keys that the tests issue.
pub(crate) const SHAPE: KeyShape = KeyShape {
    prefix: "",
    time_chars: 8,
    random_chars: 32,
    id_alphabet: ALPHANUMERIC,
    secret_alphabet: ALPHANUMERIC,
    secret_chars: 44,
};

/// An access key with its secret, as a client holds it.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    pub(crate) id: String,
    pub(crate) secret: Vec<u8>,
}

impl Credentials {
    pub(crate) fn of(made: CreatedKey) -> Self {
        let secret = made.secret.into_text().as_bytes().to_vec();
        Self { id: made.key.key_id.as_str().to_owned(), secret }
    }

    /// A request signed with them.
    pub(crate) fn claim(&self, parameters: &[(&str, &str)]) -> Claim {
        let form = scloud::signed_form(parameters, &self.id, &self.secret);
        scloud::parse(&Params::from_form(form.as_bytes(), 100).unwrap()).unwrap()
    }
}

/// Raises generations as a server does, and remembers what it was told.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    pub(crate) generations: Arc<Generations>,
    pub(crate) heads: Mutex<Vec<ChainHead>>,
    pub(crate) failed: Mutex<Option<String>>,
    /// Batches that were held back, while a test wants to see what a wrong order does.
    held_back: Mutex<Option<Vec<Batch>>>,
}

impl Observer {
    /// From here on generations are not raised: acknowledgements come first.
    pub(crate) fn hold_back(&self) {
        *self.held_back.lock().unwrap() = Some(Vec::new());
    }

    /// Raises late, and in the right order from here on.
    pub(crate) fn raise_what_was_held_back(&self) {
        let held_back = self.held_back.lock().unwrap().take().unwrap();
        held_back.iter().for_each(|batch| self.generations.raise(batch));
    }
}

impl CommitObserver for Observer {
    fn committed(&self, batch: &Batch) {
        match self.held_back.lock().unwrap().as_mut() {
            Some(held_back) => held_back.push(batch.clone()),
            None => self.generations.raise(batch),
        }
    }

    fn failed(&self, cause: &str) {
        *self.failed.lock().unwrap() = Some(cause.to_owned());
    }

    fn chained(&self, head: &ChainHead) {
        self.heads.lock().unwrap().push(*head);
    }
}

/// What a world is made of when it differs from the usual.
pub(crate) struct Setup {
    pub(crate) limits: Limits,
    pub(crate) options: Options,
    pub(crate) random: Arc<dyn Randomness>,
    /// Puts something between the use cases and the store.
    pub(crate) wrap: Box<dyn FnOnce(SharedStore) -> SharedStore>,
}

impl Default for Setup {
    fn default() -> Self {
        let options = Options { readers: 2, reserve_bytes: 64 * 1024, ..Options::default() };
        let random = Arc::new(TestRandom::seeded(7));
        Self { limits: Limits::default(), options, random, wrap: Box::new(|store| store) }
    }
}

/// An installation with its first administrator.
pub(crate) struct World {
    pub(crate) service: Arc<Service>,
    pub(crate) store: SharedStore,
    pub(crate) vault: Arc<Vault>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) random: Arc<dyn Randomness>,
    pub(crate) observer: Arc<Observer>,
    pub(crate) node: NodeId,
    /// The root user `admin` of the account `default`.
    pub(crate) root: Credentials,
    /// Where SQLite keeps its files.
    pub(crate) dir: Option<TempDir>,
    /// A place for a token that a test needs again.
    pub(crate) token: tokio::sync::Mutex<Option<String>>,
}

/// The master key of every world.
pub(crate) fn master_key() -> MasterKey {
    MasterKey::generate(&TestRandom::seeded(99))
}

impl World {
    /// Over the in-memory store.
    pub(crate) async fn memory() -> Self {
        Self::memory_with(Setup::default()).await
    }

    pub(crate) async fn memory_with(setup: Setup) -> Self {
        let ring = Vault::new_ring(&master_key(), START, setup.random.as_ref());
        let vault = Vault::open(&master_key(), &ring, setup.random.as_ref()).unwrap();
        let start =
            |chain, observer: Arc<Observer>| -> SharedStore { MemoryStore::start(ring, chain, observer) };
        let mut world = Self::start(setup, vault, None, start);
        world.bootstrap().await;
        world
    }

    /// Over SQLite in a directory of its own.
    pub(crate) async fn sqlite() -> Self {
        Self::sqlite_with(Setup::default()).await
    }

    pub(crate) async fn sqlite_with(setup: Setup) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut world = Self::open(dir.path(), setup);
        world.bootstrap().await;
        world.dir = Some(dir);
        world
    }

    /// Opens what is in `dir`, or begins there. Creates no administrator; `root` is known only after [`World::sqlite`].
    pub(crate) fn open(dir: &Path, setup: Setup) -> Self {
        let mut opened = SqliteStore::open(dir, setup.options.clone()).unwrap();
        if opened.ring_rows().unwrap().is_empty() {
            let ring = Vault::new_ring(&master_key(), START, setup.random.as_ref());
            opened.insert_ring_rows(&ring).unwrap();
        }
        let ring = opened.ring_rows().unwrap();
        let vault = Vault::open(&master_key(), &ring, setup.random.as_ref()).unwrap();
        let start =
            |chain, observer: Arc<Observer>| -> SharedStore { opened.start(chain, observer).unwrap() };
        Self::start(setup, vault, None, start)
    }

    fn start(
        setup: Setup,
        vault: Vault,
        dir: Option<TempDir>,
        start: impl FnOnce(AuditChain, Arc<Observer>) -> SharedStore,
    ) -> Self {
        let Setup { limits, random, wrap, .. } = setup;
        let observer = Arc::new(Observer::default());
        let clock = Arc::new(TestClock::at(START));
        // A seeded generator would name every node alike.
        let node = NodeId::generate(START, &OsRandom);
        let store = wrap(start(AuditChain::start(vault.audit_key(), node), observer.clone()));
        let vault = Arc::new(vault);
        let parts = Parts {
            store: store.clone(),
            vault: vault.clone(),
            generations: observer.generations.clone(),
            clock: clock.clone(),
            random: random.clone(),
            limits,
            blocked_keys: BlockList::default(),
        };
        let service = Arc::new(Service::new(parts));
        let root =
            Credentials { id: "root-access-key-0001".to_owned(), secret: b"root-secret-access-key".to_vec() };
        let token = tokio::sync::Mutex::default();
        Self { service, store, vault, clock, random, observer, node, root, dir, token }
    }

    /// Creates the first administrator.
    pub(crate) async fn bootstrap(&mut self) {
        let first = FirstAdministrator {
            account: "default".to_owned(),
            user: "admin".to_owned(),
            key_id: self.root.id.clone(),
            secret: Secret::new(self.root.secret.clone()),
            password: Some(Secret::new(PASSWORD.to_vec())),
        };
        assert!(self.service.create_first_administrator(first).await.unwrap());
    }

    /// Closes the store and opens it again: another run of the server over the same files.
    pub(crate) async fn restart(self) -> Self {
        let (dir, root) = (self.dir.unwrap(), self.root);
        self.store.close().await.unwrap();
        drop((self.service, self.store));
        let mut world = Self::open(dir.path(), Setup { random: self.random, ..Setup::default() });
        (world.dir, world.root) = (Some(dir), root);
        world
    }

    /// The use cases anew, with nothing remembered, as a server that starts at `now` has them.
    pub(crate) fn reset_service_at(&mut self, now: UnixMillis) {
        self.clock = Arc::new(TestClock::at(now));
        self.service = Arc::new(self.new_service(self.observer.generations.clone()));
    }

    /// The use cases over the same store, which do not hear of what is written: they know what they have read until they ask
    /// for what they do not know.
    pub(crate) fn deaf_service(&self) -> Service {
        self.new_service(Arc::default())
    }

    fn new_service(&self, generations: Arc<Generations>) -> Service {
        Service::new(Parts {
            store: self.store.clone(),
            vault: self.vault.clone(),
            generations,
            clock: self.clock.clone(),
            random: self.random.clone(),
            limits: self.service.limits().clone(),
            blocked_keys: BlockList::default(),
        })
    }

    /// Where a request comes from.
    pub(crate) fn origin(&self) -> Origin {
        let request = RequestId::generate(self.clock.now(), self.random.as_ref());
        Origin { request, source: None, dialect: "scloud" }
    }

    pub(crate) async fn judge(&self, claim: &Claim) -> Result<Caller, AuthError> {
        self.service.authenticate(claim, self.origin(), Freshness { window_ms: 300_000 }).await
    }

    pub(crate) async fn authenticate(&self, who: &Credentials) -> Result<Caller, AuthError> {
        self.judge(&who.claim(&[("Action", "ListAccessKeys")])).await
    }

    pub(crate) async fn caller(&self, who: &Credentials) -> Caller {
        self.authenticate(who).await.unwrap()
    }

    pub(crate) async fn admin(&self) -> Caller {
        self.caller(&self.root).await
    }

    /// A member with one key, made by the administrator.
    pub(crate) async fn member(&self, name: &str) -> Credentials {
        let new = NewUser { first_key: Some(issue()), ..new_user(name) };
        let made = self.service.create_user(&self.admin().await, new).await.unwrap();
        Credentials::of(made.key.unwrap())
    }

    /// A login to the account `default`, from nowhere.
    pub(crate) async fn log_in(&self, name: &str, password: &[u8]) -> Result<IssuedToken, LoginError> {
        let user = LoginUser::Named { account: AccountRef::Named("default"), name };
        let login = Login { user, password: Secret::new(password.to_vec()), scope: &|_| Some(String::new()) };
        self.service.log_in(login, self.origin()).await
    }

    /// Another key for a user, made by the administrator.
    pub(crate) async fn another_key(&self, name: &str) -> Credentials {
        let made = self.service.create_access_key(&self.admin().await, name, &issue()).await;
        Credentials::of(made.unwrap())
    }

    /// A second account with a root user of that name and one key.
    pub(crate) async fn another_account(&self, name: &str) -> Credentials {
        let (random, serial) = (self.random.as_ref(), Serial::generate(self.random.as_ref()));
        let mut account = Account {
            uuid: AccountUuid::generate(START, random),
            serial,
            name: name.to_owned(),
            name_key: NameKey::of(name),
            ..stores::conformance::rows::account(1)
        };
        account.mark = self.vault.mark(&account.mark_input());
        let mut user = User {
            uuid: UserUuid::generate(START, random),
            name: name.to_owned(),
            name_key: NameKey::of(name),
            ..stores::conformance::rows::root(&account, 1)
        };
        user.mark = self.vault.mark(&user.mark_input());
        let secret = SHAPE.new_secret(random);
        let mut key = AccessKey {
            uuid: KeyUuid::generate(START, random),
            key_id: SHAPE.new_id(START, random),
            ..stores::conformance::rows::key(&user, 1)
        };
        key.sealed = Some(self.vault.seal(&key.binding(), &secret, random).unwrap());
        key.mark = self.vault.mark(&key.mark_input());
        let credentials =
            Credentials { id: key.key_id.as_str().to_owned(), secret: secret.expose().to_vec() };
        let made = |action: &'static str, object: &[u8; 16]| domain::audit::AuditEntry {
            account: account.uuid,
            action: action.into(),
            object: *object,
            ..stores::conformance::entry(1)
        };
        let audit = vec![
            made("account.create", account.uuid.as_bytes()),
            made("user.create", user.uuid.as_bytes()),
            made("access-key.create", key.uuid.as_bytes()),
        ];
        let seals = Effect::CountSeals { ring_key: self.vault.active_data_key(), seals: 1 };
        let effects =
            vec![Effect::InsertAccount(account), Effect::InsertUser(user), Effect::InsertKey(key), seals];
        self.store.commit(Batch { effects, audit, require: Vec::new() }).await.unwrap();
        credentials
    }

    /// Gives a user another role, as no dialect can.
    pub(crate) async fn set_role(&self, name: &str, role: Role) {
        let admin = self.admin().await;
        let record = self.service.get_user(&admin, name).await.unwrap();
        let mut user = record.rows.user.clone();
        user.role = role;
        user.version += 1;
        user.mark = self.vault.mark(&user.mark_input());
        let entry = domain::audit::AuditEntry {
            action: "user.update".into(),
            object: *user.uuid.as_bytes(),
            object_version: user.version,
            ..stores::conformance::entry(1)
        };
        let effects = vec![Effect::UpdateUser(user)];
        self.store.commit(Batch { effects, audit: vec![entry], require: Vec::new() }).await.unwrap();
    }

    /// All invariants, with the limits of the service.
    pub(crate) async fn check(&self) -> Report {
        invariants::check(self.store.as_ref(), &self.vault, self.service.limits()).await.unwrap()
    }

    /// Fails unless all invariants hold.
    pub(crate) async fn assert_clean(&self) {
        let report = self.check().await;
        assert_eq!(report.findings, [], "{:?}", report.findings);
    }
}

/// How the tests' dialect issues a key.
pub(crate) fn issue() -> KeyIssue<'static> {
    KeyIssue::plain("scloud", SCLOUD, &SHAPE)
}

/// An SSH key as its owner hands it in.
pub(crate) fn new_ssh_key(text: &str) -> NewSshKey<'_> {
    NewSshKey::plain("laptop", text)
}

/// A user without a key.
pub(crate) fn new_user(name: &str) -> NewUser<'_> {
    NewUser {
        name,
        display_name: String::new(),
        email: String::new(),
        role: Role::Member,
        attributes: Default::default(),
        first_key: None,
    }
}

/// Random bytes from the operating system.
#[derive(Debug)]
pub(crate) struct OsRandom;

impl Randomness for OsRandom {
    fn fill(&self, bytes: &mut [u8]) {
        std::fs::File::open("/dev/urandom").unwrap().read_exact(bytes).unwrap();
    }
}
