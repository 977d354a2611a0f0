//! Point-in-time recovery.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, Config, ManualClock};
use serde_json::{Value, json};

use crate::Cloud;
use crate::backups::{create_indexed, fill};

const NAMESPACE: &str = "com.amazonaws.dynamodb.v20120810#";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn error(name: &str, message: &str) -> Value {
    json!({"__type": format!("{NAMESPACE}{name}"), "message": message})
}

/// A cloud whose clock stands still until it is moved.
fn with_clock() -> (Cloud, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(1_800_000_000_000));
    (Cloud::of(Config { clock: clock.clone(), ..Config::memory() }), clock)
}

async fn set(cloud: &Cloud, table: &str, specification: Value) -> Value {
    let request = json!({"TableName": table, "PointInTimeRecoverySpecification": specification});
    let answer = cloud.call("UpdateContinuousBackups", request).await;
    answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"].clone()
}

async fn turn_on(cloud: &Cloud, table: &str) {
    let answer = set(cloud, table, json!({"PointInTimeRecoveryEnabled": true})).await;
    assert_eq!(answer["PointInTimeRecoveryStatus"], "ENABLED", "{answer}");
}

async fn restore(cloud: &Cloud, from: &str, to: &str, at_ms: Option<i64>) -> Value {
    let mut request = json!({"SourceTableName": from, "TargetTableName": to});
    match at_ms {
        Some(at_ms) => request["RestoreDateTime"] = json!(at_ms as f64 / 1000.0),
        None => request["UseLatestRestorableTime"] = json!(true),
    }
    let made = cloud.call("RestoreTableToPointInTime", request).await;
    assert_eq!(made["TableDescription"]["TableStatus"], "CREATING", "{made}");
    cloud.active(to).await
}

/// Random writes; then every moment in between is gone back to.
#[tokio::test]
async fn every_moment_can_be_gone_back_to() {
    let (cloud, clock) = with_clock();
    create_indexed(&cloud, "Flights").await;
    fill(&cloud, "Flights", 0..30).await;
    turn_on(&cloud, "Flights").await;
    let mut random = 88_172_645_463_325_252_u64;
    let mut roll = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let mut moments = Vec::new();
    for step in 0..200 {
        clock.advance(Duration::from_millis(roll(3) * 500));
        let i = roll(40);
        let key = json!({"pk": {"S": (i % 10).to_string()}, "sk": {"S": format!("{i:06}")}});
        let colors = ["red", "green", "blue"];
        let color = json!({"S": colors[roll(3) as usize]});
        let request = match roll(4) {
            0 => ("DeleteItem", json!({"TableName": "Flights", "Key": key})),
            1 => {
                let mut item = key;
                item["color"] = color;
                item["step"] = json!({"N": step.to_string()});
                ("PutItem", json!({"TableName": "Flights", "Item": item}))
            }
            2 => (
                "UpdateItem",
                json!({"TableName": "Flights", "Key": key, "UpdateExpression": "SET color = :c",
                    "ExpressionAttributeValues": {":c": color}}),
            ),
            _ => {
                let write = json!({"Update": {"TableName": "Flights", "Key": key,
                    "UpdateExpression": "ADD hits :one",
                    "ExpressionAttributeValues": {":one": {"N": "1"}}}});
                ("TransactWriteItems", json!({"TransactItems": [write]}))
            }
        };
        cloud.check(request.0, request.1, json!({})).await;
        if roll(10) == 0 {
            moments.push((clock.now().epoch_ms, cloud.items("Flights", None).await));
            // The next write is later.
            clock.advance(Duration::from_millis(1));
        }
    }
    assert!(moments.len() > 10);
    clock.advance(Duration::from_secs(1));
    for (n, (at_ms, items)) in moments.iter().enumerate() {
        let name = format!("Then{n}");
        restore(&cloud, "Flights", &name, Some(*at_ms)).await;
        assert_eq!(&cloud.items(&name, None).await, items, "moment {n}");
        let indexed = cloud.items(&name, Some("global")).await;
        let colored = items.iter().filter(|item| item.get("color").is_some());
        assert_eq!(indexed.len(), colored.count(), "moment {n}");
    }
    let now = cloud.items("Flights", None).await;
    restore(&cloud, "Flights", "Now", None).await;
    assert_eq!(cloud.items("Now", None).await, now);
    let start = 1_800_000_000_000;
    restore(&cloud, "Flights", "Start", Some(start)).await;
}

#[tokio::test]
async fn only_the_days_that_are_kept_can_be_gone_back_to() {
    let (cloud, clock) = with_clock();
    create_indexed(&cloud, "Flights").await;
    let on = json!({"PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": 2});
    let described = set(&cloud, "Flights", on).await;
    let expected = json!({"PointInTimeRecoveryStatus": "ENABLED", "RecoveryPeriodInDays": 2,
        "EarliestRestorableDateTime": 1_800_000_000, "LatestRestorableDateTime": 1_800_000_000});
    assert_eq!(described, expected);
    for _ in 0..4 {
        fill(&cloud, "Flights", 0..50).await;
        cloud
            .call(
                "DeleteItem",
                json!({"TableName": "Flights",
            "Key": {"pk": {"S": "0"}, "sk": {"S": "000000"}}}),
            )
            .await;
        clock.advance(DAY);
    }
    let described = cloud.call("DescribeContinuousBackups", json!({"TableName": "Flights"})).await;
    let described = &described["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"];
    let day = 24 * 60 * 60;
    assert_eq!(described["EarliestRestorableDateTime"], 1_800_000_000 + 2 * day);
    assert_eq!(described["LatestRestorableDateTime"], 1_800_000_000 + 4 * day);
    // The hourly timer comes, and what it starts: of four days' entries two days' are left. A put
    // of what is there already changes nothing, and is not kept.
    cloud
        .eventually(async |cloud| {
            clock.advance(Duration::from_secs(2));
            (cloud.stored("dynamodb/recovery") <= 2 * 2).then_some(())
        })
        .await;
    let request = json!({"SourceTableName": "Flights", "TargetTableName": "Then",
        "RestoreDateTime": 1_800_000_000 + day});
    let answer = cloud.call("RestoreTableToPointInTime", request).await;
    assert_eq!(answer["__type"], format!("{NAMESPACE}InvalidRestoreTimeException"));
    let text = answer["message"].as_str().expect("a message");
    let begins = "RestoreDateTime '2027-01-16T08:00:00Z' must be within \
                  EarliestRestorableDateTime '2027-01-17T08:00:0";
    assert!(text.starts_with(begins), "{text}");

    let off = set(&cloud, "Flights", json!({"PointInTimeRecoveryEnabled": false})).await;
    assert_eq!(off, json!({"PointInTimeRecoveryStatus": "DISABLED"}));
    cloud.eventually(async |cloud| (cloud.stored("dynamodb/recovery") == 0).then_some(())).await;
}

#[tokio::test]
async fn requests_that_name_no_moment_are_refused() {
    let (cloud, _) = with_clock();
    create_indexed(&cloud, "Flights").await;
    let check = async |request: Value, message: &str| {
        cloud.check_invalid("RestoreTableToPointInTime", request, message).await;
    };
    let either = "Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime must \
                  be specified, but not both";
    check(json!({"SourceTableName": "Flights", "TargetTableName": "Then"}), either).await;
    check(
        json!({"TargetTableName": "Then", "UseLatestRestorableTime": true}),
        "The parameter 'TableName' is required but was not present in the request",
    )
    .await;
    let off = "Point in time recovery is not enabled for table 'Flights'";
    let request = json!({"SourceTableName": "Flights", "TargetTableName": "Flights",
        "UseLatestRestorableTime": true});
    let unavailable = error("PointInTimeRecoveryUnavailableException", off);
    cloud.check("RestoreTableToPointInTime", request.clone(), unavailable).await;
    turn_on(&cloud, "Flights").await;
    let there = error("TableAlreadyExistsException", "Table already exists: Flights");
    cloud.check("RestoreTableToPointInTime", request, there).await;
    let off = json!({"TableName": "Flights", "PointInTimeRecoverySpecification":
        {"PointInTimeRecoveryEnabled": false, "RecoveryPeriodInDays": 3}});
    let text = "Invalid Request: Cannot specify RecoveryPeriodInDays when disabling point-in-time \
                recovery.";
    cloud.check_invalid("UpdateContinuousBackups", off, text).await;
}

#[tokio::test]
async fn a_deleted_table_leaves_a_backup() {
    let (cloud, clock) = with_clock();
    create_indexed(&cloud, "Flights").await;
    fill(&cloud, "Flights", 0..100).await;
    turn_on(&cloud, "Flights").await;
    fill(&cloud, "Flights", 100..150).await;
    let items = cloud.items("Flights", None).await;
    cloud.call("DeleteTable", json!({"TableName": "Flights"})).await;
    create_indexed(&cloud, "Flights").await;

    let list = json!({"TableName": "Flights", "BackupType": "SYSTEM"});
    let listed = cloud.call("ListBackups", list.clone()).await;
    let backup = &listed["BackupSummaries"][0];
    assert_eq!(backup["BackupName"], "Flights$DeletedTableBackup");
    assert_eq!(backup["BackupExpiryDateTime"], 1_800_000_000 + 35 * 24 * 60 * 60);
    let arn = backup["BackupArn"].as_str().expect("an ARN");
    assert!(arn.ends_with("-00000000"), "{arn}");
    let refused = format!(
        "Invalid Request: User is not allowed to delete the system backup with arn {arn}. It will \
         automatically expire on 2027-02-19T08:00:00.000Z"
    );
    cloud.check_invalid("DeleteBackup", json!({"BackupArn": arn}), &refused).await;

    let request = json!({"BackupArn": arn, "TargetTableName": "Again"});
    cloud.call("RestoreTableFromBackup", request).await;
    cloud.active("Again").await;
    assert_eq!(cloud.items("Again", None).await, items);
    cloud
        .eventually(async |cloud| {
            clock.advance(Duration::from_secs(2));
            (cloud.stored("dynamodb/recovery") == 0).then_some(())
        })
        .await;
    assert_eq!(cloud.stored("dynamodb/item"), 300);
    clock.advance(35 * DAY);
    cloud
        .eventually(async |cloud| {
            clock.advance(Duration::from_secs(2));
            (cloud.stored("dynamodb/item") == 150).then_some(())
        })
        .await;
    assert_eq!(cloud.call("ListBackups", list).await["BackupSummaries"], json!([]));
}
