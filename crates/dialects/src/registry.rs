//! The registry: which dialects there are, and whose a request is.

use std::collections::BTreeMap;

use domain::Service;
use domain::id::RequestId;
use signing::RequestView;
use zeroize::Zeroizing;

use crate::answer::{Answer, TransportRefusal};
use crate::huawei::Huawei;
use crate::native::Native;
use crate::operation::Operation;
use crate::request::{Recognition, Request};
use crate::samsung::Samsung;
use crate::scloud::Scloud;
use crate::tencent::Tencent;

/// `[dialect.<name>]` of the configuration.
#[derive(Clone, Debug)]
pub struct DialectSettings {
    /// Whether it answers at all.
    pub enabled: bool,
    /// Host names at whose root it answers.
    pub hosts: Vec<String>,
    /// Its own settings, which it parses itself.
    pub own: toml::Table,
}

impl Default for DialectSettings {
    fn default() -> Self {
        Self { enabled: true, hosts: Vec::new(), own: toml::Table::new() }
    }
}

/// A setting that a dialect does not take.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// No such dialect.
    #[error("[dialect.{0}]: there is no such dialect; known are: {known}", known = NAMES.join(", "))]
    UnknownDialect(String),
    /// The dialect's own settings do not parse.
    #[error("[dialect.{dialect}]: {problem}")]
    Setting {
        /// The dialect.
        dialect: &'static str,
        /// What is wrong, with the name of the setting.
        problem: String,
    },
}

macro_rules! registry {
    ($($variant:ident($type:ty) = $name:literal, prefix $prefix:literal;)*) => {
        /// Names of all dialects.
        pub const NAMES: &[&str] = &[$($name,)*];

        /// One dialect, ready to answer.
        #[derive(Debug)]
        pub enum Dialect {
            $(
                #[doc = concat!("`", $name, "`")]
                $variant($type),
            )*
        }

        impl Dialect {
            /// Its name, in configuration, log and audit.
            pub const fn name(&self) -> &'static str {
                match self { $(Dialect::$variant(_) => $name,)* }
            }

            /// The path under which it always answers.
            pub const fn prefix(&self) -> &'static str {
                match self { $(Dialect::$variant(_) => $prefix,)* }
            }

            /// Its table of operations.
            pub fn operations(&self) -> Box<dyn Iterator<Item = &'static Operation>> {
                match self { $(Dialect::$variant(_) => Box::new(<$type>::operations()),)* }
            }

            /// Whether a request at the root is its own.
            pub fn recognise(&self, view: &RequestView<'_>) -> Recognition {
                match self { $(Dialect::$variant(dialect) => dialect.recognise(view),)* }
            }

            /// Answers a request.
            pub async fn answer(&self, service: &Service, request: Request<'_>) -> Answer {
                match self { $(Dialect::$variant(dialect) => dialect.answer(service, request).await,)* }
            }

            /// Longest body that it takes, in bytes.
            pub const fn body_limit(&self) -> usize {
                match self { $(Dialect::$variant(_) => <$type>::BODY_LIMIT,)* }
            }

            /// Answers, in the dialect's own shape, a request that the server could not hand over or finish.
            pub fn refuse_transport(&self, refusal: TransportRefusal, request: RequestId) -> Answer {
                match self { $(Dialect::$variant(dialect) => dialect.refuse_transport(refusal, request),)* }
            }

            /// What to paste into this cloud's clients so that they call `url` with this key: for the first start.
            pub fn client_settings(&self, url: &str, key_id: &str, secret: &str) -> Zeroizing<String> {
                match self { $(Dialect::$variant(_) => <$type>::client_settings(url, key_id, secret),)* }
            }

            fn new(name: &str, own: &toml::Table) -> Result<Self, SettingsError> {
                match name {
                    $($name => <$type>::new(own).map(Dialect::$variant).map_err(|problem| {
                        SettingsError::Setting { dialect: $name, problem }
                    }),)*
                    other => Err(SettingsError::UnknownDialect(other.to_owned())),
                }
            }
        }
    };
}

registry! {
    Native(Native) = "native", prefix "/api/v1";
    Tencent(Tencent) = "tencent", prefix "/tencent";
    Huawei(Huawei) = "huawei", prefix "/huawei";
    Samsung(Samsung) = "samsung", prefix "/samsung";
    Scloud(Scloud) = "scloud", prefix "/scloud";
}

/// All enabled dialects and how to tell whose a request is.
#[derive(Debug)]
pub struct Registry {
    dialects: Vec<Dialect>,
    hosts: BTreeMap<String, usize>,
}

impl Registry {
    /// Builds the registry from the configuration; a dialect that it does not name has its defaults.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn new(settings: &BTreeMap<String, DialectSettings>) -> Result<Self, SettingsError> {
        if let Some(unknown) = settings.keys().find(|name| !NAMES.contains(&name.as_str())) {
            return Err(SettingsError::UnknownDialect(unknown.clone()));
        }
        let mut registry = Self { dialects: Vec::new(), hosts: BTreeMap::new() };
        for &name in NAMES {
            let defaults = DialectSettings::default();
            let settings = settings.get(name).unwrap_or(&defaults);
            let dialect = Dialect::new(name, &settings.own)?;
            if settings.enabled {
                let index = registry.dialects.len();
                registry.hosts.extend(settings.hosts.iter().map(|host| (host.to_ascii_lowercase(), index)));
                registry.dialects.push(dialect);
            }
        }
        Ok(registry)
    }

    /// Whose the request is, and its path below the dialect's prefix: by its [address](Self::addressed), else, at the root,
    /// by what the request says of itself, body included. `None`: nobody's.
    pub fn route<'a>(&self, view: &RequestView<'a>) -> Option<(&Dialect, &'a str)> {
        if let Some(addressed) = self.addressed(view) {
            return Some(addressed);
        }
        let mut unclaimed = None;
        for dialect in &self.dialects {
            match dialect.recognise(view) {
                // The first that is sure has it: the others need not read the request as well.
                Recognition::Yes => return Some((dialect, view.path())),
                Recognition::Maybe => unclaimed = unclaimed.or(Some(dialect)),
                Recognition::No => {}
            }
        }
        unclaimed.map(|dialect| (dialect, view.path()))
    }

    /// Whose the request is by its prefix or, failing that, its host name: what the head alone tells.
    pub fn addressed<'a>(&self, view: &RequestView<'a>) -> Option<(&Dialect, &'a str)> {
        let path = view.path();
        for dialect in &self.dialects {
            match path.strip_prefix(dialect.prefix()) {
                Some("") => return Some((dialect, "/")),
                Some(rest) if rest.starts_with('/') => return Some((dialect, rest)),
                Some(_) | None => {}
            }
        }
        self.by_host(view).map(|dialect| (dialect, path))
    }

    /// Longest body that any dialect takes, in bytes: the limit for a request whose dialect only its body tells.
    pub fn body_limit(&self) -> usize {
        self.dialects.iter().map(Dialect::body_limit).max().unwrap_or(0)
    }

    /// All enabled dialects.
    pub fn dialects(&self) -> &[Dialect] {
        &self.dialects
    }

    fn by_host(&self, view: &RequestView<'_>) -> Option<&Dialect> {
        if self.hosts.is_empty() {
            return None;
        }
        let host = std::str::from_utf8(view.host().ok()?).ok()?.to_ascii_lowercase();
        let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
        self.hosts.get(name).or_else(|| self.hosts.get(&host)).and_then(|&index| self.dialects.get(index))
    }
}
