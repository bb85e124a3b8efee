//! What the settings say to the gate.

use domain::net::AddressRange;

use crate::config::{Config, Ssh, UnboundSchemes};
use crate::listen::BodyLimits;
use crate::pipeline::PlainHttp;

/// `[gate]`, as its parts take it.
#[derive(Debug)]
pub struct GateSettings {
    /// Whether the token is dropped on loopback.
    pub(super) open: bool,
    /// Whether a token may travel unencrypted beyond this machine.
    pub(super) plain_http: PlainHttp,
    /// What schemes may do that bind neither method nor path.
    pub(super) unbound: UnboundSchemes,
    /// Service words that a scope may name; empty: any.
    pub(super) services: Vec<String>,
    /// The name of whoever asks through the socket or the open gate.
    pub(super) service: Option<String>,
    /// Services that take no request whose signature leaves the body out; `*` is all of them.
    pub(super) refuse_unsigned_payload: Vec<String>,
    /// Proxies behind the asking one.
    pub(super) trusted_proxies: Vec<AddressRange>,
    /// Logins at SSH servers.
    pub(super) ssh: Ssh,
    /// Bounds on the body of `verify`.
    pub(super) body: BodyLimits,
}

impl GateSettings {
    /// From the settings of the server.
    pub fn new(config: &Config) -> Self {
        let pipeline = config.pipeline();
        let gate = &config.gate;
        Self {
            open: gate.open,
            plain_http: pipeline.plain_http,
            unbound: gate.unbound_schemes,
            services: gate.services.clone(),
            service: gate.service.clone(),
            refuse_unsigned_payload: gate.refuse_unsigned_payload.clone(),
            trusted_proxies: pipeline.trusted_proxies,
            ssh: config.ssh.clone(),
            body: pipeline.body,
        }
    }
}
