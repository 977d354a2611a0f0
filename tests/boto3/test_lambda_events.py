"""Events that nobody waits for: accepted, repeated, given up, told of."""

import json

import pytest
from conftest import ACCOUNT, REGION, error_of, eventually
from test_lambda import deploy, functions  # noqa: F401  (fixtures)

SOURCE = """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("하지 않겠다")
    return {"seen": event, "id": context.aws_request_id}
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

    def messages(url, count, seconds=90):
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


def tell(functions, name, **settings):
    functions.put_function_event_invoke_config(FunctionName=name, **settings)


def test_events_are_handled(functions, deploy, queue, take):
    url, arn = queue("told")
    name = deploy(SOURCE, Timeout=30)
    tell(functions, name, DestinationConfig={"OnSuccess": {"Destination": arn}})
    sent = {send(functions, name, {"n": n}): n for n in range(5)}
    records = [json.loads(message["Body"]) for message in take(url, 5)]
    seen = {record["responsePayload"]["id"]: record["responsePayload"]["seen"]["n"] for record in records}
    assert seen == sent
    [record] = [record for record in records if record["requestPayload"] == {"n": 0}]
    request_id = record["responsePayload"]["id"]
    assert record.pop("timestamp").endswith("Z")
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": request_id,
            "functionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}:$LATEST",
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": {"n": 0},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"seen": {"n": 0}, "id": request_id},
    }


def test_failures_are_repeated_and_told(client, functions, deploy, queue, take):
    (told, told_arn), (dead, dead_arn) = queue("told"), queue("dead")
    name = deploy(SOURCE, Timeout=30, DeadLetterConfig={"TargetArn": dead_arn})
    tell(
        functions, name, MaximumRetryAttempts=1,
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
    logs = client("logs")
    start = f"START RequestId: {request_id} "

    def starts():
        lines = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        return len([line for line in lines if line["message"].startswith(start)]) == 2

    eventually(starts)


def test_events_wait_for_room(functions, deploy, queue, take):
    url, arn = queue("told")
    name = deploy("import time\ndef handler(event, context):\n    time.sleep(event.get('sleep', 0))\n", Timeout=60)
    tell(functions, name, DestinationConfig={"OnSuccess": {"Destination": arn}})
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    for n in range(3):
        send(functions, name, {"n": n, "sleep": 1})

    def refusal():
        try:
            functions.invoke(FunctionName=name, Payload=b"{}")
        except functions.exceptions.TooManyRequestsException as error:
            return error.response

    refused = eventually(refusal, 60)
    assert refused["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert refused["Error"]["Message"] == "Rate Exceeded."
    assert refused["ResponseMetadata"]["HTTPStatusCode"] == 429
    records = [json.loads(message["Body"]) for message in take(url, 3)]
    assert sorted(record["requestPayload"]["n"] for record in records) == [0, 1, 2]
    assert {record["requestContext"]["approximateInvokeCount"] for record in records} == {1}


def test_without_concurrency_events_do_not_wait(functions, deploy, queue, take):
    (told, told_arn), (dead, dead_arn) = queue("told"), queue("dead")
    name = deploy(SOURCE, DeadLetterConfig={"TargetArn": dead_arn})
    tell(functions, name, DestinationConfig={"OnFailure": {"Destination": told_arn}})
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(functions.exceptions.TooManyRequestsException) as refused:
        functions.invoke(FunctionName=name)
    assert refused.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    send(functions, name, {"n": 1})
    [record] = [json.loads(message["Body"]) for message in take(told, 1)]
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestPayload"] == {"n": 1} and "responseContext" not in record
    [letter] = take(dead, 1)
    assert json.loads(letter["Body"]) == {"n": 1}
    # What comes later is handled again.
    functions.delete_function_concurrency(FunctionName=name)
    tell(functions, name, DestinationConfig={"OnSuccess": {"Destination": told_arn}})
    send(functions, name, {"n": 2})
    take(told, 1)


def test_what_is_too_large_is_refused(functions, deploy):
    name = deploy("def handler(event, context): pass")
    arguments = {"FunctionName": name, "InvocationType": "Event", "Payload": b'"' + b"a" * 1_048_575 + b'"'}
    assert error_of(functions.invoke, **arguments) == (
        "RequestTooLargeException",
        "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
    )


def test_failures_are_kept_in_a_bucket(client, functions, deploy, unique):
    s3, name = client("s3"), deploy("def handler(event, context):\n    raise ValueError('no')\n")
    bucket = unique("failures")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    arn = f"arn:aws:s3:::{bucket}"
    tell(functions, name, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}})
    send(functions, name, {"n": 1})
    prefix = f"aws/lambda/async/{name}/"
    found = eventually(lambda: s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents"), 60)
    record = json.loads(s3.get_object(Bucket=bucket, Key=found[0]["Key"])["Body"].read())
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert (record["requestPayload"], record["responsePayload"]["errorType"]) == ({"n": 1}, "ValueError")
    # Only failures are kept there.
    code, _ = error_of(
        functions.put_function_event_invoke_config,
        FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": arn}},
    )
    assert code == "InvalidParameterValueException"
    for one in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        s3.delete_object(Bucket=bucket, Key=one["Key"])
    s3.delete_bucket(Bucket=bucket)


def test_failures_are_published(client, functions, deploy, queue, take, unique):
    sns, name = client("sns"), deploy("def handler(event, context):\n    raise ValueError('no')\n")
    url, arn = queue("subscribed")
    topic = sns.create_topic(Name=unique("failures"))["TopicArn"]
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    tell(functions, name, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": topic}})
    send(functions, name, {"n": 2})
    (record,) = [json.loads(message["Body"]) for message in take(url, 1)]
    assert record["requestContext"]["condition"] == "RetriesExhausted" and record["requestPayload"] == {"n": 2}
    sns.delete_topic(TopicArn=topic)
