//! Throughput: what is provisioned, what on-demand use may reach, and what is warm.

use api_dynamodb::{BillingMode, OnDemandThroughput, ProvisionedThroughput, WarmThroughput};

use super::Owner;
use crate::invalid::Invalid;
use crate::table::{OnDemandRecord, Throughput, WarmRecord};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Units that can be provisioned at most.
const UNITS_MAX: i64 = 1_000_000_000_000;
/// What a table or index that is billed per request is warm for from the start.
const WARM_READ_UNITS: i64 = 12_000;
const WARM_WRITE_UNITS: i64 = 4_000;

/// The throughput of a new table.
pub(crate) fn of_table(
    billing: Option<&BillingMode>,
    given: Option<&ProvisionedThroughput>,
) -> Result<Throughput, Invalid> {
    match given {
        Some(_) if billing == Some(&BillingMode::PayPerRequest) => Err(neither_units()),
        None if billing == Some(&BillingMode::PayPerRequest) => Ok(Throughput::default()),
        None => Err(Invalid::new(
            "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits \
             must both be specified when BillingMode is PROVISIONED",
        )),
        Some(given) => {
            check_units(Owner::Table, given)?;
            Ok(given.into())
        }
    }
}

/// The throughput of a new global index.
pub(crate) fn of_index(
    name: &str,
    per_request: bool,
    given: Option<&ProvisionedThroughput>,
) -> Result<Throughput, Invalid> {
    match given {
        Some(_) if per_request => Err(Invalid(format!(
            "One or more parameter values were invalid: ProvisionedThroughput should not be \
             specified for index: {name} when BillingMode is PAY_PER_REQUEST"
        ))),
        None if per_request => Ok(Throughput::default()),
        None => Err(Invalid(format!(
            "One or more parameter values were invalid: \
             ProvisionedThroughput is not specified for index: {name}"
        ))),
        Some(given) => {
            check_units(Owner::Index(name), given)?;
            Ok(given.into())
        }
    }
}

impl From<&ProvisionedThroughput> for Throughput {
    fn from(given: &ProvisionedThroughput) -> Throughput {
        Throughput {
            read_units: given.read_capacity_units,
            write_units: given.write_capacity_units,
            ..Throughput::default()
        }
    }
}

/// Changes what is provisioned.
pub(crate) fn change(
    owner: Owner<'_>,
    current: &mut Throughput,
    given: &Throughput,
    now_ms: i64,
) -> Result<(), Invalid> {
    let (reads, writes) = (given.read_units, given.write_units);
    if (reads, writes) == (current.read_units, current.write_units) {
        let kind = match owner {
            Owner::Table => "table",
            Owner::Index(_) => "index",
        };
        return Err(Invalid(format!(
            "The provisioned throughput for the {owner} will not change. The requested value \
             equals the current value. Current ReadCapacityUnits provisioned for the {kind}: \
             {reads}. Requested ReadCapacityUnits: {reads}. Current WriteCapacityUnits \
             provisioned for the {kind}: {writes}. Requested WriteCapacityUnits: {writes}. Refer \
             to the Amazon DynamoDB Developer Guide for current limits and how to request higher \
             limits."
        )));
    }
    if reads > current.read_units || writes > current.write_units {
        current.increased_ms = Some(now_ms);
    }
    if reads < current.read_units || writes < current.write_units {
        let today = now_ms.div_euclid(DAY_MS);
        let is_first = current.decreased_ms.is_none_or(|at_ms| at_ms.div_euclid(DAY_MS) != today);
        current.decreases = if is_first { 1 } else { current.decreases + 1 };
        current.decreased_ms = Some(now_ms);
    }
    (current.read_units, current.write_units) = (reads, writes);
    Ok(())
}

/// What is said to units for a table that is billed per request.
pub(crate) fn neither_units() -> Invalid {
    Invalid::new(
        "One or more parameter values were invalid: Neither ReadCapacityUnits nor \
         WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
    )
}

/// Checks that units are not beyond all bounds; the model wants at least one of each.
pub(crate) fn check_units(owner: Owner<'_>, given: &ProvisionedThroughput) -> Result<(), Invalid> {
    let units = [
        ("ReadCapacityUnits", given.read_capacity_units),
        ("WriteCapacityUnits", given.write_capacity_units),
    ];
    let Some((name, units)) = units.iter().find(|(_, units)| *units > UNITS_MAX) else {
        return Ok(());
    };
    let of = match owner {
        Owner::Table => String::new(),
        Owner::Index(name) => format!(" for index {name}"),
    };
    Err(Invalid(format!("Given value {units} for {name} is out of bounds{of}")))
}

/// OnDemandThroughput over what there was; minus one takes a limit away.
pub(crate) fn on_demand(
    owner: Owner<'_>,
    per_request: bool,
    given: Option<&OnDemandThroughput>,
    before: OnDemandRecord,
) -> Result<OnDemandRecord, Invalid> {
    let Some(given) = given else { return Ok(before) };
    if !per_request {
        return Err(Invalid(format!(
            "One or more parameter values were invalid: \
             OnDemandThroughput for {owner} can only be specified when BillingMode is \
             PAY_PER_REQUEST"
        )));
    }
    let limit = |name: &str, given: Option<i64>, before: Option<i64>| match given {
        None => Ok(before),
        Some(-1) => Ok(None),
        Some(units) if units >= 1 => Ok(Some(units)),
        Some(units) => Err(Invalid(format!(
            "One or more parameter values were invalid: {name} for {owner} must be at least 1, \
             or -1 to remove it, but is {units}"
        ))),
    };
    Ok(OnDemandRecord {
        read_units_max: limit(
            "MaxReadRequestUnits",
            given.max_read_request_units,
            before.read_units_max,
        )?,
        write_units_max: limit(
            "MaxWriteRequestUnits",
            given.max_write_request_units,
            before.write_units_max,
        )?,
    })
}

/// What a table or index is warm for: what was set, and what its throughput needs.
pub(crate) fn warm_now(
    per_request: bool,
    throughput: &Throughput,
    set: Option<WarmRecord>,
) -> WarmRecord {
    let least = least_warm(per_request, throughput);
    set.map_or(least, |set| WarmRecord {
        read_units: set.read_units.max(least.read_units),
        write_units: set.write_units.max(least.write_units),
    })
}

fn least_warm(per_request: bool, throughput: &Throughput) -> WarmRecord {
    if per_request {
        WarmRecord { read_units: WARM_READ_UNITS, write_units: WARM_WRITE_UNITS }
    } else {
        WarmRecord { read_units: throughput.read_units, write_units: throughput.write_units }
    }
}

/// WarmThroughput over what there was. It can only grow.
pub(crate) fn warm(
    owner: Owner<'_>,
    per_request: bool,
    throughput: &Throughput,
    given: Option<&WarmThroughput>,
    before: Option<WarmRecord>,
) -> Result<Option<WarmRecord>, Invalid> {
    let Some(given) = given else { return Ok(before) };
    let least = least_warm(per_request, throughput);
    let check = |name: &str, units: Option<i64>, least: i64, before: Option<i64>| {
        let units = units.unwrap_or_else(|| least.max(before.unwrap_or_default()));
        let bound = match (per_request, name) {
            (true, _) => "initial throughput for OnDemand",
            (false, "ReadUnitsPerSecond") => "ReadCapacityUnits of ProvisionedThroughput",
            (false, _) => "WriteCapacityUnits of ProvisionedThroughput",
        };
        if units < least {
            return Err(Invalid(format!(
                "One or more parameter values were invalid: \
                 Requested {name} for WarmThroughput for {owner} is lower than {bound}"
            )));
        }
        if before.is_some_and(|before| units < before) {
            return Err(Invalid(format!(
                "One or more parameter values were invalid: \
                 Requested {name} for WarmThroughput for {owner} is lower than current \
                 WarmThroughput, decreasing WarmThroughput is not supported"
            )));
        }
        if units > UNITS_MAX {
            return Err(Invalid(format!("Given value {units} for {name} is out of bounds")));
        }
        Ok(units)
    };
    Ok(Some(WarmRecord {
        read_units: check(
            "ReadUnitsPerSecond",
            given.read_units_per_second,
            least.read_units,
            before.map(|before| before.read_units),
        )?,
        write_units: check(
            "WriteUnitsPerSecond",
            given.write_units_per_second,
            least.write_units,
            before.map(|before| before.write_units),
        )?,
    }))
}
