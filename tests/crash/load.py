"""Writers that remember what was acknowledged, and what must be there after the server was killed.

Each writer has items of its own, so that it knows exactly what is stored: what was acknowledged,
and of the one request that was on its way either all or nothing. The shared counter is changed by
transactions of all of them.
"""

import http.client
import random
import threading

from wire import Connection, Refused, plain, typed

MAIN, OTHER = "Crash", "CrashOther"
# The index that is always there, and the one that comes and goes.
INDEX, LATER = "ByTag", "ByNumber"
TAGS = ["red", "green", "blue"]
SLOTS = 12


def create_tables(connection):
    """The main table with an index and a stream, and another one."""
    definitions = [("pk", "S"), ("sk", "N"), ("tag", "S"), ("n", "N")]
    keys = lambda *names: [
        {"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ["HASH", "RANGE"])
    ]
    attributes = [{"AttributeName": name, "AttributeType": kind} for name, kind in definitions]
    connection.call("CreateTable", {
        "TableName": MAIN, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": attributes, "KeySchema": keys("pk", "sk"),
        "GlobalSecondaryIndexes": [{
            "IndexName": INDEX, "KeySchema": keys("tag", "n"),
            "Projection": {"ProjectionType": "ALL"},
        }],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    })
    connection.call("CreateTable", {
        "TableName": OTHER, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": attributes[:1], "KeySchema": keys("pk"),
    })
    for table in [MAIN, OTHER]:
        while connection.call("DescribeTable", {"TableName": table})["Table"]["TableStatus"] != "ACTIVE":
            pass


class Writer:
    """Writes until the server is gone. `items` maps (table, key) to the item, or None."""

    def __init__(self, number, seed):
        self.number = number
        self.dice = random.Random(seed)
        self.items = {}
        # What the request on its way would make of these items; None when there is none.
        self.pending = None
        self.version = 0
        self.acknowledged = 0
        self.error = None

    def run(self, port):
        """In a thread of its own."""
        connection = Connection(port)
        try:
            while True:
                self.write(connection)
        except (OSError, http.client.HTTPException):
            pass
        except Exception as error:
            self.error = error
        finally:
            connection.close()

    def write(self, connection):
        """One request."""
        self.version += 1
        operation, request, changes = self.dice.choice(
            [self.put, self.put, self.update, self.delete, self.batch, self.transact, self.transact, self.share]
        )()
        self.pending = changes
        try:
            connection.call(operation, request)
        except Refused as refused:
            # Two transactions may meet at the shared counter; then nothing has happened.
            if operation != "TransactWriteItems" or refused.code != "TransactionCanceledException":
                raise
            self.pending = None
            return
        self.items.update(changes)
        self.pending = None
        self.acknowledged += 1

    def place(self):
        return (MAIN, (f"writer {self.number}", self.dice.randrange(SLOTS)))

    def item(self, place):
        key = key_of(place)
        more = {"n": self.version, "tag": self.dice.choice(TAGS)}
        if self.dice.randrange(4) == 0:
            del more["tag"]
        if self.dice.randrange(10) == 0:
            more["filler"] = "x" * self.dice.randrange(20_000)
        return {**key, **more}

    def put(self):
        place = self.place()
        item = self.item(place)
        return "PutItem", {"TableName": MAIN, "Item": typed(item)}, {place: item}

    def update(self):
        place = self.place()
        tag = self.dice.choice(TAGS)
        old = self.items.get(place) or key_of(place)
        new = {**old, "n": old.get("n", 0) + 1, "tag": tag}
        return "UpdateItem", self.change(place, "ADD n :one SET tag = :t", tag), {place: new}

    def change(self, place, expression, tag=None):
        values = {":one": {"N": "1"}}
        if tag:
            values[":t"] = {"S": tag}
        return {
            "TableName": place[0], "Key": typed(key_of(place)),
            "UpdateExpression": expression, "ExpressionAttributeValues": values,
        }

    def delete(self):
        place = self.place()
        return "DeleteItem", {"TableName": MAIN, "Key": typed(key_of(place))}, {place: None}

    def batch(self):
        changes, requests = {}, {MAIN: []}
        for _ in range(4):
            place = self.place()
            if place not in changes:
                changes[place] = self.item(place)
                requests[MAIN].append({"PutRequest": {"Item": typed(changes[place])}})
        return "BatchWriteItem", {"RequestItems": requests}, changes

    def transact(self):
        """Items of both tables, which so always have the same version."""
        first, second = self.place(), (OTHER, (f"writer {self.number}", None))
        items = {place: self.item(place) for place in [first, second]}
        actions = [
            {"Put": {"TableName": place[0], "Item": typed(item)}} for place, item in items.items()
        ]
        third = self.place()
        if third != first:
            actions.append({"Delete": {"TableName": MAIN, "Key": typed(key_of(third))}})
            items[third] = None
        return "TransactWriteItems", {"TransactItems": actions}, items

    def share(self):
        """One more on the shared counter and on a counter of this writer."""
        own = (OTHER, (f"count {self.number}", None))
        old = self.items.get(own) or {**key_of(own), "n": 0}
        actions = [
            {"Update": self.change(place, "ADD n :one")} for place in [(MAIN, ("shared", 0)), own]
        ]
        return "TransactWriteItems", {"TransactItems": actions}, {own: {**old, "n": old["n"] + 1}}

    def settle(self, stored):
        """Compares what is stored after the crash with what was acknowledged, and takes it over."""
        if self.pending:
            after = {place: stored.get(place) for place in self.pending}
            if after == self.pending:
                self.items.update(self.pending)
            self.pending = None
        for place, item in self.items.items():
            assert stored.get(place) == item, (
                f"{place} is {stored.get(place)} instead of {item}: lost, or half a transaction"
            )
        self.items = {place: item for place, item in self.items.items() if item is not None}


def key_of(place):
    table, (pk, sk) = place
    return {"pk": pk, "sk": sk} if table == MAIN else {"pk": pk}


def place_of(table, item):
    return (table, (item["pk"], item.get("sk")))


def start(writers, port):
    """The threads of the writers."""
    threads = [threading.Thread(target=writer.run, args=(port,)) for writer in writers]
    for thread in threads:
        thread.start()
    return threads


def check(connection, writers, stream):
    """What must hold after every crash."""
    stored = {}
    for table in [MAIN, OTHER]:
        for item in connection.pages("Scan", {"TableName": table}, "Items"):
            item = plain(item)
            stored[place_of(table, item)] = item
    for writer in writers:
        writer.settle(stored)
    known = {place for writer in writers for place in writer.items} | {(MAIN, ("shared", 0))}
    assert set(stored) <= known, f"{set(stored) - known} were never written"
    counts = [item["n"] for (_, (pk, _)), item in stored.items() if pk.startswith("count ")]
    shared = stored.get((MAIN, ("shared", 0)), {"n": 0})
    assert shared["n"] == sum(counts), f"the shared counter is {shared}, its parts are {counts}"

    of_main = {place: item for place, item in stored.items() if place[0] == MAIN}
    table = connection.call("DescribeTable", {"TableName": MAIN})["Table"]
    for index in table["GlobalSecondaryIndexes"]:
        if index["IndexStatus"] == "ACTIVE":
            check_index(connection, index, of_main)
    stream.follow(connection)
    assert stream.images == of_main, "the stream does not lead to what is stored"


def check_index(connection, index, of_main):
    """Compares an index with its table."""
    keys = {key["AttributeName"] for key in index["KeySchema"]}
    expected = {place: item for place, item in of_main.items() if keys <= item.keys()}
    scan = {"TableName": MAIN, "IndexName": index["IndexName"]}
    entries = [plain(item) for item in connection.pages("Scan", scan, "Items")]
    found = {place_of(MAIN, item): item for item in entries}
    assert len(found) == len(entries) and found == expected, (
        f"the index {index['IndexName']} is not equal to its table"
    )


def change_indexes(connection):
    """Begins to make a further index, or to delete it; not if that is still going on. Says whether."""
    table = connection.call("DescribeTable", {"TableName": MAIN})["Table"]
    if table["TableStatus"] != "ACTIVE":
        return False
    if len(table["GlobalSecondaryIndexes"]) > 1:
        update = {"Delete": {"IndexName": LATER}}
    else:
        schema = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}]
        projection = {"ProjectionType": "ALL"}
        update = {"Create": {"IndexName": LATER, "KeySchema": schema, "Projection": projection}}
    definitions = [("pk", "S"), ("sk", "N"), ("tag", "S"), ("n", "N")]
    connection.call("UpdateTable", {
        "TableName": MAIN, "GlobalSecondaryIndexUpdates": [update],
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind} for name, kind in definitions
        ],
    })
    return True


def settle_tables(connection):
    """Waits until nothing goes on in the background."""
    while connection.call("DescribeTable", {"TableName": MAIN})["Table"]["TableStatus"] != "ACTIVE":
        pass


class Stream:
    """Follows the stream of the main table; `images` is what its records make of nothing."""

    def __init__(self):
        self.images = {}
        self.arn = None
        # Shards that were read, and the last sequence number of each.
        self.last = {}

    def follow(self, connection):
        """Reads what is new."""
        if not self.arn:
            table = connection.call("DescribeTable", {"TableName": MAIN})["Table"]
            self.arn = table["LatestStreamArn"]
        request = {"StreamArn": self.arn}
        described = connection.call("DescribeStream", request, "streams")["StreamDescription"]
        for shard in described["Shards"]:
            self.read(connection, shard["ShardId"])

    def read(self, connection, shard):
        last = self.last.get(shard)
        position = (
            {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": last}
            if last
            else {"ShardIteratorType": "TRIM_HORIZON"}
        )
        request = {"StreamArn": self.arn, "ShardId": shard, **position}
        iterator = connection.call("GetShardIterator", request, "streams")["ShardIterator"]
        while iterator:
            answer = connection.call("GetRecords", {"ShardIterator": iterator}, "streams")
            if not answer["Records"]:
                return
            for record in answer["Records"]:
                self.apply(record["dynamodb"])
                number = record["dynamodb"]["SequenceNumber"]
                assert int(number) > int(self.last.get(shard, "0")), "records are not in order"
                self.last[shard] = number
            iterator = answer.get("NextShardIterator")

    def apply(self, record):
        place = place_of(MAIN, plain(record["Keys"]))
        old = plain(record["OldImage"]) if "OldImage" in record else None
        assert self.images.get(place) == old, f"a record before that of {place} is missing"
        if "NewImage" in record:
            self.images[place] = plain(record["NewImage"])
        else:
            self.images.pop(place, None)
