//! `[master_key]`: where the key that seals everything is kept. The key itself is never a setting.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// At most one of the two is set; neither means `master.key` in the data directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MasterKey {
    /// A file that only the server's user can read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Name of an environment variable that holds the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
}

/// The one place to read the master key from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MasterKeySource {
    /// A file named by the operator; it must exist.
    File(PathBuf),
    /// The file in the data directory, created on first start.
    DataDir(PathBuf),
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for MasterKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) | Self::DataDir(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "{name}"),
        }
    }
}

impl MasterKey {
    pub(super) fn source(&self, data_dir: &Path) -> MasterKeySource {
        match (&self.file, &self.env) {
            (Some(file), _) => MasterKeySource::File(file.clone()),
            (None, Some(name)) => MasterKeySource::Variable(name.clone()),
            (None, None) => MasterKeySource::DataDir(data_dir.join("master.key")),
        }
    }
}
