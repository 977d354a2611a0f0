//! `DescribeExport`: what became of an export.
//!
//! ```text
//! {"ExportArn": "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Flights/export/0170…"}
//! ```

use api_dynamodb::{DescribeExportInput, DescribeExportOutput, Error, ExportNotFoundException};
use kernel::Ctx;

use crate::DynamoDb;
use crate::transfer::export::{EXPORTS, describe};
use crate::transfer::{Direction, TransferId};

pub(crate) async fn describe_export(
    _: &DynamoDb,
    ctx: &Ctx,
    input: DescribeExportInput,
) -> Result<DescribeExportOutput, Error> {
    let id = TransferId::parse(ctx, Direction::Export, &input.export_arn)?;
    let export = ctx.store().read(|tx| tx.get(&EXPORTS, id.key()))?.ok_or_else(|| {
        let message = Some(format!("Export not found: {}", input.export_arn));
        Error::from(ExportNotFoundException { message })
    })?;
    Ok(DescribeExportOutput { export_description: Some(describe::description(&id, &export)) })
}
