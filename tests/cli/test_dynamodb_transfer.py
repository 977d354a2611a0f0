"""A table exported and imported by the AWS CLI."""

import json
import os
import pathlib
import subprocess
import sys

from conftest import ACCOUNT, REGION, eventually
from terraform.transfer import source

AWS = pathlib.Path(sys.executable).with_name("aws")

def test_the_cli(endpoint, client, unique, tmp_path):
    name, bucket = source(client, unique)
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
