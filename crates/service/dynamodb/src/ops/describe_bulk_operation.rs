//! `DescribeBulkOperation`: how far a bulk operation is, or what became of it.
//!
//! ```text
//! {"BulkOperationArn":
//!  "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Flights/bulk-operation/0170…"}
//! ```

use api_dynamodb::{DescribeBulkOperationInput, DescribeBulkOperationOutput, Error};
use kernel::Ctx;

use crate::DynamoDb;
use crate::transfer::bulk::{self, describe};

pub(crate) async fn describe_bulk_operation(
    _: &DynamoDb,
    ctx: &Ctx,
    input: DescribeBulkOperationInput,
) -> Result<DescribeBulkOperationOutput, Error> {
    let (id, operation) = ctx.store().read(|tx| bulk::find(ctx, tx, &input.bulk_operation_arn))?;
    let description = describe::description(&id, &operation);
    Ok(DescribeBulkOperationOutput { bulk_operation_description: description })
}
