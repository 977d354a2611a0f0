//! Reading many items: what Query, Scan and PartiQL's SELECT have in common.
//!
//! A request is made into a [`ReadPlan`] before its table is known. [`ReadPlan::run`] checks the
//! plan against the table, in DynamoDB's order and words, and reads one page:
//!
//! ```text
//! let plan = ReadPlan {
//!     index: Some("by-status".to_owned()),
//!     filter: Some(Filter { condition, parameter: None }),
//!     ..ReadPlan::new(Range::Query { conditions, is_backward: false })
//! };
//! let page = ctx.store().read(|tx| {
//!     let table = table::get(service, ctx, tx, &name)?;
//!     plan.run(tx, &table)
//! })?;
//! // The next page: ReadPlan { start: page.last_key, ..plan }
//! ```
//!
//! A plan runs in a transaction that writes as well (`WriteTx` is a `ReadTx`), and then sees what
//! that wrote. What was consumed is in the page; see [`crate::capacity::Report::read`].

mod page;
mod query;
mod scan;
mod select;
mod source;

use api_dynamodb::Error;
use store::ReadTx;

pub(crate) use page::Row;

use crate::expression::bound::{Condition, Path, Projection};
use crate::expression::key_condition::KeyConditions;
use crate::heat::{self, Access};
use crate::index::IndexProjection;
use crate::invalid::Invalid;
use crate::request;
use crate::table::TableRecord;
use crate::throttle;
use crate::value::Item;

pub(crate) use page::Page;
pub(crate) use scan::segment;
pub(crate) use select::{Bound, check_select, named};
use source::Source;
pub(crate) use source::no_index;

const START_INVALID: &str = "The provided starting key is invalid";

/// What to read of a table or one of its secondary indexes.
pub(crate) struct ReadPlan {
    /// The index's name; the table itself if there is none.
    pub index: Option<String>,
    pub range: Range,
    pub filter: Option<Filter>,
    pub attributes: Attributes,
    /// Key of the item after which to begin: the last one of the page before. Of an index's item
    /// it has the keys of both index and table.
    pub start: Option<Item>,
    /// Items to look at, before any filter.
    pub limit: Option<usize>,
    /// Bytes that this page has looked at already, by other plans.
    pub bytes_before: usize,
    /// Costs twice as much, and global indexes refuse it; all reads are consistent anyway.
    pub is_consistent: bool,
}

/// Which items to look at, and in which order.
pub(crate) enum Range {
    /// Those of one partition, in the order of the sort keys.
    Query { conditions: KeyConditions, is_backward: bool },
    /// All, or one segment (counted from zero) of a total.
    Scan { segment: u32, total: u32 },
}

impl Range {
    /// A scan of everything.
    pub const ALL: Range = Range::Scan { segment: 0, total: 1 };
}

/// Which of the items looked at to return.
pub(crate) struct Filter {
    pub condition: Condition,
    /// What messages call it: a query's filter must leave the keys to the key conditions.
    /// `None` if it need not (PartiQL).
    pub parameter: Option<&'static str>,
}

/// What to return of each item.
pub(crate) enum Attributes {
    /// All that was read: of an index what it projects.
    Held,
    /// All; of a local index by fetching the item from the table.
    All,
    /// Parts; of a local index by fetching the item if it does not hold them.
    Parts(Projection),
    /// Only how many there are.
    Count,
}

impl ReadPlan {
    /// Everything in a range of the table.
    pub fn new(range: Range) -> ReadPlan {
        ReadPlan {
            index: None,
            range,
            filter: None,
            attributes: Attributes::Held,
            start: None,
            limit: None,
            bytes_before: 0,
            is_consistent: false,
        }
    }

    /// Reads one page.
    ///
    /// # Errors
    /// In DynamoDB's words, if the plan does not go with the table.
    pub fn run(&self, tx: &ReadTx, table: &TableRecord) -> Result<Page, Error> {
        let source = Source::new(table, self.index.as_deref())?;
        if source.is_global() && self.is_consistent {
            return Err(Invalid::new(
                "Consistent reads are not supported on global secondary indexes",
            )
            .into());
        }
        source.check_readable()?;
        let (scan, partition) = match &self.range {
            Range::Query { conditions, is_backward } => {
                self.query(&source, conditions, *is_backward)?
            }
            Range::Scan { segment, total } => (self.scan(&source, *segment, *total)?, Vec::new()),
        };
        throttle::admit_reads(table, self.index.as_deref())?;
        let page = page::read(self, tx, &source, &scan)?;
        throttle::charge_reads(table, &page.units);
        let units = page.units.index.as_ref().map_or(page.units.table, |(_, _, units)| *units);
        heat::count(table, &partition, Access::Read, units);
        Ok(page)
    }

    /// Whether items must be fetched from the table that the index does not hold whole.
    fn fetches(&self, source: &Source<'_>) -> bool {
        let Some(index) = source.index else { return false };
        match &self.attributes {
            Attributes::All => index.projection != IndexProjection::All,
            Attributes::Parts(parts) => {
                parts.0.iter().any(|path| !index.holds(source.table, path.attribute()))
            }
            Attributes::Held | Attributes::Count => false,
        }
    }

    /// Checks that a global index holds what is to be returned, since it fetches nothing.
    fn check_projected(&self, source: &Source<'_>) -> Result<(), Invalid> {
        let Some(index) = source.index.filter(|_| source.is_global()) else { return Ok(()) };
        if !self.fetches(source) {
            return Ok(());
        }
        let name = &index.name;
        match &self.attributes {
            Attributes::Parts(parts) => Err(Invalid(format!(
                "One or more parameter values were invalid: \
                 Global secondary index {name} does not project [{}]",
                not_held(source, &parts.0).join(", ")
            ))),
            _ => Err(Invalid(format!(
                "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not \
                 supported for global secondary index {name} because its projection type is not ALL"
            ))),
        }
    }

    fn check_projection_paths(&self, source: &Source<'_>) -> Result<(), Invalid> {
        match &self.attributes {
            Attributes::Parts(parts) => request::check_key_paths(source.table, &parts.0),
            _ => Ok(()),
        }
    }

    fn check_filter_paths(&self, source: &Source<'_>) -> Result<(), Invalid> {
        match &self.filter {
            Some(filter) => {
                request::check_key_paths(source.table, request::paths(&filter.condition))
            }
            None => Ok(()),
        }
    }
}

/// The attributes among `paths` that the index read from does not hold.
fn not_held<'a>(source: &Source<'_>, paths: impl IntoIterator<Item = &'a Path>) -> Vec<&'a str> {
    let mut names = Vec::new();
    for path in paths {
        let name = path.attribute();
        let is_held = source.index.is_none_or(|index| index.holds(source.table, name));
        if !is_held && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
