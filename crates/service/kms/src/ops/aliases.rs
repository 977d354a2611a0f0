//! `CreateAlias`, `UpdateAlias`, `DeleteAlias`, `ListAliases`.
//!
//! ```text
//! aws kms create-alias --alias-name alias/desk \
//!     --target-key-id 1234abcd-12ab-34cd-56ef-1234567890ab
//! ```

use api_kms::{
    AliasListEntry, CreateAliasOutput, CreateAliasRequest, DeleteAliasOutput, DeleteAliasRequest,
    Error, ListAliasesRequest, ListAliasesResponse, UpdateAliasOutput, UpdateAliasRequest,
};
use kernel::{Ctx, Fault, Timestamp};
use store::{Key as StoreKey, Part, Scan};

use crate::error::{exists, no_alias, validation};
use crate::find::{Names, alias_arn, find};
use crate::page::{after, cut, limit};
use crate::record::{ALIASES, ALIASES_OF, AliasRecord};
use crate::{Kms, managed};

/// Aliases of a page when a request does not say (as documented).
const USUAL: usize = 50;

pub(crate) async fn create_alias(
    _: &Kms,
    ctx: &Ctx,
    input: CreateAliasRequest,
) -> Result<CreateAliasOutput, Error> {
    let name = &input.alias_name;
    check_name(name)?;
    check_target(&input.target_key_id)?;
    let (account, region) = (ctx.account(), ctx.region());
    let now_ms = ctx.now().epoch_ms;
    ctx.store()
        .write(|tx| {
            let key = find(tx, ctx, &input.target_key_id, Names::Ids)?;
            key.not_ending()?;
            if tx.contains(&ALIASES, (account, region, name))? {
                let arn = alias_arn(account, region, name);
                return Err(exists(format!("An alias with the name {arn} already exists")).into());
            }
            let key_id = key.place.id;
            tx.put(&ALIASES_OF, (account, region, &key_id, name), &())?;
            let record = AliasRecord { key_id, created_ms: now_ms, updated_ms: now_ms };
            tx.put(&ALIASES, (account, region, name), &record)?;
            Ok(CreateAliasOutput {})
        })
        .await
}

pub(crate) async fn update_alias(
    _: &Kms,
    ctx: &Ctx,
    input: UpdateAliasRequest,
) -> Result<UpdateAliasOutput, Error> {
    let name = &input.alias_name;
    check_name(name)?;
    check_target(&input.target_key_id)?;
    let (account, region) = (ctx.account(), ctx.region());
    ctx.store()
        .write(|tx| {
            let Some(mut record) = tx.get(&ALIASES, (account, region, name))? else {
                return Err(no_alias(&alias_arn(account, region, name)).into());
            };
            let key = find(tx, ctx, &input.target_key_id, Names::Ids)?;
            key.not_ending()?;
            let old = find(tx, ctx, &record.key_id, Names::Ids)?;
            let symmetric = |spec: &str| spec == "SYMMETRIC_DEFAULT";
            if old.record.usage != key.record.usage
                || symmetric(&old.record.spec) != symmetric(&key.record.spec)
            {
                return Err(validation(
                    "The current and the new KMS key must be of the same type and usage",
                )
                .into());
            }
            tx.delete(&ALIASES_OF, (account, region, &record.key_id, name))?;
            record.key_id = key.place.id;
            record.updated_ms = ctx.now().epoch_ms;
            tx.put(&ALIASES_OF, (account, region, &record.key_id, name), &())?;
            tx.put(&ALIASES, (account, region, name), &record)?;
            Ok(UpdateAliasOutput {})
        })
        .await
}

pub(crate) async fn delete_alias(
    _: &Kms,
    ctx: &Ctx,
    input: DeleteAliasRequest,
) -> Result<DeleteAliasOutput, Error> {
    let name = &input.alias_name;
    check_name(name)?;
    let (account, region) = (ctx.account(), ctx.region());
    ctx.store()
        .write(|tx| {
            let Some(record) = tx.get(&ALIASES, (account, region, name))? else {
                return Err(no_alias(&alias_arn(account, region, name)).into());
            };
            tx.delete(&ALIASES, (account, region, name))?;
            tx.delete(&ALIASES_OF, (account, region, &record.key_id, name))?;
            Ok(DeleteAliasOutput {})
        })
        .await
}

pub(crate) async fn list_aliases(
    _: &Kms,
    ctx: &Ctx,
    input: ListAliasesRequest,
) -> Result<ListAliasesResponse, Error> {
    let max = limit(input.limit, USUAL);
    let marker = after(input.marker.as_deref())?;
    let rows = match &input.key_id {
        Some(id) => of_key(ctx, id, marker, max)?,
        None => all(ctx, marker, max)?,
    };
    let page = cut(rows, max);
    Ok(ListAliasesResponse {
        truncated: page.truncated(),
        next_marker: page.next,
        aliases: Some(page.rows),
    })
}

type Rows = Vec<(StoreKey, AliasListEntry)>;

fn of_key(ctx: &Ctx, id: &str, marker: Option<StoreKey>, max: usize) -> Result<Rows, Error> {
    ctx.store().read(|tx| {
        let key = find(tx, ctx, id, Names::Ids)?;
        let mut scan = Scan::prefix(key.place.key()).limit(max + 1);
        if let Some(marker) = marker {
            scan = scan.after(marker);
        }
        let mut rows = vec![];
        for (at, ()) in tx.scan(&ALIASES_OF, scan)? {
            let name = last(&at);
            let record = tx.get(&ALIASES, (&key.place.account, &key.place.region, &name))?;
            rows.push((at, entry(&key.place.account, &key.place.region, &name, record)));
        }
        Ok(rows)
    })
}

/// All of them, and those of managed keys that are not there yet, which have no target.
fn all(ctx: &Ctx, marker: Option<StoreKey>, max: usize) -> Result<Rows, Error> {
    let (account, region) = (ctx.account(), ctx.region());
    let mut scan = Scan::prefix((account, region)).limit(max + 1);
    if let Some(marker) = &marker {
        scan = scan.after(marker);
    }
    let found = ctx.store().read(|tx| tx.scan(&ALIASES, scan))?;
    let mut rows: Rows = found
        .into_iter()
        .map(|(at, record)| {
            let entry = entry(account, region, &last(&at), Some(record));
            (at, entry)
        })
        .collect();
    for (end, _) in managed::SERVICES {
        let name = format!("alias/aws/{end}");
        let at = StoreKey::of((account, region, &name));
        let is_later = marker.as_ref().is_none_or(|marker| at > *marker);
        if is_later && rows.iter().all(|(other, _)| *other != at) {
            rows.push((at, entry(account, region, &name, None)));
        }
    }
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    rows.truncate(max + 1);
    Ok(rows)
}

fn last(key: &StoreKey) -> String {
    match key.parts().as_deref() {
        Some([.., Part::Text(text)]) => text.clone(),
        _ => String::new(),
    }
}

fn entry(account: &str, region: &str, name: &str, record: Option<AliasRecord>) -> AliasListEntry {
    let at = |ms: fn(&AliasRecord) -> i64| record.as_ref().map(ms).map(Timestamp::from_ms);
    AliasListEntry {
        alias_arn: Some(alias_arn(account, region, name)),
        alias_name: Some(name.to_owned()),
        creation_date: at(|record| record.created_ms),
        last_updated_date: at(|record| record.updated_ms),
        target_key_id: record.map(|record| record.key_id),
    }
}

fn check_name(name: &str) -> Result<(), Fault> {
    let Some(rest) = name.strip_prefix("alias/").filter(|rest| !rest.is_empty()) else {
        return Err(validation(
            "Alias must start with the prefix \"alias/\". Please see \
             https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
        ));
    };
    if name.contains(':') {
        return Err(validation(format!("{name} contains invalid characters for an alias")));
    }
    if rest.starts_with("aws/") {
        return Err(Fault::sender("NotAuthorizedException", ""));
    }
    Ok(())
}

fn check_target(target: &str) -> Result<(), Fault> {
    let is_alias = target.starts_with("alias/")
        || kernel::Arn::parse(target).is_ok_and(|arn| arn.resource.starts_with("alias/"));
    if is_alias { Err(validation("Aliases must refer to keys. Not aliases")) } else { Ok(()) }
}
