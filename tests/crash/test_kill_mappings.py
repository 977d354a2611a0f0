"""Kills the real server with SIGKILL while functions are fed by a queue and by a table's stream.

Every message and every record must have reached its function in the end, records in their order,
and no process, mount or control group of a sandbox may outlive the server that started it.
"""

import json
import pathlib
import time

from test_kill import Server
from test_kill_events import children, client, eventually, make_role, start_of, zipped

COUNT = 40
REGION = "ap-northeast-2"
# What it was given goes to another queue: that is durable before the batch is done.
SOURCE = """
import boto3, json, os
sqs = boto3.client("sqs")

def handler(event, context):
    for record in event["Records"]:
        body = record.get("body") or record["dynamodb"]["Keys"]["n"]["N"]
        sqs.send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps([record["eventSource"], int(body)]))
"""


def groups(pids):
    """Control groups that sandboxes of these servers were in."""
    names = tuple(f"gureum-{pid}." for pid in pids)
    return [path for path in pathlib.Path("/sys/fs/cgroup").rglob("gureum-*") if path.name.startswith(names)]


def mounts():
    return sorted(line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines())


def make(port):
    make_role(f"http://127.0.0.1:{port}")
    sqs, functions, dynamodb = client(port, "sqs"), client(port, "lambda"), client(port, "dynamodb")
    seen = sqs.create_queue(QueueName="seen")["QueueUrl"]
    fed = sqs.create_queue(QueueName="fed", Attributes={"VisibilityTimeout": "5"})["QueueUrl"]
    made = dynamodb.create_table(
        TableName="fed",
        KeySchema=[{"AttributeName": "n", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "n", "AttributeType": "N"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )
    functions.create_function(
        FunctionName="note", Runtime="python3.11", Handler="main.handler", Timeout=5, MemorySize=256,
        Role="arn:aws:iam::000000000000:role/test", Code={"ZipFile": zipped({"main.py": SOURCE})},
        Environment={"Variables": {"SEEN": seen}},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="note", WaiterConfig={"Delay": 1})
    for n in range(COUNT):
        sqs.send_message(QueueUrl=fed, MessageBody=str(n))
        dynamodb.put_item(TableName="fed", Item={"n": {"N": str(n)}})
    source = f"arn:aws:sqs:{REGION}:000000000000:fed"
    functions.create_event_source_mapping(FunctionName="note", EventSourceArn=source, BatchSize=5)
    functions.create_event_source_mapping(
        FunctionName="note", EventSourceArn=made["TableDescription"]["LatestStreamArn"],
        StartingPosition="TRIM_HORIZON", BatchSize=5,
    )
    return seen


def test_mappings_survive_kills(tmp_path):
    mounts_before = mounts()
    server = Server(tmp_path)
    pids = [server.process.pid]
    port = server.port()
    seen = make(port)
    found, first, kills = set(), [], 0
    deadline = time.monotonic() + 240
    while len(found) < 2 * COUNT:
        assert time.monotonic() < deadline, f"{2 * COUNT - len(found)} are lost"
        if kills < 3 and len(found) >= kills * COUNT // 2:
            time.sleep(0.5)
            below = children(server.process.pid)
            server.kill()
            kills += 1
            eventually(lambda: all(start_of(pid) != started for pid, started in below.items()), 20)
            server = Server(tmp_path)
            pids.append(server.process.pid)
            port = server.port()
        sqs = client(port, "sqs")
        # The address of the queue has the port of its time, which nobody looks at.
        got = sqs.receive_message(QueueUrl=seen, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in got.get("Messages", []):
            source, n = json.loads(message["Body"])
            if source == "aws:dynamodb" and (source, n) not in found:
                first.append(n)
            found.add((source, n))
            sqs.delete_message(QueueUrl=seen, ReceiptHandle=message["ReceiptHandle"])
    # The queue between may swap neighbours; whole batches it does not.
    assert all(abs(at - n) <= 20 for at, n in enumerate(first)), first
    print(f"{2 * COUNT} messages and records, {kills} kills")
    below = children(server.process.pid)
    server.kill()
    eventually(lambda: all(start_of(pid) != started for pid, started in below.items()), 20)
    assert mounts() == mounts_before
    eventually(lambda: not groups(pids), 20)
