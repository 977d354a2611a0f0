"""`gureum sync` and the watchers: what changes is built and brought, what does not stays warm."""

import contextlib
import json
import subprocess
import time

import pytest
from conftest import ROOT
from test_local import environment, fetch, gureum, invoked, served

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.11, Timeout: 10, Environment: {Variables: {TABLE: !Ref Table}}}}
Resources:
  Table: {Type: AWS::Serverless::SimpleTable}
  Inbox: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60}}
  Shared: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: shared}}
  One:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: one
      Handler: app.handler
      Layers: [!Ref Shared]
      Policies: [DynamoDBCrudPolicy: {TableName: !Ref Table}]
      Events: {Mail: {Type: SQS, Properties: {Queue: !GetAtt Inbox.Arn, BatchSize: 1}}}
  Two: {Type: AWS::Serverless::Function, Properties: {CodeUri: two, Handler: app.handler, FunctionUrlConfig: {AuthType: NONE}}}
  Api: {Type: AWS::Serverless::Api, Properties: {StageName: v1}}
"""
ONE = """
import boto3, os, shared
table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
VERSION = 1

def handler(event, context):
    for record in event.get("Records", []):
        table.put_item(Item={"id": record["body"]})
    return {"version": VERSION, "shared": shared.WORD, "items": table.scan()["Count"]}
"""
TWO = """
count = 0

def handler(event, context):
    global count
    count += 1
    return {"count": count}
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    for name, file, text in (("one", "app.py", ONE), ("two", "app.py", TWO), ("shared", "python/shared.py", "WORD = 'a'\n")):
        (tmp_path / name / file).parent.mkdir(parents=True)
        (tmp_path / name / file).write_text(text)
    return tmp_path


def until(ask, wanted, seconds=90):
    """Asks until the answer is the wanted one."""
    deadline = time.monotonic() + seconds
    while (found := ask()) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


@contextlib.contextmanager
def watching(folder, *words):
    command = [ROOT / "gureum", "sync", "--watch", *map(str, words)]
    process = subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_what_changes_is_brought_and_the_rest_stays_warm(project, endpoint, client, unique):
    stack = unique("sync")
    functions, queues = (client(name, region_name="us-east-1") for name in ("lambda", "sqs"))

    def call(name):
        answer = functions.invoke(FunctionName=f"{stack}-{name}", Payload=b"{}")
        body = json.load(answer["Payload"])
        assert "FunctionError" not in answer, body
        return body

    with watching(project, "--stack-name", stack, "--endpoint", endpoint) as process:
        lines = []
        while "Sync completed." not in "".join(lines):
            line = process.stdout.readline()
            assert line, "".join(lines)
            lines.append(line)
        said = "".join(lines)
        assert f"function {stack}-One, new" in said and "start-api" in said and f"queue {stack}-Inbox" in said
        assert call("One") == {"version": 1, "shared": "a", "items": 0}
        warm = [call("Two")["count"] for _ in range(2)]
        assert warm == [1, 2]
        queue = queues.get_queue_url(QueueName=f"{stack}-Inbox")["QueueUrl"]
        queues.send_message(QueueUrl=queue, MessageBody="hello")
        until(lambda: call("One")["items"], 1)

        (project / "one/app.py").write_text(ONE.replace("VERSION = 1", "VERSION = 2"))
        until(lambda: call("One")["version"], 2)
        (project / "shared/python/shared.py").write_text("WORD = 'b'\n")
        until(lambda: call("One")["shared"], "b")
        assert call("Two")["count"] == 3, "nothing of it has changed"
        # A template that is wrong changes nothing; a better one is taken.
        (project / "template.yaml").write_text(TEMPLATE.replace("!Ref Table", "!Ref Tabel", 1))
        time.sleep(1)
        (project / "template.yaml").write_text(TEMPLATE.replace("Timeout: 10", "Timeout: 11"))
        until(lambda: functions.get_function_configuration(FunctionName=f"{stack}-Two")["Timeout"], 11)
    address = functions.get_function_url_config(FunctionName=f"{stack}-Two")["AuthType"]
    assert address == "NONE"

    out, _ = gureum(project, "sync", "--stack-name", stack, "--endpoint", endpoint, "--code", "--resource-id", "Two")
    assert f"{stack}-Two: as it was" in out and "One" not in out
    for name in ("One", "Two"):
        functions.delete_function(FunctionName=f"{stack}-{name}")


def test_sync_says_what_is_wrong(project, endpoint, unique):
    assert "gureum up" in gureum(project, "sync", "--endpoint", "http://127.0.0.1:9", code=1)[1]
    told = gureum(project, "sync", "--endpoint", endpoint, "--stack-name", unique("x"), "--code", code=1)[1]
    assert "sync once without --code" in told
    (project / "template.yaml").write_text(TEMPLATE.replace("DynamoDBCrudPolicy", "UnknownPolicy"))
    told = gureum(project, "sync", "--endpoint", endpoint, "--stack-name", unique("x"), code=1)[1]
    assert "UnknownPolicy is not known here" in told


LOCAL = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.11, Timeout: 10}}
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src
      Handler: app.handler
      Environment: {Variables: {WORD: first}}
      Events: {One: {Type: Api, Properties: {Path: /hello, Method: get}}}
"""
HELLO = """
import json, os
count = 0

def handler(event, context):
    global count
    count += 1
    return {"statusCode": 200, "body": json.dumps([VERSION, count, os.environ["WORD"], os.environ["AWS_SAM_LOCAL"]])}

VERSION = 1
"""


def test_a_local_api_builds_again_what_changes(tmp_path):
    (tmp_path / "template.yaml").write_text(LOCAL)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/app.py").write_text(HELLO)
    gureum(tmp_path, "build")
    with served(tmp_path, "start-api") as url:
        ask = lambda: json.loads(fetch(f"{url}/hello")[2])
        assert [ask(), ask()] == [[1, 1, "first", "true"], [1, 2, "first", "true"]]
        (tmp_path / "src/app.py").write_text(HELLO.replace("VERSION = 1", "VERSION = 22"))
        until(lambda: ask()[0], 22)
        (tmp_path / "template.yaml").write_text(LOCAL.replace("first", "second"))

        def word():
            with contextlib.suppress(OSError, ValueError):
                return ask()[2]

        until(word, "second")
        # A template that is wrong leaves what is served.
        (tmp_path / "template.yaml").write_text(LOCAL.replace("Handler: app.handler", ""))
        time.sleep(1)
        assert word() == "second"


def test_samconfig_and_options_of_sam(tmp_path):
    (tmp_path / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\nParameters: {Word: {Type: String, Default: none}}\nResources: {Hello: {Type: AWS::Serverless::Function, "
        "Properties: {CodeUri: src, Handler: app.handler, Runtime: python3.9, Environment: {Variables: {WORD: !Ref Word}}}}}\n"
    )
    (tmp_path / "src").mkdir()
    (tmp_path / "src/app.py").write_text("import os, sys\ndef handler(event, context): return [os.environ['WORD'], sys.version_info[1] >= 11]\n")
    (tmp_path / "samconfig.toml").write_text(
        'version = 0.1\n[default.global.parameters]\nstack_name = "demo"\n[default.build.parameters]\ncached = true\nparallel = true\n'
        '[default.local_invoke.parameters]\nparameter_overrides = "Word=config"\n[other.local_invoke.parameters]\nparameter_overrides = ["Word=other"]\n'
    )
    out, _ = gureum(tmp_path, "build")
    assert "Build Succeeded" in out
    idle = ["--skip-pull-image", "--docker-network", "x", "--debug"]
    assert invoked(tmp_path, "Hello", *idle) == ["config", True]
    assert invoked(tmp_path, "Hello", "--parameter-overrides", "Word=line") == ["line", True]
    assert invoked(tmp_path, "Hello", "--config-env", "other") == ["other", True]
    assert "no environment third" in gureum(tmp_path, "local", "invoke", "--config-env", "third", code=1)[1]
    assert "python3.9 is out of service; it runs with python3.11" in gureum(tmp_path, "local", "invoke")[1]
    (tmp_path / "samconfig.toml").write_text("[default")
    assert "samconfig.toml" in gureum(tmp_path, "local", "invoke", code=1)[1]


def test_functions_reach_the_network_and_not_this_machine(tmp_path):
    import http.server
    import threading

    found = subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split()
    if not found:
        pytest.skip("skipped: this machine has no address but its own loopback")
    server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = server.server_port
    (tmp_path / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\nResources: {Hello: {Type: AWS::Serverless::Function, Properties: {CodeUri: src, Handler: app.handler, Runtime: python3.11}}}\n"
    )
    (tmp_path / "src").mkdir()
    (tmp_path / "src/app.py").write_text(
        "import os, urllib.request, urllib.error\n"
        "def handler(event, context):\n"
        "    if event.get('all'):\n"
        "        os.environ.pop('no_proxy', None); os.environ.pop('NO_PROXY', None)\n"
        "    try: return urllib.request.urlopen(event['url'], timeout=5).status\n"
        "    except urllib.error.HTTPError as error: return [error.code, error.read().decode()]\n"
        "    except OSError as error: return str(error)\n"
    )
    ask = lambda url, *words, **more: invoked(tmp_path, "-e", "-", *words, input=json.dumps({"url": url, **more}))
    address = found[0] if ":" not in found[0] else f"[{found[0]}]"
    assert ask(f"http://{address}:{port}/") == 200
    status, why = ask(f"http://127.0.0.1:{port}/", all=True)
    assert status == 502 and "this machine" in why
    status, why = ask("http://dynamodb.ap-northeast-2.amazonaws.com/")
    # This cloud answers in AWS's place.
    assert status == 400 and "UnknownOperationException" in why
    assert "refused" in ask(f"http://127.0.0.1:{port}/")
    assert isinstance(ask(f"http://{address}:{port}/", "--offline"), str)
    server.shutdown()
