//! `GetCallerIdentity`: whose credentials these are.
//!
//! ```text
//! aws sts get-caller-identity
//! {"UserId": "000000000000", "Account": "000000000000", "Arn": "arn:aws:iam::000000000000:root"}
//! ```

use api_sts::{Error, GetCallerIdentityRequest, GetCallerIdentityResponse};
use kernel::Ctx;

use crate::Sts;

pub(crate) async fn get_caller_identity(
    _: &Sts,
    ctx: &Ctx,
    _: GetCallerIdentityRequest,
) -> Result<GetCallerIdentityResponse, Error> {
    let principal = ctx.principal();
    Ok(GetCallerIdentityResponse {
        user_id: Some(principal.user_id()),
        account: Some(principal.account().to_owned()),
        arn: Some(principal.arn()),
    })
}
