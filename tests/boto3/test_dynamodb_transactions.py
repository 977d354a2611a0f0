"""Transactions as boto3 sends them: with a token that botocore makes up, unless one is given."""

import threading

import pytest
from botocore.exceptions import ClientError

KEYS = {
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture
def dynamodb(client):
    return client("dynamodb")


@pytest.fixture
def tables(dynamodb, unique):
    """Two empty tables."""
    names = [unique("seats"), unique("flights")]
    for name in names:
        dynamodb.create_table(TableName=name, **KEYS)
    for name in names:
        dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    yield names
    for name in names:
        dynamodb.delete_table(TableName=name)


def put(table, pk, **more):
    return {"Put": {"TableName": table, "Item": {"pk": {"S": pk}}, **more}}


def add(table, pk):
    return {
        "Update": {
            "TableName": table,
            "Key": {"pk": {"S": pk}},
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }


def number(dynamodb, table, pk):
    item = dynamodb.get_item(TableName=table, Key={"pk": {"S": pk}}, ConsistentRead=True).get("Item")
    return int(item["n"]["N"]) if item else None


def test_all_or_nothing(dynamodb, tables):
    seats, flights = tables
    only_new = {"ConditionExpression": "attribute_not_exists(pk)"}
    dynamodb.transact_write_items(TransactItems=[put(seats, "12A", **only_new), add(flights, "CV1")])
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as canceled:
        dynamodb.transact_write_items(
            TransactItems=[
                add(flights, "CV1"),
                put(seats, "12A", **only_new, ReturnValuesOnConditionCheckFailure="ALL_OLD"),
            ]
        )
    answer = canceled.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert answer["Error"]["Message"] == (
        "Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[None, ConditionalCheckFailed]"
    )
    assert answer["CancellationReasons"] == [
        {"Code": "None"},
        {
            "Code": "ConditionalCheckFailed",
            "Message": "The conditional request failed",
            "Item": {"pk": {"S": "12A"}},
        },
    ]
    assert number(dynamodb, flights, "CV1") == 1

    found = dynamodb.transact_get_items(
        TransactItems=[
            {"Get": {"TableName": flights, "Key": {"pk": {"S": "CV1"}}}},
            {"Get": {"TableName": seats, "Key": {"pk": {"S": "12B"}}}},
        ],
        ReturnConsumedCapacity="TOTAL",
    )
    assert found["Responses"] == [{"Item": {"pk": {"S": "CV1"}, "n": {"N": "1"}}}, {}]
    assert found["ConsumedCapacity"] == [
        {"TableName": table, "CapacityUnits": 2.0, "ReadCapacityUnits": 2.0} for table in [flights, seats]
    ]


def test_a_token_makes_it_happen_once(dynamodb, tables, unique):
    table, token = tables[0], unique("t")
    for _ in range(3):
        dynamodb.transact_write_items(TransactItems=[add(table, "a")], ClientRequestToken=token)
    assert number(dynamodb, table, "a") == 1
    with pytest.raises(dynamodb.exceptions.IdempotentParameterMismatchException):
        dynamodb.transact_write_items(TransactItems=[add(table, "b")], ClientRequestToken=token)
    # Without one, botocore makes up another for each request.
    for _ in range(2):
        dynamodb.transact_write_items(TransactItems=[add(table, "a")])
    assert number(dynamodb, table, "a") == 3


def test_transactions_that_meet(client, dynamodb, tables):
    """Each transaction happens once or is canceled for a conflict; the sums tell."""
    done, other = [], []

    def run(worker):
        own = client("dynamodb")
        for _ in range(25):
            try:
                own.transact_write_items(
                    TransactItems=[add(tables[0], "shared"), add(tables[1], f"own {worker}")]
                )
                done.append(worker)
            except ClientError as error:
                codes = [reason["Code"] for reason in error.response["CancellationReasons"]]
                if codes != ["TransactionConflict", "None"]:
                    other.append(error)

    workers = [threading.Thread(target=run, args=(worker,)) for worker in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not other and done
    assert number(dynamodb, tables[0], "shared") == len(done)
    for worker in range(4):
        assert (number(dynamodb, tables[1], f"own {worker}") or 0) == done.count(worker)
