//! Paths, methods, sizes: what is wrong with the HTTP and not with what it carries.

use dialects::TransportRefusal;
use dialects::scloud::Scloud;

use super::samples::sample;
use crate::wire::{FORM, Wire};
use crate::world::{World, settings, signer};

/// One path leads to the actions; nothing that resembles it does.
#[tokio::test]
async fn t13_no_other_path_reaches_an_action() {
    let world = World::new().await;
    let query = String::from_utf8(sample("GetRegion", "").signed(&signer("bob")).body).unwrap();
    let send = async |target: String| world.send(&Wire { target, ..Wire::get("") }).await;
    assert_eq!(send(format!("/?{query}")).await.code, 0);
    for path in [
        "//",
        "///",
        "/.",
        "/./",
        "/..",
        "/../",
        "/%2e",
        "/%2e%2e/",
        "/%2f",
        "/;",
        "/;x=1",
        "/\\",
        "/%5c",
        "/%00",
        "/index",
        "/GetRegion",
        "/%20",
        "/ ",
        "/api/",
        "/v1/",
        "/scloud",
        "/*",
        "/~",
        "/%252e",
        "/\u{2215}",
        "/%c0%af",
        "/%",
    ] {
        let seen = send(format!("{path}?{query}")).await;
        assert_eq!((seen.status, seen.code), (404, 230), "{path}");
    }
}

#[tokio::test]
async fn methods_and_sizes_have_http_statuses_of_their_own() {
    let world = World::new().await;
    let wire = sample("GetRegion", "").signed(&signer("bob"));
    for method in ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "post", "GETX", ""]
    {
        let seen = world.send(&Wire { method: method.to_owned(), ..wire.clone() }).await;
        assert_eq!((seen.status, seen.code), (405, 230), "{method}");
        assert_eq!(seen.headers["Allow"], "GET, POST");
    }
    for (length, status) in [(Scloud::BODY_LIMIT, 200), (Scloud::BODY_LIMIT + 1, 413)] {
        let seen = world.send(&Wire::post("/", FORM, vec![b'a'; length])).await;
        assert_eq!(seen.status, status, "{length}");
    }
}

/// Clients throw the body of any other status away, so all that the dialect itself refuses is 200.
#[tokio::test]
async fn a_server_in_trouble_still_answers_in_the_dialects_shape() {
    use dialects::Outcome;
    let request = domain::id::RequestId::from_bytes([0xab; 16]);
    for refusal in TransportRefusal::ALL {
        let answer = settings("").refuse_transport(refusal, request);
        let (status, outcome) = match refusal {
            TransportRefusal::PathUnknown => (404, Outcome::Malformed),
            TransportRefusal::MethodNotAllowed => (405, Outcome::Malformed),
            TransportRefusal::BodyTooLarge => (413, Outcome::Malformed),
            TransportRefusal::BodyTimeout => (408, Outcome::Malformed),
            TransportRefusal::Deadline | TransportRefusal::Internal | TransportRefusal::Unavailable => {
                (200, Outcome::Failed)
            }
        };
        assert_eq!((answer.status, answer.note.outcome), (status, outcome), "{refusal:?}");
    }
}

#[test]
fn settings_are_strict_and_say_what_was_meant() {
    let refused = |text: &str| Scloud::new(&text.parse().unwrap()).unwrap_err();
    assert_eq!(
        refused("reveal_secrt = \"owner\""),
        "there is no setting `reveal_secrt`; did you mean `reveal_secret`?"
    );
    assert_eq!(refused("strict = true"), "there is no setting `strict`; did you mean `strict_replay`?");
    assert_eq!(refused("postonly = true"), "there is no setting `postonly`; did you mean `post_only`?");
    assert_eq!(refused("post_only = \"false\""), "`post_only` must be true or false, without quotes");
    assert_eq!(refused("strict_replay = 1"), "`strict_replay` must be true or false, without quotes");
    assert_eq!(refused("reveal_secret = \"always\""), "`reveal_secret` must be \"creation\" or \"owner\"");
    assert_eq!(refused("reveal_secret = true"), "`reveal_secret` must be \"creation\" or \"owner\"");
    settings("reveal_secret = \"creation\"\nstrict_replay = false\npost_only = true");
}

#[tokio::test]
async fn a_server_that_takes_only_posts_refuses_every_get() {
    let mut world = World::new().await;
    world.dialect = settings("post_only = true");
    for client in crate::wire::CLIENTS {
        let seen = world.send(&Wire::signed_as(client, &signer("bob"), &[("Action", "GetRegion")])).await;
        assert_eq!(seen.code, if client == crate::wire::Client::Hand { 230 } else { 0 }, "{client:?}");
    }
}
