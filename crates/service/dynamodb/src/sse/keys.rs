//! Data keys: wrapped in the store, open in memory.
//!
//! Open ones are of the process, since rows are read and written where no service is at hand: in
//! replication, restores, expiry. They are found by numbers of 64 random bits.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use std::time::Duration;

use kernel::{BoxFuture, Ctx, Fault, Kernel, Reseal, ResealProgress, reseal_table};
use serde::{Deserialize, Serialize};
use store::Table;

use super::cipher::Cipher;
use super::{SERVICE, SseRecord, Unread, kms};

/// Data keys by number. They outlive their tables, of which there may be backups ([`super::gone`]).
pub(super) const DATA_KEYS: Table<DataKey> = Table::new("dynamodb/data-key");

/// For so long KMS is not asked again whether a caller may use a key. AWS takes up to five minutes
/// to see that it is disabled; here asking costs next to nothing.
const TRUSTED: Duration = Duration::from_secs(5);
/// Open data keys, and callers that are remembered of each.
const OPEN_MAX: usize = 4096;
const CALLERS_MAX: usize = 1024;
/// What the installation's key seals.
const PURPOSE: &str = "dynamodb/data-key";

/// A data key as it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct DataKey {
    pub account: String,
    pub region: String,
    /// The name of the table it was made for, which is in the encryption context.
    pub table: String,
    /// The number of that table.
    #[serde(default)]
    pub table_number: Option<u64>,
    pub wrapped: Wrapped,
}

/// By what a data key is wrapped.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Wrapped {
    /// A key of KMS, by its ARN.
    Kms(String, Vec<u8>),
    /// The installation's key.
    Installation(Vec<u8>),
}

struct Open {
    cipher: Arc<Cipher>,
    /// Until when callers are trusted, by ARN.
    trusted: HashMap<String, Duration>,
}

static OPEN: LazyLock<RwLock<HashMap<u64, Open>>> = LazyLock::new(RwLock::default);

/// An open data key.
pub(super) fn cipher(number: u64) -> Result<Arc<Cipher>, Unread> {
    let open = OPEN.read().unwrap_or_else(PoisonError::into_inner);
    open.get(&number).map(|open| open.cipher.clone()).ok_or(Unread::Locked(number))
}

/// Checks that the caller may use a table's key, as far as is known.
pub(crate) fn check(ctx: &Ctx, sse: &SseRecord) -> Result<(), Unread> {
    if sse.kms_arn.is_none() { cipher(sse.number) } else { trusted(ctx, sse.number) }.map(drop)
}

/// A data key that the caller may use, as far as is known.
pub(super) fn trusted(ctx: &Ctx, number: u64) -> Result<Arc<Cipher>, Unread> {
    let open = OPEN.read().unwrap_or_else(PoisonError::into_inner);
    let open = open.get(&number).ok_or(Unread::Locked(number))?;
    let until = open.trusted.get(&ctx.principal().arn());
    match until.is_some_and(|until| ctx.elapsed() < *until) {
        true => Ok(open.cipher.clone()),
        false => Err(Unread::Locked(number)),
    }
}

/// Keeps an open data key that a caller was allowed to use.
pub(super) fn keep(ctx: &Ctx, number: u64, secret: [u8; 32]) {
    let until = ctx.elapsed() + TRUSTED;
    let mut open = OPEN.write().unwrap_or_else(PoisonError::into_inner);
    if open.len() >= OPEN_MAX {
        open.clear();
    }
    let kept = open.get(&number).filter(|open| open.cipher.is(&secret));
    if kept.is_none() {
        let mut salt = [0; 16];
        ctx.random().fill(&mut salt);
        let cipher = Arc::new(Cipher::new(number, secret, salt));
        open.insert(number, Open { cipher, trusted: HashMap::new() });
    }
    if let Some(open) = open.get_mut(&number) {
        if open.trusted.len() >= CALLERS_MAX {
            open.trusted.clear();
        }
        open.trusted.insert(ctx.principal().arn(), until);
    }
}

/// Closes a data key.
pub(super) fn forget(number: u64) {
    OPEN.write().unwrap_or_else(PoisonError::into_inner).remove(&number);
}

/// Has a data key opened: in the name of the caller, or else the service's.
///
/// # Errors
/// What KMS answered, as DynamoDB passes it on. If the key of KMS cannot be used by anybody, the
/// data key is forgotten.
pub(super) async fn unlock(
    kernel: &Kernel,
    caller: Option<&Ctx>,
    number: u64,
) -> Result<(), Fault> {
    let record = kernel.store().read(|tx| tx.get(&DATA_KEYS, number)).map_err(Fault::internal)?;
    let record = record.ok_or_else(|| Fault::internal("a data key is gone"))?;
    let ctx = match caller {
        None => kernel.service_ctx(SERVICE, &record.account, &record.region),
        Some(ctx) if ctx.region() == record.region => ctx.clone(),
        Some(ctx) => crate::replica::elsewhere(ctx, &record.region),
    };
    match record.open(&ctx).await {
        Ok(secret) => {
            keep(&ctx, number, secret);
            Ok(())
        }
        Err(fault) => {
            if fault.code != kms::DENIED {
                forget(number);
            }
            Err(fault)
        }
    }
}

impl DataKey {
    /// The data key itself.
    pub async fn open(&self, ctx: &Ctx) -> Result<[u8; 32], Fault> {
        match &self.wrapped {
            Wrapped::Kms(arn, wrapped) => kms::decrypt(ctx, &self.table, arn, wrapped).await,
            Wrapped::Installation(sealed) => {
                let secret = ctx.kernel().sealer().open_sealed(PURPOSE, sealed);
                let secret = secret.map_err(Fault::internal)?;
                secret.try_into().map_err(|_| Fault::internal("a data key has not 32 bytes"))
            }
        }
    }

    /// The same under the installation's key.
    pub fn under_installation(&self, kernel: &Kernel, secret: &[u8; 32]) -> DataKey {
        let wrapped = Wrapped::Installation(kernel.sealer().seal(PURPOSE, secret));
        DataKey { wrapped, ..self.clone() }
    }
}

/// Seals data keys again that are under the installation's key.
pub(crate) struct Reseals;

impl Reseal for Reseals {
    fn reseal<'a>(
        &'a self,
        kernel: &'a Kernel,
        progress: &'a ResealProgress,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(reseal_table(kernel, &DATA_KEYS, progress, |sealer, _, key: &mut DataKey| {
            let Wrapped::Installation(sealed) = &mut key.wrapped else { return Ok(false) };
            let Some(new) = sealer.resealed(PURPOSE, sealed)? else { return Ok(false) };
            *sealed = new;
            Ok(true)
        }))
    }
}
