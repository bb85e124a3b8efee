//! `POST /gate/ssh-used`: the forced command of a login says, through `keyward ssh-used`, which key opened it. sshd itself
//! only asks, about keys that strangers merely name; that a login came of it, only what runs in the login knows.

use std::net::IpAddr;

use domain::id::{RequestId, Serial};
use http::{Method, StatusCode};
use signing::Params;

use super::callers::Asker;
use super::ssh::SshDenial;
use super::{Answered, Gate, answer};

impl Gate {
    /// Notes a login.
    pub(super) async fn ssh_used(
        &self,
        parts: &http::request::Parts,
        asker: &Asker,
        id: RequestId,
    ) -> Answered {
        let told = told(parts).ok_or(SshDenial::Question);
        let (source, noted) = match told {
            Ok((key, source)) => (source, self.note_login(key, source, asker, id).await),
            Err(denial) => (None, Err(denial)),
        };
        answer::ssh_used(noted, source, id)
    }

    async fn note_login(
        &self,
        key: Serial,
        source: Option<IpAddr>,
        asker: &Asker,
        id: RequestId,
    ) -> Result<(), SshDenial> {
        let noted = self.service.note_ssh_login(self.logins(asker), key, &self.origin(id, source)).await;
        noted.map_err(SshDenial::Refused)
    }
}

/// The key's number and the client's address.
fn told(parts: &http::request::Parts) -> Option<(Serial, Option<IpAddr>)> {
    let params = Params::from_form(parts.uri.query().unwrap_or_default().as_bytes(), 2).ok()?;
    let key = params.non_empty("key")?.parse().ok().and_then(Serial::new)?;
    let source = params.non_empty("source").map(|source| source.parse::<IpAddr>());
    let source = source.transpose().ok()?.map(|source| source.to_canonical());
    (parts.method == Method::POST).then_some((key, source))
}

impl SshDenial {
    /// The status for who reports a login: he learns whether the key is there, which he was told before.
    pub(super) const fn status_of_report(&self) -> StatusCode {
        match self {
            Self::Refused(domain::ssh_keys::LoginRefused::UnknownKey) => StatusCode::NOT_FOUND,
            other => other.status(),
        }
    }
}
