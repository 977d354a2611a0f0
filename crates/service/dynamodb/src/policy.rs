//! Resource policies: kept and given back as they were put, and asked when access to a table, its
//! indexes or its stream is judged (`guard`).

use api_dynamodb::{Error, PolicyNotFoundException};
use kernel::{Ctx, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{ReadTx, Scan, Table, WriteTx};

use crate::invalid::Invalid;
use crate::resource::Resource;

/// Policies by account, region, and the resource as its ARN has it.
const POLICIES: Table<PolicyRecord> = Table::new("dynamodb/policy");

/// The expected revision of a policy that is not there yet.
const NO_POLICY: &str = "NO_POLICY";
/// Bytes a policy may have, white space aside.
const POLICY_MAX_BYTES: usize = 20 * 1024;

/// A policy.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PolicyRecord {
    pub document: String,
    /// Another one for every change.
    pub revision: String,
}

impl PolicyRecord {
    /// Of a document that has been checked.
    pub fn new(ctx: &Ctx, document: String) -> PolicyRecord {
        let number = u128::from(ctx.random().u64()) << 64 | u128::from(ctx.random().u64());
        // Thirteen digits of time and some of chance, as AWS's look.
        let revision = format!("{}{:06}", ctx.now().epoch_ms, number % 1_000_000);
        PolicyRecord { document, revision }
    }
}

/// The policy of a resource.
pub(crate) fn get(
    ctx: &Ctx,
    tx: &ReadTx,
    resource: &str,
) -> Result<Option<PolicyRecord>, StoreError> {
    tx.get(&POLICIES, (ctx.account(), ctx.region(), resource))
}

/// Sets the policy of a resource.
pub(crate) fn put(
    ctx: &Ctx,
    tx: &mut WriteTx,
    resource: &str,
    policy: &PolicyRecord,
) -> Result<(), StoreError> {
    tx.put(&POLICIES, (ctx.account(), ctx.region(), resource), policy)
}

/// Takes the policy of a resource away.
pub(crate) fn delete(ctx: &Ctx, tx: &mut WriteTx, resource: &str) -> Result<(), StoreError> {
    tx.delete(&POLICIES, (ctx.account(), ctx.region(), resource))
}

/// Takes away the policies of a table and of its streams.
pub(crate) fn delete_of_table(ctx: &Ctx, tx: &mut WriteTx, name: &str) -> Result<(), StoreError> {
    delete(ctx, tx, &format!("table/{name}"))?;
    let all = Scan::prefix((ctx.account(), ctx.region()))
        .ge((ctx.account(), ctx.region(), format!("table/{name}/").as_str()))
        .lt((ctx.account(), ctx.region(), format!("table/{name}0").as_str()));
    let found = tx.scan(&POLICIES, all)?;
    found.into_iter().try_for_each(|(key, _)| tx.delete(&POLICIES, key))
}

/// Checks the revision that a request expects, if it does: the current one, or that there is no
/// policy.
pub(crate) fn check_revision(
    resource: &Resource<'_>,
    current: Option<&PolicyRecord>,
    expected: Option<&str>,
) -> Result<(), Error> {
    let (Some(expected), table) = (expected, &resource.table) else { return Ok(()) };
    match current {
        None if expected == NO_POLICY => Ok(()),
        None => Err(missing(resource.arn)),
        Some(current) if current.revision == expected => Ok(()),
        Some(current) if expected == NO_POLICY => Err(missing(&format!(
            "Requested policy update expecting none to be present for table {table}, but a policy \
             exists with revision id {}.",
            current.revision
        ))),
        Some(current) => Err(missing(&format!(
            "Requested update for policy with revision id {expected}, but the policy associated \
             to target table {table} has revision id {}.",
            current.revision
        ))),
    }
}

/// There is no policy, or not the expected one.
pub(crate) fn missing(what: &str) -> Error {
    let message = format!("Resource-based policy not found for the provided ResourceArn: {what}");
    PolicyNotFoundException { message: Some(message) }.into()
}

/// Checks that a text is a policy: what it says is for later.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn check(document: &str) -> Result<(), Invalid> {
    let bytes = document.bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
    if bytes > POLICY_MAX_BYTES {
        return Err(Invalid(format!(
            "Invalid policy document: it has {bytes} bytes, and may have {POLICY_MAX_BYTES}"
        )));
    }
    let problem = match serde_json::from_str(document) {
        Ok(Value::Object(policy)) => problem(&policy),
        Ok(_) => Some("it is no JSON object"),
        Err(_) => Some("it is no JSON"),
    };
    match problem {
        Some(problem) => Err(Invalid(format!("Invalid policy document: {problem}"))),
        None => Ok(()),
    }
}

type Object = serde_json::Map<String, Value>;

fn problem(policy: &Object) -> Option<&'static str> {
    const ELEMENTS: [&str; 3] = ["Version", "Id", "Statement"];
    if policy.keys().any(|key| !ELEMENTS.contains(&key.as_str())) {
        return Some("it has an element other than Version, Id and Statement");
    }
    let is_version =
        |version: &Value| matches!(version.as_str(), Some("2012-10-17" | "2008-10-17"));
    if policy.get("Version").is_some_and(|version| !is_version(version)) {
        return Some("its Version is neither 2012-10-17 nor 2008-10-17");
    }
    match policy.get("Statement") {
        Some(Value::Array(statements)) if !statements.is_empty() => {
            statements.iter().find_map(|statement| match statement {
                Value::Object(statement) => statement_problem(statement),
                _ => Some("a Statement is no JSON object"),
            })
        }
        Some(Value::Object(statement)) => statement_problem(statement),
        _ => Some("it has no Statement"),
    }
}

fn statement_problem(statement: &Object) -> Option<&'static str> {
    const ELEMENTS: [&str; 9] = [
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    ];
    let one_of = |a: &str, b: &str| statement.contains_key(a) != statement.contains_key(b);
    let texts = |name: &str| match statement.get(name) {
        None | Some(Value::String(_)) => true,
        Some(Value::Array(values)) => values.iter().all(Value::is_string),
        Some(_) => false,
    };
    let effect = statement.get("Effect").and_then(Value::as_str);
    if statement.keys().any(|key| !ELEMENTS.contains(&key.as_str())) {
        Some("a Statement has an element that policies do not have")
    } else if !matches!(effect, Some("Allow" | "Deny")) {
        Some("the Effect of a Statement is neither Allow nor Deny")
    } else if !one_of("Principal", "NotPrincipal") {
        Some("a Statement has no Principal")
    } else if !one_of("Action", "NotAction") {
        Some("a Statement has no Action")
    } else if !one_of("Resource", "NotResource") {
        Some("a Statement has no Resource")
    } else if !["Action", "NotAction", "Resource", "NotResource"].into_iter().all(texts) {
        Some("an Action or Resource of a Statement is neither a text nor a list of texts")
    } else if statement.get("Condition").is_some_and(|condition| !condition.is_object()) {
        Some("the Condition of a Statement is no JSON object")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_policies_are_policies() {
        let good = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"AWS": "111122223333"}, "Action": "dynamodb:*", "Resource": "*"}]}"#;
        assert!(check(good).is_ok());
        for (bad, problem) in [
            ("{", "it is no JSON"),
            ("[]", "it is no JSON object"),
            ("{}", "it has no Statement"),
            (&good.replace("Allow", "Perhaps"), "neither Allow nor Deny"),
            (&good.replace("Principal", "Sid"), "no Principal"),
            (&good.replace("2012-10-17", "2012"), "its Version"),
            (&good.replace("\"dynamodb:*\"", "7"), "neither a text nor a list"),
            (&"[".repeat(100_000), "bytes, and may have"),
            (&"[".repeat(20_000), "it is no JSON"),
        ] {
            let text = check(bad).unwrap_err().0;
            assert!(text.contains(problem), "{text}");
        }
    }
}
