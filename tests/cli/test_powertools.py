"""Powertools inside functions: logger, tracer without an X-Ray daemon, metrics, idempotency and parameters in our
DynamoDB; for Python, and for TypeScript built by `gureum build`."""

import importlib.util
import json
import os
import shutil
from pathlib import Path

import pytest
from conftest import ROOT
from test_local import gureum, invoked

PYTHON = """
import os
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent
from aws_lambda_powertools.utilities.parameters import DynamoDBProvider

logger, tracer, metrics = Logger(service="desk"), Tracer(service="desk"), Metrics(namespace="Desk", service="desk")
layer = DynamoDBPersistenceLayer(table_name=os.environ["TABLE"])
parameters = DynamoDBProvider(table_name=os.environ["TABLE"])
runs = 0

@tracer.capture_method
def word():
    return parameters.get("word")

@idempotent(config=IdempotencyConfig(event_key_jmespath="order"), persistence_store=layer)
def once(event, context):
    global runs
    runs += 1
    return {"order": event["order"], "runs": runs}

@metrics.log_metrics
@tracer.capture_lambda_handler
@logger.inject_lambda_context
def handler(event, context):
    logger.append_keys(order=event["order"])
    logger.info("taken")
    metrics.add_metric(name="Orders", unit=MetricUnit.Count, value=1)
    return {"first": once(event, context), "second": once(event, context), "word": word()}
"""
TYPESCRIPT = """
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { Tracer } from '@aws-lambda-powertools/tracer';
import { makeIdempotent, IdempotencyConfig } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import { DynamoDBProvider } from '@aws-lambda-powertools/parameters/dynamodb';
import type { Context } from 'aws-lambda';

const tableName: string = process.env.TABLE!;
const logger = new Logger({ serviceName: 'desk' });
const tracer = new Tracer({ serviceName: 'desk' });
const metrics = new Metrics({ namespace: 'Desk', serviceName: 'desk' });
const parameters = new DynamoDBProvider({ tableName });
const config = new IdempotencyConfig({});
let runs = 0;

const once = makeIdempotent(async (order: { order: string }) => ({ order: order.order, runs: ++runs }), {
  persistenceStore: new DynamoDBPersistenceLayer({ tableName }), config,
});

export const handler = async (event: { order: string }, context: Context) => {
  config.registerLambdaContext(context);
  logger.addContext(context);
  logger.appendKeys({ order: event.order });
  logger.info('taken');
  metrics.addMetric('Orders', MetricUnit.Count, 1);
  metrics.publishStoredMetrics();
  const word = await tracer.provider.captureAsyncFunc('word', () => parameters.get('word'));
  return { first: await once({ order: event.order }), second: await once({ order: event.order }), word };
};
"""
RESOURCE = "Transform: AWS::Serverless-2016-10-31\nResources: {Desk: {Type: AWS::Serverless::Function, Properties: {CodeUri: src, Handler: %s, Runtime: %s, Timeout: 30, MemorySize: 512, Tracing: Active, Environment: {Variables: {TABLE: %s}}}%s}}\n"


@pytest.fixture
def table(client, unique):
    name, tables = unique("powertools"), client("dynamodb", region_name="us-east-1")
    key = [{"AttributeName": "id", "KeyType": "HASH"}]
    types = [{"AttributeName": "id", "AttributeType": "S"}]
    tables.create_table(TableName=name, KeySchema=key, AttributeDefinitions=types, BillingMode="PAY_PER_REQUEST")
    tables.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    tables.put_item(TableName=name, Item={"id": {"S": "word"}, "value": {"S": "beaver"}})
    yield name, tables
    tables.delete_table(TableName=name)


def check(folder, table, endpoint):
    """Invokes, and looks at the answer, the log and the table."""
    name, tables = table
    (folder / "event.json").write_text('{"order": "17"}')
    out, log = gureum(folder, "local", "invoke", "Desk", "-e", "event.json", "--endpoint-url", endpoint)
    expected = {"order": "17", "runs": 1}
    assert json.loads(out) == {"first": expected, "second": expected, "word": "beaver"}, log
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    taken = next(line for line in lines if line.get("message") == "taken")
    assert taken["service"] == "desk" and taken["order"] == "17" and taken["function_name"] == "Desk"
    metric = next(line for line in lines if "_aws" in line)
    assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Desk" and metric["service"] == "desk"
    kept = [item for item in tables.scan(TableName=name)["Items"] if item["id"]["S"] != "word"]
    assert [item["status"]["S"] for item in kept] == ["COMPLETED"]
    again = invoked(folder, "Desk", "-e", "event.json", "--endpoint-url", endpoint)
    assert again["first"] == expected, "it was kept in the table"


def test_python(tmp_path, table, endpoint):
    packages = ["aws_lambda_powertools", "aws_xray_sdk", "jmespath", "typing_extensions", "wrapt"]
    source = tmp_path / "src"
    source.mkdir()
    for package in packages:
        found = importlib.util.find_spec(package)
        if found is None:
            pytest.skip(f"skipped: {package} is not here")
        origin = Path(found.origin)
        if origin.name == "__init__.py":
            shutil.copytree(origin.parent, source / package, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(origin, source)
    (source / "app.py").write_text(PYTHON)
    (tmp_path / "template.yaml").write_text(RESOURCE % ("app.handler", "python3.11", table[0], ""))
    check(tmp_path, table, endpoint)


def test_typescript(tmp_path, table, endpoint):
    modules = ROOT / "tests/node/node_modules"
    if not (modules / "@aws-lambda-powertools").is_dir():
        pytest.skip("skipped: tests/node/node_modules is not installed")
    source = tmp_path / "src"
    source.mkdir()
    (source / "app.ts").write_text(TYPESCRIPT)
    (source / "package.json").write_text("{}")
    os.symlink(modules, source / "node_modules")
    build = ", Metadata: {BuildMethod: esbuild, BuildProperties: {EntryPoints: [app.ts], Target: es2022, Sourcemap: true}}"
    (tmp_path / "template.yaml").write_text(RESOURCE % ("app.handler", "nodejs20.x", table[0], build))
    out, _ = gureum(tmp_path, "build")
    assert "Build Succeeded" in out
    check(tmp_path, table, endpoint)
