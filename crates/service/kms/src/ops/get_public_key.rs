//! `GetPublicKey`.
//!
//! ```text
//! aws kms get-public-key --key-id alias/desk --query PublicKey --output text
//! ```

use api_kms::{Error, GetPublicKeyRequest, GetPublicKeyResponse};
use kernel::Ctx;

use crate::describe::metadata;
use crate::error::{internal, unsupported};
use crate::find::look_up;
use crate::spec::{Family, family};
use crate::{Kms, crypto, grant, material};

pub(crate) async fn get_public_key(
    _: &Kms,
    ctx: &Ctx,
    input: GetPublicKeyRequest,
) -> Result<GetPublicKeyResponse, Error> {
    let key = look_up(ctx, &input.key_id).await?;
    grant::check_tokens(ctx, input.grant_tokens.as_deref())?;
    let key_spec = key.spec();
    if matches!(family(&key_spec), None | Some(Family::Symmetric | Family::Hmac)) {
        let (arn, spec) = (&key.arn, key_spec.as_str());
        return Err(unsupported(format!(
            "{arn} key spec is {spec} which is not valid for GetPublicKey."
        ))
        .into());
    }
    key.usable()?;
    let (_, bytes) = material::current(ctx, &key)?;
    let public = crypto::public_key(&key_spec, &bytes)
        .map_err(|_| internal("a key of ours without a public half"))?;
    let facts = metadata(&key, None);
    Ok(GetPublicKeyResponse {
        key_id: Some(key.arn),
        public_key: Some(public.into()),
        customer_master_key_spec: facts.customer_master_key_spec,
        key_spec: facts.key_spec,
        key_usage: facts.key_usage,
        encryption_algorithms: facts.encryption_algorithms,
        signing_algorithms: facts.signing_algorithms,
        key_agreement_algorithms: facts.key_agreement_algorithms,
        encapsulation_algorithms: facts.encapsulation_algorithms,
    })
}
