"""SQS: standard queues."""

import hashlib
import json
import threading
import time

import pytest
from conftest import ACCOUNT, REGION, error_of, eventually


@pytest.fixture
def sqs(client):
    return client("sqs")


@pytest.fixture
def queue(sqs, unique):
    """Makes queues that go away with the test."""
    made = []

    def make(prefix="q", **attributes):
        name = unique(prefix) + (".fifo" if attributes.get("FifoQueue") else "")
        made.append(sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])
        return made[-1]

    yield make
    for url in made:
        sqs.delete_queue(QueueUrl=url)


def arn_of(sqs, url):
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return found["Attributes"]["QueueArn"]


def counts(sqs, url):
    names = ["", "NotVisible", "Delayed"]
    names = ["ApproximateNumberOfMessages" + name for name in names]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return [int(found[name]) for name in names]


def receive(sqs, url, **arguments):
    return sqs.receive_message(QueueUrl=url, **arguments).get("Messages", [])


def test_urls_are_where_clients_reach_us(sqs, endpoint, queue, unique):
    url = queue("urls")
    name = url.rsplit("/", 1)[1]
    assert url == f"{endpoint}/{ACCOUNT}/{name}"
    assert sqs.get_queue_url(QueueName=name)["QueueUrl"] == url
    assert arn_of(sqs, url) == f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    missing = error_of(sqs.get_queue_url, QueueName=unique("none"))
    text = "The specified queue does not exist."
    assert missing == ("AWS.SimpleQueueService.NonExistentQueue", text)
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName=unique("none"))


def test_a_message_goes_and_comes(sqs, queue):
    url = queue()
    attributes = {
        "city": {"DataType": "String", "StringValue": "서울"},
        "count": {"DataType": "Number.int", "StringValue": "7"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\0\1\xff"},
    }
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988"}}
    # botocore checks the digests.
    sent = sqs.send_message(
        QueueUrl=url, MessageBody="안녕", MessageAttributes=attributes,
        MessageSystemAttributes=trace,
    )
    assert sent["MD5OfMessageBody"] == hashlib.md5("안녕".encode()).hexdigest()
    assert "SequenceNumber" not in sent
    [message] = receive(
        sqs, url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
    )
    assert message["MessageId"] == sent["MessageId"]
    assert message["Body"] == "안녕"
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    system = message["Attributes"]
    assert system["ApproximateReceiveCount"] == "1"
    assert system["SenderId"] == ACCOUNT
    assert system["AWSTraceHeader"] == "Root=1-5759e988"
    assert abs(int(system["SentTimestamp"]) / 1000 - time.time()) < 60
    assert counts(sqs, url) == [0, 1, 0]
    assert receive(sqs, url) == []
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert counts(sqs, url) == [0, 0, 0]


@pytest.mark.parametrize(
    ("asked", "found"),
    [(["city"], {"city"}), (["a.*"], {"a.b", "a.c"}), ([".*"], {"a.b", "a.c", "city"}), ([], None)],
)
def test_attributes_are_chosen_by_name(sqs, queue, asked, found):
    url = queue()
    value = {"DataType": "String", "StringValue": "x"}
    names = ("city", "a.b", "a.c")
    sqs.send_message(QueueUrl=url, MessageBody="m", MessageAttributes=dict.fromkeys(names, value))
    [message] = receive(sqs, url, MessageAttributeNames=asked)
    assert (set(message["MessageAttributes"]) if found else None) == found
    assert "Attributes" not in message


def test_visibility_is_what_was_asked(sqs, queue):
    url = queue(VisibilityTimeout="1")
    sqs.send_message(QueueUrl=url, MessageBody="m")
    [first] = receive(sqs, url)
    [second] = receive(sqs, url, WaitTimeSeconds=5, AttributeNames=["ApproximateReceiveCount"])
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"
    assert second["ReceiptHandle"] != first["ReceiptHandle"]
    change = {"QueueUrl": url, "ReceiptHandle": second["ReceiptHandle"]}
    sqs.change_message_visibility(**change, VisibilityTimeout=0)
    [third] = receive(sqs, url, VisibilityTimeout=60)
    assert counts(sqs, url) == [0, 1, 0]
    change["ReceiptHandle"] = third["ReceiptHandle"]
    code, text = error_of(sqs.change_message_visibility, **change, VisibilityTimeout=43200)
    assert (code, "beyond the limit" in text) == ("InvalidParameterValue", True)
    sqs.change_message_visibility(**change, VisibilityTimeout=0)
    code, _ = error_of(sqs.change_message_visibility, **change, VisibilityTimeout=5)
    assert code == "AWS.SimpleQueueService.MessageNotInflight"


def test_a_poll_ends_with_the_message(sqs, client, queue):
    url = queue()
    threading.Timer(0.5, lambda: client("sqs").send_message(QueueUrl=url, MessageBody="m")).start()
    began = time.monotonic()
    assert [m["Body"] for m in receive(sqs, url, WaitTimeSeconds=20)] == ["m"]
    assert 0.3 < time.monotonic() - began < 3
    began = time.monotonic()
    assert receive(sqs, url, WaitTimeSeconds=1) == []
    assert 0.9 < time.monotonic() - began < 3


def test_delays(sqs, queue):
    url = queue(DelaySeconds="1")
    sqs.send_message(QueueUrl=url, MessageBody="later")
    sqs.send_message(QueueUrl=url, MessageBody="now", DelaySeconds=0)
    assert counts(sqs, url) == [1, 0, 1]
    assert [m["Body"] for m in receive(sqs, url, MaxNumberOfMessages=10)] == ["now"]
    assert [m["Body"] for m in receive(sqs, url, WaitTimeSeconds=5)] == ["later"]


def test_batches_have_an_outcome_for_each(sqs, queue):
    url = queue()
    entries = [{"Id": f"m{n}", "MessageBody": f"body {n}"} for n in range(9)]
    entries.append({"Id": "bad", "MessageBody": "x", "DelaySeconds": 901})
    sent = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert len(sent["Successful"]) == 9
    [failed] = sent["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == (
        "bad", "InvalidParameterValue", True,
    )
    messages = receive(sqs, url, MaxNumberOfMessages=10)
    assert {m["Body"] for m in messages} == {f"body {n}" for n in range(9)}
    handles = [
        {"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)
    ]
    changed = sqs.change_message_visibility_batch(
        QueueUrl=url, Entries=[{**handle, "VisibilityTimeout": 9} for handle in handles]
    )
    assert len(changed["Successful"]) == 9
    deleted = sqs.delete_message_batch(
        QueueUrl=url, Entries=[*handles, {"Id": "bad", "ReceiptHandle": "x"}]
    )
    assert len(deleted["Successful"]) == 9
    assert [failed["Code"] for failed in deleted["Failed"]] == ["ReceiptHandleIsInvalid"]
    assert counts(sqs, url) == [0, 0, 0]


PREFIX = "AWS.SimpleQueueService."


@pytest.mark.parametrize(
    ("entries", "code", "text"),
    [
        ([], "EmptyBatchRequest",
         "There should be at least one SendMessageBatchRequestEntry in the request."),
        ([(str(n), "b") for n in range(11)], "TooManyEntriesInBatchRequest",
         "Maximum number of entries per request are 10. You have sent 11."),
        ([("a", "b"), ("a", "b")], "BatchEntryIdsNotDistinct", "Id a repeated."),
        ([("a b", "b")], "InvalidBatchEntryId",
         "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
         "It can be at most 80 letters long."),
        ([("a", "x" * 600_000), ("b", "x" * 600_000)], "BatchRequestTooLong",
         "Batch requests cannot be longer than 1048576 bytes. You have sent 1200000 bytes."),
    ],
)
def test_bad_batches(sqs, queue, entries, code, text):
    entries = [{"Id": name, "MessageBody": body} for name, body in entries]
    found = error_of(sqs.send_message_batch, QueueUrl=queue(), Entries=entries)
    assert found == (PREFIX + code, text)


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ({"MessageBody": ""}, "MissingParameter",
         "The request must contain the parameter MessageBody."),
        ({"MessageBody": "a\x01"}, "InvalidMessageContents", "Invalid characters found."),
        ({"MessageBody": "x" * 1025}, "InvalidParameterValue",
         "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."),
        ({"MessageBody": "a", "DelaySeconds": -1}, "InvalidParameterValue",
         "Value -1 for parameter DelaySeconds is invalid."),
        ({"MessageBody": "a", "MessageDeduplicationId": "x"}, "InvalidParameterValue",
         "Value x for parameter MessageDeduplicationId is invalid. Reason: The request includes a "
         "parameter that is not valid for this queue type."),
        ({"MessageBody": "a", "MessageAttributes": {"n": {"DataType": "Text", "StringValue": "a"}}},
         "InvalidParameterValue",
         "The message attribute 'n' has an invalid message attribute type, the set of supported "
         "type prefixes is Binary, Number, and String."),
        ({"MessageBody": "a",
          "MessageAttributes": {"aws.n": {"DataType": "String", "StringValue": "a"}}},
         "InvalidParameterValue", "The message attribute name 'aws.n' is invalid."),
    ],
)
def test_what_is_not_sent(sqs, queue, arguments, code, text):
    url = queue(MaximumMessageSize="1024")
    found = error_of(sqs.send_message, QueueUrl=url, **arguments)
    assert found[0] == code
    assert found[1].startswith(text)
    assert counts(sqs, url) == [0, 0, 0]


def test_a_megabyte(sqs, queue):
    url = queue()
    body = "가" * (1_048_576 // 3)
    sqs.send_message(QueueUrl=url, MessageBody=body)
    assert receive(sqs, url)[0]["Body"] == body


def test_attributes_of_queues(sqs, queue, unique):
    url = queue(VisibilityTimeout="5")
    name = url.rsplit("/", 1)[1]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert found["VisibilityTimeout"] == "5"
    assert found["MessageRetentionPeriod"] == "345600"
    assert found["SqsManagedSseEnabled"] == "true"
    assert not {"Policy", "FifoQueue", "RedrivePolicy"} & set(found)
    assert sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "5"})["QueueUrl"] == url
    assert error_of(sqs.create_queue, QueueName=name, Attributes={"VisibilityTimeout": "6"}) == (
        "QueueAlreadyExists",
        "A queue already exists with the same name and a different value for attribute "
        "VisibilityTimeout",
    )
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "3"})
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])
    assert found["Attributes"] == {"DelaySeconds": "3"}
    change = {"QueueUrl": url, "Attributes": {"DelaySeconds": "901"}}
    assert error_of(sqs.set_queue_attributes, **change) == (
        "InvalidAttributeValue", "Invalid value for the parameter DelaySeconds.",
    )
    change["Attributes"] = {"Color": "red"}
    unknown = ("InvalidAttributeName", "Unknown Attribute Color.")
    assert error_of(sqs.set_queue_attributes, **change) == unknown
    assert error_of(sqs.create_queue, QueueName="a b")[0] == "InvalidParameterValue"


def test_listing(sqs, queue, unique):
    prefix = unique("list")
    urls = sorted(queue(prefix) for _ in range(5))
    assert sqs.list_queues(QueueNamePrefix=prefix)["QueueUrls"] == urls
    pages = sqs.get_paginator("list_queues").paginate(
        QueueNamePrefix=prefix, PaginationConfig={"PageSize": 2}
    )
    pages = [page["QueueUrls"] for page in pages]
    assert (sum(pages, []), [len(page) for page in pages]) == (urls, [2, 2, 1])
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=unique("none"))


def test_tags(sqs, queue):
    url = queue()
    sqs.tag_queue(QueueUrl=url, Tags={"team": "desk", "stage": "dev"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["stage"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "desk"}


def test_permissions_are_statements_of_the_policy(sqs, queue):
    url = queue()
    sqs.add_permission(
        QueueUrl=url, Label="one", AWSAccountIds=["111122223333"], Actions=["SendMessage"]
    )
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
    [statement] = json.loads(found["Policy"])["Statement"]
    assert statement == {
        "Sid": "one",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "SQS:SendMessage",
        "Resource": arn_of(sqs, url),
    }
    sqs.remove_permission(QueueUrl=url, Label="one")
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
    code, _ = error_of(sqs.remove_permission, QueueUrl=url, Label="one")
    assert code == "InvalidParameterValue"


def test_purging(sqs, queue):
    url = queue()
    for n in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(n))
    [message] = receive(sqs, url)
    sqs.purge_queue(QueueUrl=url)
    assert counts(sqs, url) == [0, 0, 0]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert error_of(sqs.purge_queue, QueueUrl=url)[0] == PREFIX + "PurgeQueueInProgress"
    sqs.send_message(QueueUrl=url, MessageBody="after")
    assert [m["Body"] for m in receive(sqs, url)] == ["after"]


def test_dead_letters_and_back(sqs, queue):
    dead = queue("dead")
    policy = json.dumps({"deadLetterTargetArn": arn_of(sqs, dead), "maxReceiveCount": 2})
    url = queue("source", RedrivePolicy=policy, VisibilityTimeout="0")
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    for count in ("1", "2"):
        [message] = receive(sqs, url, AttributeNames=["All"])
        assert message["Attributes"]["ApproximateReceiveCount"] == count
    assert receive(sqs, url) == []
    [message] = receive(sqs, dead, AttributeNames=["All"], VisibilityTimeout=0)
    assert message["Body"] == "poison"
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == arn_of(sqs, url)
    task = sqs.start_message_move_task(SourceArn=arn_of(sqs, dead))["TaskHandle"]

    def finished():
        [task] = sqs.list_message_move_tasks(SourceArn=arn_of(sqs, dead))["Results"]
        return task if task["Status"] == "COMPLETED" else None

    done = eventually(finished)
    assert (done["ApproximateNumberOfMessagesMoved"], "TaskHandle" in done) == (1, False)
    assert [m["Body"] for m in receive(sqs, url)] == ["poison"]
    assert receive(sqs, dead) == []
    code, _ = error_of(sqs.cancel_message_move_task, TaskHandle=task)
    assert code == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ("[]", "Redrive policy is not a valid JSON map."),
        ('{"deadLetterTargetArn": "x"}',
         "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
        (json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:nowhere",
                     "maxReceiveCount": 5}), "Dead letter target does not exist."),
        (json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:nowhere",
                     "maxReceiveCount": 0}),
         "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive."),
    ],
)
def test_bad_redrive_policies(sqs, queue, policy, reason):
    change = {"QueueUrl": queue(), "Attributes": {"RedrivePolicy": policy}}
    assert error_of(sqs.set_queue_attributes, **change) == (
        "InvalidParameterValue",
        f"Value {policy} for parameter RedrivePolicy is invalid. Reason: {reason}",
    )


def test_forged_handles(sqs, queue):
    one, other = queue(), queue()
    sqs.send_message(QueueUrl=one, MessageBody="m")
    handle = receive(sqs, one)[0]["ReceiptHandle"]
    forged = ("A" if handle[20] != "A" else "B").join((handle[:20], handle[21:]))
    for url, text in ((one, forged), (other, handle), (one, "x")):
        code, _ = error_of(sqs.delete_message, QueueUrl=url, ReceiptHandle=text)
        assert code == "ReceiptHandleIsInvalid"
    assert error_of(sqs.delete_message, QueueUrl="http://a/b/c", ReceiptHandle=handle)[0] in (
        "InvalidAddress",
    )


def test_many_consumers_get_each_message_once(client, queue):
    url, total, got = queue(), 300, []
    lock = threading.Lock()

    def consume():
        sqs = client("sqs")
        while messages := receive(sqs, url, MaxNumberOfMessages=7, WaitTimeSeconds=2):
            with lock:
                got.extend(message["Body"] for message in messages)
            entries = [
                {"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]}
                for n, m in enumerate(messages)
            ]
            assert not sqs.delete_message_batch(QueueUrl=url, Entries=entries).get("Failed")

    threads = [threading.Thread(target=consume) for _ in range(6)]
    for thread in threads:
        thread.start()
    sqs = client("sqs")
    for start in range(0, total, 10):
        entries = [{"Id": str(n), "MessageBody": str(n)} for n in range(start, start + 10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    for thread in threads:
        thread.join()
    assert sorted(got, key=int) == [str(n) for n in range(total)]
    assert counts(sqs, url) == [0, 0, 0]
