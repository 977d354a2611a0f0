//! Policies of buses.

use api_events::{
    Error, PutPermissionOutput, PutPermissionRequest, RemovePermissionOutput,
    RemovePermissionRequest,
};
use kernel::{Ctx, Fault};
use policy::{Kind, Policy};
use serde_json::{Value as Json, json};

use super::buses::change;
use crate::Shared;
use crate::error::{invalid, not_found};
use crate::name::{BusName, DEFAULT};

/// Longest policy.
const POLICY_BYTES_MAX: usize = 10_240;

/// Replaces the policy of a bus, or adds one statement to it.
pub(crate) async fn put_permission(
    _: &Shared,
    ctx: &Ctx,
    input: PutPermissionRequest,
) -> Result<PutPermissionOutput, Error> {
    let name = BusName::own(ctx, input.event_bus_name.as_deref().unwrap_or(DEFAULT));
    let parts = [
        ("Action", input.action.is_some()),
        ("Principal", input.principal.is_some()),
        ("StatementId", input.statement_id.is_some()),
        ("Condition", input.condition.is_some()),
    ];
    if let Some(text) = &input.policy {
        if parts.iter().any(|(_, is_given)| *is_given) {
            return Err(invalid(
                "Parameter Policy cannot be combined with Action, Principal, StatementId or \
                 Condition.",
            )
            .into());
        }
        let text = sound(text.clone())?;
        change(ctx, &name, |bus| {
            bus.policy = Some(text.clone());
            Ok(())
        })
        .await?;
        return Ok(PutPermissionOutput {});
    }
    let missing: Vec<&str> =
        parts[..3].iter().filter(|(_, is_given)| !is_given).map(|(name, _)| *name).collect();
    if !missing.is_empty() {
        let text = format!("Parameter(s) {} must be specified.", missing.join(", "));
        return Err(invalid(text).into());
    }
    let action = input.action.unwrap_or_default();
    if action != "events:PutEvents" {
        return Err(invalid("Provided value in parameter 'action' is not supported.").into());
    }
    let principal = match input.principal.unwrap_or_default().as_str() {
        "*" => json!("*"),
        account => json!({"AWS": format!("arn:aws:iam::{account}:root")}),
    };
    let mut statement = json!({
        "Sid": input.statement_id,
        "Effect": "Allow",
        "Principal": principal,
        "Action": action,
        "Resource": name.arn(),
    });
    if let Some(condition) = input.condition {
        statement["Condition"] = json!({condition.r#type: {condition.key: condition.value}});
    }
    change(ctx, &name, |bus| {
        let mut policy = statements(bus.policy.as_deref())?;
        policy.retain(|other| other["Sid"] != statement["Sid"]);
        policy.push(statement.clone());
        bus.policy = Some(sound(document(policy))?);
        Ok(())
    })
    .await?;
    Ok(PutPermissionOutput {})
}

/// A policy that can be kept.
fn sound(text: String) -> Result<String, Fault> {
    if text.len() > POLICY_BYTES_MAX {
        let why = "The policy is longer than the limit of 10,240 bytes.";
        return Err(Fault::sender("PolicyLengthExceededException", why));
    }
    match Policy::parse(&text, Kind::Resource) {
        Ok(_) => Ok(text),
        Err(why) => Err(invalid(format!("Invalid policy: {why}"))),
    }
}

fn document(statements: Vec<Json>) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn statements(policy: Option<&str>) -> Result<Vec<Json>, Fault> {
    let Some(text) = policy else { return Ok(Vec::new()) };
    let mut policy: Json = serde_json::from_str(text).map_err(Fault::internal)?;
    Ok(match policy["Statement"].take() {
        Json::Array(statements) => statements,
        single => vec![single],
    })
}

pub(crate) async fn remove_permission(
    _: &Shared,
    ctx: &Ctx,
    input: RemovePermissionRequest,
) -> Result<RemovePermissionOutput, Error> {
    let name = BusName::own(ctx, input.event_bus_name.as_deref().unwrap_or(DEFAULT));
    let all = input.remove_all_permissions == Some(true);
    if !all && input.statement_id.is_none() {
        return Err(invalid("Parameter StatementId must be specified.").into());
    }
    change(ctx, &name, |bus| {
        if all {
            bus.policy = None;
            return Ok(());
        }
        if bus.policy.is_none() {
            return Err(not_found("EventBus does not have a policy."));
        }
        let mut left = statements(bus.policy.as_deref())?;
        let before = left.len();
        left.retain(|statement| statement["Sid"].as_str() != input.statement_id.as_deref());
        if left.len() == before {
            return Err(not_found("Statement with the provided id does not exist."));
        }
        bus.policy = (!left.is_empty()).then(|| document(left));
        Ok(())
    })
    .await?;
    Ok(RemovePermissionOutput {})
}
