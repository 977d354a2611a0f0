//! The certificate authorities this machine trusts.

use std::fmt;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Where Debian, Red Hat, Alpine and SUSE keep the bundle.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
    "/etc/ssl/ca-bundle.pem",
];
/// Names the bundle, as for OpenSSL.
const VARIABLE: &str = "SSL_CERT_FILE";
/// A bundle is some 220 KiB.
const BUNDLE_BYTES_MAX: u64 = 16 << 20;

/// A file of certificates that was named is not one.
#[derive(Debug)]
pub struct RootsError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub why: String,
}

impl fmt::Display for RootsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for RootsError {}

/// The authorities that the machine's owner trusts: the file that `SSL_CERT_FILE` names, or the
/// system's bundle. Empty on a machine that has none.
pub fn system_roots() -> Result<RootCertStore, RootsError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = std::env::var_os(VARIABLE) {
        add_pem(&mut roots, Path::new(&path))?;
        return Ok(roots);
    }
    if let Some(path) = system_bundle() {
        add_pem(&mut roots, path)?;
    }
    Ok(roots)
}

/// The system's bundle of the authorities that the machine's owner trusts, PEM, if there is one.
pub fn system_bundle() -> Option<&'static Path> {
    BUNDLES.iter().map(Path::new).find(|path| path.exists())
}

/// Adds the certificates of a PEM file. Those that cannot be authorities are passed over: system
/// bundles hold a few.
pub fn add_pem(roots: &mut RootCertStore, path: &Path) -> Result<(), RootsError> {
    let failed = |why: String| RootsError { path: path.to_owned(), why };
    let size = std::fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if size > BUNDLE_BYTES_MAX {
        return Err(failed(format!("{size} bytes are too many for certificates")));
    }
    let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        let _ = roots.add(certificate);
    }
    Ok(())
}
