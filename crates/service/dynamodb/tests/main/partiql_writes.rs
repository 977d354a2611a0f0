//! INSERT, UPDATE and DELETE.

use serde_json::{Value, json};

use crate::Cloud;

async fn run(cloud: &Cloud, statement: &str) -> Value {
    cloud.call("ExecuteStatement", json!({"Statement": statement})).await
}

/// Runs statements, each of which has to answer these items.
async fn check(cloud: &Cloud, cases: &[(&str, Value)]) {
    for (statement, items) in cases {
        let answer = run(cloud, statement).await;
        assert_eq!(answer, json!({"Items": items}), "{statement}");
    }
}

async fn check_error(cloud: &Cloud, statement: &str, code: &str, message: &str) {
    let answer = run(cloud, statement).await;
    let kind = answer["__type"].as_str().unwrap_or_default();
    assert!(kind.ends_with(&format!("#{code}")), "{statement}: {answer}");
    let got = answer["message"].as_str().or(answer["Message"].as_str());
    assert_eq!(got, Some(message), "{statement}");
}

async fn item(cloud: &Cloud, pk: &str) -> Value {
    let request = json!({"TableName": "Simple", "Key": {"pk": {"S": pk}}});
    cloud.call("GetItem", request).await["Item"].clone()
}

#[tokio::test]
async fn insert() {
    let cloud = Cloud::with_tables().await;
    check(
        &cloud,
        &[(
            "INSERT INTO Simple VALUE {'pk': 'a', 'n': -1.5e-3, 'big': \
             12345678901234567890123456789012345678, 't': true, 'z': null, 'q': 'it''s', \
             'l': [1, 'x', [2]], 'm': {'k': 4}, 'ns': <<1, 34, 4.5>>, 'ss': <<'x', 'y'>>}",
            json!([]),
        )],
    )
    .await;
    let expected = json!({
        "pk": {"S": "a"}, "n": {"N": "-0.0015"},
        "big": {"N": "12345678901234567890123456789012345678"}, "t": {"BOOL": true},
        "z": {"NULL": true}, "q": {"S": "it's"},
        "l": {"L": [{"N": "1"}, {"S": "x"}, {"L": [{"N": "2"}]}]}, "m": {"M": {"k": {"N": "4"}}},
        "ns": {"NS": ["1", "4.5", "34"]}, "ss": {"SS": ["x", "y"]}});
    assert_eq!(item(&cloud, "a").await, expected);
    check_error(
        &cloud,
        "INSERT INTO Simple VALUE {'pk': 'a'}",
        "DuplicateItemException",
        "Duplicate primary key exists in table",
    )
    .await;
    check_error(
        &cloud,
        "INSERT INTO Simple VALUE {'a': 'a'}",
        "ValidationException",
        "One or more parameter values were invalid: Missing the key pk in the item",
    )
    .await;
    let parameters = json!([{"S": "b"}, {"M": {"x": {"B": "AAE="}}}]);
    let statement = "INSERT INTO \"Simple\" VALUE {'pk': ?, 'm': ?}";
    let request = json!({"Statement": statement, "Parameters": parameters});
    cloud.check("ExecuteStatement", request, json!({"Items": []})).await;
    assert_eq!(item(&cloud, "b").await["m"], json!({"M": {"x": {"B": "AAE="}}}));
}

#[tokio::test]
async fn update() {
    let cloud = Cloud::with_tables().await;
    let insert = "INSERT INTO Simple VALUE {'pk': 'a', 'n': 5, 'l': [1, 2], 'm': {'x': 1}, \
                  'ss': <<'a', 'b'>>, 'gone': 1, 'only': <<1>>}";
    check(
        &cloud,
        &[
            (insert, json!([])),
            ("UPDATE Simple SET n = n + 1 SET m.y = n WHERE pk = 'a'", json!([])),
            (
                "UPDATE Simple SET l = list_append(l, ['z']), ss = set_add(ss, <<'c'>>) \
                 SET fresh = set_add(fresh, <<1>>) SET only = set_delete(only, <<1>>) \
                 REMOVE gone, m.x WHERE (pk = 'a' AND n = 6) AND 'a' = pk",
                json!([]),
            ),
            (
                "UPDATE Simple SET n=n-1 WHERE pk = 'a' RETURNING MODIFIED OLD *",
                json!([{"n": {"N": "6"}}]),
            ),
            (
                "UPDATE Simple SET l[0] = 1, l[1] = 2 WHERE pk = 'a' RETURNING MODIFIED NEW *",
                json!([{"l": {"L": [{"N": "1"}, {"N": "2"}]}}]),
            ),
            ("UPDATE Simple REMOVE fresh WHERE pk = 'a' RETURNING MODIFIED NEW *", json!([])),
        ],
    )
    .await;
    let expected = json!({
        "pk": {"S": "a"}, "n": {"N": "5"}, "l": {"L": [{"N": "1"}, {"N": "2"}, {"S": "z"}]},
        "m": {"M": {"y": {"N": "5"}}}, "ss": {"SS": ["a", "b", "c"]}});
    assert_eq!(item(&cloud, "a").await, expected);
}

#[tokio::test]
async fn update_returns_whole_items() {
    let cloud = Cloud::with_tables().await;
    check(
        &cloud,
        &[
            ("INSERT INTO Simple VALUE {'pk': 'a', 'n': 5}", json!([])),
            (
                "UPDATE Simple SET n = 6 WHERE pk = 'a' RETURNING ALL OLD *",
                json!([{"pk": {"S": "a"}, "n": {"N": "5"}}]),
            ),
            (
                "UPDATE Simple SET n = 7 WHERE pk = 'a' RETURNING ALL NEW *",
                json!([{"pk": {"S": "a"}, "n": {"N": "7"}}]),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_is_not_there_is_not_updated() {
    let cloud = Cloud::with_tables().await;
    let failed = "The conditional request failed";
    let code = "ConditionalCheckFailedException";
    check_error(&cloud, "UPDATE Simple SET n = 1 WHERE pk = 'a'", code, failed).await;
    assert_eq!(cloud.stored_items(), 0);
    run(&cloud, "INSERT INTO Simple VALUE {'pk': 'a', 'n': 1}").await;
    for statement in [
        "UPDATE Simple SET n = 2 WHERE pk = 'a' AND n = 2",
        "UPDATE Simple SET n = 2 WHERE pk = 'a' AND none IS NOT MISSING",
        "DELETE FROM Simple WHERE pk = 'a' AND n = 2",
    ] {
        check_error(&cloud, statement, code, failed).await;
    }
    let request = json!({"Statement": "DELETE FROM Simple WHERE pk = 'a' AND n = 2",
                         "ReturnValuesOnConditionCheckFailure": "ALL_OLD"});
    let answer = cloud.call("ExecuteStatement", request).await;
    assert_eq!(answer["Item"], json!({"pk": {"S": "a"}, "n": {"N": "1"}}));
}

#[tokio::test]
async fn delete() {
    let cloud = Cloud::with_tables().await;
    let old = json!([{"pk": {"S": "a"}, "n": {"N": "1"}}]);
    check(
        &cloud,
        &[
            ("DELETE FROM Simple WHERE pk = 'a'", json!([])),
            ("DELETE FROM Simple WHERE pk = 'a' AND n = 1 RETURNING ALL OLD *", json!([])),
            ("INSERT INTO Simple VALUE {'pk': 'a', 'n': 1}", json!([])),
            ("DELETE FROM Simple WHERE pk = 'a' AND n = 1 RETURNING ALL OLD *", old),
            ("DELETE FROM Simple WHERE pk = 'a'", json!([])),
        ],
    )
    .await;
    assert_eq!(cloud.stored_items(), 0);
}

#[tokio::test]
async fn the_key_must_be_whole() {
    let cloud = Cloud::with_tables().await;
    let missing = "Where clause does not contain a mandatory equality on all key attributes";
    for condition in [
        "",
        "WHERE pk = 'a'",
        "WHERE sk = 1",
        "WHERE pk = 'a' AND sk > 1",
        "WHERE pk IN ['a'] AND sk = 1",
        "WHERE pk = 'a' AND sk = 1 OR n = 2",
    ] {
        for start in ["UPDATE Sorted SET n = 1", "DELETE FROM Sorted"] {
            let statement = format!("{start} {condition}");
            check_error(&cloud, &statement, "ValidationException", missing).await;
        }
    }
    check_error(
        &cloud,
        "DELETE FROM Sorted WHERE pk = 'a' AND sk = 1 AND pk = 'b'",
        "ValidationException",
        "Multiple conditions on same key pk. Only single item Update/Insert/Delete are supported",
    )
    .await;
    check_error(
        &cloud,
        "UPDATE Sorted SET pk = 'b' WHERE pk = 'a' AND sk = 1",
        "ValidationException",
        "One or more parameter values were invalid: \
         Cannot update attribute pk. This attribute is part of the key",
    )
    .await;
}

#[tokio::test]
async fn updates_that_do_not_fit() {
    let cloud = Cloud::with_tables().await;
    run(&cloud, "INSERT INTO Simple VALUE {'pk': 'a', 's': 'x', 'ss': <<'a'>>, 'm': {}}").await;
    let wrong = "An operand in the update expression has an incorrect data type";
    let code = "ValidationException";
    for (set, message) in [
        ("ss = set_add(ss, <<1>>)", wrong),
        ("s = set_add(s, <<'x'>>)", wrong),
        ("ss = set_delete(ss, <<1>>)", wrong),
        ("s = s + 1", wrong),
        (
            "none = list_append(none, [1])",
            "The provided expression refers to an attribute that does not exist in the item",
        ),
        ("none.x = 1", "The document path provided in the update expression is invalid for update"),
    ] {
        let statement = format!("UPDATE Simple SET {set} WHERE pk = 'a'");
        check_error(&cloud, &statement, code, message).await;
    }
    let mut deep = json!({"S": "x"});
    for _ in 0..32 {
        deep = json!({"M": {"a": deep}});
    }
    let request = json!({"Statement": "UPDATE Simple SET m.deep = ? WHERE pk = 'a'",
                         "Parameters": [deep]});
    let too_deep = "Nesting Levels have exceeded supported limits";
    cloud.check_invalid("ExecuteStatement", request, too_deep).await;
}

#[tokio::test]
async fn capacity() {
    let cloud = Cloud::with_tables().await;
    let request = json!({"Statement": "INSERT INTO Simple VALUE {'pk': 'a'}",
                         "ReturnConsumedCapacity": "INDEXES"});
    let expected = json!({"TableName": "Simple", "CapacityUnits": 1.0,
                          "Table": {"CapacityUnits": 1.0}});
    let answer = cloud.call("ExecuteStatement", request).await;
    assert_eq!(answer["ConsumedCapacity"], expected);
}
