"""What `gureum sync` brings of events: buckets, topics, streams, aliases, dead letters; and what it names instead."""

import json

import pytest
from test_local import gureum
from test_sync import until

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.11, Timeout: 10, CodeUri: src}}
Resources:
  # Each before what it refers to.
  Inbox: {Type: AWS::SQS::Queue, Properties: {RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}, Tags: [{Key: team, Value: desk}]}}
  Sorted: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}
  Watched:
    Type: AWS::S3::Bucket
    Properties: {NotificationConfiguration: {EventBridgeConfiguration: {EventBridgeEnabled: true}, QueueConfigurations: [{Event: 's3:ObjectRemoved:*', Queue: !GetAtt Inbox.Arn}]}}
  Noting:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      AutoPublishAlias: live
      Environment: {Variables: {NOTES: !Ref Notes}}
      Policies: [DynamoDBWritePolicy: {TableName: !Ref Notes}]
      ReservedConcurrentExecutions: 7
      Tracing: Active
      VpcConfig: {SubnetIds: [subnet-1]}
      Events:
        Put: {Type: S3, Properties: {Bucket: !Ref Watched, Events: 's3:ObjectCreated:*', Filter: {S3Key: {Rules: [{Name: prefix, Value: in/}]}}}}
        Told: {Type: SNS, Properties: {Topic: !Ref News, FilterPolicy: {kind: [FILTER]}}}
        Seen: {Type: DynamoDB, Properties: {Stream: !GetAtt Flights.StreamArn, StartingPosition: TRIM_HORIZON, BatchSize: 1}}
        Nightly: {Type: Schedule, Properties: {Schedule: rate(1 day), Input: '{"Records": []}', Enabled: false}}
        Heard: {Type: EventBridgeRule, Properties: {EventBusName: !Ref Bus, Pattern: {source: [desk], detail: {n: [{numeric: ['>', 5]}]}}, InputPath: $.detail.event}}
        Web: {Type: Api, Properties: {Path: /x, Method: get}}
  Failing:
    Type: AWS::Serverless::Function
    Properties:
      InlineCode: |
        def handler(event, context):
            raise ValueError(event)
      Handler: index.handler
      EventInvokeConfig: {MaximumRetryAttempts: 0, DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Dead.Arn}}}
  Notes: {Type: AWS::Serverless::SimpleTable}
  Flights:
    Type: AWS::DynamoDB::Table
    Properties:
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      BillingMode: PAY_PER_REQUEST
      StreamSpecification: {StreamViewType: KEYS_ONLY}
  News: {Type: AWS::SNS::Topic, Properties: {Subscription: [{Protocol: sqs, Endpoint: !GetAtt Inbox.Arn}]}}
  Speaks:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Inbox]
      PolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: [sns.amazonaws.com, s3.amazonaws.com]}, Action: 'sqs:SendMessage', Resource: !GetAtt Inbox.Arn}]
  Dead: {Type: AWS::SQS::Queue}
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: !Sub '${AWS::StackName}-Bus'}}
  Objects:
    Type: AWS::Events::Rule
    Properties:
      EventPattern: {source: [aws.s3], detail: {bucket: {name: [!Ref Watched]}, object: {key: [{prefix: bridge/}]}}}
      Targets: [{Id: one, Arn: !GetAtt Bridged.Arn}]
  Bridged: {Type: AWS::SQS::Queue}
  Bridges:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Bridged]
      PolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: events.amazonaws.com}, Action: 'sqs:SendMessage', Resource: !GetAtt Bridged.Arn, Condition: {ArnEquals: {'aws:SourceArn': !GetAtt Objects.Arn}}}]
  Later: {Type: AWS::Scheduler::Schedule, Properties: {ScheduleExpression: rate(1 day)}}
"""
SOURCE = """
import boto3, os
notes = boto3.resource("dynamodb").Table(os.environ["NOTES"])

def handler(event, context):
    for record in event["Records"]:
        if "Sns" in record:
            what = "sns " + record["Sns"]["Message"]
        elif "s3" in record:
            what = "s3 " + record["s3"]["object"]["key"]
        else:
            what = "stream " + record["dynamodb"]["Keys"]["id"]["S"]
        notes.put_item(Item={"id": what, "version": os.environ["AWS_LAMBDA_FUNCTION_VERSION"]})
"""


@pytest.fixture
def stack(tmp_path, unique, endpoint):
    (tmp_path / "template.yaml").write_text(TEMPLATE.replace("FILTER", "wanted"))
    (tmp_path / "src").mkdir()
    (tmp_path / "src/app.py").write_text(SOURCE)
    name = unique("ev")
    return name, lambda *words: gureum(tmp_path, "sync", "--stack-name", name, "--endpoint", endpoint, *words)[0], tmp_path


def test_events_are_brought_and_the_rest_is_named(stack, client):
    name, sync, folder = stack
    said = sync()
    kinds = ("lambda", "s3", "sns", "sqs", "dynamodb")
    functions, s3, sns, sqs, dynamodb = (client(kind, region_name="us-east-1") for kind in kinds)
    left = said.split("Not brought:")[1]
    for line in (
        "the event Web: this cloud has no API Gateway yet; `gureum local start-api` serves it",
        f"{name}-Noting: VpcConfig of the function",
        "Later (AWS::Scheduler::Schedule): this cloud has no EventBridge Scheduler yet",
    ):
        assert line in left, said

    notes = lambda: {item["id"]["S"]: item["version"]["S"] for item in dynamodb.scan(TableName=f"{name}-Notes")["Items"]}
    bucket = f"{name}-watched".lower()
    s3.put_object(Bucket=bucket, Key="out/1", Body=b"")
    s3.put_object(Bucket=bucket, Key="in/1", Body=b"")
    topic = f"arn:aws:sns:us-east-1:000000000000:{name}-News"
    tell = lambda message, kind: sns.publish(
        TopicArn=topic, Message=message, MessageAttributes={"kind": {"DataType": "String", "StringValue": kind}}
    )
    tell("no", "other")
    tell("yes", "wanted")
    dynamodb.put_item(TableName=f"{name}-Flights", Item={"id": {"S": "KE1"}})
    until(lambda: notes(), {"s3 in/1": "1", "sns yes": "1", "stream KE1": "1"})

    # The bus calls the function, and a rule that the template declares tells of objects.
    events = client("events", region_name="us-east-1")
    event = lambda n: {"n": n, "event": {"Records": [{"Sns": {"Message": f"bus {n}"}}]}}
    entries = [{"EventBusName": f"{name}-Bus", "Source": "desk", "DetailType": "t", "Detail": json.dumps(event(n))} for n in (5, 6)]
    assert events.put_events(Entries=entries)["FailedEntryCount"] == 0
    until(lambda: {key: value for key, value in notes().items() if "bus" in key}, {"sns bus 6": "1"})
    s3.put_object(Bucket=bucket, Key="bridge/1", Body=b"")
    bridged = sqs.get_queue_url(QueueName=f"{name}-Bridged")["QueueUrl"]
    [message] = sqs.receive_message(QueueUrl=bridged, WaitTimeSeconds=20)["Messages"]
    assert json.loads(message["Body"])["detail"]["object"]["key"] == "bridge/1"
    nightly = events.describe_rule(Name=f"{name}-Noting-Nightly")
    assert (nightly["ScheduleExpression"], nightly["State"]) == ("rate(1 day)", "DISABLED")

    # Queues: what the topic and the bucket tell, and what failed.
    url = lambda which: sqs.get_queue_url(QueueName=f"{name}-{which}")["QueueUrl"]
    heard = []

    def hear():
        for message in sqs.receive_message(QueueUrl=url("Inbox"), MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", []):
            body = json.loads(message["Body"])
            if "Records" in body:
                heard.append(body["Records"][0]["s3"]["object"]["key"])
            elif "Message" in body:
                heard.append(body["Message"])
        return sorted(heard)

    s3.delete_object(Bucket=bucket, Key="out/1")
    until(hear, ["no", "out/1", "yes"])
    functions.invoke(FunctionName=f"{name}-Failing", InvocationType="Event", Payload=b'{"a": 1}')
    [message] = sqs.receive_message(QueueUrl=url("Dead"), WaitTimeSeconds=20)["Messages"]
    assert json.loads(message["Body"])["requestPayload"] == {"a": 1}
    assert url("Sorted.fifo").endswith(".fifo")
    assert sqs.list_queue_tags(QueueUrl=url("Inbox"))["Tags"] == {"team": "desk"}

    found = functions.get_function(FunctionName=f"{name}-Noting")
    assert found["Concurrency"] == {"ReservedConcurrentExecutions": 7}
    assert found["Configuration"]["TracingConfig"] == {"Mode": "Active"}

    # Again, with nothing changed: nothing is made twice. Then with another filter, and without what is gone.
    said = sync()
    assert f"{name}-Noting: as it was" in said and f"{name}-Failing: as it was" in said and "reads" not in said
    assert functions.get_alias(FunctionName=f"{name}-Noting", Name="live")["FunctionVersion"] == "1"
    text = TEMPLATE.replace("FILTER", "other").replace("      Tracing: Active\n", "").replace("      ReservedConcurrentExecutions: 7\n", "")
    (folder / "template.yaml").write_text(text)
    sync()
    assert functions.get_alias(FunctionName=f"{name}-Noting", Name="live")["FunctionVersion"] == "2"
    assert "Concurrency" not in functions.get_function(FunctionName=f"{name}-Noting")
    tell("late no", "wanted")
    tell("late yes", "other")
    until(lambda: {key: value for key, value in notes().items() if "late" in key}, {"sns late yes": "2"})
    subscriptions = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert sorted(one["Protocol"] for one in subscriptions) == ["lambda", "sqs"]
    mappings = functions.list_event_source_mappings(FunctionName=f"{name}-Noting:live")["EventSourceMappings"]
    assert len(mappings) == 1
    functions.delete_event_source_mapping(UUID=mappings[0]["UUID"])
    for rule, bus in ((f"{name}-Noting-Nightly", "default"), (f"{name}-Noting-Heard", f"{name}-Bus"), (f"{name}-Objects", "default")):
        [target] = events.list_targets_by_rule(Rule=rule, EventBusName=bus)["Targets"]
        events.remove_targets(Rule=rule, EventBusName=bus, Ids=[target["Id"]])
        events.delete_rule(Name=rule, EventBusName=bus)
    for which in ("Noting", "Failing"):
        functions.delete_function(FunctionName=f"{name}-{which}")
