//! What tables carry beside items: tags, policies, insights; and what accounts are told.

use serde_json::{Value, json};

use crate::Cloud;

const INVALID: &str = "One or more parameter values were invalid: ";
const ARN: &str = "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Simple";
const MODELED: &str = "com.amazonaws.dynamodb.v20120810#";

fn policy(action: &str) -> String {
    let statement = json!({
        "Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": action, "Resource": ARN,
    });
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

#[tokio::test]
async fn tags_come_and_go() {
    let cloud = Cloud::with_tables().await;
    let tags = |tags: &[(&str, &str)]| -> Value {
        tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
    };
    let list = || cloud.call("ListTagsOfResource", json!({"ResourceArn": ARN}));
    assert_eq!(list().await, json!({"Tags": []}));
    let first = json!({"ResourceArn": ARN, "Tags": tags(&[("a", "1"), (" ", ""), ("키", "값")])});
    cloud.check("TagResource", first, json!({})).await;
    let second = json!({"ResourceArn": ARN, "Tags": tags(&[("b", "2"), ("a", "3")])});
    cloud.check("TagResource", second, json!({})).await;
    let all = tags(&[("a", "3"), (" ", ""), ("키", "값"), ("b", "2")]);
    assert_eq!(list().await, json!({ "Tags": all }));
    let gone = json!({"ResourceArn": ARN, "TagKeys": [" ", "키", "never"]});
    cloud.check("UntagResource", gone, json!({})).await;
    assert_eq!(list().await, json!({"Tags": tags(&[("a", "3"), ("b", "2")])}));

    let many: Value = (0..49).map(|i| json!({"Key": format!("k{i}"), "Value": ""})).collect();
    let index = format!("{ARN}/index/by-g");
    for (request, message) in [
        (
            json!({"ResourceArn": ARN, "Tags": []}),
            "Atleast one Tag needs to be provided as Input.".to_owned(),
        ),
        (
            json!({"ResourceArn": ARN, "Tags": many}),
            format!("{INVALID}A resource can have 50 tags and would have 51"),
        ),
        (
            json!({"ResourceArn": ARN, "Tags": tags(&[("aws:a", "")])}),
            format!("{INVALID}Tag keys that begin with aws: are reserved: aws:a"),
        ),
        (
            json!({"ResourceArn": ARN, "Tags": tags(&[("a", ""), ("a", "")])}),
            format!("{INVALID}Duplicate tag key: a"),
        ),
        (
            json!({"ResourceArn": ARN, "Tags": tags(&[("a", "d%g")])}),
            format!(
                "{INVALID}The tag value 'd%g' has a character that is not a letter, white space, a number or one of + - = . _ : / @"
            ),
        ),
        (
            json!({"ResourceArn": "simple", "Tags": tags(&[("a", "")])}),
            "Invalid TableArn: ARNs must start with 'arn:': simple".to_owned(),
        ),
        (
            json!({"ResourceArn": "arn:a/b", "Tags": tags(&[("a", "")])}),
            "Invalid TableArn: Invalid ResourceArn provided as input arn:a/b".to_owned(),
        ),
        (
            json!({"ResourceArn": index, "Tags": tags(&[("a", "")])}),
            format!(
                "{INVALID}Invalid resource arn provided, only table or stream is accepted. Provided resource arn: {index}"
            ),
        ),
    ] {
        cloud.check_invalid("TagResource", request, &message).await;
    }
    cloud
        .check_invalid(
            "UntagResource",
            json!({"ResourceArn": ARN, "TagKeys": []}),
            "Atleast one Tag Key needs to be provided as Input.",
        )
        .await;
    let missing = format!("{ARN}s");
    for operation in ["TagResource", "ListTagsOfResource"] {
        let request = json!({"ResourceArn": missing, "Tags": tags(&[("a", "")])});
        let expected = json!({
            "__type": format!("{MODELED}ResourceNotFoundException"),
            "message": format!("Requested resource not found: ResourcArn: {missing} not found"),
        });
        cloud.check(operation, request, expected).await;
    }
    let policy = cloud.call("GetResourcePolicy", json!({"ResourceArn": missing})).await;
    let name = missing.rsplit('/').next().unwrap();
    assert_eq!(policy["message"], format!("Requested resource not found: Table: {name} not found"));
    let others = ARN.replace("1111", "2222");
    let denied = cloud.call("ListTagsOfResource", json!({ "ResourceArn": others })).await;
    assert_eq!(denied["__type"], "com.amazon.coral.service#AccessDeniedException");
}

#[tokio::test]
async fn policies_are_kept_with_their_revisions() {
    let cloud = Cloud::with_tables().await;
    let put = |text: &str, expected: Value| {
        let mut request = json!({"ResourceArn": ARN, "Policy": text});
        if expected.is_string() {
            request["ExpectedRevisionId"] = expected;
        }
        cloud.call("PutResourcePolicy", request)
    };
    let get = || cloud.call("GetResourcePolicy", json!({"ResourceArn": ARN}));
    let not_found = format!("{MODELED}PolicyNotFoundException");
    assert_eq!(get().await["__type"], not_found);
    let first = put(&policy("dynamodb:GetItem"), json!("NO_POLICY")).await["RevisionId"].clone();
    assert!(first.is_string());
    assert_eq!(get().await, json!({"Policy": policy("dynamodb:GetItem"), "RevisionId": first}));
    let same = put(&policy("dynamodb:GetItem"), json!(null)).await;
    assert_eq!(same["RevisionId"], first);
    for wrong in ["NO_POLICY", "123"] {
        let refused = put(&policy("dynamodb:*"), json!(wrong)).await;
        assert_eq!(refused["__type"], not_found, "{refused}");
    }
    let second = put(&policy("dynamodb:*"), first.clone()).await["RevisionId"].clone();
    assert_ne!(first, second);
    let delete = |request| cloud.call("DeleteResourcePolicy", request);
    let wrong = delete(json!({"ResourceArn": ARN, "ExpectedRevisionId": first})).await;
    assert_eq!(wrong["__type"], not_found);
    let deleted = delete(json!({"ResourceArn": ARN, "ExpectedRevisionId": second})).await;
    assert_eq!(deleted, json!({ "RevisionId": second }));
    assert_eq!(delete(json!({"ResourceArn": ARN})).await, json!({}));
    cloud
        .check_invalid(
            "PutResourcePolicy",
            json!({"ResourceArn": ARN, "Policy": "{}"}),
            "Invalid policy document: it has no Statement",
        )
        .await;

    put(&policy("dynamodb:*"), json!(null)).await;
    cloud.call("DeleteTable", json!({"TableName": "Simple"})).await;
    assert_eq!(cloud.stored("dynamodb/policy"), 0);
    assert_eq!(get().await["__type"], format!("{MODELED}ResourceNotFoundException"));
}

#[tokio::test]
async fn insights_are_switched_and_listed() {
    let cloud = Cloud::with_tables().await;
    let describe = || cloud.call("DescribeContributorInsights", json!({"TableName": "Simple"}));
    assert_eq!(describe().await["ContributorInsightsStatus"], "DISABLED");
    for (table, action) in [("Simple", "ENABLE"), ("Sorted", "DISABLE")] {
        let request = json!({"TableName": table, "ContributorInsightsAction": action});
        let answer = cloud.call("UpdateContributorInsights", request).await;
        let status = answer["ContributorInsightsStatus"].as_str().unwrap();
        assert!(status.ends_with("ING"), "{answer}");
        assert_eq!(answer["ContributorInsightsMode"], "ACCESSED_AND_THROTTLED_KEYS");
    }
    let enabled = async || describe().await["ContributorInsightsStatus"] == "ENABLED";
    cloud.until("insights are enabled", enabled).await;
    let list = |request| cloud.call("ListContributorInsights", request);
    let page = list(json!({"MaxResults": 1})).await;
    assert_eq!(page["ContributorInsightsSummaries"][0]["TableName"], "Simple", "{page}");
    let rest = list(json!({"MaxResults": 1, "NextToken": page["NextToken"]})).await;
    assert_eq!(rest["ContributorInsightsSummaries"][0]["TableName"], "Sorted", "{rest}");
    assert_eq!(rest.get("NextToken"), None);
    let one = list(json!({"TableName": "Sorted"})).await;
    assert_eq!(one["ContributorInsightsSummaries"].as_array().map(Vec::len), Some(1));
    for operation in ["DescribeContributorInsights", "UpdateContributorInsights"] {
        let request = json!({"TableName": "Simple", "IndexName": "none", "ContributorInsightsAction": "ENABLE"});
        let refused = cloud.call(operation, request).await;
        assert_eq!(refused["__type"], format!("{MODELED}ResourceNotFoundException"));
    }
    cloud.call("DeleteTable", json!({"TableName": "Simple"})).await;
    assert_eq!(cloud.stored("dynamodb/insights"), 1);
}

#[tokio::test]
async fn an_account_is_told_its_limits_and_its_endpoint() {
    let cloud = Cloud::empty();
    let limits = json!({
        "AccountMaxReadCapacityUnits": 80000, "AccountMaxWriteCapacityUnits": 80000,
        "TableMaxReadCapacityUnits": 40000, "TableMaxWriteCapacityUnits": 40000,
    });
    cloud.check("DescribeLimits", json!({}), limits).await;
    let endpoints = cloud.call("DescribeEndpoints", json!({})).await;
    assert_eq!(endpoints["Endpoints"][0]["CachePeriodInMinutes"], 1440, "{endpoints}");
}
