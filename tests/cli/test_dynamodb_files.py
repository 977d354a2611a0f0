"""`gureum dynamodb import` and `export`: files of all formats into tables and back."""

import gzip
import json
import os
import subprocess

import pytest
from boto3.dynamodb.types import TypeDeserializer
from conftest import REGION, ROOT

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}


@pytest.fixture
def gureum(endpoint, tmp_path):
    """Runs `gureum dynamodb …` in an empty folder; answers what it printed."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GUREUM_", "AWS_"))}

    def run(*words, code=0, text=None):
        done = subprocess.run(
            [ROOT / "gureum", "dynamodb", *map(str, words), "--endpoint", endpoint],
            env={**clean, **ENVIRONMENT},
            cwd=tmp_path,
            input=text,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        return done.stdout if code == 0 else done.stdout + done.stderr

    return run


@pytest.fixture
def dynamodb(client):
    """A client of the same cloud."""
    return client("dynamodb")


def items(dynamodb, table):
    """All items, by their key `id`, as Python values."""
    pages = dynamodb.get_paginator("scan").paginate(TableName=table)
    plain = TypeDeserializer().deserialize
    found = [{name: plain(value) for name, value in item.items()} for page in pages for item in page["Items"]]
    return {item["id"]: item for item in found}


def test_plain_json_and_back(gureum, dynamodb, unique, tmp_path):
    table = unique("files")
    rows = [{"id": f"{n:04}", "n": n, "deep": {"list": [True, None, "김서연"]}} for n in range(1000)]
    # Only the last line of a key counts; numbers keep their digits.
    lines = [json.dumps(row) for row in rows] + ['{"id":"0007","n":12345678901234567890123456789012345678}']
    (tmp_path / "rows.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    text = gureum("import", "rows.jsonl.gz", "--table", table, "--create", "--key", "id")
    assert text == f"1001 lines were imported into {table}.\n"
    found = items(dynamodb, table)
    assert found.pop("0007")["n"] == 12345678901234567890123456789012345678
    assert found == {row["id"]: row for row in rows if row["n"] != 7}

    assert gureum("export", "all.jsonl.gz", "--table", table) == f"1000 items of {table} are in all.jsonl.gz.\n"
    lines = gzip.decompress((tmp_path / "all.jsonl.gz").read_bytes()).decode().splitlines()
    assert len(lines) == 1000 and all(set(json.loads(line)) == {"Item"} for line in lines)
    copy = unique("files")
    gureum("import", "all.jsonl.gz", "--table", copy, "--create", "--key", "id", "--parallel", 1)
    assert items(dynamodb, copy) == items(dynamodb, table)
    assert "exists; choose another name" in gureum("export", "all.jsonl.gz", "--table", table, code=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.jsonl.gz", "rows.jsonl.gz"]


def test_every_type_survives(gureum, dynamodb, unique):
    table, copy = unique("files"), unique("files")
    typed = {
        "id": {"N": "1"}, "s": {"S": "\n\"\u0000"}, "b": {"B": "AAEC"}, "t": {"BOOL": True}, "z": {"NULL": True},
        "ss": {"SS": ["a", "b"]}, "ns": {"NS": ["1", "2.5"]}, "bs": {"BS": ["AA=="]},
        "l": {"L": [{"M": {}}, {"L": []}]}, "m": {"M": {"S": {"S": "x"}}},
    }
    gureum("import", "-", "--table", table, "--create", "--key", "id:N", text=json.dumps(typed))
    written = gureum("export", "-", "--table", table)
    assert json.loads(written) == {"Item": typed}
    gureum("import", "-", "--table", copy, "--create", "--key", "id:N", text=written)
    assert items(dynamodb, copy) == items(dynamodb, table)
    plain = json.loads(gureum("export", "-", "--table", table, "--format", "json"))
    assert plain == {
        "id": 1, "s": "\n\"\u0000", "b": "AAEC", "t": True, "z": None, "ss": ["a", "b"], "ns": [1, 2.5],
        "bs": ["AA=="], "l": [{}, []], "m": {"S": "x"},
    }


def test_csv(gureum, dynamodb, unique, tmp_path):
    table = unique("files")
    (tmp_path / "people.csv").write_text(
        '\ufeffid,at,name,age,member,note\r\n1,2026,"서연, 김",34,true,\r\n2,2027,"say ""hi""\nthere",,FALSE,""\r\n'
    )
    gureum(
        *("import", "people.csv", "--table", table, "--create", "--key", "id:N", "--sort-key", "at"),
        *("--types", "age:N,member:BOOL"),
    )
    assert items(dynamodb, table) == {
        1: {"id": 1, "at": "2026", "name": "서연, 김", "age": 34, "member": True},
        2: {"id": 2, "at": "2027", "name": 'say "hi"\nthere', "member": False, "note": ""},
    }
    gureum("import", "-", "--table", table, "--header", "id,at", "--delimiter", r"\t", text="3\tx\n")
    assert items(dynamodb, table)[3] == {"id": 3, "at": "x"}
    text = gureum("import", "-", "--table", table, "--format", "csv", text="id,name\n1,a\n", code=1)
    assert 'the column names: there is no column "at"' in text


def test_bad_lines(gureum, dynamodb, unique, tmp_path):
    table = unique("files")
    lines = [json.dumps({"id": f"{n:03}"}) for n in range(60)]
    lines[9] = "{oops"
    lines[19] = json.dumps({"id": 5})
    lines[29] = json.dumps({"id": "x", "big": "x" * 410_000})
    lines[39] = "[1]"
    (tmp_path / "rows.jsonl").write_text("\n".join(lines))
    text = gureum(
        *("import", "rows.jsonl", "--table", table, "--create", "--key", "id", "--rejects", "bad.jsonl"), code=1
    )
    assert "line 10: key must be a string at line 1 column 2" in text
    assert (
        "line 20: One or more parameter values were invalid: Type mismatch for key id expected: S actual: N" in text
    )
    assert "line 30: " in text and "Item size has exceeded the maximum allowed size" in text
    assert "line 40: not a JSON object" in text
    assert "4 lines were not imported; they are in bad.jsonl." in text
    assert len(items(dynamodb, table)) == 56
    assert sorted((tmp_path / "bad.jsonl").read_text().splitlines()) == sorted(lines[n] for n in (9, 19, 29, 39))
    # Those that were mended can be imported alone, or the file from some line on.
    assert gureum("import", "-", "--table", table, "--from-line", 2, text='{"id":"a"}\n{"id":"b"}').startswith("1 lines")
    assert len(items(dynamodb, table)) == 57


def test_refusals(gureum, unique, tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"id":"1"}\n')
    assert "ResourceNotFoundException" in gureum("import", "rows.jsonl", "--table", unique("files"), code=1)
    assert "ResourceNotFoundException" in gureum("export", "all.jsonl", "--table", unique("files"), code=1)
    assert "No such file" in gureum("import", "none.jsonl", "--table", "none", code=1)
    assert "--key" in gureum("import", "rows.jsonl", "--table", "none", "--create", code=2)
    table = unique("files")
    text = gureum("import", "-", "--table", table, "--create", "--key", "id", text='[{"id":"1"}]', code=1)
    assert "one JSON list" in text
    (tmp_path / "broken.gz").write_bytes(gzip.compress(b'{"id":"1"}\n' * 100_000)[:-50])
    text = gureum("import", "broken.gz", "--table", table, code=1)
    assert "--from-line" in text
