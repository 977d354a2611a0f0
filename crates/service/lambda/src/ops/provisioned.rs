//! `PutProvisionedConcurrencyConfig`, `Get…`, `Delete…`, `ListProvisionedConcurrencyConfigs`.
//!
//! ```text
//! aws lambda put-provisioned-concurrency-config --function-name desk --qualifier live \
//!     --provisioned-concurrent-executions 2
//! {"RequestedProvisionedConcurrentExecutions": 2, "Status": "IN_PROGRESS", …}
//! ```

use api_lambda::{
    DeleteProvisionedConcurrencyConfigOutput, DeleteProvisionedConcurrencyConfigRequest, Error,
    GetProvisionedConcurrencyConfigRequest, GetProvisionedConcurrencyConfigResponse,
    ListProvisionedConcurrencyConfigsRequest, ListProvisionedConcurrencyConfigsResponse,
    ProvisionedConcurrencyConfigListItem, ProvisionedConcurrencyConfigNotFoundException,
    ProvisionedConcurrencyStatusEnum as Status, PutProvisionedConcurrencyConfigRequest,
    PutProvisionedConcurrencyConfigResponse,
};
use kernel::{Ctx, Timestamp};
use store::{ReadTx, Scan};

use crate::errors::{conflict, invalid};
use crate::name::Name;
use crate::provisioned::{self, PROVISIONED, Provisioned, Standing, standing};
use crate::record::{ALIASES, LATEST};
use crate::resolve::{self, is_number, resolve};
use crate::{Lambda, page, snapstart};

/// What must be left to all other functions of an account.
const UNRESERVED_MIN: usize = 100;

pub(crate) async fn put_provisioned_concurrency_config(
    api: &Lambda,
    ctx: &Ctx,
    input: PutProvisionedConcurrencyConfigRequest,
) -> Result<PutProvisionedConcurrencyConfigResponse, Error> {
    let name = qualified(ctx, &input.function_name, &input.qualifier)?;
    let target = resolve(ctx, &name)?;
    if target.version.version == LATEST {
        return Err(unpublished());
    }
    if target.version.snap_start {
        return Err(snapstart::unsupported("Provisioned Concurrency"));
    }
    let count = input.provisioned_concurrent_executions;
    let asked = Provisioned {
        function: name.key(),
        qualifier: input.qualifier.clone(),
        count: count.max(0) as u32,
        modified_ms: ctx.now().epoch_ms,
    };
    let room = api.host.options.concurrency_max.saturating_sub(UNRESERVED_MIN);
    ctx.store()
        .write(|tx| {
            resolve::load(tx, &name)?;
            check_overlap(tx, &name, &input.qualifier)?;
            let others: usize = tx
                .scan(&PROVISIONED, Scan::prefix((&name.account, &name.region)))?
                .iter()
                .filter(|(_, other)| {
                    other.function != asked.function || other.qualifier != asked.qualifier
                })
                .map(|(_, other)| other.count as usize)
                .sum();
            if others + asked.count as usize > room {
                return Err(invalid(format!(
                    "Specified ConcurrentExecutions for function decreases account's \
                     UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_MIN}]."
                )));
            }
            Ok(tx.put(&PROVISIONED, name.alias_key(&asked.qualifier), &asked)?)
        })
        .await?;
    provisioned::apply(ctx, &api.pool, &name)?;
    Ok(PutProvisionedConcurrencyConfigResponse {
        requested_provisioned_concurrent_executions: Some(count),
        allocated_provisioned_concurrent_executions: Some(0),
        available_provisioned_concurrent_executions: Some(0),
        status: Some(Status::InProgress),
        status_reason: None,
        last_modified: Some(modified(&asked)),
    })
}

/// A version is provisioned by itself or through an alias, not both.
fn check_overlap(tx: &ReadTx, name: &Name, qualifier: &str) -> Result<(), Error> {
    let all = tx.scan(&PROVISIONED, Scan::prefix(name.key()))?;
    let of = |alias: &str| -> Result<Vec<String>, Error> {
        let alias = tx.get(&ALIASES, name.alias_key(alias))?;
        Ok(alias.map_or_else(Vec::new, |alias| {
            let other = alias.other.map(|(other, _)| other);
            [Some(alias.version), other].into_iter().flatten().collect()
        }))
    };
    for (_, other) in all {
        if is_number(qualifier) && !is_number(&other.qualifier) {
            if of(&other.qualifier)?.iter().any(|version| version == qualifier) {
                return Err(conflict("Version is pointed by a Provisioned Concurrency alias"));
            }
        } else if !is_number(qualifier)
            && is_number(&other.qualifier)
            && of(qualifier)?.contains(&other.qualifier)
        {
            return Err(conflict(
                "Alias can't be used for Provisioned Concurrency configuration on an already \
                 Provisioned version",
            ));
        }
    }
    Ok(())
}

pub(crate) async fn get_provisioned_concurrency_config(
    api: &Lambda,
    ctx: &Ctx,
    input: GetProvisionedConcurrencyConfigRequest,
) -> Result<GetProvisionedConcurrencyConfigResponse, Error> {
    let name = qualified(ctx, &input.function_name, &input.qualifier)?;
    let (asked, standing) = ctx.store().read(|tx| {
        resolve::load(tx, &name)?;
        let found = tx.get(&PROVISIONED, name.alias_key(&input.qualifier))?;
        let asked = found.ok_or_else(missing)?;
        let standing = standing(tx, &api.pool, &name, &asked)?;
        Ok::<_, Error>((asked, standing))
    })?;
    let Standing { ready, status, reason } = standing;
    Ok(GetProvisionedConcurrencyConfigResponse {
        requested_provisioned_concurrent_executions: Some(asked.count as i32),
        available_provisioned_concurrent_executions: Some(ready),
        allocated_provisioned_concurrent_executions: Some(ready),
        status: Some(status),
        status_reason: reason,
        last_modified: Some(modified(&asked)),
    })
}

pub(crate) async fn delete_provisioned_concurrency_config(
    api: &Lambda,
    ctx: &Ctx,
    input: DeleteProvisionedConcurrencyConfigRequest,
) -> Result<DeleteProvisionedConcurrencyConfigOutput, Error> {
    let name = qualified(ctx, &input.function_name, &input.qualifier)?;
    ctx.store()
        .write(|tx| {
            resolve::load(tx, &name)?;
            let key = name.alias_key(&input.qualifier);
            if !tx.contains(&PROVISIONED, key.clone())? {
                return Err(missing());
            }
            Ok(tx.delete(&PROVISIONED, key)?)
        })
        .await?;
    provisioned::apply(ctx, &api.pool, &name)?;
    Ok(DeleteProvisionedConcurrencyConfigOutput::default())
}

pub(crate) async fn list_provisioned_concurrency_configs(
    api: &Lambda,
    ctx: &Ctx,
    input: ListProvisionedConcurrencyConfigsRequest,
) -> Result<ListProvisionedConcurrencyConfigsResponse, Error> {
    let name = Name::whole(ctx, &input.function_name)?;
    let limit = page::limit(input.max_items);
    let mut scan = Scan::prefix(name.key()).limit(limit + 1);
    if let Some(last) = page::open(input.marker)? {
        scan = scan.after(name.alias_key(&last));
    }
    ctx.store().read(|tx| {
        resolve::load(tx, &name)?;
        let mut found: Vec<Provisioned> =
            tx.scan(&PROVISIONED, scan)?.into_iter().map(|(_, asked)| asked).collect();
        let next_marker = page::cut(&mut found, limit, |asked| asked.qualifier.clone());
        let items = found.iter().map(|asked| {
            let Standing { ready, status, reason } = standing(tx, &api.pool, &name, asked)?;
            Ok(ProvisionedConcurrencyConfigListItem {
                function_arn: Some(name.qualified(&asked.qualifier).arn()),
                requested_provisioned_concurrent_executions: Some(asked.count as i32),
                available_provisioned_concurrent_executions: Some(ready),
                allocated_provisioned_concurrent_executions: Some(ready),
                status: Some(status),
                status_reason: reason,
                last_modified: Some(modified(asked)),
            })
        });
        let items: Result<Vec<_>, Error> = items.collect();
        Ok(ListProvisionedConcurrencyConfigsResponse {
            provisioned_concurrency_configs: Some(items?),
            next_marker,
        })
    })
}

fn qualified(ctx: &Ctx, function: &str, qualifier: &str) -> Result<Name, Error> {
    if qualifier == LATEST {
        return Err(unpublished());
    }
    Name::parse(ctx, function, Some(qualifier))
}

fn unpublished() -> Error {
    invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
}

fn missing() -> Error {
    ProvisionedConcurrencyConfigNotFoundException {
        message: Some("No Provisioned Concurrency Config found for this function".into()),
        r#type: Some("User".into()),
    }
    .into()
}

/// As AWS writes it.
fn modified(asked: &Provisioned) -> String {
    Timestamp::from_ms(asked.modified_ms).civil("%Y-%m-%dT%H:%M:%S+0000")
}
