//! When a key was last used, for `GetKeyLastUsage`.
//!
//! A use of a key is no change of state, so it must not cost a commit: it is kept in memory and
//! written a little later, many at once, and at a graceful stop. So after a crash the date may be
//! [`PAUSE`] older than the truth; AWS's own record lags, too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api_kms::Error;
use kernel::{Ctx, Kernel, Level, StoreError};
use store::Durability;

use crate::Kms;
use crate::find::{Key, Place};
use crate::record::{KEYS, USAGE, UsageRecord};

/// How long uses stay in memory only.
const PAUSE: Duration = Duration::from_secs(10);

/// Last uses that are not written yet, by account, region and key id.
#[derive(Default)]
pub(crate) struct Uses(Mutex<HashMap<(String, String, String), UsageRecord>>);

impl Uses {
    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String, String), UsageRecord>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops everything.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    async fn flush(&self, kernel: &Kernel) -> Result<(), StoreError> {
        let uses = std::mem::take(&mut *self.lock());
        kernel
            .store()
            .write(|tx| {
                tx.durability(Durability::Buffered);
                for ((account, region, id), record) in &uses {
                    // A key that was deleted meanwhile leaves nothing behind.
                    if tx.contains(&KEYS, (account, region, id))? {
                        tx.put(&USAGE, (account, region, id), record)?;
                    }
                }
                Ok(())
            })
            .await
    }
}

fn place_key(place: &Place) -> (String, String, String) {
    (place.account.clone(), place.region.clone(), place.id.clone())
}

impl Kms {
    /// Notes that a key did what `operation` asks.
    pub(crate) fn used(&self, ctx: &Ctx, key: &Key, operation: &str) {
        let record = UsageRecord {
            operation: operation.to_owned(),
            at_ms: ctx.now().epoch_ms,
            request_id: ctx.request_id().to_owned(),
        };
        let mut uses = self.uses.lock();
        let first = uses.is_empty();
        uses.insert(place_key(&key.place), record);
        drop(uses);
        if first {
            let (uses, kernel) = (Arc::clone(&self.uses), ctx.kernel().clone());
            ctx.kernel().spawn(async move {
                tokio::select! {
                    () = kernel.stopping() => {}
                    () = kernel.clock().sleep(PAUSE) => {}
                }
                if let Err(error) = uses.flush(&kernel).await {
                    kernel.log(Level::Warn, format_args!("kms: last uses of keys: {error}"));
                }
            });
        }
    }

    /// The last use of a key.
    pub(crate) fn last_use(&self, ctx: &Ctx, key: &Key) -> Result<Option<UsageRecord>, Error> {
        let known = self.uses.lock().get(&place_key(&key.place)).cloned();
        match known {
            Some(record) => Ok(Some(record)),
            None => Ok(ctx.store().read(|tx| tx.get(&USAGE, key.place.key()))?),
        }
    }
}
