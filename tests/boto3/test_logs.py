import time

import pytest
from conftest import ACCOUNT, REGION, error_of, eventually


@pytest.fixture
def logs(client):
    return client("logs")


@pytest.fixture
def group(logs, unique):
    """A log group with one stream named `a`."""
    name = "/test/" + unique("group")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="a")
    return name


def now_ms():
    return int(time.time() * 1000)


def test_events_come_back_in_order(logs, group):
    start = now_ms()
    events = [{"timestamp": start + n, "message": f"줄 {n}"} for n in range(5)]
    logs.put_log_events(logGroupName=group, logStreamName="a", logEvents=events)

    def read():
        answer = logs.get_log_events(logGroupName=group, logStreamName="a", startFromHead=True)
        return [(event["timestamp"], event["message"]) for event in answer["events"]]

    assert eventually(read) == [(start + n, f"줄 {n}") for n in range(5)]
    page = logs.get_log_events(logGroupName=group, logStreamName="a", startFromHead=True, limit=2)
    assert [event["message"] for event in page["events"]] == ["줄 0", "줄 1"]
    rest = logs.get_log_events(
        logGroupName=group, logStreamName="a", startFromHead=True, nextToken=page["nextForwardToken"]
    )
    assert [event["message"] for event in rest["events"]] == ["줄 2", "줄 3", "줄 4"]


def test_filter(logs, group):
    logs.create_log_stream(logGroupName=group, logStreamName="b")
    for stream in "ab":
        logs.put_log_events(
            logGroupName=group,
            logStreamName=stream,
            logEvents=[
                {"timestamp": now_ms(), "message": f"INFO from {stream}"},
                {"timestamp": now_ms(), "message": f"ERROR from {stream}"},
            ],
        )

    def messages(**arguments):
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, **arguments)
        return sorted(event["message"] for page in pages for event in page["events"])

    assert eventually(lambda: messages(filterPattern="ERROR")) == ["ERROR from a", "ERROR from b"]
    assert messages(logStreamNames=["a"]) == ["ERROR from a", "INFO from a"]
    assert messages(filterPattern="ERROR", logStreamNamePrefix="b") == ["ERROR from b"]


def test_describe(logs, group):
    described = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert [item["logGroupName"] for item in described] == [group]
    assert described[0]["arn"] == f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*"
    streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert [item["logStreamName"] for item in streams] == ["a"]


def test_refusals(logs, group):
    assert error_of(logs.create_log_group, logGroupName=group) == (
        "ResourceAlreadyExistsException",
        "The specified log group already exists",
    )
    assert error_of(logs.create_log_stream, logGroupName=group, logStreamName="a") == (
        "ResourceAlreadyExistsException",
        "The specified log stream already exists",
    )
    assert error_of(logs.create_log_stream, logGroupName="/no/such", logStreamName="a") == (
        "ResourceNotFoundException",
        "The specified log group does not exist.",
    )
    assert error_of(logs.get_log_events, logGroupName=group, logStreamName="none") == (
        "ResourceNotFoundException",
        "The specified log stream does not exist.",
    )
    code, _ = error_of(
        logs.put_log_events,
        logGroupName=group,
        logStreamName="a",
        logEvents=[{"timestamp": 2000, "message": "later"}, {"timestamp": 1000, "message": "earlier"}],
    )
    assert code == "InvalidParameterException"


def test_forward_and_backward_tokens(logs, group):
    start = now_ms()
    events = [{"timestamp": start + n, "message": str(n)} for n in range(5)]
    logs.put_log_events(logGroupName=group, logStreamName="a", logEvents=events)

    def page(**arguments):
        answer = logs.get_log_events(logGroupName=group, logStreamName="a", limit=2, **arguments)
        return "".join(event["message"] for event in answer["events"]), answer

    found, answer = page()
    assert found == "34", "without startFromHead the newest come first"
    found, answer = page(nextToken=answer["nextBackwardToken"])
    assert found == "12"
    found, answer = page(nextToken=answer["nextBackwardToken"])
    assert found == "0"
    token = answer["nextBackwardToken"]
    found, answer = page(nextToken=token)
    assert (found, answer["nextBackwardToken"]) == ("", token), "the same token at the end"
    assert page(nextToken=answer["nextForwardToken"])[0] == "01"
    assert error_of(logs.get_log_events, logGroupName=group, logStreamName="a", nextToken="f/no") == (
        "InvalidParameterException",
        "The specified nextToken is invalid.",
    )


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ('{ $.level = "ERROR" }', "012"),
        ('{ $.level = "ERR*" && $.ms > 20 }', "12"),
        ("{ $.user NOT EXISTS }", "13"),
        ("{ $.user IS NULL }", "0"),
        ("{ ($.ms = 10 || $.ms = 30) && $.ok IS TRUE }", "2"),
        ("[ip, ..., status = 4*, bytes > 100]", "4"),
        ('"GET /index" -500', "4"),
        (r"%4[0-9]{2}\s1%", "4"),
        ("", "01234"),
    ],
)
def test_patterns(logs, group, pattern, expected):
    messages = [
        '{"n":0,"level":"ERROR","ms":10,"user":null}',
        '{"n":1,"level":"ERROR","ms":25}',
        '{"n":2,"level":"ERROR","ms":30,"user":"김","ok":true}',
        '{"n":3,"level":"INFO","ms":40}',
        '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534',
    ]
    logs.put_log_events(
        logGroupName=group,
        logStreamName="a",
        logEvents=[{"timestamp": now_ms(), "message": message} for message in messages],
    )
    found = logs.filter_log_events(logGroupName=group, filterPattern=pattern)["events"]
    assert "".join(str(messages.index(event["message"])) for event in found) == expected


def test_bad_pattern(logs, group):
    assert error_of(logs.filter_log_events, logGroupName=group, filterPattern="{ $.a = 1") == (
        "InvalidParameterException",
        "If a filter pattern starts with '{' it must end with '}'",
    )
    assert error_of(logs.filter_log_events, logGroupName=group, filterPattern="a:b") == (
        "InvalidParameterException",
        "Invalid filter pattern",
    )


def test_events_too_old_or_too_new(logs, group):
    day_ms = 24 * 60 * 60 * 1000
    now = now_ms()
    answer = logs.put_log_events(
        logGroupName=group,
        logStreamName="a",
        logEvents=[
            {"timestamp": now - 15 * day_ms, "message": "old"},
            {"timestamp": now, "message": "kept"},
            {"timestamp": now + day_ms // 2, "message": "new"},
        ],
    )
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2}
    assert answer["nextSequenceToken"]
    stream = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime")["logStreams"][0]
    assert (stream["firstEventTimestamp"], stream["lastEventTimestamp"]) == (now, now)
    described = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]
    assert described["storedBytes"] == len("kept") + 26


def test_what_is_not_served_is_named(logs, unique):
    code, message = error_of(logs.create_log_group, logGroupName=unique("/test/key"), kmsKeyId="key")
    assert (code, "kmsKeyId" in message) == ("NotImplementedException", True)
    code, message = error_of(logs.create_log_group, logGroupName="no:colons")
    assert code == "InvalidParameterException"
    assert message == (
        "1 validation error detected: Value 'no:colons' at 'logGroupName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"
    )
