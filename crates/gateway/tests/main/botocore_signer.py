"""Signs generated requests with botocore's own signers; one JSON object per line.

Usage: botocore_signer.py SEED COUNT. Read by botocore.rs beside it. Exits 77 without botocore.
"""
import json
import random
import sys
from urllib.parse import quote

try:
    import botocore.auth as auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:
    sys.exit(77)

ALPHABET = "abcXYZ019-_.~ /+&=?%:,;!*'()@$#[]|\\^`{}\"<>é한"


def word(rng, extra="", length=12):
    return "".join(rng.choice(ALPHABET + extra) for _ in range(rng.randrange(1, length)))


def path(rng, s3):
    # As botocore's serializer does: what a label holds is quoted once.
    segments = [quote(word(rng), safe="~/" if s3 else "~") for _ in range(rng.randrange(0, 4))]
    if not s3 and rng.random() < 0.2:
        segments.insert(rng.randrange(0, len(segments) + 1), rng.choice(["", ".", ".."]))
    return "/" + "/".join(segments)


def query(rng):
    pairs = []
    for _ in range(rng.randrange(0, 4)):
        pairs.append(quote(word(rng), safe="-._~") + "=" + quote(word(rng), safe="-._~"))
    if rng.random() < 0.2:
        pairs.append("flag")
    return "&".join(pairs)


def main():
    rng = random.Random(int(sys.argv[1]))
    for _ in range(int(sys.argv[2])):
        s3 = rng.random() < 0.4
        service = "s3" if s3 else rng.choice(["sts", "dynamodb", "lambda", "execute-api"])
        region = rng.choice(["us-east-1", "ap-northeast-2", "eu-central-1"])
        token = rng.choice([None, "token/+=" + str(rng.random())])
        credentials = Credentials("AKIDEXAMPLE", "secret/" + str(rng.random()), token)
        presigned = rng.random() < 0.4
        signers = {
            (False, False): auth.SigV4Auth,
            (False, True): auth.SigV4QueryAuth,
            (True, False): auth.S3SigV4Auth,
            (True, True): auth.S3SigV4QueryAuth,
        }
        expires = rng.choice([1, 60, 3600, 604800])
        arguments = [expires] if presigned else []
        signer = signers[(s3, presigned)](credentials, service, region, *arguments)
        method = "GET" if presigned else rng.choice(["GET", "POST", "PUT", "DELETE"])
        body = b"" if method in ("GET", "DELETE") else word(rng).encode() * rng.randrange(0, 3)
        host = rng.choice(["localhost:4566", "127.0.0.1:4566", "dynamodb.us-east-1.localhost"])
        url = rng.choice(["http", "https"]) + "://" + host + path(rng, s3)
        text = query(rng)
        url += "?" + text if text else ""
        headers = {}
        if rng.random() < 0.5:
            headers["Content-Type"] = "application/x-amz-json-1.0"
        if rng.random() < 0.5:
            headers["X-Amz-Meta-A"] = "  two   words " + str(rng.random())
        if rng.random() < 0.3 and not presigned:
            headers["X-Amz-Target"] = "DynamoDB_20120810.GetItem"
        request = AWSRequest(method=method, url=url, data=body, headers=headers)
        if s3 and rng.random() < 0.3:
            request.context["payload_signing_enabled"] = True
        signer.add_auth(request)
        prepared = request.prepare()
        line = {
            "method": method,
            "url": prepared.url,
            "headers": [
                [str(name), value.decode() if isinstance(value, bytes) else str(value)]
                for name, value in prepared.headers.items()
            ],
            "host": host,
            "body": body.decode(),
            "secret": credentials.secret_key,
            "token": token,
            "service": service,
            "s3": s3,
            "presigned": presigned,
            "expires_s": expires,
            "signed_at": request.context["timestamp"],
        }
        print(json.dumps(line))


main()
