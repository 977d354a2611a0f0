"""Events that nobody waits for: accepted, repeated, given up, told of."""

import json

import pytest
from conftest import ACCOUNT, REGION, error_of, eventually
from test_lambda import deploy, functions  # noqa: F401  (fixtures)

NOTE = """
import json, os, boto3
sqs = boto3.client("sqs")

def handler(event, context):
    sqs.send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps([event, context.aws_request_id]))
    if event.get("fail"):
        raise ValueError("하지 않겠다")
    return {"seen": event}
"""


@pytest.fixture
def queue(client, unique):
    """Makes queues; returns URL and ARN."""
    sqs = client("sqs")
    made = []

    def make(prefix):
        name = unique(prefix)
        made.append(sqs.create_queue(QueueName=name)["QueueUrl"])
        return made[-1], f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    yield make
    for url in made:
        sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def take(client):
    """All messages of a queue that come within a while, until there are `count`."""
    sqs = client("sqs")

    def messages(url, count, seconds=40):
        found = []

        def more():
            got = sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, MessageAttributeNames=["All"]
            ).get("Messages", [])
            for message in got:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.extend(got)
            return len(found) >= count

        eventually(more, seconds)
        return found

    return messages


def send(functions, name, event, **more):
    answer = functions.invoke(
        FunctionName=name, InvocationType="Event", Payload=json.dumps(event), **more
    )
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    assert "ExecutedVersion" not in answer and "FunctionError" not in answer
    return answer["ResponseMetadata"]["RequestId"]


def test_events_are_handled(functions, deploy, queue, take):
    url, _ = queue("seen")
    name = deploy(NOTE, Environment={"Variables": {"QUEUE": url}})
    sent = {send(functions, name, {"n": n}): n for n in range(5)}
    seen = [json.loads(message["Body"]) for message in take(url, 5)]
    assert {request_id: event["n"] for event, request_id in seen} == sent


def test_success_is_told(functions, deploy, queue, take):
    (url, _), (told, told_arn) = queue("seen"), queue("told")
    name = deploy(NOTE, Environment={"Variables": {"QUEUE": url}})
    functions.put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": told_arn}}
    )
    request_id = send(functions, name, {"n": 1})
    [message] = take(told, 1)
    record = json.loads(message["Body"])
    assert record.pop("timestamp").endswith("Z")
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}:$LATEST",
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": {"n": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"seen": {"n": 1}},
    }


def test_failures_are_repeated_and_told(functions, deploy, queue, take):
    (url, _), (told, told_arn), (dead, dead_arn) = queue("seen"), queue("told"), queue("dead")
    name = deploy(
        NOTE,
        Environment={"Variables": {"QUEUE": url}},
        DeadLetterConfig={"TargetArn": dead_arn},
    )
    functions.put_function_event_invoke_config(
        FunctionName=name,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": told_arn}},
    )
    request_id = send(functions, name, {"fail": True})
    [message] = take(told, 1)
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorMessage"] == "하지 않겠다"
    [letter] = take(dead, 1)
    assert json.loads(letter["Body"]) == {"fail": True}
    attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
    assert attributes == {
        "RequestID": request_id, "ErrorCode": "200", "ErrorMessage": "하지 않겠다"
    }
    # Both attempts have one id.
    assert [json.loads(message["Body"])[1] for message in take(url, 2)] == [request_id] * 2


def test_functions_that_reserve_nothing_wait(functions, deploy, queue, take):
    url, _ = queue("seen")
    name = deploy(NOTE, Environment={"Variables": {"QUEUE": url}})
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    send(functions, name, {"n": 1})
    functions.delete_function_concurrency(FunctionName=name)
    take(url, 1)


def test_what_is_too_large_is_refused(functions, deploy):
    name = deploy("def handler(event, context): pass")
    arguments = {"FunctionName": name, "InvocationType": "Event", "Payload": b'"' + b"a" * 1_048_575 + b'"'}
    assert error_of(functions.invoke, **arguments) == (
        "RequestTooLargeException",
        "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
    )
