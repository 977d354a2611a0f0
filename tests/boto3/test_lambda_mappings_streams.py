"""Event source mappings: a function that is given what changes in a table, in order."""

import itertools
import json

import pytest
from conftest import error_of, eventually
from test_lambda import deploy, functions  # noqa: F401  (fixtures)
from test_lambda_mappings import feed, queue, read_notes, settled, sqs, state  # noqa: F401

# Notes every attempt, and fails where a record says so.
NOTE = """
import json, os, time

def handler(event, context):
    print("NOTED", time.time_ns(), json.dumps(event))
    bad = [r["dynamodb"]["SequenceNumber"] for r in event["Records"] if "bad" in r["dynamodb"]["Keys"]["id"]["S"]]
    if bad and os.environ.get("PARTIAL"):
        return {"batchItemFailures": [{"itemIdentifier": bad[0]}]}
    if bad:
        raise ValueError("하지 않겠다")
"""


@pytest.fixture
def tables(client, unique):
    dynamodb = client("dynamodb")
    made = []

    def make(key, **more):
        name = unique("streamed")
        created = dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            **more,
        )
        made.append(name)
        dynamodb.get_waiter("table_exists").wait(TableName=name)
        return name, created["TableDescription"].get("LatestStreamArn")

    yield make
    for name in made:
        dynamodb.delete_table(TableName=name)


@pytest.fixture
def source(client, tables):
    """A table with a stream: its ARN, and a function that writes items into the table."""
    stream = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    name, arn = tables("id", StreamSpecification=stream)
    dynamodb = client("dynamodb")

    count = itertools.count()

    def write(*ids):
        for id in ids:
            # Another number each time: what changes nothing has no record.
            dynamodb.put_item(TableName=name, Item={"id": {"S": id}, "n": {"N": str(next(count))}})

    return arn, write


@pytest.fixture
def noting(client, deploy):  # noqa: F811
    """A function that notes what it gets, and what it has noted: keys and records, in order."""
    logs = client("logs")

    def make(**variables):
        function = deploy(NOTE, MemorySize=512, Environment={"Variables": variables})

        def noted():
            batches = read_notes(logs, function)
            return [[record["dynamodb"]["Keys"]["id"]["S"] for record in batch] for batch in batches], batches

        return function, noted

    return make


def flat(batches):
    return [id for batch in batches for id in batch]


def test_records_come_in_order(source, noting, feed, functions):  # noqa: F811
    arn, write = source
    function, noted = noting()
    ids = [f"{n:03}" for n in range(40)]
    write(*ids[:20])
    uuid = feed(function, arn, StartingPosition="TRIM_HORIZON", BatchSize=7)
    write(*ids[20:])
    eventually(lambda: len(flat(noted()[0])) >= 40, 60)
    batches, events = noted()
    assert flat(batches) == ids and max(map(len, batches)) <= 7
    record = events[0][0]
    assert (record["eventName"], record["eventSource"]) == ("INSERT", "aws:dynamodb")
    assert record["eventSourceARN"] == arn
    assert record["dynamodb"]["NewImage"] == {"id": {"S": "000"}, "n": {"N": "0"}}
    assert record["dynamodb"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    mapping = functions.get_event_source_mapping(UUID=uuid)
    assert (mapping["LastProcessingResult"], mapping["StateTransitionReason"]) == ("OK", "User action")


def test_latest_and_filters(source, noting, feed):  # noqa: F811
    arn, write = source
    function, noted = noting()
    write("a/before")
    pattern = {"eventName": ["INSERT"], "dynamodb": {"Keys": {"id": {"S": [{"prefix": "a/"}]}}}}
    criteria = {"Filters": [{"Pattern": json.dumps(pattern)}]}
    feed(function, arn, StartingPosition="LATEST", FilterCriteria=criteria)
    write("b/1", "a/1", "b/2", "a/2")
    eventually(lambda: len(flat(noted()[0])) >= 2, 60)
    assert flat(noted()[0]) == ["a/1", "a/2"]


def test_the_bad_one_is_found_and_told(source, noting, feed, queue, sqs):  # noqa: F811
    arn, write = source
    url, target = queue()
    function, noted = noting()
    write("1", "2", "3 bad", "4")
    feed(
        function,
        arn,
        StartingPosition="TRIM_HORIZON",
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": target}},
    )
    eventually(lambda: ["4"] in noted()[0], 60)
    assert noted()[0] == [["1", "2", "3 bad", "4"], ["1", "2"], ["3 bad", "4"], ["3 bad"], ["3 bad"], ["4"]]
    [message] = eventually(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2).get("Messages"), 30)
    told = json.loads(message["Body"])
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert told["requestContext"]["approximateInvokeCount"] == 2
    assert told["responseContext"]["functionError"] == "Unhandled"
    info = told["DDBStreamBatchInfo"]
    assert (info["batchSize"], info["streamArn"]) == (1, arn)
    assert info["startSequenceNumber"] == info["endSequenceNumber"]


def test_what_failed_is_where_it_goes_on(source, noting, feed):  # noqa: F811
    arn, write = source
    function, noted = noting(PARTIAL="1")
    write("1", "2 bad", "3")
    feed(
        function,
        arn,
        StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=2,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    write("4")
    eventually(lambda: "4" in flat(noted()[0]), 60)
    batches = noted()[0]
    assert flat(batches).count("1") == 1
    assert [batch[0] for batch in batches if "2 bad" in batch] == ["1", "2 bad", "2 bad"]


def test_lanes_keep_the_order_of_items(source, noting, feed):  # noqa: F811
    arn, write = source
    function, noted = noting()
    for _ in range(5):
        write("a", "b", "c", "d")
    feed(function, arn, StartingPosition="TRIM_HORIZON", ParallelizationFactor=3, BatchSize=3)
    eventually(lambda: len(flat(noted()[0])) >= 20, 60)
    numbers = {}
    for batch in noted()[1]:
        for record in batch:
            change = record["dynamodb"]
            numbers.setdefault(change["Keys"]["id"]["S"], []).append(change["SequenceNumber"])
    assert set(numbers) == {"a", "b", "c", "d"}
    assert all(found == sorted(found) for found in numbers.values())


def test_goes_on_where_it_was(source, noting, feed, functions):  # noqa: F811
    arn, write = source
    function, noted = noting()
    uuid = feed(function, arn, StartingPosition="LATEST")
    write("1")
    eventually(lambda: flat(noted()[0]) == ["1"], 60)
    functions.update_event_source_mapping(UUID=uuid, Enabled=False)
    eventually(lambda: state(functions, uuid) == "Disabled", 30)
    write("2")
    functions.update_event_source_mapping(UUID=uuid, Enabled=True, BatchSize=5)
    write("3")
    eventually(lambda: len(flat(noted()[0])) >= 3, 60)
    assert flat(noted()[0]) == ["1", "2", "3"]
    settled(functions, uuid)
    assert functions.get_event_source_mapping(UUID=uuid)["BatchSize"] == 5


def test_what_is_refused(functions, source, noting):  # noqa: F811
    arn, _ = source
    function, _ = noting()
    create = functions.create_event_source_mapping
    code, message = error_of(create, FunctionName=function, EventSourceArn=arn)
    assert code == "InvalidParameterValueException" and "'startingPosition'" in message
    gone_arn = arn.rsplit("/", 1)[0] + "/2020-01-01T00:00:00.000"
    assert error_of(create, FunctionName=function, EventSourceArn=gone_arn, StartingPosition="LATEST") == (
        "InvalidParameterValueException",
        f"Stream not found: {gone_arn}",
    )
    code, _ = error_of(
        create, FunctionName=function, EventSourceArn=arn, StartingPosition="LATEST", TumblingWindowInSeconds=5
    )
    assert code == "NotImplementedException"


def test_what_is_lost_is_kept_in_a_bucket(client, source, noting, feed, unique):  # noqa: F811
    arn, write = source
    s3, bucket = client("s3"), unique("lost")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    function, _ = noting()
    write("1 bad")
    uuid = feed(
        function,
        arn,
        StartingPosition="TRIM_HORIZON",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": f"arn:aws:s3:::{bucket}"}},
    )
    found = eventually(lambda: s3.list_objects_v2(Bucket=bucket, Prefix=f"aws/lambda/{uuid}/shardId-").get("Contents"), 60)
    told = json.loads(s3.get_object(Bucket=bucket, Key=found[0]["Key"])["Body"].read())
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    # The whole event, where a queue would have no room for it.
    [record] = json.loads(told["payload"])["Records"]
    assert record["dynamodb"]["Keys"] == {"id": {"S": "1 bad"}}
    for one in found:
        s3.delete_object(Bucket=bucket, Key=one["Key"])
    s3.delete_bucket(Bucket=bucket)
