//! `GetResourcePolicy`: the policy of a table or stream, as it was put.
//!
//! ```text
//! {"ResourceArn": "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Flights"}
//! ```
//!
//! Nothing is allowed or denied by policies yet; see [`super::put_resource_policy`].

use api_dynamodb::{Error, GetResourcePolicyInput, GetResourcePolicyOutput};
use kernel::Ctx;

use crate::DynamoDb;
use crate::policy;
use crate::resource::Resource;

pub(crate) async fn get_resource_policy(
    _: &DynamoDb,
    ctx: &Ctx,
    input: GetResourcePolicyInput,
) -> Result<GetResourcePolicyOutput, Error> {
    let resource = Resource::parse(ctx, "GetResourcePolicy", &input.resource_arn)?;
    let policy = ctx.store().read(|tx| -> Result<_, Error> {
        resource.find(ctx, tx)?;
        policy::get(ctx, tx, &resource.path)?.ok_or_else(|| policy::missing(resource.arn))
    })?;
    Ok(GetResourcePolicyOutput {
        policy: Some(policy.document),
        revision_id: Some(policy.revision),
    })
}
