//! Every effect: what is written reads back, what may change changes, and what contradicts is refused.

use std::borrow::Cow;

use domain::access_keys::{AccessKey, KeyKind, KeyStatus, SchemeSet};
use domain::accounts::{Account, AccountStatus};
use domain::batch::{Batch, Effect};
use domain::clock::UnixMillis;
use domain::id::{KeyId, Serial};
use domain::last_used::{KeyUse, LastUse, UseKind};
use domain::name::NameKey;
use domain::policy::Role;
use domain::refusals::{KEPT_MINUTES, RefusalCount};
use domain::users::{User, UserStatus};
use domain::vault::{MasterKeyId, Purpose, RingRow};

use super::dump::dump;
use super::rows::{NOW, account, buried, child, gone, key, root, user};
use super::{Subject, is_corrupt};
use Effect::{
    CountRefusals, CountSeals, InsertAccount, InsertKey, InsertRingKey, InsertUser, NoteUse, RewrapRingKey,
    UpdateKey, UpdateUser,
};

/// Everything that a row can hold, at the ends of its range.
fn odd_account() -> Account {
    Account {
        name: "Zürich-ﬁ 日本".to_owned(),
        name_key: NameKey::of("Zürich-ﬁ 日本"),
        serial: Serial::new(0x7fff_ffff).unwrap(),
        status: AccountStatus::Disabled,
        max_key_lifetime_ms: Some(i64::MAX),
        version: u64::try_from(i64::MAX).unwrap(),
        created_at: UnixMillis(i64::MIN),
        modified_at: UnixMillis(i64::MAX),
        deleted_at: Some(UnixMillis(0)),
        mark: [0xff; 32],
        ..account(8)
    }
}

fn odd_user(account: &Account) -> User {
    User {
        name: "'; DROP TABLE users; --".to_owned(),
        name_key: NameKey::of("'; DROP TABLE users; --"),
        serial: Serial::new(1).unwrap(),
        role: Role::Auditor,
        status: UserStatus::Frozen,
        display_name: "a\u{0}b\u{202e}\u{1f512}".to_owned(),
        email: "x@y\r\nz".to_owned(),
        attributes: [("scloud.a", "\"{}"), ("", ""), ("b", "\u{7f}\\u0000")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        version: 3,
        created_at: NOW.plus(5),
        ..user(account, 8)
    }
}

fn odd_key(parent: &AccessKey, user: &User) -> AccessKey {
    AccessKey {
        key_id: KeyId::new("k\u{0}%_'ﬁ"),
        dialect: String::new(),
        schemes: SchemeSet::from_bits(0xff),
        status: KeyStatus::Inactive,
        sealed: Some(Vec::new()),
        sources: ["10.0.0.0/8", "2001:db8::/32", "::ffff:1.2.3.4/128"].map(|r| r.parse().unwrap()).to_vec(),
        not_before: Some(UnixMillis(-1)),
        expires_at: Some(UnixMillis(i64::MAX)),
        description: "x".repeat(100_000),
        ..child(parent, user, 8)
    }
}

pub(super) async fn entities_read_back_as_they_were_written(s: Subject) {
    let (a, odd_a) = (account(1), odd_account());
    let (r, u) = (root(&a, 1), odd_user(&a));
    let k = AccessKey { status: KeyStatus::Inactive, ..key(&r, 1) };
    let (child, dead) = (odd_key(&k, &r), buried(&key(&u, 3)));
    let before = dump(s.store.as_ref()).await;
    s.write(vec![InsertAccount(a.clone()), InsertAccount(odd_a.clone())]).await;
    s.write(vec![InsertUser(r.clone()), InsertUser(u.clone())]).await;
    s.write([&k, &child, &dead].map(|key| InsertKey(key.clone())).to_vec()).await;
    let after = dump(s.store.as_ref()).await;
    assert_eq!(after.accounts, [a, odd_a]);
    assert_eq!(after.users, [(r, vec![k, child]), (u, vec![dead])]);
    assert_eq!((after.counts.accounts, after.counts.users, after.counts.keys), (2, 2, 3));
    assert_eq!(after.ring, before.ring);
}

pub(super) async fn updates_replace_what_may_change(s: Subject) {
    let a = account(1);
    let u = user(&a, 1);
    let k = key(&u, 1);
    s.write(vec![InsertAccount(a.clone()), InsertUser(u.clone()), InsertKey(k.clone())]).await;
    let changed_user = User {
        name: "Other".to_owned(),
        name_key: NameKey::of("Other"),
        role: Role::Admin,
        status: UserStatus::Frozen,
        display_name: "D".to_owned(),
        email: "E".to_owned(),
        attributes: [("n".to_owned(), "v".to_owned())].into(),
        version: 2,
        modified_at: NOW.plus(1),
        deleted_at: Some(NOW.plus(2)),
        mark: [9; 32],
        ..u
    };
    let changed_key = AccessKey {
        schemes: SchemeSet::from_bits(1),
        status: KeyStatus::Inactive,
        sealed: None,
        sources: vec!["1.2.3.4".parse().unwrap()],
        not_before: Some(NOW),
        expires_at: Some(NOW.plus(9)),
        description: "D".to_owned(),
        version: 2,
        modified_at: NOW.plus(1),
        modified_by: user(&a, 7).uuid,
        deleted_at: Some(NOW.plus(2)),
        deleted_by: Some(user(&a, 8).uuid),
        mark: [9; 32],
        ..k
    };
    s.write(vec![UpdateUser(changed_user.clone()), UpdateKey(changed_key.clone())]).await;
    assert_eq!(dump(s.store.as_ref()).await.users, [(changed_user, vec![changed_key])]);
}

pub(super) async fn what_never_changes_stays(s: Subject) {
    let (a, b) = (account(1), account(2));
    let (u, v) = (user(&a, 1), user(&b, 2));
    let k = key(&u, 1);
    s.write(vec![InsertAccount(a.clone()), InsertAccount(b.clone())]).await;
    s.write(vec![InsertUser(u.clone()), InsertUser(v.clone()), InsertKey(k.clone())]).await;
    let before = dump(s.store.as_ref()).await;
    let moved_users = [
        User { account: b.uuid, ..u.clone() },
        User { serial: v.serial, ..u.clone() },
        User { is_root: true, ..u.clone() },
        User { created_at: NOW.plus(1), ..u.clone() },
        user(&a, 9),
    ];
    let moved_keys = [
        AccessKey { user: v.uuid, ..k.clone() },
        AccessKey { account: b.uuid, ..k.clone() },
        AccessKey { key_id: KeyId::new("other"), ..k.clone() },
        AccessKey { parent: Some(k.uuid), ..k.clone() },
        AccessKey { dialect: "other".to_owned(), ..k.clone() },
        AccessKey { kind: KeyKind::Temporary, ..k.clone() },
        AccessKey { created_at: NOW.plus(1), ..k.clone() },
        AccessKey { created_by: v.uuid, ..k.clone() },
        key(&u, 9),
    ];
    let effects = moved_users.map(UpdateUser).into_iter().chain(moved_keys.map(UpdateKey));
    for effect in effects {
        let result = s.try_write(vec![effect.clone()]).await;
        assert!(is_corrupt(&result), "{effect:?}: {result:?}");
    }
    assert_eq!(dump(s.store.as_ref()).await, before);
}

pub(super) async fn nothing_is_inserted_twice(s: Subject) {
    let (a, b) = (account(1), account(2));
    let (r, u, dead) = (root(&a, 1), user(&a, 2), gone(&user(&a, 3)));
    let (k, buried_key) = (key(&u, 1), buried(&key(&u, 2)));
    s.write(vec![InsertAccount(a.clone()), InsertAccount(b.clone())]).await;
    s.write([&r, &u, &dead].map(|user| InsertUser(user.clone())).to_vec()).await;
    s.write(vec![InsertKey(k.clone()), InsertKey(buried_key.clone())]).await;
    let before = dump(s.store.as_ref()).await;
    let named =
        |name: &str, number| User { name: name.to_owned(), name_key: NameKey::of(name), ..user(&a, number) };
    let doubles = [
        InsertAccount(Account { serial: account(9).serial, ..a.clone() }),
        InsertAccount(Account { serial: a.serial, ..account(9) }),
        InsertAccount(Account { serial: u.serial, ..account(9) }),
        InsertAccount(Account { name_key: a.name_key.clone(), ..account(9) }),
        InsertUser(User { uuid: u.uuid, ..user(&a, 9) }),
        InsertUser(User { serial: u.serial, ..user(&a, 9) }),
        InsertUser(User { serial: a.serial, ..user(&a, 9) }),
        InsertUser(User { serial: dead.serial, ..user(&a, 9) }),
        InsertUser(named("uSER2", 9)),
        InsertUser(User { serial: a.serial, is_root: true, ..user(&a, 9) }),
        InsertUser(User { is_root: true, ..user(&b, 9) }),
        InsertKey(AccessKey { uuid: k.uuid, ..key(&u, 9) }),
        InsertKey(AccessKey { key_id: k.key_id.clone(), ..key(&u, 9) }),
        InsertKey(AccessKey { key_id: buried_key.key_id.clone(), ..key(&u, 9) }),
        UpdateUser(User { name_key: r.name_key.clone(), ..u.clone() }),
    ];
    for effect in doubles {
        let result = s.try_write(vec![effect.clone()]).await;
        assert!(is_corrupt(&result), "{effect:?}: {result:?}");
    }
    assert_eq!(dump(s.store.as_ref()).await, before);
    s.write(vec![InsertUser(named("uSER3", 9))]).await;
}

pub(super) async fn references_must_exist(s: Subject) {
    let (a, b) = (account(1), account(2));
    let u = user(&a, 1);
    s.write(vec![InsertAccount(a.clone()), InsertAccount(b.clone()), InsertUser(u.clone())]).await;
    let before = dump(s.store.as_ref()).await;
    let nobody = user(&a, 9);
    let dangling = [
        InsertUser(user(&account(9), 9)),
        InsertKey(key(&nobody, 9)),
        InsertKey(AccessKey { account: b.uuid, ..key(&u, 9) }),
        InsertKey(AccessKey { parent: Some(key(&u, 8).uuid), ..key(&u, 9) }),
        UpdateUser(nobody),
        UpdateKey(key(&u, 9)),
        CountSeals { ring_key: 99, seals: 1 },
    ];
    for effect in dangling {
        let result = s.try_write(vec![effect.clone()]).await;
        assert!(is_corrupt(&result), "{effect:?}: {result:?}");
    }
    assert_eq!(dump(s.store.as_ref()).await, before);
}

pub(super) async fn ring_keys_and_their_seals(s: Subject) {
    let before = s.store.key_ring().await.unwrap();
    let row = RingRow {
        id: 9,
        purpose: Purpose::Data,
        master: MasterKeyId([1, 2, 3, 4, 5, 6, 7, 0xff]),
        wrapped: vec![0, 1, 0xff],
        seals: 5,
        created_at: UnixMillis(-7),
    };
    let effects = vec![
        InsertRingKey(row.clone()),
        CountSeals { ring_key: 9, seals: 3 },
        CountSeals { ring_key: 9, seals: 0 },
        CountSeals { ring_key: before[0].id, seals: 11 },
    ];
    // Nothing of these is an entity, so no audit entry is asked for.
    s.store.commit(Batch { effects, ..Batch::default() }).await.unwrap();
    let after = s.store.key_ring().await.unwrap();
    assert_eq!(after.last().unwrap(), &RingRow { seals: 8, ..row.clone() });
    assert_eq!(after[0], RingRow { seals: before[0].seals + 11, ..before[0].clone() });
    assert_eq!(after[1..after.len() - 1], before[1..]);
    assert!(is_corrupt(&s.try_write(vec![InsertRingKey(row)]).await), "the number is taken");
}

pub(super) async fn a_ring_key_is_rewrapped_from_the_master_key_it_had(s: Subject) {
    let before = s.store.key_ring().await.unwrap();
    s.store
        .commit(Batch { effects: vec![CountSeals { ring_key: before[0].id, seals: 4 }], ..Batch::default() })
        .await
        .unwrap();
    let from = before[0].master;
    let row = RingRow { master: MasterKeyId([9; 8]), wrapped: vec![7, 7], ..before[0].clone() };
    let elsewhere = [
        RewrapRingKey { from: MasterKeyId([8; 8]), row: row.clone() },
        RewrapRingKey { from, row: RingRow { id: 99, ..row.clone() } },
        RewrapRingKey { from, row: RingRow { purpose: Purpose::AuditChain, ..row.clone() } },
        RewrapRingKey { from, row: RingRow { created_at: UnixMillis(77), ..row.clone() } },
    ];
    for effect in elsewhere {
        assert!(is_corrupt(&s.try_write(vec![effect.clone()]).await), "{effect:?}");
    }
    let unaudited = Batch { effects: vec![RewrapRingKey { from, row: row.clone() }], ..Batch::default() };
    assert!(is_corrupt(&s.store.commit(unaudited).await), "it is in the audit or not at all");
    s.write(vec![RewrapRingKey { from, row: row.clone() }]).await;
    let after = s.store.key_ring().await.unwrap();
    assert_eq!(after[0], RingRow { seals: before[0].seals + 4, ..row });
    assert_eq!(after[1..], before[1..]);
}

pub(super) async fn refusals_add_up_and_age(s: Subject) {
    let count = |minute, source: &str, count| RefusalCount {
        minute,
        source: source.to_owned(),
        key_id: "K".to_owned(),
        reason: Cow::Borrowed("unknown_key"),
        dialect: Cow::Borrowed("scloud"),
        count,
    };
    let write = async |counts: Vec<RefusalCount>| {
        let effects = counts.into_iter().map(CountRefusals).collect();
        s.store.commit(Batch { effects, ..Batch::default() }).await.unwrap();
    };
    let first = 1_000_000;
    write(vec![count(first, "b", 2), count(first, "a", 1), count(first, "b", 3)]).await;
    write(vec![count(first, "b", 4), count(first + 1, "b", 1)]).await;
    let all = [count(first + 1, "b", 1), count(first, "a", 1), count(first, "b", 9)];
    assert_eq!(s.store.refusals(0, 100).await.unwrap(), all);
    assert_eq!(s.store.refusals(first + 1, 100).await.unwrap(), all[..1]);
    assert_eq!(s.store.refusals(first, 2).await.unwrap(), all[..2]);
    assert_eq!(s.store.refusals(first + 2, 100).await.unwrap(), []);
    write(vec![count(first + KEPT_MINUTES, "c", 1)]).await;
    assert_eq!(s.store.refusals(0, 100).await.unwrap().len(), 4, "a day old is kept");
    write(vec![count(first + KEPT_MINUTES + 1, "c", 1)]).await;
    let left: Vec<i64> = s.store.refusals(0, 100).await.unwrap().iter().map(|row| row.minute).collect();
    assert_eq!(left, [first + KEPT_MINUTES + 1, first + KEPT_MINUTES, first + 1], "older goes");
    let ahead = first + 10 * KEPT_MINUTES;
    write(vec![count(ahead, "c", 1)]).await;
    write(vec![count(first, "d", 1), count(first + 1, "d", 1)]).await;
    let left: Vec<i64> = s.store.refusals(0, 100).await.unwrap().iter().map(|row| row.minute).collect();
    assert_eq!(
        left,
        [ahead, first + 1, first],
        "a clock that was ahead takes nothing of what comes after it"
    );
}

pub(super) async fn the_latest_use_stays(s: Subject) {
    let (a, b) = (key(&user(&account(1), 1), 1).uuid, key(&user(&account(1), 1), 2).uuid);
    let used = |key, at, source: &str, operation: &'static str| KeyUse {
        kind: UseKind::AccessKey,
        key,
        last: LastUse {
            at: UnixMillis(at),
            source: source.parse().ok(),
            dialect: Cow::Borrowed("scloud"),
            operation: Cow::Borrowed(operation),
        },
    };
    let write = async |uses: Vec<KeyUse>| {
        let effects = uses.into_iter().map(NoteUse).collect();
        // Neither an entity nor in the audit.
        s.store.commit(Batch { effects, ..Batch::default() }).await.unwrap();
    };
    let seen = async || s.store.last_uses(UseKind::AccessKey, vec![b, a]).await.unwrap();
    assert_eq!(seen().await, []);
    write(vec![used(a, 10, "192.0.2.1", "One")]).await;
    assert_eq!(seen().await, [used(a, 10, "192.0.2.1", "One")]);
    write(vec![used(a, 9, "192.0.2.2", "Early"), used(b, 5, "", "")]).await;
    let mut both = seen().await;
    both.sort_by_key(|used| used.last.at);
    assert_eq!(both, [used(b, 5, "", ""), used(a, 10, "192.0.2.1", "One")], "never backwards");
    write(vec![used(a, 10, "2001:db8::1", "Same time"), used(b, 7, "::1", "Later")]).await;
    let mut both = seen().await;
    both.sort_by_key(|used| used.last.at);
    assert_eq!(both, [used(b, 7, "::1", "Later"), used(a, 10, "2001:db8::1", "Same time")]);
    // What is noted of another kind is kept apart.
    let of = |kind, used: KeyUse| KeyUse { kind, ..used };
    let offered = of(UseKind::SshOffer, used(b, 3, "::1", "Offered"));
    write(vec![offered.clone(), of(UseKind::SshLogin, used(b, 4, "::1", "Login"))]).await;
    assert_eq!(s.store.last_uses(UseKind::SshOffer, vec![a, b]).await.unwrap(), [offered]);
    assert_eq!(s.store.last_uses(UseKind::SshLogin, vec![b]).await.unwrap()[0].last.at, UnixMillis(4));
    assert_eq!(s.store.last_uses(UseKind::AccessKey, vec![b]).await.unwrap(), [used(b, 7, "::1", "Later")]);
}
