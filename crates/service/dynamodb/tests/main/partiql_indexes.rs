//! SELECT from secondary indexes.

use serde_json::{Value, json};

use crate::Cloud;

/// A table with one index of each kind that projects only so much, and four items.
async fn filled() -> Cloud {
    let cloud = Cloud::empty();
    let key = |hash: &str, range: Option<&str>| {
        let mut keys = vec![json!({"AttributeName": hash, "KeyType": "HASH"})];
        keys.extend(range.map(|range| json!({"AttributeName": range, "KeyType": "RANGE"})));
        keys
    };
    let types = ["pk", "sk", "g", "h", "l"]
        .map(|name| json!({"AttributeName": name, "AttributeType": "S"}));
    let mut many = key("g", None);
    many.extend(key("h", None));
    let request = json!({
        "TableName": "Indexed", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": types, "KeySchema": key("pk", Some("sk")),
        "GlobalSecondaryIndexes": [
            {"IndexName": "gsi", "KeySchema": key("g", None),
             "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["held"]}},
            {"IndexName": "many", "KeySchema": many, "Projection": {"ProjectionType": "ALL"}}],
        "LocalSecondaryIndexes": [
            {"IndexName": "lsi", "KeySchema": key("pk", Some("l")),
             "Projection": {"ProjectionType": "KEYS_ONLY"}}],
    });
    let answer = cloud.call("CreateTable", request).await;
    assert!(answer["TableDescription"].is_object(), "{answer}");
    for (sk, g) in [("1", Some("x")), ("2", Some("y")), ("3", None), ("4", Some("x"))] {
        let mut item = json!({"pk": {"S": "p"}, "sk": {"S": sk}, "l": {"S": format!("l{sk}")},
                              "h": {"S": "h"}, "held": {"S": format!("H{sk}")},
                              "other": {"S": format!("O{sk}")}});
        if let Some(g) = g {
            item["g"] = json!({"S": g});
        }
        cloud.call("PutItem", json!({"TableName": "Indexed", "Item": item})).await;
    }
    cloud
}

async fn check(cloud: &Cloud, statement: &str, expected: &str) {
    let answer = cloud.call("ExecuteStatement", json!({"Statement": statement})).await;
    let Some(items) = answer["Items"].as_array() else { panic!("{statement}: {answer}") };
    let text = |item: &Value| {
        let attributes = item.as_object().into_iter().flatten();
        let values = attributes.map(|(_, value)| value["S"].as_str().unwrap_or("?"));
        values.collect::<Vec<_>>().join(",")
    };
    let mut found: Vec<String> = items.iter().map(text).collect();
    found.sort();
    assert_eq!(found.join(" "), expected, "{statement}");
}

#[tokio::test]
async fn items_of_an_index() {
    let cloud = filled().await;
    for (rest, expected) in [
        ("sk FROM Indexed.gsi", "1 2 4"),
        ("sk FROM \"Indexed\".\"gsi\" WHERE g = 'x'", "1 4"),
        ("* FROM Indexed.gsi WHERE g = 'y'", "y,H2,p,2"),
        ("* FROM Indexed.lsi WHERE pk = 'p' AND l > 'l3'", "l4,p,4"),
        ("sk FROM Indexed.gsi WHERE g = 'x' AND held = 'H4'", "4"),
        ("sk FROM Indexed.gsi WHERE g IN ['x', 'y'] AND (held = 'H4' OR held = 'H2')", "2 4"),
        // A scan looks at what the index holds, and at nothing else.
        ("sk FROM Indexed.gsi WHERE other = 'O1'", ""),
        ("sk FROM Indexed.gsi WHERE NOT other = 'O1'", "1 2 4"),
        ("sk FROM Indexed.lsi WHERE held = 'H1'", ""),
        // So does a query with a branch that needs no more.
        ("sk FROM Indexed.gsi WHERE (g = 'x' AND other = 'O1') OR g = 'y'", "2"),
        // A local index gets from the table what it does not hold.
        ("other FROM Indexed.lsi WHERE pk = 'p' AND l = 'l3'", "O3"),
    ] {
        check(&cloud, &format!("SELECT {rest}"), expected).await;
    }
}

#[tokio::test]
async fn refused() {
    let cloud = filled().await;
    let lacks = "One or more parameter values were invalid: Secondary index";
    let lacks = |rest: &str| format!("{lacks} {rest}");
    let filter = "does not project one or more filter attributes:";
    let many = "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or \
                multi-attribute RANGE keys.";
    for (rest, message) in [
        (
            "sk FROM Indexed.gsi WHERE g = 'x' AND other = 'a'",
            lacks(&format!("gsi {filter} [other]")),
        ),
        (
            "sk FROM Indexed.lsi WHERE pk = 'p' AND held = 'a'",
            lacks(&format!("lsi {filter} [held]")),
        ),
        (
            "sk FROM Indexed.gsi WHERE g = 'x' AND b = '1' AND (a = '2' OR held = '3')",
            lacks(&format!("gsi {filter} [a, b]")),
        ),
        (
            "sk FROM Indexed.gsi WHERE (g = 'q' AND u1 = '1') OR (g = 'b' AND u2 = '1')",
            lacks(&format!("gsi {filter} [u1]")),
        ),
        (
            "other FROM Indexed.gsi WHERE g = 'x'",
            "One or more parameter values were invalid: \
             Global secondary index gsi does not project [other]"
                .to_owned(),
        ),
        ("* FROM Indexed.many WHERE g = 'x'", many.to_owned()),
        ("COUNT(*) FROM Indexed.many", many.to_owned()),
        (
            "* FROM Indexed.many WHERE",
            "Statement wasn't well formed, can't be processed: Unexpected term".to_owned(),
        ),
    ] {
        let statement = format!("SELECT {rest}");
        cloud.check_invalid("ExecuteStatement", json!({"Statement": statement}), &message).await;
    }
    let request = json!({"Statement": "SELECT * FROM Indexed.gsi", "ConsistentRead": true});
    let message = "Strongly consistent read is not supported on Global Secondary Indexes";
    cloud.check_invalid("ExecuteStatement", request, message).await;
}

#[tokio::test]
async fn pages_and_capacity() {
    let cloud = filled().await;
    let mut request = json!({"Statement": "SELECT sk FROM Indexed.gsi WHERE g IN ['x', 'y']",
                             "Limit": 1, "ReturnConsumedCapacity": "INDEXES"});
    let mut found = Vec::new();
    for _ in 0..9 {
        let answer = cloud.call("ExecuteStatement", request.clone()).await;
        let items = answer["Items"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        found.extend(items.iter().map(|item| item["sk"]["S"].as_str().unwrap().to_owned()));
        let consumed = &answer["ConsumedCapacity"];
        assert_eq!(consumed["Table"]["CapacityUnits"], 0.0, "{consumed}");
        if answer["NextToken"].is_null() {
            break;
        }
        request["NextToken"] = answer["NextToken"].clone();
    }
    assert_eq!(found, ["1", "4", "2"]);
}
