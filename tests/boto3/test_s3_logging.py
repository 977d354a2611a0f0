"""Server access logs: the configuration, who lets them in, and the lines that arrive."""

import json
import re
import urllib.request

import pytest
from botocore.config import Config
from conftest import ACCOUNT, error_of, eventually

FIELDS = re.compile(r'\[[^\]]*\]|"[^"]*"|\S+')
NAMES = (
    "owner bucket time ip requester request_id operation key request status code sent size total turn_around"
    " referer user_agent version host_id signature cipher auth host tls access_point acl region"
).split()


@pytest.fixture
def buckets(client, unique):
    """A bucket and one for its logs; both emptied and deleted at the end."""
    s3 = client("s3", region_name="us-east-1")
    names = [unique("logged"), unique("logs")]
    for name in names:
        s3.create_bucket(Bucket=name)
    yield s3, *names
    for name in names:
        s3.put_bucket_logging(Bucket=name, BucketLoggingStatus={})
        for listed in s3.list_objects_v2(Bucket=name).get("Contents", []):
            s3.delete_object(Bucket=name, Key=listed["Key"])
        s3.delete_bucket(Bucket=name)


def let_in(s3, source, target):
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{target}/*",
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{source}"}, "StringEquals": {"aws:SourceAccount": ACCOUNT}},
    }
    s3.put_bucket_policy(Bucket=target, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def begin(s3, source, target, **more):
    enabled = {"TargetBucket": target, "TargetPrefix": "log/", **more}
    s3.put_bucket_logging(Bucket=source, BucketLoggingStatus={"LoggingEnabled": enabled})
    return enabled


def lines(s3, target):
    found = []
    for listed in s3.list_objects_v2(Bucket=target, Prefix="log/").get("Contents", []):
        text = s3.get_object(Bucket=target, Key=listed["Key"])["Body"].read().decode()
        assert text.endswith("\n")
        for line in text.splitlines():
            fields = FIELDS.findall(line)
            assert len(fields) == len(NAMES), line
            found.append(dict(zip(NAMES, fields)))
    return found


def logged(s3, target, *operations):
    """The lines of these operations, once all are there; each has one."""

    def all_there():
        found = lines(s3, target)
        by = {line["operation"]: line for line in found}
        return [by[name] for name in operations] if all(name in by for name in operations) else None

    return eventually(all_there, seconds=30)


def test_requests_are_written_down(client, buckets):
    s3, source, target = buckets
    let_in(s3, source, target)
    wanted = begin(s3, source, target)
    assert s3.get_bucket_logging(Bucket=source)["LoggingEnabled"] == wanted
    put = s3.put_object(Bucket=source, Key="a b/ä.txt", Body=b"x" * 5000)
    assert s3.get_object(Bucket=source, Key="a b/ä.txt", Range="bytes=0-99")["Body"].read() == b"x" * 100
    s3.head_object(Bucket=source, Key="a b/ä.txt")
    assert error_of(s3.get_object_acl, Bucket=source, Key="none")[0] == "NoSuchKey"
    s3.copy_object(Bucket=target, Key="copy", CopySource={"Bucket": source, "Key": "a b/ä.txt"})
    stranger = client("s3", region_name="us-east-1", aws_secret_access_key="wrong")
    assert error_of(stranger.list_objects_v2, Bucket=source)[0] == "SignatureDoesNotMatch"
    s3.delete_objects(Bucket=source, Delete={"Objects": [{"Key": "a b/ä.txt"}, {"Key": "none"}]})
    found = logged(
        s3, target, "REST.PUT.OBJECT", "REST.GET.OBJECT", "REST.HEAD.OBJECT", "REST.GET.ACL",
        "REST.COPY.OBJECT_GET", "REST.GET.BUCKET", "REST.POST.MULTI_OBJECT_DELETE",
    )
    upload, download, head, missing, copied, denied, deleted = found
    owner = s3.list_buckets()["Owner"]["ID"]
    assert {(line["owner"], line["bucket"]) for line in found} == {(owner, source)}
    assert re.fullmatch(r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000\]", upload["time"])
    assert (upload["ip"], upload["requester"], upload["key"]) == ("127.0.0.1", owner, "a%20b/%C3%A4.txt")
    assert upload["request_id"] == put["ResponseMetadata"]["RequestId"]
    assert upload["host_id"] == put["ResponseMetadata"]["HostId"]
    assert upload["request"] == f'"PUT /{source}/a%20b/%C3%A4.txt HTTP/1.1"'
    assert (upload["status"], upload["code"], upload["sent"], upload["size"]) == ("200", "-", "-", "5000")
    assert (upload["signature"], upload["auth"], upload["tls"]) == ("SigV4", "AuthHeader", "-")
    assert "Boto3" in upload["user_agent"] and upload["host"].startswith("127.0.0.1:")
    assert int(upload["total"]) >= 0
    assert (download["status"], download["sent"], download["size"]) == ("206", "100", "5000")
    assert (head["status"], head["sent"], head["size"]) == ("200", "-", "5000")
    assert (missing["status"], missing["code"], missing["key"]) == ("404", "NoSuchKey", "none")
    assert copied["key"] == "a%20b/%C3%A4.txt"
    assert (denied["requester"], denied["status"], denied["code"]) == ("-", "403", "SignatureDoesNotMatch")
    assert deleted["request"] == f'"POST /{source}?delete HTTP/1.1"'
    batch = [line["key"] for line in lines(s3, target) if line["operation"] == "BATCH.DELETE.OBJECT"]
    assert sorted(batch) == ["a%20b/%C3%A4.txt", "none"]
    # What is put by S3 itself is not written down.
    assert not [line for line in lines(s3, target) if line["bucket"] == target]


def test_days_in_keys_and_presigned_requests(client, buckets):
    s3, source, target = buckets
    let_in(s3, source, target)
    key_format = {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}
    wanted = begin(s3, source, target, TargetObjectKeyFormat=key_format)
    assert s3.get_bucket_logging(Bucket=source)["LoggingEnabled"] == wanted
    s3.put_object(Bucket=source, Key="k", Body=b"hello")
    signer = client("s3", region_name="us-east-1", config=Config(signature_version="s3v4"))
    url = signer.generate_presigned_url("get_object", Params={"Bucket": source, "Key": "k"})
    assert urllib.request.urlopen(url, timeout=10).read() == b"hello"
    (line,) = logged(s3, target, "REST.GET.OBJECT")
    assert (line["auth"], line["status"], line["sent"]) == ("QueryString", "200", "5")
    keys = [listed["Key"] for listed in s3.list_objects_v2(Bucket=target)["Contents"]]
    for key in keys:
        pattern = rf"log/{ACCOUNT}/us-east-1/{source}/(\d{{4}})/(\d\d)/(\d\d)/\1-\2-\3-00-00-00-[0-9A-F]{{16}}"
        assert re.fullmatch(pattern, key), key


def test_an_access_control_list_lets_logs_in(buckets):
    s3, source, target = buckets
    s3.put_bucket_ownership_controls(Bucket=target, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    s3.delete_public_access_block(Bucket=target)
    s3.put_bucket_acl(Bucket=target, ACL="log-delivery-write")
    everybody = {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"}
    begin(s3, source, target, TargetGrants=[{"Grantee": everybody, "Permission": "READ"}])
    s3.put_object(Bucket=source, Key="k", Body=b"hello")
    logged(s3, target, "REST.PUT.OBJECT")
    key = s3.list_objects_v2(Bucket=target)["Contents"][0]["Key"]
    grants = s3.get_object_acl(Bucket=target, Key=key)["Grants"]
    assert {"Grantee": everybody, "Permission": "READ"} in grants


def test_targets_that_cannot_be(client, buckets, unique):
    s3, source, target = buckets
    status = lambda bucket: {"LoggingEnabled": {"TargetBucket": bucket, "TargetPrefix": ""}}
    code, text = error_of(s3.put_bucket_logging, Bucket=source, BucketLoggingStatus=status(unique("none")))
    assert (code, text) == ("InvalidTargetBucketForLogging", "The target bucket for logging does not exist")
    elsewhere = unique("elsewhere")
    s3.create_bucket(Bucket=elsewhere, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    code, _ = error_of(s3.put_bucket_logging, Bucket=source, BucketLoggingStatus=status(elsewhere))
    assert code == "CrossLocationLoggingProhibitted"
    s3.delete_bucket(Bucket=elsewhere)
    s3.put_bucket_logging(Bucket=source, BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=source)


def test_a_policy_lets_in_whom_it_names(buckets, unique):
    s3, source, target = buckets
    let_in(s3, source, target)
    # Delivered before the other's, by its name.
    denied = unique("denied")
    s3.create_bucket(Bucket=denied)
    for name in [denied, source]:
        begin(s3, name, target)
        s3.put_object(Bucket=name, Key="k", Body=b"hello")
    logged(s3, target, "REST.PUT.OBJECT")
    assert {line["bucket"] for line in lines(s3, target)} == {source}
    s3.delete_object(Bucket=denied, Key="k")
    s3.delete_bucket(Bucket=denied)
