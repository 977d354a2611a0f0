"""DynamoDB's tables: indexes that come and go, tags, policies, insights, endpoints."""

import boto3
import pytest

from conftest import REGION, error_of, eventually


@pytest.fixture
def dynamodb(client):
    return client("dynamodb")


@pytest.fixture
def table(dynamodb, unique):
    """The name of a table with the key `pk`."""
    name = unique("tables")
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        Tags=[{"Key": "team", "Value": "desk"}],
    )
    dynamodb.get_waiter("table_exists").wait(TableName=name)
    yield name
    dynamodb.delete_table(TableName=name)


def create_index(dynamodb, table):
    return dynamodb.update_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": "g", "AttributeType": "S"}],
        GlobalSecondaryIndexUpdates=[
            {
                "Create": {
                    "IndexName": "by-g",
                    "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["n"]},
                }
            }
        ],
    )["TableDescription"]


def is_active(dynamodb, table):
    return dynamodb.describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE"


def test_index_comes_and_goes(dynamodb, table):
    for i in range(150):
        item = {"pk": {"S": str(i)}, "g": {"S": "even" if i % 2 == 0 else "odd"}}
        dynamodb.put_item(TableName=table, Item={**item, "n": {"N": "1"}, "left": {"S": "out"}})
    made = create_index(dynamodb, table)
    assert made["TableStatus"] == "UPDATING"
    assert made["GlobalSecondaryIndexes"][0]["IndexStatus"] == "CREATING"
    eventually(lambda: is_active(dynamodb, table))
    index = dynamodb.describe_table(TableName=table)["Table"]["GlobalSecondaryIndexes"][0]
    assert (index["IndexStatus"], index["ItemCount"]) == ("ACTIVE", 150)
    page = dynamodb.query(
        TableName=table,
        IndexName="by-g",
        KeyConditionExpression="g = :g",
        ExpressionAttributeValues={":g": {"S": "even"}},
    )
    assert page["Count"] == 75
    assert set(page["Items"][0]) == {"pk", "g", "n"}
    deletion = [{"Delete": {"IndexName": "by-g"}}]
    dynamodb.update_table(TableName=table, GlobalSecondaryIndexUpdates=deletion)
    eventually(lambda: is_active(dynamodb, table))
    assert "GlobalSecondaryIndexes" not in dynamodb.describe_table(TableName=table)["Table"]
    code, _ = error_of(
        dynamodb.update_table, TableName=table, GlobalSecondaryIndexUpdates=deletion
    )
    assert code == "ResourceNotFoundException"


def test_tags(dynamodb, table):
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "env", "Value": "test"}])
    dynamodb.untag_resource(ResourceArn=arn, TagKeys=["team"])
    tags = dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"]
    assert tags == [{"Key": "env", "Value": "test"}]
    code, _ = error_of(dynamodb.list_tags_of_resource, ResourceArn=arn + "x")
    assert code == "ResourceNotFoundException"


def test_policies(dynamodb, table):
    arn = dynamodb.describe_table(TableName=table)["Table"]["TableArn"]
    policy = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", '
        '"Principal": {"AWS": "444455556666"}, "Action": "dynamodb:*", "Resource": "*"}]}'
    )
    revision = dynamodb.put_resource_policy(ResourceArn=arn, Policy=policy)["RevisionId"]
    got = dynamodb.get_resource_policy(ResourceArn=arn)
    assert (got["Policy"], got["RevisionId"]) == (policy, revision)
    dynamodb.delete_resource_policy(ResourceArn=arn, ExpectedRevisionId=revision)
    code, _ = error_of(dynamodb.get_resource_policy, ResourceArn=arn)
    assert code == "PolicyNotFoundException"


def test_insights(dynamodb, table):
    dynamodb.update_contributor_insights(TableName=table, ContributorInsightsAction="ENABLE")
    described = lambda: dynamodb.describe_contributor_insights(TableName=table)
    eventually(lambda: described()["ContributorInsightsStatus"] == "ENABLED")


def test_endpoints_can_be_used(dynamodb, endpoint):
    address = dynamodb.describe_endpoints()["Endpoints"][0]["Address"]
    scheme = endpoint.split("://")[0]
    other = boto3.client(
        "dynamodb",
        endpoint_url=f"{scheme}://{address}",
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    assert other.describe_limits()["TableMaxReadCapacityUnits"] == 40000
