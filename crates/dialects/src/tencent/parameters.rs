//! The closed list of parameters of each action, and the checks that every request passes before its handler runs.
//!
//! Version 1 signs `name=value` pairs joined by `&` without escaping, so a value with `&` in it signs like two parameters;
//! closed lists and values without `&` leave one reading (threat T05).

use domain::id::KeyId;
use domain::limits::DESCRIPTION_CHARS;
use signing::{Params, Value};

use super::codes::Code;
use super::errors::Refusal;

/// Longest remark, in characters.
const REMARK_CHARS: usize = 1000;
/// Longest number, code and address of a person, in characters.
const CONTACT_CHARS: usize = 254;
/// Most ids in `SecretIdList`.
const SECRET_IDS: usize = 10;
/// Most numbers in `FilterSubAccountUin`.
const UINS: usize = 50;
/// Most resources in one look-up of tags.
const RESOURCES: usize = 50;
/// A password's length, in characters. It is checked and dropped: there is no console to log in to.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=128;

/// Whose keys a request is about.
pub(super) const TARGET_UIN: &str = "TargetUin";
/// The name of the user that a request is about.
pub(super) const NAME: &str = "Name";

/// One parameter of an action.
#[derive(Debug)]
pub(super) struct Parameter {
    name: &'static str,
    need: Need,
    kind: Kind,
}

/// Whether a parameter must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    Required,
    Optional,
}

/// Which values a parameter takes.
#[derive(Debug)]
enum Kind {
    /// A number of 64 bits without sign.
    Uint,
    /// 0 or 1.
    Flag,
    /// `Active` or `Inactive`.
    Status,
    /// What may be said of a key.
    Description,
    /// The name of a user; the domain judges a new one.
    Name,
    /// At most so many characters, none of them a control character.
    Text(usize),
    /// A password, whose code differs.
    Password,
    /// One to so many texts.
    Texts(usize),
    /// One to so many numbers.
    Uints(usize),
}

const fn required(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, need: Need::Required, kind }
}

const fn optional(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, need: Need::Optional, kind }
}

const REMARK: Parameter = optional("Remark", Kind::Text(REMARK_CHARS));
const PHONE_NUM: Parameter = optional("PhoneNum", Kind::Text(CONTACT_CHARS));
const COUNTRY_CODE: Parameter = optional("CountryCode", Kind::Text(CONTACT_CHARS));
const EMAIL: Parameter = optional("Email", Kind::Text(CONTACT_CHARS));
const PASSWORD: Parameter = optional("Password", Kind::Password);
const CONSOLE_LOGIN: Parameter = optional("ConsoleLogin", Kind::Flag);
const NEED_RESET_PASSWORD: Parameter = optional("NeedResetPassword", Kind::Flag);
const TARGET: Parameter = optional(TARGET_UIN, Kind::Uint);
const ACCESS_KEY_ID: Parameter = required("AccessKeyId", Kind::Text(KeyId::MAX_BYTES));
const USER_NAME: Parameter = required(NAME, Kind::Name);

pub(super) static NONE: [Parameter; 0] = [];
pub(super) static USER: [Parameter; 1] = [USER_NAME];
pub(super) static KEYS: [Parameter; 1] = [TARGET];
pub(super) static CREATE_ACCESS_KEY: [Parameter; 2] = [TARGET, optional("Description", Kind::Description)];
pub(super) static DELETE_ACCESS_KEY: [Parameter; 2] = [ACCESS_KEY_ID, TARGET];
pub(super) static UPDATE_ACCESS_KEY: [Parameter; 3] =
    [ACCESS_KEY_ID, required("Status", Kind::Status), TARGET];
pub(super) static SECRET_ID_LIST: [Parameter; 1] = [required("SecretIdList", Kind::Texts(SECRET_IDS))];
pub(super) static SUB_ACCOUNTS: [Parameter; 1] = [required("FilterSubAccountUin", Kind::Uints(UINS))];
pub(super) static DELETE_USER: [Parameter; 2] = [USER_NAME, optional("Force", Kind::Flag)];
pub(super) static UPDATE_USER: [Parameter; 8] =
    [USER_NAME, REMARK, PHONE_NUM, COUNTRY_CODE, EMAIL, PASSWORD, CONSOLE_LOGIN, NEED_RESET_PASSWORD];
pub(super) static ADD_USER: [Parameter; 9] = [
    USER_NAME,
    REMARK,
    PHONE_NUM,
    COUNTRY_CODE,
    EMAIL,
    PASSWORD,
    CONSOLE_LOGIN,
    NEED_RESET_PASSWORD,
    optional("UseApi", Kind::Flag),
];
pub(super) static RESOURCE_TAGS: [Parameter; 6] = [
    required("ServiceType", Kind::Text(CONTACT_CHARS)),
    required("ResourcePrefix", Kind::Text(CONTACT_CHARS)),
    required("ResourceIds", Kind::Texts(RESOURCES)),
    optional("ResourceRegion", Kind::Text(CONTACT_CHARS)),
    optional("Offset", Kind::Uint),
    optional("Limit", Kind::Uint),
];

/// What travels with the parameters of an action where these are flattened: in a query or a form.
const COMMON: [&str; 11] = [
    "Action",
    "Version",
    "Region",
    "Timestamp",
    "Nonce",
    "SecretId",
    "Signature",
    "SignatureMethod",
    "Token",
    "Language",
    "RequestClient",
];

/// The parameters of a request.
pub(super) struct Fields {
    params: Params,
    shape: Shape,
}

/// How they travelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// As members of a JSON object.
    Json,
    /// As text, lists as `Name.0`, the common ones among them.
    Flat,
}

impl Fields {
    /// Wraps what was read.
    pub(super) const fn new(params: Params, shape: Shape) -> Self {
        Self { params, shape }
    }

    /// A value.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.params.get(name)
    }

    /// A text that was sent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::Text(text)) => Some(text),
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))
            | None => None,
        }
    }

    /// A number that was sent.
    pub(super) fn uint(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(uint)
    }

    /// A list; empty when it was not sent.
    pub(super) fn list(&self, name: &str) -> Vec<&Value> {
        self.params.list(name).unwrap_or_default()
    }

    /// All that a handler could read.
    #[cfg(feature = "testing")]
    pub(super) fn texts(&self) -> Vec<(String, String)> {
        self.params.iter().map(|(name, value)| (name.to_owned(), value.text().into_owned())).collect()
    }

    /// All checks, in the vendor's order.
    ///
    /// # Errors
    /// `UnknownParameter`, `MissingParameter`, `InvalidParameter` and the codes of single parameters.
    pub(super) fn check(&self, own: &[Parameter]) -> Result<(), Refusal> {
        if let Some((name, _)) = self.params.iter().find(|(name, _)| !self.is_known(name, own)) {
            return Err(Refusal::unknown(name));
        }
        if self.shape == Shape::Flat {
            let has_ampersand =
                |(name, value): &(&str, &Value)| *name != "Signature" && value.text().contains('&');
            if let Some((name, _)) = self.params.iter().find(has_ampersand) {
                return Err(Refusal::mistyped(
                    name,
                    "must not hold `&` in a form or query; send JSON instead",
                ));
            }
        }
        for parameter in own {
            self.check_one(parameter)?;
        }
        Ok(())
    }

    fn is_known(&self, name: &str, own: &[Parameter]) -> bool {
        let is = |parameter: &Parameter| match self.shape {
            Shape::Flat if parameter.kind.is_list() => {
                name.strip_prefix(parameter.name).is_some_and(|rest| rest.starts_with('.'))
            }
            Shape::Flat | Shape::Json => parameter.name == name,
        };
        own.iter().any(is) || (self.shape == Shape::Flat && COMMON.contains(&name))
    }

    fn check_one(&self, parameter: &Parameter) -> Result<(), Refusal> {
        let name = parameter.name;
        if parameter.kind.is_list() {
            let items = self.params.list(name)?;
            // An empty list is one: too short, not missing.
            return if items.is_empty() && self.get(name).is_none() {
                Err(Refusal::missing(name))
            } else {
                parameter.kind.check_list(name, &items)
            };
        }
        match self.get(name) {
            Some(Value::Text(text)) if text.is_empty() && parameter.need == Need::Required => {
                Err(Refusal::missing(name))
            }
            Some(value) => parameter.kind.check(name, value),
            None if parameter.need == Need::Required => Err(Refusal::missing(name)),
            None => Ok(()),
        }
    }
}

impl Kind {
    const fn is_list(&self) -> bool {
        matches!(self, Kind::Texts(_) | Kind::Uints(_))
    }

    fn check(&self, name: &str, value: &Value) -> Result<(), Refusal> {
        if let Kind::Uint | Kind::Flag = self {
            let number =
                uint(value).ok_or_else(|| Refusal::mistyped(name, "must be an integer without sign"))?;
            let fits = matches!(self, Kind::Uint) || number <= 1;
            return ensure(fits, || Refusal::value(Code::ParamError, name, "must be 0 or 1"));
        }
        let Value::Text(text) = value else { return Err(Refusal::mistyped(name, "must be a string")) };
        let wrong = |rule| Refusal::value(Code::ParamError, name, rule);
        match self {
            Kind::Uint | Kind::Flag | Kind::Texts(_) | Kind::Uints(_) => Ok(()),
            Kind::Status => {
                ensure(matches!(text.as_str(), "Active" | "Inactive"), || wrong("must be Active or Inactive"))
            }
            Kind::Description => {
                let fits = (1..=DESCRIPTION_CHARS).contains(&text.chars().count())
                    && text.chars().all(is_description);
                ensure(fits, || wrong("must have 1 to 1024 letters, digits or _+=,.@:/-"))
            }
            Kind::Name => ensure(is_text(text, domain::name::MAX_NAME_CHARS), || {
                Refusal::value(
                    Code::UserNameIllegal,
                    name,
                    "must have 1 to 64 characters, no control characters",
                )
            }),
            Kind::Text(most) => {
                ensure(is_text(text, *most), || wrong("is too long or holds control characters"))
            }
            Kind::Password => ensure(PASSWORD_CHARS.contains(&text.chars().count()), || {
                Refusal::value(Code::PasswordViolatedRules, name, "must have 8 to 128 characters")
            }),
        }
    }

    fn check_list(&self, name: &str, items: &[&Value]) -> Result<(), Refusal> {
        let (most, fits): (usize, fn(&Value) -> bool) = match self {
            Kind::Texts(most) => {
                (*most, |item| matches!(item, Value::Text(text) if is_text(text, CONTACT_CHARS)))
            }
            Kind::Uints(most) => (*most, |item| uint(item).is_some()),
            Kind::Uint
            | Kind::Flag
            | Kind::Status
            | Kind::Description
            | Kind::Name
            | Kind::Text(_)
            | Kind::Password => return Ok(()),
        };
        ensure((1..=most).contains(&items.len()), || {
            Refusal::mistyped(name, &format!("must have 1 to {most} items"))
        })?;
        ensure(items.iter().all(|item| fits(item)), || {
            Refusal::mistyped(name, "has an item of the wrong type")
        })
    }
}

fn ensure(fits: bool, otherwise: impl FnOnce() -> Refusal) -> Result<(), Refusal> {
    if fits { Ok(()) } else { Err(otherwise()) }
}

/// An integer as the vendor's clients write it: a JSON number, or its digits as a string, which his own examples do. One
/// spelling for each number.
pub(super) fn uint(value: &Value) -> Option<u64> {
    let digits = match value {
        Value::Number(number) => number.literal(),
        Value::Text(text) => text,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let plain =
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if plain { digits.parse().ok() } else { None }
}

/// The vendor's `[\w+=,.@:/-]`, whose `\w` takes every script: his own example is Chinese.
fn is_description(c: char) -> bool {
    c.is_alphanumeric() || "_+=,.@:/-".contains(c)
}

fn is_text(text: &str, most: usize) -> bool {
    text.chars().count() <= most && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_have_one_spelling() {
        let number = |text: &str| {
            Params::from_json(format!("{{\"n\":{text}}}").as_bytes(), signing::params::Nulls::Drop, 1)
        };
        for (text, expected) in [
            ("0", Some(0)),
            ("\"0\"", Some(0)),
            ("100000000001", Some(100_000_000_001)),
            ("\"18446744073709551615\"", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("-1", None),
            ("\"-1\"", None),
            ("1.0", None),
            ("1e3", None),
            ("\"01\"", None),
            ("\"+1\"", None),
            ("\" 1\"", None),
            ("\"\"", None),
            ("true", None),
            ("[1]", None),
            ("{}", None),
        ] {
            assert_eq!(uint(number(text).unwrap().get("n").unwrap()), expected, "{text}");
        }
    }
}
