"""Transfer acceleration: the configuration, and the hosts that are a bucket's then."""

import urllib.parse

import boto3
import urllib3
import urllib3.util.connection
from botocore.config import Config
from conftest import error_of


def test_the_configuration(client, unique):
    s3, name = client("s3", region_name="us-east-1"), unique("fast")
    s3.create_bucket(Bucket=name)
    put = lambda status, bucket=name: s3.put_bucket_accelerate_configuration(
        Bucket=bucket, AccelerateConfiguration={"Status": status}
    )
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=name)
    put("Suspended")
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=name)
    for status in ("Enabled", "Suspended", "Enabled"):
        put(status)
        assert s3.get_bucket_accelerate_configuration(Bucket=name)["Status"] == status
    assert error_of(lambda **_: put("Fast"))[0] == "MalformedXML"
    dotted = unique("with.dots")
    s3.create_bucket(Bucket=dotted)
    code, text = error_of(lambda **_: put("Enabled", dotted))
    assert code == "InvalidRequest" and "periods (.)" in text
    for bucket in (name, dotted):
        s3.delete_bucket(Bucket=bucket)


def test_the_host(client, endpoint, unique, monkeypatch):
    """boto3's own accelerated endpoint; only its name leads here."""
    here = urllib.parse.urlparse(endpoint)
    connect, hosts = urllib3.util.connection.create_connection, []

    def lead_here(address, *args, **kwargs):
        if address[0].endswith(".amazonaws.com"):
            hosts.append(address[0])
            address = (here.hostname, here.port)
        return connect(address, *args, **kwargs)

    monkeypatch.setattr(urllib3.util.connection, "create_connection", lead_here)
    s3, name = client("s3", region_name="us-east-1"), unique("fast")
    s3.create_bucket(Bucket=name)
    config = Config(s3={"use_accelerate_endpoint": True}, retries={"total_max_attempts": 1})
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    fast = boto3.client("s3", region_name="us-east-1", use_ssl=False, config=config, **keys)
    put = lambda: fast.put_object(Bucket=name, Key="a/b", Body=b"hello")
    text = "S3 Transfer Acceleration is not configured on this bucket"
    assert error_of(lambda **_: put()) == ("InvalidRequest", text)
    s3.put_bucket_accelerate_configuration(Bucket=name, AccelerateConfiguration={"Status": "Enabled"})
    put()
    assert fast.get_object(Bucket=name, Key="a/b")["Body"].read() == b"hello"
    assert s3.get_object(Bucket=name, Key="a/b")["Body"].read() == b"hello"
    assert [it["Key"] for it in fast.list_objects_v2(Bucket=name)["Contents"]] == ["a/b"]
    signed = fast.generate_presigned_url("get_object", Params={"Bucket": name, "Key": "a/b"})
    assert urllib3.PoolManager().request("GET", signed).data == b"hello"
    form = fast.generate_presigned_post(Bucket=name, Key="form")
    fields = {**form["fields"], "file": ("form", b"by form")}
    post = lambda: urllib3.PoolManager().request("POST", form["url"], fields=fields)
    assert post().status == 204
    assert fast.get_object(Bucket=name, Key="form")["Body"].read() == b"by form"
    # Strangers are S3's to refuse, also at the hosts of old.
    for host in (f"{name}.s3-accelerate", f"{name}.s3-us-west-2"):
        refused = urllib3.PoolManager().request("GET", f"http://{here.netloc}/a/b", headers={"Host": f"{host}.amazonaws.com"})
        assert (refused.status, b"AccessDenied" in refused.data) == (403, True)
    assert set(hosts) == {f"{name}.s3-accelerate.amazonaws.com"}
    s3.put_bucket_accelerate_configuration(Bucket=name, AccelerateConfiguration={"Status": "Suspended"})
    assert error_of(lambda **_: put()) == ("InvalidRequest", "S3 Transfer Acceleration is disabled on this bucket")
    refused = post()
    assert (refused.status, b"is disabled on this bucket" in refused.data) == (400, True)
    for key in ("a/b", "form"):
        s3.delete_object(Bucket=name, Key=key)
    s3.delete_bucket(Bucket=name)
