"""SNS, its deliveries, and the mailbox."""

import base64
import http.server
import json
import threading
import urllib.parse
import urllib.request

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from conftest import ACCOUNT, REGION, error_of, eventually


@pytest.fixture
def sns(client):
    return client("sns")


@pytest.fixture
def topic(sns, unique):
    """Makes topics that go away with the test."""
    made = []

    def make(**attributes):
        name = unique("t") + (".fifo" if attributes.get("FifoTopic") else "")
        made.append(sns.create_topic(Name=name, Attributes=attributes)["TopicArn"])
        return made[-1]

    yield make
    for arn in made:
        sns.delete_topic(TopicArn=arn)


@pytest.fixture
def inbox(client, unique):
    """A queue that takes messages of topics: its ARN, and what reads it."""
    sqs, made = client("sqs"), []

    def make(**attributes):
        name = unique("in") + (".fifo" if attributes.get("FifoQueue") else "")
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        statement = {
            "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage", "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        url = sqs.create_queue(QueueName=name, Attributes={"Policy": policy, **attributes})
        url = url["QueueUrl"]
        made.append(url)

        def read(wait=10):
            found = sqs.receive_message(
                QueueUrl=url, WaitTimeSeconds=wait, MaxNumberOfMessages=10,
                AttributeNames=["All"], MessageAttributeNames=["All"],
            ).get("Messages", [])
            for message in found:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return found

        return arn, read

    yield make
    for url in made:
        sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def mailbox(endpoint):
    """Reads the mail to an address."""

    def read(to):
        url = f"{endpoint}/_gureum/mailbox?to={urllib.parse.quote(to)}"
        request = AWSRequest("GET", url)
        SigV4Auth(Credentials("test", "test"), "gureum", REGION).add_auth(request)
        prepared = request.prepare()
        sent = urllib.request.Request(prepared.url, headers=dict(prepared.headers))
        with urllib.request.urlopen(sent) as answer:
            return json.load(answer)["mail"]

    return read


def test_a_message_reaches_a_queue(sns, topic, inbox):
    arn, (queue, read) = topic(), inbox()
    subscription = sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)["SubscriptionArn"]
    assert subscription.startswith(arn + ":")
    attributes = {"city": {"DataType": "String", "StringValue": "서울"}}
    sent = sns.publish(
        TopicArn=arn, Message="안녕", Subject="hello", MessageAttributes=attributes
    )
    [message] = read()
    envelope = json.loads(message["Body"])
    assert envelope["Type"] == "Notification"
    assert envelope["MessageId"] == sent["MessageId"]
    assert (envelope["TopicArn"], envelope["Subject"], envelope["Message"]) == (
        arn, "hello", "안녕",
    )
    assert envelope["MessageAttributes"] == {"city": {"Type": "String", "Value": "서울"}}
    with urllib.request.urlopen(envelope["SigningCertURL"]) as answer:
        assert answer.read().startswith(b"-----BEGIN CERTIFICATE-----")
    assert len(base64.b64decode(envelope["Signature"])) == 256
    with urllib.request.urlopen(envelope["UnsubscribeURL"]) as answer:
        assert answer.status == 200
    assert sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"] == []


def test_raw_messages(sns, topic, inbox):
    arn, (queue, read) = topic(), inbox()
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue, Attributes=raw)
    attributes = {
        "text": {"DataType": "String", "StringValue": "v"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\0\1"},
    }
    sns.publish(TopicArn=arn, Message="plain", MessageAttributes=attributes)
    [message] = read()
    assert message["Body"] == "plain"
    assert message["MessageAttributes"] == attributes


@pytest.mark.parametrize(
    ("scope", "policy", "wanted", "unwanted"),
    [
        ("MessageAttributes", {"n": [{"numeric": [">", 5]}]}, 6, 5),
        ("MessageAttributes", {"n": [{"anything-but": [5]}]}, 6, 5),
        ("MessageBody", {"a": {"n": [6, {"numeric": ["<", 0]}]}}, 6, 5),
    ],
)
def test_filters(sns, topic, inbox, scope, policy, wanted, unwanted):
    arn, (queue, read) = topic(), inbox()
    attributes = {
        "FilterPolicy": json.dumps(policy), "FilterPolicyScope": scope,
        "RawMessageDelivery": "true",
    }
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue, Attributes=attributes)
    for number in (unwanted, wanted):
        value = {"n": {"DataType": "Number", "StringValue": str(number)}}
        body = json.dumps({"a": {"n": number}})
        sns.publish(TopicArn=arn, Message=body, MessageAttributes=value)
    [message] = read()
    assert json.loads(message["Body"]) == {"a": {"n": wanted}}


def test_bad_filters(sns, topic):
    arn = topic()
    for policy in ("[]", '{"a": "x"}', '{"a": [{"like": "x"}]}', '{"a": {"b": ["x"]}}'):
        code, text = error_of(
            sns.subscribe, TopicArn=arn, Protocol="sms", Endpoint="+821012345678",
            Attributes={"FilterPolicy": policy},
        )
        assert (code, text.startswith("Invalid parameter: FilterPolicy")) == (
            "InvalidParameter", True,
        )


def test_a_text_for_each_protocol(sns, topic, inbox, mailbox, unique):
    arn, (queue, read) = topic(), inbox()
    number = "+8210" + str(int(unique("")[1:], 16))[:8]
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue, Attributes=raw)
    sns.subscribe(TopicArn=arn, Protocol="sms", Endpoint=number)
    message = json.dumps({"default": "for all", "sms": "short"})
    sns.publish(TopicArn=arn, Message=message, MessageStructure="json")
    assert [m["Body"] for m in read()] == ["for all"]
    [mail] = eventually(lambda: mailbox(number))
    assert (mail["channel"], mail["body"]) == ("sms", "short")
    sns.publish(PhoneNumber=number, Message="direct")
    assert [mail["body"] for mail in mailbox(number)] == ["direct", "short"]


def test_mail_is_confirmed_by_its_link(sns, topic, mailbox, unique):
    arn, address = topic(), unique("who") + "@example.com"
    answer = sns.subscribe(TopicArn=arn, Protocol="email", Endpoint=address)
    assert answer["SubscriptionArn"] == "pending confirmation"
    sns.publish(TopicArn=arn, Message="too early")
    [mail] = eventually(lambda: mailbox(address))
    link = mail["body"].split("visit ")[1].strip()
    with urllib.request.urlopen(link) as found:
        assert b"<SubscriptionArn>" in found.read()
    sns.publish(TopicArn=arn, Message="in time", Subject="news")
    [mail, _] = eventually(lambda: found if len(found := mailbox(address)) > 1 else None)
    assert (mail["subject"], mail["body"].startswith("in time")) == ("news", True)
    assert mail["about"]["topicArn"] == arn
    pages = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert (pages["SubscriptionsConfirmed"], pages["SubscriptionsPending"]) == ("1", "0")


class Hook(http.server.BaseHTTPRequestHandler):
    """Takes what is posted; refuses the first notification for the time being."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((dict(self.headers), body))
        kind = self.headers["x-amz-sns-message-type"]
        first = kind == "Notification" and sum(
            headers["x-amz-sns-message-type"] == kind for headers, _ in self.server.got
        ) == 1
        self.send_response(503 if first else 200)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_endpoints_confirm_and_are_asked_again(sns, topic):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.got = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    arn, url = topic(), f"http://127.0.0.1:{server.server_port}/hook"
    policy = {"healthyRetryPolicy": {"numRetries": 3, "minDelayTarget": 1, "maxDelayTarget": 1}}
    sns.subscribe(
        TopicArn=arn, Protocol="http", Endpoint=url,
        Attributes={"DeliveryPolicy": json.dumps(policy)},
    )
    [(headers, body)] = eventually(lambda: server.got)
    assert headers["x-amz-sns-message-type"] == "SubscriptionConfirmation"
    question = json.loads(body)
    with urllib.request.urlopen(question["SubscribeURL"]):
        pass
    sns.publish(TopicArn=arn, Message="hello")
    eventually(lambda: len(server.got) == 3)
    assert server.got[1][1] == server.got[2][1]
    assert json.loads(server.got[2][1])["Message"] == "hello"
    server.shutdown()


def test_dead_letters(sns, topic, inbox):
    arn, (dead, read) = topic(), inbox()
    nowhere = f"arn:aws:sqs:{REGION}:{ACCOUNT}:nowhere"
    attributes = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead})}
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=nowhere, Attributes=attributes)
    sns.publish(TopicArn=arn, Message="lost")
    [message] = read()
    assert json.loads(message["Body"])["Message"] == "lost"


def test_fifo_topics_keep_order(sns, topic, inbox):
    arn = topic(FifoTopic="true", ContentBasedDeduplication="true")
    queue, read = inbox(FifoQueue="true")
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue, Attributes=raw)
    numbers = []
    for n in (*range(20), 0):
        sent = sns.publish(TopicArn=arn, Message=str(n), MessageGroupId="g")
        numbers.append(sent["SequenceNumber"])
    assert numbers[:20] == sorted(numbers[:20])
    assert numbers[20] == numbers[0]
    got = []
    eventually(lambda: got.extend(m["Body"] for m in read(1)) or len(got) >= 20)
    assert got == [str(n) for n in range(20)]
    code, _ = error_of(sns.publish, TopicArn=arn, Message="m")
    assert code == "InvalidParameter"


def test_a_batch_without_groups_is_refused_whole(sns, topic):
    arn = topic(FifoTopic="true", ContentBasedDeduplication="true")
    entries = [{"Id": "a", "Message": "x", "MessageGroupId": "g"}, {"Id": "b", "Message": "y"}]
    assert error_of(sns.publish_batch, TopicArn=arn, PublishBatchRequestEntries=entries) == (
        "InvalidParameter", "Invalid parameter: The MessageGroupId parameter is required for FIFO topics",
    )


def test_batches(sns, topic, inbox):
    arn, (queue, read) = topic(), inbox()
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue, Attributes=raw)
    entries = [{"Id": str(n), "Message": f"m{n}"} for n in range(3)]
    entries.append({"Id": "bad", "Message": "m", "Subject": "x" * 101})
    answer = sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["0", "1", "2"]
    assert [entry["Code"] for entry in answer["Failed"]] == ["InvalidParameter"]
    got = []
    eventually(lambda: got.extend(m["Body"] for m in read(1)) or len(got) >= 3)
    assert sorted(got) == ["m0", "m1", "m2"]


def test_topics_and_their_attributes(sns, topic):
    arn = topic(DisplayName="first")
    name = arn.rsplit(":", 1)[1]
    assert sns.create_topic(Name=name)["TopicArn"] == arn
    code, _ = error_of(sns.create_topic, Name=name, Attributes={"DisplayName": "other"})
    assert code == "InvalidParameter"
    sns.set_topic_attributes(TopicArn=arn, AttributeName="DisplayName", AttributeValue="second")
    found = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert (found["DisplayName"], found["Owner"], found["TopicArn"]) == ("second", ACCOUNT, arn)
    assert json.loads(found["Policy"])["Statement"][0]["Resource"] == arn
    # As Terraform does; a rate above 0 would need logs of deliveries.
    rate = {"TopicArn": arn, "AttributeName": "HTTPSuccessFeedbackSampleRate"}
    sns.set_topic_attributes(**rate, AttributeValue="0")
    code, _ = error_of(sns.set_topic_attributes, **rate, AttributeValue="50")
    assert code == "NotImplementedException"
    sns.tag_resource(ResourceArn=arn, Tags=[{"Key": "k", "Value": "v"}])
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    sns.untag_resource(ResourceArn=arn, TagKeys=["k"])
    assert sns.list_tags_for_resource(ResourceArn=arn)["Tags"] == []
    pages = sns.get_paginator("list_topics").paginate()
    assert arn in [topic["TopicArn"] for page in pages for topic in page["Topics"]]
    sns.add_permission(
        TopicArn=arn, Label="one", AWSAccountId=["111122223333"], ActionName=["Publish"]
    )
    policy = json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"])
    assert [s["Sid"] for s in policy["Statement"]] == ["__default_statement_ID", "one"]
    missing = arn + "x"
    assert error_of(sns.get_topic_attributes, TopicArn=missing) == (
        "NotFound", "Topic does not exist",
    )


@pytest.mark.parametrize(
    ("protocol", "address"),
    [("sqs", "x"), ("http", "https://x"), ("email", "x"), ("sms", "12"), ("pigeon", "x")],
)
def test_bad_endpoints(sns, topic, protocol, address):
    code, _ = error_of(sns.subscribe, TopicArn=topic(), Protocol=protocol, Endpoint=address)
    assert code == "InvalidParameter"


def test_mobile_push_is_refused_by_name(sns):
    code, text = error_of(sns.create_platform_application, Name="a", Platform="GCM", Attributes={})
    assert (code, "CreatePlatformApplication" in text) == ("NotImplementedException", True)
