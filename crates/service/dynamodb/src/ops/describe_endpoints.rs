//! `DescribeEndpoints`: where to send requests, for clients that discover endpoints.
//!
//! ```text
//! {}
//! ```
//!
//! There is one endpoint: the address that this installation listens on. As in AWS it has no
//! scheme; clients that discover endpoints put the one they use before it.

use api_dynamodb::{DescribeEndpointsRequest, DescribeEndpointsResponse, Endpoint, Error};
use kernel::Ctx;

use crate::DynamoDb;

const CACHE_PERIOD_MINUTES: i64 = 1440;

pub(crate) async fn describe_endpoints(
    service: &DynamoDb,
    _: &Ctx,
    _: DescribeEndpointsRequest,
) -> Result<DescribeEndpointsResponse, Error> {
    let address = service.options.address.clone();
    let endpoint = Endpoint { address, cache_period_in_minutes: CACHE_PERIOD_MINUTES };
    Ok(DescribeEndpointsResponse { endpoints: vec![endpoint] })
}
