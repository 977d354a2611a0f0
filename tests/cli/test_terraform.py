"""Terraform's aws_dynamodb_table with all its blocks: plan, apply, no drift, change, destroy."""

import json
import os
import shutil
import subprocess

import pytest
from conftest import REGION

TERRAFORM = shutil.which("terraform")

PROVIDER = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  region                      = "%s"
  access_key                  = "test"
  secret_key                  = "test"
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
  skip_credentials_validation = true
  endpoints {
    dynamodb = "%s"
    sts      = "%s"
  }
}
"""

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


@pytest.mark.skipif(TERRAFORM is None, reason="terraform is not installed")
def test_table(endpoint, client, unique, tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}

    def terraform(*words, code=0):
        done = subprocess.run(
            [TERRAFORM, *words, "-no-color"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def write(**changes):
        table = TABLE % {"name": name, "writes": 5, "more": "", "team": "blue", **changes}
        (tmp_path / "main.tf").write_text(PROVIDER % (REGION, endpoint, endpoint) + table)

    name = unique("terraform")
    write()
    init = subprocess.run([TERRAFORM, "init", "-no-color"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    if init.returncode != 0:
        pytest.skip(f"the AWS provider is not to be had here: {init.stderr}")
    try:
        terraform("apply", "-auto-approve")
        told = json.loads(terraform("output", "-json"))
        assert f":table/{name}/stream/" in told["stream"]["value"] and told["found"]["value"] == "airline"
        # What is there is what was asked for: nothing to do.
        terraform("plan", "-detailed-exitcode")
        dynamodb = client("dynamodb")
        table = dynamodb.describe_table(TableName=name)["Table"]
        assert table["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        assert dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["AttributeName"] == "expires"
        key = {"airline": {"S": "GR"}, "number": {"N": "412"}}
        assert dynamodb.get_item(TableName=name, Key=key)["Item"]["gate"] == {"S": "blue"}
        write(writes=7, more=INDEX, team="green")
        terraform("apply", "-auto-approve")
        terraform("plan", "-detailed-exitcode")
        table = dynamodb.describe_table(TableName=name)["Table"]
        assert table["ProvisionedThroughput"]["WriteCapacityUnits"] == 7
        assert {index["IndexName"] for index in table["GlobalSecondaryIndexes"]} == {"by-gate", "by-seats-of-all"}
        assert dynamodb.get_item(TableName=name, Key=key)["Item"]["gate"] == {"S": "green"}
    finally:
        terraform("destroy", "-auto-approve")
    assert name not in client("dynamodb").list_tables()["TableNames"]
