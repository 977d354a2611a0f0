"""CloudWatch Logs: deletion, retention and tags of groups."""

import json
import time

import pytest
from conftest import ACCOUNT, REGION, error_of, eventually

DAY_MS = 24 * 60 * 60 * 1000
MISSING = ("ResourceNotFoundException", "The specified log group does not exist.")


@pytest.fixture
def logs(client):
    return client("logs")


@pytest.fixture
def group(logs, unique):
    """A log group with one stream named `a`."""
    name = "/test/" + unique("group")
    logs.create_log_group(logGroupName=name, tags={"team": "blue"})
    logs.create_log_stream(logGroupName=name, logStreamName="a")
    return name


def put(logs, group, *messages, ago_ms=0, stream="a"):
    now = int(time.time() * 1000) - ago_ms
    events = [{"timestamp": now, "message": message} for message in messages]
    return logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def messages(logs, group):
    return [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]


def described(logs, group):
    return logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]


def test_a_deleted_group_leaves_nothing_to_its_successor(logs, group):
    put(logs, group, *["x"] * 5000)
    logs.delete_log_group(logGroupName=group)
    assert described(logs, group) == []
    assert error_of(logs.delete_log_group, logGroupName=group) == MISSING
    assert error_of(logs.get_log_events, logGroupName=group, logStreamName="a") == MISSING
    logs.create_log_group(logGroupName=group)
    assert logs.describe_log_streams(logGroupName=group)["logStreams"] == []
    logs.create_log_stream(logGroupName=group, logStreamName="a")
    put(logs, group, "new")
    assert messages(logs, group) == ["new"]
    assert logs.list_tags_log_group(logGroupName=group)["tags"] == {}


def test_a_deleted_stream(logs, group):
    logs.create_log_stream(logGroupName=group, logStreamName="b")
    put(logs, group, "one")
    put(logs, group, "two", stream="b")
    logs.delete_log_stream(logGroupName=group, logStreamName="a")
    assert messages(logs, group) == ["two"]
    assert error_of(logs.delete_log_stream, logGroupName=group, logStreamName="a") == (
        "ResourceNotFoundException",
        "The specified log stream does not exist.",
    )
    assert described(logs, group)[0]["storedBytes"] == len("two") + 26


def test_deletion_protection(logs, group):
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    logs.put_log_group_deletion_protection(logGroupIdentifier=arn, deletionProtectionEnabled=True)
    assert described(logs, group)[0]["deletionProtectionEnabled"] is True
    assert error_of(logs.delete_log_group, logGroupName=group)[0] == "ValidationException"
    logs.put_log_group_deletion_protection(logGroupIdentifier=group, deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName=group)


def test_retention(logs, group):
    put(logs, group, "old", ago_ms=2 * DAY_MS)
    put(logs, group, "new")
    assert "retentionInDays" not in described(logs, group)[0]
    logs.put_retention_policy(logGroupName=group, retentionInDays=7)
    assert described(logs, group)[0]["retentionInDays"] == 7
    assert messages(logs, group) == ["old", "new"]
    logs.put_retention_policy(logGroupName=group, retentionInDays=1)
    assert messages(logs, group) == ["new"]
    # It is really gone.
    assert eventually(lambda: described(logs, group)[0]["storedBytes"] == len("new") + 26)
    answer = put(logs, group, "late", ago_ms=2 * DAY_MS)
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    logs.delete_retention_policy(logGroupName=group)
    assert "retentionInDays" not in described(logs, group)[0]
    code, message = error_of(logs.put_retention_policy, logGroupName=group, retentionInDays=2)
    assert (code, "retentionInDays" in message) == ("InvalidParameterException", True)
    assert error_of(logs.put_retention_policy, logGroupName="/no/such", retentionInDays=1) == MISSING


def test_tags(logs, group):
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"

    def tags(resource=arn):
        return logs.list_tags_for_resource(resourceArn=resource)["tags"]

    assert tags() == {"team": "blue"}
    # So says AWS's model.
    assert error_of(tags, resource=arn + ":*")[0] == "InvalidParameterException"
    logs.tag_resource(resourceArn=arn, tags={"team": "green", "gate": "7"})
    logs.tag_log_group(logGroupName=group, tags={"flight": "KE 1"})
    assert tags() == logs.list_tags_log_group(logGroupName=group)["tags"]
    assert tags() == {"team": "green", "gate": "7", "flight": "KE 1"}
    logs.untag_resource(resourceArn=arn, tagKeys=["gate", "none"])
    logs.untag_log_group(logGroupName=group, tags=["flight"])
    assert tags() == {"team": "green"}
    many = {f"key{n}": "x" for n in range(50)}
    assert error_of(logs.tag_resource, resourceArn=arn, tags=many)[0] == "TooManyTagsException"
    assert error_of(logs.tag_log_group, logGroupName=group, tags=many)[0] == "InvalidParameterException"
    assert error_of(logs.tag_resource, resourceArn=arn, tags={"aws:x": "y"})[0] == "InvalidParameterException"
    assert error_of(tags, resource=arn + "-none")[0] == "ResourceNotFoundException"


def test_tags_in_policies(client, logs, group, unique):
    iam = client("iam")
    user = unique("user")
    iam.create_user(UserName=user)
    statement = {
        "Effect": "Allow",
        "Action": "logs:*",
        "Resource": "*",
        "Condition": {
            "StringEquals": {"aws:ResourceTag/team": "blue"},
            "StringEqualsIfExists": {"aws:RequestTag/gate": "7"},
        },
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    other = client(
        "logs", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    other.tag_resource(resourceArn=arn, tags={"gate": "7"})
    assert error_of(other.tag_resource, resourceArn=arn, tags={"gate": "8"})[0] == "AccessDeniedException"
    logs.tag_resource(resourceArn=arn, tags={"team": "green"})
    assert error_of(other.tag_resource, resourceArn=arn, tags={"gate": "7"})[0] == "AccessDeniedException"
    assert error_of(other.delete_log_group, logGroupName=group)[0] == "AccessDeniedException"
