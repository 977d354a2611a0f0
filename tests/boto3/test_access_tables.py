"""For each service: what a policy says × a request × what comes of it. The user has this one policy alone."""

import json
import re
import uuid

import pytest
from botocore.exceptions import ClientError
from conftest import ACCOUNT, REGION

DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "AccessDeniedFault"}
TEAM, MINE, YOURS = "team", "desk", "tower"


def allow(action, resource="*", **condition):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **({"Condition": condition} if condition else {})}


def deny(action, resource="*", **condition):
    return {**allow(action, resource, **condition), "Effect": "Deny"}


def equals(key, *values):
    return {"StringEquals": {key: list(values)}}


def tag_keys(operator, *keys):
    return {f"{operator}:StringEquals": {"aws:TagKeys": list(keys)}}


class Someone:
    """A user whose one policy is set anew for every row."""

    def __init__(self, client):
        self.iam, self.name = client("iam"), f"row-{uuid.uuid4().hex[:8]}"
        self.iam.create_user(UserName=self.name)
        key = self.iam.create_access_key(UserName=self.name)["AccessKey"]
        keys = dict(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
        self.client = lambda service: client(service, **keys)

    def may(self, *statements):
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        self.iam.put_user_policy(UserName=self.name, PolicyName="row", PolicyDocument=document)


@pytest.fixture(scope="module")
def someone(client):
    return Someone(client)


def check(someone, service, statements, call, arguments, allowed):
    someone.may(*statements)
    try:
        getattr(someone.client(service), call)(**arguments)
        found = True
    except ClientError as error:
        code = error.response["Error"]["Code"]
        assert code in DENIED, f"neither done nor refused: {error}"
        action = re.search(r"to perform: (\S+)", error.response["Error"]["Message"])
        assert action and action[1].lower().startswith(f"{service}:"), error
        found = False
    assert found == allowed, f"{call}({arguments}) under {statements}"


def name():
    return f"row-{uuid.uuid4().hex[:10]}"


def tags(**pairs):
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


@pytest.fixture(scope="module")
def people(client):
    """Users of both teams."""
    iam, found = client("iam"), {}
    for team in [MINE, YOURS]:
        found[team] = name()
        iam.create_user(UserName=found[team], Path="/people/", Tags=tags(team=team))
    return found


ANYONE = f"arn:aws:iam::{ACCOUNT}:user/people/*"
IAM = [
    ([allow("iam:GetUser", ANYONE)], "get_user", dict(UserName=MINE), True),
    ([allow("iam:GetUser", f"arn:aws:iam::{ACCOUNT}:user/{MINE}")], "get_user", dict(UserName=MINE), False),
    ([allow("iam:Get*", ANYONE)], "list_user_tags", dict(UserName=MINE), False),
    ([allow("iam:GetUser", ANYONE, **equals("aws:ResourceTag/team", MINE))], "get_user", dict(UserName=MINE), True),
    ([allow("iam:GetUser", ANYONE, **equals("aws:ResourceTag/team", MINE))], "get_user", dict(UserName=YOURS), False),
    ([allow("iam:GetUser", ANYONE, **equals("iam:ResourceTag/Team", MINE))], "get_user", dict(UserName=MINE), True),
    ([allow("iam:GetUser"), deny("iam:*", ANYONE, **equals("aws:ResourceTag/team", YOURS))], "get_user", dict(UserName=YOURS), False),
    ([allow("iam:TagUser", ANYONE, **equals("aws:RequestTag/stage", "test"))], "tag_user", dict(UserName=MINE, Tags=tags(stage="test")), True),
    ([allow("iam:TagUser", ANYONE, **equals("aws:RequestTag/stage", "test"))], "tag_user", dict(UserName=MINE, Tags=tags(stage="live")), False),
    ([allow("iam:TagUser", ANYONE, **tag_keys("ForAllValues", "stage"))], "tag_user", dict(UserName=MINE, Tags=tags(stage="x", other="y")), False),
    ([allow("iam:UntagUser", ANYONE, **tag_keys("ForAllValues", "stage"))], "untag_user", dict(UserName=MINE, TagKeys=["stage"]), True),
    ([allow("iam:UntagUser", ANYONE, **tag_keys("ForAllValues", "stage"))], "untag_user", dict(UserName=MINE, TagKeys=["team"]), False),
    ([allow("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/new/*")], "create_user", dict(UserName=name(), Path="/new/"), True),
    ([allow("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/new/*")], "create_user", dict(UserName=name(), Path="/old/"), False),
    ([allow("iam:ListUsers")], "list_users", {}, True),
    ([allow("iam:ListUsers", ANYONE)], "list_users", {}, False),
    ([{"Effect": "Allow", "NotAction": "iam:Delete*", "Resource": "*"}], "delete_user", dict(UserName="nobody"), False),
    ([allow("iam:*", **{"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}})], "list_users", {}, True),
    ([allow("iam:*", **{"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}})], "list_users", {}, False),
    ([allow("iam:*", **{"Bool": {"aws:SecureTransport": "true"}})], "list_users", {}, False),
]


@pytest.mark.parametrize("row", range(len(IAM)))
def test_iam(someone, people, row):
    statements, call, arguments, allowed = IAM[row]
    named = {**arguments, **({"UserName": people[arguments["UserName"]]} if arguments.get("UserName") in people else {})}
    statements = json.loads(json.dumps(statements).replace(f"user/{MINE}\"", f"user/{people[MINE]}\""))
    check(someone, "iam", statements, call, named, allowed)


@pytest.fixture(scope="module")
def keys(client):
    kms, found = client("kms"), {}
    for team in [MINE, YOURS]:
        made = kms.create_key(Tags=[{"TagKey": "team", "TagValue": team}])["KeyMetadata"]
        found[team] = made["KeyId"]
        kms.create_alias(AliasName=f"alias/{team}-{made['KeyId']}", TargetKeyId=made["KeyId"])
    blob = kms.encrypt(KeyId=found[MINE], Plaintext=b"x", EncryptionContext={"app": "a"})["CiphertextBlob"]
    return found, blob


def kms_tags(**pairs):
    return [{"TagKey": key, "TagValue": value} for key, value in pairs.items()]


KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/"
KMS = [
    ([allow("kms:Encrypt", KEY + MINE)], "encrypt", dict(KeyId=MINE, Plaintext=b"x"), True),
    ([allow("kms:Encrypt", KEY + MINE)], "encrypt", dict(KeyId=YOURS, Plaintext=b"x"), False),
    ([allow("kms:Encrypt", KEY + MINE)], "encrypt", dict(KeyId="alias/" + MINE, Plaintext=b"x"), True),
    ([allow("kms:Decrypt", KEY + MINE)], "encrypt", dict(KeyId=MINE, Plaintext=b"x"), False),
    ([allow("kms:Decrypt", KEY + MINE)], "decrypt", dict(EncryptionContext={"app": "a"}), True),
    ([allow("kms:Decrypt", KEY + YOURS)], "decrypt", dict(EncryptionContext={"app": "a"}), False),
    ([allow("kms:Decrypt", **equals("kms:EncryptionContext:app", "a"))], "decrypt", dict(EncryptionContext={"app": "a"}), True),
    ([allow("kms:Decrypt", **equals("kms:EncryptionContext:app", "b"))], "decrypt", dict(EncryptionContext={"app": "a"}), False),
    ([allow("kms:Encrypt", **equals("kms:EncryptionContext:app", "a"))], "encrypt", dict(KeyId=MINE, Plaintext=b"x"), False),
    ([allow("kms:Encrypt", **{"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["app"]}})], "encrypt", dict(KeyId=MINE, Plaintext=b"x", EncryptionContext={"app": "a", "z": "y"}), False),
    ([allow("kms:*", **equals("aws:ResourceTag/team", MINE))], "generate_data_key", dict(KeyId=MINE, KeySpec="AES_256"), True),
    ([allow("kms:*", **equals("aws:ResourceTag/team", MINE))], "generate_data_key", dict(KeyId=YOURS, KeySpec="AES_256"), False),
    ([allow("kms:*", **{"ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/desk-*"}})], "describe_key", dict(KeyId=MINE), True),
    ([allow("kms:*", **{"ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/desk-*"}})], "describe_key", dict(KeyId=YOURS), False),
    ([allow("kms:Encrypt", **equals("kms:ViaService", f"s3.{REGION}.amazonaws.com"))], "encrypt", dict(KeyId=MINE, Plaintext=b"x"), False),
    ([allow("kms:CreateKey", **equals("kms:KeySpec", "ECC_NIST_P256"))], "create_key", dict(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY"), True),
    ([allow("kms:CreateKey", **equals("kms:KeySpec", "ECC_NIST_P256"))], "create_key", {}, False),
    ([allow("kms:CreateKey"), allow("kms:TagResource", **equals("aws:RequestTag/team", MINE))], "tag_resource", dict(KeyId=MINE, Tags=kms_tags(team=MINE)), True),
    ([allow("kms:TagResource", **equals("aws:RequestTag/team", MINE))], "tag_resource", dict(KeyId=MINE, Tags=kms_tags(team=YOURS)), False),
    ([allow("kms:ScheduleKeyDeletion", **{"NumericGreaterThanEquals": {"kms:ScheduleKeyDeletionPendingWindowInDays": "20"}})], "schedule_key_deletion", dict(KeyId=YOURS, PendingWindowInDays=7), False),
]


@pytest.mark.parametrize("row", range(len(KMS)))
def test_kms(someone, keys, row):
    statements, call, arguments, allowed = KMS[row]
    ids, blob = keys
    given = dict(arguments)
    if "KeyId" in given:
        alias = given["KeyId"].startswith("alias/")
        team = given["KeyId"].removeprefix("alias/")
        given["KeyId"] = f"alias/{team}-{ids[team]}" if alias else ids[team]
    if call == "decrypt":
        given["CiphertextBlob"] = blob
    text = json.dumps(statements)
    for team in [MINE, YOURS]:
        text = text.replace(f"{KEY}{team}\"", f"{KEY}{ids[team]}\"")
    check(someone, "kms", json.loads(text), call, given, allowed)


@pytest.fixture(scope="module")
def queues(client):
    sqs, found = client("sqs"), {}
    for team in [MINE, YOURS]:
        made = f"{team}-{name()}"
        found[team] = sqs.create_queue(QueueName=made, tags={"team": team})["QueueUrl"]
    sqs.send_message(QueueUrl=found[MINE], MessageBody="x")
    return found


QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:"
SQS = [
    ([allow("sqs:SendMessage", QUEUE + "desk-*")], "send_message", dict(QueueUrl=MINE, MessageBody="x"), True),
    ([allow("sqs:SendMessage", QUEUE + "desk-*")], "send_message", dict(QueueUrl=YOURS, MessageBody="x"), False),
    ([allow("sqs:SendMessage", QUEUE + "desk-*")], "receive_message", dict(QueueUrl=MINE), False),
    ([allow("sqs:SendMessage", QUEUE + "*")], "send_message_batch", dict(QueueUrl=MINE, Entries=[dict(Id="a", MessageBody="x")]), True),
    ([allow("sqs:SendMessageBatch", QUEUE + "*")], "send_message_batch", dict(QueueUrl=MINE, Entries=[dict(Id="a", MessageBody="x")]), False),
    ([allow("SQS:sendmessage", QUEUE + "*")], "send_message", dict(QueueUrl=MINE, MessageBody="x"), True),
    ([allow("sqs:*", **equals("aws:ResourceTag/team", MINE))], "receive_message", dict(QueueUrl=MINE), True),
    ([allow("sqs:*", **equals("aws:ResourceTag/team", MINE))], "receive_message", dict(QueueUrl=YOURS), False),
    ([allow("sqs:*"), deny("sqs:PurgeQueue")], "purge_queue", dict(QueueUrl=MINE), False),
    ([allow("sqs:TagQueue", **equals("aws:RequestTag/stage", "test"))], "tag_queue", dict(QueueUrl=MINE, Tags={"stage": "test"}), True),
    ([allow("sqs:TagQueue", **equals("aws:RequestTag/stage", "test"))], "tag_queue", dict(QueueUrl=MINE, Tags={"stage": "live"}), False),
    ([allow("sqs:UntagQueue", **tag_keys("ForAllValues", "stage"))], "untag_queue", dict(QueueUrl=MINE, TagKeys=["team"]), False),
    ([allow("sqs:CreateQueue", QUEUE + "new-*")], "create_queue", dict(QueueName="new-" + name()), True),
    ([allow("sqs:CreateQueue", QUEUE + "new-*")], "create_queue", dict(QueueName="old-" + name()), False),
    ([allow("sqs:ListQueues")], "list_queues", {}, True),
    ([allow("sqs:ListQueues", QUEUE + "desk-*")], "list_queues", {}, False),
]


@pytest.mark.parametrize("row", range(len(SQS)))
def test_sqs(someone, queues, row):
    statements, call, arguments, allowed = SQS[row]
    given = {**arguments, **({"QueueUrl": queues[arguments["QueueUrl"]]} if "QueueUrl" in arguments else {})}
    check(someone, "sqs", statements, call, given, allowed)


@pytest.fixture(scope="module")
def buckets(client):
    s3, found = client("s3"), {}
    for team in [MINE, YOURS]:
        found[team] = f"{team}-{name()}"
        s3.create_bucket(Bucket=found[team], CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=found[team], Key="home/a", Body=b"x", Tagging=f"team={team}")
    return found


S3 = [
    ([allow("s3:GetObject", "arn:aws:s3:::desk-*/home/*")], "get_object", dict(Bucket=MINE, Key="home/a"), True),
    ([allow("s3:GetObject", "arn:aws:s3:::desk-*/home/*")], "get_object", dict(Bucket=YOURS, Key="home/a"), False),
    ([allow("s3:GetObject", "arn:aws:s3:::desk-*")], "get_object", dict(Bucket=MINE, Key="home/a"), True),
    ([allow("s3:GetObject", "arn:aws:s3:::*/home/*")], "put_object", dict(Bucket=MINE, Key="home/a", Body=b"y"), False),
    ([allow("s3:PutObject", "arn:aws:s3:::*/home/*")], "put_object", dict(Bucket=MINE, Key="home/b", Body=b"y"), True),
    ([allow("s3:PutObject", "arn:aws:s3:::*/home/*")], "put_object", dict(Bucket=MINE, Key="other/b", Body=b"y"), False),
    ([allow("s3:GetObject", **equals("s3:ExistingObjectTag/team", MINE))], "get_object", dict(Bucket=MINE, Key="home/a"), True),
    ([allow("s3:GetObject", **equals("s3:ExistingObjectTag/team", MINE))], "get_object", dict(Bucket=YOURS, Key="home/a"), False),
    ([allow("s3:PutObject"), allow("s3:PutObjectTagging", **equals("s3:RequestObjectTag/stage", "test"))], "put_object", dict(Bucket=MINE, Key="t", Body=b"", Tagging="stage=test"), True),
    ([allow("s3:PutObject"), allow("s3:PutObjectTagging", **equals("s3:RequestObjectTag/stage", "test"))], "put_object", dict(Bucket=MINE, Key="t", Body=b"", Tagging="stage=live"), False),
    ([allow("s3:PutObject")], "put_object", dict(Bucket=MINE, Key="t", Body=b"", Tagging="stage=test"), False),
    ([allow("s3:ListBucket", **equals("s3:prefix", "home/"))], "list_objects_v2", dict(Bucket=MINE, Prefix="home/"), True),
    ([allow("s3:ListBucket", **equals("s3:prefix", "home/"))], "list_objects_v2", dict(Bucket=MINE), False),
    ([allow("s3:ListBucket", "arn:aws:s3:::desk-*/*")], "list_objects_v2", dict(Bucket=MINE), False),
    ([allow("s3:ListAllMyBuckets")], "list_buckets", {}, True),
    ([allow("s3:*"), deny("s3:DeleteObject")], "delete_object", dict(Bucket=MINE, Key="home/a"), False),
    ([allow("s3:PutObject", **equals("s3:x-amz-server-side-encryption", "aws:kms"))], "put_object", dict(Bucket=MINE, Key="e", Body=b""), False),
    ([allow("s3:DeleteObject")], "delete_object", dict(Bucket=MINE, Key="home/a", VersionId="null"), False),
]


@pytest.mark.parametrize("row", range(len(S3)))
def test_s3(someone, buckets, row):
    statements, call, arguments, allowed = S3[row]
    given = {**arguments, **({"Bucket": buckets[arguments["Bucket"]]} if "Bucket" in arguments else {})}
    check(someone, "s3", statements, call, given, allowed)


@pytest.fixture(scope="module")
def topics(client):
    sns = client("sns")
    return {team: sns.create_topic(Name=f"{team}-{name()}", Tags=tags(team=team))["TopicArn"] for team in [MINE, YOURS]}


TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:"
SNS = [
    ([allow("sns:Publish", TOPIC + "desk-*")], "publish", dict(TopicArn=MINE, Message="x"), True),
    ([allow("sns:Publish", TOPIC + "desk-*")], "publish", dict(TopicArn=YOURS, Message="x"), False),
    ([allow("sns:Publish", TOPIC + "*")], "publish_batch", dict(TopicArn=MINE, PublishBatchRequestEntries=[dict(Id="a", Message="x")]), True),
    ([allow("sns:*", **equals("aws:ResourceTag/team", MINE))], "get_topic_attributes", dict(TopicArn=MINE), True),
    ([allow("sns:*", **equals("aws:ResourceTag/team", MINE))], "get_topic_attributes", dict(TopicArn=YOURS), False),
    ([allow("sns:Subscribe", **equals("sns:Protocol", "sms"))], "subscribe", dict(TopicArn=MINE, Protocol="sms", Endpoint="+821012345678"), True),
    ([allow("sns:Subscribe", **equals("sns:Protocol", "sms"))], "subscribe", dict(TopicArn=MINE, Protocol="email", Endpoint="a@example.com"), False),
    ([allow("sns:Subscribe", **{"StringLike": {"sns:Endpoint": "*@example.com"}})], "subscribe", dict(TopicArn=MINE, Protocol="email", Endpoint="a@example.org"), False),
    ([allow("sns:TagResource", **equals("aws:RequestTag/stage", "test"))], "tag_resource", dict(ResourceArn=MINE, Tags=tags(stage="live")), False),
    ([allow("sns:TagResource", **tag_keys("ForAllValues", "stage"))], "tag_resource", dict(ResourceArn=MINE, Tags=tags(stage="live")), True),
    ([allow("sns:CreateTopic", TOPIC + "new-*")], "create_topic", dict(Name="old"), False),
]


@pytest.mark.parametrize("row", range(len(SNS)))
def test_sns(someone, topics, row):
    statements, call, arguments, allowed = SNS[row]
    given = {key: topics.get(value, value) if isinstance(value, str) else value for key, value in arguments.items()}
    check(someone, "sns", statements, call, given, allowed)


@pytest.fixture(scope="module")
def groups(client):
    logs, found = client("logs"), {}
    for team in [MINE, YOURS]:
        found[team] = f"/{team}/{name()}"
        logs.create_log_group(logGroupName=found[team], tags={"team": team})
        logs.create_log_stream(logGroupName=found[team], logStreamName="s")
    return found


GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:"
EVENTS = [{"timestamp": 1_800_000_000_000, "message": "x"}]
LOGS = [
    ([allow("logs:DescribeLogStreams", GROUP + "/desk/*")], "describe_log_streams", dict(logGroupName=MINE), True),
    ([allow("logs:DescribeLogStreams", GROUP + "/desk/*")], "describe_log_streams", dict(logGroupName=YOURS), False),
    ([allow("logs:*", **equals("aws:ResourceTag/team", MINE))], "describe_log_streams", dict(logGroupName=MINE), True),
    ([allow("logs:*", **equals("aws:ResourceTag/team", MINE))], "describe_log_streams", dict(logGroupName=YOURS), False),
    ([allow("logs:*", **equals("aws:ResourceTag/team", MINE))], "get_log_events", dict(logGroupName=MINE, logStreamName="s"), True),
    ([allow("logs:*", **equals("aws:ResourceTag/team", MINE))], "get_log_events", dict(logGroupName=YOURS, logStreamName="s"), False),
    ([allow("logs:PutLogEvents", GROUP + "*:log-stream:s")], "put_log_events", dict(logGroupName=MINE, logStreamName="s", logEvents=EVENTS), True),
    ([allow("logs:PutLogEvents", GROUP + "*:log-stream:t")], "put_log_events", dict(logGroupName=MINE, logStreamName="s", logEvents=EVENTS), False),
    ([allow("logs:CreateLogGroup", **equals("aws:RequestTag/team", MINE))], "create_log_group", dict(logGroupName=name(), tags={"team": MINE}), True),
    ([allow("logs:CreateLogGroup", **equals("aws:RequestTag/team", MINE))], "create_log_group", dict(logGroupName=name(), tags={"team": YOURS}), False),
    ([allow("logs:CreateLogGroup", **equals("aws:RequestTag/team", MINE))], "create_log_group", dict(logGroupName=name()), False),
]


@pytest.mark.parametrize("row", range(len(LOGS)))
def test_logs(someone, groups, row):
    statements, call, arguments, allowed = LOGS[row]
    named = arguments["logGroupName"]
    check(someone, "logs", statements, call, {**arguments, "logGroupName": groups.get(named, named)}, allowed)


@pytest.fixture(scope="module")
def rules(client):
    """A bus of each team, with a rule of the same tags."""
    events, found = client("events"), {}
    for team in [MINE, YOURS]:
        found[team] = f"{team}-{name()}"
        events.create_event_bus(Name=found[team], Tags=tags(team=team))
        events.put_rule(Name="r", EventBusName=found[team], EventPattern='{"source": ["a"]}', Tags=tags(team=team))
    return found


BUS = f"arn:aws:events:{REGION}:{ACCOUNT}:"
ENTRY = {"Source": "shop", "DetailType": "sold", "Detail": "{}"}
EVENT_RULES = [
    ([allow("events:PutEvents", BUS + "event-bus/desk-*")], "put_events", dict(Entries=[{**ENTRY, "EventBusName": MINE}]), True),
    ([allow("events:PutEvents", BUS + "event-bus/desk-*")], "put_events", dict(Entries=[{**ENTRY, "EventBusName": YOURS}]), False),
    ([allow("events:PutEvents", BUS + "event-bus/desk-*")], "put_events", dict(Entries=[{**ENTRY, "EventBusName": MINE}, ENTRY]), False),
    ([allow("events:PutEvents", BUS + "event-bus/default")], "put_events", dict(Entries=[ENTRY]), True),
    ([allow("events:PutEvents", **equals("events:source", "shop"))], "put_events", dict(Entries=[ENTRY]), True),
    ([allow("events:PutEvents", **equals("events:source", "desk"))], "put_events", dict(Entries=[ENTRY]), False),
    ([allow("events:PutEvents", **equals("events:detail-type", "sold"))], "put_events", dict(Entries=[ENTRY]), True),
    ([allow("events:DescribeRule", BUS + "rule/desk-*/r")], "describe_rule", dict(Name="r", EventBusName=MINE), True),
    ([allow("events:DescribeRule", BUS + "rule/desk-*/r")], "describe_rule", dict(Name="r", EventBusName=YOURS), False),
    ([allow("events:*", **equals("aws:ResourceTag/team", MINE))], "disable_rule", dict(Name="r", EventBusName=MINE), True),
    ([allow("events:*", **equals("aws:ResourceTag/team", MINE))], "disable_rule", dict(Name="r", EventBusName=YOURS), False),
    ([allow("events:*", **equals("aws:ResourceTag/team", MINE))], "describe_event_bus", dict(Name=YOURS), False),
    ([allow("events:PutRule", BUS + "rule/new-*")], "put_rule", dict(Name="new-r", EventPattern='{"source": ["a"]}'), True),
    ([allow("events:PutRule", BUS + "rule/new-*")], "put_rule", dict(Name="old-r", EventPattern='{"source": ["a"]}'), False),
    ([allow("events:CreateEventBus", **equals("aws:RequestTag/team", MINE))], "create_event_bus", dict(Name=name(), Tags=tags(team=MINE)), True),
    ([allow("events:CreateEventBus", **equals("aws:RequestTag/team", MINE))], "create_event_bus", dict(Name=name()), False),
    ([allow("events:ListRules")], "list_rules", {}, True),
    ([allow("events:ListRules"), deny("events:*")], "list_rules", {}, False),
]


@pytest.mark.parametrize("row", range(len(EVENT_RULES)))
def test_events(someone, rules, row):
    statements, call, arguments, allowed = EVENT_RULES[row]
    text = json.dumps(arguments)
    for team in [MINE, YOURS]:
        text = text.replace(f'"EventBusName": "{team}"', f'"EventBusName": "{rules[team]}"')
        text = text.replace(f'"Name": "{team}"', f'"Name": "{rules[team]}"')
    check(someone, "events", statements, call, json.loads(text), allowed)
