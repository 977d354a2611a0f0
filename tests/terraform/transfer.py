"""Terraform's export of a table and the table that it makes of it."""

import uuid

from conftest import ACCOUNT, REGION

RESOURCES = """
resource "aws_dynamodb_table_export" "out" {
  table_arn = "arn:aws:dynamodb:%(region)s:%(account)s:table/%(name)s"
  s3_bucket = "%(bucket)s"
  s3_prefix = "out"
}

resource "aws_dynamodb_table" "copy" {
  name         = "%(name)s-copy"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  attribute {
    name = "pk"
    type = "S"
  }
  import_table {
    input_format           = "DYNAMODB_JSON"
    input_compression_type = "GZIP"
    s3_bucket_source {
      bucket     = "%(bucket)s"
      key_prefix = replace(aws_dynamodb_table_export.out.manifest_files_s3_key, "manifest-summary.json", "data/")
    }
  }
}

output "items" {
  value = aws_dynamodb_table_export.out.item_count
}
"""


def source(client, unique):
    """A table with point-in-time recovery and two items, and a bucket."""
    dynamodb, s3 = client("dynamodb"), client("s3")
    name, bucket = unique("transfer"), f"transfer-{uuid.uuid4()}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    recovery = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
    for pk in "ab":
        dynamodb.put_item(TableName=name, Item={"pk": {"S": pk}})
    return name, bucket


def copied(part):
    name, bucket = source(part.client, part.unique)
    # The data's folder is known only when the export has been made.
    outputs = yield RESOURCES % {"region": REGION, "account": ACCOUNT, "name": name, "bucket": bucket}
    assert outputs["items"] == 2
    found = part.client("dynamodb").scan(TableName=f"{name}-copy")["Items"]
    assert sorted(item["pk"]["S"] for item in found) == ["a", "b"]
    yield
    assert f"{name}-copy" not in part.client("dynamodb").list_tables()["TableNames"]
