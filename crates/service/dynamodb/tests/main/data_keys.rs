//! Data keys of encrypted tables: they outlive their tables for as long as anything needs them, and
//! no longer.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use kernel::ManualClock;
use serde_json::{Value, json};

use crate::backups::{available, back_up};
use crate::{Cloud, buckets};

const HOUR: Duration = Duration::from_secs(60 * 60);
const BUCKET: &str = "exports";

type Keys = BTreeSet<Vec<u8>>;

fn cloud() -> (Cloud, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(1_795_341_600_123));
    let cloud = Cloud::with_clock(clock.clone());
    service_dynamodb::start(&cloud.kernel);
    (cloud, clock)
}

/// The data keys there are.
fn keys(cloud: &Cloud) -> Keys {
    let mut keys = Keys::new();
    let table = store::RawTable::new("dynamodb/data-key");
    let scanned = cloud.kernel.store().read(|tx| {
        tx.scan_raw(&table, &store::Scan::all(), &mut |key, _| {
            keys.insert(key.to_vec());
            ControlFlow::Continue(())
        })
    });
    scanned.expect("a scan");
    keys
}

/// Makes an encrypted table with some items; answers its data key.
async fn make(cloud: &Cloud, name: &str, more: Value) -> Keys {
    let before = keys(cloud);
    let mut request = json!({
        "TableName": name, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "SSESpecification": {"Enabled": true}});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = cloud.call("CreateTable", request).await;
    assert_eq!(made["TableDescription"]["SSEDescription"]["SSEType"], "KMS", "{made}");
    for i in 0..30 {
        put(cloud, name, &i.to_string()).await;
    }
    let made: Keys = keys(cloud).difference(&before).cloned().collect();
    assert_eq!(made.len(), 1);
    made
}

async fn put(cloud: &Cloud, name: &str, pk: &str) {
    let request = json!({"TableName": name, "Item": {"pk": {"S": pk}}});
    cloud.check("PutItem", request, json!({})).await;
}

async fn delete(cloud: &Cloud, name: &str) {
    let deleted = cloud.call("DeleteTable", json!({"TableName": name})).await;
    assert_eq!(deleted["TableDescription"]["TableStatus"], "DELETING", "{deleted}");
}

/// Lets an hour go by in which all keys are looked at, as the end of one shows that nobody needs.
async fn look(cloud: &Cloud, clock: &ManualClock) {
    for _ in 0..2 {
        // Each pass begins after the one before has ended: so the first of two is over.
        let idle = make(cloud, "Idle", json!({})).await;
        delete(cloud, "Idle").await;
        clock.advance(HOUR);
        cloud.settle(clock).await;
        cloud.until("a key is gone", async || keys(cloud).is_disjoint(&idle)).await;
    }
}

async fn recover(cloud: &Cloud, name: &str, on: bool) {
    let request = json!({"TableName": name,
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": on}});
    let answer = cloud.call("UpdateContinuousBackups", request).await;
    assert!(answer["ContinuousBackupsDescription"].is_object(), "{answer}");
}

async fn restore(cloud: &Cloud, backup: &Value, to: &str) {
    let request = json!({"BackupArn": backup, "TargetTableName": to});
    let made = cloud.call("RestoreTableFromBackup", request).await;
    assert_eq!(made["TableDescription"]["TableStatus"], "CREATING", "{made}");
}

#[tokio::test]
async fn the_key_of_a_backup_goes_with_the_backup() {
    let (cloud, clock) = cloud();
    let key = make(&cloud, "Flights", json!({})).await;
    look(&cloud, &clock).await;
    assert_eq!(keys(&cloud), key, "the table needs it");
    let first = back_up(&cloud, "Flights", "first").await;
    let second = back_up(&cloud, "Flights", "second").await;
    delete(&cloud, "Flights").await;
    // A table of the same name has another key.
    let other = make(&cloud, "Flights", json!({})).await;
    cloud.call("DeleteBackup", json!({"BackupArn": first})).await;
    look(&cloud, &clock).await;
    assert!(keys(&cloud).is_superset(&key), "a backup needs it");
    restore(&cloud, &json!(second), "Again").await;
    cloud.active("Again").await;
    assert_eq!(cloud.items("Again", None).await.len(), 30);
    cloud.call("DeleteBackup", json!({"BackupArn": second})).await;
    look(&cloud, &clock).await;
    assert!(keys(&cloud).is_disjoint(&key));
    assert!(keys(&cloud).is_superset(&other));
    assert_eq!(cloud.items("Again", None).await.len(), 30, "it has a key of its own");
    delete(&cloud, "Again").await;
    delete(&cloud, "Flights").await;
    look(&cloud, &clock).await;
    assert_eq!(keys(&cloud), Keys::new());
}

#[tokio::test]
async fn a_backup_of_before_the_key_may_be_sealed_with_it() {
    let (cloud, clock) = cloud();
    cloud.create("Flights", &[("pk", "S")]).await;
    put(&cloud, "Flights", "1").await;
    let made =
        cloud.call("CreateBackup", json!({"TableName": "Flights", "BackupName": "before"})).await;
    let arn = made["BackupDetails"]["BackupArn"].as_str().expect("an ARN").to_owned();
    let encrypt = json!({"TableName": "Flights", "SSESpecification": {"Enabled": true}});
    cloud.call("UpdateTable", encrypt).await;
    available(&cloud, &arn).await;
    cloud.active("Flights").await;
    delete(&cloud, "Flights").await;
    look(&cloud, &clock).await;
    restore(&cloud, &json!(arn), "Again").await;
    cloud.active("Again").await;
    assert_eq!(cloud.items("Again", None).await.len(), 1);
    cloud.call("DeleteBackup", json!({"BackupArn": arn})).await;
    look(&cloud, &clock).await;
    assert_eq!(keys(&cloud), Keys::new());
}

#[tokio::test]
async fn the_backup_that_a_deletion_leaves_keeps_the_key_for_35_days() {
    let (cloud, clock) = cloud();
    let key = make(&cloud, "Flights", json!({})).await;
    recover(&cloud, "Flights", true).await;
    put(&cloud, "Flights", "more").await;
    // Whatever a restore to a point in time still has to read is there although its source is not.
    let request = json!({"SourceTableName": "Flights", "TargetTableName": "Earlier",
        "UseLatestRestorableTime": true});
    let made = cloud.call("RestoreTableToPointInTime", request).await;
    assert_eq!(made["TableDescription"]["TableStatus"], "CREATING", "{made}");
    delete(&cloud, "Flights").await;
    look(&cloud, &clock).await;
    cloud.active("Earlier").await;
    assert_eq!(cloud.items("Earlier", None).await.len(), 31);
    assert!(keys(&cloud).is_superset(&key));

    let backups = cloud.call("ListBackups", json!({"BackupType": "SYSTEM"})).await;
    let backup = &backups["BackupSummaries"][0]["BackupArn"];
    restore(&cloud, backup, "Again").await;
    cloud.active("Again").await;
    assert_eq!(cloud.items("Again", None).await.len(), 31);
    clock.advance(HOUR * 24 * 34);
    cloud.settle(&clock).await;
    look(&cloud, &clock).await;
    assert!(keys(&cloud).is_superset(&key));
    // A restore that goes on when the backup expires ends well.
    restore(&cloud, backup, "Late").await;
    clock.advance(HOUR * 24 * 2);
    cloud.settle(&clock).await;
    look(&cloud, &clock).await;
    cloud.active("Late").await;
    assert_eq!(cloud.items("Late", None).await.len(), 31);
    look(&cloud, &clock).await;
    assert!(keys(&cloud).is_disjoint(&key));
}

#[tokio::test]
async fn the_stream_of_a_deleted_table_is_readable_for_a_day() {
    let (cloud, clock) = cloud();
    let stream = json!({"StreamSpecification":
        {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"}});
    let key = make(&cloud, "Log", stream).await;
    let table = cloud.active("Log").await;
    let arn = table["LatestStreamArn"].as_str().expect("an ARN").to_owned();
    delete(&cloud, "Log").await;
    for _ in 0..11 {
        look(&cloud, &clock).await;
    }
    assert!(keys(&cloud).is_superset(&key));
    assert_eq!(cloud.records(&arn).await.len(), 30);
    for _ in 0..2 {
        look(&cloud, &clock).await;
    }
    assert_eq!(keys(&cloud), Keys::new());
}

#[tokio::test]
async fn an_export_under_way_keeps_the_key_of_its_table() {
    let (cloud, clock) = cloud();
    buckets::make(&cloud, BUCKET).await;
    let key = make(&cloud, "Flights", json!({})).await;
    recover(&cloud, "Flights", true).await;
    put(&cloud, "Flights", "more").await;
    let arn = cloud.active("Flights").await["TableArn"].clone();
    let request = json!({"TableArn": arn, "S3Bucket": BUCKET});
    let made = cloud.call("ExportTableToPointInTime", request).await;
    let export = made["ExportDescription"]["ExportArn"].clone();
    recover(&cloud, "Flights", false).await;
    delete(&cloud, "Flights").await;
    look(&cloud, &clock).await;
    let done = cloud
        .eventually(async |cloud| {
            let answer = cloud.call("DescribeExport", json!({ "ExportArn": export })).await;
            let export = answer["ExportDescription"].clone();
            (export["ExportStatus"] != "IN_PROGRESS").then_some(export)
        })
        .await;
    assert_eq!(done["ExportStatus"], "COMPLETED", "{done}");
    assert_eq!(done["ItemCount"], 31);
    look(&cloud, &clock).await;
    assert!(keys(&cloud).is_disjoint(&key));
}
