"""Terraform's aws_lambda resources: apply, no drift, change, destroy."""

import json

from conftest import ROLE, zipped

RESOURCES = """
resource "aws_lambda_layer_version" "tools" {
  layer_name          = "%(name)s"
  filename            = "${path.module}/layer.zip"
  source_code_hash    = filebase64sha256("${path.module}/layer.zip")
  compatible_runtimes = ["python3.11"]
  description         = "tools"
}
resource "aws_lambda_layer_version_permission" "all" {
  layer_name     = aws_lambda_layer_version.tools.layer_name
  version_number = aws_lambda_layer_version.tools.version
  statement_id   = "all"
  principal      = "*"
  action         = "lambda:GetLayerVersion"
}
resource "aws_lambda_function" "desk" {
  function_name                  = "%(name)s"
  role                           = "%(role)s"
  runtime                        = "python3.11"
  handler                        = "main.handler"
  filename                       = "${path.module}/code.zip"
  source_code_hash               = filebase64sha256("${path.module}/code.zip")
  publish                        = true
  timeout                        = 5
  memory_size                    = 256
  reserved_concurrent_executions = 3
  layers                         = [aws_lambda_layer_version.tools.arn]
  tags                           = { word = "%(word)s" }
  environment {
    variables = { WORD = "%(word)s" }
  }
  ephemeral_storage {
    size = 600
  }
  tracing_config {
    mode = "Active"
  }
}
resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.desk.function_name
  function_version = aws_lambda_function.desk.version
  description      = "%(word)s"
}
resource "aws_lambda_permission" "bucket" {
  statement_id   = "bucket"
  function_name  = aws_lambda_function.desk.function_name
  qualifier      = aws_lambda_alias.live.name
  action         = "lambda:InvokeFunction"
  principal      = "s3.amazonaws.com"
  source_arn     = "arn:aws:s3:::calls"
  source_account = "000000000000"
}
resource "aws_lambda_function_url" "live" {
  function_name      = aws_lambda_function.desk.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = "AWS_IAM"
  cors {
    allow_origins = ["https://page.example"]
    allow_methods = ["GET"]
    max_age       = 60
  }
}
resource "aws_lambda_function_event_invoke_config" "live" {
  function_name                = aws_lambda_function.desk.function_name
  qualifier                    = aws_lambda_alias.live.name
  maximum_retry_attempts       = 1
  maximum_event_age_in_seconds = 120
}
"""


def live(part):
    name = part.unique("tf")
    (part.folder / "layer.zip").write_bytes(zipped({"python/tool.py": "WHO = 'tool'"}))
    source = "import os, tool\ndef handler(event, context): return [os.environ['WORD'], tool.WHO, context.function_version]"
    (part.folder / "code.zip").write_bytes(zipped({"main.py": source}))
    functions = part.client("lambda")

    def said():
        return json.loads(functions.invoke(FunctionName=name, Qualifier="live")["Payload"].read())

    yield RESOURCES % {"name": name, "role": ROLE, "word": "blue"}
    assert said() == ["blue", "tool", "1"]
    yield RESOURCES % {"name": name, "role": ROLE, "word": "green"}
    assert said() == ["green", "tool", "2"]
    yield
    listed = functions.get_paginator("list_functions").paginate()
    assert name not in [function["FunctionName"] for page in listed for function in page["Functions"]]
