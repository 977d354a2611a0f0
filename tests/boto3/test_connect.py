import json

import pytest
from conftest import ACCOUNT, REGION, ROOT, error_of, eventually

DESK = ROOT / "examples/flight-desk"


@pytest.fixture
def connect(client):
    return client("connect")


@pytest.fixture
def instance(connect, unique):
    """The id and the ARN of an active instance."""
    created = connect.create_instance(
        IdentityManagementType="CONNECT_MANAGED",
        InstanceAlias=unique("desk"),
        InboundCallsEnabled=True,
        OutboundCallsEnabled=False,
    )
    described = eventually(
        lambda: (found := connect.describe_instance(InstanceId=created["Id"])["Instance"])["InstanceStatus"] == "ACTIVE"
        and found
    )
    yield described["Id"], described["Arn"]
    connect.delete_instance(InstanceId=created["Id"])


def flow_of(*actions):
    """The content of a flow that runs the actions one after another and disconnects."""
    chain = [
        {**action, "Identifier": f"a{n}", "Transitions": {"NextAction": f"a{n + 1}", **action.get("Transitions", {})}}
        for n, action in enumerate(actions)
    ]
    end = {"Identifier": f"a{len(actions)}", "Type": "DisconnectParticipant", "Parameters": {}, "Transitions": {}}
    return json.dumps({"Version": "2019-10-30", "StartAction": "a0", "Metadata": {}, "Actions": [*chain, end]})


HELLO = flow_of({"Type": "MessageParticipant", "Parameters": {"Text": "안녕하세요"}})


def test_instance_life(connect, unique):
    alias = unique("life")
    created = connect.create_instance(
        IdentityManagementType="CONNECT_MANAGED",
        InstanceAlias=alias,
        InboundCallsEnabled=True,
        OutboundCallsEnabled=True,
    )
    assert created["Arn"] == f"arn:aws:connect:{REGION}:{ACCOUNT}:instance/{created['Id']}"

    def active():
        found = connect.describe_instance(InstanceId=created["Arn"])["Instance"]
        return found["InstanceStatus"] == "ACTIVE" and found

    described = eventually(active)
    assert (described["InstanceAlias"], described["OutboundCallsEnabled"]) == (alias, True)
    listed = [i for page in connect.get_paginator("list_instances").paginate() for i in page["InstanceSummaryList"]]
    assert created["Id"] in [i["Id"] for i in listed]
    connect.delete_instance(InstanceId=created["Id"])

    def gone():
        listed = [i for page in connect.get_paginator("list_instances").paginate() for i in page["InstanceSummaryList"]]
        return created["Id"] not in [i["Id"] for i in listed]

    assert eventually(gone)


def test_flow_life(connect, instance):
    instance_id, instance_arn = instance
    created = connect.create_contact_flow(InstanceId=instance_id, Name="안내", Type="CONTACT_FLOW", Content=HELLO)
    assert created["ContactFlowArn"] == f"{instance_arn}/contact-flow/{created['ContactFlowId']}"
    described = connect.describe_contact_flow(InstanceId=instance_id, ContactFlowId=created["ContactFlowId"])
    assert described["ContactFlow"]["Name"] == "안내"
    assert json.loads(described["ContactFlow"]["Content"]) == json.loads(HELLO)
    listed = connect.list_contact_flows(InstanceId=instance_id, ContactFlowTypes=["CONTACT_FLOW"])
    assert created["ContactFlowId"] in [flow["Id"] for flow in listed["ContactFlowSummaryList"]]
    goodbye = HELLO.replace("안녕하세요", "안녕히")
    connect.update_contact_flow_content(
        InstanceId=instance_id, ContactFlowId=created["ContactFlowId"], Content=goodbye
    )
    described = connect.describe_contact_flow(InstanceId=instance_id, ContactFlowId=created["ContactFlowId"])
    assert json.loads(described["ContactFlow"]["Content"]) == json.loads(goodbye)
    code, _ = error_of(
        connect.create_contact_flow, InstanceId=instance_id, Name="안내", Type="CONTACT_FLOW", Content=HELLO
    )
    assert code == "DuplicateResourceException"


def test_the_example_flow_is_accepted(connect, instance):
    content = (DESK / "flow.json").read_text()
    created = connect.create_contact_flow(
        InstanceId=instance[0], Name="flight-desk", Type="CONTACT_FLOW", Content=content
    )
    described = connect.describe_contact_flow(InstanceId=instance[0], ContactFlowId=created["ContactFlowId"])
    assert json.loads(described["ContactFlow"]["Content"]) == json.loads(content)


def test_every_problem_of_a_flow_is_told(connect, instance):
    content = flow_of(
        {"Type": "MessageParticipant", "Parameters": {"Text": "x"}, "Transitions": {"NextAction": "nowhere"}},
        {"Type": "MessageParticipant", "Parameters": {}},
    )
    with pytest.raises(connect.exceptions.InvalidContactFlowException) as caught:
        connect.create_contact_flow(InstanceId=instance[0], Name="bad", Type="CONTACT_FLOW", Content=content)
    problems = [problem["message"] for problem in caught.value.response["problems"]]
    assert len(problems) >= 2
    assert any("a0" in problem for problem in problems)
    assert any("a1" in problem for problem in problems)


@pytest.mark.parametrize("content", ["no json", "{}", "[]", '{"Version":"1999-01-01","StartAction":"a","Actions":[]}'])
def test_no_flow_at_all(connect, instance, content):
    code, _ = error_of(
        connect.create_contact_flow, InstanceId=instance[0], Name="bad", Type="CONTACT_FLOW", Content=content
    )
    assert code == "InvalidContactFlowException"


def test_number_and_function(connect, client, instance):
    instance_id, instance_arn = instance
    flow = connect.create_contact_flow(InstanceId=instance_id, Name="f", Type="CONTACT_FLOW", Content=HELLO)
    available = connect.search_available_phone_numbers(
        TargetArn=instance_arn, PhoneNumberCountryCode="KR", PhoneNumberType="DID", MaxResults=3
    )["AvailableNumbersList"]
    assert available and all(found["PhoneNumber"].startswith("+82") for found in available)
    claimed = connect.claim_phone_number(TargetArn=instance_arn, PhoneNumber=available[0]["PhoneNumber"])
    connect.associate_phone_number_contact_flow(
        PhoneNumberId=claimed["PhoneNumberId"], InstanceId=instance_id, ContactFlowId=flow["ContactFlowId"]
    )
    numbers = connect.list_phone_numbers_v2(TargetArn=instance_arn)["ListPhoneNumbersSummaryList"]
    assert [number["PhoneNumber"] for number in numbers] == [available[0]["PhoneNumber"]]
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:flight-desk"
    connect.associate_lambda_function(InstanceId=instance_id, FunctionArn=arn)
    assert connect.list_lambda_functions(InstanceId=instance_id)["LambdaFunctions"] == [arn]


def test_no_such_things(connect, instance):
    nothing = "11111111-2222-3333-4444-555555555555"
    assert error_of(connect.describe_instance, InstanceId=nothing)[0] == "ResourceNotFoundException"
    assert error_of(connect.describe_contact_flow, InstanceId=instance[0], ContactFlowId=nothing)[0] == (
        "ResourceNotFoundException"
    )
    assert error_of(connect.describe_contact, InstanceId=instance[0], ContactId=nothing)[0] == (
        "ResourceNotFoundException"
    )
