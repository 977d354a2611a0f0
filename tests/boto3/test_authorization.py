"""A credential opens exactly what its policies say."""

import json
import urllib.error
import urllib.request
import uuid

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import ClientError
from conftest import REGION, eventually

TABLE = f"arn:aws:dynamodb:{REGION}:{{account}}:table/{{name}}"


def statement(effect, action, resource, **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def denied(call, **arguments):
    """The message of the refusal that this call must meet."""
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    assert error["Code"] in ("AccessDenied", "AccessDeniedException"), error
    return error["Message"]


@pytest.fixture
def iam(client):
    return client("iam")


@pytest.fixture
def account(client):
    return client("sts").get_caller_identity()["Account"]


@pytest.fixture
def user(iam, endpoint):
    """A user without any policy, and clients with the user's key."""
    name = f"user-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name, Tags=[{"Key": "team", "Value": "flights"}])
    key = iam.create_access_key(UserName=name)["AccessKey"]

    def client_of(service, region=REGION):
        return boto3.client(
            service,
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )

    return name, client_of


@pytest.fixture
def table(client):
    name = f"table-{uuid.uuid4().hex[:8]}"
    dynamodb = client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName=name, Item={"id": {"S": "a"}})
    return name


def get(table):
    return {"TableName": table, "Key": {"id": {"S": "a"}}}


def test_user_without_policy_may_nothing(user, table, account):
    name, of = user
    message = denied(of("dynamodb").get_item, **get(table))
    assert message == (
        f"User: arn:aws:iam::{account}:user/{name} is not authorized to perform: "
        f"dynamodb:GetItem on resource: {TABLE.format(account=account, name=table)} because no "
        "identity-based policy allows the dynamodb:GetItem action"
    )
    # Nobody needs a permission to learn who he is.
    assert of("sts").get_caller_identity()["Arn"].endswith(f":user/{name}")
    assert "iam:ListUsers" in denied(of("iam").list_users)


def test_inline_policy_opens_what_it_names(user, iam, table, account):
    name, of = user
    arn = TABLE.format(account=account, name=table)
    iam.put_user_policy(
        UserName=name, PolicyName="read", PolicyDocument=document(statement("Allow", "dynamodb:Get*", arn))
    )
    dynamodb = of("dynamodb")
    assert dynamodb.get_item(**get(table))["Item"] == {"id": {"S": "a"}}
    denied(dynamodb.put_item, TableName=table, Item={"id": {"S": "b"}})
    iam.delete_user_policy(UserName=name, PolicyName="read")
    denied(dynamodb.get_item, **get(table))


def test_batches_and_transactions_need_every_table(user, iam, table, account):
    name, of = user
    arn = TABLE.format(account=account, name=table)
    iam.put_user_policy(
        UserName=name, PolicyName="one", PolicyDocument=document(statement("Allow", "dynamodb:*", arn))
    )
    dynamodb = of("dynamodb")
    keys = {"Keys": [{"id": {"S": "a"}}]}
    dynamodb.batch_get_item(RequestItems={table: keys})
    assert "other" in denied(dynamodb.batch_get_item, RequestItems={table: keys, "other": keys})
    put = lambda of_table: {"Put": {"TableName": of_table, "Item": {"id": {"S": "t"}}}}  # noqa: E731
    dynamodb.transact_write_items(TransactItems=[put(table)])
    message = denied(dynamodb.transact_write_items, TransactItems=[put(table), put("other")])
    assert "dynamodb:PutItem" in message


def test_explicit_deny_wins(user, iam, table, account):
    name, of = user
    iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    dynamodb = of("dynamodb")
    dynamodb.get_item(**get(table))
    group = f"group-{uuid.uuid4().hex[:8]}"
    iam.create_group(GroupName=group)
    iam.put_group_policy(
        GroupName=group, PolicyName="no", PolicyDocument=document(statement("Deny", "dynamodb:GetItem", "*"))
    )
    iam.add_user_to_group(GroupName=group, UserName=name)
    assert denied(dynamodb.get_item, **get(table)).endswith(
        "with an explicit deny in an identity-based policy"
    )
    iam.remove_user_from_group(GroupName=group, UserName=name)
    dynamodb.get_item(**get(table))


def test_permissions_boundary_limits(user, iam, table, account):
    name, of = user
    iam.attach_user_policy(UserName=name, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    boundary = iam.create_policy(
        PolicyName=f"boundary-{uuid.uuid4().hex[:8]}",
        PolicyDocument=document(statement("Allow", ["dynamodb:PutItem", "logs:*"], "*")),
    )["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=boundary)
    dynamodb = of("dynamodb")
    dynamodb.put_item(TableName=table, Item={"id": {"S": "b"}})
    assert denied(dynamodb.get_item, **get(table)).endswith(
        "because no permissions boundary allows the dynamodb:GetItem action"
    )


@pytest.mark.parametrize(
    "condition, holds",
    [
        ({"StringEquals": {"aws:PrincipalTag/team": "flights"}}, True),
        ({"StringEquals": {"aws:PrincipalTag/team": "hotels"}}, False),
        ({"StringEquals": {"aws:RequestedRegion": [REGION, "eu-west-1"]}}, True),
        ({"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}, False),
        ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, True),
        ({"NotIpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, False),
        ({"Bool": {"aws:SecureTransport": "true"}}, False),
        ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, True),
        ({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, False),
        ({"StringLike": {"aws:username": "user-*"}}, True),
        ({"Null": {"aws:TokenIssueTime": "true"}}, True),
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, False),
        ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}, True),
    ],
)
def test_conditions(user, iam, table, condition, holds):
    name, of = user
    allow = statement("Allow", "dynamodb:GetItem", "*", Condition=condition)
    iam.put_user_policy(UserName=name, PolicyName="if", PolicyDocument=document(allow))
    if holds:
        of("dynamodb").get_item(**get(table))
    else:
        denied(of("dynamodb").get_item, **get(table))


def test_policy_variables(user, iam, client, account):
    name, of = user
    own = TABLE.format(account=account, name="${aws:username}")
    iam.put_user_policy(
        UserName=name, PolicyName="own", PolicyDocument=document(statement("Allow", "dynamodb:*", own))
    )
    dynamodb = of("dynamodb")
    create = {
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    dynamodb.create_table(TableName=name, **create)
    denied(dynamodb.create_table, TableName=f"{name}-2", **create)
    client("dynamodb").delete_table(TableName=name)


def test_passing_a_role_is_a_permission_of_its_own(user, iam, account):
    name, of = user
    iam.put_user_policy(
        UserName=name, PolicyName="fn", PolicyDocument=document(statement("Allow", "lambda:*", "*"))
    )
    message = denied(
        of("lambda").create_function,
        FunctionName="never",
        Runtime="nodejs22.x",
        Handler="index.handler",
        Role=f"arn:aws:iam::{account}:role/secret",
        Code={"ZipFile": b"PK"},
    )
    assert "iam:PassRole" in message and f"arn:aws:iam::{account}:role/secret" in message


def test_inactive_key_opens_nothing(user, iam):
    name, of = user
    key = iam.list_access_keys(UserName=name)["AccessKeyMetadata"][0]["AccessKeyId"]
    iam.update_access_key(UserName=name, AccessKeyId=key, Status="Inactive")
    with pytest.raises(ClientError) as refused:
        of("sts").get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "InvalidClientTokenId"
    iam.update_access_key(UserName=name, AccessKeyId=key, Status="Active")
    of("sts").get_caller_identity()


def test_key_last_used(user, iam):
    name, of = user
    of("sts").get_caller_identity()
    key = iam.list_access_keys(UserName=name)["AccessKeyMetadata"][0]["AccessKeyId"]
    denied(of("dynamodb").list_tables)
    used = lambda: iam.get_access_key_last_used(AccessKeyId=key)["AccessKeyLastUsed"]  # noqa: E731
    eventually(lambda: used()["ServiceName"] == "dynamodb")


@pytest.fixture
def own_rows(user, iam, table, account):
    """A user who may touch only the rows of a partition called like him."""
    name, of = user
    only_own = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["${aws:username}"]}}
    actions = [f"dynamodb:{action}Item" for action in ("Get", "Put", "BatchGet", "BatchWrite")]
    arn = TABLE.format(account=account, name=table)
    allow = statement("Allow", [*actions, "dynamodb:Query", "dynamodb:PartiQL*"], arn, Condition=only_own)
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document(allow))
    return name, of("dynamodb")


def test_leading_keys(own_rows, table):
    name, dynamodb = own_rows
    own, other = {"id": {"S": name}}, {"id": {"S": "a"}}
    dynamodb.put_item(TableName=table, Item=own)
    assert dynamodb.get_item(TableName=table, Key=own)["Item"] == own
    denied(dynamodb.get_item, TableName=table, Key=other)
    denied(dynamodb.put_item, TableName=table, Item=other)
    dynamodb.batch_get_item(RequestItems={table: {"Keys": [own]}})
    denied(dynamodb.batch_get_item, RequestItems={table: {"Keys": [own, other]}})
    writes = [{"PutRequest": {"Item": own}}, {"DeleteRequest": {"Key": other}}]
    denied(dynamodb.batch_write_item, RequestItems={table: writes})
    query = {"TableName": table, "KeyConditionExpression": "id = :id"}
    dynamodb.query(**query, ExpressionAttributeValues={":id": own["id"]})
    denied(dynamodb.query, **query, ExpressionAttributeValues={":id": other["id"]})
    denied(dynamodb.scan, TableName=table)
    denied(dynamodb.execute_statement, Statement=f"SELECT * FROM \"{table}\" WHERE id = 'a'")


def test_attributes(user, iam, table):
    name, of = user
    some = {
        "ForAllValues:StringEquals": {"dynamodb:Attributes": ["id", "seat"]},
        "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
    }
    allow = statement("Allow", "dynamodb:GetItem", "*", Condition=some)
    iam.put_user_policy(UserName=name, PolicyName="some", PolicyDocument=document(allow))
    dynamodb = of("dynamodb")
    dynamodb.get_item(**get(table), ProjectionExpression="id, seat")
    denied(dynamodb.get_item, **get(table), ProjectionExpression="id, secret")
    hidden = {"ProjectionExpression": "#s", "ExpressionAttributeNames": {"#s": "secret"}}
    denied(dynamodb.get_item, **get(table), **hidden)
    denied(dynamodb.get_item, **get(table))


def test_partiql_needs_its_own_actions(user, iam, table, account):
    name, of = user
    arn = TABLE.format(account=account, name=table)
    allow = statement("Allow", "dynamodb:PartiQLSelect", arn)
    iam.put_user_policy(UserName=name, PolicyName="select", PolicyDocument=document(allow))
    dynamodb = of("dynamodb")
    found = dynamodb.execute_statement(Statement=f"SELECT * FROM \"{table}\" WHERE id = 'a'")
    assert found["Items"] == [{"id": {"S": "a"}}]
    delete = f"DELETE FROM \"{table}\" WHERE id = 'a'"
    assert "dynamodb:PartiQLDelete" in denied(dynamodb.execute_statement, Statement=delete)
    denied(dynamodb.execute_transaction, TransactStatements=[{"Statement": delete}])


def test_resource_policy_of_a_table(user, iam, client, table, account):
    name, of = user
    arn = TABLE.format(account=account, name=table)
    dynamodb, owner = of("dynamodb"), client("dynamodb")
    who = {"AWS": f"arn:aws:iam::{account}:user/{name}"}
    allow = statement("Allow", "dynamodb:GetItem", arn, Principal=who)
    owner.put_resource_policy(ResourceArn=arn, Policy=document(allow))
    dynamodb.get_item(**get(table))
    deny = statement("Deny", "dynamodb:GetItem", arn, Principal="*")
    owner.put_resource_policy(ResourceArn=arn, Policy=document(allow, deny))
    assert denied(dynamodb.get_item, **get(table)).endswith(
        "with an explicit deny in a resource-based policy"
    )
    # The root user may do all.
    owner.get_item(**get(table))
    owner.delete_resource_policy(ResourceArn=arn)


def test_tags_of_the_resource(user, iam, client, table, account):
    name, of = user
    same = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    allow = statement("Allow", "dynamodb:GetItem", "*", Condition=same)
    iam.put_user_policy(UserName=name, PolicyName="same", PolicyDocument=document(allow))
    dynamodb = of("dynamodb")
    denied(dynamodb.get_item, **get(table))
    arn = TABLE.format(account=account, name=table)
    client("dynamodb").tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "flights"}])
    dynamodb.get_item(**get(table))


@pytest.mark.parametrize("path", ["backup", "check", "keys", "mailbox", "calls"])
def test_own_paths_are_for_root_users(user, endpoint, path):
    name, of = user
    credentials = of("sts")._request_signer._credentials
    request = AWSRequest("GET", f"{endpoint}/_gureum/{path}")
    SigV4Auth(credentials, "gureum", REGION).add_auth(request)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(request.url, headers=dict(request.headers)))
    assert refused.value.code == 403 and b"root user" in refused.value.read()
