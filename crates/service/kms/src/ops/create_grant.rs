//! `CreateGrant`.
//!
//! ```text
//! aws kms create-grant --key-id 1234abcd-12ab-34cd-56ef-1234567890ab \
//!     --grantee-principal arn:aws:iam::111122223333:role/desk --operations Decrypt
//! ```

use api_kms::{CreateGrantRequest, CreateGrantResponse, Error, GrantOperation, KeySpec};
use kernel::Ctx;
use store::{Part, Scan};

use crate::error::{dry_run, limit, validation};
use crate::find::{Key, Names, find};
use crate::record::{GRANTS, GrantRecord, RETIRABLE};
use crate::{Kms, grant};

/// Grants of one key (as documented).
const GRANTS_MAX: usize = 50_000;

pub(crate) async fn create_grant(
    _: &Kms,
    ctx: &Ctx,
    input: CreateGrantRequest,
) -> Result<CreateGrantResponse, Error> {
    grant::check_tokens(ctx, input.grant_tokens.as_deref())?;
    let record = record(ctx, &input)?;
    let new_id = ctx.random().hex(32);
    let dry = input.dry_run == Some(true);
    let (key, id) = ctx
        .store()
        .write(|tx| {
            let key = find(tx, ctx, &input.key_id, Names::Ids)?;
            key.is_customers("CreateGrant")?;
            key.usable()?;
            check_operations(&key, &record)?;
            if dry {
                return Err(dry_run().into());
            }
            let (account, region, id) = key.place.key();
            let grants = tx.scan(&GRANTS, Scan::prefix((account, region, id)))?;
            if grants.len() >= GRANTS_MAX {
                return Err(limit("The key has as many grants as it can have").into());
            }
            // The same name and all else makes no second grant.
            let same = |old: &GrantRecord| {
                record.name.is_some()
                    && GrantRecord { created_ms: record.created_ms, ..old.clone() } == record
            };
            let found = grants.iter().find(|(_, old)| same(old));
            if let Some([.., Part::Text(old)]) = found.and_then(|(at, _)| at.parts()).as_deref() {
                return Ok((key, old.clone()));
            }
            tx.put(&GRANTS, (account, region, id, &new_id), &record)?;
            if let Some(retiring) = &record.retiring {
                tx.put(&RETIRABLE, (region, retiring, account, id, &new_id), &())?;
            }
            Ok::<_, Error>((key, new_id.clone()))
        })
        .await?;
    Ok(CreateGrantResponse {
        grant_token: Some(grant::token(&key.place, &id)?),
        grant_id: Some(id),
    })
}

fn record(ctx: &Ctx, input: &CreateGrantRequest) -> Result<GrantRecord, Error> {
    let one =
        |person: &Option<String>, service: &Option<String>, what: &str| match (person, service) {
            (Some(_), Some(_)) => Err(validation(format!(
                "Specify either {what}Principal or {what}ServicePrincipal, not both"
            ))),
            (person, service) => Ok((person.clone().or(service.clone()), service.is_some())),
        };
    let (grantee, grantee_is_service) =
        one(&input.grantee_principal, &input.grantee_service_principal, "Grantee")?;
    let (retiring, retiring_is_service) =
        one(&input.retiring_principal, &input.retiring_service_principal, "Retiring")?;
    let Some(grantee) = grantee else {
        return Err(validation(
            "1 validation error detected: Value null at 'granteePrincipal' failed to satisfy \
             constraint: Member must not be null",
        )
        .into());
    };
    let constraints = input.constraints.as_ref();
    Ok(GrantRecord {
        name: input.name.clone(),
        created_ms: ctx.now().epoch_ms,
        grantee,
        grantee_is_service,
        retiring,
        retiring_is_service,
        issuer: format!("arn:aws:iam::{}:root", ctx.account()),
        operations: input.operations.iter().map(|op| op.as_str().to_owned()).collect(),
        subset: constraints.and_then(|c| c.encryption_context_subset.clone()),
        equals: constraints.and_then(|c| c.encryption_context_equals.clone()),
        source_arn: constraints.and_then(|c| c.source_arn.clone()),
    })
}

/// Constraints on the encryption context are for symmetric keys; a grant allows what the key can.
fn check_operations(key: &Key, record: &GrantRecord) -> Result<(), Error> {
    let symmetric = key.spec() == KeySpec::SymmetricDefault;
    if !symmetric && (record.subset.is_some() || record.equals.is_some()) {
        return Err(validation(
            "Encryption context constraints are supported for symmetric encryption keys only",
        )
        .into());
    }
    let usage = key.record.usage.as_str();
    for name in &record.operations {
        let fits = match GrantOperation::from(name.as_str()) {
            GrantOperation::CreateGrant
            | GrantOperation::RetireGrant
            | GrantOperation::DescribeKey => true,
            GrantOperation::GetPublicKey => !symmetric && usage != "GENERATE_VERIFY_MAC",
            GrantOperation::Sign | GrantOperation::Verify => usage == "SIGN_VERIFY",
            GrantOperation::GenerateMac | GrantOperation::VerifyMac => {
                usage == "GENERATE_VERIFY_MAC"
            }
            GrantOperation::DeriveSharedSecret => usage == "KEY_AGREEMENT",
            GrantOperation::Encapsulate | GrantOperation::Decapsulate => {
                usage == "ENCAPSULATE_DECAPSULATE"
            }
            GrantOperation::GenerateDataKey
            | GrantOperation::GenerateDataKeyWithoutPlaintext
            | GrantOperation::GenerateDataKeyPair
            | GrantOperation::GenerateDataKeyPairWithoutPlaintext => symmetric,
            _ => usage == "ENCRYPT_DECRYPT",
        };
        if !fits {
            return Err(validation(format!(
                "Operation {name} is not allowed for a grant on a key with KeyUsage {usage}"
            ))
            .into());
        }
    }
    Ok(())
}
