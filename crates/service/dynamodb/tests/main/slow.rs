//! The log of slow and wasteful requests.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kernel::{Config, Level, Log};
use serde_json::json;

use crate::Cloud;

#[tokio::test]
async fn wasteful_scans_are_logged_once_in_a_while() {
    let lines = Arc::new(Mutex::new(Vec::<String>::new()));
    let sink = lines.clone();
    let mut config = Config::memory();
    config.log = Log::to(Level::Warn, move |line| sink.lock().unwrap().push(line.to_owned()));
    let cloud = Cloud::of(config);
    cloud.create("Flights", &[("pk", "S")]).await;
    for n in 0..1000 {
        let put = json!({"TableName": "Flights", "Item": {"pk": {"S": n.to_string()}}});
        cloud.check("PutItem", put, json!({})).await;
    }
    let scan = json!({
        "TableName": "Flights", "FilterExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "7"}},
    });
    cloud.call("Scan", scan.clone()).await;
    cloud.call("Scan", scan).await;
    let lines = lines.lock().unwrap();
    // The machine may be slow enough for other lines as well.
    let of_scan: Vec<&String> = lines.iter().filter(|line| line.contains("Scan")).collect();
    assert_eq!(of_scan.len(), 1, "{lines:?}");
    assert!(of_scan[0].contains(" dynamodb Scan Flights, "), "{lines:?}");
    assert!(of_scan[0].ends_with(" ms, 1000 items read, 1 returned"), "{lines:?}");
}

#[tokio::test]
async fn the_tables_of_slow_batches_and_transactions_are_named() {
    let lines = Arc::new(Mutex::new(Vec::<String>::new()));
    let sink = lines.clone();
    let mut config = Config::memory();
    config.log = Log::to(Level::Warn, move |line| sink.lock().unwrap().push(line.to_owned()));
    let options = service_dynamodb::Options { slow: Duration::ZERO, ..Default::default() };
    let cloud = Cloud::with_options(config, options);
    for name in ["TableA", "TableB", "TableC", "TableD"] {
        cloud.create(name, &[("pk", "S")]).await;
    }
    let item = json!({"pk": {"S": "1"}});
    let put = json!([{"PutRequest": {"Item": item}}]);
    let batch = json!({"TableA": put, "TableB": put, "TableC": put, "TableD": put});
    cloud.call("BatchWriteItem", json!({ "RequestItems": batch })).await;
    let transaction = json!([
        {"Put": {"TableName": "TableB", "Item": item}},
        {"Delete": {"TableName": "TableA", "Key": item}},
        {"Delete": {"TableName": "TableB", "Key": {"pk": {"S": "2"}}}},
    ]);
    cloud.call("TransactWriteItems", json!({ "TransactItems": transaction })).await;
    cloud.call("Scan", json!({"TableName": "TableA"})).await;
    let lines = lines.lock().unwrap();
    for expected in [
        "slow request: dynamodb BatchWriteItem TableA TableB TableC …, ",
        "slow request: dynamodb TransactWriteItems TableB TableA, ",
        "slow scan: dynamodb Scan TableA, ",
    ] {
        assert!(lines.iter().any(|line| line.contains(expected)), "{expected}: {lines:?}");
    }
}

#[tokio::test]
async fn hot_partitions_are_told() {
    let lines = Arc::new(Mutex::new(Vec::<String>::new()));
    let sink = lines.clone();
    let mut config = Config::memory();
    config.log = Log::to(Level::Warn, move |line| sink.lock().unwrap().push(line.to_owned()));
    // All in one second, whatever the machine does meanwhile.
    config.clock = Arc::new(kernel::ManualClock::at(1_795_341_600_123));
    let cloud = Cloud::of(config);
    cloud.create("Flights", &[("pk", "S"), ("sk", "S")]).await;
    let long = "x".repeat(399 * 1024);
    // 400 write units each; reading all of a partition that is consistent takes 100 for each item.
    for (pk, sk) in [("a", "1"), ("a", "2"), ("b", "1"), ("c", "1"), ("c", "2"), ("c", "3")] {
        let item = json!({"pk": {"S": pk}, "sk": {"S": sk}, "v": {"S": long}});
        cloud.check("PutItem", json!({"TableName": "Flights", "Item": item}), json!({})).await;
    }
    let get = json!({
        "TableName": "Flights", "Key": {"pk": {"S": "b"}, "sk": {"S": "1"}}, "ConsistentRead": true,
    });
    for _ in 0..31 {
        cloud.call("GetItem", get.clone()).await;
    }
    let query = json!({
        "TableName": "Flights", "KeyConditionExpression": "pk = :a", "ConsistentRead": true,
        "ExpressionAttributeValues": {":a": {"S": "a"}},
    });
    for _ in 0..16 {
        cloud.call("Query", query.clone()).await;
    }
    let lines = lines.lock().unwrap();
    let hot = |line: &&String| line.contains("hot partition");
    let told: Vec<&str> =
        lines.iter().filter(hot).filter_map(|line| Some(line.split_once("table ")?.1)).collect();
    let limit = |most, units| {
        format!("more than the {most} {units} units a second that AWS gives to one partition")
    };
    assert_eq!(
        told,
        [
            format!("Flights, key \"c\": {}", limit(1000, "write")),
            format!("Flights, key \"b\": {}", limit(3000, "read")),
            format!("Flights, key \"a\": {}", limit(3000, "read")),
        ]
    );
}
