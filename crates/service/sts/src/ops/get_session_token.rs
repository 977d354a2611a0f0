//! `GetSessionToken`: temporary credentials of the caller's own, often to prove an MFA device once.
//!
//! ```text
//! aws sts get-session-token --duration-seconds 900
//! {"Credentials": {"AccessKeyId": "ASIA…", "SessionToken": "…", …}}
//! ```

use std::sync::Arc;

use api_sts::{Error, GetSessionTokenRequest, GetSessionTokenResponse};
use kernel::{Ctx, Principal, RootSession, SessionFacts, User};

use crate::Sts;
use crate::fault::denied;
use crate::{mfa, session};

/// Twelve hours.
const DURATION_S: i32 = 43_200;
/// For root users: longer durations are cut.
pub(super) const ROOT_DURATION_S_MAX: i32 = 3600;

pub(crate) async fn get_session_token(
    _: &Sts,
    ctx: &Ctx,
    input: GetSessionTokenRequest,
) -> Result<GetSessionTokenResponse, Error> {
    let is_root = match ctx.principal() {
        Principal::Root { .. } => true,
        Principal::User(user) if user.session.is_none() => false,
        _ => return Err(denied("Cannot call GetSessionToken with session credentials")),
    };
    let proved = mfa::check(ctx, input.serial_number.as_deref(), input.token_code.as_deref());
    let mfa_at_ms = proved.await?;
    let now_ms = ctx.now().epoch_ms;
    let duration_s = input.duration_seconds.unwrap_or(DURATION_S);
    let duration_s = if is_root { duration_s.min(ROOT_DURATION_S_MAX) } else { duration_s };
    let facts = SessionFacts {
        mfa_at_ms,
        ..SessionFacts::new(now_ms, now_ms + i64::from(duration_s) * 1000)
    };
    let principal = match ctx.principal() {
        Principal::User(user) => {
            Principal::User(Arc::new(User { session: Some(facts), ..(**user).clone() }))
        }
        root => {
            let account = root.account().to_owned();
            Principal::RootSession(Arc::new(RootSession { account, session: facts }))
        }
    };
    let issued = session::issue(ctx, &principal, input.minimum_session_token_size)?;
    Ok(GetSessionTokenResponse {
        credentials: Some(issued.credentials),
        session_token_utilization: Some(issued.utilization),
        session_token_size: Some(issued.token_size),
    })
}
