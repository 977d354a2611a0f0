//! `DeleteResourcePolicy`: takes the policy of a table or stream away; it need not have one,
//! unless a certain one is expected.
//!
//! ```text
//! {"ResourceArn": "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Flights",
//!  "ExpectedRevisionId": "1732197319123456789"}
//! ```

use api_dynamodb::{DeleteResourcePolicyInput, DeleteResourcePolicyOutput, Error};
use kernel::Ctx;
use store::WriteTx;

use crate::DynamoDb;
use crate::policy;
use crate::resource::Resource;

pub(crate) async fn delete_resource_policy(
    _: &DynamoDb,
    ctx: &Ctx,
    input: DeleteResourcePolicyInput,
) -> Result<DeleteResourcePolicyOutput, Error> {
    let resource = Resource::parse(ctx, "DeleteResourcePolicy", &input.resource_arn)?;
    let write = |tx: &mut WriteTx| -> Result<Option<String>, Error> {
        resource.find(ctx, tx)?;
        let current = policy::get(ctx, tx, &resource.path)?;
        policy::check_revision(&resource, current.as_ref(), input.expected_revision_id.as_deref())?;
        policy::delete(ctx, tx, &resource.path)?;
        Ok(current.map(|current| current.revision))
    };
    let revision_id = ctx.store().write(write).await?;
    Ok(DeleteResourcePolicyOutput { revision_id })
}
