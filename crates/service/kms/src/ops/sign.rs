//! `Sign`, `Verify`.
//!
//! ```text
//! aws kms sign --key-id alias/desk --message fileb://letter --signing-algorithm ECDSA_SHA_256
//! ```

use api_kms::{
    Error, KeyUsageType, MessageType, SignRequest, SignResponse, SigningAlgorithmSpec as Algorithm,
    VerifyRequest, VerifyResponse,
};
use kernel::{Ctx, Fault};

use crate::crypto::{self, Message};
use crate::error::{dry_run, internal, validation, wrong_algorithm};
use crate::find::Key;
use crate::{Kms, material, spec};

pub(crate) async fn sign(api: &Kms, ctx: &Ctx, input: SignRequest) -> Result<SignResponse, Error> {
    let tokens = input.grant_tokens.as_deref();
    let key = api.usable(ctx, &input.key_id, &KeyUsageType::SignVerify, "Sign", tokens).await?;
    let algorithm = input.signing_algorithm;
    let what = What::of(&key, &algorithm, input.message_type, input.message.0.to_vec())?;
    if input.dry_run == Some(true) {
        return Err(dry_run().into());
    }
    let (_, bytes) = material::current(ctx, &key)?;
    let (key_spec, wanted) = (key.spec(), algorithm.clone());
    let work = move || crypto::sign(&key_spec, &wanted, &bytes, what.message());
    let signature = material::blocking(work).await?.map_err(|_| internal("nothing signed"))?;
    api.used(ctx, &key, "Sign");
    Ok(SignResponse {
        key_id: Some(key.arn),
        signature: Some(signature.into()),
        signing_algorithm: Some(algorithm),
    })
}

pub(crate) async fn verify(
    api: &Kms,
    ctx: &Ctx,
    input: VerifyRequest,
) -> Result<VerifyResponse, Error> {
    let tokens = input.grant_tokens.as_deref();
    let key = api.usable(ctx, &input.key_id, &KeyUsageType::SignVerify, "Verify", tokens).await?;
    let algorithm = input.signing_algorithm;
    let what = What::of(&key, &algorithm, input.message_type, input.message.0.to_vec())?;
    if input.dry_run == Some(true) {
        return Err(dry_run().into());
    }
    let (_, bytes) = material::current(ctx, &key)?;
    let (key_spec, wanted) = (key.spec(), algorithm.clone());
    let signature = input.signature.0;
    let work = move || crypto::verify(&key_spec, &wanted, &bytes, what.message(), &signature);
    let valid = material::blocking(work).await?.map_err(|_| internal("nothing verified"))?;
    api.used(ctx, &key, "Verify");
    if !valid {
        return Err(Fault::sender("KMSInvalidSignatureException", "").into());
    }
    Ok(VerifyResponse {
        key_id: Some(key.arn),
        signature_valid: Some(true),
        signing_algorithm: Some(algorithm),
    })
}

/// What a request wants signed, checked.
struct What {
    bytes: Vec<u8>,
    is_digest: bool,
}

impl What {
    fn of(
        key: &Key,
        algorithm: &Algorithm,
        kind: Option<MessageType>,
        bytes: Vec<u8>,
    ) -> Result<What, Error> {
        let key_spec = key.spec();
        if !spec::signing(&key_spec).contains(algorithm) {
            return Err(wrong_algorithm(algorithm.as_str(), &key_spec).into());
        }
        let kind = kind.unwrap_or(MessageType::Raw);
        let name = algorithm.as_str();
        let fits = match algorithm {
            Algorithm::MlDsaShake256 => kind != MessageType::Digest,
            Algorithm::Ed25519Sha512 => kind == MessageType::Raw,
            Algorithm::Ed25519PhSha512 => kind == MessageType::Digest,
            _ => kind != MessageType::ExternalMu,
        };
        if !fits {
            let kind = kind.as_str();
            return Err(validation(format!(
                "MessageType {kind} is incompatible with algorithm {name}."
            ))
            .into());
        }
        let is_digest = kind != MessageType::Raw;
        if is_digest && bytes.len() != crypto::digest_len(algorithm) {
            return Err(
                validation(format!("Digest is invalid length for algorithm {name}.")).into()
            );
        }
        Ok(What { bytes, is_digest })
    }

    fn message(&self) -> Message<'_> {
        if self.is_digest { Message::Digest(&self.bytes) } else { Message::Raw(&self.bytes) }
    }
}
