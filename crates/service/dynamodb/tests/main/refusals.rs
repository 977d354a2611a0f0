//! What is said to bad requests, and in what order.

use serde_json::{Value, json};

use crate::Cloud;

const INVALID: &str = "One or more parameter values were invalid: ";
const COUNTED: &str = "1 validation error detected: ";

#[tokio::test]
async fn values_are_checked() {
    let cloud = Cloud::with_tables().await;
    let empty_key = "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk";
    let cases: Vec<(Value, String)> = vec![
        (json!({"pk": {"S": "a"}, "x": {}}), "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes".into()),
        (json!({"pk": {"S": "a"}, "x": {"S": "a", "N": "1"}}), "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes".into()),
        (json!({"pk": {"S": "a"}, "x": {"NULL": false}}), format!("{COUNTED}{INVALID}Null attribute value types must have the value of true")),
        (json!({"pk": {"S": "a"}, "x": {"SS": []}}), format!("{COUNTED}{INVALID}An string set  may not be empty")),
        (json!({"pk": {"S": "a"}, "x": {"L": [{"NS": []}]}}), format!("{COUNTED}{INVALID}An number set  may not be empty")),
        (json!({"pk": {"S": "a"}, "x": {"BS": []}}), format!("{COUNTED}{INVALID}Binary sets should not be empty")),
        (json!({"pk": {"S": "a"}, "x": {"SS": ["a", "a"]}}), format!("{COUNTED}{INVALID}Input collection [a, a] contains duplicates.")),
        (json!({"pk": {"S": "a"}, "x": {"BS": ["Yg==", "Yg=="]}}), format!("{COUNTED}{INVALID}Input collection [Yg==, Yg==]of type BS contains duplicates.")),
        (json!({"pk": {"S": "a"}, "x": {"NS": ["1", "1.0"]}}), format!("{COUNTED}Input collection contains duplicates")),
        (json!({"pk": {"S": "a"}, "x": {"N": "dog"}}), "The parameter cannot be converted to a numeric value: dog".into()),
        (json!({"pk": {"S": "a"}, "x": {"N": ""}}), "The parameter cannot be converted to a numeric value".into()),
        (json!({"pk": {"S": "a"}, "x": {"N": "1e126"}}), "Number overflow. Attempting to store a number with magnitude larger than supported range".into()),
        (json!({"x": {"S": "a"}}), format!("{INVALID}Missing the key pk in the item")),
        (json!({"pk": {"N": "1"}}), format!("{INVALID}Type mismatch for key pk expected: S actual: N")),
        (json!({"pk": {"S": ""}}), empty_key.into()),
        (json!({"pk": {"S": "x".repeat(2049)}}), format!("{INVALID}Size of hashkey has exceeded the maximum size limit of2048 bytes")),
        (json!({"pk": {"S": "a"}, "x": {"S": "x".repeat(410_000)}}), "Item size has exceeded the maximum allowed size".into()),
        (json!({"pk": {"S": "a"}, "x": nested(33)}), "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit".into()),
    ];
    for (item, message) in cases {
        cloud
            .check_invalid("PutItem", json!({"TableName": "Simple", "Item": item}), &message)
            .await;
    }
    let deepest = json!({"pk": {"S": "a"}, "x": nested(32)});
    cloud.check("PutItem", json!({"TableName": "Simple", "Item": deepest}), json!({})).await;
    let largest = json!({"pk": {"S": "a"}, "x": {"S": "x".repeat(400 * 1024 - 4)}});
    cloud.check("PutItem", json!({"TableName": "Simple", "Item": largest}), json!({})).await;
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!({"S": "leaf"}), |inner, _| json!({"M": {"n": inner}}))
}

#[tokio::test]
async fn keys_must_fit_the_schema() {
    let cloud = Cloud::with_tables().await;
    let mismatch = "The provided key element does not match the schema";
    for key in [
        json!({}),
        json!({"b": {"S": "a"}}),
        json!({"pk": {"S": "a"}, "b": {"S": "a"}}),
        json!({"pk": {"N": "1"}}),
        json!({"pk": {"L": []}}),
    ] {
        for operation in ["GetItem", "DeleteItem", "UpdateItem"] {
            cloud
                .check_invalid(operation, json!({"TableName": "Simple", "Key": key}), mismatch)
                .await;
        }
    }
    // A batch does not say what is wrong with the item, but for what PutItem says of values.
    let put = |item: Value| json!({"RequestItems": {"Simple": [{"PutRequest": {"Item": item}}]}});
    for item in [json!({"b": {"S": "a"}}), json!({"pk": {"N": "1"}}), json!({"pk": {"L": []}})] {
        cloud.check_invalid("BatchWriteItem", put(item), mismatch).await;
    }
    let empty = "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk";
    cloud.check_invalid("BatchWriteItem", put(json!({"pk": {"S": ""}})), empty).await;
    let update = |expression: &str| {
        json!({
            "TableName": "Simple", "Key": {"pk": {"S": "a"}}, "UpdateExpression": expression,
        })
    };
    let part = "Cannot update attribute pk. This attribute is part of the key";
    cloud.check_invalid("UpdateItem", update("SET pk = x"), &format!("{INVALID}{part}")).await;
    cloud
        .check_invalid("UpdateItem", update("SET x = pk[1]"), "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: pk")
        .await;
    cloud
        .check_invalid(
            "UpdateItem",
            update("SET x = y"),
            "The provided expression refers to an attribute that does not exist in the item",
        )
        .await;
}

#[tokio::test]
async fn parameters_must_go_together() {
    let cloud = Cloud::with_tables().await;
    let put = |more: Value| {
        let mut request = json!({"TableName": "Simple", "Item": {"pk": {"S": "a"}}});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    for (more, message) in [
        (
            json!({"Expected": {"pk": {"Exists": false}}, "ConditionExpression": "attribute_not_exists(pk)"}),
            "1 validation error detected: Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}",
        ),
        (
            json!({"ExpressionAttributeNames": {"#n": "n"}}),
            "1 validation error detected: ExpressionAttributeNames can only be specified when using expressions",
        ),
        (
            json!({"ExpressionAttributeValues": {":v": {"S": "unused"}}}),
            "1 validation error detected: ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null",
        ),
        (
            json!({"ReturnValues": "ALL_NEW"}),
            "1 validation error detected: ReturnValues can only be ALL_OLD or NONE",
        ),
        (
            json!({"ConditionExpression": ""}),
            "1 validation error detected: Invalid ConditionExpression: The expression can not be empty;",
        ),
        (
            json!({"ConditionExpression": "a = :v", "ExpressionAttributeValues": {}}),
            "1 validation error detected: ExpressionAttributeValues must not be empty",
        ),
        (
            json!({"ConditionExpression": "a = :v", "ExpressionAttributeValues": {":v": {"NS": []}}}),
            "1 validation error detected: One or more parameter values were invalid: An number set  may not be empty",
        ),
        (
            json!({"ConditionExpression": "a = :v", "ExpressionAttributeValues": {":v": {}}}),
            "ExpressionAttributeValues contains invalid value: Supplied AttributeValue is empty, must contain exactly one of the supported datatypes for key :v",
        ),
        (
            json!({"ReturnValues": "DOG", "ReturnConsumedCapacity": "CAT"}),
            "2 validation errors detected: Value 'DOG' at 'returnValues' failed to satisfy constraint: Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]; Value 'CAT' at 'returnConsumedCapacity' failed to satisfy constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]",
        ),
    ] {
        cloud.check_invalid("PutItem", put(more), message).await;
    }
}

#[tokio::test]
async fn queries_must_be_of_the_key() {
    let cloud = Cloud::with_tables().await;
    let query = |more: Value| {
        let mut request = json!({"TableName": "Sorted"});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    let values = json!({":s": {"S": "a"}, ":n": {"N": "1"}});
    let condition = |text: &str| {
        let mut given = values.clone();
        given.as_object_mut().unwrap().retain(|name, _| text.contains(name.as_str()));
        json!({"KeyConditionExpression": text, "ExpressionAttributeValues": given})
    };
    for (request, message) in [
        (json!({}), "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.".to_owned()),
        (condition("sk = :n"), "Query condition missed key schema element: pk".to_owned()),
        (condition("attr1 = :n"), "Query condition missed key schema element: pk".to_owned()),
        (condition("pk = :s AND attr1 = :n"), "Query condition missed key schema element: sk".to_owned()),
        (condition("pk > :s"), "Query key condition not supported".to_owned()),
        (condition("pk = :n"), format!("{INVALID}Condition parameter type does not match schema type")),
        (condition("pk = :s OR sk = :n"), "Invalid operator used in KeyConditionExpression: OR".to_owned()),
    ] {
        cloud.check_invalid("Query", query(request), &message).await;
    }
    let mut filtered = condition("pk = :s");
    filtered["FilterExpression"] = json!("sk = :s");
    cloud
        .check_invalid("Query", query(filtered), "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk")
        .await;
    for (select, projection, message) in [
        (
            "ALL_ATTRIBUTES",
            Some("a"),
            "1 validation error detected: Cannot specify the ProjectionExpression when choosing to get ALL_ATTRIBUTES",
        ),
        (
            "COUNT",
            Some("a"),
            "1 validation error detected: Cannot specify the ProjectionExpression when choosing to get only the Count",
        ),
        (
            "SPECIFIC_ATTRIBUTES",
            None,
            "1 validation error detected: Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
        ),
        (
            "ALL_PROJECTED_ATTRIBUTES",
            None,
            "1 validation error detected: ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
        ),
    ] {
        let mut request = query(condition("pk = :s"));
        request["Select"] = json!(select);
        if let Some(projection) = projection {
            request["ProjectionExpression"] = json!(projection);
        }
        cloud.check_invalid("Query", request, message).await;
    }
    let mut indexed = query(condition("pk = :s"));
    indexed["IndexName"] = json!("gsi1");
    cloud
        .check_invalid("Query", indexed, "The table does not have the specified index: gsi1")
        .await;
    for (segment, message) in [
        (
            json!({"Segment": 0}),
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is present",
        ),
        (
            json!({"TotalSegments": 4}),
            "The Segment parameter is required but was not present in the request when parameter TotalSegments is present",
        ),
        (
            json!({"Segment": 5, "TotalSegments": 5}),
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 5 is not less than TotalSegments: 5",
        ),
    ] {
        cloud.check_invalid("Scan", query(segment), message).await;
    }
}

#[tokio::test]
async fn tables_must_exist_and_have_names() {
    let cloud = Cloud::with_tables().await;
    let gone = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
        "message": "Requested resource not found",
    });
    let key = json!({"pk": {"S": "a"}});
    for name in ["Missing", "arn:aws:dynamodb:eu-west-2:111122223333:table/Simple"] {
        cloud.check("GetItem", json!({"TableName": name, "Key": key}), gone.clone()).await;
        cloud.check("PutItem", json!({"TableName": name, "Item": key}), gone.clone()).await;
        cloud.check("Scan", json!({"TableName": name}), gone.clone()).await;
    }
    let arn = "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Simple";
    cloud.check("GetItem", json!({"TableName": arn, "Key": key}), json!({})).await;
    cloud
        .check_invalid("GetItem", json!({"TableName": "bad table!@#", "Key": key}), "1 validation error detected: Value 'bad table!@#' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
        .await;
    cloud
        .check_invalid("GetItem", json!({"TableName": "a;", "Key": key}), "2 validation errors detected: Value 'a;' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value 'a;' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3")
        .await;
    cloud
        .check_invalid("PutItem", json!({"Item": key}), "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null")
        .await;
}

#[tokio::test]
async fn bodies_must_be_objects() {
    let cloud = Cloud::empty();
    let dispatch = cloud.kernel.service("dynamodb").expect("the service");
    let model = dispatch.model();
    let op = model.operations.iter().position(|op| op.name == "ListTables").expect("an operation");
    for (body, is_read) in [
        ("{}", true),
        ("", false),
        ("null", false),
        (" null\n", false),
        ("[]", false),
        ("x", false),
    ] {
        let headers = Default::default();
        let body = bytes::Bytes::from(body);
        let http = wire::Request {
            method: "POST",
            path: "/",
            query: "",
            headers: &headers,
            body: body.clone(),
        };
        let mut input = dispatch.input(op);
        let mut reading = shape::Reading::default();
        let operation = &model.operations[op];
        let read = wire::read_request(model, operation, &http, &mut *input, &mut reading);
        assert_eq!(read.is_ok(), is_read, "{body:?}");
        if let Err(error) = read {
            assert_eq!(error.fault(model).code, "SerializationException");
        }
    }
}
