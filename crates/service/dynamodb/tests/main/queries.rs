//! Queries and scans.

use serde_json::{Value, json};

use crate::Cloud;

/// Items `pk` = p, `sk` = -10, 0, 0.5, 1, 2, 10 and of another partition.
async fn filled() -> Cloud {
    let cloud = Cloud::with_tables().await;
    for sk in ["10", "-10", "0.5", "2", "0", "1"] {
        let item = json!({"pk": {"S": "p"}, "sk": {"N": sk}, "v": {"S": format!("v{sk}")}});
        cloud.check("PutItem", json!({"TableName": "Sorted", "Item": item}), json!({})).await;
    }
    let other = json!({"pk": {"S": "q"}, "sk": {"N": "1"}});
    cloud.check("PutItem", json!({"TableName": "Sorted", "Item": other}), json!({})).await;
    cloud
}

fn query(condition: &str, values: Value) -> Value {
    json!({
        "TableName": "Sorted", "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values
    })
}

/// The sort keys of an answer's items.
fn sort_keys(answer: &Value) -> Vec<&str> {
    let items = answer["Items"].as_array().unwrap_or_else(|| panic!("{answer}"));
    items.iter().map(|item| item["sk"]["N"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn conditions_on_the_sort_key() {
    let cloud = filled().await;
    for (condition, expected) in [
        ("pk = :p", vec!["-10", "0", "0.5", "1", "2", "10"]),
        ("pk = :p AND sk = :one", vec!["1"]),
        ("pk = :p AND sk < :one", vec!["-10", "0", "0.5"]),
        ("pk = :p AND sk <= :one", vec!["-10", "0", "0.5", "1"]),
        ("pk = :p AND sk > :one", vec!["2", "10"]),
        (":one <= sk AND :p = pk", vec!["1", "2", "10"]),
        ("pk = :p AND sk BETWEEN :zero AND :one", vec!["0", "0.5", "1"]),
    ] {
        let mut values = json!({":p": {"S": "p"}});
        for (name, value) in [(":one", "1.00"), (":zero", "0")] {
            if condition.contains(name) {
                values[name] = json!({ "N": value });
            }
        }
        let mut request = query(condition, values);
        let answer = cloud.call("Query", request.clone()).await;
        assert_eq!(sort_keys(&answer), expected, "{condition}");
        assert_eq!(answer.get("LastEvaluatedKey"), None);
        request["ScanIndexForward"] = json!(false);
        let backward = cloud.call("Query", request).await;
        let reversed: Vec<&str> = expected.into_iter().rev().collect();
        assert_eq!(sort_keys(&backward), reversed, "{condition} backward");
    }
}

#[tokio::test]
async fn strings_begin_with() {
    let cloud = Cloud::empty();
    cloud.create("Text", &[("pk", "S"), ("sk", "S")]).await;
    for sk in ["a", "ab", "ab\u{0}", "abc", "ac", "b", "가나", "가"] {
        let item = json!({"pk": {"S": "p"}, "sk": {"S": sk}});
        cloud.check("PutItem", json!({"TableName": "Text", "Item": item}), json!({})).await;
    }
    for (prefix, count) in [("ab", 3), ("a", 5), ("가", 2), ("abcd", 0)] {
        let mut request = query(
            "pk = :p AND begins_with(sk, :b)",
            json!({":p": {"S": "p"}, ":b": {"S": prefix}}),
        );
        request["TableName"] = json!("Text");
        request["Select"] = json!("COUNT");
        let expected = json!({"Count": count, "ScannedCount": count});
        cloud.check("Query", request, expected).await;
    }
}

#[tokio::test]
async fn pages_go_on_where_they_ended() {
    let cloud = filled().await;
    for backward in [false, true] {
        let mut request = query("pk = :p", json!({":p": {"S": "p"}}));
        request["Limit"] = json!(2);
        request["ScanIndexForward"] = json!(!backward);
        let mut seen: Vec<String> = Vec::new();
        let mut pages = 0;
        loop {
            let answer = cloud.call("Query", request.clone()).await;
            seen.extend(sort_keys(&answer).into_iter().map(str::to_owned));
            pages += 1;
            let Some(last) = answer.get("LastEvaluatedKey") else { break };
            assert_eq!(last["sk"]["N"].as_str(), seen.last().map(String::as_str));
            request["ExclusiveStartKey"] = last.clone();
        }
        // The third page is exactly full and cannot know that it is the last.
        assert_eq!(pages, 4);
        if backward {
            seen.reverse();
        }
        assert_eq!(seen, ["-10", "0", "0.5", "1", "2", "10"]);
    }
}

#[tokio::test]
async fn limits_count_before_filters() {
    let cloud = filled().await;
    let mut request = query("pk = :p", json!({":p": {"S": "p"}, ":v": {"S": "v1"}}));
    request["FilterExpression"] = json!("begins_with(v, :v)");
    request["ProjectionExpression"] = json!("sk");
    request["ReturnConsumedCapacity"] = json!("TOTAL");
    let used = json!({"TableName": "Sorted", "CapacityUnits": 0.5});
    let found = json!([{"sk": {"N": "1"}}, {"sk": {"N": "10"}}]);
    cloud
        .check(
            "Query",
            request.clone(),
            json!({"Items": found, "Count": 2, "ScannedCount": 6, "ConsumedCapacity": used}),
        )
        .await;
    request["Limit"] = json!(3);
    let last = json!({"pk": {"S": "p"}, "sk": {"N": "0.5"}});
    let expected = json!({
        "Items": [], "Count": 0, "ScannedCount": 3, "LastEvaluatedKey": last,
        "ConsumedCapacity": used
    });
    cloud.check("Query", request, expected).await;
}

#[tokio::test]
async fn a_page_ends_at_one_megabyte() {
    let cloud = Cloud::with_tables().await;
    for sk in 0..7 {
        let item = json!({
            "pk": {"S": "p"}, "sk": {"N": sk.to_string()}, "v": {"S": "x".repeat(200 * 1024)}
        });
        cloud.check("PutItem", json!({"TableName": "Sorted", "Item": item}), json!({})).await;
    }
    let mut request = query("pk = :p", json!({":p": {"S": "p"}}));
    request["ReturnConsumedCapacity"] = json!("TOTAL");
    request["Select"] = json!("COUNT");
    let first = cloud.call("Query", request.clone()).await;
    assert_eq!(first["Count"], 5);
    assert_eq!(first["LastEvaluatedKey"]["sk"]["N"], "4");
    assert_eq!(first["ConsumedCapacity"]["CapacityUnits"], 125.5);
    request["ExclusiveStartKey"] = first["LastEvaluatedKey"].clone();
    let second = cloud.call("Query", request).await;
    assert_eq!(second["Count"], 2);
    assert_eq!(second.get("LastEvaluatedKey"), None);
}

#[tokio::test]
async fn segments_divide_a_scan() {
    let cloud = Cloud::with_tables().await;
    for i in 0..60 {
        let item = json!({"pk": {"S": format!("item{i}")}, "n": {"N": i.to_string()}});
        cloud.check("PutItem", json!({"TableName": "Simple", "Item": item}), json!({})).await;
    }
    for total in [1, 3, 7] {
        let mut seen = std::collections::BTreeSet::new();
        for segment in 0..total {
            let mut request = json!({
                "TableName": "Simple", "Segment": segment, "TotalSegments": total, "Limit": 5
            });
            loop {
                let answer = cloud.call("Scan", request.clone()).await;
                for item in answer["Items"].as_array().unwrap() {
                    assert!(seen.insert(item["pk"]["S"].as_str().unwrap().to_owned()));
                }
                let Some(last) = answer.get("LastEvaluatedKey") else { break };
                request["ExclusiveStartKey"] = last.clone();
            }
        }
        assert_eq!(seen.len(), 60, "of {total} segments");
    }
    let filtered = json!({
        "TableName": "Simple", "FilterExpression": "n < :five", "Select": "COUNT",
        "ExpressionAttributeValues": {":five": {"N": "5"}}
    });
    cloud.check("Scan", filtered, json!({"Count": 5, "ScannedCount": 60})).await;
}

#[tokio::test]
async fn start_keys_are_checked() {
    let cloud = filled().await;
    let start = |condition: &str, start: Value| {
        let mut request = query(condition, json!({":p": {"S": "p"}}));
        if condition.contains(":n") {
            request["ExpressionAttributeValues"][":n"] = json!({"N": "1"});
        }
        request["ExclusiveStartKey"] = start;
        request
    };
    let mismatch = "The provided key element does not match the schema";
    for (condition, key, message) in [
        ("pk = :p", json!({"pk": {"S": "p"}}), "The provided starting key is invalid"),
        (
            "pk = :p",
            json!({"pk": {"S": "p"}, "x": {"N": "1"}}),
            "The provided starting key is invalid",
        ),
        ("pk = :p", json!({"pk": {"S": "p"}, "sk": {"S": "1"}}), mismatch),
        (
            "pk = :p",
            json!({"pk": {"S": "q"}, "sk": {"N": "1"}}),
            "The provided starting key is outside query boundaries based on provided conditions",
        ),
        (
            "pk = :p AND sk > :n",
            json!({"pk": {"S": "p"}, "sk": {"N": "0"}}),
            "The provided starting key does not match the range key predicate",
        ),
    ] {
        cloud.check_invalid("Query", start(condition, key), message).await;
    }
    let scan = |start: Value| json!({"TableName": "Sorted", "ExclusiveStartKey": start});
    cloud
        .check_invalid(
            "Scan",
            scan(json!({"pk": {"S": "p"}})),
            &format!("The provided starting key is invalid: {mismatch}"),
        )
        .await;
}

#[tokio::test]
async fn a_query_of_one_item_has_one_page() {
    let cloud = Cloud::with_tables().await;
    let item = json!({"pk": {"S": "p"}});
    cloud.check("PutItem", json!({"TableName": "Simple", "Item": item}), json!({})).await;
    let mut request = query("pk = :p", json!({":p": {"S": "p"}}));
    request["TableName"] = json!("Simple");
    request["Limit"] = json!(1);
    let expected = json!({"Items": [item], "Count": 1, "ScannedCount": 1});
    cloud.check("Query", request.clone(), expected).await;
    request["ExclusiveStartKey"] = item;
    let message = "The provided exclusive start key is invalid: \
                   ExclusiveStartKey: {pk=AttributeValue: {S:p}}";
    cloud.check_invalid("Query", request, message).await;
}
