"""SQS: FIFO queues."""

import json
import threading

import pytest
from conftest import error_of
from test_sqs import arn_of, counts, queue, receive, sqs  # noqa: F401


@pytest.fixture
def fifo(queue):  # noqa: F811
    return lambda **attributes: queue(**{"FifoQueue": "true", **attributes})


def send(sqs, url, body, group="g", **arguments):  # noqa: F811
    arguments.setdefault("MessageDeduplicationId", body)
    return sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, **arguments)


def delete(sqs, url, *messages):  # noqa: F811
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def bodies(messages):
    return [message["Body"] for message in messages]


def test_a_group_waits_for_its_messages_in_flight(sqs, fifo):  # noqa: F811
    url = fifo()
    sent = [send(sqs, url, f"{group}{n}", group) for n in range(3) for group in "ab"]
    numbers = [m["SequenceNumber"] for m in sent]
    assert numbers == sorted(numbers)
    assert {len(number) for number in numbers} == {20}
    first = receive(sqs, url, MaxNumberOfMessages=2, AttributeNames=["All"])
    assert bodies(first) == ["a0", "a1"]
    assert first[0]["Attributes"]["MessageGroupId"] == "a"
    assert first[0]["Attributes"]["MessageDeduplicationId"] == "a0"
    assert first[0]["Attributes"]["SequenceNumber"] == numbers[0]
    second = receive(sqs, url, MaxNumberOfMessages=10)
    assert bodies(second) == ["b0", "b1", "b2"]
    assert receive(sqs, url) == []
    assert counts(sqs, url) == [1, 5, 0]
    delete(sqs, url, first[0])
    assert receive(sqs, url) == []
    delete(sqs, url, first[1])
    assert bodies(receive(sqs, url, MaxNumberOfMessages=10)) == ["a2"]


def test_what_comes_back_comes_first(sqs, fifo):  # noqa: F811
    url = fifo(VisibilityTimeout="30")
    for n in range(3):
        send(sqs, url, str(n))
    [message] = receive(sqs, url)
    sqs.change_message_visibility(
        QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
    )
    again = receive(sqs, url, MaxNumberOfMessages=10, VisibilityTimeout=1)
    assert bodies(again) == ["0", "1", "2"]
    code, text = error_of(
        sqs.delete_message, QueueUrl=url, ReceiptHandle=message["ReceiptHandle"]
    )
    assert (code, text.endswith("Reason: The receipt handle has expired.")) == (
        "InvalidParameterValue", True,
    )
    assert bodies(receive(sqs, url, WaitTimeSeconds=5)) == ["0"]


def test_five_minutes_of_memory(sqs, fifo):  # noqa: F811
    url = fifo()
    first = send(sqs, url, "m", MessageDeduplicationId="x")
    again = send(sqs, url, "other", MessageDeduplicationId="x")
    assert again["MessageId"] == first["MessageId"]
    assert again["SequenceNumber"] == first["SequenceNumber"]
    [message] = receive(sqs, url, MaxNumberOfMessages=10)
    delete(sqs, url, message)
    send(sqs, url, "third", MessageDeduplicationId="x")
    assert receive(sqs, url) == []


def test_content_based(sqs, fifo):  # noqa: F811
    plain = fifo()
    assert error_of(sqs.send_message, QueueUrl=plain, MessageBody="m", MessageGroupId="g") == (
        "InvalidParameterValue",
        "The queue should either have ContentBasedDeduplication enabled or "
        "MessageDeduplicationId provided explicitly",
    )
    url = fifo(ContentBasedDeduplication="true")
    for body in ("a", "a", "b"):
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")
    assert bodies(receive(sqs, url, MaxNumberOfMessages=10)) == ["a", "b"]


def test_scope_of_the_group(sqs, fifo):  # noqa: F811
    url = fifo(DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    for group in "ab":
        send(sqs, url, "m", group)
        send(sqs, url, "m", group)
    assert bodies(receive(sqs, url, MaxNumberOfMessages=10)) == ["m", "m"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"MessageDeduplicationId": "x"}, "MissingParameter"),
        ({"MessageDeduplicationId": "x", "MessageGroupId": "가"}, "InvalidParameterValue"),
        ({"MessageDeduplicationId": "x" * 129, "MessageGroupId": "g"}, "InvalidParameterValue"),
        ({"MessageDeduplicationId": "x", "MessageGroupId": "g", "DelaySeconds": 5},
         "InvalidParameterValue"),
    ],
)
def test_what_is_not_sent(sqs, fifo, arguments, code):  # noqa: F811
    found = error_of(sqs.send_message, QueueUrl=fifo(), MessageBody="m", **arguments)
    assert found[0] == code


def test_delayed_groups(sqs, fifo):  # noqa: F811
    url = fifo(DelaySeconds="1")
    send(sqs, url, "m")
    assert counts(sqs, url) == [0, 0, 1]
    assert bodies(receive(sqs, url, WaitTimeSeconds=5)) == ["m"]


def test_an_attempt_is_repeated(sqs, fifo):  # noqa: F811
    url = fifo()
    for n in range(3):
        send(sqs, url, str(n))
    first = receive(sqs, url, MaxNumberOfMessages=2, ReceiveRequestAttemptId="try")
    again = receive(sqs, url, MaxNumberOfMessages=2, ReceiveRequestAttemptId="try")
    assert bodies(first) == bodies(again) == ["0", "1"]
    assert receive(sqs, url, ReceiveRequestAttemptId="other") == []
    delete(sqs, url, *again)
    assert bodies(receive(sqs, url, ReceiveRequestAttemptId="other")) == ["2"]


def test_dead_letters_keep_their_group(sqs, fifo):  # noqa: F811
    dead = fifo()
    policy = {"deadLetterTargetArn": arn_of(sqs, dead), "maxReceiveCount": 1}
    url = fifo(RedrivePolicy=json.dumps(policy), VisibilityTimeout="0")
    for n in range(2):
        send(sqs, url, str(n))
    assert bodies(receive(sqs, url)) == ["0"]
    assert bodies(receive(sqs, url, MaxNumberOfMessages=10)) == ["1"]
    [message] = receive(sqs, dead, AttributeNames=["All"])
    assert (message["Body"], message["Attributes"]["MessageGroupId"]) == ("0", "g")


def test_names_and_types(sqs, unique):  # noqa: F811
    name = unique("f")
    bad = error_of(sqs.create_queue, QueueName=name, Attributes={"FifoQueue": "true"})
    assert bad[0] == "InvalidParameterValue"
    assert error_of(sqs.create_queue, QueueName=name + ".fifo")[0] == "InvalidParameterValue"
    bad = error_of(sqs.create_queue, QueueName=name, Attributes={"FifoQueue": "false"})
    assert bad == ("InvalidAttributeName", "Unknown Attribute FifoQueue.")


def test_order_holds_among_many(client, fifo):
    url, groups, per_group = fifo(), "abcd", 40
    got, lock = {group: [] for group in groups}, threading.Lock()

    def produce(group):
        sqs = client("sqs")  # noqa: F811
        for n in range(per_group):
            send(sqs, url, f"{group}{n}", group)

    def consume():
        sqs = client("sqs")  # noqa: F811
        while messages := receive(sqs, url, MaxNumberOfMessages=5, WaitTimeSeconds=2):
            with lock:
                for body in bodies(messages):
                    got[body[0]].append(int(body[1:]))
            delete(sqs, url, *messages)

    threads = [threading.Thread(target=produce, args=group) for group in groups]
    threads += [threading.Thread(target=consume) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {group: list(range(per_group)) for group in groups}
    assert counts(client("sqs"), url) == [0, 0, 0]
