"""Terraform's KMS resources: plan, apply, no drift, change, destroy."""

from conftest import ACCOUNT

RESOURCES = """
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


def keys(part):
    name = part.unique("desk")
    kms = part.client("kms")
    outputs = yield RESOURCES % {"account": ACCOUNT, "name": name, "description": "first", "enabled": "true"}
    assert outputs["arn"].endswith(outputs["id"])
    assert kms.get_key_rotation_status(KeyId=outputs["id"])["RotationPeriodInDays"] == 180
    yield RESOURCES % {"account": ACCOUNT, "name": name, "description": "second", "enabled": "false"}
    assert kms.describe_key(KeyId=f"alias/{name}")["KeyMetadata"]["Description"] == "second"
    yield
    assert kms.describe_key(KeyId=outputs["id"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
