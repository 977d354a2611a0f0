"""Debuggers of functions that run in sandboxes: JDWP for Java, debugpy for Python, each at its own port."""

import json
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from conftest import eventually
from test_local import gureum, inspector, served

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Timeout: 1, CodeUri: src, MemorySize: 256}}
Resources:
  First: {Type: AWS::Serverless::Function, Properties: {Handler: app.handler, Runtime: nodejs20.x}}
  Second: {Type: AWS::Serverless::Function, Properties: {Handler: 'Hello::handle', Runtime: java17}}
  Third: {Type: AWS::Serverless::Function, Properties: {Handler: app.handler, Runtime: python3.11}}
"""
JAVA = """
public class Hello {
    static int count = 0;
    public String handle(Object input) { count++; return "call " + count; }
}
"""
PYTHON = """
def handler(event, context):
    doubled = event["n"] * 2
    return {"doubled": doubled}
"""


@pytest.fixture
def debugged(tmp_path):
    source = tmp_path / "src"
    source.mkdir()
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (source / "app.js").write_text("exports.handler = async () => 1;\n")
    (source / "app.py").write_text(PYTHON)
    (tmp_path / "Hello.java").write_text(JAVA)
    if not shutil.which("javac"):
        pytest.skip("skipped: javac is not here")
    subprocess.run(["javac", "--release", "17", "-d", source, tmp_path / "Hello.java"], check=True)
    return tmp_path


def ports(count):
    """The first of several free ports in a row."""
    for start in range(21000, 30000, 37):
        try:
            held = [socket.create_server(("127.0.0.1", start + place)) for place in range(count)]
        except OSError:
            continue
        for one in held:
            one.close()
        return start
    raise RuntimeError("no free ports")


def functions(url):
    unsigned = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}, read_timeout=120)
    return boto3.client("lambda", endpoint_url=url, region_name="us-east-1", config=unsigned)


class Call(threading.Thread):
    """An invocation that may wait for a debugger."""

    def __init__(self, url, name, payload=b"{}"):
        super().__init__(daemon=True)
        self.client, self.name_, self.payload, self.answer = functions(url), name, payload, None
        self.start()

    def run(self):
        self.answer = json.load(self.client.invoke(FunctionName=self.name_, Payload=self.payload)["Payload"])

    def done(self):
        self.join(90)
        assert not self.is_alive(), "the invocation does not end"
        return self.answer


class Jdwp:
    """As much of a Java debugger as attaching needs."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.sendall(b"JDWP-Handshake")
        assert self.read(14) == b"JDWP-Handshake"
        self.id = 0

    def read(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            assert more, "the debugger's connection has ended"
            data += more
        return data

    def ask(self, group, command):
        self.id += 1
        self.socket.sendall(struct.pack(">IIBBB", 11, self.id, 0, group, command))
        while True:
            length, number, flags, error = struct.unpack(">IIBH", self.read(11))
            body = self.read(length - 11)
            if flags & 0x80 and number == self.id:
                assert error == 0
                return body


def test_each_function_has_its_port_and_java_stays_attached(debugged):
    port = ports(3)
    with served(debugged, "start-lambda", "--debug-port", port) as url:
        call = Call(url, "Second")
        debugger = Jdwp(port + 1)
        assert b"Java" in debugger.ask(1, 1)
        time.sleep(1.2)
        assert call.answer is None, "it waits for the debugger, longer than its Timeout"
        debugger.ask(1, 9)
        assert call.done() == "call 1"
        # Suspended by its debugger for longer than its time.
        debugger.ask(1, 8)
        second = Call(url, "Second")
        time.sleep(1.5)
        assert second.answer is None
        debugger.ask(1, 9)
        assert second.done() == "call 2"
        # The first function's port is its own.
        Call(url, "First")
        assert eventually(lambda: inspector(port), 30)


class Dap:
    """As much of the Debug Adapter Protocol as a breakpoint needs."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=90)
        self.file = self.socket.makefile("rb")
        self.count, self.waiting = 0, []

    def send(self, command, **arguments):
        self.count += 1
        body = json.dumps({"seq": self.count, "type": "request", "command": command, "arguments": arguments}).encode()
        self.socket.sendall(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        return self.count

    def read(self):
        length = 0
        while (line := self.file.readline()) != b"\r\n":
            assert line, "the debugger's connection has ended"
            if line.lower().startswith(b"content-length"):
                length = int(line.split(b":")[1])
        return json.loads(self.file.read(length))

    def until(self, wanted):
        for place, message in enumerate(self.waiting):
            if wanted(message):
                return self.waiting.pop(place)
        while not wanted(message := self.read()):
            self.waiting.append(message)
        return message

    def response(self, number):
        message = self.until(lambda m: m["type"] == "response" and m["request_seq"] == number)
        assert message["success"], message
        return message["body"] if "body" in message else None

    def event(self, name):
        return self.until(lambda m: m["type"] == "event" and m["event"] == name).get("body")

    def ask(self, command, **arguments):
        return self.response(self.send(command, **arguments))


def test_python_stops_at_a_breakpoint_and_stays_attached(debugged):
    path = subprocess.run(
        [sys.executable, "-c", "import debugpy, os; print(os.path.dirname(os.path.dirname(debugpy.__file__)))"],
        capture_output=True,
        text=True,
    )
    if path.returncode:
        pytest.skip("skipped: debugpy is not here")
    # A folder with debugpy alone, as pip install --target makes one.
    shutil.copytree(f"{path.stdout.strip()}/debugpy", debugged / "tools/debugpy")
    port = ports(1)
    words = ["--debug-port", port, "--debug-function", "Third", "--debugger-path", debugged / "tools"]
    with served(debugged, "start-lambda", *words) as url:
        call = Call(url, "Third", b'{"n": 21}')
        debugger = Dap(port)
        debugger.ask("initialize", clientID="tests", adapterID="python", pathFormat="path")
        attached = debugger.send("attach", justMyCode=False)
        debugger.event("initialized")
        lines = {"source": {"path": "/var/task/app.py"}, "breakpoints": [{"line": 4}]}
        assert debugger.ask("setBreakpoints", **lines)["breakpoints"][0]["verified"]
        debugger.ask("configurationDone")
        debugger.response(attached)
        for doubled in (42, 44):
            stopped = debugger.event("stopped")
            frame = debugger.ask("stackTrace", threadId=stopped["threadId"])["stackFrames"][0]
            assert frame["line"] == 4 and frame["name"] == "handler"
            seen = debugger.ask("evaluate", expression="doubled", frameId=frame["id"], context="watch")
            assert seen["result"] == str(doubled)
            debugger.ask("continue", threadId=stopped["threadId"])
            assert call.done() == {"doubled": doubled}
            if doubled == 42:
                call = Call(url, "Third", b'{"n": 22}')


def test_what_is_missing_is_said(debugged):
    check = lambda *words: gureum(debugged, "local", "invoke", *words, code=1)[1]
    (debugged / "empty").mkdir()
    assert "pip install --target" in check("Third", "-d", 5858, "--debugger-path", "empty")
    assert "there is no function Nobody" in check("First", "-d", 5858, "--debug-function", "Nobody")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "--debug-port" in check("First", "-d", taken.getsockname()[1])
