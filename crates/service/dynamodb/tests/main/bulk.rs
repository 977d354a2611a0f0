//! Bulk operations that are broken off again and again: every record is put or told once.

use std::collections::BTreeMap;
use std::time::Duration;

use api_s3::{Client, PutObjectRequest};
use serde_json::{Value, json};
use shape::ByteStream;

use crate::{Cloud, buckets};

const RECORDS: usize = 700;
const BUCKET: &str = "bulk";

async fn put_object(cloud: &Cloud, key: &str, bytes: Vec<u8>) {
    let request = PutObjectRequest {
        bucket: BUCKET.into(),
        key: key.to_owned(),
        content_length: Some(bytes.len() as i64),
        body: Some(ByteStream::Bytes(bytes.into())),
        ..Default::default()
    };
    cloud.ctx.client::<Client>().put_object(request).await.expect("an object");
}

async fn make_table(cloud: &Cloud) {
    let request = json!({
        "TableName": "Flights", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]});
    cloud.call("CreateTable", request).await;
}

/// A record of the object with that number: some are no items, of some the condition never holds.
fn record(object: usize, record: usize) -> String {
    match record % 7 {
        5 => format!("{{\"Item\":{{\"pk\":{{\"N\":\"{record}\"}}}}}}\n"),
        6 => format!(
            "{{\"Item\":{{\"pk\":{{\"S\":\"{object}-{record}\"}}}},\
             \"ConditionExpression\":\"attribute_exists(pk)\"}}\n"
        ),
        _ => format!("{{\"Item\":{{\"pk\":{{\"S\":\"{object}-{record}\"}}}}}}\n"),
    }
}

async fn describe(cloud: &Cloud, arn: &Value) -> Value {
    let request = json!({ "BulkOperationArn": arn });
    cloud.call("DescribeBulkOperation", request).await["BulkOperationDescription"].clone()
}

/// Where the lines of a kind point to.
async fn told(cloud: &Cloud, folder: &str, kind: &str) -> Vec<(String, u64)> {
    let files = buckets::object(cloud, BUCKET, &format!("{folder}/manifest-files.json")).await;
    let mut told = Vec::new();
    for file in String::from_utf8(files).unwrap().lines() {
        let file: Value = serde_json::from_str(file).expect("JSON");
        if file["outputType"] != kind {
            continue;
        }
        let key = file["dataFileS3Key"].as_str().unwrap();
        let text = buckets::unpacked(cloud, BUCKET, key).await;
        for line in text.lines() {
            let line: Value = serde_json::from_str(line).expect("JSON");
            let pointer = &line["itemS3Pointer"];
            let key = pointer["key"].as_str().unwrap().to_owned();
            told.push((key, pointer["itemIndex"].as_u64().unwrap()));
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_off_again_and_again() {
    let mut cloud = Cloud::empty();
    buckets::make(&cloud, BUCKET).await;
    make_table(&cloud).await;
    for i in 0..3 {
        let text: String = (0..RECORDS).map(|j| record(i, j)).collect();
        put_object(&cloud, &format!("in/{i}"), text.into_bytes()).await;
    }
    let request = json!({"TableName": "Flights",
        "InputS3Configuration": {"S3Bucket": "bulk", "S3KeyPrefix": "in/",
                                 "InputFormat": "DYNAMODB_JSON"},
        "OutputS3Configuration": {"S3Bucket": "bulk",
                                  "OutputType": ["ERROR", "CONDITION_CHECK_FAILURE"]}});
    let made = cloud.call("StartBulkPutItems", request).await;
    let arn = made["BulkOperationDescription"]["BulkOperationArn"].clone();
    assert!(arn.is_string(), "{made}");
    for _ in 0..3 {
        #[expect(clippy::disallowed_methods, reason = "lets work in the background go on")]
        tokio::time::sleep(Duration::from_millis(5)).await;
        cloud = cloud.restarted().await;
    }
    let done = cloud
        .eventually(async |cloud| {
            let found = describe(cloud, &arn).await;
            (found["BulkOperationStatus"] != "IN_PROGRESS").then_some(found)
        })
        .await;
    assert_eq!(done["BulkOperationStatus"], "COMPLETED_WITH_ERRORS", "{done}");
    assert_eq!(done["ProcessedItemCount"], 3 * RECORDS);
    assert_eq!(done["ProcessedInputBytes"], done["TotalInputBytes"]);
    let mut places: BTreeMap<usize, Vec<(String, u64)>> = BTreeMap::new();
    for i in 0..3 {
        for j in 0..RECORDS {
            places.entry(j % 7).or_default().push((format!("in/{i}"), j as u64));
        }
    }
    let items = cloud.items("Flights", None).await;
    let expected: usize = (0..5).map(|i| places[&i].len()).sum();
    assert_eq!(items.len(), expected);
    let size: usize = items.iter().map(|item| 2 + item["pk"]["S"].as_str().unwrap().len()).sum();
    assert_eq!(done["BulkOperationUsage"][0]["BulkPutBytes"], size);
    let id = arn.as_str().unwrap().rsplit('/').next().unwrap();
    let folder = format!("AWSDynamoDB/{id}");
    assert_eq!(told(&cloud, &folder, "ERROR").await, places[&5]);
    assert_eq!(told(&cloud, &folder, "CONDITION_CHECK_FAILURE").await, places[&6]);
    assert_eq!(done["FailedItemCount"], places[&5].len());
}
