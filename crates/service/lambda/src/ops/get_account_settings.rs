//! `GetAccountSettings`: quotas, and how much of them is used.
//!
//! ```text
//! aws lambda get-account-settings
//! {"AccountLimit": {"ConcurrentExecutions": 1000, …}, "AccountUsage": {"FunctionCount": 3, …}}
//! ```

use api_lambda::{
    AccountLimit, AccountUsage, Error, GetAccountSettingsRequest, GetAccountSettingsResponse,
};
use kernel::Ctx;
use store::Scan;

use crate::Lambda;
use crate::code::UNZIPPED_BYTES_MAX;
use crate::concurrency::{self, ACCOUNT_MAX};
use crate::record::{FUNCTIONS, FunctionRecord, VERSIONS};

/// 75 GB.
const STORED_BYTES_MAX: i64 = 80_530_636_800;
const ZIPPED_BYTES_MAX: i64 = 52_428_800;

pub(crate) async fn get_account_settings(
    _: &Lambda,
    ctx: &Ctx,
    _: GetAccountSettingsRequest,
) -> Result<GetAccountSettingsResponse, Error> {
    let prefix = || Scan::prefix(FunctionRecord::prefix(ctx));
    let (functions, versions, reserved) = ctx.store().read(|tx| {
        let functions = tx.scan(&FUNCTIONS, prefix())?;
        let versions = tx.scan(&VERSIONS, prefix())?;
        let reserved = concurrency::reserved(tx, ctx.account(), ctx.region())?;
        Ok::<_, Error>((functions, versions, reserved))
    })?;
    let latest = functions.iter().map(|(_, function)| function.latest.code_bytes);
    let published = versions.iter().map(|(_, version)| version.code_bytes);
    let bytes: i64 = latest.chain(published).sum();
    Ok(GetAccountSettingsResponse {
        account_limit: Some(AccountLimit {
            total_code_size: Some(STORED_BYTES_MAX),
            code_size_unzipped: Some(UNZIPPED_BYTES_MAX as i64),
            code_size_zipped: Some(ZIPPED_BYTES_MAX),
            concurrent_executions: Some(ACCOUNT_MAX as i32),
            unreserved_concurrent_executions: Some((ACCOUNT_MAX - reserved) as i32),
        }),
        account_usage: Some(AccountUsage {
            total_code_size: Some(bytes),
            function_count: Some(functions.len() as i64),
        }),
    })
}
