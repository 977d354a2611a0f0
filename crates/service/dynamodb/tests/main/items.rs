//! Items: put, got, updated, deleted.

use serde_json::{Value, json};

use crate::Cloud;

fn key(pk: &str) -> Value {
    json!({"pk": {"S": pk}})
}

#[tokio::test]
async fn every_type_comes_back_canonical() {
    let cloud = Cloud::with_tables().await;
    let mut item = json!({
        "pk": {"S": "types"}, "s": {"S": ""}, "n": {"N": "0012.50e1"}, "b": {"B": "AP8="},
        "t": {"BOOL": true}, "nil": {"NULL": true}, "l": {"L": [{"S": "가"}, {"L": []}]},
        "m": {"M": {"k": {"N": "-0"}, "": {"S": "empty name"}}},
        "ss": {"SS": ["b", "a"]}, "ns": {"NS": ["10", "9"]}, "bs": {"BS": ["Ag==", "AQ=="]},
    });
    cloud.check("PutItem", json!({"TableName": "Simple", "Item": item}), json!({})).await;
    item["n"] = json!({"N": "125"});
    item["m"]["M"]["k"] = json!({"N": "0"});
    item["ss"] = json!({"SS": ["a", "b"]});
    item["ns"] = json!({"NS": ["9", "10"]});
    item["bs"] = json!({"BS": ["AQ==", "Ag=="]});
    let get = json!({"TableName": "Simple", "Key": key("types")});
    cloud.check("GetItem", get, json!({ "Item": item })).await;
}

#[tokio::test]
async fn numbers_are_one_key_however_written() {
    let cloud = Cloud::with_tables().await;
    for (sk, v) in [("1000", "first"), ("1e3", "second"), ("+1000.0", "third")] {
        let item = json!({"pk": {"S": "a"}, "sk": {"N": sk}, "v": {"S": v}});
        cloud.check("PutItem", json!({"TableName": "Sorted", "Item": item}), json!({})).await;
    }
    let get = json!({"TableName": "Sorted", "Key": {"pk": {"S": "a"}, "sk": {"N": "001000"}}});
    let item = json!({"pk": {"S": "a"}, "sk": {"N": "1000"}, "v": {"S": "third"}});
    cloud.check("GetItem", get, json!({ "Item": item })).await;
}

#[tokio::test]
async fn projections_and_absent_items() {
    let cloud = Cloud::with_tables().await;
    let item = json!({"pk": {"S": "a"}, "m": {"M": {"x": {"N": "1"}, "y": {"N": "2"}}}});
    cloud.check("PutItem", json!({"TableName": "Simple", "Item": item}), json!({})).await;
    let get = |pk: &str, projection: &str| {
        json!({
            "TableName": "Simple", "Key": key(pk), "ProjectionExpression": projection,
            "ReturnConsumedCapacity": "TOTAL", "ConsistentRead": true
        })
    };
    let used = json!({"TableName": "Simple", "CapacityUnits": 1.0});
    let part = json!({"m": {"M": {"x": {"N": "1"}}}});
    cloud.check("GetItem", get("a", "m.x"), json!({"Item": part, "ConsumedCapacity": used})).await;
    cloud.check("GetItem", get("a", "q"), json!({"Item": {}, "ConsumedCapacity": used})).await;
    cloud.check("GetItem", get("b", "q"), json!({ "ConsumedCapacity": used })).await;
}

#[tokio::test]
async fn conditions_guard_writes() {
    let cloud = Cloud::with_tables().await;
    let put = |v: &str| {
        json!({
            "TableName": "Simple", "Item": {"pk": {"S": "a"}, "v": {"N": v}},
            "ConditionExpression": "attribute_not_exists(pk) OR v < :v",
            "ExpressionAttributeValues": {":v": {"N": v}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD", "ReturnValues": "ALL_OLD"
        })
    };
    cloud.check("PutItem", put("5"), json!({})).await;
    let old = json!({"pk": {"S": "a"}, "v": {"N": "5"}});
    cloud.check("PutItem", put("6"), json!({ "Attributes": old })).await;
    let stored = json!({"pk": {"S": "a"}, "v": {"N": "6"}});
    let failed = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed", "Item": stored,
    });
    cloud.check("PutItem", put("6"), failed.clone()).await;

    let mut delete = json!({
        "TableName": "Simple", "Key": key("a"), "ConditionExpression": "v = :v",
        "ExpressionAttributeValues": {":v": {"N": "7"}},
    });
    let mut bare = failed;
    bare.as_object_mut().unwrap().remove("Item");
    cloud.check("DeleteItem", delete.clone(), bare).await;
    delete["ExpressionAttributeValues"] = json!({":v": {"N": "6.0"}});
    delete["ReturnValues"] = json!("ALL_OLD");
    cloud.check("DeleteItem", delete, json!({ "Attributes": stored })).await;
    cloud.check("DeleteItem", json!({"TableName": "Simple", "Key": key("a")}), json!({})).await;
}

#[tokio::test]
async fn updates_return_what_is_asked_for() {
    let cloud = Cloud::with_tables().await;
    let item = json!({"pk": {"S": "a"}, "n": {"N": "1"}, "m": {"M": {"x": {"S": "old"}, "y": {"S": "y"}}}});
    let update = |returns: &str| {
        json!({
            "TableName": "Simple", "Key": key("a"), "ReturnValues": returns,
            "UpdateExpression": "SET m.x = :x ADD n :one REMOVE gone",
            "ExpressionAttributeValues": {":x": {"S": "new"}, ":one": {"N": "1"}},
        })
    };
    for (returns, expected) in [
        ("NONE", json!({})),
        ("ALL_OLD", json!({ "Attributes": item })),
        ("UPDATED_OLD", json!({"Attributes": {"n": {"N": "1"}, "m": {"M": {"x": {"S": "old"}}}}})),
        ("UPDATED_NEW", json!({"Attributes": {"n": {"N": "2"}, "m": {"M": {"x": {"S": "new"}}}}})),
        (
            "ALL_NEW",
            json!({"Attributes": {"pk": {"S": "a"}, "n": {"N": "2"}, "m": {"M": {"x": {"S": "new"}, "y": {"S": "y"}}}}}),
        ),
    ] {
        cloud.check("PutItem", json!({"TableName": "Simple", "Item": item}), json!({})).await;
        cloud.check("UpdateItem", update(returns), expected).await;
    }
}

#[tokio::test]
async fn updates_make_items_unless_they_only_remove() {
    let cloud = Cloud::with_tables().await;
    let update = |pk: &str, expression: &str| {
        json!({
            "TableName": "Simple", "Key": key(pk), "ReturnValues": "ALL_NEW",
            "UpdateExpression": expression
        })
    };
    cloud.check("UpdateItem", update("gone", "REMOVE x.y, z"), json!({})).await;
    cloud.check("GetItem", json!({"TableName": "Simple", "Key": key("gone")}), json!({})).await;
    let bare = json!({"TableName": "Simple", "Key": key("bare"), "ReturnValues": "ALL_NEW"});
    cloud.check("UpdateItem", bare, json!({"Attributes": key("bare")})).await;
    let copied = json!({"pk": {"S": "copy"}, "name": {"S": "copy"}});
    let mut copy = update("copy", "SET #n = pk");
    copy["ExpressionAttributeNames"] = json!({"#n": "name"});
    cloud.check("UpdateItem", copy, json!({ "Attributes": copied })).await;
}

#[tokio::test]
async fn concurrent_updates_are_all_counted() {
    let cloud = std::sync::Arc::new(Cloud::with_tables().await);
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let cloud = cloud.clone();
        running.spawn(async move {
            let request = json!({
                "TableName": "Simple", "Key": key("counter"), "UpdateExpression": "ADD n :one",
                "ExpressionAttributeValues": {":one": {"N": "1"}},
            });
            cloud.check("UpdateItem", request, json!({})).await;
        });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
    let get = json!({"TableName": "Simple", "Key": key("counter")});
    let item = json!({"pk": {"S": "counter"}, "n": {"N": "20"}});
    cloud.check("GetItem", get, json!({ "Item": item })).await;
}

#[tokio::test]
async fn capacity_counts_the_larger_item() {
    let cloud = Cloud::with_tables().await;
    let put = |size: usize| {
        json!({
            "TableName": "Simple", "ReturnConsumedCapacity": "INDEXES",
            "Item": {"pk": {"S": "a"}, "v": {"S": "x".repeat(size - 4)}},
        })
    };
    let used = |units: f64| {
        json!({"ConsumedCapacity": {
            "TableName": "Simple", "CapacityUnits": units, "Table": {"CapacityUnits": units}
        }})
    };
    cloud.check("PutItem", put(1024), used(1.0)).await;
    cloud.check("PutItem", put(2049), used(3.0)).await;
    cloud.check("PutItem", put(10), used(3.0)).await;
    let delete = |pk: &str| json!({"TableName": "Simple", "Key": key(pk), "ReturnConsumedCapacity": "INDEXES"});
    cloud.check("DeleteItem", delete("a"), used(1.0)).await;
    cloud.check("DeleteItem", delete("none"), used(1.0)).await;
}
