//! Tables with secondary indexes, and everything that cannot be one.

use serde_json::{Value, json};

use crate::Cloud;

const INVALID: &str = "One or more parameter values were invalid: ";

fn schema(keys: &[(&str, &str)]) -> Value {
    keys.iter().map(|(name, kind)| json!({"AttributeName": name, "KeyType": kind})).collect()
}

fn strings(names: &[&str]) -> Value {
    names.iter().map(|name| json!({"AttributeName": name, "AttributeType": "S"})).collect()
}

fn index(name: &str, keys: &[(&str, &str)], projection: Value) -> Value {
    json!({"IndexName": name, "KeySchema": schema(keys), "Projection": projection})
}

fn all(name: &str, keys: &[(&str, &str)]) -> Value {
    index(name, keys, json!({"ProjectionType": "ALL"}))
}

/// A request for a table with the keys `a` and `b` and the attributes `a`, `b` and `c`.
fn request(more: Value) -> Value {
    let mut request = json!({
        "TableName": "table", "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": schema(&[("a", "HASH"), ("b", "RANGE")]),
        "AttributeDefinitions": strings(&["a", "b", "c"]),
    });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    request
}

#[tokio::test]
async fn a_table_with_indexes_is_described_with_them() {
    let cloud = Cloud::empty();
    let local =
        index("local", &[("a", "HASH"), ("c", "RANGE")], json!({"ProjectionType": "KEYS_ONLY"}));
    let include = json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x", "a"]});
    let mut global = index("global", &[("c", "HASH"), ("b", "HASH"), ("a", "RANGE")], include);
    global["OnDemandThroughput"] = json!({"MaxReadRequestUnits": 50});
    global["WarmThroughput"] = json!({"ReadUnitsPerSecond": 13000});
    let more = json!({
        "LocalSecondaryIndexes": [local], "GlobalSecondaryIndexes": [global],
        "OnDemandThroughput": {"MaxReadRequestUnits": 100, "MaxWriteRequestUnits": -1},
    });
    let made = cloud.call("CreateTable", request(more)).await;
    let global = &made["TableDescription"]["GlobalSecondaryIndexes"][0];
    assert_eq!(global["IndexStatus"], "CREATING", "{made}");
    let item = json!({"a": {"S": "1"}, "b": {"S": "2"}, "c": {"S": "3"}, "x": {"S": "y"}, "z": {"S": "zz"}});
    cloud.check("PutItem", json!({"TableName": "table", "Item": item}), json!({})).await;
    let table = cloud.call("DescribeTable", json!({"TableName": "table"})).await["Table"].clone();
    let arn = table["TableArn"].as_str().unwrap();
    assert_eq!(table["AttributeDefinitions"], strings(&["a", "b", "c"]));
    assert_eq!(
        table["LocalSecondaryIndexes"],
        json!([{
            "IndexName": "local", "KeySchema": schema(&[("a", "HASH"), ("c", "RANGE")]),
            "Projection": {"ProjectionType": "KEYS_ONLY"}, "ItemCount": 1, "IndexSizeBytes": 6,
            "IndexArn": format!("{arn}/index/local"),
        }])
    );
    assert_eq!(
        table["GlobalSecondaryIndexes"],
        json!([{
            "IndexName": "global",
            "KeySchema": schema(&[("c", "HASH"), ("b", "HASH"), ("a", "RANGE")]),
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x", "a"]},
            "ItemCount": 1, "IndexSizeBytes": 8, "IndexStatus": "ACTIVE",
            "IndexArn": format!("{arn}/index/global"),
            "ProvisionedThroughput":
                {"NumberOfDecreasesToday": 0, "ReadCapacityUnits": 0, "WriteCapacityUnits": 0},
            "OnDemandThroughput": {"MaxReadRequestUnits": 50, "MaxWriteRequestUnits": -1},
            "WarmThroughput": {
                "ReadUnitsPerSecond": 13000, "WriteUnitsPerSecond": 4000, "Status": "ACTIVE",
            },
        }])
    );
    assert_eq!(
        table["WarmThroughput"],
        json!({"ReadUnitsPerSecond": 12000, "WriteUnitsPerSecond": 4000, "Status": "ACTIVE"})
    );
    assert_eq!(
        table["OnDemandThroughput"],
        json!({"MaxReadRequestUnits": 100, "MaxWriteRequestUnits": -1})
    );
    let deleted = cloud.call("DeleteTable", json!({"TableName": "table"})).await;
    let deleted = deleted["TableDescription"].as_object().unwrap();
    for left_out in ["KeySchema", "GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
        assert!(!deleted.contains_key(left_out), "{left_out}");
    }
    cloud.until("the entries are swept away", async || cloud.stored("dynamodb/index") == 0).await;
}

#[tokio::test]
async fn bad_local_indexes_are_refused() {
    let cloud = Cloud::empty();
    let keys = [("a", "HASH"), ("c", "RANGE")];
    for (locals, message) in [
        (json!([]), "List of LocalSecondaryIndexes is empty"),
        (
            json!([all("one", &[("a", "HASH"), ("d", "RANGE")])]),
            "Some index key attributes are not defined in AttributeDefinitions. Keys: [a, d], AttributeDefinitions: [a, b, c]",
        ),
        (
            json!([all("one", &[("a", "HASH")])]),
            "Index KeySchema does not have a range key for index: one",
        ),
        (
            json!([all("one", &[("b", "HASH"), ("c", "RANGE")])]),
            "Index KeySchema does not have the same leading hash key as table KeySchema for index: one. index hash key: b, table hash key: a",
        ),
        (json!([index("one", &keys, json!({}))]), "Unknown ProjectionType: null"),
        (
            json!([index(
                "one",
                &keys,
                json!({"ProjectionType": "ALL", "NonKeyAttributes": ["x"]})
            )]),
            "ProjectionType is ALL, but NonKeyAttributes is specified",
        ),
        (
            json!([index(
                "one",
                &keys,
                json!({"ProjectionType": "KEYS_ONLY", "NonKeyAttributes": ["x"]})
            )]),
            "ProjectionType is KEYS_ONLY, but NonKeyAttributes is specified",
        ),
        (
            json!([index("one", &keys, json!({"ProjectionType": "INCLUDE"}))]),
            "ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
        ),
        (json!([all("one", &keys), all("one", &keys)]), "Duplicate index name: one"),
        (
            (1..=6).map(|i| all(&format!("index{i}"), &keys)).collect(),
            "Number of LocalSecondaryIndexes exceeds per-table limit of 5",
        ),
    ] {
        let request = request(json!({ "LocalSecondaryIndexes": locals }));
        cloud.check_invalid("CreateTable", request, &format!("{INVALID}{message}")).await;
    }
    for (keys, message) in [
        (
            [("a", "HASH"), ("a", "RANGE")],
            "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ),
        (
            [("a", "RANGE"), ("c", "RANGE")],
            "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
        ),
        (
            [("a", "HASH"), ("c", "HASH")],
            "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
        ),
    ] {
        let request = request(json!({"LocalSecondaryIndexes": [all("one", &keys)]}));
        cloud.check_invalid("CreateTable", request, message).await;
    }
    let mut unsorted = request(json!({"LocalSecondaryIndexes": [all("one", &keys)]}));
    unsorted["KeySchema"] = schema(&[("a", "HASH")]);
    cloud.check_invalid("CreateTable", unsorted, &format!("{INVALID}Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex")).await;
    let three = all("one", &[("a", "HASH"), ("b", "RANGE"), ("c", "RANGE")]);
    cloud.check_invalid("CreateTable", request(json!({"LocalSecondaryIndexes": [three]})), "1 validation error detected: Value '[KeySchemaElement(attributeName=a, keyType=HASH), KeySchemaElement(attributeName=b, keyType=RANGE), KeySchemaElement(attributeName=c, keyType=RANGE)]' at 'localSecondaryIndexes.1.member.keySchema' failed to satisfy constraint: Member must have length less than or equal to 2").await;
}

#[tokio::test]
async fn bad_global_indexes_are_refused() {
    let cloud = Cloud::empty();
    let keys = [("c", "HASH")];
    let with = |name: &str, value: Value| {
        let mut index = all("one", &keys);
        index[name] = value;
        json!([index])
    };
    let units = json!({"ReadCapacityUnits": 1, "WriteCapacityUnits": 1});
    for (globals, message) in [
        (json!([]), "List of GlobalSecondaryIndexes is empty"),
        (
            json!([all("one", &[("d", "RANGE")])]),
            "Some index key attributes are not defined in AttributeDefinitions. Keys: [d], AttributeDefinitions: [a, b, c]",
        ),
        (json!([index("one", &keys, json!({}))]), "Unknown ProjectionType: null"),
        (
            json!([index(
                "one",
                &keys,
                json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x", "x"]})
            )]),
            "Duplicate attribute name in NonKeyAttributes: x",
        ),
        (
            with("ProvisionedThroughput", units.clone()),
            "ProvisionedThroughput should not be specified for index: one when BillingMode is PAY_PER_REQUEST",
        ),
        (
            with("WarmThroughput", json!({"ReadUnitsPerSecond": 10000})),
            "Requested ReadUnitsPerSecond for WarmThroughput for index one is lower than initial throughput for OnDemand",
        ),
        (json!([all("one", &keys), all("one", &keys)]), "Duplicate index name: one"),
        (
            (1..=21).map(|i| all(&format!("index{i}"), &keys)).collect(),
            "GlobalSecondaryIndex count exceeds the per-table limit of 20",
        ),
        (
            (1..=6)
                .map(|i| {
                    let names: Vec<String> = (0..17).map(|i| format!("x{i}")).collect();
                    index(
                        &format!("index{i}"),
                        &keys,
                        json!({"ProjectionType": "INCLUDE", "NonKeyAttributes": names}),
                    )
                })
                .collect(),
            "Number of NonKeyAttributes in all indexes exceeds the per-table limit of 100",
        ),
        (
            json!([all("one", &[("a", "HASH")])]),
            "Some AttributeDefinitions are not used. AttributeDefinitions: [a, b, c], keys used: [a, b]",
        ),
    ] {
        let request = request(json!({ "GlobalSecondaryIndexes": globals }));
        cloud.check_invalid("CreateTable", request, &format!("{INVALID}{message}")).await;
    }
    let both = json!({
        "LocalSecondaryIndexes": [all("one", &[("a", "HASH"), ("c", "RANGE")])],
        "GlobalSecondaryIndexes": [all("one", &keys)],
    });
    cloud
        .check_invalid("CreateTable", request(both), &format!("{INVALID}Duplicate index name: one"))
        .await;
    let provisioned = json!({
        "BillingMode": "PROVISIONED", "ProvisionedThroughput": units,
        "GlobalSecondaryIndexes": [all("one", &keys)],
    });
    cloud
        .check_invalid(
            "CreateTable",
            request(provisioned),
            &format!("{INVALID}ProvisionedThroughput is not specified for index: one"),
        )
        .await;
    for (name, problem) in [
        ("x", "Member must have length greater than or equal to 3"),
        ("a b", "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"),
    ] {
        let request = request(json!({"GlobalSecondaryIndexes": [all(name, &keys)]}));
        cloud.check_invalid("CreateTable", request, &format!("1 validation error detected: Value '{name}' at 'globalSecondaryIndexes.1.member.indexName' failed to satisfy constraint: {problem}")).await;
    }
}

#[tokio::test]
async fn keys_of_global_indexes_have_up_to_four_attributes_of_each_role() {
    let cloud = Cloud::empty();
    let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let make = |keys: Vec<(&str, &str)>| {
        let mut request = request(json!({"GlobalSecondaryIndexes": [all("one", &keys)]}));
        request["AttributeDefinitions"] = strings(&names);
        request
    };
    let roles = |hashes: usize, ranges: usize| {
        let roles = std::iter::repeat_n("HASH", hashes).chain(std::iter::repeat_n("RANGE", ranges));
        names.into_iter().zip(roles).collect::<Vec<_>>()
    };
    for (keys, message) in [
        (
            roles(5, 3),
            format!("{INVALID}Number of HASH key attributes exceeds the limit of 4 for index: one"),
        ),
        (
            roles(3, 5),
            format!(
                "{INVALID}Number of RANGE key attributes exceeds the limit of 4 for index: one"
            ),
        ),
        (
            vec![("a", "HASH"), ("b", "RANGE"), ("c", "HASH")],
            "Invalid KeySchema: HASH KeySchemaElements must precede RANGE ones".to_owned(),
        ),
        (
            vec![("a", "HASH"), ("b", "HASH"), ("a", "RANGE")],
            "Both the Hash Key and the Range Key element in the KeySchema have the same name"
                .to_owned(),
        ),
    ] {
        cloud.check_invalid("CreateTable", make(keys), &message).await;
    }
    let made = cloud.call("CreateTable", make(roles(4, 4))).await;
    let description = &made["TableDescription"]["GlobalSecondaryIndexes"][0];
    assert_eq!(description["KeySchema"].as_array().map(Vec::len), Some(8), "{made}");
}

#[tokio::test]
async fn bad_tags_and_policies_are_refused_with_the_table() {
    let cloud = Cloud::empty();
    let make = |more: Value| {
        let mut request = request(more);
        request["AttributeDefinitions"] = strings(&["a", "b"]);
        request
    };
    let tags: Value = (0..51).map(|i| json!({"Key": i.to_string(), "Value": ""})).collect();
    for (more, message) in [
        (
            json!({ "Tags": tags }),
            format!("{INVALID}A resource can have 50 tags and would have 51"),
        ),
        (
            json!({"ResourcePolicy": "{}"}),
            "Invalid policy document: it has no Statement".to_owned(),
        ),
        (
            json!({"OnDemandThroughput": {"MaxReadRequestUnits": 0}}),
            format!(
                "{INVALID}MaxReadRequestUnits for table must be at least 1, or -1 to remove it, but is 0"
            ),
        ),
    ] {
        cloud.check_invalid("CreateTable", make(more), &message).await;
    }
    assert_eq!(cloud.call("ListTables", json!({})).await, json!({"TableNames": []}));
}
