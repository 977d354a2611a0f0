//! Operations that answer not-implemented until their files are there.

use api_dynamodb::*;
use kernel::{Ctx, Fault};

use crate::DynamoDb;

macro_rules! pending {
    ($($name:ident $operation:literal $input:ident $output:ident;)*) => {
        $(pub(crate) async fn $name(
            _: &DynamoDb,
            _: &Ctx,
            _: $input,
        ) -> Result<$output, Error> {
            Err(Fault::not_implemented(concat!("the operation ", $operation)).into())
        })*
    };
}

pending! {
    create_global_table "CreateGlobalTable" CreateGlobalTableInput CreateGlobalTableOutput;
    delete_resource_policy "DeleteResourcePolicy" DeleteResourcePolicyInput DeleteResourcePolicyOutput;
    describe_contributor_insights "DescribeContributorInsights" DescribeContributorInsightsInput DescribeContributorInsightsOutput;
    describe_endpoints "DescribeEndpointsRequest" DescribeEndpointsRequest DescribeEndpointsResponse;
    describe_global_table "DescribeGlobalTable" DescribeGlobalTableInput DescribeGlobalTableOutput;
    describe_global_table_settings "DescribeGlobalTableSettings" DescribeGlobalTableSettingsInput DescribeGlobalTableSettingsOutput;
    describe_limits "DescribeLimits" DescribeLimitsInput DescribeLimitsOutput;
    get_resource_policy "GetResourcePolicy" GetResourcePolicyInput GetResourcePolicyOutput;
    list_contributor_insights "ListContributorInsights" ListContributorInsightsInput ListContributorInsightsOutput;
    list_global_tables "ListGlobalTables" ListGlobalTablesInput ListGlobalTablesOutput;
    list_tags_of_resource "ListTagsOfResource" ListTagsOfResourceInput ListTagsOfResourceOutput;
    put_resource_policy "PutResourcePolicy" PutResourcePolicyInput PutResourcePolicyOutput;
    tag_resource "TagResource" TagResourceInput TagResourceOutput;
    untag_resource "UntagResource" UntagResourceInput UntagResourceOutput;
    update_contributor_insights "UpdateContributorInsights" UpdateContributorInsightsInput UpdateContributorInsightsOutput;
    update_global_table "UpdateGlobalTable" UpdateGlobalTableInput UpdateGlobalTableOutput;
    update_global_table_settings "UpdateGlobalTableSettings" UpdateGlobalTableSettingsInput UpdateGlobalTableSettingsOutput;
}
