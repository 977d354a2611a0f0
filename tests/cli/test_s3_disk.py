"""S3 on a disk that gets full, and after a restart."""

import os
import subprocess

import pytest
from conftest import REGION, error_of
from test_keys import Cloud

MIB = 1024 * 1024
# Beside what the store keeps free for itself.
DISK_MIB = 200
# As the boto3 tests have them, and in a data directory this time.
TRICKS = ["..", ".", "../../../../etc/passwd", "a/../b", "//", "/lead", "nul\0byte", "한" * 341 + "a", "new\nline", "%00"]


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own."""
    if os.geteuid() != 0:
        pytest.skip("skipped: only root mounts a disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "gureum", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"skipped: no disk can be mounted here: {mounted.stderr.decode()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def make(cloud):
    assert cloud.start() is None
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="full-bucket", CreateBucketConfiguration={"LocationConstraint": REGION})
    return s3


def keys(s3):
    return [found["Key"] for found in s3.list_objects_v2(Bucket="full-bucket").get("Contents", [])]


def test_a_full_disk_is_said_and_leaves_nothing(disk):
    cloud = Cloud(disk / "data")
    try:
        s3 = make(cloud)
        kept = os.urandom(5 * MIB)
        s3.put_object(Bucket="full-bucket", Key="kept", Body=kept)
        too_much = bytes(DISK_MIB * MIB)
        code, _ = error_of(s3.put_object, Bucket="full-bucket", Key="too-much", Body=too_much)
        assert code == "InsufficientStorage"
        assert keys(s3) == ["kept"]
        at = {"Bucket": "full-bucket", "Key": "parts"}
        at["UploadId"] = s3.create_multipart_upload(**at)["UploadId"]
        assert error_of(s3.upload_part, **at, PartNumber=1, Body=too_much)[0] == "InsufficientStorage"
        assert "Parts" not in s3.list_parts(**at)
        # What was there can be read, the room of what failed is free again, and goes on to be used.
        assert s3.get_object(Bucket="full-bucket", Key="kept")["Body"].read() == kept
        s3.put_object(Bucket="full-bucket", Key="next", Body=kept)
        cloud.stop()
        assert cloud.start() is None
        s3 = cloud.client("s3")
        assert keys(s3) == ["kept", "next"]
        assert s3.get_object(Bucket="full-bucket", Key="next")["Body"].read() == kept
    finally:
        cloud.kill()


def test_keys_that_look_like_paths_survive_a_restart(tmp_path):
    cloud = Cloud(tmp_path / "data")
    try:
        s3 = make(cloud)
        # Small ones lie in the store, large ones are files.
        body = lambda key: key.encode() * (1 if len(key) % 2 else 1 + 200_000 // len(key.encode()))
        for key in TRICKS:
            s3.put_object(Bucket="full-bucket", Key=key, Body=body(key))
        cloud.kill()
        assert cloud.start() is None
        s3 = cloud.client("s3")
        assert keys(s3) == sorted(TRICKS, key=str.encode)
        for key in TRICKS:
            assert s3.get_object(Bucket="full-bucket", Key=key)["Body"].read() == body(key)
        assert not (tmp_path / "etc").exists()
        cloud.stop()
    finally:
        cloud.kill()
