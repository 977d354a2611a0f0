//! Items and changes as lines of JSON, compressed.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use kernel::{Fault, Kernel};

use super::moment::{Found, Moment};
use super::{ExportRecord, Span, View};
use crate::item::{Corrupt, StoredItem, encode};
use crate::sse::{self, Unread};
use crate::value::Item;

/// Bytes after which a file has enough, compressed. One is in memory at a time.
const FILE_BYTES: usize = 8 * 1024 * 1024;

/// A file that is to be written.
pub(super) struct Filled {
    pub bytes: Vec<u8>,
    pub items: u64,
    /// Bytes of the items, as DynamoDB counts them.
    pub item_bytes: u64,
    /// Where it ends.
    pub after: Option<Vec<u8>>,
    /// Whether nothing follows.
    pub is_last: bool,
}

/// Fills the next file; nothing if the kernel stops.
pub(super) fn fill(
    kernel: &Kernel,
    export: &ExportRecord,
    moment: &Moment,
) -> Result<Option<Filled>, Fault> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    let mut after = export.after.clone();
    let (mut items, mut item_bytes, mut is_last) = (0, 0, false);
    while out.get_ref().len() < FILE_BYTES {
        if kernel.is_stopping() {
            return Ok(None);
        }
        let found = moment.next(kernel, after.as_deref()).map_err(Fault::internal)?;
        let Some(last) = found.last() else {
            is_last = true;
            break;
        };
        after = Some(last.place.clone());
        for found in &found {
            let line = line(export, found)?;
            let Some((line, bytes)) = line else { continue };
            out.write_all(line.as_bytes()).map_err(Fault::internal)?;
            items += 1;
            item_bytes += bytes as u64;
        }
    }
    let bytes = out.finish().map_err(Fault::internal)?;
    Ok(Some(Filled { bytes, items, item_bytes, after, is_last }))
}

/// The line of an item, and the item's size; nothing where there is none.
fn line(export: &ExportRecord, found: &Found) -> Result<Option<(String, usize)>, Unread> {
    let open = |item: &Option<Bytes>| {
        item.clone().map(|item| sse::open_item(&found.place, item)).transpose()
    };
    let (found_new, found_old) = (open(&found.new)?, open(&found.old)?);
    let item = |bytes: &Option<Bytes>| -> Result<Option<(String, usize)>, Corrupt> {
        let Some(bytes) = bytes else { return Ok(None) };
        let item = StoredItem::new(bytes)?;
        Ok(Some((item.to_json()?, item.size_bytes())))
    };
    let new = item(&found_new)?;
    let Span::Changes { view, .. } = export.span else {
        return Ok(new.map(|(json, size)| (format!("{{\"Item\":{json}}}\n"), size)));
    };
    let Some(any) = found_new.as_ref().or(found_old.as_ref()) else {
        // Made and deleted in between.
        return Ok(None);
    };
    let any = StoredItem::new(any)?.decode()?;
    let keys = any.iter().filter(|(name, _)| export.keys.iter().any(|key| key.name == **name));
    let keys: Item = keys.map(|(name, value)| (name.to_owned(), value.clone())).collect();
    let keys = StoredItem::new(&encode(&keys))?.to_json()?;
    let micros = found.at_ms * 1000;
    let mut line = format!(
        "{{\"Metadata\":{{\"WriteTimestampMicros\":{{\"N\":\"{micros}\"}}}},\"Keys\":{keys}"
    );
    let mut size = 0;
    let old = if view == View::NewAndOld { item(&found_old)? } else { None };
    for (name, image) in [("NewImage", new), ("OldImage", old)] {
        let Some((json, bytes)) = image else { continue };
        line.push_str(&format!(",\"{name}\":{json}"));
        size += bytes;
    }
    line.push_str("}\n");
    Ok(Some((line, size)))
}
