//! ExecuteTransaction.

use serde_json::{Value, json};

use crate::Cloud;

fn transaction(statements: &[&str]) -> Value {
    let statements = statements.iter().map(|statement| json!({"Statement": statement}));
    json!({"TransactStatements": statements.collect::<Vec<_>>()})
}

async fn filled() -> Cloud {
    let cloud = Cloud::with_tables().await;
    for sk in 1..=2 {
        let item = json!({"pk": {"S": "a"}, "sk": {"N": sk.to_string()}, "n": {"N": "1"}});
        cloud.call("PutItem", json!({"TableName": "Sorted", "Item": item})).await;
    }
    cloud
}

async fn check_cancelled(cloud: &Cloud, statements: &[&str], reasons: Value) {
    let answer = cloud.call("ExecuteTransaction", transaction(statements)).await;
    assert_eq!(answer["CancellationReasons"], reasons, "{statements:?}: {answer}");
    let kind = answer["__type"].as_str().unwrap_or_default();
    assert!(kind.ends_with("#TransactionCanceledException"), "{answer}");
}

const ONE: &str = "WHERE pk = 'a' AND sk = 1";

#[tokio::test]
async fn writes_and_checks() {
    let cloud = filled().await;
    let request = transaction(&[
        "EXISTS(SELECT * FROM Sorted WHERE (pk = 'a' AND sk = 1) AND none IS MISSING)",
        "UPDATE Sorted SET n = n + 1 WHERE pk = 'a' AND sk = 2",
        "INSERT INTO Simple VALUE {'pk': 'x'}",
        "DELETE FROM Simple WHERE pk = 'none'",
    ]);
    let expected = json!({"Responses": [{}, {}, {}, {}]});
    cloud.check("ExecuteTransaction", request, expected).await;
    assert_eq!(cloud.stored_items(), 3);
    check_cancelled(
        &cloud,
        &[
            "EXISTS(SELECT * FROM Sorted WHERE pk = 'a' AND sk = 1 AND n = 9)",
            "INSERT INTO Simple VALUE {'pk': 'x'}",
            "INSERT INTO Simple VALUE {'pk': 'y'}",
            "UPDATE Simple SET n = 1 WHERE pk = 'none'",
        ],
        json!([
            {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"},
            {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"},
            {"Code": "None"},
            {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"},
        ]),
    )
    .await;
    assert_eq!(cloud.stored_items(), 3);
    let mut request = transaction(&["DELETE FROM Sorted WHERE pk = 'a' AND sk = 1 AND n = 9"]);
    request["TransactStatements"][0]["ReturnValuesOnConditionCheckFailure"] = json!("ALL_OLD");
    let answer = cloud.call("ExecuteTransaction", request).await;
    assert_eq!(answer["CancellationReasons"][0]["Item"]["n"], json!({"N": "1"}));
}

#[tokio::test]
async fn reads() {
    let cloud = filled().await;
    let request = transaction(&[
        "SELECT n FROM Sorted WHERE pk = 'a' AND sk = 1",
        "SELECT * FROM Sorted WHERE sk IN [2] AND pk IN ['a'] AND pk = 'a'",
        "SELECT * FROM Simple WHERE pk = 'none'",
    ]);
    let expected = json!({"Responses": [
        {"Item": {"n": {"N": "1"}}},
        {"Item": {"pk": {"S": "a"}, "sk": {"N": "2"}, "n": {"N": "1"}}},
        {}]});
    cloud.check("ExecuteTransaction", request, expected).await;
}

#[tokio::test]
async fn refused() {
    let cloud = filled().await;
    let select = format!("SELECT * FROM Sorted {ONE}");
    let update = format!("UPDATE Sorted SET n = 1 {ONE}");
    let needs_key = "Select statements within ExecuteTransaction must specify the primary key in \
                     the where clause.";
    let of = |number: usize, problem: &str| {
        format!("Validation failed in TransactStatements[{number}]: {problem}")
    };
    let cases: Vec<(Vec<String>, String)> = vec![
        (
            vec![select.clone(), update.clone()],
            "ExecuteTransaction API does not support both read and write operations in the same \
             request."
                .into(),
        ),
        (
            vec![select.clone(), format!("SELECT n FROM Sorted {ONE}")],
            "Transaction request cannot include multiple operations on one item".into(),
        ),
        (
            vec![update.clone(), format!("DELETE FROM Sorted {ONE}")],
            "Transaction request cannot include multiple operations on one item".into(),
        ),
        (
            vec![update.clone(), format!("{update} RETURNING ALL NEW *")],
            of(1, "RETURNING clause is not supported in ExecuteTransaction."),
        ),
        (
            vec!["SELECT * FROM Sorted.i WHERE pk = 'a'".into()],
            of(0, "Reads on indices are not supported within transactions."),
        ),
        (
            vec!["DELETE FROM Sorted.i WHERE pk = 'a'".into()],
            of(0, "This operation is not supported on an index"),
        ),
        (vec!["SELECT * FROM Sorted WHERE pk = 'a'".into()], of(0, needs_key)),
        (vec![format!("{select} AND n = 1")], of(0, needs_key)),
        (vec![format!("{select} AND pk = 'b'")], of(0, needs_key)),
        (
            vec!["SELECT * FROM Sorted WHERE pk IN ['a', 'a'] AND sk = 1".into()],
            of(0, "Overlapping conditions with range keys are not supported in where clause"),
        ),
        (
            vec![format!("EXISTS({select})"), "INSERT INTO Simple VALUE {'pk': 'q'}".into()],
            of(0, "EXISTS() must contain a single item read with additional condition"),
        ),
        (
            vec!["EXISTS(SELECT * FROM Sorted WHERE pk = 'a' AND n = 1)".into()],
            of(0, "EXISTS() must contain a single item read with additional condition"),
        ),
        (
            vec!["INSERT INTO Simple VALUE {'pk': 'a', 'x': [<<'a', 'a'>>]}".into()],
            of(
                0,
                "One or more parameter values were invalid: \
                 Input collection [a, a] contains duplicates.",
            ),
        ),
    ];
    for (statements, message) in &cases {
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        let request = transaction(&statements);
        cloud.check_invalid("ExecuteTransaction", request, message).await;
    }
    assert_eq!(cloud.stored_items(), 2);
}

#[tokio::test]
async fn cancelled_for_their_keys() {
    let cloud = filled().await;
    let mismatch = "The provided key element does not match the schema";
    let reason = |message: &str| json!({"Code": "ValidationError", "Message": message});
    let missing = json!({"Code": "ResourceNotFound", "Message": "Requested resource not found"});
    let none = json!({"Code": "None"});
    check_cancelled(
        &cloud,
        &[
            "UPDATE Sorted SET n = 1 WHERE pk = 'a'",
            "UPDATE Sorted SET n = 1 WHERE pk IN ['a'] AND sk = 1",
            "UPDATE Sorted SET n = 1 WHERE pk = 'a' AND sk = '1'",
            "INSERT INTO Sorted VALUE {'pk': 'b'}",
            "UPDATE Sorted SET n = 1 WHERE pk = 'a' AND sk = 1",
        ],
        json!([
            reason(mismatch),
            reason(mismatch),
            reason(mismatch),
            reason("One or more parameter values were invalid: Missing the key sk in the item"),
            none,
        ]),
    )
    .await;
    check_cancelled(
        &cloud,
        &["SELECT * FROM Sorted WHERE pk = 'a' AND sk = '1'"],
        json!([reason(mismatch)]),
    )
    .await;
    check_cancelled(
        &cloud,
        &[
            "UPDATE Nowhere SET n = 1 WHERE pk = 'a' RETURNING ALL NEW *",
            &format!("DELETE FROM Sorted {ONE}"),
        ],
        json!([missing, none]),
    )
    .await;
}

#[tokio::test]
async fn a_token_makes_it_happen_once() {
    let cloud = filled().await;
    let mut request = transaction(&[&format!("UPDATE Sorted SET n = n + ? {ONE}")]);
    request["TransactStatements"][0]["Parameters"] = json!([{"N": "1"}]);
    request["ClientRequestToken"] = json!("token");
    request["ReturnConsumedCapacity"] = json!("TOTAL");
    for units in ["WriteCapacityUnits", "ReadCapacityUnits"] {
        let answer = cloud.call("ExecuteTransaction", request.clone()).await;
        let expected = json!([{"TableName": "Sorted", "CapacityUnits": 2.0, units: 2.0}]);
        assert_eq!(answer["ConsumedCapacity"], expected);
    }
    let get = json!({"TableName": "Sorted", "Key": {"pk": {"S": "a"}, "sk": {"N": "1"}}});
    assert_eq!(cloud.call("GetItem", get).await["Item"]["n"], json!({"N": "2"}));
    request["TransactStatements"][0]["Parameters"] = json!([{"N": "2"}]);
    let answer = cloud.call("ExecuteTransaction", request).await;
    let kind = answer["__type"].as_str().unwrap_or_default();
    assert!(kind.ends_with("#IdempotentParameterMismatchException"), "{answer}");
}
