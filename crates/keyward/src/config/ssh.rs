//! `[ssh]`: which users' keys open which Unix login, and what they may do there.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// For `keyward authorized-keys`, which sshd runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ssh {
    /// The account whose users may log in.
    pub account: String,
    /// File of keys that nobody may use, see [`domain::ssh_keys::BlockList`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_keys: Option<PathBuf>,
    /// Unix logins that differ from the rule: a login serves the user of the same name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub logins: BTreeMap<String, SshLogin>,
}

impl Default for Ssh {
    fn default() -> Self {
        Self { account: "default".to_owned(), blocked_keys: None, logins: BTreeMap::new() }
    }
}

/// A Unix login.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SshLogin {
    /// Whose keys open it.
    pub users: SshUsers,
    /// Options of sshd's `authorized_keys`, separated by commas.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<String>,
    /// The forced command, with `{user}`, `{key_id}` and `{account}` for who it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

/// Whose keys open a login: `"same"`, `"any"` or a list of names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SshUsers {
    /// Those of the user who is named like the login.
    #[default]
    Same,
    /// Those of every user of the account.
    Any,
    /// Those of these users.
    Named(Vec<String>),
}

impl Serialize for SshUsers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Same => serializer.serialize_str("same"),
            Self::Any => serializer.serialize_str("any"),
            Self::Named(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for SshUsers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrList;

        impl<'de> Visitor<'de> for WordOrList {
            type Value = SshUsers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"same\", \"any\" or a list of user names")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<SshUsers, E> {
                match text {
                    "same" => Ok(SshUsers::Same),
                    "any" => Ok(SshUsers::Any),
                    _ => Err(E::custom("must be \"same\", \"any\" or a list of user names")),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<SshUsers, A::Error> {
                let mut names = Vec::new();
                while let Some(name) = list.next_element()? {
                    names.push(name);
                }
                Ok(SshUsers::Named(names))
            }
        }

        deserializer.deserialize_any(WordOrList)
    }
}

impl Ssh {
    /// A sentence about the first text that would break the line it goes into.
    pub(super) fn problem(&self) -> Option<String> {
        for (login, rules) in &self.logins {
            let breaks = |text: &str| text.chars().any(char::is_control);
            if rules.options.as_deref().is_some_and(breaks) || rules.command.as_deref().is_some_and(breaks) {
                return Some(format!("ssh.logins.{login} holds a control character; write it on one line."));
            }
            if rules.options.as_deref().is_some_and(|options| options.contains("command=")) {
                return Some(format!(
                    "ssh.logins.{login}.options sets a command; use ssh.logins.{login}.command."
                ));
            }
        }
        None
    }
}
