//! `GetFederationToken`: credentials for somebody else, who may do what both the caller's policies
//! and the session's allow.
//!
//! ```text
//! aws sts get-federation-token --name lee --policy file://policy.json
//! {"FederatedUser": {"FederatedUserId": "000000000000:lee", …}, "PackedPolicySize": 4, …}
//! ```

use std::sync::Arc;

use api_sts::{Error, FederatedUser, GetFederationTokenRequest, GetFederationTokenResponse};
use kernel::{Ctx, Principal, SessionFacts};

use super::get_session_token::ROOT_DURATION_S_MAX;
use crate::Sts;
use crate::fault::denied;
use crate::session;

/// Twelve hours.
const DURATION_S: i32 = 43_200;

pub(crate) async fn get_federation_token(
    _: &Sts,
    ctx: &Ctx,
    input: GetFederationTokenRequest,
) -> Result<GetFederationTokenResponse, Error> {
    let by = match ctx.principal() {
        Principal::Root { .. } => None,
        Principal::User(user) if user.session.is_none() => Some((**user).clone()),
        _ => return Err(denied("Cannot call GetFederationToken with session credentials")),
    };
    let now_ms = ctx.now().epoch_ms;
    let duration_s = input.duration_seconds.unwrap_or(DURATION_S);
    let duration_s = if by.is_none() { duration_s.min(ROOT_DURATION_S_MAX) } else { duration_s };
    let mut facts = SessionFacts::new(now_ms, now_ms + i64::from(duration_s) * 1000);
    session::set_policies(&mut facts, input.policy, input.policy_arns)?;
    session::set_tags(&mut facts, session::pairs(input.tags), Vec::new(), None)?;
    let account = ctx.account().to_owned();
    let user = kernel::FederatedUser { account, name: input.name, by, session: facts };
    let principal = Principal::FederatedUser(Arc::new(user));
    let issued = session::issue(ctx, &principal, input.minimum_session_token_size)?;
    Ok(GetFederationTokenResponse {
        credentials: Some(issued.credentials),
        federated_user: Some(FederatedUser {
            federated_user_id: principal.user_id(),
            arn: principal.arn(),
        }),
        packed_policy_size: issued.packed_policy_size,
        session_token_utilization: Some(issued.utilization),
        session_token_size: Some(issued.token_size),
    })
}
