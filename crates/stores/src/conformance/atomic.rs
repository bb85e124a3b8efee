//! A batch is written whole or not at all, in order, and its waiter wakes last.

use std::sync::Arc;

use domain::audit::ChainCheck;
use domain::batch::{Batch, Effect, Require};
use domain::refusals::RefusalCount;
use domain::store::{CommitError, StoreError};

use super::dump::dump;
use super::rows::{account, key, serial, user};
use super::{Subject, entry, is_corrupt};
use Effect::{CountRefusals, CountSeals, InsertAccount, InsertKey, InsertUser, UpdateKey};

/// Effects of every kind that fit an empty store.
fn effects_of_every_kind(s: &[domain::vault::RingRow]) -> Vec<Effect> {
    let a = account(1);
    let u = user(&a, 1);
    let k = key(&u, 1);
    vec![
        InsertAccount(a),
        InsertUser(u.clone()),
        InsertKey(k.clone()),
        UpdateKey(domain::access_keys::AccessKey { version: 2, ..k }),
        Effect::UpdateUser(domain::users::User { version: 2, ..u }),
        Effect::InsertRingKey(domain::vault::RingRow { id: 77, ..s[0].clone() }),
        CountSeals { ring_key: 77, seals: 1 },
        CountRefusals(RefusalCount {
            minute: 1,
            source: String::new(),
            key_id: String::new(),
            reason: "stale".into(),
            dialect: "x".into(),
            count: 1,
        }),
    ]
}

pub(super) async fn a_refused_batch_changes_nothing(s: Subject) {
    let before = dump(s.store.as_ref()).await;
    let effects = effects_of_every_kind(&before.ring);
    let refused = Require::UserIsLive(user(&account(1), 1).uuid);
    let batch =
        Batch { require: vec![Require::StoreIsEmpty, refused.clone()], effects, audit: vec![entry(1)] };
    assert_eq!(s.store.commit(batch.clone()).await, Err(CommitError::Refused(Box::new(refused))));
    assert_eq!(dump(s.store.as_ref()).await, before);
    assert!(s.told.committed.lock().unwrap().is_empty(), "the observer hears of no refused batch");
    assert!(s.told.heads.lock().unwrap().is_empty());
    s.store.commit(Batch { require: vec![Require::StoreIsEmpty], ..batch }).await.unwrap();
    assert_ne!(dump(s.store.as_ref()).await, before);
}

pub(super) async fn a_contradiction_changes_nothing(s: Subject) {
    let before = dump(s.store.as_ref()).await;
    let all = effects_of_every_kind(&before.ring);
    for last in 1..=all.len() {
        // Whatever came before the contradiction is taken back.
        let mut effects = all[..last].to_vec();
        effects.push(CountSeals { ring_key: 99, seals: 1 });
        assert!(is_corrupt(&s.try_write(effects).await));
        assert_eq!(dump(s.store.as_ref()).await, before, "after {last} effects");
    }
    assert!(s.told.committed.lock().unwrap().is_empty());
    s.write(all).await;
}

pub(super) async fn a_change_without_audit_is_refused(s: Subject) {
    let effects = vec![InsertAccount(account(1))];
    let result = s.store.commit(Batch { effects, ..Batch::default() }).await;
    assert!(is_corrupt(&result), "{result:?}");
    assert_eq!(s.store.row_counts().await.unwrap().accounts, 0);
}

pub(super) async fn requirements_see_what_was_written_before(s: Subject) {
    let a = account(1);
    s.write(vec![InsertAccount(a.clone())]).await;
    for number in 1..=20 {
        let batch = Batch {
            require: vec![
                Require::SerialIsFree(serial(2, number)),
                Require::UsersBelow { account: a.uuid, limit: 10 },
            ],
            effects: vec![InsertUser(user(&a, number))],
            audit: vec![entry(2)],
        };
        assert_eq!(s.store.commit(batch).await.is_ok(), number <= 10);
        let seen = s.store.list_users(a.uuid, 0, 0).await.unwrap().total;
        assert_eq!(seen, u64::from(number.min(10)), "a read sees every commit that returned");
    }
}

pub(super) async fn the_first_requirement_that_fails_is_named(s: Subject) {
    let nobody = user(&account(1), 1).uuid;
    let require = vec![Require::StoreIsEmpty, Require::UserVersionIs(nobody, 3), Require::UserIsLive(nobody)];
    let result = s.store.commit(Batch { require, ..Batch::default() }).await;
    assert_eq!(result, Err(CommitError::Refused(Box::new(Require::UserVersionIs(nobody, 3)))));
}

pub(super) async fn the_observer_hears_before_the_waiter_wakes(s: Subject) {
    s.write(vec![InsertAccount(account(1))]).await;
    let s = Arc::new(s);
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let s = s.clone();
            tokio::spawn(async move {
                for number in 0..50 {
                    let user = user(&account(1), writer * 1_000 + number);
                    let batch =
                        Batch { effects: vec![InsertUser(user)], audit: vec![entry(1)], require: vec![] };
                    s.store.commit(batch.clone()).await.unwrap();
                    assert!(
                        s.told.committed.lock().unwrap().contains(&batch),
                        "acknowledged before it was told"
                    );
                    let head = s.told.heads.lock().unwrap().last().copied().unwrap();
                    let stored = s.store.audit_heads().await.unwrap();
                    assert!(head.seq <= stored[0].seq, "told of what is not stored");
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(s.told.committed.lock().unwrap().len(), 1 + 8 * 50);
    let told = s.told.heads.lock().unwrap().last().copied().unwrap();
    assert_eq!(s.store.audit_heads().await.unwrap(), [told]);
}

pub(super) async fn concurrent_commits_leave_a_gapless_chain(s: Subject) {
    let s = Arc::new(s);
    let writers: Vec<_> = (0..20_u64)
        .map(|writer| {
            let s = s.clone();
            tokio::spawn(async move {
                for number in 0..20 {
                    let audit =
                        (0..=number % 3).map(|part| entry(writer * 1_000 + number * 10 + part)).collect();
                    // Every fourth is refused and must not leave a gap.
                    let nobody = user(&account(1), 1).uuid;
                    let require =
                        if number % 4 == 3 { vec![Require::UserIsLive(nobody)] } else { Vec::new() };
                    let _ = s.store.commit(Batch { require, audit, ..Batch::default() }).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let mut chain = ChainCheck::start(s.vault.audit_key(), s.node);
    let rows = s.store.audit_rows(s.node, 0, u32::MAX).await.unwrap();
    assert_eq!(rows.len(), 20 * 30, "15 of 20 batches of each writer, two entries on average");
    rows.iter().for_each(|row| chain.next(row).unwrap());
    assert_eq!(s.store.audit_heads().await.unwrap(), [chain.head()]);
    let told =
        s.told.committed.lock().unwrap().iter().flat_map(|batch| batch.audit.clone()).collect::<Vec<_>>();
    let stored: Vec<_> = rows.into_iter().map(|row| row.entry).collect();
    assert_eq!(told, stored, "told in the order of the chain");
}

pub(super) async fn of_many_concurrent_writers_one_wins(s: Subject) {
    s.write(vec![InsertAccount(account(1))]).await;
    let s = Arc::new(s);
    for round in 0..10 {
        let writers: Vec<_> = (0..20)
            .map(|writer| {
                let s = s.clone();
                tokio::spawn(async move {
                    let contested = user(&account(1), round);
                    let new = domain::users::User {
                        name: contested.name.clone(),
                        name_key: contested.name_key.clone(),
                        ..user(&account(1), 1_000 + round * 100 + writer)
                    };
                    let name = contested.name_key;
                    let require = vec![Require::NameIsFree { account: account(1).uuid, name, except: None }];
                    let batch = Batch { require, effects: vec![InsertUser(new)], audit: vec![entry(1)] };
                    s.store.commit(batch).await.is_ok()
                })
            })
            .collect();
        let mut winners = 0;
        for writer in writers {
            winners += u32::from(writer.await.unwrap());
        }
        assert_eq!(winners, 1);
    }
}

pub(super) async fn a_closed_store_answers_nothing(s: Subject) {
    s.write(vec![InsertAccount(account(1))]).await;
    s.store.close().await.unwrap();
    s.store.close().await.unwrap();
    let commit = s.store.commit(Batch::default()).await;
    assert!(matches!(commit, Err(CommitError::Store(StoreError::Unavailable(_)))), "{commit:?}");
    assert!(matches!(s.store.key_ring().await, Err(StoreError::Unavailable(_))));
    assert_eq!(*s.told.failed.lock().unwrap(), None, "closing is no failure");
}
