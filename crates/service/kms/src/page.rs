//! Lists in pages. A marker is the last key of the page before, not a secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use kernel::Fault;
use store::Key;

use crate::error::bad_marker;

/// A page of rows that come in the order of their keys.
pub(crate) struct Page<T> {
    /// At most `limit`.
    pub(crate) rows: Vec<T>,
    /// `NextMarker`, if there are more.
    pub(crate) next: Option<String>,
}

impl<T> Page<T> {
    /// `Truncated`.
    pub(crate) fn truncated(&self) -> Option<bool> {
        Some(self.next.is_some())
    }
}

/// The key after which a page begins.
pub(crate) fn after(marker: Option<&str>) -> Result<Option<Key>, Fault> {
    let Some(marker) = marker else { return Ok(None) };
    let bytes = BASE64.decode(marker).map_err(|_| bad_marker())?;
    let key = Key::from_bytes(bytes);
    if key.parts().is_none() { Err(bad_marker()) } else { Ok(Some(key)) }
}

/// Cuts rows, one more than the page holds at most, into a page.
pub(crate) fn cut<T>(mut rows: Vec<(Key, T)>, limit: usize) -> Page<T> {
    let more = rows.len() > limit;
    rows.truncate(limit);
    let last = rows.last().filter(|_| more);
    let next = last.map(|(key, _)| BASE64.encode(key.as_bytes()));
    Page { rows: rows.into_iter().map(|(_, row)| row).collect(), next }
}

/// The page's size: as asked, or the operation's usual one.
pub(crate) fn limit(asked: Option<i32>, usual: usize) -> usize {
    asked.and_then(|asked| usize::try_from(asked).ok()).unwrap_or(usual).max(1)
}
