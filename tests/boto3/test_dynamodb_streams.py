"""DynamoDB Streams and time to live, with boto3."""

import threading
import time

import pytest
from botocore.exceptions import ClientError
from conftest import eventually

VIEWS = ["KEYS_ONLY", "NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES"]


@pytest.fixture
def dynamodb(client):
    return client("dynamodb")


@pytest.fixture
def streams(client):
    return client("dynamodbstreams")


@pytest.fixture
def table(dynamodb, unique):
    """Makes tables with a partition key `pk` and a sort key `sk`, and deletes them."""
    made = []

    def make(view=None):
        name = unique("streamed")
        arguments = {}
        if view:
            arguments["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": view}
        answer = dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "N"},
            ],
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            **arguments,
        )
        made.append(name)
        return name, answer["TableDescription"].get("LatestStreamArn")

    yield make
    for name in made:
        dynamodb.delete_table(TableName=name)


def key(pk, sk):
    return {"pk": {"S": pk}, "sk": {"N": str(sk)}}


def read(streams, arn):
    """All records of a stream, shard by shard."""
    records = []
    shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    for shard in shards:
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator:
            answer = streams.get_records(ShardIterator=iterator)
            records += answer["Records"]
            iterator = answer.get("NextShardIterator") if answer["Records"] else None
    return records


@pytest.mark.parametrize("view", VIEWS)
def test_views(dynamodb, streams, table, view):
    name, arn = table(view)
    described = dynamodb.describe_table(TableName=name)["Table"]
    assert described["LatestStreamArn"] == arn
    assert described["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": view}
    first, second = {**key("a", 1), "n": {"S": "x"}}, {**key("a", 1), "b": {"B": b"\0\xff"}}
    dynamodb.put_item(TableName=name, Item=first)
    dynamodb.put_item(TableName=name, Item=first)
    dynamodb.put_item(TableName=name, Item=second)
    dynamodb.delete_item(TableName=name, Key=key("a", 1))
    records = read(streams, arn)
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    bodies = [record["dynamodb"] for record in records]
    assert all(body["Keys"] == key("a", 1) for body in bodies)
    has_old, has_new = "OLD" in view, "NEW" in view
    assert [body.get("OldImage") for body in bodies] == [
        None,
        first if has_old else None,
        second if has_old else None,
    ]
    assert [body.get("NewImage") for body in bodies] == [
        first if has_new else None,
        second if has_new else None,
        None,
    ]


def test_stream_is_listed_and_described(dynamodb, streams, table):
    name, arn = table("KEYS_ONLY")
    (listed,) = streams.list_streams(TableName=name)["Streams"]
    assert listed["StreamArn"] == arn and arn.endswith("/stream/" + listed["StreamLabel"])
    stream = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    assert (stream["StreamStatus"], stream["TableName"]) == ("ENABLED", name)
    (shard,) = stream["Shards"]
    assert 28 <= len(shard["ShardId"]) <= 65
    assert shard["SequenceNumberRange"]["StartingSequenceNumber"].isdecimal()
    dynamodb.update_table(TableName=name, StreamSpecification={"StreamEnabled": False})
    stream = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    assert stream["StreamStatus"] == "DISABLED"
    assert "EndingSequenceNumber" in stream["Shards"][0]["SequenceNumberRange"]


def test_iterators_are_checked(streams, table):
    _, arn = table("KEYS_ONLY")
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    good = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST"
    )["ShardIterator"]
    assert streams.get_records(ShardIterator=good)["Records"] == []
    for bad in ["x" * 60, good[:-8] + "AAAAAAA=", good.replace("|1|", "|2|")]:
        with pytest.raises(ClientError, match="ValidationException"):
            streams.get_records(ShardIterator=bad)
    with pytest.raises(streams.exceptions.ResourceNotFoundException):
        streams.get_shard_iterator(StreamArn=arn, ShardId="x" * 30, ShardIteratorType="LATEST")
    with pytest.raises(streams.exceptions.ResourceNotFoundException):
        streams.describe_stream(StreamArn=arn + "1")


def test_records_of_concurrent_writers_rebuild_the_table(client, dynamodb, streams, table):
    name, arn = table("NEW_AND_OLD_IMAGES")

    def write(writer):
        own = client("dynamodb")
        for i in range(40):
            place = key("ab"[i % 2], i % 5)
            if (i + writer) % 4 == 0:
                own.delete_item(TableName=name, Key=place)
            elif (i + writer) % 4 == 1:
                own.transact_write_items(
                    TransactItems=[
                        {"Put": {"TableName": name, "Item": {**key("t", writer), "i": {"N": str(i)}}}},
                        {"Delete": {"TableName": name, "Key": key("u", i)}},
                    ]
                )
            else:
                own.update_item(
                    TableName=name,
                    Key=place,
                    UpdateExpression="ADD n :one SET w = :w",
                    ExpressionAttributeValues={":one": {"N": "1"}, ":w": {"N": str(writer)}},
                )

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(5)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    items, numbers = {}, []
    for record in read(streams, arn):
        body = record["dynamodb"]
        numbers.append(int(body["SequenceNumber"]))
        place = str(sorted(body["Keys"].items()))
        assert body.get("OldImage") == items.get(place)
        if "NewImage" in body:
            items[place] = body["NewImage"]
        else:
            del items[place]
    assert numbers == sorted(set(numbers))
    scanned = dynamodb.scan(TableName=name)["Items"]
    assert sorted(map(str, items.values())) == sorted(map(str, scanned))


def test_expired_items_are_deleted(dynamodb, streams, table):
    name, arn = table("OLD_IMAGE")
    assert dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "DISABLED"
    }
    now = int(time.time())
    for sk, expires in enumerate([now - 60, now + 3600]):
        dynamodb.put_item(TableName=name, Item={**key("a", sk), "expires": {"N": str(expires)}})
    specification = {"Enabled": True, "AttributeName": "expires"}
    answer = dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=specification)
    assert answer["TimeToLiveSpecification"] == specification
    assert dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "expires",
    }
    with pytest.raises(ClientError, match="TimeToLive is already enabled"):
        dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=specification)
    eventually(lambda: dynamodb.scan(TableName=name)["Count"] == 1)
    record = read(streams, arn)[-1]
    assert record["eventName"] == "REMOVE" and record["dynamodb"]["Keys"] == key("a", 0)
    assert record["userIdentity"] == {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}
