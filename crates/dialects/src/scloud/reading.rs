//! One signed text, one reading (threat T05).
//!
//! The signed text runs names and values together, so `DisplayName=ANewUserNameroot` signs like `DisplayName=A` with
//! `NewUserName=root`, although both are parameters that the action knows. Whoever captured the one could send the other.
//! Of all readings of one text that the action would take, only the finest passes: the one that, where they part, has the
//! longer name or else the shorter value. Any other is refused.

use std::collections::HashSet;

use signing::Params;
use signing::scloud::SIGNATURE;

use super::parameters::{COMMON, Kind, Need, Parameter};

/// The first parameter at which the request could be read more finely, if there is one. The request has passed all other
/// checks of its parameters, so its values are short.
pub(super) fn ambiguous_parameter(params: &Params, own: &'static [Parameter]) -> Option<&'static str> {
    let may_hide = |parameter: &Parameter| match (&parameter.kind, params.text(parameter.name)) {
        // The action is in the table or not, and another key would need another secret.
        (Kind::Judged, _) | (_, None) => false,
        (_, Some(value)) => may_hide_a_name(parameter.name, &value, own),
    };
    let suspicious = own.iter().chain(&COMMON).any(may_hide);
    if suspicious { SignedText::new(params, own).first_coarse() } else { None }
}

/// Whether another parameter's name begins in `value`, or goes on from `name` into it; it may end behind the value. Nearly
/// no request gets past this.
fn may_hide_a_name(name: &str, value: &str, own: &[Parameter]) -> bool {
    let names = || own.iter().chain(&COMMON).map(|parameter| parameter.name);
    let overlap = |one: &str, other: &str| one.starts_with(other) || other.starts_with(one);
    let longer =
        |other: &str| other.strip_prefix(name).is_some_and(|more| !more.is_empty() && overlap(more, value));
    let capitals = value.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_uppercase());
    let mut tails = capitals.filter_map(|(at, _)| value.get(at..));
    names().any(longer) || tails.any(|tail| names().any(|name| overlap(name, tail)))
}

/// The text that was signed, with what it takes to read it in other ways.
struct SignedText<'p> {
    params: &'p Params,
    /// The signed parameters that the action knows, in the order of signing.
    table: Vec<&'static Parameter>,
    /// Rests that could not be read: their length, and from which parameter on.
    unreadable: HashSet<(usize, usize)>,
}

impl<'p> SignedText<'p> {
    fn new(params: &'p Params, own: &'static [Parameter]) -> Self {
        let signed = own.iter().chain(&COMMON).filter(|parameter| parameter.name != SIGNATURE);
        let mut table: Vec<_> = signed.collect();
        table.sort_by_key(|parameter| parameter.name);
        Self { params, table, unreadable: HashSet::new() }
    }

    fn first_coarse(mut self) -> Option<&'static str> {
        let text = self.text();
        let mut rest = text.as_str();
        for (index, parameter) in self.table.clone().into_iter().enumerate() {
            let Some(value) = self.params.text(parameter.name) else { continue };
            let skippable = parameter.need != Need::Required;
            let from_value = rest.get(parameter.name.len()..)?;
            if skippable && self.reads(rest, index + 1)
                || self.ends(parameter, from_value, index + 1, value.len())
            {
                return Some(parameter.name);
            }
            rest = from_value.get(value.len()..)?;
        }
        None
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for parameter in &self.table {
            if let Some(value) = self.params.text(parameter.name) {
                text.push_str(parameter.name);
                text.push_str(&value);
            }
        }
        text
    }

    /// Whether `rest` can be read as parameters of the table from `next` on, all required ones among them.
    fn reads(&mut self, rest: &str, next: usize) -> bool {
        if !self.unreadable.insert((rest.len(), next)) {
            return false;
        }
        for (index, parameter) in self.table.clone().into_iter().enumerate().skip(next) {
            let from_value = rest.strip_prefix(parameter.name);
            if from_value.is_some_and(|text| self.ends(parameter, text, index + 1, text.len() + 1)) {
                return true;
            }
            if parameter.need == Need::Required {
                return false;
            }
        }
        rest.is_empty()
    }

    /// Whether a value of `parameter` at the start of `text` can end before `limit` bytes, and what follows be read as
    /// parameters of the table from `next` on.
    fn ends(&mut self, parameter: &Parameter, text: &str, next: usize, limit: usize) -> bool {
        (0..limit).any(|end| {
            let Some((value, rest)) = text.split_at_checked(end) else { return false };
            let mut later = self.table.iter().skip(next);
            let may_end = rest.is_empty() || later.any(|parameter| rest.starts_with(parameter.name));
            may_end && self.could_be(parameter, value) && self.reads(rest, next)
        })
    }

    fn could_be(&self, parameter: &Parameter, value: &str) -> bool {
        match parameter.kind {
            Kind::Judged => self.params.text(parameter.name).is_some_and(|given| given == value),
            _ => parameter.kind.takes(value) && (parameter.need != Need::Required || !value.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use signing::params::MAX_PARAMS;
    use signing::scloud::signed_form;

    use super::super::parameters::{CREATE_USER, UPDATE_ACCESS_KEY, UPDATE_USER, USER};
    use super::*;

    fn ambiguous(own: &'static [Parameter], pairs: &[(&str, &str)]) -> Option<&'static str> {
        let form = signed_form(pairs, "id", b"secret");
        ambiguous_parameter(&Params::from_form(form.as_bytes(), MAX_PARAMS).unwrap(), own)
    }

    #[test]
    fn ordinary_requests_have_one_reading() {
        for name in ["bob", "Zoe", "TimeZoneService", "ZoneX", "PublicKey", "Status", "NewUserName"] {
            let pairs =
                [("Action", "GetUser"), ("UserName", name), ("Region", "cn-bj2"), ("ProjectId", "org-x")];
            assert_eq!(ambiguous(&USER, &pairs), None, "{name}");
        }
        let pairs = [
            ("Action", "CreateUser"),
            ("UserName", "bob"),
            ("AccessKeyStatus", "Active"),
            ("LoginProfileStatus", "Active"),
            ("DisplayName", "Email robot, no Password"),
            ("Password", "Reset me"),
        ];
        assert_eq!(ambiguous(&CREATE_USER, &pairs), None);
    }

    #[test]
    fn a_value_that_could_end_earlier_is_found() {
        let one = |pair| ambiguous(&USER, &[("Action", "GetUser"), pair]);
        assert_eq!(one(("UserName", "bobZone")), Some("UserName"));
        assert_eq!(one(("UserName", "bobZone1")), Some("UserName"));
        let update = |pairs: &[(&str, &str)]| {
            ambiguous(&UPDATE_USER, &[&[("Action", "UpdateUser"), ("UserName", "bob")], pairs].concat())
        };
        assert_eq!(update(&[("DisplayName", "ANewUserNameroot")]), Some("DisplayName"));
        assert_eq!(update(&[("DisplayName", "A"), ("NewUserName", "root")]), None);
        assert_eq!(update(&[("DisplayName", "AProjectId1"), ("ProjectId", "2")]), Some("DisplayName"));
        assert_eq!(update(&[("DisplayName", "A"), ("ProjectId", "1ProjectId2")]), None);
    }

    #[test]
    fn a_name_across_the_end_of_a_value_is_found() {
        let base = [
            ("Action", "CreateUser"),
            ("UserName", "bob"),
            ("AccessKeyStatus", "Active"),
            ("LoginProfileStatus", "Active"),
        ];
        let create = |pair| ambiguous(&CREATE_USER, &[&base[..], &[pair]].concat());
        assert_eq!(create(("Password", "ResetRequiredtrue")), Some("Password"));
        assert_eq!(create(("PasswordResetRequired", "true")), None);
        let pairs = [&base[..], &[("DisplayName", "AGenerateRandom"), ("Password", "true")]].concat();
        assert_eq!(ambiguous(&CREATE_USER, &pairs), None, "LoginProfileStatus stands between the two");
        let pairs = [
            ("Action", "UpdateAccessKey"),
            ("AccessKeyID", "k"),
            ("Description", "Ax"),
            ("Nonce", "ProjectId"),
        ];
        assert_eq!(ambiguous(&UPDATE_ACCESS_KEY, &pairs), Some("Nonce"));
    }
}
