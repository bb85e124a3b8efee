//! Who may ask: a process that the socket file's permissions let in, the holder of a gate token or, where the operator
//! opened the gate, anybody on this machine.

use domain::id::AccountUuid;
use domain::tokens::GateCaller;
use http::HeaderMap;

use super::Gate;
use crate::listen::{ConnectionInfo, Peer, Transport};
use crate::pipeline::PlainHttp;

/// The header that holds a gate token. `Authorization` belongs to the request under test.
pub(super) const TOKEN: &str = "x-keyward-gate-token";

/// Whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asker {
    /// The service it asks for, by its token's name or by the settings.
    pub(super) service: Option<String>,
    /// The account whose keys it may ask about; `None`: every account.
    pub(super) account: Option<AccountUuid>,
    /// Whether it takes requests whose signature leaves the body out.
    pub(super) unsigned_payload: UnsignedPayload,
}

/// What happens to a request whose signature leaves the body out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnsignedPayload {
    /// It passes, and the answer says so.
    Pass,
    /// It is refused.
    Refuse,
}

/// Why somebody may not ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotTrusted {
    /// No token, or one that is not known.
    Token,
    /// The store could not tell.
    Store,
    /// A token that crossed a network unencrypted.
    PlainHttp,
}

impl Gate {
    /// Who asks.
    pub(super) async fn asker(&self, headers: &HeaderMap, from: ConnectionInfo) -> Result<Asker, NotTrusted> {
        let Peer::Tcp(peer) = from.peer else { return Ok(self.named(self.settings.service.clone())) };
        let is_local = peer.ip().to_canonical().is_loopback();
        if from.transport == Transport::Plain
            && !is_local
            && self.settings.plain_http == PlainHttp::LoopbackOnly
        {
            return Err(NotTrusted::PlainHttp);
        }
        let mut tokens = headers.get_all(TOKEN).iter();
        match (tokens.next(), tokens.next()) {
            (Some(token), None) => {
                let known =
                    self.service.gate_caller(token.as_bytes()).await.map_err(|_| NotTrusted::Store)?;
                let GateCaller { service, account } = known.ok_or(NotTrusted::Token)?;
                Ok(Asker { account, ..self.named(Some(service)) })
            }
            (None, _) if self.settings.open && is_local => Ok(self.named(self.settings.service.clone())),
            _ => Err(NotTrusted::Token),
        }
    }

    fn named(&self, service: Option<String>) -> Asker {
        let refuse = &self.settings.refuse_unsigned_payload;
        let is_listed = refuse.iter().any(|name| name == "*" || Some(name) == service.as_ref());
        let unsigned_payload = if is_listed { UnsignedPayload::Refuse } else { UnsignedPayload::Pass };
        Asker { service, account: None, unsigned_payload }
    }
}
