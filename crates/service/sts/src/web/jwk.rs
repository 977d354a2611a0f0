//! Public keys as providers publish them (RFC 7517, RFC 7518 §6).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;

use super::jwt::{Algorithm, Unverified};

/// IAM takes up to 100 keys of each kind from a provider.
const KEYS_MAX: usize = 200;

/// A provider's keys.
#[derive(Clone, Default)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    id: Option<String>,
    /// The only algorithm it is for, when that is said.
    algorithm: Option<String>,
    material: Material,
}

#[derive(Clone)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// The uncompressed point.
    P256(Vec<u8>),
    P384(Vec<u8>),
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default, rename = "use")]
    usage: Option<String>,
    #[serde(default)]
    crv: Option<String>,
    #[serde(default)]
    n: Option<String>,
    #[serde(default)]
    e: Option<String>,
    #[serde(default)]
    x: Option<String>,
    #[serde(default)]
    y: Option<String>,
}

/// What a token's signature is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good,
    Bad,
    /// No key of that id and kind is known.
    NoKey,
}

impl KeySet {
    /// Reads a key set. Keys of other kinds are passed over, as the standard wants; `None` if it
    /// is no key set.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let document: Document = serde_json::from_slice(json).ok()?;
        let keys = document.keys.into_iter().take(KEYS_MAX).filter_map(Key::parse).collect();
        Some(KeySet { keys })
    }

    /// Checks a token's signature with the key it names; one that names none may be any key's.
    pub fn verify(&self, token: &Unverified<'_>) -> Verdict {
        let mut verdict = Verdict::NoKey;
        for key in &self.keys {
            let is_named = match (&token.key_id, &key.id) {
                (Some(wanted), Some(id)) => wanted == id,
                (Some(_), None) => false,
                (None, _) => true,
            };
            if !is_named {
                continue;
            }
            match key.verify(token) {
                Some(true) => return Verdict::Good,
                Some(false) => verdict = Verdict::Bad,
                None => {}
            }
        }
        verdict
    }
}

impl Key {
    fn parse(value: serde_json::Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        if jwk.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return None;
        }
        let decode = |part: &Option<String>| BASE64.decode(part.as_deref()?).ok();
        let point = |size: usize| {
            let (x, y) = (decode(&jwk.x)?, decode(&jwk.y)?);
            (x.len() == size && y.len() == size).then(|| [&[4], &x[..], &y[..]].concat())
        };
        let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => {
                let without_zeros = |number: Vec<u8>| {
                    let zeros = number.iter().take_while(|byte| **byte == 0).count();
                    number[zeros..].to_vec()
                };
                Material::Rsa {
                    n: without_zeros(decode(&jwk.n)?),
                    e: without_zeros(decode(&jwk.e)?),
                }
            }
            ("EC", Some("P-256")) => Material::P256(point(32)?),
            ("EC", Some("P-384")) => Material::P384(point(48)?),
            _ => return None,
        };
        Some(Key { id: jwk.kid, algorithm: jwk.alg, material })
    }

    /// Whether the signature is this key's; `None` if the key is not for the token's algorithm.
    fn verify(&self, token: &Unverified<'_>) -> Option<bool> {
        let (signed, signature) = (token.signed, &token.signature[..]);
        let name = format!("{:?}", token.algorithm).to_uppercase();
        if self.algorithm.as_ref().is_some_and(|only| *only != name) {
            return None;
        }
        let result = match (&self.material, token.algorithm) {
            (Material::Rsa { n, e }, Algorithm::Rs256 | Algorithm::Rs384 | Algorithm::Rs512) => {
                let parameters = match token.algorithm {
                    Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
                    Algorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
                    _ => &RSA_PKCS1_2048_8192_SHA512,
                };
                RsaPublicKeyComponents { n, e }.verify(parameters, signed, signature)
            }
            (Material::P256(point), Algorithm::Es256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature)
            }
            (Material::P384(point), Algorithm::Es384) => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(signed, signature)
            }
            _ => return None,
        };
        Some(result.is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::jwt;

    /// The example of RFC 7515, A.2: RS256 with a key of 2048 bits.
    const RSA_N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4q\
        PCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0\
        LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo\
        5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyu\
        XpoQ";
    const RSA_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQ\
        ogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9\
        g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4B\
        AynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO-\
        -xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLI\
        hWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    /// The example of RFC 7515, A.3: ES256.
    const EC_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const EC_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
    const EC_TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQo\
        gImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmX\
        FCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

    fn check(jwk: &str, token: &str, expected: Verdict) {
        let set = KeySet::parse(format!(r#"{{"keys":[{jwk}]}}"#).as_bytes()).expect("a set");
        let token = jwt::parse(token).expect("a token");
        assert_eq!(set.verify(&token), expected, "{jwk:.60}");
    }

    #[test]
    fn examples_of_the_standard() {
        let rsa = format!(r#"{{"kty":"RSA","n":"{RSA_N}","e":"AQAB"}}"#);
        let ec = format!(r#"{{"kty":"EC","crv":"P-256","x":"{EC_X}","y":"{EC_Y}"}}"#);
        check(&rsa, RSA_TOKEN, Verdict::Good);
        check(&ec, EC_TOKEN, Verdict::Good);
        check(&rsa, EC_TOKEN, Verdict::NoKey);
        check(&ec, RSA_TOKEN, Verdict::NoKey);
        check(&format!("{ec},{rsa}"), RSA_TOKEN, Verdict::Good);
    }

    #[test]
    fn what_spoils_a_signature() {
        let rsa = format!(r#"{{"kty":"RSA","n":"{RSA_N}","e":"AQAB"}}"#);
        // Every character of claims and signature, changed by one.
        let start = RSA_TOKEN.find('.').unwrap() + 1;
        for at in (start..RSA_TOKEN.len()).step_by(7) {
            let mut bytes = RSA_TOKEN.as_bytes().to_vec();
            if bytes[at] == b'.' {
                continue;
            }
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let text = String::from_utf8(bytes).unwrap();
            let Ok(token) = jwt::parse(&text) else { continue };
            let set = KeySet::parse(format!(r#"{{"keys":[{rsa}]}}"#).as_bytes()).unwrap();
            assert_eq!(set.verify(&token), Verdict::Bad, "character {at}");
        }
        let cut = format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB"}}"#, &RSA_N[4..]);
        check(&cut, RSA_TOKEN, Verdict::Bad);
        let other = format!(r#"{{"kty":"RSA","n":"{RSA_N}","e":"AQAB","alg":"RS512"}}"#);
        check(&other, RSA_TOKEN, Verdict::NoKey);
        let secret = format!(r#"{{"kty":"RSA","n":"{RSA_N}","e":"AQAB","use":"enc"}}"#);
        check(&secret, RSA_TOKEN, Verdict::NoKey);
        for odd in [
            "{}",
            "7",
            r#"{"kty":"oct","k":"AAAA"}"#,
            r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#,
            r#"{"kty":"RSA","n":"","e":"AQAB"}"#,
            r#"{"kty":"RSA"}"#,
        ] {
            let set = KeySet::parse(format!(r#"{{"keys":[{odd}]}}"#).as_bytes()).expect(odd);
            let token = jwt::parse(RSA_TOKEN).expect("a token");
            assert_ne!(set.verify(&token), Verdict::Good, "{odd}");
        }
        for no_set in ["", "[]", "{}", r#"{"keys":{}}"#, "<html>"] {
            assert!(KeySet::parse(no_set.as_bytes()).is_none(), "{no_set}");
        }
    }

    #[test]
    fn keys_are_found_by_id() {
        let named = format!(r#"{{"kty":"RSA","n":"{RSA_N}","e":"AQAB","kid":"b"}}"#);
        let other = r#"{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"a"}"#;
        check(&format!("{other},{named}"), RSA_TOKEN, Verdict::Good);
        let set = KeySet::parse(format!(r#"{{"keys":[{named}]}}"#).as_bytes()).unwrap();
        let mut token = jwt::parse(RSA_TOKEN).unwrap();
        token.key_id = Some("b".into());
        assert_eq!(set.verify(&token), Verdict::Good);
        token.key_id = Some("a".into());
        assert_eq!(set.verify(&token), Verdict::NoKey);
    }
}
