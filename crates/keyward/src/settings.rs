//! From the settings, as an operator writes them, to what each part takes.

use std::collections::BTreeMap;

use dialects::registry::DialectSettings;
use domain::limits::KeptRefusals;
use domain::throttle::Rate;

use crate::config::Config;
use crate::listen::{BodyLimits, Caps, HeadLimits, Http2Limits, Limits};
use crate::pipeline::{PipelineSettings, PlainHttp};

impl Config {
    /// For the use cases.
    pub fn domain_limits(&self) -> domain::limits::Limits {
        let rates = &self.rate_limit;
        let rate =
            |per_second, burst| (rates.enabled && per_second > 0).then_some(Rate { per_second, burst });
        let defaults = domain::limits::Limits::default();
        domain::limits::Limits {
            access_keys_per_user: self.limits.access_keys_per_user,
            ssh_keys_per_user: self.limits.ssh_keys_per_user,
            temporary_keys_per_key: self.limits.temporary_keys_per_key,
            token_keys_per_user: self.limits.token_keys_per_user,
            users_per_account: self.limits.users_per_account,
            cached_keys: self.cache.max_keys,
            failed_authentications: rate(
                rates.failed_authentications_per_second,
                rates.failed_authentications_burst,
            ),
            key_lock: defaults.key_lock.filter(|_| rates.enabled),
            password_lock: defaults.password_lock,
            requests: rate(rates.requests_per_second, rates.requests_burst),
            kept_refusals: KeptRefusals {
                entries: self.limits.kept_refusals,
                bytes: self.limits.kept_refusals_bytes,
            },
        }
    }

    /// For the listeners.
    pub fn listen_limits(&self) -> Limits {
        let limits = &self.limits;
        Limits {
            head: HeadLimits {
                headers: limits.headers,
                header_bytes: limits.header_bytes,
                target_bytes: limits.target_bytes,
                ..HeadLimits::default()
            },
            body: self.body_limits(),
            header_timeout: limits.header_seconds.into(),
            idle_timeout: limits.idle_seconds.into(),
            write_timeout: limits.write_seconds.into(),
            drain_timeout: limits.drain_seconds.into(),
            tls_handshake_timeout: limits.tls_handshake_seconds.into(),
            tls_handshakes: limits.tls_handshakes,
            http2: Http2Limits {
                streams: limits.http2_streams,
                resets: limits.http2_resets_per_10_seconds,
                ..Http2Limits::default()
            },
            ..Limits::default()
        }
    }

    /// For the public listener.
    pub fn public_caps(&self) -> Caps {
        Caps { total: self.limits.connections, per_source: self.limits.connections_per_source }
    }

    /// For the admin listener.
    pub fn admin_caps(&self) -> Caps {
        Caps { total: self.limits.admin_connections, per_source: self.limits.admin_connections }
    }

    /// For the pipeline.
    pub fn pipeline(&self) -> PipelineSettings {
        PipelineSettings {
            trusted_proxies: self.trusted_proxies.iter().map(|network| network.0).collect(),
            plain_http: if self.allow_plain_http { PlainHttp::Anywhere } else { PlainHttp::LoopbackOnly },
            public_urls: self.public_url.iter().map(ToString::to_string).collect(),
            body: self.body_limits(),
            handler_timeout: self.limits.handler_seconds.into(),
        }
    }

    /// For the dialects.
    pub fn dialects(&self) -> BTreeMap<String, DialectSettings> {
        let settings = |dialect: &crate::config::DialectSettings| DialectSettings {
            enabled: dialect.enabled,
            hosts: dialect.hosts.clone(),
            own: dialect.own.clone(),
        };
        self.dialect.iter().map(|(name, dialect)| (name.clone(), settings(dialect))).collect()
    }

    fn body_limits(&self) -> BodyLimits {
        BodyLimits {
            bytes: self.limits.body_bytes,
            timeout: self.limits.body_seconds.into(),
            min_bytes_per_second: self.limits.body_bytes_per_second,
            ..BodyLimits::default()
        }
    }
}
