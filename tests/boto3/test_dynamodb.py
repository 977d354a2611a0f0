from decimal import Decimal

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import Binary
from botocore.config import Config
from conftest import ACCOUNT, REGION, error_of

KEYS = {
    "KeySchema": [
        {"AttributeName": "customer", "KeyType": "HASH"},
        {"AttributeName": "booking", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "customer", "AttributeType": "S"},
        {"AttributeName": "booking", "AttributeType": "S"},
    ],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture
def dynamodb(client):
    return client("dynamodb")


@pytest.fixture
def table(endpoint, dynamodb, unique):
    """An empty table with a hash and a range key, as a boto3 resource."""
    name = unique("bookings")
    dynamodb.create_table(TableName=name, **KEYS)
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    resource = boto3.resource(
        "dynamodb",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    yield resource.Table(name)
    dynamodb.delete_table(TableName=name)


def test_table_life(dynamodb, unique):
    name = unique("life")
    created = dynamodb.create_table(TableName=name, **KEYS)["TableDescription"]
    assert created["TableArn"] == f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"
    assert created["TableStatus"] in ("CREATING", "ACTIVE")
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    described = dynamodb.describe_table(TableName=name)["Table"]
    assert described["KeySchema"] == KEYS["KeySchema"]
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert described["ItemCount"] == 0
    names = [n for page in dynamodb.get_paginator("list_tables").paginate() for n in page["TableNames"]]
    assert name in names
    code, message = error_of(dynamodb.create_table, TableName=name, **KEYS)
    assert (code, message) == ("ResourceInUseException", f"Table already exists: {name}")
    assert dynamodb.delete_table(TableName=name)["TableDescription"]["TableStatus"] == "DELETING"
    dynamodb.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    code, message = error_of(dynamodb.describe_table, TableName=name)
    assert (code, message) == (
        "ResourceNotFoundException",
        f"Requested resource not found: Table: {name} not found",
    )


def test_update_throughput(dynamodb, unique):
    name = unique("throughput")
    provisioned = {"ReadCapacityUnits": 2, "WriteCapacityUnits": 3}
    keys = {k: v for k, v in KEYS.items() if k != "BillingMode"}
    dynamodb.create_table(TableName=name, ProvisionedThroughput=provisioned, **keys)
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    dynamodb.update_table(
        TableName=name, ProvisionedThroughput={"ReadCapacityUnits": 7, "WriteCapacityUnits": 3}
    )
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    throughput = dynamodb.describe_table(TableName=name)["Table"]["ProvisionedThroughput"]
    assert (throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]) == (7, 3)
    dynamodb.delete_table(TableName=name)


def test_every_type_comes_back(table):
    item = {
        "customer": "김서연",
        "booking": "410021",
        "number": Decimal("-1234567890.1234567890123456789012345678"),
        "small": Decimal("1E-130"),
        "binary": Binary(bytes(range(256))),
        "true": True,
        "null": None,
        "list": ["a", Decimal(1), {"nested": [False]}],
        "map": {"항공편": "GR412", "빈 문자열": ""},
        "strings": {"b", "a"},
        "numbers": {Decimal("1"), Decimal("2.5")},
        "binaries": {Binary(b"x"), Binary(b"y")},
    }
    table.put_item(Item=item)
    key = {"customer": "김서연", "booking": "410021"}
    assert table.get_item(Key=key, ConsistentRead=True)["Item"] == item
    assert "Item" not in table.get_item(Key={**key, "booking": "none"})


def test_put_returns_the_old_item(table):
    key = {"customer": "a", "booking": "1"}
    table.put_item(Item={**key, "n": 1})
    answer = table.put_item(Item={**key, "n": 2}, ReturnValues="ALL_OLD", ReturnConsumedCapacity="TOTAL")
    assert answer["Attributes"] == {**key, "n": 1}
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 1.0


def test_condition_fails(table, dynamodb):
    key = {"customer": "a", "booking": "1"}
    table.put_item(Item={**key, "status": "CANCELLED"})
    code, message = error_of(
        table.put_item, Item=key, ConditionExpression=Attr("customer").not_exists()
    )
    assert (code, message) == ("ConditionalCheckFailedException", "The conditional request failed")
    assert table.get_item(Key=key)["Item"]["status"] == "CANCELLED"
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException) as caught:
        dynamodb.delete_item(
            TableName=table.name,
            Key={"customer": {"S": "a"}, "booking": {"S": "1"}},
            ConditionExpression="#s = :open",
            ExpressionAttributeNames={"#s": "status"},
            ExpressionAttributeValues={":open": {"S": "OPEN"}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert caught.value.response["Item"]["status"] == {"S": "CANCELLED"}


def test_update_expressions(table):
    key = {"customer": "a", "booking": "1"}
    table.put_item(Item={**key, "n": 1, "tags": {"x", "y"}, "list": [1, 2, 3], "seats": [4, 5], "gone": 1, "deep": {}})
    answer = table.update_item(
        Key=key,
        UpdateExpression=(
            "SET n = n + :two, #list = list_append(#list, :more), deep.inside = if_not_exists(absent, :two) "
            "REMOVE gone, seats[0] ADD changes :two DELETE tags :x"
        ),
        ExpressionAttributeNames={"#list": "list"},
        ExpressionAttributeValues={":two": 2, ":more": [4], ":x": {"x"}},
        ReturnValues="ALL_NEW",
    )
    assert answer["Attributes"] == {
        **key,
        "n": 3,
        "tags": {"y"},
        "list": [1, 2, 3, 4],
        "seats": [5],
        "deep": {"inside": 2},
        "changes": 2,
    }
    answer = table.update_item(
        Key=key,
        UpdateExpression="SET n = :n",
        ExpressionAttributeValues={":n": 9},
        ReturnValues="UPDATED_OLD",
    )
    assert answer["Attributes"] == {"n": 3}


def test_query(table):
    with table.batch_writer() as batch:
        for day in range(1, 8):
            batch.put_item(Item={"customer": "a", "booking": f"2026-12-{day:02}", "seats": day})
        batch.put_item(Item={"customer": "b", "booking": "2026-12-01", "seats": 99})
    mine = Key("customer").eq("a")

    def bookings(condition, **more):
        return [item["booking"][-2:] for item in table.query(KeyConditionExpression=condition, **more)["Items"]]

    assert bookings(mine) == ["01", "02", "03", "04", "05", "06", "07"]
    assert bookings(mine, ScanIndexForward=False, Limit=2) == ["07", "06"]
    assert bookings(mine & Key("booking").between("2026-12-02", "2026-12-04")) == ["02", "03", "04"]
    assert bookings(mine & Key("booking").begins_with("2026-12-0")) == ["01", "02", "03", "04", "05", "06", "07"]
    assert bookings(mine & Key("booking").gt("2026-12-05")) == ["06", "07"]
    filtered = table.query(KeyConditionExpression=mine, FilterExpression=Attr("seats").gte(6))
    assert (filtered["Count"], filtered["ScannedCount"]) == (2, 7)
    assert table.query(KeyConditionExpression=mine, Select="COUNT")["Count"] == 7


def test_query_in_pages(table, dynamodb):
    with table.batch_writer() as batch:
        for number in range(25):
            batch.put_item(Item={"customer": "a", "booking": f"{number:03}"})
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table.name,
        KeyConditionExpression="customer = :c",
        ExpressionAttributeValues={":c": {"S": "a"}},
        ProjectionExpression="booking",
        PaginationConfig={"PageSize": 10},
    )
    sizes = [page["Count"] for page in pages]
    assert sizes == [10, 10, 5]


def test_scan(table):
    with table.batch_writer() as batch:
        for number in range(10):
            batch.put_item(Item={"customer": f"c{number}", "booking": "1", "even": number % 2 == 0})
    everything = table.scan()
    assert (everything["Count"], everything["ScannedCount"]) == (10, 10)
    even = table.scan(FilterExpression=Attr("even").eq(True))
    assert (even["Count"], even["ScannedCount"]) == (5, 10)
    in_segments = [
        item["customer"] for segment in range(3) for item in table.scan(Segment=segment, TotalSegments=3)["Items"]
    ]
    assert sorted(in_segments) == [f"c{number}" for number in range(10)]


def test_batches(table, dynamodb):
    keys = [{"customer": {"S": "a"}, "booking": {"S": str(number)}} for number in range(20)]
    puts = [{"PutRequest": {"Item": {**key, "n": {"N": "1"}}}} for key in keys]
    assert dynamodb.batch_write_item(RequestItems={table.name: puts})["UnprocessedItems"] == {}
    found = dynamodb.batch_get_item(RequestItems={table.name: {"Keys": keys, "ProjectionExpression": "n"}})
    assert found["Responses"][table.name] == [{"n": {"N": "1"}}] * 20
    assert found["UnprocessedKeys"] == {}
    deletes = [{"DeleteRequest": {"Key": key}} for key in keys]
    dynamodb.batch_write_item(RequestItems={table.name: deletes})
    assert table.scan()["Count"] == 0
    code, message = error_of(dynamodb.batch_write_item, RequestItems={table.name: [puts[0], puts[0]]})
    assert (code, message) == ("ValidationException", "Provided list of item keys contains duplicates")


@pytest.mark.parametrize(
    ("operation", "arguments", "code", "message"),
    [
        (
            "get_item",
            {"Key": {"customer": {"S": "a"}}},
            "ValidationException",
            "The provided key element does not match the schema",
        ),
        (
            "put_item",
            {"Item": {"customer": {"N": "1"}, "booking": {"S": "1"}}},
            "ValidationException",
            "One or more parameter values were invalid: Type mismatch for key customer expected: S actual: N",
        ),
        (
            "put_item",
            {"Item": {"customer": {"S": "a"}}},
            "ValidationException",
            "One or more parameter values were invalid: Missing the key booking in the item",
        ),
        (
            "update_item",
            {
                "Key": {"customer": {"S": "a"}, "booking": {"S": "1"}},
                "UpdateExpression": "SET customer = :x",
                "ExpressionAttributeValues": {":x": {"S": "b"}},
            },
            "ValidationException",
            "One or more parameter values were invalid: Cannot update attribute customer. "
            "This attribute is part of the key",
        ),
        (
            "query",
            {"KeyConditionExpression": "customer = :c"},
            "ValidationException",
            "Invalid KeyConditionExpression: An expression attribute value used in expression is not defined; "
            "attribute value: :c",
        ),
        (
            "scan",
            {"FilterExpression": "status = :s", "ExpressionAttributeValues": {":s": {"S": "x"}}},
            "ValidationException",
            "Invalid FilterExpression: Attribute name is a reserved keyword; reserved keyword: status",
        ),
    ],
)
def test_refusals(table, dynamodb, operation, arguments, code, message):
    assert error_of(getattr(dynamodb, operation), TableName=table.name, **arguments) == (code, message)


def test_no_such_table(dynamodb):
    code, message = error_of(dynamodb.get_item, TableName="no-such-table", Key={"a": {"S": "b"}})
    assert (code, message) == ("ResourceNotFoundException", "Requested resource not found")


def test_all_constraints_are_told_at_once(client):
    unchecked = client("dynamodb", config=Config(parameter_validation=False, retries={"total_max_attempts": 1}))
    code, message = error_of(unchecked.put_item, TableName="x", Item={}, ReturnValues="EVERYTHING")
    assert code == "ValidationException"
    assert message.startswith("1 validation error detected: Value 'EVERYTHING' at 'returnValues' failed to satisfy")
