"""Gureum's own command line."""

import json
import os
import pathlib
import re
import signal
import subprocess
import xml.etree.ElementTree

import boto3
import pytest
from conftest import REGION, ROOT, make_role, zipped

DESK = ROOT / "examples/flight-desk"
CALLER = ["--from", "+821000001001"]


def gureum(*words, code=0, **arguments):
    """Runs the command; answers what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("GUREUM_", "AWS_"))}
    done = subprocess.run(
        [ROOT / "gureum", *map(str, words)],
        env={**environment, **arguments.pop("env", {})},
        capture_output=True,
        text=True,
        timeout=180,
        **arguments,
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout if code == 0 else done.stdout + done.stderr


@pytest.fixture
def canned(tmp_path):
    """The options of a call to the example's flow, with an answer in place of its function."""
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps({"status": "CONFIRMED", "customerName": "박하은", "flightNo": "GR118", "departsAt": "곧"}))
    return ["call", "--flow", DESK / "flow.json", "--lambda", f"flight-desk={answer}"]


def test_status(endpoint):
    text = gureum("status", "--endpoint", endpoint)
    assert re.search(r"dynamodb +\d+ of \d+ operations", text)
    told = json.loads(gureum("--json", "status", "--endpoint", endpoint))
    assert told["health"]["status"] == "running"
    assert "nothing answers" in gureum("status", "--endpoint", "http://127.0.0.1:9", code=1)


def test_call_a_flow_file(canned, tmp_path):
    text = gureum(*canned, input="")
    assert "λ flight-desk (0 ms, canned answer)" in text
    assert "GR118 편은 곧 예정대로 출발합니다." in text
    script = tmp_path / "confirmed.call"
    script.write_text('title "확인"\nexpect "박하은 고객님"\nexpect-end\n')
    report = tmp_path / "report.xml"
    assert gureum(*canned, "--script", script, "--junit", report).endswith("as expected\n")
    suite = xml.etree.ElementTree.parse(report).getroot().find("testsuite")
    assert (suite.get("tests"), suite.get("failures"), suite.find("testcase").get("name")) == ("1", "0", "확인")
    script.write_text('expect "GR999"\n')
    text = gureum(*canned, "--script", script, "--junit", report, code=1)
    assert 'FAILED at line 1: expected "GR999", but the call ended' in text
    assert xml.etree.ElementTree.parse(report).getroot().find("testsuite").get("failures") == "1"
    told = json.loads(gureum("--json", *canned, "--script", script, code=1))
    assert "GR999" in told["failure"]
    assert {"type": "ended", "reason": "the flow disconnected the contact"} in told["call"]


def test_call_nobody(endpoint):
    text = gureum("call", "+82212345678", *CALLER, "--endpoint", endpoint, code=1)
    assert "nobody claimed the number +82212345678" in text
    assert "is no number" in gureum("call", "112", *CALLER, code=2)


def test_a_flow_with_problems(tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text((DESK / "flow.json").read_text().replace('"NextAction": "voice"', '"NextAction": "nowhere"'))
    text = gureum("call", "--flow", broken, code=1)
    assert 'action "logging"' in text and "nowhere" in text


def test_completions_and_help():
    assert "_gureum" in gureum("completions", "bash")
    for words in [["--help"], ["up", "--help"], ["call", "--help"], ["demo", "--help"]]:
        assert "Usage:" in gureum(*words)


def test_runtime_list():
    told = json.loads(gureum("--json", "runtime", "ls"))
    assert {item["runtime"] for item in told["runtimes"]} == {
        *("nodejs20.x", "nodejs22.x", "nodejs24.x"),
        *("python3.11", "python3.12", "python3.13"),
        *("java11", "java17", "java21", "java25"),
        *("provided.al2", "provided.al2023"),
    }


def test_a_failing_demo_says_where(tmp_path):
    files = ["flow.json", "table.json", "rows.json", "trust.json", "permissions.json", "typescript", "java"]
    for name in files:
        (tmp_path / name).symlink_to(DESK / name)
    (tmp_path / "calls").mkdir()
    (tmp_path / "calls/wrong.call").write_text('from +821000001001\nexpect "GR999"\n')
    text = gureum("demo", "--example", tmp_path, code=1)
    assert '✗ java · wrong.call, line 2: expected "GR999", but the flow waits for input; last said: "김서연 고객님' in text
    assert "0 calls passed, 2 failed." in text


class Cloud:
    """A cloud of the test's own."""

    def __init__(self, *options):
        command = [ROOT / "gureum", "up", "--json", "--listen", "127.0.0.1:0", *map(str, options)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.told = json.loads(self.process.stdout.readline())

    def client(self, service):
        return boto3.client(
            service,
            endpoint_url=self.told["endpoint"],
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=30) == 0


def test_data_survive_and_are_backed_up(tmp_path):
    data = tmp_path / "data"
    cloud = Cloud("--data", data)
    keys = [{"AttributeName": "id", "KeyType": "HASH"}]
    types = [{"AttributeName": "id", "AttributeType": "S"}]
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(TableName="kept", KeySchema=keys, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST")
    dynamodb.get_waiter("table_exists").wait(TableName="kept", WaiterConfig={"Delay": 1})
    dynamodb.put_item(TableName="kept", Item={"id": {"S": "before"}})
    make_role(cloud.told["endpoint"])
    functions = cloud.client("lambda")
    functions.create_function(
        FunctionName="kept",
        Runtime="python3.11",
        Handler="main.handler",
        Role="arn:aws:iam::000000000000:role/test",
        Code={"ZipFile": zipped({"main.py": "def handler(event, context): return 'kept'"})},
    )
    second = gureum("up", "--data", data, "--listen", "127.0.0.1:0", code=1)
    assert "in use" in second or "another process" in second, second

    backup = pathlib.Path(tmp_path / "backup")
    told = json.loads(gureum("--json", "backup", backup, "--endpoint", cloud.told["endpoint"]))
    assert told["blobs"] == 1 and told["bytes"] == backup.stat().st_size
    assert backup.stat().st_mode & 0o777 == 0o600
    assert "exists" in gureum("backup", backup, "--endpoint", cloud.told["endpoint"], code=1)
    dynamodb.put_item(TableName="kept", Item={"id": {"S": "after"}})
    cloud.stop()

    again = Cloud("--data", data)
    found = again.client("dynamodb").scan(TableName="kept")["Items"]
    assert sorted(item["id"]["S"] for item in found) == ["after", "before"]
    again.stop()

    restored = tmp_path / "restored"
    gureum("restore", backup, "--data", restored)
    assert "exists" in gureum("restore", backup, "--data", restored, code=1)
    third = Cloud("--data", restored)
    found = third.client("dynamodb").scan(TableName="kept")["Items"]
    assert [item["id"]["S"] for item in found] == ["before"]
    functions = third.client("lambda")
    functions.get_waiter("function_active_v2").wait(FunctionName="kept", WaiterConfig={"Delay": 1})
    assert json.load(functions.invoke(FunctionName="kept")["Payload"]) == "kept"
    third.stop()


def test_a_damaged_backup_is_refused(tmp_path):
    cloud = Cloud("--data", tmp_path / "data")
    backup = tmp_path / "backup"
    gureum("backup", backup, "--endpoint", cloud.told["endpoint"])
    cloud.stop()
    sound = backup.read_bytes()
    for number, position in enumerate([0, 11, 40, len(sound) // 2, len(sound) - 70, len(sound) - 1]):
        damaged = bytearray(sound)
        damaged[position] ^= 0x10
        backup.write_bytes(damaged)
        gureum("restore", backup, "--data", tmp_path / f"restored{number}", code=1)
        assert not (tmp_path / f"restored{number}").exists()


def test_only_loopback_without_a_key():
    text = gureum("up", "--memory", "--listen", "0.0.0.0:0", code=1)
    assert "GUREUM_ACCESS_KEY_ID" in text
    assert "nothing to back up" in gureum("backup", "/tmp/x", "--endpoint", memory_endpoint(), code=1)


def memory_endpoint():
    """The address of a cloud in memory; it ends with the test run."""
    cloud = Cloud("--memory")
    ENDING.append(cloud)
    return cloud.told["endpoint"]


ENDING = []


@pytest.fixture(autouse=True, scope="module")
def end_all():
    yield
    for cloud in ENDING:
        cloud.stop()
