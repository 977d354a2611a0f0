//! What IAM refuses in a policy whose types are right, in the order in which it looks.

use std::collections::HashSet;

use crate::arn::split;
use crate::condition::{Condition, Instant};
use crate::malformed::{IAM_PATHS, Malformed};
use crate::policy::{Kind, Named};
use crate::read::{Raw, RawPolicy};

/// Partitions of AWS.
const PARTITIONS: [&str; 9] = [
    "*",
    "aws",
    "aws-cn",
    "aws-us-gov",
    "aws-iso",
    "aws-iso-b",
    "aws-iso-e",
    "aws-iso-f",
    "aws-eusc",
];

/// What of S3 lies in a region.
const REGIONAL: [&str; 7] = [
    "*",
    "accesspoint/",
    "access-grants/",
    "async-request/",
    "job/",
    "storage-lens/",
    "storage-lens-group/",
];

/// An identity policy. The order is the one that moto's test_iam_policies.py recorded: a document
/// with several faults answers with the first of these.
pub(crate) fn identity(text: &str, policy: &RawPolicy) -> Result<(), Malformed> {
    for statement in &policy.statements {
        let effect = statement.effect.as_deref().ok_or(Malformed::Syntax)?;
        if !["allow", "deny"].contains(&effect.to_ascii_lowercase().as_str()) {
            return Err(Malformed::Syntax);
        }
        if statement.principal.is_some() || statement.not_principal.is_some() {
            return Err(Malformed::PrincipalNotAllowed);
        }
    }
    if policy.version.as_deref() != Some("2012-10-17") {
        return Err(Malformed::Version);
    }
    // A space, no other white space: documents in here-documents begin with a line's end.
    if text.starts_with(' ') {
        return Err(Malformed::Legacy);
    }
    for statement in &policy.statements {
        legacy(statement)?;
    }
    let problem = resources(policy)?;
    sids(policy, &Malformed::SidNotUnique)?;
    if policy.statements.iter().any(|statement| actions(statement).is_empty()) {
        return Err(Malformed::NoAction);
    }
    if let Some(problem) = problem {
        return Err(problem);
    }
    for action in policy.statements.iter().flat_map(actions) {
        vendor(action)?;
    }
    let has_resource = |raw: &Raw| {
        raw.resource.as_ref().or(raw.not_resource.as_ref()).is_some_and(|r| !r.is_empty())
    };
    if !policy.statements.iter().all(has_resource) {
        return Err(Malformed::NoResource);
    }
    let is_plain = |sid: &String| sid.bytes().all(|b| b.is_ascii_alphanumeric());
    if !policy.statements.iter().flat_map(|raw| &raw.sid).all(is_plain) {
        return Err(Malformed::SidCharacters);
    }
    Ok(())
}

/// A resource's or a role's policy.
pub(crate) fn resource(policy: &RawPolicy, kind: Kind) -> Result<(), Malformed> {
    let is_trust = kind == Kind::Trust;
    for statement in &policy.statements {
        let effect = statement.effect.as_deref().ok_or(Malformed::Missing("Effect"))?;
        if !["Allow", "Deny"].contains(&effect) {
            return Err(Malformed::Effect(effect.to_owned()));
        }
        match (&statement.principal, &statement.not_principal) {
            (None, None) => return Err(Malformed::Missing("Principal")),
            (None, Some(_)) if effect == "Allow" => return Err(Malformed::AllowNotPrincipal),
            (None, Some(_)) if is_trust => return Err(Malformed::TrustNotPrincipal),
            (Some(json), _) if is_trust && matches!(json, crate::json::Json::Text(_)) => {
                return Err(Malformed::PrincipalNotObject);
            }
            _ => {}
        }
        let actions = actions(statement);
        if actions.is_empty() {
            return Err(Malformed::Missing("Action"));
        }
        for action in actions {
            vendor(action)?;
            if is_trust && !action.to_ascii_lowercase().starts_with("sts:") {
                return Err(Malformed::TrustAction);
            }
        }
        if is_trust && statement.resource.is_some() {
            return Err(Malformed::TrustResource);
        }
        if is_trust && statement.not_resource.is_some() {
            return Err(Malformed::TrustNotResource);
        }
    }
    sids(policy, &Malformed::SidTwice)
}

/// A principal of a policy, by the name of its type. `None`: there can be none like it.
pub(crate) fn principal(kind: &str, value: &str) -> Option<Named> {
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit());
    let is_id = |text: &str| {
        (16..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    match kind {
        "AWS" if value == "*" => Some(Named::Everyone),
        "AWS" if is_account(value) => Some(Named::Account(value.into())),
        "AWS" if is_id(value) => Some(Named::UniqueId(value.into())),
        "AWS" => {
            let parts = split(value, false);
            let [arn, partition, service, "", account, resource] = parts[..] else { return None };
            if arn != "arn" || !PARTITIONS[1..].contains(&partition) || !is_account(account) {
                return None;
            }
            match (service, resource.split_once('/')) {
                ("iam", None) if resource == "root" => Some(Named::Account(account.into())),
                ("iam", Some(("user" | "role", name)))
                | ("sts", Some(("assumed-role" | "federated-user", name)))
                    if !name.is_empty() && !name.contains(['*', '?']) =>
                {
                    Some(Named::Arn(value.into()))
                }
                _ => None,
            }
        }
        "Service" if value.contains('.') && !value.contains(['*', '?', ' ']) => {
            Some(Named::Service(value.into()))
        }
        "Federated" if !value.is_empty() && !value.contains(['*', '?']) => {
            Some(Named::Federated(value.into()))
        }
        "CanonicalUser" if is_id(value) => Some(Named::Canonical(value.into())),
        _ => None,
    }
}

fn actions(statement: &Raw) -> &[String] {
    statement.action.as_ref().or(statement.not_action.as_ref()).map_or(&[], Vec::as_slice)
}

/// What IAM's older parser checks before the ARNs.
fn legacy(statement: &Raw) -> Result<(), Malformed> {
    if !matches!(statement.effect.as_deref(), Some("Allow" | "Deny")) {
        return Err(Malformed::Legacy);
    }
    for condition in statement.conditions.iter().filter(|c| Condition::is_date(&c.operator)) {
        if condition.values.iter().any(|value| Instant::parse(value).is_none()) {
            return Err(Malformed::Legacy);
        }
    }
    Ok(())
}

/// The first resource that is refused later, unless the older parser refuses one before it.
fn resources(policy: &RawPolicy) -> Result<Option<Malformed>, Malformed> {
    let mut problem = None;
    for statement in &policy.statements {
        let listed = statement.resource.iter().chain(&statement.not_resource).flatten();
        for resource in listed {
            if problem.is_none() {
                problem = resource_problem(resource);
            }
            if problem.is_none() && resource != "*" {
                let colons = resource.matches(':').count();
                let service = split(resource, true).get(2).copied().unwrap_or_default();
                if colons < 5 && resource.contains("::") || service.is_empty() {
                    return Err(Malformed::Legacy);
                }
            }
        }
    }
    Ok(problem)
}

fn resource_problem(resource: &str) -> Option<Malformed> {
    if resource == "*" {
        return None;
    }
    let parts = split(resource, true);
    let [_, partition, rest @ ..] = &parts[..] else {
        return Some(Malformed::ResourceFormat(resource.to_owned()));
    };
    if !PARTITIONS.contains(partition) {
        // IAM completes what is missing before it complains.
        let given = |at: usize| rest.get(at).copied().filter(|_| rest != [""]).unwrap_or("*");
        let arn = format!("arn:{partition}:{}:{}:{}:{}", given(0), given(1), given(2), given(3));
        return Some(Malformed::Partition((*partition).to_owned(), arn));
    }
    let Some(service) = rest.first() else { return Some(Malformed::ResourceVendor) };
    let (region, path) = (rest.get(1).copied().unwrap_or(""), rest.get(3).copied());
    match *service {
        "iam" if !region.is_empty() => Some(Malformed::IamRegion(resource.to_owned())),
        "s3" if !region.is_empty() => {
            let regional = |path: &str| REGIONAL.iter().any(|start| path.starts_with(start));
            if path.is_none_or(regional) {
                None
            } else {
                Some(Malformed::Region(resource.to_owned()))
            }
        }
        "iam" => {
            let path = path?;
            let fits = matches!(path, "*" | "root")
                || IAM_PATHS.iter().any(|start| path.starts_with(start));
            if fits { None } else { Some(Malformed::IamPath) }
        }
        _ => None,
    }
}

fn sids(policy: &RawPolicy, twice: &Malformed) -> Result<(), Malformed> {
    let mut seen = HashSet::new();
    let sids = policy.statements.iter().flat_map(|raw| &raw.sid).filter(|sid| !sid.is_empty());
    for sid in sids {
        if !seen.insert(sid) {
            return Err(twice.clone());
        }
    }
    Ok(())
}

fn vendor(action: &str) -> Result<(), Malformed> {
    if action == "*" {
        return Ok(());
    }
    let Some((vendor, name)) = action.split_once(':') else {
        return Err(Malformed::ActionVendor);
    };
    if name.contains(':') {
        return Err(Malformed::ActionColons);
    }
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    if vendor != "*" && !vendor.bytes().all(is_plain) {
        return Err(Malformed::Vendor(vendor.to_owned()));
    }
    Ok(())
}
