//! Indexes that come and go while the table is in use.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::Cloud;

const INVALID: &str = "One or more parameter values were invalid: ";

fn create(name: &str, attribute: &str, attribute_type: &str) -> Value {
    json!({
        "TableName": "Simple",
        "AttributeDefinitions": [{"AttributeName": attribute, "AttributeType": attribute_type}],
        "GlobalSecondaryIndexUpdates": [{"Create": {
            "IndexName": name, "KeySchema": [{"AttributeName": attribute, "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }}],
    })
}

fn delete(name: &str) -> Value {
    json!({
        "TableName": "Simple",
        "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": name}}],
    })
}

async fn put(cloud: &Cloud, item: Value) {
    cloud.check("PutItem", json!({"TableName": "Simple", "Item": item}), json!({})).await;
}

async fn describe(cloud: &Cloud) -> Value {
    cloud.call("DescribeTable", json!({"TableName": "Simple"})).await["Table"].clone()
}

async fn active(cloud: &Cloud) {
    let is_active = async || describe(cloud).await["TableStatus"] == "ACTIVE";
    cloud.until("the table is active", is_active).await;
}

/// All items of the table or an index, by partition key.
async fn scan(cloud: &Cloud, index: Option<&str>) -> BTreeMap<String, Value> {
    let mut items = BTreeMap::new();
    let mut request = json!({"TableName": "Simple"});
    if let Some(index) = index {
        request["IndexName"] = json!(index);
    }
    loop {
        let page = cloud.call("Scan", request.clone()).await;
        for item in page["Items"].as_array().unwrap_or_else(|| panic!("{page}")) {
            let key = item["pk"]["S"].as_str().unwrap().to_owned();
            assert!(items.insert(key, item.clone()).is_none(), "twice: {item}");
        }
        match page.get("LastEvaluatedKey") {
            Some(last) => request["ExclusiveStartKey"] = last.clone(),
            None => return items,
        }
    }
}

#[tokio::test]
async fn an_index_is_filled_with_the_items_that_can_be_in_it() {
    let cloud = Cloud::with_tables().await;
    for (pk, g) in [
        ("good", json!({"S": "x"})),
        ("number", json!({"N": "1"})),
        ("empty", json!({"S": ""})),
        ("long", json!({"S": "x".repeat(2049)})),
        ("longest", json!({"S": "x".repeat(2048)})),
    ] {
        put(&cloud, json!({"pk": {"S": pk}, "g": g})).await;
    }
    put(&cloud, json!({"pk": {"S": "without"}})).await;
    let answer = cloud.call("UpdateTable", create("by-g", "g", "S")).await;
    let answer = &answer["TableDescription"];
    assert_eq!(answer["TableStatus"], "UPDATING", "{answer}");
    let index = &answer["GlobalSecondaryIndexes"][0];
    assert_eq!((&index["IndexStatus"], &index["Backfilling"]), (&json!("CREATING"), &json!(true)));
    active(&cloud).await;
    let index = &describe(&cloud).await["GlobalSecondaryIndexes"][0];
    assert_eq!((&index["IndexStatus"], index.get("Backfilling")), (&json!("ACTIVE"), None));
    assert_eq!(index["ItemCount"], 2);
    let found: Vec<String> = scan(&cloud, Some("by-g")).await.into_keys().collect();
    assert_eq!(found, ["good", "longest"]);
    assert_eq!(cloud.stored("dynamodb/backfill"), 0);
    // From now on the attribute has a type.
    cloud
        .check_invalid(
            "PutItem",
            json!({"TableName": "Simple", "Item": {"pk": {"S": "a"}, "g": {"N": "1"}}}),
            &format!(
                "{INVALID}Type mismatch for Index Key g Expected: S Actual: N IndexName: by-g"
            ),
        )
        .await;
    let item = json!({"pk": {"S": "a"}, "g": {"S": "x".repeat(2049)}});
    let too_long = format!(
        "{INVALID}Size limit exceeded for Index Key g Actual Size: 2049 bytes \
         Max Size: 2048 bytes IndexName: by-g"
    );
    cloud.check_invalid("PutItem", json!({"TableName": "Simple", "Item": item}), &too_long).await;
    let update = |pk: &str, value: Value| {
        json!({"TableName": "Simple", "Key": {"pk": {"S": pk}},
            "UpdateExpression": "SET g = if_not_exists(nothing, :v), n = :v",
            "ExpressionAttributeValues": {":v": value}})
    };
    let empty = "One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. The AttributeValue for a key attribute cannot contain an empty string value.";
    cloud.check_invalid("UpdateItem", update("good", json!({"S": ""})), empty).await;
    let mismatch =
        format!("{INVALID}Type mismatch for Index Key g Expected: S Actual: N IndexName: by-g");
    cloud.check_invalid("UpdateItem", update("good", json!({"N": "2"})), &mismatch).await;
    // What an update leaves alone may stay as it was before the index.
    cloud.check("UpdateItem", update("number", json!({"N": "1"})), json!({})).await;
    cloud.check_invalid("UpdateItem", update("number", json!({"N": "2"})), &mismatch).await;
    // Items that cannot be in the index can go all the same.
    for pk in ["number", "good", "long"] {
        let key = json!({"TableName": "Simple", "Key": {"pk": {"S": pk}}});
        cloud.check("DeleteItem", key, json!({})).await;
    }
    assert_eq!(scan(&cloud, Some("by-g")).await.into_keys().collect::<Vec<_>>(), ["longest"]);

    let answer = cloud.call("UpdateTable", delete("by-g")).await;
    let index = &answer["TableDescription"]["GlobalSecondaryIndexes"][0];
    assert_eq!(index["IndexStatus"], "DELETING", "{answer}");
    active(&cloud).await;
    let table = describe(&cloud).await;
    assert_eq!(table.get("GlobalSecondaryIndexes"), None);
    assert_eq!(table["AttributeDefinitions"].as_array().map(Vec::len), Some(1));
    assert_eq!(cloud.stored("dynamodb/index"), 0);
    put(&cloud, json!({"pk": {"S": "a"}, "g": {"N": "1"}})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_filled_under_writes_is_what_the_table_makes_it() {
    let cloud = Arc::new(Cloud::with_tables().await);
    for i in 0..1500 {
        put(&cloud, json!({"pk": {"S": i.to_string()}, "g": {"S": "before"}})).await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let written = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..4u64)
        .map(|writer| {
            let (cloud, stop, written) = (cloud.clone(), stop.clone(), written.clone());
            #[expect(clippy::disallowed_methods, reason = "writers while the index is filled")]
            tokio::spawn(async move {
                let mut seed = writer + 1;
                while !stop.load(Ordering::Relaxed) {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    write(&cloud, (seed >> 33) % 1600, seed >> 60).await;
                    written.fetch_add(1, Ordering::Relaxed);
                    // A store in memory never makes it wait, so nothing else would run.
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    // The machine decides how much is written meanwhile: again until it was enough.
    let mut meanwhile = 0;
    for round in 0.. {
        let before = written.load(Ordering::Relaxed);
        let answer = cloud.call("UpdateTable", create("by-g", "g", "S")).await;
        assert_eq!(answer["TableDescription"]["TableStatus"], "UPDATING", "{answer}");
        active(&cloud).await;
        meanwhile += written.load(Ordering::Relaxed) - before;
        if meanwhile > 10 {
            break;
        }
        assert!(round < 200, "{meanwhile} writes");
        cloud.call("UpdateTable", delete("by-g")).await;
        active(&cloud).await;
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    let mut table = scan(&cloud, None).await;
    table.retain(|_, item| item.get("g").is_some());
    let index = scan(&cloud, Some("by-g")).await;
    assert_eq!(index.len(), table.len());
    assert_eq!(index, table);
    assert_eq!(cloud.stored("dynamodb/index"), table.len());
}

/// Puts, changes or deletes an item.
async fn write(cloud: &Cloud, item: u64, what: u64) {
    let key = json!({"pk": {"S": item.to_string()}});
    let g = json!({"S": format!("g{}", what % 5)});
    let answer = match what {
        0..8 => {
            let item = json!({"pk": key["pk"], "g": g, "n": {"N": what.to_string()}});
            cloud.call("PutItem", json!({"TableName": "Simple", "Item": item})).await
        }
        8..11 => {
            cloud.call("UpdateItem", json!({"TableName": "Simple", "Key": key, "UpdateExpression": "SET g = :g", "ExpressionAttributeValues": {":g": g}})).await
        }
        11..13 => {
            cloud.call("UpdateItem", json!({"TableName": "Simple", "Key": key, "UpdateExpression": "REMOVE g"})).await
        }
        _ => cloud.call("DeleteItem", json!({"TableName": "Simple", "Key": key})).await,
    };
    assert_eq!(answer, json!({}));
}

#[tokio::test]
async fn filling_goes_on_after_a_restart() {
    let cloud = Cloud::with_tables().await;
    for i in 0..3000 {
        put(&cloud, json!({"pk": {"S": i.to_string()}, "g": {"S": "g"}})).await;
    }
    let answer = cloud.call("UpdateTable", create("by-g", "g", "S")).await;
    assert_eq!(answer["TableDescription"]["TableStatus"], "UPDATING", "{answer}");
    let has_begun = async || cloud.stored("dynamodb/index") > 0;
    cloud.until("some are in the index", has_begun).await;
    let cloud = cloud.restarted().await;
    active(&cloud).await;
    assert_eq!(scan(&cloud, Some("by-g")).await, scan(&cloud, None).await);
    assert_eq!(cloud.stored("dynamodb/index"), 3000);
}

#[tokio::test]
async fn one_index_comes_or_goes_at_a_time() {
    let cloud = Cloud::with_tables().await;
    for i in 0..2000 {
        put(&cloud, json!({"pk": {"S": i.to_string()}, "g": {"S": "g"}})).await;
    }
    cloud.call("UpdateTable", create("by-g", "g", "S")).await;
    let limit = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#LimitExceededException",
        "message": "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table",
    });
    let in_use = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ResourceInUseException",
        "message": "Attempt to change a resource which is still in use: Table is being updated: Simple",
    });
    cloud.check("UpdateTable", create("by-h", "h", "S"), limit.clone()).await;
    let protect = json!({"TableName": "Simple", "DeletionProtectionEnabled": true});
    cloud.check("UpdateTable", protect, in_use.clone()).await;
    cloud.check("DeleteTable", json!({"TableName": "Simple"}), in_use).await;
    let read = cloud.call("Scan", json!({"TableName": "Simple", "IndexName": "by-g"})).await;
    let text = read["message"].as_str().unwrap_or_default();
    assert!(text.contains("backfilling"), "{read}");
    // What is being filled may be given up.
    let answer = cloud.call("UpdateTable", delete("by-g")).await;
    assert_eq!(answer["TableDescription"]["TableStatus"], "UPDATING", "{answer}");
    cloud.check("UpdateTable", create("by-h", "h", "S"), limit).await;
    active(&cloud).await;
    assert_eq!(describe(&cloud).await.get("GlobalSecondaryIndexes"), None);
    let swept = async || cloud.stored("dynamodb/index") + cloud.stored("dynamodb/backfill") == 0;
    cloud.until("nothing is left of it", swept).await;
}

#[tokio::test]
async fn bad_index_updates_are_refused() {
    let cloud = Cloud::with_tables().await;
    cloud.call("UpdateTable", create("by-g", "g", "S")).await;
    active(&cloud).await;
    let updates =
        |updates: Value| json!({"TableName": "Simple", "GlobalSecondaryIndexUpdates": updates});
    let one_of = "GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete must not be null";
    let units = json!({"ReadCapacityUnits": 1, "WriteCapacityUnits": 1});
    let mut both = create("two", "g", "S");
    both["GlobalSecondaryIndexUpdates"][0]["Delete"] = json!({"IndexName": "by-g"});
    let mut undefined = create("two", "g", "S");
    undefined.as_object_mut().unwrap().remove("AttributeDefinitions");
    let deletion = json!({"Delete": {"IndexName": "by-g"}});
    for (request, message) in [
        (updates(json!([])), "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required".to_owned()),
        (updates(json!([{}])), format!("{INVALID}One of {one_of}")),
        (both, format!("{INVALID}Only one of {one_of}")),
        (updates(json!([deletion, deletion])), format!("{INVALID}Only one global secondary index update per index is allowed simultaneously. Index: by-g")),
        (undefined, format!("{INVALID}Some index key attributes are not defined in AttributeDefinitions. Keys: [g], AttributeDefinitions: []")),
        (create("by-g", "h", "S"), "Attempting to create an index which already exists".to_owned()),
        (create("two", "g", "N"), format!("{INVALID}Attributes cannot be redefined. Please check that your attribute has the same type as previously defined. Existing schema: Schema:[SchemaElement: key{{g:S:HASH}}] New schema: Schema:[SchemaElement: key{{g:N:HASH}}]")),
        (updates(json!([{"Update": {"IndexName": "none", "ProvisionedThroughput": units}}])), "This operation cannot be performed with given input values. Please contact DynamoDB service team for more info: Action Blocked: IndexUpdate".to_owned()),
        (updates(json!([{"Update": {"IndexName": "by-g", "ProvisionedThroughput": units}}])), format!("{INVALID}ProvisionedThroughput should not be specified for index: by-g when BillingMode is PAY_PER_REQUEST")),
        (json!({"TableName": "Simple", "BillingMode": "PROVISIONED", "ProvisionedThroughput": units}), format!("{INVALID}ProvisionedThroughput must be specified for index: by-g")),
    ] {
        cloud.check_invalid("UpdateTable", request, &message).await;
    }
    let gone = cloud.call("UpdateTable", delete("none")).await;
    assert_eq!(gone["__type"], "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException");
    let two = cloud
        .call("UpdateTable", updates(json!([deletion, {"Delete": {"IndexName": "other"}}])))
        .await;
    assert_eq!(two["__type"], "com.amazonaws.dynamodb.v20120810#LimitExceededException");
}

#[tokio::test]
async fn the_throughput_of_an_index_changes() {
    let cloud = Cloud::with_tables().await;
    cloud.call("UpdateTable", create("by-g", "g", "S")).await;
    active(&cloud).await;
    let units = |reads: i64| json!({"ReadCapacityUnits": reads, "WriteCapacityUnits": 5});
    let update = |reads: i64| json!([{"Update": {"IndexName": "by-g", "ProvisionedThroughput": units(reads)}}]);
    let answer = cloud
        .call(
            "UpdateTable",
            json!({
                "TableName": "Simple", "BillingMode": "PROVISIONED",
                "ProvisionedThroughput": units(10), "GlobalSecondaryIndexUpdates": update(10),
            }),
        )
        .await;
    let index = &answer["TableDescription"]["GlobalSecondaryIndexes"][0];
    assert_eq!(index["IndexStatus"], "UPDATING", "{answer}");
    let change = json!({"TableName": "Simple", "GlobalSecondaryIndexUpdates": update(3)});
    cloud.call("UpdateTable", change.clone()).await;
    let table = describe(&cloud).await;
    let index = &table["GlobalSecondaryIndexes"][0];
    assert_eq!(
        (&table["TableStatus"], &index["IndexStatus"]),
        (&json!("ACTIVE"), &json!("ACTIVE"))
    );
    let throughput = &index["ProvisionedThroughput"];
    assert_eq!(throughput["ReadCapacityUnits"], 3);
    assert_eq!(throughput["NumberOfDecreasesToday"], 1);
    assert!(throughput.get("LastDecreaseDateTime").is_some());
    let same = cloud.call("UpdateTable", change).await;
    let text = same["message"].as_str().unwrap();
    assert!(
        text.starts_with("The provisioned throughput for the index by-g will not change."),
        "{text}"
    );
    let warm = |table: i64, index: i64| {
        json!({
            "TableName": "Simple", "WarmThroughput": {"ReadUnitsPerSecond": table},
            "GlobalSecondaryIndexUpdates":
                [{"Update": {"IndexName": "by-g", "WarmThroughput": {"WriteUnitsPerSecond": index}}}],
        })
    };
    cloud.call("UpdateTable", warm(100, 50)).await;
    let table = describe(&cloud).await;
    assert_eq!(table["WarmThroughput"]["ReadUnitsPerSecond"], 100);
    assert_eq!(table["GlobalSecondaryIndexes"][0]["WarmThroughput"]["WriteUnitsPerSecond"], 50);
    cloud.check_invalid("UpdateTable", warm(5, 60), &format!("{INVALID}Requested ReadUnitsPerSecond for WarmThroughput for table is lower than ReadCapacityUnits of ProvisionedThroughput")).await;
}
