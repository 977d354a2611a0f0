//! Reads what SELECT asks for.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use api_dynamodb::Error;
use store::ReadTx;

use super::bound::{Bound, Kind, Select};
use super::branch::{Branch, Keys, SortRange, are_keyed, check_reads};
use super::cursor::Cursor;
use super::parser::Result;
use crate::capacity::ReadUnits;
use crate::expression::Document;
use crate::expression::ast::Comparator;
use crate::expression::bound::{Condition, Operand, Path, Projection, Step};
use crate::expression::key_condition::{KeyConditions, KeyTest};
use crate::expression::placeholders::sort_as_java_set;
use crate::index::{IndexKind, IndexRecord, IndexState};
use crate::invalid::Invalid;
use crate::read::{Attributes, Filter, Range, ReadPlan};
use crate::request;
use crate::table::TableRecord;
use crate::value::{Item, Value};

/// The reads that a SELECT comes down to.
pub(crate) struct Reads<'a> {
    table: &'a TableRecord,
    index: Option<&'a IndexRecord>,
    select: &'a Select,
    reads: Vec<Read>,
    is_consistent: bool,
}

/// One of them.
struct Read {
    plan: ReadPlan,
    /// A filter that looks for what the index does not hold, and so never finds it.
    late_filter: Option<Condition>,
}

/// What was read.
pub(crate) struct Answer {
    pub items: Vec<Item>,
    pub units: ReadUnits,
    /// Where to go on, if there may be more.
    pub next: Option<Cursor>,
    /// Key of the last item looked at, if there may be more after it.
    pub last_key: Option<Item>,
}

impl Bound {
    /// The reads of a SELECT, checked.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn reads<'a>(&'a self, table: &'a TableRecord, is_consistent: bool) -> Result<Reads<'a>> {
        let (Kind::Select(select) | Kind::Exists(select)) = &self.kind else {
            return Err(Invalid::new("Expected a SELECT statement"));
        };
        let index = self.index.as_deref().map(|name| find_index(table, name)).transpose()?;
        if is_consistent && index.is_some_and(|index| index.kind == IndexKind::Global) {
            return Err(Invalid::new(
                "Strongly consistent read is not supported on Global Secondary Indexes",
            ));
        }
        let mut reads = Reads { table, index, select, reads: Vec::new(), is_consistent };
        reads.check_paths()?;
        let keys = keys(table, index);
        let mut branches = keys.branches(select.condition.as_ref())?;
        keys.check_types(&branches)?;
        let is_keyed = are_keyed(&branches);
        if is_keyed {
            check_reads(&branches)?;
        }
        let backward = check_order(select, keys, &branches, is_keyed)?;
        if !is_keyed {
            let filter = select.condition.clone();
            let plan = reads.plan(Range::ALL, filter);
            reads.reads.push(Read { plan, late_filter: None });
            return Ok(reads);
        }
        let lacking = reads.check_filters(&branches)?;
        if !select.order.is_empty() {
            sort_branches(&mut branches, select, keys, backward);
        }
        for branch in &branches {
            reads.reads.extend(reads.read(branch, keys, backward, lacking));
        }
        Ok(reads)
    }

    /// The key of the one item that a SELECT asks for and the condition that is no key; nothing
    /// if it asks for anything else.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn one_key(&self, table: &TableRecord) -> Result<Option<Item>> {
        let (Kind::Select(select) | Kind::Exists(select)) = &self.kind else { return Ok(None) };
        let keys = keys(table, None);
        let branches = keys.branches(select.condition.as_ref())?;
        if !are_keyed(&branches) {
            return Ok(None);
        }
        check_reads(&branches)?;
        let [branch] = &branches[..] else { return Ok(None) };
        let Some(partition) = branch.partition_value().filter(|_| branch.filters.is_empty()) else {
            return Ok(None);
        };
        let mut key = Item::new();
        key.insert(keys.partition.name.clone(), (**partition).clone());
        if let Some(sort) = keys.sort {
            let mut values = branch.sort.iter().map(KeyTest::equal);
            let Some(Some(first)) = values.next() else { return Ok(None) };
            if !values.all(|value| value == Some(first)) {
                return Ok(None);
            }
            key.insert(sort.name.clone(), first.clone());
        }
        Ok(Some(key))
    }

    /// Checks the types of what a SELECT asks of keys.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn check_key_types(&self, table: &TableRecord) -> Result<()> {
        let (Kind::Select(select) | Kind::Exists(select)) = &self.kind else { return Ok(()) };
        let keys = keys(table, None);
        keys.check_types(&keys.branches(select.condition.as_ref())?)
    }

    /// What a SELECT answers of an item.
    ///
    /// # Errors
    /// None for items in memory.
    pub fn columns(&self, item: Item) -> std::result::Result<Item, Error> {
        match &self.kind {
            Kind::Select(select) => select.columns_of(item),
            _ => Ok(item),
        }
    }
}

/// The index of that name, in PartiQL's words if there is none.
fn find_index<'a>(table: &'a TableRecord, name: &str) -> Result<&'a IndexRecord> {
    let index = table.index(name).filter(|index| index.state != IndexState::Deleting);
    index.ok_or_else(|| Invalid::new("The table does not have the specified index"))
}

/// Checks that an index can be read by PartiQL, which is so for keys of one or two attributes.
///
/// # Errors
/// In DynamoDB's words.
pub(crate) fn check_index(table: &TableRecord, name: &str) -> Result<()> {
    match find_index(table, name) {
        Ok(index) if index.partition.len() > 1 || index.sort.len() > 1 => Err(Invalid::new(
            "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or \
             multi-attribute RANGE keys.",
        )),
        _ => Ok(()),
    }
}

fn keys<'a>(table: &'a TableRecord, index: Option<&'a IndexRecord>) -> Keys<'a> {
    match index {
        Some(index) => Keys {
            partition: index.partition.first().unwrap_or(&table.partition_key),
            sort: index.sort.first(),
        },
        None => Keys { partition: &table.partition_key, sort: table.sort_key.as_ref() },
    }
}

/// Checks ORDER BY; whether it turns the order of sort keys around.
fn check_order(
    select: &Select,
    keys: Keys<'_>,
    branches: &[Branch<'_>],
    is_keyed: bool,
) -> Result<bool> {
    if select.order.is_empty() {
        return Ok(false);
    }
    if select.condition.is_none() {
        return Err(Invalid::new(
            "Must have WHERE clause in the statement when using ORDER BY clause.",
        ));
    }
    let is_sort = |name: &str| keys.sort.is_some_and(|sort| sort.name == name);
    for (name, _) in &select.order {
        if *name != keys.partition.name && !is_sort(name) {
            return Err(Invalid(format!(
                "Attribute {name} in ORDER BY clause must be part of the primary key"
            )));
        }
    }
    if !is_keyed {
        return Err(Invalid::new(
            "Must have at least one non-optional hash key condition in WHERE clause \
             when using ORDER BY clause.",
        ));
    }
    let names_partition = select.order.iter().any(|(name, _)| *name == keys.partition.name);
    let is_one = branches.windows(2).all(|w| w[0].partition_value() == w[1].partition_value());
    if !is_one && !names_partition {
        return Err(Invalid::new(
            "Must have hash key in ORDER BY clause when more than one hash key condition \
             specified in WHERE clause.",
        ));
    }
    // Ordered by the partition key alone, DynamoDB goes backward.
    let sort = select.order.iter().find(|(name, _)| is_sort(name));
    Ok(sort.is_none_or(|(_, descends)| *descends))
}

/// Sorts the ranges as ORDER BY says.
fn sort_branches(branches: &mut [Branch<'_>], select: &Select, keys: Keys<'_>, is_backward: bool) {
    let partition = select.order.iter().find(|(name, _)| *name == keys.partition.name);
    let partition_descends = partition.is_some_and(|(_, descends)| *descends);
    let turned = |order: Ordering, turn: bool| if turn { order.reverse() } else { order };
    branches.sort_by(|a, b| {
        let values = a.partition_value().zip(b.partition_value());
        let partitions = values.and_then(|(a, b)| a.order(b)).unwrap_or(Ordering::Equal);
        let ranges = SortRange::of(&a.sort).compare(&SortRange::of(&b.sort));
        turned(partitions, partition_descends).then(turned(ranges, is_backward))
    });
}

impl Reads<'_> {
    /// Checks that no path goes into a key attribute.
    fn check_paths(&self) -> Result<()> {
        let columns = self.select.columns.iter().flatten().map(|(_, path)| path);
        request::check_key_paths(self.table, columns)?;
        match &self.select.condition {
            Some(condition) => request::check_key_paths(self.table, request::paths(condition)),
            None => Ok(()),
        }
    }

    /// Checks that the index holds what the filters look at; whether some do not, though others do.
    fn check_filters(&self, branches: &[Branch<'_>]) -> Result<bool> {
        let Some(index) = self.index else { return Ok(false) };
        let mut sorted: Vec<&Branch<'_>> = branches.iter().collect();
        sorted.sort_by(|a, b| {
            let values = a.partition_value().zip(b.partition_value());
            values.and_then(|(a, b)| a.order(b)).unwrap_or(Ordering::Equal)
        });
        let lacking: Vec<Vec<&str>> =
            sorted.iter().map(|branch| self.not_held(index, branch)).collect();
        let some_lack = lacking.iter().any(|names| !names.is_empty());
        if !some_lack || lacking.iter().any(Vec::is_empty) {
            return Ok(some_lack);
        }
        let mut names = lacking.into_iter().next_back().unwrap_or_default();
        let total = names.len();
        sort_as_java_set(&mut names, total);
        // As Query does, but for the order of the names.
        let (index, names) = (&index.name, names.join(", "));
        Err(Invalid(format!(
            "One or more parameter values were invalid: Secondary index {index} does not project \
             one or more filter attributes: [{names}]"
        )))
    }

    /// The attributes that a branch filters by and the index does not hold.
    fn not_held<'b>(&self, index: &IndexRecord, branch: &Branch<'b>) -> Vec<&'b str> {
        let paths = branch.filters.iter().flat_map(|filter| request::paths(filter));
        let mut seen = HashSet::new();
        paths
            .map(Path::attribute)
            .filter(|name| !index.holds(self.table, name) && seen.insert(*name))
            .collect()
    }

    /// The read of one branch; nothing if no key can pass.
    fn read(
        &self,
        branch: &Branch<'_>,
        keys: Keys<'_>,
        is_backward: bool,
        some_lack: bool,
    ) -> Option<Read> {
        let partition = branch.partition_value()?;
        if SortRange::of(&branch.sort).is_empty() {
            return None;
        }
        let equal = KeyTest::Compare(Comparator::Equal, partition.clone());
        let mut conditions = vec![(keys.partition.name.clone(), equal)];
        let mut filters: Vec<Condition> = branch.filters.iter().copied().cloned().collect();
        if let (Some(sort), [first, more @ ..]) = (keys.sort, &branch.sort[..]) {
            let test = match more {
                [] => first.clone(),
                _ => {
                    let tests = branch.sort.iter();
                    filters.extend(tests.clone().map(|test| condition(&sort.name, test)));
                    let ranges: Vec<KeyTest> =
                        tests.filter(|t| !matches!(t, KeyTest::BeginsWith(_))).cloned().collect();
                    SortRange::of(&ranges).test().unwrap_or_else(|| first.clone())
                }
            };
            conditions.push((sort.name.clone(), test));
        }
        let range = Range::Query { conditions: KeyConditions(conditions), is_backward };
        let filter = (!filters.is_empty()).then_some(Condition::And(filters));
        let is_late =
            some_lack && self.index.is_some_and(|index| !self.not_held(index, branch).is_empty());
        Some(match filter {
            Some(filter) if is_late => {
                let mut plan = self.plan(range, None);
                let is_local = self.index.is_some_and(|index| index.kind == IndexKind::Local);
                plan.attributes = if is_local { Attributes::All } else { Attributes::Held };
                Read { plan, late_filter: Some(filter) }
            }
            filter => Read { plan: self.plan(range, filter), late_filter: None },
        })
    }

    fn plan(&self, range: Range, filter: Option<Condition>) -> ReadPlan {
        let attributes = match &self.select.columns {
            None => Attributes::Held,
            Some(columns) => {
                // Whole attributes, of which columns are taken later.
                let mut names: Vec<&str> =
                    columns.iter().map(|(_, path)| path.attribute()).collect();
                let mut seen = HashSet::new();
                names.retain(|name| seen.insert(*name));
                let path = |name: &str| Path(vec![Step::Name(name.into())]);
                Attributes::Parts(Projection(names.into_iter().map(path).collect()))
            }
        };
        ReadPlan {
            index: self.index.map(|index| index.name.clone()),
            filter: filter.map(|condition| Filter { condition, parameter: None }),
            attributes,
            is_consistent: self.is_consistent,
            ..ReadPlan::new(range)
        }
    }

    /// Reads a page.
    ///
    /// # Errors
    /// In DynamoDB's words, if an index cannot be read.
    pub fn run(
        mut self,
        tx: &ReadTx,
        cursor: &Cursor,
        limit: Option<usize>,
    ) -> std::result::Result<Answer, Error> {
        let units = ReadUnits { table: 0.0, index: None };
        let mut answer = Answer { items: Vec::new(), units, next: None, last_key: None };
        let mut left = limit;
        let mut start = cursor.start.clone();
        let (count, mut bytes) = (self.reads.len(), 0);
        for (i, mut read) in std::mem::take(&mut self.reads).into_iter().enumerate() {
            if i < cursor.read {
                continue;
            }
            read.plan.start = start.take();
            read.plan.limit = left;
            read.plan.bytes_before = bytes;
            let page = read.plan.run(tx, self.table)?;
            if page.is_full {
                answer.next = Some(Cursor { read: i, start: None });
                break;
            }
            bytes += page.bytes;
            add(&mut answer.units, page.units);
            for row in page.items {
                let item = row.decode()?;
                if self.passes(&read, &item)? {
                    answer.items.push(self.select.columns_of(item)?);
                }
            }
            left = left.map(|left| left.saturating_sub(page.scanned.max(0) as usize));
            if page.last_key.is_some() {
                answer.next = Some(Cursor { read: i, start: page.last_key.clone() });
                answer.last_key = page.last_key;
                break;
            }
            if i + 1 < count && left == Some(0) {
                answer.next = Some(Cursor { read: i + 1, start: None });
                break;
            }
        }
        Ok(answer)
    }

    /// Whether an item passes a filter that was left for later.
    fn passes(&self, read: &Read, item: &Item) -> std::result::Result<bool, Error> {
        let (Some(filter), Some(index)) = (&read.late_filter, self.index) else { return Ok(true) };
        let held = item.iter().filter(|(name, _)| index.holds(self.table, name));
        let held: Item = held.map(|(name, value)| (name.to_owned(), value.clone())).collect();
        Ok(filter.holds(&held)?)
    }
}

impl Select {
    fn columns_of(&self, item: Item) -> std::result::Result<Item, Error> {
        let Some(columns) = &self.columns else { return Ok(item) };
        let mut answer = Item::new();
        for (name, path) in columns {
            if let Some(value) = item.value_at(path)? {
                answer.insert(name.clone(), value.into_owned());
            }
        }
        Ok(answer)
    }
}

fn add(sum: &mut ReadUnits, more: ReadUnits) {
    sum.table += more.table;
    match (&mut sum.index, more.index) {
        (Some((_, _, units)), Some((_, _, more))) => *units += more,
        (known, more) => *known = known.take().or(more),
    }
}

/// What a test asks, as a condition.
fn condition(attribute: &str, test: &KeyTest) -> Condition {
    let operand = Operand::Path(Path(vec![Step::Name(attribute.into())]));
    let value = |value: &Arc<Value>| Operand::Value(value.clone());
    match test {
        KeyTest::Compare(comparator, right) => {
            Condition::Compare { comparator: *comparator, left: operand, right: value(right) }
        }
        KeyTest::Between(low, high) => {
            Condition::Between { operand, low: value(low), high: value(high) }
        }
        KeyTest::BeginsWith(prefix) => Condition::BeginsWith(operand, value(prefix)),
        // Comes of the parameters of old alone; nothing passes.
        KeyTest::NotIndexable => Condition::Or(Vec::new()),
    }
}
