//! Pages of lists: `Marker`, `MaxItems`, `IsTruncated`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use kernel::Fault;

use crate::error::validation;

/// Items in a page when the caller says nothing.
const ITEMS: usize = 100;

/// A part of a list, and where the next begins.
pub(crate) struct Page<T> {
    pub items: Vec<T>,
    /// Always given, as AWS does.
    pub is_truncated: Option<bool>,
    pub marker: Option<String>,
}

/// Cuts a page out of `items`, which come with their sort keys in ascending order. A marker is the
/// last key of the page before it, so a list may change between pages.
pub(crate) fn page<T>(
    items: Vec<(String, T)>,
    marker: Option<&str>,
    max_items: Option<i32>,
) -> Result<Page<T>, Fault> {
    let max = max_items.map_or(ITEMS, |n| n.max(1) as usize);
    let after = marker.map(opened).transpose()?;
    let mut left =
        items.into_iter().skip_while(|(key, _)| after.as_ref().is_some_and(|after| key <= after));
    let (mut page, mut last) = (Vec::new(), String::new());
    for (key, item) in left.by_ref().take(max) {
        page.push(item);
        last = key;
    }
    let more = left.next().is_some();
    Ok(Page {
        items: page,
        is_truncated: Some(more),
        marker: more.then(|| BASE64.encode(last.as_bytes())),
    })
}

fn opened(marker: &str) -> Result<String, Fault> {
    let invalid = || validation("Invalid Marker.");
    let bytes = BASE64.decode(marker).map_err(|_| invalid())?;
    String::from_utf8(bytes).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other() {
        let items = || ["a", "b", "c"].map(|k| (k.to_owned(), k)).to_vec();
        let first = page(items(), None, Some(2)).unwrap();
        assert_eq!((first.items, first.is_truncated), (vec!["a", "b"], Some(true)));
        let second = page(items(), first.marker.as_deref(), Some(2)).unwrap();
        assert_eq!((second.items, second.is_truncated), (vec!["c"], Some(false)));
        assert!(second.marker.is_none());
        assert!(page(items(), Some("!"), None).is_err());
    }
}
