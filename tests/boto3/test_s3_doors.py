"""S3's further ways in: virtual hosts, pages of other origins, forms, websites; and its events."""

import http.client
import json
import socket
import urllib.parse

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from conftest import ACCOUNT, eventually

ORIGIN = "https://app.example"


@pytest.fixture
def s3(client):
    # Without this, boto3 signs forms and URLs for the oldest region in the oldest way.
    config = Config(signature_version="s3v4", retries={"total_max_attempts": 1})
    return client("s3", region_name="us-east-1", config=config)


@pytest.fixture
def bucket(s3, unique):
    name = unique("doors")
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def ask(endpoint):
    """Sends one request as a browser would; (status, headers, body)."""
    address = urllib.parse.urlsplit(endpoint).netloc

    def send(method, path, host=None, headers=None, body=None):
        connection = http.client.HTTPConnection(address, timeout=30)
        sent = {"Host": host or address, **(headers or {})}
        connection.request(method, path, body=body, headers=sent)
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read().decode()

    return send


def open_to_all(s3, bucket, actions=("s3:GetObject",)):
    s3.delete_public_access_block(Bucket=bucket)
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": list(actions),
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def test_buckets_have_hosts(endpoint, s3, bucket, monkeypatch):
    port = urllib.parse.urlsplit(endpoint).port
    real = socket.getaddrinfo

    def here(host, *arguments, **named):
        named_here = isinstance(host, str) and host.endswith("localhost")
        return real("127.0.0.1" if named_here else host, *arguments, **named)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    for base in ("localhost", "s3.us-east-1.localhost"):
        virtual = boto3.client(
            "s3",
            endpoint_url=f"http://{base}:{port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(s3={"addressing_style": "virtual"}, retries={"total_max_attempts": 1}),
        )
        key = "a b/ü+&.txt"
        virtual.put_object(Bucket=bucket, Key=key, Body=b"bytes")
        assert virtual.get_object(Bucket=bucket, Key=key)["Body"].read() == b"bytes"
        listed = virtual.list_objects_v2(Bucket=bucket)["Contents"]
        assert [found["Key"] for found in listed] == [key]
        virtual.put_bucket_tagging(
            Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}
        )
        assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "b"}]
        virtual.delete_object(Bucket=bucket, Key=key)


def test_anybody_reads_what_is_open_and_nothing_else(s3, bucket, ask):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    status, _, body = ask("GET", f"/{bucket}/k")
    assert status == 403 and "<Code>AccessDenied</Code>" in body
    open_to_all(s3, bucket)
    assert ask("GET", f"/{bucket}/k")[0::2] == (200, "x")
    assert ask("GET", "/k", host=f"{bucket}.s3.localhost")[0::2] == (200, "x")
    assert ask("GET", "/k", host=f"{bucket}.localhost")[0::2] == (200, "x")
    assert ask("PUT", f"/{bucket}/k", body=b"y")[0] == 403
    assert ask("GET", f"/{bucket}")[0] == 403
    # Whoever may not list it does not learn either what is not there.
    assert ask("GET", f"/{bucket}/none")[0] == ask("HEAD", f"/{bucket}/none")[0] == 403
    open_to_all(s3, bucket, ("s3:GetObject", "s3:ListBucket"))
    status, _, body = ask("GET", f"/{bucket}/none")
    assert status == 404 and "<Code>NoSuchKey</Code>" in body
    assert ask("HEAD", f"/{bucket}/none")[0] == 404


def test_pages_of_other_origins_obey_the_bucket(s3, bucket, ask):
    preflight = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type,x-amz-date",
    }
    status, headers, body = ask("OPTIONS", f"/{bucket}/k", headers=preflight)
    assert status == 403 and "CORS is not enabled for this bucket" in body
    rule = {
        "AllowedOrigins": ["https://*.example"],
        "AllowedMethods": ["PUT", "GET"],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 300,
    }
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == [rule]
    for host in (None, f"{bucket}.s3.us-east-1.localhost", f"{bucket}.localhost"):
        path = "/k" if host else f"/{bucket}/k"
        status, headers, _ = ask("OPTIONS", path, host=host, headers=preflight)
        assert status == 200
        assert headers["Access-Control-Allow-Origin"] == ORIGIN
        assert headers["Access-Control-Allow-Methods"] == "PUT, GET"
        assert headers["Access-Control-Allow-Headers"] == "content-type, x-amz-date"
        assert headers["Access-Control-Max-Age"] == "300"
    refused = {**preflight, "Origin": "https://evil.test"}
    status, headers, body = ask("OPTIONS", f"/{bucket}/k", headers=refused)
    assert status == 403 and "AccessForbidden" in body
    assert "Access-Control-Allow-Origin" not in headers
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    url = urllib.parse.urlsplit(
        s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    )
    path = f"{url.path}?{url.query}"
    status, headers, body = ask("GET", path, headers={"Origin": ORIGIN})
    assert (status, body) == (200, "x")
    assert headers["Access-Control-Allow-Origin"] == ORIGIN
    assert headers["Access-Control-Expose-Headers"] == "ETag"
    status, headers, _ = ask("GET", path, headers={"Origin": "https://evil.test"})
    assert status == 200 and "Access-Control-Allow-Origin" not in headers
    s3.delete_bucket_cors(Bucket=bucket)
    with pytest.raises(ClientError, match="NoSuchCORSConfiguration"):
        s3.get_bucket_cors(Bucket=bucket)


def form(fields, filename, content, boundary="b0undary"):
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
        "Content-Type: text/plain\r\n\r\n"
    )
    body = "".join(parts).encode() + content + f"\r\n--{boundary}--\r\n".encode()
    return {"Content-Type": f"multipart/form-data; boundary={boundary}"}, body


def test_forms_upload(s3, bucket, ask):
    post = s3.generate_presigned_post(
        bucket,
        "up/${filename}",
        Fields={"success_action_status": "201", "x-amz-meta-who": "me"},
        Conditions=[
            {"success_action_status": "201"},
            {"x-amz-meta-who": "me"},
            ["content-length-range", 1, 300_000],
        ],
    )
    content = bytes(range(256)) * 1000
    headers, body = form(post["fields"], "C:\\dir\\photo.bin", content)
    status, answered, xml = ask("POST", f"/{bucket}", headers=headers, body=body)
    assert status == 201, xml
    assert "<Key>up/photo.bin</Key>" in xml
    found = s3.get_object(Bucket=bucket, Key="up/photo.bin")
    assert found["Body"].read() == content
    assert found["Metadata"] == {"who": "me"} and found["ContentType"] == "text/plain"
    assert answered["ETag"] == found["ETag"]

    def refused(fields, content, expected, code=403):
        headers, body = form(fields, "f", content)
        status, _, xml = ask("POST", f"/{bucket}", headers=headers, body=body)
        assert status == code and expected in xml, xml

    refused(post["fields"], b"x" * 300_001, "EntityTooLarge", 400)
    refused(post["fields"], b"", "EntityTooSmall", 400)
    refused({**post["fields"], "x-amz-meta-who": "you"}, b"x", "Policy Condition failed")
    refused({"extra": "1", **post["fields"]}, b"x", "Extra input fields: extra")
    signature = post["fields"]["x-amz-signature"]
    wrong = ("0" if signature[0] != "0" else "1") + signature[1:]
    refused({**post["fields"], "x-amz-signature": wrong}, b"x", "SignatureDoesNotMatch")
    unsigned = {"key": "anonymous"}
    refused(unsigned, b"x", "AccessDenied")
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [found["Key"] for found in listed] == ["up/photo.bin"]


def test_forms_redirect(s3, bucket, ask):
    target = "https://app.example/done"
    post = s3.generate_presigned_post(
        bucket,
        "k",
        Fields={"success_action_redirect": target},
        Conditions=[{"success_action_redirect": target}],
    )
    headers, body = form(post["fields"], "f", b"x")
    status, answered, _ = ask(
        "POST", "/", host=f"{bucket}.s3.localhost", headers=headers, body=body
    )
    assert status == 303
    assert answered["Location"].startswith(f"{target}?bucket={bucket}&key=k&etag=%22")
    expired = s3.generate_presigned_post(bucket, "k", ExpiresIn=-1)
    headers, body = form(expired["fields"], "f", b"x")
    status, _, xml = ask("POST", f"/{bucket}", headers=headers, body=body)
    assert status == 403 and "Policy expired" in xml


def test_websites(s3, bucket, ask):
    site = f"{bucket}.s3-website-us-east-1.amazonaws.com"
    status, _, page = ask("GET", "/", host=site)
    assert status == 404 and "NoSuchWebsiteConfiguration" in page
    open_to_all(s3, bucket)
    configuration = {
        "IndexDocument": {"Suffix": "index.html"},
        "ErrorDocument": {"Key": "error.html"},
        "RoutingRules": [
            {
                "Condition": {"KeyPrefixEquals": "docs/"},
                "Redirect": {"ReplaceKeyPrefixWith": "documents/"},
            }
        ],
    }
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=configuration)
    found = s3.get_bucket_website(Bucket=bucket)
    found.pop("ResponseMetadata")
    assert found == configuration
    for key in ("index.html", "dir/index.html", "error.html"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode(), ContentType="text/html")
    s3.put_object(Bucket=bucket, Key="old", Body=b"", WebsiteRedirectLocation="/dir/")
    for host in (site, f"{bucket}.s3-website.localhost"):
        assert ask("GET", "/", host=host)[0::2] == (200, "index.html")
        assert ask("GET", "/dir/", host=host)[0::2] == (200, "dir/index.html")
        status, headers, _ = ask("GET", "/dir", host=host)
        assert (status, headers["Location"]) == (302, "/dir/")
        status, headers, _ = ask("GET", "/docs/a", host=host)
        assert (status, headers["Location"]) == (301, f"http://{host}/documents/a")
        status, headers, _ = ask("GET", "/old", host=host)
        assert (status, headers["Location"]) == (301, "/dir/")
        status, headers, page = ask("GET", "/missing", host=host)
        assert (status, page) == (403, "error.html")
        status, headers, page = ask("HEAD", "/", host=host)
        assert (status, headers["Content-Length"], page) == (200, "10", "")
        assert ask("POST", "/", host=host)[0] == 405
    s3.delete_bucket_website(Bucket=bucket)
    assert ask("GET", "/", host=site)[0] == 404


def test_events_reach_a_queue(client, s3, bucket, unique):
    sqs = client("sqs", region_name="us-east-1")
    queue = unique("events")
    url = sqs.create_queue(QueueName=queue)["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}"
    configuration = {
        "QueueConfigurations": [
            {
                "Id": "mine",
                "QueueArn": arn,
                "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
                "Filter": {"Key": {"FilterRules": [{"Name": "Suffix", "Value": ".jpg"}]}},
            }
        ]
    }

    def put(**arguments):
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration=configuration, **arguments
        )

    # The queue's own policy has to let S3 send.
    with pytest.raises(ClientError, match="Unable to validate the following destination"):
        put()
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    put()
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    assert found["QueueConfigurations"] == configuration["QueueConfigurations"]

    def message():
        got = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2).get("Messages", [])
        for one in got:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(one["Body"]) for one in got]

    assert eventually(message)[0]["Event"] == "s3:TestEvent"
    s3.put_object(Bucket=bucket, Key="a.txt", Body=b"x")
    etag = s3.put_object(Bucket=bucket, Key="a b.jpg", Body=b"abc")["ETag"].strip('"')
    record = eventually(message)[0]["Records"][0]
    assert record["eventName"] == "ObjectCreated:Put"
    assert record["s3"]["object"]["key"] == "a+b.jpg"
    assert (record["s3"]["object"]["size"], record["s3"]["object"]["eTag"]) == (3, etag)
    assert record["s3"]["configurationId"] == "mine"
    assert record["s3"]["bucket"]["name"] == bucket
    s3.delete_object(Bucket=bucket, Key="a b.jpg")
    record = eventually(message)[0]["Records"][0]
    assert record["eventName"] == "ObjectRemoved:Delete"


def test_events_reach_a_topic(client, s3, bucket, unique):
    sns = client("sns", region_name="us-east-1")
    sqs = client("sqs", region_name="us-east-1")
    name = unique("events")
    topic = sns.create_topic(Name=name)["TopicArn"]
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"

    def policy(service, action, resource):
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": action,
            "Resource": resource,
        }
        return json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": policy("sns.amazonaws.com", "sqs:SendMessage", queue)}
    )
    sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"RawMessageDelivery": "true"}
    )
    sns.set_topic_attributes(
        TopicArn=topic,
        AttributeName="Policy",
        AttributeValue=policy("s3.amazonaws.com", "sns:Publish", topic),
    )
    events = {"TopicArn": topic, "Events": ["s3:ObjectTagging:Put"]}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"TopicConfigurations": [events]}
    )
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})

    def bodies():
        got = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2, MaxNumberOfMessages=10)
        seen.extend(json.loads(one["Body"]) for one in got.get("Messages", []))
        return len(seen) >= 2

    seen = []
    eventually(bodies)
    assert {body.get("Event") for body in seen} == {"s3:TestEvent", None}
    record = next(body for body in seen if "Records" in body)["Records"][0]
    assert record["eventName"] == "ObjectTagging:Put"
