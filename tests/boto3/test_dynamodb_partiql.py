import pytest
from conftest import error_of

KEYS = {
    "KeySchema": [
        {"AttributeName": "Artist", "KeyType": "HASH"},
        {"AttributeName": "SongTitle", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "Artist", "AttributeType": "S"},
        {"AttributeName": "SongTitle", "AttributeType": "S"},
        {"AttributeName": "Genre", "AttributeType": "S"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-genre",
            "KeySchema": [{"AttributeName": "Genre", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture
def dynamodb(client):
    return client("dynamodb")


@pytest.fixture
def music(dynamodb, unique):
    """The name of an empty table of songs."""
    name = unique("Music")
    dynamodb.create_table(TableName=name, **KEYS)
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def run(dynamodb, music):
    """Runs a statement on `Music`, and answers its items."""

    def run(statement, *parameters, **more):
        statement = statement.replace("Music", f'"{music}"')
        if parameters:
            more["Parameters"] = list(parameters)
        return dynamodb.execute_statement(Statement=statement, **more)["Items"]

    return run


def song(artist, title, **more):
    return {"Artist": {"S": artist}, "SongTitle": {"S": title}, **more}


def test_a_song_lives(run):
    key = "WHERE Artist='Acme Band' AND SongTitle='PartiQL Rocks'"
    assert run("INSERT INTO Music VALUE {'Artist':'Acme Band','SongTitle':'PartiQL Rocks'}") == []
    assert run(f"UPDATE Music SET AwardsWon=1 SET AwardDetail={{'Grammys':[2020, 2018]}} {key}") == []
    assert run(f"UPDATE Music SET AwardDetail.Grammys=list_append(AwardDetail.Grammys,[2016]) {key}") == []
    assert run(f"UPDATE Music SET BandMembers=<<'member1', 'member2'>> {key}") == []
    assert run(f"UPDATE Music SET BandMembers=set_add(BandMembers, <<'newbandmember'>>) {key}") == []
    assert run(f"UPDATE Music REMOVE AwardDetail.Grammys[2] {key}") == []
    new = run(f"UPDATE Music SET AwardsWon=AwardsWon+1 {key} RETURNING MODIFIED NEW *")
    assert new == [{"AwardsWon": {"N": "2"}}]
    [item] = run(f"SELECT AwardDetail.Grammys[0], BandMembers FROM Music {key}")
    assert item["Grammys[0]"] == {"N": "2020"}
    assert sorted(item["BandMembers"]["SS"]) == ["member1", "member2", "newbandmember"]
    [old] = run(f"DELETE FROM Music {key} RETURNING ALL OLD *")
    assert old["AwardDetail"] == {"M": {"Grammys": {"L": [{"N": "2020"}, {"N": "2018"}]}}}
    assert run(f"SELECT * FROM Music {key}") == []


def test_parameters_of_every_type(run):
    values = [
        {"S": "한국"},
        {"N": "12345678901234567890123456789012345678"},
        {"B": b"\0\xff"},
        {"BOOL": False},
        {"NULL": True},
        {"L": [{"S": "a"}, {"N": "1"}]},
        {"M": {"a": {"M": {}}}},
        {"SS": ["a", "b"]},
        {"NS": ["1", "2"]},
        {"BS": [b"a", b"b"]},
    ]
    for i, value in enumerate(values):
        title = {"S": str(i)}
        run("INSERT INTO Music VALUE {'Artist': 'a', 'SongTitle': ?, 'v': ?}", title, value)
        found = run("SELECT v FROM Music WHERE Artist = 'a' AND SongTitle = ? AND v = ?", title, value)
        assert found == [{"v": value}]


def test_select_in_pages(dynamodb, music, run):
    titles = [f"{i:02}" for i in range(25)]
    for title in titles:
        run("INSERT INTO Music VALUE {'Artist': 'a', 'SongTitle': ?, 'Genre': 'g'}", {"S": title})
    for source, order, expected in [
        (f'"{music}"', "", titles),
        (f'"{music}"', "ORDER BY SongTitle DESC", titles[::-1]),
        (f'"{music}"."by-genre"', "", titles),
    ]:
        where = "Genre = 'g'" if "by-genre" in source else "Artist = 'a'"
        request = {"Statement": f"SELECT SongTitle FROM {source} WHERE {where} {order}", "Limit": 10}
        found, pages = [], 0
        while True:
            page = dynamodb.execute_statement(**request)
            found += [item["SongTitle"]["S"] for item in page["Items"]]
            pages += 1
            if "NextToken" not in page:
                break
            request["NextToken"] = page["NextToken"]
        assert (found, pages) == (expected, 3)
    request["Statement"] += " "
    assert error_of(dynamodb.execute_statement, **request) == (
        "ValidationException",
        "NextToken does not match request",
    )


def test_errors(dynamodb, music, run):
    run("INSERT INTO Music VALUE {'Artist': 'a', 'SongTitle': 'b'}")
    with pytest.raises(dynamodb.exceptions.DuplicateItemException) as raised:
        run("INSERT INTO Music VALUE {'Artist': 'a', 'SongTitle': 'b'}")
    assert raised.value.response["Error"]["Message"] == "Duplicate primary key exists in table"
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
        run("UPDATE Music SET n = 1 WHERE Artist = 'a' AND SongTitle = 'none'")
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException) as raised:
        run(
            "DELETE FROM Music WHERE Artist = 'a' AND SongTitle = 'b' AND n IS NOT MISSING",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert raised.value.response["Item"] == song("a", "b")
    with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
        dynamodb.execute_statement(Statement='SELECT * FROM "nowhere"')
    malformed = "Statement wasn't well formed, can't be processed: Expected data manipulation"
    got = error_of(dynamodb.execute_statement, Statement=f'SLECT * FROM "{music}"')
    assert got == ("ValidationException", malformed)


def test_batch(dynamodb, music):
    statements = [
        {
            "Statement": f"INSERT INTO \"{music}\" VALUE {{'Artist': ?, 'SongTitle': '1'}}",
            "Parameters": [{"S": artist}],
        }
        for artist in "abc"
    ]
    responses = dynamodb.batch_execute_statement(Statements=statements)["Responses"]
    assert responses == [{"TableName": music}] * 3
    statements = [
        {"Statement": f"SELECT * FROM \"{music}\" WHERE Artist='a' AND SongTitle='1'"},
        {"Statement": f"SELECT * FROM \"{music}\" WHERE Artist='b'"},
        {"Statement": f"SELECT Artist FROM \"{music}\" WHERE Artist='c' AND SongTitle='1'"},
    ]
    found, refused, part = dynamodb.batch_execute_statement(Statements=statements)["Responses"]
    assert found == {"TableName": music, "Item": song("a", "1")}
    assert refused["Error"]["Code"] == "ValidationError"
    assert part["Item"] == {"Artist": {"S": "c"}}


def test_transaction(dynamodb, music):
    key = "Artist='a' AND SongTitle='1'"
    insert = {"Statement": f"INSERT INTO \"{music}\" VALUE {{'Artist':'a','SongTitle':'1','n':0}}"}
    dynamodb.execute_transaction(TransactStatements=[insert])
    add = {"Statement": f'UPDATE "{music}" SET n = n + 1 WHERE {key}'}
    for _ in range(2):
        dynamodb.execute_transaction(TransactStatements=[add], ClientRequestToken="once")
    read = {"Statement": f'SELECT n FROM "{music}" WHERE {key}'}
    answer = dynamodb.execute_transaction(TransactStatements=[read])
    assert answer["Responses"] == [{"Item": {"n": {"N": "1"}}}]
    check = {"Statement": f'EXISTS(SELECT * FROM "{music}" WHERE {key} AND n = 7)'}
    other = {"Statement": f"INSERT INTO \"{music}\" VALUE {{'Artist':'b','SongTitle':'1'}}"}
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as raised:
        dynamodb.execute_transaction(TransactStatements=[check, other])
    reasons = raised.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["ConditionalCheckFailed", "None"]
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as raised:
        dynamodb.execute_transaction(TransactStatements=[insert, other])
    reasons = raised.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["DuplicateItem", "None"]
    assert len(dynamodb.scan(TableName=music)["Items"]) == 1
