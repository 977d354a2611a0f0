"""Every runtime runs a handler, answers its errors as AWS does, and calls the cloud it runs in."""

import json
import os
import pathlib
import shutil
import stat
import subprocess
import zipfile
import io

import pytest
from conftest import ROLE, zipped

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
INSTALLED = pathlib.Path(os.environ.get("GUREUM_RUNTIMES") or CACHE / "gureum/runtimes")

NODE = """
const { STSClient, GetCallerIdentityCommand } = require("@aws-sdk/client-sts");
exports.handler = async (event, context) => {
  if (event.fail) throw new RangeError("too far");
  const { Account } = await new STSClient().send(new GetCallerIdentityCommand());
  return { event, version: process.versions.node.split(".")[0], account: Account, env: process.env.AWS_EXECUTION_ENV };
};
"""
TYPESCRIPT = """
interface Event { name: string }
enum_less: type Greeting = { text: string };
export const handler = async (event: Event): Promise<Greeting> => ({ text: `hello ${event.name}` as string });
""".replace("enum_less: ", "")
PYTHON = """
import os, sys, boto3
def handler(event, context):
    if event.get("fail"):
        raise KeyError("too far")
    account = boto3.client("sts").get_caller_identity()["Account"]
    return {"event": event, "version": "%d.%d" % sys.version_info[:2], "account": account,
            "env": os.environ["AWS_EXECUTION_ENV"]}
"""
JAVA = """
import java.util.*;
public class Main {
    public Map<String, Object> handle(Map<String, Object> event) {
        if (event.containsKey("fail")) throw new IllegalStateException("too far");
        Map<String, Object> answer = new HashMap<>();
        answer.put("event", event);
        answer.put("version", System.getProperty("java.specification.version"));
        answer.put("env", System.getenv("AWS_EXECUTION_ENV"));
        return answer;
    }
}
"""
BOOTSTRAP = """#!/bin/bash
API=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime
while :; do
    head=$(mktemp)
    event=$(curl -sS -D "$head" "$API/invocation/next")
    id=$(tr -d '\\r' <"$head" | awk -F': ' 'tolower($1) == "lambda-runtime-aws-request-id" {print $2}')
    curl -sS -X POST "$API/invocation/$id/response" -d "{\\"echo\\": $event, \\"handler\\": \\"$_HANDLER\\"}" >/dev/null
done
"""


@pytest.fixture
def run(client, unique):
    """Creates a function and gives a way to invoke it."""
    functions, created = client("lambda"), []

    def make(runtime, handler, archive, **settings):
        if not runtime.startswith("provided") and not (INSTALLED / runtime / "runtime.json").exists():
            pytest.skip(f"{runtime} is not installed: `./gureum runtimes {runtime}` says what it needs")
        name = unique("runtime")
        functions.create_function(
            FunctionName=name, Runtime=runtime, Handler=handler, Role=ROLE, Timeout=30, MemorySize=512,
            Code={"ZipFile": archive}, **settings,
        )
        created.append(name)
        functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})

        def invoke(event):
            answer = functions.invoke(FunctionName=name, Payload=json.dumps(event))
            return json.loads(answer["Payload"].read()), answer.get("FunctionError")

        return invoke

    yield make
    for name in created:
        functions.delete_function(FunctionName=name)


@pytest.mark.parametrize("major", ["20", "22", "24"])
def test_node(run, major):
    invoke = run(f"nodejs{major}.x", "main.handler", zipped({"main.js": NODE}))
    answer, error = invoke({"a": "b"})
    assert error is None, answer
    assert answer["event"] == {"a": "b"} and answer["account"] == "000000000000"
    assert answer["env"] == f"AWS_Lambda_nodejs{major}.x"
    assert major == "20" or answer["version"] == major
    answer, error = invoke({"fail": True})
    assert error == "Unhandled" and answer["errorType"] == "RangeError" and answer["errorMessage"] == "too far"


@pytest.mark.parametrize("major", ["22", "24"])
def test_typescript_runs_without_a_build(run, major):
    invoke = run(f"nodejs{major}.x", "app.handler", zipped({"app.ts": TYPESCRIPT}))
    assert invoke({"name": "you"}) == ({"text": "hello you"}, None)


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_python(run, version):
    invoke = run(f"python{version}", "main.handler", zipped({"main.py": PYTHON}))
    answer, error = invoke({"a": "b"})
    assert error is None, answer
    assert answer == {
        "event": {"a": "b"}, "version": version, "account": "000000000000", "env": f"AWS_Lambda_python{version}",
    }
    answer, error = invoke({"fail": True})
    assert error == "Unhandled" and answer["errorType"] == "KeyError"


@pytest.mark.parametrize("version", ["11", "17", "21", "25"])
def test_java(run, version, tmp_path):
    if not shutil.which("javac"):
        pytest.skip("there is no javac")
    (tmp_path / "Main.java").write_text(JAVA)
    subprocess.run(["javac", "--release", "11", "Main.java"], cwd=tmp_path, check=True)
    invoke = run(f"java{version}", "Main::handle", zipped({"Main.class": (tmp_path / "Main.class").read_bytes()}))
    answer, error = invoke({"a": "b"})
    assert error is None, answer
    assert answer == {"event": {"a": "b"}, "version": version, "env": f"AWS_Lambda_java{version}"}
    answer, error = invoke({"fail": True})
    assert error == "Unhandled" and answer["errorType"] == "java.lang.IllegalStateException"


def executable(name, text):
    """An archive whose one file may be executed."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        info = zipfile.ZipInfo(name)
        info.external_attr = (stat.S_IFREG | 0o755) << 16
        out.writestr(info, text)
    return archive.getvalue()


@pytest.mark.parametrize("runtime", ["provided.al2", "provided.al2023"])
def test_own_bootstrap(run, runtime):
    if not shutil.which("curl"):
        pytest.skip("the bootstrap of this test needs curl")
    invoke = run(runtime, "some.thing", executable("bootstrap", BOOTSTRAP))
    assert invoke({"a": "b"}) == ({"echo": {"a": "b"}, "handler": "some.thing"}, None)


def test_a_missing_bootstrap_is_named(run):
    invoke = run("provided.al2023", "x", zipped({"other": "text"}))
    answer, error = invoke({})
    assert error == "Unhandled" and answer["errorType"] == "Runtime.InvalidEntrypoint"
    assert "[/var/task/bootstrap /opt/bootstrap]" in answer["errorMessage"]
