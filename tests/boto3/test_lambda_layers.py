"""Layers: versions, order in /opt, policies, by boto3."""

import json

from conftest import ACCOUNT, REGION, error_of, zipped
from test_lambda import deploy, functions, invoke  # noqa: F401

READ = """
import os, sys
def handler(event, context):
    import tool
    return [tool.WHO, open("/opt/data").read(), sorted(os.listdir("/opt"))]
"""


def publish(functions, name, files, **more):
    return functions.publish_layer_version(LayerName=name, Content={"ZipFile": zipped(files)}, **more)


def test_layers_are_laid_over_each_other(functions, deploy, unique):
    first = publish(functions, unique("one"), {"python/tool.py": "WHO = 'first'", "data": "one", "a": ""})
    second = publish(functions, unique("two"), {"python/tool.py": "WHO = 'second'", "b/c": ""})
    name = deploy(READ, Layers=[first["LayerVersionArn"], second["LayerVersionArn"]])
    assert invoke(functions, name)["Payload"] == ["second", "one", ["a", "b", "data", "python"]]
    shown = functions.get_function_configuration(FunctionName=name)["Layers"]
    assert [layer["Arn"] for layer in shown] == [first["LayerVersionArn"], second["LayerVersionArn"]]
    assert shown[0]["CodeSize"] == first["Content"]["CodeSize"]
    # What is deleted goes on where it is used.
    functions.delete_layer_version(LayerName=first["LayerArn"], VersionNumber=1)
    functions.update_function_configuration(FunctionName=name, Layers=[second["LayerVersionArn"]], MemorySize=256)
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    assert invoke(functions, name)["Payload"]["errorType"] == "FileNotFoundError"
    functions.update_function_configuration(FunctionName=name, Layers=[])
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    assert "Layers" not in functions.get_function_configuration(FunctionName=name)


def test_versions_of_layers(functions, unique):
    name = unique("layer")
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:{name}"
    made = publish(functions, name, {"a": "1"}, CompatibleRuntimes=["python3.11"], LicenseInfo="MIT", Description="첫째")
    assert (made["LayerArn"], made["LayerVersionArn"], made["Version"]) == (arn, f"{arn}:1", 1)
    publish(functions, name, {"a": "2"}, CompatibleRuntimes=["nodejs20.x"])
    found = functions.get_layer_version(LayerName=name, VersionNumber=1)
    assert (found["Description"], found["LicenseInfo"]) == ("첫째", "MIT")
    assert functions.get_layer_version_by_arn(Arn=f"{arn}:2")["Version"] == 2
    versions = functions.list_layer_versions(LayerName=name)["LayerVersions"]
    assert [version["Version"] for version in versions] == [2, 1]
    listed = functions.get_paginator("list_layers").paginate(CompatibleRuntime="python3.11")
    [layer] = [layer for page in listed for layer in page["Layers"] if layer["LayerName"] == name]
    assert layer["LatestMatchingVersion"]["Version"] == 1
    functions.delete_layer_version(LayerName=name, VersionNumber=1)
    functions.delete_layer_version(LayerName=name, VersionNumber=1)
    assert error_of(functions.get_layer_version, LayerName=name, VersionNumber=1) == (
        "ResourceNotFoundException",
        "The resource you requested does not exist.",
    )
    assert publish(functions, name, {"a": "3"})["Version"] == 3


def test_layers_of_another_account(functions, client, unique, deploy):
    other = client("lambda", aws_access_key_id="111122223333")
    made = publish(other, unique("theirs"), {"data": "x", "python/tool.py": "WHO = 'theirs'"})
    arn = made["LayerVersionArn"]
    assert error_of(functions.get_layer_version_by_arn, Arn=arn)[0] == "AccessDeniedException"
    other.add_layer_version_permission(
        LayerName=made["LayerArn"], VersionNumber=1, StatementId="all", Action="lambda:GetLayerVersion", Principal="*"
    )
    policy = json.loads(other.get_layer_version_policy(LayerName=made["LayerArn"], VersionNumber=1)["Policy"])
    assert policy["Statement"][0]["Resource"] == arn
    name = deploy(READ, Layers=[arn])
    assert invoke(functions, name)["Payload"] == ["theirs", "x", ["data", "python"]]
    other.remove_layer_version_permission(LayerName=made["LayerArn"], VersionNumber=1, StatementId="all")
    assert error_of(functions.get_layer_version_by_arn, Arn=arn)[0] == "AccessDeniedException"


def test_refused_layers(functions, deploy, unique):
    name = deploy("def handler(e, c): pass")
    layer = unique("layer")
    for _ in range(2):
        arn = publish(functions, layer, {"a": "1"})["LayerVersionArn"]
    first = arn[:-1] + "1"
    update = functions.update_function_configuration
    assert error_of(update, FunctionName=name, Layers=[first, arn])[1].startswith("Two different versions of the same layer")
    missing = arn[:-1] + "9"
    assert error_of(update, FunctionName=name, Layers=[missing])[1] == f"Layer version {missing} does not exist."
    assert error_of(update, FunctionName=name, Layers=[arn] * 6)[1] == "Cannot reference more than 5 layers."
