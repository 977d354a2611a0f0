"""SnapStart: versions that begin from a snapshot."""

import json
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from conftest import ROLE, ROOT, error_of, eventually, make_role, zipped
from test_lambda import functions, invoke  # noqa: F401
from test_lambda_runtimes import INSTALLED

PYTHON = """
import os, ssl, uuid
from snapshot_restore_py import register_after_restore, register_before_snapshot
told, born = [], uuid.uuid4().hex
ssl.RAND_bytes(8)
open("/tmp/kept", "w").write(born)

@register_before_snapshot
def last(): told.append("before last")

@register_before_snapshot
def first(): told.append("before first")

@register_after_restore
def after_first(): told.append("after first")

@register_after_restore
def after_last(): told.append("after last")

def handler(event, context):
    env = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    import boto3
    account = boto3.client("sts").get_caller_identity()["Account"] if event.get("account") else None
    import time; time.sleep(event.get("sleep", 0))
    return {"told": told, "env": env, "born": born, "kept": open("/tmp/kept").read(), "account": account,
            "random": [ssl.RAND_bytes(16).hex(), str(uuid.uuid4()), os.urandom(16).hex()], "pid": os.getpid()}
"""
NODE = """
const crypto = require("node:crypto");
crypto.randomBytes(8); crypto.randomUUID(); crypto.randomInt(1 << 30);
const born = crypto.randomUUID();
exports.handler = async (event) => {
  await new Promise((done) => setTimeout(done, 1000 * (event.sleep ?? 0)));
  return { born, random: [crypto.randomBytes(16).toString("hex"), crypto.randomUUID(), globalThis.crypto.randomUUID(),
    String([crypto.randomInt(1 << 30), crypto.randomInt(1 << 30)]),
    crypto.generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" }).x] };
};
"""
JAVA = """
import com.amazonaws.services.lambda.crac.*;
import java.security.SecureRandom;
import java.util.*;
public class Main implements Resource {
    static final List<String> TOLD = new ArrayList<>();
    static final SecureRandom RANDOM = new SecureRandom();
    static final Main FIRST = new Main("first"), LAST = new Main("last");
    static final String BORN = UUID.randomUUID().toString();
    static { RANDOM.nextLong(); }
    private String name;
    public Main() {}
    Main(String name) { this.name = name; Core.getGlobalContext().register(this); }
    public void beforeCheckpoint(Context<? extends Resource> context) { TOLD.add("before " + name); }
    public void afterRestore(Context<? extends Resource> context) { TOLD.add("after " + name); }
    public Map<String, Object> handle(Map<String, Object> event) throws Exception {
        Thread.sleep((long) (1000 * ((Number) event.getOrDefault("sleep", 0)).doubleValue()));
        byte[] bytes = new byte[16];
        RANDOM.nextBytes(bytes);
        Map<String, Object> answer = new HashMap<>();
        answer.put("told", TOLD);
        answer.put("born", BORN);
        answer.put("random", List.of(Base64.getEncoder().encodeToString(bytes), UUID.randomUUID().toString()));
        return answer;
    }
}
"""
CONNECTED = """
import boto3
sts = boto3.client("sts")
before = sts.get_caller_identity()["Account"]
def handler(event, context): return [before, sts.get_caller_identity()["Account"]]
"""
GREEDY = """
def handler(event, context): return len(bytearray(event["mb"] << 20)) >> 20
"""
STRAY = """
import os
reader, writer = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        os.write(writer, str(os.getpid()).encode())
        import time; time.sleep(3600)
    os._exit(0)
os.wait()
stray = int(os.read(reader, 100))
def handler(event, context):
    os.kill(stray, 0)
    return True
"""
HOOKED = """
from snapshot_restore_py import register_after_restore, register_before_snapshot
import time
{hook}
def handler(event, context): return "served"
"""


def needs(runtime):
    if not (INSTALLED / runtime / "runtime.json").exists():
        pytest.skip(f"skipped: {runtime} is not installed: `./gureum runtimes {runtime}` says what it needs")


@pytest.fixture
def publish(functions, unique):  # noqa: F811
    """Creates functions with SnapStart and publishes a version of each."""
    created = []

    def make(source, runtime="python3.12", handler="main.handler", wait=True, **settings):
        needs(runtime)
        name = unique("snap")
        code = source if isinstance(source, dict) else {"main.py" if "python" in runtime else "main.js": source}
        functions.create_function(
            FunctionName=name, Runtime=runtime, Handler=handler, Role=ROLE, Timeout=60, MemorySize=512,
            SnapStart={"ApplyOn": "PublishedVersions"}, Code={"ZipFile": zipped(code)}, **settings,
        )
        created.append(name)
        functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
        version = functions.publish_version(FunctionName=name)
        assert version["State"] == "Pending" and version["StateReasonCode"] == "Creating"
        target = f"{name}:{version['Version']}"
        if wait:
            settled(functions, target, "Active")
        return target

    yield make
    for name in created:
        functions.delete_function(FunctionName=name)


def settled(functions, target, state):  # noqa: F811
    def probe():
        found = functions.get_function_configuration(FunctionName=target)
        return found if found["State"] != "Pending" else None

    found = eventually(probe, 120)
    assert found["State"] == state, found.get("StateReason")
    return found


def built(tmp_path, runtime):
    if not shutil.which("javac"):
        pytest.skip("skipped: there is no javac")
    needs(runtime)
    (tmp_path / "Main.java").write_text(JAVA)
    classes = f"{INSTALLED}/{runtime}/runtime/lib/*"
    subprocess.run(["javac", "--release", "11", "-cp", classes, "Main.java"], cwd=tmp_path, check=True)
    return {"Main.class": (tmp_path / "Main.class").read_bytes()}


def test_a_version_is_pending_until_there_is_a_snapshot(functions, publish):  # noqa: F811
    target = publish("import time\ntime.sleep(2)\ndef handler(event, context): return 1", wait=False)
    name = target.split(":")[0]
    assert error_of(functions.invoke, FunctionName=target) == (
        "SnapStartNotReadyException",
        "Lambda is initializing your function. It will be ready to invoke once your function state becomes ACTIVE.",
    )
    assert functions.get_function_configuration(FunctionName=name)["SnapStart"] == {
        "ApplyOn": "PublishedVersions", "OptimizationStatus": "Off",
    }
    assert settled(functions, target, "Active")["SnapStart"] == {
        "ApplyOn": "PublishedVersions", "OptimizationStatus": "On",
    }
    assert invoke(functions, target)["Payload"] == 1
    # The latest one never has a snapshot.
    assert functions.get_function_configuration(FunctionName=name)["State"] == "Active"
    assert invoke(functions, name)["Payload"] == 1


def test_python_hooks_credentials_and_logs(functions, publish, client):  # noqa: F811
    target = publish(PYTHON)
    answer = invoke(functions, target, {"account": True}, LogType="Tail")
    found, log = answer["Payload"], answer["LogResult"]
    assert found["told"] == ["before first", "before last", "after first", "after last"]
    assert found["account"] == "000000000000" and found["kept"] == found["born"]
    env = found["env"]
    assert env["AWS_LAMBDA_INITIALIZATION_TYPE"] == "snap-start"
    assert env["AWS_CONTAINER_CREDENTIALS_FULL_URI"].endswith("/2021-04-23/credentials")
    gone = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_LOG_GROUP_NAME"]
    assert not [name for name in [*gone, "AWS_LAMBDA_LOG_STREAM_NAME"] if name in env]
    lines = log.splitlines()
    assert [line.split()[0] for line in lines if line.split()[0].isupper()] == [
        "RESTORE_START", "RESTORE_REPORT", "START", "END", "REPORT",
    ], log
    assert "\tRestore Duration: " in lines[-1] and "\tBilled Restore Duration: " in lines[-1]
    assert "Init Duration" not in lines[-1]
    # The sandbox is there now: nothing is restored.
    again = invoke(functions, target, {}, LogType="Tail")["LogResult"]
    assert "RESTORE" not in again and "Restore Duration" not in again


def test_java_hooks(functions, publish, tmp_path):  # noqa: F811
    target = publish(built(tmp_path, "java17"), "java17", "Main::handle")
    told = invoke(functions, target, {})["Payload"]["told"]
    assert told == ["before last", "before first", "after first", "after last"]


# Where no memory is kept, each is a process that began by itself, and takes its time.
COPIES, WAITING = 16, 4


@pytest.fixture(scope="session")
def keeps(endpoint):
    """Whether the server keeps memory: what is born in initialisation is then the same in all copies."""
    told = json.loads(subprocess.run([ROOT / "gureum", "--json", "doctor"], capture_output=True, text=True).stdout)
    found = next(finding["found"] for finding in told["findings"] if finding["name"] == "SnapStart")
    kept = found.startswith("memory is kept by ")
    if not kept:
        print(f"skipped: copies of memory: {found}")
    return kept


def unlike(functions, target, count):  # noqa: F811
    """Random values of many sandboxes at once: none is there twice."""
    with ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(lambda _: invoke(functions, target, {"sleep": 3})["Payload"], range(count)))
    values = [value for answer in answers for value in answer["random"]]
    assert len(set(values)) == len(values), sorted(values)
    return answers


def copies_unlike(functions, target, keeps):  # noqa: F811
    answers = unlike(functions, target, COPIES if keeps else WAITING)
    if keeps:
        # They are copies indeed.
        assert len({answer["born"] for answer in answers}) == 1


def test_no_random_value_repeats_in_python(functions, publish, keeps):  # noqa: F811
    copies_unlike(functions, publish(PYTHON), keeps)


@pytest.mark.parametrize("major", ["20", "22", "24"])
def test_no_random_value_repeats_in_node(functions, publish, major, keeps):  # noqa: F811
    reseeds = (INSTALLED / f"nodejs{major}.x" / "runtime" / "reseed.node").exists()
    copies_unlike(functions, publish(NODE, f"nodejs{major}.x"), keeps and reseeds)


@pytest.mark.parametrize("major", ["17", "21"])
def test_no_random_value_repeats_in_java(functions, publish, tmp_path, major, keeps):  # noqa: F811
    copies_unlike(functions, publish(built(tmp_path, f"java{major}"), f"java{major}", "Main::handle"), keeps)


def test_connections_are_made_anew(functions, publish):  # noqa: F811
    assert invoke(functions, publish(CONNECTED))["Payload"] == ["000000000000"] * 2


def test_limits_hold_after_a_restore(functions, publish, keeps):  # noqa: F811
    target = publish(GREEDY)
    assert invoke(functions, target, {"mb": 100})["Payload"] == 100
    answer = functions.invoke(FunctionName=target, Payload=json.dumps({"mb": 2000}))
    assert answer["FunctionError"] == "Unhandled" and b"OutOfMemory" in answer["Payload"].read()
    # The next one is restored again.
    assert invoke(functions, target, {"mb": 50})["Payload"] == 50


def test_a_process_that_has_left_its_parent_is_in_no_copy(functions, publish):  # noqa: F811
    # So no memory is kept: a sandbox in which it lives waits.
    assert invoke(functions, publish(STRAY))["Payload"] is True


@pytest.fixture
def held(tmp_path):
    """A server that keeps no memory."""
    needs("python3.12")
    server = subprocess.Popen(
        [ROOT / "gureum", "up", "--data", tmp_path, "--listen", "127.0.0.1:0", "--json"],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "GUREUM_HELD_SNAPSTART": "1"},
    )
    address = json.loads(server.stdout.readline())["endpoint"]
    make_role(address)
    yield address
    server.terminate()
    assert server.wait(timeout=30) == 0


def test_sandboxes_that_wait_stand_for_snapshots(held, client, tmp_path):
    functions = client("lambda", endpoint_url=held)  # noqa: F811
    functions.create_function(
        FunctionName="waits", Runtime="python3.12", Handler="main.handler", Role=ROLE, Timeout=60, MemorySize=512,
        SnapStart={"ApplyOn": "PublishedVersions"}, Code={"ZipFile": zipped({"main.py": PYTHON})}, Publish=True,
    )
    settled(functions, "waits:1", "Active")
    answers = unlike(functions, "waits:1", WAITING)
    assert len({answer["born"] for answer in answers}) > 1
    assert answers[0]["told"] == ["before first", "before last", "after first", "after last"]
    assert not list(tmp_path.glob("cache/lambda-snapshots/*/*"))


def test_snapshots_are_sealed_and_outlive_the_server(client, tmp_path, keeps):
    if not keeps:
        pytest.skip("skipped: no memory is kept here")
    needs("python3.12")
    born = []
    for run in range(2):
        server = subprocess.Popen(
            [ROOT / "gureum", "up", "--data", tmp_path, "--listen", "127.0.0.1:0", "--json"],
            stdout=subprocess.PIPE, text=True,
        )
        address = json.loads(server.stdout.readline())["endpoint"]
        make_role(address)
        functions = client("lambda", endpoint_url=address)  # noqa: F811
        if run == 0:
            functions.create_function(
                FunctionName="lasts", Runtime="python3.12", Handler="main.handler", Role=ROLE, Timeout=60,
                MemorySize=512, SnapStart={"ApplyOn": "PublishedVersions"}, Publish=True,
                Environment={"Variables": {"SECRET": "open-sesame-open-sesame"}},
                Code={"ZipFile": zipped({"main.py": PYTHON})},
            )
        settled(functions, "lasts:1", "Active")
        born.append(invoke(functions, "lasts:1", {})["Payload"]["born"])
        [file] = tmp_path.glob("cache/lambda-snapshots/*/*")
        assert file.stat().st_mode & 0o777 == 0o600 and file.parent.stat().st_mode & 0o777 == 0o700
        assert b"open-sesame" not in file.read_bytes()
        if run == 1:
            functions.delete_function(FunctionName="lasts")
            assert not list(tmp_path.glob("cache/lambda-snapshots/*/*"))
        server.terminate()
        assert server.wait(timeout=30) == 0
    assert born[0] == born[1]


@pytest.mark.parametrize("stop", ["kill", "terminate"])
def test_nothing_is_left_of_a_server_that_ends_while_it_copies(client, tmp_path, keeps, stop):
    if not keeps:
        pytest.skip("skipped: no memory is kept here")
    needs("python3.12")
    server = subprocess.Popen(
        [ROOT / "gureum", "up", "--data", tmp_path, "--listen", "127.0.0.1:0", "--json"],
        stdout=subprocess.PIPE, text=True,
    )
    address = json.loads(server.stdout.readline())["endpoint"]
    make_role(address)
    functions = client("lambda", endpoint_url=address)  # noqa: F811
    mark = tmp_path.name + stop
    functions.create_function(
        FunctionName="ends", Runtime="python3.12", Handler="main.handler", Role=ROLE, Timeout=60, MemorySize=512,
        SnapStart={"ApplyOn": "PublishedVersions"}, Publish=True, Environment={"Variables": {"MARK": mark}},
        Code={"ZipFile": zipped({"main.py": PYTHON})},
    )
    settled(functions, "ends:1", "Active")

    def ask(_):
        try:
            functions.invoke(FunctionName="ends:1", Payload=json.dumps({"sleep": 30}))
        except (ClientError, BotoCoreError):
            pass

    def left():
        # Copies have the variables of the first, wherever criu is with them.
        processes = [path for path in Path("/proc").glob("[0-9]*/environ") if mark.encode() in read(path)]
        return processes + list(Path("/sys/fs/cgroup").glob(f"**/gureum-{server.pid}.*"))

    with ThreadPoolExecutor(COPIES) as pool:
        asked = [pool.submit(ask, n) for n in range(COPIES)]
        eventually(lambda: len(left()) > 4, 60)
        getattr(server, stop)()
        server.wait(timeout=60)
        eventually(lambda: not left(), 30)
        assert all(one.result() is None for one in asked)


def read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_function_that_fails_to_initialise_fails_its_version(functions, publish):  # noqa: F811
    for broken in (
        "raise RuntimeError('no')\ndef handler(event, context): pass",
        HOOKED.format(hook="@register_before_snapshot\ndef hook(): raise ValueError('not now')"),
    ):
        target = publish(broken, wait=False)
        found = settled(functions, target, "Failed")
        assert found["StateReason"] == "An error occurred during function initialization"
        assert found["StateReasonCode"] == "FunctionError"
        assert found["SnapStart"]["OptimizationStatus"] == "Off"
        assert error_of(functions.invoke, FunctionName=target)[0] == "ResourceConflictException"
        # Another try gets another number.
        again = functions.publish_version(FunctionName=target.split(":")[0])["Version"]
        assert again == "2"
        settled(functions, f"{target.split(':')[0]}:2", "Failed")


def test_an_after_hook_that_fails(functions, publish):  # noqa: F811
    target = publish(HOOKED.format(hook="@register_after_restore\ndef hook(): raise ValueError('not now')"))
    assert error_of(functions.invoke, FunctionName=target)[0] == "SnapStartException"


def test_an_after_hook_that_takes_too_long(functions, publish):  # noqa: F811
    target = publish(HOOKED.format(hook="@register_after_restore\ndef hook(): time.sleep(60)"))
    began = time.time()
    assert error_of(functions.invoke, FunctionName=target)[0] == "SnapStartTimeoutException"
    assert time.time() - began > 9


def test_a_program_that_does_not_know_of_snapshots(functions, unique):  # noqa: F811
    name = unique("snap")
    bootstrap = "#!/bin/bash\ncurl -sS http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next\nsleep 60\n"
    from test_lambda_runtimes import executable

    functions.create_function(
        FunctionName=name, Runtime="provided.al2023", Handler="x", Role=ROLE, Publish=True,
        SnapStart={"ApplyOn": "PublishedVersions"}, Code={"ZipFile": executable("bootstrap", bootstrap)},
    )
    settled(functions, f"{name}:1", "Failed")
    functions.delete_function(FunctionName=name)


def test_what_cannot_have_a_snapshot(functions, publish, unique):  # noqa: F811
    def refused(**settings):
        arguments = {"Runtime": "python3.12", "Handler": "main.handler", "Role": ROLE, **settings}
        return error_of(
            functions.create_function, FunctionName=unique("snap"), Code={"ZipFile": zipped({"main.py": "x = 1"})},
            SnapStart={"ApplyOn": "PublishedVersions"}, **arguments,
        )

    text = "{} is not supported for SnapStart enabled functions."
    for runtime in ("python3.11", "provided.al2"):
        assert refused(Runtime=runtime) == ("InvalidParameterValueException", text.format(runtime))
    code, message = refused(EphemeralStorage={"Size": 513})
    assert code == "InvalidParameterValueException" and message.endswith(text[3:])
    target = publish("def handler(event, context): return 1")
    name, number = target.split(":")
    put = functions.put_provisioned_concurrency_config
    code, message = error_of(put, FunctionName=name, Qualifier=number, ProvisionedConcurrentExecutions=1)
    assert (code, message) == ("InvalidParameterValueException", text.format("Provisioned Concurrency"))
    code, _ = error_of(functions.update_function_configuration, FunctionName=name, EphemeralStorage={"Size": 1024})
    assert code == "InvalidParameterValueException"
    functions.update_function_configuration(FunctionName=name, SnapStart={"ApplyOn": "None"})
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    plain = functions.publish_version(FunctionName=name)
    assert plain["Version"] == "2" and plain["SnapStart"]["ApplyOn"] == "None"
