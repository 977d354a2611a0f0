//! Queries and scans of secondary indexes.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::Cloud;

fn keys(names: &[(&str, &str)]) -> Value {
    let keys = names.iter().map(|(name, kind)| json!({"AttributeName": name, "KeyType": kind}));
    keys.collect()
}

/// A table `Games` (`user`, `game`) with a local index by score that holds keys, and global ones:
/// `by-game` (all), `by-score` (keys), `by-team` (with `note`), and `by-place` of several
/// attributes.
async fn games() -> Cloud {
    let cloud = Cloud::empty();
    let index = |name: &str, schema: &[(&str, &str)], projection: Value| json!({"IndexName": name, "KeySchema": keys(schema), "Projection": projection});
    let (all, only) = (json!({"ProjectionType": "ALL"}), json!({"ProjectionType": "KEYS_ONLY"}));
    let note = json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": ["note"]});
    let place = [("country", "HASH"), ("city", "HASH"), ("year", "RANGE"), ("day", "RANGE")];
    let types = [
        ("user", "S"),
        ("game", "S"),
        ("score", "N"),
        ("team", "S"),
        ("country", "S"),
        ("city", "S"),
        ("year", "N"),
        ("day", "S"),
    ];
    let definitions =
        types.iter().map(|(name, kind)| json!({"AttributeName": name, "AttributeType": kind}));
    let request = json!({
        "TableName": "Games", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": keys(&[("user", "HASH"), ("game", "RANGE")]),
        "AttributeDefinitions": definitions.collect::<Vec<_>>(),
        "LocalSecondaryIndexes": [
            index("best", &[("user", "HASH"), ("score", "RANGE")], only.clone()),
        ],
        "GlobalSecondaryIndexes": [
            index("by-game", &[("game", "HASH"), ("score", "RANGE")], all.clone()),
            index("by-score", &[("score", "HASH")], only),
            index("by-team", &[("team", "HASH")], note),
            index("by-place", &place, all),
        ],
    });
    let answer = cloud.call("CreateTable", request).await;
    assert_eq!(answer["TableDescription"]["TableStatus"], "CREATING", "{answer}");
    for (user, game, score) in [
        ("ann", "chess", 30),
        ("ann", "go", 10),
        ("ann", "risk", 20),
        ("bob", "chess", 20),
        ("bob", "go", 10),
        ("cat", "chess", 10),
        ("dan", "chess", 10),
    ] {
        let item = json!({
            "user": {"S": user}, "game": {"S": game}, "score": {"N": score.to_string()},
            "team": {"S": "red"}, "note": {"S": "n"}, "extra": {"S": "e"}
        });
        cloud.check("PutItem", json!({"TableName": "Games", "Item": item}), json!({})).await;
    }
    let unscored = json!({"user": {"S": "ann"}, "game": {"S": "tag"}});
    cloud.check("PutItem", json!({"TableName": "Games", "Item": unscored}), json!({})).await;
    cloud
}

fn query(index: &str, condition: &str, values: Value) -> Value {
    json!({
        "TableName": "Games", "IndexName": index, "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values, "ExpressionAttributeNames": {"#u": "user"}
    })
}

fn chess() -> Value {
    let mut request = query("by-game", "game = :g", json!({":g": {"S": "chess"}}));
    request.as_object_mut().unwrap().remove("ExpressionAttributeNames");
    request
}

fn ann() -> Value {
    query("best", "#u = :u", json!({":u": {"S": "ann"}}))
}

/// An attribute of each item of an answer.
fn column<'a>(answer: &'a Value, name: &str) -> Vec<&'a str> {
    let items = answer["Items"].as_array().unwrap_or_else(|| panic!("{answer}"));
    items
        .iter()
        .map(|item| item[name].as_object().unwrap().values().next().unwrap().as_str().unwrap())
        .collect()
}

/// Items of all pages of so many.
async fn all_pages(cloud: &Cloud, operation: &str, mut request: Value, limit: usize) -> Vec<Value> {
    request["Limit"] = json!(limit);
    let mut items = Vec::new();
    loop {
        let answer = cloud.call(operation, request.clone()).await;
        let page = answer["Items"].as_array().unwrap_or_else(|| panic!("{answer}"));
        assert!(page.len() <= limit);
        items.extend(page.clone());
        let Some(last) = answer.get("LastEvaluatedKey") else { return items };
        request["ExclusiveStartKey"] = last.clone();
    }
}

#[tokio::test]
async fn indexes_are_sorted_by_their_keys() {
    let cloud = games().await;
    assert_eq!(column(&cloud.call("Query", ann()).await, "game"), ["go", "risk", "chess"]);
    let mut backward = ann();
    backward["ScanIndexForward"] = json!(false);
    assert_eq!(column(&cloud.call("Query", backward).await, "game"), ["chess", "risk", "go"]);
    let answer = cloud.call("Query", chess()).await;
    assert_eq!(column(&answer, "score"), ["10", "10", "20", "30"]);
    for (condition, expected) in [
        ("score = :s", vec!["10", "10"]),
        ("score > :s", vec!["20", "30"]),
        ("score BETWEEN :s AND :t", vec!["10", "10", "20"]),
    ] {
        let mut values = json!({":g": {"S": "chess"}, ":s": {"N": "10"}});
        if condition.contains(":t") {
            values[":t"] = json!({"N": "20"});
        }
        let mut request = chess();
        request["KeyConditionExpression"] = json!(format!("game = :g AND {condition}"));
        request["ExpressionAttributeValues"] = values;
        assert_eq!(column(&cloud.call("Query", request).await, "score"), expected);
    }
}

#[tokio::test]
async fn pages_of_indexes_go_on_where_they_ended() {
    let cloud = games().await;
    let whole = cloud.call("Query", chess()).await;
    let scan = json!({"TableName": "Games", "IndexName": "by-score"});
    let scanned = cloud.call("Scan", scan.clone()).await;
    assert_eq!(scanned["Count"], 7);
    for limit in 1..=8 {
        assert_eq!(json!(all_pages(&cloud, "Query", chess(), limit).await), whole["Items"]);
        let mut backward = chess();
        backward["ScanIndexForward"] = json!(false);
        let mut items = all_pages(&cloud, "Query", backward, limit).await;
        items.reverse();
        assert_eq!(json!(items), whole["Items"]);
        assert_eq!(json!(all_pages(&cloud, "Scan", scan.clone(), limit).await), scanned["Items"]);
    }
    // The last key has the keys of index and table, and a page that is just full has one.
    let mut full = chess();
    full["Limit"] = json!(4);
    let answer = cloud.call("Query", full).await;
    let last = json!({"game": {"S": "chess"}, "score": {"N": "30"}, "user": {"S": "ann"}});
    assert_eq!(answer["LastEvaluatedKey"], last);
}

#[tokio::test]
async fn segments_divide_an_index() {
    let cloud = games().await;
    for total in [1, 3, 5] {
        let mut seen = BTreeSet::new();
        for segment in 0..total {
            let request = json!({
                "TableName": "Games", "IndexName": "by-game", "Segment": segment,
                "TotalSegments": total
            });
            for item in all_pages(&cloud, "Scan", request, 2).await {
                assert!(seen.insert(format!("{} {}", item["user"], item["game"])));
            }
        }
        assert_eq!(seen.len(), 7);
    }
}

#[tokio::test]
async fn indexes_hold_what_they_project() {
    let cloud = games().await;
    let names =
        |item: &Value| -> Vec<String> { item.as_object().unwrap().keys().cloned().collect() };
    for (index, expected) in [
        ("best", vec!["game", "score", "user"]),
        ("by-score", vec!["game", "score", "user"]),
        ("by-team", vec!["game", "note", "team", "user"]),
        ("by-game", vec!["extra", "game", "note", "score", "team", "user"]),
    ] {
        for select in [None, Some("ALL_PROJECTED_ATTRIBUTES")] {
            let mut request = json!({"TableName": "Games", "IndexName": index});
            if let Some(select) = select {
                request["Select"] = json!(select);
            }
            let answer = cloud.call("Scan", request).await;
            assert_eq!(answer["Count"], 7, "{answer}");
            assert_eq!(names(&answer["Items"][0]), expected);
        }
    }
    // A local index fetches what it does not hold.
    let mut whole = ann();
    whole["Select"] = json!("ALL_ATTRIBUTES");
    whole["ReturnConsumedCapacity"] = json!("INDEXES");
    let answer = cloud.call("Query", whole).await;
    assert_eq!(names(&answer["Items"][0]).len(), 6);
    let used = json!({
        "TableName": "Games", "CapacityUnits": 2.0, "Table": {"CapacityUnits": 1.5},
        "LocalSecondaryIndexes": {"best": {"CapacityUnits": 0.5}}
    });
    assert_eq!(answer["ConsumedCapacity"], used);
    let mut part = ann();
    part["ProjectionExpression"] = json!("extra");
    part["ConsistentRead"] = json!(true);
    part["ReturnConsumedCapacity"] = json!("TOTAL");
    let item = json!({"extra": {"S": "e"}});
    let expected = json!({
        "Items": [item, item, item], "Count": 3, "ScannedCount": 3,
        "ConsumedCapacity": {"TableName": "Games", "CapacityUnits": 4.0}
    });
    cloud.check("Query", part, expected).await;
    // Without fetching, the table is not touched.
    let mut global = chess();
    global["ReturnConsumedCapacity"] = json!("INDEXES");
    global["Select"] = json!("COUNT");
    let used = json!({
        "TableName": "Games", "CapacityUnits": 0.5, "Table": {"CapacityUnits": 0.0},
        "GlobalSecondaryIndexes": {"by-game": {"CapacityUnits": 0.5}}
    });
    cloud
        .check("Query", global, json!({"Count": 4, "ScannedCount": 4, "ConsumedCapacity": used}))
        .await;
}

#[tokio::test]
async fn what_an_index_does_not_hold_is_refused() {
    let cloud = games().await;
    let invalid = "One or more parameter values were invalid: ";
    let team = |more: Value| {
        let mut request = json!({
            "TableName": "Games", "IndexName": "by-team", "KeyConditionExpression": "team = :t",
            "ExpressionAttributeValues": {":t": {"S": "red"}}
        });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    for (request, message) in [
        (team(json!({"ConsistentRead": true})), "Consistent reads are not supported on global secondary indexes".to_owned()),
        (team(json!({"IndexName": "nowhere"})), "The table does not have the specified index: nowhere".to_owned()),
        (
            team(json!({"Select": "ALL_ATTRIBUTES"})),
            format!("{invalid}Select type ALL_ATTRIBUTES is not supported for global secondary index by-team because its projection type is not ALL"),
        ),
        (
            team(json!({"ProjectionExpression": "note, extra, score"})),
            format!("{invalid}Global secondary index by-team does not project [extra, score]"),
        ),
        (
            team(json!({"FilterExpression": "extra = :t"})),
            format!("{invalid}Secondary index by-team does not project one or more filter attributes: [extra]"),
        ),
        (
            team(json!({"FilterExpression": "team = :t"})),
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: team".to_owned(),
        ),
        (
            team(json!({"ProjectionExpression": "score.x"})),
            "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: IndexKey: score".to_owned(),
        ),
        (
            team(json!({"ProjectionExpression": "note", "Select": "COUNT"})),
            "1 validation error detected: Cannot specify the ProjectionExpression when choosing to get only the Count".to_owned(),
        ),
        (
            team(json!({"KeyConditionExpression": "team = :t AND game = :t"})),
            "Query key condition not supported".to_owned(),
        ),
    ] {
        cloud.check_invalid("Query", request, &message).await;
    }
    let scan = |more: Value| {
        let mut request = json!({"TableName": "Games", "IndexName": "by-team"});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    cloud
        .check_invalid(
            "Scan",
            scan(json!({"ProjectionExpression": "extra"})),
            &format!("{invalid}Global secondary index by-team does not project [extra]"),
        )
        .await;
    // A scan finds nothing by what is not there; the table's keys may be asked for.
    let values = json!({":e": {"S": "e"}});
    let filter =
        scan(json!({"FilterExpression": "extra = :e", "ExpressionAttributeValues": values}));
    cloud.check("Scan", filter, json!({"Items": [], "Count": 0, "ScannedCount": 7})).await;
    let request = team(
        json!({"FilterExpression": "game = :g", "ProjectionExpression": "game", "ExpressionAttributeValues": {":t": {"S": "red"}, ":g": {"S": "risk"}}}),
    );
    cloud
        .check(
            "Query",
            request,
            json!({"Items": [{"game": {"S": "risk"}}], "Count": 1, "ScannedCount": 7}),
        )
        .await;
}

#[tokio::test]
async fn start_keys_of_indexes_are_checked() {
    let cloud = games().await;
    let invalid = "The provided starting key is invalid";
    let mismatch = "The provided key element does not match the schema";
    let key = |user: Value, game: Value, score: Value| json!({"user": user, "game": game, "score": score});
    let (ann, chess_key, ten) = (json!({"S": "ann"}), json!({"S": "chess"}), json!({"N": "10"}));
    let good = key(ann.clone(), chess_key.clone(), ten.clone());
    let mut more = good.clone();
    more["extra"] = json!({"S": "e"});
    for (start, condition, message) in [
        (json!({"user": ann, "game": chess_key}), "", invalid.to_owned()),
        (json!({"game": chess_key, "score": ten}), "", invalid.to_owned()),
        (json!({"user": ann, "game": chess_key, "x": ten}), "", invalid.to_owned()),
        (more, "", invalid.to_owned()),
        (key(ann.clone(), chess_key.clone(), json!({"S": "10"})), "", mismatch.to_owned()),
        (key(ten.clone(), chess_key.clone(), ten.clone()), "", format!("{invalid}: {mismatch}")),
        (
            key(ann.clone(), json!({"S": "go"}), ten.clone()),
            "",
            "The provided starting key is outside query boundaries based on provided conditions"
                .to_owned(),
        ),
        (
            good.clone(),
            " AND score > :s",
            "The provided starting key does not match the range key predicate".to_owned(),
        ),
        (
            key(ann.clone(), json!({"S": "go"}), json!({"N": "11"})),
            " AND score > :s",
            "The query can return at most one row and cannot be restarted".to_owned(),
        ),
    ] {
        let mut request = chess();
        request["KeyConditionExpression"] = json!(format!("game = :g{condition}"));
        if !condition.is_empty() {
            request["ExpressionAttributeValues"][":s"] = ten.clone();
        }
        request["ExclusiveStartKey"] = start;
        cloud.check_invalid("Query", request, &message).await;
    }
    // A key of nothing that was ever there is a place as good as any.
    let mut request = chess();
    request["ExclusiveStartKey"] = key(json!({"S": "zoe"}), chess_key.clone(), json!({"N": "15"}));
    assert_eq!(column(&cloud.call("Query", request).await, "score"), ["20", "30"]);
    let scan = |start: Value| json!({"TableName": "Games", "IndexName": "by-game", "ExclusiveStartKey": start});
    for (start, message) in [
        (json!({"user": ann, "game": chess_key}), invalid.to_owned()),
        (key(ann.clone(), ten.clone(), ten.clone()), mismatch.to_owned()),
        (key(ten.clone(), chess_key, ten), format!("{invalid}: {mismatch}")),
    ] {
        cloud.check_invalid("Scan", scan(start), &message).await;
    }
}

#[tokio::test]
async fn keys_of_several_attributes() {
    let cloud = games().await;
    for (i, (country, city, year, day)) in [
        ("kr", "seoul", 2024, "02"),
        ("kr", "seoul", 2024, "01"),
        ("kr", "seoul", 2023, "31"),
        ("kr", "busan", 2024, "01"),
        ("jp", "seoul", 2024, "01"),
    ]
    .into_iter()
    .enumerate()
    {
        let item = json!({
            "user": {"S": format!("u{i}")}, "game": {"S": "g"}, "country": {"S": country},
            "city": {"S": city}, "year": {"N": year.to_string()}, "day": {"S": day}
        });
        cloud.check("PutItem", json!({"TableName": "Games", "Item": item}), json!({})).await;
    }
    let partial = json!({"user": {"S": "u9"}, "game": {"S": "g"}, "country": {"S": "kr"}, "city": {"S": "seoul"}});
    cloud.check("PutItem", json!({"TableName": "Games", "Item": partial}), json!({})).await;
    let ask = |condition: &str| {
        let values = [
            (":c", json!({"S": "kr"})),
            (":t", json!({"S": "seoul"})),
            (":y", json!({"N": "2024"})),
            (":d", json!({"S": "0"})),
        ];
        let used: serde_json::Map<String, Value> = values
            .into_iter()
            .filter(|(name, _)| condition.contains(name))
            .map(|(n, v)| (n.to_owned(), v))
            .collect();
        let mut names = json!({});
        for (name, meaning) in [("#y", "year"), ("#d", "day")] {
            if condition.contains(name) {
                names[name] = json!(meaning);
            }
        }
        let mut request = json!({
            "TableName": "Games", "IndexName": "by-place", "KeyConditionExpression": condition,
            "ExpressionAttributeValues": used
        });
        if names != json!({}) {
            request["ExpressionAttributeNames"] = names;
        }
        request
    };
    for (condition, expected) in [
        ("country = :c AND city = :t", vec!["u2", "u1", "u0"]),
        ("#y = :y AND city = :t AND country = :c", vec!["u1", "u0"]),
        ("country = :c AND city = :t AND #y < :y", vec!["u2"]),
        ("country = :c AND city = :t AND #y = :y AND begins_with(#d, :d)", vec!["u1", "u0"]),
        ("country = :c AND city = :t AND #y = :y AND #d < :d", vec![]),
    ] {
        let items = all_pages(&cloud, "Query", ask(condition), 1).await;
        let answer = json!({ "Items": items });
        assert_eq!(column(&answer, "user"), expected, "{condition}");
    }
    for (condition, message) in [
        (
            "country = :c",
            "HASH key attributes city must have equality conditions specified in the query",
        ),
        (
            "country = :c AND city > :t",
            "HASH key attributes city must have equality conditions specified in the query",
        ),
        (
            "country = :c AND city = :t AND #d = :d",
            "RANGE key attributes year must have equality conditions specified in the query because a condition is present on key attribute day",
        ),
        (
            "country = :c AND city = :t AND #y > :y AND #d = :d",
            "RANGE key attributes year must have equality conditions specified in the query because a condition is present on key attribute day",
        ),
        (
            "country = :c AND city = :t AND #y = :d",
            "One or more parameter values were invalid: Condition parameter type does not match schema type",
        ),
    ] {
        cloud.check_invalid("Query", ask(condition), message).await;
    }
    // The parameters of old reach them, too.
    let conditions = json!({
        "country": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "kr"}]},
        "city": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "seoul"}]},
        "year": {"ComparisonOperator": "GE", "AttributeValueList": [{"N": "2024"}]}
    });
    let request =
        json!({"TableName": "Games", "IndexName": "by-place", "KeyConditions": conditions});
    assert_eq!(cloud.call("Query", request).await["Count"], 2);
}

#[tokio::test]
async fn a_page_of_an_index_ends_at_one_megabyte() {
    let cloud = games().await;
    for i in 0..7 {
        let item = json!({
            "user": {"S": "big"}, "game": {"S": format!("g{i}")}, "score": {"N": i.to_string()},
            "team": {"S": "blue"}, "blob": {"S": "x".repeat(200 * 1024)}
        });
        cloud.check("PutItem", json!({"TableName": "Games", "Item": item}), json!({})).await;
    }
    // What is fetched counts as well as what the index holds.
    let mut request = query("best", "#u = :u", json!({":u": {"S": "big"}}));
    request["Select"] = json!("ALL_ATTRIBUTES");
    let first = cloud.call("Query", request.clone()).await;
    assert_eq!(first["Count"], 5);
    assert_eq!(first["LastEvaluatedKey"]["score"]["N"], "4");
    request["ExclusiveStartKey"] = first["LastEvaluatedKey"].clone();
    let second = cloud.call("Query", request.clone()).await;
    assert_eq!((&second["Count"], second.get("LastEvaluatedKey")), (&json!(2), None));
    // Alone, the index's entries are small.
    request.as_object_mut().unwrap().remove("ExclusiveStartKey");
    request["Select"] = json!("COUNT");
    let count = json!({"Count": 7, "ScannedCount": 7});
    cloud.check("Query", request, count).await;
}

#[tokio::test]
async fn item_collections_are_told() {
    let cloud = games().await;
    let key = json!({"user": {"S": "ann"}, "game": {"S": "go"}});
    let metrics = json!({
        "ItemCollectionKey": {"user": {"S": "ann"}}, "SizeEstimateRangeGB": [0.0, 1.0]
    });
    let size = |more: Value| {
        let mut request = json!({"TableName": "Games", "ReturnItemCollectionMetrics": "SIZE"});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    for (operation, more) in [
        ("PutItem", json!({"Item": key})),
        ("UpdateItem", json!({"Key": key})),
        ("DeleteItem", json!({"Key": key})),
    ] {
        let expected = json!({"ItemCollectionMetrics": metrics});
        cloud.check(operation, size(more), expected).await;
    }
    let put =
        |game: &str| json!({"PutRequest": {"Item": {"user": {"S": "ann"}, "game": {"S": game}}}});
    let batch = json!({
        "RequestItems": {"Games": [put("a"), put("b")]}, "ReturnItemCollectionMetrics": "SIZE"
    });
    let expected = json!({"UnprocessedItems": {}, "ItemCollectionMetrics": {"Games": [metrics]}});
    cloud.check("BatchWriteItem", batch, expected).await;
    let action = json!({"Delete": {"TableName": "Games", "Key": key}});
    let transaction = json!({"TransactItems": [action], "ReturnItemCollectionMetrics": "SIZE"});
    let expected = json!({"ItemCollectionMetrics": {"Games": [metrics]}});
    cloud.check("TransactWriteItems", transaction, expected).await;
    // A table without local indexes has no collections.
    cloud.create("Plain", &[("pk", "S")]).await;
    let put = json!({
        "TableName": "Plain", "Item": {"pk": {"S": "a"}}, "ReturnItemCollectionMetrics": "SIZE"
    });
    cloud.check("PutItem", put, json!({})).await;
}
