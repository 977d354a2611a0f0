"""Terraform's aws_dynamodb_table with all its blocks: plan, apply, no drift, change, destroy."""

from conftest import ACCOUNT, REGION
from terraform import AWAY

TABLE = """
resource "aws_dynamodb_table" "flights" {
  name                        = "%(name)s"
  billing_mode                = "PROVISIONED"
  read_capacity               = 5
  write_capacity              = %(writes)d
  hash_key                    = "airline"
  range_key                   = "number"
  table_class                 = "STANDARD"
  deletion_protection_enabled = false
  stream_enabled              = true
  stream_view_type            = "NEW_AND_OLD_IMAGES"

  attribute {
    name = "airline"
    type = "S"
  }
  attribute {
    name = "number"
    type = "N"
  }
  attribute {
    name = "gate"
    type = "S"
  }
  attribute {
    name = "seats"
    type = "N"
  }
  local_secondary_index {
    name            = "by-seats"
    range_key       = "seats"
    projection_type = "KEYS_ONLY"
  }
  global_secondary_index {
    name               = "by-gate"
    hash_key           = "gate"
    range_key          = "number"
    read_capacity      = 1
    write_capacity     = 1
    projection_type    = "INCLUDE"
    non_key_attributes = ["seats"]
  }
  %(more)s
  ttl {
    attribute_name = "expires"
    enabled        = true
  }
  point_in_time_recovery {
    enabled = true
  }
  tags = {
    team = "%(team)s"
  }
}

resource "aws_dynamodb_table_item" "first" {
  table_name = aws_dynamodb_table.flights.name
  hash_key   = aws_dynamodb_table.flights.hash_key
  range_key  = aws_dynamodb_table.flights.range_key
  item       = jsonencode({ airline = { S = "GR" }, number = { N = "412" }, gate = { S = "%(team)s" } })
}

data "aws_dynamodb_table" "found" {
  name = aws_dynamodb_table.flights.name
}

output "stream" {
  value = aws_dynamodb_table.flights.stream_arn
}
output "found" {
  value = data.aws_dynamodb_table.found.hash_key
}
"""

INDEX = """
  global_secondary_index {
    name            = "by-seats-of-all"
    hash_key        = "seats"
    read_capacity   = 1
    write_capacity  = 1
    projection_type = "ALL"
  }
"""


GLOBAL = """
resource "aws_dynamodb_table" "routes" {
  name             = "%(name)s"
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "pk"
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"

  attribute {
    name = "pk"
    type = "S"
  }
  on_demand_throughput {
    max_read_request_units  = 100
    max_write_request_units = 50
  }
  point_in_time_recovery {
    enabled = true
  }
  replica {
    region_name            = "us-east-1"
    point_in_time_recovery = true
    propagate_tags         = true
  }
  tags = {
    team = "%(team)s"
  }
}

resource "aws_dynamodb_resource_policy" "readers" {
  resource_arn = aws_dynamodb_table.routes.arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid = "%(team)s", Effect = "Allow", Principal = { AWS = "%(account)s" }, Action = ["dynamodb:GetItem"], Resource = "*"
    }]
  })
}

resource "aws_dynamodb_contributor_insights" "keys" {
  table_name = aws_dynamodb_table.routes.name
}
"""


def flights(part):
    name = part.unique("terraform")
    dynamodb = part.client("dynamodb")
    key = {"airline": {"S": "GR"}, "number": {"N": "412"}}
    told = yield TABLE % {"name": name, "writes": 5, "more": "", "team": "blue"}
    assert f":table/{name}/stream/" in told["stream"] and told["found"] == "airline"
    table = dynamodb.describe_table(TableName=name)["Table"]
    assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["AttributeName"] == "expires"
    assert dynamodb.get_item(TableName=name, Key=key)["Item"]["gate"] == {"S": "blue"}
    yield TABLE % {"name": name, "writes": 7, "more": INDEX, "team": "green"}
    table = dynamodb.describe_table(TableName=name)["Table"]
    assert table["ProvisionedThroughput"]["WriteCapacityUnits"] == 7
    assert {index["IndexName"] for index in table["GlobalSecondaryIndexes"]} == {"by-gate", "by-seats-of-all"}
    assert dynamodb.get_item(TableName=name, Key=key)["Item"]["gate"] == {"S": "green"}
    yield
    assert name not in dynamodb.list_tables()["TableNames"]


def routes(part):
    name = part.unique("terraform")
    home, away = part.client("dynamodb"), part.client("dynamodb", AWAY)
    for team in "blue", "green":
        yield GLOBAL % {"name": name, "team": team, "account": ACCOUNT}
        arn = home.describe_table(TableName=name)["Table"]["TableArn"]
        assert f'"{team}"' in home.get_resource_policy(ResourceArn=arn)["Policy"]
        tags = away.list_tags_of_resource(ResourceArn=arn.replace(REGION, AWAY))["Tags"]
        assert tags == [{"Key": "team", "Value": team}]
    home.put_item(TableName=name, Item={"pk": {"S": "ICN-GMP"}})
    assert away.get_item(TableName=name, Key={"pk": {"S": "ICN-GMP"}})["Item"] == {"pk": {"S": "ICN-GMP"}}
    recovery = away.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert recovery["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    insights = home.describe_contributor_insights(TableName=name)
    assert insights["ContributorInsightsStatus"] == "ENABLED"
    yield
    assert name not in home.list_tables()["TableNames"] + away.list_tables()["TableNames"]
