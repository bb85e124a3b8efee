//! Whose things are whose: owners come from the caller or the checked target, and foreign things look like unknown ones
//! (threats T37, T38, T41, T48, T49).

use std::collections::BTreeMap;

use domain::access_keys::{CreatedKey, KeyChange, KeyIssue, KeyStatus};
use domain::caller::Caller;
use domain::error::Error;
use domain::policy::Role;
use domain::users::{NewUser, UserChange, UserStatus};
use stores::conformance::dump::dump;

use crate::both_stores;
use crate::world::{Credentials, SCLOUD, World, issue, new_user};

both_stores! {
    t37_no_write_takes_an_owner_from_its_fields,
    t38_foreign_keys_and_users_look_like_unknown_ones,
    t41_roots_keys_are_changed_by_root_alone,
    t48_odd_targets_name_nobody,
    t49_removing_twice_changes_nothing,
}

fn disable() -> KeyChange {
    KeyChange { status: Some(KeyStatus::Inactive), ..KeyChange::default() }
}

async fn t37_no_write_takes_an_owner_from_its_fields(world: World) {
    let victim = world.another_account("victim").await;
    let victim = world.caller(&victim).await;
    let admin = world.admin().await;
    let hostile = |value: String| {
        [
            "account",
            "account_id",
            "user_id",
            "owner",
            "is_root",
            "role",
            "status",
            "created_by",
            "parent",
            "version",
        ]
        .map(|field| (format!("scloud.{field}"), value.clone()))
        .into()
    };
    let foreign: BTreeMap<String, String> = hostile(victim.account().hex());
    // Taken apart by name: a new field of these types makes this test ask for a decision.
    let NewUser { name, display_name: _, email: _, role: _, attributes: _, first_key: _ } =
        new_user("mallory");
    let new = NewUser {
        name,
        display_name: victim.account().hex(),
        email: victim.user().hex(),
        role: Role::Member,
        attributes: foreign.clone(),
        first_key: Some(issue()),
    };
    let made = world.service.create_user(&admin, new).await.unwrap();
    let CreatedKey { key, .. } = made.key.unwrap();
    let user = made.user;
    assert_eq!((user.account, user.role, user.is_root), (admin.account(), Role::Member, false));
    assert_eq!((user.status, user.version, user.attributes), (UserStatus::Active, 1, foreign.clone()));
    assert_eq!((key.account, key.user, key.created_by), (admin.account(), user.uuid, admin.user()));

    let KeyIssue { dialect, schemes, shape, description: _, expires_at, conditions } = issue();
    let description = format!("user_id={} account={}", victim.user(), victim.account());
    let issue = KeyIssue { dialect, schemes, shape, description, expires_at, conditions };
    let CreatedKey { key, .. } = world.service.create_access_key(&admin, "mallory", &issue).await.unwrap();
    assert_eq!((key.account, key.user, key.created_by), (admin.account(), user.uuid, admin.user()));
    assert_eq!((key.parent, key.status), (None, KeyStatus::Active));

    let UserChange { name: _, display_name: _, email: _, role: _, status: _, attributes: _ } =
        UserChange::default();
    let change = UserChange {
        display_name: Some(victim.account().hex()),
        email: Some("root".to_owned()),
        attributes: hostile("true".to_owned()),
        ..UserChange::default()
    };
    let changed = world.service.update_user(&admin, "mallory", change).await.unwrap();
    assert_eq!((changed.uuid, changed.account, changed.serial), (user.uuid, admin.account(), user.serial));
    assert_eq!((changed.role, changed.is_root, changed.status), (Role::Member, false, UserStatus::Active));

    let KeyChange {
        status: _,
        description: _,
        schemes: _,
        sources: _,
        audience: _,
        not_before: _,
        expires_at: _,
        signed_time: _,
    } = KeyChange::default();
    let change = KeyChange { description: Some(victim.user().hex()), ..KeyChange::default() };
    let id = key.key_id.as_str();
    let changed = world.service.update_access_key(&admin, id, SCLOUD, change).await.unwrap();
    assert_eq!(
        (changed.user, changed.account, changed.modified_by),
        (user.uuid, admin.account(), admin.user())
    );
    world.assert_clean().await;
}

async fn t38_foreign_keys_and_users_look_like_unknown_ones(world: World) {
    let alice = world.caller(&world.member("alice").await).await;
    let bobs = world.member("bob").await;
    let admin = world.admin().await;
    let abroad = world.another_account("abroad").await;
    let deleted = world.another_key("bob").await;
    world.service.delete_access_key(&admin, &deleted.id, SCLOUD).await.unwrap();
    let before = dump(world.store.as_ref()).await;

    let unknown = "no-such-key-at-all";
    // Who asks, and which ids he must not be able to tell from an unknown one.
    let askers: [(&Caller, Vec<&str>); 2] = [
        (&alice, vec![&bobs.id, &world.root.id, &abroad.id, &deleted.id]),
        (&admin, vec![&abroad.id, &deleted.id]),
    ];
    for (caller, ids) in askers {
        let asked = async |id: &str| {
            let update = world.service.update_access_key(caller, id, SCLOUD, disable()).await;
            let delete = world.service.delete_access_key(caller, id, SCLOUD).await;
            format!("{:?} {:?}", update.unwrap_err(), delete.unwrap_err())
        };
        let expected = asked(unknown).await;
        for id in ids {
            assert_eq!(asked(id).await, expected, "{id} for {}", caller.user_name());
        }
    }
    // Users: a member learns nothing about other names, an administrator nothing about other accounts.
    let askers: [(&Caller, &[&str]); 2] = [(&alice, &["bob", "admin", "abroad"]), (&admin, &["abroad"])];
    for (caller, names) in askers {
        let asked = async |name: &str| {
            let get = world.service.get_user(caller, name).await.map(drop);
            let keys = world.service.list_access_keys(caller, name).await.map(drop);
            let key = world.service.create_access_key(caller, name, &issue()).await.map(drop);
            let change = UserChange { email: Some("x".to_owned()), ..UserChange::default() };
            let update = world.service.update_user(caller, name, change).await.map(drop);
            let delete = world.service.delete_user(caller, name).await;
            format!("{get:?} {keys:?} {key:?} {update:?} {delete:?}").replace(name, "NAME")
        };
        let expected = asked("nobody").await;
        assert!(!expected.contains("Ok"));
        for name in names {
            assert_eq!(asked(name).await, expected, "{name} for {}", caller.user_name());
        }
    }
    // In bulk, a foreign key gets an empty place and no audit entry.
    let record = world.service.list_access_keys(&admin, "bob").await.unwrap();
    let keys: Vec<_> = record.rows.keys.iter().collect();
    let revealed = world.service.reveal_own_secrets(&alice, &keys).await.unwrap();
    assert!(revealed.iter().all(Option::is_none));
    assert_eq!(dump(world.store.as_ref()).await, before);
}

async fn t41_roots_keys_are_changed_by_root_alone(world: World) {
    let second = world.member("second").await;
    let member = world.member("member").await;
    let auditor = world.member("auditor").await;
    world.set_role("second", Role::Admin).await;
    world.set_role("auditor", Role::Auditor).await;
    let credentials: [(&str, &Credentials); 4] =
        [("admin", &world.root), ("second", &second), ("member", &member), ("auditor", &auditor)];

    #[derive(Debug, PartialEq)]
    enum Answer {
        Done,
        Denied,
        RootOnly,
        NotFound,
    }
    let expected = |caller: &str, target: &str, by_key_id: bool| match (caller, target) {
        ("admin", _) | ("member", "member") => Answer::Done,
        ("second", "admin") => Answer::RootOnly,
        ("second", _) => Answer::Done,
        ("auditor", _) => Answer::Denied,
        // A member asks for a foreign key by id as for one that does not exist.
        _ if by_key_id => Answer::NotFound,
        _ => Answer::Denied,
    };
    let answer = |result: Result<(), Error>| match result {
        Ok(()) => Answer::Done,
        Err(Error::Denied) => Answer::Denied,
        Err(Error::RootOnly) => Answer::RootOnly,
        Err(Error::KeyNotFound) => Answer::NotFound,
        Err(error) => panic!("{error:?}"),
    };
    for (name, who) in credentials {
        for (target, theirs) in credentials {
            let caller = world.caller(who).await;
            let what = format!("{name} on {target}");
            let made = world.service.create_access_key(&caller, target, &issue()).await;
            let new_id = made.as_ref().map_or(theirs.id.clone(), |made| made.key.key_id.as_str().to_owned());
            assert_eq!(answer(made.map(drop)), expected(name, target, false), "{what}");
            let describe = KeyChange { description: Some(format!("by {name}")), ..KeyChange::default() };
            let updated = world.service.update_access_key(&caller, &theirs.id, SCLOUD, describe).await;
            assert_eq!(answer(updated.map(drop)), expected(name, target, true), "{what}");
            let deleted = world.service.delete_access_key(&caller, &new_id, SCLOUD).await;
            assert_eq!(answer(deleted), expected(name, target, true), "{what}");
        }
        let caller = world.caller(who).await;
        let rename = UserChange { email: Some(name.to_owned()), ..UserChange::default() };
        let renamed = world.service.update_user(&caller, "admin", rename).await.map(drop);
        let deleted = world.service.delete_user(&caller, "admin").await;
        let told = match name {
            "admin" => "Ok(()) Err(RootOnly)",
            "second" => "Err(RootOnly) Err(RootOnly)",
            _ => "Err(Denied) Err(Denied)",
        };
        assert_eq!(format!("{renamed:?} {deleted:?}"), told, "{name}");
    }
    world.assert_clean().await;
}

async fn t48_odd_targets_name_nobody(world: World) {
    let admin = world.admin().await;
    world.member("erin").await;
    let before = dump(world.store.as_ref()).await;
    let long = "9".repeat(300);
    let odd = [
        "",
        " ",
        "0",
        "-1",
        "1",
        "-9223372036854775808",
        "9223372036854775807",
        "18446744073709551616",
        "1e3",
        "NaN",
        "null",
        "None",
        "true",
        "self",
        "me",
        "all",
        "*",
        "%",
        "_",
        "erin ",
        " erin",
        "ERIN",
        "erin\0",
        "'",
        "\u{feff}erin",
        &long,
    ];
    for name in odd {
        let get = world.service.get_user(&admin, name).await;
        let keys = world.service.list_access_keys(&admin, name).await;
        let create = world.service.create_access_key(&admin, name, &issue()).await;
        let delete = world.service.delete_user(&admin, name).await;
        for result in [get.map(drop), keys.map(drop), create.map(drop), delete] {
            assert!(matches!(&result, Err(Error::UserNotFound(n)) if n == name), "{name:?}: {result:?}");
        }
        let update = world.service.update_access_key(&admin, name, SCLOUD, disable()).await;
        let delete = world.service.delete_access_key(&admin, name, SCLOUD).await;
        for result in [update.map(drop), delete] {
            assert!(matches!(result, Err(Error::KeyNotFound)), "{name:?}: {result:?}");
        }
    }
    assert_eq!(dump(world.store.as_ref()).await, before);
}

async fn t49_removing_twice_changes_nothing(world: World) {
    let admin = world.admin().await;
    let key = world.member("frank").await;
    let spare = world.another_key("frank").await;
    world.service.update_access_key(&admin, &spare.id, SCLOUD, disable()).await.unwrap();
    let before = dump(world.store.as_ref()).await;
    world.service.update_access_key(&admin, &spare.id, SCLOUD, disable()).await.unwrap();
    assert_eq!(dump(world.store.as_ref()).await, before, "disabling what is disabled");

    world.service.delete_access_key(&admin, &key.id, SCLOUD).await.unwrap();
    let before = dump(world.store.as_ref()).await;
    for _ in 0..2 {
        let again = world.service.delete_access_key(&admin, &key.id, SCLOUD).await;
        assert!(matches!(again, Err(Error::KeyNotFound)), "{again:?}");
        let again = world.service.update_access_key(&admin, &key.id, SCLOUD, disable()).await;
        assert!(matches!(again, Err(Error::KeyNotFound)), "{again:?}");
    }
    assert_eq!(dump(world.store.as_ref()).await, before);

    world.service.delete_user(&admin, "frank").await.unwrap();
    let before = dump(world.store.as_ref()).await;
    for _ in 0..2 {
        let again = world.service.delete_user(&admin, "frank").await;
        assert!(matches!(again, Err(Error::UserNotFound(_))), "{again:?}");
        let update = world.service.update_user(&admin, "frank", UserChange::default()).await;
        assert!(matches!(update, Err(Error::UserNotFound(_))), "{update:?}");
        let again = world.service.delete_access_key(&admin, &spare.id, SCLOUD).await;
        assert!(matches!(again, Err(Error::KeyNotFound)), "{again:?}");
    }
    assert_eq!(dump(world.store.as_ref()).await, before);
    world.assert_clean().await;
}
