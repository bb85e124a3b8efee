//! Keys of an account: found by record, in pages, filtered.

use domain::access_keys::{
    AccessKey, Direction, KeyFilter, KeyKind, KeyScan, KeyScanPage, KeyStatus, SchemeSet, Tombstones, Total,
};
use domain::batch::Effect::{InsertAccount, InsertKey, InsertUser, NoteUse};
use domain::id::AccountUuid;
use domain::last_used::{KeyUse, LastUse, UseKind};

use super::Subject;
use super::rows::{NOW, account, buried, child, key, user};

fn scan(account: AccountUuid, limit: u32) -> KeyScan {
    KeyScan {
        account,
        filter: KeyFilter::default(),
        direction: Direction::Ascending,
        after: None,
        limit,
        total: Total::Counted,
    }
}

async fn insert(s: &Subject, keys: &[AccessKey]) {
    s.write(keys.iter().map(|key| InsertKey(key.clone())).collect()).await;
}

pub(super) async fn keys_are_found_by_record(s: Subject) {
    let a = account(1);
    let u = user(&a, 1);
    let (live, dead) = (key(&u, 1), buried(&key(&u, 2)));
    s.write(vec![InsertAccount(a), InsertUser(u.clone())]).await;
    insert(&s, &[live.clone(), dead.clone()]).await;
    assert_eq!(s.store.key_row(live.uuid).await, Ok(Some(live)));
    assert_eq!(s.store.key_row(dead.uuid).await, Ok(Some(dead)), "deleted keys too");
    assert_eq!(s.store.key_row(key(&u, 3).uuid).await, Ok(None));
}

pub(super) async fn keys_of_an_account_page_in_both_directions(s: Subject) {
    let (a, b) = (account(1), account(2));
    let users = [user(&a, 1), user(&a, 2)];
    let stranger = user(&b, 3);
    s.write(vec![InsertAccount(a.clone()), InsertAccount(b)]).await;
    s.write([&users[0], &users[1], &stranger].map(|user| InsertUser(user.clone())).to_vec()).await;
    let of = |number: u32| users[usize::from(number.is_multiple_of(3))].clone();
    // Several of one moment, and records that are not in the order of time.
    let mut keys: Vec<AccessKey> = (1..=9)
        .map(|number| AccessKey {
            created_at: NOW.plus(i64::from(number % 4)),
            ..key(&of(number), 20 - number)
        })
        .collect();
    insert(&s, &keys).await;
    insert(&s, &[key(&stranger, 90), buried(&key(&users[0], 91))]).await;
    keys.sort_by_key(|key| (key.created_at, key.uuid));
    for direction in [Direction::Ascending, Direction::Descending] {
        for limit in [1, 2, 4, 9, 100] {
            let mut seen: Vec<AccessKey> = Vec::new();
            loop {
                let after = seen.last().map(|key| (key.created_at, key.uuid));
                let scan = KeyScan { direction, after, ..scan(a.uuid, limit) };
                let page = s.store.scan_keys(scan).await.unwrap();
                assert_eq!(page.total, Some(9), "of all pages");
                assert!(page.keys.len() <= usize::try_from(limit).unwrap());
                if page.keys.is_empty() {
                    break;
                }
                seen.extend(page.keys);
            }
            assert_eq!(seen, keys, "pages of {limit}, {direction:?}");
        }
        keys.reverse();
    }
    let nowhere = KeyScan { after: Some((NOW.plus(2), key(&users[0], 50).uuid)), ..scan(a.uuid, 9) };
    let page = s.store.scan_keys(nowhere).await.unwrap();
    assert!(page.keys.iter().all(|key| key.created_at == NOW.plus(3)), "a place need not be a key's");
    let uncounted = KeyScan { total: Total::Uncounted, ..scan(a.uuid, 0) };
    assert_eq!(s.store.scan_keys(uncounted).await, Ok(KeyScanPage { keys: Vec::new(), total: None }));
    let nobody = s.store.scan_keys(scan(account(9).uuid, 9)).await;
    assert_eq!(nobody, Ok(KeyScanPage { keys: Vec::new(), total: Some(0) }));
}

pub(super) async fn each_filter_leaves_out_the_others(s: Subject) {
    let a = account(1);
    let (u, other) = (user(&a, 1), user(&a, 2));
    let parent = key(&u, 1);
    let set = SchemeSet::from_bits;
    let keys = [
        parent.clone(),
        AccessKey { expires_at: Some(NOW), ..child(&parent, &u, 2) },
        AccessKey { status: KeyStatus::Inactive, expires_at: Some(NOW.plus(9)), ..key(&u, 3) },
        AccessKey { dialect: "100%".to_owned(), schemes: set(0b001), ..key(&u, 4) },
        AccessKey { schemes: set(0b110), ..key(&other, 5) },
    ];
    s.write(vec![InsertAccount(a.clone()), InsertUser(u.clone()), InsertUser(other.clone())]).await;
    insert(&s, &keys).await;
    let last = LastUse { at: NOW, source: None, dialect: "test".into(), operation: "".into() };
    s.write(vec![NoteUse(KeyUse { kind: UseKind::AccessKey, key: keys[3].uuid, last })]).await;
    let all = KeyFilter::default;
    let cases: Vec<(KeyFilter, &[u32])> = vec![
        (all(), &[1, 2, 3, 4, 5]),
        (KeyFilter { user: Some(u.uuid), ..all() }, &[1, 2, 3, 4]),
        (KeyFilter { user: Some(other.uuid), ..all() }, &[5]),
        (KeyFilter { user: Some(user(&a, 9).uuid), ..all() }, &[]),
        (KeyFilter { status: Some(KeyStatus::Active), ..all() }, &[1, 2, 4, 5]),
        (KeyFilter { status: Some(KeyStatus::Inactive), ..all() }, &[3]),
        (KeyFilter { kind: Some(KeyKind::Temporary), ..all() }, &[2]),
        (KeyFilter { kind: Some(KeyKind::Permanent), ..all() }, &[1, 3, 4, 5]),
        (KeyFilter { dialect: Some("100%".to_owned()), ..all() }, &[4]),
        (KeyFilter { dialect: Some("%".to_owned()), ..all() }, &[]),
        (KeyFilter { schemes: Some(set(0b001)), ..all() }, &[1, 2, 3, 4]),
        (KeyFilter { schemes: Some(set(0b101)), ..all() }, &[1, 2, 3, 4, 5]),
        (KeyFilter { schemes: Some(set(0)), ..all() }, &[]),
        (KeyFilter { parent: Some(parent.uuid), ..all() }, &[2]),
        (KeyFilter { parent: Some(keys[2].uuid), ..all() }, &[]),
        (KeyFilter { expires_before: Some(NOW), ..all() }, &[]),
        (KeyFilter { expires_before: Some(NOW.plus(1)), ..all() }, &[2]),
        (KeyFilter { expires_before: Some(NOW.plus(10)), ..all() }, &[2, 3]),
        (KeyFilter { unused_since: Some(NOW), ..all() }, &[1, 2, 3, 5]),
        (KeyFilter { unused_since: Some(NOW.plus(1)), ..all() }, &[1, 2, 3, 4, 5]),
        (KeyFilter { user: Some(u.uuid), unused_since: Some(NOW), ..all() }, &[1, 2, 3]),
        (
            KeyFilter {
                user: Some(u.uuid),
                kind: Some(KeyKind::Permanent),
                status: Some(KeyStatus::Active),
                ..all()
            },
            &[1, 4],
        ),
    ];
    for (filter, expected) in cases {
        let page = s.store.scan_keys(KeyScan { filter: filter.clone(), ..scan(a.uuid, 9) }).await.unwrap();
        let expected: Vec<AccessKey> =
            expected.iter().map(|&number| keys[usize::try_from(number).unwrap() - 1].clone()).collect();
        assert_eq!(page.total, Some(u64::try_from(expected.len()).unwrap()), "{filter:?}");
        assert_eq!(page.keys, expected, "{filter:?}");
    }
}

pub(super) async fn deleted_keys_are_listed_on_demand(s: Subject) {
    let a = account(1);
    let u = user(&a, 1);
    let at = |millis, number| AccessKey { created_at: NOW.plus(millis), ..key(&u, number) };
    let keys = [at(0, 1), buried(&at(1, 2)), at(2, 3), buried(&at(3, 4))];
    s.write(vec![InsertAccount(a.clone()), InsertUser(u.clone())]).await;
    insert(&s, &keys).await;
    for user in [None, Some(u.uuid)] {
        let filter = KeyFilter { user, tombstones: Tombstones::Included, ..KeyFilter::default() };
        for (direction, expected) in
            [(Direction::Ascending, &keys[1..4]), (Direction::Descending, &keys[..1])]
        {
            let after = Some(match direction {
                Direction::Ascending => (keys[0].created_at, keys[0].uuid),
                Direction::Descending => (keys[1].created_at, keys[1].uuid),
            });
            let scan = KeyScan { filter: filter.clone(), direction, after, ..scan(a.uuid, 3) };
            let page = s.store.scan_keys(scan).await.unwrap();
            assert_eq!((page.keys.as_slice(), page.total), (expected, Some(4)));
        }
        let first_two = s.store.scan_keys(KeyScan { filter, ..scan(a.uuid, 2) }).await.unwrap();
        assert_eq!(first_two.keys, keys[..2], "merged in order");
    }
}
