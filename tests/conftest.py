"""Runs the tests against GUREUM_ENDPOINT, or against a server of its own when that is unset."""

import io
import json
import os
import pathlib
import subprocess
import time
import uuid
import zipfile

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

# A share of the processor by memory makes a loaded machine's tests slower still; a test of just that unsets it.
os.environ.setdefault("GUREUM_FULL_CPU_LAMBDA", "1")

ROOT = pathlib.Path(__file__).resolve().parents[1]
ACCOUNT = "000000000000"
REGION = "ap-northeast-2"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/test"


def make_role(address):
    """The role of the functions of these tests: Lambda may assume it, and it may do all."""
    iam = boto3.client(
        "iam",
        endpoint_url=address,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    try:
        iam.create_role(RoleName="test", AssumeRolePolicyDocument=document)
    except iam.exceptions.EntityAlreadyExistsException:
        pass
    iam.attach_role_policy(RoleName="test", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")


@pytest.fixture(scope="session")
def endpoint():
    """The address of the cloud under test."""
    given = os.environ.get("GUREUM_ENDPOINT")
    if given:
        make_role(given)
        yield given
        return
    server = subprocess.Popen(
        [ROOT / "gureum", "up", "--memory", "--listen", "127.0.0.1:0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "GUREUM_LAMBDA_RETRY_S": "0.5"},
    )
    address = json.loads(server.stdout.readline())["endpoint"]
    make_role(address)
    yield address
    server.terminate()
    assert server.wait(timeout=30) == 0, "the server did not stop in order"


@pytest.fixture(scope="session")
def client(endpoint):
    """Makes boto3 clients; keyword arguments override the usual key, region and configuration."""

    def make(service, **overrides):
        arguments = {
            "endpoint_url": endpoint,
            "region_name": REGION,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
            "config": Config(retries={"total_max_attempts": 1}, read_timeout=60),
        }
        return boto3.client(service, **{**arguments, **overrides})

    return make


@pytest.fixture
def unique():
    """Names that no other test uses: the server is shared."""
    return lambda prefix: f"{prefix}-{uuid.uuid4().hex[:12]}"


def zipped(files):
    """A zip archive of `files`, a dictionary of names and texts."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for name, content in files.items():
            out.writestr(name, content)
    return archive.getvalue()


def eventually(probe, seconds=10):
    """What `probe` returns as soon as that is true of something."""
    deadline = time.monotonic() + seconds
    while True:
        found = probe()
        if found or time.monotonic() > deadline:
            assert found, f"not within {seconds} s"
            return found
        time.sleep(0.05)


def error_of(call, **arguments):
    """The code and the message of the AWS error that the call ends with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]
