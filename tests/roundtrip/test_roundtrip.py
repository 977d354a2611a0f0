"""Real botocore against our codecs: what its serializer sends our readers read, and what our writers send its parser
reads, for generated values of every operation, in all six protocols."""

import base64
import json
import random
import subprocess
import urllib.parse

import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize
import pytest
from botocore.awsrequest import HeadersDict
from conftest import ROOT
from generate import Generator, door, same, shape_has_event_stream

# Service, protocol, seeds for each operation.
SERVICES = [
    ("dynamodb", "json", 4),
    ("cognito-idp", "json", 2),
    ("logs", "json", 2),
    ("lambda", "rest-json", 4),
    ("connect", "rest-json", 1),
    ("apigateway", "rest-json", 2),
    ("s3", "rest-xml", 3),
    ("cloudfront", "rest-xml", 1),
    ("sts", "query", 6),
    ("iam", "query", 2),
    ("sns", "query", 4),
    ("ec2", "ec2", 1),
    ("cloudwatch", "smithy-rpc-v2-cbor", 4),
]
SHOWN_MAX = 5


class Echo:
    """Our codecs behind the example program `echo` of the crate wire."""

    def __init__(self):
        command = ["cargo", "run", "--quiet", "--locked", "--package", "wire", "--example", "echo"]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the codec died of {json.dumps(command)[:2000]}"
        return json.loads(line)


@pytest.fixture(scope="module")
def echo():
    program = Echo()
    yield program
    program.process.stdin.close()
    assert program.process.wait(timeout=10) == 0


def load(name, protocol, echo):
    """The model for botocore, and the same one loaded into our codecs."""
    data = botocore.loaders.create_loader().load_service_model(name, "service-2")
    # S3 has some that a request can tell from their successors only by its host, or not at all.
    twins = {key for key, op in data["operations"].items() if op.get("deprecated")} | {"ListDirectoryBuckets"}
    data["operations"] = {key: op for key, op in data["operations"].items() if key not in twins}
    data["metadata"]["protocol"] = protocol
    data["metadata"]["protocols"] = [protocol]
    loaded = echo.ask(load=data)
    assert "error" not in loaded, loaded
    return botocore.model.ServiceModel(data, name)


def random_of(*parts):
    return random.Random(" ".join(map(str, parts)))


@pytest.mark.parametrize(("service", "protocol", "seeds"), SERVICES)
def test_requests(service, protocol, seeds, echo):
    model = load(service, protocol, echo)
    serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
    problems, count = [], 0
    for name in model.operation_names:
        operation = model.operation_model(name)
        shape = operation.input_shape
        if shape and any(map(shape_has_event_stream, shape.members.values())):
            continue
        for seed in range(seeds):
            value = Generator(random_of(service, name, seed), protocol).structure(shape) if shape else {}
            request = sent(serializer, operation, value)
            found = echo.ask(read=request)
            wanted = door(shape, value) if shape else {}
            for member in bound_to_all_of_the_query(shape):
                # It gets every parameter, those with a member of their own as well (Smithy, httpQueryParams).
                own = found.get("input", {}).get(member, {})
                found["input"][member] = {key: own[key] for key in own if key in wanted.get(member, {})}
            count += 1
            if found.get("operation") != name or not same(found.get("input"), wanted):
                problems.append(f"{name} seed {seed}\n sent  {request}\n read  {found}\n value {wanted}")
    assert not problems, f"{len(problems)} of {count} differ:\n" + "\n".join(problems[:SHOWN_MAX])


def bound_to_all_of_the_query(shape):
    members = shape.members.items() if shape else ()
    return [name for name, member in members if member.type_name == "map" and member.serialization.get("location") == "querystring"]


def sent(serializer, operation, value):
    """What goes over the wire, as botocore's endpoint would prepare it."""
    request = serializer.serialize_to_request(value, operation)
    path, _, query = request["url_path"].partition("?")
    extra = request["query_string"]
    pairs = [
        (key, item)
        for key, items in (extra.items() if isinstance(extra, dict) else extra)
        for item in (items if isinstance(items, list) else [items])
    ]
    quoted = urllib.parse.urlencode(pairs, quote_via=urllib.parse.quote, safe="-_.~")
    body = request["body"]
    if isinstance(body, dict):
        body = urllib.parse.urlencode(body)
    body = body.encode() if isinstance(body, str) else body
    headers = [
        [key, item.encode().decode("latin-1") if isinstance(item, str) else item.decode("latin-1")]
        for key, item in request["headers"].items()
    ]
    return {
        "method": request["method"],
        "path": path,
        "query": "&".join(part for part in (query, quoted) if part),
        "headers": headers,
        "body": base64.b64encode(body or b"").decode(),
    }


class Stream:
    """A body that botocore hands to its caller unread."""

    def decode(self, encoding):
        return self


@pytest.mark.parametrize(("service", "protocol", "seeds"), SERVICES)
def test_responses(service, protocol, seeds, echo):
    model = load(service, protocol, echo)
    parser = botocore.parsers.create_parser(protocol)
    problems, count = [], 0
    for name in model.operation_names:
        shape = model.operation_model(name).output_shape
        if shape is None or any(map(shape_has_event_stream, shape.members.values())):
            continue
        # Its answer has no root around the one member: botocore reads it by a handler of its own.
        if (service, name) == ("s3", "GetBucketLocation"):
            continue
        for seed in range(seeds):
            value = Generator(random_of(service, name, "out", seed), "json").structure(shape)
            wanted = door(shape, value)
            written = echo.ask(write={"operation": name, "output": wanted})
            count += 1
            found = written.get("error") or door(shape, received(parser, written, shape))
            if not same(found, wanted):
                problems.append(f"{name} seed {seed}\n wrote {written}\n read  {found}\n value {wanted}")
    assert not problems, f"{len(problems)} of {count} differ:\n" + "\n".join(problems[:SHOWN_MAX])


def received(parser, written, shape):
    """What botocore makes of a response."""
    body = base64.b64decode(written["body"])
    payload = shape.serialization.get("payload")
    as_stream = payload and shape.members[payload].type_name == "blob"
    parsed = parser.parse(
        {
            "status_code": written["status"],
            "headers": HeadersDict(dict(written["headers"])),
            "body": Stream() if as_stream else body,
            "context": {"operation_name": ""},
        },
        shape,
    )
    parsed.pop("ResponseMetadata", None)
    if as_stream:
        parsed[payload] = body
    if payload and not body:  # A payload that is not there looks like an empty one.
        parsed.pop(payload, None)
    return parsed


def test_errors(echo):
    """Every modeled error of a service in each protocol reaches botocore with its code and members."""
    for service, protocol in [
        ("dynamodb", "json"),
        ("lambda", "rest-json"),
        ("connect", "rest-json"),
        ("iam", "query"),
        ("s3", "rest-xml"),
        ("cloudwatch", "smithy-rpc-v2-cbor"),
    ]:
        model = load(service, protocol, echo)
        parser = botocore.parsers.create_parser(protocol)
        operation = next(name for name in model.operation_names if model.operation_model(name).error_shapes)
        for shape in model.operation_model(operation).error_shapes:
            value = Generator(random_of(service, shape.name), "json").structure(shape)
            value["message" if "message" in shape.members else "Message"] = "취소 <&>"
            value = {name: item for name, item in value.items() if name in shape.members}
            written = echo.ask(fault={"operation": operation, "error": shape.name, "detail": door(shape, value)})
            assert "error" not in written, written
            response = {
                "status_code": written["status"],
                "headers": HeadersDict(dict(written["headers"])),
                "body": base64.b64decode(written["body"]),
                "context": {},
            }
            # First botocore looks for the code, then it reads the shape the code names.
            error = parser.parse(dict(response), model.operation_model(operation).output_shape)["Error"]
            assert error["Code"] == (shape.metadata.get("error", {}).get("code") or shape.name), written
            # XML says Message whatever the model's member is called.
            wanted = {key: item for key, item in door(shape, value).items() if key.lower() != "message"}
            found = door(shape, parser.parse(dict(response), shape))
            assert same({key: item for key, item in found.items() if key.lower() != "message"}, wanted), written
            assert error.get("Message") == "취소 <&>" or not {"message", "Message"} & {*shape.members}, written
