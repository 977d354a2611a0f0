//! The keys by which this installation vouches for its own identities to others (outbound web
//! identity federation), one of each algorithm to an account, and the documents by which anybody
//! finds them (OpenID Connect Discovery 1.0, RFC 7517).

use api_sts::Error;
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64};
use kernel::{BoxFuture, Fault, Kernel, Reseal, ResealProgress, reseal_table, store_fault};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Scan, Table};

use crate::Sts;
use crate::saml::x509::take;

/// Keys by (account, name of the algorithm).
const KEYS: Table<KeyRecord> = Table::new("sts/signing-key");
const PURPOSE: &str = "sts/signing-key";

/// How tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// RSA of 2048 bits with SHA-256.
    Rs256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
}

/// A key.
#[derive(Clone, Serialize, Deserialize)]
struct KeyRecord {
    id: String,
    /// PKCS #8, sealed, in base 64.
    sealed: String,
    /// The public half, a JSON Web Key.
    public: Value,
}

impl Algorithm {
    pub const ALL: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::Es384];

    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Rs256 => "RS256",
            Algorithm::Es384 => "ES384",
        }
    }
}

/// A key that signs.
pub(crate) struct Signer {
    pub key_id: String,
    algorithm: Algorithm,
    pkcs8: Vec<u8>,
}

impl Signer {
    /// An account's key, made at the first need.
    pub async fn open(kernel: &Kernel, account: &str, algorithm: Algorithm) -> Result<Self, Error> {
        let record = ensure(kernel, account, algorithm).await?;
        let sealed = STANDARD.decode(&record.sealed).map_err(Fault::internal)?;
        let pkcs8 = kernel.sealer().open_sealed(PURPOSE, &sealed).map_err(Fault::internal)?;
        Ok(Signer { key_id: record.id, algorithm, pkcs8 })
    }

    /// A signed token (RFC 7515, compact form).
    pub fn token(&self, claims: &Value) -> Result<String, Fault> {
        let header = json!({ "alg": self.algorithm.name(), "kid": self.key_id, "typ": "JWT" });
        let part = |value: &Value| BASE64.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = self.sign(signed.as_bytes())?;
        Ok(format!("{signed}.{}", BASE64.encode(signature)))
    }

    fn sign(&self, text: &[u8]) -> Result<Vec<u8>, Fault> {
        let random = SystemRandom::new();
        match self.algorithm {
            Algorithm::Rs256 => {
                let key = RsaKeyPair::from_pkcs8(&self.pkcs8).map_err(Fault::internal)?;
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature)
                    .map_err(Fault::internal)?;
                Ok(signature)
            }
            Algorithm::Es384 => {
                let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &self.pkcs8)
                    .map_err(Fault::internal)?;
                let signature = key.sign(&random, text).map_err(Fault::internal)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

async fn ensure(kernel: &Kernel, account: &str, algorithm: Algorithm) -> Result<KeyRecord, Error> {
    let at = (account, algorithm.name());
    let found = kernel.store().read(|tx| tx.get(&KEYS, at)).map_err(store_fault)?;
    if let Some(there) = found {
        return Ok(there);
    }
    // RSA takes its time: not on a thread that others wait for.
    let made = tokio::task::spawn_blocking(move || generate(algorithm)).await;
    let (pkcs8, public) = made.map_err(Fault::internal)?.map_err(Fault::internal)?;
    let id = kernel.random().uuid();
    let sealed = STANDARD.encode(kernel.sealer().seal(PURPOSE, &pkcs8));
    let new = KeyRecord { public: with_names(public, &id, algorithm), id, sealed };
    // Another may have been faster: the first one counts.
    let written = kernel.store().write(|tx| match tx.get(&KEYS, at)? {
        Some(there) => Ok(there),
        None => tx.put(&KEYS, at, &new).map(|()| new.clone()),
    });
    Ok(written.await.map_err(store_fault)?)
}

fn with_names(mut public: Value, id: &str, algorithm: Algorithm) -> Value {
    public["kid"] = id.into();
    public["alg"] = algorithm.name().into();
    public["use"] = "sig".into();
    public
}

/// A new key: PKCS #8, and the public half.
fn generate(algorithm: Algorithm) -> Result<(Vec<u8>, Value), String> {
    let failed = |_| "no key could be made".to_owned();
    match algorithm {
        Algorithm::Rs256 => {
            let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
            let pkcs8 = key.as_der().map_err(failed)?.as_ref().to_vec();
            let (n, e) = rsa_numbers(key.public_key().as_ref()).ok_or("an unknown form of keys")?;
            Ok((pkcs8, json!({ "kty": "RSA", "n": BASE64.encode(n), "e": BASE64.encode(e) })))
        }
        Algorithm::Es384 => {
            let key = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).map_err(failed)?;
            let pkcs8 = key.to_pkcs8v1().map_err(failed)?.as_ref().to_vec();
            // An uncompressed point: 4, then both coordinates.
            let point = key.public_key().as_ref().strip_prefix(&[4]);
            let (x, y) = point.and_then(|p| p.split_at_checked(48)).ok_or("no point")?;
            let (x, y) = (BASE64.encode(x), BASE64.encode(y));
            Ok((pkcs8, json!({ "kty": "EC", "crv": "P-384", "x": x, "y": y })))
        }
    }
}

/// Modulus and exponent of a public key (PKCS #1), without leading zeros.
fn rsa_numbers(der: &[u8]) -> Option<(&[u8], &[u8])> {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    let (numbers, _) = take(der, SEQUENCE)?;
    let (modulus, rest) = take(numbers, INTEGER)?;
    let (exponent, _) = take(rest, INTEGER)?;
    Some((modulus.strip_prefix(&[0]).unwrap_or(modulus), exponent))
}

/// What an issuer publishes at `rest`, a path below `base`: `ACCOUNT/.well-known/…`. `None`: there
/// is no such document, or the account never vouched for anybody.
///
/// # Errors
/// The store's, and those of making a key.
pub async fn published(kernel: &Kernel, base: &str, rest: &str) -> Result<Option<Value>, Fault> {
    let Some((account, document)) = rest.split_once('/') else { return Ok(None) };
    if !kernel::is_account(account) || !is_known(kernel, account).await? {
        return Ok(None);
    }
    let issuer = format!("{base}{account}");
    match document {
        ".well-known/openid-configuration" => Ok(Some(json!({
            "issuer": issuer,
            "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": Algorithm::ALL.map(Algorithm::name),
            "claims_supported": ["iss", "sub", "aud", "exp", "iat", "jti"],
        }))),
        ".well-known/jwks.json" => {
            let mut keys = Vec::new();
            for algorithm in Algorithm::ALL {
                keys.push(ensure(kernel, account, algorithm).await.map_err(Fault::from)?.public);
            }
            Ok(Some(json!({ "keys": keys })))
        }
        _ => Ok(None),
    }
}

/// Whether an account vouches for its identities, or has done so: tokens outlive the end of it.
async fn is_known(kernel: &Kernel, account: &str) -> Result<bool, Fault> {
    let made = kernel.store().read(|tx| tx.scan(&KEYS, Scan::prefix(account).limit(1)));
    if !made.map_err(store_fault)?.is_empty() {
        return Ok(true);
    }
    Ok(issuer(kernel, account, &kernel.config().region).await?.is_some())
}

/// The account's issuer, if it vouches for its identities.
pub(crate) async fn issuer(
    kernel: &Kernel,
    account: &str,
    region: &str,
) -> Result<Option<String>, Fault> {
    let ctx = kernel.service_ctx(crate::role::SERVICE, account, region);
    let asked = api_iam::GetOutboundWebIdentityFederationInfoInput::default();
    match ctx.client::<api_iam::Client>().get_outbound_web_identity_federation_info(asked).await {
        Ok(info) => Ok(info.issuer_identifier),
        Err(fault) if fault.code == "FeatureDisabled" => Ok(None),
        Err(fault) => Err(fault),
    }
}

impl Reseal for Sts {
    fn reseal<'a>(
        &'a self,
        kernel: &'a Kernel,
        progress: &'a ResealProgress,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(reseal_table(kernel, &KEYS, progress, |sealer, _, record| {
            let sealed = STANDARD.decode(&record.sealed).map_err(|_| kernel::SealError::Forged)?;
            let new = sealer.resealed(PURPOSE, &sealed)?;
            let changed = new.is_some();
            if let Some(new) = new {
                record.sealed = STANDARD.encode(new);
            }
            Ok(changed)
        }))
    }
}
