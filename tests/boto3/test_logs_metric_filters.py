"""CloudWatch Logs: metric filters, whose numbers reach CloudWatch."""

import datetime
import json
import time

import pytest
from conftest import error_of, eventually
from test_cloudwatch_embedded import sums  # noqa: F401  (fixtures)
from test_cloudwatch_lambda import cloudwatch  # noqa: F401


@pytest.fixture
def logs(client):
    return client("logs")


@pytest.fixture
def group(logs, unique):
    """A log group with one stream named `a`."""
    name = "/test/" + unique("group")
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="a")
    yield name
    logs.delete_log_group(logGroupName=name)


@pytest.fixture
def filtered(logs, group):
    """Makes a filter of the group."""

    def make(name, pattern, **transformation):
        return logs.put_metric_filter(
            logGroupName=group, filterName=name, filterPattern=pattern, metricTransformations=[transformation]
        )

    return make


def metric(name, space, value="1", **more):
    return {"metricName": name, "metricNamespace": space, "metricValue": value, **more}


def put(logs, group, *messages):
    events = [{"timestamp": int(time.time() * 1000), "message": message} for message in messages]
    logs.put_log_events(logGroupName=group, logStreamName="a", logEvents=events)


def test_numbers_reach_cloudwatch(logs, group, filtered, sums, unique):  # noqa: F811
    space = unique("Desk")
    filtered("errors", "ERROR", **metric("Errors", space))
    filtered("ms", "{ $.ms > 0 }", **metric("Ms", space, "$.ms", unit="Milliseconds"))
    filtered("gates", "{ $.ms > 0 }", **metric("Gates", space, "2", dimensions={"Gate": "$.gate"}))
    filtered("bytes", "[ip, ..., status, bytes > 0]", **metric("Bytes", space, "$bytes", dimensions={"Status": "$status"}))
    put(
        logs, group,
        "ERROR one", "ERROR two", "INFO",
        json.dumps({"ms": 2.5, "gate": "A"}), json.dumps({"ms": 4, "gate": "B"}), json.dumps({"ms": 1}),
        '127.0.0.1 - "GET /" 404 100', '127.0.0.1 - "GET /" 404 50', '127.0.0.1 - "GET /" 200 7',
    )
    # Without its dimension, an event counts for nothing.
    expected = {
        "Errors": 2, "Ms": 7.5, "Gates Gate=A": 2, "Gates Gate=B": 2, "Bytes Status=404": 150, "Bytes Status=200": 7,
    }
    eventually(lambda: sums(space) == expected)
    put(logs, group, "ERROR three")
    eventually(lambda: sums(space)["Errors"] == 3)
    logs.delete_metric_filter(logGroupName=group, filterName="errors")
    put(logs, group, "ERROR four", json.dumps({"ms": 1}))
    eventually(lambda: sums(space)["Ms"] == 8.5)
    assert sums(space)["Errors"] == 3


def test_a_default_stands_for_what_does_not_match(logs, group, filtered, cloudwatch, unique):  # noqa: F811
    space = unique("Desk")
    filtered("errors", "ERROR", **metric("Errors", space, defaultValue=0))
    put(logs, group, "INFO")

    def found():
        now, span = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(minutes=10)
        return cloudwatch.get_metric_statistics(
            Namespace=space, MetricName="Errors", StartTime=now - span, EndTime=now + span,
            Period=3600, Statistics=["Sum", "SampleCount"],
        )["Datapoints"]

    [point] = eventually(found)
    assert (point["Sum"], point["SampleCount"]) == (0, 1)


def test_filters_are_described(logs, group, filtered, unique):
    space = unique("Desk")
    filtered("late", "{ $.ms > 9 }", **metric("Late", space, "$.ms", unit="Milliseconds", dimensions={"Gate": "$.gate"}))
    filtered("errors", "ERROR", **metric("Errors", space, defaultValue=0.5))
    filtered("errors", "ERROR", **metric("Errors", space, defaultValue=1.5))
    errors, late = logs.describe_metric_filters(logGroupName=group)["metricFilters"]
    assert errors.pop("creationTime") > 0
    assert errors == {
        "filterName": "errors", "filterPattern": "ERROR", "logGroupName": group, "applyOnTransformedLogs": False,
        "metricTransformations": [metric("Errors", space, defaultValue=1.5)],
    }
    assert late["metricTransformations"] == [
        metric("Late", space, "$.ms", unit="Milliseconds", dimensions={"Gate": "$.gate"})
    ]

    def names(**arguments):
        pages = logs.get_paginator("describe_metric_filters").paginate(
            **arguments, PaginationConfig={"PageSize": 1}
        )
        return [it["filterName"] for page in pages for it in page["metricFilters"]]

    assert names(logGroupName=group) == ["errors", "late"]
    assert names(logGroupName=group, filterNamePrefix="l") == ["late"]
    assert names(metricName="Late", metricNamespace=space) == ["late"]
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["metricFilterCount"] == 2
    logs.delete_metric_filter(logGroupName=group, filterName="late")
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["metricFilterCount"] == 1
    assert error_of(logs.delete_metric_filter, logGroupName=group, filterName="late") == (
        "ResourceNotFoundException",
        "The specified metric filter does not exist.",
    )
    assert error_of(logs.describe_metric_filters, metricName="Late")[0] == "InvalidParameterException"


def test_refusals(filtered, unique):
    space = unique("Desk")

    def refused(pattern="{ $.ms > 1 }", **changes):
        code, message = error_of(filtered, name="f", pattern=pattern, **{**metric("M", space), **changes})
        assert code == "InvalidParameterException"
        return message

    both = {"defaultValue": 0, "dimensions": {"Gate": "$.gate"}}
    text = "Invalid metric transformation: dimensions and default value are mutually exclusive properties."
    assert refused(**both) == text
    assert "at most 3" in refused(dimensions={f"D{n}": "$.d" for n in range(4)})
    assert "metricValue" in refused(metricValue="one")
    assert "metricValue" in refused(pattern="ERROR", metricValue="$.ms")
    assert "metricValue" in refused(pattern="[a, b]", metricValue="$c")
    assert "dimension" in refused(dimensions={"Gate": "gate"})
    assert "AWS/" in refused(metricNamespace="AWS/Logs")
    assert refused(pattern="a:b") == "Invalid filter pattern"


def test_patterns_are_tried(logs):
    messages = [
        '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /" 200 1534',
        '127.0.0.1 - frank [10/Oct/2000:13:35:22 -0700] "GET /" 500 5324',
    ]
    pattern = "[ip, identity, user_id, timestamp, request, status_code = 5*, size]"
    [match] = logs.test_metric_filter(filterPattern=pattern, logEventMessages=messages)["matches"]
    assert match == {
        "eventNumber": 2,
        "eventMessage": messages[1],
        "extractedValues": {
            "$ip": "127.0.0.1", "$identity": "-", "$user_id": "frank", "$timestamp": "10/Oct/2000:13:35:22 -0700",
            "$request": "GET /", "$status_code": "500", "$size": "5324",
        },
    }
    found = logs.test_metric_filter(filterPattern="{ $.ms > 1 }", logEventMessages=['{"ms": 1}', '{"ms": 2}'])
    assert [(it["eventNumber"], it["extractedValues"]) for it in found["matches"]] == [(2, {"$.ms": "2"})]
    assert logs.test_metric_filter(filterPattern="ERROR", logEventMessages=["INFO"])["matches"] == []
