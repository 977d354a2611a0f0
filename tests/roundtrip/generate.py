"""Random values for the shapes of a botocore model, and the same values as the JSON door has them."""

import base64
import datetime
import math

DEPTH_MAX = 5
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
WORDS = ["", "a", "GR412", "취소한 여행편", "a&b=c d+e", "<&>\"'", "/../%2F?#", "line\nbreak\ttab", "😀", " edge ", "null", "0"]
HEADER_WORDS = ["a", "GR412", "two words", "a,b;c=\"d\"", "100%", "~!@$^&*()"]
LABELS = ["a", "GR412", "a b", "100%", "취소", "a+b&c=d", "~-_."]


class Generator:
    """Draws values from `random`; the same seed gives the same values."""

    def __init__(self, random, protocol):
        self.random = random
        # A query has no way to say that a list or a map is there and empty, nor XML inside a list.
        self.empties = protocol not in ("query", "ec2")

    def structure(self, shape, depth=0):
        members = dict(shape.members)
        if getattr(shape, "is_tagged_union", False) or shape.metadata.get("union"):
            name = self.random.choice(sorted(members))
            return {name: self.value(members[name], depth + 1)}
        result = {}
        for name, member in members.items():
            # Without one, an answer gets a type or a status of its own.
            is_type = member.serialization.get("name", "").lower() == "content-type"
            required = name in shape.required_members or is_type or member.serialization.get("location") == "statusCode"
            if required or self.random.random() < (0.6 if depth < DEPTH_MAX else 0):
                if depth >= 2 * DEPTH_MAX or shape_has_event_stream(member):
                    continue
                result[name] = self.value(member, depth + 1)
        if not result and not self.empties:
            # Nor that a structure is.
            plain = [name for name, member in members.items() if member.type_name == "string"]
            name = (plain or sorted(members) or [None])[0]
            return {name: self.value(members[name], depth + 1)} if name else {}
        return result

    def value(self, shape, depth):
        place = shape.serialization.get("location")
        if place == "statusCode":
            return 200
        return getattr(self, f"a_{shape.type_name}")(shape, depth, place)

    def a_structure(self, shape, depth, place):
        return self.document(depth) if getattr(shape, "is_document_type", False) else self.structure(shape, depth)

    def document(self, depth):
        return self.random.choice([{"a": [1, "b", None, True]}, {}, {"nested": {"x": 0.5}}])

    def a_list(self, shape, depth, place):
        low = 1 if place or not self.empties else 0
        count = self.random.randint(low, 3) if depth < DEPTH_MAX else low
        return [self.element(shape.member, depth, place) for _ in range(count)]

    def element(self, shape, depth, place):
        if place in ("header", "querystring") and shape.type_name == "string":
            return self.text(shape, place)
        if place == "header" and shape.type_name == "timestamp":
            return self.a_timestamp(shape, depth, place)
        return self.value(shape, depth + 1)

    def a_map(self, shape, depth, place):
        low = 0 if self.empties else 1
        count = self.random.randint(low, 3) if depth < DEPTH_MAX else low
        keys = ["a", "gr412", "key-3"] if place == "headers" else ["a", "취소", "<&>"]
        enum = shape.key.metadata.get("enum")
        keys = self.random.sample(enum, min(count, len(enum))) if enum else keys[:count]
        return {key: self.element(shape.value, depth, "header" if place == "headers" else place) for key in keys}

    def text(self, shape, place):
        enum = shape.metadata.get("enum")
        if enum:
            return self.random.choice(enum)
        if shape.serialization.get("hostLabel") or shape.metadata.get("hostLabel"):
            return "a"
        if place == "uri":
            return self.random.choice(LABELS)
        return self.random.choice(HEADER_WORDS if place in ("header", "headers") else WORDS)

    def a_string(self, shape, depth, place):
        if shape.serialization.get("jsonvalue") or shape.metadata.get("jsonvalue"):
            return {"a": [1, "b"]}
        return self.text(shape, place)

    a_character = a_string

    def a_boolean(self, shape, depth, place):
        return self.random.random() < 0.5

    def a_integer(self, shape, depth, place):
        return self.random.choice([0, 1, -1, 412, 2**31 - 1, -(2**31)])

    def a_long(self, shape, depth, place):
        return self.random.choice([0, -1, 2**31, 2**63 - 1, -(2**63)])

    def a_float(self, shape, depth, place):
        # Values that single precision holds exactly, too.
        return self.random.choice([0.0, 1.5, -0.25, 1e10])

    def a_double(self, shape, depth, place):
        return self.random.choice([0.0, 1.5, -1e-7, 1e300, 0.1])

    def a_timestamp(self, shape, depth, place):
        seconds = self.random.choice([0, 1, 1_700_000_000, 951_827_696, -86_400])
        return EPOCH + datetime.timedelta(seconds=seconds)

    def a_blob(self, shape, depth, place):
        return self.random.choice([b"x", bytes(range(256)), "취소".encode()])


def shape_has_event_stream(shape):
    return bool(getattr(shape, "is_event_stream", False)) or shape.serialization.get("eventstream", False)


def door(shape, value):
    """`value` as the JSON door writes it."""
    kind = shape.type_name
    if getattr(shape, "is_document_type", False):
        return value
    if kind == "structure":
        return {name: door(shape.members[name], item) for name, item in value.items()}
    if kind == "list":
        return [door(shape.member, item) for item in value]
    if kind == "map":
        return {key: door(shape.value, item) for key, item in value.items()}
    if kind == "timestamp":
        return (value - EPOCH).total_seconds()
    if kind == "blob":
        return base64.b64encode(value).decode()
    return value


def same(left, right):
    """Whether two values in the door's JSON mean the same: a missing member is an empty one."""
    if isinstance(left, dict) and isinstance(right, dict):
        keys = {key for key in {*left, *right} if not (empty(left.get(key)) and empty(right.get(key)))}
        return all(key in left and key in right and same(left[key], right[key]) for key in keys)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return left == right or math.isclose(left, right, rel_tol=1e-12)
    return left == right


def empty(value):
    return value is None or value == {} or value == []
