//! `ListKeys`.
//!
//! ```text
//! aws kms list-keys --limit 10
//! ```

use api_kms::{Error, KeyListEntry, ListKeysRequest, ListKeysResponse, ResourceOwnerType};
use kernel::Ctx;
use store::{Part, Scan};

use crate::Kms;
use crate::find::Place;
use crate::page::{after, cut, limit};
use crate::record::KEYS;

/// Keys of a page when a request does not say (as documented).
const USUAL: usize = 100;

pub(crate) async fn list_keys(
    _: &Kms,
    ctx: &Ctx,
    input: ListKeysRequest,
) -> Result<ListKeysResponse, Error> {
    let max = limit(input.limit, USUAL);
    // Nobody shares keys through a resource manager here.
    let own =
        input.resource_owners.is_none_or(|owners| owners.contains(&ResourceOwnerType::SelfValue));
    let mut scan = Scan::prefix((ctx.account(), ctx.region())).limit(max + 1);
    if let Some(marker) = after(input.marker.as_deref())? {
        scan = scan.after(marker);
    }
    let rows = if own { ctx.store().read(|tx| tx.scan(&KEYS, scan))? } else { vec![] };
    let rows = rows.into_iter().map(|(key, _)| {
        let id = match key.parts().as_deref() {
            Some([.., Part::Text(id)]) => id.clone(),
            _ => String::new(),
        };
        let place =
            Place { account: ctx.account().to_owned(), region: ctx.region().to_owned(), id };
        (key, KeyListEntry { key_arn: Some(place.arn()), key_id: Some(place.id) })
    });
    let page = cut(rows.collect(), max);
    Ok(ListKeysResponse {
        truncated: page.truncated(),
        next_marker: page.next,
        keys: Some(page.rows),
    })
}
