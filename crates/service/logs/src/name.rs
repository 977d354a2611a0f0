//! Names and ARNs of groups and streams.

use kernel::{Arn, Ctx, Fault};

use crate::error::{invalid, no_group};

/// The group that a request means by name or by identifier (a name, or an ARN without `:*`).
pub(crate) fn group_name(
    ctx: &Ctx,
    name: Option<String>,
    identifier: Option<String>,
) -> Result<String, Fault> {
    match (name, identifier) {
        (Some(name), None) => Ok(name),
        (None, Some(identifier)) => identified(ctx, identifier),
        (None, None) => Err(invalid("You must include either logGroupIdentifier or logGroupName.")),
        (Some(_), Some(_)) => Err(invalid(
            "You must include either logGroupIdentifier or logGroupName, but not both.",
        )),
    }
}

/// The group that an identifier means. One of another account or region is none of ours.
pub(crate) fn identified(ctx: &Ctx, identifier: String) -> Result<String, Fault> {
    let Ok(arn) = Arn::parse(&identifier) else { return Ok(identifier) };
    let ours = arn.service == "logs" && arn.region == ctx.region() && arn.account == ctx.account();
    match arn.resource.strip_prefix("log-group:") {
        Some(name) if ours => Ok(name.to_owned()),
        _ => Err(no_group()),
    }
}

/// `arn:aws:logs:REGION:ACCOUNT:log-group:NAME`.
pub(crate) fn group_arn(ctx: &Ctx, group: &str) -> String {
    ctx.arn("logs", format!("log-group:{group}")).to_string()
}

/// `arn:aws:logs:REGION:ACCOUNT:log-group:NAME:log-stream:NAME`.
pub(crate) fn stream_arn(ctx: &Ctx, group: &str, stream: &str) -> String {
    ctx.arn("logs", format!("log-group:{group}:log-stream:{stream}")).to_string()
}
