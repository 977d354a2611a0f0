//! The log of requests that take long or waste work, with the reason: a scan, a filter that lets next
//! to nothing pass, an item that everybody writes, a hot partition, or none that is known. It says which operation on
//! which tables, how long it took, what it read and what of that it returned.
//!
//! A request that is neither costs two looks at the clock and a copy of the tables' names.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api_dynamodb::{QueryOutput, ScanOutput};
use kernel::{BoxFuture, Ctx, Dispatch, Fault, Level};
use shape::{Model, Struct, View};

use crate::heat::Heat;

/// Reading fewer items than this is no waste, whatever is returned.
const WASTE_ITEMS_MIN: i32 = 1000;
/// How many items are read for one that is returned before that is waste.
const WASTE_RATIO_MIN: i32 = 100;
/// Attempts of a transaction from which on the items it touches count as contended.
const ATTEMPTS_MIN: u32 = 5;
/// Tables of one request that are named.
const TABLES_MAX: usize = 3;
/// The same reason, operation and table are logged once in so long.
const PAUSE: Duration = Duration::from_secs(10);
/// Different lines remembered for that.
const LINES_MAX: usize = 1000;

/// The operations, watched.
pub(crate) struct Watched {
    inner: Arc<dyn Dispatch>,
    threshold: Duration,
    /// For each operation, which member of its input names the table.
    tables: Vec<Option<Naming>>,
    lines: Mutex<HashMap<Line, Duration>>,
    heat: Arc<Heat>,
}

/// How a member of an input names tables.
#[derive(Clone, Copy)]
enum Naming {
    One(usize),
    /// Each request of a batch or a transaction does.
    Each(usize),
}

/// What makes lines the same.
#[derive(PartialEq, Eq, Hash)]
struct Line {
    reason: &'static str,
    op: usize,
    table: Option<String>,
}

impl Watched {
    /// Watches for requests that take longer than `threshold`.
    pub fn new(inner: Arc<dyn Dispatch>, threshold: Duration, heat: Arc<Heat>) -> Watched {
        let tables = (0..inner.model().operations.len()).map(|op| {
            let members = &inner.input(op).shape().members;
            members.iter().enumerate().find_map(|(i, member)| match &*member.name {
                "TableName" => Some(Naming::One(i)),
                "RequestItems" | "TransactItems" => Some(Naming::Each(i)),
                _ => None,
            })
        });
        let tables = tables.collect();
        Watched { inner, threshold, tables, lines: Mutex::default(), heat }
    }

    fn table(&self, op: usize, input: &dyn Struct) -> Option<String> {
        match (*self.tables.get(op)?)? {
            Naming::One(member) => match input.field(member) {
                View::Str(name) => Some(name.to_owned()),
                _ => None,
            },
            Naming::Each(member) => {
                let mut names = Vec::new();
                add_names(input.field(member), &mut names);
                let more = if names.len() > TABLES_MAX { " …" } else { "" };
                names.truncate(TABLES_MAX);
                (!names.is_empty()).then(|| format!("{}{more}", names.join(" ")))
            }
        }
    }

    /// Whether the line is new, or was last written long enough ago.
    fn is_due(&self, line: Line, now: Duration) -> bool {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.get(&line).is_some_and(|last| now.saturating_sub(*last) < PAUSE) {
            return false;
        }
        if lines.len() >= LINES_MAX {
            lines.clear();
        }
        lines.insert(line, now);
        true
    }

    fn log(&self, ctx: &Ctx, op: usize, table: Option<String>, done: &Done) {
        let operation = &self.inner.model().operations[op].name;
        let Some(reason) = done.reason(self.threshold, operation) else { return };
        let name = table.clone().unwrap_or_else(|| "-".to_owned());
        if self.is_due(Line { reason, op, table }, ctx.elapsed()) {
            ctx.log(Level::Warn, format_args!("{reason}: dynamodb {operation} {name}{done}"));
        }
    }
}

impl Dispatch for Watched {
    fn model(&self) -> &'static Model {
        self.inner.model()
    }

    fn input(&self, op: usize) -> Box<dyn Struct> {
        self.inner.input(op)
    }

    fn call<'a>(
        &'a self,
        ctx: &'a Ctx,
        op: usize,
        input: Box<dyn Struct>,
    ) -> BoxFuture<'a, Result<Box<dyn Struct>, Fault>> {
        let table = self.table(op, &*input);
        kernel::boxed(move || async move {
            let started = ctx.elapsed();
            let result = self.inner.call(ctx, op, input).await;
            let took = ctx.elapsed().saturating_sub(started);
            let items = result.as_ref().ok().and_then(|output| items(&**output));
            let done = Done { took, items };
            self.log(ctx, op, table, &done);
            for hot in self.heat.take() {
                let line = Line { reason: "hot partition", op, table: Some(hot.table.clone()) };
                if self.is_due(line, ctx.elapsed()) {
                    ctx.log(Level::Warn, format_args!("{hot}"));
                }
            }
            result
        })
    }
}

/// Adds the tables that the requests of a batch name as keys of a map, those of a transaction within
/// what each does; one more than can be told at most.
fn add_names(requests: View<'_>, into: &mut Vec<String>) {
    let mut add = |name: &str| {
        if into.len() <= TABLES_MAX && !into.iter().any(|known| known == name) {
            into.push(name.to_owned());
        }
    };
    match requests {
        View::Map(by_table) => by_table.visit(&mut |name, _| add(name)),
        View::List(list) => {
            for request in (0..list.len()).map(|i| list.get(i)) {
                each_struct(request, &mut |action| {
                    let members = &action.shape().members;
                    let name = members.iter().position(|member| member.name == "TableName");
                    if let Some(View::Str(name)) = name.map(|i| action.field(i)) {
                        add(name);
                    }
                });
            }
        }
        _ => {}
    }
}

/// The structures that are members of one.
fn each_struct(of: View<'_>, f: &mut dyn FnMut(&dyn Struct)) {
    let View::Struct(of) = of else { return };
    for i in 0..of.shape().members.len() {
        if let View::Struct(member) = of.field(i) {
            f(member);
        }
    }
}

/// What a request did.
struct Done {
    took: Duration,
    /// Items read and returned.
    items: Option<(i32, i32)>,
}

impl Done {
    fn reason(&self, threshold: Duration, operation: &str) -> Option<&'static str> {
        let is_slow = self.took >= threshold;
        if !is_slow && self.items.is_none() {
            return None;
        }
        let (read, returned) = self.items.unwrap_or_default();
        let is_waste = read >= WASTE_ITEMS_MIN && returned.saturating_mul(WASTE_RATIO_MIN) <= read;
        match operation {
            _ if is_waste => Some("request that reads far more than it returns"),
            "Scan" if is_slow => Some("slow scan"),
            _ => is_slow.then_some("slow request"),
        }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, ", {} ms", self.took.as_millis())?;
        match self.items {
            Some((read, returned)) => write!(f, ", {read} items read, {returned} returned"),
            None => Ok(()),
        }
    }
}

fn items(output: &dyn Struct) -> Option<(i32, i32)> {
    let (scanned, count) = match output.downcast_ref::<QueryOutput>() {
        Some(output) => (output.scanned_count, output.count),
        None => {
            let output = output.downcast_ref::<ScanOutput>()?;
            (output.scanned_count, output.count)
        }
    };
    Some((scanned?, count?))
}

/// Logs a write that others were in the way of again and again.
pub(crate) fn contended(ctx: &Ctx, table: &str, attempts: u32) {
    if attempts >= ATTEMPTS_MIN {
        ctx.log(
            Level::Warn,
            format_args!(
                "contended item: a write to dynamodb table {table} took {attempts} attempts"
            ),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(took_ms: u64, items: Option<(i32, i32)>, expected: Option<&str>) {
        let done = Done { took: Duration::from_millis(took_ms), items };
        assert_eq!(done.reason(Duration::from_millis(100), "Query"), expected);
    }

    #[test]
    fn slow_and_wasteful_requests_are_told_from_others() {
        let (slow, waste) = ("slow request", "request that reads far more than it returns");
        check(100, None, Some(slow));
        check(99, None, None);
        check(1, Some((5000, 51)), None);
        check(1, Some((5000, 50)), Some(waste));
        check(1, Some((999, 0)), None);
        check(200, Some((5000, 0)), Some(waste));
        check(200, Some((5000, 5000)), Some(slow));
        let scan = Done { took: Duration::from_millis(200), items: Some((10, 10)) };
        assert_eq!(scan.reason(Duration::from_millis(100), "Scan"), Some("slow scan"));
    }
}
