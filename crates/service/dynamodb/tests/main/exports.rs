//! Exports to S3: against what the table was, at every moment and between any two; imports of
//! what was exported, broken off in the middle.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api_s3::{Client, ListObjectsV2Request};
use kernel::{Clock, Config, ManualClock};
use serde_json::{Value, json};

use crate::{Cloud, buckets};

const MINUTE: Duration = Duration::from_secs(60);
const BUCKET: &str = "exports";
const ARN: &str = "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Flights";

/// What a table holds, by partition key.
type State = BTreeMap<String, Value>;

async fn make_table(cloud: &Cloud) {
    let request = json!({
        "TableName": "Flights", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]});
    cloud.call("CreateTable", request).await;
    let request = json!({"TableName": "Flights",
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}});
    cloud.call("UpdateContinuousBackups", request).await;
}

/// The export, once it has ended.
async fn export(cloud: &Cloud, more: Value) -> Value {
    let mut request = json!({"TableArn": ARN, "S3Bucket": "exports"});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = cloud.call("ExportTableToPointInTime", request).await;
    let arn = made["ExportDescription"]["ExportArn"].clone();
    assert!(arn.is_string(), "{made}");
    let export = cloud
        .eventually(async |cloud| {
            let answer = cloud.call("DescribeExport", json!({ "ExportArn": arn })).await;
            let export = answer["ExportDescription"].clone();
            (export["ExportStatus"] != "IN_PROGRESS").then_some(export)
        })
        .await;
    assert_eq!(export["ExportStatus"], "COMPLETED", "{export}");
    export
}

/// The lines of all files of an export.
async fn lines(cloud: &Cloud, export: &Value) -> Vec<Value> {
    let summary = buckets::object(cloud, BUCKET, export["ExportManifest"].as_str().unwrap()).await;
    let summary: Value = serde_json::from_slice(&summary).unwrap();
    let files =
        buckets::object(cloud, BUCKET, summary["manifestFilesS3Key"].as_str().unwrap()).await;
    let mut lines = Vec::new();
    for file in String::from_utf8(files).unwrap().lines() {
        let file: Value = serde_json::from_str(file).unwrap();
        let key = file["dataFileS3Key"].as_str().unwrap();
        let text = buckets::unpacked(cloud, BUCKET, key).await;
        assert_eq!(file["itemCount"], text.lines().count());
        lines.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    assert_eq!(export["ItemCount"], lines.len());
    lines
}

fn key_of(line: &Value) -> String {
    line["pk"]["S"].as_str().unwrap().to_owned()
}

/// Writes at random, a minute apart; the state at each minute, and when that was.
async fn history(cloud: &Cloud, clock: &ManualClock, steps: usize) -> Vec<(i64, State)> {
    let mut random = 88_172_645_463_325_252_u64;
    let mut roll = |below: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % below
    };
    let mut states = vec![(clock.now().epoch_ms, State::new())];
    let mut state = State::new();
    for step in 0..steps {
        clock.advance(MINUTE);
        for _ in 0..roll(6) {
            let pk = format!("{}", roll(12));
            let key = json!({"pk": {"S": pk}});
            if roll(3) == 0 {
                cloud.call("DeleteItem", json!({"TableName": "Flights", "Key": key})).await;
                state.remove(&pk);
            } else {
                let item = json!({"pk": {"S": pk}, "n": {"N": step.to_string()}});
                cloud.call("PutItem", json!({"TableName": "Flights", "Item": item})).await;
                state.insert(pk, item);
            }
        }
        states.push((clock.now().epoch_ms, state.clone()));
    }
    states
}

#[tokio::test]
async fn every_moment_and_all_between_two_can_be_exported() {
    let clock = Arc::new(ManualClock::at(1_800_000_000_000));
    let cloud = Cloud::of(Config { clock: clock.clone(), ..Config::memory() });
    buckets::make(&cloud, BUCKET).await;
    make_table(&cloud).await;
    let states = history(&cloud, &clock, 40).await;
    for (at_ms, state) in states.iter().step_by(3) {
        let export = export(&cloud, json!({"ExportTime": *at_ms as f64 / 1000.0})).await;
        let found = lines(&cloud, &export).await.into_iter().map(|line| line["Item"].clone());
        let found: State = found.map(|item| (key_of(&item), item)).collect();
        assert_eq!(found, *state, "at {at_ms}");
    }
    for (from, to) in [(0, 16), (3, 20), (7, 40), (20, 38)] {
        for view in ["NEW_IMAGE", "NEW_AND_OLD_IMAGES"] {
            // A moment is in the window that begins with it, and not in the one that ends there.
            let window = json!({
                "ExportFromTime": states[from].0 as f64 / 1000.0 + 30.0,
                "ExportToTime": states[to].0 as f64 / 1000.0,
                "ExportViewType": view});
            let request = json!({"ExportType": "INCREMENTAL_EXPORT",
                                 "IncrementalExportSpecification": window});
            let export = export(&cloud, request).await;
            assert_eq!(export["ExportType"], "INCREMENTAL_EXPORT");
            let (before, after) = (&states[from].1, &states[to - 1].1);
            let mut found = before.clone();
            for line in lines(&cloud, &export).await {
                let pk = key_of(&line["Keys"]);
                assert_eq!(line["Keys"].as_object().map(|keys| keys.len()), Some(1));
                let at = line["Metadata"]["WriteTimestampMicros"]["N"].as_str().unwrap();
                let at_ms = at.parse::<i64>().unwrap() / 1000;
                assert!(states[from].0 < at_ms && at_ms < states[to].0, "{line}");
                if view == "NEW_AND_OLD_IMAGES" {
                    assert_eq!(line.get("OldImage"), before.get(&pk), "{line}");
                } else {
                    assert_eq!(line.get("OldImage"), None);
                }
                match line.get("NewImage") {
                    Some(item) => found.insert(pk, item.clone()),
                    None => found.remove(&pk),
                };
            }
            assert_eq!(found, *after, "{from} to {to}");
        }
    }
    // Nothing is left of what was staged, once it is swept away.
    cloud.stop().await;
}

/// Items with a value that does not get smaller, so that there are several files.
async fn fill(cloud: &Cloud, count: u64) -> State {
    let mut state = State::new();
    let mut random = 1_u64;
    for i in 0..count {
        let bytes: String = (0..100_000)
            .map(|_| {
                random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                char::from(b' ' + (random >> 58) as u8 % 90)
            })
            .map(|c| if c == '"' || c == '\\' { '.' } else { c })
            .collect();
        let item = json!({"pk": {"S": i.to_string()}, "v": {"S": bytes}});
        cloud.call("PutItem", json!({"TableName": "Flights", "Item": item})).await;
        state.insert(i.to_string(), item);
    }
    state
}

#[tokio::test]
async fn transfers_go_on_after_the_cloud_has_stopped() {
    // The blobs of S3 are the kernel's, so both kernels have the same.
    let config = Config::memory();
    let (store, blobs, sealer) =
        (config.store.clone(), config.blobs.clone(), config.sealer.clone());
    let cloud = Cloud::of(config);
    buckets::make(&cloud, BUCKET).await;
    make_table(&cloud).await;
    let state = fill(&cloud, 150).await;
    let request = json!({"TableArn": ARN, "S3Bucket": "exports"});
    let made = cloud.call("ExportTableToPointInTime", request).await;
    let arn = made["ExportDescription"]["ExportArn"].clone();
    // Whatever is written from the next millisecond on is not in it.
    let begun = cloud.ctx.now().epoch_ms;
    cloud.eventually(async |cloud| (cloud.ctx.now().epoch_ms > begun).then_some(())).await;
    cloud.call("DeleteItem", json!({"TableName": "Flights", "Key": {"pk": {"S": "7"}}})).await;
    assert!(cloud.kernel.stop(Duration::from_secs(10)).await);
    let again = || Config {
        store: store.clone(),
        blobs: blobs.clone(),
        sealer: sealer.clone(),
        ..Config::memory()
    };
    let cloud = Cloud::of(again());
    let export = cloud
        .eventually(async |cloud| {
            let answer = cloud.call("DescribeExport", json!({ "ExportArn": arn })).await;
            let export = answer["ExportDescription"].clone();
            (export["ExportStatus"] == "COMPLETED").then_some(export)
        })
        .await;
    let found = lines(&cloud, &export).await.into_iter().map(|line| line["Item"].clone());
    let found: State = found.map(|item| (key_of(&item), item)).collect();
    assert!(found == state, "{} of {}", found.len(), state.len());
    let request = ListObjectsV2Request { bucket: "exports".into(), ..Default::default() };
    let objects = cloud.ctx.client::<Client>().list_objects_v2(request).await.expect("a list");
    let keys = objects.contents.unwrap_or_default().into_iter().filter_map(|object| object.key);
    let data = keys.filter(|key| key.contains("/data/")).count();
    assert!(data > 1, "{data} files");
    import_again(cloud, again, &export, &state).await;
}

async fn import_again(cloud: Cloud, again: impl Fn() -> Config, export: &Value, state: &State) {
    let folder = export["ExportManifest"].as_str().unwrap().rsplit_once('/').unwrap().0.to_owned();
    let request = json!({
        "S3BucketSource": {"S3Bucket": "exports", "S3KeyPrefix": format!("{folder}/data/")},
        "InputFormat": "DYNAMODB_JSON", "InputCompressionType": "GZIP",
        "TableCreationParameters": {"TableName": "Copy", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]}});
    let made = cloud.call("ImportTable", request).await;
    let arn = made["ImportTableDescription"]["ImportArn"].clone();
    let describe = async |cloud: &Cloud| {
        let answer = cloud.call("DescribeImport", json!({ "ImportArn": arn })).await;
        answer["ImportTableDescription"].clone()
    };
    // Nobody sees the table before all is there.
    let missing = cloud.call("Scan", json!({"TableName": "Copy"})).await;
    assert_eq!(missing["message"], "Requested resource not found");
    let begun = async |cloud: &Cloud| {
        let import = describe(cloud).await;
        (import["ProcessedItemCount"].as_i64() > Some(0)).then_some(())
    };
    cloud.eventually(begun).await;
    assert!(cloud.kernel.stop(Duration::from_secs(10)).await);
    let cloud = Cloud::of(again());
    let import = cloud
        .eventually(async |cloud| {
            let import = describe(cloud).await;
            (import["ImportStatus"] != "IN_PROGRESS").then_some(import)
        })
        .await;
    assert_eq!(import["ImportStatus"], "COMPLETED", "{import}");
    assert_eq!(import["ImportedItemCount"], state.len());
    assert_eq!(import["ProcessedItemCount"], state.len());
    let found: State =
        cloud.items("Copy", None).await.into_iter().map(|item| (key_of(&item), item)).collect();
    assert!(found == *state, "{} of {}", found.len(), state.len());
}

#[tokio::test]
async fn an_import_of_an_empty_bucket_makes_an_empty_table() {
    let cloud = Cloud::empty();
    buckets::make(&cloud, "empty").await;
    let import = async |prefix: &str, table: &str| {
        let request = json!({
            "S3BucketSource": {"S3Bucket": "empty", "S3KeyPrefix": prefix},
            "InputFormat": "DYNAMODB_JSON",
            "TableCreationParameters": {
                "TableName": table, "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]}});
        let made = cloud.call("ImportTable", request).await;
        let arn = made["ImportTableDescription"]["ImportArn"].clone();
        assert!(arn.is_string(), "{made}");
        cloud
            .eventually(async |cloud| {
                let answer = cloud.call("DescribeImport", json!({ "ImportArn": arn })).await;
                let import = answer["ImportTableDescription"].clone();
                (import["ImportStatus"] != "IN_PROGRESS").then_some(import)
            })
            .await
    };
    let done = import("", "Whole").await;
    assert_eq!(
        (&done["ImportStatus"], &done["ProcessedItemCount"]),
        (&json!("COMPLETED"), &json!(0))
    );
    cloud.active("Whole").await;
    assert_eq!(cloud.items("Whole", None).await.len(), 0);
    let done = import("none/", "Prefixed").await;
    assert_eq!(done["FailureCode"], "S3NoSuchKey", "{done}");
}
