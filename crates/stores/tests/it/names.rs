//! Names: one canonical form, and none that reaches a path or a pattern (threats T45, T46).

use domain::error::{Error, Field};
use domain::name::{Name, NameKey};
use domain::users::UserChange;
use proptest::prelude::*;
use stores::conformance::dump::dump;
use unicode_normalization::UnicodeNormalization;

use crate::both_stores;
use crate::world::{World, new_user};

both_stores! {
    t45_spellings_of_one_name_are_one_name,
    t46_names_that_reach_a_path_or_pattern_are_refused,
}

/// Ways in which people, keyboards and other systems write the same name.
const SPELLINGS: [&[&str]; 6] = [
    &["operator", "OPERATOR", "Operator", "ｏｐｅｒａｔｏｒ", "oPERATOR"],
    &["Straße", "STRASSE", "strasse", "STRAẞE", "Straſſe"],
    &["\u{e9}t\u{e9}", "e\u{301}te\u{301}", "ÉTÉ", "E\u{301}TE\u{301}"],
    &["ΣΊΣΥΦΟΣ", "σίσυφος", "σίσυφοσ"],
    &["ﬁle", "file", "FILE", "ﬁLE"],
    &["2", "２", "②", "²"],
];

async fn t45_spellings_of_one_name_are_one_name(world: World) {
    let admin = world.admin().await;
    for spellings in SPELLINGS {
        let (first, others) = spellings.split_first().unwrap();
        if Name::parse(first).is_err() {
            continue;
        }
        world.service.create_user(&admin, new_user(first)).await.unwrap();
        let before = dump(world.store.as_ref()).await;
        for other in others {
            if Name::parse(other).is_ok() {
                let again = world.service.create_user(&admin, new_user(other)).await;
                assert!(matches!(again, Err(Error::UserNameTaken(_))), "{first} and {other}: {again:?}");
            }
            let found = world.service.get_user(&admin, other).await;
            assert!(matches!(found, Err(Error::UserNotFound(_))), "{other} is written {first}");
            let deleted = world.service.delete_user(&admin, other).await;
            assert!(matches!(deleted, Err(Error::UserNotFound(_))), "{other}: {deleted:?}");
        }
        assert_eq!(dump(world.store.as_ref()).await, before);
    }
    // A user may take another spelling of his own name, and nobody else's.
    let rename = |name: &str| UserChange { name: Some(name.to_owned()), ..UserChange::default() };
    world.service.update_user(&admin, "operator", rename("OPERATOR")).await.unwrap();
    let taken = world.service.update_user(&admin, "OPERATOR", rename("STRASSE")).await;
    assert!(matches!(taken, Err(Error::UserNameTaken(_))), "{taken:?}");
    world.assert_clean().await;
}

async fn t46_names_that_reach_a_path_or_pattern_are_refused(world: World) {
    let admin = world.admin().await;
    world.service.create_user(&admin, new_user("plain")).await.unwrap();
    let before = dump(world.store.as_ref()).await;
    let long = "x".repeat(65);
    let corpus = [
        "",
        ".",
        "..",
        "*",
        "/",
        "a/b",
        "a\\b",
        "${x}",
        "$x",
        "%",
        "a%",
        "a*",
        "?",
        "a?b",
        "[a]",
        "{a}",
        "~",
        "-a",
        "@a",
        "+a",
        "=a",
        ",a",
        "a b",
        " a",
        "a ",
        "a\tb",
        "a\nb",
        "a\r",
        "a\0",
        "\0",
        "a\u{7f}",
        "a\u{200b}b",
        "a\u{202e}b",
        "a'b",
        "a\"b",
        "a`b",
        "a;b",
        "a|b",
        "a&b",
        "a<b>",
        "a:b",
        "a#b",
        "a!b",
        "a(b)",
        "../etc",
        "a/../b",
        "%2e%2e",
        "\u{feff}a",
        "a\u{2044}b",
        "a\u{ff0f}b",
        "．．",
        &long,
    ];
    for name in corpus {
        let refused = |result: Result<(), Error>| {
            let is_invalid = matches!(result, Err(Error::Invalid { field: Field::UserName, .. }));
            assert!(is_invalid, "{name:?}: {result:?}");
        };
        refused(world.service.create_user(&admin, new_user(name)).await.map(drop));
        let change = UserChange { name: Some(name.to_owned()), ..UserChange::default() };
        refused(world.service.update_user(&admin, "plain", change).await.map(drop));
        // As a reference it is looked up like any text, and found nowhere.
        let found = world.service.get_user(&admin, name).await;
        assert!(matches!(found, Err(Error::UserNotFound(_))), "{name:?}: {found:?}");
    }
    assert_eq!(dump(world.store.as_ref()).await, before);
}

/// Every form that another system might make of a text.
fn forms(text: &str) -> Vec<String> {
    let mut forms = vec![text.to_uppercase(), text.to_lowercase()];
    forms.extend([text.nfc().collect(), text.nfd().collect(), text.nfkc().collect(), text.nfkd().collect()]);
    forms.push(text.nfkd().collect::<String>().to_uppercase());
    forms.push(text.to_lowercase().nfkc().collect());
    forms
}

#[test]
fn t45_every_letter_has_one_canonical_form() {
    // Whoever has neither case nor another normal form is left out: most of Unicode, and trivially so.
    let moves = |c: &char| {
        let alone = c.to_string();
        c.is_alphanumeric() && forms(&alone).iter().any(|form| *form != alone)
    };
    let letters: Vec<char> = ('\0'..=char::MAX).filter(moves).collect();
    assert!(letters.len() > 2_000, "only {} letters", letters.len());
    // Hangul syllables are all alike; every hundredth will do.
    for c in letters
        .into_iter()
        .enumerate()
        .filter(|(n, c)| !('가'..='힣').contains(c) || n % 100 == 0)
        .map(|(_, c)| c)
    {
        let key = NameKey::of(&c.to_string());
        assert_eq!(NameKey::of(key.as_str()), key, "U+{:04X} folds once", u32::from(c));
        for form in forms(&c.to_string()) {
            assert_eq!(NameKey::of(&form), key, "U+{:04X} as {form:?}", u32::from(c));
        }
    }
}

proptest! {
    #[test]
    fn t45_every_form_of_a_text_folds_to_one_key(text in "\\PC{0,12}|[\u{300}-\u{36f}ſßẞςσΣΐΰİıﬁǅa-zA-Z]{0,12}") {
        // The one mark that becomes a letter in upper case: where it stood among other marks then makes a difference. It is
        // never part of a name together with one.
        prop_assume!(!text.nfkd().any(|c| c == '\u{345}'));
        let key = NameKey::of(&text);
        prop_assert_eq!(NameKey::of(key.as_str()), key.clone());
        for form in forms(&text) {
            prop_assert_eq!(NameKey::of(&form), key.clone(), "{} as {}", &text, &form);
        }
    }
}
