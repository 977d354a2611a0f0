//! `DescribeLimits`: the provisioned throughput that an account and a table may have.
//!
//! ```text
//! {}
//! ```
//!
//! AWS's default quotas. Nothing here is as small as to need them, so none is enforced.

use api_dynamodb::{DescribeLimitsInput, DescribeLimitsOutput, Error};
use kernel::Ctx;

use crate::DynamoDb;

const ACCOUNT_UNITS_MAX: i64 = 80_000;
const TABLE_UNITS_MAX: i64 = 40_000;

pub(crate) async fn describe_limits(
    _: &DynamoDb,
    _: &Ctx,
    _: DescribeLimitsInput,
) -> Result<DescribeLimitsOutput, Error> {
    Ok(DescribeLimitsOutput {
        account_max_read_capacity_units: Some(ACCOUNT_UNITS_MAX),
        account_max_write_capacity_units: Some(ACCOUNT_UNITS_MAX),
        table_max_read_capacity_units: Some(TABLE_UNITS_MAX),
        table_max_write_capacity_units: Some(TABLE_UNITS_MAX),
    })
}
