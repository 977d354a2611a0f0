//! `CreateEventSourceMapping` and its siblings: what feeds a function.
//!
//! ```text
//! aws lambda create-event-source-mapping --function-name desk \
//!     --event-source-arn arn:aws:sqs:ap-northeast-2:000000000000:calls
//! {"UUID": "…", "State": "Creating", "BatchSize": 10, …}
//! ```

use api_lambda::{
    CreateEventSourceMappingRequest, DeleteEventSourceMappingRequest, Error,
    EventSourceMappingConfiguration, GetEventSourceMappingRequest, ListEventSourceMappingsRequest,
    ListEventSourceMappingsResponse, ResourceInUseException, UpdateEventSourceMappingRequest,
};
use kernel::{Ctx, Fault};
use store::{ReadTx, Scan};

use crate::errors::{conflict, invalid, not_found};
use crate::mappings::describe::describe;
use crate::mappings::record::{self, MAPPINGS, Mapping, Source, Start, State};
use crate::mappings::{self, changed, created};
use crate::name::Name;
use crate::resolve::{Resolved, resolve};
use crate::{Lambda, page};

pub(crate) async fn create_event_source_mapping(
    api: &Lambda,
    ctx: &Ctx,
    input: CreateEventSourceMappingRequest,
) -> Result<EventSourceMappingConfiguration, Error> {
    let (source, arn) = mappings::source(input.event_source_arn.as_deref())?;
    let (settings, start) = created(&input, source)?;
    let target = function(ctx, &input.function_name)?;
    let tags = input.tags.unwrap_or_default();
    super::tags::check(&tags)?;
    mappings::reachable(ctx, &target, source, &arn).await?;
    let now_ms = ctx.now().epoch_ms;
    let mapping = Mapping {
        id: ctx.random().uuid(),
        source,
        source_arn: arn.to_string(),
        function: target.name.function.clone(),
        qualifier: target.name.qualifier.clone(),
        state: State::Creating,
        enabled: input.enabled.unwrap_or(true),
        revision: 0,
        modified_ms: now_ms,
        tags,
        settings,
        start: start.map(|start| match start {
            Start::Latest(_) => Start::Latest(now_ms),
            other => other,
        }),
    };
    let key = Mapping::key(ctx, &mapping.id);
    ctx.store()
        .write(|tx| {
            only_one(ctx, tx, &mapping)?;
            record::put(tx, &key, &mapping)?;
            Ok::<_, Error>(())
        })
        .await?;
    let answer = describe(api, ctx, &mapping);
    mappings::look(api, ctx.kernel(), key);
    Ok(answer)
}

pub(crate) async fn get_event_source_mapping(
    api: &Lambda,
    ctx: &Ctx,
    input: GetEventSourceMappingRequest,
) -> Result<EventSourceMappingConfiguration, Error> {
    let mapping = ctx.store().read(|tx| load(ctx, tx, &input.uuid))?;
    Ok(describe(api, ctx, &mapping))
}

pub(crate) async fn list_event_source_mappings(
    api: &Lambda,
    ctx: &Ctx,
    input: ListEventSourceMappingsRequest,
) -> Result<ListEventSourceMappingsResponse, Error> {
    let limit = input.max_items.map_or(100, |n| n.clamp(1, 100) as usize);
    let last = page::open(input.marker)?;
    let name = input.function_name.map(|text| Name::parse(ctx, &text, None)).transpose()?;
    let source = input.event_source_arn.as_deref();
    let found = ctx.store().read(|tx| match (&name, source) {
        (Some(name), _) => record::of_function(ctx, tx, &name.function, last.as_deref()),
        (None, Some(arn)) => record::of_source(ctx, tx, arn, last.as_deref()),
        (None, None) => {
            let prefix = (ctx.account().to_owned(), ctx.region().to_owned());
            let mut scan = Scan::prefix(prefix).limit(limit + 1);
            if let Some(last) = &last {
                scan = scan.after(Mapping::key(ctx, last));
            }
            let rows = tx.scan(&MAPPINGS, scan)?;
            Ok::<_, store::StoreError>(rows.into_iter().map(|(_, mapping)| mapping).collect())
        }
    })?;
    let wanted = |mapping: &Mapping| {
        source.is_none_or(|arn| arn == mapping.source_arn)
            && name.as_ref().is_none_or(|name| *name == mapping.name(ctx))
    };
    let mut found: Vec<Mapping> = found.into_iter().filter(wanted).take(limit + 1).collect();
    let next_marker = page::cut(&mut found, limit, |mapping| mapping.id.clone());
    let mappings = found.iter().map(|mapping| describe(api, ctx, mapping)).collect();
    Ok(ListEventSourceMappingsResponse { next_marker, event_source_mappings: Some(mappings) })
}

pub(crate) async fn update_event_source_mapping(
    api: &Lambda,
    ctx: &Ctx,
    input: UpdateEventSourceMappingRequest,
) -> Result<EventSourceMappingConfiguration, Error> {
    let before = ctx.store().read(|tx| load(ctx, tx, &input.uuid))?;
    let target = match &input.function_name {
        Some(text) => Some(function(ctx, text)?),
        None => None,
    };
    if let Some(target) = &target {
        let (source, arn) = mappings::source(Some(&before.source_arn))?;
        mappings::reachable(ctx, target, source, &arn).await?;
    }
    let now_ms = ctx.now().epoch_ms;
    let change = |tx: &mut store::WriteTx| {
        let mut mapping = load(ctx, tx, &input.uuid)?;
        if !mapping.state.is_settled() {
            return Err(in_use("update"));
        }
        mapping.settings = changed(&input, mapping.source, mapping.settings)?;
        if let Some(target) = &target {
            mapping.function = target.name.function.clone();
            mapping.qualifier = target.name.qualifier.clone();
            only_one(ctx, tx, &mapping)?;
        }
        let enabled = input.enabled.unwrap_or(mapping.enabled);
        mapping.state = match (mapping.enabled, enabled) {
            (true, false) => State::Disabling,
            (false, true) => State::Enabling,
            _ => State::Updating,
        };
        mapping.enabled = enabled;
        mapping.modified_ms = now_ms;
        mapping.revision += 1;
        record::put(tx, &Mapping::key(ctx, &mapping.id), &mapping)?;
        Ok(mapping)
    };
    let mapping = ctx.store().write(change).await?;
    mappings::look(api, ctx.kernel(), Mapping::key(ctx, &mapping.id));
    Ok(describe(api, ctx, &mapping))
}

pub(crate) async fn delete_event_source_mapping(
    api: &Lambda,
    ctx: &Ctx,
    input: DeleteEventSourceMappingRequest,
) -> Result<EventSourceMappingConfiguration, Error> {
    let change = |tx: &mut store::WriteTx| {
        let mut mapping = load(ctx, tx, &input.uuid)?;
        if !mapping.state.is_settled() {
            return Err(in_use("delete"));
        }
        mapping.state = State::Deleting;
        mapping.revision += 1;
        record::put(tx, &Mapping::key(ctx, &mapping.id), &mapping)?;
        Ok(mapping)
    };
    let mapping = ctx.store().write(change).await?;
    mappings::look(api, ctx.kernel(), Mapping::key(ctx, &mapping.id));
    Ok(describe(api, ctx, &mapping))
}

pub(super) fn load(ctx: &Ctx, tx: &ReadTx, id: &str) -> Result<Mapping, Error> {
    let mapping = tx.get(&MAPPINGS, Mapping::key(ctx, id))?;
    mapping.ok_or_else(|| not_found("The resource you requested does not exist."))
}

/// A function of the caller's own account that can be fed.
fn function(ctx: &Ctx, text: &str) -> Result<Resolved, Error> {
    let name = Name::parse(ctx, text, None)?;
    if name.account != ctx.account() {
        return Err(Fault::not_implemented("mappings for other accounts' functions").into());
    }
    resolve(ctx, &name).map_err(|error| match Fault::from(error) {
        fault if fault.status == 404 => invalid("Function does not exist"),
        fault => fault.into(),
    })
}

/// Refuses a second mapping of the same source to the same function.
fn only_one(ctx: &Ctx, tx: &ReadTx, mapping: &Mapping) -> Result<(), Error> {
    let same = |other: &Mapping| {
        other.id != mapping.id
            && other.source_arn == mapping.source_arn
            && other.function == mapping.function
            && other.qualifier == mapping.qualifier
    };
    let found = record::of_function(ctx, tx, &mapping.function, None)?;
    let Some(other) = found.into_iter().find(same) else { return Ok(()) };
    let (arn, function, id) = (&mapping.source_arn, &mapping.function, &other.id);
    Err(conflict(match mapping.source {
        Source::Queue | Source::FifoQueue => format!(
            "An event source mapping with SQS arn (\" {arn} \") and function (\" {function} \") \
             already exists. Please update or delete the existing mapping with UUID {id}"
        ),
        Source::Stream => format!(
            "The event source arn (\" {arn} \") and function (\" {function} \") provided mapping \
             already exists. Please update or delete the existing mapping with UUID {id}"
        ),
    }))
}

fn in_use(what: &str) -> Error {
    let message = format!("Cannot {what} the event source mapping because it is in use.");
    ResourceInUseException { message: Some(message), r#type: Some("User".into()) }.into()
}
