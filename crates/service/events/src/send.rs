//! One attempt to deliver: which call it is, in whose name, and what its failure means.

use std::collections::BTreeMap;

use api_lambda::{GetFunctionConfigurationRequest, InvocationRequest, InvocationType};
use api_logs::{
    CreateLogStreamRequest, DescribeLogStreamsRequest, InputLogEvent, PutLogEventsRequest,
};
use api_sns::{GetTopicAttributesInput, PublishInput};
use api_sqs::{GetQueueUrlRequest, MessageAttributeValue, SendMessageRequest};
use bytes::Bytes;
use kernel::access::Need;
use kernel::digest::hex;
use kernel::{Arn, Ctx, Fault, Kernel, Principal};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};
use shape::Blob;

use crate::event::Event;
use crate::name::BusName;
use crate::record::{self, Delivery, now_ms};
use crate::route::{self, Sealed};
use crate::transform::{self, Facts};
use crate::{Events, PRINCIPAL, guard, role};

/// Buses of one account and region that an event may pass through one after the other.
const HOPS_MAX: u32 = 5;

/// Why an attempt failed, as dead letters say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    ErrorFromTarget,
    FailedToAssumeRole,
    InvalidParameter,
    NoPermissions,
    NoResource,
    ThirdAccountHop,
    ThirdRegionHop,
    Throttling,
}

impl Code {
    pub fn as_str(self) -> &'static str {
        match self {
            Code::ErrorFromTarget => "ERROR_FROM_TARGET",
            Code::FailedToAssumeRole => "FAILED_TO_ASSUME_ROLE",
            Code::InvalidParameter => "INVALID_PARAMETER",
            Code::NoPermissions => "NO_PERMISSIONS",
            Code::NoResource => "NO_RESOURCE",
            Code::ThirdAccountHop => "THIRD_ACCOUNT_HOP_DETECTED",
            Code::ThirdRegionHop => "THIRD_REGION_HOP_DETECTED",
            Code::Throttling => "THROTTLING",
        }
    }

    /// Whether it may go better later.
    pub fn is_passing(self) -> bool {
        matches!(self, Code::ErrorFromTarget | Code::Throttling)
    }
}

/// An attempt that failed.
#[derive(Debug)]
pub(crate) struct Failed {
    pub code: Code,
    pub message: String,
}

impl Failed {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Failed { code, message: message.into() }
    }
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        let has = |parts: &[&str]| parts.iter().any(|part| fault.code.contains(part));
        let code = match fault.status {
            429 => Code::Throttling,
            _ if has(&["Throttl", "TooManyRequests"]) => Code::Throttling,
            // A function that is being made or changed.
            _ if has(&["ResourceConflict", "ResourceNotReady"]) => Code::ErrorFromTarget,
            501 => Code::InvalidParameter,
            500.. => Code::ErrorFromTarget,
            _ if has(&["AccessDenied", "AuthorizationError", "NotAuthorized"]) => {
                Code::NoPermissions
            }
            403 => Code::NoPermissions,
            404 => Code::NoResource,
            _ if has(&["NotFound", "NonExistent"]) => Code::NoResource,
            _ => Code::InvalidParameter,
        };
        Failed::new(code, fault.to_string())
    }
}

/// Makes one attempt.
pub(crate) async fn send(
    kernel: &Kernel,
    events: &Events,
    delivery: &Delivery,
    event: &Event,
) -> Result<(), Failed> {
    let target = &delivery.target;
    let wrong = || Failed::new(Code::InvalidParameter, format!("{} is no target", target.arn));
    let arn = Arn::parse(&target.arn).map_err(|_| wrong())?;
    let (from, rule_name) = BusName::of_rule(&delivery.rule).ok_or_else(wrong)?;
    if arn.service == "events" {
        let to = BusName::of_arn(&target.arn).ok_or_else(wrong)?;
        return bus(kernel, events, delivery, event, &from, &to).await;
    }
    let facts = Facts {
        rule_arn: &delivery.rule,
        rule_name: &rule_name,
        ingested_ms: delivery.accepted_ms,
    };
    let text = transform::payload(event, target, &facts)
        .ok_or_else(|| Failed::new(Code::InvalidParameter, "the input is too long"))?;
    let ctx = caller(kernel, &delivery.rule, target.role.as_deref(), &from, &arn).await?;
    let sent = call(&ctx, delivery, &arn, text).await;
    match sent {
        // What is gone lets nobody in, but that is not why.
        Err(failed) if failed.code == Code::NoPermissions && is_gone(kernel, &arn).await => {
            Err(Failed { code: Code::NoResource, ..failed })
        }
        sent => sent,
    }
}

/// Calls the target, which is no bus.
async fn call(ctx: &Ctx, delivery: &Delivery, arn: &Arn, text: String) -> Result<(), Failed> {
    let target = &delivery.target;
    match arn.service.as_str() {
        "lambda" => function(ctx, delivery, text).await,
        "logs" => log(ctx, delivery, arn, text).await,
        "sns" => {
            let (topic_arn, message) = (Some(target.arn.clone()), text);
            let input = PublishInput { topic_arn, message, ..PublishInput::default() };
            Ok(ctx.client::<api_sns::Client>().publish(input).await.map(drop)?)
        }
        "sqs" => {
            let group = target.sqs.clone().flatten();
            let fields = SendMessageRequest { message_group_id: group, ..Default::default() };
            queue(ctx, arn, text, fields).await
        }
        _ => Err(Failed::new(Code::InvalidParameter, format!("{} is no target", target.arn))),
    }
}

/// Whether the target's own account does not find it either.
async fn is_gone(kernel: &Kernel, arn: &Arn) -> bool {
    let ctx = Ctx::new(kernel, &arn.region, Principal::root(&arn.account), kernel.random().uuid());
    let found = match arn.service.as_str() {
        "lambda" => {
            let input = GetFunctionConfigurationRequest {
                function_name: arn.to_string(),
                ..GetFunctionConfigurationRequest::default()
            };
            ctx.client::<api_lambda::Client>().get_function_configuration(input).await.map(drop)
        }
        "sns" => {
            let input = GetTopicAttributesInput { topic_arn: arn.to_string() };
            ctx.client::<api_sns::Client>().get_topic_attributes(input).await.map(drop)
        }
        "logs" => {
            let group = arn.resource.trim_start_matches("log-group:").trim_end_matches(":*");
            let log_group_name = Some(group.to_owned());
            let input = DescribeLogStreamsRequest { log_group_name, ..Default::default() };
            ctx.client::<api_logs::Client>().describe_log_streams(input).await.map(drop)
        }
        "sqs" => {
            let queue_name = arn.resource.clone();
            let input = GetQueueUrlRequest { queue_name, ..GetQueueUrlRequest::default() };
            ctx.client::<api_sqs::Client>().get_queue_url(input).await.map(drop)
        }
        _ => Ok(()),
    };
    found.is_err_and(|fault| Failed::from(fault).code == Code::NoResource)
}

/// Who calls: the role if there is one, else EventBridge for the rule.
async fn caller(
    kernel: &Kernel,
    rule: &str,
    role: Option<&str>,
    from: &BusName,
    target: &Arn,
) -> Result<Ctx, Failed> {
    let Some(role) = role else {
        let ctx = kernel.service_ctx(PRINCIPAL, &target.account, &target.region);
        return Ok(ctx.as_service_for(PRINCIPAL, rule));
    };
    let lent = role::lent(kernel, &from.account, &target.region, role).await;
    lent.map_err(|fault| match fault.status {
        500.. => Failed::from(fault),
        _ => Failed::new(Code::FailedToAssumeRole, fault.to_string()),
    })
}

async fn function(ctx: &Ctx, delivery: &Delivery, text: String) -> Result<(), Failed> {
    let input = InvocationRequest {
        function_name: delivery.target.arn.clone(),
        invocation_type: Some(InvocationType::Event),
        payload: Some(Blob(Bytes::from(text))),
        trace_id: delivery.trace.clone(),
        ..Default::default()
    };
    Ok(ctx.client::<api_lambda::Client>().invoke(input).await.map(drop)?)
}

async fn queue(
    ctx: &Ctx,
    arn: &Arn,
    text: String,
    fields: SendMessageRequest,
) -> Result<(), Failed> {
    let queue_url = format!("http://queue/{}/{}", arn.account, arn.resource);
    let input = SendMessageRequest { queue_url, message_body: text, ..fields };
    Ok(ctx.client::<api_sqs::Client>().send_message(input).await.map(drop)?)
}

/// Writes to a log group, each rule's target to a stream of its own.
async fn log(ctx: &Ctx, delivery: &Delivery, arn: &Arn, text: String) -> Result<(), Failed> {
    let group = arn.resource.trim_start_matches("log-group:").trim_end_matches(":*").to_owned();
    // A template gives time and message; everything else is the message.
    let given: Json = serde_json::from_str(&text).unwrap_or_default();
    let timestamp = given["timestamp"].as_i64().filter(|_| delivery.target.transformer.is_some());
    let message = match (&given["message"], timestamp) {
        (Json::String(message), Some(_)) => message.clone(),
        (Json::Null, _) | (_, None) => text,
        (other, Some(_)) => other.to_string(),
    };
    let digest = hex(&Sha256::digest(format!("{}/{}", delivery.rule, delivery.target.id)));
    let d = |from: usize, to: usize| &digest[from..to];
    let stream = format!("{}-{}-{}-{}-{}", d(0, 8), d(8, 12), d(12, 16), d(16, 20), d(20, 32));
    may_log(ctx, arn, &group, &stream)?;
    let client = ctx.client::<api_logs::Client>();
    let event =
        InputLogEvent { timestamp: timestamp.unwrap_or(delivery.accepted_ms as i64), message };
    let created =
        CreateLogStreamRequest { log_group_name: group.clone(), log_stream_name: stream.clone() };
    match client.create_log_stream(created).await {
        Err(fault) if fault.code != "ResourceAlreadyExistsException" => return Err(fault.into()),
        _ => {}
    }
    let input = PutLogEventsRequest {
        log_group_name: group,
        log_stream_name: stream,
        log_events: vec![event],
        ..PutLogEventsRequest::default()
    };
    let answer = client.put_log_events(input).await?;
    match answer.rejected_log_events_info {
        Some(_) => Err(Failed::new(Code::InvalidParameter, "the log group rejects the time")),
        None => Ok(()),
    }
}

/// Whether the policies of the account's log groups let EventBridge in; a role is judged as it calls.
fn may_log(ctx: &Ctx, arn: &Arn, group: &str, stream: &str) -> Result<(), Failed> {
    if !matches!(ctx.principal(), Principal::Service { .. }) {
        return Ok(());
    }
    let (region, account) = (&arn.region, &arn.account);
    let stream = format!("arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:{stream}");
    let need = |action: &str| Need::new(format!("logs:{action}"), stream.clone());
    let needs = [need("CreateLogStream"), need("PutLogEvents")];
    Ok(ctx.authorize("logs", "PutLogEvents", &needs)?)
}

/// Brings an event to another bus, as it is.
async fn bus(
    kernel: &Kernel,
    events: &Events,
    delivery: &Delivery,
    event: &Event,
    from: &BusName,
    to: &BusName,
) -> Result<(), Failed> {
    // Once abroad, an event goes no further.
    if to.account != from.account && event.account != from.account {
        let message = "The event has come from another account already.";
        return Err(Failed::new(Code::ThirdAccountHop, message));
    }
    if to.region != from.region && event.region != from.region {
        let message = "The event has come from another region already.";
        return Err(Failed::new(Code::ThirdRegionHop, message));
    }
    if delivery.hops >= HOPS_MAX {
        let message = "The event has been on too many buses.";
        return Err(Failed::new(Code::InvalidParameter, message));
    }
    let arn = to.arn();
    let role = delivery.target.role.as_deref();
    let target = Arn::parse(&arn).map_err(Fault::internal)?;
    let ctx = match role {
        Some(_) => caller(kernel, &delivery.rule, role, from, &target).await?,
        // The account itself sends.
        None => {
            let principal = Principal::root(&from.account);
            Ctx::new(kernel, &to.region, principal, kernel.random().uuid())
        }
    };
    let mut need = Need::new("events:PutEvents", &arn)
        .key("events:source", &event.source)
        .key("events:detail-type", &event.detail_type);
    need.policy = guard::policy_of(&ctx, &arn);
    ctx.authorize("events", "PutEvents", &[need])?;
    let mut sealed = Sealed::of(kernel, event, delivery.trace.clone())?;
    sealed.hops = delivery.hops + 1;
    let now_ms = now_ms(kernel);
    let arrived = kernel.store().write(|tx| {
        record::require_bus(tx, to)?;
        route::route(tx, events, (to, &mut route::Rules::default()), &sealed, now_ms)
    });
    arrived.await.map_err(Fault::from)?;
    events.posted.notify_one();
    Ok(())
}

/// Sends to a dead-letter queue.
pub(crate) async fn dead_letter(
    kernel: &Kernel,
    rule: &str,
    queue_arn: &str,
    text: &str,
    attributes: &[(&'static str, &'static str, String)],
) -> Result<(), Failed> {
    let arn = Arn::parse(queue_arn).map_err(Fault::internal)?;
    let ctx = kernel.service_ctx(PRINCIPAL, &arn.account, &arn.region);
    let ctx = ctx.as_service_for(PRINCIPAL, rule);
    let attribute = |(name, kind, value): &(&str, &str, String)| {
        let (data_type, string_value) = ((*kind).to_owned(), Some(value.clone()));
        let value = MessageAttributeValue { data_type, string_value, ..Default::default() };
        ((*name).to_owned(), value)
    };
    let attributes: BTreeMap<_, _> = attributes.iter().map(attribute).collect();
    let fields = SendMessageRequest { message_attributes: Some(attributes), ..Default::default() };
    queue(&ctx, &arn, text.to_owned(), fields).await
}
