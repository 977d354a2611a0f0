"""Buckets, their listings, and versions of objects."""

import pytest
from botocore.config import Config

from conftest import error_of


@pytest.fixture(scope="module")
def s3(client):
    return client(
        "s3", config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    )


@pytest.fixture
def bucket(s3, unique):
    name = unique("lists")
    s3.create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name}
    )
    return name


def fill(s3, bucket, *keys):
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")


def keys(page):
    return [entry["Key"] for entry in page.get("Contents", [])]


def prefixes(page):
    return [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]


def test_buckets(s3, client, bucket, unique):
    assert bucket in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == s3.meta.region_name
    assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == s3.meta.region_name
    again = {"Bucket": bucket, "CreateBucketConfiguration": {"LocationConstraint": s3.meta.region_name}}
    assert error_of(s3.create_bucket, **again)[0] == "BucketAlreadyOwnedByYou"
    assert error_of(s3.create_bucket, Bucket=unique("x"))[0] == "IllegalLocationConstraintException"
    virginia = client("s3", region_name="us-east-1", config=Config(s3={"addressing_style": "path"}))
    name = unique("east")
    virginia.create_bucket(Bucket=name)
    virginia.create_bucket(Bucket=name)
    assert virginia.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    virginia.delete_bucket(Bucket=name)
    assert error_of(virginia.delete_bucket, Bucket=name)[0] == "NoSuchBucket"


def test_pages_of_buckets(s3, bucket):
    one = s3.list_buckets(MaxBuckets=1, Prefix=bucket[:8])
    assert len(one["Buckets"]) == 1
    every = s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 1})
    assert bucket in [entry["Name"] for page in every for entry in page["Buckets"]]


def test_prefixes_and_delimiters(s3, bucket):
    fill(s3, bucket, "a", "b/1", "b/2", "b/c/3", "d/4", "e")
    for list_objects in [s3.list_objects, s3.list_objects_v2]:
        page = list_objects(Bucket=bucket, Delimiter="/")
        assert (keys(page), prefixes(page)) == (["a", "e"], ["b/", "d/"])
        page = list_objects(Bucket=bucket, Delimiter="/", Prefix="b/")
        assert (keys(page), prefixes(page)) == (["b/1", "b/2"], ["b/c/"])
        page = list_objects(Bucket=bucket, Prefix="b")
        assert (keys(page), prefixes(page)) == (["b/1", "b/2", "b/c/3"], [])


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_pages(s3, bucket, size):
    fill(s3, bucket, "a", "b/1", "b/2", "b/c/3", "d/4", "e")
    for operation in ["list_objects", "list_objects_v2"]:
        found = []
        pages = s3.get_paginator(operation).paginate(
            Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": size})
        for page in pages:
            found += keys(page) + prefixes(page)
            assert len(keys(page) + prefixes(page)) <= size
        assert sorted(found) == ["a", "b/", "d/", "e"]
        every = s3.get_paginator(operation).paginate(Bucket=bucket, PaginationConfig={"PageSize": size})
        assert [key for page in every for key in keys(page)] == ["a", "b/1", "b/2", "b/c/3", "d/4", "e"]


def test_where_a_list_begins(s3, bucket):
    fill(s3, bucket, "a", "b", "c")
    assert keys(s3.list_objects_v2(Bucket=bucket, StartAfter="a")) == ["b", "c"]
    assert keys(s3.list_objects(Bucket=bucket, Marker="bb")) == ["c"]
    assert keys(s3.list_objects_v2(Bucket=bucket, MaxKeys=0)) == []
    assert error_of(s3.list_objects_v2, Bucket=bucket, ContinuationToken="x")[0] == "InvalidArgument"
    owner = s3.list_objects_v2(Bucket=bucket, FetchOwner=True)["Contents"][0]["Owner"]["ID"]
    assert owner == s3.list_buckets()["Owner"]["ID"]


def test_versions(s3, bucket):
    fill(s3, bucket, "k")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"] is True
    with pytest.raises(s3.exceptions.NoSuchKey) as caught:
        s3.get_object(Bucket=bucket, Key="k")
    assert caught.value.response["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"] == "true"
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"1"
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b""
    refused = error_of(s3.get_object, Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert refused[0] == "MethodNotAllowed"
    listed = s3.list_object_versions(Bucket=bucket)
    assert [(v["VersionId"], v["IsLatest"]) for v in listed["Versions"]] == [
        (second, False), (first, False), ("null", False)]
    assert [(m["VersionId"], m["IsLatest"]) for m in listed["DeleteMarkers"]] == [
        (marker["VersionId"], True)]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=second)
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == first
    assert error_of(s3.get_object, Bucket=bucket, Key="k", VersionId=second)[0] == "NoSuchVersion"
    assert error_of(s3.get_object, Bucket=bucket, Key="k", VersionId="x")[0] == "InvalidArgument"
    assert error_of(s3.delete_bucket, Bucket=bucket)[0] == "BucketNotEmpty"


def test_pages_of_versions(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    made = []
    for key in ["a", "a", "b/1", "b/2", "c", "c", "c"]:
        made.append((key, s3.put_object(Bucket=bucket, Key=key, Body=b"")["VersionId"]))
    for size in [1, 2, 5]:
        pages = s3.get_paginator("list_object_versions").paginate(
            Bucket=bucket, PaginationConfig={"PageSize": size})
        found = [(v["Key"], v["VersionId"]) for page in pages for v in page.get("Versions", [])]
        assert sorted(found) == sorted(made)
        assert [key for key, _ in found] == sorted(key for key, _ in made)
    page = s3.list_object_versions(Bucket=bucket, Delimiter="/")
    assert prefixes(page) == ["b/"]


def test_suspended_versions(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    kept = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    for body in [b"2", b"3"]:
        s3.put_object(Bucket=bucket, Key="k", Body=body)
    listed = s3.list_object_versions(Bucket=bucket)["Versions"]
    assert [v["VersionId"] for v in listed] == ["null", kept]
    assert s3.delete_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    listed = s3.list_object_versions(Bucket=bucket)
    assert [v["VersionId"] for v in listed["Versions"]] == [kept]
    assert [m["VersionId"] for m in listed["DeleteMarkers"]] == ["null"]
