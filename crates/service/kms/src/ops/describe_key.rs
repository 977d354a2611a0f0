//! `DescribeKey`.
//!
//! ```text
//! aws kms describe-key --key-id alias/desk
//! ```

use api_kms::{DescribeKeyRequest, DescribeKeyResponse, Error};
use kernel::Ctx;

use crate::describe::metadata;
use crate::find::look_up;
use crate::{Kms, grant, material};

pub(crate) async fn describe_key(
    _: &Kms,
    ctx: &Ctx,
    input: DescribeKeyRequest,
) -> Result<DescribeKeyResponse, Error> {
    let key = look_up(ctx, &input.key_id).await?;
    grant::check_tokens(ctx, input.grant_tokens.as_deref())?;
    let ring = material::ring(ctx, &key)?;
    Ok(DescribeKeyResponse { key_metadata: Some(metadata(&key, Some(&ring))) })
}
