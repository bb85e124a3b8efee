//! TLS on real sockets: versions, protocols, certificates that change, handshakes that never end.

use super::wire::{GET, Net, net, request, until};
use crate::listen::{Caps, Limits, Security, Tls, TlsError};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A certificate on disk that clients of these tests trust.
pub(super) struct Identity {
    directory: TempDir,
    trusted: CertificateDer<'static>,
}

impl Identity {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut identity = Self { directory, trusted: CertificateDer::from(Vec::new()) };
        identity.replace();
        identity
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a new certificate and key over the old ones; clients then trust the new one only.
    fn replace(&mut self) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(self.path("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(self.path("key.pem"), made.signing_key.serialize_pem()).unwrap();
        self.trusted = made.cert.der().clone();
    }

    fn load(&self) -> Result<Tls, TlsError> {
        Tls::load(&self.path("cert.pem"), &self.path("key.pem"))
    }

    pub(super) fn serve(&self, limits: &Limits) -> (Net, Tls) {
        let tls = self.load().unwrap();
        (net(limits, Caps::default(), Security::Tls(tls.clone())), tls)
    }

    /// The client's end of a handshake, offering these protocols.
    pub(super) async fn connect(&self, net: &Net, alpn: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
        self.connect_with(net, alpn, &[&TLS13, &TLS12]).await
    }

    async fn connect_with(
        &self,
        net: &Net,
        alpn: &[&str],
        versions: &[&'static SupportedProtocolVersion],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.trusted.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, net.connect().await).await
    }
}

#[tokio::test]
async fn both_versions_and_all_protocols_are_spoken() {
    let identity = Identity::new();
    let (net, _) = identity.serve(&Limits::default());
    for version in [&TLS12, &TLS13] {
        for alpn in [&["http/1.1"][..], &[]] {
            let mut client = identity.connect_with(&net, alpn, &[version]).await.unwrap();
            assert_eq!(client.get_ref().1.protocol_version(), Some(version.version));
            for _ in 0..2 {
                assert!(request(&mut client, GET.as_bytes()).await.ends_with("GET / 0"));
            }
        }
        let client = identity.connect_with(&net, &["http/1.1", "h2"], &[version]).await.unwrap();
        assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    }
    assert!(identity.connect(&net, &["spdy/3"]).await.is_err());
    net.stop().await;
}

/// Answers over TLS end with the proper farewell, so that no one can cut them short unnoticed.
#[tokio::test]
async fn refusals_over_tls_are_complete() {
    let identity = Identity::new();
    let (net, _) = identity.serve(&Limits::default());
    let mut client = identity.connect(&net, &[]).await.unwrap();
    client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer, crate::listen::Refusal::HostMissing.answer());
    drop(client);
    net.stop().await;
}

#[tokio::test]
async fn certificates_are_replaced_without_a_restart() {
    let mut identity = Identity::new();
    let (net, tls) = identity.serve(&Limits::default());
    let mut old = identity.connect(&net, &[]).await.unwrap();
    identity.replace();
    assert!(identity.connect(&net, &[]).await.is_err());
    tls.reload().unwrap();
    let mut new = identity.connect(&net, &[]).await.unwrap();
    for client in [&mut old, &mut new] {
        assert!(request(client, GET.as_bytes()).await.ends_with("GET / 0"));
    }
    net.stop().await;
}

#[tokio::test]
async fn bad_files_are_refused_by_name_and_the_old_certificate_stays() {
    let identity = Identity::new();
    let (net, tls) = identity.serve(&Limits::default());
    let other = Identity::new();
    let read = |name: &str| std::fs::read(identity.path(name)).unwrap();
    let (certificate, key) = (read("cert.pem"), read("key.pem"));
    for (name, content, expected) in [
        ("cert.pem", Some(&b"nothing"[..]), "no usable certificate in "),
        ("cert.pem", Some(&key), "no usable certificate in "),
        (
            "cert.pem",
            Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "cannot be used",
        ),
        ("cert.pem", None, "cannot read "),
        ("key.pem", Some(&certificate), "no usable private key in "),
        ("key.pem", Some(&key[..key.len() / 2]), "no usable private key in "),
        ("key.pem", Some(&std::fs::read(other.path("key.pem")).unwrap()), "cannot be used"),
        ("key.pem", None, "cannot read "),
    ] {
        match content {
            Some(content) => std::fs::write(identity.path(name), content).unwrap(),
            None => std::fs::remove_file(identity.path(name)).unwrap(),
        }
        let error = tls.reload().unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(name), "{name}: {error}");
        assert!(identity.load().is_err());
        let mut client = identity.connect(&net, &[]).await.unwrap();
        assert!(request(&mut client, GET.as_bytes()).await.ends_with("GET / 0"));
        std::fs::write(identity.path("cert.pem"), &certificate).unwrap();
        std::fs::write(identity.path("key.pem"), &key).unwrap();
    }
    tls.reload().unwrap();
    net.stop().await;
}

#[tokio::test]
async fn t81_handshakes_that_never_end_are_bounded_and_ended() {
    let limits =
        Limits { tls_handshakes: 4, tls_handshake_timeout: Duration::from_millis(700), ..Limits::default() };
    let identity = Identity::new();
    let (net, _) = identity.serve(&limits);
    let mut stuck = Vec::new();
    for start in [&b""[..], b"\x16\x03\x01\x02\x00\x01", b"\x16"].iter().cycle().take(30) {
        let mut client = net.connect().await;
        client.write_all(start).await.unwrap();
        stuck.push(client);
    }
    until(|| net.open() == stuck.len()).await;
    // Every look at the gauge until the last one is gone must find it within its bound.
    until(|| {
        assert!(net.stats.handshakes() <= 4);
        net.open() == 0
    })
    .await;
    assert_eq!(net.stats.failed_handshakes(), 30);
    for mut client in stuck {
        // Closed, whether with or without a last word.
        let mut rest = Vec::new();
        let _closed = client.read_to_end(&mut rest).await;
    }
    let mut client = identity.connect(&net, &[]).await.unwrap();
    assert!(request(&mut client, GET.as_bytes()).await.ends_with("GET / 0"));
    net.stop().await;
}

/// While the bound is not reached, nobody waits for those who are stuck.
#[tokio::test]
async fn t81_honest_handshakes_pass_those_that_are_stuck() {
    let identity = Identity::new();
    let (net, _) = identity.serve(&Limits::default());
    let mut stuck = Vec::new();
    for _ in 0..30 {
        stuck.push(net.connect().await);
    }
    until(|| net.stats.handshakes() == 30).await;
    let mut client = identity.connect(&net, &[]).await.unwrap();
    assert!(request(&mut client, GET.as_bytes()).await.ends_with("GET / 0"));
    assert_eq!(net.stats.handshakes(), 30);
    drop(stuck);
    net.stop().await;
}

#[tokio::test]
async fn plain_http_on_a_tls_port_is_no_request() {
    let identity = Identity::new();
    let (net, _) = identity.serve(&Limits::default());
    let answer = net.exchange(GET.as_bytes()).await;
    assert!(!answer.starts_with(b"HTTP/"));
    until(|| net.stats.failed_handshakes() == 1).await;
    net.stop().await;
}
