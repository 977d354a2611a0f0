//! Archives of buses.

use api_events::{
    ArchiveState, CreateArchiveRequest, CreateArchiveResponse, DeleteArchiveRequest,
    DeleteArchiveResponse, DescribeArchiveRequest, DescribeArchiveResponse, Error,
    ListArchivesRequest, ListArchivesResponse, UpdateArchiveRequest, UpdateArchiveResponse,
};
use kernel::{Ctx, Fault, Timestamp};
use store::ReadTx;

use super::page;
use super::rules::understood;
use crate::Shared;
use crate::archive::{self, ARCHIVES, Archive};
use crate::error::{invalid, not_found, not_served, too_many, trouble};
use crate::name::BusName;
use crate::record::{now_ms, require_bus};

/// AWS's quota.
const ARCHIVES_MAX: usize = 100;

/// `arn:aws:events:REGION:ACCOUNT:archive/NAME`.
pub(super) fn arn(ctx: &Ctx, name: &str) -> String {
    ctx.arn("events", format!("archive/{name}")).to_string()
}

fn key<'a>(ctx: &'a Ctx, name: &'a str) -> (&'a str, &'a str, &'a str) {
    (ctx.account(), ctx.region(), name)
}

/// An archive, or the refusal.
pub(super) fn require(tx: &ReadTx, ctx: &Ctx, name: &str) -> Result<Archive, Fault> {
    let found = tx.get(&ARCHIVES, key(ctx, name)).map_err(trouble)?;
    found.ok_or_else(|| not_found(format!("Archive {name} does not exist.")))
}

fn created(archive: &Archive) -> Option<Timestamp> {
    Some(Timestamp::from_ms(archive.created_ms as i64))
}

fn check(operation: &str, pattern: Option<&str>, kms_key: Option<&str>) -> Result<(), Fault> {
    if kms_key.is_some_and(|key| !key.is_empty()) {
        return Err(not_served(operation, "KmsKeyIdentifier"));
    }
    pattern.map_or(Ok(()), |text| understood(text).map(drop))
}

pub(crate) async fn create_archive(
    _: &Shared,
    ctx: &Ctx,
    input: CreateArchiveRequest,
) -> Result<CreateArchiveResponse, Error> {
    let pattern = input.event_pattern.as_deref();
    check("CreateArchive", pattern, input.kms_key_identifier.as_deref())?;
    let name = &input.archive_name;
    let bus = BusName::of_arn(&input.event_source_arn)
        .filter(|bus| bus.account == ctx.account() && bus.region == ctx.region());
    let wrong = || {
        invalid(
            "Parameter EventSourceArn is not valid. Reason: Must contain an ARN of an event bus of this account and region.",
        )
    };
    let bus = bus.ok_or_else(wrong)?;
    let now_ms = now_ms(ctx.kernel());
    let made = Archive {
        id: ctx.random().u64(),
        bus: bus.arn(),
        description: input.description,
        pattern: input.event_pattern,
        retention_days: input.retention_days.unwrap_or(0),
        created_ms: now_ms,
        timer: None,
    };
    ctx.store()
        .write(|tx| {
            require_bus(tx, &bus)?;
            let there = archive::archives(tx, ctx.account(), ctx.region(), "")?;
            if there.iter().any(|(other, _)| other == name) {
                let text = format!("Archive {name} already exists.");
                return Err(Error::from(Fault::sender("ResourceAlreadyExistsException", text)));
            }
            if there.len() >= ARCHIVES_MAX {
                return Err(too_many("archives").into());
            }
            let mut made = made.clone();
            archive::wind(tx, key(ctx, name), &mut made, now_ms)?;
            Ok(tx.put(&ARCHIVES, key(ctx, name), &made)?)
        })
        .await?;
    Ok(CreateArchiveResponse {
        archive_arn: Some(arn(ctx, name)),
        state: Some(ArchiveState::Enabled),
        state_reason: None,
        creation_time: created(&made),
    })
}

pub(crate) async fn update_archive(
    _: &Shared,
    ctx: &Ctx,
    input: UpdateArchiveRequest,
) -> Result<UpdateArchiveResponse, Error> {
    let pattern = input.event_pattern.as_deref();
    check("UpdateArchive", pattern, input.kms_key_identifier.as_deref())?;
    let name = &input.archive_name;
    let now_ms = now_ms(ctx.kernel());
    let changed = ctx
        .store()
        .write(|tx| {
            let mut archive = require(tx, ctx, name)?;
            if input.description.is_some() {
                archive.description.clone_from(&input.description);
            }
            if input.event_pattern.is_some() {
                archive.pattern.clone_from(&input.event_pattern);
            }
            if let Some(days) = input.retention_days {
                archive.retention_days = days;
                archive::wind(tx, key(ctx, name), &mut archive, now_ms)?;
            }
            tx.put(&ARCHIVES, key(ctx, name), &archive)?;
            Ok::<_, Error>(archive)
        })
        .await?;
    Ok(UpdateArchiveResponse {
        archive_arn: Some(arn(ctx, name)),
        state: Some(ArchiveState::Enabled),
        state_reason: None,
        creation_time: created(&changed),
    })
}

pub(crate) async fn delete_archive(
    _: &Shared,
    ctx: &Ctx,
    input: DeleteArchiveRequest,
) -> Result<DeleteArchiveResponse, Error> {
    let name = &input.archive_name;
    let now_ms = now_ms(ctx.kernel());
    ctx.store()
        .write(|tx| {
            let archive = require(tx, ctx, name)?;
            archive::clear(tx, &archive, now_ms)?;
            Ok::<_, Error>(tx.delete(&ARCHIVES, key(ctx, name))?)
        })
        .await?;
    Ok(DeleteArchiveResponse {})
}

pub(crate) async fn describe_archive(
    _: &Shared,
    ctx: &Ctx,
    input: DescribeArchiveRequest,
) -> Result<DescribeArchiveResponse, Error> {
    let name = input.archive_name;
    let (archive, count) = ctx.store().read(|tx| {
        let archive = require(tx, ctx, &name)?;
        let count = archive::count(tx, &archive)?;
        Ok::<_, Error>((archive, count))
    })?;
    Ok(DescribeArchiveResponse {
        archive_arn: Some(arn(ctx, &name)),
        archive_name: Some(name),
        creation_time: created(&archive),
        event_source_arn: Some(archive.bus),
        description: archive.description,
        event_pattern: archive.pattern,
        state: Some(ArchiveState::Enabled),
        state_reason: None,
        kms_key_identifier: None,
        retention_days: Some(archive.retention_days),
        size_bytes: Some(count.bytes),
        event_count: Some(count.events),
    })
}

pub(crate) async fn list_archives(
    _: &Shared,
    ctx: &Ctx,
    input: ListArchivesRequest,
) -> Result<ListArchivesResponse, Error> {
    let filters =
        [input.name_prefix.is_some(), input.event_source_arn.is_some(), input.state.is_some()];
    if filters.iter().filter(|is_given| **is_given).count() > 1 {
        return Err(invalid(
            "At most one filter is allowed for ListArchives. Use either : State, EventSourceArn, \
             or NamePrefix.",
        )
        .into());
    }
    let prefix = input.name_prefix.unwrap_or_default();
    let mut all =
        ctx.store().read(|tx| archive::archives(tx, ctx.account(), ctx.region(), &prefix))?;
    all.retain(|(_, it)| input.event_source_arn.as_ref().is_none_or(|arn| it.bus == *arn));
    // All are enabled.
    if input.state.is_some_and(|state| state != ArchiveState::Enabled) {
        all.clear();
    }
    let (page, next_token) = page(all, |it| &it.0, input.next_token.as_deref(), input.limit)?;
    let mut shown = Vec::new();
    for (name, archive) in page {
        let count = ctx.store().read(|tx| archive::count(tx, &archive))?;
        shown.push(api_events::Archive {
            archive_name: Some(name),
            creation_time: created(&archive),
            event_source_arn: Some(archive.bus),
            state: Some(ArchiveState::Enabled),
            state_reason: None,
            retention_days: Some(archive.retention_days),
            size_bytes: Some(count.bytes),
            event_count: Some(count.events),
        });
    }
    Ok(ListArchivesResponse { archives: Some(shown), next_token })
}
