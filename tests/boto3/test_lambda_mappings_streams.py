"""Event source mappings: a function that is given what changes in a table, in order."""

import datetime
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
        create, FunctionName=function, EventSourceArn=arn, StartingPosition="LATEST", TumblingWindowInSeconds=5, ParallelizationFactor=2
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


# Counts what a window has, and notes every event; "huge" makes a state that is too large.
WINDOWS = """
import json

tries = set()

def handler(event, context):
    ids = [r["dynamodb"]["Keys"]["id"]["S"] for r in event["Records"]]
    state = event["state"]
    print("NOTED", 0, json.dumps({**event, "Records": ids, "state": {k: v for k, v in state.items() if k != "big"}}))
    if event["isFinalInvokeForWindow"]:
        return None
    bad = [id for id in ids if "bad" in id and id not in tries]
    if bad:
        tries.update(bad)
        if "part" not in bad[0]:
            raise ValueError("once")
        state["ids"] = state.get("ids", []) + ids[:ids.index(bad[0])]
        numbers = [r["dynamodb"]["SequenceNumber"] for r in event["Records"]]
        return {"state": state, "batchItemFailures": [{"itemIdentifier": numbers[ids.index(bad[0])]}]}
    state["ids"] = state.get("ids", []) + ids
    if "huge" in ids:
        state["big"] = "x" * (1 << 20)
    return {"state": state}
"""


def events_of(logs, function):
    try:
        found = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}", filterPattern="NOTED")["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [json.loads(one["message"].split(" ", 2)[2]) for one in found]


def test_windows_hand_a_state_on(client, source, deploy, feed, functions):  # noqa: F811
    arn, write = source
    logs, function = client("logs"), deploy(WINDOWS, MemorySize=512)
    uuid = feed(
        function, arn, StartingPosition="TRIM_HORIZON", TumblingWindowInSeconds=4, BatchSize=2, FunctionResponseTypes=["ReportBatchItemFailures"]
    )
    assert functions.get_event_source_mapping(UUID=uuid)["TumblingWindowInSeconds"] == 4
    write("1", "2", "3 bad", "4", "5 bad part", "6")
    last = lambda count: eventually(lambda: len([e for e in events_of(logs, function) if e["isFinalInvokeForWindow"]]) >= count and events_of(logs, function), 60)
    events = last(1)
    length = lambda event: [event["window"][end] for end in ("start", "end")]
    for event in events:
        start, end = (datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() for text in length(event))
        assert end - start == 4 and start % 4 == 0
        assert event["eventSourceARN"] == arn and event["shardId"].startswith("shardId-")
        assert event["isWindowTerminatedEarly"] is False
    # What was written may lie in two windows; each hands on what it has had, and begins with nothing.
    gathered, now, tried = [], None, set()
    for event in events:
        ids = event["Records"]
        if length(event) != now:
            assert event["state"] == {}
            now, seen = length(event), []
        assert event["state"].get("ids", []) == seen, events
        bad = next((id for id in ids if "bad" in id and id not in tried), None)
        tried.update(id for id in ids if "bad" in id)
        if event["isFinalInvokeForWindow"]:
            assert ids == []
            gathered += seen
        elif not bad:
            seen = seen + ids
        elif "part" in bad:
            seen = seen + ids[: ids.index(bad)]
    if len(gathered) < 6:
        events = last(2)
        gathered = [id for e in events if e["isFinalInvokeForWindow"] for id in e["state"]["ids"]]
    assert gathered == ["1", "2", "3 bad", "4", "5 bad part", "6"]
    assert sum("3 bad" in e["Records"] for e in events) == 2

    # A state that is too large ends its window early.
    before = len(events_of(logs, function))
    write("huge")
    eventually(lambda: any(e["isWindowTerminatedEarly"] for e in events_of(logs, function)), 60)
    [early] = [e for e in events_of(logs, function)[before:] if e["isWindowTerminatedEarly"]]
    assert early["isFinalInvokeForWindow"] and early["state"]["ids"][-1] == "huge"


def test_a_window_stays_through_a_change(client, source, deploy, feed, functions):  # noqa: F811
    arn, write = source
    logs, function = client("logs"), deploy(WINDOWS, MemorySize=512)
    uuid = feed(function, arn, StartingPosition="TRIM_HORIZON", TumblingWindowInSeconds=900)
    write("a")
    eventually(lambda: events_of(logs, function), 60)
    functions.update_event_source_mapping(UUID=uuid, Enabled=False)
    eventually(lambda: state(functions, uuid) == "Disabled", 30)
    write("b")
    functions.update_event_source_mapping(UUID=uuid, Enabled=True)
    events = eventually(lambda: len(events_of(logs, function)) >= 2 and events_of(logs, function), 60)
    assert events[-1]["Records"] == ["b"]
    if events[0]["window"] == events[-1]["window"]:
        assert events[-1]["state"] == {"ids": ["a"]}
