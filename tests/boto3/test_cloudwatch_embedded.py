"""Metrics in the text of log events: the embedded metric format."""

import datetime
import json
import time

import pytest
from aws_lambda_powertools import Metrics
from conftest import eventually
from test_cloudwatch_lambda import cloudwatch  # noqa: F401  (fixtures)
from test_lambda import deploy, functions  # noqa: F401

SOURCE = """
import json, logging, time
def handler(event, context):
    about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [{
        "Namespace": event["space"], "Dimensions": [["service"]],
        "Metrics": [{"Name": "Orders", "Unit": "Count"}],
    }]}
    print(json.dumps({"_aws": about, "service": "desk", "Orders": [1, 4]}))
"""


@pytest.fixture
def sums(cloudwatch):
    """Sums of a namespace's metrics by name and dimensions, over some minutes."""

    def sums(space):
        now, span = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(minutes=10)
        found = {}
        for metric in cloudwatch.list_metrics(Namespace=space)["Metrics"]:
            points = cloudwatch.get_metric_statistics(
                StartTime=now - span, EndTime=now + span, Period=3600, Statistics=["Sum"], **metric
            )["Datapoints"]
            names = [f"{d['Name']}={d['Value']}" for d in metric["Dimensions"]]
            found[" ".join([metric["MetricName"], *names])] = sum(p["Sum"] for p in points)
        return found

    return sums


def test_log_events_become_metrics(client, sums, unique):
    logs, space, group = client("logs"), unique("Desk"), unique("/desk/")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="one")
    now = int(time.time() * 1000)

    def event(**changes):
        directive = {
            "Namespace": space, "Dimensions": [["app"], []],
            "Metrics": [{"Name": "Calls", "Unit": "Count"}, {"Name": "Wait", "Unit": "Seconds"}],
        }
        about = {"Timestamp": now, "CloudWatchMetrics": [{**directive, **changes}]}
        return {"_aws": about, "app": "desk", "Calls": 2, "Wait": [0.5, 1.5]}

    messages = [
        json.dumps(event()), "no metric", json.dumps(event()),
        json.dumps(event(Dimensions=[["missing"]])), json.dumps(event(Namespace="AWS/Desk")),
        json.dumps(event()) + " more", json.dumps({**event(), "Calls": "two"}),
    ]
    logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=[
        {"timestamp": now, "message": message} for message in messages
    ])
    expected = {"Calls": 4.0, "Calls app=desk": 4.0, "Wait": 4.0, "Wait app=desk": 4.0}
    assert eventually(lambda: sums(space) == expected)
    assert len(logs.get_log_events(logGroupName=group, logStreamName="one")["events"]) == 7


def test_functions_print_metrics(functions, deploy, sums, unique):
    space, name = unique("Desk"), deploy(SOURCE)
    for _ in range(2):
        functions.invoke(FunctionName=name, Payload=json.dumps({"space": space}))
    assert eventually(lambda: sums(space) == {"Orders service=desk": 10.0})


def test_powertools_write_what_is_understood(client, sums, unique):
    metrics = Metrics(namespace=unique("Desk"), service="desk")
    metrics.add_metric(name="Orders", unit="Count", value=3)
    metrics.add_metric(name="Orders", unit="Count", value=4)
    metrics.add_metric(name="Wait", unit="Milliseconds", value=1.5, resolution=1)
    metrics.add_metadata(key="order", value="한국")
    message = json.dumps(metrics.serialize_metric_set())
    logs, group = client("logs"), unique("/desk/")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="one")
    logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=[
        {"timestamp": int(time.time() * 1000), "message": message}
    ])
    expected = {"Orders service=desk": 7.0, "Wait service=desk": 1.5}
    assert eventually(lambda: sums(metrics.namespace) == expected)
