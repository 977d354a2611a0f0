"""Terraform's aws_iam resources: apply, no drift, change, destroy."""

RESOURCES = """
data "aws_caller_identity" "own" {}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com", "ec2.amazonaws.com"]
    }
  }
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_user.ann.arn]
    }
  }
}

data "aws_iam_policy_document" "read" {
  statement {
    sid       = "Read"
    actions   = ["s3:Get*", "s3:List*"]
    resources = ["*"]
  }
}

resource "aws_iam_user" "ann" {
  name = "%(name)s-ann"
  path = "/desk/"
  tags = { team = "%(team)s" }
}
resource "aws_iam_access_key" "ann" {
  user = aws_iam_user.ann.name
}
resource "aws_iam_user_login_profile" "ann" {
  user = aws_iam_user.ann.name
}
resource "aws_iam_user_policy" "ann" {
  name   = "read"
  user   = aws_iam_user.ann.name
  policy = data.aws_iam_policy_document.read.json
}
resource "aws_iam_user_policy_attachment" "ann" {
  user       = aws_iam_user.ann.name
  policy_arn = "arn:aws:iam::aws:policy/ReadOnlyAccess"
}
resource "aws_iam_group" "desk" {
  name = "%(name)s-desk"
}
resource "aws_iam_group_membership" "desk" {
  name  = "members"
  group = aws_iam_group.desk.name
  users = [aws_iam_user.ann.name]
}
resource "aws_iam_group_policy" "desk" {
  group  = aws_iam_group.desk.name
  policy = data.aws_iam_policy_document.read.json
}
resource "aws_iam_group_policy_attachment" "desk" {
  group      = aws_iam_group.desk.name
  policy_arn = aws_iam_policy.read.arn
}
resource "aws_iam_policy" "read" {
  name        = "%(name)s-read"
  path        = "/desk/"
  description = "reads"
  policy      = data.aws_iam_policy_document.read.json
  tags        = { team = "%(team)s" }
}
resource "aws_iam_role" "desk" {
  name                 = "%(name)s"
  description          = "%(team)s"
  max_session_duration = 7200
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  permissions_boundary = "arn:aws:iam::aws:policy/PowerUserAccess"
  tags                 = { team = "%(team)s" }
}
resource "aws_iam_role_policy" "desk" {
  name   = "read"
  role   = aws_iam_role.desk.id
  policy = data.aws_iam_policy_document.read.json
}
resource "aws_iam_role_policy_attachment" "own" {
  role       = aws_iam_role.desk.name
  policy_arn = aws_iam_policy.read.arn
}
resource "aws_iam_role_policy_attachment" "aws" {
  role       = aws_iam_role.desk.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}
resource "aws_iam_instance_profile" "desk" {
  name = "%(name)s"
  role = aws_iam_role.desk.name
}
resource "aws_iam_openid_connect_provider" "github" {
  url             = "https://%(name)s.example"
  client_id_list  = ["sts.amazonaws.com"]
  thumbprint_list = ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]
}
resource "aws_iam_account_password_policy" "strict" {
  minimum_password_length        = 12
  require_symbols                = true
  allow_users_to_change_password = true
}
resource "aws_iam_virtual_mfa_device" "ann" {
  virtual_mfa_device_name = "%(name)s"
}
resource "aws_iam_service_linked_role" "scaling" {
  aws_service_name = "autoscaling.amazonaws.com"
  custom_suffix    = "%(name)s"
}
"""


def people(part):
    name = part.unique("tf")
    iam = part.client("iam")
    yield RESOURCES % {"name": name, "team": "blue"}
    role = iam.get_role(RoleName=name)["Role"]
    assert role["Description"] == "blue" and role["MaxSessionDuration"] == 7200
    yield RESOURCES % {"name": name, "team": "green"}
    assert iam.get_role(RoleName=name)["Role"]["Tags"] == [{"Key": "team", "Value": "green"}]
    yield
    assert name not in [role["RoleName"] for role in iam.list_roles(MaxItems=1000)["Roles"]]
