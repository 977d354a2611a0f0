//! `ImportTable`: makes a table of the objects in a bucket.
//!
//! ```text
//! {"S3BucketSource": {"S3Bucket": "exports", "S3KeyPrefix": "flights/"},
//!  "InputFormat": "DYNAMODB_JSON", "InputCompressionType": "GZIP",
//!  "TableCreationParameters": {"TableName": "Flights", "BillingMode": "PAY_PER_REQUEST",
//!    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
//!    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]}}
//! ```

use api_dynamodb::{
    CreateTableInput, Error, ImportConflictException, ImportTableInput, ImportTableOutput,
    InputCompressionType, InputFormat,
};
use kernel::Ctx;
use store::WriteTx;

use super::create_table::{define, number};
use crate::invalid::Invalid;
use crate::sse;
use crate::table::TABLES;
use crate::transfer::bucket::Bucket;
use crate::transfer::caller::Caller;
use crate::transfer::import::work::Import;
use crate::transfer::import::{
    Compression, Format, IMPORTS, IMPORTS_MAX, ImportRecord, State, describe,
};
use crate::transfer::{self, Direction, Mismatch, TransferId};
use crate::{DynamoDb, fault, jobs, table};

pub(crate) async fn import_table(
    service: &DynamoDb,
    ctx: &Ctx,
    mut input: ImportTableInput,
) -> Result<ImportTableOutput, Error> {
    let name = table::name(ctx, &input.table_creation_parameters.table_name)?;
    refuse(&input)?;
    let token = input.client_token.take();
    let fingerprint = transfer::fingerprint(&format!("{input:?}"));
    let caller = Caller::of(ctx)?;
    let id = TransferId::new(ctx, Direction::Import, &name);
    let now_ms = ctx.now().epoch_ms;
    let wanted = sse::wanted(input.table_creation_parameters.sse_specification.as_ref())?;
    let mut import = record(ctx, caller, token, input)?;
    let key = sse::prepare(ctx, &name, &wanted).await?;
    let write = |tx: &mut WriteTx| -> Result<_, Error> {
        let begun = import.token.as_deref().map(|token| {
            transfer::claim(tx, &id, token, fingerprint, now_ms)?.map_err(|Mismatch| conflict())
        });
        if let Some(known) = begun.transpose()?.flatten()
            && let Some(import) = tx.get(&IMPORTS, known.key())?
        {
            return Ok((known, import, None));
        }
        let running = |import: &ImportRecord| import.state == State::InProgress;
        transfer::check_limit(ctx, tx, (&IMPORTS, IMPORTS_MAX), Direction::Import, running)?;
        number(ctx, tx, &name, &mut import.table)?;
        key.as_ref().map_or(Ok(()), |key| key.give(tx, &mut import.table))?;
        tx.put(&TABLES, (ctx.account(), ctx.region(), name.as_str()), &import.table)?;
        tx.put(&IMPORTS, id.key(), &import)?;
        transfer::keep(tx, &id, now_ms)?;
        let job = Import { id: id.clone() };
        let watch = jobs::watch(tx, now_ms, &job)?;
        Ok((id.clone(), import.clone(), Some((job, watch))))
    };
    let (id, import, begun) = ctx.store().write(write).await?;
    if let Some((job, watch)) = begun {
        service.jobs.start(ctx.kernel(), job, watch);
    }
    Ok(ImportTableOutput { import_table_description: describe::description(&id, &import) })
}

fn refuse(input: &ImportTableInput) -> Result<(), Error> {
    let parameters = &input.table_creation_parameters;
    let refused = [
        ("InputFormat ION", input.input_format == InputFormat::Ion),
        (
            "InputCompressionType ZSTD",
            input.input_compression_type == Some(InputCompressionType::Zstd),
        ),
        ("VectorIndexes", parameters.vector_indexes.as_ref().is_some_and(|v| !v.is_empty())),
    ];
    fault::refuse("ImportTable", &refused)?;
    if input.input_format != InputFormat::Csv && input.input_format_options.is_some() {
        return Err(Invalid::new(
            "Invalid Request: InputFormatOptions can only be specified if InputFormat is CSV",
        )
        .into());
    }
    Ok(())
}

/// The import, but for the numbers of its table.
fn record(
    ctx: &Ctx,
    caller: Caller,
    token: Option<String>,
    input: ImportTableInput,
) -> Result<ImportRecord, Error> {
    let csv = input.input_format_options.and_then(|options| options.csv).unwrap_or_default();
    let source = input.s3_bucket_source;
    let parameters = input.table_creation_parameters;
    let table = CreateTableInput {
        attribute_definitions: Some(parameters.attribute_definitions),
        table_name: parameters.table_name,
        key_schema: Some(parameters.key_schema),
        global_secondary_indexes: parameters.global_secondary_indexes,
        billing_mode: parameters.billing_mode,
        provisioned_throughput: parameters.provisioned_throughput,
        on_demand_throughput: parameters.on_demand_throughput,
        ..CreateTableInput::default()
    };
    let mut table = define(ctx, table)?;
    table.importing = true;
    Ok(ImportRecord {
        table,
        caller,
        token,
        started_ms: ctx.now().epoch_ms,
        bucket: Bucket { name: source.s3_bucket, owner: source.s3_bucket_owner },
        prefix: source.s3_key_prefix,
        format: match input.input_format {
            InputFormat::Csv => Format::Csv { delimiter: csv.delimiter, header: csv.header_list },
            _ => Format::Json,
        },
        compression: match input.input_compression_type {
            Some(InputCompressionType::Gzip) => Compression::Gzip,
            _ => Compression::None,
        },
        state: State::InProgress,
        done: None,
        objects: 0,
        reading: None,
        processed: 0,
        imported: 0,
        errors: 0,
        bytes: 0,
    })
}

fn conflict() -> Error {
    let message = Some(Mismatch::MESSAGE.to_owned());
    ImportConflictException { message }.into()
}
