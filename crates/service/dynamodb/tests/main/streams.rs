//! DynamoDB Streams: what records say, and how they are read.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use kernel::{Clock, Config, ManualClock};
use serde_json::{Value, json};

use crate::Cloud;

impl Cloud {
    /// A new one, without tables, whose time is that of the clock.
    pub fn with_clock(clock: Arc<ManualClock>) -> Cloud {
        Cloud::of(Config { clock, ..Config::memory() })
    }

    /// Waits until no task is due by the clock.
    pub async fn settle(&self, clock: &ManualClock) {
        let now_ms = clock.now().epoch_ms.unsigned_abs();
        let due = async || self.kernel.store().read(|tx| tx.due(now_ms, 1)).expect("timers");
        self.until("no task is due", async || due().await.is_empty()).await;
    }

    /// Calls an operation of DynamoDB Streams and compares the whole answer.
    pub async fn check_streams(&self, operation: &str, request: Value, expected: Value) {
        let answer = self.streams(operation, request.clone()).await;
        assert_eq!(answer, expected, "{operation} {request}");
    }

    /// Calls an operation of DynamoDB Streams.
    pub async fn streams(&self, operation: &str, request: Value) -> Value {
        self.call_service("dynamodbstreams", operation, request).await
    }

    /// Makes a table with a stream; its ARN.
    pub async fn create_streamed(&self, name: &str, view: &str) -> String {
        self.create(name, &[("pk", "S"), ("sk", "N")]).await;
        self.enable_stream(name, view).await
    }

    /// Gives a table a stream; its ARN.
    pub async fn enable_stream(&self, name: &str, view: &str) -> String {
        let specification = json!({"StreamEnabled": true, "StreamViewType": view});
        let request = json!({"TableName": name, "StreamSpecification": specification});
        let answer = self.call("UpdateTable", request).await;
        let table = &answer["TableDescription"];
        assert_eq!(table["StreamSpecification"], specification, "{answer}");
        table["LatestStreamArn"].as_str().expect("an ARN").to_owned()
    }

    /// The stream and its shards.
    pub async fn describe_stream(&self, arn: &str) -> Value {
        let answer = self.streams("DescribeStream", json!({ "StreamArn": arn })).await;
        answer["StreamDescription"].clone()
    }

    /// An iterator, made with those parameters beside stream and shard.
    pub async fn iterator(&self, arn: &str, shard: &Value, more: Value) -> Value {
        let mut request = json!({"StreamArn": arn, "ShardId": shard["ShardId"]});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.streams("GetShardIterator", request).await
    }

    /// All records of all shards.
    pub async fn records(&self, arn: &str) -> Vec<Value> {
        let mut records = Vec::new();
        for shard in self.describe_stream(arn).await["Shards"].as_array().expect("shards") {
            let start = json!({"ShardIteratorType": "TRIM_HORIZON"});
            let mut next = self.iterator(arn, shard, start).await["ShardIterator"].clone();
            while !next.is_null() {
                let answer = self.streams("GetRecords", json!({ "ShardIterator": next })).await;
                let found = answer["Records"].as_array().unwrap_or_else(|| panic!("{answer}"));
                records.extend(found.iter().cloned());
                next = match found.is_empty() {
                    true => Value::Null,
                    false => answer["NextShardIterator"].clone(),
                };
            }
        }
        records
    }
}

fn item(pk: &str, sk: u32, note: &str) -> Value {
    json!({"pk": {"S": pk}, "sk": {"N": sk.to_string()}, "note": {"S": note}})
}

fn key(pk: &str, sk: u32) -> Value {
    json!({"pk": {"S": pk}, "sk": {"N": sk.to_string()}})
}

/// What happened: the event, and the images.
fn summary(record: &Value) -> Value {
    let body = &record["dynamodb"];
    json!([record["eventName"], body["Keys"], body["OldImage"], body["NewImage"]])
}

#[tokio::test]
async fn each_view_has_what_it_should() {
    for (view, has_old, has_new) in [
        ("KEYS_ONLY", false, false),
        ("OLD_IMAGE", true, false),
        ("NEW_IMAGE", false, true),
        ("NEW_AND_OLD_IMAGES", true, true),
    ] {
        let cloud = Cloud::empty();
        let arn = cloud.create_streamed("Log", view).await;
        let put = |item: Value| cloud.call("PutItem", json!({"TableName": "Log", "Item": item}));
        put(item("a", 1, "x")).await;
        put(item("a", 1, "x")).await;
        put(item("a", 1, "longer")).await;
        for _ in 0..2 {
            cloud.call("DeleteItem", json!({"TableName": "Log", "Key": key("a", 1)})).await;
        }
        let records = cloud.records(&arn).await;
        let image = |shown: bool, item: Value| if shown { item } else { Value::Null };
        let expected = [
            json!(["INSERT", key("a", 1), null, image(has_new, item("a", 1, "x"))]),
            json!([
                "MODIFY",
                key("a", 1),
                image(has_old, item("a", 1, "x")),
                image(has_new, item("a", 1, "longer"))
            ]),
            json!(["REMOVE", key("a", 1), image(has_old, item("a", 1, "longer")), null]),
        ];
        assert_eq!(records.iter().map(summary).collect::<Vec<_>>(), expected, "{view}");
        // pk, a; sk, 1 in two bytes: 7. With note and its text: 12 and 17.
        let sizes = records.iter().map(|record| record["dynamodb"]["SizeBytes"].as_u64().unwrap());
        let (old, new) = (u64::from(has_old), u64::from(has_new));
        assert_eq!(
            sizes.collect::<Vec<_>>(),
            [7 + 12 * new, 7 + 12 * old + 17 * new, 7 + 17 * old],
            "{view}"
        );
        for record in &records {
            let body = &record["dynamodb"];
            assert_eq!(body["StreamViewType"], view);
            assert!(body["ApproximateCreationDateTime"].as_f64().unwrap() > 1.7e9);
            let said = ["eventVersion", "eventSource", "awsRegion"].map(|name| &record[name]);
            assert_eq!(said, ["1.1", "aws:dynamodb", "ap-northeast-2"]);
            assert_eq!(record["eventID"].as_str().unwrap().len(), 32);
            assert_eq!(record.get("userIdentity"), None);
        }
    }
}

#[tokio::test]
async fn updates_and_batches_have_records_and_what_changes_nothing_has_none() {
    let cloud = Cloud::empty();
    let arn = cloud.create_streamed("Log", "NEW_AND_OLD_IMAGES").await;
    let update = |expression: &str| {
        let mut request =
            json!({"TableName": "Log", "Key": key("a", 1), "UpdateExpression": expression});
        if expression.contains(":v") {
            request["ExpressionAttributeValues"] = json!({":v": {"S": "x"}});
        }
        cloud.call("UpdateItem", request)
    };
    update("REMOVE missing").await;
    update("SET note = :v").await;
    update("SET note = :v").await;
    update("REMOVE missing").await;
    update("REMOVE note").await;
    let batch = json!([
        {"PutRequest": {"Item": item("b", 1, "x")}},
        {"DeleteRequest": {"Key": key("b", 2)}},
        {"DeleteRequest": {"Key": key("a", 1)}},
    ]);
    cloud.call("BatchWriteItem", json!({"RequestItems": {"Log": batch}})).await;
    let expected = [
        json!(["INSERT", key("a", 1), null, item("a", 1, "x")]),
        json!(["MODIFY", key("a", 1), item("a", 1, "x"), key("a", 1)]),
        json!(["INSERT", key("b", 1), null, item("b", 1, "x")]),
        json!(["REMOVE", key("a", 1), key("a", 1), null]),
    ];
    let records = cloud.records(&arn).await;
    assert_eq!(records.iter().map(summary).collect::<Vec<_>>(), expected);
    let numbers =
        records.iter().map(|record| record["dynamodb"]["SequenceNumber"].as_str().unwrap());
    assert!(numbers.collect::<Vec<_>>().is_sorted_by(|a, b| a < b));
    let ids: HashSet<&str> =
        records.iter().map(|record| record["eventID"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), records.len());
    assert_eq!(cloud.records(&arn).await, records, "a record is the same each time");
}

#[tokio::test]
async fn iterators_begin_where_they_should() {
    let cloud = Cloud::empty();
    let arn = cloud.create_streamed("Log", "KEYS_ONLY").await;
    let put = |sk| cloud.call("PutItem", json!({"TableName": "Log", "Item": key("a", sk)}));
    for sk in 1..=3 {
        put(sk).await;
    }
    let shard = cloud.describe_stream(&arn).await["Shards"][0].clone();
    let latest = cloud.iterator(&arn, &shard, json!({"ShardIteratorType": "LATEST"})).await;
    put(4).await;
    let numbers: Vec<Value> = cloud
        .records(&arn)
        .await
        .iter()
        .map(|record| record["dynamodb"]["SequenceNumber"].clone())
        .collect();
    let read = |iterator: Value, limit: u32| {
        let cloud = &cloud;
        async move {
            let request = json!({"ShardIterator": iterator["ShardIterator"], "Limit": limit});
            let answer = cloud.streams("GetRecords", request).await;
            let found = answer["Records"].as_array().unwrap_or_else(|| panic!("{answer}"));
            let keys = found.iter().map(|record| &record["dynamodb"]["Keys"]["sk"]["N"]);
            (keys.map(|n| n.as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" "), answer)
        }
    };
    assert_eq!(read(latest, 10).await.0, "4");
    let start = &shard["SequenceNumberRange"]["StartingSequenceNumber"];
    for (kind, number, expected) in [
        ("AT_SEQUENCE_NUMBER", start, "1 2 3 4"),
        ("AFTER_SEQUENCE_NUMBER", start, "1 2 3 4"),
        ("AT_SEQUENCE_NUMBER", &numbers[1], "2 3 4"),
        ("AFTER_SEQUENCE_NUMBER", &numbers[1], "3 4"),
        ("AFTER_SEQUENCE_NUMBER", &numbers[3], ""),
    ] {
        let from = json!({"ShardIteratorType": kind, "SequenceNumber": number});
        assert_eq!(read(cloud.iterator(&arn, &shard, from).await, 10).await.0, expected, "{kind}");
    }
    let since = json!({"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": 1000});
    assert_eq!(read(cloud.iterator(&arn, &shard, since).await, 10).await.0, "1 2 3 4");
    // Page by page, and on and on: the shard is open.
    let from = json!({"ShardIteratorType": "TRIM_HORIZON"});
    let (mut found, mut answer) = read(cloud.iterator(&arn, &shard, from).await, 3).await;
    assert_eq!(found, "1 2 3");
    for expected in ["4", "", "5"] {
        if expected == "5" {
            put(5).await;
        }
        let next = json!({"ShardIterator": answer["NextShardIterator"]});
        (found, answer) = read(next, 3).await;
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn a_page_holds_a_megabyte() {
    let cloud = Cloud::empty();
    let arn = cloud.create_streamed("Log", "NEW_IMAGE").await;
    let large = "x".repeat(390 * 1024);
    for sk in 0..5 {
        cloud.call("PutItem", json!({"TableName": "Log", "Item": item("a", sk, &large)})).await;
    }
    let shard = cloud.describe_stream(&arn).await["Shards"][0].clone();
    let from = json!({"ShardIteratorType": "TRIM_HORIZON"});
    let mut next = cloud.iterator(&arn, &shard, from).await["ShardIterator"].clone();
    let mut pages = Vec::new();
    for _ in 0..4 {
        let answer = cloud.streams("GetRecords", json!({ "ShardIterator": next })).await;
        pages.push(answer["Records"].as_array().unwrap().len());
        next = answer["NextShardIterator"].clone();
    }
    assert_eq!(pages, [2, 2, 1, 0]);
}

/// Whatever happens at the same time: the records, applied in their order to nothing, are the
/// table, and each record's old image is what its predecessor left.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_stream_replayed_is_the_table() {
    let cloud = Arc::new(Cloud::empty());
    let arn = cloud.create_streamed("Log", "NEW_AND_OLD_IMAGES").await;
    let writers = (0..6u32).map(|writer| {
        let cloud = cloud.clone();
        #[expect(clippy::disallowed_methods, reason = "writers that run at the same time")]
        tokio::spawn(async move {
            for i in 0..60u32 {
                let (pk, sk) = (["a", "b"][(i as usize + writer as usize) % 2], i % 3);
                let key = key(pk, sk);
                let answer = match (i * 7 + writer) % 5 {
                    0 => cloud.call("DeleteItem", json!({"TableName": "Log", "Key": key})).await,
                    1 => {
                        let put =
                            json!({"PutRequest": {"Item": item(pk, sk, &format!("{writer}"))}});
                        let other = json!({"DeleteRequest": {"Key": self::key(pk, sk + 10)}});
                        let batch = json!({"RequestItems": {"Log": [put, other]}});
                        cloud.call("BatchWriteItem", batch).await
                    }
                    2 => {
                        let item = item(pk, sk, &format!("{writer} {i}"));
                        cloud.call("PutItem", json!({"TableName": "Log", "Item": item})).await
                    }
                    _ => {
                        let update = json!({
                            "TableName": "Log", "Key": key, "UpdateExpression": "ADD n :one",
                            "ExpressionAttributeValues": {":one": {"N": "1"}},
                        });
                        cloud.call("UpdateItem", update).await
                    }
                };
                assert_eq!(answer.get("__type"), None, "{answer}");
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.expect("a writer");
    }
    let mut table: BTreeMap<String, Value> = BTreeMap::new();
    for record in cloud.records(&arn).await {
        let body = &record["dynamodb"];
        let key = body["Keys"].to_string();
        let was = table.get(&key).cloned().unwrap_or(Value::Null);
        assert_eq!(body["OldImage"], was, "{record}");
        match &body["NewImage"] {
            Value::Null => drop(table.remove(&key)),
            new => drop(table.insert(key, new.clone())),
        }
    }
    let scanned = cloud.call("Scan", json!({"TableName": "Log"})).await;
    let key = |item: &Value| json!({"pk": item["pk"], "sk": item["sk"]}).to_string();
    let items = scanned["Items"].as_array().unwrap();
    let items: BTreeMap<String, Value> = items.iter().map(|i| (key(i), i.clone())).collect();
    assert_eq!(table, items);
}
