"""CloudWatch's alarms: kept, evaluated, and what follows."""

import datetime
import json

import pytest
from conftest import ACCOUNT, REGION, error_of, eventually
from test_cloudwatch import cloudwatch  # noqa: F401  (fixtures)
from test_lambda import deploy, functions  # noqa: F401

SOURCE = """
import boto3, json, os
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(event))
"""


def arn_of(name):
    return f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"


@pytest.fixture
def inbox(client, unique):
    """A queue: its URL and ARN, and what takes one message of it."""
    sqs, name = client("sqs"), unique("told")
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    url = sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]

    def take():
        [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return json.loads(message["Body"])

    yield url, arn, take
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def topic(client, unique, inbox):
    sns = client("sns")
    arn = sns.create_topic(Name=unique("alarms"))["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=inbox[1])
    yield arn
    sns.delete_topic(TopicArn=arn)


@pytest.fixture
def alarm(cloudwatch, unique):
    """Makes alarms on a metric of their own, unless told otherwise; they go with the test."""
    made = []

    def make(**changes):
        settings = {
            "AlarmName": unique("alarm"), "Namespace": "Desk", "MetricName": unique("Calls"),
            "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 5,
            "ComparisonOperator": "GreaterThanThreshold", **changes,
        }
        settings = {name: value for name, value in settings.items() if value is not None}
        cloudwatch.put_metric_alarm(**settings)
        made.append(settings["AlarmName"])
        return settings

    yield make
    left = cloudwatch.describe_alarms(AlarmNames=made)["MetricAlarms"]
    cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"] for alarm in left])


def described(cloudwatch, name):
    [found] = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return found


def test_alarms_are_kept(cloudwatch, alarm):
    made = alarm(
        AlarmDescription="too many", Dimensions=[{"Name": "Queue", "Value": "front"}], Unit="Count",
        EvaluationPeriods=3, DatapointsToAlarm=2, TreatMissingData="ignore",
        OKActions=[f"arn:aws:sns:{REGION}:{ACCOUNT}:some"], ActionsEnabled=False,
        Tags=[{"Key": "team", "Value": "blue"}],
    )
    name = made["AlarmName"]
    found = described(cloudwatch, name)
    for setting, value in made.items():
        if setting != "Tags":
            assert found[setting] == value
    assert found["AlarmArn"] == arn_of(name)
    assert (found["StateValue"], found["StateReason"]) == (
        "INSUFFICIENT_DATA", "Unchecked: Initial alarm creation"
    )
    of_metric = {"Namespace": "Desk", "MetricName": made["MetricName"]}
    asked = cloudwatch.describe_alarms_for_metric(**of_metric, Dimensions=made["Dimensions"])
    assert [a["AlarmName"] for a in asked["MetricAlarms"]] == [name]
    assert cloudwatch.describe_alarms_for_metric(**of_metric)["MetricAlarms"] == []
    cloudwatch.enable_alarm_actions(AlarmNames=[name])
    assert described(cloudwatch, name)["ActionsEnabled"]
    cloudwatch.disable_alarm_actions(AlarmNames=[name])
    assert not described(cloudwatch, name)["ActionsEnabled"]
    cloudwatch.tag_resource(ResourceARN=arn_of(name), Tags=[{"Key": "cost", "Value": "1"}])
    cloudwatch.untag_resource(ResourceARN=arn_of(name), TagKeys=["team"])
    tags = cloudwatch.list_tags_for_resource(ResourceARN=arn_of(name))["Tags"]
    assert tags == [{"Key": "cost", "Value": "1"}]
    made["Threshold"] = 7.5
    cloudwatch.put_metric_alarm(**made)
    assert described(cloudwatch, name)["Threshold"] == 7.5
    history = cloudwatch.describe_alarm_history(AlarmName=name)["AlarmHistoryItems"]
    assert [item["HistorySummary"] for item in history][::-1] == [
        f'Alarm "{name}" created', *[f'Alarm "{name}" updated'] * 3,
    ]


def test_alarms_are_found(cloudwatch, alarm, unique):
    prefix, action = unique("set"), f"arn:aws:sns:{REGION}:{ACCOUNT}:{unique('some')}"
    names = [f"{prefix}-{n}" for n in range(3)]
    for name in names:
        alarm(AlarmName=name, AlarmActions=[action])
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=prefix, PaginationConfig={"PageSize": 2}
    )
    assert [[a["AlarmName"] for a in page["MetricAlarms"]] for page in pages] == [names[:2], names[2:]]
    assert len(cloudwatch.describe_alarms(ActionPrefix=action)["MetricAlarms"]) == 3
    assert cloudwatch.describe_alarms(AlarmNamePrefix=prefix, StateValue="ALARM")["MetricAlarms"] == []
    cloudwatch.delete_alarms(AlarmNames=names)
    assert cloudwatch.describe_alarms(AlarmNamePrefix=prefix)["MetricAlarms"] == []
    for name in names:
        alarm(AlarmName=name)
    gone = {"AlarmNames": [names[0], unique("gone")]}
    assert error_of(cloudwatch.delete_alarms, **gone)[0] == "ResourceNotFound"
    assert len(cloudwatch.describe_alarms(AlarmNamePrefix=prefix)["MetricAlarms"]) == 3
    cloudwatch.delete_alarms(AlarmNames=names)


def test_topics_hear_of_alarms(cloudwatch, alarm, topic, inbox):
    made = alarm(AlarmActions=[topic], Dimensions=[{"Name": "Queue", "Value": "front"}])
    name, now = made["AlarmName"], datetime.datetime.now(datetime.timezone.utc)
    cloudwatch.put_metric_data(Namespace="Desk", MetricData=[{
        "MetricName": made["MetricName"], "Value": 9.5, "Dimensions": made["Dimensions"],
        "Timestamp": now - datetime.timedelta(minutes=1),
    }])
    # Configured anew, it is evaluated at once.
    cloudwatch.put_metric_alarm(**made)
    told = inbox[2]()
    assert told["Subject"] == f'ALARM: "{name}" in Asia Pacific (Seoul)'
    message = json.loads(told["Message"])
    at = (now - datetime.timedelta(minutes=1)).strftime("%d/%m/%y %H:%M:00")
    reason = (
        f"Threshold Crossed: 1 out of the last 1 datapoints [9.5 ({at})] was greater than the "
        "threshold (5.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    assert (message["NewStateReason"], message["AlarmArn"]) == (reason, arn_of(name))
    assert (message["OldStateValue"], message["NewStateValue"]) == ("INSUFFICIENT_DATA", "ALARM")
    assert message["Trigger"] == {
        "MetricName": made["MetricName"], "Namespace": "Desk", "StatisticType": "Statistic",
        "Statistic": "SUM", "Unit": None, "Dimensions": [{"value": "front", "name": "Queue"}],
        "Period": 60, "EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 5.0, "TreatMissingData": "missing", "EvaluateLowSampleCountPercentile": "",
    }
    found = described(cloudwatch, name)
    assert (found["StateValue"], found["StateReason"]) == ("ALARM", reason)
    assert json.loads(found["StateReasonData"])["recentDatapoints"] == [9.5]

    def history(kind):
        found = cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType=kind)
        return [item["HistorySummary"] for item in found["AlarmHistoryItems"]]

    assert history("StateUpdate") == ["Alarm updated from INSUFFICIENT_DATA to ALARM"]
    assert eventually(lambda: history("Action") == [f"Successfully executed action {topic}"])


def test_functions_are_invoked(cloudwatch, alarm, client, deploy, inbox):
    url, _, take = inbox
    name = deploy(SOURCE, Timeout=30, Environment={"Variables": {"QUEUE": url}})
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    made = alarm(OKActions=[arn], AlarmDescription="told")
    client("lambda").add_permission(
        FunctionName=name, StatementId="alarms", Action="lambda:InvokeFunction",
        Principal="lambda.alarms.cloudwatch.amazonaws.com", SourceArn=arn_of(made["AlarmName"]),
    )
    cloudwatch.set_alarm_state(
        AlarmName=made["AlarmName"], StateValue="OK", StateReason="set", StateReasonData='{"a": 1}'
    )
    event = take()
    assert (event["source"], event["alarmArn"]) == ("aws.cloudwatch", arn_of(made["AlarmName"]))
    data = event["alarmData"]
    assert data["state"]["value"] == "OK" and data["state"]["reasonData"] == '{"a": 1}'
    assert data["previousState"]["value"] == "INSUFFICIENT_DATA"
    assert data["configuration"] == {
        "description": "told",
        "metrics": [{
            "id": "m1", "returnData": True,
            "metricStat": {
                "metric": {"namespace": "Desk", "name": made["MetricName"], "dimensions": {}},
                "period": 60, "stat": "Sum",
            },
        }],
    }


def test_who_may_not_be_told_is_not(cloudwatch, alarm, deploy):
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{deploy(SOURCE)}"
    name = alarm(AlarmActions=[arn])["AlarmName"]
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="set")

    def failed():
        items = cloudwatch.describe_alarm_history(AlarmName=name, HistoryItemType="Action")
        return [i["HistorySummary"] for i in items["AlarmHistoryItems"]] == [
            f"Failed to execute action {arn}"
        ]

    assert eventually(failed)


def test_buses_hear_of_alarms(cloudwatch, alarm, client, unique, inbox):
    events, rule, (_, arn, take) = client("events"), unique("alarms"), inbox
    made = alarm(Dimensions=[{"Name": "Queue", "Value": "front"}])
    pattern = {"source": ["aws.cloudwatch"], "detail": {"alarmName": [made["AlarmName"]]}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": arn}])
    cloudwatch.set_alarm_state(AlarmName=made["AlarmName"], StateValue="OK", StateReason="set")
    event = take()
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["resources"] == [arn_of(made["AlarmName"])]
    detail = event["detail"]
    assert (detail["previousState"]["value"], detail["state"]["value"]) == ("INSUFFICIENT_DATA", "OK")
    [metric] = detail["configuration"]["metrics"]
    assert metric["metricStat"]["metric"]["dimensions"] == {"Queue": "front"}
    events.remove_targets(Rule=rule, Ids=["1"])
    events.delete_rule(Name=rule)


def test_expressions_are_watched(cloudwatch, alarm, unique):
    metric, now = unique("Calls"), datetime.datetime.now(datetime.timezone.utc)
    cloudwatch.put_metric_data(Namespace="Desk", MetricData=[{
        "MetricName": metric, "Value": 3, "Timestamp": now - datetime.timedelta(minutes=1),
    }])
    stat = {
        "Metric": {"Namespace": "Desk", "MetricName": metric, "Dimensions": []}, "Period": 60,
        "Stat": "Sum",
    }
    queries = [
        {"Id": "calls", "MetricStat": stat, "ReturnData": False},
        {"Id": "twice", "Expression": "calls * 2", "Label": "twice", "ReturnData": True},
    ]
    none = dict.fromkeys(("Namespace", "MetricName", "Statistic", "Period"))
    made = alarm(**none, Metrics=queries)
    assert eventually(lambda: described(cloudwatch, made["AlarmName"])["StateValue"] == "ALARM")
    assert described(cloudwatch, made["AlarmName"])["Metrics"] == queries


def test_missing_points_count_as_told(cloudwatch, alarm):
    for treated, state in (("breaching", "ALARM"), ("notBreaching", "OK")):
        name = alarm(TreatMissingData=treated, EvaluationPeriods=2)["AlarmName"]
        assert eventually(lambda: described(cloudwatch, name)["StateValue"] == state)
        seen = {"breaching": "Breaching", "notBreaching": "NonBreaching"}[treated]
        assert described(cloudwatch, name)["StateReason"] == (
            "Threshold Crossed: no datapoints were received for 2 periods and 2 missing datapoints "
            f"were treated as [{seen}]."
        )


@pytest.mark.parametrize("changes, code", [
    ({"Period": 61}, "ValidationError"),
    ({"Statistic": None}, "MissingParameter"),
    ({"ExtendedStatistic": "p99"}, "InvalidParameterCombination"),
    ({"EvaluationPeriods": 2, "DatapointsToAlarm": 3}, "ValidationError"),
    ({"EvaluationPeriods": 1441}, "ValidationError"),
    ({"TreatMissingData": "never"}, "ValidationError"),
    ({"AlarmActions": ["nobody"]}, "ValidationError"),
    ({"AlarmActions": [f"arn:aws:automate:{REGION}:ec2:stop"]}, "NotImplementedException"),
    ({"EvaluateLowSampleCountPercentile": "ignore"}, "NotImplementedException"),
    ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "NotImplementedException"),
])
def test_alarms_that_are_refused(cloudwatch, unique, changes, code):
    settings = {
        "AlarmName": unique("alarm"), "Namespace": "Desk", "MetricName": "Calls",
        "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 5,
        "ComparisonOperator": "GreaterThanThreshold", **changes,
    }
    settings = {name: value for name, value in settings.items() if value is not None}
    assert error_of(cloudwatch.put_metric_alarm, **settings)[0] == code
    assert cloudwatch.describe_alarms(AlarmNames=[settings["AlarmName"]])["MetricAlarms"] == []
