"""Class archives of Java functions: made after the first event, used by every later cold start, and never in the way."""

import hashlib
import json
import pathlib
import shutil
import signal
import subprocess
import time

import boto3
import pytest
from botocore.config import Config
from conftest import REGION, ROLE, ROOT, make_role, zipped
from test_lambda_runtimes import INSTALLED

SOURCE = """
import java.nio.file.*;
import java.util.*;
public class Main {
    public Map<String, Object> handle(Map<String, Object> event) throws Exception {
        String maps = new String(Files.readAllBytes(Paths.get("/proc/self/maps")));
        Map<String, Object> answer = new HashMap<>();
        answer.put("archive", maps.contains("/function.jsa"));
        answer.put("left", Files.exists(Paths.get("/tmp/.java-classes")));
        return answer;
    }
}
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    if not shutil.which("javac"):
        pytest.skip("there is no javac")
    folder = tmp_path_factory.mktemp("java")
    (folder / "Main.java").write_text(SOURCE)
    subprocess.run(["javac", "--release", "11", "Main.java"], cwd=folder, check=True)
    return zipped({"Main.class": (folder / "Main.class").read_bytes()})


class Function:
    """A Java function, and what it tells of itself."""

    def __init__(self, functions, name):
        self.functions, self.name, self.changes = functions, name, 0

    def create(self, runtime, archive):
        if not (INSTALLED / runtime / "runtime.json").exists():
            pytest.skip(f"{runtime} is not installed: `./gureum runtimes {runtime}` says what it needs")
        self.functions.create_function(
            FunctionName=self.name, Runtime=runtime, Handler="Main::handle", Role=ROLE, Timeout=60, MemorySize=512,
            Code={"ZipFile": archive},
        )
        self.functions.get_waiter("function_active_v2").wait(FunctionName=self.name, WaiterConfig={"Delay": 1})
        return self

    def invoke(self):
        answer = self.functions.invoke(FunctionName=self.name, Payload="{}")
        told = json.load(answer["Payload"])
        assert "FunctionError" not in answer, told
        return told

    def invoke_cold(self):
        self.changes += 1
        self.functions.update_function_configuration(FunctionName=self.name, Description=str(self.changes))
        self.functions.get_waiter("function_updated_v2").wait(FunctionName=self.name, WaiterConfig={"Delay": 1})
        return self.invoke()

    def until_it_has_an_archive(self):
        assert self.invoke()["archive"] is False
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            time.sleep(2)
            if self.invoke_cold()["archive"]:
                return
        raise AssertionError("no archive was made")


@pytest.mark.parametrize("version", ["11", "17", "21", "25"])
def test_later_cold_starts_use_the_archive(client, unique, archive, version):
    function = Function(client("lambda"), unique("archive")).create(f"java{version}", archive)
    function.until_it_has_an_archive()
    assert function.invoke()["left"] is False
    function.functions.delete_function(FunctionName=function.name)


class Server:
    """A cloud with a data directory."""

    def __init__(self, folder):
        command = [ROOT / "gureum", "up", "--data", folder, "--listen", "127.0.0.1:0", "--json"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        address = json.loads(self.process.stdout.readline())["endpoint"]
        make_role(address)
        self.functions = boto3.client(
            "lambda", endpoint_url=address, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=120),
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=30) == 0


def test_a_broken_archive_breaks_no_start(tmp_path, archive):
    with Server(tmp_path) as server:
        Function(server.functions, "desk").create("java17", archive).until_it_has_an_archive()
    [file] = (tmp_path / "cache/lambda-classes").glob("*/*.jsa")
    whole = file.read_bytes()
    head = len(whole) // 100
    for broken, fits in [
        (whole[: len(whole) // 2], False),
        # As if they had been made so: their checksums fit.
        (whole[: len(whole) // 2], True),
        (bytes(len(whole)), True),
        (whole[:head] + bytes(byte ^ 0x5A for byte in whole[head:]), True),
    ]:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(broken)
        sum = hashlib.sha256(broken if fits else whole).hexdigest()
        pathlib.Path(file.with_suffix(".sha256")).write_text(sum)
        with Server(tmp_path) as server:
            function = Function(server.functions, "desk")
            assert function.invoke_cold()["archive"] is False
            assert function.invoke_cold()["archive"] is False
    with Server(tmp_path) as server:
        server.functions.delete_function(FunctionName="desk")
        assert not list((tmp_path / "cache/lambda-classes").glob("*/*.jsa"))
