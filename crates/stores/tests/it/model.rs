//! The model against SQLite: random histories of batches, several of them queued at once, must get the same answers and
//! leave the same rows, however the committer groups them.

use std::future::poll_fn;
use std::task::Poll;

use domain::access_keys::{AccessKey, KeyStatus, SchemeSet};
use domain::batch::{Batch, Effect, Require};
use domain::caller::Credential;
use domain::clock::UnixMillis;
use domain::id::{KeyId, Serial};
use domain::last_used::{KeyUse, LastUse, UseKind};
use domain::name::NameKey;
use domain::policy::Role;
use domain::refusals::RefusalCount;
use domain::ssh_keys::{Fingerprint, SshKey};
use domain::store::{CommitError, Store, StoreError};
use domain::tokens::{Token, TokenKey, TokenKind};
use domain::users::{User, UserStatus};
use proptest::prelude::*;
use stores::conformance::dump::dump;
use stores::conformance::rows::{
    NOW, account, child, key, password, root, serial, ssh_key, token, token_key, user,
};
use stores::conformance::{Subject, entry};
use stores::memory::MemoryStore;
use stores::sqlite::{Options, SqliteStore};

/// Few of everything, so that histories meet.
const USERS: u32 = 6;
const KEYS: u32 = 8;
const SSH_KEYS: u32 = 6;
const TOKENS: u32 = 6;
const TOKEN_KEYS: u32 = 6;

fn some_user(number: u32) -> User {
    let home = account(1 + number % 2);
    if number < 2 { root(&home, number) } else { user(&home, number) }
}

fn some_key(number: u32) -> AccessKey {
    let owner = some_user(number % USERS);
    if number == 7 { child(&some_key(1), &owner, 7) } else { key(&owner, number) }
}

fn time() -> impl Strategy<Value = UnixMillis> {
    (-1_i64..=1).prop_map(|millis| NOW.plus(millis))
}

fn changed_user() -> impl Strategy<Value = User> {
    let role = prop::sample::select(Role::ALL.to_vec());
    let status = prop::sample::select(vec![UserStatus::Active, UserStatus::Active, UserStatus::Frozen]);
    let name = prop::sample::select(vec!["one", "ONE", "two", "three", "four", "five", "six"]);
    let home = prop_oneof![19 => Just(None), 1 => (1_u32..=2).prop_map(Some)];
    let deleted = prop_oneof![4 => Just(None), 1 => time().prop_map(Some)];
    (0..USERS, role, status, name, home, deleted, 1_u64..4).prop_map(
        |(number, role, status, name, home, deleted_at, version)| {
            let user = some_user(number);
            let account = home.map_or(user.account, |home| account(home).uuid);
            let (name, name_key) = (name.to_owned(), NameKey::of(name));
            User { account, role, status, name, name_key, deleted_at, version, ..user }
        },
    )
}

fn changed_key() -> impl Strategy<Value = AccessKey> {
    let status = prop::sample::select(vec![KeyStatus::Active, KeyStatus::Inactive]);
    let id = prop_oneof![9 => Just(None), 1 => (0..KEYS).prop_map(Some)];
    let deleted = prop_oneof![3 => Just(None), 1 => time().prop_map(Some)];
    (0..KEYS, status, id, deleted, 1_u64..4, prop::option::of(time()), 0_u8..8).prop_map(
        |(number, status, id, deleted_at, version, expires_at, schemes)| {
            let key = some_key(number);
            let key_id = id.map_or(key.key_id.clone(), |id| KeyId::new(format!("Key{id}")));
            let sealed = key.sealed.clone().filter(|_| deleted_at.is_none());
            let schemes = SchemeSet::from_bits(schemes);
            AccessKey { status, key_id, deleted_at, version, expires_at, schemes, sealed, ..key }
        },
    )
}

fn some_ssh_key(number: u32) -> SshKey {
    ssh_key(&some_user(number % USERS), number)
}

fn changed_ssh_key() -> impl Strategy<Value = SshKey> {
    let deleted = prop_oneof![3 => Just(None), 1 => time().prop_map(Some)];
    let other = prop_oneof![9 => Just(None), 2 => (0..SSH_KEYS).prop_map(Some)];
    (0..SSH_KEYS, other, deleted, 1_u64..4, prop::option::of(time())).prop_map(
        |(number, other, deleted_at, version, expires_at)| {
            let key = some_ssh_key(number);
            let blob = other.map_or(key.blob.clone(), |other| some_ssh_key(other).blob);
            SshKey { fingerprint: Fingerprint::of(&blob), blob, deleted_at, version, expires_at, ..key }
        },
    )
}

fn some_token(number: u32) -> Token {
    token(&some_user(number % USERS), number)
}

fn changed_token() -> impl Strategy<Value = Token> {
    let kind = prop_oneof![3 => Just(TokenKind::Session), 1 => Just(TokenKind::Gate)];
    (0..TOKENS, kind, time(), prop::option::of(time()), 1_u64..4).prop_map(
        |(number, kind, issued_at, expires_at, user_version)| {
            let name = format!("name{}", number % 2);
            Token { kind, issued_at, expires_at, user_version, name, ..some_token(number) }
        },
    )
}

fn some_token_key(number: u32) -> TokenKey {
    token_key(&some_token(number % 3), number)
}

fn changed_token_key() -> impl Strategy<Value = TokenKey> {
    let token = prop_oneof![9 => Just(None), 1 => (0..TOKENS).prop_map(Some)];
    let id = prop_oneof![9 => Just(None), 1 => (0..TOKEN_KEYS).prop_map(Some)];
    (0..TOKEN_KEYS, token, id, time(), time()).prop_map(|(number, token, id, issued_at, expires_at)| {
        let key = some_token_key(number);
        let token = token.map_or(key.token, |number| some_token(number).hash);
        let key_id = id.map_or(key.key_id.clone(), |id| some_token_key(id).key_id);
        TokenKey { token, key_id, issued_at, expires_at: expires_at.plus(1), ..key }
    })
}

fn key_use() -> impl Strategy<Value = KeyUse> {
    ((0..KEYS), time(), 0_u8..3).prop_map(|(number, at, source)| KeyUse {
        kind: UseKind::ALL[usize::from(source) % 3],
        key: some_key(number).uuid,
        last: LastUse {
            at,
            source: (source > 0).then(|| [192, 0, 2, source].into()),
            dialect: "x".into(),
            operation: "".into(),
        },
    })
}

fn effect() -> impl Strategy<Value = Effect> {
    let refusal = (0_i64..3_000, 0_u64..5).prop_map(|(minute, count)| RefusalCount {
        minute,
        source: (minute % 2).to_string(),
        key_id: String::new(),
        reason: "stale".into(),
        dialect: "x".into(),
        count,
    });
    prop_oneof![
        1 => (1_u32..=3, 1_u32..=3).prop_map(|(number, name)| {
            let named = account(name);
            let account = account(number);
            Effect::InsertAccount(domain::accounts::Account { name_key: named.name_key, ..account })
        }),
        4 => changed_user().prop_map(Effect::InsertUser),
        4 => changed_user().prop_map(Effect::UpdateUser),
        6 => changed_key().prop_map(Effect::InsertKey),
        6 => changed_key().prop_map(Effect::UpdateKey),
        1 => (1_u32..5, 0_u64..9).prop_map(|(ring_key, seals)| Effect::CountSeals { ring_key, seals }),
        1 => refusal.prop_map(Effect::CountRefusals),
        2 => key_use().prop_map(Effect::NoteUse),
        3 => changed_ssh_key().prop_map(Effect::InsertSshKey),
        3 => changed_ssh_key().prop_map(Effect::UpdateSshKey),
        2 => ((0..USERS), 0_u8..3)
            .prop_map(|(user, number)| Effect::SetPassword(password(&some_user(user), number))),
        3 => changed_token().prop_map(Effect::InsertToken),
        1 => changed_token().prop_map(Effect::DeleteToken),
        6 => changed_token_key().prop_map(Effect::InsertTokenKey),
        1 => (0..USERS).prop_map(|user| Effect::ForgetLogin(some_user(user).uuid)),
    ]
}

fn require() -> impl Strategy<Value = Require> {
    let user = || (0..USERS).prop_map(|number| some_user(number).uuid);
    let key = || (0..KEYS).prop_map(|number| some_key(number).uuid);
    let home = || (1_u32..=2).prop_map(|number| account(number).uuid);
    let name = prop::sample::select(vec!["one", "two", "three"]).prop_map(NameKey::of);
    let schemes = (0_u8..8).prop_map(SchemeSet::from_bits);
    let role = prop::sample::select(Role::ALL.to_vec());
    let credential = prop_oneof![
        3 => key().prop_map(Credential::Key),
        2 => (0..TOKENS).prop_map(|number| Credential::Token(some_token(number).hash)),
        2 => (0..TOKEN_KEYS).prop_map(|number| Credential::TokenKey(some_token_key(number).uuid)),
    ];
    let ssh_key = || (0..SSH_KEYS).prop_map(some_ssh_key);
    let ssh_keys = prop::collection::vec(ssh_key().prop_map(|key| key.uuid), 0..2);
    let keys = || prop::collection::vec((0..KEYS).prop_map(|number| some_key(number).uuid), 0..3);
    let taken = prop_oneof![
        (0_u32..9).prop_map(|number| serial(1, number)),
        (0_u32..9).prop_map(|number| serial(2, number))
    ];
    prop_oneof![
        1 => Just(Require::StoreIsEmpty),
        9 => (credential, role, time())
            .prop_map(|(credential, role, at)| Require::CallerMayAct { credential, role, at }),
        9 => (user(), 1_u64..4).prop_map(|(user, version)| Require::UserVersionIs(user, version)),
        9 => (key(), 1_u64..4).prop_map(|(key, version)| Require::KeyVersionIs(key, version)),
        9 => user().prop_map(Require::UserIsLive),
        9 => (user(), keys()).prop_map(|(user, keys)| Require::LiveKeysAre(user, keys)),
        9 => (home(), name, prop::option::of(user()))
            .prop_map(|(account, name, except)| Require::NameIsFree { account, name, except }),
        9 => (0..KEYS).prop_map(|number| Require::KeyIdIsFree(some_key(number).key_id)),
        9 => taken.prop_map(|serial: Serial| Require::SerialIsFree(serial)),
        9 => (user(), schemes, 0_u32..4)
            .prop_map(|(user, schemes, limit)| Require::KeysBelow { user, schemes, limit }),
        9 => (ssh_key(), 1_u64..4).prop_map(|(key, version)| Require::SshKeyVersionIs(key.uuid, version)),
        9 => (user(), ssh_keys).prop_map(|(user, keys)| Require::LiveSshKeysAre(user, keys)),
        9 => (home(), ssh_key()).prop_map(|(account, key)| Require::SshKeyIsFree {
            account,
            fingerprint: key.fingerprint,
        }),
        9 => (user(), 0_u32..3).prop_map(|(user, limit)| Require::SshKeysBelow { user, limit }),
        5 => (0..TOKENS).prop_map(|number| Require::TokenExists(some_token(number).hash)),
        9 => (user(), key(), 0_u32..3, time())
            .prop_map(|(user, parent, limit, at)| Require::ChildrenBelow { user, parent, limit, at }),
        5 => (0..TOKEN_KEYS).prop_map(|number| Require::KeyIdIsFree(some_token_key(number).key_id)),
        9 => (user(), 0_u32..3, time()).prop_map(|(user, limit, at)| Require::TokenKeysBelow { user, limit, at }),
        9 => (user(), key(), keys()).prop_map(|(user, parent, keys)| Require::ChildrenAre { user, parent, keys }),
        9 => (home(), 0_u32..5).prop_map(|(account, limit)| Require::UsersBelow { account, limit }),
        9 => (home(), keys(), prop::option::of(user()), time()).prop_map(
            |(account, lost_keys, lost_user, at)| Require::AnotherAdminKeyRemains {
                account,
                lost_keys,
                lost_user,
                at,
            }
        ),
    ]
}

fn batch() -> impl Strategy<Value = Batch> {
    let require = prop::collection::vec(require(), 0..3);
    let effects = prop::collection::vec(effect(), 0..3);
    let audit = prop_oneof![1 => Just(0_u64), 19 => 1_u64..3];
    (require, effects, audit).prop_map(|(require, effects, audit)| Batch {
        require,
        effects,
        audit: (0..audit).map(entry).collect(),
    })
}

/// Steps of batches that are queued together.
fn history() -> impl Strategy<Value = Vec<Vec<Batch>>> {
    prop::collection::vec(prop::collection::vec(batch(), 1..12), 1..12)
}

/// An answer without the words that each store has of its own.
fn plain(answer: Result<(), CommitError>) -> Result<(), CommitError> {
    answer.map_err(|error| match error {
        CommitError::Store(StoreError::Corrupt(_)) => StoreError::Corrupt(String::new()).into(),
        other => other,
    })
}

/// Queues all batches in this order before the first answer is awaited.
async fn commit_all(store: &dyn Store, batches: &[Batch]) -> Vec<Result<(), CommitError>> {
    let mut commits: Vec<_> = batches.iter().map(|batch| (store.commit(batch.clone()), None)).collect();
    for (commit, answer) in &mut commits {
        *answer = poll_fn(|context| match commit.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending => Poll::Ready(None),
        })
        .await;
    }
    let mut answers = Vec::new();
    for (commit, answer) in commits {
        answers.push(plain(match answer {
            Some(answer) => answer,
            None => commit.await,
        }));
    }
    answers
}

fn first_rows() -> Batch {
    let mut effects: Vec<Effect> = [1, 2].map(|number| Effect::InsertAccount(account(number))).to_vec();
    effects.extend((0..3).map(|number| Effect::InsertUser(some_user(number))));
    effects.extend((0..3).map(|number| Effect::InsertKey(some_key(number))));
    Batch { effects, audit: vec![entry(1)], require: Vec::new() }
}

async fn compare(history: Vec<Vec<Batch>>) {
    let dir = tempfile::tempdir().unwrap();
    let model = Subject::start(&|ring, chain, observer| MemoryStore::start(ring, chain, observer));
    let sqlite = Subject::start(&|ring, chain, observer| {
        let options = Options { readers: 1, reserve_bytes: 0, ..Options::default() };
        let mut opened = SqliteStore::open(dir.path(), options).unwrap();
        opened.insert_ring_rows(&ring).unwrap();
        opened.start(chain, observer).unwrap()
    });
    for (number, step) in std::iter::once(vec![first_rows()]).chain(history).enumerate() {
        let expected = commit_all(model.store.as_ref(), &step).await;
        assert_eq!(commit_all(sqlite.store.as_ref(), &step).await, expected, "step {number}: {step:?}");
        assert_eq!(dump(sqlite.store.as_ref()).await, dump(model.store.as_ref()).await, "step {number}");
    }
    let told = |subject: &Subject| subject.told.committed.lock().unwrap().clone();
    assert_eq!(told(&sqlite), told(&model), "the observers heard the same, in the same order");
    assert_eq!(sqlite.store.check().await, Ok(Vec::new()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn sqlite_answers_like_the_model(history in history()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(compare(history));
    }
}

/// The histories above would prove little if nearly all batches were refused.
#[test]
fn the_histories_are_of_all_kinds() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (mut written, mut refused, mut corrupt) = (0, 0, 0);
    for _ in 0..40 {
        let history = history().new_tree(&mut runner).unwrap().current();
        let model = Subject::start(&|ring, chain, observer| MemoryStore::start(ring, chain, observer));
        let steps = std::iter::once(vec![first_rows()]).chain(history);
        for batch in steps.flatten() {
            match runtime.block_on(model.store.commit(batch)) {
                Ok(()) => written += 1,
                Err(CommitError::Refused(_)) => refused += 1,
                Err(CommitError::Store(_)) => corrupt += 1,
            }
        }
    }
    println!("written {written}, refused {refused}, contradicting {corrupt}");
    let total = written + refused + corrupt;
    assert!([written, refused, corrupt].iter().all(|&count| count * 10 > total), "one kind is rare");
}
