//! A small world to send requests to: a service on the in-memory store, two accounts, one user for each role.
//!
//! Rows that no use case makes (roles, expired and foreign keys) are written to the store directly, marked like any other.

mod keys;

use std::net::IpAddr;
use std::sync::Arc;

use dialects::scloud::Scloud;
use dialects::{Answer, Dialect, Request};
use domain::Service;
use domain::accounts::{Account, AccountStatus};
use domain::audit::{AuditChain, AuditEntry, ChainHead};
use domain::batch::{Batch, Effect};
use domain::caller::Origin;
use domain::clock::{Clock, UnixMillis};
use domain::directory::Generations;
use domain::id::{AccountUuid, NodeId, RequestId, Serial, UserUuid};
use domain::limits::Limits;
use domain::name::NameKey;
use domain::policy::Role;
use domain::service::Parts;
use domain::ssh_keys::BlockList;
use domain::store::{CommitObserver, SharedStore, Store};
use domain::testing::{TestClock, TestRandom};
use domain::users::{Attributes, User, UserStatus};
use domain::vault::{MasterKey, Vault};
use signing::RequestView;
use stores::memory::MemoryStore;

use crate::wire::{Seen, Wire};
pub use keys::{KeySpec, ssh_line, ssh_number};

/// 2026-11-22 00:00:00 UTC.
pub const START: UnixMillis = UnixMillis(1_795_305_600_000);
/// Where requests come from unless a test says otherwise.
pub const SOURCE: &str = "192.0.2.1";

/// An access key as its holder knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    pub id: String,
    pub secret: String,
}

pub struct World {
    pub service: Service,
    pub store: SharedStore,
    pub clock: Arc<TestClock>,
    pub dialect: Dialect,
    pub account: AccountUuid,
    pub other_account: AccountUuid,
    vault: Arc<Vault>,
    random: Arc<TestRandom>,
    generations: Arc<Generations>,
    limits: Limits,
}

/// Tells the directory of commits, as the committer of a server does.
struct Raises(Arc<Generations>);

impl CommitObserver for Raises {
    fn committed(&self, batch: &Batch) {
        self.0.raise(batch);
    }

    fn failed(&self, cause: &str) {
        panic!("the store failed: {cause}");
    }

    fn chained(&self, _: &ChainHead) {}
}

/// Limits that stay out of the way of tests which fail to authenticate on purpose.
pub fn limits() -> Limits {
    Limits { failed_authentications: None, ..Limits::default() }
}

/// SCloud with these settings.
pub fn settings(text: &str) -> Dialect {
    Dialect::Scloud(Scloud::new(&text.parse().unwrap()).unwrap())
}

impl World {
    /// A world that speaks SCloud.
    pub async fn new() -> Self {
        Self::with(limits(), "").await
    }

    /// The same with these limits and settings.
    pub async fn with(limits: Limits, dialect: &str) -> Self {
        Self::speaking(settings(dialect), limits).await
    }

    /// Two accounts. In the first: `admin` (root), `carol` (administrator), `audrey` (auditor), `bob` and `alice` (members).
    /// In the other: `oscar` (root) and `olga` (member). Everybody has one key for every scheme, see [`signer`].
    pub async fn speaking(dialect: Dialect, limits: Limits) -> Self {
        let clock = Arc::new(TestClock::at(START));
        let random = Arc::new(TestRandom::seeded(7));
        let master = MasterKey::generate(random.as_ref());
        let ring = Vault::new_ring(&master, START, random.as_ref());
        let vault = Arc::new(Vault::open(&master, &ring, random.as_ref()).unwrap());
        let generations = Arc::new(Generations::default());
        let chain = AuditChain::start(vault.audit_key(), NodeId::generate(START, random.as_ref()));
        let store: SharedStore = MemoryStore::start(ring, chain, Arc::new(Raises(generations.clone())));
        let parts = Parts {
            store: store.clone(),
            vault: vault.clone(),
            generations: generations.clone(),
            clock: clock.clone(),
            random: random.clone(),
            limits: limits.clone(),
            blocked_keys: BlockList::default(),
        };
        let account = AccountUuid::generate(START, random.as_ref());
        let mut world = Self {
            service: Service::new(parts),
            store,
            clock,
            dialect,
            account,
            other_account: AccountUuid::generate(START, random.as_ref()),
            vault,
            random,
            generations,
            limits,
        };
        world.populate().await;
        world
    }

    async fn populate(&mut self) {
        let (account, other) = (self.account, self.other_account);
        let serial = self.account_row(account, "default").await;
        let other_serial = self.account_row(other, "other").await;
        let rows = [
            (account, "admin", Role::Admin, Some(serial)),
            (account, "carol", Role::Admin, None),
            (account, "audrey", Role::Auditor, None),
            (account, "bob", Role::Member, None),
            (account, "alice", Role::Member, None),
            (other, "oscar", Role::Admin, Some(other_serial)),
            (other, "olga", Role::Member, None),
        ];
        for (account, name, role, root_serial) in rows {
            let user = self.user_in(account, name, role, root_serial).await;
            self.key(user, name, KeySpec::default()).await;
        }
    }

    /// A server that starts now on the same store.
    pub fn restart(&mut self) {
        self.service = Service::new(Parts {
            store: self.store.clone(),
            vault: self.vault.clone(),
            generations: self.generations.clone(),
            clock: self.clock.clone(),
            random: self.random.clone(),
            limits: self.limits.clone(),
            blocked_keys: BlockList::default(),
        });
    }

    /// From here on the server does not hear of what is written: it knows what it has read until it asks again.
    pub fn deafen(&mut self) {
        self.generations = Arc::new(Generations::default());
        self.restart();
    }

    /// The same world behind another store, such as one that fails.
    pub fn on_store(&mut self, wrap: impl FnOnce(SharedStore) -> SharedStore) {
        self.store = wrap(self.store.clone());
        self.restart();
    }

    pub async fn send(&self, wire: &Wire) -> Seen {
        self.send_from(wire, Some(SOURCE.parse().unwrap())).await
    }

    pub async fn send_from(&self, wire: &Wire, source: Option<IpAddr>) -> Seen {
        Seen::new(self.answer(wire, source).await)
    }

    pub async fn answer(&self, wire: &Wire, source: Option<IpAddr>) -> Answer {
        let headers = wire.headers();
        let view = wire.view(&headers);
        self.answer_view(view, view.path(), source).await
    }

    /// The answer to a request as the server has read it; `path` is below the dialect's prefix.
    pub async fn answer_view(&self, view: RequestView<'_>, path: &str, source: Option<IpAddr>) -> Answer {
        self.answer_known_as(view, path, source, &[]).await
    }

    /// The answer to a request below a prefix of the server that is known by public URLs.
    pub async fn answer_behind(&self, wire: &Wire, prefix: &str, public_urls: &[&str]) -> Answer {
        let public_urls: Vec<String> = public_urls.iter().map(|url| (*url).to_owned()).collect();
        let headers = wire.headers();
        let view = wire.view(&headers);
        let path = view.path().strip_prefix(prefix).unwrap_or(view.path());
        self.answer_known_as(view, path, Some(SOURCE.parse().unwrap()), &public_urls).await
    }

    async fn answer_known_as(
        &self,
        view: RequestView<'_>,
        path: &str,
        source: Option<IpAddr>,
        public_urls: &[String],
    ) -> Answer {
        let request = RequestId::from_bytes([0xab; 16]);
        let origin = Origin { request, source, dialect: self.dialect.name() };
        self.dialect.answer(&self.service, Request { view, path, origin, public_urls }).await
    }

    /// A member of the first account.
    pub async fn member(&self, name: &str) -> UserUuid {
        self.user_in(self.account, name, Role::Member, None).await
    }

    pub async fn user_in(
        &self,
        account: AccountUuid,
        name: &str,
        role: Role,
        root_serial: Option<Serial>,
    ) -> UserUuid {
        let now = self.clock.now();
        let mut user = User {
            uuid: UserUuid::generate(now, self.random.as_ref()),
            serial: root_serial.unwrap_or_else(|| Serial::generate(self.random.as_ref())),
            account,
            name: name.to_owned(),
            name_key: NameKey::of(name),
            is_root: root_serial.is_some(),
            role,
            status: UserStatus::Active,
            display_name: String::new(),
            email: String::new(),
            attributes: Attributes::new(),
            version: 1,
            created_at: now,
            modified_at: now,
            deleted_at: None,
            mark: [0; 32],
        };
        user.mark = self.vault.mark(&user.mark_input());
        let uuid = user.uuid;
        self.commit(account, uuid.as_bytes(), Effect::InsertUser(user)).await;
        uuid
    }

    /// Freezes a user, deletes him, or whatever `change` does to his row.
    pub async fn change_user(&self, user: UserUuid, change: impl FnOnce(&mut User)) {
        let mut row = self.store.user_rows(user).await.unwrap().unwrap().user;
        change(&mut row);
        row.version += 1;
        row.mark = self.vault.mark(&row.mark_input());
        self.commit(row.account, user.as_bytes(), Effect::UpdateUser(row)).await;
    }

    /// Somebody has edited the user's row by hand.
    pub async fn damage_user(&self, user: UserUuid) {
        let mut row = self.store.user_rows(user).await.unwrap().unwrap().user;
        row.mark = [0; 32];
        self.commit(row.account, user.as_bytes(), Effect::UpdateUser(row)).await;
    }

    /// The live user of that name in the first account.
    pub async fn uuid_of(&self, name: &str) -> UserUuid {
        self.uuid_in(self.account, name).await
    }

    /// The live user of that name.
    pub async fn uuid_in(&self, account: AccountUuid, name: &str) -> UserUuid {
        self.store.user_named(account, &NameKey::of(name)).await.unwrap().unwrap()
    }

    /// All that is stored. Equal before and after: the request had no effect.
    pub async fn digest(&self) -> String {
        let store: &dyn Store = self.store.as_ref();
        let accounts = store.scan_accounts(None, 1000).await.unwrap();
        let users = store.scan_users(None, 100_000).await.unwrap();
        let ssh_keys = store.scan_ssh_keys(None, 100_000).await.unwrap();
        format!("{accounts:?}{users:?}{ssh_keys:?}{:?}", store.audit_heads().await.unwrap())
    }

    /// How often the audit says that something was done.
    pub async fn audited(&self, action: &str) -> usize {
        self.audited_detail(action, "").await
    }

    /// How often it says so with a detail that holds this text.
    pub async fn audited_detail(&self, action: &str, detail: &str) -> usize {
        let mut count = 0;
        for head in self.store.audit_heads().await.unwrap() {
            let rows = self.store.audit_rows(head.node, 0, 100_000).await.unwrap();
            count += rows
                .iter()
                .filter(|row| row.entry.action == action && row.entry.detail.contains(detail))
                .count();
        }
        count
    }

    async fn account_row(&self, uuid: AccountUuid, name: &str) -> Serial {
        let serial = Serial::generate(self.random.as_ref());
        let mut account = Account {
            uuid,
            serial,
            name: name.to_owned(),
            name_key: NameKey::of(name),
            status: AccountStatus::Active,
            max_key_lifetime_ms: None,
            version: 1,
            created_at: START,
            modified_at: START,
            deleted_at: None,
            mark: [0; 32],
        };
        account.mark = self.vault.mark(&account.mark_input());
        self.commit(uuid, uuid.as_bytes(), Effect::InsertAccount(account)).await;
        serial
    }

    async fn commit(&self, account: AccountUuid, object: &[u8; 16], effect: Effect) {
        let audit = vec![self.entry(account, object)];
        self.store.commit(Batch { require: Vec::new(), effects: vec![effect], audit }).await.unwrap();
    }

    fn entry(&self, account: AccountUuid, object: &[u8; 16]) -> AuditEntry {
        AuditEntry {
            at: self.clock.now(),
            account,
            actor: None,
            actor_key: None,
            request: None,
            source: None,
            dialect: "test".into(),
            action: "test.setup".into(),
            object: *object,
            object_version: 1,
            detail: String::new(),
        }
    }
}

/// The key called `name`: its id and secret are made from the name, so that a test can sign without asking the world.
pub fn signer(name: &str) -> Signer {
    Signer { id: format!("{name:0<24}").replace(['-', ' '], "0"), secret: format!("{name:x<43}") }
}
