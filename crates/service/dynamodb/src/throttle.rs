//! Throttling, for installations that want it: a table or global index that uses more than its
//! throughput is refused, as in AWS.
//!
//! Each has a bucket of read units and one of write units, which fill at its rate and hold what
//! 300 seconds of it make, so that bursts pass. A request is let in while there is something
//! in its buckets and takes what it used when that is known, perhaps more than there was. What
//! is billed per request is refused only above the OnDemandThroughput that was set for it.
//!
//! Buckets are in memory: they are full again after a start. When an index has used up its write
//! units all writes to its table wait, also those that would not have changed the index.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api_dynamodb::{
    Error, ProvisionedThroughputExceededException, ThrottlingException, ThrottlingReason,
};
use kernel::{Clock, Ctx};

use crate::capacity::ReadUnits;
use crate::change::Units;
use crate::index::IndexKind;
use crate::table::{OnDemandRecord, TableRecord, Throughput};

/// Unused provisioned units are kept for as long.
const BURST_SECONDS: f64 = 300.0;
/// The same for what is billed per request.
const BURST_ON_DEMAND_SECONDS: f64 = 1.0;

/// What is limited.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Access {
    Read,
    Write,
}

/// The buckets of all tables and indexes that were used, by number.
#[derive(Default)]
pub(crate) struct Throttle(Mutex<HashMap<(u64, Access), Shared>>);

type Shared = Arc<Mutex<Bucket>>;

/// What a table and its indexes may use. Made when the table's record is read.
pub(crate) struct Meter {
    clock: Arc<dyn Clock>,
    table: Gauges,
    /// For each index, in the table's order; local ones use the table's.
    indexes: Vec<Option<Gauges>>,
    is_provisioned: bool,
}

struct Gauges {
    /// The ARN.
    resource: String,
    is_index: bool,
    reads: Option<Gauge>,
    writes: Option<Gauge>,
}

struct Gauge {
    /// Units a second.
    rate: f64,
    /// The most units that can be kept.
    most: f64,
    bucket: Shared,
}

#[derive(Default)]
struct Bucket {
    /// Nothing as long as it was never used: then it is full.
    filled: Option<Filled>,
}

#[derive(Clone, Copy)]
struct Filled {
    units: f64,
    at: Duration,
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meter")
    }
}

impl Throttle {
    /// What a table may use.
    pub fn meter(&self, ctx: &Ctx, name: &str, table: &TableRecord) -> Meter {
        let arn = ctx.arn("dynamodb", format!("table/{name}")).to_string();
        let is_provisioned = table.per_request_since_ms.is_none();
        let gauges = |number, resource: String, is_index, throughput, on_demand| {
            let limits = limits(is_provisioned, throughput, on_demand);
            let gauge = |access, units: Option<i64>| {
                Some(self.gauge((number, access), units? as f64, is_provisioned))
            };
            let (reads, writes) = (gauge(Access::Read, limits.0), gauge(Access::Write, limits.1));
            Gauges { resource, is_index, reads, writes }
        };
        let indexes = table.indexes.iter().map(|index| {
            let resource = format!("{arn}/index/{}", index.name);
            (index.kind == IndexKind::Global)
                .then(|| gauges(index.number, resource, true, &index.throughput, &index.on_demand))
        });
        let indexes = indexes.collect();
        let table = gauges(table.number, arn, false, &table.throughput, &table.on_demand);
        Meter { clock: ctx.kernel().config().clock.clone(), table, indexes, is_provisioned }
    }

    fn gauge(&self, key: (u64, Access), rate: f64, is_provisioned: bool) -> Gauge {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = if is_provisioned { BURST_SECONDS } else { BURST_ON_DEMAND_SECONDS };
        Gauge { rate, most: rate * seconds, bucket: buckets.entry(key).or_default().clone() }
    }

    /// Forgets all buckets.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Read and write units a second, if they are limited.
fn limits(
    is_provisioned: bool,
    throughput: &Throughput,
    on_demand: &OnDemandRecord,
) -> (Option<i64>, Option<i64>) {
    if is_provisioned {
        return (Some(throughput.read_units), Some(throughput.write_units));
    }
    (on_demand.read_units_max, on_demand.write_units_max)
}

impl Gauge {
    /// What is in the bucket after `used` units have been taken out.
    fn take(&self, now: Duration, used: f64) -> f64 {
        // A panic elsewhere leaves the bucket as it was: it changes in one step.
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let units = match bucket.filled {
            None => self.most,
            Some(Filled { units, at }) => {
                (units + now.saturating_sub(at).as_secs_f64() * self.rate).min(self.most)
            }
        };
        bucket.filled = Some(Filled { units: units - used, at: now });
        units - used
    }
}

impl Meter {
    fn admit(&self, gauges: &Gauges, access: Access) -> Result<(), Error> {
        let gauge = match access {
            Access::Read => &gauges.reads,
            Access::Write => &gauges.writes,
        };
        match gauge {
            Some(gauge) if gauge.take(self.clock.elapsed(), 0.0) <= 0.0 => {
                Err(self.refusal(gauges, access))
            }
            _ => Ok(()),
        }
    }

    fn refusal(&self, gauges: &Gauges, access: Access) -> Error {
        let kind = if gauges.is_index { "Index" } else { "Table" };
        let access = if access == Access::Read { "Read" } else { "Write" };
        let limit = if self.is_provisioned { "Provisioned" } else { "MaxOnDemand" };
        let reason = ThrottlingReason {
            reason: Some(format!("{kind}{access}{limit}ThroughputExceeded")),
            resource: Some(gauges.resource.clone()),
        };
        let throttling_reasons = Some(vec![reason]);
        if !self.is_provisioned {
            let text = "Throughput exceeds the maximum OnDemandThroughput configured on table or \
                        index";
            let message = Some(text.to_owned());
            return ThrottlingException { message, throttling_reasons }.into();
        }
        let text = if gauges.is_index {
            "The level of configured provisioned throughput for one or more global secondary \
             indexes of the table was exceeded. Consider increasing your provisioning level for \
             the under-provisioned global secondary indexes with the UpdateTable API"
        } else {
            "The level of configured provisioned throughput for the table was exceeded. Consider \
             increasing your provisioning level with the UpdateTable API."
        };
        let message = Some(text.to_owned());
        ProvisionedThroughputExceededException { message, throttling_reasons }.into()
    }

    fn charge(&self, gauge: Option<&Gauge>, units: f64) {
        if let Some(gauge) = gauge
            && units > 0.0
        {
            gauge.take(self.clock.elapsed(), units);
        }
    }

    /// The gauges of the index at that place; the table's if it has none of its own.
    fn of_index(&self, place: Option<usize>) -> &Gauges {
        place.and_then(|i| self.indexes.get(i)?.as_ref()).unwrap_or(&self.table)
    }
}

/// Lets a request in that reads a table, or its index of that name.
pub(crate) fn admit_reads(table: &TableRecord, index: Option<&str>) -> Result<(), Error> {
    let Some(meter) = &table.meter else { return Ok(()) };
    let place = table.indexes.iter().position(|known| Some(known.name.as_str()) == index);
    meter.admit(meter.of_index(place), Access::Read)
}

/// Lets a request in that writes to a table.
pub(crate) fn admit_writes(table: &TableRecord) -> Result<(), Error> {
    let Some(meter) = &table.meter else { return Ok(()) };
    meter.admit(&meter.table, Access::Write)?;
    meter.indexes.iter().flatten().try_for_each(|gauges| meter.admit(gauges, Access::Write))
}

/// Takes what was read of a table itself.
pub(crate) fn charge_table_reads(table: &TableRecord, units: f64) {
    if let Some(meter) = &table.meter {
        meter.charge(meter.table.reads.as_ref(), units);
    }
}

/// Takes what was read of a table and an index.
pub(crate) fn charge_reads(table: &TableRecord, units: &ReadUnits) {
    let Some(meter) = &table.meter else { return };
    meter.charge(meter.table.reads.as_ref(), units.table);
    if let Some((_, name, units)) = &units.index {
        let place = table.indexes.iter().position(|known| known.name == *name);
        meter.charge(meter.of_index(place).reads.as_ref(), *units);
    }
}

/// Takes what was written to a table and its indexes.
pub(crate) fn charge_writes(table: &TableRecord, units: &Units) {
    let Some(meter) = &table.meter else { return };
    meter.charge(meter.table.writes.as_ref(), units.table);
    for (i, units) in units.indexes.iter().enumerate() {
        meter.charge(meter.of_index(Some(i)).writes.as_ref(), *units);
    }
}
