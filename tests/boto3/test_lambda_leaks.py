"""Nothing stays behind: processes, descriptors and memory return to where they were.

GUREUM_LAMBDA_LEAK=24x500x50x4 is 24 functions with 500 warm invocations each, 50 at a time, four times over.
"""

import json
import os
import pathlib
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.config import Config
from conftest import REGION, ROLE, ROOT, eventually, make_role, zipped

FUNCTIONS, INVOCATIONS, AT_A_TIME, ROUNDS = map(int, os.environ.get("GUREUM_LAMBDA_LEAK", "4x40x8x2").split("x"))
# Logs outlive functions, and with `--memory` they are memory: none are written.
QUIET = {"LogFormat": "JSON", "SystemLogLevel": "WARN", "ApplicationLogLevel": "WARN"}
SOURCE = "import time\ndef handler(event, context):\n    time.sleep(0.01)\n    return event"

# The process that sandboxes are cloned from stays, and the one that is ready for the next.
NURSERY = 2


def descendants(pid):
    parents = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])
    found, new = set(), {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - found
        found |= new
    return found


def held(pid):
    """Processes below the server, its descriptors, its memory in MB, the machine's mounts."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    rss = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    mounts = pathlib.Path("/proc/self/mounts").read_text().count("\n")
    return len(descendants(pid)), len(os.listdir(f"/proc/{pid}/fd")), int(rss.split()[1]) // 1024, mounts


def test_nothing_stays_behind(unique):
    server = subprocess.Popen(
        [ROOT / "gureum", "up", "--memory", "--listen", "127.0.0.1:0", "--json"], stdout=subprocess.PIPE, text=True
    )
    try:
        told = json.loads(server.stdout.readline())
        address = told["endpoint"]
        port = address.rsplit(":", 1)[1]
        pid = server.pid
        make_role(address)
        functions = boto3.client(
            "lambda",
            endpoint_url=address,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(max_pool_connections=AT_A_TIME, read_timeout=120, retries={"total_max_attempts": 1}),
        )

        def round_of(count, invocations):
            names = [unique("leak") for _ in range(count)]
            for name in names:
                functions.create_function(
                    FunctionName=name, Runtime="python3.11", Handler="main.handler", Role=ROLE, Timeout=60, Code={"ZipFile": zipped({"main.py": SOURCE})}, LoggingConfig=QUIET
                )
                functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})

                def invoke(number, name=name):
                    answer = functions.invoke(FunctionName=name, Payload=json.dumps(number))
                    assert json.load(answer["Payload"]) == number, answer

                with ThreadPoolExecutor(AT_A_TIME) as pool:
                    list(pool.map(invoke, range(invocations)))
            busy = held(pid)
            for name in names:
                functions.delete_function(FunctionName=name)
            return busy

        def idle(before=None):
            eventually(lambda: held(pid)[0] <= NURSERY, 60)
            return eventually(lambda: (now := held(pid)) and (before is None or now[1] <= before[1] + 2) and now, 30)

        # The first round fills caches and pools that stay.
        round_of(FUNCTIONS, INVOCATIONS)
        before = idle()
        for number in range(1, ROUNDS):
            busy = round_of(FUNCTIONS, INVOCATIONS)
            functions.close()
            after = idle(before)
            print(f"round {number}: before {before}, busy {busy}, after {after} (processes, descriptors, MB, mounts); port {port}")
            assert busy[0] >= FUNCTIONS
            assert after[0] <= NURSERY
            assert after[2] <= before[2] + 24, (before, after)
            assert after[3] <= before[3]
    finally:
        server.send_signal(signal.SIGTERM)
        assert server.wait(30) == 0


def groups_of(pid):
    # Others come and go meanwhile: what cannot be read any more is passed over.
    return [name for _, names, _ in os.walk("/sys/fs/cgroup") for name in names if name.startswith(f"gureum-{pid}.")]


def test_groups_of_killed_servers_go(tmp_path):
    def cloud(folder):
        command = [ROOT / "gureum", "up", "--data", tmp_path / folder, "--listen", "127.0.0.1:0", "--json"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        address = json.loads(server.stdout.readline())["endpoint"]
        make_role(address)
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        functions = boto3.client("lambda", endpoint_url=address, region_name=REGION, **keys)
        functions.create_function(
            FunctionName="desk", Runtime="python3.11", Handler="main.handler", Role=ROLE, Timeout=60, Code={"ZipFile": zipped({"main.py": SOURCE})}
        )
        eventually(lambda: functions.get_function_configuration(FunctionName="desk")["State"] == "Active", 60)
        assert json.load(functions.invoke(FunctionName="desk", Payload="1")["Payload"]) == 1
        return server

    server = cloud("first")
    try:
        if not groups_of(server.pid):
            pytest.skip("skipped: no control groups can be made here")
        # What would tidy up is killed, too.
        for pid in [*descendants(server.pid), server.pid]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    finally:
        server.kill()
        server.wait(30)
    left = groups_of(server.pid)
    assert left, "somebody was faster"
    other = cloud("second")
    try:
        eventually(lambda: not groups_of(server.pid), 30)
        assert groups_of(other.pid), "and its own stay"
    finally:
        other.terminate()
        assert other.wait(120) == 0
    assert not groups_of(other.pid)
