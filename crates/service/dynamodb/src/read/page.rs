//! Reads one page of a plan.

use std::ops::ControlFlow;

use api_dynamodb::Error;
use bytes::Bytes;
use store::{ReadTx, Scan};

use super::source::Source;
use super::{Attributes, Range, ReadPlan};
use crate::capacity::{ReadUnits, read_units};
use crate::convert::{self, Answer};
use crate::item::{Corrupt, StoredItem};
use crate::sse;
use crate::table::ITEMS;
use crate::value::Item;

/// Bytes of items that one page looks at, before any filter.
const PAGE_MAX_BYTES: usize = 1024 * 1024;

/// What was found.
pub(crate) struct Page {
    /// The items that passed the filter; none if they are only counted.
    pub items: Vec<Row>,
    /// Items that passed the filter.
    pub count: i32,
    /// Items looked at.
    pub scanned: i32,
    /// Key of the last item looked at, if there may be more.
    pub last_key: Option<Item>,
    /// Whether not even the first item fitted behind what was looked at before.
    pub is_full: bool,
    /// Bytes looked at.
    pub bytes: usize,
    /// What it took.
    pub units: ReadUnits,
}

/// An item that was found.
pub(crate) enum Row {
    /// As it is stored.
    Whole(Bytes),
    /// What is asked of it.
    Parts(Item),
}

impl Row {
    /// The item itself.
    pub fn decode(self) -> Result<Item, Corrupt> {
        match self {
            Row::Whole(bytes) => StoredItem::new(&bytes)?.decode(),
            Row::Parts(item) => Ok(item),
        }
    }

    /// For an answer of the API.
    pub fn answer(self) -> Result<Answer, Corrupt> {
        match self {
            Row::Whole(bytes) => convert::stored(StoredItem::new(&bytes)?),
            Row::Parts(item) => Ok(convert::attributes(item)),
        }
    }
}

pub(super) fn read(
    plan: &ReadPlan,
    tx: &ReadTx,
    source: &Source<'_>,
    scan: &Scan,
) -> Result<Page, Error> {
    let fetches = plan.fetches(source);
    let scan = match plan.limit {
        Some(limit) => &scan.clone().limit(limit),
        None => scan,
    };
    let mut reader = Reader { plan, tx, source, fetches, found: Found::default() };
    let mut problem = None;
    tx.scan_raw(source.rows(), scan, &mut |key, row| {
        let row = sse::open(source.rows(), key, row).map_err(Error::from);
        row.and_then(|row| reader.take(row)).unwrap_or_else(|error| {
            problem = Some(error);
            ControlFlow::Break(())
        })
    })?;
    if let Some(problem) = problem {
        return Err(problem);
    }
    let Found { items, count, scanned, row_bytes, fetched_bytes, fetched_units, last, is_cut } =
        reader.found;
    let (is_full, bytes) = (is_cut && last.is_none(), row_bytes + fetched_bytes);
    let is_whole = matches!(plan.range, Range::Query { .. }) && source.has_one_a_partition();
    let last_key = match last.filter(|_| is_cut && !is_whole) {
        Some(last) => Some(source.start_key(StoredItem::new(&last)?)?),
        None => None,
    };
    let units = read_units(row_bytes, plan.is_consistent);
    let units = match source.index {
        Some(index) => {
            ReadUnits { table: fetched_units, index: Some((index.kind, index.name.clone(), units)) }
        }
        None => ReadUnits { table: units, index: None },
    };
    Ok(Page { items, count, scanned, last_key, is_full, bytes, units })
}

/// A page being read.
struct Reader<'a> {
    plan: &'a ReadPlan,
    tx: &'a ReadTx,
    source: &'a Source<'a>,
    /// Whether items are fetched from the table.
    fetches: bool,
    found: Found,
}

#[derive(Default)]
struct Found {
    items: Vec<Row>,
    count: i32,
    scanned: i32,
    /// Bytes of the rows looked at.
    row_bytes: usize,
    /// Bytes of the items fetched, and what that took.
    fetched_bytes: usize,
    fetched_units: f64,
    /// The last row looked at.
    last: Option<Bytes>,
    /// Whether a limit ended the page.
    is_cut: bool,
}

impl Reader<'_> {
    /// Looks at the next row.
    fn take(&mut self, row: Bytes) -> Result<ControlFlow<()>, Error> {
        let item = StoredItem::new(&row)?;
        let row_bytes = self.found.row_bytes + item.size_bytes();
        let passes = match &self.plan.filter {
            Some(filter) => filter.condition.holds(&item)?,
            None => true,
        };
        let fetched = if passes && self.fetches { Some(self.fetch(item)?) } else { None };
        let whole = fetched.as_ref().map(|bytes| StoredItem::new(bytes)).transpose()?;
        let size = whole.map_or(0, StoredItem::size_bytes);
        let fetched_bytes = self.found.fetched_bytes + size;
        let before = self.plan.bytes_before;
        let may_end = self.found.last.is_some() || before > 0;
        if may_end && before + row_bytes + fetched_bytes > PAGE_MAX_BYTES {
            self.found.is_cut = true;
            return Ok(ControlFlow::Break(()));
        }
        self.found.row_bytes = row_bytes;
        self.found.scanned += 1;
        if whole.is_some() {
            self.found.fetched_bytes = fetched_bytes;
            self.found.fetched_units += read_units(size, self.plan.is_consistent);
        }
        if passes {
            self.found.count += 1;
            self.keep(fetched.as_ref().unwrap_or(&row), whole.unwrap_or(item))?;
        }
        self.found.last = Some(row);
        // A full page has a last key even if nothing follows.
        self.found.is_cut = self.plan.limit == Some(self.found.scanned as usize);
        Ok(if self.found.is_cut { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn keep(&mut self, bytes: &Bytes, item: StoredItem<'_>) -> Result<(), Corrupt> {
        self.found.items.push(match &self.plan.attributes {
            Attributes::Count => return Ok(()),
            Attributes::Parts(parts) => Row::Parts(parts.of_stored(item)?),
            Attributes::Held | Attributes::All => Row::Whole(bytes.clone()),
        });
        Ok(())
    }

    /// The whole item that a row of an index stands for.
    fn fetch(&self, row: StoredItem<'_>) -> Result<Bytes, Error> {
        let key = self.source.item_key(row)?;
        let item = sse::get(self.tx, &ITEMS, &key)?;
        // Both are of one moment, and written together.
        Ok(item.ok_or(Corrupt)?)
    }
}
