"""Kills the real server with SIGKILL while events wait for a function and run in it.

Every accepted event must have reached the function in the end, and no process of a sandbox may
outlive the server that started it. The variables are those of test_kill.py.
"""

import json
import pathlib
import sys
import time

import boto3
from botocore.config import Config

from test_kill import Server

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
from conftest import eventually, make_role, zipped  # noqa: E402

EVENTS = 200
REGION = "ap-northeast-2"
SOURCE = """
def handler(event, context):
    return event["n"]
"""


def client(port, service):
    return boto3.client(
        service, endpoint_url=f"http://127.0.0.1:{port}", region_name=REGION,
        aws_access_key_id="test", aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=30),
    )


def children(pid):
    """All processes below one, with their start times: a number may be used again."""
    found, todo = {}, [pid]
    while todo:
        one = todo.pop()
        for task in pathlib.Path(f"/proc/{one}/task").glob("*/children"):
            try:
                below = [int(word) for word in task.read_text().split()]
            except OSError:
                continue
            for child in below:
                started = start_of(child)
                if started and child not in found:
                    found[child] = started
                    todo.append(child)
    return found


def start_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None


def test_events_survive_kills(tmp_path):
    server = Server(tmp_path)
    port = server.port()
    make_role(f"http://127.0.0.1:{port}")
    queue = client(port, "sqs").create_queue(QueueName="seen")["QueueUrl"]
    functions = client(port, "lambda")
    functions.create_function(
        FunctionName="count", Runtime="python3.11", Handler="main.handler", Timeout=30,
        Role="arn:aws:iam::000000000000:role/test",
        Code={"ZipFile": zipped({"main.py": SOURCE})},
    )
    # Told before an event is forgotten, and durably.
    arn = f"arn:aws:sqs:{REGION}:000000000000:seen"
    functions.put_function_event_invoke_config(
        FunctionName="count", DestinationConfig={"OnSuccess": {"Destination": arn}}
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="count", WaiterConfig={"Delay": 1})
    for n in range(EVENTS):
        functions.invoke(
            FunctionName="count", InvocationType="Event", Payload=json.dumps({"n": n})
        )
    seen, kills = set(), 0
    deadline = time.monotonic() + 240
    while len(seen) < EVENTS:
        assert time.monotonic() < deadline, f"{EVENTS - len(seen)} events are lost"
        if kills < 3 and len(seen) >= kills * EVENTS // 4:
            # Some sandboxes start, some work.
            time.sleep(0.5)
            below = children(server.process.pid)
            server.kill()
            kills += 1
            # They end by themselves, as soon as they are given a turn.
            eventually(lambda: all(start_of(pid) != started for pid, started in below.items()), 20)
            server = Server(tmp_path)
            port = server.port()
        sqs = client(port, "sqs")
        # The address of the queue has the port of its time, which nobody looks at.
        got = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in got.get("Messages", []):
            seen.add(json.loads(message["Body"])["responsePayload"])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    print(f"{EVENTS} events, {kills} kills")
    server.kill()
