//! Item collections: the items with one partition key of a table that has local indexes, and
//! their entries in those. One may have 10 GB.
//!
//! Writes keep no count, since all of a partition would contend for it. A collection is measured
//! when its size is asked for, and once it has grown by a quarter of a gigabyte since the service
//! started; from then on its growth is added up. So the limit holds within that quarter.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use api_dynamodb::{
    Error, ItemCollectionMetrics, ItemCollectionSizeLimitExceededException,
    ReturnItemCollectionMetrics,
};
use kernel::{Ctx, Level};
use store::{Key, RawTable, Scan};

use crate::DynamoDb;
use crate::convert;
use crate::index::{ENTRIES, IndexKind, IndexRecord};
use crate::item::Corrupt;
use crate::sse;
use crate::table::{self, ITEMS, TableRecord};
use crate::value::Item;
use crate::write::{Action, ItemWrite};

const GIGABYTE: u64 = 1 << 30;
/// Collections whose growth is remembered.
const KNOWN_MAX: usize = 4096;
/// How many times longer than measuring took its result is believed; others than requests write,
/// too.
const KEPT_FOR: u32 = 50;

/// What is known of collections, by what the keys of their items begin with.
pub(crate) struct Collections {
    known: Mutex<HashMap<Vec<u8>, Known>>,
    limit_bytes: u64,
    /// Growth after which a collection is measured.
    step_bytes: u64,
}

#[derive(Clone, Copy, Default)]
struct Known {
    measured: Option<Measured>,
    /// Bytes since then, or since the service started.
    grown_bytes: i64,
}

#[derive(Clone, Copy)]
struct Measured {
    bytes: u64,
    at: Duration,
    took: Duration,
}

impl Default for Collections {
    fn default() -> Collections {
        Collections::new(10 * GIGABYTE, GIGABYTE / 4)
    }
}

impl Collections {
    fn new(limit_bytes: u64, step_bytes: u64) -> Collections {
        Collections { known: Mutex::default(), limit_bytes, step_bytes }
    }

    /// Checks that the collection of the item with that key may grow by so many bytes.
    ///
    /// # Errors
    /// If it is known that it would be too large then.
    pub fn check(
        &self,
        ctx: &Ctx,
        table: &TableRecord,
        key: &Item,
        bytes: i64,
    ) -> Result<(), Error> {
        if bytes <= 0 || !has_collections(table) {
            return Ok(());
        }
        let Some(prefix) = prefix(table, key) else { return Ok(()) };
        let mut all = self.lock();
        let Some(known) = all.get_mut(&prefix) else { return Ok(()) };
        if known.size_bytes().is_none_or(|size| size + bytes.unsigned_abs() <= self.limit_bytes) {
            return Ok(());
        }
        if known.is_stale(ctx) {
            // Let it pass, and measure again after it.
            *known = Known { measured: None, grown_bytes: self.step_bytes as i64 };
            return Ok(());
        }
        let message = Some("Collection size exceeded.".to_owned());
        Err(ItemCollectionSizeLimitExceededException { message }.into())
    }

    /// To be called when a write is committed that made the collection so much larger. So nothing
    /// here may fail: the write is done.
    pub fn grew(&self, ctx: &Ctx, table: &TableRecord, key: &Item, bytes: i64) {
        if bytes == 0 || !has_collections(table) {
            return;
        }
        let Some(prefix) = prefix(table, key) else { return };
        let is_large = {
            let mut all = self.lock();
            if all.len() >= KNOWN_MAX && !all.contains_key(&prefix) {
                all.retain(|_, known| known.measured.is_some());
            }
            if all.len() >= KNOWN_MAX {
                all.clear();
            }
            let known = all.entry(prefix.clone()).or_default();
            known.grown_bytes = known.grown_bytes.saturating_add(bytes);
            known.measured.is_none() && known.grown_bytes >= self.step_bytes as i64
        };
        if is_large {
            self.measure(ctx, table, prefix);
        }
    }

    /// What ReturnItemCollectionMetrics asks for after a write is committed; nothing of a table
    /// without local indexes, or if it cannot be found out.
    pub fn metrics(
        &self,
        ctx: &Ctx,
        table: &TableRecord,
        key: &Item,
    ) -> Option<ItemCollectionMetrics> {
        let name = &table.partition_key.name;
        let (prefix, value) = (prefix(table, key)?, key.get(name)?);
        if !has_collections(table) {
            return None;
        }
        let known = self.lock().get(&prefix).copied().unwrap_or_default();
        let size = match known.size_bytes().filter(|_| !known.is_stale(ctx)) {
            Some(size) => size,
            None => self.measure(ctx, table, prefix)?,
        };
        let from = (size / GIGABYTE) as f64;
        let partition = Item::from_unsorted(vec![(name.clone(), value.clone())]);
        Some(ItemCollectionMetrics {
            item_collection_key: Some(convert::attributes(partition)),
            size_estimate_range_gb: Some(vec![from, from + 1.0]),
        })
    }

    /// Counts a collection's bytes, and remembers them if that may be worth it; nothing, and a line
    /// of the log, if it cannot be read.
    fn measure(&self, ctx: &Ctx, table: &TableRecord, prefix: Vec<u8>) -> Option<u64> {
        let started = ctx.elapsed();
        let bytes = match measure(ctx, table, &prefix) {
            Ok(bytes) => bytes,
            Err(error) => {
                ctx.log(Level::Error, format_args!("measuring an item collection: {error:?}"));
                return None;
            }
        };
        let at = ctx.elapsed();
        let measured = Measured { bytes, at, took: at.saturating_sub(started) };
        let known = Known { measured: Some(measured), grown_bytes: 0 };
        if bytes >= self.step_bytes {
            self.lock().insert(prefix, known);
        } else {
            self.lock().remove(&prefix);
        }
        Some(bytes)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Vec<u8>, Known>> {
        // A panic elsewhere leaves the map as it was: every change is one call.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn size_bytes(self) -> Option<u64> {
        let measured = self.measured?;
        Some(measured.bytes.saturating_add_signed(self.grown_bytes))
    }

    fn is_stale(self, ctx: &Ctx) -> bool {
        self.measured.is_some_and(|measured| {
            ctx.elapsed().saturating_sub(measured.at) > measured.took * KEPT_FOR
        })
    }
}

/// What ReturnItemCollectionMetrics asks for of several writes, by the names of their tables;
/// nothing if it is not wanted or no table has collections.
pub(crate) fn metrics_by_table<'a>(
    service: &DynamoDb,
    ctx: &Ctx,
    wanted: Option<&ReturnItemCollectionMetrics>,
    writes: impl IntoIterator<Item = (&'a str, &'a ItemWrite)>,
) -> Option<BTreeMap<String, Vec<ItemCollectionMetrics>>> {
    let mut all = BTreeMap::<String, Vec<ItemCollectionMetrics>>::new();
    let mut seen = HashSet::new();
    if wanted != Some(&ReturnItemCollectionMetrics::Size) {
        return None;
    }
    for (name, write) in writes {
        if matches!(write.action, Action::Check { .. }) {
            continue;
        }
        // The writes are done: a table that is gone by now is no reason to say otherwise.
        let table = ctx.store().read(|tx| table::definition(service, ctx, tx, name));
        let Ok(table) = table else { continue };
        if seen.insert(prefix(&table, write.key()))
            && let Some(metrics) = service.collections.metrics(ctx, &table, write.key())
        {
            all.entry(name.to_owned()).or_default().push(metrics);
        }
    }
    (!all.is_empty()).then_some(all)
}

fn local_indexes(table: &TableRecord) -> impl Iterator<Item = &IndexRecord> {
    table.indexes.iter().filter(|index| index.kind == IndexKind::Local)
}

/// Whether the table has item collections at all.
pub(crate) fn has_collections(table: &TableRecord) -> bool {
    local_indexes(table).next().is_some()
}

fn prefix(table: &TableRecord, key: &Item) -> Option<Vec<u8>> {
    key.get(&table.partition_key.name).map(|value| table.partition_prefix(value))
}

fn measure(ctx: &Ctx, table: &TableRecord, prefix: &[u8]) -> Result<u64, Error> {
    ctx.store().read(|tx| -> Result<u64, Error> {
        let mut bytes = 0;
        let mut add = |rows: &RawTable, prefix: Vec<u8>| -> Result<(), Error> {
            let mut problem = None;
            let all = Scan::prefix(Key::from_bytes(prefix));
            tx.scan_raw(rows, &all, &mut |_, row| match sse::size_bytes(&row) {
                Ok(size) => {
                    bytes += size as u64;
                    ControlFlow::Continue(())
                }
                Err(Corrupt) => {
                    problem = Some(Corrupt);
                    ControlFlow::Break(())
                }
            })?;
            Ok(problem.map_or(Ok(()), Err)?)
        };
        add(&ITEMS, prefix.to_vec())?;
        for index in local_indexes(table) {
            // A local index has the table's partitions; only the number in front differs.
            let partition = prefix.get(table.prefix().len()..).unwrap_or_default();
            add(&ENTRIES, [&index.prefix()[..], partition].concat())?;
        }
        Ok(bytes)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use api_dynamodb::*;
    use kernel::{Config, Kernel, ManualClock, Principal};

    use super::*;
    use crate::ops;

    fn element(name: &str, key_type: KeyType) -> KeySchemaElement {
        KeySchemaElement { attribute_name: name.into(), key_type }
    }

    fn definition(name: &str) -> AttributeDefinition {
        let attribute_type = ScalarAttributeType::S;
        AttributeDefinition { attribute_name: name.into(), attribute_type }
    }

    /// A table with a local index.
    async fn create(service: &DynamoDb, ctx: &Ctx) {
        let index = LocalSecondaryIndex {
            index_name: "index".into(),
            key_schema: vec![element("pk", KeyType::Hash), element("s", KeyType::Range)],
            projection: Projection {
                projection_type: Some(ProjectionType::KeysOnly),
                ..Default::default()
            },
        };
        let input = CreateTableInput {
            table_name: "Table".into(),
            attribute_definitions: Some(["pk", "sk", "s"].map(definition).into()),
            key_schema: Some(vec![element("pk", KeyType::Hash), element("sk", KeyType::Range)]),
            local_secondary_indexes: Some(vec![index]),
            billing_mode: Some(BillingMode::PayPerRequest),
            ..Default::default()
        };
        assert!(ops::create_table(service, ctx, input).await.is_ok());
    }

    async fn put(service: &DynamoDb, ctx: &Ctx, pk: &str, sk: &str, bytes: usize) -> bool {
        let text = |text: &str| AttributeValue::S(text.into());
        let item = BTreeMap::from([
            ("pk".to_owned(), text(pk)),
            ("sk".to_owned(), text(sk)),
            ("s".to_owned(), text("x")),
            ("v".to_owned(), text(&"v".repeat(bytes))),
        ]);
        let input = PutItemInput { table_name: "Table".into(), item, ..Default::default() };
        match ops::put_item(service, ctx, input).await {
            Ok(_) => true,
            Err(Error::ItemCollectionSizeLimitExceededException(_)) => false,
            Err(_) => panic!("another error"),
        }
    }

    #[tokio::test]
    async fn collections_are_limited() {
        // No time passes: a machine that is busy would make stale what was measured.
        let clock = std::sync::Arc::new(ManualClock::at(1_800_000_000_000));
        let kernel = Kernel::new(Config { clock, ..Config::memory() });
        let root = Principal::Root { account: "111122223333".into() };
        let ctx = Ctx::new(&kernel, "ap-northeast-2", root, "request".into());
        let service = DynamoDb { collections: Collections::new(3000, 1000), ..Default::default() };
        create(&service, &ctx).await;
        for sk in ["1", "2", "3", "4"] {
            assert!(put(&service, &ctx, "full", sk, 700).await, "{sk}");
        }
        // Another has room, and so has one that is made smaller.
        assert!(!put(&service, &ctx, "full", "5", 700).await);
        assert!(put(&service, &ctx, "empty", "1", 700).await);
        assert!(put(&service, &ctx, "full", "1", 1).await);
        assert!(put(&service, &ctx, "full", "5", 600).await);
        assert!(!put(&service, &ctx, "full", "6", 700).await);
        // Nothing was written that was refused, and entries of the index count.
        let measured = ctx.store().read(|tx| table::get(&service, &ctx, tx, "Table"));
        let Ok(table) = measured else { panic!("no table") };
        let key =
            Item::from_unsorted(vec![("pk".to_owned(), crate::value::Value::S("full".to_owned()))]);
        let (item, entry) = (4 + 1 + 2 + 2 + 1 + 1 + 1, 4 + 1 + 2 + 2 + 1 + 1);
        let values = 1 + 3 * 700 + 600;
        let bytes = measure(&ctx, &table, &prefix(&table, &key).unwrap_or_default());
        assert_eq!(bytes.ok(), Some(5 * (item + entry) + values));
    }
}
