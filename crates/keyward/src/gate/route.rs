//! The paths of the gate. Routing is by the asker's own path alone; the request under test is data.

/// Where `keyward authorized-keys` asks.
pub const AUTHORIZED_KEYS: &str = "/gate/authorized-keys";
/// Where `keyward ssh-used` reports.
pub const SSH_USED: &str = "/gate/ssh-used";

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// A proxy tells about a request in headers: nginx, Caddy, Traefik.
    Forward,
    /// A proxy sends the request's head itself below a prefix: Envoy.
    Envoy,
    /// A service describes one or several requests in JSON.
    Verify,
    /// An SSH server asks which keys open a login.
    AuthorizedKeys,
    /// A login's forced command says which key opened it.
    SshUsed,
}

impl Route {
    /// Every route.
    pub const ALL: [Self; 5] =
        [Self::Forward, Self::Envoy, Self::Verify, Self::AuthorizedKeys, Self::SshUsed];

    /// The name in log and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Envoy => "envoy",
            Self::Verify => "verify",
            Self::AuthorizedKeys => "authorized_keys",
            Self::SshUsed => "ssh_used",
        }
    }

    /// The route of a path.
    pub fn of(path: &str) -> Option<Self> {
        match path {
            "/gate/forward" => Some(Self::Forward),
            "/gate/verify" => Some(Self::Verify),
            AUTHORIZED_KEYS => Some(Self::AuthorizedKeys),
            SSH_USED => Some(Self::SshUsed),
            _ => below_envoy(path).map(|_| Self::Envoy),
        }
    }
}

/// Whether the gate answers this path on the public listener, ahead of every dialect.
pub fn owns(path: &str) -> bool {
    path.strip_prefix("/gate").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What stands behind the prefix that Envoy is told to put before each path: the target of the request under test.
pub(super) fn below_envoy(target: &str) -> Option<&str> {
    target.strip_prefix("/gate/envoy").filter(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remainder_behind_the_prefix_is_data() {
        assert_eq!(Route::of("/gate/forward"), Some(Route::Forward));
        assert_eq!(Route::of("/gate/verify"), Some(Route::Verify));
        assert_eq!(Route::of("/gate/envoy/gate/verify"), Some(Route::Envoy));
        assert_eq!(
            below_envoy("/gate/envoy/gate/verify?x=/gate/envoy/"),
            Some("/gate/verify?x=/gate/envoy/")
        );
        for nobody in ["/gate", "/gate/", "/gate/envoy", "/gate/envoyer/x", "/gate/forward/", "/gate//verify"]
        {
            assert_eq!(Route::of(nobody), None, "{nobody}");
            assert!(owns(nobody), "{nobody}");
        }
        assert!(!owns("/gates") && !owns("/") && !owns("/scloud/gate/"));
    }
}
