//! A mapping as the API shows it.

use api_lambda::{
    DestinationConfig, EventSourceMappingConfiguration, EventSourcePosition, Filter,
    FilterCriteria, FunctionResponseType, OnFailure, ScalingConfig,
};
use kernel::{Ctx, Timestamp};

use super::record::{Mapping, Start};
use crate::Lambda;

/// The ARN of a mapping.
pub(crate) fn arn(ctx: &Ctx, id: &str) -> String {
    ctx.arn("lambda", format!("event-source-mapping:{id}")).to_string()
}

/// What all five operations answer.
pub(crate) fn describe(
    api: &Lambda,
    ctx: &Ctx,
    mapping: &Mapping,
) -> EventSourceMappingConfiguration {
    let settings = &mapping.settings;
    let filters = settings.filters.iter().map(|text| Filter { pattern: Some(text.clone()) });
    let filters: Vec<Filter> = filters.collect();
    let partial = settings.partial.then(|| vec![FunctionResponseType::ReportBatchItemFailures]);
    let common = EventSourceMappingConfiguration {
        uuid: Some(mapping.id.clone()),
        event_source_mapping_arn: Some(arn(ctx, &mapping.id)),
        event_source_arn: Some(mapping.source_arn.clone()),
        function_arn: Some(mapping.name(ctx).arn()),
        batch_size: Some(settings.batch),
        maximum_batching_window_in_seconds: Some(settings.window_s),
        filter_criteria: (!filters.is_empty()).then_some(FilterCriteria { filters: Some(filters) }),
        last_modified: Some(Timestamp::from_ms(mapping.modified_ms)),
        state: Some(mapping.state.as_str().into()),
        function_response_types: partial.clone(),
        ..Default::default()
    };
    if mapping.source.is_queue() {
        let scaling = |most| ScalingConfig { maximum_concurrency: Some(most) };
        return EventSourceMappingConfiguration {
            scaling_config: settings.concurrency_max.map(scaling),
            state_transition_reason: Some("USER_INITIATED".into()),
            ..common
        };
    }
    let position = match mapping.start {
        Some(Start::Horizon) => EventSourcePosition::TrimHorizon,
        Some(Start::At(_)) => EventSourcePosition::AtTimestamp,
        _ => EventSourcePosition::Latest,
    };
    let stamp = match mapping.start {
        Some(Start::At(at_ms)) => Some(Timestamp::from_ms(at_ms)),
        _ => None,
    };
    let on_failure = Some(OnFailure { destination: settings.on_failure.clone() });
    let key = Mapping::key(ctx, &mapping.id);
    EventSourceMappingConfiguration {
        starting_position: Some(position),
        starting_position_timestamp: stamp,
        parallelization_factor: Some(settings.parallel),
        bisect_batch_on_function_error: Some(settings.bisect),
        maximum_retry_attempts: Some(settings.retries_max),
        maximum_record_age_in_seconds: Some(settings.age_s_max),
        tumbling_window_in_seconds: Some(settings.tumbling_s),
        destination_config: Some(DestinationConfig { on_success: None, on_failure }),
        function_response_types: Some(partial.unwrap_or_default()),
        last_processing_result: Some(api.mappings.result(&key).into()),
        state_transition_reason: Some("User action".into()),
        ..common
    }
}
