//! What must hold of every store at any moment, I1 to I8, checked row by row. `keyward verify-store` prints the findings;
//! the fault tests run it after every crash.

mod logins;

use std::collections::{HashMap, HashSet};
use std::fmt;

use crate::access_keys::{AccessKey, KeyKind};
use crate::audit::{AuditEntry, ChainCheck, ChainHead};
use crate::limits::Limits;
use crate::policy::Action;
use crate::ssh_keys::{BadKey, Fingerprint, SshKey, check_blob};
use crate::store::{Store, StoreError};
use crate::users::User;
use crate::vault::{self, Vault};
use logins::AuditedLogins;

const PAGE: u32 = 500;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Allowed, but worth knowing: a limit was lowered below what is stored.
    Notice,
    /// Must never be.
    Violation,
}

/// Something that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The invariant, `I1` to `I8`.
    pub invariant: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was found, as a sentence.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Notice => "notice",
            Severity::Violation => "VIOLATION",
        };
        write!(f, "{severity} {}: {}", self.invariant, self.what)
    }
}

/// What a check went through and found.
#[derive(Debug, Default)]
pub struct Report {
    /// What does not hold.
    pub findings: Vec<Finding>,
    /// Accounts looked at.
    pub accounts: u64,
    /// Users looked at.
    pub users: u64,
    /// Keys looked at.
    pub keys: u64,
    /// SSH keys looked at.
    pub ssh_keys: u64,
    /// Audit entries looked at.
    pub audit_entries: u64,
    /// The newest link of each chain; compare with the heads that left the machine to notice a truncated audit.
    pub heads: Vec<ChainHead>,
}

impl Report {
    /// Whether nothing is violated.
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity == Severity::Notice)
    }

    fn add(&mut self, invariant: &'static str, what: String) {
        self.findings.push(Finding { invariant, severity: Severity::Violation, what });
    }
}

/// For each object that the audit says was made or changed: how many entries there are, and the newest version. What a
/// stored row accounts for is taken out.
type AuditedVersions = HashMap<[u8; 16], (u64, u64)>;

/// What the sealed secrets that are stored show together.
#[derive(Default)]
struct Secrets {
    /// How many there are under each data key.
    sealed_under: HashMap<u32, u64>,
    /// Their nonces.
    nonces: HashSet<Vec<u8>>,
}

impl Secrets {
    fn note(&mut self, key_id: &str, sealed: &[u8], report: &mut Report) {
        if let Some(data_key) = vault::sealed_under(sealed) {
            *self.sealed_under.entry(data_key).or_default() += 1;
        }
        let nonce = sealed.get(1..17);
        if nonce.is_some_and(|nonce| !self.nonces.insert(nonce.to_vec())) {
            report.add("I8", format!("key {key_id}: its nonce sealed another record too"));
        }
    }
}

/// Actions on objects of these kinds leave a row behind, tombstones included.
const STORED_KINDS: [&str; 4] = ["account.", "user.", "access-key.", "ssh-key."];

/// Checks everything. Reads in pages, so memory grows with the number of objects and not with their size.
///
/// # Errors
/// What the store says when it cannot be read at all.
pub async fn check(store: &dyn Store, vault: &Vault, limits: &Limits) -> Result<Report, StoreError> {
    let mut report = Report::default();
    for fault in store.check().await? {
        report.add("I5", fault);
    }
    let (mut audited, logins) = check_audit(store, vault, &mut report).await?;
    check_accounts(store, vault, &mut audited, &mut report).await?;
    let secrets = check_users(store, vault, limits, (&mut audited, &logins), &mut report).await?;
    check_seals(store, &secrets.sealed_under, &mut report).await?;
    check_ssh_keys(store, vault, &mut audited, &mut report).await?;
    for lost in audited.keys() {
        report.add("I6", format!("object {} is in the audit but not in the store", vault::to_hex(lost)));
    }
    let counts = store.row_counts().await?;
    let seen = (report.accounts, report.users, report.keys, report.ssh_keys);
    if (counts.accounts, counts.users, counts.keys, counts.ssh_keys) != seen {
        report.add("I1", format!("some rows belong to nobody: {counts:?}"));
    }
    Ok(report)
}

/// Checks the audit chains alone. `heads` are links that left the machine earlier: a chain that was cut off at its end lacks
/// one (threat T105).
///
/// # Errors
/// What the store says when it cannot be read at all.
pub async fn check_audit_only(
    store: &dyn Store,
    vault: &Vault,
    heads: &[ChainHead],
) -> Result<Report, StoreError> {
    let mut report = Report::default();
    check_audit(store, vault, &mut report).await?;
    check_links(store, heads.iter(), &mut report).await?;
    Ok(report)
}

/// Each of these links must still be in its place.
async fn check_links(
    store: &dyn Store,
    links: impl Iterator<Item = &ChainHead>,
    report: &mut Report,
) -> Result<(), StoreError> {
    for head in links.filter(|link| link.seq > 0) {
        let found = store.audit_rows(head.node, head.seq - 1, 1).await?;
        let is_there =
            found.first().is_some_and(|row| row.seq == head.seq && vault::same(&row.mark, &head.mark));
        if !is_there {
            report.add("I6", format!("audit chain {}: entry {} is not as it was", head.node, head.seq));
        }
    }
    Ok(())
}

/// The links that a start wrote down: the last of every chain before it.
fn links_at_start(entry: &AuditEntry) -> Vec<ChainHead> {
    if entry.action != "node.start" {
        return Vec::new();
    }
    let heads = entry.detail.split(' ').find_map(|part| part.strip_prefix("heads=")).unwrap_or_default();
    heads.split(',').filter_map(ChainHead::parse).collect()
}

async fn check_audit(
    store: &dyn Store,
    vault: &Vault,
    report: &mut Report,
) -> Result<(AuditedVersions, AuditedLogins), StoreError> {
    let mut audited = AuditedVersions::new();
    let mut logins = AuditedLogins::default();
    // Every later start names the end of a chain again.
    let mut links = HashMap::new();
    for head in store.audit_heads().await? {
        let mut chain = ChainCheck::start(vault.audit_key(), head.node);
        let mut after = 0;
        loop {
            let rows = store.audit_rows(head.node, after, PAGE).await?;
            let Some(last) = rows.last() else { break };
            after = last.seq;
            for row in &rows {
                report.audit_entries += 1;
                let written = links_at_start(&row.entry).into_iter();
                links.extend(written.map(|link| ((link.node, link.seq, link.mark), link)));
                if let Err(broken) = chain.next(row) {
                    report.add("I6", broken.to_string());
                }
                logins.note(&row.entry);
                let is_stored = STORED_KINDS.iter().any(|kind| row.entry.action.starts_with(kind));
                if is_stored && row.entry.action != Action::RevealSecret.as_str() {
                    let (count, newest) = audited.entry(row.entry.object).or_default();
                    *count += 1;
                    *newest = (*newest).max(row.entry.object_version);
                }
            }
        }
        report.heads.push(chain.head());
    }
    check_links(store, links.values(), report).await?;
    Ok((audited, logins))
}

async fn check_accounts(
    store: &dyn Store,
    vault: &Vault,
    audited: &mut AuditedVersions,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = store.scan_accounts(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.uuid);
        for account in &page {
            report.accounts += 1;
            if !vault.is_marked(&account.mark_input(), &account.mark) {
                report.add("I7", format!("account {} does not carry its mark", account.uuid));
            }
            check_versions(audited, "account", account.uuid.as_bytes(), account.version, report);
        }
    }
}

async fn check_users(
    store: &dyn Store,
    vault: &Vault,
    limits: &Limits,
    (audited, logins): (&mut AuditedVersions, &AuditedLogins),
    report: &mut Report,
) -> Result<Secrets, StoreError> {
    let mut secrets = Secrets::default();
    let mut after = None;
    loop {
        let page = store.scan_users(after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(secrets) };
        after = Some(last.uuid);
        for (user, keys) in &page {
            report.users += 1;
            if !vault.is_marked(&user.mark_input(), &user.mark) {
                report.add("I7", format!("user {} does not carry its mark", user.uuid));
            }
            check_versions(audited, "user", user.uuid.as_bytes(), user.version, report);
            check_quota(user, keys, limits, report);
            logins::check(store, vault, user, logins, &mut secrets, report).await?;
            for key in keys {
                report.keys += 1;
                check_key(user, keys, key, vault, report);
                check_versions(audited, "access key", key.uuid.as_bytes(), key.version, report);
                if let Some(sealed) = &key.sealed {
                    secrets.note(key.key_id.as_str(), sealed, report);
                }
            }
        }
    }
}

async fn check_ssh_keys(
    store: &dyn Store,
    vault: &Vault,
    audited: &mut AuditedVersions,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = store.scan_ssh_keys(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.uuid);
        for key in &page {
            report.ssh_keys += 1;
            let number = key.serial.get();
            if !vault.is_marked(&key.mark_input(), &key.mark) {
                report.add("I7", format!("SSH key {number} does not carry its mark"));
            }
            if check_blob(key.kind, &key.blob) == Err(BadKey::Blob)
                || Fingerprint::of(&key.blob) != key.fingerprint
            {
                report.add("I1", format!("SSH key {number} is not what its type and fingerprint say"));
            }
            if key.deleted_at.is_none() && !owner_lives(store, key).await? {
                report.add("I3", format!("SSH key {number} lives although its user does not"));
            }
            check_versions(audited, "SSH key", key.uuid.as_bytes(), key.version, report);
        }
    }
}

async fn owner_lives(store: &dyn Store, key: &SshKey) -> Result<bool, StoreError> {
    let owner = store.user_rows(key.user).await?;
    Ok(owner.is_some_and(|rows| rows.user.deleted_at.is_none() && rows.user.account == key.account))
}

/// A count below the records that are there would let a data key be used for longer than it may (threat T61).
async fn check_seals(
    store: &dyn Store,
    sealed_under: &HashMap<u32, u64>,
    report: &mut Report,
) -> Result<(), StoreError> {
    for row in store.key_ring().await? {
        let (id, counted) = (row.id, row.seals);
        let found = sealed_under.get(&id).copied().unwrap_or_default();
        if found > counted {
            report
                .add("I8", format!("data key {id} sealed {found} stored records but counts only {counted}"));
        }
    }
    Ok(())
}

fn check_key(user: &User, siblings: &[AccessKey], key: &AccessKey, vault: &Vault, report: &mut Report) {
    let id = &key.key_id;
    if !vault.is_marked(&key.mark_input(), &key.mark) {
        report.add("I7", format!("key {id} does not carry its mark"));
    }
    if key.deleted_at.is_some() {
        if key.sealed.is_some() {
            report.add("I1", format!("key {id} is deleted but its secret is still there"));
        }
        return;
    }
    if key.user != user.uuid || key.account != user.account || key.dialect.is_empty() {
        report.add("I1", format!("key {id} lacks its owner or dialect"));
    }
    if user.deleted_at.is_some() {
        report.add("I3", format!("key {id} lives although its user is deleted"));
    }
    match key.sealed.as_deref().map(|sealed| vault.open_sealed(&key.binding(), sealed)) {
        None => report.add("I1", format!("key {id} has no secret")),
        Some(Ok(secret)) if secret.is_empty() => report.add("I1", format!("key {id} has an empty secret")),
        Some(Ok(_)) => {}
        Some(Err(_)) => report.add("I7", format!("the secret of key {id} does not open")),
    }
    if let Some(parent) = key.parent {
        let fits = |parent: &AccessKey| {
            let narrower = key.schemes.is_within(parent.schemes);
            let is_live = parent.deleted_at.is_none() && parent.kind == KeyKind::Permanent;
            is_live && key.ends_with(parent) && narrower
        };
        if !siblings.iter().any(|other| other.uuid == parent && fits(other)) {
            report.add("I4", format!("temporary key {id} exceeds its parent or has none"));
        }
    }
}

fn check_quota(user: &User, keys: &[AccessKey], limits: &Limits, report: &mut Report) {
    let live = |key: &&AccessKey| key.deleted_at.is_none() && key.kind == KeyKind::Permanent;
    let mut counts: HashMap<u8, u32> = HashMap::new();
    for key in keys.iter().filter(live) {
        for bit in (0..8).map(|bit| 1 << bit).filter(|bit| key.schemes.bits() & bit != 0) {
            *counts.entry(bit).or_default() += 1;
        }
    }
    if counts.values().any(|&count| count > limits.access_keys_per_user) {
        let limit = limits.access_keys_per_user;
        let what = format!("user {} has more than {limit} keys in one scheme", user.uuid);
        report.findings.push(Finding { invariant: "I2", severity: Severity::Notice, what });
    }
}

fn check_versions(
    audited: &mut AuditedVersions,
    kind: &str,
    uuid: &[u8; 16],
    version: u64,
    report: &mut Report,
) {
    let id = vault::to_hex(uuid);
    match audited.remove(uuid) {
        None => report.add("I6", format!("{kind} {id} is not in the audit")),
        Some((count, newest)) if count != version || newest != version => {
            let what = format!(
                "{kind} {id} is at version {version}, the audit has {count} entries up to version {newest}"
            );
            report.add("I6", what);
        }
        Some(_) => {}
    }
}
