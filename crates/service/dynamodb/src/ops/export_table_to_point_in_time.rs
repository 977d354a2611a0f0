//! `ExportTableToPointInTime`: writes the items a table had at a moment, or what changed between
//! two, into a bucket.
//!
//! ```text
//! {"TableArn": "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Flights",
//!  "S3Bucket": "exports", "S3Prefix": "flights", "ExportTime": 1700000000}
//! ```

use api_dynamodb::{
    Error, ExportConflictException, ExportFormat, ExportTableToPointInTimeInput,
    ExportTableToPointInTimeOutput, ExportType, ExportViewType, IncrementalExportSpecification,
    InvalidExportTimeException, S3SseAlgorithm,
};
use kernel::{Arn, Ctx, Timestamp};
use store::WriteTx;

use crate::invalid::Invalid;
use crate::table::RecoveryRecord;
use crate::transfer::bucket::{Bucket, Encryption};
use crate::transfer::caller::Caller;
use crate::transfer::export::work::Export;
use crate::transfer::export::{EXPORTS, EXPORTS_MAX, ExportRecord, Span, State, View, describe};
use crate::transfer::{self, Direction, Mismatch, TransferId};
use crate::{DynamoDb, fault, in_use, jobs, recovery, table};

/// How long the changes of one export may go on, and at least do.
const CHANGES_MS_MIN: i64 = 15 * 60 * 1000;
const CHANGES_MS_MAX: i64 = 24 * 60 * 60 * 1000;

type Input = ExportTableToPointInTimeInput;

pub(crate) async fn export_table_to_point_in_time(
    service: &DynamoDb,
    ctx: &Ctx,
    mut input: Input,
) -> Result<ExportTableToPointInTimeOutput, Error> {
    let name = named(ctx, &input.table_arn)?;
    refuse(&input)?;
    let token = input.client_token.take();
    let fingerprint = transfer::fingerprint(&format!("{input:?}"));
    let caller = Caller::of(ctx)?;
    let id = TransferId::new(ctx, Direction::Export, &name);
    let now_ms = ctx.now().epoch_ms;
    let files_number = ctx.random().u64();
    let write = |tx: &mut WriteTx| -> Result<_, Error> {
        let begun = token.as_deref().map(|token| {
            transfer::claim(tx, &id, token, fingerprint, now_ms)?.map_err(|Mismatch| conflict())
        });
        if let Some(known) = begun.transpose()?.flatten()
            && let Some(export) = tx.get(&EXPORTS, known.key())?
        {
            return Ok((known, export, None));
        }
        let found = table::find(ctx, tx, &name)?;
        let from = found.ok_or_else(|| fault::table_not_found(&input.table_arn))?;
        let running = |export: &ExportRecord| export.state == State::InProgress;
        transfer::check_limit(ctx, tx, (&EXPORTS, EXPORTS_MAX), Direction::Export, running)?;
        let export = ExportRecord {
            table_id: from.id.clone(),
            table_number: from.number,
            log_number: recovery::enabled(&from, &name)?.number,
            keys: from.keys().cloned().collect(),
            caller: caller.clone(),
            token: token.clone(),
            started_ms: now_ms,
            span: span(&input, recovery::enabled(&from, &name)?, now_ms)?,
            names_kind: input.export_type.is_some(),
            bucket: Bucket { name: input.s3_bucket.clone(), owner: input.s3_bucket_owner.clone() },
            prefix: input.s3_prefix.clone(),
            encryption: Encryption {
                algorithm: input.s3_sse_algorithm.as_ref().map(|name| name.as_str().to_owned()),
                kms_key: input.s3_sse_kms_key_id.clone(),
            },
            state: State::InProgress,
            files_number,
            files: 0,
            staged: Vec::new(),
            after: None,
            has_begun: false,
            items: 0,
            bytes: 0,
        };
        let job = Export { id: id.clone() };
        in_use::hold(tx, from.number, &job.reader())?;
        tx.put(&EXPORTS, id.key(), &export)?;
        transfer::keep(tx, &id, now_ms)?;
        let watch = jobs::watch(tx, now_ms, &job)?;
        Ok((id.clone(), export, Some((job, watch))))
    };
    let (id, export, begun) = ctx.store().write(write).await?;
    if let Some((job, watch)) = begun {
        service.jobs.start(ctx.kernel(), job, watch);
    }
    let description = describe::description(&id, &export);
    Ok(ExportTableToPointInTimeOutput { export_description: Some(description) })
}

/// The name of the table an ARN means. Of one that is not there DynamoDB repeats the whole ARN.
fn named(ctx: &Ctx, given: &str) -> Result<String, Error> {
    let not_one = || Invalid::new("Invalid Request: Invalid Table ARN");
    let arn = Arn::parse(given).map_err(|_| not_one())?;
    let name = arn.resource.strip_prefix("table/").ok_or_else(not_one)?;
    if arn.service != "dynamodb" || name.is_empty() || name.contains('/') {
        return Err(not_one().into());
    }
    if arn.account != ctx.account() || arn.region != ctx.region() {
        return Err(fault::table_not_found(given));
    }
    Ok(name.to_owned())
}

fn refuse(input: &Input) -> Result<(), Error> {
    let refused = [
        ("FilterSpecification", input.filter_specification.is_some()),
        ("ExportFormat ION", input.export_format == Some(ExportFormat::Ion)),
    ];
    fault::refuse("ExportTableToPointInTime", &refused)?;
    let by_kms = input.s3_sse_algorithm == Some(S3SseAlgorithm::Kms);
    if input.s3_sse_kms_key_id.is_some() && !by_kms {
        return Err(Invalid::new(
            "Invalid Request: S3SseKmsKeyId can only be specified if S3SseAlgorithm is KMS",
        )
        .into());
    }
    Ok(())
}

fn conflict() -> Error {
    let message = Some(Mismatch::MESSAGE.to_owned());
    ExportConflictException { message }.into()
}

/// What of the table is wanted, if it can go back as far.
fn span(input: &Input, recovery: &RecoveryRecord, now_ms: i64) -> Result<Span, Error> {
    let checked =
        |name: &str, at: Timestamp| recovery.check_time(name, at, now_ms).map_err(wrong_time);
    let given = input.incremental_export_specification.as_ref();
    if input.export_type != Some(ExportType::IncrementalExport) {
        if given.is_some() {
            return Err(Invalid::new(
                "Invalid Request: IncrementalExportSpecification can only be specified if \
                 ExportType is INCREMENTAL_EXPORT",
            )
            .into());
        }
        let at_ms = input.export_time.map(|at| checked("ExportTime", at)).transpose()?;
        return Ok(Span::Full { at_ms: at_ms.unwrap_or(now_ms) });
    }
    if input.export_time.is_some() {
        return Err(Invalid::new(
            "Invalid Request: ExportTime cannot be specified if ExportType is INCREMENTAL_EXPORT",
        )
        .into());
    }
    let IncrementalExportSpecification { export_from_time, export_to_time, export_view_type } =
        given.cloned().unwrap_or_default();
    let from = export_from_time.ok_or_else(|| {
        Invalid::new("Invalid Request: ExportFromTime is required for INCREMENTAL_EXPORT")
    })?;
    let to = export_to_time.unwrap_or(Timestamp::from_ms(now_ms));
    check_length(to.epoch_ms - from.epoch_ms)?;
    Ok(Span::Changes {
        from_ms: checked("ExportFromTime", from)?,
        to_ms: checked("ExportToTime", to)?,
        view: match export_view_type {
            Some(ExportViewType::NewImage) => View::New,
            _ => View::NewAndOld,
        },
    })
}

fn check_length(length_ms: i64) -> Result<(), Error> {
    let bound = match length_ms {
        ..CHANGES_MS_MIN => "less than 15 minutes",
        CHANGES_MS_MIN..=CHANGES_MS_MAX => return Ok(()),
        _ => "greater than 24 hours",
    };
    Err(wrong_time(format!(
        "Difference between export period from time and export period to time is {bound}"
    )))
}

fn wrong_time(message: String) -> Error {
    InvalidExportTimeException { message: Some(message) }.into()
}
