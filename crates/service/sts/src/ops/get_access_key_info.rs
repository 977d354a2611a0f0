//! `GetAccessKeyInfo`: the account of an access key. It is in the key's id, so that no record is
//! needed, not even of keys that were deleted.
//!
//! ```text
//! aws sts get-access-key-info --access-key-id AKIAQNZGKIQY56JQ7WML
//! {"Account": "029608264753"}
//! ```

use api_sts::{Error, GetAccessKeyInfoRequest, GetAccessKeyInfoResponse};
use kernel::{Ctx, account_of_key};

use crate::Sts;
use crate::fault::invalid;

pub(crate) async fn get_access_key_info(
    _: &Sts,
    ctx: &Ctx,
    input: GetAccessKeyInfoRequest,
) -> Result<GetAccessKeyInfoResponse, Error> {
    let id = &input.access_key_id;
    let kernel = ctx.kernel();
    // The operator's root key may have any id.
    let known = || kernel.credentials().find(kernel, id, None, ctx.now()).ok();
    let account = account_of_key(id).or_else(|| Some(known()?.principal.account().to_owned()));
    match account {
        Some(account) => Ok(GetAccessKeyInfoResponse { account: Some(account) }),
        None => Err(invalid(format!("Invalid access key id: {id}"))),
    }
}
