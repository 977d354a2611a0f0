"""Terraform's export of a table and the table that it makes of it; the same by the AWS CLI."""

import json
import os
import pathlib
import subprocess
import sys
import uuid

import pytest
from conftest import ACCOUNT, REGION, eventually
from terraform import Terraform

AWS = pathlib.Path(sys.executable).with_name("aws")

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


@pytest.fixture
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


def test_terraform(endpoint, client, source, tmp_path):
    name, bucket = source
    with Terraform(tmp_path, endpoint, "dynamodb") as terraform:
        # The data's folder is known only when the export has been made.
        terraform.apply(RESOURCES % {"region": REGION, "account": ACCOUNT, "name": name, "bucket": bucket})
        assert terraform.outputs()["items"] == 2
        found = client("dynamodb").scan(TableName=f"{name}-copy")["Items"]
        assert sorted(item["pk"]["S"] for item in found) == ["a", "b"]


def test_the_cli(endpoint, client, source, tmp_path):
    name, bucket = source
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_PAGER": "",
    }

    def aws(*words):
        done = subprocess.run([AWS, "dynamodb", *words], env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"
    made = aws("export-table-to-point-in-time", "--table-arn", arn, "--s3-bucket", bucket)
    export_arn = made["ExportDescription"]["ExportArn"]

    def exported():
        export = aws("describe-export", "--export-arn", export_arn)["ExportDescription"]
        return export if export["ExportStatus"] == "COMPLETED" else None

    folder = eventually(exported)["ExportManifest"].rsplit("/", 1)[0]
    assert [export["ExportArn"] for export in aws("list-exports", "--table-arn", arn)["ExportSummaries"]] == [export_arn]
    made = aws(
        *("import-table", "--input-format", "DYNAMODB_JSON", "--input-compression-type", "GZIP"),
        *("--s3-bucket-source", f"S3Bucket={bucket},S3KeyPrefix={folder}/data/"),
        "--table-creation-parameters",
        f"TableName={name}-cli,BillingMode=PAY_PER_REQUEST,KeySchema=[{{AttributeName=pk,KeyType=HASH}}],"
        "AttributeDefinitions=[{AttributeName=pk,AttributeType=S}]",
    )
    import_arn = made["ImportTableDescription"]["ImportArn"]

    def imported():
        found = aws("describe-import", "--import-arn", import_arn)["ImportTableDescription"]
        return found if found["ImportStatus"] == "COMPLETED" else None

    assert eventually(imported)["ImportedItemCount"] == 2
    assert aws("scan", "--table-name", f"{name}-cli")["Count"] == 2
