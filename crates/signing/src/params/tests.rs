//! Tests of the parameter model.

use proptest::prelude::*;

use super::*;

fn form(text: &str) -> Result<Params, ParamError> {
    Params::from_form(text.as_bytes(), MAX_PARAMS)
}

fn json(text: &str) -> Result<Params, ParamError> {
    Params::from_json(text.as_bytes(), Nulls::Refuse, MAX_PARAMS)
}

#[test]
fn form_values_are_decoded_once_and_never_reinterpreted() {
    let params = form("b=True&a=1%2B+1&empty=&bare&n=010").unwrap();
    let read: Vec<_> = params.iter().map(|(name, value)| (name, value.text().into_owned())).collect();
    let expected = [("b", "True"), ("a", "1+ 1"), ("empty", ""), ("bare", ""), ("n", "010")];
    assert_eq!(read, expected.map(|(name, value)| (name, value.to_owned())));
    assert_eq!(params.text("A"), None);
    assert_eq!(params.non_empty("empty"), None);
    assert_eq!(params.non_empty("n").as_deref(), Some("010"));
}

#[test]
fn json_values_keep_the_text_that_is_signed() {
    let params =
        json(r#"{"s":"x","t":true,"n":42.0,"a":["p",[1.50],{}],"o":{"b":1,"a":"q"},"e":[]}"#).unwrap();
    let text = |name| params.text(name).unwrap().into_owned();
    assert_eq!(
        [text("s"), text("t"), text("n"), text("a"), text("o"), text("e")],
        ["x", "true", "42", "p1.5", "aqb1", ""]
    );
}

#[test]
fn t03_repeated_names_are_refused_in_every_encoding() {
    let repeated = |name: &str| Err(ParamError::Repeated(name.to_owned()));
    assert_eq!(form("UserName=a&x=1&UserName=a"), repeated("UserName"));
    assert_eq!(form("UserName=a&username=b"), repeated("username"));
    assert_eq!(form("UserName=a&User%4eame=b"), repeated("UserName"));
    assert_eq!(form("%C3%89=a&%C3%A9=b"), repeated("é"));
    let error = json(r#"{"UserName":"a","username":"b"}"#).unwrap_err();
    assert_eq!(error.parameter(), Some("username"));
}

#[test]
fn t04_readings_that_could_differ_are_refused() {
    assert_eq!(form("a=%zz"), Err(ParamError::Undecodable("a".into())));
    assert_eq!(form("a=%ff"), Err(ParamError::Undecodable("a".into())));
    assert_eq!(form("%=1"), Err(ParamError::Undecodable("%".into())));
    assert_eq!(form("=1"), Err(ParamError::EmptyName));
    assert_eq!(form("a=1;b=2").unwrap().text("a").as_deref(), Some("1;b=2"));
    assert_eq!(form("a=1;b=2").unwrap().len(), 1);
    assert_eq!(json(r#"{"":1}"#), Err(ParamError::EmptyName));
    assert_eq!(json(r#"{"a":null}"#), Err(ParamError::Null("a".into())));
    assert_eq!(json(r#"{"a":[{"b":null}]}"#), Err(ParamError::Null("a".into())));
    assert_eq!(json("[]"), Err(ParamError::NotAnObject));
    assert_eq!(json("\"a\""), Err(ParamError::NotAnObject));
    for text in ["", "{} {}", "\u{feff}{}", r#"{"a":1,"a":1}"#, r#"{"a":"\ud800"}"#] {
        assert!(matches!(json(text), Err(ParamError::Json(_))), "{text}");
    }
}

#[test]
fn nulls_can_mean_absence() {
    let read = |text: &str| Params::from_json(text.as_bytes(), Nulls::Drop, MAX_PARAMS);
    assert_eq!(
        read(r#"{"a":null,"o":{"b":null,"c":1},"l":[{"d":null}]}"#),
        json(r#"{"o":{"c":1},"l":[{}]}"#)
    );
    assert_eq!(read(r#"{"l":[null]}"#), Err(ParamError::Null("l".into())));
}

#[test]
fn t72_the_number_of_parameters_is_bounded() {
    let pairs = |count: usize| (0..count).map(|n| format!("p{n}=1")).collect::<Vec<_>>().join("&");
    let members = |count: usize| (0..count).map(|n| format!("\"p{n}\":1")).collect::<Vec<_>>().join(",");
    assert_eq!(form(&pairs(MAX_PARAMS)).unwrap().len(), MAX_PARAMS);
    assert_eq!(form(&pairs(MAX_PARAMS + 1)), Err(ParamError::TooMany(MAX_PARAMS)));
    assert_eq!(json(&format!("{{{}}}", members(MAX_PARAMS))).unwrap().len(), MAX_PARAMS);
    assert_eq!(json(&format!("{{{}}}", members(MAX_PARAMS + 1))), Err(ParamError::TooMany(MAX_PARAMS)));
}

#[test]
fn lists_are_ordered_by_number_and_have_one_spelling() {
    let texts = |params: &Params, name: &str| -> Result<Vec<String>, ParamError> {
        Ok(params.list(name)?.into_iter().map(|value| value.text().into_owned()).collect())
    };
    let flat = form("L.10=c&L.2=b&x=1&L.0=a&Longer.0=z").unwrap();
    assert_eq!(texts(&flat, "L").unwrap(), ["a", "b", "c"]);
    assert_eq!(texts(&flat, "None").unwrap(), Vec::<String>::new());
    assert_eq!(texts(&json(r#"{"L":["b","a"]}"#).unwrap(), "L").unwrap(), ["b", "a"]);
    for bad in ["L.x=1", "L.01=1", "L.=1", "L.+1=1", "L.65536=1", "L.0.a=1", "L.-1=1"] {
        let name = bad.trim_end_matches("=1").replace('+', " ");
        assert_eq!(texts(&form(bad).unwrap(), "L"), Err(ParamError::BadIndex(name)), "{bad}");
    }
    assert_eq!(texts(&form("L=1").unwrap(), "L"), Err(ParamError::BadIndex("L".into())));
    assert_eq!(texts(&json(r#"{"L":[1],"L.0":2}"#).unwrap(), "L"), Err(ParamError::BadIndex("L".into())));
}

proptest! {
    #[test]
    fn t03_accepted_names_are_unique_under_case_folding(text in "([a-cA-CéÉ%+.0-9]{0,3}=[a-c]?&?){0,8}") {
        if let Ok(params) = form(&text) {
            let mut names: Vec<_> = params.iter().map(|(name, _)| name.to_lowercase()).collect();
            names.sort();
            names.dedup();
            prop_assert_eq!(names.len(), params.len());
        }
    }

    #[test]
    fn readers_never_panic(bytes in any::<Vec<u8>>(), text in "[a-c=&%+.0-9\\[\\]{}\":,]{0,40}") {
        for input in [bytes.as_slice(), text.as_bytes()] {
            let _ = Params::from_form(input, 8).map(|params| params.list("a").map(|list| list.len()));
            let _ = Params::from_json(input, Nulls::Drop, 8);
        }
    }
}
