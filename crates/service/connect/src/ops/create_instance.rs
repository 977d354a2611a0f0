//! `CreateInstance`: a contact centre.
//!
//! ```text
//! aws connect create-instance --identity-management-type CONNECT_MANAGED \
//!     --instance-alias flight-desk --inbound-calls-enabled --no-outbound-calls-enabled
//! {"Id": "…", "Arn": "arn:aws:connect:ap-northeast-2:000000000000:instance/…"}
//! ```
//!
//! It is active at once. The flows, prompts and queues that Connect puts into a new instance are
//! not made.

use crate::records::{ALIASES, INSTANCES, InstanceRecord};
use crate::tokens::{self, Known};
use crate::{Connect, errors, ids, tags};
use api_connect::{CreateInstanceRequest, CreateInstanceResponse, DirectoryType, Error};
use kernel::Ctx;

pub(crate) async fn create_instance(
    _: &Connect,
    ctx: &Ctx,
    input: CreateInstanceRequest,
) -> Result<CreateInstanceResponse, Error> {
    check(&input)?;
    let parameters = format!(
        "{} {:?} {:?} {} {} {:?}",
        input.identity_management_type.as_str(),
        input.instance_alias,
        input.directory_id,
        input.inbound_calls_enabled,
        input.outbound_calls_enabled,
        input.tags,
    );
    let token = tokens::token(ctx, "CreateInstance", input.client_token.as_deref(), &parameters);
    let record = InstanceRecord {
        id: ctx.random().uuid(),
        alias: input.instance_alias,
        identity_management: input.identity_management_type.as_str().to_owned(),
        created_ms: ctx.now().epoch_ms,
        service_role: service_role(ctx),
        inbound_calls: input.inbound_calls_enabled,
        outbound_calls: input.outbound_calls_enabled,
        tags: tags::checked(input.tags)?,
    };
    let id = ctx
        .store()
        .write(|tx| {
            match token.find(tx, ctx)? {
                Known::Same(id) => return Ok(id),
                Known::Other => {
                    let message = "The client token was used with other parameters";
                    return Err(errors::invalid_request(message));
                }
                Known::Nothing => {}
            }
            if let Some(alias) = &record.alias {
                let alias = alias.to_ascii_lowercase();
                if tx.get(&ALIASES, alias.as_str())?.is_some() {
                    let message = "Invalid Input. Instance alias is already used.";
                    return Err(errors::invalid_request(message));
                }
                tx.put(&ALIASES, alias.as_str(), &record.id)?;
            }
            tx.put(&INSTANCES, (ctx.account(), ctx.region(), record.id.as_str()), &record)?;
            token.keep(tx, ctx, &record.id)?;
            Ok(record.id.clone())
        })
        .await?;
    let arn = ids::instance_arn(ctx, &id);
    Ok(CreateInstanceResponse { id: Some(id), arn: Some(arn) })
}

fn check(input: &CreateInstanceRequest) -> Result<(), Error> {
    let existing = input.identity_management_type == DirectoryType::ExistingDirectory;
    match (&input.directory_id, existing) {
        (None, true) => {
            let message = "Invalid Input. DirectoryId is required for EXISTING_DIRECTORY.";
            return Err(errors::invalid_request(message));
        }
        (Some(id), true) => {
            return Err(errors::invalid_request(format!(
                "Invalid Input. Directory {id} does not exist."
            )));
        }
        (Some(_), false) => {
            let message = "Invalid Input. DirectoryId is only for EXISTING_DIRECTORY.";
            return Err(errors::invalid_request(message));
        }
        (None, false) => {}
    }
    match &input.instance_alias {
        None => Err(errors::invalid_request("Invalid Input. InstanceAlias is required.")),
        Some(alias) if !is_alias(alias) => {
            Err(errors::invalid_request(format!("Invalid Input. Invalid InstanceAlias: {alias}")))
        }
        Some(_) => Ok(()),
    }
}

/// The model's pattern, which has a look-ahead: letters, digits and hyphens, with a letter or
/// digit at both ends, and no `d-` at the start.
fn is_alias(alias: &str) -> bool {
    let bytes = alias.as_bytes();
    !alias.starts_with("d-")
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
}

fn service_role(ctx: &Ctx) -> String {
    let (account, suffix) = (ctx.account(), ctx.random().base32(20));
    format!(
        "arn:aws:iam::{account}:role/aws-service-role/connect.amazonaws.com/\
         AWSServiceRoleForAmazonConnect_{suffix}"
    )
}
