"""AWS/Lambda: metrics of what functions do."""

import datetime
import json

import pytest
from conftest import ACCOUNT, REGION, error_of, eventually
from test_lambda import deploy, functions  # noqa: F401  (fixtures)

SOURCE = """
import time
def handler(event, context):
    time.sleep(event.get("sleep", 0))
    if event.get("fail"):
        raise ValueError("no")
    return event
"""
MINUTES = datetime.timedelta(minutes=5)


@pytest.fixture
def cloudwatch(client):
    return client("cloudwatch")


@pytest.fixture
def metric(cloudwatch):
    """A statistic over some minutes by the values of dimensions; nothing if there are no samples."""

    def metric(name, stat="Sum", **dimensions):
        now = datetime.datetime.now(datetime.timezone.utc)
        asked = {
            "Namespace": "AWS/Lambda", "MetricName": name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        }
        stat = {"Metric": asked, "Period": 3600, "Stat": stat}
        found = cloudwatch.get_metric_data(
            MetricDataQueries=[{"Id": "m", "MetricStat": stat}],
            StartTime=now - MINUTES, EndTime=now + MINUTES,
        )
        values = found["MetricDataResults"][0]["Values"]
        return sum(values) if values else None

    return metric


def test_invocations_are_counted(functions, cloudwatch, deploy, metric):
    name = deploy(SOURCE)
    for event in ({}, {"fail": 1}, {"sleep": 0.2}):
        functions.invoke(FunctionName=name, Payload=json.dumps(event))
    of = {"FunctionName": name}
    assert eventually(lambda: metric("Invocations", **of) == 3.0, 15)
    assert metric("Errors", **of) == 1.0
    assert metric("Errors", "SampleCount", **of) == 3.0
    assert metric("Throttles", **of) == 0.0
    assert 200 <= metric("Duration", "Maximum", **of) < 3000
    assert metric("Duration", "SampleCount", **of) == 3.0
    assert metric("Duration", "p99", **of) == metric("Duration", "Maximum", **of)
    assert metric("ConcurrentExecutions", "Maximum", **of) == 1.0
    assert metric("Invocations", **of, Resource=name) == 3.0
    # Of the whole account, whatever else ran.
    assert metric("Invocations") >= 3.0
    assert metric("UnreservedConcurrentExecutions", "Maximum") >= 1.0
    [listed] = cloudwatch.list_metrics(
        Namespace="AWS/Lambda", MetricName="Duration",
        Dimensions=[{"Name": "FunctionName", "Value": name}, {"Name": "Resource"}],
    )["Metrics"]
    assert listed["Dimensions"] == [
        {"Name": "FunctionName", "Value": name}, {"Name": "Resource", "Value": name}
    ]


def test_aliases_have_metrics_of_their_own(functions, deploy, metric):
    name = deploy(SOURCE)
    version = functions.publish_version(FunctionName=name)["Version"]
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    functions.get_waiter("published_version_active").wait(FunctionName=name, Qualifier=version)
    functions.invoke(FunctionName=name, Qualifier="live", Payload=b"{}")
    functions.invoke(FunctionName=name, Qualifier=version, Payload=b"{}")
    of = {"FunctionName": name}
    assert eventually(lambda: metric("Invocations", **of) == 2.0, 15)
    alias = {**of, "Resource": f"{name}:live"}
    assert metric("Invocations", **alias) == 1.0
    assert metric("Invocations", **alias, ExecutedVersion=version) == 1.0
    assert metric("Invocations", **of, Resource=f"{name}:{version}") == 1.0


def test_throttles_are_counted(functions, deploy, metric):
    name = deploy(SOURCE)
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    assert error_of(functions.invoke, FunctionName=name)[0] == "TooManyRequestsException"
    assert eventually(lambda: metric("Throttles", FunctionName=name) == 1.0, 15)
    assert metric("Invocations", FunctionName=name) is None


def test_events_are_counted(functions, client, deploy, metric, unique):
    name, missing = deploy(SOURCE), unique("missing")
    functions.update_function_configuration(
        FunctionName=name,
        DeadLetterConfig={"TargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{missing}"},
    )
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{missing}"
    functions.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0,
        DestinationConfig={"OnSuccess": {"Destination": arn}},
    )
    for event in ({}, {"fail": 1}):
        functions.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event))
    of = {"FunctionName": name}
    assert eventually(lambda: metric("DeadLetterErrors", **of) == 1.0, 25)
    assert metric("AsyncEventsReceived", **of) == 2.0
    assert metric("AsyncEventsDropped", **of) == 1.0
    assert 0 <= metric("AsyncEventAge", "Maximum", **of) < 10_000
    assert eventually(lambda: metric("DestinationDeliveryFailures", **of) == 1.0, 15)
    assert metric("Errors", **of) == 1.0


def test_provisioned_concurrency_is_counted(functions, deploy, metric):
    name = deploy(SOURCE)
    version = functions.publish_version(FunctionName=name)["Version"]
    functions.get_waiter("published_version_active").wait(FunctionName=name, Qualifier=version)
    asked = {"FunctionName": name, "Qualifier": version}
    functions.put_provisioned_concurrency_config(**asked, ProvisionedConcurrentExecutions=1)

    def status():
        return functions.get_provisioned_concurrency_config(**asked)["Status"]

    assert eventually(lambda: status() == "READY", 30)
    functions.invoke(**asked, Payload=b"{}")
    of = {"FunctionName": name, "Resource": f"{name}:{version}"}
    assert eventually(lambda: metric("ProvisionedConcurrencyInvocations", **of) == 1.0, 15)
    assert metric("ProvisionedConcurrencyUtilization", "Maximum", **of) == 1.0
    assert metric("ProvisionedConcurrencySpilloverInvocations", **of) is None
