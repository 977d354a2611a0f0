"""X-Amzn-Trace-Id: which trace an invocation belongs to."""

import json
import re

import pytest
from conftest import eventually
from test_lambda import deploy, functions, invoke  # noqa: F401

SOURCE = """
import os
def handler(event, context):
    print("trace", os.environ["_X_AMZN_TRACE_ID"])
    return os.environ["_X_AMZN_TRACE_ID"]
"""
ROOT = "1-5759e988-bd862e3fe1be46a994272793"
WHOLE = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=1:a87bd80c:0"


@pytest.fixture
def traced(client):
    """A client whose requests carry a header, as X-Ray's SDK makes them."""

    def make(header):
        made = client("lambda")
        add = lambda request, **_: request.headers.add_header("X-Amzn-Trace-Id", header)  # noqa: E731
        made.meta.events.register("before-sign.lambda.*", add)
        return made

    return make


def returned(answer):
    return answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-trace-id"]


def test_the_callers_trace_reaches_the_function_and_comes_back(deploy, traced, functions):  # noqa: F811
    name = deploy(SOURCE, Timeout=60)
    answer = invoke(traced(WHOLE), name)
    assert (answer["Payload"], returned(answer)) == (WHOLE, WHOLE)
    assert answer["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/json"
    # What is left out is added, what is nonsense is left out.
    answer = invoke(traced(f"Self=1-2-3;Root={ROOT};Sampled=?"), name)
    assert re.fullmatch(f"Root={ROOT};Parent=[0-9a-f]{{16}};Sampled=0", answer["Payload"])
    assert answer["Payload"] == returned(answer)
    for header in (None, "Root=1-2-3;Parent=x", "x" * 5000):
        answer = invoke(traced(header) if header else functions, name)
        assert re.fullmatch(r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", answer["Payload"])
        assert answer["Payload"] == returned(answer) and ROOT not in answer["Payload"]


def test_a_function_that_traces_is_sampled(deploy, functions, traced):  # noqa: F811
    name = deploy(SOURCE, Timeout=60, TracingConfig={"Mode": "Active"})
    assert invoke(functions, name)["Payload"].endswith(";Sampled=1")
    assert invoke(traced(f"Root={ROOT};Sampled=0"), name)["Payload"].endswith(";Sampled=0")


def test_events_and_streams_keep_it(deploy, traced, client):  # noqa: F811
    name, caller = deploy(SOURCE, Timeout=60), traced(WHOLE)
    answer = caller.invoke(FunctionName=name, InvocationType="Event")
    assert returned(answer) == WHOLE
    logs = client("logs")

    def told():
        if not logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]:
            return False
        lines = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        return f"trace {WHOLE}" in [line["message"].strip() for line in lines]

    eventually(told, 60)
    answer = caller.invoke_with_response_stream(FunctionName=name)
    assert returned(answer) == WHOLE
    chunks = [event["PayloadChunk"]["Payload"] for event in answer["EventStream"] if "PayloadChunk" in event]
    assert json.loads(b"".join(chunks)) == WHOLE
