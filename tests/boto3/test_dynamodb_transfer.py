"""Exports of tables to S3 and imports from there, with boto3."""

import base64
import gzip
import hashlib
import json
import time
import uuid

import pytest
from botocore.config import Config
from conftest import ACCOUNT, REGION, error_of, eventually

KEYS = {
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture
def dynamodb(client):
    return client("dynamodb")


@pytest.fixture
def s3(client):
    return client("s3", config=Config(s3={"addressing_style": "path"}))


@pytest.fixture
def bucket(s3):
    name = f"transfer-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


def arn(name):
    return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"


def make(dynamodb, name):
    dynamodb.create_table(TableName=name, **KEYS)
    recovery = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)


def put(dynamodb, name, pk, value):
    dynamodb.put_item(TableName=name, Item={"pk": {"S": pk}, "n": {"N": str(value)}})


def exported(dynamodb, **request):
    export = dynamodb.export_table_to_point_in_time(**request)["ExportDescription"]

    def probe():
        found = dynamodb.describe_export(ExportArn=export["ExportArn"])["ExportDescription"]
        return found if found["ExportStatus"] != "IN_PROGRESS" else None

    return eventually(probe)


def imported(dynamodb, **request):
    made = dynamodb.import_table(**request)["ImportTableDescription"]
    assert made["ImportStatus"] == "IN_PROGRESS"

    def probe():
        found = dynamodb.describe_import(ImportArn=made["ImportArn"])["ImportTableDescription"]
        return found if found["ImportStatus"] != "IN_PROGRESS" else None

    return eventually(probe)


def scan(dynamodb, name):
    pages = dynamodb.get_paginator("scan").paginate(TableName=name)
    return {item["pk"]["S"]: item for page in pages for item in page["Items"]}


def read(s3, bucket, key):
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def md5(content):
    return base64.b64encode(hashlib.md5(content).digest()).decode()


@pytest.mark.parametrize("prefix", [None, "dira/dirb"])
def test_a_full_export(dynamodb, s3, bucket, unique, prefix):
    name = unique("table")
    make(dynamodb, name)
    values = {
        "n": {"N": "1.5"},
        "b": {"B": b"\x00\xff"},
        "ns": {"NS": ["1", "2"]},
        "bs": {"BS": [b"a"]},
        "m": {"M": {"l": {"L": [{"NULL": True}, {"BOOL": False}, {"S": 'q"\n'}]}}},
    }
    for i in range(5):
        dynamodb.put_item(TableName=name, Item={"pk": {"S": f"{i}"}, **values})
    request = {"TableArn": arn(name), "S3Bucket": bucket}
    export = exported(dynamodb, **request, **({"S3Prefix": prefix} if prefix else {}))
    assert export["ExportStatus"] == "COMPLETED", export
    assert export["ItemCount"] == 5 and export["BilledSizeBytes"] > 0
    assert export["ExportFormat"] == "DYNAMODB_JSON" and export["ClientToken"]
    assert "ExportType" not in export
    export_id = export["ExportArn"].split("/")[-1]
    root = f"{prefix}/AWSDynamoDB" if prefix else "AWSDynamoDB"
    folder = f"{root}/{export_id}"
    assert export["ExportManifest"] == f"{folder}/manifest-summary.json"
    keys = {found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    [data] = [key for key in keys if key.startswith(f"{folder}/data/")]
    manifests = ["manifest-files.json", "manifest-files.md5", "manifest-summary.json", "manifest-summary.md5"]
    assert keys == {data, f"{folder}/_started", *(f"{folder}/{name}" for name in manifests)}
    for manifest in ["manifest-files", "manifest-summary"]:
        content = read(s3, bucket, f"{folder}/{manifest}.json")
        assert md5(content) == read(s3, bucket, f"{folder}/{manifest}.md5").decode()
    summary = json.loads(read(s3, bucket, f"{folder}/manifest-summary.json"))
    assert summary["manifestFilesS3Key"] == f"{folder}/manifest-files.json"
    assert summary["exportArn"] == export["ExportArn"] and summary["tableArn"] == arn(name)
    assert summary["itemCount"] == 5 and summary["outputFormat"] == "DYNAMODB_JSON"
    assert summary["s3Prefix"] == prefix and summary["exportType"] == "FULL_EXPORT"
    assert summary["startTime"] <= summary["endTime"]
    [line] = read(s3, bucket, f"{folder}/manifest-files.json").decode().splitlines()
    line = json.loads(line)
    content = read(s3, bucket, data)
    assert line["dataFileS3Key"] == data and line["md5Checksum"] == md5(content)
    assert s3.get_object(Bucket=bucket, Key=data, IfMatch=line["etag"])["ContentLength"] == len(content)
    items = [json.loads(line)["Item"] for line in gzip.decompress(content).decode().splitlines()]
    assert sorted(item["pk"]["S"] for item in items) == ["0", "1", "2", "3", "4"]
    encoded = {"B": base64.b64encode(b"\x00\xff").decode()}
    assert items[0]["b"] == encoded and items[0]["m"] == values["m"] and items[0]["n"] == values["n"]
    # What was exported can be imported.
    copy = unique("table")
    source = {"S3Bucket": bucket, "S3KeyPrefix": f"{folder}/data/"}
    parameters = {"TableName": copy, **KEYS}
    result = imported(
        dynamodb,
        S3BucketSource=source,
        InputFormat="DYNAMODB_JSON",
        InputCompressionType="GZIP",
        TableCreationParameters=parameters,
    )
    assert result["ImportStatus"] == "COMPLETED", result
    assert (result["ImportedItemCount"], result["ProcessedItemCount"], result["ErrorCount"]) == (5, 5, 0)
    assert scan(dynamodb, copy) == scan(dynamodb, name)


def test_an_export_goes_back_in_time(dynamodb, s3, bucket, unique):
    name = unique("table")
    make(dynamodb, name)
    for i in range(4):
        put(dynamodb, name, f"{i}", i)
    time.sleep(1.1)
    at = int(time.time())
    time.sleep(1.1)
    put(dynamodb, name, "0", 100)
    put(dynamodb, name, "0", 200)
    dynamodb.delete_item(TableName=name, Key={"pk": {"S": "1"}})
    put(dynamodb, name, "new", 1)
    key = str(uuid.uuid4())
    export = exported(dynamodb, TableArn=arn(name), S3Bucket=bucket, ExportTime=at, ClientToken=key)
    assert export["ExportStatus"] == "COMPLETED" and export["ItemCount"] == 4
    folder = export["ExportManifest"].rsplit("/", 1)[0]
    [data] = s3.list_objects_v2(Bucket=bucket, Prefix=f"{folder}/data/")["Contents"]
    lines = gzip.decompress(read(s3, bucket, data["Key"])).decode().splitlines()
    items = {item["pk"]["S"]: item["n"]["N"] for item in (json.loads(line)["Item"] for line in lines)}
    assert items == {"0": "0", "1": "1", "2": "2", "3": "3"}
    # The same request again is the same export, another one with its token is none.
    again = dynamodb.export_table_to_point_in_time(
        TableArn=arn(name), S3Bucket=bucket, ExportTime=at, ClientToken=key
    )["ExportDescription"]
    assert again["ExportArn"] == export["ExportArn"]
    code, message = error_of(
        dynamodb.export_table_to_point_in_time,
        TableArn=arn(name),
        S3Bucket=bucket,
        S3Prefix="other",
        ClientToken=key,
    )
    assert code == "ExportConflictException" and "Duplicate request detected" in message
    summaries = dynamodb.list_exports(TableArn=arn(name))["ExportSummaries"]
    expected = {"ExportArn": export["ExportArn"], "ExportStatus": "COMPLETED", "ExportType": "FULL_EXPORT"}
    assert summaries == [expected]


def test_exports_that_cannot_be(dynamodb, bucket, unique):
    name = unique("table")
    dynamodb.create_table(TableName=name, **KEYS)

    def refused(**request):
        return error_of(dynamodb.export_table_to_point_in_time, **{"TableArn": arn(name), "S3Bucket": bucket, **request})

    code, message = refused()
    assert code == "PointInTimeRecoveryUnavailableException" and name in message
    # The whole ARN, where others that miss a table give its name.
    nowhere = arn("nowhere")
    missing = ("TableNotFoundException", f"Table not found: {nowhere}")
    assert refused(TableArn=nowhere) == missing
    recovery = {"PointInTimeRecoveryEnabled": True}
    dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=recovery)
    assert refused(ExportFormat="ION")[0] == "NotImplementedException"
    assert refused(ExportTime=1)[0] == "InvalidExportTimeException"
    now = int(time.time())
    window = {"ExportFromTime": now - 2, "ExportToTime": now}
    code, message = refused(ExportType="INCREMENTAL_EXPORT", IncrementalExportSpecification=window)
    assert code == "InvalidExportTimeException" and "Difference between export period" in message
    window = {"ExportFromTime": now - 3600, "ExportToTime": now}
    code, message = refused(ExportType="INCREMENTAL_EXPORT", IncrementalExportSpecification=window)
    assert code == "InvalidExportTimeException" and "ExportFromTime" in message
    code, message = error_of(dynamodb.describe_export, ExportArn=arn(name))
    assert code == "ValidationException" and "Invalid Export ARN" in message
    other = f"arn:aws:dynamodb:{REGION}:999999999999:table/{name}/export/x"
    assert error_of(dynamodb.describe_export, ExportArn=other)[0] == "AccessDeniedException"
    code, _ = error_of(dynamodb.describe_export, ExportArn=f"{arn(name)}/export/01-x")
    assert code == "ExportNotFoundException"
    export = exported(dynamodb, TableArn=arn(name), S3Bucket=f"none-{uuid.uuid4()}")
    assert (export["ExportStatus"], export["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    assert "bucket does not exist" in export["FailureMessage"]
    export = exported(dynamodb, TableArn=arn(name), S3Bucket=bucket, S3BucketOwner="999999999999")
    assert (export["ExportStatus"], export["FailureCode"]) == ("FAILED", "S3AccessDenied")
    # Pages.
    arns = []
    token = {}
    while True:
        page = dynamodb.list_exports(TableArn=arn(name), MaxResults=1, **token)
        arns += [summary["ExportArn"] for summary in page["ExportSummaries"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert len(arns) == 2 and arns == sorted(arns)


def test_exports_are_encrypted_as_asked(dynamodb, client, s3, bucket, unique):
    name = unique("table")
    make(dynamodb, name)
    put(dynamodb, name, "a", 1)
    key = client("kms").create_key()["KeyMetadata"]
    request = {"TableArn": arn(name), "S3Bucket": bucket, "S3SseAlgorithm": "KMS", "S3SseKmsKeyId": key["KeyId"]}
    export = exported(dynamodb, **request)
    assert export["ExportStatus"] == "COMPLETED" and export["S3SseAlgorithm"] == "KMS"
    head = s3.head_object(Bucket=bucket, Key=export["ExportManifest"])
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key["Arn"])
    wrong = {**request, "S3SseAlgorithm": "AES256"}
    assert error_of(dynamodb.export_table_to_point_in_time, **wrong)[0] == "ValidationException"


def test_exports_and_imports_act_in_the_callers_name(client, s3, bucket, dynamodb, unique):
    name = unique("table")
    make(dynamodb, name)
    put(dynamodb, name, "a", 1)
    iam = client("iam")
    user = unique("user")
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    secret = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    theirs = client("dynamodb", **secret)
    allow = lambda *actions: iam.put_user_policy(
        UserName=user,
        PolicyName="p",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}],
            }
        ),
    )
    request = {"TableArn": arn(name), "S3Bucket": bucket}
    assert error_of(theirs.export_table_to_point_in_time, **request)[0] == "AccessDeniedException"
    allow("dynamodb:*")
    export = exported(theirs, **request)
    assert (export["ExportStatus"], export["FailureCode"]) == ("FAILED", "S3AccessDenied")
    parameters = {"TableName": unique("table"), **KEYS}
    source = {"S3BucketSource": {"S3Bucket": bucket}, "InputFormat": "DYNAMODB_JSON"}
    result = imported(theirs, **source, TableCreationParameters=parameters)
    assert (result["ImportStatus"], result["FailureCode"]) == ("FAILED", "S3AccessDenied")
    # The table of an import that could not begin is gone.
    code, _ = error_of(dynamodb.describe_table, TableName=parameters["TableName"])
    assert code == "ResourceNotFoundException"
    allow("dynamodb:*", "s3:PutObject")
    assert exported(theirs, **request)["ExportStatus"] == "COMPLETED"


def test_imports_of_csv(dynamodb, client, s3, bucket, unique):
    rows = 'pk,rank,name\r\na,1,"Kim, ""K"""\r\nb,2,"two\nlines"\r\n'
    s3.put_object(Bucket=bucket, Key="in/1.csv", Body=rows.encode())
    s3.put_object(Bucket=bucket, Key="in/2.csv", Body=b"pk,rank,name\nc,x,wrong number\nd,3\ne,5,")
    name = unique("table")
    parameters = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": KEYS["KeySchema"],
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "rank", "AttributeType": "N"},
        ],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by-rank",
                "KeySchema": [{"AttributeName": "rank", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    }
    request = {
        "S3BucketSource": {"S3Bucket": bucket, "S3KeyPrefix": "in/"},
        "InputFormat": "CSV",
        "ClientToken": str(uuid.uuid4()),
        "TableCreationParameters": parameters,
    }
    result = imported(dynamodb, **request)
    counts = (result["ImportedItemCount"], result["ProcessedItemCount"], result["ErrorCount"])
    assert counts == (3, 5, 2), result
    assert (result["ImportStatus"], result["FailureCode"]) == ("FAILED", "ItemValidationError")
    assert result["TableCreationParameters"] == parameters
    assert scan(dynamodb, name) == {
        "a": {"pk": {"S": "a"}, "rank": {"N": "1"}, "name": {"S": 'Kim, "K"'}},
        "b": {"pk": {"S": "b"}, "rank": {"N": "2"}, "name": {"S": "two\nlines"}},
        "e": {"pk": {"S": "e"}, "rank": {"N": "5"}, "name": {"S": ""}},
    }
    found = dynamodb.query(
        TableName=name,
        IndexName="by-rank",
        KeyConditionExpression="#r = :two",
        ExpressionAttributeNames={"#r": "rank"},
        ExpressionAttributeValues={":two": {"N": "2"}},
    )
    assert [item["pk"]["S"] for item in found["Items"]] == ["b"]
    # What is wrong is in the log.
    group, stream = result["CloudWatchLogGroupArn"].split(":")[6], result["ImportArn"].split("/")[-1]
    events = client("logs").get_log_events(logGroupName=group, logStreamName=f"{stream}/error")["events"]
    pointers = [json.loads(event["message"])["itemS3Pointer"] for event in events]
    assert pointers == [{"bucket": bucket, "key": "in/2.csv", "itemIndex": index} for index in [0, 1]]
    # Tokens.
    again = dynamodb.import_table(**request)["ImportTableDescription"]
    assert again["ImportArn"] == result["ImportArn"]
    other = {**request, "InputFormat": "DYNAMODB_JSON"}
    assert error_of(dynamodb.import_table, **other)[0] == "ImportConflictException"
    taken = {**request, "ClientToken": str(uuid.uuid4())}
    assert error_of(dynamodb.import_table, **taken)[0] == "ResourceInUseException"
    summaries = dynamodb.list_imports(TableArn=arn(name), PageSize=5)["ImportSummaryList"]
    assert [summary["ImportArn"] for summary in summaries] == [result["ImportArn"]]


def test_imports_that_cannot_be(dynamodb, s3, bucket, unique):
    s3.put_object(Bucket=bucket, Key="plain.json", Body=b'{"Item":{"pk":{"S":"a"}}}\n')

    def request(**more):
        base = {"S3BucketSource": {"S3Bucket": bucket}, "InputFormat": "DYNAMODB_JSON"}
        return {**base, "TableCreationParameters": {"TableName": unique("table"), **KEYS}, **more}

    for more in [{"InputFormat": "ION"}, {"InputCompressionType": "ZSTD"}]:
        assert error_of(dynamodb.import_table, **request(**more))[0] == "NotImplementedException"
    cases = [
        ({"S3BucketSource": {"S3Bucket": f"none-{uuid.uuid4()}"}}, "S3NoSuchBucket"),
        ({"S3BucketSource": {"S3Bucket": bucket, "S3KeyPrefix": "none/"}}, "S3NoSuchKey"),
        ({"InputCompressionType": "GZIP"}, "S3InvalidObject"),
    ]
    for more, code in cases:
        result = imported(dynamodb, **request(**more))
        assert (result["ImportStatus"], result["FailureCode"]) == ("FAILED", code)
    made = [dynamodb.import_table(**request())["ImportTableDescription"]["ImportArn"] for _ in range(3)]
    found, token = [], {}
    while True:
        page = dynamodb.list_imports(PageSize=2, **token)
        found += [summary["ImportArn"] for summary in page["ImportSummaryList"]]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert set(made) <= set(found) and len(found) == len(set(found))


def test_compressed_requests(endpoint, client, unique):
    """boto3 compresses what a service's model says; here every request is, as SDKs may do."""
    import urllib3

    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    name = unique("table")
    client("dynamodb").create_table(TableName=name, **KEYS)
    http = urllib3.PoolManager()

    def send(service, target, body, encoding):
        kind = "application/x-amz-json-1.0" if target else "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, "Content-Encoding": encoding}
        headers |= {"X-Amz-Target": target} if target else {}
        request = AWSRequest("POST", f"{endpoint}/", headers=headers, data=body)
        SigV4Auth(Credentials("test", "test"), service, REGION).add_auth(request)
        answer = http.request("POST", f"{endpoint}/", headers=dict(request.headers), body=body)
        return answer.status, answer.data.decode()

    item = {"pk": {"S": "a"}, "v": {"S": "v" * 10_000}}
    body = json.dumps({"TableName": name, "Item": item}).encode()
    target = "DynamoDB_20120810.PutItem"
    assert send("dynamodb", target, gzip.compress(body), "gzip")[0] == 200
    found = client("dynamodb").get_item(TableName=name, Key={"pk": {"S": "a"}})["Item"]
    assert found == item
    status, answer = send("dynamodb", target, body, "gzip")
    assert status == 400 and "SerializationException" in answer
    bomb = gzip.compress(b" " * (64 * 1024 * 1024))
    assert len(bomb) < 100_000
    status, answer = send("dynamodb", target, bomb, "gzip")
    assert status == 413 and "RequestTooLargeException" in answer
    # A form's operation is in its body, too.
    form = gzip.compress(b"Action=GetCallerIdentity&Version=2011-06-15")
    status, answer = send("sts", None, form, "gzip")
    assert status == 200 and ACCOUNT in answer


def test_compressed_answers(endpoint, client, unique):
    """Answers above 4 KB are packed for clients that take that; the checksum is of what is sent."""
    import urllib3
    import zlib

    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    name = unique("table")
    dynamodb = client("dynamodb")
    dynamodb.create_table(TableName=name, **KEYS)
    long = {"pk": {"S": "long"}, "v": {"S": "v" * 10_000}}
    short = {"pk": {"S": "short"}, "v": {"S": "v"}}
    for item in (long, short):
        dynamodb.put_item(TableName=name, Item=item)
    http = urllib3.PoolManager()

    def get(key, accepted):
        body = json.dumps({"TableName": name, "Key": {"pk": {"S": key}}}).encode()
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "DynamoDB_20120810.GetItem"}
        request = AWSRequest("POST", f"{endpoint}/", headers=headers, data=body)
        SigV4Auth(Credentials("test", "test"), "dynamodb", REGION).add_auth(request)
        headers = dict(request.headers) | ({"Accept-Encoding": accepted} if accepted else {})
        answer = http.request("POST", f"{endpoint}/", headers=headers, body=body, decode_content=False)
        assert int(answer.headers["x-amz-crc32"]) == zlib.crc32(answer.data)
        return answer.headers.get("Content-Encoding"), answer.data

    unpack = {"gzip": gzip.decompress, "deflate": zlib.decompress}
    asked = {"gzip": "gzip", "deflate;q=0.5, gzip;q=0.8": "gzip", "*": "gzip", "deflate": "deflate"}
    for accepted, expected in asked.items():
        encoding, data = get("long", accepted)
        assert encoding == expected and len(data) < 1000
        assert json.loads(unpack[encoding](data))["Item"] == long
        encoding, data = get("short", accepted)
        assert encoding is None and json.loads(data)["Item"] == short
    for accepted in (None, "identity", "gzip;q=0"):
        encoding, data = get("long", accepted)
        assert encoding is None and json.loads(data)["Item"] == long
