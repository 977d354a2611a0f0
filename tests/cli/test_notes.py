"""Functions with SDKs that do not know AWS_ENDPOINT_URL find this cloud where they look for AWS: the notes' own examples."""

import json
import shutil
import subprocess

import pytest
from conftest import ROOT, zipped
from test_local import environment, fetch, invoked, served

REGION = "ap-northeast-2"  # what the examples are written for
EVENT = ["-e", "events/event.json"]
PHONE = "+821012345678"
UNREACHABLE = ["Could not transfer artifact", "Could not resolve", "Unknown host", "ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT"]


def built(tmp_path, name):
    demo = tmp_path / "demo"
    shutil.copytree(ROOT / "examples" / name, demo, ignore=shutil.ignore_patterns(".aws-sam", "node_modules", "target"))
    done = subprocess.run([ROOT / "gureum", "build"], cwd=demo, env=environment(), capture_output=True, text=True, timeout=400)
    if done.returncode and any(word in done.stderr for word in UNREACHABLE):
        pytest.skip(f"skipped: the registry has not given what {name} needs")
    assert done.returncode == 0, (done.stdout, done.stderr)
    return demo


@pytest.fixture
def table(client):
    """Makes a table with one item, in the region of the examples."""
    tables = client("dynamodb", region_name=REGION)
    made = []

    def make(name, key, item):
        types = [{"AttributeName": key, "AttributeType": "S"}]
        schema = [{"AttributeName": key, "KeyType": "HASH"}]
        tables.create_table(TableName=name, KeySchema=schema, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST")
        made.append(name)
        tables.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
        tables.put_item(TableName=name, Item={name: {"S": value} for name, value in item.items()})

    yield make
    for name in made:
        tables.delete_table(TableName=name)


def deployed(client, folder, name, handler, runtime):
    """The built folder as a package, in the cloud itself."""
    functions = client("lambda", region_name=REGION)
    package = shutil.make_archive(str(folder) + "-package", "zip", folder)
    with open(package, "rb") as bytes_:
        functions.create_function(
            FunctionName=name, Runtime=runtime, Handler=handler, Role=f"arn:aws:iam::000000000000:role/test",
            Code={"ZipFile": bytes_.read()}, Timeout=30, MemorySize=512,
        )
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    return functions


def test_java_sdk_of_2023(tmp_path, endpoint, client, table, unique):
    demo = built(tmp_path, "notes-java17")
    table("table_name", "name", {"name": "beaver"})
    table("sampleTable", "phoneNumber", {"phoneNumber": PHONE, "flightNo": "KE123"})
    assert list((demo / ".aws-sam/build/QueryTable/lib").glob("*dynamodb-2.19.31.jar"))
    scanned = {"isReserved": True, "nickname": "beaver", "contactName": "reservation", "phoneNumber": PHONE, "flightNo": "KE123"}
    for more in [[], ["--offline"]]:
        assert invoked(demo, "ScanTable", *EVENT, "--endpoint-url", endpoint, *more) == scanned
    assert invoked(demo, "QueryTable", *EVENT, "--endpoint-url", endpoint) == {"name": "beaver", "isReserved": True}
    # Deployed, the client's signature is that of the function's role.
    name = unique("scan")
    functions = deployed(client, demo / ".aws-sam/build/ScanTable", name, "notes.ScanTable::handleRequest", "java17")
    answer = functions.invoke(FunctionName=name, Payload=(demo / "events/event.json").read_bytes())
    assert json.load(answer["Payload"]) == scanned
    functions.delete_function(FunctionName=name)


def test_javascript_sdk_2(tmp_path, endpoint, client, table, unique):
    demo = built(tmp_path, "notes-typescript")
    item = {"phoneNumber": PHONE, "flightNo": "KE123"}
    table("sample_table", "phoneNumber", item)
    event = (demo / "events/event.json").read_bytes()
    assert invoked(demo, "ScanTable", *EVENT, "--endpoint-url", endpoint) == item
    with served(demo, "start-api", "--endpoint-url", endpoint) as url:
        status, _, body = fetch(f"{url}/scan", "POST", event)
        assert (status, json.loads(body)) == (200, item)
    name = unique("scan")
    handler = "dynamoDbScanSample.dynamoDbScanSampleHandler"
    functions = deployed(client, demo / ".aws-sam/build/ScanTable", name, handler, "nodejs20.x")
    answer = functions.invoke(FunctionName=name, Payload=event)
    assert json.load(answer["Payload"]) == item
    functions.delete_function(FunctionName=name)


PYTHON = """
import json, ssl, socket, urllib.request
import boto3

def handler(event, context):
    sts, s3 = boto3.client("sts"), boto3.client("s3")
    found = {"endpoint": sts.meta.endpoint_url, "sts": sts.get_caller_identity()["Account"]}
    # Buckets have hosts of their own.
    found["s3"] = s3.list_objects_v2(Bucket=event["bucket"])["KeyCount"]
    with urllib.request.urlopen("https://sts.amazonaws.com/_gureum/health") as answer:
        found["health"] = json.load(answer)["status"]
    with urllib.request.urlopen("http://dynamodb.us-east-1.amazonaws.com/_gureum/health") as answer:
        found["plain"] = json.load(answer)["status"]
    found["v4"] = socket.gethostbyname("ec2.eu-west-1.amazonaws.com")
    try:
        found["other"] = socket.gethostbyname("example.com")
    except socket.gaierror as error:
        found["other"] = "no such name"
    return found
"""


def test_python_finds_awss_hosts_here(client, unique):
    functions, bucket, name = client("lambda"), unique("bucket"), unique("python")
    client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    code = zipped({"app.py": PYTHON})
    functions.create_function(
        FunctionName=name, Runtime="python3.11", Handler="app.handler", Role="arn:aws:iam::000000000000:role/test",
        Code={"ZipFile": code}, Timeout=20,
        # As boto3 was before 1.28.
        Environment={"Variables": {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    answer = functions.invoke(FunctionName=name, Payload=json.dumps({"bucket": bucket}))
    assert json.load(answer["Payload"]) == {
        "endpoint": f"https://sts.{REGION}.amazonaws.com", "sts": "000000000000", "s3": 0, "health": "running", "plain": "running", "v4": "127.0.0.1", "other": "no such name",
    }
    functions.delete_function(FunctionName=name)
    client("s3").delete_bucket(Bucket=bucket)
