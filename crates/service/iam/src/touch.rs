//! What was really used, when: written behind, so that no request waits for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use kernel::{Kernel, Level, StoreError};

use crate::lookup::{LastUse, SERVICE_USES, USES};

/// Uses of the same key, service and region within this time are one.
const GRAIN_MS: i64 = 60_000;
/// Keys remembered; beyond, all are forgotten and written once more.
const REMEMBERED_MAX: usize = 20_000;

/// Remembers what was written lately. Clones share what they know.
#[derive(Clone, Default)]
pub struct Touches {
    seen: Arc<Mutex<HashMap<u64, i64>>>,
}

/// One allowed request.
#[derive(Debug, Clone, Copy)]
pub struct Touch<'a> {
    /// Twelve digits.
    pub account: &'a str,
    /// The long-term access key that signed, if it was one.
    pub access_key_id: Option<&'a str>,
    /// `AIDA…` or `AROA…`.
    pub principal_id: &'a str,
    /// `s3`.
    pub service: &'a str,
    /// `ap-northeast-2`.
    pub region: &'a str,
    /// Milliseconds since 1970.
    pub at_ms: i64,
}

impl Touches {
    /// Writes down that this happened. Returns at once; cheap when the same happened within the
    /// last minute. A write that fails is logged.
    pub fn touched(&self, kernel: &Kernel, touch: Touch<'_>) {
        if self.seen_lately(touch) {
            return;
        }
        let last = LastUse {
            at_ms: touch.at_ms,
            service: touch.service.to_owned(),
            region: touch.region.to_owned(),
        };
        let account = touch.account.to_owned();
        let (key, principal) =
            (touch.access_key_id.map(str::to_owned), touch.principal_id.to_owned());
        let task = kernel.clone();
        kernel.spawn(async move {
            let written = task.store().write(|tx| {
                tx.durability(store::Durability::Buffered);
                for id in key.iter().chain([&principal]) {
                    tx.put(&USES, id, &last)?;
                }
                tx.put(&SERVICE_USES, (&account, &principal, &last.service), &last)
            });
            if let Err(error) = written.await {
                let error: StoreError = error;
                task.log(Level::Warn, format_args!("iam: last use not written: {error}"));
            }
        });
    }

    /// Forgets everything, when the store was emptied.
    pub(crate) fn clear(&self) {
        self.seen.lock().expect("nobody panics holding it").clear();
    }

    fn seen_lately(&self, touch: Touch<'_>) -> bool {
        use std::hash::{Hash as _, Hasher as _};
        let mut hasher = std::hash::DefaultHasher::new();
        let Touch { account, access_key_id, principal_id, service, region, .. } = touch;
        (account, access_key_id, principal_id, service, region).hash(&mut hasher);
        let mut seen = self.seen.lock().expect("nobody panics holding it");
        if seen.len() >= REMEMBERED_MAX {
            seen.clear();
        }
        let last = seen.entry(hasher.finish()).or_insert(i64::MIN);
        let lately = touch.at_ms.saturating_sub(*last) < GRAIN_MS && *last != i64::MIN;
        if !lately {
            *last = touch.at_ms;
        }
        lately
    }
}
