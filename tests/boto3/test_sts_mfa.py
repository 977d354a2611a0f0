"""MFA devices: codes by time (RFC 6238), and what policies ask of them."""

import base64
import hashlib
import hmac
import json
import struct
import time

import pytest
from conftest import ACCOUNT, error_of

STEP_S = 30


class Device:
    """What somebody has on the telephone."""

    def __init__(self, seed):
        self.seed = base64.b32decode(seed)

    def code(self, step):
        digest = hmac.new(self.seed, struct.pack(">q", step), hashlib.sha1).digest()
        at = digest[19] & 15
        return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


def allow(**statement):
    return {"Effect": "Allow", "Resource": "*", **statement}


@pytest.fixture
def user(client, unique):
    """A user with a device: name, serial number, device, clients with the user's key."""
    iam, name = client("iam"), unique("mfa")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    with_mfa = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    policy = [
        allow(Action="sts:*"),
        allow(Action="iam:ListUsers", Condition=with_mfa),
        allow(Action="iam:ListRoles", Condition={"NumericLessThan": {"aws:MultiFactorAuthAge": "300"}}),
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": policy})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
    device, step = Device(made["Base32StringSeed"]), int(time.time()) // STEP_S
    codes = dict(AuthenticationCode1=device.code(step - 2), AuthenticationCode2=device.code(step - 1))
    iam.enable_mfa_device(UserName=name, SerialNumber=made["SerialNumber"], **codes)
    keys = dict(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    return name, made["SerialNumber"], device, lambda service: client(service, **keys)


def session(client, credentials, service):
    return client(
        service,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def test_a_code_opens_what_a_key_does_not(client, user):
    _, serial, device, own = user
    sts = own("sts")
    step = int(time.time()) // STEP_S
    code, text = error_of(sts.get_session_token, SerialNumber=serial, TokenCode="000000")
    assert (code, text.split(".")[0]) == (
        "AccessDenied",
        "MultiFactorAuthentication failed with invalid MFA one time pass code",
    )
    # The code that enabled the device is used up.
    assert error_of(sts.get_session_token, SerialNumber=serial, TokenCode=device.code(step - 1))[0] == "AccessDenied"
    assert error_of(sts.get_session_token, SerialNumber=serial)[0] == "AccessDenied"
    got = sts.get_session_token(SerialNumber=serial, TokenCode=device.code(step))["Credentials"]
    assert error_of(sts.get_session_token, SerialNumber=serial, TokenCode=device.code(step))[0] == "AccessDenied"
    assert session(client, got, "iam").list_users()["Users"]
    assert session(client, got, "iam").list_roles()["Roles"] is not None
    assert error_of(own("iam").list_users)[0] == "AccessDenied"
    plain = sts.get_session_token()["Credentials"]
    assert error_of(session(client, plain, "iam").list_users)[0] == "AccessDenied"
    assert error_of(session(client, plain, "iam").list_roles)[0] == "AccessDenied"


def test_a_role_that_demands_a_code(client, user, unique):
    _, serial, device, own = user
    trust = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"AWS": ACCOUNT},
            "Action": "sts:AssumeRole",
            "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        },
    }
    made = client("iam").create_role(RoleName=unique("mfa"), AssumeRolePolicyDocument=json.dumps(trust))
    ask = dict(RoleArn=made["Role"]["Arn"], RoleSessionName="kim")
    sts, step = own("sts"), int(time.time()) // STEP_S
    assert error_of(sts.assume_role, **ask)[0] == "AccessDenied"
    assert error_of(sts.assume_role, SerialNumber=serial, TokenCode="abcdef", **ask)[0] == "ValidationError"
    got = sts.assume_role(SerialNumber=serial, TokenCode=device.code(step), **ask)
    who = session(client, got["Credentials"], "sts").get_caller_identity()
    assert who["Arn"].endswith("/kim")
    # A session that was opened with a code opens the role, too.
    held = sts.get_session_token(SerialNumber=serial, TokenCode=device.code(step + 1))["Credentials"]
    assert session(client, held, "sts").assume_role(**ask)["AssumedRoleUser"]["Arn"] == who["Arn"]


def test_somebody_else_s_device(client, user, unique):
    _, serial, device, _ = user
    iam, name = client("iam"), unique("other")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    keys = dict(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    code = device.code(int(time.time()) // STEP_S)
    refused = error_of(client("sts", **keys).get_session_token, SerialNumber=serial, TokenCode=code)
    assert refused[0] == "AccessDenied"
