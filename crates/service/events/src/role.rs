//! Roles in whose name events are delivered.

use std::sync::Arc;

use api_sts::AssumeRoleRequest;
use kernel::{Arn, AssumedRole, Ctx, Fault, Kernel, Principal, SessionFacts};

use crate::PRINCIPAL;

/// Longer than any attempt.
const SESSION_MS: i64 = 15 * 60 * 1000;

/// A context in which a rule may do what the role may, if it trusts EventBridge.
pub(crate) async fn lent(
    kernel: &Kernel,
    account: &str,
    region: &str,
    role: &str,
) -> Result<Ctx, Fault> {
    let arn = Arn::parse(role).map_err(Fault::internal)?;
    let session_name = kernel.random().hex(32);
    let request = AssumeRoleRequest {
        role_arn: role.to_owned(),
        role_session_name: session_name.clone(),
        ..AssumeRoleRequest::default()
    };
    let ctx = kernel.service_ctx(PRINCIPAL, account, region);
    let assumed = ctx.client::<api_sts::Client>().assume_role(request).await?;
    let user = assumed.assumed_role_user.ok_or_else(|| Fault::internal("no user of a session"))?;
    let id = user.assumed_role_id.split(':').next().unwrap_or_default();
    let named = arn.resource.strip_prefix("role").unwrap_or(&arn.resource);
    let (path, name) = named.split_at(named.rfind('/').map_or(0, |slash| slash + 1));
    let now_ms = ctx.now().epoch_ms;
    let principal = Principal::AssumedRole(Arc::new(AssumedRole {
        account: arn.account.clone(),
        path: path.to_owned(),
        role: name.to_owned(),
        role_id: id.to_owned(),
        session_name,
        session: SessionFacts::new(now_ms, now_ms + SESSION_MS),
    }));
    Ok(Ctx::new(kernel, region, principal, kernel.random().uuid()))
}
