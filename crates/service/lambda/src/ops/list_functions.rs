//! `ListFunctions`: pages in the order of names.
//!
//! ```text
//! aws lambda list-functions --max-items 10
//! {"Functions": [{"FunctionName": "desk", …}]}
//! ```

use api_lambda::{Error, FunctionVersion, ListFunctionsRequest, ListFunctionsResponse};
use kernel::{Ctx, Fault};
use store::{Key, ReadTx, Scan};

use crate::name::Name;
use crate::record::{FUNCTIONS, FunctionRecord, LATEST, VERSIONS, version_key};
use crate::{Lambda, page};

pub(crate) async fn list_functions(
    _: &Lambda,
    ctx: &Ctx,
    input: ListFunctionsRequest,
) -> Result<ListFunctionsResponse, Error> {
    if input.master_region.is_some_and(|region| region != "ALL" && region != ctx.region()) {
        return Err(Fault::not_implemented("MasterRegion (Lambda@Edge)").into());
    }
    let limit = page::limit(input.max_items);
    let last = page::open(input.marker)?;
    let mut found: Vec<FunctionRecord> = match input.function_version {
        Some(FunctionVersion::All) => {
            ctx.store().read(|tx| all_versions(ctx, tx, last.as_deref(), limit + 1))?
        }
        _ => {
            let mut scan = Scan::prefix(FunctionRecord::prefix(ctx)).limit(limit + 1);
            if let Some(last) = &last {
                scan = scan.after(FunctionRecord::key(ctx, last));
            }
            let found = ctx.store().read(|tx| tx.scan(&FUNCTIONS, scan))?;
            found.into_iter().map(|(_, function)| function.latest).collect()
        }
    };
    let all = input.function_version == Some(FunctionVersion::All);
    let next_marker = page::cut(&mut found, limit, |record| match all {
        true => format!("{}:{}", record.name, record.version),
        false => record.name.clone(),
    });
    let mut functions = Vec::new();
    for record in &found {
        let name = Name::of(ctx, &record.name);
        let name = if all { name.qualified(&record.version) } else { name };
        functions.push(record.configuration(ctx, name.arn()).await?);
    }
    Ok(ListFunctionsResponse { next_marker, functions: Some(functions) })
}

/// Functions in the order of their names, each followed by its published versions; `last` is
/// `NAME:VERSION`.
fn all_versions(
    ctx: &Ctx,
    tx: &ReadTx,
    last: Option<&str>,
    count: usize,
) -> Result<Vec<FunctionRecord>, Error> {
    let mut found = Vec::new();
    let mut scan = Scan::prefix(FunctionRecord::prefix(ctx)).limit(count);
    if let Some((name, version)) = last.and_then(|last| last.split_once(':')) {
        let key = FunctionRecord::key(ctx, name);
        scan = scan.after(key.clone());
        let start = if version == LATEST { None } else { version_key(key.clone(), version) };
        let mut rest = Scan::prefix(key).limit(count);
        if let Some(start) = start {
            rest = rest.after(start);
        }
        found.extend(records(tx.scan(&VERSIONS, rest)?));
    }
    for (_, function) in tx.scan(&FUNCTIONS, scan)? {
        if found.len() >= count {
            break;
        }
        let versions = Scan::prefix(FunctionRecord::key(ctx, &function.latest.name)).limit(count);
        found.push(function.latest);
        found.extend(records(tx.scan(&VERSIONS, versions)?));
    }
    found.truncate(count);
    Ok(found)
}

fn records(rows: Vec<(Key, FunctionRecord)>) -> impl Iterator<Item = FunctionRecord> {
    rows.into_iter().map(|(_, record)| record)
}
