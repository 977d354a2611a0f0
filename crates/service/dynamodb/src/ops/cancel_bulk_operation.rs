//! `CancelBulkOperation`: ends a bulk operation; what it has put stays.
//!
//! ```text
//! {"BulkOperationArn":
//!  "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Flights/bulk-operation/0170…"}
//! ```

use api_dynamodb::{
    BulkOperationStatus, CancelBulkOperationInput, CancelBulkOperationOutput, Error,
};
use kernel::Ctx;
use store::WriteTx;

use crate::DynamoDb;
use crate::invalid::Invalid;
use crate::transfer::bulk::{self, BULKS, State, describe};

pub(crate) async fn cancel_bulk_operation(
    _: &DynamoDb,
    ctx: &Ctx,
    input: CancelBulkOperationInput,
) -> Result<CancelBulkOperationOutput, Error> {
    let write = |tx: &mut WriteTx| -> Result<String, Error> {
        let (id, mut operation) = bulk::find(ctx, tx, &input.bulk_operation_arn)?;
        if !operation.is_active() {
            return Err(Invalid(format!(
                "Bulk operation cannot be cancelled because it is in {} state",
                describe::status(&operation).as_str()
            ))
            .into());
        }
        operation.state = State::Cancelling;
        tx.put(&BULKS, bulk::key(&id), &operation)?;
        Ok(id.arn())
    };
    let arn = ctx.store().write(write).await?;
    Ok(CancelBulkOperationOutput {
        bulk_operation_arn: arn,
        bulk_operation_status: BulkOperationStatus::Cancelling,
    })
}
