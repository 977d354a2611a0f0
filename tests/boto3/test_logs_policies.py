"""CloudWatch Logs: the account's policies, by which services write into its groups."""

import json

import pytest
from conftest import ACCOUNT, REGION, error_of, eventually
from test_events import bus, events, put, queue, rule  # noqa: F401  (fixtures)


@pytest.fixture
def logs(client):
    return client("logs")


@pytest.fixture
def policy(logs, unique):
    """Puts policies that go away with the test."""
    made = []

    def make(document):
        name = unique("policy")
        text = document if isinstance(document, str) else json.dumps(document)
        answer = logs.put_resource_policy(policyName=name, policyDocument=text)
        made.append(name)
        return answer["resourcePolicy"]

    yield make
    for name in made:
        logs.delete_resource_policy(policyName=name)


def lets_in(group, rule_arn="*"):
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*",
        "Condition": {"ArnLike": {"aws:SourceArn": rule_arn}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def test_policies_come_and_go(logs, policy, unique):
    made = policy(lets_in("/x"))
    assert (made["policyScope"], json.loads(made["policyDocument"])) == ("ACCOUNT", lets_in("/x"))
    pages = logs.get_paginator("describe_resource_policies").paginate(PaginationConfig={"PageSize": 1})
    assert made in [it for page in pages for it in page["resourcePolicies"]]
    changed = logs.put_resource_policy(policyName=made["policyName"], policyDocument=json.dumps(lets_in("/y")))
    assert json.loads(changed["resourcePolicy"]["policyDocument"]) == lets_in("/y")
    name = unique("none")
    assert error_of(logs.delete_resource_policy, policyName=name) == (
        "ResourceNotFoundException",
        f"Policy with name [{name}] does not exist.",
    )
    for bad in ("{", json.dumps({"Statement": [{"Effect": "Maybe"}]})):
        code, message = error_of(logs.put_resource_policy, policyName=name, policyDocument=bad)
        assert (code, message.startswith("The policy document is invalid")) == ("InvalidParameterException", True)
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/x"
    code, message = error_of(
        logs.put_resource_policy, policyName=name, policyDocument=json.dumps(lets_in("/x")), resourceArn=arn
    )
    assert (code, "resourceArn" in message) == ("NotImplementedException", True)


def test_ten_policies_at_most(client, policy, unique):
    elsewhere = client("logs", region_name="eu-central-1")
    names = [unique("policy") for _ in range(10)]
    for name in names:
        elsewhere.put_resource_policy(policyName=name, policyDocument=json.dumps(lets_in("/x")))
    more = {"policyName": unique("policy"), "policyDocument": json.dumps(lets_in("/x"))}
    assert error_of(elsewhere.put_resource_policy, **more) == ("LimitExceededException", "Resource limit exceeded.")
    for name in names:
        elsewhere.delete_resource_policy(policyName=name)


def test_eventbridge_needs_a_policy(logs, events, bus, queue, rule, policy, unique):  # noqa: F811
    on, (dead, read) = bus(), queue()
    group = "/aws/events/" + unique("g")
    logs.create_log_group(logGroupName=group)
    target = {
        "Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}",
        "DeadLetterConfig": {"Arn": dead},
    }
    _, rule_arn = rule(target, bus=on)
    put(events, {"n": 1}, on)
    [letter] = eventually(read, 30)
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    policy(lets_in(group, rule_arn + "-other"))
    put(events, {"n": 2}, on)
    [letter] = eventually(read, 30)
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    policy(lets_in(group, rule_arn))
    put(events, {"n": 3}, on)
    lines = eventually(lambda: logs.filter_log_events(logGroupName=group)["events"])
    assert [json.loads(line["message"])["detail"] for line in lines] == [{"n": 3}]
