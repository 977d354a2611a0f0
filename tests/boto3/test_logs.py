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
