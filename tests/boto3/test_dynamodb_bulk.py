"""Bulk operations: the items of objects in S3 put into a table, with boto3."""

import base64
import gzip
import hashlib
import json
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
    name = f"bulk-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return name


@pytest.fixture
def table(dynamodb, unique):
    name = unique("table")
    dynamodb.create_table(TableName=name, **KEYS)
    return name


def record(pk, condition=None, names=None, values=None, **attributes):
    """A line of input."""
    members = {
        "Item": {"pk": {"S": pk}, **attributes},
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }
    return {name: member for name, member in members.items() if member is not None}


def lines(*records):
    return "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records).encode()


def request(table, bucket, **more):
    source = {"S3Bucket": bucket, "S3KeyPrefix": "in/", "InputFormat": "DYNAMODB_JSON"}
    target = {"S3Bucket": bucket, "S3KeyPrefix": "out", "OutputType": ["ERROR", "CONDITION_CHECK_FAILURE"]}
    return {
        "TableName": table,
        "InputS3Configuration": {**source, **more.pop("source", {})},
        "OutputS3Configuration": {**target, **more.pop("target", {})},
        **more,
    }


def ended(dynamodb, arn, seconds=30):
    def probe():
        found = dynamodb.describe_bulk_operation(BulkOperationArn=arn)["BulkOperationDescription"]
        return found if found["BulkOperationStatus"] not in ("IN_PROGRESS", "CANCELLING") else None

    return eventually(probe, seconds)


def run(dynamodb, **arguments):
    started = dynamodb.start_bulk_put_items(**arguments)["BulkOperationDescription"]
    assert started["BulkOperationStatus"] == "IN_PROGRESS" and "EndTime" not in started
    return ended(dynamodb, started["BulkOperationArn"])


def scan(dynamodb, name):
    pages = dynamodb.get_paginator("scan").paginate(TableName=name)
    return {item["pk"]["S"]: item for page in pages for item in page["Items"]}


def read(s3, bucket, key):
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def report(s3, bucket, description, prefix="out"):
    """The summary, and the lines of each kind, as the manifests lead to them."""
    folder = f"{prefix}/AWSDynamoDB/{description['BulkOperationArn'].split('/')[-1]}"
    for manifest in ["manifest-files", "manifest-summary"]:
        content = read(s3, bucket, f"{folder}/{manifest}.json")
        sum = base64.b64encode(hashlib.md5(content).digest())
        assert sum == read(s3, bucket, f"{folder}/{manifest}.md5")
    summary = json.loads(read(s3, bucket, f"{folder}/manifest-summary.json"))
    found = {"ERROR": [], "CONDITION_CHECK_FAILURE": []}
    for line in read(s3, bucket, summary["manifestFilesS3Key"]).splitlines():
        file = json.loads(line)
        content = s3.get_object(Bucket=bucket, Key=file["dataFileS3Key"], IfMatch=file["etag"])["Body"].read()
        assert file["md5Checksum"] == base64.b64encode(hashlib.md5(content).digest()).decode()
        told = [json.loads(line) for line in gzip.decompress(content).splitlines()]
        assert len(told) == file["itemCount"]
        assert file["dataFileS3Key"].startswith(f"{folder}/{file['outputType']}/")
        found[file["outputType"]] += told
    return summary, found


def test_items_of_many_objects(dynamodb, s3, bucket, table):
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "b0-0"}, "old": {"BOOL": True}})
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "kept"}})
    s3.put_object(Bucket=bucket, Key="in/", Body=b"")
    s3.put_object(Bucket=bucket, Key="elsewhere/x.json", Body=lines(record("elsewhere")))
    size = 0
    for i, name in enumerate(["b", "a", "c"]):
        body = lines(*(record(f"{name}{i}-{j}", n={"N": str(j)}, b={"B": "AA=="}) for j in range(700 * i + 1)))
        s3.put_object(Bucket=bucket, Key=f"in/{name}.json", Body=body)
        size += len(body)
    done = run(dynamodb, **request(table, bucket))
    assert done["BulkOperationStatus"] == "COMPLETED", done
    assert (done["ProcessedItemCount"], done["FailedItemCount"]) == (1 + 701 + 1401, 0)
    assert done["ProcessedInputBytes"] == done["TotalInputBytes"] == size
    assert done["StartTime"] <= done["EndTime"] and done["ClientToken"]
    assert done["PerformanceTier"] == "STANDARD" and "MaxWriteRequestUnits" not in done
    assert "FailureCode" not in done and "FailureMessage" not in done
    made = dynamodb.describe_table(TableName=table)["Table"]
    assert done["TableDetails"] == [{"TableName": table, "TableId": made["TableId"]}]
    items = scan(dynamodb, table)
    assert len(items) == 1 + 701 + 1401 + 1 and "elsewhere" not in items
    assert items["b0-0"] == {"pk": {"S": "b0-0"}, "n": {"N": "0"}, "b": {"B": b"\x00"}}
    [usage] = done["BulkOperationUsage"]
    # As items are measured: names, texts, two bytes of a number of up to two digits or three.
    bytes = sum(2 + len(pk) + 1 + (2 if len(i["n"]["N"]) < 3 else 3) + 1 + 1 for pk, i in items.items() if pk != "kept")
    assert abs(usage["BulkPutBytes"] - bytes) < 1500 and usage["Table"]["BulkPutBytes"] == usage["BulkPutBytes"]
    summary, told = report(s3, bucket, done)
    assert summary["bulkOperationStatus"] == "COMPLETED" and told == {"ERROR": [], "CONDITION_CHECK_FAILURE": []}
    assert summary["processedItemCount"] == done["ProcessedItemCount"]
    assert summary["tableArn"] == made["TableArn"] and summary["tableId"] == made["TableId"]


def test_what_is_not_put_is_told(dynamodb, s3, bucket, table):
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "there"}, "v": {"N": "3"}})
    large = {"S": "x" * (400 * 1024)}
    newer = dict(names={"#v": "v"}, values={":v": {"N": "4"}})
    body = lines(
        record("new", "attribute_not_exists(pk)"),
        record("there", "attribute_not_exists(pk)", n={"N": "1"}),
        record("there", "#v < :v", **newer, v={"N": "4"}),
        record("none", "attribute_exists(pk)"),
        "",
        "no json",
        {"pk": {"S": "bare"}},
        {"Item": {"sk": {"S": "no key"}}},
        {"Item": {"pk": {"N": "1"}}},
        record("large", n=large),
        record("unclear", "v ="),
        {**record("unclear"), "Condition": "attribute_exists(pk)"},
        record("last"),
    )
    s3.put_object(Bucket=bucket, Key="in/all.json.gz", Body=gzip.compress(body))
    s3.put_object(Bucket=bucket, Key="in/broken.json.gz", Body=gzip.compress(lines(record("whole")))[:-12] + b"!!!!")
    done = run(dynamodb, **request(table, bucket, source={"InputCompressionType": "GZIP"}))
    assert done["BulkOperationStatus"] == "COMPLETED_WITH_ERRORS", done
    items = scan(dynamodb, table)
    assert set(items) - {"whole"} == {"there", "new", "last"} and items["there"]["v"] == {"N": "4"}
    summary, told = report(s3, bucket, done)
    at = lambda told: [line["itemS3Pointer"].get("itemIndex") for line in told if "all" in line["itemS3Pointer"]["key"]]
    assert at(told["CONDITION_CHECK_FAILURE"]) == [1, 3]
    assert at(told["ERROR"]) == [4, 5, 6, 7, 8, 9, 10]
    there, none = told["CONDITION_CHECK_FAILURE"]
    assert there == {
        "itemS3Pointer": {"bucket": bucket, "key": "in/all.json.gz", "itemIndex": 1},
        "Item": {"pk": {"S": "there"}, "n": {"N": "1"}},
        "ExistingItem": {"pk": {"S": "there"}, "v": {"N": "3"}},
    }
    assert none["Item"] == {"pk": {"S": "none"}} and "ExistingItem" not in none
    texts = [line["errorMessages"][0] for line in told["ERROR"]]
    for text, part in zip(texts, ["not JSON", "member Item", "Missing the key pk", "Type mismatch", "maximum allowed size"]):
        assert part in text
    assert told["ERROR"][2]["Item"] == {"sk": {"S": "no key"}}
    assert "Syntax error" in texts[5] and "Condition" in texts[6]
    # The object that could not be read to its end.
    assert told["ERROR"][7]["itemS3Pointer"] == {"bucket": bucket, "key": "in/broken.json.gz"}
    assert done["FailedItemCount"] == 8 == summary["failedItemCount"]
    assert summary["conditionCheckFailureCount"] == 2
    assert done["ProcessedItemCount"] == 13 + ("whole" in items) == summary["processedItemCount"]


def test_conditions_alone_are_no_errors(dynamodb, s3, bucket, table):
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "there"}})
    s3.put_object(Bucket=bucket, Key="in/x", Body=lines(record("there", "attribute_not_exists(pk)"), "no json"))
    done = run(dynamodb, **request(table, bucket, target={"OutputType": ["CONDITION_CHECK_FAILURE"]}))
    assert (done["BulkOperationStatus"], done["FailedItemCount"]) == ("COMPLETED_WITH_ERRORS", 1)
    _, told = report(s3, bucket, done)
    assert told["ERROR"] == [] and len(told["CONDITION_CHECK_FAILURE"]) == 1
    s3.put_object(Bucket=bucket, Key="in/x", Body=lines(record("there", "attribute_not_exists(pk)")))
    done = run(dynamodb, **request(table, bucket, target={"OutputType": ["ERROR"]}))
    assert (done["BulkOperationStatus"], done["FailedItemCount"]) == ("COMPLETED", 0)
    assert done["ProcessedItemCount"] == 1 and done["OutputS3Configuration"]["OutputType"] == ["ERROR"]
    assert report(s3, bucket, done)[1] == {"ERROR": [], "CONDITION_CHECK_FAILURE": []}


def test_indexes_and_streams_follow(client, dynamodb, s3, bucket, unique):
    name = unique("table")
    projection = {"Projection": {"ProjectionType": "ALL"}}
    key = lambda *names: [{"AttributeName": n, "KeyType": k} for n, k in zip(names, ["HASH", "RANGE"])]
    dynamodb.create_table(
        TableName=name,
        KeySchema=key("pk", "sk"),
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk", "crew")],
        LocalSecondaryIndexes=[{"IndexName": "local", "KeySchema": key("pk", "crew"), **projection}],
        GlobalSecondaryIndexes=[{"IndexName": "global", "KeySchema": key("crew"), **projection}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    items = [record(f"p{i}", sk={"S": "s"}, crew={"S": "red"}) for i in range(3)]
    bare = record("bare", sk={"S": "s"})
    wrong = record("wrong", sk={"S": "s"}, crew={"N": "1"})
    s3.put_object(Bucket=bucket, Key="in/x", Body=lines(*items, bare, wrong))
    done = run(dynamodb, **request(name, bucket))
    assert (done["ProcessedItemCount"], done["FailedItemCount"]) == (5, 1)
    found = dynamodb.query(
        TableName=name,
        IndexName="global",
        KeyConditionExpression="crew = :red",
        ExpressionAttributeValues={":red": {"S": "red"}},
    )
    assert sorted(item["pk"]["S"] for item in found["Items"]) == ["p0", "p1", "p2"]
    [usage] = done["BulkOperationUsage"]
    item, shared = 2 + 2 + 2 + 1 + 4 + 3, 2 + 4 + 2 + 1
    assert usage["Table"] == {"BulkPutBytes": 3 * item + shared}
    assert usage["LocalSecondaryIndexes"] == {"local": {"BulkPutBytes": 3 * item}}
    assert usage["GlobalSecondaryIndexes"] == {"global": {"BulkPutBytes": 3 * item}}
    assert usage["BulkPutBytes"] == 9 * item + shared and "VectorIndexes" not in usage
    streams = client("dynamodbstreams")
    stream = dynamodb.describe_table(TableName=name)["Table"]["LatestStreamArn"]
    [shard] = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(StreamArn=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")
    records = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    assert [r["eventName"] for r in records] == ["INSERT"] * 4
    _, told = report(s3, bucket, done)
    assert [line["Item"]["pk"]["S"] for line in told["ERROR"]] == ["wrong"]


def test_cancelled(dynamodb, s3, bucket, table):
    # At this pace it would take half a minute.
    for i in range(4):
        s3.put_object(Bucket=bucket, Key=f"in/{i}", Body=lines(*(record(f"{i}-{j}") for j in range(8192))))
    started = dynamodb.start_bulk_put_items(**request(table, bucket, MaxWriteRequestUnits=1024))
    arn = started["BulkOperationDescription"]["BulkOperationArn"]
    describe = lambda: dynamodb.describe_bulk_operation(BulkOperationArn=arn)["BulkOperationDescription"]
    found = eventually(lambda: (d := describe())["ProcessedItemCount"] > 0 and d)
    assert found["BulkOperationStatus"] == "IN_PROGRESS" and found["MaxWriteRequestUnits"] == 1024
    assert 0 < found["ProcessedInputBytes"] < found["TotalInputBytes"]
    # The table has one at a time, and no replica meanwhile.
    code, message = error_of(dynamodb.start_bulk_put_items, **request(table, bucket))
    assert code == "LimitExceededException" and table in message
    replica = [{"Create": {"RegionName": "us-east-1"}}]
    assert error_of(dynamodb.update_table, TableName=table, ReplicaUpdates=replica)[0] == "ResourceInUseException"
    answer = dynamodb.cancel_bulk_operation(BulkOperationArn=arn)
    assert (answer["BulkOperationArn"], answer["BulkOperationStatus"]) == (arn, "CANCELLING")
    done = ended(dynamodb, arn)
    assert done["BulkOperationStatus"] == "CANCELLED" and done["FailureCode"] and done["FailureMessage"]
    assert 0 < done["ProcessedItemCount"] < 4 * 8192
    # What is put stays.
    assert len(scan(dynamodb, table)) == done["ProcessedItemCount"]
    assert report(s3, bucket, done)[0]["bulkOperationStatus"] == "CANCELLED"
    code, message = error_of(dynamodb.cancel_bulk_operation, BulkOperationArn=arn)
    assert code == "ValidationException" and "CANCELLED" in message
    s3.put_object(Bucket=bucket, Key="one/x", Body=lines(record("one")))
    again = run(dynamodb, **request(table, bucket, source={"S3KeyPrefix": "one/"}))
    assert again["BulkOperationStatus"] == "COMPLETED"


def test_one_that_fails_in_the_middle(dynamodb, s3, bucket, table):
    s3.put_object(Bucket=bucket, Key="in/a", Body=lines(*(record(f"a{i}") for i in range(5000))))
    s3.put_object(Bucket=bucket, Key="in/b", Body=lines(record("b")))
    started = dynamodb.start_bulk_put_items(**request(table, bucket, MaxWriteRequestUnits=1024))
    arn = started["BulkOperationDescription"]["BulkOperationArn"]
    describe = lambda: dynamodb.describe_bulk_operation(BulkOperationArn=arn)["BulkOperationDescription"]
    eventually(lambda: describe()["ProcessedItemCount"] > 0)
    # Its input is not what it was when it began.
    s3.put_object(Bucket=bucket, Key="in/b", Body=lines(record("other")))
    done = ended(dynamodb, arn)
    assert (done["BulkOperationStatus"], done["FailureCode"]) == ("FAILED", "S3PreconditionFailed"), done
    assert done["ProcessedItemCount"] == 5000 == len(scan(dynamodb, table))
    assert report(s3, bucket, done)[0]["failureCode"] == "S3PreconditionFailed"
    # Its table goes away.
    started = dynamodb.start_bulk_put_items(**request(table, bucket, MaxWriteRequestUnits=1024))
    dynamodb.delete_table(TableName=table)
    done = ended(dynamodb, started["BulkOperationDescription"]["BulkOperationArn"])
    assert (done["BulkOperationStatus"], done["FailureCode"]) == ("FAILED", "ResourceNotFoundException")


def test_those_that_cannot_be(client, dynamodb, s3, bucket, table, unique):
    start = dynamodb.start_bulk_put_items
    refused = lambda **more: error_of(start, **request(more.pop("name", table), bucket, **more))
    assert refused(name=unique("none"))[0] == "ResourceNotFoundException"
    assert refused(source={"InputFormat": "ION"})[0] == "NotImplementedException"
    assert refused(source={"InputCompressionType": "ZSTD"})[0] == "NotImplementedException"
    assert refused(source={"InputFormat": "CSV"})[0] == "ValidationException"
    assert refused(target={"OutputType": []})[0] == "ValidationException"
    assert refused(target={"S3SseKmsKeyId": "x"})[0] == "ValidationException"
    unchecked = client("dynamodb", config=Config(parameter_validation=False))
    code, message = error_of(unchecked.start_bulk_put_items, **request(table, bucket, MaxWriteRequestUnits=1000))
    assert code == "ValidationException" and "1024" in message
    bad = request(table, bucket)
    del bad["OutputS3Configuration"]["S3Bucket"]
    code, message = error_of(start, **bad)
    assert code == "ValidationException" and "s3Bucket" in message
    for more, code in [
        ({"source": {"S3Bucket": f"none-{uuid.uuid4()}"}}, "S3NoSuchBucket"),
        ({"target": {"S3Bucket": f"none-{uuid.uuid4()}"}}, "S3NoSuchBucket"),
        ({"source": {"S3BucketOwner": "999999999999"}}, "S3AccessDenied"),
        ({"source": {"S3KeyPrefix": "nothing/"}}, "S3NoSuchKey"),
    ]:
        done = run(dynamodb, **request(table, bucket, **more))
        assert (done["BulkOperationStatus"], done["FailureCode"]) == ("FAILED", code), done
        assert done["FailureMessage"] and done["ProcessedItemCount"] == 0
    for call in [dynamodb.describe_bulk_operation, dynamodb.cancel_bulk_operation]:
        here = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}"
        assert error_of(call, BulkOperationArn=f"{here}/bulk-operation/01-x")[0] == "ResourceNotFoundException"
        assert error_of(call, BulkOperationArn=here)[0] == "ValidationException"
        other = f"arn:aws:dynamodb:{REGION}:999999999999:table/{table}/bulk-operation/01-x"
        assert error_of(call, BulkOperationArn=other)[0] == "AccessDeniedException"
    # A table of several regions.
    name = unique("global")
    dynamodb.create_table(TableName=name, **KEYS)
    dynamodb.update_table(TableName=name, ReplicaUpdates=[{"Create": {"RegionName": "us-east-1"}}])
    code, message = refused(name=name)
    assert code == "ValidationException" and "global" in message


def test_tokens_and_lists(dynamodb, s3, bucket, table):
    s3.put_object(Bucket=bucket, Key="in/x", Body=lines(record("x")))
    arguments = request(table, bucket, ClientToken=str(uuid.uuid4()), PerformanceTier="ACCELERATED")
    first = run(dynamodb, **arguments)
    assert first["PerformanceTier"] == "ACCELERATED"
    again = dynamodb.start_bulk_put_items(**arguments)["BulkOperationDescription"]
    assert again == first
    code, _ = error_of(dynamodb.start_bulk_put_items, **{**arguments, "PerformanceTier": "STANDARD"})
    assert code == "IdempotentParameterMismatchException"
    made = [first["BulkOperationArn"]] + [run(dynamodb, **request(table, bucket))["BulkOperationArn"] for _ in range(3)]
    found = paged(dynamodb)
    arns = [s["BulkOperationArn"] for s in found]
    assert [arn for arn in arns if arn in made] == made[::-1] and len(set(arns)) == len(arns)
    ours = next(s for s in found if s["BulkOperationArn"] == made[0])
    assert ours == {
        "BulkOperationArn": made[0],
        "BulkOperationStatus": "COMPLETED",
        "StartTime": first["StartTime"],
        "EndTime": first["EndTime"],
    }
    assert len(dynamodb.list_bulk_operations()["BulkOperationsSummaryList"]) <= 10
    assert error_of(dynamodb.list_bulk_operations, NextToken="0" * 16)[0] == "ValidationException"


def paged(dynamodb):
    found, token = [], {}
    while True:
        page = dynamodb.list_bulk_operations(MaxResults=2, **token)
        found += page["BulkOperationsSummaryList"]
        assert len(page["BulkOperationsSummaryList"]) <= 2
        if "NextToken" not in page:
            return found
        token = {"NextToken": page["NextToken"]}


def test_who_may(client, dynamodb, s3, bucket, table, unique):
    """The caller's own access to S3 is what counts."""
    iam, user = client("iam"), unique("user")
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    keys = dict(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    theirs = client("dynamodb", **keys)

    def allow(*actions):
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=document)

    s3.put_object(Bucket=bucket, Key="in/x", Body=lines(record("x")))
    arguments = request(table, bucket)
    allow("dynamodb:PutItem")
    assert error_of(theirs.start_bulk_put_items, **arguments)[0] == "AccessDeniedException"
    ours = ["dynamodb:StartBulkPutItems", "dynamodb:DescribeBulkOperation"]
    allow(*ours, "s3:ListBucket", "s3:GetObject")
    done = run(theirs, **arguments)
    assert (done["BulkOperationStatus"], done["FailureCode"]) == ("FAILED", "S3AccessDenied")
    allow(*ours, "s3:ListBucket", "s3:PutObject")
    done = run(theirs, **arguments)
    assert (done["BulkOperationStatus"], done["FailureCode"]) == ("FAILED", "S3AccessDenied")
    assert scan(dynamodb, table) == {}
    allow(*ours, "s3:ListBucket", "s3:GetObject", "s3:PutObject")
    done = run(theirs, **arguments)
    assert done["BulkOperationStatus"] == "COMPLETED", done
    arn = done["BulkOperationArn"]
    assert error_of(theirs.cancel_bulk_operation, BulkOperationArn=arn)[0] == "AccessDeniedException"
    assert error_of(theirs.list_bulk_operations)[0] == "AccessDeniedException"


def test_reports_are_encrypted_as_asked(client, dynamodb, s3, bucket, table):
    s3.put_object(Bucket=bucket, Key="in/x", Body=lines(record("x"), "no json"))
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    wanted = [({"S3SseAlgorithm": "AES256"}, "AES256"), ({"S3SseAlgorithm": "KMS", "S3SseKmsKeyId": key}, "aws:kms")]
    for target, algorithm in wanted:
        done = run(dynamodb, **request(table, bucket, target=target))
        output = done["OutputS3Configuration"]
        assert {name: output[name] for name in target} == target
        folder = f"out/AWSDynamoDB/{done['BulkOperationArn'].split('/')[-1]}/"
        objects = s3.list_objects_v2(Bucket=bucket, Prefix=folder)["Contents"]
        assert len(objects) == 6
        for found in objects:
            head = s3.head_object(Bucket=bucket, Key=found["Key"])
            assert head["ServerSideEncryption"] == algorithm and head.get("SSEKMSKeyId", key) == key
