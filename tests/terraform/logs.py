"""Terraform's aws_cloudwatch_log_* resources: apply, no drift, change, destroy."""

import base64
import gzip
import json
import time

from conftest import ACCOUNT, REGION, ROLE, eventually, zipped

SOURCE = """
def handler(event, context):
    print("TOLD " + event["awslogs"]["data"])
"""

RESOURCES = """
resource "aws_cloudwatch_log_group" "desk" {
  name              = "/desk/%(name)s"
  retention_in_days = %(days)d
  tags              = { team = "%(team)s" }
}
resource "aws_cloudwatch_log_stream" "one" {
  name           = "one"
  log_group_name = aws_cloudwatch_log_group.desk.name
}
resource "aws_cloudwatch_log_metric_filter" "late" {
  name           = "late"
  log_group_name = aws_cloudwatch_log_group.desk.name
  pattern        = "{ $.ms > %(ms)d }"
  metric_transformation {
    name       = "Late"
    namespace  = "%(name)s"
    value      = "$.ms"
    unit       = "Milliseconds"
    dimensions = { Gate = "$.gate" }
  }
}
resource "aws_cloudwatch_log_metric_filter" "errors" {
  name           = "errors"
  log_group_name = aws_cloudwatch_log_group.desk.name
  pattern        = "ERROR"
  metric_transformation {
    name          = "Errors"
    namespace     = "%(name)s"
    value         = "1"
    default_value = "0"
  }
}
resource "aws_lambda_function" "told" {
  function_name = "%(name)s"
  role          = "%(role)s"
  handler       = "main.handler"
  runtime       = "python3.11"
  filename      = "${path.module}/told.zip"
}
resource "aws_lambda_permission" "logs" {
  statement_id  = "logs"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.told.function_name
  principal     = "logs.amazonaws.com"
  source_arn    = "${aws_cloudwatch_log_group.desk.arn}:*"
}
resource "aws_cloudwatch_log_subscription_filter" "told" {
  name            = "told"
  log_group_name  = aws_cloudwatch_log_group.desk.name
  filter_pattern  = "%(pattern)s"
  destination_arn = aws_lambda_function.told.arn
  depends_on      = [aws_lambda_permission.logs]
}
data "aws_iam_policy_document" "events" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.desk.arn}:*"]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com", "delivery.logs.amazonaws.com"]
    }
  }
}
resource "aws_cloudwatch_log_resource_policy" "events" {
  policy_name     = "%(name)s"
  policy_document = data.aws_iam_policy_document.events.json
}
"""


def groups(part):
    name = part.unique("desk")
    group = f"/desk/{name}"
    logs = part.client("logs")
    (part.folder / "told.zip").write_bytes(zipped({"main.py": SOURCE}))

    def put(*messages):
        events = [{"timestamp": int(time.time() * 1000), "message": message} for message in messages]
        logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=events)

    def told():
        try:
            found = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="TOLD")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return []
        datas = [json.loads(gzip.decompress(base64.b64decode(it["message"].split()[1]))) for it in found]
        return [event["message"] for data in datas for event in data["logEvents"]]

    def described():
        return logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]

    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    yield RESOURCES % {"name": name, "role": ROLE, "days": 7, "team": "blue", "ms": 100, "pattern": "ERROR"}
    assert (described()[0]["retentionInDays"], described()[0]["metricFilterCount"]) == (7, 2)
    put("ERROR one", "WARN two")
    assert eventually(told, 60) == ["ERROR one"]
    yield RESOURCES % {"name": name, "role": ROLE, "days": 14, "team": "green", "ms": 200, "pattern": "WARN"}
    assert described()[0]["retentionInDays"] == 14
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"team": "green"}
    put("ERROR three", "WARN four")
    assert eventually(lambda: len(told()) == 2 and told(), 60) == ["ERROR one", "WARN four"]
    yield
    assert described() == []
    policies = logs.describe_resource_policies()["resourcePolicies"]
    assert name not in [policy["policyName"] for policy in policies]
