//! SELECT.

use serde_json::{Value, json};

use crate::Cloud;

/// `Sorted` with three items in each of the partitions `o` and `p`.
async fn filled() -> Cloud {
    let cloud = Cloud::with_tables().await;
    for pk in ["o", "p"] {
        for sk in 1..=3 {
            let item = json!({"pk": {"S": pk}, "sk": {"N": sk.to_string()},
                              "n": {"N": (sk * 10).to_string()}, "m": {"M": {"x": {"L": [{"S": pk}]}}}});
            cloud.call("PutItem", json!({"TableName": "Sorted", "Item": item})).await;
        }
    }
    cloud
}

/// Keys of items, as `o1 o2`.
fn keys(answer: &Value) -> String {
    let Some(items) = answer["Items"].as_array() else { return answer.to_string() };
    let key = |item: &Value| {
        let part = |name: &str, kind: &str| item[name][kind].as_str().unwrap_or("").to_owned();
        part("pk", "S") + &part("sk", "N")
    };
    items.iter().map(key).collect::<Vec<_>>().join(" ")
}

async fn check(cloud: &Cloud, cases: &[(&str, &str)]) {
    for (rest, expected) in cases {
        let statement = format!("SELECT pk, sk FROM Sorted {rest}");
        let answer = cloud.call("ExecuteStatement", json!({"Statement": statement})).await;
        assert_eq!(keys(&answer), *expected, "{statement}");
    }
}

async fn check_invalid(cloud: &Cloud, cases: &[(&str, &str)]) {
    for (rest, message) in cases {
        let statement = format!("SELECT pk, sk FROM Sorted {rest}");
        cloud.check_invalid("ExecuteStatement", json!({"Statement": statement}), message).await;
    }
}

#[tokio::test]
async fn keys_are_ranges() {
    check(
        &filled().await,
        &[
            ("WHERE pk = 'o'", "o1 o2 o3"),
            ("WHERE 'o' = pk AND 2 <= sk", "o2 o3"),
            ("WHERE pk = 'o' AND sk > 1 AND sk < 3", "o2"),
            ("WHERE pk = 'o' AND sk >= 2 AND sk <> 2", "o3"),
            ("WHERE pk = 'o' AND sk BETWEEN 2 AND 3", "o2 o3"),
            ("WHERE pk = 'o' AND sk = 2 AND sk > 1", "o2"),
            ("WHERE pk = 'o' AND sk = 2 AND sk = 3", ""),
            ("WHERE pk = 'o' AND NOT sk = 1", "o2 o3"),
            ("WHERE pk IN ['p', 'o'] AND sk IN [1, 3]", "p1 p3 o1 o3"),
            ("WHERE pk = 'o' AND (sk = 1 OR sk = 3)", "o1 o3"),
            ("WHERE pk = 'o' AND (sk < 2 OR sk > 2)", "o1 o3"),
            ("WHERE pk = 'p' OR pk = 'o' AND sk = 1", "p1 p2 p3 o1"),
            ("WHERE pk = 'o' AND pk = 'p'", ""),
            ("WHERE pk = 'none'", ""),
        ],
    )
    .await;
}

#[tokio::test]
async fn all_else_is_a_filter() {
    check(
        &filled().await,
        &[
            ("WHERE pk = 'o' AND n = 20", "o2"),
            ("WHERE pk = 'o' AND n IN [10, 30]", "o1 o3"),
            ("WHERE pk = 'o' AND (n < 20 OR n > 20)", "o1 o3"),
            ("WHERE pk = 'o' AND m.x[0] = 'o' AND attribute_exists(pk)", "o1 o2 o3"),
            ("WHERE pk = 'o' AND (attribute_exists(none) = false) AND size(m.x) = 1", "o1 o2 o3"),
            (
                "WHERE pk = 'o' AND none IS MISSING AND n IS NOT MISSING AND n IS NOT NULL",
                "o1 o2 o3",
            ),
            ("WHERE pk = 'o' AND none IS NULL", ""),
            ("WHERE pk = 'o' AND NOT n BETWEEN 20 AND 30", "o1"),
        ],
    )
    .await;
    let cloud = filled().await;
    for condition in ["n = 20", "n = 20 OR pk = 'none'", "pk > 'a' AND n = 20"] {
        let statement = format!("SELECT pk, sk FROM Sorted WHERE {condition}");
        let answer = cloud.call("ExecuteStatement", json!({"Statement": statement})).await;
        let found = keys(&answer);
        assert!(found == "o2 p2" || found == "p2 o2", "{statement}: {found}");
    }
}

#[tokio::test]
async fn order() {
    let cloud = filled().await;
    check(
        &cloud,
        &[
            ("WHERE pk = 'o' ORDER BY sk", "o1 o2 o3"),
            ("WHERE pk = 'o' ORDER BY sk DESC", "o3 o2 o1"),
            // By the partition key alone, DynamoDB turns the sort keys around.
            ("WHERE pk = 'o' ORDER BY pk", "o3 o2 o1"),
            ("WHERE pk IN ['o', 'p'] ORDER BY pk DESC, sk", "p1 p2 p3 o1 o2 o3"),
            ("WHERE pk = 'o' AND sk IN [3, 1, 2] ORDER BY sk DESC", "o3 o2 o1"),
        ],
    )
    .await;
    check_invalid(
        &cloud,
        &[
            ("ORDER BY sk", "Must have WHERE clause in the statement when using ORDER BY clause."),
            (
                "WHERE pk = 'o' ORDER BY n",
                "Attribute n in ORDER BY clause must be part of the primary key",
            ),
            (
                "WHERE pk > 'o' ORDER BY sk",
                "Must have at least one non-optional hash key condition in WHERE clause \
                 when using ORDER BY clause.",
            ),
            (
                "WHERE pk IN ['o', 'p'] ORDER BY sk",
                "Must have hash key in ORDER BY clause when more than one hash key condition \
                 specified in WHERE clause.",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn refused_keys() {
    let overlap = "Overlapping conditions with range keys are not supported in where clause";
    let many: Vec<String> = (0..51).map(|i| format!("'v{i}'")).collect();
    let many = format!("WHERE pk IN [{}]", many.join(","));
    let type_of = "Key attribute's data type should match its data type in table's schema: Key";
    let cloud = filled().await;
    check_invalid(
        &cloud,
        &[
            ("WHERE pk IN ['o', 'o']", overlap),
            ("WHERE pk = 'o' AND (sk > 1 OR sk < 3)", overlap),
            ("WHERE pk = 'o' AND (sk = 1 OR n = 20)", overlap),
            (&many, "Too many decomposed read operations for a given query."),
            ("WHERE pk = 1", &format!("{type_of} pk")),
            ("WHERE pk = 'o' AND sk IN [1, '2']", &format!("{type_of} sk")),
            (
                "WHERE pk = true",
                "Key value must be of type S, N, or B. Key name: pk, Key type: BOOL",
            ),
            (
                "WHERE pk = ''",
                "One or more parameter values are not valid. The AttributeValue for a key \
                 attribute cannot contain an empty string value. Key: pk",
            ),
        ],
    )
    .await;
    check(&cloud, &[("WHERE pk > 1", ""), (&format!("{many} OR n = 0"), "")]).await;
}

#[tokio::test]
async fn columns() {
    let cloud = filled().await;
    let statement = "SELECT m.x[0], n, none, m.x FROM Sorted WHERE pk = 'o' AND sk = 1";
    let expected = json!({"Items": [
        {"x[0]": {"S": "o"}, "n": {"N": "10"}, "x": {"L": [{"S": "o"}]}}]});
    cloud.check("ExecuteStatement", json!({"Statement": statement}), expected).await;
    let statement = "SELECT none FROM Sorted WHERE pk = 'o' AND sk = 1";
    let expected = json!({"Items": [{}]});
    cloud.check("ExecuteStatement", json!({"Statement": statement}), expected).await;
}

#[tokio::test]
async fn pages() {
    let cloud = filled().await;
    let mut request = json!({"Statement": "SELECT pk, sk FROM Sorted WHERE pk IN ['o', ?]",
                             "Parameters": [{"S": "p"}], "Limit": 2});
    let mut pages = Vec::new();
    for _ in 0..9 {
        let answer = cloud.call("ExecuteStatement", request.clone()).await;
        pages.push(keys(&answer));
        if answer["NextToken"].is_null() {
            break;
        }
        request["NextToken"] = answer["NextToken"].clone();
    }
    assert_eq!(
        pages.join(" ").split_whitespace().collect::<Vec<_>>(),
        ["o1", "o2", "o3", "p1", "p2", "p3"]
    );
    // Another limit will do, nothing else will.
    let mut other = request.clone();
    other["Limit"] = json!(1);
    assert!(cloud.call("ExecuteStatement", other).await["Items"].is_array());
    let mismatch = "NextToken does not match request";
    let mut other = request.clone();
    other["Parameters"] = json!([{"S": "q"}]);
    cloud.check_invalid("ExecuteStatement", other, mismatch).await;
    let mut other = request.clone();
    other["Statement"] = json!("SELECT pk, sk FROM Sorted WHERE pk IN ['o',  ?]");
    cloud.check_invalid("ExecuteStatement", other, mismatch).await;
    for forged in ["x", "AAAA", "{}", "eyJwayI6eyJTIjoibyJ9fQ=="] {
        let mut other = request.clone();
        other["NextToken"] = json!(forged);
        cloud.check_invalid("ExecuteStatement", other, "Invalid NextToken").await;
    }
}

/// A page looks at a megabyte, however many partitions it goes through.
#[tokio::test]
async fn a_page_ends_in_the_middle_of_partitions() {
    let cloud = Cloud::with_tables().await;
    for pk in ["a", "b", "c", "d", "e"] {
        for sk in ["1", "2"] {
            let item = json!({"pk": {"S": pk}, "sk": {"N": sk},
                              "v": {"S": "v".repeat(200 * 1024)}});
            cloud.call("PutItem", json!({"TableName": "Sorted", "Item": item})).await;
        }
    }
    let statement = "SELECT pk, sk FROM Sorted WHERE pk IN ['a', 'b', 'c', 'd', 'e']";
    let mut request = json!({"Statement": statement});
    let mut pages = Vec::new();
    while pages.len() < 9 {
        let answer = cloud.call("ExecuteStatement", request.clone()).await;
        pages.push(keys(&answer));
        if answer["NextToken"].is_null() {
            break;
        }
        request["NextToken"] = answer["NextToken"].clone();
    }
    assert_eq!(pages, ["a1 a2 b1 b2 c1", "c2 d1 d2 e1 e2"]);
}

#[tokio::test]
async fn last_evaluated_key_and_capacity() {
    let cloud = filled().await;
    let request = json!({"Statement": "SELECT * FROM Sorted WHERE pk = 'o'", "Limit": 1,
                         "ReturnConsumedCapacity": "TOTAL"});
    let answer = cloud.call("ExecuteStatement", request).await;
    assert_eq!(answer["LastEvaluatedKey"], json!({"pk": {"S": "o"}, "sk": {"N": "1"}}));
    assert!(answer["NextToken"].is_string());
    assert_eq!(answer["ConsumedCapacity"], json!({"TableName": "Sorted", "CapacityUnits": 0.5}));
    let request = json!({"Statement": "SELECT * FROM Sorted WHERE pk = 'o'",
                         "ConsistentRead": true, "ReturnConsumedCapacity": "INDEXES"});
    let answer = cloud.call("ExecuteStatement", request).await;
    let expected =
        json!({"TableName": "Sorted", "CapacityUnits": 1.0, "Table": {"CapacityUnits": 1.0}});
    assert_eq!(answer["ConsumedCapacity"], expected);
}

#[tokio::test]
async fn tables() {
    let cloud = Cloud::with_tables().await;
    let request = json!({"Statement": "SELECT * FROM Nowhere.i WHERE pk = 'a'"});
    let answer = cloud.call("ExecuteStatement", request).await;
    assert_eq!(answer["__type"], "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException");
    assert_eq!(answer["message"], "Requested resource not found");
    // What is wrong with the statement is told before.
    let wrong = "Incorrect operand type for operator or function; operator or function: <, \
                 operand type: BOOL";
    let request = json!({"Statement": "SELECT * FROM Nowhere WHERE a < ?",
                         "Parameters": [{"BOOL": true}]});
    cloud.check_invalid("ExecuteStatement", request, wrong).await;
    // And parameters before the statement.
    let request = json!({"Statement": "SELECT", "Parameters": [{"SS": ["a", "a"]}]});
    let duplicates = "One or more parameter values were invalid: \
                      Input collection [a, a] contains duplicates.";
    cloud.check_invalid("ExecuteStatement", request, duplicates).await;
    let request = json!({"Statement": "SELECT * FROM Simple.i"});
    let missing = "The table does not have the specified index";
    cloud.check_invalid("ExecuteStatement", request, missing).await;
    let request = json!({"Statement": "EXISTS(SELECT * FROM Simple WHERE pk = 'a' AND b = 1)"});
    let outside = "EXISTS can only be used in ExecuteTransaction write requests.";
    cloud.check_invalid("ExecuteStatement", request, outside).await;
}
