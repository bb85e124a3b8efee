//! Gate tokens: who makes them, what they are good for, and when they end.

use domain::caller::Caller;
use domain::error::Error;
use domain::policy::Role;
use domain::tokens::{GateCaller, NewGateToken, TokenError};

use crate::both_stores;
use crate::world::World;

both_stores! {
    t25_a_gate_token_asks_and_does_nothing_else,
    t31_another_spelling_of_a_gate_token_is_none,
    a_gate_token_ends_when_it_is_revoked_and_not_with_its_maker,
    gate_tokens_are_administrators_business,
}

impl World {
    async fn gate_token(&self, caller: &Caller, name: &str) -> String {
        let NewGateToken { token, word } = self.service.create_gate_token(caller, name).await.unwrap();
        assert_eq!(token.name, name);
        word.as_str().to_owned()
    }

    async fn asks(&self, word: &str) -> Option<GateCaller> {
        self.service.gate_caller(word.as_bytes()).await.unwrap()
    }
}

async fn t25_a_gate_token_asks_and_does_nothing_else(world: World) {
    let admin = world.admin().await;
    let word = world.gate_token(&admin, "nginx").await;
    let asker = world.asks(&word).await.unwrap();
    assert_eq!(asker, GateCaller { service: "nginx".to_owned(), account: None });
    // Not as a session, to see or to end one.
    let origin = world.origin();
    let refused = world.service.authenticate_token(&word, origin).await;
    assert!(matches!(refused, Err(TokenError::Unknown)), "{refused:?}");
    assert!(matches!(world.service.read_token(&admin, &word).await, Err(Error::TokenNotFound)));
    assert!(matches!(world.service.revoke_token(&admin, &word).await, Err(Error::TokenNotFound)));
    // The services of other accounts ask about their own keys.
    let other = world.another_account("acme").await;
    let other = world.caller(&other).await;
    let word = world.gate_token(&other, "nginx").await;
    assert_eq!(world.asks(&word).await.unwrap().account, Some(other.account()));
    world.assert_clean().await;
}

async fn t31_another_spelling_of_a_gate_token_is_none(world: World) {
    let admin = world.admin().await;
    let word = world.gate_token(&admin, "nginx").await;
    assert!(word.starts_with("kwg-") && word.len() == 47, "{word}");
    for other in [
        word.to_uppercase(),
        format!("{word} "),
        format!(" {word}"),
        word[..46].to_owned(),
        word.replace("kwg-", "kws-"),
        word.replace("kwg-", ""),
        String::new(),
    ] {
        assert_eq!(world.asks(&other).await, None, "{other}");
    }
    let listed = world.service.list_gate_tokens(&admin).await.unwrap();
    assert!(!format!("{listed:?}").contains(&word), "the word itself is not kept");
}

async fn a_gate_token_ends_when_it_is_revoked_and_not_with_its_maker(world: World) {
    let admin = world.admin().await;
    let maker = world.member("mia").await;
    world.set_role("mia", Role::Admin).await;
    let maker = world.caller(&maker).await;
    let (word, other) = (world.gate_token(&maker, "nginx").await, world.gate_token(&maker, "envoy").await);
    let taken = world.service.create_gate_token(&admin, "nginx").await.map(drop);
    assert!(matches!(&taken, Err(Error::UserNameTaken(name)) if name == "nginx"), "{taken:?}");
    assert!(world.asks(&word).await.is_some());
    world.service.delete_user(&admin, "mia").await.unwrap();
    assert!(world.asks(&word).await.is_some(), "a service goes on when an administrator leaves");
    let names: Vec<_> = world.service.list_gate_tokens(&admin).await.unwrap();
    assert_eq!(names.iter().map(|token| token.name.as_str()).collect::<Vec<_>>(), ["envoy", "nginx"]);
    world.service.revoke_gate_token(&admin, "nginx").await.unwrap();
    assert_eq!(world.asks(&word).await, None, "from the acknowledgement on");
    assert!(world.asks(&other).await.is_some());
    let again = world.service.revoke_gate_token(&admin, "nginx").await;
    assert!(matches!(again, Err(Error::TokenNotFound)), "{again:?}");
    assert_ne!(world.gate_token(&admin, "nginx").await, word);
    world.assert_clean().await;
}

async fn gate_tokens_are_administrators_business(world: World) {
    let admin = world.admin().await;
    world.gate_token(&admin, "nginx").await;
    for (role, may_list) in [(Role::Member, false), (Role::Auditor, true)] {
        let who = world.member(role.as_str()).await;
        world.set_role(role.as_str(), role).await;
        let caller = world.caller(&who).await;
        let denied = world.service.create_gate_token(&caller, "envoy").await.map(drop);
        assert!(matches!(denied, Err(Error::Denied)), "{denied:?}");
        assert!(matches!(world.service.revoke_gate_token(&caller, "nginx").await, Err(Error::Denied)));
        assert_eq!(world.service.list_gate_tokens(&caller).await.is_ok(), may_list);
    }
    for name in ["", "a b", ".a", "-a", "a/b", "ä", "a,b", &"x".repeat(65)] {
        let bad = world.service.create_gate_token(&admin, name).await.map(drop);
        assert!(matches!(bad, Err(Error::Invalid { .. })), "{name}: {bad:?}");
    }
}
