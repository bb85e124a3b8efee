//! The work behind a verdict is the same whether a key exists or not (threat T54), and the verdicts themselves.

use domain::authenticate::AuthError;

use crate::both_stores;
use crate::world::{Credentials, World};

both_stores! {
    t54_unknown_keys_and_wrong_signatures_cost_the_same_work,
    a_key_works_only_while_it_may,
}

async fn t54_unknown_keys_and_wrong_signatures_cost_the_same_work(world: World) {
    let member = world.member("liam").await;
    let wrong = Credentials { secret: b"another secret".to_vec(), ..member.clone() };
    let unknown = Credentials { id: "no-such-key".to_owned(), ..member.clone() };
    let long = Credentials { id: "x".repeat(10_000), ..member.clone() };
    let work = async |who: &Credentials| {
        let before = world.service.signature_work();
        let verdict = world.authenticate(who).await;
        (world.service.signature_work() - before, verdict)
    };
    // Twice: from the store first, from memory then.
    for _ in 0..2 {
        let (cost, verdict) = work(&member).await;
        assert!(verdict.is_ok());
        assert_eq!(cost, 1);
        let (cost, verdict) = work(&wrong).await;
        assert!(matches!(verdict, Err(AuthError::WrongSignature(_))), "{verdict:?}");
        assert_eq!(cost, 1);
        for who in [&unknown, &long] {
            let (cost, verdict) = work(who).await;
            assert!(matches!(verdict, Err(AuthError::UnknownKey)), "{verdict:?}");
            assert_eq!(cost, 1);
        }
    }
    let decoy = world.vault.open_decoy();
    assert!(decoy.expose().len() >= 32, "the decoy is opened and signed with like a real secret");
}

async fn a_key_works_only_while_it_may(world: World) {
    use domain::access_keys::{KeyChange, KeyIssue, KeyStatus};
    use domain::users::{UserChange, UserStatus};

    use crate::world::{SCLOUD, START, issue};
    let admin = world.admin().await;
    let member = world.member("mia").await;
    let word = async |who: &Credentials| match world.authenticate(who).await {
        Ok(_) => "accepted",
        Err(error) => error.reason().word(),
    };
    assert_eq!(word(&member).await, "accepted");
    let set = async |status| {
        let change = KeyChange { status: Some(status), ..KeyChange::default() };
        world.service.update_access_key(&admin, &member.id, SCLOUD, change).await.unwrap();
    };
    set(KeyStatus::Inactive).await;
    assert_eq!(word(&member).await, "key_inactive");
    set(KeyStatus::Active).await;
    assert_eq!(word(&member).await, "accepted");
    let freeze = async |status| {
        let change = UserChange { status: Some(status), ..UserChange::default() };
        world.service.update_user(&admin, "mia", change).await.unwrap();
    };
    freeze(UserStatus::Frozen).await;
    assert_eq!(word(&member).await, "user_frozen");
    freeze(UserStatus::Active).await;
    assert_eq!(word(&member).await, "accepted");

    let short = KeyIssue { expires_at: Some(START.plus(1_000)), ..issue() };
    let short = Credentials::of(world.service.create_access_key(&admin, "mia", &short).await.unwrap());
    assert_eq!(word(&short).await, "accepted");
    world.clock.advance(999);
    assert_eq!(word(&short).await, "accepted");
    world.clock.advance(1);
    assert_eq!(word(&short).await, "key_expired");
    world.service.delete_access_key(&admin, &member.id, SCLOUD).await.unwrap();
    assert_eq!(word(&member).await, "unknown_key");
    world.assert_clean().await;
}
