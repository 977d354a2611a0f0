//! Backups: one moment of a table, whatever becomes of it.

use kernel::Config;
use serde_json::{Value, json};
use store::{Options, Store};

use crate::Cloud;

const NAMESPACE: &str = "com.amazonaws.dynamodb.v20120810#";

/// A table with a local and a global index.
pub async fn create_indexed(cloud: &Cloud, name: &str) {
    let s = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let all = json!({"ProjectionType": "ALL"});
    let request = json!({
        "TableName": name, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [s("pk"), s("sk"), s("color")],
        "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
        "LocalSecondaryIndexes": [{"IndexName": "local", "Projection": all,
            "KeySchema": [key("pk", "HASH"), key("color", "RANGE")]}],
        "GlobalSecondaryIndexes": [{"IndexName": "global", "Projection": all,
            "KeySchema": [key("color", "HASH")]}],
        "Tags": [{"Key": "team", "Value": "desk"}], "DeletionProtectionEnabled": false,
    });
    let answer = cloud.call("CreateTable", request).await;
    assert_eq!(answer["TableDescription"]["TableStatus"], "CREATING", "{answer}");
}

/// Puts items with numbers into such a table.
pub async fn fill(cloud: &Cloud, name: &str, numbers: std::ops::Range<u32>) {
    for numbers in numbers.collect::<Vec<_>>().chunks(25) {
        let puts = numbers.iter().map(|i| {
            let color = if i % 2 == 0 { "red" } else { "blue" };
            let item = json!({"pk": {"S": (i % 10).to_string()}, "sk": {"S": format!("{i:06}")},
                "color": {"S": color}, "filler": {"S": "x".repeat(100)}});
            json!({"PutRequest": {"Item": item}})
        });
        let request = json!({"RequestItems": {name: puts.collect::<Vec<_>>()}});
        cloud.check("BatchWriteItem", request, json!({"UnprocessedItems": {}})).await;
    }
}

/// Makes a backup and waits until it can be used; its ARN.
pub async fn back_up(cloud: &Cloud, table: &str, name: &str) -> String {
    let request = json!({"TableName": table, "BackupName": name});
    let made = cloud.call("CreateBackup", request).await;
    assert_eq!(made["BackupDetails"]["BackupStatus"], "CREATING", "{made}");
    let arn = made["BackupDetails"]["BackupArn"].as_str().expect("an ARN").to_owned();
    available(cloud, &arn).await;
    arn
}

/// Waits until a backup can be used.
pub async fn available(cloud: &Cloud, arn: &str) -> Value {
    cloud
        .eventually(async |cloud| {
            let backup = cloud.call("DescribeBackup", json!({"BackupArn": arn})).await;
            let backup = backup["BackupDescription"].clone();
            (backup["BackupDetails"]["BackupStatus"] == "AVAILABLE").then_some(backup)
        })
        .await
}

fn error(name: &str, message: &str) -> Value {
    json!({"__type": format!("{NAMESPACE}{name}"), "message": message})
}

#[tokio::test]
async fn a_backup_is_made_described_listed_and_deleted() {
    let cloud = Cloud::empty();
    create_indexed(&cloud, "Flights").await;
    fill(&cloud, "Flights", 0..300).await;
    let arn = back_up(&cloud, "Flights", "first").await;
    let prefix = "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Flights";
    let id = arn.strip_prefix(&format!("{prefix}/backup/")).expect(&arn);
    assert_eq!((id.len(), id.find('-')), (23, Some(14)), "{id}");

    let backup = available(&cloud, &arn).await;
    let details = &backup["BackupDetails"];
    assert_eq!(details["BackupName"], "first");
    assert_eq!(details["BackupType"], "USER");
    assert_eq!(details.get("BackupExpiryDateTime"), None);
    let table = cloud.call("DescribeTable", json!({"TableName": "Flights"})).await;
    assert_eq!(details["BackupSizeBytes"], table["Table"]["TableSizeBytes"]);
    let source = &backup["SourceTableDetails"];
    assert_eq!(source["ItemCount"], 300);
    assert_eq!(source["TableId"], table["Table"]["TableId"]);
    assert_eq!(source["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(source["ProvisionedThroughput"]["ReadCapacityUnits"], 0);
    let features = &backup["SourceTableFeatureDetails"];
    assert_eq!(features["GlobalSecondaryIndexes"][0]["IndexName"], "global");
    assert_eq!(features["LocalSecondaryIndexes"][0]["KeySchema"][1]["AttributeName"], "color");
    assert_eq!(features.as_object().map(serde_json::Map::len), Some(2), "{features}");

    cloud.call("DeleteTable", json!({"TableName": "Flights"})).await;
    available(&cloud, &arn).await;
    let deleted = cloud.call("DeleteBackup", json!({"BackupArn": arn})).await;
    assert_eq!(deleted["BackupDescription"]["BackupDetails"]["BackupStatus"], "DELETED");
    let gone = error("BackupNotFoundException", &format!("Backup not found: {arn}"));
    cloud.check("DescribeBackup", json!({"BackupArn": arn}), gone.clone()).await;
    cloud.check("DeleteBackup", json!({"BackupArn": arn}), gone).await;
    cloud.eventually(async |cloud| (cloud.stored("dynamodb/backup-item") == 0).then_some(())).await;
}

#[tokio::test]
async fn backups_are_listed_by_table_kind_and_time() {
    let cloud = Cloud::with_tables().await;
    let mut arns = Vec::new();
    for (table, name) in
        [("Simple", "bbb"), ("Simple", "aaa"), ("Simple", "aaa"), ("Sorted", "aaa")]
    {
        arns.push(back_up(&cloud, table, name).await);
        // Names are not unique, but within a millisecond the order would be anyhow.
        #[expect(clippy::disallowed_methods, reason = "the clock has to go on")]
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let list = async |request: Value| {
        let answer = cloud.call("ListBackups", request).await;
        let found = answer["BackupSummaries"].as_array().unwrap_or_else(|| panic!("{answer}"));
        let found: Vec<Value> = found.iter().map(|found| found["BackupArn"].clone()).collect();
        (found, answer["LastEvaluatedBackupArn"].clone())
    };
    let arn = |i: usize| json!(arns[i]);
    let all = list(json!({})).await;
    assert_eq!(all, (vec![arn(0), arn(1), arn(2), arn(3)], Value::Null));
    let simple = list(json!({"TableName": "Simple", "Limit": 3})).await;
    assert_eq!(simple, (vec![arn(0), arn(1), arn(2)], Value::Null));
    let page = list(json!({"TableName": "Simple", "Limit": 2})).await;
    assert_eq!(page, (vec![arn(0), arn(1)], arn(1)));
    let rest = list(json!({"TableName": "Simple", "ExclusiveStartBackupArn": page.1})).await;
    assert_eq!(rest, (vec![arn(2)], Value::Null));
    assert_eq!(list(json!({"BackupType": "SYSTEM"})).await.0, Vec::<Value>::new());
    assert_eq!(list(json!({"TableName": "Nowhere"})).await.0, Vec::<Value>::new());

    let second = cloud.call("DescribeBackup", json!({"BackupArn": arns[1]})).await;
    let at = &second["BackupDescription"]["BackupDetails"]["BackupCreationDateTime"];
    let from = list(json!({"TimeRangeLowerBound": at, "TableName": "Simple"})).await;
    assert_eq!(from.0, [arn(1), arn(2)]);
    assert_eq!(list(json!({"TimeRangeUpperBound": at})).await.0[..1], [arn(0)]);
    cloud
        .check_invalid(
            "ListBackups",
            json!({"TimeRangeLowerBound": 2, "TimeRangeUpperBound": 1}),
            "One or more parameter values were invalid: \
             Time range lower bound must be less than or equal to upper bound",
        )
        .await;
}

#[tokio::test]
async fn what_is_no_backup_is_refused() {
    let cloud = Cloud::with_tables().await;
    let missing = error("TableNotFoundException", "Table not found: Nowhere");
    let request = json!({"TableName": "Nowhere", "BackupName": "first"});
    cloud.check("CreateBackup", request, missing).await;
    let describe = |arn: &str| cloud.call("DescribeBackup", json!({ "BackupArn": arn }));
    let rest = "table/Simple/backup/01489602797149-73d8d5bc";
    for (arn, code, message) in [
        (
            "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Simple".to_owned(),
            "ValidationException",
            "Invalid Request: Invalid Backup ARN",
        ),
        ("x".repeat(48), "ValidationException", "Invalid Request: Invalid Backup ARN"),
        (
            format!("arn:aws:dynamodb:xx-fake-1:111122223333:{rest}"),
            "ValidationException",
            "Invalid Request: BackupArn is not valid",
        ),
        (
            format!("arn:aws:dynamodb:ap-northeast-2:999999999999:{rest}"),
            "AccessDeniedException",
            "Access is denied",
        ),
    ] {
        let answer = describe(&arn).await;
        assert!(answer["__type"].as_str().expect("a type").ends_with(code), "{arn}: {answer}");
        let text = answer["message"].as_str().or(answer["Message"].as_str());
        assert_eq!(text, Some(message), "{arn}");
    }
}

#[tokio::test]
async fn a_copy_that_is_broken_off_begins_again() {
    let directory = std::env::temp_dir().join(format!("gureum-backup-{}", std::process::id()));
    let open = || Store::open(&directory, &Options::default()).expect("a store");
    let cloud = Cloud::of(Config { store: open(), ..Config::memory() });
    create_indexed(&cloud, "Flights").await;
    fill(&cloud, "Flights", 0..2000).await;
    let request = json!({"TableName": "Flights", "BackupName": "first"});
    let made = cloud.call("CreateBackup", request).await;
    let arn = made["BackupDetails"]["BackupArn"].as_str().expect("an ARN").to_owned();
    // The table may go while it is copied.
    cloud.call("DeleteTable", json!({"TableName": "Flights"})).await;
    cloud.stop().await;

    let cloud = Cloud::of(Config { store: open(), ..Config::memory() });
    assert_eq!(available(&cloud, &arn).await["SourceTableDetails"]["ItemCount"], 2000);
    let request = json!({"BackupArn": arn, "TargetTableName": "Again"});
    let made = cloud.call("RestoreTableFromBackup", request).await;
    assert_eq!(made["TableDescription"]["TableStatus"], "CREATING", "{made}");
    cloud.stop().await;

    let cloud = Cloud::of(Config { store: open(), ..Config::memory() });
    let table = cloud.active("Again").await;
    assert_eq!(table["ItemCount"], 2000);
    assert_eq!(cloud.items("Again", Some("global")).await.len(), 2000);
    // Nothing is left but what is in use.
    cloud
        .eventually(async |cloud| {
            let left = (cloud.stored("dynamodb/item"), cloud.stored("dynamodb/backup-item"));
            (left == (2000, 2000)).then_some(())
        })
        .await;
    cloud.stop().await;
    std::fs::remove_dir_all(directory).expect("removed");
}
