//! Keys of identity providers: asked for by OpenID Connect Discovery, and kept for a while.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fetch::{Ask, RootCertStore, Trust};
use http::{HeaderMap, Method, Uri};
use kernel::{Ctx, Level};
use serde::Deserialize;

use super::jwk::{KeySet, Verdict};
use super::jwt::Unverified;

const DOCUMENT_BYTES_MAX: usize = 64 * 1024;
const KEYS_BYTES_MAX: usize = 512 * 1024;
/// For one request to a provider.
const WAIT: Duration = Duration::from_secs(5);
/// Keys are asked for anew after this.
const FRESH: Duration = Duration::from_secs(3600);
/// An unknown key id makes us ask anew, but not more often than this.
const ASK_AGAIN: Duration = Duration::from_secs(10);
/// Providers whose keys are kept.
const PROVIDERS_MAX: usize = 256;

/// An identity provider that an account trusts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Provider {
    /// Its ARN in IAM, or the name of one that everybody knows.
    pub name: String,
    /// `iss` of its tokens, an address.
    pub issuer: String,
    /// SHA-1 digests of certificates that may vouch for it.
    pub thumbprints: Vec<[u8; 20]>,
}

/// Why a token's signature could not be verified.
#[derive(Debug)]
pub(crate) enum IssuerError {
    /// The provider could not be reached, or has trouble.
    Unreachable(String),
    /// The provider does not publish what it must, or not this key.
    NoKey(String),
    /// The signature is not by the key it names.
    Forged,
}

impl fmt::Display for IssuerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IssuerError::Unreachable(why) => {
                write!(f, "The identity provider could not be reached: {why}")
            }
            // Two spaces: so AWS writes it.
            IssuerError::NoKey(_) => f.write_str(
                "Couldn't retrieve verification key from your identity provider,  please \
                 reference AssumeRoleWithWebIdentity documentation for requirements",
            ),
            IssuerError::Forged => f.write_str("The signature of the ID Token is not valid"),
        }
    }
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

struct Kept {
    keys: Arc<KeySet>,
    /// Of the clock for measuring.
    asked_at: Duration,
}

/// The keys of all providers.
#[derive(Default)]
pub(crate) struct Issuers {
    /// By provider, thumbprints included: whom one account trusts vouches for no other's.
    kept: Mutex<HashMap<Provider, Kept>>,
    roots: OnceLock<Arc<RootCertStore>>,
}

impl Issuers {
    /// Verifies a token's signature with the provider's keys.
    pub async fn verify(
        &self,
        ctx: &Ctx,
        provider: &Provider,
        token: &Unverified<'_>,
    ) -> Result<(), IssuerError> {
        if let Some((keys, age)) = self.known(ctx, provider) {
            match keys.verify(token) {
                Verdict::Good => return Ok(()),
                Verdict::Bad => return Err(IssuerError::Forged),
                Verdict::NoKey if age < ASK_AGAIN => {
                    return Err(IssuerError::NoKey("no such key".into()));
                }
                Verdict::NoKey => {}
            }
        }
        let asked_at = ctx.elapsed();
        let keys = Arc::new(self.ask(ctx, provider).await.inspect_err(|error| {
            if let IssuerError::NoKey(why) | IssuerError::Unreachable(why) = error {
                ctx.log(Level::Info, format_args!("{}: {why}", provider.issuer));
            }
        })?);
        let verdict = keys.verify(token);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= PROVIDERS_MAX && !kept.contains_key(provider) {
            kept.clear();
        }
        kept.insert(provider.clone(), Kept { keys, asked_at });
        match verdict {
            Verdict::Good => Ok(()),
            Verdict::Bad => Err(IssuerError::Forged),
            Verdict::NoKey => Err(IssuerError::NoKey("no such key".into())),
        }
    }

    /// Forgets all keys.
    pub fn clear(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn known(&self, ctx: &Ctx, provider: &Provider) -> Option<(Arc<KeySet>, Duration)> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.get(provider)?;
        let age = ctx.elapsed().saturating_sub(found.asked_at);
        (age < FRESH).then(|| (found.keys.clone(), age))
    }

    async fn ask(&self, ctx: &Ctx, provider: &Provider) -> Result<KeySet, IssuerError> {
        let no_key = |why: &str| IssuerError::NoKey(why.to_owned());
        let issuer = provider.issuer.as_str();
        let trust = Trust::new(self.roots(ctx), provider.thumbprints.clone());
        let base = issuer.strip_suffix('/').unwrap_or(issuer);
        let address = format!("{base}/.well-known/openid-configuration");
        let document = get(ctx, &address, DOCUMENT_BYTES_MAX, &trust).await?;
        let document: Discovery = serde_json::from_slice(&document)
            .map_err(|_| no_key("the discovery document is not one"))?;
        if document.issuer != issuer {
            return Err(no_key("the discovery document is another issuer's"));
        }
        let keys = get(ctx, &document.jwks_uri, KEYS_BYTES_MAX, &trust).await?;
        KeySet::parse(&keys).ok_or_else(|| no_key("the key set is not one"))
    }

    /// The machine's authorities, and this installation's own.
    fn roots(&self, ctx: &Ctx) -> Arc<RootCertStore> {
        let load = || {
            let warn = |error| ctx.log(Level::Warn, format_args!("certificates: {error}"));
            let mut roots = fetch::system_roots().unwrap_or_else(|error| {
                warn(error);
                RootCertStore::empty()
            });
            let own = ctx.kernel().config().data_dir.as_ref().map(|dir| dir.join("ca/ca.pem"));
            if let Some(own) = own.filter(|path| path.exists()) {
                fetch::add_pem(&mut roots, &own).unwrap_or_else(warn);
            }
            Arc::new(roots)
        };
        self.roots.get_or_init(load).clone()
    }
}

/// Asks a provider, over TLS unless it is this machine itself.
async fn get(
    ctx: &Ctx,
    address: &str,
    bytes_max: usize,
    trust: &Trust,
) -> Result<Bytes, IssuerError> {
    let uri: Uri =
        address.parse().map_err(|_| IssuerError::NoKey(format!("{address} is no address")))?;
    let is_here = || uri.host().is_some_and(fetch::is_loopback);
    if uri.scheme_str() != Some("https") && !is_here() {
        return Err(IssuerError::NoKey(format!("{address} is not https")));
    }
    let ask = Ask {
        method: Method::GET,
        uri,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        answer_bytes_max: bytes_max,
    };
    let answer = tokio::select! {
        answer = fetch::fetch(ask, trust) => answer,
        () = ctx.sleep(WAIT) => {
            return Err(IssuerError::Unreachable(format!("{address} took too long")));
        }
    };
    let answer = answer.map_err(|error| IssuerError::Unreachable(format!("{address}: {error}")))?;
    match answer.status.as_u16() {
        200 => Ok(answer.body),
        status @ (429 | 500..) => {
            Err(IssuerError::Unreachable(format!("{address} answered {status}")))
        }
        status => Err(IssuerError::NoKey(format!("{address} answered {status}"))),
    }
}

/// A thumbprint as IAM keeps it: 40 hexadecimal digits.
pub(crate) fn thumbprint(hex: &str) -> Option<[u8; 20]> {
    let hex = hex.as_bytes();
    let mut out = [0; 20];
    if hex.len() != 40 {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(hex.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = (digit(0)? * 16 + digit(1)?) as u8;
    }
    Some(out)
}
