//! BatchExecuteStatement.

use serde_json::{Value, json};

use crate::Cloud;

fn batch(statements: &[&str]) -> Value {
    let statements = statements.iter().map(|statement| json!({"Statement": statement}));
    json!({"Statements": statements.collect::<Vec<_>>()})
}

async fn filled() -> Cloud {
    let cloud = Cloud::with_tables().await;
    for pk in ["a", "b"] {
        let item = json!({"pk": {"S": pk}, "n": {"N": "1"}});
        cloud.call("PutItem", json!({"TableName": "Simple", "Item": item})).await;
    }
    cloud
}

#[tokio::test]
async fn each_statement_is_answered() {
    let cloud = filled().await;
    let needs_key = "Select statements within BatchExecuteStatement must specify the primary key \
                     in the where clause.";
    let invalid = |message: &str| json!({"Error": {"Code": "ValidationError", "Message": message}});
    let request = batch(&[
        "SELECT * FROM Simple WHERE pk = 'a'",
        "SELECT n FROM Simple WHERE pk IN ['b']",
        "SELECT * FROM Simple WHERE pk = 'none'",
        "SLECT * FROM Simple WHERE pk = 'a'",
        "SELECT * FROM Simple WHERE n = 1",
        "SELECT * FROM Simple WHERE pk = 'c' AND n = 1",
        "SELECT * FROM Sorted WHERE pk = 'a'",
        "SELECT * FROM Nowhere WHERE pk = 'a'",
        "EXISTS(SELECT * FROM Simple WHERE pk = 'a' AND n = 1)",
    ]);
    let expected = json!({"Responses": [
        {"TableName": "Simple", "Item": {"pk": {"S": "a"}, "n": {"N": "1"}}},
        {"TableName": "Simple", "Item": {"n": {"N": "1"}}},
        {"TableName": "Simple"},
        invalid("Statement wasn't well formed, can't be processed: Expected data manipulation"),
        invalid(needs_key),
        invalid(needs_key),
        invalid(needs_key),
        {"TableName": "Nowhere",
         "Error": {"Code": "ResourceNotFound", "Message": "Requested resource not found"}},
        invalid("EXISTS can only be used in ExecuteTransaction write requests."),
    ]});
    cloud.check("BatchExecuteStatement", request, expected).await;
}

#[tokio::test]
async fn writes() {
    let cloud = filled().await;
    let request = batch(&[
        "INSERT INTO Simple VALUE {'pk': 'a'}",
        "UPDATE Simple SET n = 2 WHERE pk = 'b' RETURNING MODIFIED NEW *",
        "UPDATE Simple SET n = 2 WHERE pk = 'c'",
        "INSERT INTO Simple VALUE {'pk': 'd'}",
        "DELETE FROM Simple WHERE pk = 'e' RETURNING ALL NEW *",
        "DELETE FROM Simple WHERE n = 1",
    ]);
    let expected = json!({"Responses": [
        {"TableName": "Simple",
         "Error": {"Code": "DuplicateItem", "Message": "Duplicate primary key exists in table"}},
        {"TableName": "Simple", "Item": {"n": {"N": "2"}}},
        {"TableName": "Simple",
         "Error": {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}},
        {"TableName": "Simple"},
        {"Error": {"Code": "ValidationError", "Message": "Invalid returning clause: RETURNING ALL \
                   NEW *. Only RETURNING ALL OLD * is allowed in DELETE statements."}},
        {"Error": {"Code": "ValidationError", "Message": "Where clause does not contain a \
                   mandatory equality on all key attributes"}},
    ]});
    cloud.check("BatchExecuteStatement", request, expected).await;
    assert_eq!(cloud.stored_items(), 3);
}

#[tokio::test]
async fn refused_as_a_whole() {
    let cloud = filled().await;
    let select = "SELECT * FROM Simple WHERE pk = 'a'";
    let delete = "DELETE FROM Simple WHERE pk = 'a'";
    for (statements, message) in [
        (
            vec![select, delete],
            "Read and write requests together in the same batch is not supported.",
        ),
        (
            vec![select, "SELECT n FROM Simple WHERE pk = 'a'"],
            "Provided list of item keys contains duplicates",
        ),
        (
            vec![delete, "INSERT INTO Simple VALUE {'pk': 'a'}"],
            "Provided list of item keys contains duplicates",
        ),
    ] {
        cloud.check_invalid("BatchExecuteStatement", batch(&statements), message).await;
    }
    for count in [0, 26] {
        let request = batch(&vec![select; count]);
        let answer = cloud.call("BatchExecuteStatement", request).await;
        let kind = answer["__type"].as_str().unwrap_or_default();
        assert!(kind.ends_with("ValidationException"), "{answer}");
    }
    assert_eq!(cloud.stored_items(), 2);
}

#[tokio::test]
async fn capacity() {
    let cloud = filled().await;
    let mut request =
        batch(&["SELECT * FROM Simple WHERE pk = 'a'", "SELECT * FROM Simple WHERE pk = 'b'"]);
    request["Statements"][0]["ConsistentRead"] = json!(true);
    request["ReturnConsumedCapacity"] = json!("TOTAL");
    let answer = cloud.call("BatchExecuteStatement", request).await;
    let expected = json!([{"TableName": "Simple", "CapacityUnits": 1.5}]);
    assert_eq!(answer["ConsumedCapacity"], expected);
    // What a failed write would have taken counts in the total, if anything else does.
    let failing = "INSERT INTO Simple VALUE {'pk': 'a'}";
    for (statements, expected) in [
        (vec![failing], Value::Null),
        (
            vec![failing, "INSERT INTO Simple VALUE {'pk': 'c'}"],
            json!([{"TableName": "Simple", "CapacityUnits": 2.0, "Table": {"CapacityUnits": 1.0}}]),
        ),
    ] {
        let mut request = batch(&statements);
        request["ReturnConsumedCapacity"] = json!("INDEXES");
        let answer = cloud.call("BatchExecuteStatement", request).await;
        assert_eq!(answer["ConsumedCapacity"], expected);
    }
}
