"""Objects: bytes in, bytes out, whatever their size, and everything said of them."""

import base64
import hashlib
import io
import os
import urllib.request
import zlib

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

from conftest import error_of

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def s3(client):
    return client(
        "s3", config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    )


@pytest.fixture
def bucket(s3, unique):
    name = unique("objects")
    s3.create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name}
    )
    return name


def status_of(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 1_000_000])
def test_what_is_put_is_got(s3, bucket, size):
    data = os.urandom(size)
    put = s3.put_object(
        Bucket=bucket, Key="k", Body=data, Metadata={"Who": "me"}, ContentType="text/x-y",
        CacheControl="no-store", ContentLanguage="ko",
    )
    etag = f'"{hashlib.md5(data).hexdigest()}"'
    assert put["ETag"] == etag
    assert put["ServerSideEncryption"] == "AES256"
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == data
    assert (got["ETag"], got["ContentLength"], got["ContentType"]) == (etag, size, "text/x-y")
    assert (got["CacheControl"], got["ContentLanguage"]) == ("no-store", "ko")
    assert got["Metadata"] == {"who": "me"}
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ETag"], head["ContentLength"]) == (etag, size)


def test_ranges(s3, bucket):
    data = os.urandom(700_000)
    s3.put_object(Bucket=bucket, Key="k", Body=data)
    for header, piece, content_range in [
        ("bytes=0-0", data[:1], "bytes 0-0/700000"),
        ("bytes=131071-131072", data[131071:131073], "bytes 131071-131072/700000"),
        ("bytes=100-", data[100:], "bytes 100-699999/700000"),
        ("bytes=-10", data[-10:], "bytes 699990-699999/700000"),
        ("bytes=600000-9999999", data[600000:], "bytes 600000-699999/700000"),
    ]:
        got = s3.get_object(Bucket=bucket, Key="k", Range=header)
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert (got["Body"].read(), got["ContentRange"]) == (piece, content_range)
    assert error_of(s3.get_object, Bucket=bucket, Key="k", Range="bytes=700000-")[0] == "InvalidRange"


def test_conditions_of_reads(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=etag)["Body"].read() == b"x"
    assert error_of(s3.get_object, Bucket=bucket, Key="k", IfMatch='"y"')[0] == "PreconditionFailed"
    assert status_of(s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag) == 304
    assert status_of(s3.head_object, Bucket=bucket, Key="k", IfModifiedSince=modified) == 304
    assert s3.get_object(Bucket=bucket, Key="k", IfNoneMatch='"y"')["ETag"] == etag


def test_conditions_of_writes(s3, bucket):
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    refused = error_of(s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    assert refused[0] == "PreconditionFailed"
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=first)["ETag"]
    assert error_of(s3.put_object, Bucket=bucket, Key="k", Body=b"3", IfMatch=first)[0] == "PreconditionFailed"
    assert error_of(s3.put_object, Bucket=bucket, Key="no", Body=b"3", IfMatch=first)[0] == "NoSuchKey"
    assert error_of(s3.delete_object, Bucket=bucket, Key="k", IfMatch=first)[0] == "PreconditionFailed"
    s3.delete_object(Bucket=bucket, Key="k", IfMatch=second)
    assert status_of(s3.head_object, Bucket=bucket, Key="k") == 404


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums_are_kept_and_checked(s3, bucket, algorithm):
    data = b"123456789"
    computed = {
        "CRC32": lambda: zlib.crc32(data).to_bytes(4, "big"),
        "SHA1": lambda: hashlib.sha1(data).digest(),
        "SHA256": lambda: hashlib.sha256(data).digest(),
    }[algorithm]()
    expected = base64.b64encode(computed).decode()
    name = f"Checksum{algorithm}"
    put = s3.put_object(Bucket=bucket, Key="k", Body=data, ChecksumAlgorithm=algorithm)
    assert (put[name], put["ChecksumType"]) == (expected, "FULL_OBJECT")
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (got[name], got["Body"].read()) == (expected, data)
    wrong = base64.b64encode(bytes(len(computed))).decode()
    refused = error_of(s3.put_object, Bucket=bucket, Key="other", Body=data, **{name: wrong})
    assert refused == (
        "BadDigest", f"The {algorithm} you specified did not match the calculated checksum."
    )
    assert status_of(s3.head_object, Bucket=bucket, Key="other") == 404


def test_an_object_without_a_checksum_gets_one(s3, client, bucket):
    plain = client("s3", config=Config(
        request_checksum_calculation="when_required", s3={"addressing_style": "path"}))
    plain.put_object(Bucket=bucket, Key="k", Body=b"123456789")
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head["ChecksumCRC64NVME"] == base64.b64encode(bytes.fromhex("ae8b14860a799888")).decode()


def test_content_md5(s3, bucket):
    good = base64.b64encode(hashlib.md5(b"x").digest()).decode()
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentMD5=good)
    assert error_of(s3.put_object, Bucket=bucket, Key="k", Body=b"y", ContentMD5=good)[0] == "BadDigest"
    assert error_of(s3.put_object, Bucket=bucket, Key="k", Body=b"y", ContentMD5="x")[0] == "InvalidDigest"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


KEYS = ["../a", "a//b", "/lead", "sp ace+plus", "한국어", "per%cent", "q?&=#", "a/./b/..", "tab\tx", "k" * 1024]


def test_any_key(s3, bucket):
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in KEYS:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    listed = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert listed == sorted(KEYS, key=str.encode)
    assert error_of(s3.put_object, Bucket=bucket, Key="k" * 1025, Body=b"")[0] == "KeyTooLongError"
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in KEYS]})
    assert {entry["Key"] for entry in deleted["Deleted"]} == set(KEYS)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_errors_have_the_words_of_s3(s3, bucket, unique):
    assert error_of(s3.get_object, Bucket=bucket, Key="no") == (
        "NoSuchKey", "The specified key does not exist."
    )
    assert error_of(s3.get_object, Bucket=unique("none"), Key="no") == (
        "NoSuchBucket", "The specified bucket does not exist"
    )
    assert status_of(s3.head_bucket, Bucket=unique("none")) == 404
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    assert error_of(s3.delete_bucket, Bucket=bucket)[0] == "BucketNotEmpty"
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="k", Body=b"", Metadata={"a": "x" * 2048})
    assert caught.value.response["Error"]["Code"] == "MetadataTooLarge"


def test_transfer_manager(s3, bucket, tmp_path):
    data = os.urandom(23 * MIB + 5)
    source, copy = tmp_path / "source", tmp_path / "copy"
    source.write_bytes(data)
    config = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=8 * MIB, max_concurrency=3)
    s3.upload_file(str(source), bucket, "film", Config=config)
    head = s3.head_object(Bucket=bucket, Key="film", PartNumber=1)
    assert (head["PartsCount"], head["ContentLength"]) == (3, 8 * MIB)
    md5s = b"".join(hashlib.md5(data[at:at + 8 * MIB]).digest() for at in range(0, len(data), 8 * MIB))
    assert head["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-3"'
    s3.download_file(bucket, "film", str(copy), Config=config)
    assert copy.read_bytes() == data
    s3.copy({"Bucket": bucket, "Key": "film"}, bucket, "film2", Config=config)
    assert s3.get_object(Bucket=bucket, Key="film2")["Body"].read() == data
    seam = s3.get_object(Bucket=bucket, Key="film", Range=f"bytes={8 * MIB - 3}-{8 * MIB + 2}")
    assert seam["Body"].read() == data[8 * MIB - 3:8 * MIB + 3]


def test_parts(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256")["UploadId"]
    at = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    big, small = os.urandom(5 * MIB), b"end"
    parts = []
    for number, body in [(1, big), (3, small)]:
        part = s3.upload_part(**at, PartNumber=number, Body=body, ChecksumAlgorithm="SHA256")
        parts.append({"PartNumber": number, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]})
    listed = s3.list_parts(**at)["Parts"]
    assert [(part["PartNumber"], part["Size"]) for part in listed] == [(1, 5 * MIB), (3, 3)]
    uploads = s3.list_multipart_uploads(Bucket=bucket)["Uploads"]
    assert [(entry["Key"], entry["UploadId"]) for entry in uploads] == [("k", upload)]
    complete = lambda parts: {"MultipartUpload": {"Parts": parts}}
    assert error_of(s3.complete_multipart_upload, **at, **complete(parts[::-1]))[0] == "InvalidPartOrder"
    wrong = [{**parts[0], "ETag": '"x"'}]
    assert error_of(s3.complete_multipart_upload, **at, **complete(wrong))[0] == "InvalidPart"
    done = s3.complete_multipart_upload(**at, **complete(parts))
    digests = hashlib.sha256(big).digest() + hashlib.sha256(small).digest()
    assert done["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(digests).digest()).decode() + "-2"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == big + small
    assert s3.get_object(Bucket=bucket, Key="k", PartNumber=2)["Body"].read() == small
    attributes = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts", "ObjectSize", "Checksum"])
    assert (attributes["ObjectSize"], attributes["ObjectParts"]["TotalPartsCount"]) == (5 * MIB + 3, 2)
    assert error_of(s3.list_parts, **at)[0] == "NoSuchUpload"


def test_small_parts_and_aborts(s3, bucket):
    at = lambda: {
        "Bucket": bucket, "Key": "k",
        "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"],
    }
    upload = at()
    etags = [s3.upload_part(**upload, PartNumber=n, Body=b"x")["ETag"] for n in [1, 2]]
    parts = [{"PartNumber": n + 1, "ETag": etag} for n, etag in enumerate(etags)]
    refused = error_of(s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": parts})
    assert refused[0] == "EntityTooSmall"
    s3.abort_multipart_upload(**upload)
    assert error_of(s3.upload_part, **upload, PartNumber=1, Body=b"x")[0] == "NoSuchUpload"
    assert status_of(s3.head_object, Bucket=bucket, Key="k") == 404


def test_full_object_checksums_of_parts(s3, bucket):
    upload = s3.create_multipart_upload(
        Bucket=bucket, Key="k", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    at = {"Bucket": bucket, "Key": "k", "UploadId": upload["UploadId"]}
    pieces = [os.urandom(5 * MIB), os.urandom(1234)]
    parts = []
    for number, body in enumerate(pieces, 1):
        part = s3.upload_part(**at, PartNumber=number, Body=body, ChecksumAlgorithm="CRC32")
        parts.append({"PartNumber": number, "ETag": part["ETag"]})
    done = s3.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})
    expected = zlib.crc32(b"".join(pieces)).to_bytes(4, "big")
    assert done["ChecksumCRC32"] == base64.b64encode(expected).decode()


def test_part_copies(s3, bucket):
    data = os.urandom(6 * MIB)
    s3.put_object(Bucket=bucket, Key="from", Body=data)
    at = {
        "Bucket": bucket, "Key": "to",
        "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="to")["UploadId"],
    }
    parts = []
    for number, span in [(1, f"bytes=0-{5 * MIB - 1}"), (2, f"bytes={5 * MIB}-{6 * MIB - 1}")]:
        part = s3.upload_part_copy(
            **at, PartNumber=number, CopySource={"Bucket": bucket, "Key": "from"}, CopySourceRange=span)
        parts.append({"PartNumber": number, "ETag": part["CopyPartResult"]["ETag"]})
    s3.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=bucket, Key="to")["Body"].read() == data
    beyond = error_of(
        s3.upload_part_copy, Bucket=bucket, Key="to2", PartNumber=1,
        UploadId=s3.create_multipart_upload(Bucket=bucket, Key="to2")["UploadId"],
        CopySource={"Bucket": bucket, "Key": "from"}, CopySourceRange=f"bytes=0-{6 * MIB}")
    assert beyond[0] == "InvalidArgument"


def test_copies(s3, bucket):
    s3.put_object(Bucket=bucket, Key="a b+c", Body=b"x", Metadata={"m": "1"}, ContentType="text/a", Tagging="t=1")
    source = {"Bucket": bucket, "Key": "a b+c"}
    copied = s3.copy_object(Bucket=bucket, Key="b", CopySource=source)
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(b"x").hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="b")
    assert (got["Metadata"], got["ContentType"], got["TagCount"]) == ({"m": "1"}, "text/a", 1)
    s3.copy_object(Bucket=bucket, Key="b", CopySource=source, MetadataDirective="REPLACE", Metadata={"n": "2"})
    assert s3.head_object(Bucket=bucket, Key="b")["Metadata"] == {"n": "2"}
    s3.delete_object(Bucket=bucket, Key="a b+c")
    assert s3.get_object(Bucket=bucket, Key="b")["Body"].read() == b"x"
    itself = {"Bucket": bucket, "Key": "b"}
    assert error_of(s3.copy_object, Bucket=bucket, Key="b", CopySource=itself)[0] == "InvalidRequest"
    assert error_of(s3.copy_object, Bucket=bucket, Key="c", CopySource=source)[0] == "NoSuchKey"


def test_keys_of_the_client(s3, bucket):
    key = os.urandom(32)
    customer = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}
    for size in [10, 200_000]:
        data = os.urandom(size)
        put = s3.put_object(Bucket=bucket, Key="k", Body=data, **customer)
        assert put["SSECustomerKeyMD5"] == base64.b64encode(hashlib.md5(key).digest()).decode()
        assert put["ETag"] != f'"{hashlib.md5(data).hexdigest()}"'
        assert s3.get_object(Bucket=bucket, Key="k", **customer)["Body"].read() == data
        assert error_of(s3.get_object, Bucket=bucket, Key="k")[0] == "InvalidRequest"
        other = {**customer, "SSECustomerKey": os.urandom(32)}
        assert error_of(s3.get_object, Bucket=bucket, Key="k", **other)[0] == "AccessDenied"
        s3.copy_object(
            Bucket=bucket, Key="open", CopySource={"Bucket": bucket, "Key": "k"},
            CopySourceSSECustomerAlgorithm="AES256", CopySourceSSECustomerKey=key)
        opened = s3.get_object(Bucket=bucket, Key="open")
        assert (opened["Body"].read(), opened["ETag"]) == (data, f'"{hashlib.md5(data).hexdigest()}"')


def test_presigned(s3, bucket):
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "p q"})
    request = urllib.request.Request(put, data=b"signed ahead", method="PUT")
    assert urllib.request.urlopen(request).status == 200
    get = s3.generate_presigned_url("get_object", Params={
        "Bucket": bucket, "Key": "p q", "ResponseContentType": "text/x-z"})
    with urllib.request.urlopen(get) as answer:
        assert (answer.read(), answer.headers["Content-Type"]) == (b"signed ahead", "text/x-z")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(get.replace("p%20q", "p%20r"))
    assert caught.value.code == 403


def test_archives_are_not_read(s3, bucket):
    s3.put_object(Bucket=bucket, Key="cold", Body=b"x", StorageClass="GLACIER")
    assert error_of(s3.get_object, Bucket=bucket, Key="cold")[0] == "InvalidObjectState"
    assert s3.head_object(Bucket=bucket, Key="cold")["StorageClass"] == "GLACIER"


def test_a_stream_of_unknown_content(s3, bucket):
    class Pieces(io.RawIOBase):
        def __init__(self):
            self.left = 300_000

        def readable(self):
            return True

        def readinto(self, buffer):
            size = min(len(buffer), self.left)
            buffer[:size] = b"x" * size
            self.left -= size
            return size

    s3.upload_fileobj(Pieces(), bucket, "k")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x" * 300_000
