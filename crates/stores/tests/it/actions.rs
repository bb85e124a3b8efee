//! Each use case asks for exactly the actions that it performs (threat T42).

use domain::access_keys::{CreatedKey, KeyChange, KeyIssue};
use domain::caller::Caller;
use domain::clock::Clock as _;
use domain::error::Error;
use domain::policy::Action;
use domain::users::{NewUser, UserChange};
use stores::conformance::dump::dump;

use crate::both_stores;
use crate::key_lists::first_page;
use crate::world::{EVERY_KEY, SCLOUD, World, issue, new_user};

both_stores! {
    t42_each_use_case_asks_for_exactly_its_actions,
}

/// One use case, on things made for it.
async fn perform(world: &World, caller: &Caller, use_case: &str) -> Result<(), Error> {
    let name = format!("target-{use_case}");
    let admin = world.admin().await;
    let record = match world.service.get_user(&admin, &name).await {
        Ok(record) => record,
        Err(_) => {
            world.member(&name).await;
            world.service.get_user(&admin, &name).await.unwrap()
        }
    };
    let key_id = record.rows.keys[0].key_id.as_str();
    let service = &world.service;
    match use_case {
        "create_access_key" => {
            let CreatedKey { key, .. } = service.create_access_key(caller, &name, &issue()).await?;
            service.delete_access_key(&admin, key.key_id.as_str(), SCLOUD).await
        }
        "list_access_keys" => service.list_access_keys(caller, &name).await.map(drop),
        "update_access_key" => {
            let description = Some(caller.origin().request.hex());
            let change = KeyChange { description, ..KeyChange::default() };
            service.update_access_key(caller, key_id, SCLOUD, change).await.map(drop)
        }
        "delete_access_key" => {
            service.delete_access_key(caller, key_id, SCLOUD).await?;
            service.create_access_key(&admin, &name, &issue()).await.map(drop)
        }
        "create_temporary_key" => {
            let end = Some(world.clock.now().plus(1_000));
            let issue = KeyIssue { expires_at: end, ..issue() };
            let parent = record.rows.keys[0].uuid;
            let CreatedKey { key, .. } = service.create_temporary_key(caller, parent, &issue).await?;
            service.delete_access_key(&admin, key.key_id.as_str(), EVERY_KEY).await
        }
        "access_key" => {
            let key = record.rows.keys[0].uuid;
            service.access_key(caller, Action::ReadAccessKey, key, SCLOUD.into()).await.map(drop)
        }
        "list_keys" => service.list_keys(caller, &first_page()).await.map(drop),
        "reveal_own_secrets" => service.reveal_own_secrets(caller, &[&record.rows.keys[0]]).await.map(drop),
        "create_user" => {
            service.create_user(caller, new_user("made")).await?;
            service.delete_user(&admin, "made").await
        }
        "create_user_with_key" => {
            let new = NewUser { first_key: Some(issue()), ..new_user("made") };
            service.create_user(caller, new).await?;
            service.delete_user(&admin, "made").await
        }
        "get_user" => service.get_user(caller, &name).await.map(drop),
        "list_users" => service.list_users(caller, 0, 10).await.map(drop),
        "update_user" => {
            let email = Some(caller.origin().request.hex());
            service.update_user(caller, &name, UserChange { email, ..UserChange::default() }).await.map(drop)
        }
        "delete_user" => service.delete_user(caller, &name).await,
        _ => panic!("{use_case}"),
    }
}

/// Every use case with the actions that it performs.
const USE_CASES: [(&str, &[Action]); 14] = [
    ("create_access_key", &[Action::CreateAccessKey]),
    ("create_temporary_key", &[Action::CreateAccessKey]),
    ("list_access_keys", &[Action::ReadAccessKey]),
    ("access_key", &[Action::ReadAccessKey]),
    ("list_keys", &[Action::ReadAccessKey]),
    ("update_access_key", &[Action::UpdateAccessKey]),
    ("delete_access_key", &[Action::DeleteAccessKey]),
    ("reveal_own_secrets", &[Action::RevealSecret]),
    ("create_user", &[Action::CreateUser]),
    ("create_user_with_key", &[Action::CreateUser, Action::CreateAccessKey]),
    ("get_user", &[Action::ReadUser]),
    ("list_users", &[Action::ListUsers]),
    ("update_user", &[Action::UpdateUser]),
    ("delete_user", &[Action::DeleteUser]),
];

async fn t42_each_use_case_asks_for_exactly_its_actions(world: World) {
    for (use_case, needed) in USE_CASES {
        // Allowed once, so that what it acts on is there.
        perform(&world, &world.admin().await, use_case).await.unwrap();
        for &missing in Action::ALL {
            let caller = world.admin().await.without(missing);
            if !needed.contains(&missing) {
                let result = perform(&world, &caller, use_case).await;
                assert!(result.is_ok(), "{use_case} without {missing:?}: {result:?}");
                continue;
            }
            if use_case == "delete_user" {
                world.member("target-delete_user").await;
            }
            let before = dump(world.store.as_ref()).await;
            let result = perform(&world, &caller, use_case).await;
            assert!(matches!(result, Err(Error::Denied)), "{use_case} without {missing:?}: {result:?}");
            assert_eq!(dump(world.store.as_ref()).await, before, "{use_case} had an effect");
        }
    }
    let used: Vec<Action> = USE_CASES.iter().flat_map(|(_, needed)| needed.iter().copied()).collect();
    let unused = |action: &&Action| !used.contains(action);
    // What describes the service is answered by the dialects alone.
    assert_eq!(Action::ALL.iter().filter(unused).collect::<Vec<_>>(), [&Action::DescribeService]);
    world.assert_clean().await;
}
