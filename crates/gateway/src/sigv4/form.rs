//! Signatures of HTML forms: the policy, as it was sent, is what is signed.

use super::claim::{ALGORITHM, TERMINATOR};
use super::date::parse_basic;
use super::error::AuthError;
use super::key::{derive, hex, hmac};
use super::{same_secret, version2};
use kernel::{AccessKey, CredentialsError, FormSignature, Kernel, Principal};

/// Who signed a form, and for which region. When the form expires its policy says.
pub(crate) fn verify(
    kernel: &Kernel,
    service: &str,
    form: &FormSignature<'_>,
) -> Result<(Principal, String), AuthError> {
    if form.algorithm == version2::ALGORITHM {
        return verify_version2(kernel, form);
    }
    let wrong = |what: &str| AuthError::IncompleteQuery(format!("The form's {what} is not valid."));
    if form.algorithm != ALGORITHM {
        return Err(wrong("x-amz-algorithm"));
    }
    let parts: Vec<&str> = form.credential.split('/').collect();
    let &[id, date, region, scope, TERMINATOR] = parts.as_slice() else {
        return Err(wrong("x-amz-credential"));
    };
    let fits = form.date.get(..8) == Some(date) && parse_basic(form.date).is_some();
    if !fits || scope != service {
        return Err(wrong("x-amz-credential"));
    }
    let key = find(kernel, id, form.token)?;
    let signing_key = derive(&key.secret, date, region, scope);
    let expected = hex(&hmac(&signing_key, form.text.as_bytes()));
    match same_secret(&expected, form.signature) {
        true => Ok((key.principal, region.to_owned())),
        false => Err(AuthError::Mismatch),
    }
}

/// By Signature Version 2: the credential is the key's id alone, and nothing names a region.
fn verify_version2(
    kernel: &Kernel,
    form: &FormSignature<'_>,
) -> Result<(Principal, String), AuthError> {
    let key = find(kernel, form.credential, form.token)?;
    let expected = version2::signature(&key.secret, form.text.as_bytes());
    match same_secret(&expected, form.signature) {
        true => Ok((key.principal, kernel.config().region.clone())),
        false => Err(AuthError::Mismatch),
    }
}

fn find(kernel: &Kernel, id: &str, token: Option<&str>) -> Result<AccessKey, AuthError> {
    let now = kernel.clock().now();
    kernel.credentials().find(kernel, id, token, now).map_err(|why| match why {
        CredentialsError::Unknown => AuthError::UnknownKey,
        CredentialsError::InvalidToken => AuthError::InvalidToken,
        CredentialsError::Expired => AuthError::ExpiredToken,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Config;

    #[test]
    fn forms_are_verified() {
        let kernel = Kernel::new(Config::memory());
        let sign = |text: &str| {
            hex(&hmac(&derive("test", "20260101", "us-east-1", "s3"), text.as_bytes()))
        };
        let good = sign("cG9saWN5");
        let check = |credential: &str, date: &str, signature: &str, expected: bool| {
            let form = FormSignature {
                algorithm: ALGORITHM,
                credential,
                date,
                token: None,
                signature,
                text: "cG9saWN5",
            };
            assert_eq!(verify(&kernel, "s3", &form).is_ok(), expected, "{credential} {date}");
        };
        let scope = "test/20260101/us-east-1/s3/aws4_request";
        let date = "20260101T000000Z";
        check(scope, date, &good, true);
        check(scope, date, &sign("other"), false);
        check(scope, date, &good.to_uppercase(), false);
        check(scope, "20260102T000000Z", &good, false);
        check(scope, "20260101", &good, false);
        check("test/20260101/us-east-1/sqs/aws4_request", date, &good, false);
        check("test/20260101/eu-west-1/s3/aws4_request", date, &good, false);
        check("nobody/20260101/us-east-1/s3/aws4_request", date, &good, false);
        check("test/20260101/us-east-1/s3", date, &good, false);
    }

    /// Every bit of what is signed, turned over.
    #[test]
    fn changed_forms_are_refused() {
        let kernel = Kernel::new(Config::memory());
        let check = |algorithm: &str, fields: [&str; 4], is_free: fn(usize, &str) -> bool| {
            let verified = |[credential, date, signature, text]: [&str; 4]| {
                let form =
                    FormSignature { algorithm, credential, date, token: None, signature, text };
                verify(&kernel, "s3", &form).is_ok()
            };
            assert!(verified(fields));
            for (at, field) in fields.iter().enumerate() {
                for bit in 0..field.len() * 8 {
                    let mut bytes = field.as_bytes().to_vec();
                    bytes[bit / 8] ^= 1 << (bit % 8);
                    let Ok(changed) = String::from_utf8(bytes) else { continue };
                    let mut fields = fields;
                    fields[at] = &changed;
                    assert!(!verified(fields) || is_free(at, &changed), "{fields:?}");
                }
            }
        };
        let text = "cG9saWN5";
        let good = hex(&hmac(&derive("test", "20260101", "us-east-1", "s3"), text.as_bytes()));
        let scope = "test/20260101/us-east-1/s3/aws4_request";
        // The hour is not in the signature: until when a form is good its policy says.
        check(ALGORITHM, [scope, "20260101T000000Z", &good, text], |at, changed| {
            at == 1 && changed.starts_with("20260101T")
        });
        let oldest = version2::signature("test", text.as_bytes());
        check(version2::ALGORITHM, ["test", "", &oldest, text], |_, _| false);
    }
}
