"""CloudWatch Logs: subscription filters, whose functions are really called."""

import base64
import gzip
import json
import time

import pytest
from conftest import ACCOUNT, REGION, error_of, eventually
from test_lambda import deploy, functions  # noqa: F401  (fixtures)

# What it is told it writes to its own log.
SOURCE = """
import json
def handler(event, context):
    print("TOLD " + json.dumps(event))
"""
CLOSED = (
    "InvalidParameterException",
    "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function.",
)


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
def told(logs, functions, deploy):  # noqa: F811
    """A function that listens to a group: its ARN, and what it was told."""

    def make(group):
        name = deploy(SOURCE, Timeout=30)
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        functions.add_permission(
            FunctionName=name,
            StatementId="logs",
            Action="lambda:InvokeFunction",
            Principal="logs.amazonaws.com",
            SourceAccount=ACCOUNT,
            SourceArn=f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*",
        )

        def heard():
            try:
                found = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="TOLD")
            except logs.exceptions.ResourceNotFoundException:
                return []
            events = [json.loads(event["message"].split(" ", 1)[1]) for event in found["events"]]
            return [json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"]))) for event in events]

        return arn, heard

    return make


def put(logs, group, *messages):
    events = [{"timestamp": int(time.time() * 1000), "message": message} for message in messages]
    logs.put_log_events(logGroupName=group, logStreamName="a", logEvents=events)


def test_a_function_hears_of_what_matches(logs, group, told):
    arn, heard = told(group)
    logs.put_subscription_filter(
        logGroupName=group, filterName="errors", filterPattern="ERROR", destinationArn=arn
    )
    put(logs, group, "INFO one", "ERROR two", "ERROR 셋")
    put(logs, group, "INFO four")
    [data] = eventually(heard, 60)
    filtered = logs.filter_log_events(logGroupName=group, filterPattern="ERROR")["events"]
    assert data == {
        "messageType": "DATA_MESSAGE",
        "owner": ACCOUNT,
        "logGroup": group,
        "logStream": "a",
        "subscriptionFilters": ["errors"],
        "logEvents": [
            {"id": event["eventId"], "timestamp": event["timestamp"], "message": event["message"]}
            for event in filtered
        ],
    }
    assert [event["message"] for event in data["logEvents"]] == ["ERROR two", "ERROR 셋"]
    # The same name is the same filter, with another pattern.
    logs.put_subscription_filter(
        logGroupName=group, filterName="errors", filterPattern="[level, number]", destinationArn=arn
    )
    put(logs, group, "WARN 5")
    eventually(lambda: len(heard()) == 2, 30)
    [event] = heard()[1]["logEvents"]
    assert (event["message"], event["extractedFields"]) == ("WARN 5", {"level": "WARN", "number": "5"})
    logs.delete_subscription_filter(logGroupName=group, filterName="errors")
    put(logs, group, "WARN 6")
    time.sleep(1)
    assert len(heard()) == 2


def test_much_comes_in_several_pieces(logs, group, told):
    arn, heard = told(group)
    logs.put_subscription_filter(logGroupName=group, filterName="all", filterPattern="", destinationArn=arn)
    put(logs, group, *[f"line {n} " + "x" * 80 for n in range(8000)])

    def lines():
        messages = [event["message"] for data in heard() for event in data["logEvents"]]
        return len(messages) >= 8000 and messages

    messages = eventually(lines, 60)
    assert sorted(int(message.split()[1]) for message in messages) == list(range(8000))


def test_filters_are_described(logs, group, told):
    arn, _ = told(group)

    def described(**arguments):
        return logs.describe_subscription_filters(logGroupName=group, **arguments)["subscriptionFilters"]

    assert described() == []
    for name in ("first", "second"):
        logs.put_subscription_filter(
            logGroupName=group, filterName=name, filterPattern="x", destinationArn=arn
        )
    [first] = described(filterNamePrefix="f")
    assert first.pop("creationTime") > 0
    assert first == {
        "filterName": "first",
        "logGroupName": group,
        "filterPattern": "x",
        "destinationArn": arn,
        "distribution": "ByLogStream",
        "applyOnTransformedLogs": False,
    }
    pages = logs.get_paginator("describe_subscription_filters").paginate(
        logGroupName=group, PaginationConfig={"PageSize": 1}
    )
    assert [it["filterName"] for page in pages for it in page["subscriptionFilters"]] == ["first", "second"]
    third = {"logGroupName": group, "filterName": "third", "filterPattern": "", "destinationArn": arn}
    assert error_of(logs.put_subscription_filter, **third) == ("LimitExceededException", "Resource limit exceeded.")
    logs.delete_subscription_filter(logGroupName=group, filterName="first")
    assert error_of(logs.delete_subscription_filter, logGroupName=group, filterName="first") == (
        "ResourceNotFoundException",
        "The specified subscription filter does not exist.",
    )
    logs.put_subscription_filter(**third)
    assert [it["filterName"] for it in described()] == ["second", "third"]


def test_refusals(logs, group, told, unique):
    arn, _ = told(group)
    other = "/test/" + unique("other")
    logs.create_log_group(logGroupName=other)
    wanted = {"logGroupName": group, "filterName": "f", "filterPattern": "", "destinationArn": arn}

    def refused(**changes):
        return error_of(logs.put_subscription_filter, **{**wanted, **changes})

    # The permission is for one group.
    assert refused(logGroupName=other) == CLOSED
    assert refused(destinationArn=arn + "-none") == CLOSED
    assert refused(filterPattern="{ $.a = 1")[0] == "InvalidParameterException"
    assert refused(roleArn=f"arn:aws:iam::{ACCOUNT}:role/x") == (
        "InvalidParameterException",
        "destinationArn for vendor lambda cannot be used with roleArn",
    )
    assert refused(logGroupName="/no/such")[0] == "ResourceNotFoundException"
    for destination, name in [
        (f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/x", "Kinesis"),
        (f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/x", "Firehose"),
        (f"arn:aws:logs:{REGION}:{ACCOUNT}:destination:x", "logical destinations"),
    ]:
        code, message = refused(destinationArn=destination)
        assert (code, name in message) == ("NotImplementedException", True)
    assert refused(destinationArn=arn.replace(ACCOUNT, "111122223333"))[0] == "InvalidParameterException"


def test_a_function_does_not_feed_itself(logs, functions, deploy):  # noqa: F811
    name = deploy(SOURCE)
    functions.add_permission(
        FunctionName=name, StatementId="logs", Action="lambda:InvokeFunction", Principal="logs.amazonaws.com"
    )
    own = f"/aws/lambda/{name}"
    logs.create_log_group(logGroupName=own)
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    code, message = error_of(
        logs.put_subscription_filter, logGroupName=own, filterName="f", filterPattern="", destinationArn=arn
    )
    assert (code, "writes to this log group" in message) == ("InvalidParameterException", True)


def test_who_is_not_let_in_any_more_is_not_called(logs, functions, group, told):  # noqa: F811
    arn, heard = told(group)
    logs.put_subscription_filter(logGroupName=group, filterName="f", filterPattern="", destinationArn=arn)
    functions.remove_permission(FunctionName=arn, StatementId="logs")
    put(logs, group, "lost")
    time.sleep(1)
    functions.add_permission(
        FunctionName=arn, StatementId="logs", Action="lambda:InvokeFunction", Principal="logs.amazonaws.com"
    )
    put(logs, group, "told")
    [data] = eventually(heard, 60)
    assert [event["message"] for event in data["logEvents"]] == ["told"]
