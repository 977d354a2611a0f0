//! Streams enabled and disabled, shards opened and closed, records trimmed, requests refused.

use std::sync::Arc;
use std::time::Duration;

use kernel::ManualClock;
use serde_json::{Value, json};

use crate::Cloud;

const HOUR: Duration = Duration::from_secs(3600);

/// A cloud with a table and a stream, at some time.
async fn cloud() -> (Cloud, Arc<ManualClock>, String) {
    let clock = Arc::new(ManualClock::at(1_795_341_600_123));
    let cloud = Cloud::with_clock(clock.clone());
    let arn = cloud.create_streamed("Log", "KEYS_ONLY").await;
    (cloud, clock, arn)
}

async fn put(cloud: &Cloud, sk: u32) {
    let item = json!({"pk": {"S": "a"}, "sk": {"N": sk.to_string()}});
    cloud.check("PutItem", json!({"TableName": "Log", "Item": item}), json!({})).await;
}

/// The sort keys of all records.
async fn found(cloud: &Cloud, arn: &str) -> String {
    let records = cloud.records(arn).await;
    let keys = records.iter().map(|record| record["dynamodb"]["Keys"]["sk"]["N"].as_str().unwrap());
    keys.collect::<Vec<_>>().join(" ")
}

/// Moves the clock by hours, one by one, and waits for what is done each hour.
async fn pass(cloud: &Cloud, clock: &ManualClock, hours: u32) {
    for _ in 0..hours {
        clock.advance(HOUR);
        cloud.settle(clock).await;
    }
}

async fn disable(cloud: &Cloud) -> Value {
    let off = json!({"TableName": "Log", "StreamSpecification": {"StreamEnabled": false}});
    cloud.call("UpdateTable", off).await["TableDescription"].clone()
}

#[tokio::test]
async fn a_disabled_stream_is_readable_for_a_day_and_a_new_one_is_another() {
    let (cloud, clock, arn) = cloud().await;
    assert!(arn.ends_with("table/Log/stream/2026-11-22T10:00:00.123"), "{arn}");
    put(&cloud, 1).await;
    let shard = cloud.describe_stream(&arn).await["Shards"][0].clone();
    assert_eq!(shard["SequenceNumberRange"].get("EndingSequenceNumber"), None);

    let table = disable(&cloud).await;
    assert_eq!(table.get("StreamSpecification"), None);
    assert_eq!(table["LatestStreamArn"], arn.as_str());
    assert_eq!(table["LatestStreamLabel"], "2026-11-22T10:00:00.123");
    put(&cloud, 2).await;
    let stream = cloud.describe_stream(&arn).await;
    assert_eq!(stream["StreamStatus"], "DISABLED");
    assert_eq!(stream["CreationRequestDateTime"], 1_795_341_600.123);
    assert_eq!(stream["KeySchema"].as_array().map(Vec::len), Some(2));
    let record = cloud.records(&arn).await[0]["dynamodb"]["SequenceNumber"].clone();
    assert_eq!(stream["Shards"][0]["SequenceNumberRange"]["EndingSequenceNumber"], record);
    // The end of a closed shard is told with its last record.
    let from = json!({"ShardIteratorType": "TRIM_HORIZON"});
    let next = cloud.iterator(&arn, &shard, from).await;
    let answer = cloud.streams("GetRecords", next).await;
    assert_eq!(answer["Records"].as_array().map(Vec::len), Some(1));
    assert_eq!(answer.get("NextShardIterator"), None);
    let latest = cloud.iterator(&arn, &shard, json!({"ShardIteratorType": "LATEST"})).await;
    cloud.check_streams("GetRecords", latest, json!({"Records": []})).await;

    let again = cloud.enable_stream("Log", "NEW_IMAGE").await;
    assert_ne!(again, arn);
    put(&cloud, 3).await;
    assert_eq!((found(&cloud, &arn).await, found(&cloud, &again).await), ("1".into(), "3".into()));
    let listed = cloud.streams("ListStreams", json!({"TableName": "Log"})).await;
    assert_eq!(listed["Streams"].as_array().map(Vec::len), Some(2));

    cloud.call("DeleteTable", json!({"TableName": "Log"})).await;
    assert_eq!(cloud.describe_stream(&again).await["StreamStatus"], "DISABLED");
    pass(&cloud, &clock, 23).await;
    assert_eq!(found(&cloud, &again).await, "3");
    pass(&cloud, &clock, 3).await;
    cloud.check_streams("ListStreams", json!({}), json!({"Streams": []})).await;
    let gone = cloud.streams("DescribeStream", json!({"StreamArn": arn})).await;
    assert_eq!(gone["message"], format!("Requested resource not found: Stream: {arn} not found"));
    for table in ["dynamodb/stream", "dynamodb/stream-record", "dynamodb/stream-shard"] {
        assert_eq!(cloud.stored(table), 0, "{table}");
    }
}

#[tokio::test]
async fn shards_follow_each_other_and_records_go_after_a_day() {
    let (cloud, clock, arn) = cloud().await;
    for hour in 0..10 {
        put(&cloud, hour).await;
        pass(&cloud, &clock, 1).await;
    }
    let shards = cloud.describe_stream(&arn).await["Shards"].as_array().unwrap().clone();
    assert_eq!(shards.len(), 3, "{shards:?}");
    for pair in shards.windows(2) {
        assert!(pair[0]["ShardId"].as_str() < pair[1]["ShardId"].as_str());
        assert_eq!(pair[1]["ParentShardId"], pair[0]["ShardId"]);
        let end = &pair[0]["SequenceNumberRange"]["EndingSequenceNumber"];
        let start = &pair[1]["SequenceNumberRange"]["StartingSequenceNumber"];
        assert!(end.is_string() && end.as_str() < start.as_str());
    }
    assert_eq!(shards[0].get("ParentShardId"), None);
    let children = json!({"Type": "CHILD_SHARDS", "ShardId": shards[0]["ShardId"]});
    let request = json!({"StreamArn": arn, "ShardFilter": children});
    let answer = cloud.streams("DescribeStream", request).await;
    assert_eq!(answer["StreamDescription"]["Shards"], json!([shards[1]]));
    // A page at a time.
    let mut request = json!({"StreamArn": arn, "Limit": 2});
    let first = cloud.streams("DescribeStream", request.clone()).await;
    assert_eq!(first["StreamDescription"]["LastEvaluatedShardId"], shards[1]["ShardId"]);
    request["ExclusiveStartShardId"] = shards[1]["ShardId"].clone();
    let second = cloud.streams("DescribeStream", request).await;
    assert_eq!(second["StreamDescription"]["Shards"], json!([shards[2]]));
    assert_eq!(second["StreamDescription"].get("LastEvaluatedShardId"), None);

    assert_eq!(found(&cloud, &arn).await, "0 1 2 3 4 5 6 7 8 9");
    // From a time on: the third shard has what was written in hours 8 and 9.
    for (hour, expected) in [(0i64, "8"), (8, "8"), (9, "9"), (10, "")] {
        let ms = 1_795_341_600_123 + 3_600_000 * hour;
        let since = json!({"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": ms as f64 / 1000.0});
        let mut next = cloud.iterator(&arn, &shards[2], since).await;
        next["Limit"] = json!(1);
        let answer = cloud.streams("GetRecords", next).await;
        let first = &answer["Records"][0]["dynamodb"]["Keys"]["sk"]["N"];
        assert_eq!(first.as_str().unwrap_or_default(), expected, "{hour}: {answer}");
    }
    let records = cloud.records(&arn).await;
    let at = |i: usize| records[i]["dynamodb"]["SequenceNumber"].clone();
    let from = |kind: &str, i| json!({"ShardIteratorType": kind, "SequenceNumber": at(i)});
    pass(&cloud, &clock, 12).await;
    let early = cloud.iterator(&arn, &shards[0], from("AFTER_SEQUENCE_NUMBER", 0)).await;
    let second = cloud.iterator(&arn, &shards[0], from("AFTER_SEQUENCE_NUMBER", 2)).await;
    clock.advance(Duration::from_secs(14 * 60));
    assert_eq!(found(&cloud, &arn).await, "0 1 2 3 4 5 6 7 8 9");
    // Now the first three are older than a day.
    pass(&cloud, &clock, 4).await;
    assert_eq!(found(&cloud, &arn).await, "3 4 5 6 7 8 9");
    for (kind, i) in [("AT_SEQUENCE_NUMBER", 2), ("AFTER_SEQUENCE_NUMBER", 1)] {
        let refused = cloud.iterator(&arn, &shards[0], from(kind, i)).await;
        let namespace = "com.amazonaws.dynamodb.v20120810";
        assert_eq!(refused["__type"], format!("{namespace}#TrimmedDataAccessException"));
    }
    let rest = cloud.iterator(&arn, &shards[0], from("AFTER_SEQUENCE_NUMBER", 2)).await;
    let answer = cloud.streams("GetRecords", rest).await;
    assert_eq!(answer["Records"].as_array().map(Vec::len), Some(1), "{answer}");
    for iterator in [early, second] {
        let refused = cloud.streams("GetRecords", iterator).await;
        let kind = refused["__type"].as_str().unwrap_or_default();
        assert!(kind.ends_with("#ExpiredIteratorException"), "{refused}");
    }
    pass(&cloud, &clock, 4).await;
    let left = cloud.describe_stream(&arn).await["Shards"].as_array().unwrap().clone();
    assert!(!left.contains(&shards[0]) && left[0]["ShardId"] == shards[1]["ShardId"], "{left:?}");
    let gone = cloud.iterator(&arn, &shards[0], json!({"ShardIteratorType": "LATEST"})).await;
    assert_eq!(gone["message"], "Requested resource not found: Shard does not exist");
    // Without writes shards still come and go, and no more than a day's are kept.
    pass(&cloud, &clock, 30).await;
    assert_eq!(cloud.stored("dynamodb/stream-record"), 0);
    assert!((6..=9).contains(&cloud.stored("dynamodb/stream-shard")));
}

#[tokio::test]
async fn a_reader_at_the_end_of_a_quiet_stream_loses_nothing() {
    let (cloud, clock, arn) = cloud().await;
    put(&cloud, 1).await;
    let mut shard = cloud.describe_stream(&arn).await["Shards"][0].clone();
    let start = json!({"ShardIteratorType": "LATEST"});
    let mut iterator = cloud.iterator(&arn, &shard, start.clone()).await;
    for _ in 0..(40 * 6) {
        clock.advance(Duration::from_secs(600));
        cloud.settle(&clock).await;
        let answer = cloud.streams("GetRecords", iterator).await;
        assert_eq!(answer["Records"], json!([]), "{answer}");
        iterator = match answer.get("NextShardIterator") {
            Some(next) => json!({ "ShardIterator": next }),
            None => {
                let filter = json!({"Type": "CHILD_SHARDS", "ShardId": shard["ShardId"]});
                let request = json!({"StreamArn": arn, "ShardFilter": filter});
                let answer = cloud.streams("DescribeStream", request).await;
                shard = answer["StreamDescription"]["Shards"][0].clone();
                let start = json!({"ShardIteratorType": "TRIM_HORIZON"});
                cloud.iterator(&arn, &shard, start).await
            }
        };
    }
    put(&cloud, 2).await;
    let answer = cloud.streams("GetRecords", iterator).await;
    assert_eq!(answer["Records"].as_array().map(Vec::len), Some(1), "{answer}");
}

#[tokio::test]
async fn streams_are_listed_in_pages() {
    let cloud = Cloud::empty();
    let mut expected = Vec::new();
    for name in ["Bee", "ant", "cat"] {
        expected.push(cloud.create_streamed(name, "KEYS_ONLY").await);
    }
    let mut request = json!({"Limit": 1});
    let mut arns = Vec::new();
    loop {
        let answer = cloud.streams("ListStreams", request.clone()).await;
        arns.push(answer["Streams"][0]["StreamArn"].as_str().unwrap().to_owned());
        let Some(last) = answer.get("LastEvaluatedStreamArn") else { break };
        assert_eq!(last, &json!(arns.last()));
        request["ExclusiveStartStreamArn"] = last.clone();
        // Going on does not need it any more.
        cloud.call("DeleteTable", json!({"TableName": "ant"})).await;
    }
    assert_eq!(arns, expected);
    let one = cloud.streams("ListStreams", json!({"TableName": "cat"})).await;
    let stream = &one["Streams"][0];
    assert_eq!(stream["TableName"], "cat");
    assert!(expected[2].ends_with(stream["StreamLabel"].as_str().unwrap()));
    cloud.check_streams("ListStreams", json!({"TableName": "dog"}), json!({"Streams": []})).await;
}

#[tokio::test]
async fn specifications_are_checked() {
    let cloud = Cloud::with_tables().await;
    let invalid = "One or more parameter values were invalid: ";
    let update =
        |specification: Value| json!({"TableName": "Simple", "StreamSpecification": specification});
    for (specification, message) in [
        (
            json!({"StreamEnabled": true}),
            format!("{invalid}If stream is being enabled then UpdateViewType is required"),
        ),
        (
            json!({"StreamEnabled": false, "StreamViewType": "KEYS_ONLY"}),
            format!(
                "{invalid}If stream is being disabled, then UpdateViewType must not be specified"
            ),
        ),
        (
            json!({"StreamEnabled": false}),
            "Table has no stream to disable: TableName: Simple".into(),
        ),
    ] {
        cloud.check_invalid("UpdateTable", update(specification), &message).await;
    }
    let mut both = update(json!({"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"}));
    both["ProvisionedThroughput"] = json!({"ReadCapacityUnits": 1, "WriteCapacityUnits": 1});
    let iops = "You cannot modify stream status while updating table IOPS";
    cloud.check_invalid("UpdateTable", both, &format!("{invalid}{iops}")).await;
    cloud.enable_stream("Simple", "OLD_IMAGE").await;
    for view in ["OLD_IMAGE", "NEW_IMAGE"] {
        let again = json!({"StreamEnabled": true, "StreamViewType": view});
        let message = "Table already has an enabled stream: TableName: Simple";
        cloud.check_invalid("UpdateTable", update(again), message).await;
    }
    let create = |specification: Value| {
        json!({
            "TableName": "New", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "StreamSpecification": specification,
        })
    };
    let enabled = "Table is being created with a stream enabled, UpdateViewType is required";
    let disabled =
        "Table is being created with a stream disabled, UpdateViewType should not be specified";
    let request = create(json!({"StreamEnabled": true}));
    cloud.check_invalid("CreateTable", request, &format!("{invalid}{enabled}")).await;
    let request = create(json!({"StreamEnabled": false, "StreamViewType": "NEW_IMAGE"}));
    cloud.check_invalid("CreateTable", request, &format!("{invalid}{disabled}")).await;
    let request = create(json!({"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"}));
    let made = cloud.call("CreateTable", request).await;
    let made = &made["TableDescription"];
    assert_eq!(made["StreamSpecification"]["StreamViewType"], "NEW_IMAGE");
    let described = cloud.describe_stream(made["LatestStreamArn"].as_str().unwrap()).await;
    assert_eq!(described["StreamLabel"], made["LatestStreamLabel"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said() {
    let (cloud, _, arn) = cloud().await;
    let shard = cloud.describe_stream(&arn).await["Shards"][0].clone();
    let start = &shard["SequenceNumberRange"]["StartingSequenceNumber"];
    let long = "sdfadfsdfnlfkajakfgjalksfgklasjklasdjfklasdfasdfgasf";
    let iterator = |kind: &str, more: Value| {
        let mut request = json!({
            "StreamArn": arn, "ShardId": shard["ShardId"], "ShardIteratorType": kind,
        });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ("GetShardIterator", request)
    };
    let elsewhere = arn.replace("table/Log/", "table/Other/");
    let above = |limit, most| {
        format!(
            "1 validation error detected: Value '{limit}' at 'limit' failed to satisfy \
             constraint: Member must have value less than or equal to {most}"
        )
    };
    let good = cloud.iterator(&arn, &shard, json!({"ShardIteratorType": "LATEST"})).await;
    let good = good["ShardIterator"].as_str().unwrap();
    let mut forged = good.to_owned().into_bytes();
    let place = forged.len() - 9;
    forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    let no_stream = format!("Requested resource not found: Stream: {elsewhere} not found");
    let invalid = "ValidationException";
    let missing = "ResourceNotFoundException";
    let cases: Vec<((&str, Value), &str, String)> = vec![
        (("DescribeStream", json!({"StreamArn": long})), invalid, "Invalid StreamArn".into()),
        (("DescribeStream", json!({"StreamArn": elsewhere})), missing, no_stream.clone()),
        (("DescribeStream", json!({"StreamArn": arn, "Limit": 101})), invalid, above(101, 100)),
        (("ListStreams", json!({"Limit": 101})), invalid, above(101, 100)),
        (("ListStreams", json!({"ExclusiveStartStreamArn": long})), invalid, "Invalid StreamArn".into()),
        (("GetRecords", json!({"ShardIterator": good, "Limit": 1001})), invalid, above(1001, 1000)),
        (("GetRecords", json!({"ShardIterator": long})), invalid, "Invalid ShardIterator".into()),
        (("GetRecords", json!({"ShardIterator": forged})), invalid, "Invalid ShardIterator".into()),
        (
            ("GetRecords", json!({"ShardIterator": good.replace("table/Log/", "table/U/")})),
            missing,
            no_stream.replace("table/Other/", "table/U/"),
        ),
        (iterator("LATEST", json!({"StreamArn": long})), invalid, "Invalid StreamArn".into()),
        (iterator("LATEST", json!({"StreamArn": elsewhere})), missing, no_stream),
        (
            iterator("LATEST", json!({"ShardId": long})),
            missing,
            "Requested resource not found: Shard does not exist".into(),
        ),
        (
            iterator("LATEST", json!({"SequenceNumber": start})),
            invalid,
            "SequenceNumber must not be specified when ShardIteratorType is LATEST".into(),
        ),
        (
            iterator("AT_SEQUENCE_NUMBER", json!({})),
            invalid,
            "SequenceNumber must be specified when ShardIteratorType is AT_SEQUENCE_NUMBER".into(),
        ),
        (
            iterator("AFTER_SEQUENCE_NUMBER", json!({"SequenceNumber": &long[..40]})),
            invalid,
            format!("Invalid SequenceNumber: {}", &long[..40]),
        ),
        (
            iterator("AT_SEQUENCE_NUMBER", json!({"SequenceNumber": format!("1{:029}", 0)})),
            invalid,
            format!("Invalid SequenceNumber: 1{:029}", 0),
        ),
        (
            iterator("AT_TIMESTAMP", json!({"Timestamp": 1_795_341_700})),
            invalid,
            "Timestamp must not be in the future".into(),
        ),
        (
            ("DescribeStream", json!({"StreamArn": arn, "ShardFilter": {"Type": "CHILD_SHARDS"}})),
            invalid,
            "1 validation error detected: Value null at 'shardFilter.shardId' failed to satisfy constraint: Member must not be null".into(),
        ),
    ];
    for ((operation, request), code, message) in cases {
        let answer = cloud.streams(operation, request.clone()).await;
        let kind = answer["__type"].as_str().unwrap_or_default();
        assert!(kind.ends_with(&format!("#{code}")), "{operation} {request}: {answer}");
        assert_eq!(answer["message"], message, "{operation} {request}");
    }
}
