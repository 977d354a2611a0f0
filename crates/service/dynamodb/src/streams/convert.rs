//! Items for the streams' API, as the JSON they become.

use std::collections::BTreeMap;

use api_dynamodbstreams::AttributeValue;
use bytes::Bytes;
use shape::Prepared;

use crate::item::{Corrupt, StoredItem, encode};
use crate::value::Item;

/// Attributes of a record.
type Image = Prepared<BTreeMap<String, AttributeValue>>;

/// A stored item.
pub(super) fn image(stored: &Bytes) -> Result<Image, Corrupt> {
    StoredItem::new(stored)?.to_json().map(Prepared::from_json)
}

/// The key of an item.
pub(super) fn key(key: &Item) -> Result<Image, Corrupt> {
    StoredItem::new(&encode(key))?.to_json().map(Prepared::from_json)
}
