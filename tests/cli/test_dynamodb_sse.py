"""Encryption of tables under keys of KMS: what is on the disk, and what happens without the key."""

import json
import os
import pathlib
import shutil
import subprocess

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from conftest import ACCOUNT, REGION, ROOT, error_of, eventually

SECRET = "the-parrot-is-resting-"
TERRAFORM = shutil.which("terraform")


class Cloud:
    """A cloud of its own in a data directory."""

    def __init__(self, folder):
        self.folder = folder
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [ROOT / "gureum", "up", "--data", self.folder, "--listen", "127.0.0.1:0", "--json"],
            stdout=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if not name.startswith(("GUREUM_", "AWS_"))},
        )
        self.endpoint = json.loads(self.process.stdout.readline())["endpoint"]

    def stop(self, kill=False):
        self.process.kill() if kill else self.process.terminate()
        self.process.wait(timeout=60)

    def client(self, service, **keys):
        keys = keys or dict(aws_access_key_id="test", aws_secret_access_key="test")
        config = Config(retries={"total_max_attempts": 1}, read_timeout=60)
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION, config=config, **keys)

    def key(self):
        return self.client("kms").create_key()["KeyMetadata"]["Arn"]

    def gureum(self, *words):
        done = subprocess.run([ROOT / "gureum", "--json", *map(str, words)], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path / "data")
    yield made
    made.stop(kill=True)


def on_disk(folder, text):
    """Files that contain the text."""
    files = [path for path in pathlib.Path(folder).rglob("*") if path.is_file()]
    return [str(path) for path in files if text.encode() in path.read_bytes()]


def create(ddb, name, sse=None, **more):
    definition = dict(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("id", "crew")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-crew",
                "KeySchema": [{"AttributeName": "crew", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    if sse is not None:
        definition["SSESpecification"] = sse
    return ddb.create_table(**definition, **more)["TableDescription"]


def item(i, text=SECRET):
    return {"id": {"S": f"k{i}"}, "crew": {"S": f"crew{i % 3}"}, "word": {"S": f"{text}{i}"}}


def under(key):
    return {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}


def fill(ddb, name, count=20):
    for i in range(count):
        ddb.put_item(TableName=name, Item=item(i))


def words(ddb, name):
    return sorted(i["word"]["S"] for i in ddb.scan(TableName=name)["Items"])


def sse(ddb, name):
    return ddb.describe_table(TableName=name)["Table"].get("SSEDescription")


def check_all(ddb, name, count=20):
    """Everything that reads items finds them."""
    expected = sorted(f"{SECRET}{i}" for i in range(count))
    assert words(ddb, name) == expected
    assert ddb.get_item(TableName=name, Key={"id": {"S": "k3"}})["Item"] == item(3)
    keys = [{"id": {"S": f"k{i}"}} for i in range(20)]
    found = ddb.batch_get_item(RequestItems={name: {"Keys": keys}})["Responses"][name]
    assert sorted(i["word"]["S"] for i in found) == sorted(f"{SECRET}{i}" for i in range(20))
    crew = ddb.query(
        TableName=name,
        IndexName="by-crew",
        KeyConditionExpression="crew = :c",
        FilterExpression="begins_with(word, :w)",
        ExpressionAttributeValues={":c": {"S": "crew1"}, ":w": {"S": SECRET}},
    )
    assert crew["Count"] == len([i for i in range(count) if i % 3 == 1])
    get = [{"Get": {"TableName": name, "Key": {"id": {"S": "k1"}}}}]
    assert ddb.transact_get_items(TransactItems=get)["Responses"][0]["Item"] == item(1)
    statement = f'SELECT word FROM "{name}" WHERE id = \'k2\''
    assert ddb.execute_statement(Statement=statement)["Items"] == [{"word": {"S": f"{SECRET}2"}}]


def records(cloud, ddb, name):
    streams = cloud.client("dynamodbstreams")
    arn = ddb.describe_table(TableName=name)["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    return streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]


def test_what_lies_on_the_disk(cloud):
    ddb, key = cloud.client("dynamodb"), cloud.key()
    made = create(ddb, "Sealed", under(key))
    assert made["SSEDescription"]["KMSMasterKeyArn"] == key
    assert sse(ddb, "Sealed") == {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key}
    ddb.update_continuous_backups(
        TableName="Sealed", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    fill(ddb, "Sealed")
    change = {":w": {"S": f"{SECRET}changed"}}
    ddb.update_item(
        TableName="Sealed",
        Key={"id": {"S": "k5"}},
        UpdateExpression="SET word = :w",
        ConditionExpression="word <> :w",
        ExpressionAttributeValues=change,
    )
    put = [{"Put": {"TableName": "Sealed", "Item": item(5)}}]
    ddb.transact_write_items(TransactItems=put)
    check_all(ddb, "Sealed")
    images = [r["dynamodb"].get("NewImage", {}).get("word", {}).get("S") for r in records(cloud, ddb, "Sealed")]
    assert images == [f"{SECRET}{i}" for i in range(20)] + [f"{SECRET}changed", f"{SECRET}5"]
    backup = ddb.create_backup(TableName="Sealed", BackupName="once")["BackupDetails"]["BackupArn"]
    eventually(lambda: ddb.describe_backup(BackupArn=backup)["BackupDescription"]["BackupDetails"]["BackupStatus"] == "AVAILABLE", 30)

    # Restores are under the same key, unless they say otherwise.
    ddb.restore_table_from_backup(BackupArn=backup, TargetTableName="Again")
    ddb.restore_table_to_point_in_time(
        SourceTableName="Sealed", TargetTableName="Then", UseLatestRestorableTime=True
    )
    other = cloud.key()
    active = lambda name: ddb.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE"
    for name in ("Again", "Then"):
        eventually(lambda: active(name), 30)
        check_all(ddb, name)
        assert sse(ddb, name)["KMSMasterKeyArn"] == key
    ddb.restore_table_from_backup(BackupArn=backup, TargetTableName="Other", SSESpecificationOverride=under(other))
    eventually(lambda: active("Other"), 30)
    assert sse(ddb, "Other")["KMSMasterKeyArn"] == other
    check_all(ddb, "Other")
    assert ddb.describe_table(TableName="Sealed")["Table"]["TableSizeBytes"] == sum(
        len("id" + f"k{i}" + "crew" + f"crew{i % 3}" + "word" + f"{SECRET}{i}") for i in range(20)
    )

    # For comparison, a table under the installation's key alone, whose words are found.
    create(ddb, "Plain")
    ddb.put_item(TableName="Plain", Item=item(1, "plain-sight-"))
    fsck = cloud.gureum("fsck", "--endpoint", cloud.endpoint)
    assert fsck["dynamodb"]["problemCount"] == 0 and fsck["dynamodb"]["sealedRows"] > 100
    cloud.stop(kill=True)
    assert on_disk(cloud.folder, "plain-sight-")
    assert on_disk(cloud.folder, SECRET) == []

    # It opens after a crash as well.
    cloud.start()
    ddb = cloud.client("dynamodb")
    check_all(ddb, "Sealed")
    fill(ddb, "Sealed")
    cloud.stop()
    assert on_disk(cloud.folder, SECRET) == []


def test_keys_that_cannot_be_used(cloud):
    ddb, kms, key = cloud.client("dynamodb"), cloud.client("kms"), cloud.key()
    create(ddb, "Table", under(key))
    fill(ddb, "Table")
    kms.disable_key(KeyId=key)

    def refused():
        try:
            ddb.get_item(TableName="Table", Key={"id": {"S": "k1"}})
        except ClientError as error:
            return error.response["Error"]

    error = eventually(refused, 60)
    assert error["Code"] == "ValidationException"
    text = f"KMS key disabled error: com.amazonaws.services.kms.model.DisabledException: {key} is disabled. (Service: AWSKMS; "
    assert error["Message"].startswith(text)
    for call, arguments in (
        (ddb.put_item, {"Item": item(1)}),
        (ddb.scan, {}),
        (ddb.delete_item, {"Key": {"id": {"S": "k1"}}}),
    ):
        assert error_of(call, TableName="Table", **arguments)[0] == "ValidationException"
    table = ddb.describe_table(TableName="Table")["Table"]
    assert table["TableStatus"] == "INACCESSIBLE_ENCRYPTION_CREDENTIALS"
    assert table["SSEDescription"]["Status"] == "ENABLED"
    assert "InaccessibleEncryptionDateTime" in table["SSEDescription"]
    # What does not need its items goes on.
    ddb.update_table(TableName="Table", DeletionProtectionEnabled=True)
    code, message = error_of(create, ddb=ddb, name="Other", sse=under(key))
    assert code == "ValidationException" and message.startswith("KMS key disabled error: ")

    kms.enable_key(KeyId=key)
    check_all(ddb, "Table")
    table = ddb.describe_table(TableName="Table")["Table"]
    assert table["TableStatus"] == "ACTIVE"
    assert "InaccessibleEncryptionDateTime" not in table["SSEDescription"]

    gone = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-4000-8000-000000000000"
    code, message = error_of(create, ddb=ddb, name="Other", sse=under(gone))
    beginning = "KMS validation error: com.amazonaws.services.kms.model.NotFoundException: "
    assert code == "ValidationException" and message.startswith(beginning), message
    signs = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"]
    code, message = error_of(create, ddb=ddb, name="Other", sse=under(signs))
    assert code == "InternalServerError" and "for a symmetric encryption KMS key" in message
    assert error_of(ddb.describe_table, TableName="Other")[0] == "ResourceNotFoundException"


def test_who_may_not_use_the_key(cloud):
    ddb, kms, iam = cloud.client("dynamodb"), cloud.client("kms"), cloud.client("iam")
    key = cloud.key()
    create(ddb, "Table", under(key))
    fill(ddb, "Table")
    iam.create_user(UserName="reader")
    allow = [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}]
    put = lambda: iam.put_user_policy(
        UserName="reader", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow})
    )
    put()
    made = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = cloud.client(
        "dynamodb", aws_access_key_id=made["AccessKeyId"], aws_secret_access_key=made["SecretAccessKey"]
    )
    code, message = error_of(reader.get_item, TableName="Table", Key={"id": {"S": "k1"}})
    assert code == "AccessDeniedException" and message.startswith("KMS key access denied error: "), message
    through = {"StringEquals": {"kms:ViaService": f"dynamodb.{REGION}.amazonaws.com"}}
    context = {"StringEquals": {"kms:EncryptionContext:aws:dynamodb:tableName": "Table"}}
    allow.append({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": key, "Condition": {**through, **{"StringEquals": {**through["StringEquals"], **context["StringEquals"]}}}})
    put()
    check = reader.get_item(TableName="Table", Key={"id": {"S": "k1"}})
    assert check["Item"] == item(1)
    check_all(ddb, "Table")


def test_encryption_changes_while_the_table_is_used(cloud):
    ddb, first, second = cloud.client("dynamodb"), cloud.key(), cloud.key()
    create(ddb, "Table")
    assert sse(ddb, "Table") is None
    ddb.update_continuous_backups(
        TableName="Table", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    fill(ddb, "Table", 150)
    update = lambda sse: ddb.update_table(TableName="Table", SSESpecification=sse)["TableDescription"]
    answer = update(under(first))
    assert answer["TableStatus"] == "ACTIVE" and answer["SSEDescription"] == {"Status": "UPDATING"}
    check_all(ddb, "Table", 150)
    eventually(lambda: sse(ddb, "Table")["Status"] == "ENABLED", 60)
    check_all(ddb, "Table", 150)
    assert len(records(cloud, ddb, "Table")) == 150
    problem = "One or more parameter values were invalid: "
    again = "Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to change Master Key"
    assert error_of(update, sse=under(first)) == ("ValidationException", problem + again)
    only = "Server-Side Encryption modification must be the only operation in the request"
    call = lambda: ddb.update_table(TableName="Table", SSESpecification=under(second), TableClass="STANDARD")
    assert error_of(call) == ("ValidationException", problem + only)

    assert update(under(second))["SSEDescription"]["KMSMasterKeyArn"] == first
    assert sse(ddb, "Table")["KMSMasterKeyArn"] == second
    # The old key is of no use any more.
    cloud.client("kms").disable_key(KeyId=first)
    check_all(ddb, "Table", 150)

    update({"Enabled": True})
    managed = sse(ddb, "Table")["KMSMasterKeyArn"]
    aliases = cloud.client("kms").list_aliases(KeyId=managed)["Aliases"]
    assert [alias["AliasName"] for alias in aliases] == ["alias/aws/dynamodb"]
    update({"Enabled": False})
    assert sse(ddb, "Table") is None
    check_all(ddb, "Table", 150)

    # It is under the installation's key now, which may be rotated.
    cloud.gureum("keys", "rotate", "--endpoint", cloud.endpoint)
    done = lambda: not cloud.gureum("keys", "ls", "--endpoint", cloud.endpoint)["resealing"]["running"]
    eventually(done, 60)
    cloud.stop()
    cloud.start()
    ddb = cloud.client("dynamodb")
    check_all(ddb, "Table", 150)
    update(under(second))
    check_all(ddb, "Table", 150)


TF = """
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
    kms      = "%(endpoint)s"
    dynamodb = "%(endpoint)s"
    sts      = "%(endpoint)s"
  }
}
resource "aws_kms_key" "one" {
  deletion_window_in_days = 7
}
resource "aws_kms_key" "two" {
  deletion_window_in_days = 7
}
resource "aws_dynamodb_table" "sealed" {
  name         = "Sealed"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"
  attribute {
    name = "id"
    type = "S"
  }
  %(sse)s
}
"""


@pytest.mark.skipif(TERRAFORM is None, reason="skipped: no terraform here")
def test_terraform(cloud, tmp_path):
    folder = tmp_path / "tf"
    folder.mkdir()

    def run(*words):
        done = subprocess.run([TERRAFORM, *words, "-no-color"], cwd=folder, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def write(sse):
        text = TF % {"region": REGION, "endpoint": cloud.endpoint, "sse": sse}
        (folder / "main.tf").write_text(text)

    block = lambda key: f"server_side_encryption {{\n enabled = true\n kms_key_arn = {key}\n }}"
    write(block("aws_kms_key.one.arn"))
    init = subprocess.run([TERRAFORM, "init", "-no-color"], cwd=folder, capture_output=True, text=True, timeout=150)
    if init.returncode != 0:
        pytest.skip("skipped: the AWS provider cannot be had")
    # A change waits half a minute in the provider before it looks.
    run("apply", "-auto-approve")
    assert "No changes" in run("plan")
    assert sse(cloud.client("dynamodb"), "Sealed")["Status"] == "ENABLED"
    run("destroy", "-auto-approve")
