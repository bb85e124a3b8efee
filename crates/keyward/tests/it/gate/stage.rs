//! A server, a proxy that asks it, and the backend behind the proxy.

use signing::Scheme;

use crate::harness::Server;
use crate::harness::http::Answer;
use crate::harness::programs::{Backend, Program, header_in};
use crate::harness::signed::Signed;

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
