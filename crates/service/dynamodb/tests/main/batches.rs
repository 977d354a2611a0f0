//! Batches.

use serde_json::{Value, json};

use crate::Cloud;

#[tokio::test]
async fn a_batch_is_written_and_read() {
    let cloud = Cloud::with_tables().await;
    let put = |item: Value| json!({"PutRequest": {"Item": item}});
    let a = json!({"pk": {"S": "a"}, "v": {"N": "1"}});
    let b = json!({"pk": {"S": "b"}, "v": {"N": "2"}});
    let c = json!({"pk": {"S": "c"}, "sk": {"N": "3"}});
    let write = json!({
        "RequestItems": {"Simple": [put(a.clone()), put(b.clone())], "Sorted": [put(c.clone())]},
        "ReturnConsumedCapacity": "TOTAL",
    });
    let used = json!([
        {"TableName": "Simple", "CapacityUnits": 2.0}, {"TableName": "Sorted", "CapacityUnits": 1.0}
    ]);
    cloud
        .check("BatchWriteItem", write, json!({"UnprocessedItems": {}, "ConsumedCapacity": used}))
        .await;
    let get = json!({
        "RequestItems": {
            "Simple": {"Keys": [{"pk": {"S": "b"}}, {"pk": {"S": "none"}}, {"pk": {"S": "a"}}],
                       "ConsistentRead": true},
            "Sorted": {"Keys": [{"pk": {"S": "c"}, "sk": {"N": "3.0"}}],
                       "ProjectionExpression": "#s", "ExpressionAttributeNames": {"#s": "sk"}},
        },
        "ReturnConsumedCapacity": "TOTAL",
    });
    let used = json!([
        {"TableName": "Simple", "CapacityUnits": 3.0}, {"TableName": "Sorted", "CapacityUnits": 0.5}
    ]);
    let expected = json!({
        "Responses": {"Simple": [b, a], "Sorted": [{"sk": {"N": "3"}}]},
        "UnprocessedKeys": {}, "ConsumedCapacity": used,
    });
    cloud.check("BatchGetItem", get, expected).await;

    let delete = json!({"RequestItems": {"Simple": [
        {"DeleteRequest": {"Key": {"pk": {"S": "a"}}}}, put(json!({"pk": {"S": "b"}}))
    ]}});
    cloud.check("BatchWriteItem", delete, json!({"UnprocessedItems": {}})).await;
    let left = json!({"Items": [{"pk": {"S": "b"}}], "Count": 1, "ScannedCount": 1});
    cloud.check("Scan", json!({"TableName": "Simple"}), left).await;
}

#[tokio::test]
async fn an_answer_too_large_leaves_keys_unprocessed() {
    let cloud = Cloud::with_tables().await;
    let value = "x".repeat(390 * 1024);
    let mut keys = Vec::new();
    for i in 0..45 {
        let key = json!({"pk": {"S": format!("{i:02}")}});
        let mut item = key.clone();
        item["v"] = json!({"S": value});
        cloud.check("PutItem", json!({"TableName": "Simple", "Item": item}), json!({})).await;
        keys.push(key);
    }
    let request = json!({"RequestItems": {"Simple": {"Keys": keys, "ConsistentRead": true}}});
    let answer = cloud.call("BatchGetItem", request).await;
    let found = answer["Responses"]["Simple"].as_array().unwrap().len();
    let rest = answer["UnprocessedKeys"]["Simple"].clone();
    assert_eq!(found, 42);
    assert_eq!(rest["Keys"].as_array().unwrap().len(), 3);
    assert_eq!(rest["ConsistentRead"], true);
    let again = cloud.call("BatchGetItem", json!({"RequestItems": {"Simple": rest}})).await;
    assert_eq!(again["Responses"]["Simple"].as_array().unwrap().len(), 3);
    assert_eq!(again["UnprocessedKeys"], json!({}));
}

#[tokio::test]
async fn a_bad_batch_writes_nothing() {
    let cloud = Cloud::with_tables().await;
    let put = |pk: &str| json!({"PutRequest": {"Item": {"pk": {"S": pk}}}});
    let delete = json!({"DeleteRequest": {"Key": {"pk": {"S": "a"}}}});
    let twice = json!({"RequestItems": {"Simple": [put("a"), delete]}});
    cloud
        .check_invalid("BatchWriteItem", twice, "Provided list of item keys contains duplicates")
        .await;
    let many = |from: usize| (0..13).map(|i| put(&(from + i).to_string())).collect::<Vec<_>>();
    cloud
        .check_invalid(
            "BatchWriteItem",
            json!({"RequestItems": {"Simple": many(0), "Sorted": many(13)}}),
            "Too many items requested for the BatchWriteItem call",
        )
        .await;
    cloud
        .check_invalid(
            "BatchWriteItem",
            json!({"RequestItems": {"Simple": [put("a"), {}]}}),
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
        )
        .await;
    let missing = json!({"RequestItems": {"Simple": [put("a")], "Missing": [put("a")]}});
    let answer = cloud.call("BatchWriteItem", missing).await;
    assert_eq!(answer["message"], "Requested resource not found");
    let empty = json!({"Items": [], "Count": 0, "ScannedCount": 0});
    cloud.check("Scan", json!({"TableName": "Simple"}), empty).await;

    let key = |n: &str| json!({"pk": {"S": "a"}, "sk": {"N": n}});
    let twice = json!({"RequestItems": {"Sorted": {"Keys": [key("1"), key("1.0")]}}});
    cloud
        .check_invalid("BatchGetItem", twice, "Provided list of item keys contains duplicates")
        .await;
}
