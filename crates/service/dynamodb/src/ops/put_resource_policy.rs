//! `PutResourcePolicy`: sets the policy of a table or stream.
//!
//! ```text
//! {"ResourceArn": "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Flights",
//!  "Policy": "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\",
//!    \"Principal\": {\"AWS\": \"444455556666\"}, \"Action\": \"dynamodb:GetItem\",
//!    \"Resource\": \"*\"}]}", "ExpectedRevisionId": "NO_POLICY"}
//! ```
//!
//! The policy is kept and given back, but nothing is allowed or denied by it yet: requests are
//! not authorized at all until the identity service is there. So ConfirmRemoveSelfResourceAccess
//! has nothing to confirm.

use api_dynamodb::{Error, PutResourcePolicyInput, PutResourcePolicyOutput};
use kernel::Ctx;
use store::WriteTx;

use crate::DynamoDb;
use crate::policy::{self, PolicyRecord};
use crate::resource::Resource;

pub(crate) async fn put_resource_policy(
    _: &DynamoDb,
    ctx: &Ctx,
    input: PutResourcePolicyInput,
) -> Result<PutResourcePolicyOutput, Error> {
    let resource = Resource::parse(ctx, "PutResourcePolicy", &input.resource_arn)?;
    policy::check(&input.policy)?;
    let new = PolicyRecord::new(ctx, input.policy);
    let write = |tx: &mut WriteTx| -> Result<String, Error> {
        resource.find(ctx, tx)?;
        let current = policy::get(ctx, tx, &resource.path)?;
        policy::check_revision(&resource, current.as_ref(), input.expected_revision_id.as_deref())?;
        if let Some(same) = current.filter(|current| current.document == new.document) {
            return Ok(same.revision);
        }
        policy::put(ctx, tx, &resource.path, &new)?;
        Ok(new.revision.clone())
    };
    let revision_id = Some(ctx.store().write(write).await?);
    Ok(PutResourcePolicyOutput { revision_id })
}
