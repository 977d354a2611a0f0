//! From requests to settings: what is refused, and in whose words.

use api_lambda::{
    CreateEventSourceMappingRequest, DestinationConfig, Error, EventSourcePosition, FilterCriteria,
    FunctionResponseType, ScalingConfig, UpdateEventSourceMappingRequest,
};
use kernel::access::Need;
use kernel::{Arn, Ctx, Fault};

use super::lender::session;
use super::record::{Settings, Source, Start};
use super::{sqs, streams};
use crate::check::absent;
use crate::errors::invalid;
use crate::resolve::Resolved;
use crate::role;
use pattern::Pattern;

/// AWS's quota can be raised to this; it is five otherwise.
const FILTERS_MAX: usize = 10;
const BATCH_MAX: i32 = 10_000;
const FIFO_BATCH_MAX: i32 = 10;
/// The youngest a record can be to be too old, in seconds.
const AGE_S_MIN: i32 = 60;

/// What both requests may ask for.
struct Asked<'a> {
    batch: Option<i32>,
    window_s: Option<i32>,
    filters: &'a Option<FilterCriteria>,
    scaling: &'a Option<ScalingConfig>,
    parallel: Option<i32>,
    bisect: Option<bool>,
    retries_max: Option<i32>,
    age_s_max: Option<i32>,
    destinations: &'a Option<DestinationConfig>,
    tumbling_s: Option<i32>,
    responses: &'a Option<Vec<FunctionResponseType>>,
}

/// Where the events come from.
pub(crate) fn source(arn: Option<&str>) -> Result<(Source, Arn), Error> {
    let unknown = || invalid("Unrecognized event source.");
    let arn = Arn::parse(arn.ok_or_else(unknown)?).map_err(|_| unknown())?;
    let other = |what: &str| {
        Err(Fault::not_implemented(format_args!("{what} as event sources of Lambda")).into())
    };
    match arn.service.as_str() {
        "sqs" if arn.resource.ends_with(".fifo") => Ok((Source::FifoQueue, arn)),
        "sqs" => Ok((Source::Queue, arn)),
        "dynamodb" if arn.resource.contains("/stream/") => Ok((Source::Stream, arn)),
        "kinesis" => other("streams of Kinesis"),
        "kafka" => other("clusters of Kafka"),
        "mq" => other("brokers of Amazon MQ"),
        "rds" => other("clusters of DocumentDB"),
        _ => Err(unknown()),
    }
}

/// The settings and the start of a new mapping.
pub(crate) fn created(
    input: &CreateEventSourceMappingRequest,
    source: Source,
) -> Result<(Settings, Option<Start>), Error> {
    elsewhere(
        input.topics.is_some()
            || input.queues.is_some()
            || input.self_managed_event_source.is_some(),
        input.source_access_configurations.as_ref().is_some_and(|list| !list.is_empty()),
        input.amazon_managed_kafka_event_source_config.is_some()
            || input.self_managed_kafka_event_source_config.is_some(),
        input.document_db_event_source_config.is_some(),
    )?;
    absent_of_mapping("KMSKeyArn", input.kms_key_arn.as_deref().is_some_and(|k| !k.is_empty()))?;
    absent_of_mapping("LoggingConfig", input.logging_config.is_some())?;
    absent_of_mapping("ProvisionedPollerConfig", input.provisioned_poller_config.is_some())?;
    let metrics = input.metrics_config.as_ref().and_then(|config| config.metrics.as_ref());
    absent_of_mapping("MetricsConfig", metrics.is_some_and(|metrics| !metrics.is_empty()))?;
    let default = Settings {
        batch: if source.is_queue() { 10 } else { 100 },
        window_s: 0,
        filters: Vec::new(),
        partial: false,
        concurrency_max: None,
        parallel: 1,
        bisect: false,
        retries_max: -1,
        age_s_max: -1,
        on_failure: None,
        tumbling_s: 0,
    };
    let asked = Asked {
        batch: input.batch_size,
        window_s: input.maximum_batching_window_in_seconds,
        filters: &input.filter_criteria,
        scaling: &input.scaling_config,
        parallel: input.parallelization_factor,
        bisect: input.bisect_batch_on_function_error,
        retries_max: input.maximum_retry_attempts,
        age_s_max: input.maximum_record_age_in_seconds,
        destinations: &input.destination_config,
        tumbling_s: input.tumbling_window_in_seconds,
        responses: &input.function_response_types,
    };
    Ok((settings(asked, source, default)?, start(input, source)?))
}

/// The settings of a mapping that is changed.
pub(crate) fn changed(
    input: &UpdateEventSourceMappingRequest,
    source: Source,
    before: Settings,
) -> Result<Settings, Error> {
    elsewhere(
        false,
        input.source_access_configurations.as_ref().is_some_and(|list| !list.is_empty()),
        input.amazon_managed_kafka_event_source_config.is_some()
            || input.self_managed_kafka_event_source_config.is_some(),
        input.document_db_event_source_config.is_some(),
    )?;
    absent_of_mapping("KMSKeyArn", input.kms_key_arn.as_deref().is_some_and(|k| !k.is_empty()))?;
    absent_of_mapping("LoggingConfig", input.logging_config.is_some())?;
    absent_of_mapping("ProvisionedPollerConfig", input.provisioned_poller_config.is_some())?;
    let metrics = input.metrics_config.as_ref().and_then(|config| config.metrics.as_ref());
    absent_of_mapping("MetricsConfig", metrics.is_some_and(|metrics| !metrics.is_empty()))?;
    let asked = Asked {
        batch: input.batch_size,
        window_s: input.maximum_batching_window_in_seconds,
        filters: &input.filter_criteria,
        scaling: &input.scaling_config,
        parallel: input.parallelization_factor,
        bisect: input.bisect_batch_on_function_error,
        retries_max: input.maximum_retry_attempts,
        age_s_max: input.maximum_record_age_in_seconds,
        destinations: &input.destination_config,
        tumbling_s: input.tumbling_window_in_seconds,
        responses: &input.function_response_types,
    };
    settings(asked, source, before)
}

fn absent_of_mapping(what: &str, asked: bool) -> Result<(), Error> {
    absent(&format!("{what} of event source mappings"), asked)
}

fn elsewhere(kafka: bool, access: bool, more_kafka: bool, documents: bool) -> Result<(), Error> {
    absent_of_mapping("Topics, Queues or SelfManagedEventSource", kafka)?;
    absent_of_mapping("SourceAccessConfigurations", access)?;
    absent_of_mapping("settings for Kafka", more_kafka)?;
    absent_of_mapping("DocumentDBEventSourceConfig", documents)
}

fn settings(asked: Asked<'_>, source: Source, mut settings: Settings) -> Result<Settings, Error> {
    let of_streams = asked.parallel.is_some()
        || asked.bisect.is_some()
        || asked.retries_max.is_some()
        || asked.age_s_max.is_some()
        || asked.tumbling_s.is_some()
        || asked
            .destinations
            .as_ref()
            .is_some_and(|config| config.on_failure.is_some() || config.on_success.is_some());
    if (source.is_queue() && of_streams) || (!source.is_queue() && asked.scaling.is_some()) {
        return Err(invalid("Unsupported parameter for given event source mapping type."));
    }
    settings.batch = asked.batch.unwrap_or(settings.batch);
    settings.window_s = asked.window_s.unwrap_or(settings.window_s);
    check_batch(source, &settings)?;
    if let Some(criteria) = asked.filters {
        settings.filters = filters(criteria)?;
    }
    if let Some(scaling) = asked.scaling {
        settings.concurrency_max = scaling.maximum_concurrency;
    }
    if let Some(responses) = asked.responses {
        settings.partial = responses.contains(&FunctionResponseType::ReportBatchItemFailures);
    }
    settings.parallel = asked.parallel.unwrap_or(settings.parallel);
    settings.bisect = asked.bisect.unwrap_or(settings.bisect);
    settings.retries_max = asked.retries_max.unwrap_or(settings.retries_max);
    settings.age_s_max = asked.age_s_max.unwrap_or(settings.age_s_max);
    settings.tumbling_s = asked.tumbling_s.unwrap_or(settings.tumbling_s);
    // One state cannot be handed on from several batches at a time.
    let both = settings.tumbling_s > 0 && settings.parallel > 1;
    absent_of_mapping("ParallelizationFactor beside TumblingWindowInSeconds", both)?;
    if (0..AGE_S_MIN).contains(&settings.age_s_max) {
        let age_s = settings.age_s_max;
        return Err(invalid(format!(
            "1 validation error detected: Value '{age_s}' at 'maximumRecordAgeInSeconds' failed to \
             satisfy constraint: Member must have value greater than or equal to {AGE_S_MIN}"
        )));
    }
    if let Some(destinations) = asked.destinations {
        settings.on_failure = destination(destinations)?;
    }
    Ok(settings)
}

fn check_batch(source: Source, settings: &Settings) -> Result<(), Error> {
    let most = if source == Source::FifoQueue { FIFO_BATCH_MAX } else { BATCH_MAX };
    if settings.batch > most {
        return Err(invalid(format!("BatchSize must be at most {most} for this event source.")));
    }
    if source == Source::FifoQueue && settings.window_s > 0 {
        return Err(invalid("Batching window is not supported for FIFO queues."));
    }
    if source.is_queue() && settings.batch > 10 && settings.window_s == 0 {
        return Err(invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is \
             greater than 10",
        ));
    }
    Ok(())
}

fn filters(criteria: &FilterCriteria) -> Result<Vec<String>, Error> {
    let wrong = || invalid("Invalid filter pattern definition.");
    let filters = criteria.filters.as_deref().unwrap_or_default();
    if filters.len() > FILTERS_MAX {
        return Err(invalid(format!("Filters must have at most {FILTERS_MAX} items.")));
    }
    let text = |filter: &api_lambda::Filter| {
        let text = filter.pattern.clone().ok_or_else(wrong)?;
        let pattern = Pattern::parse(&text).map_err(|_| wrong())?;
        // AWS lists no rules for addresses for mappings.
        if pattern.has_addresses() {
            return Err(wrong());
        }
        Ok(text)
    };
    filters.iter().map(text).collect()
}

fn destination(config: &DestinationConfig) -> Result<Option<String>, Error> {
    let success = config.on_success.as_ref().and_then(|on| on.destination.as_deref());
    if success.is_some_and(|arn| !arn.is_empty()) {
        return Err(invalid("Unsupported parameter for given event source mapping type."));
    }
    let failure = config.on_failure.as_ref().and_then(|on| on.destination.as_deref());
    let Some(text) = failure.filter(|arn| !arn.is_empty()) else { return Ok(None) };
    match Arn::parse(text).map(|arn| arn.service) {
        Ok(service) if service == "sqs" && !text.ends_with(".fifo") => Ok(Some(text.to_owned())),
        Ok(service) if service == "sns" && !text.ends_with(".fifo") => Ok(Some(text.to_owned())),
        Ok(service) if service == "s3" => Ok(Some(text.to_owned())),
        _ => Err(invalid(format!(
            "The provided destination config DestinationConfig(onSuccess=null, onFailure=OnFailure(destination={text})) is invalid."
        ))),
    }
}

fn start(input: &CreateEventSourceMappingRequest, source: Source) -> Result<Option<Start>, Error> {
    let stamp = input.starting_position_timestamp;
    if source.is_queue() {
        if input.starting_position.is_some() || stamp.is_some() {
            return Err(invalid("StartingPosition is not valid for SQS event sources."));
        }
        return Ok(None);
    }
    let Some(position) = &input.starting_position else {
        let message = "1 validation error detected: Value null at 'startingPosition' failed to \
                       satisfy constraint: Member must not be null.";
        return Err(invalid(message));
    };
    match (position, stamp) {
        // Only streams of Kinesis can be read from a moment on.
        (EventSourcePosition::AtTimestamp, _) => {
            let arn = input.event_source_arn.as_deref().unwrap_or_default();
            Err(invalid(format!("Unsupported starting position for arn type: {arn}")))
        }
        (_, Some(_)) => Err(invalid("StartingPositionTimestamp is only valid for AT_TIMESTAMP.")),
        (EventSourcePosition::TrimHorizon, None) => Ok(Some(Start::Horizon)),
        // Its moment is set where the mapping is made.
        _ => Ok(Some(Start::Latest(0))),
    }
}

/// Whether the function's role may read the source.
pub(crate) async fn reachable(
    ctx: &Ctx,
    target: &Resolved,
    source: Source,
    arn: &Arn,
) -> Result<(), Error> {
    match source {
        Source::Queue | Source::FifoQueue => queue(ctx, target, arn).await,
        Source::Stream => stream(ctx, target, arn).await,
    }
}

/// Whether the function's role may read the queue, and the queue leaves the function its time.
async fn queue(ctx: &Ctx, target: &Resolved, arn: &Arn) -> Result<(), Error> {
    let own = target.owner(ctx);
    let lent = role::lent(&own, &target.version.role, &session("check"), 60_000).await?;
    if arn.region != lent.region() {
        return Err(no_queue());
    }
    for action in ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"] {
        let need = Need::new(format!("sqs:{action}"), arn.to_string());
        if arn.account == lent.account() && lent.authorize("sqs", action, &[need]).is_err() {
            return Err(refused(action));
        }
    }
    let visible_s = match sqs::visibility_s(&lent, &sqs::url(arn)).await {
        Ok(visible_s) => visible_s,
        Err(fault) if fault.status >= 500 => return Err(fault.into()),
        Err(fault) if fault.code.contains("NonExistent") || fault.code == "QueueDoesNotExist" => {
            return Err(no_queue());
        }
        Err(_) => return Err(refused("ReceiveMessage")),
    };
    let timeout_s = target.version.timeout_seconds;
    if visible_s < timeout_s.max(0) as u64 {
        return Err(invalid(format!(
            "Queue visibility timeout: {visible_s} seconds is less than Function timeout: \
             {timeout_s} seconds"
        )));
    }
    Ok(())
}

/// Whether the function's role may read the stream.
async fn stream(ctx: &Ctx, target: &Resolved, arn: &Arn) -> Result<(), Error> {
    let own = target.owner(ctx);
    let lent = role::lent(&own, &target.version.role, &session("check"), 60_000).await?;
    let text = arn.to_string();
    let no_access = || {
        invalid(format!(
            "Cannot access stream {text}. Please ensure the role can perform the GetRecords, \
             GetShardIterator, DescribeStream, and ListStreams Actions on your stream in IAM."
        ))
    };
    for action in ["GetRecords", "GetShardIterator", "DescribeStream"] {
        let need = Need::new(format!("dynamodb:{action}"), text.as_str());
        lent.authorize("dynamodbstreams", action, &[need]).map_err(|_| no_access())?;
    }
    match streams::shards(&lent, &text).await {
        Ok(_) => Ok(()),
        Err(fault) if fault.status >= 500 => Err(fault.into()),
        Err(fault) if fault.code == "ResourceNotFoundException" => {
            Err(invalid(format!("Stream not found: {text}")))
        }
        Err(_) => Err(no_access()),
    }
}

fn refused(action: &str) -> Error {
    invalid(format!(
        "The provided execution role does not have permissions to call {action} on SQS"
    ))
}

fn no_queue() -> Error {
    invalid(
        "Error occurred while ReceiveMessage. SQS Error Code: \
         AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not \
         exist for this wsdl version.",
    )
}
