"""Presigned URLs and forms of S3, as boto3 makes them with and without `s3v4`; refusals key by key."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from test_s3_doors import form


@pytest.fixture
def bucket(client, unique):
    name = unique("presigned")
    client("s3", region_name="us-east-1").create_bucket(Bucket=name)
    return name


def ask(url, method="GET", data=None, headers=None):
    """One request; (status, body)."""
    request = urllib.request.Request(url, method=method, data=data, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


@pytest.mark.parametrize("version", ["default", "s3v4"])
@pytest.mark.parametrize("style", ["path", "virtual"])
def test_urls(client, endpoint, bucket, version, style):
    """Without a version, boto3 takes Signature Version 2 for us-east-1, as `aws s3 presign` does."""
    chosen = {} if version == "default" else {"signature_version": version}
    at = endpoint if style == "path" else endpoint.replace("127.0.0.1", "localhost")
    config = Config(s3={"addressing_style": style}, **chosen)
    s3 = client("s3", region_name="us-east-1", endpoint_url=at, config=config)

    def url(operation, expires=60, **params):
        made = s3.generate_presigned_url(
            operation, Params={"Bucket": bucket, **params}, ExpiresIn=expires
        )
        assert ("AWSAccessKeyId=" in made) == (version == "default")
        # Not every resolver knows names below localhost; the Host header is what counts.
        host = urllib.parse.urlsplit(made).netloc
        if host.startswith(bucket):
            return made.replace(host, host.removeprefix(f"{bucket}.")), {"Host": host}
        return made, {}

    key = "a b/é&=+.txt"
    put, host = url("put_object", Key=key, ContentType="text/plain", Metadata={"who": "me"})
    sent = {"Content-Type": "text/plain", "x-amz-meta-who": "me", **host}
    assert ask(put, "PUT", b"hello", sent)[0] == 200
    assert ask(put, "PUT", b"hello", {**sent, "x-amz-acl": "private"})[0] == 403
    assert ask(put, "PUT", b"hello", {**sent, "Content-Type": "text/html"})[0] == 403
    head = client("s3").head_object(Bucket=bucket, Key=key)
    assert (head["Metadata"], head["ContentType"]) == ({"who": "me"}, "text/plain")
    get, host = url("get_object", Key=key, ResponseContentType="text/x")
    assert ask(get, headers=host) == (200, b"hello")
    for changed in (get.replace("text%2Fx", "text%2Fy"), get.replace("txt", "tyt"), get + "&acl", get + "&retention"):
        status, body = ask(changed, headers=host)
        assert (status, b"SignatureDoesNotMatch" in body) == (403, True), changed
    assert ask(get, "DELETE", headers=host)[0] == 403
    listed, host = url("list_objects_v2", Prefix="a")
    status, body = ask(listed, headers=host)
    assert status == 200 and b"<KeyCount>1</KeyCount>" in body
    late, host = url("get_object", expires=1, Key=key)
    time.sleep(2.1)
    status, body = ask(late, headers=host)
    assert status == 403 and b"<Message>Request has expired</Message>" in body


def test_version_2_in_a_header_is_refused(endpoint, bucket):
    status, body = ask(f"{endpoint}/{bucket}/k", headers={"Authorization": "AWS test:AAAA"})
    assert status == 400 and b"<Code>InvalidRequest</Code>" in body
    assert b"is not supported. Please use AWS4-HMAC-SHA256." in body


def test_forms_of_version_2(client, endpoint, bucket):
    s3 = client("s3", region_name="us-east-1", config=Config())
    post = s3.generate_presigned_post(bucket, "up/${filename}")
    assert "AWSAccessKeyId" in post["fields"]
    headers, body = form(post["fields"], "f.txt", b"content")
    assert ask(f"{endpoint}/{bucket}", "POST", body, headers)[0] == 204
    assert s3.get_object(Bucket=bucket, Key="up/f.txt")["Body"].read() == b"content"
    changed = {**post["fields"], "signature": "AAAA" + post["fields"]["signature"][4:]}
    headers, body = form(changed, "f.txt", b"content")
    status, answer = ask(f"{endpoint}/{bucket}", "POST", body, headers)
    assert status == 403 and b"SignatureDoesNotMatch" in answer


def test_headers_in_the_query(client, endpoint, bucket):
    """SDKs for browsers move headers into the query they sign."""
    query = urllib.parse.urlencode({"x-amz-meta-who": "me", "x-amz-storage-class": "STANDARD_IA"})
    request = AWSRequest("PUT", f"{endpoint}/{bucket}/k?{query}")
    S3SigV4QueryAuth(Credentials("test", "test"), "s3", "us-east-1", expires=60).add_auth(request)
    assert ask(request.prepare().url, "PUT", b"x")[0] == 200
    head = client("s3").head_object(Bucket=bucket, Key="k")
    assert (head["Metadata"], head["StorageClass"]) == ({"who": "me"}, "STANDARD_IA")


@pytest.fixture
def user(client, unique):
    """Makes a user with this policy; answers his S3 client."""

    def make(*statements):
        iam, name = client("iam"), unique("user")
        iam.create_user(UserName=name)
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return client(
            "s3", region_name="us-east-1", config=Config(retries={"total_max_attempts": 1}),
            aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"],
        )

    return make


def allow(action, resource, **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def test_deletions_are_judged_key_by_key(client, user, bucket):
    s3 = client("s3", region_name="us-east-1")
    for key in ("mine/a", "mine/b", "theirs/a"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    him = user(allow("s3:DeleteObject", f"arn:aws:s3:::{bucket}/mine/*"))
    objects = [{"Key": key} for key in ("mine/a", "theirs/a", "mine/b")]
    objects.append({"Key": "mine/c", "VersionId": "null"})
    answer = him.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    assert [one["Key"] for one in answer["Deleted"]] == ["mine/a", "mine/b"]
    refused = {one["Key"]: one for one in answer["Errors"]}
    assert set(refused) == {"theirs/a", "mine/c"}
    assert refused["theirs/a"]["Code"] == refused["mine/c"]["Code"] == "AccessDenied"
    assert refused["theirs/a"]["Message"].endswith(
        f'is not authorized to perform: s3:DeleteObject on resource: "arn:aws:s3:::{bucket}/theirs/a" '
        "because no identity-based policy allows the s3:DeleteObject action"
    )
    assert "s3:DeleteObjectVersion" in refused["mine/c"]["Message"]
    left = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [one["Key"] for one in left] == ["theirs/a"]


def test_copies_of_what_is_not_there(client, user, bucket):
    arn = f"arn:aws:s3:::{bucket}"
    may_not_list = user(allow(["s3:GetObject", "s3:PutObject"], f"{arn}/*"))
    may_list = user(allow(["s3:GetObject", "s3:PutObject"], f"{arn}/*"), allow("s3:ListBucket", arn))
    copy = dict(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "none"})
    upload = client("s3", region_name="us-east-1").create_multipart_upload(Bucket=bucket, Key="copy")["UploadId"]
    for him, expected in [(may_not_list, "AccessDenied"), (may_list, "NoSuchKey")]:
        for call, more in [("copy_object", {}), ("upload_part_copy", {"PartNumber": 1, "UploadId": upload})]:
            with pytest.raises(ClientError) as caught:
                getattr(him, call)(**copy, **more)
            assert caught.value.response["Error"]["Code"] == expected, call


def test_conditions_on_tags_and_tls(client, user, bucket):
    objects = f"arn:aws:s3:::{bucket}/*"
    s3 = client("s3", region_name="us-east-1")
    s3.put_object(Bucket=bucket, Key="public", Body=b"x", Tagging="level=low")
    s3.put_object(Bucket=bucket, Key="secret", Body=b"x", Tagging="level=high")
    him = user(
        allow("s3:GetObject", objects, Condition={"StringEquals": {"s3:ExistingObjectTag/level": "low"}}),
        allow("s3:PutObject", objects),
        allow(
            "s3:PutObjectTagging",
            objects,
            Condition={
                "StringEquals": {"s3:RequestObjectTag/level": "low"},
                "ForAllValues:StringEquals": {"s3:RequestObjectTagKeys": ["level", "who"]},
            },
        ),
        allow("s3:ListBucket", "*", Condition={"NumericGreaterThanEquals": {"s3:TlsVersion": "1.2"}}),
    )

    def refused(call, **arguments):
        with pytest.raises(ClientError) as caught:
            call(Bucket=bucket, **arguments)
        assert caught.value.response["Error"]["Code"] == "AccessDenied"

    assert him.get_object(Bucket=bucket, Key="public")["Body"].read() == b"x"
    refused(him.get_object, Key="secret")
    him.put_object(Bucket=bucket, Key="new", Body=b"x")
    him.put_object(Bucket=bucket, Key="new", Body=b"x", Tagging="level=low&who=me")
    refused(him.put_object, Key="new", Body=b"x", Tagging="level=high")
    refused(him.put_object, Key="new", Body=b"x", Tagging="level=low&other=1")
    tags = lambda value: {"TagSet": [{"Key": "level", "Value": value}]}
    him.put_object_tagging(Bucket=bucket, Key="secret", Tagging=tags("low"))
    refused(him.put_object_tagging, Key="public", Tagging=tags("high"))
    # Not over TLS, so there is no version of it.
    refused(him.list_objects_v2)
    # Who sets an ACL or a lock with an object needs leave for that, too.
    refused(him.put_object, Key="new", Body=b"x", ACL="bucket-owner-full-control")
