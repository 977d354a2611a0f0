"""Archived objects and their restored copies; the key a bucket encrypts with; buckets that say `private`."""

import datetime
import json

import pytest
from botocore.config import Config
from conftest import ACCOUNT, REGION, error_of, eventually


@pytest.fixture(scope="module")
def s3(client):
    return client("s3", config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}))


@pytest.fixture
def bucket(s3, unique):
    name = unique("archive")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


def restore(s3, bucket, key, days=2, **more):
    answer = s3.restore_object(Bucket=bucket, Key=key, RestoreRequest={"Days": days, **more})
    return answer["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("storage", ["GLACIER", "DEEP_ARCHIVE"])
def test_archives_are_read_once_restored(s3, bucket, storage):
    at = {"Bucket": bucket, "Key": "cold"}
    s3.put_object(**at, Body=b"x", StorageClass=storage)
    copy = {"Bucket": bucket, "Key": "copy", "CopySource": {"Bucket": bucket, "Key": "cold"}}
    assert error_of(s3.get_object, **at)[0] == "InvalidObjectState"
    assert error_of(s3.copy_object, **copy)[0] == "InvalidObjectState"
    assert "Restore" not in s3.head_object(**at)
    assert restore(s3, bucket, "cold", GlacierJobParameters={"Tier": "Bulk"}) == 202
    # Once more is for longer.
    assert restore(s3, bucket, "cold", days=3) == 200
    shown = s3.head_object(**at)
    assert (shown["StorageClass"], shown["Restore"][:24]) == (storage, 'ongoing-request="false",')
    until = datetime.datetime.strptime(shown["Restore"].split('"')[3], "%a, %d %b %Y %H:%M:%S GMT")
    left = until - datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    assert datetime.timedelta(days=3) <= left <= datetime.timedelta(days=4)
    assert (until.hour, until.minute, until.second) == (0, 0, 0)
    assert s3.get_object(**at)["Body"].read() == b"x"
    s3.copy_object(**copy)
    copied = s3.get_object(Bucket=bucket, Key="copy")
    assert (copied["Body"].read(), copied.get("StorageClass"), copied.get("Restore")) == (b"x", None, None)
    [_, found] = s3.list_objects_v2(Bucket=bucket, OptionalObjectAttributes=["RestoreStatus"])["Contents"][::-1]
    assert found["RestoreStatus"]["IsRestoreInProgress"] is False
    assert found["RestoreStatus"]["RestoreExpiryDate"].replace(tzinfo=None) == until
    assert "RestoreStatus" not in s3.list_objects_v2(Bucket=bucket)["Contents"][0]


def test_what_cannot_be_restored(s3, bucket):
    s3.put_object(Bucket=bucket, Key="warm", Body=b"x")
    s3.put_object(Bucket=bucket, Key="deep", Body=b"x", StorageClass="DEEP_ARCHIVE")
    ask = lambda key, **request: error_of(s3.restore_object, Bucket=bucket, Key=key, RestoreRequest=request)[0]
    assert ask("warm", Days=1) == "InvalidObjectState"
    assert ask("none", Days=1) == "NoSuchKey"
    assert ask("deep", Days=0) == "InvalidArgument"
    assert ask("deep") == "MalformedXML"
    assert ask("deep", Days=1, Tier="Expedited") == "InvalidArgument"
    select = {"ExpressionType": "SQL", "Expression": "SELECT 1", "InputSerialization": {}, "OutputSerialization": {}}
    assert ask("deep", Type="SELECT", SelectParameters=select) in ("NotImplemented", "NotImplementedException")
    assert error_of(s3.get_object, Bucket=bucket, Key="deep")[0] == "InvalidObjectState"


def test_a_restore_is_told(client, s3, bucket, unique):
    sqs, name = client("sqs"), unique("restored")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    allow = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    wanted = [{"QueueArn": arn, "Events": ["s3:ObjectRestore:*"]}]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": wanted})
    s3.put_object(Bucket=bucket, Key="cold", Body=b"x", StorageClass="GLACIER")
    restore(s3, bucket, "cold")
    told = {}

    def both():
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
            for record in json.loads(message["Body"]).get("Records", []):
                told[record["eventName"]] = record
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return len(told) == 2

    eventually(both, 60)
    assert set(told) == {"ObjectRestore:Post", "ObjectRestore:Completed"}
    data = told["ObjectRestore:Completed"]["glacierEventData"]["restoreEventData"]
    assert data["lifecycleRestoreStorageClass"] == "GLACIER"
    assert data["lifecycleRestorationExpiryTime"].endswith("T00:00:00.000Z")


def test_a_bucket_encrypts_with_its_key(client, s3, bucket):
    kms = client("kms")
    key = kms.create_key()["KeyMetadata"]
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key["KeyId"]},
        "BucketKeyEnabled": True,
    }
    s3.put_object(Bucket=bucket, Key="before", Body=b"before")
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    shown = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert shown["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    s3.put_object(Bucket=bucket, Key="put", Body=b"put")
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "before"})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    at = {"Bucket": bucket, "Key": "parts", "UploadId": upload}
    tag = s3.upload_part(**at, PartNumber=1, Body=b"parts")["ETag"]
    s3.complete_multipart_upload(**at, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]})
    s3.put_object(Bucket=bucket, Key="plain", Body=b"plain", ServerSideEncryption="AES256")
    for name, body in [("put", b"put"), ("copy", b"before"), ("parts", b"parts")]:
        got = s3.get_object(Bucket=bucket, Key=name)
        assert (got["ServerSideEncryption"], got["SSEKMSKeyId"]) == ("aws:kms", key["Arn"]), name
        assert (got["BucketKeyEnabled"], got["Body"].read()) == (True, body), name
    # The bytes are only there as long as the key is.
    kms.disable_key(KeyId=key["KeyId"])
    for name in ("put", "copy", "parts"):
        assert error_of(s3.get_object, Bucket=bucket, Key=name)[0] == "KMS.DisabledException", name
    assert error_of(s3.put_object, Bucket=bucket, Key="new", Body=b"x")[0] == "KMS.DisabledException"
    for name in ("before", "plain"):
        assert s3.get_object(Bucket=bucket, Key=name)["Body"].read() == name.encode()
    kms.enable_key(KeyId=key["KeyId"])
    assert s3.get_object(Bucket=bucket, Key="put")["Body"].read() == b"put"
    s3.delete_bucket_encryption(Bucket=bucket)
    assert s3.put_object(Bucket=bucket, Key="after", Body=b"x")["ServerSideEncryption"] == "AES256"


def test_a_bucket_that_is_made_private_takes_acls(s3, unique):
    name = unique("private")
    s3.create_bucket(Bucket=name, ACL="private", CreateBucketConfiguration={"LocationConstraint": REGION})
    rules = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerPreferred"}]
    s3.put_object(Bucket=name, Key="k", Body=b"x", ACL="private")
    # Who says what he wants, gets that.
    name = unique("enforced")
    s3.create_bucket(
        Bucket=name, ACL="private", ObjectOwnership="BucketOwnerEnforced",
        CreateBucketConfiguration={"LocationConstraint": REGION},
    )
    assert error_of(s3.put_object, Bucket=name, Key="k", Body=b"x", ACL="private")[0] == "AccessControlListNotSupported"
