//! The log of slow and wasteful requests.

use std::sync::{Arc, Mutex};

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
