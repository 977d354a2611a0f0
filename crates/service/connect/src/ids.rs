//! Ids and ARNs. Wherever an operation takes an id it takes the ARN as well.

use crate::errors;
use crate::records::{INSTANCES, InstanceRecord};
use api_connect::Error;
use kernel::{Arn, Ctx};
use store::ReadTx;

/// The id in `given`, an instance's id or ARN in this account and region.
pub(crate) fn instance_id(ctx: &Ctx, given: &str) -> Result<String, Error> {
    resource(ctx, given, "instance").ok_or_else(|| no_instance(given))
}

/// The flow in `given`, a flow's id or ARN with an optional alias: (id, alias).
pub(crate) fn flow_id(ctx: &Ctx, instance: &str, given: &str) -> Option<(String, Option<String>)> {
    let (plain, alias) = match given.rsplit_once(':') {
        // The last part of an ARN without an alias has a slash in it.
        Some((plain, alias)) if !alias.contains('/') => (plain, Some(alias.to_owned())),
        _ => (given, None),
    };
    let prefix = format!("instance/{instance}/contact-flow");
    Some((resource(ctx, plain, &prefix)?, alias))
}

/// The id in `given`, a number's id or ARN in this account and region.
pub(crate) fn number_id(ctx: &Ctx, given: &str) -> Option<String> {
    resource(ctx, given, "phone-number")
}

/// The id after `kind/` in an ARN of this account and region, or `given` if it is no ARN.
fn resource(ctx: &Ctx, given: &str, kind: &str) -> Option<String> {
    if !given.starts_with("arn:") {
        return (!given.contains('/')).then(|| given.to_owned());
    }
    let prefix = ctx.arn("connect", format!("{kind}/")).to_string();
    let id = given.strip_prefix(&prefix)?;
    (!id.is_empty() && !id.contains('/')).then(|| id.to_owned())
}

/// ARN of an instance.
pub(crate) fn instance_arn(ctx: &Ctx, id: &str) -> String {
    ctx.arn("connect", format!("instance/{id}")).to_string()
}

/// ARN of a flow.
pub(crate) fn flow_arn(ctx: &Ctx, instance: &str, id: &str) -> String {
    ctx.arn("connect", format!("instance/{instance}/contact-flow/{id}")).to_string()
}

/// ARN of a contact.
pub(crate) fn contact_arn(ctx: &Ctx, instance: &str, id: &str) -> String {
    ctx.arn("connect", format!("instance/{instance}/contact/{id}")).to_string()
}

/// ARN of a claimed number.
pub(crate) fn number_arn(ctx: &Ctx, id: &str) -> String {
    ctx.arn("connect", format!("phone-number/{id}")).to_string()
}

/// The instance `id`, which must exist.
pub(crate) fn instance(tx: &ReadTx, ctx: &Ctx, id: &str) -> Result<InstanceRecord, Error> {
    tx.get(&INSTANCES, (ctx.account(), ctx.region(), id))?.ok_or_else(|| no_instance(id))
}

fn no_instance(id: &str) -> Error {
    errors::not_found(format!("Instance not found: {id}"))
}

/// Where numbers are looked for or claimed: exactly one of a target's ARN and an instance's id.
pub(crate) fn target(
    ctx: &Ctx,
    target_arn: Option<&str>,
    instance: Option<&str>,
) -> Result<Option<String>, Error> {
    match (target_arn, instance) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => {
            Err(errors::invalid_parameter("Only one of TargetArn and InstanceId can be specified"))
        }
        (None, Some(id)) => instance_id(ctx, id).map(Some),
        (Some(arn), None) => {
            let is_instance = Arn::parse(arn)
                .is_ok_and(|arn| arn.service == "connect" && arn.resource.starts_with("instance/"));
            if is_instance {
                instance_id(ctx, arn).map(Some)
            } else {
                Err(errors::invalid_parameter(format!("Invalid TargetArn: {arn}")))
            }
        }
    }
}
