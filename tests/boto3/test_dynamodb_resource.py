"""DynamoDB as most Python programs use it: resource, Table, conditions, batch writer, paginators, waiters."""

from decimal import Decimal

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import Binary
from botocore.exceptions import ClientError
from conftest import REGION


@pytest.fixture(scope="module")
def resource(endpoint):
    """The resource."""
    return boto3.resource(
        "dynamodb",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


@pytest.fixture
def table(resource, unique):
    """A table with indexes of both kinds, filled with 120 flights of three airlines."""
    table = resource.create_table(
        TableName=unique("flights"),
        KeySchema=[
            {"AttributeName": "airline", "KeyType": "HASH"},
            {"AttributeName": "number", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "airline", "AttributeType": "S"},
            {"AttributeName": "number", "AttributeType": "N"},
            {"AttributeName": "gate", "AttributeType": "S"},
            {"AttributeName": "seats", "AttributeType": "N"},
        ],
        LocalSecondaryIndexes=[
            {
                "IndexName": "by-seats",
                "KeySchema": [
                    {"AttributeName": "airline", "KeyType": "HASH"},
                    {"AttributeName": "seats", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-gate",
                "KeySchema": [
                    {"AttributeName": "gate", "KeyType": "HASH"},
                    {"AttributeName": "number", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["seats"]},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    table.wait_until_exists()
    with table.batch_writer(overwrite_by_pkeys=["airline", "number"]) as batch:
        for n in range(120):
            batch.put_item(
                {
                    "airline": "ABC"[n % 3],
                    "number": n,
                    "gate": f"G{n % 10}",
                    "seats": Decimal(n) / 4,
                    "tags": {"even", "all"} if n % 2 == 0 else {"all"},
                    "crew": {"pilot": f"P{n}", "stewards": [n, None, True]},
                    "raw": b"\x00" * (n % 4),
                }
            )
    yield table
    table.delete()
    table.wait_until_not_exists()


def test_values_come_back_as_they_were(table):
    item = table.get_item(Key={"airline": "B", "number": 1}, ConsistentRead=True)["Item"]
    assert item == {
        "airline": "B",
        "number": 1,
        "gate": "G1",
        "seats": Decimal("0.25"),
        "tags": {"all"},
        "crew": {"pilot": "P1", "stewards": [1, None, True]},
        "raw": Binary(b"\x00"),
    }
    assert table.item_count == 120
    assert {index["IndexName"] for index in table.global_secondary_indexes} == {"by-gate"}


def test_conditions_of_keys(table):
    def numbers(condition, **more):
        return [int(item["number"]) for item in table.query(KeyConditionExpression=condition, **more)["Items"]]

    airline = Key("airline").eq("A")
    assert numbers(airline & Key("number").lt(10)) == [0, 3, 6, 9]
    assert numbers(airline & Key("number").between(3, 9), ScanIndexForward=False) == [9, 6, 3]
    assert numbers(airline & Key("number").gte(111)) == [111, 114, 117]
    assert numbers(airline & Key("seats").lte(Decimal("1.5")), IndexName="by-seats") == [0, 3, 6]
    assert numbers(Key("gate").eq("G7") & Key("number").gt(90), IndexName="by-gate") == [97, 107, 117]
    found = table.query(IndexName="by-gate", KeyConditionExpression=Key("gate").eq("G7") & Key("number").eq(97))
    assert found["Items"] == [{"airline": "B", "number": 97, "gate": "G7", "seats": Decimal("24.25")}]
    whole = table.query(
        IndexName="by-seats",
        Select="ALL_ATTRIBUTES",
        KeyConditionExpression=airline & Key("seats").eq(Decimal("0.75")),
    )
    assert whole["Items"][0]["crew"]["pilot"] == "P3"


def test_conditions_of_filters(table):
    def count(condition):
        found = table.scan(FilterExpression=condition, Select="COUNT")
        assert found["ScannedCount"] == 120
        return found["Count"]

    assert count(Attr("tags").contains("even")) == 60
    assert count(Attr("crew.pilot").begins_with("P11")) == 11
    assert count(Attr("crew.stewards[0]").is_in([5, 6, 700])) == 2
    assert count(Attr("raw").size().gte(2) & ~Attr("number").lt(60)) == 30
    assert count(Attr("nothing").not_exists() & (Attr("number").eq(1) | Attr("number").eq(2))) == 2
    assert count(Attr("crew").attribute_type("M") & Attr("number").ne(0)) == 119


def test_paginators_and_segments(table, client):
    pages = client("dynamodb").get_paginator("query").paginate(
        TableName=table.name,
        KeyConditionExpression="airline = :a",
        ExpressionAttributeValues={":a": {"S": "C"}},
        PaginationConfig={"PageSize": 7, "MaxItems": 30},
    )
    assert [len(page["Items"]) for page in pages] == [7, 7, 7, 7, 2]
    assert pages.resume_token
    scanned = client("dynamodb").get_paginator("scan").paginate(TableName=table.name, PaginationConfig={"PageSize": 11})
    assert scanned.build_full_result()["Count"] == 120
    found = [item["number"] for n in range(4) for item in table.scan(Segment=n, TotalSegments=4)["Items"]]
    assert sorted(found) == list(range(120))
    names = client("dynamodb").get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 1})
    assert table.name in names.build_full_result()["TableNames"]


def test_updates(table):
    key = {"airline": "A", "number": 0}
    updated = table.update_item(
        Key=key,
        UpdateExpression="SET crew.pilot = :p, seen = if_not_exists(seen, :zero) + :one ADD tags :t REMOVE gate",
        ConditionExpression=Attr("gate").exists() & Attr("seats").lt(1),
        ExpressionAttributeValues={":p": "Kim", ":zero": 0, ":one": 1, ":t": {"new"}},
        ReturnValues="ALL_NEW",
    )["Attributes"]
    assert (updated["crew"]["pilot"], updated["seen"], updated["tags"]) == ("Kim", 1, {"even", "all", "new"})
    assert "gate" not in updated
    # The index follows at once.
    gate = table.query(IndexName="by-gate", KeyConditionExpression=Key("gate").eq("G0") & Key("number").eq(0))
    assert gate["Count"] == 0
    failed = table.meta.client.exceptions.ConditionalCheckFailedException
    with pytest.raises(failed) as caught:
        table.delete_item(
            Key=key, ConditionExpression=Attr("seen").eq(7), ReturnValuesOnConditionCheckFailure="ALL_OLD"
        )
    assert caught.value.response["Item"]["seen"] == {"N": "1"}
    old = table.delete_item(Key=key, ReturnValues="ALL_OLD", ReturnConsumedCapacity="TOTAL")
    assert old["Attributes"]["seen"] == 1 and old["ConsumedCapacity"]["CapacityUnits"] >= 1


def test_batches_and_transactions(resource, table):
    keys = [{"airline": "ABC"[n % 3], "number": n} for n in range(100)]
    answer = resource.batch_get_item(
        RequestItems={table.name: {"Keys": keys, "ProjectionExpression": "#n", "ExpressionAttributeNames": {"#n": "number"}}}
    )
    assert not answer["UnprocessedKeys"]
    assert sorted(item["number"] for item in answer["Responses"][table.name]) == list(range(100))
    client = resource.meta.client
    moves = [
        {"Put": {"TableName": table.name, "Item": {"airline": "D", "number": 1}}},
        {
            "Update": {
                "TableName": table.name,
                "Key": {"airline": "A", "number": 3},
                "UpdateExpression": "SET gate = :g",
                "ExpressionAttributeValues": {":g": "G9"},
            }
        },
        {
            "ConditionCheck": {
                "TableName": table.name,
                "Key": {"airline": "B", "number": 1},
                "ConditionExpression": "attribute_not_exists(airline)",
            }
        },
    ]
    with pytest.raises(ClientError) as caught:
        client.transact_write_items(TransactItems=moves)
    reasons = [reason["Code"] for reason in caught.value.response["CancellationReasons"]]
    assert reasons == ["None", "None", "ConditionalCheckFailed"]
    assert "Item" not in table.get_item(Key={"airline": "D", "number": 1})
    client.transact_write_items(TransactItems=moves[:2])
    found = client.transact_get_items(
        TransactItems=[
            {"Get": {"TableName": table.name, "Key": {"airline": "D", "number": 1}}},
            {"Get": {"TableName": table.name, "Key": {"airline": "A", "number": 3}, "ProjectionExpression": "gate"}},
        ]
    )
    assert [answer["Item"] for answer in found["Responses"]] == [{"airline": "D", "number": 1}, {"gate": "G9"}]


def test_partiql(resource, table):
    client = resource.meta.client
    found = client.execute_statement(
        Statement=f'SELECT "number", seats FROM "{table.name}" WHERE airline = ? AND "number" < ?', Parameters=["A", 7]
    )
    assert found["Items"] == [{"number": n, "seats": Decimal(n) / 4} for n in (0, 3, 6)]
    client.execute_statement(Statement=f"INSERT INTO \"{table.name}\" VALUE {{'airline': 'Z', 'number': 1}}")
    assert table.get_item(Key={"airline": "Z", "number": 1})["Item"] == {"airline": "Z", "number": 1}
