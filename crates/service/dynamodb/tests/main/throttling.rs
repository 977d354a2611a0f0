//! An installation that throttles.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Config, ManualClock};
use serde_json::{Value, json};
use service_dynamodb::Options;

use crate::Cloud;

const NAMESPACE: &str = "com.amazonaws.dynamodb.v20120810#";
const ARN: &str = "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Throttled";

fn cloud(throttles: bool) -> (Cloud, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(1_700_000_000_000));
    let config = Config { clock: clock.clone(), ..Config::memory() };
    (Cloud::with_options(config, Options { throttles, ..Options::default() }), clock)
}

/// A table with an index; with throughput of their own, or limits of on-demand use.
async fn create(cloud: &Cloud, table: Value, index: Value) {
    let string = |name| json!({"AttributeName": name, "AttributeType": "S"});
    let mut request = json!({
        "TableName": "Throttled", "AttributeDefinitions": [string("pk"), string("g")],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [{
            "IndexName": "by-g", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }],
    });
    request.as_object_mut().unwrap().extend(table.as_object().unwrap().clone());
    let given = request["GlobalSecondaryIndexes"][0].as_object_mut().unwrap();
    given.extend(index.as_object().unwrap().clone());
    let answer = cloud.call("CreateTable", request).await;
    assert_eq!(answer["TableDescription"]["TableStatus"], "CREATING", "{answer}");
}

fn provisioned(reads: i64, writes: i64) -> Value {
    let units = json!({"ReadCapacityUnits": reads, "WriteCapacityUnits": writes});
    json!({ "ProvisionedThroughput": units })
}

async fn put(cloud: &Cloud) -> Value {
    let item = json!({"pk": {"S": "a"}, "g": {"S": "g"}, "n": {"S": "x".repeat(90 * 1024)}});
    cloud.call("PutItem", json!({"TableName": "Throttled", "Item": item})).await
}

fn refused(code: &str, message: &str, reason: &str, resource: &str) -> Value {
    // The two errors spell the member in their own ways.
    let member = if code == EXCEEDED { "ThrottlingReasons" } else { "throttlingReasons" };
    json!({
        "__type": format!("{NAMESPACE}{code}"), "message": message,
        member: [{"reason": reason, "resource": resource}],
    })
}

const TABLE: &str = "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.";
const INDEX: &str = "The level of configured provisioned throughput for one or more global secondary indexes of the table was exceeded. Consider increasing your provisioning level for the under-provisioned global secondary indexes with the UpdateTable API";
const ON_DEMAND: &str =
    "Throughput exceeds the maximum OnDemandThroughput configured on table or index";
const EXCEEDED: &str = "ProvisionedThroughputExceededException";

#[tokio::test]
async fn a_provisioned_table_is_held_to_its_units_and_its_burst() {
    let (cloud, clock) = cloud(true);
    create(&cloud, provisioned(1, 1), provisioned(1000, 1000)).await;
    // Each takes 91 units of the 300 there are; the last one takes more than there is.
    for _ in 0..4 {
        assert_eq!(put(&cloud).await, json!({}));
    }
    let expected = refused(EXCEEDED, TABLE, "TableWriteProvisionedThroughputExceeded", ARN);
    assert_eq!(put(&cloud).await, expected);
    clock.advance(Duration::from_secs(63));
    assert_eq!(put(&cloud).await, expected);
    clock.advance(Duration::from_secs(2));
    assert_eq!(put(&cloud).await, json!({}));
    // Reads have a bucket of their own: 23 units for each consistent read.
    let key = json!({"TableName": "Throttled", "Key": {"pk": {"S": "a"}}, "ConsistentRead": true});
    for _ in 0..14 {
        assert!(cloud.call("GetItem", key.clone()).await.get("Item").is_some());
    }
    let expected = refused(EXCEEDED, TABLE, "TableReadProvisionedThroughputExceeded", ARN);
    assert_eq!(cloud.call("GetItem", key).await, expected);
    let scan = cloud.call("Scan", json!({"TableName": "Throttled"})).await;
    assert_eq!(scan, expected);
    // More units help at once.
    let mut more = provisioned(1000, 1000);
    more["TableName"] = json!("Throttled");
    cloud.call("UpdateTable", more).await;
    clock.advance(Duration::from_secs(1));
    assert_eq!(cloud.call("Scan", json!({"TableName": "Throttled"})).await["Count"], 1);
}

#[tokio::test]
async fn an_index_is_held_to_its_own_units() {
    let (cloud, _) = cloud(true);
    create(&cloud, provisioned(1000, 1000), provisioned(1, 1)).await;
    assert_eq!(put(&cloud).await, json!({}));
    let index = format!("{ARN}/index/by-g");
    let query = json!({
        "TableName": "Throttled", "IndexName": "by-g", "KeyConditionExpression": "g = :g",
        "ExpressionAttributeValues": {":g": {"S": "g"}},
    });
    let mut answer = json!(null);
    for _ in 0..28 {
        answer = cloud.call("Query", query.clone()).await;
    }
    assert_eq!(answer, refused(EXCEEDED, INDEX, "IndexReadProvisionedThroughputExceeded", &index));
    // With the first one, 283 of the 300 units and then more than there is.
    for i in 0..3 {
        let item =
            json!({"pk": {"S": i.to_string()}, "g": {"S": "g"}, "n": {"S": "x".repeat(95 * 1024)}});
        cloud.check("PutItem", json!({"TableName": "Throttled", "Item": item}), json!({})).await;
    }
    assert_eq!(
        put(&cloud).await,
        refused(EXCEEDED, INDEX, "IndexWriteProvisionedThroughputExceeded", &index)
    );
}

#[tokio::test]
async fn on_demand_use_has_the_limits_that_were_set() {
    let (cloud, clock) = cloud(true);
    let table = json!({
        "BillingMode": "PAY_PER_REQUEST", "OnDemandThroughput": {"MaxWriteRequestUnits": 100},
    });
    create(&cloud, table, json!({})).await;
    assert_eq!(put(&cloud).await, json!({}));
    assert_eq!(put(&cloud).await, json!({}));
    let reason = "TableWriteMaxOnDemandThroughputExceeded";
    let expected = refused("ThrottlingException", ON_DEMAND, reason, ARN);
    assert_eq!(put(&cloud).await, expected);
    let write =
        json!({"RequestItems": {"Throttled": [{"DeleteRequest": {"Key": {"pk": {"S": "a"}}}}]}});
    assert_eq!(cloud.call("BatchWriteItem", write.clone()).await, expected);
    let delete = json!({"TransactItems": [{"Delete": {"TableName": "Throttled", "Key": {"pk": {"S": "a"}}}}]});
    assert_eq!(cloud.call("TransactWriteItems", delete).await, expected);
    clock.advance(Duration::from_secs(1));
    assert_eq!(cloud.call("BatchWriteItem", write).await, json!({"UnprocessedItems": {}}));
}

#[tokio::test]
async fn others_do_not_throttle() {
    let (cloud, _) = cloud(false);
    create(&cloud, provisioned(1, 1), provisioned(1, 1)).await;
    for _ in 0..10 {
        assert_eq!(put(&cloud).await, json!({}));
    }
}
