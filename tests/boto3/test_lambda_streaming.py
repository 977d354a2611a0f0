"""InvokeWithResponseStream, and what runtimes send to it."""

import base64
import json
import os
import pathlib

import pytest
from conftest import error_of
from test_lambda import ECHO, deploy, functions, invoke, zipped  # noqa: F401

RUNTIMES = pathlib.Path(
    os.environ.get("GUREUM_RUNTIMES") or pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "gureum/runtimes"
)


@pytest.fixture
def deploy_node(deploy):  # noqa: F811
    if not (RUNTIMES / "nodejs20.x/runtime/streaming.mjs").exists():
        pytest.skip("skipped: nodejs20.x is not installed, or is an old one (./gureum runtimes nodejs20.x)")

    def make(source, **settings):
        code = {"ZipFile": zipped({"index.mjs": source})}
        return deploy("", Runtime="nodejs20.x", Handler="index.handler", Code=code, **{"Timeout": 5, **settings})

    return make


def stream(functions, name, event=None, **arguments):  # noqa: F811
    """The pieces of a streamed answer, and its end."""
    answer = functions.invoke_with_response_stream(FunctionName=name, Payload=json.dumps(event), **arguments)
    assert answer["StatusCode"] == 200
    pieces, end = [], None
    for event in answer["EventStream"]:
        assert end is None, "nothing comes after the end"
        if "PayloadChunk" in event:
            pieces.append(event["PayloadChunk"]["Payload"])
        else:
            end = event["InvokeComplete"]
    return answer, pieces, end


def test_a_function_that_does_not_stream(functions, deploy):  # noqa: F811
    answer, pieces, end = stream(functions, deploy(ECHO), {"a": 1}, LogType="Tail")
    assert answer["ExecutedVersion"] == "$LATEST"
    assert answer["ResponseStreamContentType"] == "application/vnd.amazon.eventstream"
    assert json.loads(b"".join(pieces))["event"] == {"a": 1}
    assert "ErrorCode" not in end
    assert "REPORT RequestId: " in base64.b64decode(end["LogResult"]).decode()


def test_an_error_before_the_first_byte(functions, deploy):  # noqa: F811
    _, pieces, end = stream(functions, deploy("def handler(e, c): raise ValueError('no')"))
    assert pieces == []
    assert end["ErrorCode"] == "ValueError"
    assert json.loads(end["ErrorDetails"])["errorMessage"] == "no"


STREAM = """
export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
  stream.setContentType("text/plain");
  for (let i = 0; i < event.pieces; i++) {
    stream.write(`piece ${i} `);
    await new Promise((r) => setTimeout(r, event.pause ?? 0));
    if (i === event.fails) throw new TypeError("broken off");
  }
  stream.end(context.functionName);
});
"""


def test_pieces_come_as_they_are_written(functions, deploy_node):  # noqa: F811
    name = deploy_node(STREAM)
    _, pieces, end = stream(functions, name, {"pieces": 4, "pause": 50})
    assert len(pieces) >= 4
    assert b"".join(pieces).decode() == f"piece 0 piece 1 piece 2 piece 3 {name}"
    assert "ErrorCode" not in end
    # Somebody who wants all of it at once gets that.
    answer = functions.invoke(FunctionName=name, Payload=json.dumps({"pieces": 2}))
    assert answer["Payload"].read().decode() == f"piece 0 piece 1 {name}"
    assert "FunctionError" not in answer


def test_an_error_in_the_middle(functions, deploy_node):  # noqa: F811
    name = deploy_node(STREAM)
    _, pieces, end = stream(functions, name, {"pieces": 4, "pause": 20, "fails": 1})
    assert b"".join(pieces) == b"piece 0 piece 1 "
    assert end["ErrorCode"] == "TypeError"
    assert json.loads(end["ErrorDetails"])["errorMessage"] == "broken off"
    # The sandbox is as good as before.
    _, pieces, end = stream(functions, name, {"pieces": 1})
    assert b"".join(pieces).decode() == f"piece 0 {name}"


def test_a_stream_that_never_ends(functions, deploy_node):  # noqa: F811
    name = deploy_node(STREAM, Timeout=1)
    _, pieces, end = stream(functions, name, {"pieces": 1_000_000, "pause": 100})
    assert 5 <= len(pieces) <= 12
    assert end["ErrorCode"] == "Sandbox.Timedout"
    assert "Task timed out after 1.00 seconds" in end["ErrorDetails"]


def test_more_than_a_buffered_answer_may_have(functions, deploy_node):  # noqa: F811
    name = deploy_node(
        """export const handler = awslambda.streamifyResponse(async (event, stream) => {
            const mega = Buffer.alloc(1 << 20, 7);
            for (let i = 0; i < event.mega; i++) {
              if (!stream.write(mega)) await new Promise((r) => stream.once("drain", r));
            }
            stream.end();
        });""",
        Timeout=60,
        MemorySize=512,
    )
    _, pieces, end = stream(functions, name, {"mega": 30})
    assert sum(map(len, pieces)) == 30 << 20
    assert "ErrorCode" not in end
    _, pieces, end = stream(functions, name, {"mega": 201})
    assert end["ErrorCode"] == "Function.ResponseSizeTooLarge"
    assert sum(map(len, pieces)) <= 200 << 20
    answer = invoke_raw(functions, name, {"mega": 7})
    assert json.loads(answer)["errorType"] == "Function.ResponseSizeTooLarge"


def invoke_raw(functions, name, event):  # noqa: F811
    return functions.invoke(FunctionName=name, Payload=json.dumps(event))["Payload"].read()


def test_the_prelude_of_http_answers(functions, deploy_node):  # noqa: F811
    name = deploy_node(
        """export const handler = awslambda.streamifyResponse(async (event, stream) => {
            stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { "x-a": "b" } });
            stream.write("body");
            stream.end();
        });"""
    )
    _, pieces, _ = stream(functions, name)
    prelude, body = b"".join(pieces).split(b"\0" * 8)
    assert json.loads(prelude) == {"statusCode": 201, "headers": {"x-a": "b"}}
    assert body == b"body"


def test_refused(functions):  # noqa: F811
    assert error_of(functions.invoke_with_response_stream, FunctionName="none")[0] == "ResourceNotFoundException"


def test_json_logs(functions, deploy_node, deploy):  # noqa: F811
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "SystemLogLevel": "DEBUG"}
    for name in [
        deploy_node(
            """export const handler = async (event) => {
                console.log("not this"); console.warn("a warning", 7);
                if (event.fails) throw new RangeError("out");
            };""",
            LoggingConfig=logging,
        ),
        deploy(
            """
import logging
log = logging.getLogger()
def handler(event, context):
    log.info("not this"); log.warning("a warning %s", 7)
    if event.get("fails"): raise ArithmeticError("out")
""",
            LoggingConfig=logging,
        ),
    ]:
        configuration = functions.get_function_configuration(FunctionName=name)["LoggingConfig"]
        assert configuration == {**logging, "LogGroup": f"/aws/lambda/{name}"}
        for fails in [False, True]:
            lines = invoke(functions, name, {"fails": fails}, LogType="Tail")["LogResult"].splitlines()
            told = [json.loads(line) for line in lines]
            kinds = [line["type"] for line in told if "type" in line]
            assert kinds[-3:] == ["platform.start", "platform.runtimeDone", "platform.report"], kinds
            report = told[-1] if "type" in told[-1] else told[-2]
            assert report["record"]["status"] == ("error" if fails else "success")
            assert report["record"]["metrics"]["memorySizeMB"] == 128
            own = [line for line in told if "level" in line]
            assert (own[0]["level"].upper()[:4], own[0]["message"]) == ("WARN", "a warning 7")
            assert own[0]["requestId"] == report["record"]["requestId"]
            if fails:
                assert any(kind in str(own[1]) for kind in ["RangeError", "ArithmeticError"])
