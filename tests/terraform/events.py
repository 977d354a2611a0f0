"""Terraform's aws_cloudwatch_event_* resources with what they tell and an alarm: apply, no drift, change, destroy."""

import json

from conftest import ACCOUNT, REGION, eventually

RESOURCES = """
resource "aws_cloudwatch_event_bus" "desk" {
  name = "%(name)s"
  tags = { team = "%(team)s" }
}
resource "aws_cloudwatch_event_archive" "desk" {
  name             = "%(name)s"
  event_source_arn = aws_cloudwatch_event_bus.desk.arn
  retention_days   = 7
  event_pattern    = jsonencode({ source = ["desk"] })
}
resource "aws_cloudwatch_event_rule" "boarding" {
  name           = "%(name)s"
  event_bus_name = aws_cloudwatch_event_bus.desk.name
  description    = "%(team)s"
  event_pattern  = jsonencode({ source = ["desk"], detail = { gate = [{ prefix = "%(gate)s" }] } })
  tags           = { team = "%(team)s" }
}
resource "aws_cloudwatch_event_target" "queue" {
  rule           = aws_cloudwatch_event_rule.boarding.name
  event_bus_name = aws_cloudwatch_event_bus.desk.name
  target_id      = "queue"
  arn            = aws_sqs_queue.boarding.arn
  input_transformer {
    input_paths    = { gate = "$.detail.gate" }
    input_template = "{\\"gate\\": <gate>, \\"team\\": \\"%(team)s\\"}"
  }
  retry_policy {
    maximum_event_age_in_seconds = 60
    maximum_retry_attempts       = 2
  }
  dead_letter_config { arn = aws_sqs_queue.dead.arn }
}
resource "aws_cloudwatch_event_rule" "nightly" {
  name                = "%(name)s-nightly"
  schedule_expression = "cron(0 3 * * ? *)"
  state               = "DISABLED"
}
resource "aws_cloudwatch_event_target" "topic" {
  rule = aws_cloudwatch_event_rule.nightly.name
  arn  = aws_sns_topic.told.arn
}
resource "aws_cloudwatch_event_permission" "account" {
  event_bus_name = aws_cloudwatch_event_bus.desk.name
  principal      = "%(other)s"
  statement_id   = "other"
}
resource "aws_sqs_queue" "dead" {
  name = "%(name)s-dead"
}
resource "aws_sqs_queue" "boarding" {
  name = "%(name)s"
}
resource "aws_sqs_queue_policy" "boarding" {
  queue_url = aws_sqs_queue.boarding.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.boarding.arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.boarding.arn } }
    }]
  })
}
resource "aws_sns_topic" "told" {
  name         = "%(name)s"
  display_name = "%(team)s"
}
resource "aws_sns_topic_subscription" "told" {
  topic_arn            = aws_sns_topic.told.arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.dead.arn
  raw_message_delivery = true
  filter_policy        = jsonencode({ team = ["%(team)s"] })
}
resource "aws_cloudwatch_metric_alarm" "late" {
  alarm_name          = "%(name)s"
  comparison_operator = "GreaterThanThreshold"
  evaluation_periods  = 2
  metric_name         = "Late"
  namespace           = "Desk"
  period              = 60
  statistic           = "Maximum"
  threshold           = %(threshold)d
  alarm_actions       = [aws_sns_topic.told.arn]
  dimensions          = { Gate = "7" }
  treat_missing_data  = "notBreaching"
}
output "queue" { value = aws_sqs_queue.boarding.id }
"""


def rules(part):
    name = part.unique("desk")
    events, sqs, cloudwatch = (part.client(service) for service in ("events", "sqs", "cloudwatch"))

    def boards(gate):
        detail = json.dumps({"gate": gate})
        entry = {"EventBusName": name, "Source": "desk", "DetailType": "Boarding", "Detail": detail}
        assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0

    def heard(queue):
        received = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5).get("Messages", [])
        for message in received:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in received]

    settings = {"name": name, "other": "210987654321"}
    outputs = yield RESOURCES % {**settings, "team": "blue", "gate": "A", "threshold": 3}
    boards("B1")
    boards("A1")
    assert eventually(lambda: heard(outputs["queue"])) == [{"gate": "A1", "team": "blue"}]
    arn = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}/{name}"
    assert events.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "team", "Value": "blue"}]
    yield RESOURCES % {**settings, "team": "green", "gate": "B", "threshold": 5}
    boards("A2")
    boards("B2")
    assert eventually(lambda: heard(outputs["queue"])) == [{"gate": "B2", "team": "green"}]
    assert cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["Threshold"] == 5
    yield
    assert name not in [bus["Name"] for bus in events.list_event_buses()["EventBuses"]]
    assert cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"] == []
