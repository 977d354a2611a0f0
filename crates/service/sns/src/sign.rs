//! Signatures of messages: RSA with SHA-1 (SignatureVersion 1) or SHA-256 (2) over the lines that
//! AWS signs, by a key of this installation whose certificate it serves.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::{BoxFuture, Fault, Kernel, Reseal, ResealProgress, SealError, reseal_table};
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256};

use crate::record::{SIGNING, Signing, trouble};
use crate::sha1;

const PURPOSE: &str = "sns/signing";
/// Where the certificate is, below the installation's address.
pub const CERTIFICATE_PATH: &str = "/_gureum/sns/certificate.pem";

/// The key, ready to sign.
pub(crate) struct Signer {
    key: RsaKeyPair,
    pkcs8: Vec<u8>,
}

/// In which way a topic's messages are signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// SHA-1: as topics do by themselves.
    One,
    /// SHA-256.
    Two,
}

impl Version {
    /// Of a topic's attribute.
    pub fn of(attribute: Option<&String>) -> Self {
        match attribute.map(String::as_str) {
            Some("2") => Version::Two,
            _ => Version::One,
        }
    }

    /// As messages show it.
    pub fn text(self) -> &'static str {
        match self {
            Version::One => "1",
            Version::Two => "2",
        }
    }
}

impl Signer {
    /// The installation's; made at the first need.
    pub async fn open(kernel: &Kernel) -> Result<Self, Fault> {
        let signing = ensure(kernel).await?;
        let sealed = STANDARD.decode(&signing.key).map_err(Fault::internal)?;
        let pkcs8 = kernel.sealer().open_sealed(PURPOSE, &sealed).map_err(Fault::internal)?;
        let key = RsaKeyPair::from_pkcs8(&pkcs8).map_err(Fault::internal)?;
        Ok(Signer { key, pkcs8 })
    }

    /// The signature of a text, in base64.
    pub fn sign(&self, version: Version, text: &str) -> Result<String, Fault> {
        if version == Version::One {
            let made = sha1::sign(&self.pkcs8, self.key.public_modulus_len(), text.as_bytes());
            let made = made.ok_or_else(|| Fault::internal("the key of SNS does not sign"))?;
            return Ok(STANDARD.encode(made));
        }
        let mut signature = vec![0; self.key.public_modulus_len()];
        let random = SystemRandom::new();
        self.key
            .sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
            .map_err(Fault::internal)?;
        Ok(STANDARD.encode(signature))
    }
}

/// The certificate, in PEM.
pub async fn certificate(kernel: &Kernel) -> Result<String, Fault> {
    Ok(ensure(kernel).await?.certificate)
}

async fn ensure(kernel: &Kernel) -> Result<Signing, Fault> {
    if let Some(there) = kernel.store().read(|tx| tx.get(&SIGNING, ())).map_err(trouble)? {
        return Ok(there);
    }
    let new = generate(kernel)?;
    // Another may have been faster: the first one counts.
    kernel
        .store()
        .write(|tx| match tx.get(&SIGNING, ())? {
            Some(there) => Ok(there),
            None => tx.put(&SIGNING, (), &new).map(|()| new.clone()),
        })
        .await
        .map_err(trouble)
}

fn generate(kernel: &Kernel) -> Result<Signing, Fault> {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(Fault::internal)?;
    let pkcs8 = key.as_der().map_err(Fault::internal)?;
    let der = rcgen_der(pkcs8.as_ref());
    let pair =
        KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_RSA_SHA256).map_err(Fault::internal)?;
    let mut params =
        CertificateParams::new(vec!["sns.localhost".into()]).map_err(Fault::internal)?;
    params.distinguished_name.push(DnType::CommonName, "sns.localhost");
    let certificate = params.self_signed(&pair).map_err(Fault::internal)?;
    let sealed = kernel.sealer().seal(PURPOSE, pkcs8.as_ref());
    Ok(Signing { key: STANDARD.encode(sealed), certificate: certificate.pem() })
}

/// Seals the key again after a rotation of the installation key.
pub(crate) struct Keys;

impl Reseal for Keys {
    fn reseal<'a>(
        &'a self,
        kernel: &'a Kernel,
        progress: &'a ResealProgress,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(reseal_table(kernel, &SIGNING, progress, |sealer, _, record| {
            let sealed = STANDARD.decode(&record.key).map_err(|_| SealError::Forged)?;
            let new = sealer.resealed(PURPOSE, &sealed)?;
            let changed = new.is_some();
            if let Some(new) = new {
                record.key = STANDARD.encode(new);
            }
            Ok(changed)
        }))
    }
}

fn rcgen_der(pkcs8: &[u8]) -> rustls::pki_types::PrivatePkcs8KeyDer<'static> {
    rustls::pki_types::PrivatePkcs8KeyDer::from(pkcs8.to_vec())
}
