"""Provisioned concurrency: sandboxes that are there before anybody asks."""

import json
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from conftest import ACCOUNT, REGION, ROLE, ROOT, error_of, eventually, make_role, zipped
from test_lambda import deploy, functions, invoke  # noqa: F401

SOURCE = """
import os, time
kind, born = os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], time.time()
def handler(event, context):
    time.sleep((event or {}).get("sleep", 0))
    return [kind, os.getpid(), born]
"""


@pytest.fixture
def version(functions, deploy):  # noqa: F811
    def make(source=SOURCE):
        name = deploy(source, Timeout=10)
        return name, functions.publish_version(FunctionName=name)["Version"]

    return make


def ready(functions, name, qualifier, count):  # noqa: F811
    def probe():
        found = functions.get_provisioned_concurrency_config(FunctionName=name, Qualifier=qualifier)
        return found if found["Status"] != "IN_PROGRESS" else None

    found = eventually(probe, 120)
    assert (found["Status"], found["AllocatedProvisionedConcurrentExecutions"]) == ("READY", count)
    assert found["AvailableProvisionedConcurrentExecutions"] == count
    return found


def test_pinned_sandboxes_serve_first_and_others_after(functions, version):  # noqa: F811
    name, number = version()
    put = functions.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier=number, ProvisionedConcurrentExecutions=2
    )
    assert (put["Status"], put["RequestedProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 2)
    ready(functions, name, number, 2)
    began = time.time()
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: invoke(functions, f"{name}:{number}", {"sleep": 1})["Payload"], range(3)))
    kinds = sorted(kind for kind, _, _ in answers)
    assert kinds == ["on-demand", "provisioned-concurrency", "provisioned-concurrency"]
    assert all(born < began for kind, _, born in answers if kind != "on-demand")
    listed = functions.list_provisioned_concurrency_configs(FunctionName=name)["ProvisionedConcurrencyConfigs"]
    assert [item["FunctionArn"].rsplit(":", 1)[1] for item in listed] == [number]
    # Fewer: one goes, the other stays.
    functions.put_provisioned_concurrency_config(FunctionName=name, Qualifier=number, ProvisionedConcurrentExecutions=1)
    ready(functions, name, number, 1)
    functions.delete_provisioned_concurrency_config(FunctionName=name, Qualifier=number)
    assert error_of(functions.get_provisioned_concurrency_config, FunctionName=name, Qualifier=number) == (
        "ProvisionedConcurrencyConfigNotFoundException",
        "No Provisioned Concurrency Config found for this function",
    )


def test_an_alias_shares_out_by_weight(functions, version):  # noqa: F811
    name, first = version()
    functions.update_function_configuration(FunctionName=name, Description="another")
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    functions.update_function_configuration(FunctionName=name, Timeout=9)
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    second = functions.publish_version(FunctionName=name)["Version"]
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion=first)
    functions.put_provisioned_concurrency_config(FunctionName=name, Qualifier="live", ProvisionedConcurrentExecutions=2)
    ready(functions, name, "live", 2)
    assert invoke(functions, f"{name}:{first}")["Payload"][0] == "provisioned-concurrency"
    code, message = error_of(
        functions.put_provisioned_concurrency_config,
        FunctionName=name,
        Qualifier=first,
        ProvisionedConcurrentExecutions=1,
    )
    assert (code, message) == ("ResourceConflictException", "Version is pointed by a Provisioned Concurrency alias")
    functions.update_alias(
        FunctionName=name, Name="live", RoutingConfig={"AdditionalVersionWeights": {second: 0.5}}
    )
    ready(functions, name, "live", 2)
    assert invoke(functions, f"{name}:{second}")["Payload"][0] == "provisioned-concurrency"


def test_a_pinned_sandbox_that_dies_is_made_again(functions, version):  # noqa: F811
    name, number = version(SOURCE + "    \n" + SOURCE.replace("time.sleep((event or {}).get(\"sleep\", 0))", "(event or {}).get('die') and os._exit(1)"))
    functions.put_provisioned_concurrency_config(FunctionName=name, Qualifier=number, ProvisionedConcurrentExecutions=1)
    ready(functions, name, number, 1)
    assert invoke(functions, f"{name}:{number}", {"die": 1})["FunctionError"] == "Unhandled"

    def again():
        found = functions.get_provisioned_concurrency_config(FunctionName=name, Qualifier=number)
        return found["Status"] == "READY" and invoke(functions, f"{name}:{number}")["Payload"][0] == "provisioned-concurrency"

    eventually(again, 20)


def test_one_that_cannot_initialise_fails(functions, version):  # noqa: F811
    name, number = version("raise RuntimeError('no')\ndef handler(e, c): pass")
    functions.put_provisioned_concurrency_config(FunctionName=name, Qualifier=number, ProvisionedConcurrentExecutions=1)

    def failed():
        found = functions.get_provisioned_concurrency_config(FunctionName=name, Qualifier=number)
        return found if found["Status"] == "FAILED" else None

    assert eventually(failed, 20)["StatusReason"] == "FUNCTION_ERROR_INIT_FAILURE"


def test_refused(functions, version):  # noqa: F811
    name, number = version()
    put = functions.put_provisioned_concurrency_config
    assert error_of(put, FunctionName=name, Qualifier="$LATEST", ProvisionedConcurrentExecutions=1) == (
        "InvalidParameterValueException",
        "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
    )
    assert error_of(put, FunctionName=name, Qualifier="9", ProvisionedConcurrentExecutions=1)[0] == "ResourceNotFoundException"
    code, message = error_of(put, FunctionName=name, Qualifier=number, ProvisionedConcurrentExecutions=901)
    assert code == "InvalidParameterValueException"
    assert "UnreservedConcurrentExecution below its minimum value of [100]" in message


def test_it_is_there_again_after_a_restart(tmp_path):
    def cloud():
        command = [ROOT / "gureum", "up", "--data", tmp_path, "--listen", "127.0.0.1:0", "--json"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        address = json.loads(server.stdout.readline())["endpoint"]
        make_role(address)
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return server, boto3.client("lambda", endpoint_url=address, region_name=REGION, **keys)

    server, functions = cloud()  # noqa: F811
    functions.create_function(
        FunctionName="desk", Runtime="python3.11", Handler="main.handler", Role=ROLE, Timeout=60, Publish=True,
        Code={"ZipFile": zipped({"main.py": SOURCE})},
    )
    functions.create_alias(FunctionName="desk", Name="live", FunctionVersion="1")
    eventually(lambda: functions.get_function_configuration(FunctionName="desk:1")["State"] == "Active", 120)
    functions.put_provisioned_concurrency_config(
        FunctionName="desk", Qualifier="live", ProvisionedConcurrentExecutions=2
    )
    before = ready(functions, "desk", "live", 2)
    # As if the power had failed.
    server.send_signal(signal.SIGKILL)
    server.wait(30)
    server, functions = cloud()
    after = ready(functions, "desk", "live", 2)
    assert after["RequestedProvisionedConcurrentExecutions"] == 2
    assert after["LastModified"] == before["LastModified"]
    kind, _, born = invoke(functions, "desk:live")["Payload"]
    assert kind == "provisioned-concurrency" and born < time.time()
    server.terminate()
    assert server.wait(120) == 0


def test_a_role_that_has_gone_is_told_and_not_tried_for_ever(client, functions, version, unique):  # noqa: F811
    iam, role = client("iam"), unique("role")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=document)
    name, _ = version()
    functions.update_function_configuration(FunctionName=name, Role=f"arn:aws:iam::{ACCOUNT}:role/{role}")
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    number = functions.publish_version(FunctionName=name)["Version"]
    eventually(lambda: functions.get_function_configuration(FunctionName=f"{name}:{number}")["State"] == "Active", 60)
    iam.delete_role(RoleName=role)
    functions.put_provisioned_concurrency_config(FunctionName=name, Qualifier=number, ProvisionedConcurrentExecutions=1)

    def failed():
        found = functions.get_provisioned_concurrency_config(FunctionName=name, Qualifier=number)
        return found if found["Status"] == "FAILED" else None

    assert eventually(failed, 60)["StatusReason"] == "AccessDeniedException"
