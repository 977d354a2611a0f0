//! The role a function runs as: it must trust Lambda, and every sandbox gets a session of it.

use std::sync::Arc;

use api_sts::AssumeRoleRequest;
use kernel::{Arn, AssumedRole, Ctx, Fault, Principal, SessionCredentials, SessionFacts};

use crate::errors::invalid;

/// Lambda's name in trust policies.
const SERVICE: &str = "lambda.amazonaws.com";
const NOT_ASSUMED: &str = "The role defined for the function cannot be assumed by Lambda.";

/// Refuses a role that is not there or does not trust Lambda, as CreateFunction does.
pub(crate) async fn check(ctx: &Ctx, role: &str) -> Result<(), api_lambda::Error> {
    if Arn::parse(role).is_ok_and(|arn| arn.account != ctx.account()) {
        let message = "Cross-account pass role is not allowed.";
        return Err(Fault::new("AccessDeniedException", 403, message).into());
    }
    match unique_id(ctx, role, "check").await {
        Ok(_) => Ok(()),
        Err(fault) if fault.status >= 500 => Err(fault.into()),
        Err(_) => Err(invalid(NOT_ASSUMED)),
    }
}

/// Credentials of a session of the role, good for so long. A service is not bound by the role's own
/// longest session.
pub(crate) async fn session(
    ctx: &Ctx,
    role: &str,
    name: &str,
    lasts_ms: i64,
) -> Result<SessionCredentials, Fault> {
    let principal = principal(ctx, role, name, lasts_ms).await?;
    let issued = ctx.kernel().credentials().issue(ctx.random(), &principal, 0);
    issued.map_err(Fault::internal)
}

/// A context in which the service may do what the role may, as on AWS where it sends a function's
/// results or reads its queues.
pub(crate) async fn lent(ctx: &Ctx, role: &str, name: &str, lasts_ms: i64) -> Result<Ctx, Fault> {
    let principal = principal(ctx, role, name, lasts_ms).await?;
    Ok(Ctx::new(ctx.kernel(), ctx.region(), principal, ctx.random().uuid()))
}

async fn principal(ctx: &Ctx, role: &str, name: &str, lasts_ms: i64) -> Result<Principal, Fault> {
    let id = unique_id(ctx, role, name).await.map_err(|fault| match fault.status {
        500.. => fault,
        _ => Fault::new("AccessDeniedException", 403, NOT_ASSUMED),
    })?;
    let arn = Arn::parse(role).map_err(Fault::internal)?;
    let named = arn.resource.strip_prefix("role").unwrap_or(&arn.resource);
    let (path, role) = named.split_at(named.rfind('/').map_or(0, |slash| slash + 1));
    let now_ms = ctx.now().epoch_ms;
    Ok(Principal::AssumedRole(Arc::new(AssumedRole {
        account: arn.account.clone(),
        path: path.to_owned(),
        role: role.to_owned(),
        role_id: id,
        session_name: name.to_owned(),
        session: SessionFacts::new(now_ms, now_ms + lasts_ms),
    })))
}

/// `AROA…` of a role that lets Lambda assume it.
async fn unique_id(ctx: &Ctx, role: &str, session: &str) -> Result<String, Fault> {
    let request = AssumeRoleRequest {
        role_arn: role.to_owned(),
        role_session_name: session.to_owned(),
        ..AssumeRoleRequest::default()
    };
    let sts = ctx.as_service(SERVICE).client::<api_sts::Client>();
    let assumed = sts.assume_role(request).await?;
    let user = assumed.assumed_role_user.ok_or_else(|| Fault::internal("no user of a session"))?;
    let id = user.assumed_role_id.split(':').next().unwrap_or_default();
    Ok(id.to_owned())
}
