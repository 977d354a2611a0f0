"""Terraform's aws_s3_bucket and the resources beside it: apply, no drift, destroy."""

from terraform import AWAY

RESOURCES = """
resource "aws_s3_bucket" "site" {
  bucket              = "%(name)s"
  force_destroy       = true
  object_lock_enabled = true
  tags                = { team = "web" }
}
resource "aws_s3_bucket_versioning" "site" {
  bucket = aws_s3_bucket.site.id
  versioning_configuration { status = "Enabled" }
}
resource "aws_s3_bucket_public_access_block" "site" {
  bucket                  = aws_s3_bucket.site.id
  block_public_acls       = false
  block_public_policy     = false
  ignore_public_acls      = false
  restrict_public_buckets = false
}
resource "aws_s3_bucket_ownership_controls" "site" {
  bucket = aws_s3_bucket.site.id
  rule { object_ownership = "BucketOwnerPreferred" }
}
resource "aws_s3_bucket_acl" "site" {
  depends_on = [aws_s3_bucket_ownership_controls.site, aws_s3_bucket_public_access_block.site]
  bucket     = aws_s3_bucket.site.id
  acl        = "public-read"
}
resource "aws_s3_bucket_policy" "site" {
  depends_on = [aws_s3_bucket_public_access_block.site]
  bucket     = aws_s3_bucket.site.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = "*"
      Action    = "s3:GetObject"
      Resource  = "${aws_s3_bucket.site.arn}/*"
    }]
  })
}
resource "aws_s3_bucket_server_side_encryption_configuration" "site" {
  bucket = aws_s3_bucket.site.id
  rule {
    apply_server_side_encryption_by_default { sse_algorithm = "AES256" }
    bucket_key_enabled = true
  }
}
resource "aws_s3_bucket_cors_configuration" "site" {
  bucket = aws_s3_bucket.site.id
  cors_rule {
    allowed_headers = ["*"]
    allowed_methods = ["GET", "PUT"]
    allowed_origins = ["https://app.example"]
    expose_headers  = ["ETag"]
    max_age_seconds = 300
  }
}
resource "aws_s3_bucket_lifecycle_configuration" "site" {
  depends_on = [aws_s3_bucket_versioning.site]
  bucket     = aws_s3_bucket.site.id
  rule {
    id     = "logs"
    status = "Enabled"
    filter {
      and {
        prefix = "logs/"
        tags   = { kind = "log" }
      }
    }
    transition {
      days          = 30
      storage_class = "STANDARD_IA"
    }
    expiration { days = 90 }
  }
  rule {
    id     = "old"
    status = "Enabled"
    filter {}
    noncurrent_version_expiration { noncurrent_days = 7 }
    abort_incomplete_multipart_upload { days_after_initiation = 3 }
  }
}
resource "aws_s3_bucket_website_configuration" "site" {
  bucket = aws_s3_bucket.site.id
  index_document { suffix = "index.html" }
  error_document { key = "error.html" }
  routing_rule {
    condition { key_prefix_equals = "docs/" }
    redirect { replace_key_prefix_with = "documents/" }
  }
}
resource "aws_s3_bucket_object_lock_configuration" "site" {
  depends_on = [aws_s3_bucket_versioning.site]
  bucket     = aws_s3_bucket.site.id
  rule {
    default_retention {
      mode = "GOVERNANCE"
      days = 1
    }
  }
}
resource "aws_s3_bucket" "logs" {
  bucket        = "%(name)s-logs"
  force_destroy = true
}
resource "aws_s3_bucket_logging" "site" {
  bucket        = aws_s3_bucket.site.id
  target_bucket = aws_s3_bucket.logs.id
  target_prefix = "log/"
  target_object_key_format {
    partitioned_prefix { partition_date_source = "EventTime" }
  }
}
resource "aws_s3_bucket_request_payment_configuration" "site" {
  bucket = aws_s3_bucket.site.id
  payer  = "Requester"
}
resource "aws_s3_bucket_accelerate_configuration" "site" {
  bucket = aws_s3_bucket.site.id
  status = "Enabled"
}
resource "aws_s3_bucket_inventory" "site" {
  bucket                   = aws_s3_bucket.site.id
  name                     = "everything"
  included_object_versions = "All"
  optional_fields          = ["Size", "ETag", "ReplicationStatus"]
  schedule { frequency = "Daily" }
  filter { prefix = "docs/" }
  destination {
    bucket {
      format     = "CSV"
      bucket_arn = aws_s3_bucket.logs.arn
      prefix     = "lists"
      encryption {
        sse_s3 {}
      }
    }
  }
}
resource "aws_s3_bucket" "source" {
  bucket        = "%(name)s-source"
  force_destroy = true
}
resource "aws_s3_bucket_versioning" "source" {
  bucket = aws_s3_bucket.source.id
  versioning_configuration { status = "Enabled" }
}
resource "aws_iam_role" "copies" {
  name = "%(name)s"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "s3.amazonaws.com" } }]
  })
}
resource "aws_s3_bucket" "copies" {
  for_each      = toset(["a", "b"])
  bucket        = "%(name)s-copies-${each.key}"
  force_destroy = true
}
resource "aws_s3_bucket_versioning" "copies" {
  for_each = aws_s3_bucket.copies
  bucket   = each.value.id
  versioning_configuration { status = "Enabled" }
}
resource "aws_s3_bucket_replication_configuration" "source" {
  depends_on = [aws_s3_bucket_versioning.source, aws_s3_bucket_versioning.copies]
  bucket     = aws_s3_bucket.source.id
  role       = aws_iam_role.copies.arn
  rule {
    id       = "tagged"
    status   = "Enabled"
    priority = 2
    filter {
      and {
        prefix = "in/"
        tags   = { go = "yes" }
      }
    }
    delete_marker_replication { status = "Disabled" }
    source_selection_criteria {
      replica_modifications { status = "Enabled" }
    }
    destination {
      bucket        = aws_s3_bucket.copies["a"].arn
      storage_class = "STANDARD_IA"
    }
  }
  rule {
    id       = "all"
    status   = "Enabled"
    priority = 1
    filter {}
    delete_marker_replication { status = "Enabled" }
    destination { bucket = aws_s3_bucket.copies["b"].arn }
  }
}
resource "aws_sqs_queue" "events" {
  name = "%(name)s"
}
resource "aws_sqs_queue_policy" "events" {
  queue_url = aws_sqs_queue.events.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.events.arn
    }]
  })
}
resource "aws_s3_bucket_notification" "site" {
  depends_on = [aws_sqs_queue_policy.events]
  bucket     = aws_s3_bucket.site.id
  queue {
    queue_arn     = aws_sqs_queue.events.arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "in/"
  }
}
resource "aws_s3_object" "index" {
  depends_on    = [aws_s3_bucket_object_lock_configuration.site]
  bucket        = aws_s3_bucket.site.id
  key           = "index.html"
  content       = "<p>hello</p>"
  content_type  = "text/html"
  force_destroy = true
  tags          = { kind = "page" }
  # The bucket's default retention shows on the object.
  lifecycle { ignore_changes = [object_lock_mode, object_lock_retain_until_date] }
}
"""


def site(part):
    name = part.unique("terraform")
    s3 = part.client("s3")
    yield RESOURCES % {"name": name}
    assert s3.get_object(Bucket=name, Key="index.html")["Body"].read() == b"<p>hello</p>"
    assert s3.get_bucket_policy_status(Bucket=name)["PolicyStatus"]["IsPublic"] is True
    yield
    assert name not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]


# Where a bucket has no location constraint.
site.region = AWAY
