//! `DescribeImport`: what became of an import.
//!
//! ```text
//! {"ImportArn": "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Flights/import/0170…"}
//! ```

use api_dynamodb::{DescribeImportInput, DescribeImportOutput, Error, ImportNotFoundException};
use kernel::Ctx;

use crate::DynamoDb;
use crate::transfer::import::{IMPORTS, describe};
use crate::transfer::{Direction, TransferId};

pub(crate) async fn describe_import(
    _: &DynamoDb,
    ctx: &Ctx,
    input: DescribeImportInput,
) -> Result<DescribeImportOutput, Error> {
    let id = TransferId::parse(ctx, Direction::Import, &input.import_arn)?;
    let import = ctx.store().read(|tx| tx.get(&IMPORTS, id.key()))?.ok_or_else(|| {
        let message = Some(format!("Import not found: {}", input.import_arn));
        Error::from(ImportNotFoundException { message })
    })?;
    Ok(DescribeImportOutput { import_table_description: describe::description(&id, &import) })
}
