"""`gureum fsck` on a running cloud and on its data directory."""

import json
import os
import signal
import subprocess

import boto3
from conftest import REGION, ROOT


def gureum(*words, code=0):
    """Runs the command; answers what it printed."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GUREUM_", "AWS_"))}
    done = subprocess.run([ROOT / "gureum", *map(str, words)], env=clean, capture_output=True, text=True, timeout=180)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stdout + done.stderr


def test_fsck(tmp_path):
    data = tmp_path / "data"
    server = subprocess.Popen(
        [ROOT / "gureum", "--json", "up", "--data", data, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True
    )
    try:
        endpoint = json.loads(server.stdout.readline())["endpoint"]
        key = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        table = boto3.resource("dynamodb", endpoint_url=endpoint, region_name=REGION, **key).create_table(
            TableName="Flights",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("id", "crew")],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by-crew",
                    "KeySchema": [{"AttributeName": "crew", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        table.wait_until_exists()
        with table.batch_writer() as batch:
            for n in range(100):
                batch.put_item({"id": str(n), **({"crew": "김서연"} if n % 2 else {})})
        told = json.loads(gureum("--json", "fsck", "--endpoint", endpoint))["dynamodb"]
        assert (told["tables"], told["items"], told["indexEntries"], told["problems"]) == (1, 100, 50, [])
        assert "ask that one with --endpoint" in gureum("fsck", "--data", data, code=1)
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=30) == 0
    text = gureum("fsck", "--data", data, "--repair")
    assert "1 tables, 100 items, 50 entries of indexes" in text
    assert text.endswith("No problems.\n")
    assert "is no data directory" in gureum("fsck", "--data", tmp_path / "none", code=1)
