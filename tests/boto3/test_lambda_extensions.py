"""The Extensions, Telemetry and Logs APIs, with extensions of our own."""

import concurrent.futures
import io
import json
import time
import zipfile

import pytest
from conftest import ROOT, eventually
from test_lambda import deploy, functions, invoke  # noqa: F401
from test_lambda_runtimes import INSTALLED

EXTENSION = (ROOT / "crates/service/lambda/tests/insights.py").read_text()

HANDLER = """
import json, os, time
print("loading")
def handler(event, context):
    print("working")
    if event.get("sleep"): time.sleep(event["sleep"])
    if event.get("told"):
        return json.load(open("/tmp/told"))
    return context.aws_request_id
"""


def archive(files):
    """A zip archive whose files are executable."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o100755 << 16
            zipped.writestr(entry, text)
    return out.getvalue()


@pytest.fixture
def layer(functions, unique):  # noqa: F811
    made = functions.publish_layer_version(
        LayerName=unique("insights"), Content={"ZipFile": archive({"extensions/insights": EXTENSION})}
    )
    return made["LayerVersionArn"]


@pytest.fixture
def extended(deploy, layer):  # noqa: F811
    def make(mode="", source=HANDLER, **settings):
        settings = {"Timeout": 10, "MemorySize": 256, **settings}
        return deploy(source, Layers=[layer], Environment={"Variables": {"MODE": mode}}, **settings)

    return make


def lines_of(client, name):
    logs = client("logs")
    if not logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]:
        return []
    events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    return [event["message"].rstrip("\n") for event in events]


def test_an_external_extension_hears_everything(functions, extended, client):  # noqa: F811
    name = extended()
    first = invoke(functions, name, {}, LogType="Tail")
    log = first["LogResult"]
    assert "extension says hello False True" in log
    assert '"accountId"' in log and f'"functionName":"{name}"' in log.replace(": ", ":")
    assert "TELEMETRY\tName: insights\tState: Subscribed\tTypes: [Platform, Function, Extension]" in log
    assert "EXTENSION\tName: insights\tState: Ready\tEvents: [INVOKE, SHUTDOWN]" in log
    assert log.index("EXTENSION\t") < log.index("START RequestId")
    assert f"invoke {first['Payload']} " in log
    # What was told of the first is at hand in the second.
    told = invoke(functions, name, {"told": True})["Payload"]
    kinds = [one["type"] for one in told]
    for kind in ["platform.initStart", "platform.telemetrySubscription", "platform.initRuntimeDone", "platform.initReport", "platform.start", "platform.runtimeDone"]:
        assert kinds.count(kind) == 1, (kind, kinds)
    texts = [one["record"] for one in told if one["type"] == "function"]
    assert [text for text in texts if text in ("loading", "working")] == ["loading", "working"]
    start = next(one for one in told if one["type"] == "platform.start")
    assert start["record"]["requestId"] == first["Payload"] and start["time"].endswith("Z")
    done = next(one for one in told if one["type"] == "platform.runtimeDone")
    assert done["record"]["status"] == "success"
    assert [span["name"] for span in done["record"]["spans"]] == ["responseLatency", "responseDuration"]
    # A change ends the sandbox, and the extension hears that.
    functions.update_function_configuration(FunctionName=name, Description="new")
    shutdown = eventually(lambda: [line for line in lines_of(client, name) if line.startswith("shutdown ")])[0]
    assert shutdown.startswith("shutdown spindown True")
    assert '"platform.report"' in shutdown and '"extension"' in shutdown


def test_the_answer_does_not_wait_but_the_next_event_does(functions, extended):  # noqa: F811
    name = extended()
    invoke(functions, name, {})
    began = time.time()
    invoke(functions, name, {})
    invoke(functions, name, {})
    # The first answer came while the extension still worked (0.3 s for each event); whoever came next waited, or
    # found another sandbox. Neither fails, and nobody waits for NEXT_MAX again and again.
    assert time.time() - began < 30


def test_a_timeout_is_told_to_extensions(functions, extended, client):  # noqa: F811
    name = extended(Timeout=1)
    answer = invoke(functions, name, {"sleep": 30})
    assert answer["Payload"]["errorType"] == "Sandbox.Timedout"
    shutdown = eventually(lambda: [line for line in lines_of(client, name) if line.startswith("shutdown ")])[0]
    assert shutdown.startswith("shutdown timeout")


@pytest.mark.parametrize(
    ("mode", "error_type"),
    [("crash", "Extension.Crash"), ("init-error", "Extension.NoConfiguration"), ("exit", "Extension.Crash")],
)
def test_an_extension_that_fails_fails_the_function(functions, extended, mode, error_type):  # noqa: F811
    answer = invoke(functions, extended(mode), {}, LogType="Tail")
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == error_type
    assert f"Error Type: {error_type}" in answer["LogResult"]


def test_one_that_is_no_program(functions, deploy, unique):  # noqa: F811
    made = functions.publish_layer_version(
        LayerName=unique("broken"), Content={"ZipFile": archive({"extensions/broken": "#!/no/such/interpreter"})}
    )
    answer = invoke(functions, deploy(HANDLER, Layers=[made["LayerVersionArn"]]), {}, LogType="Tail")
    assert answer["Payload"]["errorType"] == "Extension.LaunchError"
    assert "EXTENSION\tName: broken\tState: LaunchError" in answer["LogResult"]


def test_more_than_ten_are_refused(functions, deploy, unique):  # noqa: F811
    files = {f"extensions/one-{n:02}": "#!/bin/sh\nexec sleep 600\n" for n in range(11)}
    made = functions.publish_layer_version(LayerName=unique("many"), Content={"ZipFile": archive(files)})
    name = deploy(HANDLER, Layers=[made["LayerVersionArn"]], Timeout=60)
    answer = invoke(functions, name, {}, LogType="Tail")
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "Extension.TooManyExtensions"
    assert "EXTENSION\tName: one-10\tState: LaunchError" in answer["LogResult"]


@pytest.fixture
def snapped(functions, extended):  # noqa: F811
    """The names of a function with an extension, and of its version with SnapStart."""
    if not (INSTALLED / "python3.12/runtime.json").exists():
        pytest.skip("skipped: python3.12 is not installed")
    name = extended(Runtime="python3.12", Timeout=60, SnapStart={"ApplyOn": "PublishedVersions"})
    version = functions.publish_version(FunctionName=name)["Version"]
    target = f"{name}:{version}"
    settings = functions.get_function_configuration
    eventually(lambda: settings(FunctionName=target)["State"] == "Active", 120)
    return name, version


def told_of_restores(functions, target, **event):  # noqa: F811
    def hearsay():
        answer = invoke(functions, target, {"told": True, **event})
        # Before the extension has written it down, there is no such file, or not all of it.
        whole = "FunctionError" not in answer and any(one["type"] == "platform.start" for one in answer["Payload"])
        return whole and answer["Payload"]

    return eventually(hearsay, 60)


def test_restores_are_told(functions, snapped):  # noqa: F811
    name, version = snapped
    target = f"{name}:{version}"
    invoke(functions, target, {})
    told = told_of_restores(functions, target)
    by_kind = {one["type"]: one["record"] for one in told}
    assert by_kind["platform.initStart"]["initializationType"] == "snap-start"
    restored = by_kind["platform.restoreStart"]
    assert restored["functionName"] == name and restored["functionVersion"] == version
    assert restored["runtimeVersion"].startswith("python3.12") and restored["instanceMaxMemory"] == 256 << 20
    assert by_kind["platform.restoreRuntimeDone"]["status"] == "success"
    report = by_kind["platform.restoreReport"]
    assert report["status"] == "success" and report["metrics"]["durationMs"] > 0
    kinds = [one["type"] for one in told]
    assert kinds.index("platform.restoreStart") < kinds.index("platform.restoreRuntimeDone")
    assert kinds.index("platform.restoreReport") < kinds.index("platform.start")


def test_restores_of_many_at_once_are_told(functions, snapped):  # noqa: F811
    # More than wait: where no memory is kept, some are initialised before they go on as restored.
    name, version = snapped
    target = f"{name}:{version}"
    with concurrent.futures.ThreadPoolExecutor(4) as callers:
        for _ in callers.map(lambda _: invoke(functions, target, {"sleep": 3}), range(4)):
            pass
        told = list(callers.map(lambda _: told_of_restores(functions, target, sleep=1), range(4)))
    for one in told:
        kinds = [event["type"] for event in one]
        assert kinds.index("platform.restoreStart") < kinds.index("platform.restoreReport"), kinds
        assert kinds.index("platform.restoreReport") < kinds.index("platform.start"), kinds


INTERNAL = """
import json, os, threading, time, urllib.error, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"]
def call(method, path, body=None, **headers):
    headers = {"Lambda-Extension-" + name.replace("_", "-"): value for name, value in headers.items()}
    data = None if body is None else json.dumps(body).encode()
    try:
        return urllib.request.urlopen(urllib.request.Request(api + path, data, headers, method=method))
    except urllib.error.HTTPError as refused:
        return refused
def kind(answer):
    return [answer.status, json.load(answer)["errorType"]]
register = "/2020-01-01/extension/register"
refused = [
    kind(call("POST", register, {"events": ["INVOKE"]})),
    kind(call("POST", register, {"events": ["SHUTDOWN"]}, Name="inside")),
    kind(call("POST", register, {"events": ["LUNCH"]}, Name="inside")),
    kind(call("GET", "/2020-01-01/extension/event/next", Identifier="nobody")),
    kind(call("GET", "/2020-01-01/extension/event/next")),
]
me = call("POST", register, {"events": ["INVOKE"]}, Name="inside").headers["Lambda-Extension-Identifier"]
refused.append(kind(call("PUT", "/2022-07-01/telemetry", {"types": ["platform"]}, Identifier=me)))
heard = []
def listen():
    while True:
        heard.append(json.load(call("GET", "/2020-01-01/extension/event/next", Identifier=me)))
threading.Thread(target=listen, daemon=True).start()
def handler(event, context):
    late = [kind(call("POST", register, {"events": []}, Name="late")),
            kind(call("PUT", "/2020-08-15/logs", {"types": ["function"], "destination": {"protocol": "TCP", "port": 9}}, Identifier=me))]
    # The other thread hears of this invocation a moment before or after; never, then time is up.
    while not heard or heard[-1]["requestId"] != context.aws_request_id:
        time.sleep(0.01)
    return [refused, late, [one["eventType"] for one in heard]]
"""


def test_an_internal_extension(functions, deploy):  # noqa: F811
    name = deploy(INTERNAL, Timeout=5)
    for times in [1, 2]:
        refused, late, heard = invoke(functions, name)["Payload"]
        assert heard == ["INVOKE"] * times
    assert refused == [
        [403, "Extension.InvalidExtensionName"],
        [403, "Extension.InvalidEventType"],
        [403, "Extension.InvalidEventType"],
        [403, "Extension.UnknownExtensionIdentifier"],
        [403, "Extension.MissingExtensionIdentifier"],
        [400, "ValidationError"],
    ]
    assert late == [[403, "Extension.RegistrationClosed"], [403, "Logs.SubscriptionClosed"]]


LOGS = """
import json, os, socket, threading, time, urllib.request
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"]
lines = []
server = socket.create_server(("sandbox.localdomain", 8098))
def serve():
    while True:
        for line in server.accept()[0].makefile():
            lines.append(json.loads(line))
threading.Thread(target=serve, daemon=True).start()
def call(method, path, body=None, **headers):
    headers = {"Lambda-Extension-" + name: value for name, value in headers.items()}
    data = None if body is None else json.dumps(body).encode()
    return urllib.request.urlopen(urllib.request.Request(api + path, data, headers, method=method))
me = call("POST", "/2020-01-01/extension/register", {"events": []}, Name="inside").headers["Lambda-Extension-Identifier"]
call("PUT", "/2020-08-15/logs", {"schemaVersion": "2021-03-18", "types": ["platform", "function"], "buffering": {"timeoutMs": 25},
     "destination": {"protocol": "TCP", "port": 8098}}, Identifier=me)
threading.Thread(target=lambda: call("GET", "/2020-01-01/extension/event/next", Identifier=me), daemon=True).start()
def handler(event, context):
    print("a line")
    time.sleep(0.5)
    return lines
"""


def test_the_logs_api_over_tcp(functions, deploy):  # noqa: F811
    name = deploy(LOGS, Timeout=5)
    first = invoke(functions, name, LogType="Tail")
    assert "LOGS\tName: inside\tState: Subscribed\tTypes: [Platform, Function]" in first["LogResult"]
    lines = invoke(functions, name)["Payload"]
    kinds = [line["type"] for line in lines]
    for kind in ["platform.logsSubscription", "platform.start", "function", "platform.runtimeDone", "platform.report"]:
        assert kind in kinds, kinds
    assert not any(kind.startswith("platform.init") for kind in kinds)
    report = next(line for line in lines if line["type"] == "platform.report")["record"]
    assert set(report) == {"requestId", "metrics"} and report["metrics"]["initDurationMs"] > 0
