//! What the native API asks for: accounts by name, keys by id, users behind a place, remembered requests, the audit of an
//! account, and the conditions of keys.

use domain::access_keys::{AccessKey, Audience, SignedTime};
use domain::accounts::{Account, AccountStatus};
use domain::audit::AuditEntry;
use domain::audit_log::{ActionFilter, AuditFilter, AuditOrder, AuditPlace, AuditScan};
use domain::batch::{Batch, Effect, Require};
use domain::clock::UnixMillis;
use domain::id::{AccountUuid, KeyId, UserUuid};
use domain::idempotency::{RememberedRequest, Repeatable};
use domain::name::NameKey;

use super::rows::{NOW, account, buried, gone, key, root, user};
use super::{Subject, entry};
use Effect::{InsertAccount, InsertKey, InsertUser, UpdateAccount, UpdateKey};

pub(super) async fn accounts_are_found_by_name_and_change(s: Subject) {
    let (a, b) = (account(1), account(2));
    s.write(vec![InsertAccount(a.clone()), InsertAccount(b.clone())]).await;
    let named = async |name: &str| s.store.account_named(&NameKey::of(name)).await.unwrap();
    assert_eq!(named(&a.name.to_uppercase()).await, Some(a.clone()), "names fold");
    assert_eq!(named("nobody").await, None);
    assert!(!s.holds(Require::AccountNameIsFree(a.name_key.clone())).await);
    assert!(s.holds(Require::AccountNameIsFree(NameKey::of("nobody"))).await);

    let changed = Account {
        status: AccountStatus::Disabled,
        max_key_lifetime_ms: Some(5_000),
        version: 2,
        modified_at: NOW.plus(1),
        ..a.clone()
    };
    s.write(vec![UpdateAccount(changed.clone())]).await;
    assert_eq!(named(&a.name).await, Some(changed.clone()));
    assert!(s.holds(Require::AccountVersionIs(a.uuid, 2)).await);
    assert!(!s.holds(Require::AccountVersionIs(a.uuid, 1)).await);
    for moved in [
        Account { serial: b.serial, ..changed.clone() },
        Account { created_at: NOW.plus(7), ..changed.clone() },
        Account { name: "other".to_owned(), ..changed.clone() },
        Account { uuid: account(3).uuid, ..changed.clone() },
    ] {
        assert!(s.try_write(vec![UpdateAccount(moved)]).await.is_err());
    }
    assert_eq!(named(&a.name).await, Some(changed));
}

pub(super) async fn keys_are_found_by_id(s: Subject) {
    let a = account(1);
    let u = user(&a, 1);
    let (live, dead) = (key(&u, 1), buried(&key(&u, 2)));
    s.write(vec![InsertAccount(a), InsertUser(u)]).await;
    s.write(vec![InsertKey(live.clone()), InsertKey(dead.clone())]).await;
    let with_id = async |id: &str| s.store.key_with_id(&KeyId::new(id)).await.unwrap();
    assert_eq!(with_id("Key1").await, Some(live));
    assert_eq!(with_id("Key2").await, Some(dead));
    assert_eq!(with_id("key1").await, None);
}

pub(super) async fn users_are_walked_by_place(s: Subject) {
    let (a, b) = (account(1), account(2));
    let mut users: Vec<_> = (1..=5).map(|number| user(&a, number)).collect();
    users[3].created_at = NOW.plus(-1);
    users[2] = gone(&users[2]);
    let foreign = user(&b, 9);
    s.write(vec![InsertAccount(a.clone()), InsertAccount(b)]).await;
    s.write(users.iter().chain([&foreign]).map(|user| InsertUser(user.clone())).collect()).await;
    let expected = [&users[3], &users[0], &users[1], &users[4]].map(Clone::clone);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = s.store.users_after(a.uuid, after, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.created_at, last.uuid));
        seen.extend(page);
    }
    assert_eq!(seen, expected);
}

pub(super) async fn conditions_read_back_and_change(s: Subject) {
    let a = account(1);
    let u = user(&a, 1);
    let limited = AccessKey {
        audience: vec![Audience::parse("storage").unwrap(), Audience::parse("git.example").unwrap()],
        signed_time: SignedTime::Required,
        not_before: Some(NOW),
        successor: Some(KeyId::new("Next")),
        ..key(&u, 1)
    };
    s.write(vec![InsertAccount(a), InsertUser(u.clone()), InsertKey(limited.clone())]).await;
    let read = async || s.store.key_with_id(&limited.key_id).await.unwrap().unwrap();
    assert_eq!(read().await, limited);
    let plain = AccessKey { version: 2, ..key(&u, 1) };
    s.write(vec![UpdateKey(plain.clone())]).await;
    assert_eq!(read().await, plain);
    s.write(vec![UpdateKey(AccessKey { version: 3, ..limited.clone() })]).await;
    assert_eq!(read().await, AccessKey { version: 3, ..limited });
}

pub(super) async fn keys_on_their_way_out_do_not_count(s: Subject) {
    let a = account(1);
    let u = root(&a, 1);
    let retiring = AccessKey { successor: Some(KeyId::new("Key2")), ..key(&u, 1) };
    s.write(vec![InsertAccount(a.clone()), InsertUser(u.clone())]).await;
    s.write(vec![InsertKey(retiring), InsertKey(key(&u, 2))]).await;
    let below = |limit| Require::KeysBelow { user: u.uuid, schemes: key(&u, 1).schemes, limit };
    assert!(s.holds(below(2)).await);
    assert!(!s.holds(below(1)).await);
}

pub(super) async fn keys_that_cannot_administrate_keep_no_account(s: Subject) {
    let a = account(1);
    let u = root(&a, 1);
    let lost = key(&u, 1);
    let remains = Require::AnotherAdminKeyRemains {
        account: a.uuid,
        lost_keys: vec![lost.uuid],
        lost_user: None,
        at: NOW,
    };
    let elsewhere = AccessKey { audience: vec![Audience::parse("storage").unwrap()], ..key(&u, 2) };
    let later = AccessKey { not_before: Some(NOW.plus(1)), ..key(&u, 3) };
    s.write(vec![InsertAccount(a), InsertUser(u.clone()), InsertKey(lost)]).await;
    s.write(vec![InsertKey(elsewhere), InsertKey(later)]).await;
    assert!(!s.holds(remains.clone()).await);
    s.write(vec![InsertKey(AccessKey { not_before: Some(NOW), ..key(&u, 4) })]).await;
    assert!(s.holds(remains).await);
}

pub(super) async fn requests_are_remembered_for_a_while(s: Subject) {
    let request = |number: u8, at: UnixMillis| RememberedRequest {
        repeatable: Repeatable { key: [number; 32], request: [number + 100; 32] },
        object: [number; 16],
        at,
        mark: [number + 50; 32],
    };
    let remember = |request: &RememberedRequest, remembered_since| Effect::RememberRequest {
        request: request.clone(),
        remembered_since,
    };
    let (first, second) = (request(1, NOW), request(2, NOW.plus(10)));
    let long_ago = NOW.plus(-1_000);
    s.write(vec![remember(&first, long_ago)]).await;
    assert_eq!(s.store.remembered_request([1; 32]).await, Ok(Some(first.clone())));
    assert_eq!(s.store.remembered_request([2; 32]).await, Ok(None));
    let is_new = |since| Require::RequestIsNew { key: [1; 32], remembered_since: since };
    assert!(!s.holds(is_new(long_ago)).await);
    assert!(s.holds(is_new(NOW)).await, "from before the time that is remembered");
    assert!(s.try_write(vec![remember(&request(1, NOW.plus(1)), long_ago)]).await.is_err(), "known");
    s.write(vec![remember(&second, NOW)]).await;
    assert_eq!(s.store.remembered_request([2; 32]).await, Ok(Some(second)));
    let again = request(1, NOW.plus(11));
    s.write(vec![remember(&again, NOW)]).await;
    assert_eq!(s.store.remembered_request([1; 32]).await, Ok(Some(again)));
}

/// Entries 1 to 6: odd ones are of account 1, every third about object 3.
async fn write_audit(s: &Subject) -> (AccountUuid, AccountUuid) {
    let accounts = (account(1).uuid, account(2).uuid);
    for number in 1..=6_u8 {
        let is_odd = number % 2 == 1;
        let made = AuditEntry {
            at: NOW.plus(number.into()),
            account: if is_odd { accounts.0 } else { accounts.1 },
            actor: Some(UserUuid::from_bytes([number; 16])),
            actor_key: Some(KeyId::new(format!("key{number}"))),
            action: if number == 5 { "user.create".into() } else { "access-key.create".into() },
            object: if number % 3 == 0 { [3; 16] } else { [number; 16] },
            ..entry(number.into())
        };
        s.store.commit(Batch { audit: vec![made], ..Batch::default() }).await.unwrap();
    }
    accounts
}

async fn seqs(s: &Subject, scan: AuditScan) -> (Vec<u64>, Option<u64>, bool) {
    let page = s.store.scan_audit(scan).await.unwrap();
    (page.rows.iter().map(|row| row.seq).collect(), page.last.map(|place| place.seq), page.has_more)
}

pub(super) async fn the_audit_is_read_by_account_and_object(s: Subject) {
    let (one, _) = write_audit(&s).await;
    let all = |order| AuditScan { filter: AuditFilter::of(one), order, after: None, limit: 10, scanned: 100 };
    assert_eq!(seqs(&s, all(AuditOrder::Ascending)).await, (vec![1, 3, 5], Some(5), false));
    assert_eq!(seqs(&s, all(AuditOrder::Descending)).await, (vec![5, 3, 1], Some(1), false));
    let behind = |seq| Some(AuditPlace { node: s.node, seq });
    for (order, seq, expected) in
        [(AuditOrder::Ascending, 1, vec![3, 5]), (AuditOrder::Descending, 5, vec![3, 1])]
    {
        let scan = AuditScan { after: behind(seq), ..all(order) };
        assert_eq!(seqs(&s, scan).await.0, expected);
    }
    let filtered = |change: fn(&mut AuditFilter)| {
        let mut filter = AuditFilter::of(one);
        change(&mut filter);
        AuditScan { filter, ..all(AuditOrder::Ascending) }
    };
    type Narrow = fn(&mut AuditFilter);
    let cases: [(Narrow, Vec<u64>); 7] = [
        (|filter| filter.object = Some([3; 16]), vec![3]),
        (|filter| filter.object = Some([2; 16]), vec![]),
        (|filter| filter.actor = Some(UserUuid::from_bytes([5; 16])), vec![5]),
        (|filter| filter.actor_key = Some("key1".to_owned()), vec![1]),
        (|filter| filter.action = Some(ActionFilter::BeginsWith("access-key.".to_owned())), vec![1, 3]),
        (|filter| filter.action = Some(ActionFilter::Is("user.create".to_owned())), vec![5]),
        (|filter| (filter.since, filter.until) = (Some(NOW.plus(3)), Some(NOW.plus(5))), vec![3]),
    ];
    for (change, expected) in cases {
        let scan = filtered(change);
        assert_eq!(seqs(&s, scan.clone()).await.0, expected, "{scan:?}");
    }
}

pub(super) async fn the_audit_is_cut_alike(s: Subject) {
    let (one, _) = write_audit(&s).await;
    let scan = |limit, scanned, action: Option<&str>| AuditScan {
        filter: AuditFilter {
            action: action.map(|action| ActionFilter::Is(action.to_owned())),
            ..AuditFilter::of(one)
        },
        order: AuditOrder::Ascending,
        after: None,
        limit,
        scanned,
    };
    assert_eq!(seqs(&s, scan(2, 100, None)).await, (vec![1, 3], Some(3), true));
    assert_eq!(seqs(&s, scan(3, 100, None)).await, (vec![1, 3, 5], Some(5), false));
    assert_eq!(seqs(&s, scan(3, 2, Some("user.create"))).await, (vec![], Some(3), true), "looked at enough");
    assert_eq!(seqs(&s, scan(3, 3, Some("user.create"))).await, (vec![5], Some(5), false));
}
