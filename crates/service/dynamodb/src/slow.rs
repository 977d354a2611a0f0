//! The log of requests that take long or waste work: which operation on which table, how long it
//! took, what it read and what of that it returned.
//!
//! A request that is neither costs two looks at the clock and a copy of the table's name.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api_dynamodb::{QueryOutput, ScanOutput};
use kernel::{BoxFuture, Ctx, Dispatch, Fault, Level};
use shape::{Model, Struct, View};

/// Reading fewer items than this is no waste, whatever is returned.
const WASTE_ITEMS_MIN: i32 = 1000;
/// How many items are read for one that is returned before that is waste.
const WASTE_RATIO_MIN: i32 = 100;
/// Attempts of a transaction from which on the items it touches count as contended.
const ATTEMPTS_MIN: u32 = 5;
/// The same reason, operation and table are logged once in so long.
const PAUSE: Duration = Duration::from_secs(10);
/// Different lines remembered for that.
const LINES_MAX: usize = 1000;

/// The operations, watched.
pub(crate) struct Watched {
    inner: Arc<dyn Dispatch>,
    threshold: Duration,
    /// For each operation, where its input names the table.
    tables: Vec<Option<usize>>,
    lines: Mutex<HashMap<Line, Duration>>,
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
    pub fn new(inner: Arc<dyn Dispatch>, threshold: Duration) -> Watched {
        let tables = (0..inner.model().operations.len()).map(|op| {
            let input = inner.input(op);
            input.shape().members.iter().position(|member| member.name == "TableName")
        });
        let tables = tables.collect();
        Watched { inner, threshold, tables, lines: Mutex::default() }
    }

    fn table(&self, op: usize, input: &dyn Struct) -> Option<String> {
        match input.field((*self.tables.get(op)?)?) {
            View::Str(name) => Some(name.to_owned()),
            _ => None,
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
        let Some(reason) = done.reason(self.threshold) else { return };
        let operation = &self.inner.model().operations[op].name;
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
        Box::pin(async move {
            let started = ctx.elapsed();
            let result = self.inner.call(ctx, op, input).await;
            let took = ctx.elapsed().saturating_sub(started);
            let items = result.as_ref().ok().and_then(|output| items(&**output));
            let done = Done { took, items };
            if done.reason(self.threshold).is_some() {
                self.log(ctx, op, table, &done);
            }
            result
        })
    }
}

/// What a request did.
struct Done {
    took: Duration,
    /// Items read and returned.
    items: Option<(i32, i32)>,
}

impl Done {
    fn reason(&self, threshold: Duration) -> Option<&'static str> {
        if self.took >= threshold {
            return Some("slow request");
        }
        let (read, returned) = self.items?;
        let is_waste = read >= WASTE_ITEMS_MIN && returned.saturating_mul(WASTE_RATIO_MIN) <= read;
        is_waste.then_some("request that reads far more than it returns")
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
        assert_eq!(done.reason(Duration::from_millis(100)), expected);
    }

    #[test]
    fn slow_and_wasteful_requests_are_told_from_others() {
        let (slow, waste) = ("slow request", "request that reads far more than it returns");
        check(100, None, Some(slow));
        check(99, None, None);
        check(1, Some((5000, 51)), None);
        check(1, Some((5000, 50)), Some(waste));
        check(1, Some((999, 0)), None);
        check(200, Some((5000, 0)), Some(slow));
    }
}
