//! `[gate]`: who may ask whether a request is validly signed, and how strict the answer is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::text::{InvalidText, text_form};

/// Where the socket lies when the server runs as root and nobody says otherwise.
const SYSTEM_SOCKET: &str = "/run/keyward/gate.sock";

/// The data plane: verification for other services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gate {
    /// Path of the Unix socket; empty for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<PathBuf>,
    /// Permissions of the socket file: whoever may write to it may ask.
    pub socket_mode: SocketMode,
    /// Whether anybody on this machine may ask at the public listener, without a token.
    pub open: bool,
    /// What signatures may do that bind neither method nor path.
    pub unbound_schemes: UnboundSchemes,
    /// Service words that a signature's scope may name; empty: any.
    pub services: Vec<String>,
    /// The name of the service that asks through the socket or the open gate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Services that take no request whose signature leaves the body out; `*` is all of them.
    pub refuse_unsigned_payload: Vec<String>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            socket: None,
            socket_mode: SocketMode(0o660),
            open: false,
            unbound_schemes: UnboundSchemes::Refuse,
            services: Vec::new(),
            service: None,
            refuse_unsigned_payload: Vec::new(),
        }
    }
}

/// What signatures may do that bind neither the method nor the path of their request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnboundSchemes {
    /// Nothing.
    Refuse,
    /// Open any path: whoever sees one such request can send any other with it.
    Allow,
}

/// The permission bits of a file, written in octal: `"0660"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketMode(pub u32);

impl FromStr for SocketMode {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let digits = (3..=4).contains(&text.len()) && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
        let mode = u32::from_str_radix(text, 8).ok().filter(|mode| digits && *mode <= 0o777);
        mode.map(Self).ok_or_else(|| InvalidText::new("must be permissions in octal, such as \"0660\""))
    }
}

impl fmt::Display for SocketMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

text_form!(SocketMode);

/// Where the gate's socket is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SocketPlace {
    /// Nowhere.
    Nowhere,
    /// Where the operator wants it, and nowhere else.
    Told(PathBuf),
    /// At the first of these that no other server has.
    Usual(Vec<PathBuf>),
}

impl Gate {
    /// Where the socket is to be, for a server with this data directory.
    pub fn socket_place(&self, data_dir: &Path, is_root: bool) -> SocketPlace {
        match &self.socket {
            Some(path) if path.as_os_str().is_empty() => SocketPlace::Nowhere,
            Some(path) => SocketPlace::Told(path.clone()),
            None => {
                let system = is_root.then(|| PathBuf::from(SYSTEM_SOCKET));
                SocketPlace::Usual(system.into_iter().chain([data_dir.join("gate.sock")]).collect())
            }
        }
    }
}
