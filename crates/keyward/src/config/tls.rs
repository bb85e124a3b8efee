//! `[tls]`: certificate and key of the public listener.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Both files, PEM. They are read again on SIGHUP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate chain, the server's own certificate first.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}
