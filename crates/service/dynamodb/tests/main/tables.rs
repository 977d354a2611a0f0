//! Tables: made, described, listed, changed, deleted.

use serde_json::json;

use crate::Cloud;

#[tokio::test]
async fn a_table_is_made_described_and_deleted() {
    let cloud = Cloud::empty();
    let request = json!({
        "TableName": "Flights",
        "AttributeDefinitions": [
            {"AttributeName": "sk", "AttributeType": "N"},
            {"AttributeName": "pk", "AttributeType": "S"},
        ],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        "ProvisionedThroughput": {"ReadCapacityUnits": 5, "WriteCapacityUnits": 3},
        "Tags": [{"Key": "team", "Value": "desk"}], "TableClass": "STANDARD",
    });
    let made = cloud.call("CreateTable", request.clone()).await;
    let made = &made["TableDescription"];
    assert_eq!(made["TableStatus"], "CREATING");
    assert_eq!(made["TableArn"], "arn:aws:dynamodb:ap-northeast-2:111122223333:table/Flights");
    assert_eq!(made["TableId"].as_str().map(str::len), Some(36));
    let taken = cloud.call("CreateTable", request).await;
    let namespace = "com.amazonaws.dynamodb.v20120810#";
    assert_eq!(taken["__type"], format!("{namespace}ResourceInUseException"));
    assert_eq!(taken["message"], "Table already exists: Flights");

    for (pk, sk, note) in [("a", "1", "x"), ("a", "2", "longer"), ("b", "1", "")] {
        let item = json!({"pk": {"S": pk}, "sk": {"N": sk}, "note": {"S": note}});
        cloud.check("PutItem", json!({"TableName": "Flights", "Item": item}), json!({})).await;
    }
    let described = cloud.call("DescribeTable", json!({"TableName": "Flights"})).await;
    let mut expected = made.clone();
    expected["TableStatus"] = json!("ACTIVE");
    expected["WarmThroughput"]["Status"] = json!("ACTIVE");
    expected["ItemCount"] = json!(3);
    // Three times pk, sk and note, 1 + 2 + … bytes of values.
    expected["TableSizeBytes"] = json!(3 * (2 + 1 + 2 + 2 + 4) + 7);
    assert_eq!(described, json!({ "Table": expected }));
    let by_arn = cloud.call("DescribeTable", json!({"TableName": made["TableArn"]})).await;
    assert_eq!(by_arn, described);

    let deleted = cloud.call("DeleteTable", json!({"TableName": "Flights"})).await;
    assert_eq!(deleted["TableDescription"]["TableStatus"], "DELETING");
    let gone = json!({
        "__type": format!("{namespace}ResourceNotFoundException"),
        "message": "Requested resource not found: Table: Flights not found",
    });
    cloud.check("DescribeTable", json!({"TableName": "Flights"}), gone.clone()).await;
    cloud.check("DeleteTable", json!({"TableName": "Flights"}), gone).await;
}

#[tokio::test]
async fn a_new_table_of_the_same_name_is_empty() {
    let cloud = Cloud::with_tables().await;
    let item = json!({"pk": {"S": "a"}});
    cloud.check("PutItem", json!({"TableName": "Simple", "Item": item}), json!({})).await;
    cloud.call("DeleteTable", json!({"TableName": "Simple"})).await;
    cloud.create("Simple", &[("pk", "S")]).await;
    let empty = json!({"Items": [], "Count": 0, "ScannedCount": 0});
    cloud.check("Scan", json!({"TableName": "Simple"}), empty).await;
}

#[tokio::test]
async fn the_items_of_a_deleted_table_are_swept_away() {
    let cloud = Cloud::with_tables().await;
    for i in 0..150 {
        let item = json!({"pk": {"S": i.to_string()}});
        cloud.check("PutItem", json!({"TableName": "Simple", "Item": item}), json!({})).await;
    }
    let kept = json!({"pk": {"S": "a"}, "sk": {"N": "1"}});
    cloud.check("PutItem", json!({"TableName": "Sorted", "Item": kept}), json!({})).await;
    assert_eq!(cloud.stored_items(), 151);
    cloud.call("DeleteTable", json!({"TableName": "Simple"})).await;
    cloud.until("the items are swept away", async || cloud.stored_items() == 1).await;
}

#[tokio::test]
async fn names_are_listed_in_pages() {
    let cloud = Cloud::empty();
    for name in ["zoo", "Bee", "ant", "cat"] {
        cloud.create(name, &[("pk", "S")]).await;
    }
    let list = |request| cloud.call("ListTables", request);
    assert_eq!(list(json!({})).await, json!({"TableNames": ["Bee", "ant", "cat", "zoo"]}));
    assert_eq!(
        list(json!({"Limit": 2})).await,
        json!({"TableNames": ["Bee", "ant"], "LastEvaluatedTableName": "ant"})
    );
    assert_eq!(
        list(json!({"Limit": 2, "ExclusiveStartTableName": "ant"})).await,
        json!({"TableNames": ["cat", "zoo"]})
    );
    assert_eq!(
        list(json!({"ExclusiveStartTableName": "bat"})).await,
        json!({"TableNames": ["cat", "zoo"]})
    );
}

#[tokio::test]
async fn throughput_billing_and_protection_change() {
    let cloud = Cloud::with_tables().await;
    let update = |change: serde_json::Value| {
        let mut request = change;
        request["TableName"] = json!("Simple");
        cloud.call("UpdateTable", request)
    };
    let describe = || cloud.call("DescribeTable", json!({"TableName": "Simple"}));
    let before = describe().await;
    assert_eq!(before["Table"]["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(before["Table"]["ProvisionedThroughput"]["ReadCapacityUnits"], 0);

    let units = json!({"ReadCapacityUnits": 10, "WriteCapacityUnits": 5});
    let answer =
        update(json!({"BillingMode": "PROVISIONED", "ProvisionedThroughput": units})).await;
    assert_eq!(answer["TableDescription"]["TableStatus"], "UPDATING");
    let after = describe().await;
    assert_eq!(after["Table"]["TableStatus"], "ACTIVE");
    assert_eq!(after["Table"]["ProvisionedThroughput"]["WriteCapacityUnits"], 5);
    assert_eq!(after["Table"].get("BillingModeSummary"), None);
    let unchanged = update(json!({ "ProvisionedThroughput": units })).await;
    let text = unchanged["message"].as_str().unwrap();
    assert!(
        text.starts_with("The provisioned throughput for the table will not change."),
        "{text}"
    );
    update(json!({"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 5}}))
        .await;
    let lowered = describe().await;
    assert_eq!(lowered["Table"]["ProvisionedThroughput"]["NumberOfDecreasesToday"], 1);

    update(json!({"DeletionProtectionEnabled": true, "TableClass": "STANDARD_INFREQUENT_ACCESS"}))
        .await;
    let protected = describe().await;
    assert_eq!(protected["Table"]["DeletionProtectionEnabled"], true);
    assert_eq!(protected["Table"]["TableClassSummary"]["TableClass"], "STANDARD_INFREQUENT_ACCESS");
    cloud
        .check_invalid(
            "DeleteTable",
            json!({"TableName": "Simple"}),
            "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
        )
        .await;
    cloud
        .check_invalid(
            "UpdateTable",
            json!({"TableName": "Simple"}),
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required",
        )
        .await;
}

#[tokio::test]
async fn key_schemas_are_checked() {
    let cloud = Cloud::empty();
    let s = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
    let invalid = "One or more parameter values were invalid: ";
    let cases = [
        (
            json!([key("pk", "HASH"), key("pk", "RANGE")]),
            json!([s("pk")]),
            "Invalid KeySchema: Some index key attribute have no definition".to_owned(),
        ),
        (
            json!([key("pk", "HASH")]),
            json!([s("other")]),
            format!(
                "{invalid}Some index key attributes are not defined in AttributeDefinitions. Keys: [pk], AttributeDefinitions: [other]"
            ),
        ),
        (
            json!([key("pk", "HASH"), key("pk", "RANGE")]),
            json!([s("pk"), s("b")]),
            "Both the Hash Key and the Range Key element in the KeySchema have the same name"
                .to_owned(),
        ),
        (
            json!([key("pk", "RANGE")]),
            json!([s("pk")]),
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type".to_owned(),
        ),
        (
            json!([key("pk", "HASH"), key("b", "HASH")]),
            json!([s("pk"), s("b")]),
            "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type".to_owned(),
        ),
        (
            json!([key("pk", "HASH")]),
            json!([s("pk"), s("b")]),
            format!(
                "{invalid}Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions"
            ),
        ),
    ];
    let three = json!([key("pk", "HASH"), key("b", "RANGE"), key("c", "RANGE")]);
    let too_long = (three, json!([s("pk"), s("b"), s("c")]), "1 validation error detected: Value '[KeySchemaElement(attributeName=pk, keyType=HASH), KeySchemaElement(attributeName=b, keyType=RANGE), KeySchemaElement(attributeName=c, keyType=RANGE)]' at 'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2".to_owned());
    for (schema, definitions, message) in cases.into_iter().chain([too_long]) {
        let request = json!({
            "TableName": "table", "KeySchema": schema, "AttributeDefinitions": definitions,
            "BillingMode": "PAY_PER_REQUEST",
        });
        cloud.check_invalid("CreateTable", request, &message).await;
    }
    let units = json!({"ReadCapacityUnits": 1, "WriteCapacityUnits": 1});
    let mut request = json!({
        "TableName": "table", "KeySchema": [key("pk", "HASH")],
        "AttributeDefinitions": [s("pk")], "BillingMode": "PAY_PER_REQUEST",
        "ProvisionedThroughput": units,
    });
    cloud
        .check_invalid("CreateTable", request.clone(), &format!("{invalid}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"))
        .await;
    request.as_object_mut().unwrap().remove("BillingMode");
    request.as_object_mut().unwrap().remove("ProvisionedThroughput");
    cloud
        .check_invalid("CreateTable", request.clone(), &format!("{invalid}ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"))
        .await;
    request["BillingMode"] = json!("PAY_PER_REQUEST");
    for (sse, problem) in [
        (json!({"Enabled": true, "SSEType": "AES256"}), "SSEType AES256 is not supported"),
        (
            json!({"Enabled": false, "SSEType": "KMS"}),
            "SSEType can not be specified if Enabled is false",
        ),
        (
            json!({"Enabled": true, "KMSMasterKeyId": "k"}),
            "SSEType KMS is required if KMSMasterKeyId is specified",
        ),
    ] {
        request["SSESpecification"] = sse;
        cloud.check_invalid("CreateTable", request.clone(), &format!("{invalid}{problem}")).await;
    }
    request.as_object_mut().unwrap().remove("SSESpecification");
    request["GlobalTableSourceArn"] = json!("arn:aws:dynamodb:us-east-1:111122223333:table/T");
    let refused = cloud.call("CreateTable", request).await;
    let text = refused["message"].as_str().unwrap_or_default();
    assert!(text.contains("GlobalTableSourceArn of CreateTable"), "{refused}");
}
