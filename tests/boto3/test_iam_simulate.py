"""IAM: the policy simulator."""

import json

import pytest
from conftest import ACCOUNT, error_of

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.fixture
def iam(client):
    return client("iam")


def allow(action, resource="*", effect="Allow", **more):
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def user(iam, unique):
    name = unique("user")
    arn = iam.create_user(UserName=name, Tags=[{"Key": "team", "Value": "blue"}])["User"]["Arn"]
    yield name, arn
    for policy in iam.list_user_policies(UserName=name)["PolicyNames"]:
        iam.delete_user_policy(UserName=name, PolicyName=policy)
    for policy in iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]:
        iam.detach_user_policy(UserName=name, PolicyArn=policy["PolicyArn"])
    iam.delete_user(UserName=name)


def test_custom_policies(iam):
    condition = {"DateGreaterThan": {"aws:CurrentTime": "2018-08-16T12:00:00Z"}}
    policy = allow("dynamodb:*", Condition=condition)

    def simulate(date):
        entry = {
            "ContextKeyName": "aws:CurrentTime",
            "ContextKeyValues": [date],
            "ContextKeyType": "date",
        }
        found = iam.simulate_custom_policy(
            PolicyInputList=[policy],
            ActionNames=["dynamodb:CreateBackup"],
            ContextEntries=[entry] if date else [],
        )
        assert found["IsTruncated"] is False
        [result] = found["EvaluationResults"]
        assert (result["EvalActionName"], result["EvalResourceName"]) == ("dynamodb:CreateBackup", "*")
        return result

    allowed = simulate("2019-04-25T11:00:00Z")
    assert allowed["EvalDecision"] == "allowed"
    [statement] = allowed["MatchedStatements"]
    assert statement["SourcePolicyId"] == "PolicyInputList.1"
    assert statement["SourcePolicyType"] == "IAM Policy"
    assert statement["StartPosition"]["Line"] == 1
    assert "ResourceSpecificResults" not in allowed
    assert simulate("2014-04-25T11:00:00Z")["EvalDecision"] == "implicitDeny"
    assert simulate(None)["MissingContextValues"] == ["aws:CurrentTime"]
    keys = iam.get_context_keys_for_custom_policy(PolicyInputList=[policy])
    assert keys["ContextKeyNames"] == ["aws:CurrentTime"]


def test_policies_of_a_user(iam, user):
    name, arn = user
    iam.attach_user_policy(UserName=name, PolicyArn=READ_ONLY)
    home = "arn:aws:s3:::home/${aws:PrincipalTag/team}/*"
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=allow("s3:*", home))

    def decide(action, *resources, **more):
        found = iam.simulate_principal_policy(
            PolicySourceArn=arn, ActionNames=[action], ResourceArns=list(resources), **more
        )
        return [result["EvalDecision"] for result in found["EvaluationResults"]]

    blue, red = "arn:aws:s3:::home/blue/x", "arn:aws:s3:::home/red/x"
    assert decide("s3:PutObject", blue, red) == ["allowed", "implicitDeny"]
    assert decide("s3:GetObject", blue, red) == ["allowed", "allowed"]
    deny = allow("s3:*", blue, effect="Deny")
    assert decide("s3:PutObject", blue, PolicyInputList=[deny]) == ["explicitDeny"]
    bound = [allow("sqs:*")]
    refused = decide("s3:PutObject", blue, PermissionsBoundaryPolicyInputList=bound)
    assert refused == ["implicitDeny"]
    [result] = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=["s3:PutObject"], ResourceArns=[blue]
    )["EvaluationResults"]
    [specific] = result["ResourceSpecificResults"]
    assert (specific["EvalResourceName"], specific["EvalResourceDecision"]) == (blue, "allowed")
    assert result["MatchedStatements"][0]["SourcePolicyId"] == f"user_{name}_own"
    keys = iam.get_context_keys_for_principal_policy(PolicySourceArn=arn)["ContextKeyNames"]
    assert "aws:PrincipalTag/team" in keys


def test_pages(iam):
    pages = iam.get_paginator("simulate_custom_policy").paginate(
        PolicyInputList=[allow("s3:Get*")],
        ActionNames=[f"s3:GetObject{n}" for n in range(7)] + ["s3:PutObject"],
        PaginationConfig={"PageSize": 3},
    )
    decisions = [r["EvalDecision"] for page in pages for r in page["EvaluationResults"]]
    assert decisions == ["allowed"] * 7 + ["implicitDeny"]


def test_refusals(iam):
    missing = f"arn:aws:iam::{ACCOUNT}:role/nobody-has-this-role"

    def simulate(arn):
        return error_of(
            iam.simulate_principal_policy, PolicySourceArn=arn, ActionNames=["s3:GetObject"]
        )

    text = "The role with name nobody-has-this-role cannot be found."
    assert simulate(missing) == ("NoSuchEntity", text)
    assert simulate("arn:aws:iam::999999999999:role/x")[0] == "InvalidInput"
    code, _ = error_of(
        iam.simulate_custom_policy, PolicyInputList=["nothing"], ActionNames=["s3:GetObject"]
    )
    assert code == "InvalidInput"


def test_malformed_documents(iam, unique):
    def create(document):
        return error_of(iam.create_policy, PolicyName=unique("p"), PolicyDocument=document)

    for document, text in [
        ("{}", "Syntax errors in policy."),
        (allow("nothing"), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        (allow("s3:*", "x"), 'Resource x must be in ARN format or "*".'),
        (allow("s3:*", effect="allow"), "The policy failed legacy parsing"),
        (allow("s3:*", Principal="*"), "Policy document should not specify a principal."),
        (allow("s3:*").replace("2012", "2008"), "Policy document must be version 2012-10-17 or greater."),
    ]:
        assert create(document) == ("MalformedPolicyDocument", text)
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    for more, text in [
        ({"Resource": "*"}, "Has prohibited field Resource"),
        ({"Action": "s3:*"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        ({"Principal": {}}, "Missing required field Principal cannot be empty!"),
    ]:
        document = json.dumps({"Version": "2012-10-17", "Statement": {**trust, **more}})
        refused = error_of(
            iam.create_role, RoleName=unique("r"), AssumeRolePolicyDocument=document
        )
        assert refused == ("MalformedPolicyDocument", text)
