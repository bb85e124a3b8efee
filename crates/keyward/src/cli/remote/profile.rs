//! Where the server is and which key signs: the environment, or a profile that `keyward configure` wrote.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use signing::UrlScheme;
use zeroize::Zeroizing;

use super::Failure;
use crate::cli::Environment;
use crate::node::rotation::write_private;

/// The profile that is used when none is named.
pub(super) const DEFAULT: &str = "default";
/// Where a server without settings listens.
pub(super) const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:7460";

pub(super) const ENDPOINT: &str = "KEYWARD_ENDPOINT";
pub(super) const ACCESS_KEY_ID: &str = "KEYWARD_ACCESS_KEY_ID";
pub(super) const SECRET_ACCESS_KEY: &str = "KEYWARD_SECRET_ACCESS_KEY";

/// A server's base URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) scheme: UrlScheme,
    /// Host and, where given, port: the `Host` header.
    pub(super) authority: String,
    /// The path in front of `/api/v1`, without a slash at its end.
    pub(super) base: String,
}

impl Endpoint {
    /// Reads `http://host:port` or `https://host/base`.
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let refused = || {
            Failure(format!("the endpoint {text:?} is no URL of a server; write it like {DEFAULT_ENDPOINT}."))
        };
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (UrlScheme::Http, rest),
            Some(("https", rest)) => (UrlScheme::Https, rest),
            _ => return Err(refused()),
        };
        let (authority, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_plain = |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#@\"<>\\^`{|}".contains(&byte))
        };
        if authority.is_empty() || !is_plain(authority) || !is_plain(base) {
            return Err(refused());
        }
        Ok(Self { scheme, authority: authority.to_owned(), base: base.trim_end_matches('/').to_owned() })
    }

    /// Host and port to connect to.
    pub(super) fn address(&self) -> String {
        let has_port = self.authority.rsplit_once(':').is_some_and(|(_, port)| !port.contains(']'));
        if has_port {
            self.authority.clone()
        } else {
            format!("{}:{}", self.authority, self.scheme.default_port())
        }
    }

    /// The host alone.
    pub(super) fn host(&self) -> &str {
        let host = match self.authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => host,
            _ => &self.authority,
        };
        host.trim_start_matches('[').trim_end_matches(']')
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme.as_str(), self.authority, self.base)
    }
}

/// A server and the key for it.
pub(super) struct Profile {
    pub(super) endpoint: Endpoint,
    pub(super) access_key_id: String,
    pub(super) secret_access_key: Zeroizing<String>,
}

/// A profile as the file has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    pub(super) endpoint: String,
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
}

impl Profile {
    /// The named profile; else the environment, and for what that does not say the profile `default`.
    pub(super) fn find(name: Option<&str>, environment: &Environment) -> Result<Self, Failure> {
        let file = ProfileFile::at(environment)?;
        if let Some(name) = name {
            let stored = file.read()?.remove(name).ok_or_else(|| {
                Failure(format!(
                    "there is no profile {name:?}; make it with: keyward configure --profile {name}."
                ))
            })?;
            return Self::new(&stored.endpoint, stored.access_key_id, stored.secret_access_key);
        }
        let endpoint = variable(environment, ENDPOINT);
        match (variable(environment, ACCESS_KEY_ID), variable(environment, SECRET_ACCESS_KEY)) {
            (Some(id), Some(secret)) => {
                Self::new(endpoint.as_deref().unwrap_or(DEFAULT_ENDPOINT), id, secret)
            }
            (None, None) => {
                let stored = file.read()?.remove(DEFAULT).ok_or_else(|| {
                    Failure(format!(
                        "no access key is set; run keyward configure, or set {ACCESS_KEY_ID} and {SECRET_ACCESS_KEY}."
                    ))
                })?;
                let endpoint = endpoint.unwrap_or(stored.endpoint);
                Self::new(&endpoint, stored.access_key_id, stored.secret_access_key)
            }
            (Some(_), None) => {
                Err(Failure(format!("{ACCESS_KEY_ID} is set but {SECRET_ACCESS_KEY} is not; set both.")))
            }
            (None, Some(_)) => {
                Err(Failure(format!("{SECRET_ACCESS_KEY} is set but {ACCESS_KEY_ID} is not; set both.")))
            }
        }
    }

    fn new(endpoint: &str, access_key_id: String, secret: String) -> Result<Self, Failure> {
        let secret_access_key = Zeroizing::new(secret);
        Ok(Self { endpoint: Endpoint::parse(endpoint)?, access_key_id, secret_access_key })
    }
}

/// A variable that is set and not empty.
pub(super) fn variable(environment: &Environment, name: &str) -> Option<String> {
    let found = environment.iter().find(|(key, _)| key == name)?;
    Some(found.1.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
}

/// The file of all profiles: `keyward/profiles.toml` in the user's directory for settings.
pub(super) struct ProfileFile(PathBuf);

impl ProfileFile {
    pub(super) fn at(environment: &Environment) -> Result<Self, Failure> {
        let directory = match (variable(environment, "XDG_CONFIG_HOME"), variable(environment, "HOME")) {
            (Some(directory), _) => PathBuf::from(directory),
            (None, Some(home)) => PathBuf::from(home).join(".config"),
            (None, None) => PathBuf::from("."),
        };
        Ok(Self(directory.join("keyward").join("profiles.toml")))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// All profiles; none when there is no file.
    pub(super) fn read(&self) -> Result<BTreeMap<String, Stored>, Failure> {
        let path = self.0.display();
        let metadata = match fs::metadata(&self.0) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(Failure(format!("the profiles {path} cannot be read: {error}."))),
        };
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(Failure(format!(
                "the profiles {path} can be read by others; run: chmod 600 {path}."
            )));
        }
        let text = fs::read_to_string(&self.0).map(Zeroizing::new);
        let text = text.map_err(|error| Failure(format!("the profiles {path} cannot be read: {error}.")))?;
        // What the parser says quotes the line, and the line may hold the secret.
        toml::from_str(&text).map_err(|_| {
            Failure(format!(
                "the profiles {path} are damaged; write them anew with keyward configure, or mend them."
            ))
        })
    }

    /// Adds or replaces one.
    pub(super) fn put(&self, name: &str, stored: Stored) -> Result<(), Failure> {
        let mut profiles = self.read()?;
        profiles.insert(name.to_owned(), stored);
        let failed = |error: &dyn fmt::Display| {
            Failure(format!("the profiles cannot be written to {}: {error}.", self.0.display()))
        };
        let text = toml::to_string(&profiles).map(Zeroizing::new).map_err(|error| failed(&error))?;
        if let Some(directory) = self.0.parent() {
            let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
            made.map_err(|error| failed(&error))?;
        }
        write_private(&self.0, text.as_bytes()).map_err(|error| failed(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        for (text, address, host, base) in [
            ("http://127.0.0.1:7460", "127.0.0.1:7460", "127.0.0.1", ""),
            ("https://keys.example.org", "keys.example.org:443", "keys.example.org", ""),
            ("http://keys.example.org/a/b/", "keys.example.org:80", "keys.example.org", "/a/b"),
            ("http://[::1]:7460/", "[::1]:7460", "::1", ""),
            ("https://[::1]", "[::1]:443", "::1", ""),
        ] {
            let endpoint = Endpoint::parse(text).unwrap();
            assert_eq!(
                (endpoint.address().as_str(), endpoint.host(), endpoint.base.as_str()),
                (address, host, base)
            );
        }
        for text in [
            "",
            "keys.example.org",
            "ftp://a",
            "http://",
            "http:///x",
            "http://a b",
            "http://u:p@a",
            "http://a?b",
        ] {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
    }
}
