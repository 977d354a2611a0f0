//! `ListFunctions`: pages in the order of names.
//!
//! ```text
//! aws lambda list-functions --max-items 10
//! {"Functions": [{"FunctionName": "desk", …}]}
//! ```

use api_lambda::{Error, FunctionVersion, ListFunctionsRequest, ListFunctionsResponse};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use kernel::{Ctx, Fault};
use store::Scan;

use crate::Lambda;
use crate::errors::invalid;
use crate::name::Name;
use crate::record::{FUNCTIONS, FunctionRecord};

/// AWS returns no more, whatever is asked for.
const PAGE_MAX: usize = 50;

pub(crate) async fn list_functions(
    _: &Lambda,
    ctx: &Ctx,
    input: ListFunctionsRequest,
) -> Result<ListFunctionsResponse, Error> {
    if input.master_region.is_some_and(|region| region != "ALL" && region != ctx.region()) {
        return Err(Fault::not_implemented("MasterRegion (Lambda@Edge)").into());
    }
    let limit = input.max_items.map_or(PAGE_MAX, |n| n.clamp(1, PAGE_MAX as i32) as usize);
    let mut scan = Scan::prefix((ctx.account().to_owned(), ctx.region().to_owned()));
    if let Some(marker) = input.marker.filter(|marker| !marker.is_empty()) {
        scan = scan.after(FunctionRecord::key(ctx, &open_marker(&marker)?));
    }
    let mut found = ctx.store().read(|tx| tx.scan(&FUNCTIONS, scan.limit(limit + 1)))?;
    let more = found.len() > limit;
    found.truncate(limit);
    let last = found.last().filter(|_| more);
    let next_marker = last.map(|(_, function)| BASE64URL.encode(&function.name));
    let qualifier =
        (input.function_version == Some(FunctionVersion::All)).then(|| "$LATEST".into());
    let functions = found.into_iter().map(|(_, function)| {
        let name = Name { function: function.name.clone(), qualifier: qualifier.clone() };
        function.configuration(ctx, name.arn(ctx))
    });
    Ok(ListFunctionsResponse { next_marker, functions: Some(functions.collect::<Result<_, _>>()?) })
}

fn open_marker(marker: &str) -> Result<String, Error> {
    let bytes = BASE64URL.decode(marker).ok();
    let name = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    name.ok_or_else(|| invalid("The provided marker is invalid."))
}
