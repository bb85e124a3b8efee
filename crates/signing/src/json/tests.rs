//! Tests of the JSON reader.

use proptest::prelude::*;

use super::*;

fn number(literal: &str) -> Result<String, JsonError> {
    match parse(literal.as_bytes())? {
        Value::Number(number) => {
            assert_eq!(number.literal(), literal);
            Ok(number.plain().into_owned())
        }
        other => panic!("{other:?} is not a number"),
    }
}

#[test]
fn numbers_become_plain_decimals_without_a_detour_through_floats() {
    let cases = [
        ("0", "0"),
        ("-7", "-7"),
        ("42.0", "42"),
        ("1.50", "1.5"),
        ("-3.00", "-3"),
        ("0.1", "0.1"),
        ("0.0", "0"),
        ("0e5", "0"),
        ("1e-7", "0.0000001"),
        ("-1.5e-7", "-0.00000015"),
        ("1e+21", "1000000000000000000000"),
        ("1E2", "100"),
        ("12.34e1", "123.4"),
        ("12.34e2", "1234"),
        ("12.34e-2", "0.1234"),
        ("1200e-2", "12"),
        ("0.0012e4", "12"),
        ("9007199254740993", "9007199254740993"),
        ("18446744073709551616", "18446744073709551616"),
        ("0.30000000000000004", "0.30000000000000004"),
    ];
    for (literal, plain) in cases {
        assert_eq!(number(literal).as_deref(), Ok(plain), "{literal}");
    }
}

#[test]
fn values_are_decoded_and_keep_their_order() {
    let value = parse(
        " {\"b\" : [1, true,null,{}] ,\"a\":\"\\u00e9\\ud83d\\ude00\\n\\\"\\/\", \"\":[]}\r\n\t".as_bytes(),
    );
    let expected = Value::Object(vec![
        (
            "b".into(),
            Value::Array(vec![
                Value::Number(Number("1".into())),
                Value::Bool(true),
                Value::Null,
                Value::Object(Vec::new()),
            ]),
        ),
        ("a".into(), Value::Text("é😀\n\"/".into())),
        (String::new(), Value::Array(Vec::new())),
    ]);
    assert_eq!(value, Ok(expected));
}

#[test]
fn t74_ambiguous_or_outsized_json_is_refused() {
    let syntax = [
        "",
        " ",
        "{",
        "[",
        "\"",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "[1,]",
        "[,1]",
        "{a:1}",
        "{'a':1}",
        "nul",
        "truex",
        "True",
        "NaN",
        "Infinity",
        "+1",
        "01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "-",
        "0x10",
        "\"\u{1}\"",
        "\"\n\"",
        "\"\\x41\"",
        "\"\\u12\"",
        "\"\\u+123\"",
        "\"\\uD83D\\u12\"",
        "1 2",
        "{}{}",
        "{}\0",
        "[1]]",
        "/**/1",
    ];
    for text in syntax {
        assert!(
            matches!(parse(text.as_bytes()), Err(JsonError::Syntax(_))),
            "{text:?}: {:?}",
            parse(text.as_bytes())
        );
    }
    assert_eq!(parse(b"\xef\xbb\xbf{}"), Err(JsonError::ByteOrderMark));
    assert_eq!(parse(b"\"\xff\""), Err(JsonError::NotUtf8));
    assert_eq!(parse(b"\"\xed\xa0\x80\""), Err(JsonError::NotUtf8));
    for text in ["\"\\ud83d\"", "\"\\ude00\"", "\"\\ud83dx\"", "\"\\ud83d\\ud83d\"", "\"\\ud83d\\n\""] {
        assert!(matches!(parse(text.as_bytes()), Err(JsonError::LoneSurrogate(_))), "{text}");
    }
    for text in ["1e999", "-0", "-0.0", "-0e7", "1e99999999999999999999", "1e-999", &"9".repeat(401)] {
        assert_eq!(parse(text.as_bytes()), Err(JsonError::Number(0)), "{text}");
    }
}

#[test]
fn t74_depth_and_width_are_bounded() {
    let nested = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
    assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(parse(nested(MAX_DEPTH + 1).as_bytes()), Err(JsonError::TooDeep));
    assert_eq!(parse("[".repeat(1_000_000).as_bytes()), Err(JsonError::TooDeep));
    assert_eq!(parse("{\"a\":".repeat(1_000_000).as_bytes()), Err(JsonError::TooDeep));
    let wide = |nodes: usize| format!("[{}]", vec!["1"; nodes - 1].join(","));
    assert!(parse(wide(MAX_NODES).as_bytes()).is_ok());
    assert_eq!(parse(wide(MAX_NODES + 1).as_bytes()), Err(JsonError::TooManyNodes));
}

#[test]
fn t03_member_names_are_unique_without_regard_to_case() {
    for (text, name) in [
        ("{\"a\":1,\"a\":1}", "a"),
        ("{\"UserName\":1,\"x\":2,\"username\":3}", "username"),
        ("{\"UserName\":1,\"U\u{17f}erName\":2}", "U\u{17f}erName"),
        ("{\"Key\":1,\"\u{212a}ey\":2}", "\u{212a}ey"),
        ("[{\"a\":{\"É\":1,\"\\u00e9\":2}}]", "é"),
    ] {
        assert_eq!(parse(text.as_bytes()), Err(JsonError::Repeated(name.into())), "{text}");
    }
    assert!(parse(b"{\"a\":{\"b\":1},\"b\":{\"a\":1}}").is_ok());
}

/// Without floats and duplicate names, both readers must understand the same.
fn same(ours: &Value, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (Value::Null, serde_json::Value::Null) => true,
        (Value::Bool(ours), serde_json::Value::Bool(theirs)) => ours == theirs,
        (Value::Number(ours), serde_json::Value::Number(theirs)) => *ours.plain() == theirs.to_string(),
        (Value::Text(ours), serde_json::Value::String(theirs)) => ours == theirs,
        (Value::Array(ours), serde_json::Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
        }
        (Value::Object(ours), serde_json::Value::Object(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().all(|(name, ours)| theirs.get(name).is_some_and(|theirs| same(ours, theirs)))
        }
        _ => false,
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value as Json;
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<String>().prop_map(Json::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Json::from),
            prop::collection::vec(inner, 0..8).prop_map(|items| items
                .into_iter()
                .enumerate()
                .map(|(n, item)| (format!("n{n}\u{e9}"), item))
                .collect()),
        ]
    })
}

proptest! {
    #[test]
    fn agrees_with_a_general_reader(json in any_json(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) }.unwrap();
        let ours = parse(text.as_bytes()).unwrap();
        prop_assert!(same(&ours, &json), "{} {:?}", text, ours);
    }

    #[test]
    fn never_panics_and_accepts_nothing_that_a_general_reader_refuses(
        text in prop_oneof![any::<String>(), "[\\[\\]{}\",:0-9eE.+\\-\\\\u trufalsn]{0,40}"]
    ) {
        if parse(text.as_bytes()).is_ok() {
            // The general reader refuses doubles out of range; those are numbers here as long as their text is short.
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            prop_assert!(theirs.is_ok() || theirs.unwrap_err().to_string().contains("out of range"), "{}", text);
        }
    }

    #[test]
    fn never_panics_on_bytes(bytes in any::<Vec<u8>>()) {
        let _ = parse(&bytes);
    }
}
