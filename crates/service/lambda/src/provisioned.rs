//! Provisioned concurrency: what is asked for of versions and aliases, and making it so.
//!
//! The pool keeps so many sandboxes of a version pinned. What is wanted of a version is the sum of
//! what is asked for it and for the aliases that lead to it, by their weights.

use std::collections::BTreeMap;
use std::sync::Arc;

use api_lambda::{Error, ProvisionedConcurrencyStatusEnum as Status};
use kernel::{Ctx, Kernel};
use serde::{Deserialize, Serialize};
use store::{ReadTx, Scan, Table, WriteTx};

use crate::name::Name;
use crate::pool::Pool;
use crate::record::{ALIASES, FunctionKey};
use crate::resolve::{is_number, load_version};

/// Account, region, name, and the qualifier it was asked for.
pub(crate) const PROVISIONED: Table<Provisioned> = Table::new("lambda/provisioned");

/// What was asked for.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Provisioned {
    pub function: FunctionKey,
    /// A version's number, or an alias.
    pub qualifier: String,
    pub count: u32,
    pub modified_ms: i64,
}

/// How it stands.
pub(crate) struct Standing {
    pub ready: i32,
    pub status: Status,
    pub reason: Option<String>,
}

/// How many sandboxes each version is to have.
fn versions_wanted(tx: &ReadTx, name: &Name) -> Result<BTreeMap<String, usize>, Error> {
    let mut versions = BTreeMap::new();
    for (_, asked) in tx.scan(&PROVISIONED, Scan::prefix(name.key()))? {
        for (version, count) in shares(tx, name, &asked)? {
            *versions.entry(version).or_default() += count;
        }
    }
    Ok(versions)
}

/// How one configuration is shared out among versions.
fn shares(tx: &ReadTx, name: &Name, asked: &Provisioned) -> Result<Vec<(String, usize)>, Error> {
    let count = asked.count as usize;
    if is_number(&asked.qualifier) {
        return Ok(vec![(asked.qualifier.clone(), count)]);
    }
    let Some(alias) = tx.get(&ALIASES, name.alias_key(&asked.qualifier))? else {
        return Ok(Vec::new());
    };
    let Some((other, weight)) = alias.other else { return Ok(vec![(alias.version, count)]) };
    let moved = (count as f64 * weight).round() as usize;
    Ok(vec![(alias.version, count - moved.min(count)), (other, moved)])
}

/// Makes the pool hold what is wanted of a function's versions.
pub(crate) fn apply(ctx: &Ctx, pool: &Arc<Pool>, name: &Name) -> Result<(), Error> {
    let wanted = ctx.store().read(|tx| {
        let mut versions = Vec::new();
        for (version, count) in versions_wanted(tx, name)? {
            if let Some(record) = load_version(tx, name, &version)? {
                versions.push((Arc::new(record), count));
            }
        }
        Ok::<_, Error>(versions)
    })?;
    let ctx = ctx.kernel().service_ctx("lambda.amazonaws.com", &name.account, &name.region);
    let versions: Vec<&str> = wanted.iter().map(|(record, _)| record.version.as_str()).collect();
    pool.unpin_others(&name.key(), &versions);
    for (record, count) in &wanted {
        pool.provision(&ctx, record, *count);
    }
    Ok(())
}

/// How a configuration stands.
pub(crate) fn standing(
    tx: &ReadTx,
    pool: &Pool,
    name: &Name,
    asked: &Provisioned,
) -> Result<Standing, Error> {
    let (mut ready, mut reason) = (0, None);
    for (version, count) in shares(tx, name, asked)? {
        let pinned = pool.pinned(&name.key(), &version);
        ready += pinned.ready.min(count);
        reason = reason.or(pinned.failure);
    }
    let status = match &reason {
        Some(_) => Status::Failed,
        None if ready >= asked.count as usize => Status::Ready,
        None => Status::InProgress,
    };
    Ok(Standing { ready: ready as i32, status, reason })
}

/// Forgets what was asked for a function, or for one of its qualifiers.
pub(crate) fn forget(tx: &mut WriteTx, name: &Name, qualifier: Option<&str>) -> Result<(), Error> {
    for (key, asked) in tx.scan(&PROVISIONED, Scan::prefix(name.key()))? {
        if qualifier.is_none_or(|qualifier| asked.qualifier == qualifier) {
            tx.delete(&PROVISIONED, &key)?;
        }
    }
    Ok(())
}

/// After a start: everything that is asked for is made again.
pub(crate) async fn restore(kernel: Kernel, pool: Arc<Pool>) {
    let Ok(all) = kernel.store().read(|tx| tx.scan(&PROVISIONED, Scan::all())) else { return };
    let mut keys: Vec<FunctionKey> = all.into_iter().map(|(_, asked)| asked.function).collect();
    keys.dedup();
    if keys.is_empty() {
        return;
    }
    // Sandboxes need roles and logs, which are services like this one.
    while kernel.service("lambda").is_none() && !kernel.is_stopping() {
        kernel.clock().sleep(std::time::Duration::from_millis(20)).await;
    }
    for (account, region, function) in keys {
        let ctx = kernel.service_ctx("lambda.amazonaws.com", &account, &region);
        let name = Name::of(&ctx, &function);
        if let Err(error) = apply(&ctx, &pool, &name) {
            let text = format_args!("provisioned concurrency of {function}: {error:?}");
            kernel.log(kernel::Level::Warn, text);
        }
    }
}
