//! Inventories of a bucket: put, get, list and delete their configurations.
//!
//! ```text
//! aws s3api put-bucket-inventory-configuration --bucket photos --id all --inventory-configuration \
//!     '{"Id": "all", "IsEnabled": true, "IncludedObjectVersions": "All", "Schedule": {"Frequency": "Daily"},
//!       "Destination": {"S3BucketDestination": {"Bucket": "arn:aws:s3:::lists", "Format": "CSV"}}}'
//! ```

use api_s3::{
    DeleteBucketInventoryConfigurationOutput, DeleteBucketInventoryConfigurationRequest, Error,
    GetBucketInventoryConfigurationOutput, GetBucketInventoryConfigurationRequest,
    ListBucketInventoryConfigurationsOutput, ListBucketInventoryConfigurationsRequest,
    PutBucketInventoryConfigurationOutput, PutBucketInventoryConfigurationRequest,
};
use kernel::{Ctx, Fault};
use store::{ReadTx, Scan};

use crate::records::CONFIGS;
use crate::settings::inventory::{INVENTORIES_MAX, Inventory, checked_id};
use crate::settings::refusal;
use crate::{S3, buckets, inventory};

/// Configurations of a page.
const PAGE: usize = 100;

pub(crate) async fn put_bucket_inventory_configuration(
    _: &S3,
    ctx: &Ctx,
    input: PutBucketInventoryConfigurationRequest,
) -> Result<PutBucketInventoryConfigurationOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let wanted = Inventory::from_api(&input.id, input.inventory_configuration, ctx.random())?;
    ctx.store()
        .write(|tx| -> Result<(), Error> {
            buckets::bucket(tx, ctx, name, owner)?;
            let is_new = inventory::get(tx, name, &wanted.id)?.is_none();
            if is_new && all(tx, name, None, INVENTORIES_MAX)?.len() >= INVENTORIES_MAX {
                let text = "You are attempting to create a new configuration but have already \
                            reached the 1,000-configuration limit.";
                return Err(Fault::sender("TooManyConfigurations", text).into());
            }
            inventory::put(tx, name, &wanted, ctx.now())
        })
        .await?;
    Ok(PutBucketInventoryConfigurationOutput {})
}

pub(crate) async fn get_bucket_inventory_configuration(
    _: &S3,
    ctx: &Ctx,
    input: GetBucketInventoryConfigurationRequest,
) -> Result<GetBucketInventoryConfigurationOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    checked_id(&input.id)?;
    ctx.store().read(|tx| -> Result<_, Error> {
        buckets::bucket(tx, ctx, name, owner)?;
        let found = inventory::get(tx, name, &input.id)?.ok_or_else(|| absent(name))?;
        let inventory_configuration = Some(found.to_api());
        Ok(GetBucketInventoryConfigurationOutput { inventory_configuration })
    })
}

pub(crate) async fn list_bucket_inventory_configurations(
    _: &S3,
    ctx: &Ctx,
    input: ListBucketInventoryConfigurationsRequest,
) -> Result<ListBucketInventoryConfigurationsOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let after = input.continuation_token.filter(|token| !token.is_empty());
    if after.as_deref().is_some_and(|token| checked_id(token).is_err()) {
        let text = "The continuation token provided is incorrect";
        return Err(refusal::invalid_argument(text).into());
    }
    let mut found = ctx.store().read(|tx| -> Result<_, Error> {
        buckets::bucket(tx, ctx, name, owner)?;
        all(tx, name, after.as_deref(), PAGE + 1)
    })?;
    let is_truncated = found.len() > PAGE;
    found.truncate(PAGE);
    Ok(ListBucketInventoryConfigurationsOutput {
        continuation_token: after,
        next_continuation_token: found.last().filter(|_| is_truncated).map(|it| it.id.clone()),
        inventory_configuration_list: (!found.is_empty())
            .then(|| found.iter().map(Inventory::to_api).collect()),
        is_truncated: Some(is_truncated),
    })
}

/// The inventories of a bucket whose ids come after one.
fn all(
    tx: &ReadTx,
    bucket: &str,
    after: Option<&str>,
    max: usize,
) -> Result<Vec<Inventory>, Error> {
    let mut scan = Scan::prefix((bucket, inventory::PLACE)).limit(max);
    if let Some(after) = after {
        scan = scan.gt((bucket, inventory::PLACE, after));
    }
    let mut found = Vec::new();
    let mut problem = None;
    tx.scan_raw(&CONFIGS, &scan, &mut |_, value| match serde_json::from_slice(&value) {
        Ok(inventory) => {
            found.push(inventory);
            std::ops::ControlFlow::Continue(())
        }
        Err(error) => {
            problem = Some(Fault::internal(error));
            std::ops::ControlFlow::Break(())
        }
    })?;
    match problem {
        Some(fault) => Err(fault.into()),
        None => Ok(found),
    }
}

pub(crate) async fn delete_bucket_inventory_configuration(
    _: &S3,
    ctx: &Ctx,
    input: DeleteBucketInventoryConfigurationRequest,
) -> Result<DeleteBucketInventoryConfigurationOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    checked_id(&input.id)?;
    ctx.store()
        .write(|tx| -> Result<(), Error> {
            buckets::bucket(tx, ctx, name, owner)?;
            inventory::get(tx, name, &input.id)?.ok_or_else(|| absent(name))?;
            Ok(tx.delete(&CONFIGS, (name, inventory::PLACE, input.id.as_str()))?)
        })
        .await?;
    Ok(DeleteBucketInventoryConfigurationOutput {})
}

fn absent(bucket: &str) -> Fault {
    let text = "The specified configuration does not exist.";
    refusal::absent("NoSuchConfiguration", text, bucket)
}
