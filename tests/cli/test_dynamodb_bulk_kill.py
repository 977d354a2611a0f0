"""A bulk operation goes on after kill -9: nothing is put or told twice, or not at all."""

import gzip
import json

import pytest
from conftest import REGION, eventually
from test_dynamodb_sse import Cloud, on_disk

SECRET = "nobody-expects-this-"
KEYS = {
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path / "data")
    yield made
    made.stop(kill=True)


def test_kill(cloud):
    objects, records = 3, 2000
    ddb, s3 = cloud.client("dynamodb"), cloud.client("s3")
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    sealed = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}
    ddb.create_table(TableName="Flights", SSESpecification=sealed, **KEYS)
    there = {"pk": {"S": "there"}, "n": {"S": f"{SECRET}there"}}
    ddb.put_item(TableName="Flights", Item=there)
    s3.create_bucket(Bucket="bulk", CreateBucketConfiguration={"LocationConstraint": REGION})

    def line(i, j):
        # Each tenth is put only if it is not there, which the second of its kind finds; each
        # hundredth is no item.
        if j % 100 == 99:
            return "no json"
        if j % 10 == 9:
            condition = "attribute_not_exists(pk)"
            return json.dumps({"Item": {"pk": {"S": "there"}, "i": {"N": f"{i}"}}, "ConditionExpression": condition})
        return json.dumps({"Item": {"pk": {"S": f"{i}-{j}"}, "n": {"S": "x" * 700}}})

    for i in range(objects):
        body = "\n".join(line(i, j) for j in range(records)).encode()
        s3.put_object(Bucket="bulk", Key=f"in/{i}.gz", Body=gzip.compress(body))
    started = ddb.start_bulk_put_items(
        TableName="Flights",
        InputS3Configuration={
            "S3Bucket": "bulk",
            "S3KeyPrefix": "in/",
            "InputFormat": "DYNAMODB_JSON",
            "InputCompressionType": "GZIP",
        },
        OutputS3Configuration={"S3Bucket": "bulk", "OutputType": ["ERROR", "CONDITION_CHECK_FAILURE"]},
        MaxWriteRequestUnits=1500,
    )["BulkOperationDescription"]
    arn = started["BulkOperationArn"]
    describe = lambda: cloud.client("dynamodb").describe_bulk_operation(BulkOperationArn=arn)["BulkOperationDescription"]
    seen = 0
    for _ in range(3):
        eventually(lambda: describe()["ProcessedItemCount"] > seen, 30)
        cloud.stop(kill=True)
        # What waits to be told is under the table's key.
        assert on_disk(cloud.folder, SECRET) == []
        cloud.start()
        seen = describe()["ProcessedItemCount"]
    done = eventually(lambda: (d := describe())["BulkOperationStatus"] != "IN_PROGRESS" and d, 60)
    assert done["BulkOperationStatus"] == "COMPLETED_WITH_ERRORS", done
    assert done["ProcessedItemCount"] == objects * records
    assert done["FailedItemCount"] == objects * records // 100
    assert done["ProcessedInputBytes"] == done["TotalInputBytes"]
    ddb, s3 = cloud.client("dynamodb"), cloud.client("s3")
    pages = ddb.get_paginator("scan").paginate(TableName="Flights")
    found = {item["pk"]["S"]: item for page in pages for item in page["Items"]}
    expected = {f"{i}-{j}" for i in range(objects) for j in range(records) if j % 10 != 9}
    assert set(found) == expected | {"there"} and found["there"] == there
    folder = f"AWSDynamoDB/{arn.split('/')[-1]}"
    manifest = s3.get_object(Bucket="bulk", Key=f"{folder}/manifest-files.json")["Body"].read()
    told = {"ERROR": [], "CONDITION_CHECK_FAILURE": []}
    for file in map(json.loads, manifest.splitlines()):
        content = gzip.decompress(s3.get_object(Bucket="bulk", Key=file["dataFileS3Key"])["Body"].read())
        told[file["outputType"]] += map(json.loads, content.splitlines())
    at = lambda kind: [(p["key"], p["itemIndex"]) for p in (line["itemS3Pointer"] for line in told[kind])]
    every = [(f"in/{i}.gz", j) for i in range(objects) for j in range(9, records, 10)]
    assert at("ERROR") == [place for place in every if place[1] % 100 == 99]
    assert at("CONDITION_CHECK_FAILURE") == [place for place in every if place[1] % 100 != 99]
    assert all(line["ExistingItem"] == there for line in told["CONDITION_CHECK_FAILURE"])
    fsck = cloud.gureum("fsck", "--endpoint", cloud.endpoint)
    assert fsck["dynamodb"]["problemCount"] == 0
