//! The closed list of parameters of each action, and the checks that every request passes before its handler runs.
//!
//! The lists are closed because the signature has no separators: were unknown names ignored, a captured request for `bobq`
//! would be one for `bob` with a stray parameter `q` (threat T05). What remains of that weakness is in `reading.rs`.

use domain::id::KeyId;
use domain::name::Name;
use signing::{Params, Value};

use super::errors::Refusal;

/// Longest description that this dialect takes, in characters.
const DESCRIPTION_CHARS: usize = 255;
/// Longest display name, in characters.
const DISPLAY_NAME_CHARS: usize = domain::limits::DISPLAY_NAME_CHARS;
/// Longest password, in characters. It is checked and dropped: there is no console to log in to.
const PASSWORD_CHARS: usize = 128;
/// Longest address, in characters (RFC 5321).
const EMAIL_CHARS: usize = 254;

/// The parameter that names the action.
pub(super) const ACTION: &str = "Action";
/// The parameter that names the user whom an action is about.
pub(super) const USER_NAME: &str = "UserName";

/// One parameter of an action.
#[derive(Debug)]
pub(super) struct Parameter {
    /// Its name, exact in letter case.
    pub(super) name: &'static str,
    /// Whether it must be there.
    pub(super) need: Need,
    /// Which values it takes.
    pub(super) kind: Kind,
}

/// Whether a parameter must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// It must, and not be empty.
    Required,
    /// It need not.
    Optional,
    /// At least one of those that say so must be there.
    OneOf,
}

/// Which values a parameter takes.
#[derive(Debug)]
pub(super) enum Kind {
    /// Judged before, while the request was dispatched and authenticated.
    Judged,
    /// The name of a user to be made: narrow, so that other parameters are hard to hide in it.
    NewName,
    /// The id of a key that is looked up. Ids of imported keys have any shape, but none spells an action: the action follows
    /// the id in the signed text, where it would be another one.
    KeyId,
    /// At most so many characters, each of which must fit.
    Of(fn(char) -> bool, usize),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A decimal integer in this range, without sign or leading zeros.
    Integer(i64, i64),
    /// Nothing, or something like an e-mail address.
    Email,
}

const fn required(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, need: Need::Required, kind }
}

const fn optional(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, need: Need::Optional, kind }
}

const fn one_of(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, need: Need::OneOf, kind }
}

/// A user who is looked up: other dialects may have given him a name that this one does not give.
const EXISTING_NAME: Kind = Kind::Of(is_text, domain::name::MAX_NAME_CHARS);
const STATUS: Kind = Kind::Word(&["Active", "Inactive"]);
const FLAG: Kind = Kind::Word(&["true", "false"]);
const PASSWORD: Kind = Kind::Of(is_text, PASSWORD_CHARS);

/// What every action takes. `SecurityToken` is refused during authentication unless it is empty.
pub(super) static COMMON: [Parameter; 9] = [
    required(ACTION, Kind::Judged),
    required("PublicKey", Kind::Judged),
    required("Signature", Kind::Judged),
    optional("Region", Kind::Of(is_label, 64)),
    optional("Zone", Kind::Of(is_zone, 64)),
    optional("ProjectId", Kind::Of(is_label, 64)),
    optional("SecurityToken", Kind::Word(&[""])),
    optional("Timestamp", Kind::Integer(0, 999_999_999_999)),
    optional("Nonce", Kind::Of(is_nonce, domain::replay::NONCE_BYTES)),
];

pub(super) static NONE: [Parameter; 0] = [];

pub(super) static USER: [Parameter; 1] = [required(USER_NAME, EXISTING_NAME)];

pub(super) static ACCESS_KEY: [Parameter; 1] = [required("AccessKeyID", Kind::KeyId)];

pub(super) static UPDATE_ACCESS_KEY: [Parameter; 3] = [
    required("AccessKeyID", Kind::KeyId),
    one_of("Status", STATUS),
    one_of("Description", Kind::Of(is_text, DESCRIPTION_CHARS)),
];

pub(super) static CREATE_USER: [Parameter; 9] = [
    required(USER_NAME, Kind::NewName),
    // The vendor's own example request spells it `Inactivate`.
    required("AccessKeyStatus", Kind::Word(&["Active", "Inactive", "Inactivate"])),
    required("LoginProfileStatus", STATUS),
    optional("DisplayName", Kind::Of(is_text, DISPLAY_NAME_CHARS)),
    optional("Email", Kind::Email),
    optional("Password", PASSWORD),
    optional("GenerateRandomPassword", FLAG),
    optional("PasswordResetRequired", FLAG),
    optional("MFABindRequired", FLAG),
];

pub(super) static LIST_USERS: [Parameter; 2] =
    [optional("Limit", Kind::Integer(1, 100)), optional("Offset", Kind::Integer(0, i64::MAX))];

pub(super) static UPDATE_USER: [Parameter; 4] = [
    required(USER_NAME, EXISTING_NAME),
    one_of("DisplayName", Kind::Of(is_text, DISPLAY_NAME_CHARS)),
    one_of("Status", Kind::Word(&["Active", "Frozen"])),
    one_of("NewUserName", Kind::NewName),
];

pub(super) static UPDATE_LOGIN_PROFILE: [Parameter; 8] = [
    required(USER_NAME, EXISTING_NAME),
    optional("Status", STATUS),
    optional("UserEmail", Kind::Email),
    optional("Password", PASSWORD),
    optional("GenerateRandomPassword", FLAG),
    optional("MaxPasswordAge", Kind::Integer(0, i32::MAX as i64)),
    optional("MFABindRequired", FLAG),
    optional("PasswordResetRequired", FLAG),
];

pub(super) static GET_PROJECT_LIST: [Parameter; 1] = [optional("IsFinance", Kind::Of(is_label, 16))];

/// Refuses a parameter that neither the action nor every action takes.
///
/// # Errors
/// 230 with the first unknown name.
pub(super) fn check_names(params: &Params, own: &[Parameter]) -> Result<(), Refusal> {
    let is_known = |name: &str| own.iter().chain(&COMMON).any(|parameter| parameter.name == name);
    match params.iter().find(|(name, _)| !is_known(name)) {
        None => Ok(()),
        Some((name, _)) => Err(Refusal::parameter(name)),
    }
}

/// Refuses a request without a parameter that must be there.
///
/// # Errors
/// 220 with the name, or with all alternatives.
pub(super) fn check_presence(params: &Params, own: &[Parameter]) -> Result<(), Refusal> {
    let is_empty = |value: &Value| value.text().is_empty();
    for parameter in own.iter().filter(|parameter| parameter.need == Need::Required) {
        if params.get(parameter.name).is_none_or(is_empty) {
            return Err(Refusal::missing(parameter.name));
        }
    }
    let alternatives = || own.iter().filter(|parameter| parameter.need == Need::OneOf);
    let none_given = alternatives().all(|parameter| params.get(parameter.name).is_none());
    if none_given && alternatives().next().is_some() {
        let names: Vec<&str> = alternatives().map(|parameter| parameter.name).collect();
        return Err(Refusal::missing(&names.join("|")));
    }
    Ok(())
}

/// Refuses a value that its parameter does not take.
///
/// # Errors
/// 230 with the name.
pub(super) fn check_values(params: &Params, own: &[Parameter]) -> Result<(), Refusal> {
    let takes = |parameter: &Parameter| {
        params.get(parameter.name).is_none_or(|value| is_scalar(value) && parameter.kind.takes(&value.text()))
    };
    match own.iter().chain(&COMMON).find(|parameter| !takes(parameter)) {
        None => Ok(()),
        Some(parameter) => Err(Refusal::parameter(parameter.name)),
    }
}

impl Kind {
    /// Whether `text` is such a value.
    pub(super) fn takes(&self, text: &str) -> bool {
        match self {
            Kind::Judged => true,
            Kind::NewName => text.chars().all(is_new_name) && Name::parse(text).is_ok(),
            Kind::KeyId => {
                text.len() <= KeyId::MAX_BYTES && text.chars().all(is_text) && !spells_an_action(text)
            }
            Kind::Of(fits, most) => text.chars().all(fits) && text.chars().count() <= *most,
            Kind::Word(words) => words.contains(&text),
            Kind::Integer(least, most) => {
                integer(text).is_some_and(|number| (*least..=*most).contains(&number))
            }
            Kind::Email => text.is_empty() || is_email(text),
        }
    }
}

/// A decimal integer in its only spelling.
pub(super) fn integer(text: &str) -> Option<i64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

fn spells_an_action(text: &str) -> bool {
    let mut behind = text.match_indices(ACTION).filter_map(|(at, word)| text.get(at + word.len()..));
    behind.any(|rest| super::operations().any(|operation| rest.starts_with(operation.name)))
}

/// No action takes a list or an object, and their texts would pass for strings (threat T04).
const fn is_scalar(value: &Value) -> bool {
    match value {
        Value::Text(_) | Value::Number(_) | Value::Bool(_) => true,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// Free text. Without control characters no colliding block of SHA-1 fits in (threat T06), and no line of a log breaks.
fn is_text(c: char) -> bool {
    !c.is_control()
}

const fn is_new_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '@' | '-')
}

const fn is_label(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// Zones are written in small letters, as the vendor's are: `Zone` follows `UserName` in the signed text, and a user called
/// `TimeZoneService` should not be refused as a request for `Time` in the zone `Service`.
const fn is_zone(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-')
}

const fn is_nonce(c: char) -> bool {
    is_label(c) || matches!(c, '+' | '/' | '=' | ':')
}

fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    text.len() <= EMAIL_CHARS
        && text.chars().all(|c| c.is_ascii_graphic())
        && parts
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_one_spelling() {
        for (text, value) in [("0", Some(0)), ("10", Some(10)), ("9223372036854775807", Some(i64::MAX))] {
            assert_eq!(integer(text), value, "{text}");
        }
        for text in ["", "00", "01", "-1", "+1", "1.0", "1e1", " 1", "1 ", "0x1", "９", "9223372036854775808"]
        {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn addresses_have_two_parts() {
        for text in ["", "a@b", "a.b+c@d.example"] {
            assert!(Kind::Email.takes(text), "{text}");
        }
        for text in ["a", "@b", "a@", "a@b@c", "a b@c", "a@b\n", "é@b"] {
            assert!(!Kind::Email.takes(text), "{text}");
        }
    }
}
