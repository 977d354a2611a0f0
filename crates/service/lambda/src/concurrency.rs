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
    /// By function where it reserves, otherwise by account and region with an empty name.
    running: Mutex<HashMap<FunctionKey, i64>>,
}

/// Room for one invocation, until it is dropped.
pub(crate) struct Permit {
    concurrency: Arc<Concurrency>,
    key: FunctionKey,
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
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let count = running.get(&key).copied().unwrap_or(0);
        if count >= limit {
            return Err(throttled(reason));
        }
        running.insert(key.clone(), count + 1);
        Ok(Permit { concurrency: self.clone(), key })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut running = self.concurrency.running.lock().unwrap_or_else(PoisonError::into_inner);
        match running.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                running.remove(&self.key);
            }
        }
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
