//! Time to live: enabled, disabled, and what is deleted when.

use std::sync::Arc;
use std::time::Duration;

use kernel::ManualClock;
use serde_json::{Value, json};

use crate::Cloud;

/// Seconds at which the clouds here begin.
const NOW_S: i64 = 1_795_341_600;

/// A cloud that deletes what expires, with a table `Log`.
async fn cloud() -> (Cloud, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(NOW_S * 1000));
    let cloud = Cloud::with_clock(clock.clone());
    service_dynamodb::start(&cloud.kernel);
    cloud.create("Log", &[("pk", "S")]).await;
    (cloud, clock)
}

impl Cloud {
    async fn switch_ttl(&self, enabled: bool, attribute: &str) -> Value {
        let specification = json!({"Enabled": enabled, "AttributeName": attribute});
        let request = json!({"TableName": "Log", "TimeToLiveSpecification": specification});
        let answer = self.call("UpdateTimeToLive", request).await;
        if answer.get("__type").is_none() {
            assert_eq!(answer, json!({ "TimeToLiveSpecification": specification }));
        }
        answer
    }

    async fn put_expiring(&self, pk: &str, expires: Value) {
        let item = json!({"pk": {"S": pk}, "expires": expires});
        self.check("PutItem", json!({"TableName": "Log", "Item": item}), json!({})).await;
    }

    /// The partition keys of the items that are left, sorted.
    async fn left(&self) -> String {
        let found = self.call("Scan", json!({"TableName": "Log"})).await;
        let items = found["Items"].as_array().unwrap_or_else(|| panic!("{found}"));
        let mut keys: Vec<&str> = items.iter().map(|i| i["pk"]["S"].as_str().unwrap()).collect();
        keys.sort_unstable();
        keys.join(" ")
    }

    /// Moves the clock, and waits until so much is left.
    async fn pass(&self, clock: &ManualClock, seconds: u64, expected: &str) {
        clock.advance(Duration::from_secs(seconds));
        self.until(expected, async || self.left().await == expected).await;
    }
}

fn at(second: i64) -> Value {
    json!({"N": second.to_string()})
}

#[tokio::test]
async fn items_go_when_their_time_has_come() {
    let (cloud, clock) = cloud().await;
    cloud.put_expiring("before", at(NOW_S - 60)).await;
    cloud.put_expiring("laterBefore", at(NOW_S + 60)).await;
    cloud.switch_ttl(true, "expires").await;
    cloud.put_expiring("due", at(NOW_S - 60)).await;
    cloud.put_expiring("exponent", json!({"N": format!("{}e1", NOW_S / 10 - 6)})).await;
    cloud.put_expiring("fraction", json!({"N": format!("{}.25", NOW_S - 60)})).await;
    cloud.put_expiring("later", at(NOW_S + 60)).await;
    cloud.put_expiring("moved", at(NOW_S + 60)).await;
    cloud.put_expiring("never", json!({"S": (NOW_S - 60).to_string()})).await;
    cloud.put_expiring("negative", at(-5)).await;
    cloud.put_expiring("old", at(NOW_S - 5 * 365 * 86_400 - 1)).await;
    cloud.put_expiring("oldish", at(NOW_S - 5 * 365 * 86_400 + 3600)).await;
    cloud.put_expiring("huge", json!({"N": "1e100"})).await;
    cloud.pass(&clock, 1, "huge later laterBefore moved negative never old").await;
    let update = json!({
        "TableName": "Log", "Key": {"pk": {"S": "moved"}}, "UpdateExpression": "SET expires = :t",
        "ExpressionAttributeValues": {":t": at(NOW_S + 120)},
    });
    cloud.check("UpdateItem", update, json!({})).await;
    clock.advance(Duration::from_secs(58));
    assert_eq!(cloud.left().await, "huge later laterBefore moved negative never old");
    cloud.pass(&clock, 2, "huge moved negative never old").await;
    cloud.pass(&clock, 60, "huge negative never old").await;
    assert_eq!(cloud.stored("dynamodb/expiry"), 0);
}

#[tokio::test]
async fn expiry_is_told_in_the_stream_and_leaves_no_index_entry() {
    let clock = Arc::new(ManualClock::at(NOW_S * 1000));
    let cloud = Cloud::with_clock(clock.clone());
    service_dynamodb::start(&cloud.kernel);
    let request = json!({
        "TableName": "Log", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "expires", "AttributeType": "N"},
        ],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": [{
            "IndexName": "byTime", "Projection": {"ProjectionType": "ALL"},
            "KeySchema": [{"AttributeName": "expires", "KeyType": "HASH"}],
        }],
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    });
    let made = cloud.call("CreateTable", request).await;
    let arn = made["TableDescription"]["LatestStreamArn"].as_str().unwrap().to_owned();
    cloud.switch_ttl(true, "expires").await;
    cloud.put_expiring("a", at(NOW_S - 1)).await;
    assert_eq!(cloud.stored("dynamodb/index"), 1);
    cloud.pass(&clock, 1, "").await;
    assert_eq!(cloud.stored("dynamodb/index"), 0);
    let records = cloud.records(&arn).await;
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].get("userIdentity"), None);
    assert_eq!(records[1]["eventName"], "REMOVE");
    assert_eq!(
        records[1]["userIdentity"],
        json!({"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"})
    );
    assert_eq!(records[1]["dynamodb"]["OldImage"]["pk"], json!({"S": "a"}));
}

#[tokio::test]
async fn a_large_table_is_indexed_in_the_background() {
    let (cloud, clock) = cloud().await;
    for i in 0..450 {
        // A third of them are due.
        cloud.put_expiring(&format!("{i:03}"), at(NOW_S + 3600 * (i % 3 - 1) - 1)).await;
    }
    cloud.switch_ttl(true, "expires").await;
    let describe = async || {
        let request = json!({"TableName": "Log"});
        cloud.call("DescribeTimeToLive", request).await["TimeToLiveDescription"].clone()
    };
    let first = describe().await;
    assert!(["ENABLING", "ENABLED"].contains(&first["TimeToLiveStatus"].as_str().unwrap()));
    cloud.settle(&clock).await;
    let enabled = json!({"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"});
    assert_eq!(describe().await, enabled);
    clock.advance(Duration::from_secs(1));
    cloud.until("450 are 150", async || cloud.stored_items() == 150).await;
    assert_eq!(cloud.stored("dynamodb/expiry"), 150);
    // Deleting the table takes it all along.
    cloud.call("DeleteTable", json!({"TableName": "Log"})).await;
    cloud.settle(&clock).await;
    for table in ["dynamodb/expiry", "dynamodb/expiring-table"] {
        assert_eq!(cloud.stored(table), 0, "{table}");
    }
}

#[tokio::test]
async fn switching_is_checked() {
    let (cloud, clock) = cloud().await;
    let disabled = json!({"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}});
    let table = json!({"TableName": "Log"});
    cloud.check("DescribeTimeToLive", table.clone(), disabled.clone()).await;
    let refused = async |enabled, attribute, message: &str| {
        let answer = cloud.switch_ttl(enabled, attribute).await;
        assert_eq!(answer["__type"], "com.amazon.coral.validate#ValidationException", "{answer}");
        assert_eq!(answer["message"], message);
    };
    let active =
        "TimeToLive is active on a different AttributeName: current AttributeName is expires";
    refused(false, "expires", "TimeToLive is already disabled").await;
    cloud.switch_ttl(true, "expires").await;
    refused(true, "expires", "TimeToLive is already enabled").await;
    refused(true, "other", active).await;
    refused(false, "other", active).await;
    refused(
        true,
        "",
        "1 validation error detected: Value '' at 'timeToLiveSpecification.attributeName' failed \
         to satisfy constraint: Member must have length greater than or equal to 1",
    )
    .await;
    cloud.put_expiring("a", at(NOW_S + 10)).await;
    cloud.switch_ttl(false, "expires").await;
    cloud.check("DescribeTimeToLive", table, disabled).await;
    cloud.settle(&clock).await;
    assert_eq!(cloud.stored("dynamodb/expiry"), 0);
    clock.advance(Duration::from_secs(20));
    cloud.put_expiring("b", at(NOW_S + 10)).await;
    assert_eq!(cloud.left().await, "a b");
    // What was there when it is enabled goes.
    cloud.switch_ttl(true, "expires").await;
    cloud.pass(&clock, 1, "").await;
    let missing = json!({"TableName": "Nowhere"});
    let answer = cloud.call("DescribeTimeToLive", missing).await;
    assert_eq!(answer["message"], "Requested resource not found: Table: Nowhere not found");
}
