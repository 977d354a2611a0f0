"""Buckets' settings: policy, public access, ownership, ACLs, encryption, tags, lifecycle, lock, website."""

import datetime
import json

import pytest
from botocore.exceptions import ClientError

ALL_BLOCKED = dict.fromkeys(
    ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"], True
)


@pytest.fixture
def s3(client):
    return client("s3", region_name="us-east-1")


@pytest.fixture
def bucket(s3, unique):
    name = unique("settings")
    s3.create_bucket(Bucket=name)
    return name


def refused(code, call, **arguments):
    """The message of a refusal with this code."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    assert error["Code"] == code, error
    return error["Message"]


def public_policy(bucket):
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "Read",
                    "Effect": "Allow",
                    "Principal": "*",
                    "Action": "s3:GetObject",
                    "Resource": f"arn:aws:s3:::{bucket}/*",
                }
            ],
        }
    )


def test_policies_are_kept_as_they_were_sent(s3, bucket):
    refused("NoSuchBucketPolicy", s3.get_bucket_policy, Bucket=bucket)
    message = refused("MalformedPolicy", s3.put_bucket_policy, Bucket=bucket, Policy="nonsense")
    assert "valid JSON" in message
    other = public_policy("some-other-bucket")
    message = refused("MalformedPolicy", s3.put_bucket_policy, Bucket=bucket, Policy=other)
    assert message == "Policy has invalid resource"
    message = refused("AccessDenied", s3.put_bucket_policy, Bucket=bucket, Policy=public_policy(bucket))
    assert "BlockPublicPolicy" in message
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=public_policy(bucket))
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == public_policy(bucket)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    s3.delete_bucket_policy(Bucket=bucket)
    refused("NoSuchBucketPolicy", s3.get_bucket_policy_status, Bucket=bucket)


def test_new_buckets_are_closed(s3, bucket):
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert block == ALL_BLOCKED
    rules = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    s3.delete_public_access_block(Bucket=bucket)
    refused("NoSuchPublicAccessBlockConfiguration", s3.get_public_access_block, Bucket=bucket)
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    refused("OwnershipControlsNotFoundError", s3.get_bucket_ownership_controls, Bucket=bucket)


def test_acls_need_a_bucket_that_takes_them(s3, bucket):
    owner = s3.get_bucket_acl(Bucket=bucket)["Owner"]["ID"]
    assert len(owner) == 64
    refused("AccessControlListNotSupported", s3.put_bucket_acl, Bucket=bucket, ACL="private")
    rules = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=rules)
    refused("AccessDenied", s3.put_bucket_acl, Bucket=bucket, ACL="public-read")
    s3.delete_public_access_block(Bucket=bucket)
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    grants = s3.get_bucket_acl(Bucket=bucket)["Grants"]
    assert [grant["Permission"] for grant in grants] == ["FULL_CONTROL", "READ"]
    assert grants[1]["Grantee"]["URI"].endswith("/global/AllUsers")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="authenticated-read")
    grants = s3.get_object_acl(Bucket=bucket, Key="k")["Grants"]
    assert grants[1]["Grantee"]["URI"].endswith("/global/AuthenticatedUsers")
    policy = {"Owner": {"ID": owner}, "Grants": grants[:1]}
    s3.put_object_acl(Bucket=bucket, Key="k", AccessControlPolicy=policy)
    assert len(s3.get_object_acl(Bucket=bucket, Key="k")["Grants"]) == 1
    s3.put_bucket_acl(Bucket=bucket, GrantRead=f'id="{owner}"')
    assert s3.get_bucket_acl(Bucket=bucket)["Grants"][0]["Grantee"]["ID"] == owner


def test_acls_at_creation(s3, unique):
    refused(
        "InvalidBucketAclWithObjectOwnership", s3.create_bucket, Bucket=unique("acl"), ACL="public-read"
    )
    refused(
        "InvalidBucketAclWithBlockPublicAccessError",
        s3.create_bucket,
        Bucket=unique("acl"),
        ACL="public-read",
        ObjectOwnership="ObjectWriter",
    )


def test_encryption_has_a_default(s3, bucket):
    def default():
        found = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
        return found["Rules"][0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]

    assert default() == "AES256"
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert default() == "aws:kms"
    s3.delete_bucket_encryption(Bucket=bucket)
    assert default() == "AES256"
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.head_object(Bucket=bucket, Key="k")["ServerSideEncryption"] == "AES256"


def test_tags(s3, bucket):
    refused("NoSuchTagSet", s3.get_bucket_tagging, Bucket=bucket)
    tags = [{"Key": "team", "Value": "web"}, {"Key": "cost centre", "Value": "a+b=c"}]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    twice = {"TagSet": [tags[0], tags[0]]}
    refused("InvalidTag", s3.put_bucket_tagging, Bucket=bucket, Tagging=twice)
    s3.delete_bucket_tagging(Bucket=bucket)
    refused("NoSuchTagSet", s3.get_bucket_tagging, Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1&b=two+words")
    found = s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"]
    assert found == [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "two words"}]
    s3.copy_object(Bucket=bucket, Key="kept", CopySource=f"{bucket}/k")
    assert s3.get_object_tagging(Bucket=bucket, Key="kept")["TagSet"] == found
    s3.copy_object(
        Bucket=bucket, Key="new", CopySource=f"{bucket}/k", Tagging="c=3", TaggingDirective="REPLACE"
    )
    assert s3.get_object_tagging(Bucket=bucket, Key="new")["TagSet"] == [{"Key": "c", "Value": "3"}]
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    eleven = {"TagSet": [{"Key": str(n), "Value": ""} for n in range(11)]}
    refused("BadRequest", s3.put_object_tagging, Bucket=bucket, Key="k", Tagging=eleven)


def lifecycle(s3, bucket, *rules):
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)}
    )


def test_lifecycle_is_checked_and_shown(s3, bucket):
    refused("NoSuchLifecycleConfiguration", s3.get_bucket_lifecycle_configuration, Bucket=bucket)
    rule = {
        "ID": "logs",
        "Status": "Enabled",
        "Filter": {"And": {"Prefix": "logs/", "ObjectSizeGreaterThan": 500}},
        "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}],
        "Expiration": {"Days": 365},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 7, "NewerNoncurrentVersions": 2},
    }
    lifecycle(s3, bucket, rule)
    found = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert found["Rules"] == [rule]
    assert found["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    empty = {"Rules": [{"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}}]}
    message = refused(
        "InvalidRequest",
        s3.put_bucket_lifecycle_configuration,
        Bucket=bucket,
        LifecycleConfiguration=empty,
    )
    assert message == "At least one action needs to be specified in a rule"
    head = {"Bucket": bucket, "Key": "logs/a"}
    put = s3.put_object(Body=b"x" * 501, **head)
    assert 'rule-id="logs"' in put["Expiration"]
    assert s3.head_object(**head)["Expiration"] == put["Expiration"]
    s3.delete_bucket_lifecycle(Bucket=bucket)
    assert "Expiration" not in s3.head_object(**head)


def test_lifecycle_really_deletes(s3, bucket):
    from conftest import eventually

    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("old/a", "old/b", "new/a"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.put_object_tagging(
        Bucket=bucket, Key="old/b", Tagging={"TagSet": [{"Key": "keep", "Value": "yes"}]}
    )
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    rule = {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "old/"}, "Expiration": {"Date": past}}
    lifecycle(s3, bucket, rule)

    def keys():
        return [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]]

    eventually(lambda: keys() == ["new/a"])
    versions = s3.list_object_versions(Bucket=bucket, Prefix="old/")
    assert [marker["IsLatest"] for marker in versions["DeleteMarkers"]] == [True, True]
    assert len(versions["Versions"]) == 2


def test_object_lock_holds(s3, unique):
    bucket = unique("lock")
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    found = s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"]
    assert found == {"ObjectLockEnabled": "Enabled"}
    lock = {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}},
    }
    s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock)
    version = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["VersionId"]
    one = {"Bucket": bucket, "Key": "k", "VersionId": version}
    assert s3.get_object_retention(**one)["Retention"]["Mode"] == "GOVERNANCE"
    message = refused("AccessDenied", s3.delete_object, **one)
    assert message == "Access Denied because object protected by object lock."
    s3.put_object_legal_hold(LegalHold={"Status": "ON"}, **one)
    refused("AccessDenied", s3.delete_object, BypassGovernanceRetention=True, **one)
    s3.put_object_legal_hold(LegalHold={"Status": "OFF"}, **one)
    assert s3.get_object_legal_hold(**one)["LegalHold"]["Status"] == "OFF"
    s3.delete_object(BypassGovernanceRetention=True, **one)
    until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    version = s3.put_object(
        Bucket=bucket, Key="c", Body=b"x", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until
    )["VersionId"]
    one = {"Bucket": bucket, "Key": "c", "VersionId": version}
    refused("AccessDenied", s3.delete_object, BypassGovernanceRetention=True, **one)
    sooner = {"Mode": "COMPLIANCE", "RetainUntilDate": until - datetime.timedelta(hours=1)}
    refused("AccessDenied", s3.put_object_retention, Retention=sooner, **one)
    later = {"Mode": "COMPLIANCE", "RetainUntilDate": until + datetime.timedelta(hours=1)}
    s3.put_object_retention(Retention=later, **one)
    # A marker may always be put before it.
    s3.delete_object(Bucket=bucket, Key="c")


def test_locks_need_a_bucket_with_locks(s3, bucket):
    refused(
        "ObjectLockConfigurationNotFoundError", s3.get_object_lock_configuration, Bucket=bucket
    )
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    refused(
        "InvalidRequest",
        s3.put_object_legal_hold,
        Bucket=bucket,
        Key="k",
        LegalHold={"Status": "ON"},
    )


def test_what_no_bucket_has_is_said_so(s3, bucket):
    refused("ReplicationConfigurationNotFoundError", s3.get_bucket_replication, Bucket=bucket)
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    s3.put_bucket_request_payment(
        Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"}
    )
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"
