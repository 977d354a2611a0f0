//! `AddPermission` and `RemovePermission`: statements of the queue's policy, by their labels.

use api_sqs::Error;
use serde_json::{Value as Json, json};

use crate::error::{bad_value, invalid, missing, modeled};
use crate::name::QueueName;

/// Most actions of one permission.
const ACTIONS_MAX: usize = 7;
/// What others may be permitted.
const ACTIONS: [&str; 9] = [
    "*",
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
];

/// The policy with one more statement.
pub(crate) fn add(
    policy: Option<&str>,
    name: &QueueName,
    label: &str,
    accounts: &[String],
    actions: &[String],
) -> Result<String, Error> {
    check(label, accounts, actions)?;
    let empty = || json!({"Version": "2012-10-17", "Id": format!("{}/SQSDefaultPolicy", name.arn()), "Statement": []});
    let mut policy = match policy {
        Some(text) => serde_json::from_str(text).map_err(|_| bad_policy())?,
        None => empty(),
    };
    let statements = statements(&mut policy)?;
    if statements.iter().any(|statement| statement["Sid"] == label) {
        return Err(bad_value("Label", &label, "Already exists.").into());
    }
    let principals: Vec<String> =
        accounts.iter().map(|account| format!("arn:aws:iam::{account}:root")).collect();
    let actions: Vec<String> = actions.iter().map(|action| format!("SQS:{action}")).collect();
    statements.push(json!({
        "Sid": label,
        "Effect": "Allow",
        "Principal": {"AWS": one_or_all(principals)},
        "Action": one_or_all(actions),
        "Resource": name.arn(),
    }));
    Ok(policy.to_string())
}

/// The policy without a statement; nothing when it was the last one.
pub(crate) fn remove(policy: Option<&str>, label: &str) -> Result<Option<String>, Error> {
    let unknown =
        || Error::from(bad_value("Label", &label, "can't find label on existing policy."));
    let text = policy.ok_or_else(unknown)?;
    let mut policy: Json = serde_json::from_str(text).map_err(|_| bad_policy())?;
    let statements = statements(&mut policy)?;
    let before = statements.len();
    statements.retain(|statement| statement["Sid"] != label);
    match statements.len() {
        len if len == before => Err(unknown()),
        0 => Ok(None),
        _ => Ok(Some(policy.to_string())),
    }
}

fn check(label: &str, accounts: &[String], actions: &[String]) -> Result<(), Error> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !(1..=80).contains(&label.len()) || !label.bytes().all(plain) {
        let reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 \
                      in length";
        return Err(bad_value("Label", &label, reason).into());
    }
    if actions.is_empty() {
        return Err(missing("Actions").into());
    }
    if accounts.is_empty() || !accounts.iter().all(|account| kernel::is_account(account)) {
        let shown = format!("[{}]", accounts.join(", "));
        return Err(bad_value("PrincipalId", &shown, "Unable to verify.").into());
    }
    if actions.len() > ACTIONS_MAX {
        let found = actions.len();
        return Err(modeled!(
            OverLimit,
            "{found} Actions were found, maximum allowed is {ACTIONS_MAX}."
        ));
    }
    match actions.iter().find(|action| !ACTIONS.contains(&action.as_str())) {
        Some(action) => {
            let reason = "Only the queue owner is allowed to invoke this action.";
            Err(bad_value("ActionName", &format!("SQS:{action}"), reason).into())
        }
        None => Ok(()),
    }
}

fn statements(policy: &mut Json) -> Result<&mut Vec<Json>, Error> {
    if policy["Statement"].is_object() {
        let single = policy["Statement"].take();
        policy["Statement"] = json!([single]);
    }
    policy["Statement"].as_array_mut().ok_or_else(bad_policy)
}

fn bad_policy() -> Error {
    invalid("The queue's policy has no statements.").into()
}

fn one_or_all(mut texts: Vec<String>) -> Json {
    match texts.len() {
        1 => Json::String(texts.remove(0)),
        _ => json!(texts),
    }
}
