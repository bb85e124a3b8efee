//! Every requirement: holding, not holding, and at its edges.

use domain::access_keys::{AccessKey, KeyKind, KeyStatus, SchemeSet};
use domain::accounts::AccountStatus;
use domain::batch::{Effect, Require};
use domain::caller::Credential;
use domain::clock::UnixMillis;
use domain::id::{KeyId, UserUuid};
use domain::name::NameKey;
use domain::policy::Role;
use domain::users::{User, UserStatus};

use super::Subject;
use super::rows::{NOW, account, buried, child, gone, key, root, serial, user};
use Effect::{InsertAccount, InsertKey, InsertUser, UpdateKey, UpdateUser};

const LATER: UnixMillis = NOW.plus(1_000);

pub(super) async fn store_is_empty(s: Subject) {
    assert!(s.holds(Require::StoreIsEmpty).await);
    s.write(vec![InsertAccount(account(1))]).await;
    assert!(!s.holds(Require::StoreIsEmpty).await);
}

fn may_act(key: &AccessKey, role: Role) -> Require {
    Require::CallerMayAct { credential: Credential::Key(key.uuid), role, at: NOW }
}

pub(super) async fn caller_may_act(s: Subject) {
    let (a, off) = (account(1), account(2));
    let off = domain::accounts::Account { status: AccountStatus::Disabled, ..off };
    let (u, frozen, dead, stranger) = (user(&a, 1), user(&a, 2), user(&a, 3), user(&off, 4));
    let frozen = User { status: UserStatus::Frozen, ..frozen };
    s.write(vec![InsertAccount(a), InsertAccount(off.clone())]).await;
    s.write([&u, &frozen, &gone(&dead), &stranger].map(|user| InsertUser(user.clone())).to_vec()).await;
    let plain = key(&u, 1);
    let cases = [
        (plain.clone(), true),
        (AccessKey { status: KeyStatus::Inactive, ..key(&u, 2) }, false),
        (buried(&key(&u, 3)), false),
        (AccessKey { expires_at: Some(NOW), ..key(&u, 4) }, false),
        (AccessKey { expires_at: Some(NOW.plus(1)), ..key(&u, 5) }, true),
        (AccessKey { expires_at: Some(NOW.plus(-1)), ..key(&u, 6) }, false),
        (key(&frozen, 7), false),
        (key(&dead, 8), false),
        (key(&stranger, 9), false),
    ];
    for (key, expected) in cases {
        s.write(vec![InsertKey(key.clone())]).await;
        assert_eq!(s.holds(may_act(&key, Role::Member)).await, expected, "{key:?}");
    }
    assert!(!s.holds(may_act(&plain, Role::Admin)).await, "the role has changed");
    assert!(!s.holds(may_act(&key(&u, 99), Role::Member)).await, "no such key");
    s.write(vec![UpdateUser(User { role: Role::Admin, ..u })]).await;
    assert!(!s.holds(may_act(&plain, Role::Member)).await, "the role has changed");
    assert!(s.holds(may_act(&plain, Role::Admin)).await);
}

pub(super) async fn caller_may_act_through_his_parent(s: Subject) {
    let a = account(1);
    let u = user(&a, 1);
    s.write(vec![InsertAccount(a), InsertUser(u.clone())]).await;
    let parents = [
        (key(&u, 1), true),
        (AccessKey { status: KeyStatus::Inactive, ..key(&u, 2) }, false),
        (buried(&key(&u, 3)), false),
        (AccessKey { expires_at: Some(NOW), ..key(&u, 4) }, false),
        (AccessKey { expires_at: Some(LATER), ..key(&u, 5) }, true),
    ];
    for (number, (parent, expected)) in (11..).zip(parents) {
        let child = child(&parent, &u, number);
        s.write(vec![InsertKey(parent.clone()), InsertKey(child.clone())]).await;
        assert_eq!(s.holds(may_act(&child, Role::Member)).await, expected, "{parent:?}");
    }
}

pub(super) async fn versions(s: Subject) {
    let a = account(1);
    let u = user(&a, 1);
    let k = AccessKey { version: 7, ..key(&u, 1) };
    s.write(vec![
        InsertAccount(a.clone()),
        InsertUser(User { version: 5, ..u.clone() }),
        InsertKey(k.clone()),
    ])
    .await;
    for (version, expected) in [(4, false), (5, true), (6, false), (0, false)] {
        assert_eq!(s.holds(Require::UserVersionIs(u.uuid, version)).await, expected);
    }
    for (version, expected) in [(6, false), (7, true), (8, false)] {
        assert_eq!(s.holds(Require::KeyVersionIs(k.uuid, version)).await, expected);
    }
    s.write(vec![UpdateKey(buried(&k))]).await;
    assert!(!s.holds(Require::KeyVersionIs(k.uuid, 7)).await, "deleting raises the version");
    assert!(!s.holds(Require::UserVersionIs(user(&a, 9).uuid, 1)).await, "no such user");
    assert!(!s.holds(Require::KeyVersionIs(key(&u, 9).uuid, 1)).await, "no such key");
}

pub(super) async fn user_is_live(s: Subject) {
    let a = account(1);
    let u = user(&a, 1);
    s.write(vec![InsertAccount(a.clone()), InsertUser(u.clone())]).await;
    assert!(s.holds(Require::UserIsLive(u.uuid)).await);
    s.write(vec![UpdateUser(User { status: UserStatus::Frozen, version: 2, ..u.clone() })]).await;
    assert!(s.holds(Require::UserIsLive(u.uuid)).await, "a frozen user lives");
    s.write(vec![UpdateUser(gone(&u))]).await;
    assert!(!s.holds(Require::UserIsLive(u.uuid)).await);
    assert!(!s.holds(Require::UserIsLive(user(&a, 2).uuid)).await, "no such user");
}

pub(super) async fn live_keys_are(s: Subject) {
    let a = account(1);
    let (u, other) = (user(&a, 1), user(&a, 2));
    let (one, two, dead) = (key(&u, 1), key(&u, 2), key(&u, 3));
    s.write(vec![InsertAccount(a), InsertUser(u.clone()), InsertUser(other.clone())]).await;
    assert!(s.holds(Require::LiveKeysAre(u.uuid, Vec::new())).await);
    s.write([&one, &two, &buried(&dead), &key(&other, 4)].map(|key| InsertKey(key.clone())).to_vec()).await;
    let are = |keys: &[&AccessKey]| Require::LiveKeysAre(u.uuid, keys.iter().map(|key| key.uuid).collect());
    assert!(s.holds(are(&[&one, &two])).await);
    assert!(s.holds(are(&[&two, &one])).await, "in any order");
    assert!(!s.holds(are(&[&one])).await, "one is missing");
    assert!(!s.holds(are(&[])).await);
    assert!(!s.holds(are(&[&one, &two, &dead])).await, "a deleted key does not live");
    assert!(!s.holds(are(&[&one, &key(&other, 4)])).await, "another user's key");
}

pub(super) async fn name_is_free(s: Subject) {
    let (a, b) = (account(1), account(2));
    let named =
        |name: &str, number| User { name: name.to_owned(), name_key: NameKey::of(name), ..user(&a, number) };
    let strasse = named("Straße", 1);
    s.write(vec![InsertAccount(a.clone()), InsertAccount(b.clone()), InsertUser(strasse.clone())]).await;
    let free = |name: &str, except: Option<UserUuid>| Require::NameIsFree {
        account: a.uuid,
        name: NameKey::of(name),
        except,
    };
    for taken in ["Straße", "STRASSE", "strasse", "ｓtraße"] {
        assert!(!s.holds(free(taken, None)).await, "{taken}");
        assert!(s.holds(free(taken, Some(strasse.uuid))).await, "his own name, {taken}");
        assert!(!s.holds(free(taken, Some(user(&a, 9).uuid))).await, "somebody else's name, {taken}");
    }
    assert!(s.holds(free("Strass", None)).await);
    let elsewhere = Require::NameIsFree { account: b.uuid, name: NameKey::of("Straße"), except: None };
    assert!(s.holds(elsewhere).await, "each account has names of its own");
    s.write(vec![UpdateUser(gone(&strasse))]).await;
    assert!(s.holds(free("Straße", None)).await, "a deleted user leaves his name");
}

pub(super) async fn key_id_is_free(s: Subject) {
    let a = account(1);
    let u = user(&a, 1);
    let (k, dead) = (key(&u, 1), key(&u, 2));
    s.write(vec![InsertAccount(a), InsertUser(u), InsertKey(k.clone()), InsertKey(buried(&dead))]).await;
    assert!(!s.holds(Require::KeyIdIsFree(k.key_id)).await);
    assert!(!s.holds(Require::KeyIdIsFree(dead.key_id)).await, "a deleted key keeps its id");
    for free in ["key1", "Key", "Key11", "", "Key1\0", "Key1 "] {
        assert!(s.holds(Require::KeyIdIsFree(KeyId::new(free))).await, "{free:?}");
    }
}

pub(super) async fn serial_is_free(s: Subject) {
    let a = account(1);
    let (r, u) = (root(&a, 1), user(&a, 2));
    s.write(vec![InsertAccount(a.clone()), InsertUser(r), InsertUser(u.clone())]).await;
    assert!(!s.holds(Require::SerialIsFree(a.serial)).await);
    assert!(!s.holds(Require::SerialIsFree(u.serial)).await);
    assert!(s.holds(Require::SerialIsFree(serial(2, 1))).await, "root took none of his own");
    s.write(vec![UpdateUser(gone(&u))]).await;
    assert!(!s.holds(Require::SerialIsFree(u.serial)).await, "a deleted user keeps his serial");
}

pub(super) async fn keys_below(s: Subject) {
    let a = account(1);
    let (u, other) = (user(&a, 1), user(&a, 2));
    s.write(vec![InsertAccount(a), InsertUser(u.clone()), InsertUser(other.clone())]).await;
    let scloud = SchemeSet::from_bits(1);
    let tencent = SchemeSet::from_bits(0b110);
    let below = |schemes, limit| Require::KeysBelow { user: u.uuid, schemes, limit };
    assert!(s.holds(below(scloud, 1)).await);
    assert!(!s.holds(below(scloud, 0)).await, "nobody may have any");
    let first = AccessKey { schemes: scloud, ..key(&u, 1) };
    let off = AccessKey { schemes: scloud, status: KeyStatus::Inactive, ..key(&u, 2) };
    let expired = AccessKey { schemes: scloud, expires_at: Some(NOW), ..key(&u, 3) };
    let temporary = AccessKey { schemes: scloud, ..child(&first, &u, 4) };
    let dead = buried(&AccessKey { schemes: scloud, ..key(&u, 5) });
    let foreign = AccessKey { schemes: scloud, ..key(&other, 6) };
    let elsewhere = AccessKey { schemes: SchemeSet::from_bits(0b10), ..key(&u, 7) };
    for (key, counted) in
        [(first, 1), (off, 2), (expired, 3), (temporary, 3), (dead, 3), (foreign, 3), (elsewhere, 3)]
    {
        s.write(vec![InsertKey(key.clone())]).await;
        assert!(!s.holds(below(scloud, counted)).await, "{key:?}");
        assert!(s.holds(below(scloud, counted + 1)).await, "{key:?}");
    }
    assert!(!s.holds(below(tencent, 1)).await, "one shared scheme counts");
    assert!(s.holds(below(tencent, 2)).await);
    assert!(!s.holds(below(SchemeSet::all(), 4)).await);
    assert!(s.holds(below(SchemeSet::from_bits(0), 1)).await, "no scheme, no key");
}

pub(super) async fn children_below(s: Subject) {
    let a = account(1);
    let u = user(&a, 1);
    let (parent, other) = (key(&u, 1), key(&u, 2));
    s.write(vec![InsertAccount(a), InsertUser(u.clone())]).await;
    s.write(vec![InsertKey(parent.clone()), InsertKey(other.clone())]).await;
    let below = |limit| Require::ChildrenBelow { user: u.uuid, parent: parent.uuid, limit, at: NOW };
    let rows = [
        (AccessKey { expires_at: Some(LATER), ..child(&parent, &u, 11) }, 1),
        (AccessKey { status: KeyStatus::Inactive, expires_at: Some(LATER), ..child(&parent, &u, 12) }, 2),
        (AccessKey { expires_at: Some(NOW), ..child(&parent, &u, 13) }, 2),
        (child(&other, &u, 14), 2),
        (buried(&child(&parent, &u, 15)), 2),
        (child(&parent, &u, 16), 3),
    ];
    assert!(!s.holds(below(0)).await);
    for (key, count) in rows {
        s.write(vec![InsertKey(key.clone())]).await;
        assert!(!s.holds(below(count)).await && s.holds(below(count + 1)).await, "{key:?}");
    }
}

pub(super) async fn children_are(s: Subject) {
    let a = account(1);
    let u = user(&a, 1);
    let (parent, other) = (key(&u, 1), key(&u, 2));
    s.write(vec![InsertAccount(a), InsertUser(u.clone())]).await;
    s.write(vec![InsertKey(parent.clone()), InsertKey(other.clone())]).await;
    let are = |keys: &[&AccessKey]| Require::ChildrenAre {
        user: u.uuid,
        parent: parent.uuid,
        keys: keys.iter().map(|key| key.uuid).collect(),
    };
    assert!(s.holds(are(&[])).await);
    let (one, two) = (child(&parent, &u, 11), child(&parent, &u, 12));
    let (dead, foreign) = (child(&parent, &u, 13), child(&other, &u, 14));
    s.write([&one, &two, &buried(&dead), &foreign].map(|key| InsertKey(key.clone())).to_vec()).await;
    assert!(s.holds(are(&[&one, &two])).await);
    assert!(s.holds(are(&[&two, &one])).await, "in any order");
    assert!(!s.holds(are(&[&one])).await, "one is missing");
    assert!(!s.holds(are(&[&one, &two, &dead])).await, "a deleted key does not live");
    assert!(!s.holds(are(&[&one, &two, &foreign])).await, "another key's");
}

pub(super) async fn users_below(s: Subject) {
    let (a, b) = (account(1), account(2));
    let below = |limit| Require::UsersBelow { account: a.uuid, limit };
    s.write(vec![InsertAccount(a.clone()), InsertAccount(b.clone()), InsertUser(root(&a, 1))]).await;
    assert!(!s.holds(below(0)).await);
    assert!(!s.holds(below(1)).await, "root counts");
    s.write(vec![InsertUser(user(&a, 2)), InsertUser(gone(&user(&a, 3))), InsertUser(user(&b, 4))]).await;
    assert!(!s.holds(below(2)).await);
    assert!(s.holds(below(3)).await);
}

pub(super) async fn another_admin_key_remains(s: Subject) {
    let (a, b) = (account(1), account(2));
    let (chief, member) = (root(&a, 1), user(&a, 2));
    let admin = |account, number| User { role: Role::Admin, ..user(account, number) };
    let frozen = User { status: UserStatus::Frozen, ..admin(&a, 3) };
    let (deleted, foreign, second) = (gone(&admin(&a, 4)), admin(&b, 5), admin(&a, 6));
    s.write(vec![InsertAccount(a.clone()), InsertAccount(b)]).await;
    s.write(
        [&chief, &member, &frozen, &deleted, &foreign, &second].map(|user| InsertUser(user.clone())).to_vec(),
    )
    .await;
    let lost = key(&chief, 1);
    let remains = |lost_keys: &[&AccessKey], lost_user: Option<&User>| Require::AnotherAdminKeyRemains {
        account: a.uuid,
        lost_keys: lost_keys.iter().map(|key| key.uuid).collect(),
        lost_user: lost_user.map(|user| user.uuid),
        at: NOW,
    };
    assert!(!s.holds(remains(&[], None)).await, "no key at all");
    let useless = [
        lost.clone(),
        key(&member, 2),
        key(&frozen, 3),
        key(&deleted, 4),
        key(&foreign, 5),
        buried(&key(&chief, 6)),
        AccessKey { status: KeyStatus::Inactive, ..key(&chief, 7) },
        AccessKey { expires_at: Some(NOW), ..key(&chief, 8) },
        AccessKey { kind: KeyKind::Temporary, parent: Some(lost.uuid), ..key(&chief, 9) },
    ];
    for key in useless {
        s.write(vec![InsertKey(key.clone())]).await;
        assert!(!s.holds(remains(&[&lost], None)).await, "{key:?}");
        assert!(!s.holds(remains(&[], Some(&chief))).await, "{key:?}");
    }
    assert!(s.holds(remains(&[], None)).await, "the key itself, when nothing is lost");
    let expiring = AccessKey { expires_at: Some(LATER), ..key(&chief, 10) };
    s.write(vec![InsertKey(expiring.clone())]).await;
    assert!(s.holds(remains(&[&lost], None)).await, "another key of the same user");
    assert!(!s.holds(remains(&[&lost, &expiring], None)).await);
    assert!(!s.holds(remains(&[], Some(&chief))).await, "all keys of the user go");
    s.write(vec![InsertKey(key(&second, 11))]).await;
    assert!(s.holds(remains(&[&lost, &expiring], None)).await, "another administrator");
    assert!(s.holds(remains(&[], Some(&chief))).await);
}
