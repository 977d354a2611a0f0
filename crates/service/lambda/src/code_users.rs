//! Packages that nobody uses any more go.

use api_lambda::Error;
use kernel::Ctx;
use store::{Scan, StoreError, WriteTx};

use crate::Lambda;
use crate::name::Name;
use crate::record::{CODE_USERS, FunctionRecord, user_key};

/// Marks all packages of a version as used by it.
pub(crate) fn add(
    tx: &mut WriteTx,
    name: &Name,
    version: &FunctionRecord,
) -> Result<(), StoreError> {
    let key = name.key();
    version
        .codes()
        .try_for_each(|code| tx.put(&CODE_USERS, user_key(code, &key, &version.version), &()))
}

/// Takes the marks away.
pub(crate) fn remove(
    tx: &mut WriteTx,
    name: &Name,
    version: &FunctionRecord,
) -> Result<(), StoreError> {
    let key = name.key();
    version
        .codes()
        .try_for_each(|code| tx.delete(&CODE_USERS, user_key(code, &key, &version.version)))
}

impl Lambda {
    /// Removes those of the packages that nothing uses any more. What is being published holds
    /// [`crate::code::Code::in_use`], so nothing vanishes under it.
    pub async fn forget_unused(&self, ctx: &Ctx, codes: &[String]) -> Result<(), Error> {
        let _alone = self.host.code.in_use.write().await;
        for code in codes {
            let scan = Scan::prefix(code.clone()).limit(1);
            if ctx.store().read(|tx| tx.scan(&CODE_USERS, scan))?.is_empty() {
                self.host.code.remove(code).await?;
            }
        }
        Ok(())
    }
}
