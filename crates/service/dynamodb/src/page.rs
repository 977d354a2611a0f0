//! A page of a query or scan.

use std::ops::ControlFlow;

use api_dynamodb::{Error, Select};
use bytes::Bytes;
use store::{ReadTx, Scan};

use crate::expression::bound::{Condition, Projection};
use crate::invalid::Invalid;
use crate::item::{Corrupt, StoredItem};
use crate::request;
use crate::table::{ITEMS, TableRecord};
use crate::value::Item;

/// Bytes of items that one page looks at, before any filter.
pub(crate) const PAGE_MAX_BYTES: usize = 1024 * 1024;

/// What is asked of the items in a range.
pub(crate) struct PageRequest {
    pub filter: Option<Condition>,
    pub projection: Option<Projection>,
    /// Items to look at, before any filter.
    pub limit: Option<usize>,
    /// Whether items are only to be counted.
    pub counts_only: bool,
}

/// What was found.
pub(crate) struct Page {
    pub items: Vec<Item>,
    /// Items that passed the filter.
    pub count: i32,
    /// Items looked at.
    pub scanned: i32,
    /// Bytes of the items looked at.
    pub bytes: usize,
    /// Key of the last item looked at, if there may be more.
    pub last_key: Option<Item>,
}

impl PageRequest {
    /// Checks what depends on the table's keys.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn check_paths(&self, table: &TableRecord) -> Result<(), Invalid> {
        if let Some(projection) = &self.projection {
            request::check_key_paths(table, &projection.0)?;
        }
        if let Some(filter) = &self.filter {
            request::check_key_paths(table, request::paths(filter))?;
        }
        Ok(())
    }

    /// Reads a page of `table` in the range and direction of `scan`.
    pub fn read(&self, tx: &ReadTx, table: &TableRecord, scan: &Scan) -> Result<Page, Error> {
        let mut reader = Reader {
            request: self,
            page: Page { items: Vec::new(), count: 0, scanned: 0, bytes: 0, last_key: None },
            last: None,
            is_cut: false,
            problem: None,
        };
        tx.scan_raw(&ITEMS, scan, &mut |_, value| match reader.take(value) {
            Ok(flow) => flow,
            Err(problem) => {
                reader.problem = Some(problem);
                ControlFlow::Break(())
            }
        })?;
        if let Some(problem) = reader.problem {
            return Err(problem.into());
        }
        let mut page = reader.page;
        if let Some(last) = reader.last.filter(|_| reader.is_cut) {
            page.last_key = Some(stored_key(StoredItem::new(&last)?, table)?);
        }
        Ok(page)
    }
}

/// A page being read.
struct Reader<'a> {
    request: &'a PageRequest,
    page: Page,
    /// The last item looked at.
    last: Option<Bytes>,
    /// Whether a limit ended the page.
    is_cut: bool,
    problem: Option<Corrupt>,
}

impl Reader<'_> {
    /// Looks at the next item.
    fn take(&mut self, value: Bytes) -> Result<ControlFlow<()>, Corrupt> {
        let item = StoredItem::new(&value)?;
        let bytes = self.page.bytes + item.size_bytes();
        if self.last.is_some() && bytes > PAGE_MAX_BYTES {
            self.is_cut = true;
            return Ok(ControlFlow::Break(()));
        }
        self.page.bytes = bytes;
        self.page.scanned += 1;
        if self.request.filter.as_ref().map_or(Ok(true), |filter| filter.holds(&item))? {
            self.page.count += 1;
            if !self.request.counts_only {
                self.page.items.push(match &self.request.projection {
                    Some(projection) => projection.of_stored(item)?,
                    None => item.decode()?,
                });
            }
        }
        self.last = Some(value);
        // A full page has a last key even if nothing follows.
        self.is_cut = self.request.limit == Some(self.page.scanned as usize);
        Ok(if self.is_cut { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}

/// The key attributes of a stored item.
fn stored_key(item: StoredItem<'_>, table: &TableRecord) -> Result<Item, Corrupt> {
    table
        .keys()
        .map(|key| {
            let value = item.get(&key.name)?.ok_or(Corrupt)?;
            Ok((key.name.clone(), value.decode()?))
        })
        .collect()
}

/// Checks that Select goes with the other parameters; whether it only counts.
///
/// # Errors
/// In DynamoDB's words.
pub(crate) fn select(
    given: Option<&Select>,
    has_projection: bool,
    has_index: bool,
) -> Result<bool, Invalid> {
    let what = match given {
        Some(Select::AllAttributes) => "ALL_ATTRIBUTES",
        Some(Select::AllProjectedAttributes) => "ALL_PROJECTED_ATTRIBUTES",
        Some(Select::Count) => "only the Count",
        Some(Select::SpecificAttributes) if !has_projection => {
            return Err(Invalid::new(
                "Must specify the AttributesToGet or ProjectionExpression \
                 when choosing to get SPECIFIC_ATTRIBUTES",
            ));
        }
        _ => return Ok(false),
    };
    if given == Some(&Select::AllProjectedAttributes) && !has_index {
        return Err(Invalid::new(
            "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
        ));
    }
    if has_projection {
        return Err(Invalid(format!(
            "Cannot specify the ProjectionExpression when choosing to get {what}"
        )));
    }
    Ok(given == Some(&Select::Count))
}

/// A start key's values, checked.
///
/// # Errors
/// In DynamoDB's words, which for most problems name the starting key.
pub(crate) fn start_key(
    given: Option<crate::convert::Attributes>,
) -> Result<Option<Item>, Invalid> {
    let Some(given) = given else { return Ok(None) };
    crate::convert::item(given).map(Some).map_err(|problem| {
        let bare = ["contains duplicates", "number set", "numeric value", "significant digits"];
        let bare = bare.iter().any(|text| problem.0.contains(text))
            || problem.0.contains("number with magnitude");
        if bare {
            problem
        } else {
            Invalid(format!("The provided starting key is invalid: {problem}"))
        }
    })
}

/// The answer to an index that the table does not have.
pub(crate) fn no_index(name: &str) -> Invalid {
    Invalid(format!("The table does not have the specified index: {name}"))
}
