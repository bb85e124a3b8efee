//! Each use case asks for exactly the actions that it performs (threat T42).

use std::sync::Arc;

use domain::access_keys::{CreatedKey, ImportedKey, KeyChange, KeyIssue, KeyStatus, Rotation};
use domain::accounts::{AccountChange, NewAccount};
use domain::audit_log::{AuditFilter, AuditOrder};
use domain::caller::Caller;
use domain::clock::Clock as _;
use domain::error::Error;
use domain::id::{RequestId, Serial};
use domain::policy::Action;
use domain::secret::Secret;
use domain::ssh_keys::{SshKey, SshKeyChange, SshKeyQuery, SshKeyRef};
use domain::tokens::TokenKeyIssue;
use domain::users::{NewUser, UserChange, UserRef};
use stores::conformance::dump::dump;

use crate::both_stores;
use crate::key_lists::first_page;
use crate::world::{
    EVERY_KEY, OTHER_SSH_KEY, PASSWORD, SCLOUD, SHAPE, SSH_KEY, World, issue, new_ssh_key, new_user,
};

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
        "why" => service.why(caller, RequestId::from_bytes([7; 16]), &[]).await.map(drop),
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
        "restrict_access_key" => {
            let end = world.clock.now().plus(1_000_000 + i64::from(caller.origin().request.as_bytes()[15]));
            let change = KeyChange { expires_at: Some(Some(end)), ..KeyChange::default() };
            service.update_access_key(caller, key_id, SCLOUD, change).await.map(drop)
        }
        "rotate_access_key" => {
            let rotation = Rotation {
                dialect: "native",
                shape: &SHAPE,
                overlap_ms: 0,
                description: None,
                expires_at: None,
            };
            service.rotate_access_key(caller, key_id, &rotation).await?;
            service.delete_access_key(&admin, key_id, SCLOUD).await
        }
        "import_access_key" => {
            let imported = ImportedKey {
                id: &format!("imported-{}", caller.origin().request.hex()),
                secret: Secret::new(vec![b'x'; 40]),
                status: KeyStatus::Active,
                issue: issue(),
            };
            let key = service.import_access_key(caller, &name, &imported).await?;
            service.delete_access_key(&admin, key.key_id.as_str(), SCLOUD).await
        }
        "access_key_events" => service.access_key_events(caller, key_id, None, 10).await.map(drop),
        "create_account" => {
            let new = NewAccount {
                name: &format!("a{}", caller.origin().request.hex()),
                max_key_lifetime_ms: None,
                administrator: "root",
                display_name: String::new(),
                email: String::new(),
                key: issue(),
            };
            service.create_account(caller, &new).await.map(drop)
        }
        "list_accounts" => service.list_accounts(caller, None, 10).await.map(drop),
        "get_account" => service.get_account(caller, "default").await.map(drop),
        "update_account" => {
            let life = 1_000_000_000 + 1_000 * i64::from(caller.origin().request.as_bytes()[15]);
            let change = AccountChange { max_key_lifetime_ms: Some(Some(life)), status: None };
            service.update_account(caller, "default", &change).await?;
            let change = AccountChange { max_key_lifetime_ms: Some(None), status: None };
            service.update_account(&admin, "default", &change).await.map(drop)
        }
        "read_audit" => {
            let filter = AuditFilter::of(caller.account());
            service.read_audit(caller, filter, AuditOrder::Descending, None, 10).await.map(drop)
        }
        "audit_end" => service.audit_end(caller).await.map(drop),
        "credential_report" => service.credential_report(caller).await.map(drop),
        "users_after" => service.users_after(caller, None, 10).await.map(drop),
        "own_record" => service.own_record(caller).await.map(drop),
        "delete_user" => service.delete_user(caller, &name).await,
        "add_ssh_key" => {
            let key = service.add_ssh_key(caller, &name, new_ssh_key(OTHER_SSH_KEY)).await?;
            service.delete_ssh_key(&admin, numbered(key.serial)).await.map(drop)
        }
        "list_ssh_keys" => service.list_ssh_keys(caller, &name, "", 0, 10).await.map(drop),
        "search_ssh_keys" => {
            let all = SshKeyQuery {
                user: None,
                fingerprint: None,
                title: "",
                status: None,
                after: None,
                limit: 10,
            };
            service.search_ssh_keys(caller, &all).await.map(drop)
        }
        "get_ssh_key" => service.get_ssh_key(caller, numbered(ssh_key(world).await.serial)).await.map(drop),
        "disable_ssh_keys" => service.disable_ssh_keys(caller, None).await.map(drop),
        "find_ssh_key" => service.find_ssh_key(caller, &ssh_key(world).await.fingerprint).await.map(drop),
        "update_ssh_key" => {
            let title = Some(caller.origin().request.hex());
            let change = SshKeyChange { title, ..SshKeyChange::default() };
            service.update_ssh_key(caller, numbered(ssh_key(world).await.serial), change).await.map(drop)
        }
        "delete_ssh_key" => {
            service.delete_ssh_key(caller, numbered(ssh_key(world).await.serial)).await.map(drop)
        }
        "set_password" => service.set_password(caller, &name, &Secret::new(PASSWORD.to_vec())).await,
        "read_token" => service.read_token(caller, &token_of_root(world).await).await.map(drop),
        "revoke_token" => service.revoke_token(caller, &token_of_root(world).await).await,
        "create_token_key" => {
            // By a token of the administrator's, whose rights are those of the caller.
            let token = token_of_root(world).await;
            let by_token = service.authenticate_token(&token, world.origin()).await.unwrap();
            let by_token = match withheld_from(caller) {
                Some(action) => by_token.without(action),
                None => by_token,
            };
            let issue = TokenKeyIssue { dialect: "scloud", schemes: SCLOUD, shape: &SHAPE, lives_ms: 1 };
            world.clock.advance(1);
            service.create_token_key(&by_token, &issue).await.map(drop)
        }
        "create_gate_token" => {
            service.create_gate_token(caller, "made").await?;
            service.revoke_gate_token(&admin, "made").await
        }
        "list_gate_tokens" => service.list_gate_tokens(caller).await.map(drop),
        "revoke_gate_token" => {
            gate_token(world).await;
            service.revoke_gate_token(caller, GATE_TOKEN).await
        }
        _ => panic!("{use_case}"),
    }
}

/// The action that was taken away from a caller.
fn withheld_from(caller: &Caller) -> Option<Action> {
    let is_nobodys = |action: &Action| caller.reach(*action).is_err();
    Action::ALL.iter().copied().find(is_nobodys)
}

const GATE_TOKEN: &str = "kept";

/// A gate token of that name, made when it is not there.
async fn gate_token(world: &World) {
    let admin = world.admin().await;
    let tokens = world.service.list_gate_tokens(&admin).await.unwrap();
    if !tokens.iter().any(|token| token.name == GATE_TOKEN) {
        world.service.create_gate_token(&admin, GATE_TOKEN).await.unwrap();
    }
}

/// The administrator's own SSH key, made when it is not there.
async fn ssh_key(world: &World) -> Arc<SshKey> {
    let admin = world.admin().await;
    let page = world.service.list_ssh_keys(&admin, UserRef::Caller, "", 0, 1).await.unwrap();
    match page.keys.into_iter().next() {
        Some(key) => key,
        None => {
            let new = new_ssh_key(SSH_KEY);
            Arc::new(world.service.add_ssh_key(&admin, UserRef::Caller, new).await.unwrap())
        }
    }
}

fn numbered(serial: Serial) -> SshKeyRef<'static> {
    SshKeyRef { serial, owner: None }
}

/// A token of the administrator; the same one while it lives.
async fn token_of_root(world: &World) -> String {
    let mut kept = world.token.lock().await;
    if let Some(token) = kept.as_ref()
        && world.service.read_token(&world.admin().await, token).await.is_ok()
    {
        return token.clone();
    }
    let token = world.log_in("admin", PASSWORD).await.unwrap().text.to_string();
    *kept = Some(token.clone());
    token
}

/// Every use case with the actions that it performs.
const USE_CASES: &[(&str, &[Action])] = &[
    ("restrict_access_key", &[Action::UpdateAccessKey, Action::RestrictAccessKey]),
    ("rotate_access_key", &[Action::RotateAccessKey]),
    ("import_access_key", &[Action::ImportAccessKey]),
    ("access_key_events", &[Action::ReadAccessKey]),
    ("create_account", &[Action::CreateAccount]),
    ("list_accounts", &[Action::ReadAccount]),
    ("get_account", &[Action::ReadAccount]),
    ("update_account", &[Action::UpdateAccount]),
    ("read_audit", &[Action::ReadAudit]),
    ("audit_end", &[Action::ReadAudit]),
    ("why", &[Action::ReadRefusal]),
    ("credential_report", &[Action::ReadReport]),
    ("users_after", &[Action::ListUsers]),
    ("own_record", &[Action::DescribeService]),
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
    ("add_ssh_key", &[Action::CreateSshKey]),
    ("list_ssh_keys", &[Action::ReadSshKey]),
    ("search_ssh_keys", &[Action::ReadSshKey]),
    ("get_ssh_key", &[Action::ReadSshKey]),
    ("disable_ssh_keys", &[Action::DisableSshKeys]),
    ("find_ssh_key", &[Action::ReadSshKey]),
    ("update_ssh_key", &[Action::UpdateSshKey]),
    ("delete_ssh_key", &[Action::DeleteSshKey]),
    ("set_password", &[Action::SetPassword]),
    ("read_token", &[Action::ReadToken]),
    ("revoke_token", &[Action::RevokeToken]),
    ("create_token_key", &[Action::CreateTokenKey]),
    ("create_gate_token", &[Action::CreateGateToken]),
    ("list_gate_tokens", &[Action::ReadGateToken]),
    ("revoke_gate_token", &[Action::RevokeGateToken]),
];

async fn t42_each_use_case_asks_for_exactly_its_actions(world: World) {
    for &(use_case, needed) in USE_CASES {
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
            // What the use case acts on is made before, not by the refused try.
            ssh_key(&world).await;
            token_of_root(&world).await;
            gate_token(&world).await;
            let before = dump(world.store.as_ref()).await;
            let result = perform(&world, &caller, use_case).await;
            assert!(matches!(result, Err(Error::Denied)), "{use_case} without {missing:?}: {result:?}");
            assert_eq!(dump(world.store.as_ref()).await, before, "{use_case} had an effect");
        }
    }
    let used: Vec<Action> = USE_CASES.iter().flat_map(|(_, needed)| needed.iter().copied()).collect();
    let unused = |action: &&Action| !used.contains(action);
    // Who logs in is no caller yet.
    assert_eq!(Action::ALL.iter().filter(unused).collect::<Vec<_>>(), [&Action::CreateToken]);
    world.assert_clean().await;
}
