//! Enveloped XML signatures (<https://www.w3.org/TR/xmldsig-core1/>) of the kind that SAML uses:
//! one reference, to the element the signature stands in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::digest::{self, SHA256, SHA384, SHA512, digest};
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RsaParameters, UnparsedPublicKey,
};

use super::c14n::canonical;
use super::xml::Document;

pub(crate) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// Whether an element is signed: by a signature that is its direct child and speaks of it alone,
/// made with one of `keys` (RSA public keys, PKCS #1). Keys in the document itself count for
/// nothing.
pub(crate) fn is_signed(document: &Document, index: usize, keys: &[Vec<u8>]) -> bool {
    verify(document, index, keys).is_some()
}

fn verify(document: &Document, index: usize, keys: &[Vec<u8>]) -> Option<()> {
    let signature = document.only(index, DSIG, "Signature")?;
    let info = document.only(signature, DSIG, "SignedInfo")?;
    check_reference(document, index, signature, info)?;
    let method = document.only(info, DSIG, "CanonicalizationMethod")?;
    (document.attribute(method, "Algorithm")? == EXCLUSIVE).then_some(())?;
    let signed = canonical(document, info, None, &inclusive(document, method));
    let algorithm = document.only(info, DSIG, "SignatureMethod")?;
    let parameters = signature_algorithm(document.attribute(algorithm, "Algorithm")?)?;
    let value = document.text(document.only(signature, DSIG, "SignatureValue")?)?;
    let value = decode(&value)?;
    let good = |key: &Vec<u8>| UnparsedPublicKey::new(parameters, key).verify(&signed, &value);
    keys.iter().any(|key| good(key).is_ok()).then_some(())
}

/// Whether the one reference of a signature is to the element, unchanged.
fn check_reference(document: &Document, index: usize, signature: usize, info: usize) -> Option<()> {
    let reference = document.only(info, DSIG, "Reference")?;
    let id = document.attribute(index, "ID")?;
    (document.attribute(reference, "URI")?.strip_prefix('#')? == id && !id.is_empty())
        .then_some(())?;
    // Another element of that id could be what others read.
    let bearers = document.all().filter(|other| {
        let attributes = &document.get(*other).attributes;
        attributes.iter().any(|a| a.local.eq_ignore_ascii_case("id") && a.value == id)
    });
    (bearers.count() == 1).then_some(())?;
    let mut prefixes = None;
    let mut is_enveloped = false;
    for transform in
        document.children(document.only(reference, DSIG, "Transforms")?, DSIG, "Transform")
    {
        match document.attribute(transform, "Algorithm")? {
            ENVELOPED if !is_enveloped && prefixes.is_none() => is_enveloped = true,
            EXCLUSIVE if prefixes.is_none() => prefixes = Some(inclusive(document, transform)),
            _ => return None,
        }
    }
    let prefixes = prefixes.filter(|_| is_enveloped)?;
    let method = document.only(reference, DSIG, "DigestMethod")?;
    let algorithm = digest_algorithm(document.attribute(method, "Algorithm")?)?;
    let expected = decode(&document.text(document.only(reference, DSIG, "DigestValue")?)?)?;
    let found = digest(algorithm, &canonical(document, index, Some(signature), &prefixes));
    (found.as_ref() == expected).then_some(())
}

/// `InclusiveNamespaces/@PrefixList` of an exclusive canonicalization.
fn inclusive(document: &Document, method: usize) -> Vec<String> {
    let list = document.only(method, EXCLUSIVE, "InclusiveNamespaces");
    let list = list.and_then(|list| document.attribute(list, "PrefixList")).unwrap_or_default();
    list.split_ascii_whitespace().map(str::to_owned).collect()
}

/// SHA-1 is not among them: it proves nothing any more.
fn signature_algorithm(name: &str) -> Option<&'static RsaParameters> {
    Some(match name {
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => &RSA_PKCS1_2048_8192_SHA256,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => &RSA_PKCS1_2048_8192_SHA384,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => &RSA_PKCS1_2048_8192_SHA512,
        _ => return None,
    })
}

fn digest_algorithm(name: &str) -> Option<&'static digest::Algorithm> {
    Some(match name {
        "http://www.w3.org/2001/04/xmlenc#sha256" => &SHA256,
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => &SHA384,
        "http://www.w3.org/2001/04/xmlenc#sha512" => &SHA512,
        _ => return None,
    })
}

/// Base 64 with line breaks.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    BASE64.decode(text).ok()
}
