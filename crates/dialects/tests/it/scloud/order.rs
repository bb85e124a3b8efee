//! The order of the checks: a request with every fault gets the first answer, and the next one when that fault is mended.

use domain::access_keys::KeyStatus;
use domain::limits::Limits;
use domain::throttle::Rate;

use super::samples::Sample;
use crate::wire::{Client, FORM, Seen, Wire};
use crate::world::{KeySpec, World, limits, signer};

/// A world in which bob's keys have one fault each, the later ones fewer.
async fn faulty() -> World {
    let world =
        World::with(Limits { requests: Some(Rate { per_second: 1, burst: 20 }), ..limits() }, "").await;
    let bob = world.uuid_of("bob").await;
    let sources = || vec!["198.51.100.0/24".parse().unwrap()];
    let inactive = KeySpec { status: KeyStatus::Inactive, sources: sources(), ..KeySpec::default() };
    world.key(bob, "inactive", inactive).await;
    world.key(bob, "elsewhere", KeySpec { sources: sources(), ..KeySpec::default() }).await;
    world
}

/// What the answer says, without the action's name.
fn told(seen: &Seen) -> (u64, String) {
    (seen.code, seen.message().to_owned())
}

#[tokio::test]
async fn checks_come_in_the_order_of_the_page() {
    let world = faulty().await;
    let before = world.digest().await;
    let raw = async |pairs: &[(&str, &str)]| told(&world.send(&Wire::raw(Client::Python, pairs)).await);
    let by = async |who: &str, sample: &Sample| told(&world.send(&sample.signed(&signer(who))).await);
    let is = |code: u64, message: &str| (code, message.to_owned());

    // What cannot be read says nothing else, not even which action it is.
    let unreadable = Wire::post("/", FORM, "Action=Nothing&Status=a&Status=b");
    assert_eq!(told(&world.send(&unreadable).await), is(230, "Params [Status] not available"));
    let bad = [("Colour", "red"), ("Status", "Odd")];
    assert_eq!(raw(&bad).await, is(160, "Missing Action"));
    let unknown = [&bad[..], &[("Action", "Nothing")]].concat();
    assert_eq!(raw(&unknown).await, is(161, "Action [Nothing] not found"));
    let unsigned = [&bad[..], &[("Action", "UpdateUser"), ("PublicKey", "nobody")]].concat();
    assert_eq!(raw(&unsigned).await, is(170, "Missing signature"));
    let keyless = [&bad[..], &[("Action", "UpdateUser"), ("Signature", "x")]].concat();
    assert_eq!(raw(&keyless).await, is(172, "User Not Exists"));
    let forged = [&unsigned[..], &[("Signature", "x")]].concat();
    assert_eq!(raw(&forged).await, is(172, "User Not Exists"));

    // The key: its signature before its state, its state before its addresses.
    let sample = Sample(Vec::new()).with("Action", "UpdateUser").with("Colour", "red").with("Status", "Odd");
    let signed_wrong = sample.clone().with("PublicKey", &signer("inactive").id).with("Signature", "x");
    assert_eq!(raw(&signed_wrong.pairs()).await, is(171, "Signature VerifyAC Error"));
    assert_eq!(by("inactive", &sample.clone().with("SecurityToken", "t")).await, is(174, "Token Not Exists"));
    assert_eq!(by("inactive", &sample).await, is(299, "The access key is inactive"));
    assert_eq!(by("elsewhere", &sample).await, is(294, "Access denied for this IP"));

    // The request: unknown names, rights, missing parameters, values, objects.
    assert_eq!(by("bob", &sample).await, is(230, "Params [Colour] not available"));
    let sample = sample.without("Colour");
    assert_eq!(by("bob", &sample).await, is(299, "IAM permission denied"));
    assert_eq!(by("admin", &sample).await, is(220, "Missing params [UserName]"));
    let sample = sample.with("UserName", "nobody");
    assert_eq!(by("admin", &sample).await, is(230, "Params [Status] not available"));
    assert_eq!(by("admin", &sample.clone().without("Status")).await.0, 220);
    assert_eq!(
        by("admin", &sample.clone().with("Status", "Frozen")).await,
        is(11021, "User [nobody] not found")
    );
    // A member is told the same of a user that he may not see before his values are looked at.
    let other = Sample(Vec::new()).with("Action", "GetUser").with("UserName", "al\u{7}ice");
    assert_eq!(by("bob", &other).await, is(299, "IAM permission denied"));
    assert_eq!(by("admin", &other).await, is(230, "Params [UserName] not available"));

    // The rate of a key comes after its state and before the request.
    for _ in 0..20 {
        by("carol", &sample).await;
    }
    let unknown_name = sample.with("Colour", "red");
    assert_eq!(by("carol", &unknown_name).await, is(153, "Request throttled, retry later"));
    assert_eq!(by("elsewhere", &unknown_name).await.0, 294);
    assert_eq!(world.digest().await, before);
}

/// Who fails too often from one address is told no reason any more; a good signature always passes.
#[tokio::test]
async fn an_address_that_fails_too_often_is_told_nothing_more() {
    let failed_authentications = Some(Rate { per_second: 10, burst: 40 });
    let world = World::with(Limits { failed_authentications, ..limits() }, "").await;
    let sample = Sample(Vec::new()).with("Action", "GetUser").with("UserName", "bob");
    let wrong = sample.signed(&signer("nobody"));
    let mut codes = Vec::new();
    for _ in 0..60 {
        codes.push(world.send(&wrong).await.code);
    }
    assert_eq!((codes.iter().filter(|code| **code == 172).count(), codes[59]), (40, 153));
    assert_eq!(world.send(&sample.signed(&signer("bob"))).await.code, 0);
    assert_eq!(world.send_from(&wrong, Some("203.0.113.1".parse().unwrap())).await.code, 172);
    world.clock.advance(100);
    assert_eq!(world.send(&wrong).await.code, 172);
}
