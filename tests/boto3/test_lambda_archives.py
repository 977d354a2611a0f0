"""Class archives of Java functions: made after the first event, used by every later cold start, and never in the way."""

import hashlib
import json
import shutil
import signal
import subprocess

import boto3
import pytest
from botocore.config import Config
from conftest import ACCOUNT, REGION, ROLE, ROOT, eventually, make_role, zipped
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


# A machine under load takes its time, and nothing here says how long that may be.
PATIENCE_S = 600
RUNTIMES = ["java11", "java17", "java21", "java25"]
# Functions whose archives are broken, each in its own way.
BROKEN = ["cut", "cut-and-signed", "empty", "garbled"]


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    if not shutil.which("javac"):
        pytest.skip("skipped: there is no javac")
    folder = tmp_path_factory.mktemp("java")
    (folder / "Main.java").write_text(SOURCE)
    subprocess.run(["javac", "--release", "11", "Main.java"], cwd=folder, check=True)
    return zipped({"Main.class": (folder / "Main.class").read_bytes()})


class Server:
    """A cloud with a data directory, in which its archives can be seen."""

    def __init__(self, folder):
        self.folder = folder
        command = [ROOT / "gureum", "up", "--data", folder, "--listen", "127.0.0.1:0", "--json"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        address = json.loads(self.process.stdout.readline())["endpoint"]
        make_role(address)
        self.functions = boto3.client(
            "lambda", endpoint_url=address, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=PATIENCE_S),
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=120) == 0

    def create(self, name, runtime, package):
        self.functions.create_function(
            FunctionName=name, Runtime=runtime, Handler="Main::handle", Role=ROLE, Timeout=60, MemorySize=512,
            Code={"ZipFile": package},
        )
        self.until(name, "State", "Active")

    def until(self, name, member, value):
        settings = self.functions.get_function_configuration
        eventually(lambda: settings(FunctionName=name)[member] == value, PATIENCE_S)

    def invoke(self, name):
        answer = self.functions.invoke(FunctionName=name, Payload="{}")
        told = json.load(answer["Payload"])
        assert "FunctionError" not in answer, told
        return told

    def invoke_cold(self, name, change):
        self.functions.update_function_configuration(FunctionName=name, Description=change)
        self.until(name, "LastUpdateStatus", "Successful")
        return self.invoke(name)

    def archives(self, name):
        """Where a function's archives are."""
        key = "\0".join([ACCOUNT, REGION, name]).encode()
        return self.folder / "cache/lambda-classes" / hashlib.sha256(key).hexdigest()[:32]

    def archive(self, name):
        """The file with a function's archive, as soon as it is there: nothing is asked of the server."""
        return eventually(lambda: list(self.archives(name).glob("*.jsa")), PATIENCE_S)[0]


@pytest.fixture(scope="module")
def server(tmp_path_factory, package):
    """A cloud whose functions have all been invoked once: it makes their archives one by one."""
    with Server(tmp_path_factory.mktemp("archives")) as server:
        for runtime in filter(is_installed, RUNTIMES):
            server.create(runtime, runtime, package)
            assert server.invoke(runtime)["archive"] is False
        yield server


def is_installed(runtime):
    return (INSTALLED / runtime / "runtime.json").exists()


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_later_cold_starts_use_the_archive(server, runtime):
    if not is_installed(runtime):
        pytest.skip(f"skipped: {runtime} is not installed: `./gureum runtimes {runtime}` says what it needs")
    server.archive(runtime)
    # The list of classes that it was made from is gone.
    assert server.invoke_cold(runtime, "again") == {"archive": True, "left": False}
    server.functions.delete_function(FunctionName=runtime)
    assert not server.archives(runtime).exists()


def test_a_broken_archive_breaks_no_start(tmp_path, package):
    if not is_installed("java17"):
        pytest.skip("skipped: java17 is not installed")
    with Server(tmp_path) as server:
        for name in ["whole", *BROKEN]:
            server.create(name, "java17", package)
        server.invoke("whole")
        file = server.archive("whole")
    whole = file.read_bytes()
    head = len(whole) // 100
    texts = {
        "cut": whole[: len(whole) // 2],
        # As if they had been made so: their checksums fit.
        "cut-and-signed": whole[: len(whole) // 2],
        "empty": bytes(len(whole)),
        "garbled": whole[:head] + bytes(byte ^ 0x5A for byte in whole[head:]),
    }
    for name, broken in texts.items():
        folder = server.archives(name)
        folder.mkdir(parents=True)
        (folder / file.name).write_bytes(broken)
        sum = hashlib.sha256(whole if name == "cut" else broken).hexdigest()
        (folder / file.with_suffix(".sha256").name).write_text(sum)
    with Server(tmp_path) as server:
        for name in BROKEN:
            assert server.invoke(name)["archive"] is False, name
            if name != "cut":
                # It stays so; one that is found broken before it is used is made again.
                assert server.invoke_cold(name, "again")["archive"] is False, name
        server.archive("cut")
        for name in ["whole", *BROKEN]:
            server.functions.delete_function(FunctionName=name)
            assert not server.archives(name).exists()
