//! Key policies: the one AWS gives a key without one, what may be put, and who would be left.

use kernel::{Ctx, Fault};
use serde_json::{Value, json};

use crate::error::malformed_policy;

/// The policy of a key that was made without one: the account decides by its own policies.
pub(crate) fn default(account: &str) -> String {
    let policy = json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
            "Action": "kms:*",
            "Resource": "*",
        }],
    });
    pretty(&policy)
}

/// The policy of a service's managed key: whoever uses the service in this account.
pub(crate) fn of_managed(account: &str, region: &str, name: &str, via: &str) -> String {
    let policy = json!({
        "Version": "2012-10-17",
        "Id": format!("auto-{name}-1"),
        "Statement": [
            {
                "Sid": format!("Allow access through {name} for all principals in the account \
                                that are authorized to use {name}"),
                "Effect": "Allow",
                "Principal": { "AWS": "*" },
                "Action": [
                    "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*",
                    "kms:CreateGrant", "kms:DescribeKey",
                ],
                "Resource": "*",
                "Condition": { "StringEquals": {
                    "kms:CallerAccount": account,
                    "kms:ViaService": format!("{via}.{region}.amazonaws.com"),
                } },
            },
            {
                "Sid": "Allow direct access to key metadata to the account",
                "Effect": "Allow",
                "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
                "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
                "Resource": "*",
            },
        ],
    });
    pretty(&policy)
}

/// KMS keeps policies as they were given; its own have two spaces of indentation.
fn pretty(policy: &Value) -> String {
    serde_json::to_string_pretty(policy).unwrap_or_default()
}

/// Checks a policy that is put. `bypass`: the caller wants no protection against locking himself
/// out.
pub(crate) fn check(ctx: &Ctx, text: &str, bypass: bool) -> Result<(), Fault> {
    let policy: Value = serde_json::from_str(text)
        .map_err(|_| malformed_policy("Policy document is not valid JSON."))?;
    let statements = match &policy["Statement"] {
        Value::Array(statements) => statements.as_slice(),
        one @ Value::Object(_) => std::slice::from_ref(one),
        _ => return Err(malformed_policy("Policy document has no statements.")),
    };
    for statement in statements {
        well_formed(statement)?;
    }
    let keeps = |statement: &Value| lets_caller_put(ctx, statement);
    if !bypass && !statements.iter().any(keeps) {
        return Err(malformed_policy(
            "The new key policy will not allow you to update the key policy in the future.",
        ));
    }
    Ok(())
}

fn well_formed(statement: &Value) -> Result<(), Fault> {
    let has = |name: &str, not: &str| statement.get(name).or_else(|| statement.get(not)).is_some();
    if !matches!(statement["Effect"].as_str(), Some("Allow" | "Deny")) {
        return Err(malformed_policy("Policy contains a statement with an invalid effect."));
    }
    if !has("Principal", "NotPrincipal") {
        return Err(malformed_policy("Policy contains a statement with no principal."));
    }
    if !has("Action", "NotAction") {
        return Err(malformed_policy("Policy contains a statement with no action."));
    }
    if !has("Resource", "NotResource") {
        return Err(malformed_policy("Policy contains a statement with no resource."));
    }
    let principals = texts(&statement["Principal"]["AWS"]);
    if principals.iter().any(|principal| !is_principal(principal)) {
        return Err(malformed_policy(
            "Policy contains a statement with one or more invalid principals.",
        ));
    }
    Ok(())
}

/// `*`, an account, or the ARN of something of IAM or STS. A principal that was deleted is its
/// unique id.
fn is_principal(text: &str) -> bool {
    text == "*"
        || kernel::is_account(text)
        || ["AROA", "AIDA"].iter().any(|id| text.starts_with(id))
        || kernel::Arn::parse(text).is_ok_and(|arn| {
            matches!(arn.service.as_str(), "iam" | "sts") && kernel::is_account(&arn.account)
        })
}

/// Whether an Allow statement lets the caller, or his account, put policies again. Conditions
/// count as fulfilled: who writes them knows why.
fn lets_caller_put(ctx: &Ctx, statement: &Value) -> bool {
    let allows = statement["Effect"] == "Allow";
    let principals = match &statement["Principal"] {
        Value::String(any) => vec![any.as_str()],
        by_kind => texts(&by_kind["AWS"]),
    };
    let root = format!("arn:aws:iam::{}:root", ctx.account());
    let caller = ctx.principal().arn();
    let role = role_of(&caller);
    let reaches = principals.iter().any(|&principal| {
        principal == "*"
            || principal == root
            || principal == ctx.account()
            || principal == caller
            || role.as_deref() == Some(principal)
    });
    let puts = texts(&statement["Action"]).iter().any(|action| covers(action, "kms:putkeypolicy"));
    allows && reaches && puts
}

/// The role (without a path) of a session's ARN.
fn role_of(arn: &str) -> Option<String> {
    let rest = arn.strip_prefix("arn:aws:sts::")?;
    let (account, session) = rest.split_once(":assumed-role/")?;
    Some(format!("arn:aws:iam::{account}:role/{}", session.split('/').next()?))
}

/// Whether a pattern with `*` at its end, or none, covers a lower-case action.
fn covers(pattern: &str, action: &str) -> bool {
    let pattern = pattern.to_ascii_lowercase();
    match pattern.split_once('*') {
        Some((beginning, "")) => action.starts_with(beginning),
        Some(_) => false,
        None => pattern == action,
    }
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(one) => vec![one],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::{Config, Kernel, Principal};

    fn check_put(policy: Value, expected: Option<&str>) {
        let kernel = Kernel::new(Config::memory());
        let principal = Principal::Root { account: "111122223333".into() };
        let ctx = Ctx::new(&kernel, "us-east-1", principal, "r".into());
        let found = check(&ctx, &policy.to_string(), false).err().map(|fault| fault.message);
        assert_eq!(found.as_deref(), expected, "{policy}");
    }

    #[test]
    fn policies() {
        let statement = |principal: &str, action: &str| {
            json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": principal},
                                  "Action": action, "Resource": "*"}]})
        };
        let lockout =
            "The new key policy will not allow you to update the key policy in the future.";
        check_put(statement("arn:aws:iam::111122223333:root", "kms:*"), None);
        check_put(statement("*", "kms:Put*"), None);
        check_put(statement("*", "kms:Get*"), Some(lockout));
        check_put(statement("arn:aws:iam::444455556666:root", "kms:*"), Some(lockout));
        let invalid = "Policy contains a statement with one or more invalid principals.";
        check_put(statement("bob", "kms:*"), Some(invalid));
        check_put(json!({}), Some("Policy document has no statements."));
        let own: Value = serde_json::from_str(&default("111122223333")).unwrap();
        check_put(own, None);
    }
}
