//! Global tables.

use kernel::Config;
use serde_json::{Value, json};
use store::{Options, Store};

use crate::Cloud;
use crate::backups::{create_indexed, fill};

const NAMESPACE: &str = "com.amazonaws.dynamodb.v20120810#";
const HERE: &str = "ap-northeast-2";

async fn replicate(cloud: &Cloud, updates: Value) -> Value {
    let request = json!({"TableName": "Flights", "ReplicaUpdates": updates});
    cloud.call("UpdateTable", request).await
}

/// Adds a replica and waits until it is there.
async fn add(cloud: &Cloud, region: &str) -> Cloud {
    let answer = replicate(cloud, json!([{"Create": {"RegionName": region}}])).await;
    assert_eq!(answer["TableDescription"]["TableStatus"], "UPDATING", "{answer}");
    cloud.active("Flights").await;
    let there = cloud.in_region(region);
    there.active("Flights").await;
    there
}

fn replicas(table: &Value) -> Vec<(&str, &str)> {
    let replicas = table["Replicas"].as_array().map(Vec::as_slice).unwrap_or_default();
    replicas
        .iter()
        .map(|replica| {
            let region = replica["RegionName"].as_str().unwrap_or_default();
            (region, replica["ReplicaStatus"].as_str().unwrap_or_default())
        })
        .collect()
}

#[tokio::test]
async fn all_replicas_hold_the_same() {
    let cloud = Cloud::empty();
    create_indexed(&cloud, "Flights").await;
    fill(&cloud, "Flights", 0..700).await;
    let there = add(&cloud, "us-east-1").await;
    let third = add(&there, "eu-west-1").await;
    let here = cloud.active("Flights").await;
    assert_eq!(here["GlobalTableVersion"], "2019.11.21");
    assert_eq!(here["StreamSpecification"]["StreamViewType"], "NEW_AND_OLD_IMAGES");
    assert_eq!(replicas(&here), [("us-east-1", "ACTIVE"), ("eu-west-1", "ACTIVE")]);
    let table = third.active("Flights").await;
    assert_eq!(replicas(&table), [(HERE, "ACTIVE"), ("us-east-1", "ACTIVE")]);
    assert_eq!(table["StreamSpecification"]["StreamEnabled"], true);
    assert_ne!(table["TableId"], here["TableId"]);

    // A write anywhere is a write everywhere, in indexes too.
    fill(&third, "Flights", 650..750).await;
    let key = json!({"pk": {"S": "0"}, "sk": {"S": "000000"}});
    there.check("DeleteItem", json!({"TableName": "Flights", "Key": key}), json!({})).await;
    let request = json!({"TableName": "Flights", "Key": key,
        "UpdateExpression": "SET color = :c", "ExpressionAttributeValues": {":c": {"S": "green"}}});
    cloud.check("UpdateItem", request, json!({})).await;
    let items = cloud.items("Flights", None).await;
    assert_eq!(items.len(), 750);
    for other in [&there, &third] {
        assert_eq!(other.items("Flights", None).await, items);
        assert_eq!(other.items("Flights", Some("local")).await.len(), 750);
        let green = json!({"TableName": "Flights", "IndexName": "global",
            "KeyConditionExpression": "color = :c",
            "ExpressionAttributeValues": {":c": {"S": "green"}}});
        assert_eq!(other.call("Query", green).await["Count"], 1);
    }

    // Time to live is the same everywhere; tags are not.
    let ttl = json!({"TableName": "Flights",
        "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "expires"}});
    there.call("UpdateTimeToLive", ttl).await;
    third
        .eventually(async |third| {
            let name = json!({"TableName": "Flights"});
            let described = third.call("DescribeTimeToLive", name).await;
            let status = &described["TimeToLiveDescription"]["TimeToLiveStatus"];
            (*status == "ENABLED").then_some(())
        })
        .await;

    // So is what UpdateTable changes, but for protection.
    let s = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let index = json!({"IndexName": "filler", "Projection": {"ProjectionType": "KEYS_ONLY"},
        "KeySchema": [{"AttributeName": "filler", "KeyType": "HASH"}]});
    let update = json!({"TableName": "Flights", "AttributeDefinitions": [s("filler")],
        "GlobalSecondaryIndexUpdates": [{"Create": index}]});
    let answer = cloud.call("UpdateTable", update).await;
    assert_eq!(answer["TableDescription"]["TableStatus"], "UPDATING", "{answer}");
    for other in [&cloud, &there, &third] {
        other.active("Flights").await;
        assert_eq!(other.items("Flights", Some("filler")).await.len(), 749);
    }

    // One goes, and what is written then does not reach it.
    replicate(&cloud, json!([{"Delete": {"RegionName": "us-east-1"}}])).await;
    assert_eq!(replicas(&cloud.active("Flights").await), [("eu-west-1", "ACTIVE")]);
    assert_eq!(replicas(&third.active("Flights").await), [(HERE, "ACTIVE")]);
    let gone = there.call("DescribeTable", json!({"TableName": "Flights"})).await;
    assert_eq!(gone["__type"], format!("{NAMESPACE}ResourceNotFoundException"));
    third.call("DeleteTable", json!({"TableName": "Flights"})).await;
    let alone = cloud.active("Flights").await;
    assert_eq!((alone.get("Replicas"), alone.get("GlobalTableVersion")), (None, None));
    assert_eq!(cloud.items("Flights", None).await, items);
}

#[tokio::test]
async fn replica_updates_that_cannot_be_are_refused() {
    let cloud = Cloud::empty();
    create_indexed(&cloud, "Flights").await;
    add(&cloud, "us-east-1").await;
    let create = |region: &str| json!({"Create": {"RegionName": region}});
    let delete = |region: &str| json!({"Delete": {"RegionName": region}});
    let mut both = create("eu-west-1");
    both["Delete"] = json!({"RegionName": "us-east-1"});
    for (updates, message) in [
        (
            json!([create("us-east-1")]),
            "Failed to create a the new replica of table with name: ‘Flights’ because one or more \
             replicas already existed as tables.",
        ),
        (
            json!([delete("eu-west-1")]),
            "Update global table operation failed because one or more replicas were not part of \
             the global table. Please retry the request without these replicas: [eu-west-1].",
        ),
        (
            json!([create(HERE)]),
            "Cannot add, delete, or update the local region through ReplicaUpdates. Use \
             CreateTable, DeleteTable, or UpdateTable as required.",
        ),
        (
            json!([{"Update": {"RegionName": "us-east-1"}}]),
            "There are no actions specified in the Replica Update Action of the request.",
        ),
        (
            json!([both]),
            "Update table operation with more than one type of replica actions not allowed.",
        ),
        (
            json!([create("eu-west-1"), create("eu-west-2")]),
            "Update table operation with more than one create or delete replica actions not \
             allowed",
        ),
    ] {
        let request = json!({"TableName": "Flights", "ReplicaUpdates": updates});
        cloud.check_invalid("UpdateTable", request, message).await;
    }
    let fake = replicate(&cloud, json!([create("us-fake-1")])).await;
    let text = fake["message"].as_str().unwrap_or_default();
    assert!(text.starts_with("Region us-fake-1 is not supported."), "{fake}");
}

#[tokio::test]
async fn strong_consistency_is_for_three_at_once() {
    let cloud = Cloud::empty();
    create_indexed(&cloud, "Flights").await;
    let create = |region: &str| json!({"Create": {"RegionName": region}});
    let request = json!({"TableName": "Flights", "MultiRegionConsistency": "STRONG",
        "ReplicaUpdates": [create("us-east-1")]});
    let count = "Unsupported replica count for global tables with MultiRegionConsistency set to \
                 STRONG.";
    cloud.check_invalid("UpdateTable", request, count).await;
    let request = json!({"TableName": "Flights", "MultiRegionConsistency": "STRONG",
        "ReplicaUpdates": [create("us-east-1"), create("us-east-2")]});
    cloud.call("UpdateTable", request).await;
    let table = cloud.active("Flights").await;
    assert_eq!(table["MultiRegionConsistency"], "STRONG");
    let second = cloud.in_region("us-east-2");
    second.active("Flights").await;
    fill(&second, "Flights", 0..10).await;
    let read = json!({"TableName": "Flights", "ConsistentRead": true});
    assert_eq!(cloud.call("Scan", read).await["Count"], 10);
    let one = "Deletion of only one table replica is not supported for global tables with \
               MultiRegionConsistency set to STRONG.";
    second.check_invalid("DeleteTable", json!({"TableName": "Flights"}), one).await;
    let delete = |region: &str| json!({"Delete": {"RegionName": region}});
    let request = json!({"TableName": "Flights", "ReplicaUpdates": [delete("us-east-1")]});
    cloud.check_invalid("UpdateTable", request, one).await;
    replicate(&cloud, json!([delete("us-east-1"), delete("us-east-2")])).await;
    let alone = cloud.active("Flights").await;
    assert_eq!((alone.get("Replicas"), alone.get("MultiRegionConsistency")), (None, None));
}

#[tokio::test]
async fn a_replica_is_filled_while_items_change_and_after_a_restart() {
    let directory = std::env::temp_dir().join(format!("gureum-replica-{}", std::process::id()));
    let open = || Store::open(&directory, &Options::default()).expect("a store");
    let cloud = Cloud::of(Config { store: open(), ..Config::memory() });
    create_indexed(&cloud, "Flights").await;
    fill(&cloud, "Flights", 0..2000).await;
    replicate(&cloud, json!([{"Create": {"RegionName": "us-east-1"}}])).await;
    for i in (0..2000).step_by(41) {
        let key = json!({"pk": {"S": (i % 10).to_string()}, "sk": {"S": format!("{i:06}")}});
        let delete = json!({"TableName": "Flights", "Key": key});
        cloud.check("DeleteItem", delete, json!({})).await;
    }
    cloud.stop().await;

    let cloud = Cloud::of(Config { store: open(), ..Config::memory() });
    fill(&cloud, "Flights", 1990..2010).await;
    let there = cloud.in_region("us-east-1");
    there.active("Flights").await;
    let items = cloud.items("Flights", None).await;
    assert_eq!(there.items("Flights", None).await, items);
    assert_eq!(there.items("Flights", Some("global")).await.len(), items.len());
    cloud.stop().await;
    std::fs::remove_dir_all(directory).expect("removed");
}

#[tokio::test]
async fn there_are_no_global_tables_of_the_old_version() {
    let cloud = Cloud::with_tables().await;
    let group = json!({"GlobalTableName": "Simple",
        "ReplicationGroup": [{"RegionName": "us-east-1"}]});
    let old = "One or more parameter values were invalid: DynamoDB global tables version \
               2017.11.29 is not supported. We recommend using DynamoDB global tables version \
               2019.11.21, instead of version 2017.11.29 (Legacy).";
    cloud.check_invalid("CreateGlobalTable", group, old).await;
    let missing = json!({"__type": format!("{NAMESPACE}GlobalTableNotFoundException"),
        "message": "Global table with name: 'Simple' does not exist."});
    let name = json!({"GlobalTableName": "Simple"});
    cloud.check("DescribeGlobalTable", name.clone(), missing.clone()).await;
    cloud.check("DescribeGlobalTableSettings", name, missing).await;
    cloud.check("ListGlobalTables", json!({}), json!({"GlobalTables": []})).await;
}
