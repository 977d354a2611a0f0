//! `PutBucketRequestPayment`, `GetBucketRequestPayment`.
//!
//! ```text
//! aws s3api get-bucket-request-payment --bucket photos
//! ```

use api_s3::{
    Error, GetBucketRequestPaymentOutput, GetBucketRequestPaymentRequest, Payer,
    PutBucketRequestPaymentOutput, PutBucketRequestPaymentRequest,
};
use kernel::Ctx;

use crate::S3;
use crate::settings::kept::{self, RequesterPays};
use crate::settings::refusal;

pub(crate) async fn put_bucket_request_payment(
    _: &S3,
    ctx: &Ctx,
    input: PutBucketRequestPaymentRequest,
) -> Result<PutBucketRequestPaymentOutput, Error> {
    let requester = match input.request_payment_configuration.payer {
        Payer::Requester => true,
        Payer::BucketOwner => false,
        Payer::Unknown(_) => return Err(refusal::malformed_xml().into()),
    };
    let owner = input.expected_bucket_owner.as_deref();
    kept::set(ctx, &input.bucket, owner, &RequesterPays(requester)).await?;
    Ok(PutBucketRequestPaymentOutput {})
}

pub(crate) async fn get_bucket_request_payment(
    _: &S3,
    ctx: &Ctx,
    input: GetBucketRequestPaymentRequest,
) -> Result<GetBucketRequestPaymentOutput, Error> {
    let owner = input.expected_bucket_owner.as_deref();
    let (_, pays) = kept::find::<RequesterPays>(ctx, &input.bucket, owner)?;
    let payer = match pays {
        Some(RequesterPays(true)) => Payer::Requester,
        _ => Payer::BucketOwner,
    };
    Ok(GetBucketRequestPaymentOutput { payer: Some(payer) })
}
