//! Policies of functions: statements that `AddPermission` makes, kept for the function as a whole
//! and for each version and alias.

use api_lambda::{AddPermissionRequest, Error, PolicyLengthExceededException};
use kernel::Ctx;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::{ReadTx, Table};

use crate::errors::{conflict, invalid, not_found, stale};
use crate::name::Name;
use crate::record::{FunctionKey, LATEST};

/// Policies: account, region, function, qualifier or nothing.
pub(crate) const POLICIES: Table<Policy> = Table::new("lambda/policy");
/// AWS's limit of a policy's text.
const BYTES_MAX: usize = 20_480;

/// The policy of a function, a version or an alias.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Policy {
    pub statements: Vec<Value>,
    pub revision: String,
}

/// Where the policy for a name lies.
pub(crate) fn key(name: &Name) -> (FunctionKey, String) {
    (name.key(), name.qualifier.clone().unwrap_or_default())
}

/// The policy for a name, empty if there is none.
pub(crate) fn load(tx: &ReadTx, name: &Name) -> Result<Policy, Error> {
    Ok(tx.get(&POLICIES, key(name))?.unwrap_or_default())
}

/// `$LATEST` has no policy of its own.
pub(crate) fn check_qualifier(name: &Name) -> Result<(), Error> {
    match name.qualifier.as_deref() {
        Some(LATEST) => Err(invalid("We currently do not support adding policies for $LATEST.")),
        _ => Ok(()),
    }
}

impl Policy {
    /// The document.
    pub fn document(&self) -> Value {
        json!({ "Version": "2012-10-17", "Id": "default", "Statement": self.statements })
    }

    /// Refuses a change that was made with another revision in mind.
    pub fn check_revision(&self, asked: Option<&String>) -> Result<(), Error> {
        match asked {
            Some(asked) if *asked != self.revision => Err(stale("GetPolicy")),
            _ => Ok(()),
        }
    }

    /// Adds a statement.
    pub fn add(&mut self, ctx: &Ctx, statement: &Value) -> Result<(), Error> {
        let sid = statement["Sid"].as_str().unwrap_or_default();
        if self.statements.iter().any(|other| other["Sid"] == sid) {
            return Err(conflict(format!(
                "The statement id ({sid}) provided already exists. Please provide a new statement \
                 id, or remove the existing statement."
            )));
        }
        self.statements.push(statement.clone());
        let bytes = self.document().to_string().len();
        if bytes > BYTES_MAX {
            let message = Some(format!(
                "The final policy size ({bytes}) is bigger than the limit ({BYTES_MAX})."
            ));
            let r#type = Some("User".into());
            return Err(PolicyLengthExceededException { message, r#type }.into());
        }
        self.revision = ctx.random().uuid();
        Ok(())
    }

    /// Takes a statement away.
    pub fn remove(&mut self, ctx: &Ctx, sid: &str) -> Result<(), Error> {
        if self.statements.is_empty() {
            return Err(not_found("No policy is associated with the given resource."));
        }
        let before = self.statements.len();
        self.statements.retain(|statement| statement["Sid"] != sid);
        if self.statements.len() == before {
            return Err(not_found(format!("Statement {sid} is not found in resource policy.")));
        }
        self.revision = ctx.random().uuid();
        Ok(())
    }
}

/// The statement that a request describes.
pub(crate) fn statement(name: &Name, input: &AddPermissionRequest) -> Result<Value, Error> {
    let mut conditions: Map<String, Value> = Map::new();
    let mut condition = |operator: &str, key: &str, value: String| {
        let entry = conditions.entry(operator).or_insert_with(|| json!({}));
        entry[key] = value.into();
    };
    if let Some(auth) = &input.function_url_auth_type {
        if !matches!(input.action.as_str(), "lambda:InvokeFunctionUrl" | "InvokeFunctionUrl") {
            return Err(invalid(
                "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action",
            ));
        }
        condition("StringEquals", "lambda:FunctionUrlAuthType", auth.as_str().into());
    }
    if let Some(via) = input.invoked_via_function_url {
        condition("Bool", "lambda:InvokedViaFunctionUrl", via.to_string());
    }
    if let Some(account) = &input.source_account {
        condition("StringEquals", "AWS:SourceAccount", account.clone());
    }
    if let Some(token) = &input.event_source_token {
        condition("StringEquals", "lambda:EventSourceToken", token.clone());
    }
    if let Some(organization) = &input.principal_org_id {
        condition("StringEquals", "aws:PrincipalOrgID", organization.clone());
    }
    if let Some(arn) = &input.source_arn {
        condition("ArnLike", "AWS:SourceArn", arn.clone());
    }
    let mut statement = json!({
        "Sid": input.statement_id,
        "Effect": "Allow",
        "Principal": principal(&input.principal)?,
        "Action": input.action,
        "Resource": name.arn(),
    });
    if !conditions.is_empty() {
        statement["Condition"] = Value::Object(conditions);
    }
    Ok(statement)
}

/// Who is allowed: everybody, a service, an account or someone in it.
pub(crate) fn principal(text: &str) -> Result<Value, Error> {
    let is_account = kernel::is_account(text);
    let service = text.ends_with(".amazonaws.com") || text.ends_with(".amazon.com");
    if text == "*" {
        Ok("*".into())
    } else if is_account {
        Ok(json!({ "AWS": format!("arn:aws:iam::{text}:root") }))
    } else if text.starts_with("arn:")
        && text.split(':').nth(2).is_some_and(|s| s == "iam" || s == "sts")
    {
        Ok(json!({ "AWS": text }))
    } else if service && !text.contains(':') {
        Ok(json!({ "Service": text }))
    } else {
        Err(invalid(
            "The provided principal was invalid. Please check the principal and try again.",
        ))
    }
}
