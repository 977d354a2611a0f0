"""AssumeRoot: tasks of a member account's root user, by the account that manages the organization."""

import json

import pytest
from botocore.exceptions import ClientError
from conftest import ACCOUNT

MEMBER = "333344445555"
TASK = "arn:aws:iam::aws:policy/root-task/"
NOBODY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}]}


def denied(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


@pytest.fixture
def feature(client):
    """Enables both features for a test."""
    iam = client("iam")
    iam.enable_organizations_root_sessions()
    answer = iam.enable_organizations_root_credentials_management()
    assert answer["OrganizationId"] == f"o-{ACCOUNT}"
    assert answer["EnabledFeatures"] == ["RootCredentialsManagement", "RootSessions"]
    yield
    iam.disable_organizations_root_credentials_management()
    assert iam.disable_organizations_root_sessions()["EnabledFeatures"] == []


@pytest.fixture
def manager(client, unique):
    """STS as a user who may do such a task on every member."""
    iam = client("iam")

    def make(task):
        name = unique("manager")
        iam.create_user(UserName=name)
        statement = {
            "Effect": "Allow",
            "Action": "sts:AssumeRoot",
            "Resource": "arn:aws:iam::*:root",
            "Condition": {"StringEquals": {"sts:TaskPolicyArn": TASK + task}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return client("sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])

    return make


def session(client, sts, task, service, target=MEMBER):
    keys = sts.assume_root(TargetPrincipal=target, TaskPolicyArn={"arn": TASK + task})["Credentials"]
    return client(
        service,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def test_a_locked_bucket_opens_again(client, feature, manager, unique):
    owner = client("s3", aws_access_key_id=MEMBER)
    bucket = unique("locked")
    owner.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    owner.put_object(Bucket=bucket, Key="k", Body=b"v")
    document = json.loads(json.dumps(NOBODY).replace('"*"}', f'["arn:aws:s3:::{bucket}", "arn:aws:s3:::{bucket}/*"]}}'))
    document["Statement"][0]["Action"] = "s3:*"
    owner.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
    sts = manager("S3UnlockBucketPolicy")
    root = session(client, sts, "S3UnlockBucketPolicy", "s3")
    assert json.loads(root.get_bucket_policy(Bucket=bucket)["Policy"]) == document
    # Nothing but the task.
    assert denied(root.get_object, Bucket=bucket, Key="k") == "AccessDenied"
    assert denied(root.delete_bucket, Bucket=bucket) == "AccessDenied"
    root.delete_bucket_policy(Bucket=bucket)
    assert denied(owner.get_bucket_policy, Bucket=bucket) == "NoSuchBucketPolicy"
    owner.delete_object(Bucket=bucket, Key="k")
    owner.delete_bucket(Bucket=bucket)


def test_a_locked_queue_opens_again(client, feature, manager, unique):
    owner = client("sqs", aws_access_key_id=MEMBER)
    url = owner.create_queue(QueueName=unique("locked"))["QueueUrl"]
    arn = owner.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    owner.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    root = session(client, manager("SQSUnlockQueuePolicy"), "SQSUnlockQueuePolicy", "sqs", f"arn:aws:iam::{MEMBER}:root")
    assert root.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"] == policy
    assert "AccessDenied" in denied(root.send_message, QueueUrl=url, MessageBody="no")
    root.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert "Attributes" not in owner.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
    owner.delete_queue(QueueUrl=url)


def test_keys_of_a_root_user_are_found_and_deleted(client, feature, manager):
    member = client("iam", aws_access_key_id=MEMBER)
    key = member.create_access_key()["AccessKey"]["AccessKeyId"]
    audit = session(client, manager("IAMAuditRootUserCredentials"), "IAMAuditRootUserCredentials", "iam")
    assert [found["AccessKeyId"] for found in audit.list_access_keys()["AccessKeyMetadata"]] == [key]
    assert denied(audit.delete_access_key, AccessKeyId=key) == "AccessDenied"
    session(client, manager("IAMDeleteRootUserCredentials"), "IAMDeleteRootUserCredentials", "iam").delete_access_key(AccessKeyId=key)
    assert audit.list_access_keys()["AccessKeyMetadata"] == []


def test_who_may_not(client, feature, manager, unique):
    task = {"arn": TASK + "S3UnlockBucketPolicy"}
    sts = manager("S3UnlockBucketPolicy")
    who = session(client, sts, "S3UnlockBucketPolicy", "sts").get_caller_identity()
    assert (who["Account"], who["Arn"]) == (MEMBER, f"arn:aws:iam::{MEMBER}:root")
    # Root users, other tasks than the policy's, what is no task or account, the manager's own root.
    assert denied(client("sts").assume_root, TargetPrincipal=MEMBER, TaskPolicyArn=task) == "AccessDenied"
    other = {"arn": TASK + "SQSUnlockQueuePolicy"}
    assert denied(sts.assume_root, TargetPrincipal=MEMBER, TaskPolicyArn=other) == "AccessDenied"
    bad = {"arn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    assert denied(sts.assume_root, TargetPrincipal=MEMBER, TaskPolicyArn=bad) == "ValidationError"
    assert denied(sts.assume_root, TargetPrincipal="not-an-account", TaskPolicyArn=task) == "ValidationError"
    assert denied(sts.assume_root, TargetPrincipal=ACCOUNT, TaskPolicyArn=task) == "AccessDenied"
    # Members manage nothing, and without the feature nobody may.
    assert denied(client("iam", aws_access_key_id=MEMBER).list_organizations_features) == "CallerIsNotManagementAccount"
    client("iam").disable_organizations_root_sessions()
    assert denied(sts.assume_root, TargetPrincipal=MEMBER, TaskPolicyArn=task) == "AccessDenied"
