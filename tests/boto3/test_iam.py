"""IAM as boto3 uses it: entities, policies, tags, pages."""

import json

import pytest
from conftest import ACCOUNT, error_of

ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


@pytest.fixture
def iam(client):
    return client("iam")


def test_user(iam, unique):
    name = unique("user")
    made = iam.create_user(UserName=name, Path="/desk/", Tags=[{"Key": "team", "Value": "blue"}])["User"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/desk/{name}"
    assert made["UserId"].startswith("AIDA") and len(made["UserId"]) == 21
    found = iam.get_user(UserName=name)["User"]
    assert found["Tags"] == [{"Key": "team", "Value": "blue"}]
    assert error_of(iam.create_user, UserName=name) == ("EntityAlreadyExists", f"User with name {name} already exists.")
    assert [user["UserName"] for user in iam.list_users(PathPrefix="/desk/")["Users"]].count(name) == 1
    iam.untag_user(UserName=name, TagKeys=["TEAM"])
    assert iam.list_user_tags(UserName=name)["Tags"] == []
    iam.delete_user(UserName=name)
    code, message = error_of(iam.get_user, UserName=name)
    assert (code, message) == ("NoSuchEntity", f"The user with name {name} cannot be found.")


def test_role(iam, unique):
    name = unique("role")
    made = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST), Description="for the desk", MaxSessionDuration=7200
    )["Role"]
    # boto3 decodes the document.
    assert made["AssumeRolePolicyDocument"] == TRUST
    iam.put_role_policy(RoleName=name, PolicyName="s3", PolicyDocument=json.dumps(ALLOW))
    assert iam.get_role_policy(RoleName=name, PolicyName="s3")["PolicyDocument"] == ALLOW
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AWSLambdaBasicExecutionRole"]
    assert error_of(iam.delete_role, RoleName=name)[0] == "DeleteConflict"
    iam.detach_role_policy(RoleName=name, PolicyArn=attached[0]["PolicyArn"])
    iam.delete_role_policy(RoleName=name, PolicyName="s3")
    iam.delete_role(RoleName=name)
    bad = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Resource": "*"}]}
    code, message = error_of(iam.create_role, RoleName=name, AssumeRolePolicyDocument=json.dumps(bad))
    assert (code, message) == ("MalformedPolicyDocument", "Has prohibited field Resource")


def test_waiters_and_paginators(iam, unique):
    names = sorted(unique("page") for _ in range(5))
    path = f"/{unique('path')}/"
    for name in names:
        iam.create_user(UserName=name, Path=path)
        iam.get_waiter("user_exists").wait(UserName=name)
    pages = iam.get_paginator("list_users").paginate(PathPrefix=path, PaginationConfig={"PageSize": 2})
    assert [[user["UserName"] for user in page["Users"]] for page in pages] == [names[:2], names[2:4], names[4:]]
    for name in names:
        iam.delete_user(UserName=name)


def test_policy(iam, unique):
    name = unique("policy")
    arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(ALLOW), Path="/desk/")["Policy"]["Arn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:policy/desk/{name}"
    iam.get_waiter("policy_exists").wait(PolicyArn=arn)
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(ALLOW), SetAsDefault=True)
    assert made["PolicyVersion"]["VersionId"] == "v2" and made["PolicyVersion"]["IsDefaultVersion"]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["Tags"] == []
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"] == ALLOW
    own = [policy["Arn"] for policy in iam.list_policies(Scope="Local", MaxItems=1000)["Policies"]]
    assert arn in own and not any(":aws:policy/" in other for other in own)
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy(PolicyArn=arn)
    bad = json.dumps({**ALLOW, "Version": "2008-10-17"})
    code, message = error_of(iam.create_policy, PolicyName=name, PolicyDocument=bad)
    assert (code, message) == (
        "MalformedPolicyDocument",
        "Policy document must be version 2012-10-17 or greater.",
    )


def test_group_and_boundary(iam, unique):
    group, user = unique("group"), unique("user")
    iam.create_group(GroupName=group)
    iam.create_user(UserName=user, PermissionsBoundary="arn:aws:iam::aws:policy/PowerUserAccess")
    iam.add_user_to_group(GroupName=group, UserName=user)
    iam.add_user_to_group(GroupName=group, UserName=user)
    assert [found["UserName"] for found in iam.get_group(GroupName=group)["Users"]] == [user]
    assert [found["GroupName"] for found in iam.list_groups_for_user(UserName=user)["Groups"]] == [group]
    boundary = iam.get_user(UserName=user)["User"]["PermissionsBoundary"]
    assert boundary["PermissionsBoundaryArn"].endswith("/PowerUserAccess")
    used = iam.list_entities_for_policy(
        PolicyArn="arn:aws:iam::aws:policy/PowerUserAccess", PolicyUsageFilter="PermissionsBoundary"
    )
    assert user in [found["UserName"] for found in used["PolicyUsers"]]
    assert error_of(iam.delete_group, GroupName=group)[0] == "DeleteConflict"
    iam.remove_user_from_group(GroupName=group, UserName=user)
    iam.delete_user(UserName=user)
    iam.delete_group(GroupName=group)


def test_bad_names(iam):
    code, message = error_of(iam.create_user, UserName="with space")
    assert code == "ValidationError" and "Member must satisfy regular expression pattern" in message
    code, message = error_of(iam.tag_user, UserName="x", Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}])
    assert (code, message) == (
        "InvalidInput",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    )
