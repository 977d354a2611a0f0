//! Buses themselves.

use api_events::{
    CreateEventBusRequest, CreateEventBusResponse, DeadLetterConfig, DeleteEventBusOutput,
    DeleteEventBusRequest, DescribeEventBusRequest, DescribeEventBusResponse, Error, EventBus,
    IncludeDetail, Level, ListEventBusesRequest, ListEventBusesResponse, LogConfig,
    UpdateEventBusRequest, UpdateEventBusResponse,
};
use kernel::{Arn, Ctx, Fault, Timestamp};

use super::{page, tags};
use crate::Shared;
use crate::clockwork;
use crate::error::{invalid, not_found, not_served, too_many};
use crate::name::{BusName, DEFAULT};
use crate::record::{self, BUSES, Bus, RULES, now_ms, require_bus};

/// AWS's quota.
const BUSES_MAX: usize = 100;

pub(crate) async fn create_event_bus(
    _: &Shared,
    ctx: &Ctx,
    input: CreateEventBusRequest,
) -> Result<CreateEventBusResponse, Error> {
    if input.event_source_name.is_some() {
        return Err(not_served("CreateEventBus", "EventSourceName").into());
    }
    check("CreateEventBus", input.kms_key_identifier.as_deref(), input.log_config.as_ref())?;
    if input.name.contains('/') {
        return Err(invalid("Event bus name must not contain '/'.").into());
    }
    let name = BusName::own(ctx, &input.name);
    let now_ms = now_ms(ctx.kernel());
    let mut bus = Bus {
        description: input.description.clone(),
        dead_letters: dead_letters(input.dead_letter_config.as_ref())?,
        created_ms: now_ms,
        modified_ms: now_ms,
        ..Bus::default()
    };
    tags::add(&mut bus.tags, input.tags.unwrap_or_default())?;
    ctx.store()
        .write(|tx| {
            let there = record::buses(tx, ctx)?;
            if there.iter().any(|(other, _)| *other == name.name) {
                let text = format!("Event bus {} already exists.", name.name);
                return Err(Error::from(Fault::sender("ResourceAlreadyExistsException", text)));
            }
            if there.len() >= BUSES_MAX {
                return Err(too_many("event buses").into());
            }
            Ok(tx.put(&BUSES, name.key(), &bus)?)
        })
        .await?;
    Ok(CreateEventBusResponse {
        event_bus_arn: Some(name.arn()),
        description: input.description,
        kms_key_identifier: None,
        dead_letter_config: input.dead_letter_config,
        log_config: input.log_config,
    })
}

/// What is not kept is refused: nothing is encrypted under keys of KMS, and nothing is logged.
fn check(operation: &str, key: Option<&str>, log: Option<&LogConfig>) -> Result<(), Fault> {
    if key.is_some_and(|key| !key.is_empty()) {
        return Err(not_served(operation, "KmsKeyIdentifier"));
    }
    let is_on = log.is_some_and(|log| {
        !matches!(log.level, None | Some(Level::Off))
            || !matches!(log.include_detail, None | Some(IncludeDetail::None))
    });
    if is_on { Err(not_served(operation, "LogConfig")) } else { Ok(()) }
}

fn dead_letters(config: Option<&DeadLetterConfig>) -> Result<Option<String>, Fault> {
    let Some(arn) = config.and_then(|config| config.arn.clone()) else { return Ok(None) };
    match Arn::parse(&arn) {
        Ok(parsed) if parsed.service == "sqs" => Ok(Some(arn)),
        _ => Err(invalid("DeadLetterConfig must be the ARN of an SQS queue.")),
    }
}

pub(crate) async fn update_event_bus(
    _: &Shared,
    ctx: &Ctx,
    input: UpdateEventBusRequest,
) -> Result<UpdateEventBusResponse, Error> {
    check("UpdateEventBus", input.kms_key_identifier.as_deref(), input.log_config.as_ref())?;
    let name = BusName::own(ctx, input.name.as_deref().unwrap_or(DEFAULT));
    let queue = dead_letters(input.dead_letter_config.as_ref())?;
    let bus = change(ctx, &name, |bus| {
        if input.description.is_some() {
            bus.description.clone_from(&input.description);
        }
        if input.dead_letter_config.is_some() {
            bus.dead_letters.clone_from(&queue);
        }
        Ok(())
    })
    .await?;
    Ok(UpdateEventBusResponse {
        arn: Some(name.arn()),
        name: Some(name.name),
        kms_key_identifier: None,
        description: bus.description,
        dead_letter_config: bus.dead_letters.map(|arn| DeadLetterConfig { arn: Some(arn) }),
        log_config: input.log_config,
    })
}

/// Changes a bus of the caller's.
pub(super) async fn change(
    ctx: &Ctx,
    name: &BusName,
    change: impl Fn(&mut Bus) -> Result<(), Fault> + Send + Sync,
) -> Result<Bus, Error> {
    let now_ms = now_ms(ctx.kernel());
    ctx.store()
        .write(|tx| {
            let mut bus = require_bus(tx, name)?;
            change(&mut bus)?;
            bus.modified_ms = now_ms;
            tx.put(&BUSES, name.key(), &bus)?;
            Ok(bus)
        })
        .await
}

/// Removes a bus, and rules that are left on it. One that is not there is no mistake.
pub(crate) async fn delete_event_bus(
    _: &Shared,
    ctx: &Ctx,
    input: DeleteEventBusRequest,
) -> Result<DeleteEventBusOutput, Error> {
    if input.name == DEFAULT {
        return Err(invalid("Cannot delete event bus default.").into());
    }
    let name = BusName::own(ctx, &input.name);
    ctx.store()
        .write(|tx| {
            for (rule, mut record) in record::rules(tx, &name, "")? {
                clockwork::stop(tx, &mut record)?;
                tx.delete(&RULES, name.key().text(&rule))?;
            }
            Ok::<_, Error>(tx.delete(&BUSES, name.key())?)
        })
        .await?;
    Ok(DeleteEventBusOutput {})
}

pub(crate) async fn describe_event_bus(
    _: &Shared,
    ctx: &Ctx,
    input: DescribeEventBusRequest,
) -> Result<DescribeEventBusResponse, Error> {
    let name = BusName::named(ctx, input.name.as_deref());
    let bus = ctx.store().read(|tx| record::bus(tx, &name))?;
    let missing = || not_found(format!("Event bus {} does not exist.", name.name));
    let bus = bus.ok_or_else(missing)?;
    Ok(DescribeEventBusResponse {
        arn: Some(name.arn()),
        name: Some(name.name),
        description: bus.description,
        kms_key_identifier: None,
        dead_letter_config: bus.dead_letters.map(|arn| DeadLetterConfig { arn: Some(arn) }),
        policy: bus.policy,
        log_config: None,
        creation_time: at(bus.created_ms),
        last_modified_time: at(bus.modified_ms),
        managed_by: None,
    })
}

fn at(ms: u64) -> Option<Timestamp> {
    (ms > 0).then(|| Timestamp::from_ms(ms as i64))
}

pub(crate) async fn list_event_buses(
    _: &Shared,
    ctx: &Ctx,
    input: ListEventBusesRequest,
) -> Result<ListEventBusesResponse, Error> {
    let mut all = ctx.store().read(|tx| record::buses(tx, ctx))?;
    let prefix = input.name_prefix.unwrap_or_default();
    all.retain(|(name, _)| name.starts_with(&prefix));
    let (page, next_token) = page(all, |it| &it.0, input.next_token.as_deref(), input.limit)?;
    let shown = page.into_iter().map(|(name, bus)| EventBus {
        arn: Some(BusName::own(ctx, &name).arn()),
        name: Some(name),
        description: bus.description,
        policy: bus.policy,
        creation_time: at(bus.created_ms),
        last_modified_time: at(bus.modified_ms),
        managed_by: None,
    });
    Ok(ListEventBusesResponse { event_buses: Some(shown.collect()), next_token })
}
