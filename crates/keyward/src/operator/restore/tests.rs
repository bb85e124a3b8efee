//! What a plan takes along from the present store, and what it leaves alone.

use domain::access_keys::{AccessKey, KeyStatus};
use domain::audit::AuditChain;
use domain::batch::Effect;
use domain::policy::Role;
use domain::ssh_keys::SshKey;
use domain::store::CommitObserver;
use domain::tokens::{Token, TokenKind};
use domain::users::{User, UserStatus};
use domain::vault::RingRow;
use std::sync::Arc;
use stores::conformance::Subject;
use stores::conformance::rows::{self, NOW};
use stores::memory::MemoryStore;

use super::compare::{InForce, Plan, Revive};

fn store() -> Subject {
    Subject::start(&|ring: Vec<RingRow>, chain: AuditChain, observer: Arc<dyn CommitObserver>| {
        MemoryStore::start(ring, chain, observer)
    })
}

/// The store of a backup, in which everything works: a root user, bob, carol, and dave, another administrator.
struct World {
    subject: Subject,
    users: [User; 4],
    keys: [AccessKey; 4],
    tokens: [Token; 2],
}

async fn backup() -> World {
    let subject = store();
    let account = rows::account(1);
    let dave = User { role: Role::Admin, ..rows::user(&account, 4) };
    let users = [rows::root(&account, 1), rows::user(&account, 2), rows::user(&account, 3), dave];
    let keys = [1, 2, 3, 4].map(|number| rows::key(&users[number - 1], u32::try_from(number).unwrap()));
    let token = |number| rows::token(&users[1], number);
    let tokens = [
        Token { kind: TokenKind::Session, ..token(1) },
        Token { kind: TokenKind::Gate, name: "nginx".to_owned(), ..token(2) },
    ];
    subject.write(vec![Effect::InsertAccount(account)]).await;
    subject.write(users.iter().cloned().map(Effect::InsertUser).collect()).await;
    subject.write(keys.iter().cloned().map(Effect::InsertKey).collect()).await;
    let ssh_keys = [1, 2].map(|number| Effect::InsertSshKey(rows::ssh_key(&users[1], number)));
    subject.write(ssh_keys.to_vec()).await;
    subject.write(tokens.iter().cloned().map(Effect::InsertToken).collect()).await;
    World { subject, users, keys, tokens }
}

async fn plan(present: &World, revive: &Revive) -> Plan {
    plan_for(&backup().await, present, revive).await
}

async fn plan_for(backup: &World, present: &World, revive: &Revive) -> Plan {
    let present = InForce::of(present.subject.store.as_ref(), NOW).await.unwrap();
    Plan::new(backup.subject.store.as_ref(), &present, revive, NOW).await.unwrap()
}

fn ids(keys: &[(User, AccessKey)]) -> Vec<&str> {
    keys.iter().map(|(_, key)| key.key_id.as_str()).collect()
}

#[tokio::test]
async fn t99_nothing_changes_but_the_sessions_where_nothing_was_revoked() {
    let plan = plan(&backup().await, &Revive::Keys(Vec::new())).await;
    assert_eq!(plan.counts(), "disabled=0 shortened=0 revived=0 users=0 ssh_keys=0 tokens=1");
    assert_eq!(plan.tokens[0].kind, TokenKind::Session);
    assert!(plan.logins.is_empty() && plan.last_administrators.is_empty());
}

#[tokio::test]
async fn t99_rights_ssh_keys_tokens_and_earlier_ends_are_taken_along() {
    let present = backup().await;
    let [_, bob, carol, dave] = &present.users;
    let [_, key_of_bob, key_of_carol, _] = &present.keys;
    let changed = |user: &User| User { version: 2, ..user.clone() };
    let soon = Some(NOW.plus(1_000));
    present
        .subject
        .write(vec![
            Effect::UpdateKey(rows::buried(key_of_bob)),
            Effect::UpdateKey(AccessKey { expires_at: soon, version: 2, ..key_of_carol.clone() }),
            Effect::UpdateUser(User { status: UserStatus::Frozen, ..changed(carol) }),
            Effect::UpdateUser(User { role: Role::Member, ..changed(dave) }),
            Effect::UpdateSshKey(rows::buried_ssh_key(&rows::ssh_key(bob, 1))),
            Effect::DeleteToken(present.tokens[1].clone()),
        ])
        .await;
    let plan = plan(&present, &Revive::Keys(Vec::new())).await;
    // Carol is frozen, so her key is not in force either.
    assert_eq!(ids(&plan.suspended), ["Key2", "Key3"]);
    let as_now: Vec<_> = plan.users.iter().map(|user| (user.name.as_str(), user.status, user.role)).collect();
    assert_eq!(
        as_now,
        [("User3", UserStatus::Frozen, Role::Member), ("User4", UserStatus::Active, Role::Member)]
    );
    assert_eq!(plan.ssh_keys, [SshKey { status: KeyStatus::Inactive, ..rows::ssh_key(bob, 1) }]);
    assert_eq!(plan.tokens.len(), 2);
    let logins: Vec<_> = plan.logins.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(logins, ["User3", "User4"]);

    // What the operator asks for works again, and only that.
    let asked = Revive::Keys(vec!["Key3".to_owned()]);
    let plan = self::plan(&present, &asked).await;
    assert_eq!((ids(&plan.suspended), ids(&plan.revived)), (vec!["Key2"], vec!["Key3"]));
    assert!(
        plan.users.iter().all(|user| user.name != "User3"),
        "a key of a frozen user would not work again"
    );
    let plan = self::plan(&present, &Revive::All).await;
    assert_eq!(plan.counts(), "disabled=0 shortened=0 revived=2 users=0 ssh_keys=0 tokens=0");
}

#[tokio::test]
async fn t99_a_key_that_retires_by_now_does_not_become_everlasting() {
    let present = backup().await;
    let soon = Some(NOW.plus(1_000));
    let key = AccessKey { expires_at: soon, version: 2, ..present.keys[1].clone() };
    present.subject.write(vec![Effect::UpdateKey(key)]).await;
    let plan = plan(&present, &Revive::Keys(Vec::new())).await;
    assert_eq!((ids(&plan.shortened), plan.shortened[0].1.expires_at), (vec!["Key2"], soon));
    assert!(plan.suspended.is_empty());
}

#[tokio::test]
async fn t99_an_ssh_key_that_got_limits_keeps_them() {
    let present = backup().await;
    let (soon, bob) = (Some(NOW.plus(1_000)), &present.users[1]);
    let sources = vec!["192.0.2.0/24".parse().unwrap()];
    let [ending, narrow] = [1, 2].map(|number| SshKey { version: 2, ..rows::ssh_key(bob, number) });
    let ending = SshKey { expires_at: soon, ..ending };
    let narrow = SshKey { sources: sources.clone(), ..narrow };
    present.subject.write(vec![Effect::UpdateSshKey(ending), Effect::UpdateSshKey(narrow)]).await;
    let plan = plan(&present, &Revive::Keys(Vec::new())).await;
    let planned: Vec<_> =
        plan.ssh_keys.iter().map(|key| (key.status, key.expires_at, &key.sources)).collect();
    let none = Vec::new();
    assert_eq!(planned, [(KeyStatus::Active, soon, &none), (KeyStatus::Active, None, &sources)]);
    // What it was given since, a wider net or a later end, is not.
    assert_eq!(plan_for(&present, &backup().await, &Revive::Keys(Vec::new())).await.ssh_keys, []);
}

/// A temporary key that is gone by now ends with its parent all the same, disabled or revived.
#[tokio::test]
async fn t30_a_temporary_key_does_not_outlive_its_parent_by_a_restore() {
    let (backup, present) = (backup().await, backup().await);
    let soon = Some(NOW.plus(1_000));
    let parent = &present.keys[1];
    let child = AccessKey { expires_at: Some(NOW.plus(9_000)), ..rows::child(parent, &present.users[1], 9) };
    for world in [&backup, &present] {
        world.subject.write(vec![Effect::InsertKey(child.clone())]).await;
    }
    let shortened = AccessKey { expires_at: soon, version: 2, ..parent.clone() };
    present.subject.write(vec![Effect::UpdateKey(shortened), Effect::UpdateKey(rows::buried(&child))]).await;
    let plan = plan_for(&backup, &present, &Revive::Keys(Vec::new())).await;
    assert_eq!((ids(&plan.suspended), plan.suspended[0].1.expires_at), (vec!["Key9"], soon));
    assert_eq!(ids(&plan.shortened), ["Key2"]);
    let asked = Revive::Keys(vec!["Key9".to_owned()]);
    let plan = plan_for(&backup, &present, &asked).await;
    assert_eq!((ids(&plan.revived), ids(&plan.shortened)), (vec!["Key9"], vec!["Key2", "Key9"]));
    assert!(plan.shortened.iter().all(|(_, key)| key.expires_at == soon));
}

#[tokio::test]
async fn t99_an_account_without_a_working_administrator_is_noticed() {
    let present = backup().await;
    let [root, _, _, dave] = &present.keys;
    present.subject.write(vec![Effect::UpdateKey(rows::buried(root))]).await;
    assert!(plan(&present, &Revive::Keys(Vec::new())).await.last_administrators.is_empty(), "dave is left");
    // A demoted administrator is none.
    let demoted = User { role: Role::Member, version: 2, ..present.users[3].clone() };
    present.subject.write(vec![Effect::UpdateUser(demoted)]).await;
    let plan_without = plan(&present, &Revive::Keys(Vec::new())).await;
    assert_eq!(plan_without.last_administrators, ["Key1"]);
    let revived = Revive::Keys(vec![root.key_id.as_str().to_owned(), dave.key_id.as_str().to_owned()]);
    assert!(plan(&present, &revived).await.last_administrators.is_empty());
}
