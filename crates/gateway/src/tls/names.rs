//! Server certificates by the name a client asks for.
//!
//! A wildcard under `localhost` is refused by most clients (it looks like one over a whole
//! top-level domain), so a name such as `dynamodb.us-east-1.localhost` gets its own certificate,
//! made when first asked for.

use super::ca::{Ca, CaError, Reach};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Certificates kept for names asked for; beyond it all are made anew.
const NAMES_MAX: usize = 256;

/// TLS as the gateway serves it: HTTP/2 and HTTP/1.1, TLS 1.2 and 1.3, certificates by `ca`.
/// `now_s` is seconds since 1970.
pub fn server_config(ca: Arc<Ca>, now_s: i64) -> Result<Arc<ServerConfig>, CaError> {
    let names = Names::new(ca, now_s)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(CaError::Tls)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(names));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

struct Names {
    ca: Arc<Ca>,
    now_s: i64,
    general: Arc<CertifiedKey>,
    made: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Names").finish_non_exhaustive()
    }
}

impl Names {
    fn new(ca: Arc<Ca>, now_s: i64) -> Result<Self, CaError> {
        let mut names: Vec<String> =
            ca.reach().names().iter().map(|name| (*name).to_owned()).collect();
        names.extend_from_slice(ca.names());
        let general = certified(&ca, names, now_s)?;
        Ok(Self { ca, now_s, general, made: Mutex::default() })
    }

    /// Whether `name` is one below a name the authority may sign.
    fn is_below(&self, name: &str) -> bool {
        let below = |parent: &str| {
            name.strip_suffix(parent).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        };
        let loopback = self.ca.reach() == Reach::Loopback;
        (loopback && below("localhost")) || self.ca.names().iter().any(|parent| below(parent))
    }
}

impl ResolvesServerCert for Names {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let Some(name) = hello.server_name().map(str::to_ascii_lowercase) else {
            return Some(self.general.clone());
        };
        if !self.is_below(&name) {
            return Some(self.general.clone());
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = made.get(&name) {
            return Some(key.clone());
        }
        if made.len() >= NAMES_MAX {
            made.clear();
        }
        let key = certified(&self.ca, vec![name.clone()], self.now_s).ok()?;
        made.insert(name, key.clone());
        Some(key)
    }
}

fn certified(ca: &Ca, names: Vec<String>, now_s: i64) -> Result<Arc<CertifiedKey>, CaError> {
    let leaf = ca.leaf(names, now_s)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf.key));
    let key = ring::sign::any_supported_type(&key).map_err(CaError::Tls)?;
    Ok(Arc::new(CertifiedKey::new(vec![CertificateDer::from(leaf.certificate)], key)))
}
