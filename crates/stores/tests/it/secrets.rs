//! Secrets at rest: a broken one never verifies (T19), none is ever readable on disk (T59), and without the right master key
//! nothing opens and nothing is touched (T62).

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use domain::access_keys::AccessKey;
use domain::audit::AuditEntry;
use domain::authenticate::AuthError;
use domain::batch::{Batch, Effect};
use domain::limits::Limits;
use domain::secret::Secret;
use domain::store::StoreError;
use domain::testing::TestRandom;
use domain::vault::{MasterKey, Vault, VaultError};
use stores::sqlite::{Options, SqliteStore};

use crate::both_stores;
use crate::world::{Credentials, SCLOUD, START, Setup, World, issue, master_key};

both_stores! {
    t19_a_broken_or_empty_secret_never_verifies,
}

/// Puts other sealed bytes into a key's row, as somebody with access to the file would.
async fn replace_sealed(world: &World, key: &mut AccessKey, sealed: Option<Vec<u8>>) {
    key.sealed = sealed;
    key.version += 1;
    key.mark = world.vault.mark(&key.mark_input());
    let entry = AuditEntry {
        action: "access-key.update".into(),
        object: *key.uuid.as_bytes(),
        object_version: key.version,
        ..stores::conformance::entry(1)
    };
    let effects = vec![Effect::UpdateKey(key.clone())];
    world.store.commit(Batch { effects, audit: vec![entry], require: Vec::new() }).await.unwrap();
}

async fn t19_a_broken_or_empty_secret_never_verifies(world: World) {
    let good = world.member("grace").await;
    let empty = Credentials { id: good.id.clone(), secret: Vec::new() };
    world.caller(&good).await;
    let refused = world.authenticate(&empty).await;
    assert!(matches!(refused, Err(AuthError::WrongSignature(_))), "{refused:?}");

    let record = world.service.list_access_keys(&world.admin().await, "grace").await.unwrap();
    let mut key = record.rows.keys[0].clone();
    let sealed = key.sealed.clone().unwrap();
    let sealed_empty =
        world.vault.seal(&key.binding(), &Secret::new(Vec::new()), world.random.as_ref()).unwrap();
    let mut broken =
        vec![None, Some(Vec::new()), Some(sealed_empty), Some([sealed.as_slice(), &[0]].concat())];
    for at in 0..sealed.len() {
        let mut flipped = sealed.clone();
        flipped[at] ^= 1;
        broken.push(Some(flipped));
        broken.push(Some(sealed[..at].to_vec()));
    }
    for sealed in broken {
        replace_sealed(&world, &mut key, sealed.clone()).await;
        for who in [&good, &empty] {
            let refused = world.authenticate(who).await;
            assert!(matches!(refused, Err(AuthError::Damaged)), "{sealed:?}: {refused:?}");
        }
        let report = world.check().await;
        assert!(!report.is_clean(), "{sealed:?} is not noticed");
    }
    replace_sealed(&world, &mut key, Some(sealed)).await;
    world.caller(&good).await;
}

/// Finds any of many texts in any of the forms in which a careless program writes them.
struct Sweep {
    /// Forms by their first eight bytes.
    forms: HashMap<[u8; 8], Vec<(Vec<u8>, String)>>,
    /// Whether a form begins with these two bytes: most positions need no look-up.
    begins: Vec<bool>,
}

impl Sweep {
    fn new() -> Self {
        Self { forms: HashMap::new(), begins: vec![false; 1 << 16] }
    }

    fn add(&mut self, what: &str, secret: &[u8]) {
        for (form, bytes) in forms(secret) {
            let head: [u8; 8] = bytes[..8].try_into().unwrap();
            self.begins[usize::from(u16::from_be_bytes([head[0], head[1]]))] = true;
            self.forms.entry(head).or_default().push((bytes, format!("{what} as {form}")));
        }
    }

    fn search(&self, haystack: &[u8]) -> Option<&str> {
        for (at, window) in haystack.windows(8).enumerate() {
            if !self.begins[usize::from(u16::from_be_bytes([window[0], window[1]]))] {
                continue;
            }
            let candidates = self.forms.get(window).into_iter().flatten();
            for (bytes, what) in candidates {
                if haystack[at..].starts_with(bytes) {
                    return Some(what);
                }
            }
        }
        None
    }

    /// What is found in any file of a directory.
    fn search_files(&self, dir: &Path) -> Vec<String> {
        let mut hits = Vec::new();
        let mut bytes = 0;
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let content = fs::read(&path).unwrap();
            bytes += content.len();
            hits.extend(self.search(&content).map(|what| format!("{}: {what}", path.display())));
        }
        assert!(bytes > 50_000, "there is something to search");
        hits
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit =
        |group: u32, at: u32| char::from(DIGITS[usize::try_from(group >> (18 - 6 * at) & 63).unwrap()]);
    let groups = bytes.chunks_exact(3).map(|three| u32::from_be_bytes([0, three[0], three[1], three[2]]));
    groups.flat_map(|group| (0..4).map(move |at| digit(group, at))).collect()
}

fn forms(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let wide =
        |order: fn(u16) -> [u8; 2]| secret.iter().flat_map(|&b| order(u16::from(b))).collect::<Vec<u8>>();
    let mut forms = vec![
        ("plain", secret.to_vec()),
        ("reversed", secret.iter().rev().copied().collect()),
        ("upper-case hex", hex.to_uppercase().into_bytes()),
        ("hex", hex.into_bytes()),
        ("UTF-16LE", wide(u16::to_le_bytes)),
        ("UTF-16BE", wide(u16::to_be_bytes)),
    ];
    // Base64 depends on where in a longer text the secret begins; whole groups of its inside are the same each time.
    for skip in 0..3 {
        forms.push(("base64", base64(&secret[skip..]).into_bytes()));
    }
    forms
}

#[test]
fn t59_the_sweep_finds_every_form() {
    let secret = b"canary-0123456789-ABCDEF";
    let mut sweep = Sweep::new();
    sweep.add("canary", secret);
    assert_eq!(sweep.search(&[b'x'; 1000]), None);
    for (form, bytes) in forms(secret) {
        for before in 0..4 {
            let haystack = [vec![0xaa; before], bytes.clone(), vec![0; 3]].concat();
            assert!(sweep.search(&haystack).unwrap().starts_with("canary as"), "{form}");
        }
    }
    for before in 0..6 {
        let text = [&b"password="[..before], secret, b" and so on"].concat();
        assert!(sweep.search(base64(&text).as_bytes()).is_some(), "base64 of a longer text, {before} before");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t59_no_secret_is_readable_in_any_file() {
    let world = World::sqlite_with(Setup {
        limits: Limits { access_keys_per_user: 10, ..Limits::default() },
        ..Setup::default()
    })
    .await;
    let admin = world.admin().await;
    let mut sweep = Sweep::new();
    let mut sealed = Sweep::new();
    sweep.add("the administrator's secret", &world.root.secret);
    let master = master_key().to_text();
    sweep.add("the master key", master.trim().rsplit(':').next().unwrap().as_bytes());
    let mut described = Sweep::new();
    described.add("a description", b"stored-as-it-is-0123456789");
    for number in 0..60 {
        let name = format!("canary{number}");
        let mut last = world.member(&name).await;
        for turn in 0..5 {
            sweep.add(&format!("secret {turn} of {name}"), &last.secret);
            world.caller(&last).await;
            // Rotation: a new key, then the old one goes.
            let issue = domain::access_keys::KeyIssue {
                description: "stored-as-it-is-0123456789".to_owned(),
                ..issue()
            };
            let next = Credentials::of(world.service.create_access_key(&admin, &name, &issue).await.unwrap());
            let record = world.service.list_access_keys(&admin, &name).await.unwrap();
            let old = record.rows.keys.iter().find(|key| key.key_id.as_str() == last.id).unwrap();
            sealed.add("a sealed secret", old.sealed.as_deref().unwrap());
            world.service.delete_access_key(&admin, &last.id, SCLOUD).await.unwrap();
            last = next;
        }
        sweep.add(&format!("the last secret of {name}"), &last.secret);
        if number % 2 == 0 {
            let record = world.service.list_access_keys(&admin, &name).await.unwrap();
            sealed.add("a sealed secret", record.rows.keys[0].sealed.as_deref().unwrap());
            world.service.delete_user(&admin, &name).await.unwrap();
        }
        // Wrong and hostile requests leave nothing either.
        let _ = world.authenticate(&Credentials { id: last.id.clone(), secret: b"guess".to_vec() }).await;
        world.service.flush_refusals().await.unwrap();
    }
    let dir = world.dir.as_ref().unwrap().path();
    assert_eq!(sweep.search_files(dir), Vec::<String>::new(), "while the server runs");
    assert_ne!(described.search_files(dir), Vec::<String>::new(), "what is stored plainly is found");
    assert_ne!(sealed.search_files(dir), Vec::<String>::new(), "sealed secrets are found in the log");
    world.store.close().await.unwrap();
    assert_eq!(sweep.search_files(dir), Vec::<String>::new(), "after a stop");
    // Requirement R11: not even the sealed form of a deleted secret is left.
    assert_eq!(sealed.search_files(dir), Vec::<String>::new(), "deleted secrets after a stop");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t59_deleted_secrets_leave_the_log_while_the_server_runs() {
    let options = Options { erase_within: Duration::from_millis(20), reserve_bytes: 0, ..Options::default() };
    let world = World::sqlite_with(Setup { options, ..Setup::default() }).await;
    let member = world.member("henry").await;
    let record = world.service.list_access_keys(&world.admin().await, "henry").await.unwrap();
    let mut sealed = Sweep::new();
    sealed.add("the sealed secret", record.rows.keys[0].sealed.as_deref().unwrap());
    let dir = world.dir.as_ref().unwrap().path();
    // In the log, and in the database file too when that was quicker.
    assert_ne!(sealed.search_files(dir), Vec::<String>::new(), "it is stored");
    world.service.delete_access_key(&world.admin().await, &member.id, SCLOUD).await.unwrap();
    let erased = async {
        while !sealed.search_files(dir).is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), erased).await.expect("the log is cut by itself");
}

#[test]
fn t62_without_the_right_master_key_nothing_opens_and_nothing_is_touched() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::open(dir.path(), Setup::default());
    runtime.block_on(async {
        world.bootstrap().await;
        world.member("iris").await;
        world.store.close().await.unwrap();
    });
    drop(world);
    let content = || {
        let mut files: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_none_or(|extension| extension != "db-shm"));
        files.sort();
        files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect::<Vec<_>>()
    };
    let before = content();
    let random = TestRandom::seeded(3);
    let open = |master: &MasterKey, without: Option<u32>| {
        let opened = SqliteStore::open(dir.path(), Setup::default().options).unwrap();
        let mut ring = opened.ring_rows().unwrap();
        ring.retain(|row| Some(row.id) != without);
        Vault::open(master, &ring, &random).map(drop)
    };
    let wrong = MasterKey::generate(&TestRandom::seeded(100));
    assert_eq!(open(&wrong, None), Err(VaultError::WrongMasterKey));
    for missing in 1..=3 {
        assert_eq!(open(&master_key(), Some(missing)), Err(VaultError::RingIncomplete), "ring key {missing}");
    }
    let right = master_key().to_text();
    let mut near = right.trim().to_owned();
    let last = if near.pop() == Some('0') { '1' } else { '0' };
    near.push(last);
    assert_eq!(
        open(&MasterKey::from_text(&near).unwrap(), None),
        Err(VaultError::WrongMasterKey),
        "one digit"
    );
    let texts = [
        (format!("keyward-master-key-1:{}", "00".repeat(32)), VaultError::MasterKeyTrivial),
        (format!("keyward-master-key-1:{}", "aB".repeat(32)), VaultError::MasterKeyTrivial),
        (String::new(), VaultError::MasterKeyForm),
        ("keyward-master-key-1:".to_owned(), VaultError::MasterKeyForm),
        (right.replace("key-1:", "key-2:"), VaultError::MasterKeyForm),
        (right.trim()[..right.trim().len() - 2].to_owned(), VaultError::MasterKeyForm),
        (format!("{}00", right.trim()), VaultError::MasterKeyForm),
        (right.trim().rsplit(':').next().unwrap().to_owned(), VaultError::MasterKeyForm),
        (right.replace(['a', 'b', 'c', 'd', 'e', 'f'], "g"), VaultError::MasterKeyForm),
    ];
    for (text, expected) in texts {
        assert_eq!(MasterKey::from_text(&text).map(drop), Err(expected), "{text}");
    }
    assert_eq!(content(), before, "the store is what it was");
    // A ring that was lost is not replaced by a new one.
    let lost = tempfile::tempdir().unwrap();
    fs::copy(dir.path().join("keyward.db"), lost.path().join("keyward.db")).unwrap();
    let db = rusqlite::Connection::open(lost.path().join("keyward.db")).unwrap();
    db.execute("DELETE FROM key_ring", []).unwrap();
    let mut opened = SqliteStore::open(lost.path(), Setup::default().options).unwrap();
    let refused = opened.insert_ring_rows(&Vault::new_ring(&master_key(), START, &random));
    assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
    assert_eq!(opened.ring_rows(), Ok(Vec::new()));
    assert_eq!(open(&MasterKey::from_text(&right).unwrap(), None), Ok(()), "the right one still opens it");
}
