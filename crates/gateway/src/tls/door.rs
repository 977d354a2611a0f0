//! TLS in front of something else than the gateway's own port.

use std::fmt;
use std::io;
use std::sync::Arc;

use tokio_rustls::TlsAcceptor;

use super::ca::{Ca, CaError};
use super::names::server_config;
use crate::http::{Stream, within};

/// How long a handshake may take, ms.
const HANDSHAKE_MS: u64 = 10_000;

/// Takes TLS off streams, with certificates by one authority.
#[derive(Clone)]
pub struct Door(TlsAcceptor);

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").finish_non_exhaustive()
    }
}

impl Door {
    /// A door whose certificates are good from `now_s`, seconds since 1970.
    pub fn new(ca: Arc<Ca>, now_s: i64) -> Result<Self, CaError> {
        Ok(Self(TlsAcceptor::from(server_config(ca, now_s)?)))
    }

    /// What a client says within TLS. An error when it speaks something else, trusts another
    /// authority, or takes longer than ten seconds.
    pub async fn open(&self, stream: impl Stream + 'static) -> io::Result<Box<dyn Stream>> {
        let shaken = within(HANDSHAKE_MS, self.0.accept(stream)).await;
        let timed_out = || io::Error::from(io::ErrorKind::TimedOut);
        Ok(Box::new(shaken.ok_or_else(timed_out)??))
    }
}
