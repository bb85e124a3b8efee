//! Values at the edge of what a parameter takes, and objects that are not there.

use std::collections::BTreeSet;

use domain::limits::Limits;

use super::samples::{operations, sample};
use crate::wire::{FORM, JSON, Wire, sign_json};
use crate::world::{World, limits, signer};

#[tokio::test]
async fn t46_names_that_look_like_paths_or_patterns_cannot_be_given() {
    let world = World::new().await;
    let before = world.digest().await;
    let admin = signer("admin");
    let bad = [
        "*",
        "?",
        "%",
        "_*",
        ".",
        "..",
        "../x",
        "a/b",
        "a\\b",
        "/",
        "~",
        "${x}",
        "$(x)",
        "`x`",
        "{x}",
        "[x]",
        "a b",
        " a",
        "a ",
        "a\tb",
        "a\nb",
        "a\0b",
        "-a",
        "@a",
        ".a",
        "é",
        "ａ",
        "bob\u{200b}",
        "bob\u{202e}",
        "a:b",
        "a;b",
        "a,b",
        "a=b",
        "a+b",
        "a&b",
        "a#b",
        "a'b",
        "a\"b",
        "<a>",
        "a|b",
        "\u{feff}bob",
        "𝐛𝐨𝐛",
    ];
    let long = "n".repeat(65);
    for name in bad.into_iter().chain([long.as_str()]) {
        let seen = world.send(&sample("CreateUser", "").with("UserName", name).signed(&admin)).await;
        assert_eq!((seen.code, seen.message()), (230, "Params [UserName] not available"), "{name:?}");
        let seen = world.send(&sample("UpdateUser", "bob").with("NewUserName", name).signed(&admin)).await;
        assert_eq!((seen.code, seen.message()), (230, "Params [NewUserName] not available"), "{name:?}");
        // Nor does such a name find anybody.
        for operation in ["GetUser", "DeleteUser", "ListAccessKeys", "CreateAccessKey"] {
            let seen = world.send(&sample(operation, "").with("UserName", name).signed(&admin)).await;
            assert!(matches!(seen.code, 230 | 11021), "{operation} {name:?}: {}", seen.text);
        }
    }
    assert_eq!(world.digest().await, before);
    for name in ["a", "_a", "0", "A.b_c@d-e", "Zoe", &"n".repeat(64)] {
        let seen = world.send(&sample("CreateUser", "").with("UserName", name).signed(&admin)).await;
        assert_eq!(seen.code, 0, "{name}: {}", seen.text);
    }
}

/// Numbers and ids that some servers take for "all", "mine" or "none".
#[tokio::test]
async fn t48_odd_targets_are_never_everybody_or_oneself() {
    let world = World::new().await;
    let before = world.digest().await;
    let odd = [
        "0",
        "-1",
        "1",
        "2147483648",
        "9223372036854775808",
        "null",
        "None",
        "undefined",
        "self",
        "me",
        "*",
        "%",
        "true",
    ];
    for operation in operations() {
        for (name, code) in [("UserName", 11021), ("AccessKeyID", 1901)] {
            let sample = sample(operation.name, "bob");
            if operation.name == "CreateUser" || sample.0.iter().all(|(given, _)| given != name) {
                continue;
            }
            for value in odd {
                let seen = world.send(&sample.clone().with(name, value).signed(&signer("admin"))).await;
                assert_eq!(seen.code, code, "{} {value}: {}", operation.name, seen.text);
            }
            for caller in ["admin", "bob"] {
                for missing in [sample.clone().without(name), sample.clone().with(name, "")] {
                    let seen = world.send(&missing.signed(&signer(caller))).await;
                    // Who may do nothing of the kind is not told what is missing.
                    let denied = caller == "bob" && seen.code == 299;
                    assert!(denied || seen.message() == format!("Missing params [{name}]"), "{}", seen.text);
                }
            }
        }
    }
    for (name, value) in [
        ("Limit", "0"),
        ("Limit", "-1"),
        ("Limit", "101"),
        ("Limit", "4294967297"),
        ("Limit", ""),
        ("Limit", "1.5"),
        ("Limit", " 1"),
        ("Limit", "all"),
        ("Offset", "-1"),
        ("Offset", "9223372036854775808"),
        ("Offset", "00"),
        ("Offset", "0x1"),
        ("Offset", ""),
    ] {
        let seen = world.send(&sample("ListUsers", "").with(name, value).signed(&signer("admin"))).await;
        assert_eq!(seen.message(), format!("Params [{name}] not available"), "{value}");
    }
    let far = sample("ListUsers", "").with("Offset", "9223372036854775807").signed(&signer("admin"));
    let seen = world.send(&far).await;
    assert_eq!((seen.code, &seen.json["Users"]), (0, &serde_json::json!([])));
    assert_eq!(world.digest().await, before);
}

/// Taking away what is not there takes nothing away.
#[tokio::test]
async fn t49_negative_operations_done_twice_change_nothing_the_second_time() {
    for (operation, gone) in [("DeleteAccessKey", 1901), ("DeleteUser", 11021)] {
        let world = World::new().await;
        let delete = sample(operation, "bob").signed(&signer("admin"));
        assert_eq!(world.send(&delete).await.code, 0);
        let before = world.digest().await;
        for _ in 0..3 {
            assert_eq!(world.send(&delete).await.code, gone, "{operation}");
        }
        assert_eq!(world.digest().await, before, "{operation}");
    }
    let world = World::new().await;
    let inactive = sample("UpdateAccessKey", "bob").without("Description").with("Status", "Inactive");
    let frozen = sample("UpdateUser", "bob").without("DisplayName").with("Status", "Frozen");
    for negative in [inactive, frozen] {
        let wire = negative.signed(&signer("admin"));
        assert_eq!(world.send(&wire).await.code, 0);
        let before = world.digest().await;
        assert_eq!(world.send(&wire).await.code, 0, "the same status again is success");
        assert_eq!(world.digest().await, before);
    }
}

/// Walking pages shows every user once, in the order of creation, and a short page is the last one.
#[tokio::test]
async fn pages_of_users_are_complete_and_never_clamped() {
    let world = World::new().await;
    for n in 0..120 {
        world.clock.advance(1);
        world.member(&format!("u{n:03}")).await;
    }
    let admin = signer("admin");
    for limit in [1, 7, 100] {
        let mut names = Vec::new();
        loop {
            let page = sample("ListUsers", "")
                .with("Limit", &limit.to_string())
                .with("Offset", &names.len().to_string());
            let seen = world.send(&page.signed(&admin)).await.json;
            assert_eq!(seen["TotalCount"], 125);
            let users = seen["Users"].as_array().unwrap();
            names.extend(users.iter().map(|user| user["UserName"].as_str().unwrap().to_owned()));
            if users.len() < limit {
                break;
            }
        }
        assert_eq!(names.len(), 125);
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), 125);
        assert!(names[5..].is_sorted());
    }
    let seen = world.send(&sample("ListUsers", "").signed(&admin)).await.json;
    assert_eq!(seen["Users"].as_array().unwrap().len(), 10, "ten unless the client says otherwise");
}

/// The same names and ids, in another letter case or another Unicode form, are other names.
#[tokio::test]
async fn references_are_exact() {
    let world = World::new().await;
    let admin = signer("admin");
    for name in ["Bob", "BOB", "bob ", " bob", "ｂｏｂ", "bob\u{200d}"] {
        let seen = world.send(&sample("GetUser", "").with("UserName", name).signed(&admin)).await;
        assert_eq!(seen.code, 11021, "{name}");
    }
    for id in [signer("bob").id.to_uppercase(), format!("{} ", signer("bob").id)] {
        let seen = world.send(&sample("DeleteAccessKey", "").with("AccessKeyID", &id).signed(&admin)).await;
        assert_eq!(seen.code, 1901, "{id}");
    }
}

/// Requests that no official client sends, in bulk: nothing but the answers of the page, and nothing changes.
#[tokio::test]
async fn t72_long_values_are_refused() {
    let world = World::with(Limits { access_keys_per_user: 100, ..limits() }, "").await;
    let before = world.digest().await;
    let admin = signer("admin");
    for operation in operations() {
        for name in [
            "UserName",
            "AccessKeyID",
            "Description",
            "DisplayName",
            "Region",
            "Zone",
            "ProjectId",
            "Password",
            "Email",
        ] {
            let long = sample(operation.name, "bob").with(name, &"a".repeat(60_000));
            let seen = world.send(&long.signed(&admin)).await;
            assert!(matches!(seen.code, 230), "{} {name}: {}", operation.name, seen.text);
        }
    }
    let nested = format!("{{\"Action\":\"GetUser\",\"UserName\":{}{}}}", "[".repeat(100), "]".repeat(100));
    assert_eq!(world.send(&Wire::post("/", JSON, nested)).await.code, 230);
    let wide = format!("{{\"Action\":\"GetUser\",\"UserName\":[{}0]}}", "0,".repeat(20_000));
    assert_eq!(world.send(&Wire::post("/", JSON, wide)).await.code, 230);
    for number in ["1e999", "-0", "18446744073709551616", "1e-999"] {
        let json = format!("{{\"Action\":\"ListUsers\",\"Offset\":{number}}}");
        let seen = world.send(&Wire::post("/", JSON, json.clone())).await;
        // What can be signed at all is signed, and then refused.
        let code = if seen.code == 170 {
            world.send(&Wire::post("/", JSON, sign_json(&admin, &json))).await.code
        } else {
            seen.code
        };
        assert_eq!(code, 230, "{number}");
    }
    let most: String = (0..253).map(|n| format!("&p{n}=")).collect();
    let wire = Wire::post("/", FORM, format!("Action=GetUser&PublicKey=x&Signature=y{most}"));
    assert_eq!(world.send(&wire).await.code, 172, "256 parameters are read");
    assert_eq!(world.digest().await, before);
}
