//! Every read: what it finds, what it passes over, in which order, and in pages that leave nothing out.

use domain::access_keys::AccessKey;
use domain::batch::{Batch, Effect};
use domain::clock::UnixMillis;
use domain::id::{KeyId, NodeId};
use domain::name::NameKey;
use domain::store::{KeyOwner, RowCounts};
use domain::testing::TestRandom;
use domain::users::User;

use super::rows::{NOW, account, buried, gone, key, root, user};
use super::{Subject, entry};
use Effect::{InsertAccount, InsertKey, InsertUser};

pub(super) async fn owners_are_found_for_deleted_keys_too(s: Subject) {
    let a = account(1);
    let u = user(&a, 1);
    let (k, dead) = (key(&u, 1), buried(&key(&u, 2)));
    s.write(vec![InsertAccount(a.clone()), InsertUser(u.clone())]).await;
    s.write(vec![InsertKey(k.clone()), InsertKey(dead.clone())]).await;
    let owner = Some(KeyOwner { account: a.uuid, user: u.uuid });
    assert_eq!(s.store.key_owner(&k.key_id).await, Ok(owner));
    assert_eq!(s.store.key_owner(&dead.key_id).await, Ok(owner));
    for unknown in ["key1", "Key", "", "Key%", "Key1\u{0}"] {
        assert_eq!(s.store.key_owner(&KeyId::new(unknown)).await, Ok(None), "{unknown:?}");
    }
}

pub(super) async fn names_find_live_users_only(s: Subject) {
    let (a, b) = (account(1), account(2));
    let (u, dead) = (user(&a, 1), gone(&user(&a, 2)));
    let again = User { name: dead.name.clone(), name_key: dead.name_key.clone(), ..user(&a, 3) };
    s.write(vec![InsertAccount(a.clone()), InsertAccount(b.clone())]).await;
    s.write(vec![InsertUser(u.clone()), InsertUser(dead.clone())]).await;
    let named = async |account, name: &str| s.store.user_named(account, &NameKey::of(name)).await.unwrap();
    assert_eq!(named(a.uuid, "User1").await, Some(u.uuid));
    assert_eq!(named(a.uuid, "uSER1").await, Some(u.uuid), "names fold");
    assert_eq!(named(b.uuid, "User1").await, None, "another account");
    assert_eq!(named(a.uuid, "User2").await, None, "deleted");
    assert_eq!(named(a.uuid, "User%").await, None);
    s.write(vec![InsertUser(again.clone())]).await;
    assert_eq!(named(a.uuid, "User2").await, Some(again.uuid), "the new user of that name");
}

pub(super) async fn numbers_find_live_users_only(s: Subject) {
    let (a, b) = (account(1), account(2));
    let (first, u, dead) = (root(&a, 1), user(&a, 2), gone(&user(&a, 3)));
    s.write(vec![InsertAccount(a.clone()), InsertAccount(b.clone())]).await;
    s.write([&first, &u, &dead].map(|user| InsertUser(user.clone())).to_vec()).await;
    let numbered = async |account, serial| s.store.user_with_serial(account, serial).await.unwrap();
    assert_eq!(numbered(a.uuid, u.serial).await, Some(u.uuid));
    assert_eq!(numbered(a.uuid, a.serial).await, Some(first.uuid), "root shares his account's");
    assert_eq!(numbered(b.uuid, u.serial).await, None, "another account");
    assert_eq!(numbered(b.uuid, b.serial).await, None, "an account without users");
    assert_eq!(numbered(a.uuid, dead.serial).await, None, "deleted");
}

pub(super) async fn users_come_with_account_and_live_keys(s: Subject) {
    let a = account(1);
    let (u, dead) = (user(&a, 1), gone(&user(&a, 2)));
    let at = |millis, number| AccessKey { created_at: NOW.plus(millis), ..key(&u, number) };
    let (newest, oldest, second, twin) = (at(9, 1), at(-9, 4), at(0, 3), at(0, 2));
    let keys = [&newest, &oldest, &second, &twin, &buried(&at(1, 5)), &key(&dead, 6)];
    s.write(vec![InsertAccount(a.clone()), InsertUser(u.clone()), InsertUser(dead.clone())]).await;
    s.write(keys.map(|key| InsertKey(key.clone())).to_vec()).await;
    let rows = s.store.user_rows(u.uuid).await.unwrap().unwrap();
    assert_eq!((rows.account, rows.user), (a, u.clone()));
    assert_eq!(rows.keys, [oldest, twin, second, newest], "by creation, then record");
    let rows = s.store.user_rows(dead.uuid).await.unwrap().unwrap();
    assert_eq!(rows.user, dead, "a deleted user is seen");
    assert_eq!(s.store.user_rows(user(&account(9), 9).uuid).await, Ok(None));
}

pub(super) async fn lists_page_by_creation(s: Subject) {
    let (a, b) = (account(1), account(2));
    let mut expected = Vec::new();
    s.write(vec![InsertAccount(a.clone()), InsertAccount(b.clone())]).await;
    for number in 1..=7 {
        let created_at = NOW.plus(if number % 2 == 0 { 5 } else { -5 });
        let user = User { created_at, ..if number == 1 { root(&a, 1) } else { user(&a, number) } };
        let key = key(&user, number);
        s.write(vec![InsertUser(user.clone()), InsertKey(key.clone())]).await;
        expected.push((user, vec![key]));
    }
    expected.sort_by_key(|(user, _)| (user.created_at, user.uuid));
    s.write(vec![InsertUser(gone(&user(&a, 8))), InsertUser(user(&b, 9))]).await;
    for limit in [1_u32, 2, 3, 7, 100] {
        let mut seen = Vec::new();
        loop {
            let offset = u64::try_from(seen.len()).unwrap();
            let page = s.store.list_users(a.uuid, offset, limit).await.unwrap();
            assert_eq!(page.total, 7);
            assert!(page.users.len() <= usize::try_from(limit).unwrap());
            if page.users.is_empty() {
                break;
            }
            seen.extend(page.users);
        }
        assert_eq!(seen, expected, "pages of {limit}");
    }
    assert!(s.store.list_users(a.uuid, 0, 0).await.unwrap().users.is_empty());
    let beyond = s.store.list_users(a.uuid, u64::MAX, u32::MAX).await.unwrap();
    assert_eq!((beyond.users.len(), beyond.total), (0, 7));
    assert_eq!(s.store.list_users(account(9).uuid, 0, 9).await.unwrap().total, 0);
}

pub(super) async fn scans_page_by_id_with_tombstones(s: Subject) {
    let accounts: Vec<_> = (1..=5).map(account).collect();
    for account in accounts.iter().rev() {
        s.write(vec![InsertAccount(account.clone())]).await;
    }
    let users: Vec<_> = (1..=5).map(|number| user(&accounts[0], number)).collect();
    let users: Vec<_> =
        users.iter().map(|user| if user.name == "User3" { gone(user) } else { user.clone() }).collect();
    let mut expected = Vec::new();
    for (number, user) in (1..).zip(&users) {
        let late = AccessKey { created_at: NOW.plus(2), ..key(user, number * 10) };
        let dead = buried(&AccessKey { created_at: NOW.plus(1), ..key(user, number * 10 + 1) });
        s.write(vec![InsertUser(user.clone()), InsertKey(late.clone()), InsertKey(dead.clone())]).await;
        expected.push((user.clone(), vec![dead, late]));
    }
    for limit in [1, 2, 5, 50] {
        let mut seen = Vec::new();
        let mut seen_accounts = Vec::new();
        loop {
            let after = seen.last().map(|(user, _): &(User, _)| user.uuid);
            let page = s.store.scan_users(after, limit).await.unwrap();
            let after = seen_accounts.last().map(|account: &domain::accounts::Account| account.uuid);
            let page_of_accounts = s.store.scan_accounts(after, limit).await.unwrap();
            if page.is_empty() && page_of_accounts.is_empty() {
                break;
            }
            seen.extend(page);
            seen_accounts.extend(page_of_accounts);
        }
        assert_eq!(seen, expected);
        assert_eq!(seen_accounts, accounts);
    }
    let counts = s.store.row_counts().await.unwrap();
    assert_eq!(counts, RowCounts { accounts: 5, users: 5, keys: 10, ssh_keys: 0 });
    assert_eq!(s.store.check().await, Ok(Vec::new()));
}

pub(super) async fn audit_rows_page_in_chain_order(s: Subject) {
    assert_eq!(s.store.audit_heads().await, Ok(Vec::new()), "no entry, no head");
    for first in [1, 4] {
        let audit = (first..first + 3).map(entry).collect();
        s.store.commit(Batch { audit, ..Batch::default() }).await.unwrap();
    }
    let all = s.store.audit_rows(s.node, 0, 100).await.unwrap();
    assert_eq!(all.iter().map(|row| row.seq).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(
        all.iter().map(|row| row.entry.clone()).collect::<Vec<_>>(),
        (1..=6).map(entry).collect::<Vec<_>>()
    );
    assert_eq!(s.store.audit_rows(s.node, 2, 3).await.unwrap(), all[2..5]);
    assert_eq!(s.store.audit_rows(s.node, 6, 3).await.unwrap(), []);
    assert_eq!(s.store.audit_rows(s.node, u64::MAX, 3).await.unwrap(), []);
    let other = NodeId::generate(UnixMillis(2), &TestRandom::seeded(2));
    assert_eq!(s.store.audit_rows(other, 0, 3).await.unwrap(), []);
    let heads = s.store.audit_heads().await.unwrap();
    assert_eq!(heads.len(), 1);
    assert_eq!((heads[0].node, heads[0].seq, heads[0].mark), (s.node, 6, all[5].mark));
}
