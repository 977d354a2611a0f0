"""AssumeRole and what its sessions may do, with users and roles of IAM."""

import json
import subprocess
import sys
import time

import boto3
import pytest
from botocore.exceptions import ClientError
from conftest import ACCOUNT, REGION

ANYONE = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


def trust(principal=None, actions=("sts:AssumeRole",), **condition):
    statement = {"Effect": "Allow", "Principal": principal or ANYONE, "Action": list(actions)}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(*actions, resource="*", effect="Allow"):
    statement = {"Effect": effect, "Action": list(actions), "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def user(client, unique):
    """Makes users with a policy, and says how to sign as them."""
    iam = client("iam")

    def make(policy=None):
        name = unique("user")
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        if policy:
            iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
        return arn, keys

    return make


@pytest.fixture
def role(client, unique):
    iam = client("iam")

    def make(document=None, policy=None, **more):
        name = unique("role")
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document or trust(), **more)["Role"]
        if policy:
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy)
        return made["Arn"]

    return make


def keys_of(answer):
    keys = answer["Credentials"]
    return {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }


def refused(call, **arguments):
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_session(client, user, role):
    arn = role(policy=allow("sts:GetCallerIdentity", "iam:ListUsers"))
    _, keys = user(allow("sts:AssumeRole", resource=arn))
    got = client("sts", **keys).assume_role(RoleArn=arn, RoleSessionName="kim")
    name = arn.split("/")[-1]
    assert got["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/kim"
    role_id = client("iam").get_role(RoleName=name)["Role"]["RoleId"]
    assert got["AssumedRoleUser"]["AssumedRoleId"] == f"{role_id}:kim"
    assert 3500 < got["Credentials"]["Expiration"].timestamp() - time.time() <= 3600
    session = keys_of(got)
    identity = client("sts", **session).get_caller_identity()
    assert identity["UserId"] == f"{role_id}:kim"
    assert client("sts").get_access_key_info(AccessKeyId=session["aws_access_key_id"])["Account"] == ACCOUNT
    assert "Users" in client("iam", **session).list_users()
    assert refused(client("iam", **session).list_roles)[0] == "AccessDenied"


def test_both_sides_must_agree(client, user, role):
    arn = role()
    _, keys = user()
    who = client("sts", **keys).get_caller_identity()["Arn"]
    code, message = refused(client("sts", **keys).assume_role, RoleArn=arn, RoleSessionName="kim")
    assert code == "AccessDenied"
    assert message.startswith(f"User: {who} is not authorized to perform: sts:AssumeRole on resource: {arn}")
    # Trust that names the user is enough in one account.
    named, keys = user()
    assert client("sts", **keys).assume_role(RoleArn=role(trust({"AWS": named})), RoleSessionName="kim")
    other, keys = user(allow("sts:*"))
    lambdas = role(trust({"Service": "lambda.amazonaws.com"}))
    assert refused(client("sts", **keys).assume_role, RoleArn=lambdas, RoleSessionName="kim")[0] == "AccessDenied"
    missing = f"arn:aws:iam::{ACCOUNT}:role/nobody-made-it"
    for sts in [client("sts"), client("sts", **keys)]:
        assert refused(sts.assume_role, RoleArn=missing, RoleSessionName="kim")[0] == "AccessDenied"
    # A role's path is part of its name.
    pathless = role(Path="/desk/").replace("/desk/", "/")
    assert refused(client("sts").assume_role, RoleArn=pathless, RoleSessionName="kim")[0] == "AccessDenied"


def test_conditions(client, user, role):
    _, keys = user(allow("sts:*"))
    sts = client("sts", **keys)
    arn = role(trust(StringEquals={"sts:ExternalId": "secret"}))
    assert refused(sts.assume_role, RoleArn=arn, RoleSessionName="kim")[0] == "AccessDenied"
    assert refused(sts.assume_role, RoleArn=arn, RoleSessionName="kim", ExternalId="x1")[0] == "AccessDenied"
    assert sts.assume_role(RoleArn=arn, RoleSessionName="kim", ExternalId="secret")
    arn = role(trust(StringLike={"sts:RoleSessionName": "k*"}))
    assert sts.assume_role(RoleArn=arn, RoleSessionName="kim")
    assert refused(sts.assume_role, RoleArn=arn, RoleSessionName="lee")[0] == "AccessDenied"
    arn = role(trust(Bool={"aws:MultiFactorAuthPresent": "true"}))
    assert refused(sts.assume_role, RoleArn=arn, RoleSessionName="kim")[0] == "AccessDenied"


def test_other_accounts(client, user, role):
    other = client("iam", aws_access_key_id="222233334444")
    name = role().split("/")[-1]
    document = trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    arn = other.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    _, keys = user(allow("sts:AssumeRole", resource=arn))
    got = client("sts", **keys).assume_role(RoleArn=arn, RoleSessionName="kim")
    assert client("sts", **keys_of(got)).get_caller_identity()["Account"] == "222233334444"
    _, keys = user()
    assert refused(client("sts", **keys).assume_role, RoleArn=arn, RoleSessionName="kim")[0] == "AccessDenied"
    third = client("sts", aws_access_key_id="333344445555")
    assert refused(third.assume_role, RoleArn=arn, RoleSessionName="kim")[0] == "AccessDenied"


def test_tags_of_a_chain(client, user, role):
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    every = trust(actions=actions)
    first, second = role(every, policy=allow("sts:*")), role(every, policy=allow("sts:*"))
    _, keys = user(allow("sts:*"))
    tags = [{"Key": "Team", "Value": "desk"}, {"Key": "Cost", "Value": "7"}]
    got = client("sts", **keys).assume_role(
        RoleArn=first, RoleSessionName="kim", Tags=tags, TransitiveTagKeys=["team"], SourceIdentity="kim"
    )
    assert got["PackedPolicySize"] > 0 and got["SourceIdentity"] == "kim"
    chain = client("sts", **keys_of(got))
    arguments = {"RoleArn": second, "RoleSessionName": "next"}
    got = chain.assume_role(**arguments)
    assert got["SourceIdentity"] == "kim"
    assert got["PackedPolicySize"] > 0
    again = refused(chain.assume_role, **arguments, Tags=[{"Key": "TEAM", "Value": "x"}])
    assert again[0] == "InvalidParameterValue"
    assert refused(chain.assume_role, **arguments, SourceIdentity="lee")[0] == "AccessDenied"
    long = refused(chain.assume_role, **arguments, DurationSeconds=3601)
    assert long[0] == "ValidationError" and "role chaining" in long[1]
    # Tags need their own permission.
    plain = role(trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
    denied = refused(client("sts", **keys).assume_role, RoleArn=plain, RoleSessionName="kim", Tags=tags)
    assert denied[0] == "AccessDenied" and "sts:TagSession" in denied[1]


def test_session_policies(client, user, role):
    arn = role(policy=allow("iam:ListUsers", "iam:ListRoles"))
    _, keys = user(allow("sts:AssumeRole"))
    sts = client("sts", **keys)
    got = sts.assume_role(RoleArn=arn, RoleSessionName="kim", Policy=allow("iam:ListUsers", "iam:ListGroups"))
    iam = client("iam", **keys_of(got))
    assert "Users" in iam.list_users()
    assert refused(iam.list_roles)[0] == "AccessDenied"
    assert refused(iam.list_groups)[0] == "AccessDenied"
    managed = [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}]
    got = sts.assume_role(RoleArn=arn, RoleSessionName="kim", PolicyArns=managed)
    assert "Roles" in client("iam", **keys_of(got)).list_roles()
    bad = refused(sts.assume_role, RoleArn=arn, RoleSessionName="kim", Policy="{}")
    assert bad[0] == "MalformedPolicyDocument"
    long = refused(sts.assume_role, RoleArn=arn, RoleSessionName="kim", Policy=" " * 2049)
    assert long[0] == "ValidationError"
    many = refused(sts.assume_role, RoleArn=arn, RoleSessionName="kim", PolicyArns=managed * 11)
    assert many[0] == "ValidationError"


def test_limits(client, role):
    sts = client("sts")
    arn = role(MaxSessionDuration=7200)
    got = sts.assume_role(RoleArn=arn, RoleSessionName="kim", DurationSeconds=7200)
    assert got["Credentials"]["Expiration"].timestamp() - time.time() > 7100
    long = refused(sts.assume_role, RoleArn=arn, RoleSessionName="kim", DurationSeconds=7201)
    assert long == (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    )
    for name in ["a b", "a/b", "x" * 65, "é1"]:
        assert refused(sts.assume_role, RoleArn=arn, RoleSessionName=name)[0] == "ValidationError"
    for bad in ["arn:aws:iam::1:role/x", f"arn:aws:iam::{ACCOUNT}:user/x", "x" * 20]:
        assert refused(sts.assume_role, RoleArn=bad, RoleSessionName="kim")[0] == "ValidationError"
    tags = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
    twice = refused(sts.assume_role, RoleArn=arn, RoleSessionName="kim", Tags=tags)
    assert twice[0] == "InvalidParameterValue"
    got = sts.assume_role(RoleArn=arn, RoleSessionName="kim", MinimumSessionTokenSize=3000)
    assert got["SessionTokenSize"] == len(got["Credentials"]["SessionToken"]) >= 3000


def test_a_deleted_role(client, user, role):
    arn = role(policy=allow("iam:ListUsers"))
    name = arn.split("/")[-1]
    iam = client("iam")
    got = client("sts").assume_role(RoleArn=arn, RoleSessionName="kim")
    session = client("iam", **keys_of(got))
    assert "Users" in session.list_users()
    iam.delete_role_policy(RoleName=name, PolicyName="own")
    assert refused(session.list_users)[0] == "AccessDenied"
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=allow("iam:ListUsers"))
    assert "Users" in session.list_users()
    # As the console revokes: sessions issued before a moment are denied.
    revoke = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"DateLessThan": {"aws:TokenIssueTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))}},
        },
    }
    iam.put_role_policy(RoleName=name, PolicyName="revoke", PolicyDocument=json.dumps(revoke))
    assert refused(session.list_users)[0] == "AccessDenied"
    iam.delete_role_policy(RoleName=name, PolicyName="revoke")
    assert "Users" in session.list_users()
    iam.delete_role_policy(RoleName=name, PolicyName="own")
    iam.delete_role(RoleName=name)
    # A new role of that name is another role.
    document = trust()
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=allow("iam:ListUsers"))
    assert refused(session.list_users)[0] in ("AccessDenied", "InvalidClientTokenId")


def test_sessions_of_users(client, user):
    _, keys = user(allow("iam:ListUsers", "iam:ListRoles"))
    sts = client("sts", **keys)
    got = sts.get_session_token(DurationSeconds=900)
    session = keys_of(got)
    identity = client("sts", **session).get_caller_identity()
    assert identity["Arn"] == sts.get_caller_identity()["Arn"]
    assert refused(client("sts", **session).get_session_token)[0] == "AccessDenied"
    assert refused(client("sts", **session).get_federation_token, Name="lee")[0] == "AccessDenied"
    stolen = {**session, "aws_session_token": session["aws_session_token"][:-8] + "AAAAAAA="}
    assert refused(client("sts", **stolen).get_caller_identity)[0] == "InvalidClientTokenId"
    with_token = {**keys, "aws_session_token": session["aws_session_token"]}
    code, message = refused(client("sts", **with_token).get_caller_identity)
    assert (code, message) == ("InvalidClientTokenId", "The security token included in the request is invalid.")


def test_federated_users(client, user):
    _, keys = user(allow("sts:GetFederationToken", "dynamodb:ListTables", "logs:DescribeLogGroups"))
    sts = client("sts", **keys)
    got = sts.get_federation_token(Name="lee", Policy=allow("dynamodb:ListTables", "lambda:ListFunctions"))
    assert got["FederatedUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:federated-user/lee"
    session = keys_of(got)
    assert client("sts", **session).get_caller_identity()["UserId"] == f"{ACCOUNT}:lee"
    assert "TableNames" in client("dynamodb", **session).list_tables()
    assert refused(client("logs", **session).describe_log_groups)[0] == "AccessDeniedException"
    assert refused(client("lambda", **session).list_functions)[0] == "AccessDeniedException"
    nothing = keys_of(sts.get_federation_token(Name="lee"))
    assert refused(client("dynamodb", **nothing).list_tables)[0] == "AccessDeniedException"


def test_profiles_of_the_cli_and_boto3(client, endpoint, role, tmp_path):
    arn = role()
    (tmp_path / "config").write_text(
        f"[profile base]\nregion = {REGION}\naws_access_key_id = test\naws_secret_access_key = test\n"
        f"[profile desk]\nregion = {REGION}\nrole_arn = {arn}\nsource_profile = base\nrole_session_name = cli\n"
    )
    environment = {
        "PATH": "/usr/bin:/bin",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_ENDPOINT_URL": endpoint,
        "HOME": str(tmp_path),
    }
    run = lambda *command: json.loads(
        subprocess.run(command, check=True, capture_output=True, env=environment).stdout
    )
    cli = "from awscli.clidriver import main; main()"
    found = run(sys.executable, "-c", cli, "--profile", "desk", "sts", "get-caller-identity")
    assert found["Arn"].endswith("/cli")
    script = (
        "import boto3, json; client = boto3.Session(profile_name='desk').client('sts');"
        "print(json.dumps(client.get_caller_identity()['Arn']))"
    )
    assert run(sys.executable, "-c", script).endswith("/cli")
