//! Restores of tables from backups.

use serde_json::{Value, json};

use crate::Cloud;
use crate::backups::{back_up, create_indexed, fill};

const NAMESPACE: &str = "com.amazonaws.dynamodb.v20120810#";

fn error(name: &str, message: &str) -> Value {
    json!({"__type": format!("{NAMESPACE}{name}"), "message": message})
}

#[tokio::test]
async fn a_restored_table_is_what_the_table_was() {
    let cloud = Cloud::empty();
    create_indexed(&cloud, "Flights").await;
    fill(&cloud, "Flights", 0..700).await;
    let before = cloud.items("Flights", None).await;
    let arn = back_up(&cloud, "Flights", "first").await;
    fill(&cloud, "Flights", 650..800).await;
    cloud.call("DeleteTable", json!({"TableName": "Flights"})).await;

    let request = json!({"BackupArn": arn, "TargetTableName": "Again"});
    let made = cloud.call("RestoreTableFromBackup", request.clone()).await;
    let made = &made["TableDescription"];
    assert_eq!(made["TableStatus"], "CREATING", "{made}");
    assert_eq!(made["RestoreSummary"]["RestoreInProgress"], true);
    assert_eq!(made["RestoreSummary"]["SourceBackupArn"], json!(arn));
    // Nobody sees it yet but who describes it.
    let other = json!({"BackupArn": arn, "TargetTableName": "Other"});
    let used = format!("Backup is being used to restore another table: {arn}");
    cloud.check("RestoreTableFromBackup", other, error("BackupInUseException", &used)).await;
    let used = format!("Backup is being used to restore table: {arn}");
    let delete = json!({"BackupArn": arn});
    cloud.check("DeleteBackup", delete.clone(), error("BackupInUseException", &used)).await;
    let twice = format!("Table: Again is already being restored from backup: {arn}");
    cloud.check("RestoreTableFromBackup", request, error("TableInUseException", &twice)).await;
    let key = json!({"pk": {"S": "0"}, "sk": {"S": "000000"}});
    let hidden = error("ResourceNotFoundException", "Requested resource not found");
    cloud.check("GetItem", json!({"TableName": "Again", "Key": key}), hidden).await;
    let deleted = cloud.call("DeleteTable", json!({"TableName": "Again"})).await;
    assert_eq!(deleted["__type"], format!("{NAMESPACE}ResourceInUseException"), "{deleted}");
    let hidden = error("TableNotFoundException", "Table not found: Again");
    cloud.check("DescribeContinuousBackups", json!({"TableName": "Again"}), hidden).await;

    let table = cloud.active("Again").await;
    assert_eq!(table.get("RestoreSummary"), None);
    assert_eq!(table["GlobalSecondaryIndexes"][0]["IndexStatus"], "ACTIVE");
    assert_eq!(cloud.items("Again", None).await, before);
    assert_eq!(cloud.items("Again", Some("global")).await.len(), 700);
    assert_eq!(cloud.items("Again", Some("local")).await.len(), 700);
    let taken = json!({"BackupArn": arn, "TargetTableName": "Again"});
    let there = error("TableAlreadyExistsException", "Table already exists: Again");
    cloud.check("RestoreTableFromBackup", taken, there).await;
    // It is a table like others.
    fill(&cloud, "Again", 650..800).await;
    assert_eq!(cloud.items("Again", Some("global")).await.len(), 800);
    let answer = cloud.call("DeleteBackup", delete).await;
    assert_eq!(answer["BackupDescription"]["BackupDetails"]["BackupStatus"], "DELETED");
}

#[tokio::test]
async fn a_restore_may_make_the_table_otherwise() {
    let cloud = Cloud::empty();
    create_indexed(&cloud, "Flights").await;
    fill(&cloud, "Flights", 0..20).await;
    let arn = back_up(&cloud, "Flights", "first").await;
    let restore = async |name: &str, with: Value| {
        let mut request = with;
        request["BackupArn"] = json!(arn);
        request["TargetTableName"] = json!(name);
        let made = cloud.call("RestoreTableFromBackup", request).await;
        assert_eq!(made["TableDescription"]["TableStatus"], "CREATING", "{made}");
        cloud.active(name).await
    };
    let bare = json!({"GlobalSecondaryIndexOverride": [], "LocalSecondaryIndexOverride": []});
    let bare = restore("Bare", bare).await;
    assert_eq!(bare.get("GlobalSecondaryIndexes"), None);
    assert_eq!(bare.get("LocalSecondaryIndexes"), None);
    assert_eq!(bare["AttributeDefinitions"].as_array().map(Vec::len), Some(2));
    assert_eq!(bare["ItemCount"], 20);

    let units = json!({"ReadCapacityUnits": 7, "WriteCapacityUnits": 8});
    let renamed = json!({"IndexName": "renamed", "Projection": {"ProjectionType": "ALL"},
        "KeySchema": [{"AttributeName": "color", "KeyType": "HASH"}],
        "ProvisionedThroughput": units});
    let provisioned = json!({
        "BillingModeOverride": "PROVISIONED", "ProvisionedThroughputOverride": units,
        "GlobalSecondaryIndexOverride": [renamed],
    });
    let provisioned = restore("Provisioned", provisioned).await;
    assert_eq!(provisioned["ProvisionedThroughput"]["ReadCapacityUnits"], 7);
    let index = &provisioned["GlobalSecondaryIndexes"][0];
    assert_eq!((&index["IndexName"], &index["ItemCount"]), (&json!("renamed"), &json!(20)));
    assert_eq!(index["ProvisionedThroughput"]["WriteCapacityUnits"], 8);
}

#[tokio::test]
async fn overrides_that_do_not_fit_are_refused() {
    let cloud = Cloud::empty();
    create_indexed(&cloud, "Flights").await;
    let arn = back_up(&cloud, "Flights", "first").await;
    let units = json!({"ReadCapacityUnits": 7, "WriteCapacityUnits": 8});
    let unknown = json!({"IndexName": "new", "Projection": {"ProjectionType": "KEYS_ONLY"},
        "KeySchema": [{"AttributeName": "color", "KeyType": "HASH"}]});
    for (with, problem) in [
        (
            json!({ "ProvisionedThroughputOverride": units }),
            "Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED",
        ),
        (
            json!({"BillingModeOverride": "PROVISIONED"}),
            "Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED",
        ),
        (
            json!({"BillingModeOverride": "PROVISIONED", "ProvisionedThroughputOverride": units}),
            "Must specify provisioned throughput for index global",
        ),
        (
            json!({ "GlobalSecondaryIndexOverride": [unknown] }),
            "Index new does not match a secondary index that existed in the source table and \
             cannot be created during the restore operation",
        ),
    ] {
        let mut request = with;
        request["BackupArn"] = json!(arn);
        request["TargetTableName"] = json!("Again");
        let message = format!("Invalid Request: {problem}");
        cloud.check_invalid("RestoreTableFromBackup", request, &message).await;
    }
    let elsewhere = cloud.in_region("us-east-1");
    let request = json!({"BackupArn": arn, "TargetTableName": "Again"});
    elsewhere
        .check_invalid(
            "RestoreTableFromBackup",
            request,
            "Invalid Request: sseSpecificationOverride must be provided for cross-region restores",
        )
        .await;
    let request = json!({"BackupArn": arn, "TargetTableName": "Again",
        "SSESpecificationOverride": {"Enabled": false}});
    elsewhere.call("RestoreTableFromBackup", request).await;
    elsewhere.active("Again").await;
    let here = cloud.call("DescribeTable", json!({"TableName": "Again"})).await;
    assert_eq!(here["__type"], format!("{NAMESPACE}ResourceNotFoundException"));
}
