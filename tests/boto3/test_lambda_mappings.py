"""Event source mappings: a function that is given what comes into a queue."""

import json

import pytest
from conftest import ACCOUNT, REGION, error_of, eventually
from test_lambda import deploy, functions  # noqa: F401  (fixtures)

# Notes every batch in its log, and fails as the bodies say.
NOTE = """
import json, time

def handler(event, context):
    print("NOTED", time.time_ns(), json.dumps(event))
    bodies = [record["body"] for record in event["Records"]]
    if any(body == "fail all" for body in bodies):
        raise ValueError("하지 않겠다")
    failed = [record["messageId"] for record in event["Records"] if record["body"] == "fail one"]
    return {"batchItemFailures": [{"itemIdentifier": id} for id in failed]}
"""


def read_notes(logs, name):
    """The records of every batch that a function has noted in its log, in order."""
    try:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{name}", filterPattern="NOTED"
        )
        lines = [event["message"] for page in pages for event in page["events"]]
    except logs.exceptions.ResourceNotFoundException:
        return []
    found = [line.split("NOTED ", 1)[1].split(" ", 1) for line in lines]
    return [json.loads(event)["Records"] for _, event in sorted(found, key=lambda note: int(note[0]))]


@pytest.fixture
def sqs(client):
    return client("sqs")


@pytest.fixture
def queue(sqs, unique):
    """Makes queues; returns URL and ARN."""
    made = []

    def make(suffix="", **attributes):
        name = unique("fed") + suffix
        made.append(sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])
        return made[-1], f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    yield make
    for url in made:
        sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def noting(client, deploy):  # noqa: F811
    """A function that notes what it gets, and what it has noted."""
    name = deploy(NOTE, MemorySize=512)
    logs = client("logs")
    return name, lambda: read_notes(logs, name)


@pytest.fixture
def feed(functions):  # noqa: F811
    """Makes mappings that are deleted after the test."""
    made = []

    def make(name, arn, **settings):
        answer = functions.create_event_source_mapping(FunctionName=name, EventSourceArn=arn, **settings)
        assert answer["State"] == "Creating"
        made.append(answer["UUID"])
        settled(functions, answer["UUID"])
        return answer["UUID"]

    yield make
    for uuid in made:
        try:
            functions.delete_event_source_mapping(UUID=uuid)
        except functions.exceptions.ResourceNotFoundException:
            continue
        eventually(lambda: gone(functions, uuid), 30)  # noqa: B023


def settled(functions, uuid):  # noqa: F811
    return eventually(lambda: state(functions, uuid) in ("Enabled", "Disabled"), 30)


def state(functions, uuid):  # noqa: F811
    return functions.get_event_source_mapping(UUID=uuid)["State"]


def gone(functions, uuid):  # noqa: F811
    try:
        return not functions.get_event_source_mapping(UUID=uuid)
    except functions.exceptions.ResourceNotFoundException:
        return True


def bodies(batches):
    return sorted(record["body"] for batch in batches for record in batch)


def left(sqs, url):
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(count) for count in found.values())


def test_messages_reach_the_function(sqs, queue, noting, feed):
    name, noted = noting
    url, arn = queue()
    feed(name, arn)
    attributes = {"kind": {"DataType": "String", "StringValue": "call"}}
    sqs.send_message(QueueUrl=url, MessageBody="첫 번째", MessageAttributes=attributes)
    [record] = eventually(noted, 60)[0]
    assert (record["body"], record["eventSource"], record["awsRegion"]) == ("첫 번째", "aws:sqs", REGION)
    assert record["eventSourceARN"] == arn
    assert record["messageAttributes"]["kind"] == {
        "stringValue": "call",
        "stringListValues": [],
        "binaryListValues": [],
        "dataType": "String",
    }
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    eventually(lambda: left(sqs, url) == 0, 30)


def test_what_fails_comes_again(sqs, queue, noting, feed):
    name, noted = noting
    url, arn = queue(VisibilityTimeout="8")
    feed(name, arn, FunctionResponseTypes=["ReportBatchItemFailures"], BatchSize=10)
    for body in ("a", "fail one", "b"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    eventually(lambda: bodies(noted()).count("fail one") >= 2, 60)
    found = bodies(noted())
    assert (found.count("a"), found.count("b")) == (1, 1)
    assert left(sqs, url) == 1


def test_filters_delete(sqs, queue, noting, feed):
    name, noted = noting
    url, arn = queue()
    pattern = json.dumps({"body": {"kind": [{"prefix": "call"}], "n": [{"numeric": [">", 1]}]}})
    feed(name, arn, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    for body in ({"kind": "call/a", "n": 1}, {"kind": "mail", "n": 9}, {"kind": "call/b", "n": 2}):
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))
    eventually(lambda: left(sqs, url) == 0, 60)
    assert [json.loads(body) for body in bodies(eventually(noted, 30))] == [{"kind": "call/b", "n": 2}]


def test_groups_stay_in_order(sqs, queue, noting, feed):
    name, noted = noting
    url, arn = queue(".fifo", FifoQueue="true", ContentBasedDeduplication="true")
    for n in range(12):
        sqs.send_message(QueueUrl=url, MessageBody=f"{n:02}", MessageGroupId=str(n % 2))
    feed(name, arn, BatchSize=3)
    eventually(lambda: len(bodies(noted())) == 12, 60)
    records = [record for batch in noted() for record in batch]
    assert all(batch == sorted(batch) for batch in ([r["body"] for r in b] for b in noted()))
    assert {r["attributes"]["ApproximateReceiveCount"] for r in records} == {"1"}


def test_disabled_and_enabled(functions, sqs, queue, noting, feed):  # noqa: F811
    name, noted = noting
    url, arn = queue()
    uuid = feed(name, arn, Enabled=False)
    assert state(functions, uuid) == "Disabled"
    sqs.send_message(QueueUrl=url, MessageBody="waits")
    assert functions.update_event_source_mapping(UUID=uuid, Enabled=True)["State"] == "Enabling"
    eventually(noted, 60)
    settled(functions, uuid)
    assert functions.update_event_source_mapping(UUID=uuid, Enabled=False)["State"] == "Disabling"
    eventually(lambda: state(functions, uuid) == "Disabled", 30)
    sqs.send_message(QueueUrl=url, MessageBody="stays")
    assert functions.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"
    eventually(lambda: gone(functions, uuid), 30)
    assert (bodies(noted()), left(sqs, url)) == (["waits"], 1)


def test_settings_and_lists(functions, queue, noting, feed):  # noqa: F811
    name, _ = noting
    _, arn = queue()
    uuid = feed(name, arn, Enabled=False, Tags={"team": "calls"})
    mapping = functions.get_event_source_mapping(UUID=uuid)
    assert (mapping["BatchSize"], mapping["MaximumBatchingWindowInSeconds"]) == (10, 0)
    assert mapping["EventSourceMappingArn"].endswith(f":event-source-mapping:{uuid}")
    assert functions.list_tags(Resource=mapping["EventSourceMappingArn"])["Tags"] == {"team": "calls"}
    changed = functions.update_event_source_mapping(
        UUID=uuid, BatchSize=100, MaximumBatchingWindowInSeconds=2, ScalingConfig={"MaximumConcurrency": 2}
    )
    assert (changed["State"], changed["BatchSize"], changed["ScalingConfig"]) == (
        "Updating",
        100,
        {"MaximumConcurrency": 2},
    )
    settled(functions, uuid)
    for search in ({"FunctionName": name}, {"EventSourceArn": arn}):
        [found] = functions.list_event_source_mappings(**search)["EventSourceMappings"]
        assert (found["UUID"], found["State"]) == (uuid, "Disabled")
    code, message = error_of(functions.create_event_source_mapping, FunctionName=name, EventSourceArn=arn)
    assert code == "ResourceConflictException" and uuid in message


def test_what_is_refused(functions, queue, noting):  # noqa: F811
    name, _ = noting
    _, arn = queue(VisibilityTimeout="1")
    _, good = queue()
    create = functions.create_event_source_mapping
    wrong = "InvalidParameterValueException"
    assert error_of(create, FunctionName=name, EventSourceArn=arn) == (
        wrong,
        "Queue visibility timeout: 1 seconds is less than Function timeout: 3 seconds",
    )
    code, message = error_of(create, FunctionName=name, EventSourceArn=good + "-not")
    assert code == wrong and "NonExistentQueue" in message
    bad = {"Filters": [{"Pattern": json.dumps({"body": "x"})}]}
    assert error_of(create, FunctionName=name, EventSourceArn=good, FilterCriteria=bad) == (
        wrong,
        "Invalid filter pattern definition.",
    )
    assert error_of(create, FunctionName="not-" + name, EventSourceArn=good)[0] == wrong
    kinesis = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/s"
    assert "Kinesis" in error_of(create, FunctionName=name, EventSourceArn=kinesis)[1]
    missing = "00000000-0000-0000-0000-000000000000"
    assert error_of(functions.get_event_source_mapping, UUID=missing)[0] == "ResourceNotFoundException"


def test_tags_decide_about_mappings(client, functions, queue, noting, feed, unique):  # noqa: F811
    name, _ = noting
    _, arn = queue()
    uuid = feed(name, arn, Enabled=False, Tags={"team": "calls"})
    iam, user = client("iam"), unique("watcher")
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    own = client("lambda", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    for team, allowed in (("others", False), ("calls", True)):
        statement = {
            "Effect": "Allow", "Action": "lambda:GetEventSourceMapping", "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/team": team}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": statement})
        iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document)
        if allowed:
            assert own.get_event_source_mapping(UUID=uuid)["UUID"] == uuid
        else:
            assert error_of(own.get_event_source_mapping, UUID=uuid)[0] == "AccessDeniedException"
    iam.delete_user_policy(UserName=user, PolicyName="p")
    iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=user)


def test_a_mapping_moves_to_another_function(functions, queue, noting, deploy, feed):  # noqa: F811
    name, _ = noting
    other = deploy(NOTE)
    _, arn = queue()
    uuid = feed(name, arn, Enabled=False)
    functions.update_event_source_mapping(UUID=uuid, FunctionName=other)
    settled(functions, uuid)
    listed = {of: functions.list_event_source_mappings(FunctionName=of)["EventSourceMappings"] for of in (name, other)}
    assert [len(listed[name]), [one["UUID"] for one in listed[other]]] == [0, [uuid]]
    # The first function is free for the queue again.
    second = feed(name, arn, Enabled=False)
    assert second != uuid


def test_a_topic_invokes_a_function(client, functions, noting, unique):  # noqa: F811
    name, noted = noting
    sns = client("sns")
    topic = sns.create_topic(Name=unique("told"))["TopicArn"]
    functions.add_permission(
        FunctionName=name, StatementId="sns", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com", SourceArn=topic
    )
    function = functions.get_function_configuration(FunctionName=name)["FunctionArn"]
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=function)
    sns.publish(TopicArn=topic, Subject="s", Message="안녕", MessageAttributes={"k": {"DataType": "String", "StringValue": "v"}})
    [[record]] = eventually(noted, 60)[:1]
    assert (record["EventSource"], record["Sns"]["Message"], record["Sns"]["Subject"]) == ("aws:sns", "안녕", "s")
    assert record["Sns"]["TopicArn"] == topic
    assert record["Sns"]["MessageAttributes"] == {"k": {"Type": "String", "Value": "v"}}
    sns.delete_topic(TopicArn=topic)
