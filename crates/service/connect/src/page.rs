//! Pages of a list. A token is sealed: only one that was given out for the same list is taken.

use crate::errors;
use api_connect::Error;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::Ctx;

/// The page of `items` that follows `token`, and the token for the next one.
///
/// `items` must be in an order that does not change, and `key` tell them apart. `list` names the
/// list: operation, scope and filters.
pub(crate) fn page<T>(
    ctx: &Ctx,
    list: &str,
    items: Vec<T>,
    key: impl Fn(&T) -> &str,
    token: Option<&str>,
    size: usize,
) -> Result<(Vec<T>, Option<String>), Error> {
    let after = token.map(|token| open(ctx, list, token)).transpose()?;
    let mut rest: Vec<T> = items
        .into_iter()
        .filter(|item| after.as_deref().is_none_or(|after| key(item) > after))
        .collect();
    rest.sort_by(|a, b| key(a).cmp(key(b)));
    let more = rest.len() > size;
    rest.truncate(size);
    let next = rest.last().filter(|_| more).map(|last| seal(ctx, list, key(last)));
    Ok((rest, next))
}

/// A token that leads to what follows `after`.
pub(crate) fn seal(ctx: &Ctx, list: &str, after: &str) -> String {
    URL_SAFE_NO_PAD.encode(ctx.kernel().sealer().seal(&purpose(ctx, list), after.as_bytes()))
}

/// Where `token` leads.
pub(crate) fn open(ctx: &Ctx, list: &str, token: &str) -> Result<String, Error> {
    let sealed = URL_SAFE_NO_PAD.decode(token).ok();
    let plain = sealed
        .and_then(|sealed| ctx.kernel().sealer().open_sealed(&purpose(ctx, list), &sealed).ok());
    plain
        .and_then(|plain| String::from_utf8(plain).ok())
        .ok_or_else(|| errors::invalid_parameter("Invalid NextToken"))
}

fn purpose(ctx: &Ctx, list: &str) -> String {
    format!("connect/page/{}/{}/{list}", ctx.account(), ctx.region())
}

/// How many items a page has: what was asked for, or `default`.
pub(crate) fn size(asked: Option<i32>, default: usize) -> usize {
    asked.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(default)
}
