"""Terraform's KMS resources: plan, apply, no drift, change, destroy."""

import json
import os
import shutil
import subprocess

import pytest
from conftest import ACCOUNT, REGION

TERRAFORM = shutil.which("terraform")

FILE = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}
provider "aws" {
  region                      = "%(region)s"
  access_key                  = "test"
  secret_key                  = "test"
  skip_metadata_api_check     = true
  skip_region_validation      = true
  skip_requesting_account_id  = true
  skip_credentials_validation = true
  endpoints {
    kms = "%(endpoint)s"
    sts = "%(endpoint)s"
  }
}
resource "aws_kms_key" "desk" {
  description             = "%(description)s"
  deletion_window_in_days = 7
  enable_key_rotation     = true
  rotation_period_in_days = 180
  multi_region            = true
  tags                    = { team = "desk" }
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "root"
      Effect    = "Allow"
      Principal = { AWS = "arn:aws:iam::%(account)s:root" }
      Action    = "kms:*"
      Resource  = "*"
    }]
  })
}
resource "aws_kms_key" "sign" {
  customer_master_key_spec = "ECC_NIST_P256"
  key_usage                = "SIGN_VERIFY"
  is_enabled               = %(enabled)s
  deletion_window_in_days  = 7
}
resource "aws_kms_alias" "desk" {
  name          = "alias/%(name)s"
  target_key_id = aws_kms_key.desk.key_id
}
resource "aws_kms_grant" "reader" {
  name              = "reader"
  key_id            = aws_kms_key.desk.key_id
  grantee_principal = "arn:aws:iam::%(account)s:role/reader"
  operations        = ["Decrypt", "GenerateDataKey"]
  constraints {
    encryption_context_equals = { department = "desk" }
  }
}
resource "aws_kms_ciphertext" "secret" {
  key_id    = aws_kms_key.desk.key_id
  plaintext = "secret"
  context   = { use = "desk" }
}
data "aws_kms_key" "desk" {
  key_id = aws_kms_alias.desk.name
}
output "arn" { value = data.aws_kms_key.desk.arn }
output "id" { value = aws_kms_key.desk.key_id }
output "blob" { value = aws_kms_ciphertext.secret.ciphertext_blob }
"""


@pytest.mark.skipif(TERRAFORM is None, reason="terraform is not installed")
def test_keys_aliases_and_grants(endpoint, client, unique, tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    name = unique("desk")

    def write(**arguments):
        values = {"region": REGION, "endpoint": endpoint, "account": ACCOUNT, "name": name, **arguments}
        (tmp_path / "main.tf").write_text(FILE % values)

    def terraform(*arguments, codes=(0,)):
        done = subprocess.run(
            [TERRAFORM, *arguments, "-no-color"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode in codes, done.stdout + done.stderr
        return done

    write(description="first", enabled="true")
    init = subprocess.run([TERRAFORM, "init", "-no-color"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    if init.returncode != 0:
        pytest.skip(f"skipped: the AWS provider is not to be had here: {init.stderr}")
    terraform("apply", "-auto-approve")
    assert terraform("plan", "-detailed-exitcode", codes=(0, 2)).returncode == 0
    outputs = {k: v["value"] for k, v in json.loads(terraform("output", "-json").stdout).items()}
    assert outputs["arn"].endswith(outputs["id"])
    kms = client("kms")
    assert kms.get_key_rotation_status(KeyId=outputs["id"])["RotationPeriodInDays"] == 180
    write(description="second", enabled="false")
    terraform("apply", "-auto-approve")
    assert terraform("plan", "-detailed-exitcode", codes=(0, 2)).returncode == 0
    assert kms.describe_key(KeyId=f"alias/{name}")["KeyMetadata"]["Description"] == "second"
    terraform("destroy", "-auto-approve")
    assert kms.describe_key(KeyId=outputs["id"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
