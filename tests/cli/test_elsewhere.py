"""Objects' bytes in a bucket of another store (here a second Gureum), with kill -9 of ours."""

import json
import os
import random
import subprocess
import threading

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from conftest import ROOT, eventually

KEY = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
SECRETS = {"GUREUM_BLOBS_ACCESS_KEY_ID": "test", "GUREUM_BLOBS_SECRET_ACCESS_KEY": "test"}
# In the store itself; one file; a file of several parts.
SIZES = {"small": 1000, "file": 1_500_000, "parts": 20_000_000}


def environment():
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GUREUM_", "AWS_"))}
    return {**clean, **SECRETS}


def up(*words):
    server = subprocess.Popen(
        [ROOT / "gureum", "--json", "up", "--listen", "127.0.0.1:0", *map(str, words)],
        env=environment(), stdout=subprocess.PIPE, text=True,
    )
    return server, json.loads(server.stdout.readline())["endpoint"]


def gureum(*words, code=0):
    done = subprocess.run(
        [ROOT / "gureum", *map(str, words)], env=environment(), capture_output=True, text=True, timeout=180
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout + done.stderr


def client(endpoint):
    config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    return boto3.client("s3", endpoint_url=endpoint, config=config, **KEY)


def test_blobs_elsewhere(tmp_path):
    data = tmp_path / "data"
    store, there = up("--memory")
    servers = [store]
    try:
        theirs = client(there)
        theirs.create_bucket(Bucket="blobs")
        keys = lambda: [one["Key"] for one in theirs.list_objects_v2(Bucket="blobs", Prefix="a/b/objects/").get("Contents", [])]
        place = ("--blobs", "s3://blobs/a/b", "--blobs-endpoint", there)
        ours, endpoint = up("--data", data, *place)
        servers.append(ours)
        s3 = client(endpoint)
        s3.create_bucket(Bucket="mine")
        content = {name: random.Random(name).randbytes(size) for name, size in SIZES.items()}
        for name, body in content.items():
            s3.put_object(Bucket="mine", Key=name, Body=body)
        assert len(keys()) == 2
        # Sealed before it goes there.
        stored = theirs.get_object(Bucket="blobs", Key=keys()[0])["Body"].read()
        assert not any(stored[:1000] in body or body[:64] in stored for body in content.values())
        assert list(data.glob("blobs/objects/*/*")) == []

        # Killed while it writes: what was acknowledged is there, and nothing else.
        acknowledged = []

        def write():
            try:
                for number in range(1000):
                    s3.put_object(Bucket="mine", Key=f"w{number}", Body=bytes([number % 256]) * 300_000)
                    acknowledged.append(number)
            except (BotoCoreError, ClientError):
                pass

        writer = threading.Thread(target=write)
        writer.start()
        eventually(lambda: len(acknowledged) > 3, 60)
        ours.kill()
        ours.wait()
        writer.join()
        # Where its blobs are the data directory remembers.
        ours, endpoint = up("--data", data)
        servers.append(ours)
        s3 = client(endpoint)
        for name, body in content.items():
            assert s3.get_object(Bucket="mine", Key=name)["Body"].read() == body
        part = s3.get_object(Bucket="mine", Key="parts", Range="bytes=9999990-10000009")["Body"].read()
        assert part == content["parts"][9_999_990:10_000_010]
        for number in acknowledged:
            assert s3.get_object(Bucket="mine", Key=f"w{number}")["Body"].read() == bytes([number % 256]) * 300_000
        for one in s3.list_objects_v2(Bucket="mine")["Contents"]:
            if one["Key"] != "file":
                s3.delete_object(Bucket="mine", Key=one["Key"])
        # What nobody refers to goes away there, too.
        eventually(lambda: len(keys()) == 1, 90)
        refused = gureum("backup", tmp_path / "backup.zip", "--endpoint", endpoint, code=1)
        assert "back that up there" in refused
        ours.terminate()
        assert ours.wait(timeout=30) == 0
        found = json.loads(gureum("--json", "fsck", "--data", data))
        assert (found["blobs"]["files"], found["blobs"]["orphans"], found["blobs"]["problems"]) == (1, 0, [])
        theirs.delete_object(Bucket="blobs", Key=keys()[0])
        assert "does not exist" in gureum("--json", "fsck", "--data", data, code=1)

        # A prefix is one installation's, and an installation's blobs stay where they are.
        assert "belongs to another installation" in gureum("up", "--listen", "127.0.0.1:0", "--data", tmp_path / "other", *place, code=1)
        moved = gureum("up", "--listen", "127.0.0.1:0", "--data", data, "--blobs", "s3://blobs/c", "--blobs-endpoint", there, code=1)
        assert "cannot be moved" in moved
    finally:
        for server in servers:
            server.kill()
            server.wait()
