//! `AssumeRole`: a session of a role that trusts the caller.
//!
//! ```text
//! aws sts assume-role --role-arn arn:aws:iam::111122223333:role/desk --role-session-name kim
//! {"AssumedRoleUser": {"AssumedRoleId": "AROA…:kim", "Arn": "arn:aws:sts::…:assumed-role/desk/kim"}, …}
//! ```

use api_sts::{AssumeRoleRequest, AssumeRoleResponse, AssumedRoleUser, Error};
use kernel::{Ctx, Principal, SessionFacts};

use crate::Sts;
use crate::fault::{denied, invalid};
use crate::role::{self, Role};
use crate::trust::{Wanted, not_authorized};
use crate::{mfa, session};

const ACTION: &str = "sts:AssumeRole";
/// An hour: what a session has unless told otherwise, and the most that one in a chain can have.
const DURATION_S: i32 = 3600;

pub(crate) async fn assume_role(
    _: &Sts,
    ctx: &Ctx,
    input: AssumeRoleRequest,
) -> Result<AssumeRoleResponse, Error> {
    let from = caller(ctx)?;
    if input.provided_contexts.is_some() {
        // They come from IAM Identity Center, which is not here: none can be genuine.
        return Err(invalid("The provided context assertion is not valid."));
    }
    let role = role::find(ctx, &input.role_arn).await?;
    let proved = mfa::check(ctx, input.serial_number.as_deref(), input.token_code.as_deref());
    let has_mfa = proved.await?.is_some();
    let is_chained = matches!(ctx.principal(), Principal::AssumedRole(_));
    let duration_s = input.duration_seconds.unwrap_or(DURATION_S);
    let now_ms = ctx.now().epoch_ms;
    let mut facts = SessionFacts {
        chained: is_chained,
        source_identity: source_identity(ctx, from, input.source_identity, &input.role_arn)?,
        ..SessionFacts::new(now_ms, now_ms + i64::from(duration_s) * 1000)
    };
    let transitive = input.transitive_tag_keys.unwrap_or_default();
    session::set_tags(&mut facts, session::pairs(input.tags), transitive, from)?;
    let wanted = Wanted {
        action: ACTION,
        role_arn: &input.role_arn,
        session_name: &input.role_session_name,
        duration_s: input.duration_seconds,
        external_id: input.external_id.as_deref(),
        has_mfa,
        facts: &facts,
        inherited: from.map_or(&[], |facts| &facts.transitive_tag_keys),
    };
    wanted.authorize(ctx, role.as_ref())?;
    // A root user gets here without a role, too.
    let role = role.ok_or_else(|| not_authorized(ctx.principal(), ACTION, &input.role_arn))?;
    check_duration(duration_s, &role, is_chained)?;
    session::set_policies(&mut facts, input.policy, input.policy_arns)?;
    let source_identity = facts.source_identity.clone();
    let principal = role.session(input.role_session_name, facts);
    let issued = session::issue(ctx, &principal, input.minimum_session_token_size)?;
    Ok(AssumeRoleResponse {
        credentials: Some(issued.credentials),
        assumed_role_user: Some(assumed_role_user(&principal)),
        packed_policy_size: issued.packed_policy_size,
        source_identity,
        session_token_utilization: Some(issued.utilization),
        session_token_size: Some(issued.token_size),
    })
}

/// What the caller's own session carries. Some callers have no way to a role at all.
fn caller(ctx: &Ctx) -> Result<Option<&SessionFacts>, Error> {
    match ctx.principal() {
        Principal::RootSession(_) => Err(denied("Roles may not be assumed by root accounts.")),
        Principal::FederatedUser(_) => {
            Err(denied("Cannot call AssumeRole with the credentials of a federated user"))
        }
        principal => Ok(principal.session()),
    }
}

fn check_duration(duration_s: i32, role: &Role, is_chained: bool) -> Result<(), Error> {
    if is_chained && duration_s > DURATION_S {
        return Err(invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by \
             role chaining",
        ));
    }
    role.check_duration(duration_s)
}

/// Once set, a source identity stays for all sessions that follow.
fn source_identity(
    ctx: &Ctx,
    from: Option<&SessionFacts>,
    asked: Option<String>,
    role_arn: &str,
) -> Result<Option<String>, Error> {
    if let Some(source) = &asked {
        session::check_source_identity(source)?;
    }
    match (from.and_then(|facts| facts.source_identity.clone()), asked) {
        (Some(held), Some(asked)) if held != asked => {
            Err(not_authorized(ctx.principal(), "sts:SetSourceIdentity", role_arn))
        }
        (held, asked) => Ok(held.or(asked)),
    }
}

/// How answers name a session.
pub(super) fn assumed_role_user(principal: &Principal) -> AssumedRoleUser {
    AssumedRoleUser { assumed_role_id: principal.user_id(), arn: principal.arn() }
}
