"""The SAM workflow without Docker: gureum build, local invoke, start-api, start-lambda, with projects of sam's layout."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from conftest import ROOT, eventually

PYTHON_TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Greeting: {Type: String, Default: hello}
Globals:
  Function: {Runtime: python3.11, Timeout: 5, CodeUri: src, Layers: [!Ref Words]}
Resources:
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.echo
      Environment: {Variables: {GREETING: !Ref Greeting, OTHER: template}}
      Events:
        One: {Type: Api, Properties: {Path: '/items/{id}', Method: get}}
        Rest: {Type: Api, Properties: {Path: '/all/{proxy+}', Method: any}}
        Shut: {Type: Api, Properties: {Path: /shut, Method: get, RestApiId: !Ref Gated}}
        Second: {Type: HttpApi, Properties: {Path: /second, Method: post}}
  Broken:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.broken
      Events:
        One: {Type: Api, Properties: {Path: /broken, Method: get}}
        Two: {Type: Api, Properties: {Path: /odd, Method: get}}
  Gate: {Type: AWS::Serverless::Function, Properties: {Handler: app.gate}}
  Gated:
    Type: AWS::Serverless::Api
    Properties:
      StageName: v1
      Cors: "'https://example.com'"
      Auth:
        DefaultAuthorizer: Token
        Authorizers: {Token: {FunctionArn: !GetAtt Gate.Arn}}
  Words: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: words}}
"""

PYTHON_SOURCE = """
import json, os, sys
sys.path.append("/opt/python")
import words

VERSION = 1
count = 0

def echo(event, context):
    global count
    count += 1
    print("heard", event.get("path") or event.get("rawPath"))
    body = {"event": event, "count": count, "version": VERSION, "greeting": os.environ["GREETING"],
            "other": os.environ["OTHER"], "word": words.WORD}
    if "httpMethod" not in event and "rawPath" not in event:
        return body
    return {"statusCode": 201, "headers": {"X-Own": "yes"}, "multiValueHeaders": {"X-Many": ["a", "b"]}
            if "httpMethod" in event else {}, "body": json.dumps(body)}

def broken(event, context):
    if event["path"] == "/odd":
        return {"statusCode": 200, "colour": "red"}
    raise ValueError("on purpose")

def gate(event, context):
    token = event["authorizationToken"]
    if token == "error":
        raise ValueError("on purpose")
    effect = "Allow" if token == "let-me-in" else "Deny"
    statement = {"Effect": effect, "Action": "execute-api:Invoke", "Resource": event["methodArn"]}
    return {"principalId": "someone", "context": {"level": "7"}, "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
"""


@pytest.fixture
def project(tmp_path):
    (tmp_path / "template.yaml").write_text(PYTHON_TEMPLATE)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/app.py").write_text(PYTHON_SOURCE)
    (tmp_path / "words/python").mkdir(parents=True)
    (tmp_path / "words/python/words.py").write_text('WORD = "from the layer"\n')
    return tmp_path


def environment(**more):
    """This environment without what leads to other clouds."""
    left = {name: value for name, value in os.environ.items() if not name.startswith(("GUREUM_END", "AWS_"))}
    return {**left, **more}


def gureum(folder, *words, code=0, **more):
    """Runs the command in a folder: what it printed, and what it complained."""
    command = [ROOT / "gureum", *map(str, words)]
    env = environment(**more.pop("env", {}))
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=280, **more)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout, done.stderr


def invoked(folder, *words, **more):
    return json.loads(gureum(folder, "local", "invoke", *words, **more)[0])


@contextlib.contextmanager
def served(folder, *words, env=None):
    """Starts a serving command on a free port; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [ROOT / "gureum", "local", *map(str, words), "--port", str(port)]
    process = subprocess.Popen(command, cwd=folder, env=environment(**(env or {})), stdout=subprocess.PIPE, text=True)
    try:
        first = process.stdout.readline()
        assert f"http://127.0.0.1:{port}" in first, first
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0


def fetch(url, method="GET", body=None, **headers):
    """Status, headers and body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, method=method, data=body, headers=named)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def test_invoke(project):
    (project / "event.json").write_text('{"path": "here"}')
    out, log = gureum(project, "local", "invoke", "Echo", "-e", "event.json")
    answer = json.loads(out)
    assert answer["event"] == {"path": "here"} and answer["word"] == "from the layer"
    assert "START RequestId" in log and "heard here" in log and "REPORT RequestId" in log
    assert "heard" not in out

    assert invoked(project, "Echo", "--event", "-", input='{"from": "stdin"}')["event"] == {"from": "stdin"}
    assert invoked(project, "Echo", "--no-event")["event"] == {}
    other = invoked(project, "Echo", "--parameter-overrides", "ParameterKey=Greeting,ParameterValue=hi", env={"OTHER": "shell"})
    assert (other["greeting"], other["other"]) == ("hi", "shell")
    (project / "env.json").write_text(json.dumps({"Echo": {"OTHER": "file", "UNDECLARED": "x"}, "Parameters": {"GREETING": "all"}}))
    other = invoked(project, "Echo", "--env-vars", "env.json", env={"OTHER": "shell"})
    assert (other["greeting"], other["other"]) == ("all", "file")
    failed = invoked(project, "Broken", "-e", "event.json")
    assert failed["errorType"] == "ValueError" and failed["errorMessage"] == "on purpose"


def test_invoke_says_what_is_wrong(project):
    check = lambda *words: gureum(project, "local", "invoke", *words, code=1)[1]
    assert "which function? There are Echo, Broken, Gate" in check()
    assert "has no function Nobody" in check("Nobody")
    assert "the event is no JSON" in check("Echo", "-e", "template.yaml")
    (project / "template.yaml").write_text(PYTHON_TEMPLATE.replace("!Ref Greeting", "!Ref Greting"))
    assert "template.yaml: line 12, column 43: there is no parameter and no resource Greting" in check("Echo")
    (project / "template.yaml").write_text(PYTHON_TEMPLATE.replace("CodeUri: src", "CodeUri: nowhere"))
    assert "nowhere: No such file" in check("Gate")
    assert "nothing answers" in check("Echo", "--endpoint-url", "http://127.0.0.1:9")


def test_functions_reach_the_tables_of_a_running_cloud(project, endpoint, client, unique):
    table = unique("local")
    tables = client("dynamodb", region_name="us-east-1")
    key = [{"AttributeName": "id", "KeyType": "HASH"}]
    types = [{"AttributeName": "id", "AttributeType": "S"}]
    tables.create_table(TableName=table, KeySchema=key, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST")
    tables.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1})
    tables.put_item(TableName=table, Item={"id": {"S": "1"}, "name": {"S": "beaver"}})
    source = f"import boto3\ndef echo(event, context): return boto3.client('dynamodb').scan(TableName='{table}')['Items']\n"
    (project / "src/app.py").write_text(source)
    found = invoked(project, "Echo", "--endpoint-url", endpoint)
    assert found == [{"id": {"S": "1"}, "name": {"S": "beaver"}}]


def test_start_api(project):
    with served(project, "start-api") as url:
        status, headers, body = fetch(f"{url}/items/7%20a?q=1&q=2", X_Thing="x")
        event = json.loads(body)["event"]
        assert status == 201 and headers["X-Own"] == "yes" and headers.get_all("X-Many") == ["a", "b"]
        assert event["resource"] == "/items/{id}" and event["pathParameters"] == {"id": "7 a"}
        assert event["queryStringParameters"] == {"q": "2"}
        assert event["multiValueQueryStringParameters"] == {"q": ["1", "2"]}
        assert event["headers"]["X-Thing"] == "x" and event["requestContext"]["stage"] == "Prod"
        _, _, body = fetch(f"{url}/all/a/b", "PATCH", b"text")
        event = json.loads(body)["event"]
        assert event["pathParameters"] == {"proxy": "a/b"} and event["body"] == "text"
        _, _, body = fetch(f"{url}/second", "POST", b'{"a": 1}', Content_Type="application/json", Cookie="a=1; b=2")
        event = json.loads(body)["event"]
        assert event["version"] == "2.0" and event["routeKey"] == "POST /second" and event["body"] == '{"a": 1}'
        assert event["cookies"] == ["a=1", "b=2"] and "pathParameters" not in event
        assert fetch(f"{url}/nothing")[0::2] == (403, '{"message":"Missing Authentication Token"}')
        assert fetch(f"{url}/broken")[0::2] == (502, '{"message": "Internal server error"}')
        assert fetch(f"{url}/odd")[0::2] == (502, '{"message": "Internal server error"}')


def test_authorizers_and_cors(project):
    with served(project, "start-api") as url:
        status, _, body = fetch(f"{url}/shut", Authorization="let-me-in")
        authorizer = json.loads(body)["event"]["requestContext"]["authorizer"]
        assert status == 201 and authorizer == {"level": "7", "principalId": "someone"}
        assert fetch(f"{url}/shut")[0::2] == (401, '{"message":"Unauthorized"}')
        assert fetch(f"{url}/shut", Authorization="no")[0::2] == (
            403,
            '{"Message":"User is not authorized to access this resource"}',
        )
        assert fetch(f"{url}/shut", Authorization="error")[0] == 500
        status, headers, _ = fetch(f"{url}/shut", "OPTIONS", Origin="https://example.com")
        assert status == 200 and headers["Access-Control-Allow-Origin"] == "https://example.com"
        assert headers["Access-Control-Allow-Methods"] == "GET,OPTIONS"
    with served(project, "start-api", "--disable-authorizer") as url:
        assert fetch(f"{url}/shut")[0] == 201
    pool = PYTHON_TEMPLATE.replace("{FunctionArn: !GetAtt Gate.Arn}", "{UserPoolArn: 'arn:aws:cognito-idp:x'}")
    (project / "template.yaml").write_text(pool)
    assert "needs the ARN of a user pool" in gureum(project, "local", "start-api", "--port", 0, code=1)[1]


def test_warm_until_a_file_changes(project):
    with served(project, "start-api") as url:
        answers = [json.loads(fetch(f"{url}/items/1")[2]) for _ in range(3)]
        assert [answer["count"] for answer in answers] == [1, 2, 3]
        (project / "src/app.py").write_text(PYTHON_SOURCE.replace("VERSION = 1", "VERSION = 22"))
        again = [json.loads(fetch(f"{url}/items/1")[2]) for _ in range(2)]
        assert [(answer["version"], answer["count"]) for answer in again] == [(22, 1), (22, 2)]


def test_start_lambda(project):
    with served(project, "start-lambda", "--warm-containers", "EAGER") as url:
        unsigned = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1})
        functions = boto3.client("lambda", endpoint_url=url, region_name="us-east-1", config=unsigned)
        answer = functions.invoke(FunctionName="Echo", Payload=b'{"a": 1}')
        assert json.load(answer["Payload"])["event"] == {"a": 1} and "FunctionError" not in answer
        answer = functions.invoke(FunctionName="Broken", Payload=b'{"path": ""}')
        assert answer["FunctionError"] == "Unhandled" and json.load(answer["Payload"])["errorType"] == "ValueError"
        with pytest.raises(functions.exceptions.ClientError) as caught:
            functions.invoke(FunctionName="Nobody")
        assert caught.value.response["Error"]["Code"] == "ResourceNotFound"


def test_nested_applications(project):
    inner = project / "inner"
    inner.mkdir()
    shutil.move(project / "template.yaml", inner / "template.yaml")
    for name in ["src", "words"]:
        shutil.move(project / name, inner / name)
    outer = "Resources: {App: {Type: 'AWS::Serverless::Application', Properties: {Location: inner/template.yaml, Parameters: {Greeting: nested}}}}\n"
    (project / "template.yaml").write_text(outer)
    assert invoked(project, "App/Echo")["greeting"] == "nested"


@pytest.mark.parametrize("language", ["typescript", "java17"])
def test_the_path_of_the_notes(language, tmp_path):
    """As written there, with `gureum` in place of `sam`."""
    demo = tmp_path / "demo"
    shutil.copytree(ROOT / f"examples/sam-hello-{language}", demo, ignore=shutil.ignore_patterns(".aws-sam", "node_modules", "target"))
    out, _ = gureum(demo, "build")
    assert "Build Succeeded" in out and (demo / ".aws-sam/build/HelloWorldFunction").is_dir()
    expected = {"typescript": {"message": "hello beaver"}, "java17": {"message": "hello from Java"}}[language]
    for event in ["--event", "-e"]:
        answer = invoked(demo, "HelloWorldFunction", event, "events/event.json")
        assert answer["statusCode"] == 200 and json.loads(answer["body"]) == expected
    with served(demo, "start-api") as url:
        status, _, body = fetch(f"{url}/hello?name=beaver")
        assert status == 200 and json.loads(body) == expected
        assert fetch(f"{url}/hello", "POST")[0] == 403


def test_scan_table_of_the_notes(tmp_path, endpoint, client):
    demo = tmp_path / "demo"
    shutil.copytree(ROOT / "examples/sam-hello-typescript", demo, ignore=shutil.ignore_patterns(".aws-sam", "node_modules"))
    tables = client("dynamodb", region_name="us-east-1")
    key = [{"AttributeName": "phoneNumber", "KeyType": "HASH"}]
    types = [{"AttributeName": "phoneNumber", "AttributeType": "S"}]
    tables.create_table(TableName="sample_table", KeySchema=key, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST")
    tables.get_waiter("table_exists").wait(TableName="sample_table", WaiterConfig={"Delay": 1})
    tables.put_item(TableName="sample_table", Item={"phoneNumber": {"S": "+821012345678"}, "flightNo": {"S": "KE123"}})
    gureum(demo, "build", "ScanTable")
    answer = invoked(demo, "ScanTable", "-e", "events/connect.json", "--endpoint-url", endpoint)
    assert answer == {"isReserved": True, "phoneNumber": "+821012345678", "flightNo": "KE123"}
    tables.delete_table(TableName="sample_table")


def test_node_inspector_stays_between_invocations(tmp_path):
    (tmp_path / "template.yaml").write_text(
        "Transform: AWS::Serverless-2016-10-31\nResources: {Hello: {Type: AWS::Serverless::Function, Properties: {CodeUri: src, Handler: app.handler, Runtime: nodejs20.x}}}\n"
    )
    (tmp_path / "src").mkdir()
    (tmp_path / "src/app.js").write_text("exports.handler = async () => ({ pid: process.pid });\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with served(tmp_path, "start-lambda", "--debug-port", port) as url:
        unsigned = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}, read_timeout=60)
        functions = boto3.client("lambda", endpoint_url=url, region_name="us-east-1", config=unsigned)
        answers = []
        call = lambda: answers.append(json.load(functions.invoke(FunctionName="Hello")["Payload"]))
        first = threading.Thread(target=call)
        first.start()
        target = eventually(lambda: inspector(port), 20)
        debugger = WebSocket(port, target)
        assert not answers, "it waits for the debugger"
        debugger.ask("Debugger.enable")
        debugger.ask("Runtime.runIfWaitingForDebugger")
        debugger.until(lambda message: message.get("method") == "Debugger.paused")
        debugger.ask("Debugger.resume")
        first.join(30)
        call()
        assert len(answers) == 2 and answers[0] == answers[1]
        assert debugger.ask("Runtime.evaluate", expression="process.pid")["result"]["result"]["value"] == answers[0]["pid"]


def inspector(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=20) as answer:
            return json.load(answer)[0]["webSocketDebuggerUrl"]
    except OSError:
        return None


class WebSocket:
    """As much of a client as the inspector needs."""

    def __init__(self, port, url):
        path = "/" + url.split("/", 3)[3]
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.socket.sendall((head + "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n").encode())
        self.file = self.socket.makefile("rb")
        assert b"101" in self.file.readline()
        while self.file.readline() != b"\r\n":
            pass
        self.count = 0

    def ask(self, method, **params):
        self.count += 1
        text = json.dumps({"id": self.count, "method": method, "params": params}).encode()
        size = bytes([0x80 | len(text)]) if len(text) < 126 else bytes([0x80 | 126]) + len(text).to_bytes(2, "big")
        self.socket.sendall(b"\x81" + size + bytes(4) + text)
        return self.until(lambda message: message.get("id") == self.count)

    def until(self, wanted):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            _, second = self.file.read(2)
            length = {126: lambda: int.from_bytes(self.file.read(2), "big"), 127: lambda: int.from_bytes(self.file.read(8), "big")}.get(second, lambda: second)()
            message = json.loads(self.file.read(length))
            if wanted(message):
                return message
        raise TimeoutError


@pytest.mark.parametrize(
    "wrong, right, told",
    [
        ("  Echo:\n", "  Echo\n", "template.yaml: line 8, column 9: mapping values are not allowed in this context; put a colon after the key in line 7: Echo:"),
        ("Runtime: python3.11,", "Runtime:python3.11,", "has no value; put a space after its colon"),
        ("    Type: AWS::Serverless::Function\n    Properties:\n      Handler: app.echo", "\tType: x", "; indent line 8 with spaces in place of tabs"),
        ("!Ref Greeting", "!Reff Greeting", "!Reff is no function of CloudFormation; Ref is meant?"),
        ("!Ref Greeting", "!Ref Greting", "there is no parameter and no resource Greting; Greeting is meant?"),
    ],
)
def test_errors_of_templates_say_what_to_do(tmp_path, wrong, right, told):
    assert wrong in PYTHON_TEMPLATE
    (tmp_path / "template.yaml").write_text(PYTHON_TEMPLATE.lstrip().replace(wrong, right, 1))
    assert told in gureum(tmp_path, "local", "invoke", "Echo", code=1)[1]
