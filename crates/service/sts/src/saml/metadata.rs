//! Metadata of an identity provider (SAML 2.0 Metadata), as IAM's SAML providers hold it.

use super::dsig::{DSIG, decode};
use super::x509::rsa_key;
use super::xml::Document;

const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// Certificates that are tried.
const KEYS_MAX: usize = 16;

/// Who signs, and with what.
pub(crate) struct Metadata {
    /// `entityID`.
    pub entity: String,
    /// RSA public keys, PKCS #1.
    pub keys: Vec<Vec<u8>>,
}

impl Metadata {
    /// Reads an `EntityDescriptor`; `None` if it is none, or without a key for signing.
    pub fn parse(text: &str) -> Option<Self> {
        let document = Document::parse(text).ok()?;
        let root = document.is(0, METADATA, "EntityDescriptor").then_some(0)?;
        let entity = document.attribute(root, "entityID")?.to_owned();
        let mut keys = Vec::new();
        for role in document.children(root, METADATA, "IDPSSODescriptor") {
            for key in document.children(role, METADATA, "KeyDescriptor") {
                let is_for_signing = document.attribute(key, "use").is_none_or(|u| u == "signing");
                if !is_for_signing {
                    continue;
                }
                let info = document.children(key, DSIG, "KeyInfo");
                let data = info.flat_map(|info| document.children(info, DSIG, "X509Data"));
                let certificates =
                    data.flat_map(|data| document.children(data, DSIG, "X509Certificate"));
                for certificate in certificates {
                    let der = document.text(certificate).and_then(|text| decode(&text));
                    keys.extend(der.as_deref().and_then(rsa_key).map(<[u8]>::to_vec));
                }
            }
        }
        keys.truncate(KEYS_MAX);
        (!keys.is_empty()).then_some(Metadata { entity, keys })
    }
}
