"""The AWS CLI, as people type it: output and exit code of the real program."""

import base64
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from conftest import ACCOUNT, REGION, ROLE, ROOT, eventually, zipped

AWS = pathlib.Path(sys.executable).with_name("aws")
DESK = ROOT / "examples/flight-desk"


@pytest.fixture
def environment(endpoint, tmp_path):
    """The variables that point the CLI at the cloud, and at nobody's own configuration."""
    return {
        **os.environ,
        "PATH": f"{AWS.parent}:{os.environ['PATH']}",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_PAGER": "",
    }


@pytest.fixture
def aws(environment, tmp_path):
    """Runs one command; answers what it printed, decoded when that is JSON."""

    def run(*words, fails=None, **changes):
        done = subprocess.run(
            [AWS, *map(str, words)],
            env={**environment, **changes},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if fails is None:
            assert done.returncode == 0, done.stderr
        else:
            assert done.returncode in (252, 254, 255), done.stdout
            assert fails in done.stderr
        try:
            return json.loads(done.stdout)
        except ValueError:
            return done.stdout.strip()

    return run


def test_identity(aws):
    assert aws("sts", "get-caller-identity")["Account"] == ACCOUNT
    assert aws("sts", "get-caller-identity", "--query", "Account", "--output", "text") == ACCOUNT


def test_dynamodb(aws, unique):
    table = unique("cli")
    aws(
        *("dynamodb", "create-table", "--table-name", table, "--billing-mode", "PAY_PER_REQUEST"),
        *("--attribute-definitions", "AttributeName=id,AttributeType=S"),
        *("--key-schema", "AttributeName=id,KeyType=HASH"),
    )
    aws("dynamodb", "wait", "table-exists", "--table-name", table)
    key = '{"id":{"S":"김서연"}}'
    item = '{"id":{"S":"김서연"},"flight":{"S":"GR412"},"n":{"N":"1"}}'
    aws("dynamodb", "put-item", "--table-name", table, "--item", item)
    assert aws("dynamodb", "get-item", "--table-name", table, "--key", key)["Item"] == json.loads(item)
    updated = aws(
        *("dynamodb", "update-item", "--table-name", table, "--key", key, "--return-values", "UPDATED_NEW"),
        *("--update-expression", "SET n = n + :one", "--expression-attribute-values", '{":one":{"N":"1"}}'),
    )
    assert updated["Attributes"] == {"n": {"N": "2"}}
    found = aws(
        *("dynamodb", "query", "--table-name", table, "--key-condition-expression", "id = :id"),
        *("--expression-attribute-values", '{":id":{"S":"김서연"}}', "--query", "Items[].flight.S", "--output", "text"),
    )
    assert found == "GR412"
    refused = "An error occurred (ConditionalCheckFailedException) when calling the PutItem operation: "
    aws(
        *("dynamodb", "put-item", "--table-name", table, "--item", item),
        *("--condition-expression", "attribute_not_exists(id)"),
        fails=refused + "The conditional request failed",
    )
    aws("dynamodb", "delete-table", "--table-name", table)
    aws("dynamodb", "wait", "table-not-exists", "--table-name", table)


def test_lambda(aws, unique, tmp_path):
    name = unique("cli")
    (tmp_path / "function.zip").write_bytes(
        zipped({"main.py": "def handler(event, context):\n    print('받은 것', event)\n    return event['n'] + 1\n"})
    )
    aws(
        *("lambda", "create-function", "--function-name", name, "--runtime", "python3.11"),
        *("--handler", "main.handler", "--role", ROLE, "--zip-file", "fileb://function.zip"),
    )
    aws("lambda", "wait", "function-active-v2", "--function-name", name)
    answer = aws(
        *("lambda", "invoke", "--function-name", name, "--payload", '{"n":41}'),
        *("--log-type", "Tail", "answer.json"),
    )
    assert answer["StatusCode"] == 200
    assert json.loads((tmp_path / "answer.json").read_text()) == 42
    assert "받은 것 {'n': 41}" in base64.b64decode(answer["LogResult"]).decode()

    def logged():
        groups = aws("logs", "describe-log-groups", "--log-group-name-prefix", f"/aws/lambda/{name}")["logGroups"]
        return groups and "받은 것" in aws(
            *("logs", "filter-log-events", "--log-group-name", f"/aws/lambda/{name}"),
            *("--query", "events[].message", "--output", "text"),
        )

    eventually(logged, seconds=20)
    aws("lambda", "delete-function", "--function-name", name)
    aws("lambda", "get-function", "--function-name", name, fails="(ResourceNotFoundException)")


def test_refusals(aws):
    aws("sts", "get-caller-identity", AWS_SECRET_ACCESS_KEY="wrong", fails="(SignatureDoesNotMatch)")
    aws("dynamodb", "describe-table", "--table-name", "none", fails="(ResourceNotFoundException)")
    unserved = ("dynamodb", "describe-kinesis-streaming-destination", "--table-name", "none")
    aws(*unserved, fails="when calling the DescribeKinesisStreamingDestination operation")


def test_the_example_by_hand(environment):
    """The commands of the example's README, as they stand there, up to a spoken refund."""
    commands = re.search(r"```sh\n(.*?)```", (DESK / "README.md").read_text(), re.DOTALL).group(1)
    commands = commands.replace("http://127.0.0.1:4566", environment["AWS_ENDPOINT_URL"])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        env=environment,
        cwd=DESK,
        input="1\n",
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "취소한 여행편이 있습니다. 이에 관련한 문의신가요?" in done.stdout
    assert "GR412 편 취소 문의를 접수했습니다. 환불 금액은 87000 원이며" in done.stdout


def test_dynamodb_indexes_streams_and_transactions(aws, unique):
    table = unique("cli")
    aws(
        *("dynamodb", "create-table", "--table-name", table, "--billing-mode", "PAY_PER_REQUEST"),
        *("--attribute-definitions", "AttributeName=id,AttributeType=S", "AttributeName=crew,AttributeType=S"),
        *("--key-schema", "AttributeName=id,KeyType=HASH"),
        "--global-secondary-indexes",
        "IndexName=by-crew,KeySchema=[{AttributeName=crew,KeyType=HASH}],Projection={ProjectionType=ALL}",
        *("--stream-specification", "StreamEnabled=true,StreamViewType=NEW_IMAGE", "--tags", "Key=team,Value=blue"),
    )
    aws("dynamodb", "wait", "table-exists", "--table-name", table)
    puts = [{"PutRequest": {"Item": {"id": {"S": str(n)}, "crew": {"S": "AB"[n % 2]}}}} for n in range(10)]
    assert aws("dynamodb", "batch-write-item", "--request-items", json.dumps({table: puts})) == {"UnprocessedItems": {}}
    found = aws(
        *("dynamodb", "query", "--table-name", table, "--index-name", "by-crew", "--page-size", "2"),
        *("--key-condition-expression", "crew = :c", "--expression-attribute-values", '{":c":{"S":"A"}}'),
    )
    assert found["Count"] == 5
    update = {
        "Update": {
            "TableName": table,
            "Key": {"id": {"S": "1"}},
            "UpdateExpression": "SET crew = :c",
            "ExpressionAttributeValues": {":c": {"S": "C"}},
        }
    }
    aws("dynamodb", "transact-write-items", "--transact-items", json.dumps([update]))
    statement = f'SELECT id FROM "{table}"."by-crew" WHERE crew = \'C\''
    assert aws("dynamodb", "execute-statement", "--statement", statement)["Items"] == [{"id": {"S": "1"}}]
    stream = aws("dynamodb", "describe-table", "--table-name", table)["Table"]["LatestStreamArn"]
    described = aws("dynamodbstreams", "describe-stream", "--stream-arn", stream)["StreamDescription"]
    iterator = aws(
        *("dynamodbstreams", "get-shard-iterator", "--stream-arn", stream, "--shard-iterator-type", "TRIM_HORIZON"),
        *("--shard-id", described["Shards"][0]["ShardId"]),
    )["ShardIterator"]
    records = aws("dynamodbstreams", "get-records", "--shard-iterator", iterator)["Records"]
    assert [record["eventName"] for record in records] == ["INSERT"] * 10 + ["MODIFY"]
    aws("dynamodb", "delete-table", "--table-name", table)


def test_cloudwatch(aws, unique):
    space = unique("Desk")
    aws(
        *("cloudwatch", "put-metric-data", "--namespace", space, "--metric-name", "Calls", "--value", "3"),
        *("--dimensions", "Queue=front,App=desk", "--unit", "Count"),
    )
    [metric] = aws("cloudwatch", "list-metrics", "--namespace", space)["Metrics"]
    assert metric["Dimensions"] == [{"Name": "App", "Value": "desk"}, {"Name": "Queue", "Value": "front"}]
    now = datetime.datetime.now(datetime.timezone.utc)
    found = aws(
        *("cloudwatch", "get-metric-statistics", "--namespace", space, "--metric-name", "Calls", "--period", "600"),
        *("--dimensions", "Name=Queue,Value=front", "Name=App,Value=desk", "--statistics", "Sum", "Maximum"),
        *("--start-time", (now - datetime.timedelta(minutes=5)).isoformat()),
        *("--end-time", (now + datetime.timedelta(minutes=5)).isoformat()),
    )
    [point] = found["Datapoints"]
    assert (point["Sum"], point["Maximum"], point["Unit"]) == (3.0, 3.0, "Count")
    aws("cloudwatch", "put-metric-data", "--namespace", "AWS/Desk", "--metric-name", "Calls", "--value", "1",
        fails="The value AWS/ for parameter Namespace is invalid.")
