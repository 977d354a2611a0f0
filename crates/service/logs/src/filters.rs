//! Filters of groups, and how the events of a commit come to them: the commit leaves an event for
//! each filter that says where they lie, and a handler reads them there.

use std::collections::BTreeMap;

use api_logs::Error;
use kernel::{Ctx, StoreError};
use serde::{Deserialize, Serialize};
use store::{Key, ReadTx, Scan, Table, WriteTx};

use crate::event::{Event, Place};
use crate::table::{EVENTS, GroupRecord, name_in};
use crate::{metric_filters, subscriptions};

/// Subscription filters by (account, region, rows of the group, name).
pub(crate) const SUBSCRIPTIONS: Table<Subscription> = Table::new("logs/subscription");
/// Metric filters by (account, region, rows of the group, name).
pub(crate) const METRIC_FILTERS: Table<MetricFilter> = Table::new("logs/metric-filter");
/// Subscription filters of a group.
pub(crate) const SUBSCRIPTIONS_MAX: u32 = 2;
/// Metric filters of a group.
pub(crate) const METRIC_FILTERS_MAX: u32 = 100;

#[derive(Serialize, Deserialize)]
pub(crate) struct Subscription {
    pub group: String,
    pub pattern: String,
    pub destination: String,
    pub distribution: String,
    pub created_ms: u64,
}

#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct MetricFilter {
    pub group: String,
    pub pattern: String,
    pub metric: String,
    pub namespace: String,
    pub value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<f64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    pub created_ms: u64,
}

/// Events of one stream that came together, for one filter.
#[derive(Serialize, Deserialize)]
pub(crate) struct Batch {
    pub account: String,
    pub region: String,
    pub group: String,
    /// The group's rows.
    pub rows: String,
    pub filter: String,
    pub stream_name: String,
    stream: u64,
    pub ingested_ms: u64,
    /// The first event's number; the others follow.
    first: u64,
    times: Vec<u64>,
}

/// Leaves the events of a commit to the filters of their group.
pub(crate) fn emit(
    ctx: &Ctx,
    tx: &mut WriteTx,
    (group, record): (&str, &GroupRecord),
    stream_name: &str,
    places: &[Place],
) -> Result<(), StoreError> {
    let Some(first) = places.first() else { return Ok(()) };
    let rows = record.rows(group);
    let scan = || Scan::prefix((ctx.account(), ctx.region(), rows));
    let mut filters: Vec<(&str, String)> = Vec::new();
    if record.subscriptions > 0 {
        let found = tx.scan(&SUBSCRIPTIONS, scan())?;
        filters.extend(found.iter().map(|(key, _)| (subscriptions::TOPIC, name_in(key))));
    }
    if record.metric_filters > 0 {
        // All of them read the events once.
        filters.push((metric_filters::TOPIC, String::new()));
    }
    for (topic, filter) in filters {
        let batch = Batch {
            account: ctx.account().to_owned(),
            region: ctx.region().to_owned(),
            group: group.to_owned(),
            rows: rows.to_owned(),
            stream_name: stream_name.to_owned(),
            stream: first.stream,
            ingested_ms: first.ingested_ms,
            first: first.number,
            times: places.iter().map(|place| place.timestamp_ms).collect(),
            filter,
        };
        tx.emit(topic, &format!("{rows}/{}", batch.filter), &batch)?;
    }
    Ok(())
}

impl Batch {
    /// The key of one of the group's filters.
    pub fn key<'a>(&'a self, filter: &'a str) -> (&'a str, &'a str, &'a str, &'a str) {
        (&self.account, &self.region, &self.rows, filter)
    }

    /// The events, but for those that are gone.
    pub fn events(&self, tx: &ReadTx) -> Result<Vec<Event>, StoreError> {
        let place = |(number, timestamp_ms): (u64, &u64)| Place {
            timestamp_ms: *timestamp_ms,
            ingested_ms: self.ingested_ms,
            stream: self.stream,
            number,
        };
        let places: Vec<Place> = (self.first..).zip(&self.times).map(place).collect();
        let keys: Vec<Key> = places.iter().map(|place| Key::of(place.key())).collect();
        let messages = tx.get_raw_many(&EVENTS, &keys)?;
        let event = |(place, message): (Place, Option<_>)| Some(Event { place, message: message? });
        Ok(places.into_iter().zip(messages).filter_map(event).collect())
    }
}

/// Deletes all filters of a group that is being deleted.
pub(crate) fn delete_all(tx: &mut WriteTx, ctx: &Ctx, rows: &str) -> Result<(), Error> {
    let scan = || Scan::prefix((ctx.account(), ctx.region(), rows));
    for (key, _) in tx.scan(&SUBSCRIPTIONS, scan())? {
        tx.delete(&SUBSCRIPTIONS, key)?;
    }
    for (key, _) in tx.scan(&METRIC_FILTERS, scan())? {
        tx.delete(&METRIC_FILTERS, key)?;
    }
    Ok(())
}
