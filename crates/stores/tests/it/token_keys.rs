//! Temporary keys of session tokens: what they are good for, what ends them, what they may not do, and how many there are.

use std::sync::Arc;

use domain::access_keys::{ImportedKey, KeyChange, KeyStatus, Rotation, SchemeSet};
use domain::accounts::AccountChange;
use domain::authenticate::{AuthError, Freshness, StrayTokens, Terms};
use domain::caller::Caller;
use domain::clock::Clock as _;
use domain::decision::Unusable;
use domain::error::{Error, Field};
use domain::id::KeyUuid;
use domain::limits::LimitName;
use domain::policy::Role;
use domain::random::Randomness;
use domain::secret::Secret;
use domain::testing::TestRandom;
use domain::tokens::{SESSION_MILLIS, TokenError, TokenKey, TokenKeyIssue};
use domain::users::{UserChange, UserStatus};
use signing::{Claim, Scheme};
use stores::conformance::dump::dump;
use tokio::task::JoinSet;

use crate::both_stores;
use crate::key_lists::first_page;
use crate::world::{
    Credentials, EVERY_KEY, PASSWORD, SCLOUD, SHAPE, SSH_KEY, World, issue, new_ssh_key, new_user,
};

both_stores! {
    a_key_acts_for_whoever_logged_in,
    t29_a_key_ends_with_its_token_its_user_and_its_account,
    t30_a_key_never_outlives_its_token,
    t31_only_its_own_security_token_goes_with_a_key,
    t40_a_key_makes_no_key_and_reads_no_secret,
    t40_what_a_key_changes_ends_no_later_than_itself,
    t50_parallel_creates_never_exceed_the_quota,
    t85_keys_are_bounded_and_leave_nothing_behind,
    t18_a_key_signs_in_its_own_schemes_only,
    no_list_and_no_use_case_knows_a_key,
    of_secret_and_security_token_nothing_readable_is_kept,
    a_stray_security_token_is_refused_or_ignored,
}

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// A key of a token, as a client holds it.
#[derive(Clone, Debug)]
struct Held {
    key: TokenKey,
    credentials: Credentials,
    security_token: String,
}

impl Held {
    fn claim(&self) -> Claim {
        self.claim_with(&self.security_token)
    }

    fn claim_with(&self, security_token: &str) -> Claim {
        self.credentials.claim(&[("Action", "X"), ("SecurityToken", security_token)])
    }
}

/// A user who can log in, and his token.
async fn session(world: &World, name: &str) -> String {
    let admin = world.admin().await;
    if world.service.get_user(&admin, name).await.is_err() {
        world.service.create_user(&admin, new_user(name)).await.unwrap();
        world.service.set_password(&admin, name, &Secret::new(PASSWORD.to_vec())).await.unwrap();
    }
    world.log_in(name, PASSWORD).await.unwrap().text.to_string()
}

async fn holder(world: &World, token: &str) -> Caller {
    world.service.authenticate_token(token, world.origin()).await.unwrap()
}

async fn make_by(world: &World, caller: &Caller, lives_ms: i64) -> Result<Held, Error> {
    let issue = TokenKeyIssue { dialect: "scloud", schemes: SCLOUD, shape: &SHAPE, lives_ms };
    let made = world.service.create_token_key(caller, &issue).await?;
    let id = made.key.key_id.as_str().to_owned();
    let secret = made.secret.into_text().as_bytes().to_vec();
    let security_token = made.security_token.to_string();
    Ok(Held { key: made.key, credentials: Credentials { id, secret }, security_token })
}

async fn make(world: &World, token: &str, lives_ms: i64) -> Held {
    make_by(world, &holder(world, token).await, lives_ms).await.unwrap()
}

async fn a_key_acts_for_whoever_logged_in(world: World) {
    let token = session(&world, "bob").await;
    let held = make(&world, &token, HOUR).await;
    let caller = world.judge(&held.claim()).await.unwrap();
    assert_eq!((caller.user_name(), caller.is_temporary()), ("bob", true));
    assert_eq!(caller.key_id().as_str(), held.credentials.id);
    let read = world.service.own_record(&caller).await.unwrap();
    assert_eq!(read.rows.user.name, "bob");
    let auditor = session(&world, "audrey").await;
    world.set_role("audrey", Role::Auditor).await;
    let auditor = match world.service.authenticate_token(&auditor, world.origin()).await {
        Err(TokenError::UserChanged) => session(&world, "audrey").await,
        other => panic!("{other:?}"),
    };
    let held = make(&world, &auditor, HOUR).await;
    let caller = world.judge(&held.claim()).await.unwrap();
    let denied = world.service.create_user(&caller, new_user("x")).await;
    assert!(matches!(denied, Err(Error::Denied)), "the rights of his role and no more: {denied:?}");
    world.assert_clean().await;
}

async fn t29_a_key_ends_with_its_token_its_user_and_its_account(world: World) {
    let admin = world.admin().await;
    let set = async |change| world.service.update_user(&admin, "bob", change).await.unwrap();
    let status = |status| UserChange { status: Some(status), ..UserChange::default() };
    let ends = [
        "revoked",
        "password",
        "frozen",
        "frozen and thawed",
        "role",
        "renamed",
        "token expired",
        "key expired",
        "deleted",
    ];
    for end in ends {
        let token = session(&world, "bob").await;
        let held = make(&world, &token, if end == "token expired" { DAY } else { HOUR }).await;
        let earlier = world.judge(&held.claim()).await.unwrap();
        match end {
            "revoked" => world.service.revoke_token(&admin, &token).await.unwrap(),
            "password" => {
                world.service.set_password(&admin, "bob", &Secret::new(PASSWORD.to_vec())).await.unwrap();
            }
            "frozen" => drop(set(status(UserStatus::Frozen)).await),
            "frozen and thawed" => {
                set(status(UserStatus::Frozen)).await;
                set(status(UserStatus::Active)).await;
            }
            "role" => world.set_role("bob", Role::Auditor).await,
            "renamed" => {
                set(UserChange { display_name: Some("Bob".to_owned()), ..UserChange::default() }).await;
            }
            "token expired" => world.clock.advance(DAY),
            "key expired" => world.clock.advance(HOUR),
            "deleted" => world.service.delete_user(&admin, "bob").await.unwrap(),
            other => panic!("{other}"),
        }
        let refused = world.judge(&held.claim()).await;
        let is_told = match end {
            // Nothing of it is there any more.
            "revoked" | "password" | "deleted" => matches!(refused, Err(AuthError::UnknownKey)),
            "key expired" | "token expired" => {
                matches!(refused, Err(AuthError::Unusable(Unusable::KeyExpired)))
            }
            _ => matches!(refused, Err(AuthError::Unusable(Unusable::ParentUnusable))),
        };
        assert!(is_told, "{end}: {refused:?}");
        let late = world.service.revoke_token(&earlier, &token).await;
        assert!(matches!(late, Err(Error::CallerRevoked | Error::TokenNotFound)), "{end}: {late:?}");
        let late = world.service.set_password(&earlier, "bob", &Secret::new(PASSWORD.to_vec())).await;
        assert!(late.is_err(), "{end}");
        if end == "frozen" {
            set(status(UserStatus::Active)).await;
        }
        if end == "role" {
            world.set_role("bob", Role::Member).await;
        }
    }
    let token = session(&world, "carol").await;
    let held = make(&world, &token, HOUR).await;
    world.judge(&held.claim()).await.unwrap();
    let newer = session(&world, "carol").await;
    world.judge(&held.claim()).await.unwrap();
    assert_ne!(token, newer, "a newer token leaves it alone");
    world.assert_clean().await;
}

/// Random logins and exchanges at random times: no chain of them acts after its login would have ended.
async fn t30_a_key_never_outlives_its_token(world: World) {
    let random = TestRandom::seeded(30);
    let below = |count: i64| {
        let mut bytes = [0; 4];
        random.fill(&mut bytes);
        i64::from(u32::from_be_bytes(bytes)) % count
    };
    let mut chains = Vec::new();
    for _ in 0..20 {
        let token = session(&world, "bob").await;
        let root_ends = world.clock.now().plus(SESSION_MILLIS);
        world.clock.advance(below(SESSION_MILLIS / 10));
        let held = make(&world, &token, 1 + below(2 * SESSION_MILLIS)).await;
        assert!(held.key.expires_at <= root_ends);
        chains.push((held, root_ends));
    }
    let token = session(&world, "bob").await;
    world.clock.advance(SESSION_MILLIS - 1_000);
    let last = make(&world, &token, HOUR).await;
    assert_eq!(last.key.expires_at, world.clock.now().plus(1_000), "cut to the token's end");
    for (held, root_ends) in chains {
        let refused = world.clock.now() >= root_ends && world.judge(&held.claim()).await.is_ok();
        assert!(!refused, "{held:?}");
    }
    world.clock.advance(1_000);
    let refused = world.judge(&last.claim()).await;
    assert!(matches!(refused, Err(AuthError::Unusable(Unusable::KeyExpired))), "{refused:?}");

    let admin = world.admin().await;
    let longest = AccountChange { max_key_lifetime_ms: Some(Some(HOUR)), status: None };
    world.service.update_account(&admin, "default", &longest).await.unwrap();
    let token = session(&world, "bob").await;
    let held = make(&world, &token, DAY).await;
    assert_eq!(held.key.expires_at, world.clock.now().plus(HOUR), "the account's rule holds for them too");
    let none = make_by(&world, &holder(&world, &token).await, 0).await;
    assert!(matches!(none, Err(Error::Invalid { field: Field::Expiry, .. })), "{none:?}");
}

async fn t31_only_its_own_security_token_goes_with_a_key(world: World) {
    let token = session(&world, "bob").await;
    let (held, other) = (make(&world, &token, HOUR).await, make(&world, &token, HOUR).await);
    let good = held.security_token.clone();
    let mut others = vec![
        other.security_token.clone(),
        token.clone(),
        good.to_uppercase(),
        format!("{good}="),
        format!(" {good}"),
        good[1..].to_owned(),
        good[..good.len() - 1].to_owned(),
        "x".repeat(100_000),
    ];
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] ^= 1;
        others.push(String::from_utf8(bytes).unwrap());
    }
    for wrong in others {
        let refused = world.judge(&held.claim_with(&wrong)).await;
        assert!(matches!(refused, Err(AuthError::WrongToken)), "{wrong:?}: {refused:?}");
    }
    for none in [held.credentials.claim(&[("Action", "X")]), held.claim_with("")] {
        let refused = world.judge(&none).await;
        assert!(matches!(refused, Err(AuthError::WrongToken)), "{refused:?}");
    }
    let ignoring = Terms { stray_tokens: StrayTokens::Ignored, ..Terms::from(Freshness { window_ms: 1 }) };
    let refused = world.service.authenticate(&held.claim_with("x"), world.origin(), ignoring).await;
    assert!(
        matches!(refused, Err(AuthError::WrongToken)),
        "no dialect ignores what a key demands: {refused:?}"
    );
    let as_token = world.service.authenticate_token(&good, world.origin()).await;
    assert!(matches!(as_token, Err(TokenError::Unknown)), "alone it is nothing: {as_token:?}");
    world.judge(&held.claim()).await.unwrap();
}

async fn t40_a_key_makes_no_key_and_reads_no_secret(world: World) {
    // An administrator's: the strongest one there is.
    let token = session(&world, "admin").await;
    let held = make(&world, &token, HOUR).await;
    let caller = world.judge(&held.claim()).await.unwrap();
    let root = world.service.own_record(&caller).await.unwrap().rows.keys[0].clone();
    let (service, before) = (&world.service, dump(world.store.as_ref()).await);
    let rotation =
        Rotation { dialect: "native", shape: &SHAPE, overlap_ms: 0, description: None, expires_at: None };
    let imported = ImportedKey {
        id: "imported-key",
        secret: Secret::new(vec![b'x'; 40]),
        status: KeyStatus::Active,
        issue: issue(),
    };
    let refused = [
        ("key", service.create_access_key(&caller, "admin", &issue()).await.map(drop)),
        ("child", service.create_temporary_key(&caller, root.uuid, &issue()).await.map(drop)),
        ("another of its kind", make_by(&world, &caller, HOUR).await.map(drop)),
        ("rotation", service.rotate_access_key(&caller, &world.root.id, &rotation).await.map(drop)),
        ("import", service.import_access_key(&caller, "admin", &imported).await.map(drop)),
        ("SSH key", service.add_ssh_key(&caller, "admin", new_ssh_key(SSH_KEY)).await.map(drop)),
        ("password", service.set_password(&caller, "admin", &Secret::new(PASSWORD.to_vec())).await),
        ("gate token", service.create_gate_token(&caller, "nginx").await.map(drop)),
        ("secret", service.reveal_own_secrets(&caller, &[&root]).await.map(drop)),
    ];
    for (what, refused) in refused {
        assert!(matches!(refused, Err(Error::TemporaryCaller)), "{what}: {refused:?}");
    }
    let by_key = make_by(&world, &world.admin().await, HOUR).await;
    assert!(matches!(by_key, Err(Error::ParentUnusable)), "it takes a token: {by_key:?}");
    assert_eq!(dump(world.store.as_ref()).await, before);
}

async fn t40_what_a_key_changes_ends_no_later_than_itself(world: World) {
    let token = session(&world, "admin").await;
    let held = make(&world, &token, HOUR).await;
    let caller = world.judge(&held.claim()).await.unwrap();
    let bob = world.member("bob").await;
    let until = |end| KeyChange { expires_at: Some(end), ..KeyChange::default() };
    let (now, update) = (world.clock.now(), async |change| {
        world.service.update_access_key(&caller, &bob.id, SCLOUD, change).await.map(drop)
    });
    assert!(update(until(Some(now.plus(HOUR)))).await.is_ok());
    for longer in [Some(now.plus(HOUR + 1)), None] {
        let refused = update(until(longer)).await;
        assert!(matches!(refused, Err(Error::ExceedsCaller(Field::Expiry))), "{refused:?}");
    }
}

async fn t50_parallel_creates_never_exceed_the_quota(world: World) {
    let world = Arc::new(world);
    let tokens = [session(&world, "bob").await, session(&world, "bob").await];
    let mut creating = JoinSet::new();
    for number in 0..200 {
        let (world, token) = (world.clone(), tokens[number % 2].clone());
        creating.spawn(async move { make_by(&world, &holder(&world, &token).await, HOUR).await.map(drop) });
    }
    let mut made = 0;
    for result in creating.join_all().await {
        match result {
            Ok(()) => made += 1,
            Err(Error::LimitReached { name: LimitName::TokenKeysPerUser, limit: 50 }) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(made, 50);
    let another = session(&world, "carol").await;
    make(&world, &another, HOUR).await;
    world.assert_clean().await;
}

async fn t85_keys_are_bounded_and_leave_nothing_behind(world: World) {
    let token = session(&world, "bob").await;
    let kept = async || {
        let record = world.service.directory().by_name(world.admin().await.account(), "bob").await.unwrap();
        let user = record.unwrap().rows.user.uuid;
        world.store.user_rows(user).await.unwrap().unwrap().token_keys.len()
    };
    let before = world.store.row_counts().await.unwrap();
    for round in 0..5 {
        for _ in 0..50 {
            make(&world, &token, HOUR).await;
        }
        let more = make_by(&world, &holder(&world, &token).await, HOUR).await;
        assert!(matches!(more, Err(Error::LimitReached { .. })), "round {round}: {more:?}");
        assert_eq!(kept().await, 50);
        world.clock.advance(HOUR);
    }
    make(&world, &token, HOUR).await;
    assert_eq!(kept().await, 1, "what has expired is gone");
    assert_eq!(world.store.row_counts().await.unwrap(), before, "and left no tombstone");
    world.service.revoke_token(&world.admin().await, &token).await.unwrap();
    assert_eq!(kept().await, 0);
    world.assert_clean().await;
}

async fn t18_a_key_signs_in_its_own_schemes_only(world: World) {
    let token = session(&world, "bob").await;
    let caller = holder(&world, &token).await;
    let schemes = SchemeSet::of(&[Scheme::SdkHmacSha256]);
    let issue = TokenKeyIssue { dialect: "huawei", schemes, shape: &SHAPE, lives_ms: HOUR };
    let made = world.service.create_token_key(&caller, &issue).await.unwrap();
    let secret = made.secret.into_text().as_bytes().to_vec();
    let credentials = Credentials { id: made.key.key_id.as_str().to_owned(), secret };
    let claim = credentials.claim(&[("Action", "X"), ("SecurityToken", &made.security_token)]);
    let refused = world.judge(&claim).await;
    assert!(matches!(refused, Err(AuthError::UnknownKey)), "{refused:?}");
}

async fn no_list_and_no_use_case_knows_a_key(world: World) {
    let token = session(&world, "bob").await;
    let held = make(&world, &token, HOUR).await;
    let (id, admin) = (held.credentials.id.as_str(), world.admin().await);
    let bob = world.judge(&held.claim()).await.unwrap();
    for caller in [&admin, &bob] {
        assert!(world.service.list_access_keys(caller, "bob").await.unwrap().rows.keys.is_empty());
        let listed = world.service.list_keys(caller, &first_page()).await.unwrap().keys;
        assert!(listed.iter().all(|key| key.key_id.as_str() != id));
        let shown = world.service.get_access_key(caller, id).await;
        assert!(matches!(shown, Err(Error::KeyNotFound)), "{shown:?}");
        let deleted = world.service.delete_access_key(caller, id, EVERY_KEY).await;
        assert!(matches!(deleted, Err(Error::KeyNotFound)), "{deleted:?}");
        let change = KeyChange { status: Some(KeyStatus::Inactive), ..KeyChange::default() };
        let changed = world.service.update_access_key(caller, id, EVERY_KEY, change).await;
        assert!(matches!(changed, Err(Error::KeyNotFound)), "{changed:?}");
    }
    let unknown = world.service.access_key(
        &admin,
        domain::policy::Action::ReadAccessKey,
        KeyUuid::from_bytes(*held.key.uuid.as_bytes()),
        EVERY_KEY,
    );
    assert!(matches!(unknown.await, Err(Error::KeyNotFound)));
    world.service.delete_user_without_keys(&admin, "bob").await.unwrap();
    assert!(matches!(world.judge(&held.claim()).await, Err(AuthError::UnknownKey)));
    world.assert_clean().await;
}

async fn of_secret_and_security_token_nothing_readable_is_kept(world: World) {
    let token = session(&world, "bob").await;
    let held = make(&world, &token, HOUR).await;
    let stored = format!("{:?}", dump(world.store.as_ref()).await);
    let secret = String::from_utf8(held.credentials.secret.clone()).unwrap();
    for readable in [&held.security_token, &secret, &token] {
        assert!(!stored.contains(readable.as_str()));
    }
    assert_eq!(held.key.security_token, domain::tokens::TokenHash::of(held.security_token.as_bytes()));
}

async fn a_stray_security_token_is_refused_or_ignored(world: World) {
    let claim = world.root.claim(&[("Action", "X"), ("SecurityToken", "old")]);
    let refused = world.judge(&claim).await;
    assert!(matches!(refused, Err(AuthError::WrongToken)), "{refused:?}");
    let ignoring = Terms { stray_tokens: StrayTokens::Ignored, ..Terms::from(Freshness { window_ms: 1 }) };
    let caller = world.service.authenticate(&claim, world.origin(), ignoring).await.unwrap();
    assert!(caller.is_root() && !caller.is_temporary());
}
