//! How many invocations run at a time: what functions reserve, and what is left for the others.
//!
//! On AWS a reservation is both: as many are kept for the function, and it gets no more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use api_lambda::Error;
use kernel::Ctx;
use store::{ReadTx, StoreError, Table, WriteTx};

use crate::errors::throttled;
use crate::name::Name;
use crate::record::FunctionKey;
use crate::resolve::Resolved;

/// What all functions of an account and region reserve together.
pub(crate) const RESERVED: Table<i64> = Table::new("lambda/reserved");
/// AWS's quota of an account and region.
pub(crate) const ACCOUNT_MAX: i64 = 1000;
/// So many stay for functions that reserve nothing.
pub(crate) const UNRESERVED_MIN: i64 = 100;

/// Counts what runs.
#[derive(Default)]
pub(crate) struct Concurrency {
    running: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    /// By function where it reserves, otherwise by account and region with an empty name.
    limited: HashMap<FunctionKey, i64>,
    /// By function.
    functions: HashMap<FunctionKey, i64>,
    /// By account and region, with an empty name.
    accounts: HashMap<FunctionKey, i64>,
}

/// What ran when an invocation began, itself included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Running {
    /// Of the function.
    pub function: i64,
    /// Of all functions of the account and region.
    pub all: i64,
    /// Of those that reserve nothing, if the function is one.
    pub unreserved: Option<i64>,
}

/// Room for one invocation, until it is dropped.
pub(crate) struct Permit {
    concurrency: Arc<Concurrency>,
    key: FunctionKey,
    function: FunctionKey,
    pub running: Running,
}

impl Concurrency {
    /// Takes room for one invocation, if the function's reservation or the rest of the account
    /// has any.
    pub fn enter(self: &Arc<Self>, ctx: &Ctx, target: &Resolved) -> Result<Permit, Error> {
        let Name { account, region, function, .. } = &target.name;
        let (key, limit, reason) = match target.function.reserved {
            Some(reserved) => (
                (account.clone(), region.clone(), function.clone()),
                i64::from(reserved),
                "ReservedFunctionConcurrentInvocationLimitExceeded",
            ),
            None => {
                let reserved = ctx.store().read(|tx| reserved(tx, account, region))?;
                (
                    (account.clone(), region.clone(), String::new()),
                    ACCOUNT_MAX - reserved,
                    "ConcurrentInvocationLimitExceeded",
                )
            }
        };
        let mut counts = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.limited.get(&key).copied().unwrap_or(0);
        if count >= limit {
            return Err(throttled(reason));
        }
        counts.limited.insert(key.clone(), count + 1);
        let of = (account.clone(), region.clone(), function.clone());
        let running = Running {
            function: one_more(&mut counts.functions, of.clone()),
            all: one_more(&mut counts.accounts, (account.clone(), region.clone(), String::new())),
            unreserved: target.function.reserved.is_none().then_some(count + 1),
        };
        Ok(Permit { concurrency: self.clone(), key, function: of, running })
    }

    /// Whether nothing runs.
    pub fn is_idle(&self) -> bool {
        let counts = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        counts.functions.is_empty()
    }
}

fn one_more(counts: &mut HashMap<FunctionKey, i64>, key: FunctionKey) -> i64 {
    let count = counts.entry(key).or_insert(0);
    *count += 1;
    *count
}

fn one_less(counts: &mut HashMap<FunctionKey, i64>, key: &FunctionKey) {
    match counts.get_mut(key) {
        Some(count) if *count > 1 => *count -= 1,
        _ => {
            counts.remove(key);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.concurrency.running.lock().unwrap_or_else(PoisonError::into_inner);
        one_less(&mut counts.limited, &self.key);
        one_less(&mut counts.functions, &self.function);
        let (account, region, _) = &mut self.function;
        let account = (std::mem::take(account), std::mem::take(region), String::new());
        one_less(&mut counts.accounts, &account);
    }
}

/// What all functions reserve together.
pub(crate) fn reserved(tx: &ReadTx, account: &str, region: &str) -> Result<i64, StoreError> {
    Ok(tx.get(&RESERVED, (account, region))?.unwrap_or(0))
}

/// Notes that a function reserves `new` instead of `old`; returns what all then reserve.
pub(crate) fn change(
    tx: &mut WriteTx,
    name: &Name,
    old: Option<i32>,
    new: Option<i32>,
) -> Result<i64, StoreError> {
    let before = reserved(tx, &name.account, &name.region)?;
    let after = before - i64::from(old.unwrap_or(0)) + i64::from(new.unwrap_or(0));
    if after != before {
        tx.put(&RESERVED, (name.account.as_str(), name.region.as_str()), &after)?;
    }
    Ok(after)
}
