//! The strict JSON reader, beside a lenient one that half the world uses.

use std::collections::HashSet;

use serde_json::Value as Lenient;
use signing::json::{self, JsonError, MAX_DEPTH, MAX_NODES, MAX_NUMBER_TEXT};
use signing::params::{MAX_PARAMS, Nulls};
use signing::{Params, Value};

/// JSON bodies: what is accepted means the same to serde_json, what is refused is refused for a reason that holds, limits
/// and the uniqueness of names included (threats T03, T04, T74).
pub fn json(data: &[u8]) {
    let lenient = serde_json::from_slice::<Lenient>(data);
    match json::parse(data) {
        Ok(value) => {
            let lenient = lenient.unwrap_or_else(|error| panic!("accepted, and no JSON: {error}"));
            assert!(same(&value, &lenient), "{value:?} is read as {lenient}");
            let mut nodes = 0;
            check_limits(&value, 0, &mut nodes);
            assert_eq!(json::parse(write(&value).as_bytes()).as_ref(), Ok(&value), "written and read again");
        }
        // serde_json takes these on purpose; whether it takes them does not matter.
        Err(JsonError::Repeated(_) | JsonError::Number(_) | JsonError::TooDeep | JsonError::TooManyNodes) => {
        }
        Err(refused) => assert!(lenient.is_err(), "{refused}, yet JSON"),
    }
    for nulls in [Nulls::Refuse, Nulls::Drop] {
        if let Ok(params) = Params::from_json(data, nulls, MAX_PARAMS) {
            check_params(data, &params, nulls);
        }
    }
}

/// `value` as JSON text.
pub(crate) fn write(value: &Value) -> String {
    let list = |items: Vec<String>| items.join(",");
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.literal().to_owned(),
        Value::Text(text) => Lenient::from(text.as_str()).to_string(),
        Value::Array(items) => format!("[{}]", list(items.iter().map(write).collect())),
        Value::Object(members) => write_object(members.iter().map(|(name, value)| (name.as_str(), value))),
    }
}

/// Members as the text of a JSON object.
pub(crate) fn write_object<'v>(members: impl Iterator<Item = (&'v str, &'v Value)>) -> String {
    let members: Vec<_> =
        members.map(|(name, value)| format!("{}:{}", Lenient::from(name), write(value))).collect();
    format!("{{{}}}", members.join(","))
}

/// Names that are the same to somebody who ignores letter case (threat T03).
pub(crate) fn folded(name: &str) -> String {
    name.to_uppercase().to_lowercase()
}

fn same(value: &Value, lenient: &Lenient) -> bool {
    match (value, lenient) {
        (Value::Null, Lenient::Null) => true,
        (Value::Bool(one), Lenient::Bool(other)) => one == other,
        (Value::Number(number), Lenient::Number(other)) => {
            let plain = number.plain();
            assert!(plain.len() <= MAX_NUMBER_TEXT && !plain.contains(['e', 'E', '+']), "{plain}");
            let value = decimal(number.literal());
            value == decimal(&plain) && value == decimal(&other.to_string())
        }
        (Value::Text(one), Lenient::String(other)) => one == other,
        (Value::Array(items), Lenient::Array(others)) => {
            items.len() == others.len() && items.iter().zip(others).all(|(one, other)| same(one, other))
        }
        (Value::Object(members), Lenient::Object(others)) => {
            members.len() == others.len()
                && members.iter().all(|(name, one)| others.get(name).is_some_and(|other| same(one, other)))
        }
        _ => false,
    }
}

/// A number literal as sign, digits without outer zeros, and the power of ten behind them. Slow and plain on purpose.
fn decimal(literal: &str) -> (bool, String, i64) {
    let (negative, text) = literal.strip_prefix('-').map_or((false, literal), |text| (true, text));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let kept = digits.trim_end_matches('0');
    let significant = kept.trim_start_matches('0').to_owned();
    if significant.is_empty() {
        return (false, significant, 0);
    }
    let signed = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
    let exponent = exponent.trim_start_matches('+').parse::<i64>().unwrap_or(i64::MAX);
    (
        negative,
        significant,
        exponent.saturating_sub(signed(fraction.len())) + signed(digits.len() - kept.len()),
    )
}

fn check_limits(value: &Value, depth: usize, nodes: &mut usize) {
    *nodes += 1;
    assert!(*nodes <= MAX_NODES);
    match value {
        Value::Array(items) => {
            assert!(depth < MAX_DEPTH);
            items.iter().for_each(|item| check_limits(item, depth + 1, nodes));
        }
        Value::Object(members) => {
            assert!(depth < MAX_DEPTH);
            let names: HashSet<_> = members.iter().map(|(name, _)| folded(name)).collect();
            assert_eq!(names.len(), members.len(), "names that differ in letter case only: {members:?}");
            members.iter().for_each(|(_, value)| check_limits(value, depth + 1, nodes));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Text(_) => {}
    }
}

fn check_params(data: &[u8], params: &Params, nulls: Nulls) {
    let Ok(Value::Object(members)) = json::parse(data) else { panic!("parameters from no object") };
    assert!(params.len() <= MAX_PARAMS && params.iter().all(|(name, _)| !name.is_empty()));
    for (name, value) in params.iter() {
        assert!(!holds_null(value), "{name}");
        assert_eq!(params.get(name), Some(value));
        let given = members.iter().find(|(given, _)| given == name).map(|(_, value)| value);
        assert!(given.is_some_and(|given| nulls == Nulls::Drop || given == value), "{name}");
    }
    let null_members = members.iter().filter(|(_, value)| *value == Value::Null).count();
    assert!(nulls == Nulls::Drop || null_members == 0);
    assert_eq!(params.len() + null_members, members.len());
}

fn holds_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(holds_null),
        Value::Object(members) => members.iter().any(|(_, value)| holds_null(value)),
        Value::Bool(_) | Value::Number(_) | Value::Text(_) => false,
    }
}
