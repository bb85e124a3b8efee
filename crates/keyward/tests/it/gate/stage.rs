//! A server, a proxy that asks it, and the backend behind the proxy.

use signing::Scheme;

use super::questions::BOUND;
use crate::harness::http::{Answer, Connection};
use crate::harness::programs::{Backend, Program, header_in};
use crate::harness::signed::Signed;
use crate::harness::{Request, Server};

pub(super) struct Stage {
    pub(super) server: Server,
    pub(super) proxy: Program,
    pub(super) backend: Backend,
}

impl Stage {
    /// The host that clients call.
    pub(super) const HOST: &str = "web.test";

    /// An address that clients claim.
    const CLAIMED: &str = "198.51.100.77";

    pub(super) fn behind(proxy: impl FnOnce(&Server, &Backend) -> Program) -> Self {
        let (server, backend) = (Server::start(), Backend::start());
        let proxy = proxy(&server, &backend);
        Self { server, proxy, backend }
    }

    /// Requests of every scheme that binds what it opens reach the backend, which sees who it is.
    pub(super) fn assert_signed_requests_pass(self) {
        for scheme in BOUND {
            Self::assert_identity(&self.server, &self.proxy, scheme);
        }
        assert_eq!(self.backend.reached(), 2 * BOUND.len());
        self.server.stop();
    }

    /// A changed byte in any part, a scheme that binds nothing, or no signature: nothing of it reaches the backend.
    pub(super) fn assert_nothing_else_passes(&self) {
        let Self { server, proxy, backend } = self;
        let mut client = Connection::open(proxy.address);
        for scheme in BOUND {
            let signed = Signed::get(scheme, server.administrator(), Self::HOST, "/a/b?x=1&y=2");
            for (what, changed) in signed.changed_everywhere() {
                let answer = client.exchange(&changed.request());
                assert!(matches!(answer.status, 401 | 403), "{scheme} {what}: {changed:?} {answer:?}");
                if answer.header("connection") == Some("close") {
                    client = Connection::open(proxy.address);
                }
            }
        }
        let unbound = Signed::get(Scheme::Scloud, server.administrator(), Self::HOST, "/a?x=1");
        assert_eq!(proxy.ask(&unbound.request()).status, 401);
        assert_eq!(proxy.ask(&Request::get("/a")).status, 401);
        assert_eq!(backend.reached(), 0);
    }

    /// A signed request reaches the backend with the identity that the gate gives, also when the client claims another.
    pub(super) fn assert_identity(server: &Server, proxy: &Program, scheme: Scheme) {
        let signed = Signed::get(scheme, server.administrator(), Self::HOST, "/a/b?x=1&y=2");
        Self::assert_seen(&proxy.ask(&signed.request()), scheme);
        let claims =
            ["X-Keyward-User", "X-Keyward-Account", "X-Keyward-Key", "X-Keyward-Scheme", "X-Keyward-Payload"];
        let lying = claims.into_iter().fold(signed.request(), |request, name| request.header(name, "root"));
        let lying = ["X-Forwarded-Uri", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Host"]
            .into_iter()
            .fold(lying, |request, name| request.header(name, Self::CLAIMED));
        Self::assert_seen(&proxy.ask(&lying), scheme);
        server.wait_for_log(|log| log.contains("\"dialect\":\"gate\",\"operation\""));
        let log = server.log();
        let mut lines = log.lines().filter(|line| line.contains("\"dialect\":\"gate\""));
        // Whom the proxy sees; Envoy names this machine's own address for a client on it.
        assert!(lines.all(|line| line.contains("\"source\":\"")) && !log.contains(Self::CLAIMED), "{log}");
    }

    /// The answer is the backend's, and says what reached it.
    pub(super) fn assert_seen(answer: &Answer, scheme: Scheme) {
        assert_eq!(answer.status, 200, "{scheme}: {answer:?}");
        let head = answer.text();
        assert_eq!(header_in(&head, "x-keyward-user"), Some("admin"), "{head}");
        assert_eq!(header_in(&head, "x-keyward-account"), Some("default"));
        assert_eq!(header_in(&head, "x-keyward-scheme"), Some(scheme.as_str()));
        assert_eq!(head.to_lowercase().matches("x-keyward-user").count(), 1, "{head}");
    }
}
