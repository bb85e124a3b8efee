//! Lists of keys: who sees which, in which order, and walks while others write.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::access_keys::{
    AccessKey, Direction, KeyField, KeyFilter, KeyList, KeyQuery, KeySort, Tombstones, Total,
};
use domain::batch::{Batch, Effect};
use domain::caller::Caller;
use domain::clock::{Clock as _, UnixMillis};
use domain::error::Error;
use domain::id::{KeyId, KeyUuid, UserUuid};
use domain::limits::Limits;
use domain::policy::Role;

use crate::both_stores;
use crate::world::{Credentials, SCLOUD, SHAPE, Setup, World, issue, new_user};

both_stores! {
    t43_each_role_lists_what_it_may_see,
    t51_markers_name_what_the_list_could_have_shown,
    every_order_pages_alike,
    deleted_keys_are_for_administrators,
    a_damaged_key_spoils_its_page,
}

/// All keys, a hundred at a time.
pub(crate) fn first_page() -> KeyQuery {
    let (filter, sort) = (KeyFilter::default(), KeySort::default());
    KeyQuery { filter, sort, after: None, limit: 100, total: Total::Counted }
}

fn ids(list: &KeyList) -> Vec<&str> {
    list.keys.iter().map(|key| key.key_id.as_str()).collect()
}

async fn list(world: &World, caller: &Caller, query: &KeyQuery) -> Result<KeyList, Error> {
    world.service.list_keys(caller, query).await
}

async fn t43_each_role_lists_what_it_may_see(world: World) {
    let mut of: BTreeMap<&str, Vec<Credentials>> = BTreeMap::new();
    of.insert("admin", vec![world.root.clone()]);
    for name in ["audrey", "bob", "alice"] {
        of.insert(name, vec![world.member(name).await, world.another_key(name).await]);
    }
    world.set_role("audrey", Role::Auditor).await;
    let stranger = world.another_account("stranger").await;
    let everybody: Vec<&Credentials> = of.values().flatten().chain([&stranger]).collect();
    for (name, keys) in &of {
        let caller = world.caller(&keys[0]).await;
        let list = list(&world, &caller, &first_page()).await.unwrap();
        // What the list shows is what showing one by one allows, no more and no less.
        let mut shown = Vec::new();
        for key in &everybody {
            let uuid =
                world.service.directory().by_key(&key.id).await.unwrap().unwrap().key(&key.id).unwrap().uuid;
            let action = domain::policy::Action::ReadAccessKey;
            if world
                .service
                .access_key(&caller, action, uuid, domain::access_keys::SchemeSet::all().into())
                .await
                .is_ok()
            {
                shown.push(key.id.as_str());
            }
        }
        let mut listed = ids(&list);
        listed.sort_unstable();
        shown.sort_unstable();
        assert_eq!(listed, shown, "{name}");
        assert_eq!(
            list.total,
            Some(u64::try_from(shown.len()).unwrap()),
            "{name}: the total counts what is visible"
        );
        assert_eq!(shown.len(), if matches!(*name, "admin" | "audrey") { 7 } else { 2 }, "{name}");
    }
    let bob = world.caller(&of["bob"][0]).await;
    let alice = world.caller(&of["alice"][0]).await.user();
    let foreign =
        KeyQuery { filter: KeyFilter { user: Some(alice), ..KeyFilter::default() }, ..first_page() };
    assert!(matches!(list(&world, &bob, &foreign).await, Err(Error::Denied)));
    let of_stranger = KeyFilter { user: Some(world.caller(&stranger).await.user()), ..KeyFilter::default() };
    let query = KeyQuery { filter: of_stranger, ..first_page() };
    let seen = list(&world, &world.admin().await, &query).await.unwrap();
    assert_eq!((seen.keys.len(), seen.total), (0, Some(0)), "another account's user has no keys here");
}

async fn t51_markers_name_what_the_list_could_have_shown(world: World) {
    let (bob, alice) = (world.member("bob").await, world.member("alice").await);
    let stranger = world.another_account("stranger").await;
    let uuid = async |who: &Credentials| {
        world.service.directory().by_key(&who.id).await.unwrap().unwrap().key(&who.id).unwrap().uuid
    };
    let (bobs, alices, foreign) = (uuid(&bob).await, uuid(&alice).await, uuid(&stranger).await);
    let caller = world.caller(&bob).await;
    let admin = world.admin().await;
    let after = |key| KeyQuery { after: Some(key), ..first_page() };
    for (who, marker) in
        [(&caller, alices), (&caller, foreign), (&admin, foreign), (&admin, KeyUuid::from_bytes([9; 16]))]
    {
        let refused = list(&world, who, &after(marker)).await;
        assert!(matches!(refused, Err(Error::CursorInvalid)), "{refused:?}");
    }
    let of_bob = KeyFilter { user: Some(caller.user()), ..KeyFilter::default() };
    let other_filter = KeyQuery { filter: of_bob, ..after(alices) };
    assert!(
        matches!(list(&world, &admin, &other_filter).await, Err(Error::CursorInvalid)),
        "of another filter"
    );
    list(&world, &caller, &after(bobs)).await.unwrap();
    // A marker that was deleted since still names its place.
    let all = list(&world, &admin, &first_page()).await.unwrap();
    let behind: Vec<KeyUuid> =
        all.keys.iter().skip_while(|key| key.uuid != bobs).skip(1).map(|key| key.uuid).collect();
    world.service.delete_access_key(&admin, &bob.id, SCLOUD).await.unwrap();
    let rest = list(&world, &admin, &after(bobs)).await.unwrap();
    assert_eq!(rest.keys.iter().map(|key| key.uuid).collect::<Vec<_>>(), behind);
}

const FIELDS: [KeyField; 8] = [
    KeyField::CreatedAt,
    KeyField::Id,
    KeyField::ModifiedAt,
    KeyField::ExpiresAt,
    KeyField::KeyId,
    KeyField::Kind,
    KeyField::Description,
    KeyField::Status,
];

async fn every_order_pages_alike(world: World) {
    let admin = world.admin().await;
    for number in 0..12 {
        let name = format!("user{number}");
        world.member(&name).await;
        if number % 3 == 0 {
            let issue = domain::access_keys::KeyIssue {
                description: format!("d{}", number % 2),
                expires_at: Some(world.clock.now().plus(number * 1_000 + 1_000_000)),
                ..issue()
            };
            world.service.create_access_key(&admin, name.as_str(), &issue).await.unwrap();
        }
        world.clock.advance(number % 2);
    }
    let everything = list(&world, &admin, &first_page()).await.unwrap().keys;
    let directions = [Direction::Ascending, Direction::Descending];
    let fields = FIELDS.into_iter().flat_map(|field| directions.map(|direction| (field, direction)));
    let mut sorts: Vec<KeySort> = fields.clone().map(|by| KeySort::by(vec![by])).collect();
    sorts.extend(fields.clone().map(|by| KeySort::by(vec![(KeyField::Kind, Direction::Ascending), by])));
    sorts.extend(fields.map(|by| KeySort::by(vec![(KeyField::CreatedAt, Direction::Descending), by])));
    for sort in sorts {
        let mut expected: Vec<&AccessKey> = everything.iter().collect();
        expected.sort_by(|one, other| sort.compare(one, other));
        let expected: Vec<&str> = expected.iter().map(|key| key.key_id.as_str()).collect();
        for limit in [1, 5, 16, 17, 18] {
            let mut seen: Vec<String> = Vec::new();
            let mut query = KeyQuery { sort: sort.clone(), limit, ..first_page() };
            loop {
                let page = list(&world, &admin, &query).await.unwrap();
                seen.extend(ids(&page).into_iter().map(str::to_owned));
                assert_eq!(page.total, Some(17), "{sort:?}");
                assert_eq!(page.has_more, seen.len() < 17, "{sort:?} {limit}");
                query.after = page.keys.last().map(|key| key.uuid);
                if !page.has_more {
                    break;
                }
            }
            assert_eq!(seen, expected, "{sort:?} in pages of {limit}");
        }
    }
}

async fn deleted_keys_are_for_administrators(world: World) {
    let bob = world.member("bob").await;
    let admin = world.admin().await;
    let second = world.another_key("bob").await;
    world.service.delete_access_key(&admin, &second.id, SCLOUD).await.unwrap();
    let with_deleted = KeyFilter { tombstones: Tombstones::Included, ..KeyFilter::default() };
    let query = KeyQuery { filter: with_deleted, ..first_page() };
    assert_eq!(list(&world, &admin, &query).await.unwrap().total, Some(3));
    let caller = world.caller(&bob).await;
    let of_user = KeyFilter { user: Some(caller.user()), ..query.filter.clone() };
    let query_of_user = KeyQuery { filter: of_user, ..query.clone() };
    assert_eq!(list(&world, &admin, &query_of_user).await.unwrap().total, Some(2));
    assert!(matches!(list(&world, &caller, &query_of_user).await, Err(Error::Denied)));
    assert_eq!(list(&world, &caller, &first_page()).await.unwrap().total, Some(1));
}

async fn a_damaged_key_spoils_its_page(world: World) {
    let bob = world.member("bob").await;
    let admin = world.admin().await;
    let caller = world.caller(&bob).await;
    let record = world.service.directory().by_key(&bob.id).await.unwrap().unwrap();
    let damaged = AccessKey { description: "edited".to_owned(), ..record.key(&bob.id).unwrap().clone() };
    let batch = Batch {
        effects: vec![Effect::UpdateKey(damaged)],
        audit: vec![stores::conformance::entry(1)],
        require: Vec::new(),
    };
    world.store.commit(batch).await.unwrap();
    for who in [&admin, &caller] {
        assert!(matches!(list(&world, who, &first_page()).await, Err(Error::Damaged)));
    }
}

/// `count` keys of `users` users, written directly.
async fn fill(world: &World, users: &[UserUuid], count: usize) -> Vec<KeyUuid> {
    let account = world.admin().await.account();
    let mut made = Vec::new();
    for chunk in (0..count).collect::<Vec<_>>().chunks(500) {
        let mut batch = Batch { audit: vec![stores::conformance::entry(1)], ..Batch::default() };
        for number in chunk {
            // Ten of each moment.
            let at = UnixMillis(world.clock.now().0 - 100_000 + i64::try_from(number / 10).unwrap());
            let user = users[number % users.len()];
            let mut key = AccessKey {
                uuid: KeyUuid::generate(at, world.random.as_ref()),
                key_id: SHAPE.new_id(at, world.random.as_ref()),
                account,
                user,
                created_at: at,
                ..stores::conformance::rows::key(
                    &stores::conformance::rows::user(&stores::conformance::rows::account(1), 1),
                    1,
                )
            };
            key.mark = world.vault.mark(&key.mark_input());
            made.push(key.uuid);
            batch.effects.push(Effect::InsertKey(key));
        }
        world.store.commit(batch).await.unwrap();
    }
    made
}

/// Keys that others make and delete during a walk come and go; the ten thousand that are there throughout are each seen
/// exactly once, whatever the size of the pages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t51_a_walk_shows_each_key_once_while_others_write() {
    let limits = Limits { access_keys_per_user: 1_000, ..Limits::default() };
    let world = Arc::new(World::sqlite_with(Setup { limits, ..Setup::default() }).await);
    let admin = world.admin().await;
    let mut users = Vec::new();
    for number in 0..20 {
        let member = world.member(&format!("user{number}")).await;
        users.push(world.caller(&member).await.user());
    }
    let mut expected = fill(&world, &users, 10_000).await;
    expected.sort();
    let done = Arc::new(AtomicBool::new(false));
    world.service.create_user(&admin, new_user("passer-by")).await.unwrap();
    let writer = {
        let (world, done, admin) = (world.clone(), done.clone(), admin.clone());
        tokio::spawn(async move {
            let mut passing: Vec<KeyId> = Vec::new();
            let mut written = 0;
            while !done.load(Ordering::Relaxed) {
                let issue = issue();
                let made = world.service.create_access_key(&admin, "passer-by", &issue).await.unwrap();
                passing.push(made.key.key_id);
                if passing.len() > 20 {
                    let first = passing.remove(0);
                    world.service.delete_access_key(&admin, first.as_str(), SCLOUD).await.unwrap();
                }
                written += 1;
            }
            written
        })
    };
    let mut deleted_markers = 0;
    for limit in [1_u32, 3, 7, 20, 99, 100, 333, 1_000, 4_999, 5_000, 9_999, 10_000] {
        for direction in [Direction::Ascending, Direction::Descending] {
            if limit == 1 && direction == Direction::Ascending {
                continue;
            }
            let sort = KeySort::by(vec![(KeyField::CreatedAt, direction)]);
            let mut query = KeyQuery { sort, limit, total: Total::Uncounted, ..first_page() };
            let mut seen = Vec::new();
            loop {
                let page = list(&world, &admin, &query).await.unwrap();
                seen.extend(page.keys.iter().map(|key| key.uuid));
                assert!(page.keys.len() <= usize::try_from(limit).unwrap());
                if !page.has_more {
                    break;
                }
                query.after = page.keys.last().map(|key| key.uuid);
                let marker = world.store.key_row(query.after.unwrap()).await.unwrap().unwrap();
                deleted_markers += u32::from(marker.deleted_at.is_some());
            }
            seen.sort();
            let length = seen.len();
            seen.dedup();
            assert_eq!(seen.len(), length, "a key twice, in pages of {limit}, {direction:?}");
            seen.retain(|key| expected.binary_search(key).is_ok());
            assert_eq!(seen.len(), expected.len(), "a gap, in pages of {limit}, {direction:?}");
        }
    }
    done.store(true, Ordering::Relaxed);
    let written = writer.await.unwrap();
    println!("{written} keys came and went, {deleted_markers} markers were deleted when they were used");
    assert!(written > 100, "others wrote all the time");
}

/// What has no index is sorted up to a limit that the error explains.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_sorts_take_ten_thousand_keys() {
    let world = World::memory().await;
    let bob = world.caller(&world.member("bob").await).await.user();
    let admin = world.admin().await;
    let made = fill(&world, &[bob], 9_998).await.len();
    let sort = KeySort::by(vec![(KeyField::Description, Direction::Ascending)]);
    let query = KeyQuery { sort, ..first_page() };
    assert_eq!(list(&world, &admin, &query).await.unwrap().total, Some(u64::try_from(made + 2).unwrap()));
    fill(&world, &[bob], 1).await;
    let refused = list(&world, &admin, &query).await.unwrap_err();
    assert!(matches!(refused, Error::TooManyToSort));
    assert!(refused.to_string().contains("creation time or id"));
    assert_eq!(list(&world, &admin, &first_page()).await.unwrap().keys.len(), 100);
}
