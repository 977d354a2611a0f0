"""What S3 has to refuse, and leave nothing of: sums that are wrong, parts that do not fit, links whose time is over;
and keys that look like paths."""

import base64
import hashlib
import http.client
import os
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from conftest import REGION, error_of

MIB = 1024 * 1024
DATA = b"123456789"
# Bytes of each sum.
SUMS = {
    "CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32, "SHA512": 64, "MD5": 16, "XXHASH64": 8,
    "XXHASH3": 8, "XXHASH128": 16,
}


@pytest.fixture(scope="module")
def s3(client):
    return client("s3", config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}))


@pytest.fixture
def bucket(s3, unique):
    name = unique("bad")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


def crc(polynomial, bits):
    """A reflected CRC, as all of S3's are."""

    def digest(data):
        value = ones = (1 << bits) - 1
        for byte in data:
            value ^= byte
            for _ in range(8):
                value = (value >> 1) ^ (polynomial if value & 1 else 0)
        return (value ^ ones).to_bytes(bits // 8, "big")

    return digest


COMPUTED = {
    "CRC32": crc(0xEDB88320, 32),
    "CRC32C": crc(0x82F63B78, 32),
    "CRC64NVME": crc(0x9A6C9329AC4BC9B5, 64),
    "SHA1": lambda data: hashlib.sha1(data).digest(),
    "SHA256": lambda data: hashlib.sha256(data).digest(),
}


def is_empty(s3, bucket):
    return s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.fixture
def ask(endpoint):
    """Sends a signed request to S3: `payload` is what the signature says of the body."""

    def send(method, path, body=b"", payload="UNSIGNED-PAYLOAD", **headers):
        request = AWSRequest(method, endpoint + path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        request.headers["x-amz-content-sha256"] = payload

        class Auth(S3SigV4Auth):
            def payload(self, _):
                return payload

            def _modify_request_before_signing(self, request):
                super()._modify_request_before_signing(request)
                del request.headers["X-Amz-Content-SHA256"]
                request.headers["X-Amz-Content-SHA256"] = payload

        Auth(Credentials("test", "test"), "s3", REGION).add_auth(request)
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(endpoint).netloc, timeout=60)
        connection.request(method, path, body, dict(request.headers.items()))
        answer = connection.getresponse()
        status, text = answer.status, answer.read().decode()
        connection.close()
        return status, text.partition("<Code>")[2].partition("</Code>")[0]

    return send


@pytest.mark.parametrize("algorithm", SUMS)
def test_a_wrong_sum_in_a_header(s3, bucket, ask, algorithm):
    name = f"x-amz-checksum-{algorithm.lower()}"
    wrong = base64.b64encode(b"\1" * SUMS[algorithm]).decode()
    assert ask("PUT", f"/{bucket}/k", DATA, **{name: wrong}) == (400, "BadDigest")
    short = base64.b64encode(b"\1" * (SUMS[algorithm] - 1)).decode()
    for nonsense in (short, "", "?"):
        assert ask("PUT", f"/{bucket}/k", DATA, **{name: nonsense}) == (400, "InvalidRequest")
    assert is_empty(s3, bucket)


def trailed(ask, path, name, value, announced=None):
    body = b"%x\r\n%s\r\n0\r\n%s:%s\r\n\r\n" % (len(DATA), DATA, name.encode(), value.encode())
    return ask(
        "PUT", path, body, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", x_amz_trailer=announced or name,
        x_amz_decoded_content_length=str(len(DATA)), content_encoding="aws-chunked",
    )


@pytest.mark.parametrize("algorithm", SUMS)
def test_a_wrong_sum_in_a_trailer(s3, bucket, ask, algorithm):
    name = f"x-amz-checksum-{algorithm.lower()}"
    path = f"/{bucket}/k"
    wrong = base64.b64encode(b"\1" * SUMS[algorithm]).decode()
    assert trailed(ask, path, name, wrong) == (400, "BadDigest")
    assert trailed(ask, path, name, wrong[:4])[0] == 400
    # Announced, and another one sent.
    assert trailed(ask, path, "x-amz-meta-a", "b", announced=name) == (400, "MalformedTrailerError")
    assert is_empty(s3, bucket)


@pytest.mark.parametrize("algorithm", COMPUTED)
def test_a_right_sum_in_a_trailer(s3, bucket, ask, algorithm):
    right = base64.b64encode(COMPUTED[algorithm](DATA)).decode()
    assert trailed(ask, f"/{bucket}/k", f"x-amz-checksum-{algorithm.lower()}", right) == (200, "")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == DATA


def test_two_sums_or_another_payload(s3, bucket, ask):
    path = f"/{bucket}/k"
    crc = base64.b64encode(COMPUTED["CRC32"](DATA)).decode()
    sha = base64.b64encode(hashlib.sha1(DATA).digest()).decode()
    assert ask("PUT", path, DATA, x_amz_checksum_crc32=crc, x_amz_checksum_sha1=sha) == (400, "InvalidRequest")
    other = hashlib.sha256(b"other").hexdigest()
    assert ask("PUT", path, DATA, other) == (400, "XAmzContentSHA256Mismatch")
    # Of megabytes, too, which are long on disk when it shows.
    assert ask("PUT", path, os.urandom(3 * MIB), other) == (400, "XAmzContentSHA256Mismatch")
    assert ask("PUT", path, os.urandom(3 * MIB), x_amz_checksum_crc32=crc) == (400, "BadDigest")
    assert is_empty(s3, bucket)


@pytest.mark.parametrize("algorithm", COMPUTED)
def test_wrong_sums_of_parts(s3, bucket, algorithm):
    kind = "FULL_OBJECT" if algorithm == "CRC64NVME" else "COMPOSITE"
    made = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm, ChecksumType=kind)
    at = {"Bucket": bucket, "Key": "k", "UploadId": made["UploadId"]}
    name = f"Checksum{algorithm}"
    wrong = base64.b64encode(b"\1" * SUMS[algorithm]).decode()
    assert error_of(s3.upload_part, **at, PartNumber=1, Body=DATA, **{name: wrong})[0] == "BadDigest"
    assert "Parts" not in s3.list_parts(**at)
    right = base64.b64encode(COMPUTED[algorithm](DATA)).decode()
    part = s3.upload_part(**at, PartNumber=1, Body=DATA, **{name: right})
    assert part[name] == right
    complete = lambda **more: error_of(
        s3.complete_multipart_upload, **at,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"], name: part[name], **more.pop("part", {})}]},
        **more,
    )[0]
    assert complete(part={name: wrong}) == "InvalidPart"
    assert complete(part={"ETag": '"%s"' % ("0" * 32)}) == "InvalidPart"
    assert complete(part={"PartNumber": 2}) == "InvalidPart"
    if kind == "FULL_OBJECT":
        assert complete(**{name: wrong}) == "BadDigest"
    assert is_empty(s3, bucket)
    done = s3.complete_multipart_upload(
        **at, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"], name: part[name]}]})
    assert done["ETag"].endswith('-1"')


def test_parts_that_do_not_fit(s3, bucket):
    at = {"Bucket": bucket, "Key": "k", "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]}
    big = os.urandom(5 * MIB)
    tags = {n: s3.upload_part(**at, PartNumber=n, Body=body)["ETag"] for n, body in [(1, big), (2, b"x"), (3, big)]}
    complete = lambda *numbers: error_of(
        s3.complete_multipart_upload, **at,
        MultipartUpload={"Parts": [{"PartNumber": n, "ETag": tags.get(n, tags[1])} for n in numbers]},
    )[0]
    assert complete(3, 1) == "InvalidPartOrder"
    assert complete(1, 1) == "InvalidPartOrder"
    assert complete(1, 2, 3) == "EntityTooSmall"
    assert complete(1, 4) == "InvalidPart"
    assert complete() == "MalformedXML"
    for number in (0, 10_001):
        assert error_of(s3.upload_part, **at, PartNumber=number, Body=b"x")[0] == "InvalidArgument"
    assert is_empty(s3, bucket)
    parts = [{"PartNumber": n, "ETag": tags[n]} for n in (1, 3)]
    s3.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == big + big


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_links_whose_time_is_over(client, s3, bucket, version):
    signer = client("s3", config=Config(signature_version=version, s3={"addressing_style": "path"}))
    url = signer.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=1)
    time.sleep(2.1)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(url, data=b"late", method="PUT"))
    text = caught.value.read().decode()
    assert caught.value.code == 403
    assert "<Code>AccessDenied</Code><Message>Request has expired</Message>" in text
    # A longer time is in what was signed.
    parts = urllib.parse.urlsplit(url)
    query = dict(urllib.parse.parse_qsl(parts.query))
    longer = {"X-Amz-Expires": "900"} if version == "s3v4" else {"Expires": str(int(time.time()) + 900)}
    later = parts._replace(query=urllib.parse.urlencode({**query, **longer})).geturl()
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(later, data=b"late", method="PUT"))
    assert "<Code>SignatureDoesNotMatch</Code>" in caught.value.read().decode()
    assert is_empty(s3, bucket)


@pytest.mark.parametrize("seconds", ["0", "-1", "604801", "x"])
def test_links_good_for_no_time_or_too_long(client, bucket, seconds):
    s3 = client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
    url = url.replace("X-Amz-Expires=60", f"X-Amz-Expires={seconds}")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url)
    assert caught.value.code in (400, 403)


# Keys are names, not paths, whatever they look like.
TRICKS = [
    "..", ".", "../../../../etc/passwd", "a/../b", "a/./b", "/", "//", "/lead", "a//b", "a/", "..\\..\\x", "%2e%2e/%2e%2e",
    "%00", "nul\0byte", "\x01\x1f", "new\nline", "한" * 341 + "a", "é" * 512, "\U0001f642" * 256, "e\u0301", "a?b#c&d=e",
    "objects/00", "-rf", "~", "CON", " ", "+", "a b+c%20d",
]


def test_keys_that_look_like_paths(s3, bucket, unique):
    assert max(len(key.encode()) for key in TRICKS) == 1024
    for key in TRICKS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    listed = [found["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={
        "PageSize": 5}) for found in page["Contents"]]
    assert listed == sorted(TRICKS, key=str.encode)
    other = unique("copies")
    s3.create_bucket(Bucket=other, CreateBucketConfiguration={"LocationConstraint": REGION})
    for key in TRICKS:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode(), key
        s3.copy_object(Bucket=other, Key=key, CopySource={"Bucket": bucket, "Key": key})
        assert s3.head_object(Bucket=other, Key=key)["ContentLength"] == len(key.encode()), key
        url = s3.generate_presigned_url("get_object", Params={"Bucket": other, "Key": key})
        if ".." not in key and "." != key:  # Python's own client takes these for paths.
            with urllib.request.urlopen(url) as answer:
                assert answer.read() == key.encode(), key
        s3.delete_object(Bucket=bucket, Key=key)
    assert is_empty(s3, bucket)
    assert error_of(s3.put_object, Bucket=bucket, Key="한" * 342, Body=b"")[0] == "KeyTooLongError"


def test_a_key_that_is_no_text(s3, bucket, ask):
    status, code = ask("PUT", f"/{bucket}/%FF%FE", b"x")
    assert (status, is_empty(s3, bucket)) == (400, True), code
