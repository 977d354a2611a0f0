"""Inventories: their configurations. What they deliver, as days go by, is tested beside the service."""

import pytest
from conftest import ACCOUNT, error_of


@pytest.fixture
def bucket(client, unique):
    s3, name = client("s3", region_name="us-east-1"), unique("listed")
    s3.create_bucket(Bucket=name)
    yield s3, name
    s3.delete_bucket(Bucket=name)


def inventory(id, **more):
    to = {"Bucket": "arn:aws:s3:::lists", "Format": "CSV", **more.pop("to", {})}
    return {
        "Id": id, "IsEnabled": True, "IncludedObjectVersions": "All", "Schedule": {"Frequency": "Daily"},
        "Destination": {"S3BucketDestination": to}, **more,
    }


def put(s3, name, wanted, id=None):
    s3.put_bucket_inventory_configuration(Bucket=name, Id=id or wanted["Id"], InventoryConfiguration=wanted)


def test_they_are_kept_as_they_were_sent(bucket):
    s3, name = bucket
    key = {"SSEKMS": {"KeyId": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"}}
    whole = inventory(
        "whole.1-a_b", to={"AccountId": ACCOUNT, "Prefix": "p", "Encryption": key}, Filter={"Prefix": "in/"},
        OptionalFields=["ETag", "Size", "ObjectAccessControlList", "LifecycleExpirationDate"],
    )
    small = inventory("small", IsEnabled=False, IncludedObjectVersions="Current", to={"Encryption": {"SSES3": {}}})
    for wanted in (whole, small):
        put(s3, name, wanted)
        found = s3.get_bucket_inventory_configuration(Bucket=name, Id=wanted["Id"])
        assert found["InventoryConfiguration"] == wanted
    listed = s3.list_bucket_inventory_configurations(Bucket=name)
    assert (listed["IsTruncated"], listed["InventoryConfigurationList"]) == (False, [small, whole])
    small["Schedule"]["Frequency"] = "Weekly"
    put(s3, name, small)
    found = s3.get_bucket_inventory_configuration(Bucket=name, Id="small")["InventoryConfiguration"]
    assert found["Schedule"] == {"Frequency": "Weekly"}
    s3.delete_bucket_inventory_configuration(Bucket=name, Id="small")
    for call in (s3.get_bucket_inventory_configuration, s3.delete_bucket_inventory_configuration):
        expected = ("NoSuchConfiguration", "The specified configuration does not exist.")
        assert error_of(call, Bucket=name, Id="small") == expected
    assert s3.list_bucket_inventory_configurations(Bucket=name)["InventoryConfigurationList"] == [whole]


def test_pages(bucket):
    s3, name = bucket
    ids = [f"i{number:03}" for number in range(103)]
    for id in ids:
        put(s3, name, inventory(id))
    first = s3.list_bucket_inventory_configurations(Bucket=name)
    assert (len(first["InventoryConfigurationList"]), first["IsTruncated"]) == (100, True)
    rest = s3.list_bucket_inventory_configurations(Bucket=name, ContinuationToken=first["NextContinuationToken"])
    assert rest["IsTruncated"] is False and "NextContinuationToken" not in rest
    both = first["InventoryConfigurationList"] + rest["InventoryConfigurationList"]
    assert [it["Id"] for it in both] == ids


def test_what_is_refused(bucket, client):
    s3, name = bucket
    refused = lambda wanted, id=None: error_of(lambda **_: put(s3, name, wanted, id))
    assert refused(inventory("a"), "b")[0] == "IdMismatch"
    assert refused(inventory("a b"))[0] == "InvalidConfigurationId"
    assert refused(inventory("a", to={"Bucket": "lists"}))[0] == "InvalidArgument"
    for format in ("ORC", "Parquet"):
        code, text = refused(inventory("a", to={"Format": format}))
        assert code.startswith("NotImplemented") and format in text
    for fields in (["Size", "Size"], ["Weight"]):
        assert refused(inventory("a", OptionalFields=fields))[0] == "MalformedXML"
    assert refused(inventory("a", Schedule={"Frequency": "Hourly"}))[0] == "MalformedXML"
    assert refused(inventory("a", to={"Encryption": {"SSES3": {}, "SSEKMS": {"KeyId": "k"}}}))[0] == "MalformedXML"
    assert "InventoryConfigurationList" not in s3.list_bucket_inventory_configurations(Bucket=name)
    assert error_of(s3.list_bucket_inventory_configurations, Bucket="no-such-bucket-here")[0] == "NoSuchBucket"
