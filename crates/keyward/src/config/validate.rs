//! What must hold between settings. Every refusal says what to do.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::addresses::Cidr;
use super::error::ConfigError;
use super::{Config, UnboundSchemes};

/// Refuses settings that contradict each other or would run an unsafe server.
pub(super) fn validate(config: &Config) -> Result<(), ConfigError> {
    let problem = out_of_range(config)
        .or_else(|| listeners(config))
        .or_else(|| limits(config))
        .or_else(|| tls(config))
        .or_else(|| master_key(config))
        .or_else(|| hosts(config))
        .or_else(|| gate(config))
        .or_else(|| config.ssh.problem());
    match problem {
        Some(problem) => Err(ConfigError::Conflict(problem)),
        None => Ok(()),
    }
}

/// See [`Config::warnings`].
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    if config.allow_plain_http && is_remote(config.listen) && config.tls.is_none() {
        warnings.push(format!(
            "allow_plain_http is set: requests and new secrets cross the network unencrypted on {}.",
            config.listen
        ));
    }
    if is_remote(config.admin_listen) {
        warnings.push(format!(
            "admin_listen is {}: whoever reaches it reads metrics without a credential.",
            config.admin_listen
        ));
    }
    if config.trusted_proxies.iter().any(|network| network.0.is_everything()) {
        warnings
            .push("trusted_proxies holds every address: anybody can claim any source address.".to_owned());
    }
    if config.gate.open {
        warnings.push(format!(
            "gate.open is set: every process that reaches {} may ask the gate without a token.",
            config.listen
        ));
    }
    if config.gate.unbound_schemes == UnboundSchemes::Allow {
        warnings.push(
            "gate.unbound_schemes allows scloud: one request that somebody saw opens every path of its user."
                .to_owned(),
        );
    }
    if !config.rate_limit.enabled {
        warnings.push("rate_limit is off: access keys can be guessed at full speed.".to_owned());
    }
    warnings
}

fn is_remote(address: SocketAddr) -> bool {
    !address.ip().to_canonical().is_loopback()
}

fn out_of_range(config: &Config) -> Option<String> {
    (config.log.out_of_range())
        .or_else(|| config.limits.out_of_range())
        .or_else(|| config.rate_limit.out_of_range())
        .or_else(|| config.cache.out_of_range())
}

/// Plain HTTP beyond loopback hands signatures and new secrets to whoever listens (threat T11).
fn listeners(config: &Config) -> Option<String> {
    let Config { listen, admin_listen, .. } = config;
    let encrypted = config.tls.is_some() || !config.trusted_proxies.is_empty();
    if is_remote(*listen) && !encrypted && !config.allow_plain_http {
        return Some(format!(
            "listen is {listen}, which other machines can reach, and nothing encrypts what they send. Set [tls] \
             cert and key, or name the proxy that speaks HTTPS in trusted_proxies, or, on a network you trust, \
             set allow_plain_http = true."
        ));
    }
    if is_remote(*admin_listen) && !config.allow_plain_http {
        return Some(format!(
            "admin_listen is {admin_listen}, which other machines can reach, and it asks for no credential. Use \
             a loopback address such as 127.0.0.1:7461 or, on a network you trust, set allow_plain_http = true."
        ));
    }
    let same_port = listen.port() == admin_listen.port() && listen.port() != 0;
    let overlap = listen.ip() == admin_listen.ip()
        || listen.ip().is_unspecified()
        || admin_listen.ip().is_unspecified();
    (same_port && overlap).then(|| {
        format!("listen and admin_listen both want port {}; give admin_listen another one.", listen.port())
    })
}

fn limits(config: &Config) -> Option<String> {
    let limits = &config.limits;
    if limits.target_bytes > limits.header_bytes {
        return Some(
            "limits.target_bytes is above limits.header_bytes; lower it, or raise header_bytes.".to_owned(),
        );
    }
    (limits.connections_per_source > limits.connections).then(|| {
        "limits.connections_per_source is above limits.connections; lower it, or raise connections."
            .to_owned()
    })
}

#[cfg(feature = "tls")]
fn tls(_: &Config) -> Option<String> {
    None
}

#[cfg(not(feature = "tls"))]
fn tls(config: &Config) -> Option<String> {
    config.tls.as_ref().map(|_| {
        "[tls] is set, but this build has no TLS. Use a build with the feature `tls`, or put a proxy in front."
            .to_owned()
    })
}

fn master_key(config: &Config) -> Option<String> {
    let key = &config.master_key;
    if key.file.is_some() && key.env.is_some() {
        return Some("master_key.file and master_key.env are both set; keep one of them.".to_owned());
    }
    let name = key.env.as_ref()?;
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (name.is_empty() || !is_name || name.starts_with(|first: char| first.is_ascii_digit())).then(|| {
        // Not repeated: somebody may have put the key itself here.
        "master_key.env must be the name of an environment variable that holds the key, not the key."
            .to_owned()
    })
}

/// A host name belongs to one dialect, or requests would be decided by chance.
fn hosts(config: &Config) -> Option<String> {
    let mut owners = std::collections::BTreeMap::new();
    for (name, dialect) in &config.dialect {
        for host in &dialect.hosts {
            if !is_host_name(host) {
                return Some(format!(
                    "dialect.{name}.hosts must hold host names in lower case without port, such as \
                     \"iam.example.org\"."
                ));
            }
            if let Some(other) = owners.insert(host, name) {
                return Some(format!(
                    "the host {host} stands twice, for the dialects {other} and {name}; remove one."
                ));
            }
        }
    }
    None
}

/// Without a token the gate would tell every machine on the network whether a signature is good.
fn gate(config: &Config) -> Option<String> {
    if !config.gate.open {
        return None;
    }
    if is_remote(config.listen) {
        return Some(format!(
            "gate.open is set and listen is {}, which other machines can reach. Let services ask at the socket or with \
             a gate token, or use a loopback address.",
            config.listen
        ));
    }
    // What such a proxy passes on comes from this machine too.
    let own = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let is_own = |Cidr(range): &Cidr| own.iter().any(|address| range.contains(*address));
    config.trusted_proxies.iter().any(is_own).then(|| {
        "gate.open is set and trusted_proxies names a proxy on this machine: whoever reaches the proxy could ask the gate. \
         Let services ask at the socket or with a gate token."
            .to_owned()
    })
}

fn is_host_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}
