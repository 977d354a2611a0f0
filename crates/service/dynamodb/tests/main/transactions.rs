//! TransactWriteItems and TransactGetItems.

use serde_json::{Value, json};

use crate::Cloud;

const CANCELED: &str = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
const EMPTY_KEY: &str = "One or more parameter values are not valid. The AttributeValue for a key \
                         attribute cannot contain an empty string value. Key: pk";
const FAILED: &str = "The conditional request failed";
const MISMATCH: &str = "The provided key element does not match the schema";
const TWICE: &str = "Transaction request cannot include multiple operations on one item";

fn put(pk: &str) -> Value {
    json!({"Put": {"TableName": "Simple", "Item": {"pk": {"S": pk}, "n": {"N": "1"}}}})
}

fn on(action: &str, pk: &str) -> Value {
    json!({action: {"TableName": "Simple", "Key": {"pk": {"S": pk}}}})
}

fn with(mut action: Value, more: Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        for members in action.as_object_mut().unwrap().values_mut() {
            members[name] = value.clone();
        }
    }
    action
}

fn exists() -> Value {
    json!({"ConditionExpression": "attribute_exists(pk)"})
}

fn add(pk: &str) -> Value {
    let values =
        json!({"UpdateExpression": "ADD n :n", "ExpressionAttributeValues": {":n": {"N": "1"}}});
    with(on("Update", pk), values)
}

impl Cloud {
    async fn transact(&self, actions: &[Value]) -> Value {
        self.call("TransactWriteItems", json!({"TransactItems": actions})).await
    }

    /// A transaction that is canceled for these reasons: codes and messages.
    async fn check_canceled(&self, actions: &[Value], reasons: &[(&str, Option<&str>)]) {
        let answer = self.transact(actions).await;
        let codes: Vec<&str> = reasons.iter().map(|(code, _)| *code).collect();
        let text = format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            codes.join(", ")
        );
        let reasons: Vec<Value> = reasons
            .iter()
            .map(|(code, message)| match message {
                Some(message) => json!({"Code": code, "Message": message}),
                None => json!({"Code": code}),
            })
            .collect();
        let expected = json!({"__type": CANCELED, "Message": text, "CancellationReasons": reasons});
        assert_eq!(answer, expected, "{actions:?}");
    }

    async fn check_refused(&self, actions: &[Value], message: &str) {
        let request = json!({"TransactItems": actions});
        self.check_invalid("TransactWriteItems", request, message).await;
    }

    async fn n(&self, pk: &str) -> Value {
        let request = json!({"TableName": "Simple", "Key": {"pk": {"S": pk}}});
        self.call("GetItem", request).await["Item"]["n"]["N"].clone()
    }
}

#[tokio::test]
async fn all_actions_happen() {
    let cloud = Cloud::with_tables().await;
    cloud.transact(&[put("a"), put("b"), put("c")]).await;
    let check = with(on("ConditionCheck", "c"), exists());
    let sorted = json!({"Put": {
        "TableName": "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Sorted",
        "Item": {"pk": {"S": "x"}, "sk": {"N": "1"}}}});
    let answer = cloud.transact(&[add("a"), on("Delete", "b"), check, add("new"), sorted]).await;
    assert_eq!(answer, json!({}));
    for (pk, n) in [("a", json!("2")), ("b", json!(null)), ("c", json!("1")), ("new", json!("1"))] {
        assert_eq!(cloud.n(pk).await, n, "{pk}");
    }
    assert_eq!(cloud.stored_items(), 4);
}

#[tokio::test]
async fn nothing_happens_if_one_action_fails() {
    let cloud = Cloud::with_tables().await;
    cloud.transact(&[put("a")]).await;
    let failed = ("ConditionalCheckFailed", Some(FAILED));
    let none = ("None", None);
    let missing = with(add("missing"), exists());
    cloud.check_canceled(&[add("a"), missing.clone()], &[none, failed]).await;
    let check = with(on("ConditionCheck", "other"), exists());
    cloud
        .check_canceled(&[missing, add("a"), put("b"), check], &[failed, none, none, failed])
        .await;
    assert_eq!(cloud.n("a").await, "1");
    assert_eq!(cloud.stored_items(), 1);

    let absent = json!({"ConditionExpression": "attribute_not_exists(pk)",
                        "ReturnValuesOnConditionCheckFailure": "ALL_OLD"});
    let answer = cloud.transact(&[with(put("a"), absent)]).await;
    let item = json!({"pk": {"S": "a"}, "n": {"N": "1"}});
    let reason = json!({"Code": "ConditionalCheckFailed", "Message": FAILED, "Item": item});
    assert_eq!(answer["CancellationReasons"], json!([reason]));
}

#[tokio::test]
async fn what_is_stored_may_be_wrong_for_an_update() {
    let cloud = Cloud::with_tables().await;
    let update =
        |expression: &str| with(on("Update", "a"), json!({"UpdateExpression": expression}));
    let text = "The provided expression refers to an attribute that does not exist in the item";
    let reason = ("ValidationError", Some(text));
    cloud.check_canceled(&[put("b"), update("SET a = b")], &[("None", None), reason]).await;
    assert_eq!(cloud.stored_items(), 0);
}

#[tokio::test]
async fn keys_are_checked_against_the_table() {
    let cloud = Cloud::with_tables().await;
    let with_key = |key: Value| {
        let update = json!({"UpdateExpression": "SET a = pk"});
        [
            json!({"Delete": {"TableName": "Simple", "Key": key}}),
            with(json!({"ConditionCheck": {"TableName": "Simple", "Key": key}}), exists()),
            with(json!({"Update": {"TableName": "Simple", "Key": key}}), update),
        ]
    };
    for key in [json!({"pk": {"N": "5"}}), json!({}), json!({"pk": {"S": "a"}, "b": {"S": "a"}})] {
        for action in with_key(key) {
            let actions = [put("a"), action.clone(), action];
            let reasons = [("None", None), ("ValidationError", Some(MISMATCH)), ("None", None)];
            cloud.check_canceled(&actions, &reasons).await;
        }
    }
    for action in with_key(json!({"pk": {"S": ""}})) {
        cloud.check_refused(&[action], EMPTY_KEY).await;
    }
    let number = json!({"Put": {"TableName": "Simple", "Item": {"pk": {"N": "5"}}}});
    let text = "One or more parameter values were invalid: \
                Type mismatch for key pk expected: S actual: N";
    cloud.check_canceled(&[number], &[("ValidationError", Some(text))]).await;
    cloud.check_refused(&[put("")], EMPTY_KEY).await;
    assert_eq!(cloud.stored_items(), 0);
}

#[tokio::test]
async fn requests_are_checked_in_order() {
    let cloud = Cloud::with_tables().await;
    cloud.check_refused(&[put("a"), put("a")], TWICE).await;
    cloud.check_refused(&[put("a"), with(on("ConditionCheck", "a"), exists())], TWICE).await;
    let mut both = put("a");
    both["Delete"] = on("Delete", "b")["Delete"].clone();
    let text = "TransactItems can only contain one of Check, Put, Update or Delete";
    cloud.check_refused(&[both], text).await;
    let text =
        "Invalid Request: TransactWriteRequest should contain Delete or Put or Update request";
    cloud.check_refused(&[json!({})], text).await;
    let missing = json!({"Put": {"TableName": "Missing", "Item": {"pk": {"S": "a"}}}});
    let unused = json!({"ExpressionAttributeValues": {":v": {"S": "x"}}});
    let unused = with(with(on("ConditionCheck", "a"), exists()), unused);
    let text = "Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}";
    cloud.check_refused(&[missing.clone(), put("a"), unused], text).await;
    let answer = cloud.transact(&[put("a"), missing]).await;
    assert_eq!(answer["__type"], "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException");
    assert_eq!(answer["message"], "Requested resource not found");
    let many: Vec<Value> = (0..101).map(|n| put(&n.to_string())).collect();
    let text = cloud.transact(&many).await["message"].to_string();
    assert!(text.contains("'transactItems' failed to satisfy constraint: Member must have length less than or equal to 100"), "{text}");
    assert_eq!(cloud.transact(&many[..100]).await, json!({}));
    assert_eq!(cloud.stored_items(), 100);
}

#[tokio::test]
async fn the_payload_is_limited() {
    let cloud = Cloud::with_tables().await;
    let large = "x".repeat(400_000);
    let puts = |count: usize| -> Vec<Value> {
        let put = |n| {
            json!({"Put": {"TableName": "Simple", "Item": {
            "pk": {"S": format!("{n}")}, "a": {"S": large}}}})
        };
        (0..count).map(put).collect()
    };
    let text = "Transaction payload size cannot exceed 4194304 bytes";
    cloud.check_refused(&puts(11), text).await;
    assert_eq!(cloud.transact(&puts(10)).await, json!({}));
    let deletes: Vec<Value> = (0..10).map(|n| on("Delete", &n.to_string())).collect();
    assert_eq!(cloud.transact(&deletes).await, json!({}));
    assert_eq!(cloud.stored_items(), 0);
}

#[tokio::test]
async fn capacity_is_doubled() {
    let cloud = Cloud::with_tables().await;
    let sorted = json!({"Put": {"TableName": "Sorted", "Item": {
        "pk": {"S": "x"}, "sk": {"N": "1"}, "a": {"S": "x".repeat(1500)}}}});
    let request = |report: &str| {
        json!({"TransactItems": [put("a"), sorted, put("b")], "ReturnConsumedCapacity": report,
               "ClientRequestToken": "t"})
    };
    let units =
        |table: &str, n: f64, kind: &str| json!({"TableName": table, "CapacityUnits": n, kind: n});
    let written = ["Simple", "Sorted"].map(|table| units(table, 4.0, "WriteCapacityUnits"));
    cloud.check("TransactWriteItems", request("TOTAL"), json!({"ConsumedCapacity": written})).await;
    // The same request again reads: two items of up to 4 KB, and one.
    let mut read =
        [units("Simple", 4.0, "ReadCapacityUnits"), units("Sorted", 2.0, "ReadCapacityUnits")];
    cloud.check("TransactWriteItems", request("TOTAL"), json!({"ConsumedCapacity": read})).await;
    for (table, n) in read.iter_mut().zip([4.0, 2.0]) {
        table["Table"] = json!({"CapacityUnits": n, "ReadCapacityUnits": n});
    }
    cloud.check("TransactWriteItems", request("INDEXES"), json!({"ConsumedCapacity": read})).await;
    cloud.check("TransactWriteItems", request("NONE"), json!({})).await;
}

#[tokio::test]
async fn a_token_makes_it_happen_once() {
    let cloud = Cloud::with_tables().await;
    let request = |token: &str, action: Value| json!({"TransactItems": [action], "ClientRequestToken": token});
    for token in ["one", "one", "two", "one"] {
        cloud.check("TransactWriteItems", request(token, add("a")), json!({})).await;
    }
    assert_eq!(cloud.n("a").await, "2");
    // Numbers written in another way are the same request.
    let same = with(add("a"), json!({"ExpressionAttributeValues": {":n": {"N": "1.0"}}}));
    cloud.check("TransactWriteItems", request("one", same), json!({})).await;
    let more = with(add("a"), json!({"ExpressionAttributeValues": {":n": {"N": "2"}}}));
    for other in [add("b"), on("Delete", "a"), with(add("a"), exists()), more] {
        let answer = cloud.call("TransactWriteItems", request("one", other)).await;
        assert_eq!(
            answer["__type"],
            "com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException"
        );
    }
    assert_eq!(cloud.n("a").await, "2");
    // What was cancelled did not happen: the token is free.
    let answer = cloud.call("TransactWriteItems", request("three", with(add("c"), exists()))).await;
    assert_eq!(answer["__type"], CANCELED);
    cloud.check("TransactWriteItems", request("three", add("c")), json!({})).await;
    let answer = cloud.call("TransactWriteItems", request(&"x".repeat(37), add("c"))).await;
    let text = answer["message"].to_string();
    assert!(text.contains("'clientRequestToken' failed to satisfy"), "{text}");
}

#[tokio::test]
async fn items_are_read_together() {
    let cloud = Cloud::with_tables().await;
    cloud.transact(&[put("a"), put("b")]).await;
    let get = |pk: &str| json!({"Get": {"TableName": "Simple", "Key": {"pk": {"S": pk}}}});
    let projected = with(get("b"), json!({"ProjectionExpression": "n"}));
    let nothing = with(get("c"), json!({"ProjectionExpression": "n"}));
    let request = json!({"TransactItems": [get("a"), projected, nothing], "ReturnConsumedCapacity": "INDEXES"});
    let expected = json!({
        "Responses": [{"Item": {"pk": {"S": "a"}, "n": {"N": "1"}}}, {"Item": {"n": {"N": "1"}}}, {}],
        "ConsumedCapacity": [{
            "TableName": "Simple", "CapacityUnits": 6.0, "ReadCapacityUnits": 6.0,
            "Table": {"CapacityUnits": 6.0, "ReadCapacityUnits": 6.0}}],
    });
    cloud.check("TransactGetItems", request, expected).await;

    let request = json!({"TransactItems": [get("a"), get("a")]});
    cloud.check_invalid("TransactGetItems", request, TWICE).await;
    let empty = json!({"Get": {"TableName": "Simple", "Key": {}}});
    let answer = cloud.call("TransactGetItems", json!({"TransactItems": [get("a"), empty]})).await;
    assert_eq!(answer["__type"], CANCELED);
    let reasons = json!([{"Code": "None"}, {"Code": "ValidationError", "Message": MISMATCH}]);
    assert_eq!(answer["CancellationReasons"], reasons);
    let missing = json!({"Get": {"TableName": "Missing", "Key": {}}});
    let answer = cloud.call("TransactGetItems", json!({"TransactItems": [missing]})).await;
    assert_eq!(answer["message"], "Requested resource not found");
}
