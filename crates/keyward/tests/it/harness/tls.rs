//! Certificates, and a client of TLS that trusts one of them.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::http::{Connection, PATIENCE};
use super::server::{Server, Setup};

/// The name in every certificate here.
pub(crate) const NAME: &str = "keyward.test";

/// A self-signed certificate and its key.
pub(crate) struct Certificate {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) pem: String,
    pub(crate) key: String,
}

impl Certificate {
    pub(crate) fn issue() -> Self {
        Self::issue_for(NAME)
    }

    /// One for another name, or for an address.
    pub(crate) fn issue_for(name: &str) -> Self {
        let issued = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        Self {
            der: issued.cert.der().clone(),
            pem: issued.cert.pem(),
            key: issued.signing_key.serialize_pem(),
        }
    }

    /// Puts it where a server of `setup` reads it.
    pub(crate) fn install(&self, setup: &Setup) {
        let (certificate, key) = places(setup);
        std::fs::write(certificate, &self.pem).unwrap();
        std::fs::write(key, &self.key).unwrap();
    }
}

/// Where the certificate and its key are.
pub(crate) fn places(setup: &Setup) -> (PathBuf, PathBuf) {
    (setup.beside("tls.crt"), setup.beside("tls.key"))
}

/// A setup that serves HTTPS with `certificate`.
pub(crate) fn with_tls(certificate: &Certificate) -> Setup {
    let setup = Setup::new();
    certificate.install(&setup);
    let (crt, key) = places(&setup);
    let line = |name: &str, path: &Path| format!("tls.{name} = \"{}\"", path.display());
    setup.settings(&line("cert", &crt)).settings(&line("key", &key))
}

/// A connection over TLS.
pub(crate) type TlsConnection = Connection<StreamOwned<ClientConnection, TcpStream>>;

impl Server {
    /// Connects over TLS, trusting `certificate` only and offering `protocol`.
    pub(crate) fn connect_tls(&self, certificate: &Certificate, protocol: &str) -> TlsConnection {
        self.try_connect_tls(certificate, protocol).unwrap()
    }

    /// The same, where the handshake may fail.
    pub(crate) fn try_connect_tls(
        &self,
        certificate: &Certificate,
        protocol: &str,
    ) -> std::io::Result<TlsConnection> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der.clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let name = ServerName::try_from(NAME).unwrap();
        let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut stream = TcpStream::connect(self.public)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        connection.complete_io(&mut stream)?;
        Ok(Connection::new(StreamOwned::new(connection, stream)))
    }
}
