//! What functions do, as metrics of `AWS/Lambda`: counted in memory, and handed over to CloudWatch
//! every few seconds (`hand_over.rs`), so that no invocation waits for it.

mod hand_over;
mod samples;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kernel::Ctx;

use crate::concurrency::Running;
use crate::name::Name;
use crate::record::FunctionKey;

pub(crate) use hand_over::run;
use samples::Samples;

/// A metric: its name, and its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Metric(&'static str, &'static str);

macro_rules! metrics {
    ($($constant:ident = $name:literal $unit:literal;)*) => {
        impl Metric {
            $(pub const $constant: Metric = Metric($name, $unit);)*
        }
    };
}

metrics! {
    INVOCATIONS = "Invocations" "Count";
    ERRORS = "Errors" "Count";
    THROTTLES = "Throttles" "Count";
    DURATION = "Duration" "Milliseconds";
    CONCURRENT = "ConcurrentExecutions" "Count";
    UNRESERVED = "UnreservedConcurrentExecutions" "Count";
    ITERATOR_AGE = "IteratorAge" "Milliseconds";
    DEAD_LETTER_ERRORS = "DeadLetterErrors" "Count";
    DESTINATION_FAILURES = "DestinationDeliveryFailures" "Count";
    ASYNC_RECEIVED = "AsyncEventsReceived" "Count";
    ASYNC_AGE = "AsyncEventAge" "Milliseconds";
    ASYNC_DROPPED = "AsyncEventsDropped" "Count";
    PROVISIONED_INVOCATIONS = "ProvisionedConcurrencyInvocations" "Count";
    PROVISIONED_SPILLOVER = "ProvisionedConcurrencySpilloverInvocations" "Count";
    PROVISIONED_EXECUTIONS = "ProvisionedConcurrentExecutions" "Count";
    PROVISIONED_UTILIZATION = "ProvisionedConcurrencyUtilization" "Count";
}

/// Whom samples are about: a function as it was asked for, or with an empty name all of an account
/// and region.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Subject {
    pub function: FunctionKey,
    /// The version or alias in the name.
    pub qualifier: Option<String>,
    /// The version that ran, if one did.
    pub version: Option<String>,
}

impl Subject {
    /// The function of a name.
    pub fn of(name: &Name, version: Option<&str>) -> Self {
        let (function, qualifier) = (name.key(), name.qualifier.clone());
        Subject { function, qualifier, version: version.map(str::to_owned) }
    }

    /// The function of the ARN that an invocation was for; nothing if it is none.
    pub fn of_arn(arn: &str, version: &str) -> Option<Self> {
        let mut parts = arn.split(':').skip(3);
        let (region, account) = (parts.next()?, parts.next()?);
        let function = parts.nth(1)?;
        let function = (account.to_owned(), region.to_owned(), function.to_owned());
        let (qualifier, version) = (parts.next().map(str::to_owned), Some(version.to_owned()));
        Some(Subject { function, qualifier, version })
    }
}

/// What was counted since the last hand-over.
#[derive(Default)]
pub(crate) struct Metrics(Mutex<Counted>);

/// Samples by the minute in which they were taken, since 1970.
type Counted = HashMap<(Subject, i64), Vec<(Metric, Samples)>>;

impl Metrics {
    /// Counts samples of one subject.
    pub fn note(&self, ctx: &Ctx, subject: Subject, taken: &[(Metric, f64)]) {
        let minute = ctx.now().epoch_ms.div_euclid(60_000);
        let mut counted = self.lock();
        let of_subject = counted.entry((subject, minute)).or_default();
        for (metric, value) in taken {
            // A subject has a handful of metrics.
            let found = of_subject.iter_mut().find(|(have, _)| have == metric);
            match found {
                Some((_, samples)) => samples.add(*value),
                None => of_subject.push((*metric, Samples::one(*value))),
            }
        }
    }

    /// Counts how much ran when an invocation began.
    pub fn running(&self, ctx: &Ctx, function: &FunctionKey, running: &Running) {
        let subject = |function: FunctionKey| Subject { function, qualifier: None, version: None };
        let (account, region, _) = function.clone();
        let all = (Metric::CONCURRENT, running.all as f64);
        let mut of_account = vec![all];
        of_account.extend(running.unreserved.map(|count| (Metric::UNRESERVED, count as f64)));
        self.note(ctx, subject((account, region, String::new())), &of_account);
        self.note(ctx, subject(function.clone()), &[(Metric::CONCURRENT, running.function as f64)]);
    }

    /// Forgets what was counted: the functions are gone.
    pub fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
