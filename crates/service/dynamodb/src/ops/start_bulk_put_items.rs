//! `StartBulkPutItems`: puts the items of the objects in a bucket into a table.
//!
//! ```text
//! {"TableName": "Flights",
//!  "InputS3Configuration": {"S3Bucket": "flights", "S3KeyPrefix": "2026/",
//!    "InputFormat": "DYNAMODB_JSON", "InputCompressionType": "GZIP"},
//!  "OutputS3Configuration": {"S3Bucket": "reports", "OutputType": ["ERROR"]}}
//! ```

use api_dynamodb::{
    BulkOperationInputFormat, BulkOperationPerformanceTier, Error,
    IdempotentParameterMismatchException, InputCompressionType, LimitExceededException,
    OutputTypeEnum, ResourceInUseException, S3SseAlgorithm, StartBulkPutItemsInput as Input,
    StartBulkPutItemsOutput,
};
use kernel::Ctx;
use store::{ReadTx, WriteTx};

use crate::index::IndexState;
use crate::invalid::Invalid;
use crate::table::TableRecord;
use crate::transfer::bucket::{Bucket, Encryption};
use crate::transfer::bulk::work::Bulk;
use crate::transfer::bulk::{self, BULKS, BULKS_MAX, BulkRecord, Reported, State, Usage, describe};
use crate::transfer::caller::Caller;
use crate::transfer::import::Compression;
use crate::transfer::{self, Direction, Mismatch, TransferId};
use crate::{DynamoDb, fault, jobs, table};

pub(crate) async fn start_bulk_put_items(
    service: &DynamoDb,
    ctx: &Ctx,
    mut input: Input,
) -> Result<StartBulkPutItemsOutput, Error> {
    let name = table::name(ctx, &input.table_name)?;
    let output = check(&input)?;
    let token = input.client_token.take();
    let fingerprint = transfer::fingerprint(&format!("{input:?}"));
    let id = TransferId::new(ctx, Direction::Bulk, &name);
    let now_ms = ctx.now().epoch_ms;
    let operation = record(ctx, &name, input, output, token)?;
    let write = |tx: &mut WriteTx| -> Result<_, Error> {
        let begun = operation.token.as_deref().map(|token| {
            transfer::claim(tx, &id, token, fingerprint, now_ms)?.map_err(|Mismatch| mismatch())
        });
        if let Some(known) = begun.transpose()?.flatten()
            && let Some(operation) = tx.get(&BULKS, bulk::key(&known))?
        {
            return Ok((known, operation, None));
        }
        let table = target(ctx, tx, &name)?;
        transfer::check_limit(
            ctx,
            tx,
            (&BULKS, BULKS_MAX),
            Direction::Bulk,
            BulkRecord::is_active,
        )?;
        if !bulk::begin(tx, table.number)? {
            return Err(one_at_a_time(&name));
        }
        let operation = BulkRecord {
            table_id: table.id.clone(),
            table_number: table.number,
            ..operation.clone()
        };
        tx.put(&BULKS, bulk::key(&id), &operation)?;
        transfer::keep(tx, &id, now_ms)?;
        let job = Bulk { id: id.clone() };
        let watch = jobs::watch(tx, now_ms, &job)?;
        Ok((id.clone(), operation, Some((job, watch))))
    };
    let (id, operation, begun) = ctx.store().write(write).await?;
    if let Some((job, watch)) = begun {
        service.jobs.start(ctx.kernel(), job, watch);
    }
    let description = describe::description(&id, &operation);
    Ok(StartBulkPutItemsOutput { bulk_operation_description: description })
}

/// Checks what does not depend on the table; answers the output's bucket.
fn check(input: &Input) -> Result<String, Error> {
    let from = &input.input_s3_configuration;
    let refused = [
        ("InputFormat ION", from.input_format == BulkOperationInputFormat::Ion),
        (
            "InputCompressionType ZSTD",
            from.input_compression_type == Some(InputCompressionType::Zstd),
        ),
    ];
    fault::refuse("StartBulkPutItems", &refused)?;
    let to = &input.output_s3_configuration;
    let bucket = to.s3_bucket.clone().ok_or_else(|| {
        Invalid::new(
            "1 validation error detected: Value null at 'outputS3Configuration.s3Bucket' failed \
             to satisfy constraint: Member must not be null",
        )
    })?;
    if to.output_type.is_empty() {
        return Err(Invalid::new(
            "1 validation error detected: Value '[]' at 'outputS3Configuration.outputType' failed \
             to satisfy constraint: Member must have length greater than or equal to 1",
        )
        .into());
    }
    let by_kms = to.s3_sse_algorithm == Some(S3SseAlgorithm::Kms);
    if to.s3_sse_kms_key_id.is_some() && !by_kms {
        return Err(Invalid::new(
            "Invalid Request: S3SseKmsKeyId can only be specified if S3SseAlgorithm is KMS",
        )
        .into());
    }
    Ok(bucket)
}

/// The table, if it can be written in bulk.
fn target(ctx: &Ctx, tx: &ReadTx, name: &str) -> Result<TableRecord, Error> {
    let table = table::find_any(ctx, tx, name)?.ok_or_else(|| fault::no_such_table(name))?;
    let states = table.indexes.iter().map(|index| index.state);
    let mut states = states.chain(table.vectors.iter().map(|index| index.state));
    if table.is_creating() || states.any(|state| state == IndexState::Creating) {
        let text = format!("Table is not in a state that allows bulk operations: {name}");
        return Err(ResourceInUseException { message: Some(text) }.into());
    }
    if !table.replicas.is_empty() {
        return Err(Invalid::new("Bulk operations are not supported for global tables").into());
    }
    Ok(table)
}

/// The operation, but for what is known of its table.
fn record(
    ctx: &Ctx,
    name: &str,
    input: Input,
    bucket: String,
    token: Option<String>,
) -> Result<BulkRecord, Error> {
    let (from, to) = (input.input_s3_configuration, input.output_s3_configuration);
    let reported = |kind: OutputTypeEnum| Reported {
        is_wanted: to.output_type.contains(&kind),
        ..Reported::default()
    };
    Ok(BulkRecord {
        table_name: name.to_owned(),
        table_id: String::new(),
        table_number: 0,
        caller: Caller::of(ctx)?,
        token,
        started_ms: ctx.now().epoch_ms,
        input: Bucket { name: from.s3_bucket, owner: from.s3_bucket_owner },
        input_prefix: from.s3_key_prefix,
        compression: match from.input_compression_type {
            Some(InputCompressionType::Gzip) => Compression::Gzip,
            _ => Compression::None,
        },
        errors: reported(OutputTypeEnum::Error),
        conditions: reported(OutputTypeEnum::ConditionCheckFailure),
        output: Bucket { name: bucket, owner: to.s3_bucket_owner },
        output_prefix: to.s3_key_prefix,
        encryption: Encryption {
            algorithm: to.s3_sse_algorithm.map(|name| name.as_str().to_owned()),
            kms_key: to.s3_sse_kms_key_id,
        },
        units_max: input.max_write_request_units,
        is_accelerated: input.performance_tier == Some(BulkOperationPerformanceTier::Accelerated),
        state: State::InProgress,
        ending: None,
        number: ctx.random().u64(),
        has_begun: false,
        listed: None,
        is_listed: false,
        objects: 0,
        total_bytes: 0,
        object: 0,
        records: 0,
        bytes_before: 0,
        bytes_of_object: 0,
        processed: 0,
        failed: 0,
        usage: Usage::default(),
    })
}

fn mismatch() -> Error {
    let message = Some(Mismatch::MESSAGE.to_owned());
    IdempotentParameterMismatchException { message }.into()
}

fn one_at_a_time(name: &str) -> Error {
    let text = format!(
        "Subscriber limit exceeded: Only 1 bulk operation can be done at a time on table {name}"
    );
    LimitExceededException { message: Some(text) }.into()
}
