"""`gureum iam explain`: the policy that it prints is the one that was missing."""

import json
import os
import subprocess

import boto3
import pytest
from botocore.exceptions import ClientError
from conftest import REGION, ROOT


def explain(endpoint, *words, code=0):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("GUREUM_", "AWS_"))}
    command = [ROOT / "gureum", *words[:-1], "iam", "explain", "--endpoint", endpoint, words[-1]]
    done = subprocess.run(command, env=clean, capture_output=True, text=True, timeout=180)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done.stdout


def test_explain(client, endpoint, unique):
    iam, name = client("iam"), unique("user")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    dynamodb = boto3.client(
        "dynamodb",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )

    def refused():
        with pytest.raises(ClientError) as error:
            dynamodb.describe_limits()
        assert error.value.response["Error"]["Code"] == "AccessDeniedException"
        return error.value.response["ResponseMetadata"]["RequestId"]

    [found] = json.loads(explain(endpoint, "--json", refused()))["refusals"]
    assert (found["action"], found["enforced"]) == ("dynamodb:DescribeLimits", True)
    assert found["principal"].endswith(f":user/{name}")
    assert found["reason"] == "because no identity-based policy allows the dynamodb:DescribeLimits action"
    _, policy = found["advice"].split("\n", 1)
    shown = explain(endpoint, refused())
    assert "dynamodb DescribeLimits" in shown and policy in shown
    # What it advises is enough.
    iam.put_user_policy(UserName=name, PolicyName="advised", PolicyDocument=policy)
    dynamodb.describe_limits()
    deny = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {"Sid": "No", "Effect": "Deny", "Action": "dynamodb:*", "Resource": "*"},
        }
    )
    iam.put_user_policy(UserName=name, PolicyName="deny", PolicyDocument=deny)
    [found] = json.loads(explain(endpoint, "--json", refused()))["refusals"]
    assert "explicit deny" in found["reason"] and "(No)" in found["advice"]
    assert "too long ago" in explain(endpoint, "0" * 36, code=1)
