//! Pages of lists: markers are sealed by nothing, they only say where to go on.

use api_lambda::Error;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;

use crate::errors::invalid;

/// AWS returns no more, whatever is asked for.
const PAGE_MAX: usize = 50;

/// How many items a page has.
pub(crate) fn limit(asked: Option<i32>) -> usize {
    asked.map_or(PAGE_MAX, |n| n.clamp(1, PAGE_MAX as i32) as usize)
}

/// The text in a marker; an empty marker is none.
pub(crate) fn open(marker: Option<String>) -> Result<Option<String>, Error> {
    let Some(marker) = marker.filter(|marker| !marker.is_empty()) else { return Ok(None) };
    let text = BASE64URL.decode(marker).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    text.map(Some).ok_or_else(|| invalid("The provided marker is invalid."))
}

/// Cuts what was found to a page, and makes the marker of its last item if there is more.
pub(crate) fn cut<T>(
    found: &mut Vec<T>,
    limit: usize,
    name: impl Fn(&T) -> String,
) -> Option<String> {
    let more = found.len() > limit;
    found.truncate(limit);
    found.last().filter(|_| more).map(|last| BASE64URL.encode(name(last)))
}
