//! TLS: certificate files, their replacement in a running server, and handshakes.

use super::limits::Limits;
use super::stats::Stats;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Offered in this order. HTTP/2 exists only here: without TLS nothing announces it.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// A certificate that can be replaced while connections come in. Clones share it.
#[derive(Debug, Clone)]
pub struct Tls {
    certificate: Arc<Certificate>,
    config: Arc<ServerConfig>,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is not PEM, or does not hold what it should.
    #[error("no usable {what} in {path}: {source}")]
    Pem {
        /// `certificate` or `private key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the parser says; it quotes nothing.
        source: pem::Error,
    },
    /// Certificate and key do not belong together, or are of a kind that TLS cannot use.
    #[error("certificate {certificate} and key {key} cannot be used: {source}")]
    Unusable {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
        /// What the TLS library says.
        source: rustls::Error,
    },
}

impl Tls {
    /// Reads a certificate chain (own certificate first) and its private key, both PEM.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certificate = Arc::new(Certificate::load(certificate, key, Arc::clone(&provider))?);
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .map_err(|source| certificate.unusable(source))?;
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(&certificate) as _;
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = ALPN.map(<[u8]>::to_vec).to_vec();
        Ok(Self { certificate, config: Arc::new(config) })
    }

    /// Reads the files again, for new handshakes. Connections that are open keep theirs.
    ///
    /// # Errors
    /// See [`TlsError`]; the certificate in use stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.certificate.reload()
    }

    /// Shakes hands with a client; none when that fails or takes too long, which is counted. `queue` bounds
    /// how many handshakes are under way; waiting for one's turn may take as long as the handshake itself.
    pub(super) async fn handshake<I>(
        &self,
        io: I,
        queue: &Semaphore,
        limits: &Limits,
        stats: &Stats,
    ) -> Option<TlsStream<I>>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let patience = limits.tls_handshake_timeout;
        let handshake = async {
            let _turn = timeout(patience, queue.acquire()).await.ok()?.ok()?;
            let _counted = stats.handshake();
            timeout(patience, TlsAcceptor::from(Arc::clone(&self.config)).accept(io)).await.ok()?.ok()
        };
        let stream = handshake.await;
        if stream.is_none() {
            stats.count_failed_handshake();
        }
        stream
    }
}

#[derive(Debug)]
struct Certificate {
    certificate_path: PathBuf,
    key_path: PathBuf,
    provider: Arc<CryptoProvider>,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificate {
    fn load(certificate: &Path, key: &Path, provider: Arc<CryptoProvider>) -> Result<Self, TlsError> {
        let current = RwLock::new(Arc::new(read(certificate, key, &provider)?));
        let (certificate_path, key_path) = (certificate.to_owned(), key.to_owned());
        Ok(Self { certificate_path, key_path, provider, current })
    }

    fn reload(&self) -> Result<(), TlsError> {
        let fresh = Arc::new(read(&self.certificate_path, &self.key_path, &self.provider)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    fn unusable(&self, source: rustls::Error) -> TlsError {
        TlsError::Unusable { certificate: self.certificate_path.clone(), key: self.key_path.clone(), source }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn read(certificate: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
    let pem_error = |what, path: &Path, source| TlsError::Pem { what, path: path.to_owned(), source };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&read_file(certificate)?)
        .collect::<Result<_, _>>()
        .map_err(|source| pem_error("certificate", certificate, source))?;
    if chain.is_empty() {
        return Err(pem_error("certificate", certificate, pem::Error::NoItemsFound));
    }
    let secret = PrivateKeyDer::from_pem_slice(&read_file(key)?)
        .map_err(|source| pem_error("private key", key, source))?;
    CertifiedKey::from_der(chain, secret, provider).map_err(|source| TlsError::Unusable {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
        source,
    })
}

fn read_file(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}
