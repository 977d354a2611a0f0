"""Versions, aliases, permissions, tags, concurrency and records of settings, by boto3."""

import json

import pytest
from conftest import ACCOUNT, REGION, error_of, eventually
from test_lambda import deploy, functions, invoke  # noqa: F401

WHO = """
import os
def handler(event, context):
    return [os.environ.get("WORD"), context.function_version, context.invoked_function_arn.split(":", 6)[6]]
"""


def settled(functions, name):
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})


def word(functions, name, text):
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {"WORD": text}})
    settled(functions, name)


def publish(functions, name):
    version = functions.publish_version(FunctionName=name)["Version"]
    functions.get_waiter("published_version_active").wait(FunctionName=name, Qualifier=version, WaiterConfig={"Delay": 1})
    return version


def test_versions_and_aliases(functions, deploy):
    name = deploy(WHO)
    word(functions, name, "one")
    assert publish(functions, name) == "1"
    assert functions.publish_version(FunctionName=name)["Version"] == "1"
    word(functions, name, "two")
    assert publish(functions, name) == "2"
    word(functions, name, "three")
    assert invoke(functions, name)["Payload"] == ["three", "$LATEST", name]
    first = invoke(functions, name, Qualifier="1")
    assert first["Payload"] == ["one", "1", f"{name}:1"] and first["ExecutedVersion"] == "1"
    made = functions.create_alias(
        FunctionName=name, Name="live", FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}}
    )
    assert made["AliasArn"].endswith(f":{name}:live") and made["RoutingConfig"]["AdditionalVersionWeights"] == {"2": 0.5}
    seen = {tuple(invoke(functions, f"{name}:live")["Payload"]) for _ in range(40)}
    assert seen == {("one", "1", f"{name}:live"), ("two", "2", f"{name}:live")}
    changed = functions.update_alias(FunctionName=name, Name="live", FunctionVersion="2", RoutingConfig={})
    assert "RoutingConfig" not in changed
    assert {invoke(functions, name, Qualifier="live")["ExecutedVersion"] for _ in range(3)} == {"2"}
    pages = functions.get_paginator("list_versions_by_function").paginate(FunctionName=name, PaginationConfig={"PageSize": 2})
    assert [v["Version"] for page in pages for v in page["Versions"]] == ["$LATEST", "1", "2"]
    assert [a["Name"] for a in functions.list_aliases(FunctionName=name)["Aliases"]] == ["live"]
    assert error_of(functions.delete_function, FunctionName=name, Qualifier="2") == (
        "ResourceConflictException",
        "Unable to delete version because the following aliases reference it: [live]",
    )
    functions.delete_alias(FunctionName=name, Name="live")
    functions.delete_function(FunctionName=name, Qualifier="2")
    assert error_of(invoke, functions=functions, name=name, Qualifier="2")[0] == "ResourceNotFoundException"


def test_resource_policy(functions, deploy):
    name = deploy(WHO)
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    assert error_of(functions.get_policy, FunctionName=name) == (
        "ResourceNotFoundException",
        "The resource you requested does not exist.",
    )
    added = functions.add_permission(
        FunctionName=name,
        StatementId="bucket",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::calls",
        SourceAccount=ACCOUNT,
    )
    expected = {
        "Sid": "bucket",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceAccount": ACCOUNT}, "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::calls"}},
    }
    assert json.loads(added["Statement"]) == expected
    found = functions.get_policy(FunctionName=name)
    assert json.loads(found["Policy"]) == {"Version": "2012-10-17", "Id": "default", "Statement": [expected]}
    code, message = error_of(
        functions.add_permission,
        FunctionName=name,
        StatementId="bucket",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
    )
    assert (code, message[:45]) == ("ResourceConflictException", "The statement id (bucket) provided already ex")
    stale = dict(FunctionName=name, StatementId="bucket", RevisionId="old")
    assert error_of(functions.remove_permission, **stale)[0] == "PreconditionFailedException"
    functions.remove_permission(FunctionName=name, StatementId="bucket")
    assert error_of(functions.get_policy, FunctionName=name)[0] == "ResourceNotFoundException"


def test_another_account(functions, deploy, client):
    name = deploy(WHO)
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    other = client("lambda", aws_access_key_id="111122223333")
    assert error_of(other.invoke, FunctionName=arn)[0] == "AccessDeniedException"
    functions.add_permission(
        FunctionName=name, StatementId="other", Action="lambda:InvokeFunction", Principal="111122223333"
    )
    assert other.invoke(FunctionName=arn)["StatusCode"] == 200
    assert error_of(other.get_function, FunctionName=arn)[0] == "AccessDeniedException"


def test_topic_needs_permission(functions, deploy, client, unique):
    name = deploy("import boto3\ndef handler(event, c): boto3.client('s3').put_object(Bucket=event['Records'][0]['Sns']['Message'], Key='got', Body=b'1')")
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    sns, s3 = client("sns"), client("s3")
    bucket = unique("bucket")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    topic = sns.create_topic(Name=unique("topic"))["TopicArn"]
    functions.add_permission(
        FunctionName=name, StatementId="topic", Action="lambda:InvokeFunction", Principal="sns.amazonaws.com", SourceArn=topic
    )
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message=bucket)
    eventually(lambda: s3.list_objects_v2(Bucket=bucket).get("Contents"))
    s3.delete_object(Bucket=bucket, Key="got")
    functions.remove_permission(FunctionName=name, StatementId="topic")
    other = sns.create_topic(Name=unique("topic"))["TopicArn"]
    sns.subscribe(TopicArn=other, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=other, Message=bucket)
    with pytest.raises(AssertionError):
        eventually(lambda: s3.list_objects_v2(Bucket=bucket).get("Contents"), seconds=3)


def test_tags(functions, deploy):
    name = deploy(WHO, Tags={"team": "calls"})
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    functions.tag_resource(Resource=arn, Tags={"부서": "상담", "a": "b"})
    functions.untag_resource(Resource=arn, TagKeys=["a", "nothing"])
    assert functions.list_tags(Resource=arn)["Tags"] == {"team": "calls", "부서": "상담"}
    assert functions.get_function(FunctionName=name)["Tags"] == {"team": "calls", "부서": "상담"}
    assert error_of(functions.tag_resource, Resource=f"{arn}:1", Tags={"x": "y"})[1].startswith("Tags on function aliases")


def test_reserved_concurrency(functions, deploy):
    name = deploy(WHO)
    assert "ReservedConcurrentExecutions" not in functions.get_function_concurrency(FunctionName=name)
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    assert functions.get_function(FunctionName=name)["Concurrency"] == {"ReservedConcurrentExecutions": 0}
    with pytest.raises(functions.exceptions.TooManyRequestsException) as caught:
        functions.invoke(FunctionName=name)
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert response["Error"]["Message"] == "Rate Exceeded."
    left = functions.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=7)
    limits = functions.get_account_settings()["AccountLimit"]
    assert (limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]) == (1000, left - 7)
    assert error_of(functions.put_function_concurrency, FunctionName=name, ReservedConcurrentExecutions=901) == (
        "InvalidParameterValueException",
        "Specified ReservedConcurrentExecutions for function decreases account's "
        "UnreservedConcurrentExecution below its minimum value of [100].",
    )
    functions.delete_function_concurrency(FunctionName=name)
    assert functions.invoke(FunctionName=name)["StatusCode"] == 200


def test_event_invoke_config(functions, deploy):
    name = deploy(WHO)
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    assert error_of(functions.get_function_event_invoke_config, FunctionName=name) == (
        "ResourceNotFoundException",
        f"The function {arn}:$LATEST doesn't have an EventInvokeConfig",
    )
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:failed"
    made = functions.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": queue}}
    )
    assert made["FunctionArn"] == f"{arn}:$LATEST" and made["MaximumRetryAttempts"] == 0
    changed = functions.update_function_event_invoke_config(FunctionName=name, MaximumEventAgeInSeconds=60)
    assert changed["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {"Destination": queue}}
    assert (changed["MaximumRetryAttempts"], changed["MaximumEventAgeInSeconds"]) == (0, 60)
    listed = functions.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"]
    assert [config["FunctionArn"] for config in listed] == [f"{arn}:$LATEST"]
    functions.delete_function_event_invoke_config(FunctionName=name)
    assert functions.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"] == []


def test_code_signing(functions, deploy):
    name = deploy(WHO)
    profile = f"arn:aws:signer:{REGION}:{ACCOUNT}:/signing-profiles/desk/1234567890"
    made = functions.create_code_signing_config(
        AllowedPublishers={"SigningProfileVersionArns": [profile]},
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"},
    )["CodeSigningConfig"]
    arn = made["CodeSigningConfigArn"]
    functions.put_function_code_signing_config(FunctionName=name, CodeSigningConfigArn=arn)
    assert functions.get_function_code_signing_config(FunctionName=name)["CodeSigningConfigArn"] == arn
    assert functions.list_functions_by_code_signing_config(CodeSigningConfigArn=arn)["FunctionArns"][0].endswith(name)
    from conftest import zipped

    code, _ = error_of(functions.update_function_code, FunctionName=name, ZipFile=zipped({"main.py": WHO}))
    assert code == "CodeVerificationFailedException"
    assert error_of(functions.delete_code_signing_config, CodeSigningConfigArn=arn)[0] == "ResourceConflictException"
    functions.update_code_signing_config(
        CodeSigningConfigArn=arn, CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Warn"}
    )
    functions.update_function_code(FunctionName=name, ZipFile=zipped({"main.py": WHO}))
    functions.delete_function_code_signing_config(FunctionName=name)
    functions.delete_code_signing_config(CodeSigningConfigArn=arn)
    assert error_of(functions.get_code_signing_config, CodeSigningConfigArn=arn)[0] == "ResourceNotFoundException"


def test_management_and_recursion(functions, deploy):
    name = deploy(WHO)
    assert functions.get_runtime_management_config(FunctionName=name)["UpdateRuntimeOn"] == "Auto"
    functions.put_runtime_management_config(FunctionName=name, UpdateRuntimeOn="FunctionUpdate")
    assert functions.get_runtime_management_config(FunctionName=name)["UpdateRuntimeOn"] == "FunctionUpdate"
    assert functions.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Terminate"
    functions.put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")
    assert functions.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Allow"


def test_code_from_a_bucket(functions, deploy, client, unique):
    from conftest import zipped

    s3, bucket = client("s3"), unique("code")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put = lambda text: s3.put_object(Bucket=bucket, Key="a/desk.zip", Body=zipped({"main.py": text}))["VersionId"]
    first = put("def handler(e, c): return 1")
    put("def handler(e, c): return 2")
    name = deploy("", Code={"S3Bucket": bucket, "S3Key": "a/desk.zip"})
    assert invoke(functions, name)["Payload"] == 2
    functions.update_function_code(FunctionName=name, S3Bucket=bucket, S3Key="a/desk.zip", S3ObjectVersion=first)
    settled(functions, name)
    assert invoke(functions, name)["Payload"] == 1
    assert error_of(functions.update_function_code, FunctionName=name, S3Bucket=bucket, S3Key="nothing") == (
        "InvalidParameterValueException",
        "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.",
    )
