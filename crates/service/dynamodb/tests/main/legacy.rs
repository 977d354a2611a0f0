//! The parameters that expressions replaced.

use serde_json::{Value, json};

use crate::Cloud;

const INVALID: &str = "One or more parameter values were invalid: ";

/// An item with an attribute of each type.
async fn filled() -> Cloud {
    let cloud = Cloud::with_tables().await;
    let item = json!({
        "pk": {"S": "p"}, "n": {"N": "5"}, "s": {"S": "hello"}, "b": {"B": "aGkgdGhlcmU="},
        "ss": {"SS": ["a", "b"]}, "ns": {"NS": ["1", "2"]}, "l": {"L": [{"S": "a"}, {"N": "2"}]},
        "m": {"M": {"a": {"N": "1"}}}, "t": {"BOOL": true}, "z": {"NULL": true},
        "with.dots": {"S": "x"}
    });
    cloud.check("PutItem", json!({"TableName": "Simple", "Item": item}), json!({})).await;
    cloud
}

/// A condition as QueryFilter and Expected have it.
fn condition(operator: &str, values: Value) -> Value {
    json!({"ComparisonOperator": operator, "AttributeValueList": values})
}

#[tokio::test]
async fn operators_compare() {
    let cloud = filled().await;
    for (attribute, operator, values, holds) in [
        ("n", "EQ", json!([{"N": "5.0"}]), true),
        ("n", "EQ", json!([{"S": "5"}]), false),
        ("ss", "EQ", json!([{"SS": ["b", "a"]}]), true),
        ("l", "EQ", json!([{"L": [{"S": "a"}, {"N": "2"}]}]), true),
        ("m", "EQ", json!([{"M": {"a": {"N": "1"}}}]), true),
        ("t", "EQ", json!([{"BOOL": true}]), true),
        ("with.dots", "EQ", json!([{"S": "x"}]), true),
        ("missing", "EQ", json!([{"N": "5"}]), false),
        ("n", "NE", json!([{"N": "5"}]), false),
        ("n", "NE", json!([{"S": "5"}]), true),
        ("missing", "NE", json!([{"N": "5"}]), true),
        ("n", "LE", json!([{"N": "5"}]), true),
        ("n", "LT", json!([{"N": "5"}]), false),
        ("n", "GE", json!([{"N": "5"}]), true),
        ("n", "GT", json!([{"N": "4.9"}]), true),
        ("n", "GT", json!([{"S": "4"}]), false),
        ("s", "LT", json!([{"S": "help"}]), true),
        ("b", "GT", json!([{"B": "aGk="}]), true),
        ("missing", "LT", json!([{"N": "5"}]), false),
        ("n", "BETWEEN", json!([{"N": "5"}, {"N": "6"}]), true),
        ("n", "BETWEEN", json!([{"N": "6"}, {"N": "6"}]), false),
        ("missing", "BETWEEN", json!([{"N": "0"}, {"N": "9"}]), false),
        ("n", "IN", json!([{"N": "1"}, {"N": "5"}]), true),
        ("ns", "IN", json!([{"N": "1"}, {"N": "2"}]), false),
        ("s", "BEGINS_WITH", json!([{"S": "hell"}]), true),
        ("b", "BEGINS_WITH", json!([{"B": "aGk="}]), true),
        ("n", "BEGINS_WITH", json!([{"S": "5"}]), false),
        ("s", "CONTAINS", json!([{"S": "ell"}]), true),
        ("ss", "CONTAINS", json!([{"S": "a"}]), true),
        ("ns", "CONTAINS", json!([{"N": "2"}]), true),
        ("l", "CONTAINS", json!([{"N": "2"}]), true),
        ("s", "CONTAINS", json!([{"N": "1"}]), false),
        ("missing", "CONTAINS", json!([{"S": "a"}]), false),
        ("s", "NOT_CONTAINS", json!([{"S": "dog"}]), true),
        ("s", "NOT_CONTAINS", json!([{"N": "1"}]), true),
        ("l", "NOT_CONTAINS", json!([{"N": "2"}]), false),
        // What is not there neither contains nor does not.
        ("missing", "NOT_CONTAINS", json!([{"S": "a"}]), false),
        ("z", "NULL", json!([]), false),
        ("missing", "NULL", json!([]), true),
        ("z", "NOT_NULL", json!([]), true),
        ("missing", "NOT_NULL", json!([]), false),
    ] {
        let condition = json!({attribute: condition(operator, values)});
        let scan = json!({"TableName": "Simple", "Select": "COUNT", "ScanFilter": condition});
        let count = i32::from(holds);
        cloud.check("Scan", scan, json!({"Count": count, "ScannedCount": 1})).await;
        let update = json!({
            "TableName": "Simple", "Key": {"pk": {"S": "p"}}, "Expected": condition,
        });
        let answer = cloud.call("UpdateItem", update).await;
        assert_eq!(answer.get("__type").is_none(), holds, "{condition}");
    }
}

#[tokio::test]
async fn operators_take_certain_values() {
    let cloud = Cloud::with_tables().await;
    let count = |name: &str| {
        format!("{INVALID}Invalid number of argument(s) for the {name} ComparisonOperator")
    };
    let wrong = |name: &str, value_type: &str| {
        format!(
            "{INVALID}ComparisonOperator {name} is not valid for {value_type} AttributeValue type"
        )
    };
    for (operator, values, message) in [
        ("EQ", json!([]), count("EQ")),
        ("LT", json!([{"S": "a"}, {"S": "a"}]), count("LT")),
        ("NULL", json!([{"S": "a"}]), count("NULL")),
        ("NOT_NULL", json!([{"S": "a"}]), count("NOT_NULL")),
        ("IN", json!([]), count("IN")),
        ("BETWEEN", json!([{"S": "a"}]), count("BETWEEN")),
        ("BEGINS_WITH", json!([]), count("BEGINS_WITH")),
        ("LT", json!([{"BOOL": true}]), wrong("LT", "BOOL")),
        ("IN", json!([{"L": []}]), wrong("IN", "L")),
        ("BETWEEN", json!([{"SS": ["a"]}, {"SS": ["a"]}]), wrong("BETWEEN", "SS")),
        ("CONTAINS", json!([{"L": []}]), wrong("CONTAINS", "L")),
        ("NOT_CONTAINS", json!([{"NS": ["1"]}]), wrong("NOT_CONTAINS", "NS")),
        ("BEGINS_WITH", json!([{"N": "1"}]), wrong("BEGINS_WITH", "N")),
        (
            "IN",
            json!([{"S": "b"}, {"N": "1"}]),
            format!("{INVALID}AttributeValues inside AttributeValueList must be of same type"),
        ),
        (
            "BETWEEN",
            json!([{"S": "b"}, {"S": "a"}]),
            "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound".into(),
        ),
        (
            "EQ",
            json!([{"SS": []}]),
            format!("{INVALID}An string set  may not be empty"),
        ),
    ] {
        let conditions = json!({"a": condition(operator, values)});
        for (operation, parameter) in
            [("Scan", "ScanFilter"), ("Query", "QueryFilter"), ("Query", "KeyConditions")]
        {
            // Found before it is known that there is no such table.
            let mut request = json!({"TableName": "Nowhere", parameter: conditions});
            if parameter == "QueryFilter" {
                request["KeyConditions"] = json!({"pk": condition("EQ", json!([{"S": "p"}]))});
            }
            cloud.check_invalid(operation, request, &message).await;
        }
        let key = json!({"pk": {"S": "a"}});
        let delete = json!({"TableName": "Nowhere", "Key": key, "Expected": conditions});
        cloud.check_invalid("DeleteItem", delete, &message).await;
    }
}

#[tokio::test]
async fn expectations_have_two_forms() {
    let cloud = filled().await;
    let request = |expected: Value| json!({"TableName": "Simple", "Item": {"pk": {"S": "new"}}, "Expected": {"a": expected}});
    for (expected, message) in [
        (json!({}), "Value must be provided when Exists is null for Attribute: a"),
        (json!({"Exists": true}), "Value must be provided when Exists is true for Attribute: a"),
        (
            json!({"Exists": false, "Value": {"S": "a"}}),
            "Value cannot be used when Exists is false for Attribute: a",
        ),
        (
            json!({"ComparisonOperator": "LT"}),
            "Value or AttributeValueList must be used with ComparisonOperator: LT for Attribute: a",
        ),
        (
            json!({"Exists": true, "ComparisonOperator": "LT"}),
            "Exists and ComparisonOperator cannot be used together for Attribute: a",
        ),
        (
            json!({"AttributeValueList": [{"S": "a"}], "Value": {"S": "a"}, "ComparisonOperator": "LT"}),
            "Value and AttributeValueList cannot be used together for Attribute: a",
        ),
        (
            json!({"AttributeValueList": [{"S": "a"}], "Exists": true}),
            "AttributeValueList can only be used with a ComparisonOperator for Attribute: a",
        ),
        (
            json!({"Value": {"S": "a"}, "ComparisonOperator": "NULL"}),
            "Invalid number of argument(s) for the NULL ComparisonOperator",
        ),
    ] {
        let message = format!("{INVALID}{message}");
        cloud.check_invalid("PutItem", request(expected), &message).await;
    }
    for (expected, operator, holds) in [
        (json!({"n": {"Value": {"N": "5"}}}), None, true),
        (json!({"n": {"Value": {"N": "5"}, "Exists": true}}), None, true),
        (json!({"n": {"Value": {"N": "4"}, "ComparisonOperator": "GT"}}), None, true),
        (json!({"n": {"Value": {"N": "6"}}}), None, false),
        (json!({"n": {"Exists": false}}), None, false),
        (json!({"missing": {"Exists": false}}), None, true),
        (json!({}), None, true),
        (json!({"n": {"Value": {"N": "5"}}, "s": {"Value": {"S": "x"}}}), None, false),
        (json!({"n": {"Value": {"N": "5"}}, "s": {"Value": {"S": "x"}}}), Some("AND"), false),
        (json!({"n": {"Value": {"N": "5"}}, "s": {"Value": {"S": "x"}}}), Some("OR"), true),
    ] {
        let mut request =
            json!({"TableName": "Simple", "Key": {"pk": {"S": "p"}}, "Expected": expected});
        if let Some(operator) = operator {
            request["ConditionalOperator"] = json!(operator);
        }
        let failed = json!({
            "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
            "message": "The conditional request failed"
        });
        let answer = if holds { json!({}) } else { failed };
        cloud.check("UpdateItem", request, answer).await;
    }
    let delete = json!({
        "TableName": "Simple", "Key": {"pk": {"S": "p"}}, "Expected": {"n": {"Exists": false}}
    });
    let answer = cloud.call("DeleteItem", delete).await;
    assert_eq!(answer["message"], "The conditional request failed");
}

#[tokio::test]
async fn conditional_operators_need_conditions() {
    let cloud = Cloud::with_tables().await;
    let one = json!({"a": condition("EQ", json!([{"S": "x"}]))});
    let without = "ConditionalOperator cannot be used without Filter or Expected";
    let single =
        "ConditionalOperator can only be used when Filter or Expected has two or more elements";
    let mixed = "Can not use both expression and non-expression parameters in the same request: ";
    for (operation, more, message) in [
        ("Scan", json!({}), without.to_owned()),
        ("Scan", json!({"ScanFilter": {}}), without.to_owned()),
        ("Scan", json!({"ScanFilter": one}), single.to_owned()),
        ("Query", json!({}), without.to_owned()),
        ("Query", json!({"QueryFilter": one}), single.to_owned()),
        ("PutItem", json!({"Item": {"pk": {"S": "a"}}}), without.to_owned()),
        ("PutItem", json!({"Item": {"pk": {"S": "a"}}, "Expected": one}), single.to_owned()),
        ("DeleteItem", json!({"Key": {"pk": {"S": "a"}}}), without.to_owned()),
        ("UpdateItem", json!({"Key": {"pk": {"S": "a"}}, "Expected": {}}), without.to_owned()),
        (
            "Query",
            json!({"QueryFilter": one, "KeyConditions": one, "KeyConditionExpression": "a", "ProjectionExpression": "b"}),
            format!(
                "{mixed}Non-expression parameters: {{QueryFilter, ConditionalOperator, KeyConditions}} Expression parameters: {{ProjectionExpression, KeyConditionExpression}}"
            ),
        ),
        (
            "UpdateItem",
            json!({"Key": {"pk": {"S": "a"}}, "AttributeUpdates": {}, "Expected": one, "UpdateExpression": "x"}),
            format!(
                "1 validation error detected: {mixed}Non-expression parameters: {{AttributeUpdates, Expected, ConditionalOperator}} Expression parameters: {{UpdateExpression}}"
            ),
        ),
    ] {
        let mut request = json!({"TableName": "Simple", "ConditionalOperator": "AND"});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        cloud.check_invalid(operation, request, &message).await;
    }
}

#[tokio::test]
async fn attributes_are_updated() {
    let cloud = filled().await;
    for (before, action, value, after) in [
        (json!({"N": "1"}), "PUT", json!({"S": "x"}), json!({"S": "x"})),
        (json!({"N": "7"}), "ADD", json!({"N": "-3.5"}), json!({"N": "3.5"})),
        (Value::Null, "ADD", json!({"N": "2"}), json!({"N": "2"})),
        (
            json!({"NS": ["1", "2"]}),
            "ADD",
            json!({"NS": ["2", "3"]}),
            json!({"NS": ["1", "2", "3"]}),
        ),
        (Value::Null, "ADD", json!({"SS": ["a"]}), json!({"SS": ["a"]})),
        (
            json!({"L": [{"N": "1"}]}),
            "ADD",
            json!({"L": [{"N": "1"}]}),
            json!({"L": [{"N": "1"}, {"N": "1"}]}),
        ),
        (Value::Null, "ADD", json!({"L": [{"S": "a"}]}), json!({"L": [{"S": "a"}]})),
        (json!({"SS": ["a", "b"]}), "DELETE", json!({"SS": ["b", "c"]}), json!({"SS": ["a"]})),
        (json!({"SS": ["a"]}), "DELETE", json!({"SS": ["a"]}), Value::Null),
        (Value::Null, "DELETE", json!({"SS": ["a"]}), Value::Null),
        (json!({"S": "x"}), "DELETE", Value::Null, Value::Null),
        (Value::Null, "DELETE", Value::Null, Value::Null),
    ] {
        let mut item = json!({"pk": {"S": "u"}, "k": {"S": "stays"}});
        if !before.is_null() {
            item["a"] = before.clone();
        }
        cloud.check("PutItem", json!({"TableName": "Simple", "Item": item}), json!({})).await;
        let mut update = json!({"Action": action});
        if !value.is_null() {
            update["Value"] = value.clone();
        }
        let request = json!({
            "TableName": "Simple", "Key": {"pk": {"S": "u"}}, "AttributeUpdates": {"a": update},
            "ReturnValues": "ALL_NEW"
        });
        let mut expected = json!({"pk": {"S": "u"}, "k": {"S": "stays"}});
        if !after.is_null() {
            expected["a"] = after;
        }
        let answer = cloud.call("UpdateItem", request).await;
        assert_eq!(answer, json!({"Attributes": expected}), "{before} {action} {value}");
    }
}

#[tokio::test]
async fn only_certain_updates_make_an_item() {
    let cloud = Cloud::with_tables().await;
    for (i, (updates, exists)) in [
        (json!({}), true),
        (json!({"a": {"Value": {"N": "1"}}}), true),
        (json!({"a": {"Action": "ADD", "Value": {"N": "1"}}}), true),
        (json!({"a": {"Action": "DELETE"}}), false),
        (json!({"a": {"Action": "DELETE", "Value": {"SS": ["a"]}}}), false),
    ]
    .into_iter()
    .enumerate()
    {
        let key = json!({"pk": {"S": i.to_string()}});
        let request = json!({"TableName": "Simple", "Key": key, "AttributeUpdates": updates});
        cloud.check("UpdateItem", request, json!({})).await;
        let found = cloud.call("GetItem", json!({"TableName": "Simple", "Key": key})).await;
        assert_eq!(found.get("Item").is_some(), exists, "{updates}");
    }
}

#[tokio::test]
async fn updates_are_refused() {
    let cloud = filled().await;
    let mismatch = "Type mismatch for attribute to update".to_owned();
    let part = format!("{INVALID}Cannot update attribute pk. This attribute is part of the key");
    for (name, update, message) in [
        (
            "a",
            json!({}),
            format!("{INVALID}Only DELETE action is allowed when no attribute value is specified"),
        ),
        (
            "a",
            json!({"Action": "ADD"}),
            format!("{INVALID}Only DELETE action is allowed when no attribute value is specified"),
        ),
        (
            "a",
            json!({"Action": "DELETE", "Value": {"L": []}}),
            format!("{INVALID}DELETE action with value is not supported for the type L"),
        ),
        (
            "a",
            json!({"Action": "ADD", "Value": {"S": "x"}}),
            format!("{INVALID}ADD action is not supported for the type S"),
        ),
        (
            "a",
            json!({"Action": "ADD", "Value": {"BOOL": true}}),
            format!("{INVALID}ADD action is not supported for the type BOOL"),
        ),
        ("pk", json!({"Value": {"S": "x"}}), part),
        ("ss", json!({"Action": "ADD", "Value": {"NS": ["1"]}}), mismatch.clone()),
        ("ss", json!({"Action": "ADD", "Value": {"L": [{"S": "a"}]}}), mismatch.clone()),
        ("l", json!({"Action": "ADD", "Value": {"N": "1"}}), mismatch.clone()),
        ("n", json!({"Action": "DELETE", "Value": {"NS": ["1"]}}), mismatch),
        (
            "n",
            json!({"Action": "ADD", "Value": {"N": "x"}}),
            "The parameter cannot be converted to a numeric value: x".into(),
        ),
    ] {
        let request = json!({
            "TableName": "Simple", "Key": {"pk": {"S": "p"}}, "AttributeUpdates": {name: update}
        });
        cloud.check_invalid("UpdateItem", request, &message).await;
    }
}

#[tokio::test]
async fn attributes_to_get_are_a_projection() {
    let cloud = filled().await;
    let key = json!({"pk": {"S": "p"}});
    for (names, item) in [
        (json!(["n", "missing"]), json!({"n": {"N": "5"}})),
        (json!(["with.dots"]), json!({"with.dots": {"S": "x"}})),
        (json!(["missing"]), json!({})),
    ] {
        let get = json!({"TableName": "Simple", "Key": key, "AttributesToGet": names});
        cloud.check("GetItem", get, json!({"Item": item})).await;
        let request = json!({"Simple": {"Keys": [key], "AttributesToGet": names}});
        let answer = cloud.call("BatchGetItem", json!({"RequestItems": request})).await;
        assert_eq!(answer["Responses"]["Simple"], json!([item]));
        let scan = json!({"TableName": "Simple", "AttributesToGet": names});
        let expected = json!({"Items": [item], "Count": 1, "ScannedCount": 1});
        cloud.check("Scan", scan, expected.clone()).await;
        let query = json!({
            "TableName": "Simple", "AttributesToGet": names, "Select": "SPECIFIC_ATTRIBUTES",
            "KeyConditions": {"pk": condition("EQ", json!([{"S": "p"}]))}
        });
        cloud.check("Query", query, expected).await;
    }
    let twice = json!({"TableName": "Simple", "Key": key, "AttributesToGet": ["a", "b", "a"]});
    let message = format!("{INVALID}Duplicate value in attribute name: a");
    cloud.check_invalid("GetItem", twice, &message).await;
    let count = "Cannot specify the AttributesToGet when choosing to get only the Count";
    let scan = json!({"TableName": "Simple", "AttributesToGet": ["a"], "Select": "COUNT"});
    cloud.check_invalid("Scan", scan, count).await;
}

#[tokio::test]
async fn key_conditions_name_a_range() {
    let cloud = Cloud::with_tables().await;
    for sk in 0..5 {
        let item = json!({"pk": {"S": "p"}, "sk": {"N": sk.to_string()}, "v": {"N": "1"}});
        cloud.check("PutItem", json!({"TableName": "Sorted", "Item": item}), json!({})).await;
    }
    let p = condition("EQ", json!([{"S": "p"}]));
    for (operator, values, count) in [
        ("EQ", json!([{"N": "3"}]), 1),
        ("LT", json!([{"N": "3"}]), 3),
        ("LE", json!([{"N": "3"}]), 4),
        ("GT", json!([{"N": "3"}]), 1),
        ("GE", json!([{"N": "3"}]), 2),
        ("BETWEEN", json!([{"N": "1"}, {"N": "3"}]), 3),
    ] {
        let request = json!({
            "TableName": "Sorted", "Select": "COUNT", "FilterExpression": "v = :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
            "KeyConditions": {"pk": p, "sk": condition(operator, values)}
        });
        cloud.check("Query", request, json!({"Count": count, "ScannedCount": count})).await;
    }
    let q = condition("EQ", json!([{"N": "1"}]));
    let not_indexable = "Attempted conditional constraint is not an indexable operation";
    let either = "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.";
    for (request, message) in [
        (json!({}), either),
        (json!({"QueryFilter": {"pk": p}}), either),
        (json!({"KeyConditions": {}}), "Conditions can be of length 1 or 2 only"),
        (
            json!({"KeyConditions": {"pk": p, "sk": q, "v": q}}),
            "Conditions can be of length 1 or 2 only",
        ),
        (json!({"KeyConditions": {"sk": q}}), "Query condition missed key schema element: pk"),
        (
            json!({"KeyConditions": {"pk": p, "v": q}}),
            "Query condition missed key schema element: sk",
        ),
        (json!({"KeyConditions": {"pk": condition("NE", json!([{"S": "p"}]))}}), not_indexable),
        (json!({"KeyConditions": {"pk": p, "sk": condition("NULL", json!([]))}}), not_indexable),
        (
            json!({"KeyConditions": {"pk": condition("GT", json!([{"S": "p"}]))}}),
            "Query key condition not supported",
        ),
        (
            json!({"KeyConditions": {"pk": q}}),
            "One or more parameter values were invalid: Condition parameter type does not match schema type",
        ),
        (
            json!({"KeyConditions": {"pk": p}, "QueryFilter": {"sk": q}}),
            "QueryFilter can only contain non-primary key attributes: Primary key attribute: sk",
        ),
    ] {
        let mut request = request;
        request["TableName"] = json!("Sorted");
        cloud.check_invalid("Query", request, message).await;
    }
}
