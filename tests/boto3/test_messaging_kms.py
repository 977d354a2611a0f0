"""SSE-KMS of queues and topics: the key matters, and so does who may use it."""

import json
import time

import pytest
from conftest import ACCOUNT, REGION, error_of, eventually


@pytest.fixture
def key(client):
    """Makes keys of KMS."""
    kms = client("kms")

    def make(*statements):
        own = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
        policy = {"Version": "2012-10-17", "Statement": [own, *statements]}
        return kms.create_key(Policy=json.dumps(policy))["KeyMetadata"]["KeyId"]

    return make


@pytest.fixture
def queue(client, unique):
    sqs, made = client("sqs"), []

    def make(**attributes):
        made.append(sqs.create_queue(QueueName=unique("q"), Attributes=attributes)["QueueUrl"])
        return made[-1]

    yield make
    for url in made:
        sqs.delete_queue(QueueUrl=url)


def arn_of(sqs, url):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def user(client, unique, *statements):
    """Keys of a user who may do this."""
    iam, name = client("iam"), unique("u")
    iam.create_user(UserName=name)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **s} for s in statements]}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return dict(aws_access_key_id=made["AccessKeyId"], aws_secret_access_key=made["SecretAccessKey"])


def bodies(sqs, url, **more):
    return [m["Body"] for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **more).get("Messages", [])]


def test_settings(client, queue, key):
    sqs = client("sqs")
    get = lambda url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    url = queue(KmsMasterKeyId=(own := key()))
    found = get(url)
    assert (found["KmsMasterKeyId"], found["KmsDataKeyReusePeriodSeconds"]) == (own, "300")
    assert found["SqsManagedSseEnabled"] == "false"
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsDataKeyReusePeriodSeconds": "60"})
    assert get(url)["KmsDataKeyReusePeriodSeconds"] == "60"
    for wrong in ["59", "86401", "x"]:
        code, _ = error_of(sqs.set_queue_attributes, QueueUrl=url, Attributes={"KmsDataKeyReusePeriodSeconds": wrong})
        assert code == "InvalidAttributeValue"
    both = {"KmsMasterKeyId": own, "SqsManagedSseEnabled": "true"}
    assert error_of(sqs.set_queue_attributes, QueueUrl=url, Attributes=both)[0] == "InvalidAttributeValue"
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"SqsManagedSseEnabled": "true"})
    assert "KmsMasterKeyId" not in get(url) and get(url)["SqsManagedSseEnabled"] == "true"
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": "alias/aws/sqs"})
    sqs.send_message(QueueUrl=url, MessageBody="managed")
    assert bodies(sqs, url) == ["managed"]


def test_the_key_of_a_queue_matters(client, queue, key):
    sqs, kms = client("sqs"), client("kms")
    own = key()
    url = queue(KmsMasterKeyId=own, VisibilityTimeout="0")
    sent = sqs.send_message(QueueUrl=url, MessageBody="비밀", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})
    got = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"][0]
    assert (got["Body"], got["MessageId"], got["MD5OfBody"]) == ("비밀", sent["MessageId"], sent["MD5OfMessageBody"])
    assert got["MessageAttributes"]["a"]["StringValue"] == "b"
    # A key that was never used here: nothing of it is in memory.
    other = key()
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": other})
    kms.disable_key(KeyId=other)
    code, text = error_of(sqs.send_message, QueueUrl=url, MessageBody="x")
    assert code == "KMS.DisabledException"
    assert "is disabled. (Service: AWSKMS; Status Code: 400; Error Code: DisabledException; Request ID: " in text
    batch = [{"Id": "1", "MessageBody": "x"}]
    assert error_of(sqs.send_message_batch, QueueUrl=url, Entries=batch)[0] == "KMS.DisabledException"
    kms.schedule_key_deletion(KeyId=other, PendingWindowInDays=7)
    assert error_of(sqs.send_message, QueueUrl=url, MessageBody="x")[0] == "KMS.InvalidStateException"
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"KmsMasterKeyId": "alias/not-there"})
    assert error_of(sqs.send_message, QueueUrl=url, MessageBody="x")[0] == "KMS.NotFoundException"
    # What is in the queue was sealed with the first key.
    assert bodies(sqs, url) == ["비밀"]


def test_who_may_send_and_receive(client, queue, key, unique):
    sqs, kms = client("sqs"), client("kms")
    own = key()
    key_arn = kms.describe_key(KeyId=own)["KeyMetadata"]["Arn"]
    url = queue(KmsMasterKeyId=own, VisibilityTimeout="0")
    queue_arn = arn_of(sqs, url)
    through = {"StringEquals": {"kms:ViaService": f"sqs.{REGION}.amazonaws.com", "kms:EncryptionContext:aws:sqs:arn": queue_arn}}
    may_sqs = dict(Action=["sqs:SendMessage", "sqs:ReceiveMessage"], Resource=queue_arn)
    sender = client("sqs", **user(client, unique, may_sqs, dict(Action=["kms:GenerateDataKey", "kms:Decrypt"], Resource=key_arn, Condition=through)))
    sender.send_message(QueueUrl=url, MessageBody="from a sender")
    reader_keys = user(client, unique, may_sqs, dict(Action="kms:Decrypt", Resource=key_arn, Condition=through))
    reader = client("sqs", **reader_keys)
    assert bodies(reader, url) == ["from a sender"]
    assert error_of(reader.send_message, QueueUrl=url, MessageBody="x")[0] == "KMS.AccessDeniedException"
    nobody = client("sqs", **user(client, unique, may_sqs))
    assert error_of(nobody.send_message, QueueUrl=url, MessageBody="x")[0] == "KMS.AccessDeniedException"
    code, text = error_of(nobody.receive_message, QueueUrl=url)
    assert code == "KMS.AccessDeniedException" and "kms:Decrypt" in text
    # The condition holds SQS's use alone: by the same key and directly the user may not.
    assert error_of(client("kms", **reader_keys).generate_data_key, KeyId=own, KeySpec="AES_256")[0] == "AccessDeniedException"


def test_dead_letters_and_moves_stay_readable(client, queue, key):
    sqs = client("sqs")
    dead = queue()
    redrive = json.dumps({"deadLetterTargetArn": arn_of(sqs, dead), "maxReceiveCount": 1})
    url = queue(KmsMasterKeyId=key(), VisibilityTimeout="0", RedrivePolicy=redrive)
    sent = sqs.send_message(QueueUrl=url, MessageBody="unlucky")
    assert bodies(sqs, url) == ["unlucky"]
    assert bodies(sqs, url) == []
    assert bodies(sqs, dead, VisibilityTimeout=0) == ["unlucky"]
    sqs.start_message_move_task(SourceArn=arn_of(sqs, dead))
    back = eventually(lambda: sqs.receive_message(QueueUrl=url).get("Messages"))
    assert back[0]["Body"] == "unlucky" and back[0]["MessageId"] != sent["MessageId"]


def test_fifo_attempts_are_repeated(client, unique, key):
    sqs = client("sqs")
    name = unique("q") + ".fifo"
    url = sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true", "KmsMasterKeyId": key()})["QueueUrl"]
    for body in ["one", "two"]:
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g", MessageDeduplicationId=body)
    for _ in range(2):
        assert bodies(sqs, url, ReceiveRequestAttemptId="same") == ["one", "two"]
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def topic(client, unique):
    sns, made = client("sns"), []

    def make(**attributes):
        made.append(sns.create_topic(Name=unique("t"), Attributes=attributes)["TopicArn"])
        return made[-1]

    yield make
    for arn in made:
        sns.delete_topic(TopicArn=arn)


def open_to_sns(sqs, url):
    arn = arn_of(sqs, url)
    statement = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return arn


def test_the_key_of_a_topic_matters(client, topic, queue, key, unique):
    sns, sqs, kms = client("sns"), client("sqs"), client("kms")
    own = key()
    arn, url = topic(KmsMasterKeyId=own), queue()
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["KmsMasterKeyId"] == own
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=open_to_sns(sqs, url))
    sent = sns.publish(TopicArn=arn, Message="비밀", Subject="s")
    got = json.loads(eventually(lambda: bodies(sqs, url))[0])
    assert (got["Message"], got["Subject"], got["MessageId"]) == ("비밀", "s", sent["MessageId"])
    may = client("sns", **user(client, unique, dict(Action="sns:Publish", Resource="*")))
    assert error_of(may.publish, TopicArn=arn, Message="x")[0] == "KMSAccessDenied"
    kms.disable_key(KeyId=own)
    code, text = error_of(sns.publish, TopicArn=arn, Message="x")
    assert code == "KMSDisabled" and "Error Code: DisabledException" in text
    entries = [{"Id": "1", "Message": "x"}]
    assert error_of(sns.publish_batch, TopicArn=arn, PublishBatchRequestEntries=entries)[0] == "KMSDisabled"
    sns.set_topic_attributes(TopicArn=arn, AttributeName="KmsMasterKeyId", AttributeValue="")
    sns.publish(TopicArn=arn, Message="open")
    assert json.loads(eventually(lambda: bodies(sqs, url))[0])["Message"] == "open"


def test_a_topic_reaches_an_encrypted_queue_if_the_key_lets_it(client, topic, queue, key):
    sns, sqs = client("sns"), client("sqs")
    closed, opened = queue(KmsMasterKeyId=key()), queue(
        KmsMasterKeyId=key(
            {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": ["kms:GenerateDataKey*", "kms:Decrypt"],
                "Resource": "*",
            }
        )
    )
    arn = topic()
    for url in [closed, opened]:
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=open_to_sns(sqs, url), Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=arn, Message="hello")
    assert eventually(lambda: bodies(sqs, opened)) == ["hello"]
    time.sleep(0.3)
    assert bodies(sqs, closed) == []
