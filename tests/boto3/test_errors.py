"""What the gateway answers to requests that no service ever sees."""

import datetime
import http.client
import json
import socket
import urllib.parse

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from conftest import REGION, error_of

DYNAMODB = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.ListTables"}


@pytest.fixture
def send(endpoint):
    """Sends one request over a connection of its own; answers status, headers and body."""
    where = urllib.parse.urlsplit(endpoint)

    def request(method, path, body=b"", headers=()):
        connection = http.client.HTTPConnection(where.hostname, where.port, timeout=30)
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()

    return request


def signed(endpoint, body=b"{}", headers=DYNAMODB, service="dynamodb", at=None, secret="test"):
    """The headers of a POST to / that the key `test` has signed, now or `at` another time."""
    request = AWSRequest("POST", endpoint + "/", data=body, headers=dict(headers))
    signer = SigV4Auth(Credentials("test", secret), service, REGION)
    if at is None:
        signer.add_auth(request)
    else:
        request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
        request.headers["X-Amz-Date"] = request.context["timestamp"]
        request.headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, "
            f"SignedHeaders={signer.signed_headers(signer.headers_to_sign(request))}, "
            f"Signature={signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)}"
        )
    return dict(request.headers)


def fault(answer):
    """Status, code and message of an error in JSON."""
    status, _, body = answer
    content = json.loads(body)
    return status, content["__type"].rpartition("#")[2], content.get("message") or content.get("Message")


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("dynamodb", "list_tables", "InvalidSignatureException"),
        ("sts", "get_caller_identity", "SignatureDoesNotMatch"),
        ("lambda", "list_functions", "InvalidSignatureException"),
        ("logs", "describe_log_groups", "InvalidSignatureException"),
    ],
)
def test_wrong_secret(client, service, call, code):
    wrong = client(service, aws_secret_access_key="wrong")
    found, message = error_of(getattr(wrong, call))
    assert found == code
    assert message.startswith(
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method."
    )


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("dynamodb", "list_tables", "UnrecognizedClientException"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("lambda", "list_functions", "UnrecognizedClientException"),
    ],
)
def test_unknown_key(client, service, call, code):
    unknown = client(service, aws_access_key_id="AKIAUNKNOWNUNKNOWN00")
    assert error_of(getattr(unknown, call)) == (code, "The security token included in the request is invalid.")


def test_unsigned(send):
    status, code, _ = fault(send("POST", "/", b"{}", DYNAMODB))
    assert (status, code) == (400, "MissingAuthenticationTokenException")


def test_signed_requests_are_served(send, endpoint):
    status, headers, body = send("POST", "/", b"{}", signed(endpoint))
    assert (status, list(json.loads(body))) == (200, ["TableNames"])
    assert headers["x-amzn-RequestId"]


def test_a_changed_body_is_refused(send, endpoint):
    status, code, _ = fault(send("POST", "/", b'{"Limit":1}', signed(endpoint)))
    assert (status, code) == (400, "InvalidSignatureException")


@pytest.mark.parametrize("minutes", [-20, 20])
def test_skewed_clock(send, endpoint, minutes):
    at = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    status, code, message = fault(send("POST", "/", b"{}", signed(endpoint, at=at)))
    assert (status, code) == (400, "InvalidSignatureException")
    assert ("expired" if minutes < 0 else "not yet current") in message


def test_unknown_operation(send, endpoint):
    headers = signed(endpoint, headers={**DYNAMODB, "X-Amz-Target": "DynamoDB_20120810.FlyToTheMoon"})
    status, code, _ = fault(send("POST", "/", b"{}", headers))
    assert (status, code) == (400, "UnknownOperationException")


def test_operation_we_do_not_serve(client):
    code, message = error_of(client("dynamodb").describe_kinesis_streaming_destination, TableName="table")
    assert "DescribeKinesisStreamingDestination" in message
    assert code not in ("InternalFailure", "InternalServerError")


def test_service_we_do_not_serve(client):
    code, message = error_of(client("kinesis").list_streams)
    assert "kinesis" in message.lower()
    assert code not in ("InternalFailure", "InternalServerError")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"Limit":"many"}', b'{"Limit":1}trailing', b"\xff\xfe", b"[" * 100_000],
    ids=["empty", "cut", "array", "type", "trailing", "not-utf-8", "deep"],
)
def test_malformed_json(send, endpoint, body):
    status, code, _ = fault(send("POST", "/", body, signed(endpoint, body=body)))
    assert (status, code) == (400, "SerializationException")


def test_malformed_query(send, endpoint):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in [b"Action=%zz", b"=&=&=", b"Version=2011-06-15", b"Action=FlyToTheMoon&Version=2011-06-15"]:
        status, _, answer = send("POST", "/", body, signed(endpoint, body, headers, "sts"))
        assert 400 <= status < 500, body
        assert b"<Error" in answer


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * (1 << 20) + b"\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nContent-Length: 11\r\n\r\n0123456789",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    ],
    ids=["huge-header", "version", "tls-cut", "bad-chunk", "two-lengths", "huge-length"],
)
def test_broken_http(endpoint, client, raw):
    where = urllib.parse.urlsplit(endpoint)
    with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
        try:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65536)
        except OSError:  # The server has hung up already.
            answer = b""
    assert not answer or answer.startswith(b"HTTP/1.1 4") or answer.startswith(b"\x15")
    assert client("sts").get_caller_identity()["Account"]


def test_health(send):
    status, _, body = send("GET", "/_gureum/health")
    assert status == 200
    json.loads(body)


def test_presigned(client, send, endpoint):
    url = boto3.client(
        "sts",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    ).generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    path = url[len(endpoint) :]
    status, _, body = send("GET", path)
    assert (status, b"<Account>" in body) == (200, True)
    status, _, body = send("GET", path[:-1] + ("0" if path[-1] != "0" else "1"))
    assert (status, b"SignatureDoesNotMatch" in body) == (403, True)
