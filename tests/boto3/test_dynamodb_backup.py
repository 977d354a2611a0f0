"""Backups, point-in-time recovery and global tables with boto3."""

import datetime
import time

import pytest
from boto3.dynamodb.types import TypeSerializer
from conftest import ACCOUNT, REGION, error_of, eventually

KEYS = {
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture
def dynamodb(client):
    return client("dynamodb")


def make(dynamodb, name, count=0):
    dynamodb.create_table(TableName=name, **KEYS)
    dynamodb.get_waiter("table_exists").wait(TableName=name)
    put(dynamodb, name, range(count))


def put(dynamodb, name, numbers):
    to_dynamodb = TypeSerializer().serialize
    for i in numbers:
        dynamodb.put_item(TableName=name, Item={"pk": to_dynamodb(f"{i}"), "n": to_dynamodb(i)})


def items(dynamodb, name):
    pages = dynamodb.get_paginator("scan").paginate(TableName=name, ConsistentRead=True)
    return {item["pk"]["S"]: item["n"]["N"] for page in pages for item in page["Items"]}


def active(dynamodb, name):
    def probe():
        try:
            table = dynamodb.describe_table(TableName=name)["Table"]
        except dynamodb.exceptions.ResourceNotFoundException:
            return None
        return table if table["TableStatus"] == "ACTIVE" else None

    return eventually(probe)


def back_up(dynamodb, table, name):
    details = dynamodb.create_backup(TableName=table, BackupName=name)["BackupDetails"]
    assert details["BackupStatus"] == "CREATING"
    arn = details["BackupArn"]
    describe = dynamodb.describe_backup
    eventually(
        lambda: describe(BackupArn=arn)["BackupDescription"]["BackupDetails"]["BackupStatus"]
        == "AVAILABLE"
    )
    return arn


def test_a_backup_brings_a_deleted_table_back(dynamodb, unique):
    table, again = unique("flights"), unique("again")
    make(dynamodb, table, 30)
    arn = back_up(dynamodb, table, "first")
    assert arn.startswith(f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}/backup/")
    put(dynamodb, table, range(30, 40))
    dynamodb.delete_table(TableName=table)
    description = dynamodb.describe_backup(BackupArn=arn)["BackupDescription"]
    assert description["SourceTableDetails"]["ItemCount"] == 30
    assert description["BackupDetails"]["BackupCreationDateTime"].tzinfo
    listed = dynamodb.list_backups(TableName=table)["BackupSummaries"]
    assert [backup["BackupArn"] for backup in listed] == [arn]

    restored = dynamodb.restore_table_from_backup(TargetTableName=again, BackupArn=arn)
    assert restored["TableDescription"]["TableStatus"] == "CREATING"
    assert restored["TableDescription"]["RestoreSummary"]["RestoreInProgress"]
    dynamodb.get_waiter("table_exists").wait(TableName=again, WaiterConfig={"Delay": 1})
    assert "RestoreSummary" not in active(dynamodb, again)
    assert items(dynamodb, again) == {f"{i}": f"{i}" for i in range(30)}

    deleted = dynamodb.delete_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]
    assert deleted["BackupStatus"] == "DELETED"
    expected = ("BackupNotFoundException", f"Backup not found: {arn}")
    assert error_of(dynamodb.describe_backup, BackupArn=arn) == expected


def test_backups_of_what_is_not_there(dynamodb, unique):
    name = unique("nowhere")
    assert error_of(dynamodb.create_backup, TableName=name, BackupName="first") == (
        "TableNotFoundException",
        f"Table not found: {name}",
    )
    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}/backup/01489602797149-73d8d5bc"
    expected = ("BackupNotFoundException", f"Backup not found: {arn}")
    restore = dynamodb.restore_table_from_backup
    assert error_of(restore, TargetTableName=name, BackupArn=arn) == expected


def test_going_back_in_time(dynamodb, unique):
    table, then, latest = unique("flights"), unique("then"), unique("latest")
    make(dynamodb, table, 10)
    specification = {"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7}
    dynamodb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification=specification
    )
    described = dynamodb.describe_continuous_backups(TableName=table)
    recovery = described["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"
    assert recovery["RecoveryPeriodInDays"] == 7
    assert recovery["EarliestRestorableDateTime"] <= recovery["LatestRestorableDateTime"]
    put(dynamodb, table, range(10, 20))
    # Times of requests are whole seconds, as boto3 sends them.
    time.sleep(1.1)
    moment = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    time.sleep(1.1)
    put(dynamodb, table, range(20, 30))
    dynamodb.delete_item(TableName=table, Key={"pk": {"S": "3"}})

    restore = dynamodb.restore_table_to_point_in_time
    restore(SourceTableName=table, TargetTableName=then, RestoreDateTime=moment)
    restore(SourceTableName=table, TargetTableName=latest, UseLatestRestorableTime=True)
    active(dynamodb, then)
    active(dynamodb, latest)
    assert items(dynamodb, then) == {f"{i}": f"{i}" for i in range(20)}
    assert items(dynamodb, latest) == {f"{i}": f"{i}" for i in range(30) if i != 3}
    early = moment - datetime.timedelta(days=1)
    code, _ = error_of(
        restore, SourceTableName=table, TargetTableName=unique("no"), RestoreDateTime=early
    )
    assert code == "InvalidRestoreTimeException"

    dynamodb.delete_table(TableName=table)
    listed = dynamodb.list_backups(TableName=table, BackupType="SYSTEM")["BackupSummaries"]
    assert [backup["BackupName"] for backup in listed] == [f"{table}$DeletedTableBackup"]


def test_a_global_table(client, dynamodb, unique):
    table = unique("flights")
    make(dynamodb, table, 10)
    create = [{"Create": {"RegionName": "us-east-1"}}]
    dynamodb.update_table(TableName=table, ReplicaUpdates=create)
    virginia = client("dynamodb", region_name="us-east-1")
    replicas = active(virginia, table)["Replicas"]
    assert [replica["RegionName"] for replica in replicas] == [REGION]
    assert active(dynamodb, table)["Replicas"][0]["ReplicaStatus"] == "ACTIVE"
    put(virginia, table, range(10, 20))
    dynamodb.delete_item(TableName=table, Key={"pk": {"S": "3"}})
    expected = {f"{i}": f"{i}" for i in range(20) if i != 3}
    assert items(dynamodb, table) == items(virginia, table) == expected
    delete = [{"Delete": {"RegionName": "us-east-1"}}]
    dynamodb.update_table(TableName=table, ReplicaUpdates=delete)
    assert "Replicas" not in active(dynamodb, table)
    code, _ = error_of(virginia.describe_table, TableName=table)
    assert code == "ResourceNotFoundException"
