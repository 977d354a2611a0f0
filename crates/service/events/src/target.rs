//! Targets: read from requests, refused, shown.

use api_events::{DeadLetterConfig, InputTransformer, RetryPolicy, SqsParameters};
use kernel::{Arn, Fault};
use serde_json::Value as Json;

use crate::error::invalid;
use crate::name::BusName;
use crate::path::Path;
use crate::record::{Retry, Target, Transformer};
use crate::transform;

/// Checks a target of a rule on `bus`, with AWS's texts where they are known.
pub(crate) fn of_api(bus: &BusName, given: api_events::Target) -> Result<Target, Fault> {
    unserved(&given)?;
    let malformed = || {
        let arn = &given.arn;
        invalid(format!(
            "Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."
        ))
    };
    let arn = Arn::parse(&given.arn).map_err(|_| malformed())?;
    if !kernel::is_account(&arn.account) || arn.region.is_empty() || arn.resource.is_empty() {
        return Err(malformed());
    }
    let id = &given.id;
    let resource = arn.resource.as_str();
    let is_sound = match arn.service.as_str() {
        "lambda" => resource.starts_with("function:"),
        "logs" => resource.strip_prefix("log-group:").is_some_and(|group| !group.is_empty()),
        "sns" | "sqs" => !resource.contains([':', '/']),
        "events" if resource.starts_with("event-bus/") => BusName::of_arn(&given.arn).is_some(),
        "events" => return Err(kind_unserved("API destinations and other resources of events")),
        service => return Err(kind_unserved(&format!("the service {service}"))),
    };
    if !is_sound {
        return Err(malformed());
    }
    if arn.service == "events" && given.arn == bus.arn() {
        return Err(invalid(format!("The event bus of the rule cannot be its target {id}.")));
    }
    if arn.service != "events" && arn.region != bus.region {
        return Err(invalid(format!("Target {id} is not in the region of the rule.")));
    }
    if arn.service == "logs" && arn.account != bus.account {
        return Err(invalid(format!("Target {id} is not in the account of the rule.")));
    }
    let is_fifo = arn.service == "sqs" && resource.ends_with(".fifo");
    let group = given.sqs_parameters.as_ref().and_then(|sqs| sqs.message_group_id.as_deref());
    if is_fifo && group.unwrap_or_default().is_empty() {
        return Err(invalid(format!(
            "Parameter(s) SqsParameters must be specified for target: {id}."
        )));
    }
    if let Some(role) = &given.role_arn {
        check_role(bus, id, role)?;
    }
    check_dead_letters(id, given.dead_letter_config.as_ref())?;
    check_input(&given)?;
    Ok(Target {
        id: given.id,
        arn: given.arn,
        role: given.role_arn,
        input: given.input,
        input_path: given.input_path,
        transformer: given
            .input_transformer
            .map(|it| Transformer { paths: it.input_paths_map, template: it.input_template }),
        sqs: given.sqs_parameters.map(|sqs| sqs.message_group_id),
        dead_letters: given.dead_letter_config.map(|config| config.arn),
        retry: given.retry_policy.map(|retry| Retry {
            attempts_max: retry.maximum_retry_attempts,
            age_seconds_max: retry.maximum_event_age_in_seconds,
        }),
    })
}

/// Of kinds of targets that nobody delivers to.
fn unserved(given: &api_events::Target) -> Result<(), Fault> {
    let found = [
        ("KinesisParameters", given.kinesis_parameters.is_some()),
        ("RunCommandParameters", given.run_command_parameters.is_some()),
        ("EcsParameters", given.ecs_parameters.is_some()),
        ("BatchParameters", given.batch_parameters.is_some()),
        ("HttpParameters", given.http_parameters.is_some()),
        ("RedshiftDataParameters", given.redshift_data_parameters.is_some()),
        ("SageMakerPipelineParameters", given.sage_maker_pipeline_parameters.is_some()),
        ("AppSyncParameters", given.app_sync_parameters.is_some()),
    ];
    match found.iter().find(|(_, is_given)| *is_given) {
        Some((name, _)) => Err(Fault::not_implemented(format_args!("{name} of targets"))),
        None => Ok(()),
    }
}

fn kind_unserved(what: &str) -> Fault {
    Fault::not_implemented(format_args!(
        "{what} as targets of rules (Lambda functions, SQS queues, SNS topics, log groups and event \
         buses are)"
    ))
}

fn check_role(bus: &BusName, id: &str, role: &str) -> Result<(), Fault> {
    let arn = Arn::parse(role).ok().filter(|arn| arn.service == "iam");
    match arn.filter(|arn| arn.resource.starts_with("role/")) {
        None => Err(invalid(format!("RoleArn {role} of target {id} is not valid."))),
        Some(arn) if arn.account != bus.account => {
            Err(Fault::new("AccessDeniedException", 403, "Cross-account pass role is not allowed."))
        }
        Some(_) => Ok(()),
    }
}

fn check_dead_letters(id: &str, config: Option<&DeadLetterConfig>) -> Result<(), Fault> {
    let Some(arn) = config.and_then(|config| config.arn.as_deref()) else { return Ok(()) };
    let queue = Arn::parse(arn).ok().filter(|arn| arn.service == "sqs");
    match queue {
        Some(queue) if !queue.resource.is_empty() && !queue.resource.ends_with(".fifo") => Ok(()),
        _ => Err(invalid(format!(
            "Invalid DeadLetterConfig for target {id}: it must be the ARN of a standard SQS queue."
        ))),
    }
}

fn check_input(given: &api_events::Target) -> Result<(), Fault> {
    let id = &given.id;
    let several =
        [given.input.is_some(), given.input_path.is_some(), given.input_transformer.is_some()];
    if several.iter().filter(|is_given| **is_given).count() > 1 {
        return Err(invalid(format!(
            "Only one of Input, InputPath, or InputTransformer must be provided for target {id}."
        )));
    }
    if let Some(input) = &given.input
        && let Err(error) = serde_json::from_str::<Json>(input)
    {
        return Err(invalid(format!("JSON syntax error in input for target {id} : {error}")));
    }
    if let Some(path) = &given.input_path
        && Path::parse(path).is_none()
    {
        return Err(invalid(format!("InputPath {path} for target {id} is not a valid JSON path.")));
    }
    if let Some(InputTransformer { input_paths_map, input_template }) = &given.input_transformer {
        let paths = input_paths_map.clone();
        let transformer = Transformer { paths, template: input_template.clone() };
        transform::check(id, &transformer).map_err(invalid)?;
    }
    Ok(())
}

/// As `ListTargetsByRule` shows it.
pub(crate) fn to_api(target: Target) -> api_events::Target {
    api_events::Target {
        id: target.id,
        arn: target.arn,
        role_arn: target.role,
        input: target.input,
        input_path: target.input_path,
        input_transformer: target
            .transformer
            .map(|it| InputTransformer { input_paths_map: it.paths, input_template: it.template }),
        sqs_parameters: target.sqs.map(|message_group_id| SqsParameters { message_group_id }),
        dead_letter_config: target.dead_letters.map(|arn| DeadLetterConfig { arn }),
        retry_policy: target.retry.map(|retry| RetryPolicy {
            maximum_retry_attempts: retry.attempts_max,
            maximum_event_age_in_seconds: retry.age_seconds_max,
        }),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arn: &str, change: fn(&mut api_events::Target), expected: &str) {
        let bus = BusName {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            name: "b".into(),
        };
        let mut given =
            api_events::Target { id: "t".into(), arn: arn.into(), ..Default::default() };
        change(&mut given);
        let found = of_api(&bus, given).map_or_else(
            |fault| fault.to_string(),
            |target| format!("kept {}", to_api(target).arn),
        );
        assert!(found.contains(expected), "{arn}: {found}");
    }

    #[test]
    fn arns_are_checked() {
        let fine = |_: &mut api_events::Target| {};
        for kept in [
            "arn:aws:sqs:eu-west-1:111122223333:q",
            "arn:aws:sns:eu-west-1:999999999999:t",
            "arn:aws:lambda:eu-west-1:111122223333:function:f:live",
            "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/events/x:*",
            "arn:aws:events:us-east-1:999999999999:event-bus/other",
        ] {
            check(kept, fine, &format!("kept {kept}"));
        }
        check("arn:aws:events:eu-west-1:111122223333:event-bus/b", fine, "cannot be its target t");
        check("arn:aws:sqs:us-east-1:111122223333:q", fine, "not in the region");
        check("arn:aws:logs:eu-west-1:999999999999:log-group:x", fine, "not in the account");
        check(
            "queue",
            fine,
            "Parameter queue is not valid. Reason: Provided Arn is not in correct",
        );
        check("arn:aws:lambda:eu-west-1:111122223333:layer:f", fine, "not in correct format");
        let api = "arn:aws:events:eu-west-1:111122223333:api-destination/d/1";
        check(api, fine, "API destinations");
        let stream = "arn:aws:kinesis:eu-west-1:111122223333:stream/s";
        check(stream, fine, "the service kinesis as targets");
        let fifo = "arn:aws:sqs:eu-west-1:111122223333:q.fifo";
        check(fifo, fine, "SqsParameters must be specified");
        let grouped = |t: &mut api_events::Target| {
            t.sqs_parameters = Some(SqsParameters { message_group_id: Some("g".into()) });
        };
        check(fifo, grouped, "kept");
    }

    #[test]
    fn settings_are_checked() {
        let check = |change: fn(&mut api_events::Target), expected: &str| {
            check("arn:aws:sqs:eu-west-1:111122223333:q", change, expected);
        };
        check(|t| t.ecs_parameters = Some(Default::default()), "EcsParameters of targets");
        check(|t| t.input = Some("{".into()), "JSON syntax error in input for target t");
        check(|t| t.input_path = Some("detail".into()), "not a valid JSON path");
        let two = |t: &mut api_events::Target| {
            t.input = Some("1".into());
            t.input_path = Some("$".into());
        };
        check(two, "Only one of Input, InputPath, or InputTransformer");
        check(|t| t.role_arn = Some("me".into()), "RoleArn me of target t is not valid");
        let foreign = |t: &mut api_events::Target| {
            t.role_arn = Some("arn:aws:iam::999999999999:role/r".into());
        };
        check(foreign, "Cross-account pass role");
        let fifo = |t: &mut api_events::Target| {
            let arn = Some("arn:aws:sqs:eu-west-1:111122223333:q.fifo".into());
            t.dead_letter_config = Some(DeadLetterConfig { arn });
        };
        check(fifo, "Invalid DeadLetterConfig");
    }
}
