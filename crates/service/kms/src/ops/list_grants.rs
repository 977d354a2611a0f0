//! `ListGrants`, `ListRetirableGrants`.
//!
//! ```text
//! aws kms list-grants --key-id 1234abcd-12ab-34cd-56ef-1234567890ab
//! ```

use api_kms::{
    Error, GrantListEntry, ListGrantsRequest, ListGrantsResponse, ListRetirableGrantsRequest,
};
use kernel::Ctx;
use store::{Key as StoreKey, Part, Scan};

use crate::error::validation;
use crate::find::{Names, Place, find};
use crate::page::{after, cut, limit};
use crate::record::{GRANTS, RETIRABLE};
use crate::{Kms, grant};

/// Grants of a page when a request does not say (as documented).
const USUAL: usize = 50;

pub(crate) async fn list_grants(
    _: &Kms,
    ctx: &Ctx,
    input: ListGrantsRequest,
) -> Result<ListGrantsResponse, Error> {
    let max = limit(input.limit, USUAL);
    let marker = after(input.marker.as_deref())?;
    let grantee = input.grantee_principal.or(input.grantee_service_principal);
    let rows = ctx.store().read(|tx| {
        let key = find(tx, ctx, &input.key_id, Names::Ids)?;
        let mut scan = Scan::prefix(key.place.key());
        if let Some(marker) = marker {
            scan = scan.after(marker);
        }
        let wanted = |id: &str, record: &crate::record::GrantRecord| {
            input.grant_id.as_deref().is_none_or(|wanted| wanted == id)
                && grantee.as_ref().is_none_or(|wanted| *wanted == record.grantee)
        };
        let mut rows = vec![];
        for (at, record) in tx.scan(&GRANTS, scan)? {
            let id = last(&at);
            if wanted(&id, &record) && rows.len() <= max {
                rows.push((at, grant::entry(&key.place, &id, &record)));
            }
        }
        Ok::<_, Error>(rows)
    })?;
    Ok(response(rows, max))
}

pub(crate) async fn list_retirable_grants(
    _: &Kms,
    ctx: &Ctx,
    input: ListRetirableGrantsRequest,
) -> Result<ListGrantsResponse, Error> {
    let max = limit(input.limit, USUAL);
    let retiring = input.retiring_principal.or(input.retiring_service_principal);
    let Some(retiring) = retiring else {
        return Err(validation(
            "1 validation error detected: Value null at 'retiringPrincipal' failed to satisfy \
             constraint: Member must not be null",
        )
        .into());
    };
    let mut scan = Scan::prefix((ctx.region(), &retiring, ctx.account())).limit(max + 1);
    if let Some(marker) = after(input.marker.as_deref())? {
        scan = scan.after(marker);
    }
    let rows = ctx.store().read(|tx| {
        let mut rows = vec![];
        for (at, ()) in tx.scan(&RETIRABLE, scan)? {
            let parts = at.parts();
            let Some([.., Part::Text(key), Part::Text(id)]) = parts.as_deref() else { continue };
            let place = Place {
                account: ctx.account().to_owned(),
                region: ctx.region().to_owned(),
                id: key.clone(),
            };
            let (account, region, key) = place.key();
            if let Some(record) = tx.get(&GRANTS, (account, region, key, id))? {
                let entry = grant::entry(&place, id, &record);
                rows.push((at, entry));
            }
        }
        Ok::<_, Error>(rows)
    })?;
    Ok(response(rows, max))
}

fn response(rows: Vec<(StoreKey, GrantListEntry)>, max: usize) -> ListGrantsResponse {
    let page = cut(rows, max);
    ListGrantsResponse {
        truncated: page.truncated(),
        next_marker: page.next,
        grants: Some(page.rows),
    }
}

fn last(key: &StoreKey) -> String {
    match key.parts().as_deref() {
        Some([.., Part::Text(text)]) => text.clone(),
        _ => String::new(),
    }
}
