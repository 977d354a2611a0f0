"""SQS in awsQuery, which it spoke until 2023 and older SDKs still speak."""

import urllib.parse
import urllib.request
import xml.etree.ElementTree as Xml

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from conftest import REGION

NAMESPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"


@pytest.fixture
def ask(endpoint):
    """Sends a signed form, to an address if one is given; status and the root of the answer."""

    def ask(action, url=None, method="POST", **form):
        form = {"Action": action, "Version": "2012-11-05", **form}
        body = urllib.parse.urlencode({name.replace("_", "."): v for name, v in form.items()})
        url = url or endpoint + "/"
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        if method == "GET":
            url, body, headers = f"{url}?{body}", None, {}
        request = AWSRequest(method, url, data=body, headers=headers)
        SigV4Auth(Credentials("test", "test"), "sqs", REGION).add_auth(request)
        prepared = request.prepare()
        body = body and body.encode()
        sent = urllib.request.Request(prepared.url, body, dict(prepared.headers), method=method)
        try:
            with urllib.request.urlopen(sent) as answer:
                return answer.status, Xml.fromstring(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, Xml.fromstring(error.read())

    return ask


def texts(root, name):
    return [element.text for element in root.iter(NAMESPACE + name)]


def test_a_message_goes_and_comes(ask, unique):
    name = unique("query")
    status, made = ask(
        "CreateQueue", QueueName=name,
        Attribute_1_Name="VisibilityTimeout", Attribute_1_Value="7", Tag_1_Key="k", Tag_1_Value="v",
    )
    assert (status, made.tag) == (200, NAMESPACE + "CreateQueueResponse")
    [url] = texts(made, "QueueUrl")
    assert len(texts(made, "RequestId")) == 1
    _, found = ask("GetQueueAttributes", url, QueueUrl=url, AttributeName_1="VisibilityTimeout")
    assert (texts(found, "Name"), texts(found, "Value")) == (["VisibilityTimeout"], ["7"])
    _, found = ask("ListQueueTags", url, QueueUrl=url)
    assert (texts(found, "Key"), texts(found, "Value")) == (["k"], ["v"])
    attribute = "MessageAttribute_1_"
    _, sent = ask(
        "SendMessage", url, QueueUrl=url, MessageBody="안녕 <&>",
        **{attribute + "Name": "n", attribute + "Value_DataType": "String",
           attribute + "Value_StringValue": "v"},
    )
    assert len(texts(sent, "MD5OfMessageAttributes")) == 1
    _, batch = ask(
        "SendMessageBatch", url, QueueUrl=url,
        SendMessageBatchRequestEntry_1_Id="one", SendMessageBatchRequestEntry_1_MessageBody="a",
        SendMessageBatchRequestEntry_2_Id="two", SendMessageBatchRequestEntry_2_MessageBody="b",
    )
    assert len(list(batch.iter(NAMESPACE + "SendMessageBatchResultEntry"))) == 2
    _, received = ask(
        "ReceiveMessage", url, "GET", QueueUrl=url, MaxNumberOfMessages="1",
        AttributeName_1="All", MessageAttributeName_1="All",
    )
    [message] = received.iter(NAMESPACE + "Message")
    assert message.find(NAMESPACE + "Body").text == "안녕 <&>"
    assert "SentTimestamp" in texts(message, "Name")
    [value] = message.iter(NAMESPACE + "MessageAttribute")
    assert texts(value, "StringValue") == ["v"]
    [handle] = texts(message, "ReceiptHandle")
    status, _ = ask("DeleteMessage", url, QueueUrl=url, ReceiptHandle=handle)
    assert status == 200
    assert ask("DeleteQueue", url, QueueUrl=url)[0] == 200


@pytest.mark.parametrize(
    ("action", "form", "code"),
    [
        ("GetQueueUrl", {"QueueName": "nowhere"}, "AWS.SimpleQueueService.NonExistentQueue"),
        ("GetQueueUrl", {}, "MissingParameter"),
        ("Dance", {}, "InvalidAction"),
    ],
)
def test_errors(ask, action, form, code):
    status, root = ask(action, **form)
    assert (status, texts(root, "Code"), texts(root, "Type")) == (400, [code], ["Sender"])
