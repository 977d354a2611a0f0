"""Queries and scans of indexes, and the parameters that expressions replaced, as boto3 uses them."""

from decimal import Decimal

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.config import Config
from conftest import REGION, error_of

GAMES = {
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [
        {"AttributeName": "user", "KeyType": "HASH"},
        {"AttributeName": "game", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "user", "AttributeType": "S"},
        {"AttributeName": "game", "AttributeType": "S"},
        {"AttributeName": "score", "AttributeType": "N"},
        {"AttributeName": "country", "AttributeType": "S"},
        {"AttributeName": "city", "AttributeType": "S"},
    ],
    "LocalSecondaryIndexes": [
        {
            "IndexName": "best",
            "KeySchema": [
                {"AttributeName": "user", "KeyType": "HASH"},
                {"AttributeName": "score", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-game",
            "KeySchema": [
                {"AttributeName": "game", "KeyType": "HASH"},
                {"AttributeName": "score", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["note"]},
        },
        {
            "IndexName": "by-place",
            "KeySchema": [
                {"AttributeName": "country", "KeyType": "HASH"},
                {"AttributeName": "city", "KeyType": "HASH"},
                {"AttributeName": "score", "KeyType": "RANGE"},
                {"AttributeName": "user", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        },
    ],
}


@pytest.fixture(scope="module")
def dynamodb(client):
    return client("dynamodb")


@pytest.fixture(scope="module")
def games(endpoint, dynamodb):
    """Forty scores of four users in ten games, half of them with a place."""
    name = "games-of-queries"
    dynamodb.create_table(TableName=name, **GAMES)
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    resource = boto3.resource("dynamodb", endpoint_url=endpoint, region_name=REGION, **keys)
    table = resource.Table(name)
    with table.batch_writer() as batch:
        for user in range(4):
            for game in range(10):
                item = {
                    "user": f"u{user}",
                    "game": f"g{game}",
                    "score": Decimal((user * 7 + game * 3) % 11),
                    "note": f"{user}/{game}",
                    "extra": "x" * game,
                }
                if user % 2:
                    item |= {"country": "kr", "city": "seoul"}
                batch.put_item(Item=item)
    yield table
    dynamodb.delete_table(TableName=name)


def pages(call, **request):
    """The items of all pages."""
    items = []
    while True:
        answer = call(**request)
        items += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return items
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def test_global_index(games):
    request = {"IndexName": "by-game", "KeyConditionExpression": Key("game").eq("g3")}
    items = pages(games.query, Limit=1, **request)
    assert [item["score"] for item in items] == sorted(item["score"] for item in items)
    assert {item["user"] for item in items} == {"u0", "u1", "u2", "u3"}
    assert set(items[0]) == {"user", "game", "score", "note"}
    backward = pages(games.query, Limit=3, ScanIndexForward=False, **request)
    assert backward == items[::-1]
    some = games.query(
        IndexName="by-game",
        KeyConditionExpression=Key("game").eq("g3") & Key("score").gte(5),
        FilterExpression=Attr("note").begins_with("2/"),
        ProjectionExpression="note",
    )
    assert some["ScannedCount"] == len([item for item in items if item["score"] >= 5])
    assert all(set(item) == {"note"} for item in some["Items"])


def test_local_index_fetches(games):
    request = {"IndexName": "best", "KeyConditionExpression": Key("user").eq("u1")}
    keys = games.query(ReturnConsumedCapacity="INDEXES", **request)
    assert set(keys["Items"][0]) == {"user", "game", "score"}
    assert keys["ConsumedCapacity"]["LocalSecondaryIndexes"] == {"best": {"CapacityUnits": 0.5}}
    whole = games.query(Select="ALL_ATTRIBUTES", ConsistentRead=True, ReturnConsumedCapacity="TOTAL", **request)
    assert all("extra" in item for item in whole["Items"])
    assert whole["ConsumedCapacity"]["CapacityUnits"] == 11
    part = pages(games.query, ProjectionExpression="note, game", Limit=4, **request)
    assert part == [{"note": f"1/{item['game'][1:]}", "game": item["game"]} for item in keys["Items"]]


def test_keys_of_several_attributes(games):
    def query(condition, **more):
        return pages(games.query, IndexName="by-place", KeyConditionExpression=condition, **more)

    place = Key("country").eq("kr") & Key("city").eq("seoul")
    items = query(place, Limit=7)
    assert len(items) == 20
    order = [(item["score"], item["user"]) for item in items]
    assert order == sorted(order)
    assert query(place & Key("score").between(2, 4)) == [i for i in items if 2 <= i["score"] <= 4]
    one = query(place & Key("score").eq(4) & Key("user").begins_with("u3"))
    assert one == [i for i in items if (i["score"], i["user"]) == (4, "u3")]
    code, message = error_of(
        games.query,
        IndexName="by-place",
        KeyConditionExpression=place & Key("user").eq("u1"),
    )
    assert (code, message) == (
        "ValidationException",
        "RANGE key attributes score must have equality conditions specified in the query "
        "because a condition is present on key attribute user",
    )
    assert error_of(games.query, IndexName="by-place", KeyConditionExpression=Key("country").eq("kr"))[0] == "ValidationException"


def test_scans_of_indexes(games):
    whole = pages(games.scan, Limit=6)
    assert len(whole) == 40
    placed = pages(games.scan, IndexName="by-place", Limit=3)
    assert sorted(i["note"] for i in placed) == sorted(i["note"] for i in whole if "city" in i)
    for total in (2, 5):
        parts = [pages(games.scan, IndexName="by-game", Segment=s, TotalSegments=total) for s in range(total)]
        notes = [item["note"] for part in parts for item in part]
        assert len(notes) == 40 and len(set(notes)) == 40


def test_refusals(games):
    request = {"IndexName": "by-game", "KeyConditionExpression": Key("game").eq("g3")}
    invalid = "One or more parameter values were invalid: "
    for more, message in (
        ({"ConsistentRead": True}, "Consistent reads are not supported on global secondary indexes"),
        (
            {"Select": "ALL_ATTRIBUTES"},
            f"{invalid}Select type ALL_ATTRIBUTES is not supported for global secondary index by-game "
            "because its projection type is not ALL",
        ),
        ({"ProjectionExpression": "extra"}, f"{invalid}Global secondary index by-game does not project [extra]"),
        (
            {"FilterExpression": Attr("extra").exists()},
            f"{invalid}Secondary index by-game does not project one or more filter attributes: [extra]",
        ),
        ({"ExclusiveStartKey": {"user": "u1", "game": "g3"}}, "The provided starting key is invalid"),
        (
            {"ExclusiveStartKey": {"user": "u1", "game": "g4", "score": 1}},
            "The provided starting key is outside query boundaries based on provided conditions",
        ),
    ):
        assert error_of(games.query, **request, **more) == ("ValidationException", message)
    assert error_of(games.scan, IndexName="nowhere") == (
        "ValidationException",
        "The table does not have the specified index: nowhere",
    )


def test_limit_of_zero(client):
    unchecked = client("dynamodb", config=Config(parameter_validation=False))
    low = "failed to satisfy constraint: Member must have value greater than or equal to 1"
    for call, place in ((unchecked.query, "Value at 'Limit'"), (unchecked.scan, "Value '0' at 'limit'")):
        message = f"1 validation error detected: {place} {low}"
        assert error_of(call, TableName="nowhere", Limit=0) == ("ValidationException", message)


def condition(operator, *values):
    return {"ComparisonOperator": operator, "AttributeValueList": list(values)}


def test_parameters_of_old_read(games):
    answer = games.query(
        KeyConditions={"user": condition("EQ", "u2"), "game": condition("BETWEEN", "g2", "g5")},
        QueryFilter={"score": condition("GT", 3), "extra": condition("CONTAINS", "x")},
        ConditionalOperator="AND",
        AttributesToGet=["note"],
    )
    assert answer["ScannedCount"] == 4
    assert [item["note"] for item in answer["Items"]] == ["2/2", "2/4", "2/5"]
    scanned = pages(games.scan, ScanFilter={"note": condition("IN", "0/1", "3/7")}, Limit=9)
    assert sorted(item["note"] for item in scanned) == ["0/1", "3/7"]
    indexed = games.query(IndexName="by-game", KeyConditions={"game": condition("EQ", "g1")}, Select="COUNT")
    assert indexed["Count"] == 4
    got = games.get_item(Key={"user": "u0", "game": "g1"}, AttributesToGet=["note", "none"])
    assert got["Item"] == {"note": "0/1"}
    code, message = error_of(
        games.query,
        KeyConditions={"user": condition("EQ", "u2")},
        QueryFilter={"game": condition("EQ", "g2")},
    )
    assert message == "QueryFilter can only contain non-primary key attributes: Primary key attribute: game"


def test_parameters_of_old_write(games):
    key = {"user": "writer", "game": "old"}
    games.put_item(Item=key | {"n": 1, "s": {"a"}}, Expected={"user": {"Exists": False}})
    assert error_of(games.put_item, Item=key, Expected={"user": {"Exists": False}}) == (
        "ConditionalCheckFailedException",
        "The conditional request failed",
    )
    updated = games.update_item(
        Key=key,
        AttributeUpdates={
            "n": {"Action": "ADD", "Value": Decimal("1.5")},
            "s": {"Action": "DELETE", "Value": {"a"}},
            "l": {"Action": "ADD", "Value": ["x"]},
            "v": {"Value": {"m": [None, True]}},
        },
        Expected={"n": {"Value": 1}, "missing": condition("NULL")},
        ConditionalOperator="AND",
        ReturnValues="ALL_NEW",
        ReturnItemCollectionMetrics="SIZE",
    )
    assert updated["Attributes"] == key | {"n": Decimal("2.5"), "l": ["x"], "v": {"m": [None, True]}}
    assert updated["ItemCollectionMetrics"] == {
        "ItemCollectionKey": {"user": "writer"},
        "SizeEstimateRangeGB": [0.0, 1.0],
    }
    assert error_of(games.update_item, Key=key, AttributeUpdates={"l": {"Action": "ADD", "Value": 1}}) == (
        "ValidationException",
        "Type mismatch for attribute to update",
    )
    deleted = games.delete_item(Key=key, Expected={"n": condition("GE", 2)}, ReturnValues="ALL_OLD")
    assert deleted["Attributes"]["n"] == Decimal("2.5")
