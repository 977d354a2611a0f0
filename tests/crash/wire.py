"""Requests to a server that may die at any moment: one connection, signed by botocore, no retries."""

import http.client
import json

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SIGNER = SigV4Auth(Credentials("test", "test"), "dynamodb", "us-east-1")
PREFIXES = {"streams": "DynamoDBStreams_20120810", "table": "DynamoDB_20120810"}


class Refused(Exception):
    """An error answer."""

    def __init__(self, status, answer):
        super().__init__(f"{status} {answer}")
        self.code = answer.get("__type", "").rpartition("#")[2]


class Connection:
    """Calls operations; `OSError` and `http.client.HTTPException` mean that the server is gone."""

    def __init__(self, port):
        self.address = f"127.0.0.1:{port}"
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def call(self, operation, request, api="table"):
        body = json.dumps(request)
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"{PREFIXES[api]}.{operation}",
        }
        signed = AWSRequest("POST", f"http://{self.address}/", headers, body)
        SIGNER.add_auth(signed)
        self.connection.request("POST", "/", body, dict(signed.headers))
        response = self.connection.getresponse()
        answer = json.loads(response.read())
        if response.status != 200:
            raise Refused(response.status, answer)
        return answer

    def pages(self, operation, request, items):
        """All items of all pages."""
        while True:
            answer = self.call(operation, request)
            yield from answer[items]
            if "LastEvaluatedKey" not in answer:
                return
            request = {**request, "ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def close(self):
        self.connection.close()


def plain(item):
    """An item with strings and whole numbers only, as a dictionary of Python's."""
    return {
        name: int(value["N"]) if "N" in value else value["S"] for name, value in item.items()
    }


def typed(item):
    """The reverse."""
    return {
        name: {"N": str(value)} if isinstance(value, int) else {"S": value}
        for name, value in item.items()
    }
