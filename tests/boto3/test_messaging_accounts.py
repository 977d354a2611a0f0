"""Queues and topics that two accounts share."""

import json

import pytest
from conftest import ACCOUNT, REGION, error_of, eventually

OTHER = "222233334444"
THERE = dict(aws_access_key_id=OTHER)


@pytest.fixture
def queue(client, unique):
    """A queue of the first account: its URL and ARN."""
    sqs = client("sqs")
    url = sqs.create_queue(QueueName=unique("shared"))["QueueUrl"]
    yield url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rsplit('/', 1)[1]}"
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def stranger(client, unique):
    """Makes clients of a user of the other account who may do this."""
    iam = client("iam", **THERE)

    def make(service, *actions):
        name = unique("u")
        iam.create_user(UserName=name)
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return client(service, aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])

    return make


def refused(call, **arguments):
    return error_of(call, **arguments)[0] in ("AccessDenied", "AuthorizationError")


def test_a_queue(client, queue, stranger):
    url, _ = queue
    own, root, user = client("sqs"), client("sqs", **THERE), stranger("sqs", "sqs:*")
    helpless = stranger("sqs", "sqs:ListQueues")
    name = url.rsplit("/", 1)[1]
    for who in [root, user]:
        assert refused(who.send_message, QueueUrl=url, MessageBody="x")
        assert refused(who.receive_message, QueueUrl=url)
        assert refused(who.get_queue_url, QueueName=name, QueueOwnerAWSAccountId=ACCOUNT)
    own.add_permission(QueueUrl=url, Label="send", AWSAccountIds=[OTHER], Actions=["SendMessage", "GetQueueUrl"])
    assert root.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=ACCOUNT)["QueueUrl"] == url
    assert user.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=ACCOUNT)["QueueUrl"] == url
    root.send_message(QueueUrl=url, MessageBody="from root")
    user.send_message(QueueUrl=url, MessageBody="from a user")
    user.send_message_batch(QueueUrl=url, Entries=[{"Id": "a", "MessageBody": "in a batch"}])
    # Both sides must agree.
    assert refused(helpless.send_message, QueueUrl=url, MessageBody="x")
    for who in [root, user]:
        assert refused(who.receive_message, QueueUrl=url)
        assert refused(who.get_queue_attributes, QueueUrl=url, AttributeNames=["All"])
    got = own.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert sorted(m["Body"] for m in got) == ["from a user", "from root", "in a batch"]
    own.add_permission(QueueUrl=url, Label="all", AWSAccountIds=[OTHER], Actions=["*"])
    for message in got:
        own.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    read = user.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert len(read) == 3
    user.change_message_visibility(QueueUrl=url, ReceiptHandle=read[0]["ReceiptHandle"], VisibilityTimeout=0)
    root.delete_message(QueueUrl=url, ReceiptHandle=read[1]["ReceiptHandle"])
    found = root.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert found["ApproximateNumberOfMessages"] == "1"
    # Never by another account, whatever the policy says.
    for call, more in [
        (root.delete_queue, {}),
        (user.delete_queue, {}),
        (root.set_queue_attributes, {"Attributes": {"DelaySeconds": "1"}}),
        (root.tag_queue, {"Tags": {"a": "b"}}),
        (root.add_permission, {"Label": "x", "AWSAccountIds": [OTHER], "Actions": ["*"]}),
    ]:
        assert refused(call, QueueUrl=url, **more), call
    own.remove_permission(QueueUrl=url, Label="all")
    own.remove_permission(QueueUrl=url, Label="send")
    assert refused(root.send_message, QueueUrl=url, MessageBody="x")


def test_a_topic(client, unique, stranger):
    own, root, user = client("sns"), client("sns", **THERE), stranger("sns", "sns:*")
    arn = own.create_topic(Name=unique("shared"))["TopicArn"]
    for who in [root, user]:
        assert refused(who.publish, TopicArn=arn, Message="x")
        assert refused(who.get_topic_attributes, TopicArn=arn)
        assert refused(who.subscribe, TopicArn=arn, Protocol="sms", Endpoint="+821012345678")
    own.add_permission(TopicArn=arn, Label="pub", AWSAccountId=[OTHER], ActionName=["Publish", "Subscribe"])
    sqs = client("sqs", **THERE)
    url = sqs.create_queue(QueueName=unique("in"))["QueueUrl"]
    queue_arn = f"arn:aws:sqs:{REGION}:{OTHER}:{url.rsplit('/', 1)[1]}"
    statement = {
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": queue_arn, "Condition": {"ArnEquals": {"aws:SourceArn": arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    # The queue's own account subscribes it: nobody has to be asked.
    made = root.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn)["SubscriptionArn"]
    assert made.startswith(arn)
    assert made in [s["SubscriptionArn"] for s in root.list_subscriptions()["Subscriptions"]]
    assert made not in [s["SubscriptionArn"] for s in own.list_subscriptions()["Subscriptions"]]
    assert made in [s["SubscriptionArn"] for s in own.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]]
    for who in [root, user]:
        who.publish(TopicArn=arn, Message="hello")
        got = eventually(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2).get("Messages"))
        assert json.loads(got[0]["Body"])["Message"] == "hello"
        sqs.delete_message(QueueUrl=url, ReceiptHandle=got[0]["ReceiptHandle"])
    assert user.get_subscription_attributes(SubscriptionArn=made)["Attributes"]["Owner"] == OTHER
    user.set_subscription_attributes(SubscriptionArn=made, AttributeName="RawMessageDelivery", AttributeValue="true")
    root.publish(TopicArn=arn, Message="raw")
    assert eventually(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2).get("Messages"))[0]["Body"] == "raw"
    user.unsubscribe(SubscriptionArn=made)
    assert root.list_subscriptions()["Subscriptions"] == []
    assert refused(root.delete_topic, TopicArn=arn)
    own.remove_permission(TopicArn=arn, Label="pub")
    assert refused(root.publish, TopicArn=arn, Message="x")
    own.delete_topic(TopicArn=arn)
    sqs.delete_queue(QueueUrl=url)


def test_another_account_s_queue_is_asked(client, unique):
    """The topic's account subscribes it: the queue gets the request, and its owner confirms."""
    sns, sqs = client("sns"), client("sqs", **THERE)
    arn = sns.create_topic(Name=unique("ask"))["TopicArn"]
    url = sqs.create_queue(QueueName=unique("in"))["QueueUrl"]
    queue_arn = f"arn:aws:sqs:{REGION}:{OTHER}:{url.rsplit('/', 1)[1]}"
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": queue_arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    assert sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn)["SubscriptionArn"] == "pending confirmation"
    sns.publish(TopicArn=arn, Message="too early")
    got = eventually(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2).get("Messages"))
    asked = json.loads(got[0]["Body"])
    assert asked["Type"] == "SubscriptionConfirmation" and asked["TopicArn"] == arn
    sqs.delete_message(QueueUrl=url, ReceiptHandle=got[0]["ReceiptHandle"])
    sns.confirm_subscription(TopicArn=arn, Token=asked["Token"])
    sns.publish(TopicArn=arn, Message="now")
    got = eventually(lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2).get("Messages"))
    assert json.loads(got[0]["Body"])["Message"] == "now"
    sns.delete_topic(TopicArn=arn)
    sqs.delete_queue(QueueUrl=url)
