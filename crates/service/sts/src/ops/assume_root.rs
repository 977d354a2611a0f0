//! `AssumeRoot`: a session of another account's root user, for one task.
//!
//! ```text
//! aws sts assume-root --target-principal 111122223333 --task-policy-arn \
//!     arn=arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy
//! {"Credentials": {"AccessKeyId": "ASIA…", "SessionToken": "…", …}}
//! ```
//!
//! It takes a user or role of the account that manages the organization, whose policies allow
//! `sts:AssumeRoot` on the member's root, and that IAM's feature for the task is enabled.

use std::sync::Arc;

use api_iam::ListOrganizationsFeaturesRequest;
use api_sts::{AssumeRootRequest, AssumeRootResponse, Error};
use kernel::access::{Need, ResourcePolicy};
use kernel::{Ctx, Principal, RootSession, SessionFacts};

use crate::Sts;
use crate::fault::{denied, invalid};
use crate::session;
use crate::trust::not_authorized;

const ACTION: &str = "sts:AssumeRoot";
/// Fifteen minutes; also the most that a session can have.
const DURATION_S: i32 = 900;

/// The tasks there are, below `arn:aws:iam::aws:policy/root-task/`, and the feature each takes.
const TASKS: [(&str, &str); 5] = [
    ("IAMAuditRootUserCredentials", "RootCredentialsManagement"),
    ("IAMCreateRootUserPassword", "RootCredentialsManagement"),
    ("IAMDeleteRootUserCredentials", "RootCredentialsManagement"),
    ("S3UnlockBucketPolicy", "RootSessions"),
    ("SQSUnlockQueuePolicy", "RootSessions"),
];
const TASK: &str = "arn:aws:iam::aws:policy/root-task/";

pub(crate) async fn assume_root(
    _: &Sts,
    ctx: &Ctx,
    input: AssumeRootRequest,
) -> Result<AssumeRootResponse, Error> {
    let account = member(&input.target_principal)?;
    let task = input.task_policy_arn.arn.unwrap_or_default();
    let feature = feature(&task)?;
    let root = format!("arn:aws:iam::{account}:root");
    authorize(ctx, &root, &task)?;
    let manager = &ctx.kernel().config().account;
    if ctx.account() != manager || account == *manager || !is_enabled(ctx, feature).await? {
        return Err(not_authorized(ctx.principal(), ACTION, &root));
    }
    let now_ms = ctx.now().epoch_ms;
    let duration_s = input.duration_seconds.unwrap_or(DURATION_S);
    let from = ctx.principal().session();
    let source_identity = from.and_then(|facts| facts.source_identity.clone());
    let facts = SessionFacts {
        root_task: Some(task),
        source_identity: source_identity.clone(),
        ..SessionFacts::new(now_ms, now_ms + i64::from(duration_s) * 1000)
    };
    let principal = Principal::RootSession(Arc::new(RootSession { account, session: facts }));
    let issued = session::issue(ctx, &principal, input.minimum_session_token_size)?;
    Ok(AssumeRootResponse {
        credentials: Some(issued.credentials),
        source_identity,
        session_token_utilization: Some(issued.utilization),
        session_token_size: Some(issued.token_size),
    })
}

/// The account that a target names: by its number, or by its root user's ARN.
fn member(target: &str) -> Result<String, Error> {
    let named = target.strip_prefix("arn:aws:iam::").and_then(|rest| rest.strip_suffix(":root"));
    let account = named.unwrap_or(target);
    match kernel::is_account(account) {
        true => Ok(account.to_owned()),
        false => Err(invalid(format!("{target} is not an account or the ARN of its root user."))),
    }
}

fn feature(task: &str) -> Result<&'static str, Error> {
    let name = task.strip_prefix(TASK).unwrap_or_default();
    let found = TASKS.iter().find(|(known, _)| *known == name);
    found.map(|(_, feature)| *feature).ok_or_else(|| invalid(format!("{task} is no task policy.")))
}

/// What the caller's own policies say. A root user has none, and is refused.
fn authorize(ctx: &Ctx, root: &str, task: &str) -> Result<(), Error> {
    match ctx.principal() {
        Principal::User(_) | Principal::AssumedRole(_) => {}
        Principal::Root { .. } | Principal::RootSession(_) => {
            return Err(denied("AssumeRoot may not be called by root accounts."));
        }
        other => return Err(not_authorized(other, ACTION, root)),
    }
    let own = ResourcePolicy { account: ctx.account().to_owned(), ..ResourcePolicy::default() };
    let need = Need { policy: Some(own), ..Need::new(ACTION, root) };
    Ok(ctx.authorize("sts", "AssumeRoot", &[need.key("sts:TaskPolicyArn", task)])?)
}

/// Whether the organization lets its manager do such a task.
async fn is_enabled(ctx: &Ctx, feature: &str) -> Result<bool, Error> {
    let asking = ctx.kernel().service_ctx(crate::role::SERVICE, ctx.account(), ctx.region());
    let request = ListOrganizationsFeaturesRequest::default();
    let listed = asking.client::<api_iam::Client>().list_organizations_features(request).await?;
    Ok(listed.enabled_features.iter().flatten().any(|enabled| enabled.as_str() == feature))
}
