//! The settings of a server: typed, validated, from one file, the environment and a few flags.
//!
//! Here live the structs and the way from text to a [`Config`] that later code may trust. Nothing here reads a
//! file, the environment or the clock: those come in as arguments. No secret is ever part of the settings; they
//! say where a secret is kept.

mod addresses;
mod cache;
mod dialect;
mod environment;
mod error;
mod gate;
mod limits;
mod log;
mod master_key;
mod public_url;
mod rate_limit;
mod read;
mod render;
mod section;
mod ssh;
mod store;
mod text;
mod tls;
mod tree;
mod validate;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use addresses::Cidr;
pub use cache::Cache;
pub use dialect::DialectSettings;
pub use error::{ConfigError, Origin};
pub use gate::{Gate, SocketMode, SocketPlace, UnboundSchemes};
pub use limits::Limits;
pub use log::{Log, LogFormat, LogLevel};
pub use master_key::{MasterKey, MasterKeySource};
pub use public_url::PublicUrl;
pub use rate_limit::RateLimit;
pub use section::Seconds;
pub use ssh::{Ssh, SshLogin, SshUsers};
pub use store::StoreKind;
pub use text::InvalidText;
pub use tls::Tls;

/// The commented default settings: what `keyward config default` prints. Parses to [`Config::default`].
pub const DEFAULT_TOML: &str = include_str!("default.toml");

/// Everything an operator can set. Each field is the key of the same name in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address of the public listener.
    #[serde(deserialize_with = "text::socket_address")]
    pub listen: SocketAddr,
    /// Address of the admin listener: health, metrics, local commands.
    #[serde(deserialize_with = "text::socket_address")]
    pub admin_listen: SocketAddr,
    /// Directory of the store, of the lock file and, by default, of the master key.
    pub data_dir: PathBuf,
    /// Where data are kept.
    pub store: StoreKind,
    /// Base URLs under which clients reach this server; the first one is used in answers.
    #[serde(deserialize_with = "public_url::one_or_many")]
    pub public_url: Vec<PublicUrl>,
    /// Peers whose forwarded headers are believed.
    pub trusted_proxies: Vec<Cidr>,
    /// Accept unencrypted requests beyond loopback.
    pub allow_plain_http: bool,
    /// Certificate and key of the public listener.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Where the master key is kept.
    pub master_key: MasterKey,
    /// Format and level of the log.
    pub log: Log,
    /// Bounds on what clients may store and send, and on every wait.
    pub limits: Limits,
    /// Request rates.
    pub rate_limit: RateLimit,
    /// Bounds of the directory, the cache in front of the store.
    pub cache: Cache,
    /// Verification for other services.
    pub gate: Gate,
    /// Logins at SSH servers.
    pub ssh: Ssh,
    /// Settings per dialect, by the dialect's name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dialect: BTreeMap<String, DialectSettings>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7460)),
            admin_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7461)),
            data_dir: PathBuf::from("./keyward-data"),
            store: StoreKind::Sqlite,
            public_url: Vec::new(),
            trusted_proxies: Vec::new(),
            allow_plain_http: false,
            tls: None,
            master_key: MasterKey::default(),
            log: Log::default(),
            limits: Limits::default(),
            rate_limit: RateLimit::default(),
            cache: Cache::default(),
            gate: Gate::default(),
            ssh: Ssh::default(),
            dialect: BTreeMap::new(),
        }
    }
}

/// A settings file that somebody else has read.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    /// Its name, for messages.
    pub name: String,
    /// Its contents, TOML.
    pub text: String,
}

/// Settings given as command-line flags; they win over everything else.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--listen`
    pub listen: Option<SocketAddr>,
    /// `--admin-listen`
    pub admin_listen: Option<SocketAddr>,
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
}

impl Config {
    /// The effective settings: flags over `KEYWARD_…` variables over the file over the defaults.
    ///
    /// `dialects` are the names this build knows; a `[dialect.<name>]` for another one is an unknown key.
    ///
    /// # Errors
    /// The first thing wrong, with its key and place and what to do about it.
    pub fn load(
        file: Option<&ConfigFile>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        flags: &Flags,
        dialects: &[&str],
    ) -> Result<Self, ConfigError> {
        let mut tree = match file {
            Some(file) => tree::parse(file)?,
            None => tree::Node::empty_table(Origin::Default),
        };
        environment::overlay(&mut tree, environment)?;
        dialect::refuse_unknown_names(&tree, dialects)?;
        let mut config: Self = read::read(tree)?;
        if let Some(listen) = flags.listen {
            config.listen = listen;
        }
        if let Some(admin_listen) = flags.admin_listen {
            config.admin_listen = admin_listen;
        }
        if let Some(data_dir) = &flags.data_dir {
            config.data_dir.clone_from(data_dir);
        }
        validate::validate(&config)?;
        Ok(config)
    }

    /// Things that are allowed but that the operator should see at each start, one sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        validate::warnings(self)
    }

    /// The effective settings as TOML that can be read back, without anything that could be a secret.
    ///
    /// # Errors
    /// When a value has no form in TOML, such as a path that is not UTF-8.
    pub fn to_redacted_toml(&self) -> Result<String, ConfigError> {
        render::to_redacted_toml(self)
    }

    /// Where the master key is to be read from.
    #[must_use]
    pub fn master_key_source(&self) -> MasterKeySource {
        self.master_key.source(&self.data_dir)
    }
}
