import base64
import json

import pytest
from botocore.config import Config
from conftest import ACCOUNT, REGION, ROLE, ROOT, error_of, eventually, zipped


@pytest.fixture
def functions(client):
    return client("lambda")


@pytest.fixture
def deploy(functions, unique):
    """Creates Python functions from the text of a module; they are deleted after the test."""
    created = []

    def make(source, **settings):
        name = unique("function")
        arguments = {
            "Runtime": "python3.11",
            "Handler": "main.handler",
            "Role": ROLE,
            "Code": {"ZipFile": zipped({"main.py": source})},
            **settings,
        }
        functions.create_function(FunctionName=name, **arguments)
        created.append(name)
        functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
        return name

    yield make
    for name in created:
        functions.delete_function(FunctionName=name)


def invoke(functions, name, event=None, **arguments):
    """The answer of an invocation, its payload decoded."""
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(event), **arguments)
    payload = answer["Payload"].read()
    answer["Payload"] = json.loads(payload) if payload else None
    if "LogResult" in answer:
        # The last 4 kB, which may begin within a character.
        answer["LogResult"] = base64.b64decode(answer["LogResult"]).decode(errors="replace")
    return answer


ECHO = """
def handler(event, context):
    print("받은 것", event)
    return {"event": event, "name": context.function_name, "left": context.get_remaining_time_in_millis()}
"""


def test_function_life(functions, unique):
    name = unique("life")
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    code = zipped({"main.py": ECHO})
    created = functions.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Handler="main.handler",
        Role=ROLE,
        Code={"ZipFile": code},
        Description="a test",
        Environment={"Variables": {"WORD": "1"}},
    )
    assert created["FunctionArn"] == arn
    assert (created["MemorySize"], created["Timeout"], created["CodeSize"]) == (128, 3, len(code))
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    configuration = functions.get_function_configuration(FunctionName=arn)
    assert (configuration["State"], configuration["Version"]) == ("Active", "$LATEST")
    assert configuration["CodeSha256"] == created["CodeSha256"]
    assert functions.get_function(FunctionName=name)["Configuration"]["Description"] == "a test"
    listed = [f for page in functions.get_paginator("list_functions").paginate() for f in page["Functions"]]
    assert name in [f["FunctionName"] for f in listed]
    changed = functions.update_function_configuration(FunctionName=name, Timeout=5, MemorySize=256)
    assert (changed["Timeout"], changed["MemorySize"]) == (5, 256)
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    assert error_of(
        functions.create_function,
        FunctionName=name,
        Runtime="python3.11",
        Handler="main.handler",
        Role=ROLE,
        Code={"ZipFile": code},
    ) == ("ResourceConflictException", f"Function already exist: {name}")
    functions.delete_function(FunctionName=name)
    assert error_of(functions.get_function, FunctionName=name) == (
        "ResourceNotFoundException",
        f"Function not found: {arn}",
    )


def test_invoke(functions, deploy):
    name = deploy(ECHO)
    answer = invoke(functions, name, {"손님": "김서연"}, LogType="Tail")
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in answer
    assert answer["Payload"]["event"] == {"손님": "김서연"}
    assert answer["Payload"]["name"] == name
    assert 0 < answer["Payload"]["left"] <= 3000
    lines = answer["LogResult"]
    for part in ["START RequestId: ", "받은 것 {'손님': '김서연'}", "END RequestId: ", "REPORT RequestId: ", "Init Duration: "]:
        assert part in lines
    warm = invoke(functions, name, {}, LogType="Tail")
    assert "Init Duration" not in warm["LogResult"]


def test_logs_arrive(functions, deploy, client):
    name = deploy(ECHO)
    invoke(functions, name, "찾을 말")
    logs = client("logs")

    def found():
        streams = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]
        return streams and logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern='"찾을 말"')["events"]

    assert eventually(found)[0]["message"].rstrip() == "받은 것 찾을 말"


def test_dry_run(functions, deploy):
    answer = functions.invoke(FunctionName=deploy(ECHO), InvocationType="DryRun")
    assert answer["StatusCode"] == 204


def test_new_code_and_environment(functions, deploy):
    name = deploy("import os\ndef handler(e, c): return ['old', os.environ.get('WORD')]")
    assert invoke(functions, name)["Payload"] == ["old", None]
    functions.update_function_code(
        FunctionName=name, ZipFile=zipped({"main.py": "import os\ndef handler(e, c): return ['new', os.environ.get('WORD')]"})
    )
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {"WORD": "구름"}})
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    assert invoke(functions, name)["Payload"] == ["new", "구름"]


def test_handler_raises(functions, deploy):
    name = deploy("def handler(e, c): raise ValueError('그런 편이 없습니다')")
    answer = invoke(functions, name)
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert answer["Payload"]["errorType"] == "ValueError"
    assert answer["Payload"]["errorMessage"] == "그런 편이 없습니다"
    assert answer["Payload"]["stackTrace"]


def test_module_is_missing(functions, deploy):
    name = deploy("", Handler="elsewhere.handler")
    answer = invoke(functions, name)
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "Runtime.ImportModuleError"


@pytest.mark.parametrize(
    ("source", "error_type", "message"),
    [
        ("import time\ndef handler(e, c): time.sleep(60)", "Sandbox.Timedout", "Task timed out after 1.00 seconds"),
        ("import os\ndef handler(e, c): os._exit(3)", "Runtime.ExitError", "Runtime exited with error: exit status 3"),
        (
            "def handler(e, c): return 'x' * (7 << 20)",
            "Function.ResponseSizeTooLarge",
            "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        ),
    ],
    ids=["hangs", "exits", "seven-megabytes"],
)
def test_handler_misbehaves(functions, deploy, source, error_type, message):
    name = deploy(f"calls = 0\n{source}", Timeout=1)
    for _ in range(2):  # The next invocation gets a sound sandbox, and the server goes on.
        answer = invoke(functions, name)
        assert answer["FunctionError"] == "Unhandled"
        assert answer["Payload"]["errorType"] == error_type
        assert message in answer["Payload"]["errorMessage"]


def test_garbage_on_the_output(functions, deploy):
    name = deploy("import sys\ndef handler(e, c):\n sys.stdout.buffer.write(b'\\xff\\x00\\x1b[2J' * 4096)\n return 'fine'")
    assert invoke(functions, name, LogType="Tail")["Payload"] == "fine"


def test_a_function_uses_the_cloud(functions, deploy, client, unique):
    table = unique("seen")
    dynamodb = client("dynamodb")
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 1})
    source = f"""
import boto3
table = boto3.resource("dynamodb").Table("{table}")
def handler(event, context):
    table.put_item(Item=event)
    return boto3.client("sts").get_caller_identity()["Arn"]
"""
    arn = invoke(functions, deploy(source, Timeout=20), {"id": "7"})["Payload"]
    assert arn.startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/test/")
    assert dynamodb.get_item(TableName=table, Key={"id": {"S": "7"}})["Item"] == {"id": {"S": "7"}}


DESK = ROOT / "examples/flight-desk"
DESK_CALL = {
    "Name": "ContactFlowEvent",
    "Details": {
        "ContactData": {"ContactId": "c", "CustomerEndpoint": {"Address": "+821000009999", "Type": "TELEPHONE_NUMBER"}},
        "Parameters": {"bookingNo": "1"},
    },
}


@pytest.mark.parametrize("language", ["typescript", "java"])
def test_other_runtimes(functions, deploy, client, unique, language):
    archive = {"typescript": DESK / "typescript/dist/index.mjs", "java": DESK / "java/target/flight-desk.zip"}[language]
    if not archive.exists():
        pytest.fail(f"{archive} is missing: ./gureum demo builds it")
    if language == "typescript":
        settings = {"Runtime": "nodejs20.x", "Handler": "index.handler"}
        code = zipped({"index.mjs": archive.read_text()})
    else:
        settings = {"Runtime": "java17", "Handler": "cloud.gureum.flightdesk.FindBooking", "MemorySize": 512}
        code = archive.read_bytes()
    name = deploy(
        "", Code={"ZipFile": code}, Timeout=20, Environment={"Variables": {"TABLE_NAME": "no-such-table"}}, **settings
    )
    answer = invoke(functions, name, DESK_CALL)
    # The function reached DynamoDB, and the error came all the way back.
    assert answer["FunctionError"] == "Unhandled"
    assert "Requested resource not found" in answer["Payload"]["errorMessage"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Code": {"ZipFile": b"this is no zip archive"}}, "InvalidParameterValueException"),
        ({"Code": {"ZipFile": zipped({"../../escape.py": "x"})}}, "InvalidParameterValueException"),
        ({"Runtime": "cobol85"}, "InvalidParameterValueException"),
        ({"Timeout": 901}, "ValidationException"),
        ({"MemorySize": 64}, "ValidationException"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "InvalidParameterValueException"),
    ],
    ids=["no-zip", "traversal", "runtime", "timeout", "memory", "reserved"],
)
def test_refused_at_creation(client, unique, changes, code):
    unchecked = client("lambda", config=Config(parameter_validation=False, retries={"total_max_attempts": 1}))
    arguments = {
        "FunctionName": unique("refused"),
        "Runtime": "python3.11",
        "Handler": "main.handler",
        "Role": ROLE,
        "Code": {"ZipFile": zipped({"main.py": ECHO})},
        **changes,
    }
    assert error_of(unchecked.create_function, **arguments)[0] == code


def test_a_zip_bomb_is_refused(functions, unique):
    bomb = zipped({"main.py": ECHO, **{f"zeros{n}": b"\0" * (64 << 20) for n in range(5)}})
    code, _ = error_of(
        functions.create_function,
        FunctionName=unique("bomb"),
        Runtime="python3.11",
        Handler="main.handler",
        Role=ROLE,
        Code={"ZipFile": bomb},
    )
    assert code == "InvalidParameterValueException"


def test_no_such_function(functions):
    assert error_of(functions.invoke, FunctionName="none") == (
        "ResourceNotFoundException",
        f"Function not found: arn:aws:lambda:{REGION}:{ACCOUNT}:function:none",
    )


def test_an_event_has_to_be_json(functions, deploy):
    code, message = error_of(functions.invoke, FunctionName=deploy(ECHO), Payload=b"{no json")
    assert code == "InvalidRequestContentException"
    assert message.startswith("Could not parse request body into json")
