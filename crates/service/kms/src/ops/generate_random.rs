//! `GenerateRandom`.
//!
//! ```text
//! aws kms generate-random --number-of-bytes 32
//! ```

use api_kms::{Error, GenerateRandomRequest, GenerateRandomResponse};
use kernel::{Ctx, Fault};

use crate::Kms;
use crate::error::validation;

pub(crate) async fn generate_random(
    _: &Kms,
    ctx: &Ctx,
    input: GenerateRandomRequest,
) -> Result<GenerateRandomResponse, Error> {
    if input.custom_key_store_id.is_some() {
        return Err(Fault::not_implemented("custom key stores").into());
    }
    if input.recipient.is_some() {
        return Err(Fault::not_implemented("the parameter Recipient").into());
    }
    let Some(len) = input.number_of_bytes.and_then(|len| usize::try_from(len).ok()) else {
        return Err(validation("NumberOfBytes is required.").into());
    };
    let mut bytes = vec![0; len];
    ctx.random().fill(&mut bytes);
    Ok(GenerateRandomResponse { plaintext: Some(bytes.into()), ciphertext_for_recipient: None })
}
