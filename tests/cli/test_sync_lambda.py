"""What `gureum sync` brings of Lambda's own resources, keys and policies; and what a second sync changes and takes away."""

import io
import json
import sys
import zipfile

import pytest
from botocore.exceptions import ClientError
from conftest import ROOT, eventually
from test_local import gureum

sys.path.append(str(ROOT / "tests/boto3"))
from test_lambda_images import RUN, Image, layer, programs  # noqa: E402
from test_lambda_runtimes import INSTALLED  # noqa: E402

# SnapStart begins with Python 3.12.
SNAP = next((runtime for runtime in ("python3.12", "python3.13") if (INSTALLED / runtime / "runtime.json").exists()), None)

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.11, Timeout: 10, MemorySize: 256}}
Resources:
  Key:
    Type: AWS::KMS::Key
    Properties:
      Description: for variables
      EnableKeyRotation: true
      KeyPolicy: {Version: '2012-10-17', Statement: [{Effect: Allow, Principal: {AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:root'}, Action: 'kms:*', Resource: '*'}]}
  KeyName: {Type: AWS::KMS::Alias, Properties: {AliasName: !Sub 'alias/${AWS::StackName}', TargetKeyId: !Ref Key}}
  Log: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub '/own/${AWS::StackName}', RetentionInDays: 7}}
  Bundle: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: {Bucket: CODE, Key: layer.zip}, Description: words, CompatibleRuntimes: [python3.11]}}
  Provisioned:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: {Bucket: CODE, Key: one.zip, Version: VERSION}
      Handler: app.handler
      AutoPublishAlias: live
      ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 1}
      KmsKeyArn: !GetAtt Key.Arn
      Layers: [!Ref Bundle]
      Environment: {Variables: {KEY: !Ref Key}}
      Tags: {team: desk, gone: soon}
      DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Letters.Arn}
      EventInvokeConfig: {MaximumRetryAttempts: 0}
      LoggingConfig: {LogFormat: JSON, LogGroup: !Ref Log}
      FunctionUrlConfig: {AuthType: NONE, Cors: {AllowOrigins: ['https://a.example']}}
  Snap:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: s3://CODE/one.zip
      Runtime: SNAPPED
      Handler: app.handler
      AutoPublishAlias: live
      SnapStart: {ApplyOn: PublishedVersions}
      DeadLetterQueue: {Type: SNS, TargetArn: !Ref News}
      DeploymentPreference: {Type: AllAtOnce}
      Events: {Lines: {Type: CloudWatchLogs, Properties: {LogGroupName: !Ref Log, FilterPattern: purpose}}}
  Letters: {Type: AWS::SQS::Queue}
  Inbox: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60}}
  News: {Type: AWS::SNS::Topic}
  Store: {Type: AWS::S3::Bucket, Properties: {BucketEncryption: {ServerSideEncryptionConfiguration: []}}}
  # As CloudFormation alone has it.
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Sub '${AWS::StackName}-plain'
      Description: of the plain function
      AssumeRolePolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: 'sts:AssumeRole'}]}
      ManagedPolicyArns: [!Sub 'arn:${AWS::Partition}:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole', !Ref Shared]
  Shared:
    Type: AWS::IAM::ManagedPolicy
    Properties: {PolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: 'sqs:*', Resource: [!GetAtt Inbox.Arn, !GetAtt Letters.Arn]}]}}
  Told:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: told
      Roles: [!Ref Role]
      PolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: 'sns:Publish', Resource: !Ref News}]}
  Plain:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.11
      Handler: app.handler
      Role: !GetAtt Role.Arn
      Code: {S3Bucket: CODE, S3Key: one.zip}
      Tags: [{Key: kind, Value: plain}]
  First: {Type: AWS::Lambda::Version, Properties: {FunctionName: !Ref Plain, Description: the first}}
  Stable:
    Type: AWS::Lambda::Alias
    Properties:
      FunctionName: !Ref Plain
      FunctionVersion: !GetAtt First.Version
      Name: stable
      ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 1}
  Address: {Type: AWS::Lambda::Url, Properties: {TargetFunctionArn: !Ref Plain, Qualifier: stable, AuthType: AWS_IAM}, DependsOn: Stable}
  Ends:
    Type: AWS::Lambda::EventInvokeConfig
    Properties: {FunctionName: !Ref Plain, Qualifier: $LATEST, MaximumRetryAttempts: 0, DestinationConfig: {OnFailure: {Destination: !GetAtt Letters.Arn}}}
  Reads:
    Type: AWS::Lambda::EventSourceMapping
    Properties:
      FunctionName: !Ref Stable
      EventSourceArn: !GetAtt Inbox.Arn
      BatchSize: 2
      FilterCriteria: {Filters: [{Pattern: '{"body": {"n": [{"numeric": [">", 1]}]}}'}]}
      MetricsConfig: {Metrics: [EventCount]}
  Calls: {Type: AWS::Lambda::Permission, Properties: {FunctionName: !Ref Stable, Action: 'lambda:InvokeFunction', Principal: sns.amazonaws.com, SourceArn: !Ref News}}
  Hears: {Type: AWS::SNS::Subscription, Properties: {TopicArn: !Ref News, Protocol: lambda, Endpoint: !Ref Stable, DeliveryPolicy: {}}}
  TopicRule:
    Type: AWS::SNS::TopicPolicy
    Properties:
      Topics: [!Ref News]
      PolicyDocument: {Version: '2012-10-17', Statement: [{Sid: told, Effect: Allow, Principal: {Service: s3.amazonaws.com}, Action: 'sns:Publish', Resource: !Ref News}]}
  QueueRule:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Inbox]
      PolicyDocument: {Version: '2012-10-17', Statement: [{Sid: sent, Effect: Allow, Principal: {Service: sns.amazonaws.com}, Action: 'sqs:SendMessage', Resource: !GetAtt Inbox.Arn}]}
  BucketRule:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Store
      PolicyDocument: {Version: '2012-10-17', Statement: [{Sid: read, Effect: Allow, Principal: {AWS: !GetAtt Role.Arn}, Action: 's3:GetObject', Resource: !Sub '${Store.Arn}/*'}]}
  Pictures: {Type: AWS::Serverless::Function, Properties: {PackageType: Image, ImageUri: IMAGE, Timeout: 20}}
  Unbuilt: {Type: AWS::Serverless::Function, Properties: {PackageType: Image}, Metadata: {Dockerfile: Dockerfile, DockerContext: .}}
"""
SOURCE = """
import json, os
try:
    import words
except ImportError:
    words = None

def handler(event, context):
    print(json.dumps(event))
    if isinstance(event, dict) and event.get("fail"):
        raise ValueError("on purpose")
    return {"version": context.function_version, "key": os.environ.get("KEY"), "word": words and words.WORD, "n": 1}
"""


def archive(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        for name, text in files.items():
            zipped.writestr(name, text)
    return out.getvalue()


def without(text, *ids):
    """The template without these resources."""
    lines, inside = [], False
    for line in text.splitlines():
        if not line.startswith("   "):
            inside = line.strip().split(":")[0] in ids
        if not inside:
            lines.append(line)
    return "\n".join(lines)


class Stack:
    """A project, its sync and clients."""

    def __init__(self, folder, name, endpoint, client):
        self.folder, self.name, self.endpoint = folder, name, endpoint
        kinds = ("lambda", "s3", "sns", "sqs", "kms", "iam", "logs")
        self.functions, self.s3, self.sns, self.sqs, self.kms, self.iam, self.logs = (client(kind, region_name="us-east-1") for kind in kinds)

    def sync(self, *words):
        return gureum(self.folder, "sync", "--stack-name", self.name, "--endpoint", self.endpoint, *words)[0]

    def write(self, text):
        (self.folder / "template.yaml").write_text(text)

    def invoke(self, function, event=None, **more):
        answer = self.functions.invoke(FunctionName=f"{self.name}-{function}", Payload=json.dumps(event), **more)
        return json.load(answer["Payload"])

    def queue(self, name):
        return self.sqs.get_queue_url(QueueName=f"{self.name}-{name}")["QueueUrl"]

    def heard(self, name):
        [message] = self.sqs.receive_message(QueueUrl=self.queue(name), WaitTimeSeconds=20)["Messages"]
        self.sqs.delete_message(QueueUrl=self.queue(name), ReceiptHandle=message["ReceiptHandle"])
        return json.loads(message["Body"])

    def gone(self, call, **arguments):
        with pytest.raises(ClientError) as caught:
            call(**arguments)
        assert "NotFound" in caught.value.response["Error"]["Code"] or "NoSuch" in caught.value.response["Error"]["Code"]


@pytest.fixture
def stack(tmp_path, unique, endpoint, client):
    if not SNAP:
        pytest.skip("skipped: no Python that SnapStart knows is installed")
    made = Stack(tmp_path, unique("la"), endpoint, client)
    code = unique("code")
    made.s3.create_bucket(Bucket=code)
    made.s3.put_bucket_versioning(Bucket=code, VersioningConfiguration={"Status": "Enabled"})
    version = made.s3.put_object(Bucket=code, Key="one.zip", Body=archive({"app.py": SOURCE}))["VersionId"]
    made.s3.put_object(Bucket=code, Key="layer.zip", Body=archive({"python/words.py": "WORD = 'from a bucket'"}))
    Image([layer({**programs(), "run": RUN.encode(), "low": b"low", "var/task/x": b""})], Entrypoint=["/bin/bash", "/run"], Cmd=["one"]).layout(tmp_path / "picture")
    made.code, made.text = code, TEMPLATE.replace("CODE", code).replace("VERSION", version).replace("IMAGE", "picture").replace("SNAPPED", SNAP)
    made.write(made.text)
    return made


def test_resources_of_lambda_are_brought_changed_and_taken_away(stack):
    said = stack.sync()
    functions, name = stack.functions, stack.name
    left = said.split("Not brought:")[1]
    for line in (
        f"{name}-Snap: DeploymentPreference of the function",
        f"bucket {name}-store: BucketEncryption",
        f"the mapping of arn:aws:sqs:us-east-1:000000000000:{name}-Inbox to {name}-Plain: MetricsConfig",
        "Hears: DeliveryPolicy",
        "Unbuilt: PackageType Image without ImageUri; images are not built here",
    ):
        assert line in left, said
    [group] = stack.logs.describe_log_groups(logGroupNamePrefix=f"/own/{name}")["logGroups"]
    assert group["retentionInDays"] == 7

    # A function of a version of an object, with a key, a layer from a bucket, an alias that is provisioned.
    key = stack.kms.describe_key(KeyId=f"alias/{name}")["KeyMetadata"]
    assert (key["Description"], stack.kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]) == ("for variables", True)
    assert stack.invoke("Provisioned", Qualifier="live") == {"version": "1", "key": key["KeyId"], "word": "from a bucket", "n": 1}
    found = functions.get_function(FunctionName=f"{name}-Provisioned")
    assert found["Configuration"]["KMSKeyArn"] == key["Arn"]
    assert found["Configuration"]["LoggingConfig"]["LogGroup"] == f"/own/{name}"
    assert found["Tags"] == {"team": "desk", "gone": "soon"}
    provisioned = functions.get_provisioned_concurrency_config(FunctionName=f"{name}-Provisioned", Qualifier="live")
    assert (provisioned["Status"], provisioned["AvailableProvisionedConcurrentExecutions"]) == ("READY", 1)
    url = functions.get_function_url_config(FunctionName=f"{name}-Provisioned", Qualifier="live")
    assert url["Cors"] == {"AllowOrigins": ["https://a.example"]}
    functions.invoke(FunctionName=f"{name}-Provisioned", Qualifier="live", InvocationType="Event", Payload=b'{"fail": 1}')
    assert stack.heard("Letters") == {"fail": 1}
    eventually(lambda: stack.logs.filter_log_events(logGroupName=f"/own/{name}", filterPattern="purpose")["events"], 20)
    # Another function is given these lines.
    heard = lambda: stack.logs.filter_log_events(logGroupName=f"/aws/lambda/{name}-Snap", filterPattern="awslogs")["events"]
    eventually(heard, 30)

    # SnapStart: the published version has its snapshot.
    version = functions.get_function_configuration(FunctionName=f"{name}-Snap", Qualifier="live")
    assert (version["State"], version["SnapStart"]["OptimizationStatus"]) == ("Active", "On")
    assert stack.invoke("Snap", Qualifier="live")["version"] == "1"
    topic = f"arn:aws:sns:us-east-1:000000000000:{name}-News"
    assert version["DeadLetterConfig"] == {"TargetArn": topic}

    # CloudFormation's own: a version, an alias of it, and what leads there.
    plain = f"{name}-Plain"
    assert functions.get_function(FunctionName=plain)["Tags"] == {"kind": "plain"}
    assert functions.get_function_configuration(FunctionName=plain, Qualifier="1")["Description"] == "the first"
    assert functions.get_alias(FunctionName=plain, Name="stable")["FunctionVersion"] == "1"
    assert functions.get_provisioned_concurrency_config(FunctionName=plain, Qualifier="stable")["Status"] == "READY"
    assert functions.get_function_url_config(FunctionName=plain, Qualifier="stable")["AuthType"] == "AWS_IAM"
    ends = functions.get_function_event_invoke_config(FunctionName=plain, Qualifier="$LATEST")
    assert ends["DestinationConfig"]["OnFailure"]["Destination"].endswith(f"{name}-Letters")
    functions.invoke(FunctionName=plain, InvocationType="Event", Payload=b'{"fail": 2}')
    assert stack.heard("Letters")["requestPayload"] == {"fail": 2}
    logged = lambda words: stack.logs.filter_log_events(logGroupName=f"/aws/lambda/{plain}", filterPattern=f'"{words}"')["events"]
    stack.sqs.send_message(QueueUrl=stack.queue("Inbox"), MessageBody='{"n": 2, "word": "queued"}')
    stack.sns.publish(TopicArn=topic, Message="published")
    eventually(lambda: logged("queued") and logged("published"), 60)
    policy = lambda: json.loads(stack.sqs.get_queue_attributes(QueueUrl=stack.queue("Inbox"), AttributeNames=["Policy"])["Attributes"]["Policy"])
    assert policy()["Statement"][0]["Sid"] == "sent"
    assert "told" in stack.sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
    assert "read" in stack.s3.get_bucket_policy(Bucket=f"{name}-store".lower())["Policy"]
    assert stack.iam.list_role_policies(RoleName=f"{name}-plain")["PolicyNames"] == ["told"]
    attached = stack.iam.list_attached_role_policies(RoleName=f"{name}-plain")["AttachedPolicies"]
    assert sorted(one["PolicyName"] for one in attached) == ["AWSLambdaBasicExecutionRole", f"{name}-Shared"]

    # An image from a folder beside the template.
    assert stack.invoke("Pictures")["args"] == "one"

    # Again, with nothing changed: all is as it was, and provisioned sandboxes are not made anew.
    said = stack.sync()
    for which in ("Provisioned", "Snap", "Plain", "Pictures"):
        assert f"function {name}-{which}: as it was" in said, said
    assert "taken away" not in said and "reads" not in said
    assert functions.get_alias(FunctionName=f"{name}-Provisioned", Name="live")["FunctionVersion"] == "1"

    # Changed: another count, other variables, a larger batch without a filter. Gone: tags, dead letters, a URL, joins, policies.
    text = stack.text.replace("{ProvisionedConcurrentExecutions: 1}\n      KmsKeyArn", "{ProvisionedConcurrentExecutions: 2}\n      KmsKeyArn")
    text = text.replace("BatchSize: 2", "BatchSize: 5").replace("VisibilityTimeout: 60", "VisibilityTimeout: 90").replace(", gone: soon", "")
    text = text.replace(", RetentionInDays: 7", "")
    dropped = ("Events: {Lines", "DeadLetterQueue: {Type: SQS", "FunctionUrlConfig", "FilterCriteria", "SnapStart:")
    text = "\n".join(line for line in text.splitlines() if not line.strip().startswith(dropped))
    text = without(text, "Hears", "Calls", "Address", "Ends", "QueueRule", "TopicRule", "BucketRule", "Told", "Store")
    stack.write(text)
    said = stack.sync()
    for gone in ("the permission Calls of", "the subscription of", "the URL of", "the policy of queue", "the policy of topic", f"{name}-plain's policy told"):
        assert gone in said.split("Not brought:")[0], said
    assert f"bucket {name}-store: no longer in the template, and not deleted" in said
    found = functions.get_function(FunctionName=f"{name}-Provisioned")
    assert found["Tags"] == {"team": "desk"} and "DeadLetterConfig" not in found["Configuration"]
    provisioned = functions.get_provisioned_concurrency_config(FunctionName=f"{name}-Provisioned", Qualifier="live")
    assert (provisioned["Status"], provisioned["AvailableProvisionedConcurrentExecutions"]) == ("READY", 2)
    stack.gone(functions.get_function_url_config, FunctionName=f"{name}-Provisioned", Qualifier="live")
    stack.gone(functions.get_policy, FunctionName=f"{name}-Provisioned", Qualifier="live")
    stack.gone(functions.get_function_url_config, FunctionName=plain, Qualifier="stable")
    stack.gone(functions.get_function_event_invoke_config, FunctionName=plain, Qualifier="$LATEST")
    stack.gone(functions.get_policy, FunctionName=plain, Qualifier="stable")
    assert stack.logs.describe_subscription_filters(logGroupName=f"/own/{name}")["subscriptionFilters"] == []
    assert "retentionInDays" not in stack.logs.describe_log_groups(logGroupNamePrefix=f"/own/{name}")["logGroups"][0]
    assert functions.get_function_configuration(FunctionName=f"{name}-Snap", Qualifier="live")["SnapStart"]["ApplyOn"] == "None"
    [mapping] = functions.list_event_source_mappings(FunctionName=f"{plain}:stable")["EventSourceMappings"]
    assert mapping["BatchSize"] == 5 and "FilterCriteria" not in mapping
    assert stack.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
    assert "Policy" not in stack.sqs.get_queue_attributes(QueueUrl=stack.queue("Inbox"), AttributeNames=["Policy"]).get("Attributes", {})
    timeout = stack.sqs.get_queue_attributes(QueueUrl=stack.queue("Inbox"), AttributeNames=["VisibilityTimeout"])["Attributes"]
    assert timeout == {"VisibilityTimeout": "90"}
    assert stack.iam.list_role_policies(RoleName=f"{name}-plain")["PolicyNames"] == []
    stack.gone(stack.s3.get_bucket_policy, Bucket=f"{name}-store".lower())

    # The alias goes with what reads into it; the function stays, and is named.
    stack.write(without(text, "Stable", "Reads", "Plain", "First"))
    said = stack.sync()
    assert f"the alias {plain}:stable: taken away" in said and f"function {plain}: no longer in the template, and not deleted" in said
    assert functions.list_event_source_mappings(FunctionName=plain)["EventSourceMappings"] == []
    stack.gone(functions.get_alias, FunctionName=plain, Name="stable")
    assert "no longer" not in stack.sync()
    for which in ("Provisioned", "Snap", "Plain", "Pictures"):
        functions.delete_function(FunctionName=f"{name}-{which}")
