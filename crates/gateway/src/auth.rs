//! From a claim to a principal.

use crate::answer::{auth_fault, is_s3};
use crate::sigv4::{AuthError, Claim, Payload, Rules, Verified, Verifier, sha256_hex};
use http::request::Parts;
use kernel::{CredentialsError, Kernel, Principal};
use shape::{Fault, Model};

/// A claim whose key exists and whose time, scope and headers are right, but whose signature
/// still has to be compared.
pub(crate) struct Candidate<'a> {
    claim: &'a Claim,
    rules: Rules<'a>,
    secret: String,
    principal: Principal,
}

/// Who signed, and the proof a stream's chunks continue from.
pub(crate) struct Identified {
    pub principal: Principal,
    pub proof: Verified,
}

impl<'a> Candidate<'a> {
    /// Checks all that needs no signature. `service` is the signing name the scope has to carry.
    pub fn new(
        kernel: &Kernel,
        parts: &Parts,
        claim: &'a Claim,
        service: &'a str,
        s3: bool,
    ) -> Result<Self, AuthError> {
        let rules = Rules { service, s3, unsigned_payload: false };
        let now = kernel.clock().now();
        claim.check(parts, rules, now.epoch_ms.div_euclid(1000))?;
        let token = claim.session_token.as_deref();
        let found = kernel.credentials().find(kernel, &claim.access_key_id, token, now);
        match found {
            Ok(key) => Ok(Self { claim, rules, secret: key.secret, principal: key.principal }),
            Err(CredentialsError::Unknown) => Err(AuthError::UnknownKey),
            Err(CredentialsError::InvalidToken) => Err(AuthError::InvalidToken),
            Err(CredentialsError::Expired) => Err(AuthError::ExpiredToken),
        }
    }

    /// For a service of ours.
    pub fn of_service(
        kernel: &Kernel,
        parts: &Parts,
        claim: &'a Claim,
        model: &'static Model,
    ) -> Result<Self, Fault> {
        Self::new(kernel, parts, claim, &model.service.signing_name, is_s3(model))
            .map_err(|error| auth_fault(model, &error))
    }

    /// Whether the body must be read first.
    pub fn needs_body(&self) -> bool {
        self.claim.needs_body(self.rules)
    }

    /// Compares the signature; with the body if it is at hand.
    pub fn verify(
        &self,
        verifier: &Verifier,
        parts: &Parts,
        body: Option<&[u8]>,
    ) -> Result<Identified, AuthError> {
        let digest = body.filter(|_| self.needs_body()).map(sha256_hex);
        let proof =
            verifier.verify(parts, self.claim, self.rules, &self.secret, digest.as_deref())?;
        Ok(Identified { principal: self.principal.clone(), proof })
    }

    /// Whether the body is the one whose digest was signed.
    pub fn check_body(&self, body: &[u8]) -> Result<(), AuthError> {
        match &self.claim.payload {
            Payload::Sha256(digest) if *digest != sha256_hex(body) => Err(AuthError::BodyMismatch),
            _ => Ok(()),
        }
    }
}
