"""Vector indexes and SearchVectors, held against the same computed here."""

import math
import random
import time
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError

DIMENSIONS = 4


@pytest.fixture(scope="module")
def dynamodb(client):
    return client("dynamodb")


def vector(numbers):
    return [{"N": repr(number)} for number in numbers]


def create(dynamodb, name, **index):
    definition = {
        "IndexName": "by-vector",
        "VectorAttribute": {"AttributeName": "v"},
        "Dimensions": DIMENSIONS,
        "DistanceFunction": "COSINE",
        "Projection": {"ProjectionType": "ALL"},
        **index,
    }
    schema = [element["AttributeName"] for element in definition.get("SearchSchema", [])]
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": attribute, "AttributeType": "S"} for attribute in ["pk", *schema]
        ],
        VectorIndexes=[definition],
    )


def score(function, a, b):
    dot = sum(x * y for x, y in zip(a, b))
    if function == "DOT_PRODUCT":
        return dot
    if function == "EUCLIDEAN":
        return math.dist(a, b)
    return 1 - dot / (math.hypot(*a) * math.hypot(*b))


@pytest.mark.parametrize("function", ["COSINE", "EUCLIDEAN", "DOT_PRODUCT"])
def test_the_nearest_are_found_exactly(dynamodb, unique, function):
    name = unique("nearest")
    create(dynamodb, name, DistanceFunction=function)
    dice = random.Random(function)
    # Eighths are exact in every floating point format.
    number = lambda: dice.randint(-80, 80) / 8 or 0.125
    items = {str(n): [number() for _ in range(DIMENSIONS)] for n in range(60)}
    for pk, numbers in items.items():
        dynamodb.put_item(TableName=name, Item={"pk": {"S": pk}, "v": {"L": vector(numbers)}})
    wanted = [number() for _ in range(DIMENSIONS)]
    answer = dynamodb.search_vectors(
        TableName=name, IndexName="by-vector", SearchVector=vector(wanted), TopK=7,
        ReturnConsumedCapacity="TOTAL",
    )
    found = [(result["Item"]["pk"]["S"], result["Score"]) for result in answer["SearchResults"]]
    sign = -1 if function == "DOT_PRODUCT" else 1
    expected = sorted(sign * score(function, wanted, numbers) for numbers in items.values())[:7]
    assert [sign * got for _, got in found] == pytest.approx(expected, abs=1e-9)
    for pk, got in found:
        assert got == pytest.approx(score(function, wanted, items[pk]), abs=1e-9)
    assert answer["ConsumedCapacity"]["VectorSearchRequestBytes"] > 0


def test_partition_filters_and_projection(dynamodb, unique):
    name = unique("schema")
    create(
        dynamodb,
        name,
        SearchSchema=[
            {"AttributeName": "airline", "SearchSchemaElementType": "HASH"},
            {"AttributeName": "cabin", "SearchSchemaElementType": "INLINE_FILTER"},
        ],
        Projection={"ProjectionType": "INCLUDE", "NonKeyAttributes": ["seat"]},
    )
    rows = [("1", "KE", "first"), ("2", "KE", "economy"), ("3", "OZ", "economy"), ("4", None, "first")]
    for pk, airline, cabin in rows:
        item = {"pk": {"S": pk}, "cabin": {"S": cabin}, "seat": {"S": "12A"}, "meal": {"S": "x"}}
        if airline:
            item["airline"] = {"S": airline}
        dynamodb.put_item(TableName=name, Item={**item, "v": {"L": vector([1, 0, 0, int(pk)])}})

    def search(condition, values, **more):
        answer = dynamodb.search_vectors(
            TableName=name, IndexName="by-vector", SearchVector=vector([1, 0, 0, 1]), TopK=10,
            SearchConditionExpression=condition,
            ExpressionAttributeValues={k: {"S": v} for k, v in values.items()}, **more,
        )
        return [result["Item"] for result in answer["SearchResults"]]

    found = search("airline = :a", {":a": "KE"})
    assert [item["pk"]["S"] for item in found] == ["1", "2"]
    assert set(found[0]) == {"pk", "airline", "cabin", "seat"}
    found = search("airline = :a AND cabin = :c", {":a": "KE", ":c": "economy"})
    assert [item["pk"]["S"] for item in found] == ["2"]
    found = search("airline = :a", {":a": "OZ"}, ProjectionExpression="seat")
    assert found == [{"seat": {"S": "12A"}}]

    # The index follows the table.
    dynamodb.update_item(
        TableName=name, Key={"pk": {"S": "1"}}, UpdateExpression="SET airline = :a",
        ExpressionAttributeValues={":a": {"S": "OZ"}},
    )
    dynamodb.delete_item(TableName=name, Key={"pk": {"S": "3"}})
    assert [item["pk"]["S"] for item in search("airline = :a", {":a": "OZ"})] == ["1"]
    described = dynamodb.describe_table(TableName=name)["Table"]["VectorIndexes"][0]
    assert described["IndexStatus"] == "ACTIVE"
    assert described["ItemCount"] == 2
    assert described["Dimensions"] == DIMENSIONS

    for condition, values, message in [
        ("cabin = :c", {":c": "first"}, "must be provided when SearchSchema has a HASH key"),
        ("airline > :a", {":a": "KE"}, "Invalid comparator used in SearchConditionExpression"),
        ("airline = :a AND begins_with(cabin, :c)", {":a": "KE", ":c": "f"}, "Invalid comparator"),
        ("airline = :a AND meal = :m", {":a": "KE", ":m": "x"}, "SearchSchema"),
    ]:
        with pytest.raises(ClientError, match=message):
            search(condition, values)


def test_what_does_not_fit_is_refused(dynamodb, unique):
    name = unique("refused")
    create(dynamodb, name)
    put = lambda v: dynamodb.put_item(TableName=name, Item={"pk": {"S": "a"}, "v": v})
    for value, message in [
        ({"L": vector([1, 2, 3])}, "Dimensions"),
        ({"S": "1,2,3,4"}, "Invalid type for parameter"),
        ({"L": [*vector([1, 2, 3]), {"S": "4"}]}, r"Invalid type for parameter v\[3\]"),
        ({"L": [*vector([1, 2, 3]), {"N": "1e39"}]}, "32-bit"),
    ]:
        with pytest.raises(ClientError, match=message):
            put(value)
    dynamodb.put_item(TableName=name, Item={"pk": {"S": "without a vector"}})
    put({"L": [{"N": str(Decimal("0.1234567890123456789"))}, *vector([0, 0, 0])]})
    search = lambda **more: dynamodb.search_vectors(
        **{
            "TableName": name, "IndexName": "by-vector", "SearchVector": vector([1, 0, 0, 0]),
            "TopK": 3, **more,
        }
    )
    assert len(search()["SearchResults"]) == 1
    for wrong, message in [
        ({"TopK": 101}, "Provided TopK value is out of valid range"),
        ({"SearchVector": vector([1])}, "Dimensions"),
        ({"IndexName": "other"}, "The table does not have the specified index: other"),
    ]:
        with pytest.raises(ClientError, match=message):
            search(**wrong)
    with pytest.raises(ClientError, match="PAY_PER_REQUEST"):
        dynamodb.create_table(
            TableName=unique("provisioned"),
            ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            VectorIndexes=[
                {
                    "IndexName": "by-vector", "VectorAttribute": {"AttributeName": "v"},
                    "Dimensions": 4, "DistanceFunction": "COSINE",
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )


def test_an_index_comes_and_goes_online(dynamodb, unique):
    name = unique("online")
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    for n in range(250):
        item = {"pk": {"S": str(n)}, "v": {"L": vector([n + 1, 0, 0, 1])}}
        dynamodb.put_item(TableName=name, Item=item if n % 2 else {**item, "v": {"S": "none"}})
    action = {
        "IndexName": "by-vector", "VectorAttribute": {"AttributeName": "v"}, "Dimensions": 4,
        "DistanceFunction": "EUCLIDEAN", "Projection": {"ProjectionType": "KEYS_ONLY"},
    }
    answer = dynamodb.update_table(TableName=name, VectorIndexUpdates=[{"Create": action}])
    (index,) = answer["TableDescription"]["VectorIndexes"]
    assert (index["IndexStatus"], index["Backfilling"]) == ("CREATING", True)

    def wait(done):
        for _ in range(200):
            table = dynamodb.describe_table(TableName=name)["Table"]
            if done(table.get("VectorIndexes")):
                return table
            time.sleep(0.05)
        raise AssertionError(table)

    table = wait(lambda indexes: indexes[0]["IndexStatus"] == "ACTIVE")
    assert table["TableStatus"] == "ACTIVE"
    assert table["VectorIndexes"][0]["ItemCount"] == 125
    search = {
        "TableName": name, "IndexName": "by-vector", "SearchVector": vector([8, 0, 0, 1]), "TopK": 1
    }
    assert dynamodb.search_vectors(**search)["SearchResults"] == [
        {"Item": {"pk": {"S": "7"}}, "Score": 0.0}
    ]
    dynamodb.update_table(
        TableName=name, VectorIndexUpdates=[{"Delete": {"IndexName": "by-vector"}}]
    )
    wait(lambda indexes: not indexes)
    with pytest.raises(ClientError, match="does not have the specified index"):
        dynamodb.search_vectors(**search)
