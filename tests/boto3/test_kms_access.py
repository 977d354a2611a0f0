"""Users of IAM against key policies and grants; keys that two accounts share."""

import json

import pytest
from conftest import ACCOUNT, REGION, error_of

OTHER = "222233334444"
THERE = dict(aws_access_key_id=OTHER)
ROOT = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture
def user(client, unique):
    """Makes users with these permissions: their ARN and what makes their clients."""

    def make(*statements, **account):
        iam, name = client("iam", **account), unique("u")
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(*statements))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        keys = dict(aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
        return arn, lambda service="kms": client(service, **keys)

    return make


def refused(call, **arguments):
    code, text = error_of(call, **arguments)
    assert code == "AccessDeniedException", text
    return text


def make_key(client, *statements):
    made = client("kms").create_key(Policy=policy(*statements), BypassPolicyLockoutSafetyCheck=True)
    return made["KeyMetadata"]["Arn"]


def test_the_key_policy_is_the_root_of_all(client, user):
    _, may_all = user({"Effect": "Allow", "Action": "kms:*", "Resource": "*"})
    arn, may_nothing = user()
    # A key that does not name the account: no identity policy counts.
    closed = make_key(client, {**ROOT, "Principal": {"AWS": arn}, "Action": ["kms:Encrypt", "kms:DescribeKey"]})
    text = refused(may_all().encrypt, KeyId=closed, Plaintext=b"x")
    assert "because no resource-based policy allows the kms:Encrypt action" in text
    assert may_nothing().encrypt(KeyId=closed, Plaintext=b"x")["KeyId"] == closed
    refused(may_nothing().decrypt, CiphertextBlob=may_nothing().encrypt(KeyId=closed, Plaintext=b"x")["CiphertextBlob"])
    # One that does leaves it to them.
    opened = make_key(client, ROOT)
    blob = may_all().encrypt(KeyId=opened, Plaintext=b"x")["CiphertextBlob"]
    assert may_all().decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert "because no identity-based policy allows the kms:Decrypt action" in refused(
        may_nothing().decrypt, CiphertextBlob=blob
    )
    denied = make_key(client, ROOT, {**ROOT, "Effect": "Deny", "Principal": "*", "Action": "kms:Encrypt"})
    assert "with an explicit deny in a resource-based policy" in refused(may_all().encrypt, KeyId=denied, Plaintext=b"x")


def test_conditions_of_key_policies(client, user):
    arn, own = user()
    context = {"StringEquals": {"kms:EncryptionContext:app": "desk"}}
    key = make_key(client, ROOT, {**ROOT, "Principal": {"AWS": arn}, "Action": ["kms:Encrypt", "kms:Decrypt"], "Condition": context})
    kms = own()
    blob = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"app": "desk", "n": "1"})["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext={"app": "desk", "n": "1"})["Plaintext"] == b"x"
    refused(kms.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext={"app": "tower"})
    refused(kms.encrypt, KeyId=key, Plaintext=b"x")
    # By S3 only, and only for this bucket's objects.
    arn, own = user({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    via = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com", "kms:CallerAccount": ACCOUNT}}
    statement = {**ROOT, "Principal": {"AWS": "*"}, "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Condition": via}
    key = make_key(client, ROOT, statement)
    bucket = f"via-{key[-12:]}"
    client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3 = own("s3")
    s3.put_object(Bucket=bucket, Key="a", Body=b"sealed", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"sealed"
    refused(own().generate_data_key, KeyId=key, KeySpec="AES_256")
    other = make_key(client, ROOT)
    wrong = dict(Bucket=bucket, Key="b", Body=b"", ServerSideEncryption="aws:kms", SSEKMSKeyId=other)
    assert error_of(s3.put_object, **wrong)[0] == "AccessDenied"


def test_grants_open_as_far_as_they_say(client, user):
    key = make_key(client, ROOT)
    arn, own = user()
    kms, admin = own(), client("kms")
    refused(kms.encrypt, KeyId=key, Plaintext=b"x")
    made = admin.create_grant(
        KeyId=key, GranteePrincipal=arn, Operations=["Encrypt", "Decrypt", "RetireGrant"],
        Constraints={"EncryptionContextSubset": {"app": "desk"}},
    )
    good, more = {"app": "desk"}, {"app": "desk", "n": "1"}
    blob = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=more)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=more)["Plaintext"] == b"x"
    refused(kms.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext={"app": "tower"})
    refused(kms.encrypt, KeyId=key, Plaintext=b"x")
    refused(kms.generate_data_key, KeyId=key, KeySpec="AES_256", EncryptionContext=good)
    refused(kms.describe_key, KeyId=key)
    refused(kms.revoke_grant, KeyId=key, GrantId=made["GrantId"])
    kms.retire_grant(KeyId=key, GrantId=made["GrantId"])
    refused(kms.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext=good)
    exactly = admin.create_grant(
        KeyId=key, GranteePrincipal=arn, Operations=["Encrypt"], Constraints={"EncryptionContextEquals": good}
    )
    kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=good)
    refused(kms.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext=more)
    # A deny of the key's policy stands against every grant.
    admin.put_key_policy(KeyId=key, PolicyName="default", Policy=policy(ROOT, {**ROOT, "Effect": "Deny", "Principal": {"AWS": arn}, "Action": "kms:Encrypt"}))
    refused(kms.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext=good)
    admin.put_key_policy(KeyId=key, PolicyName="default", Policy=policy(ROOT))
    kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=good)
    admin.revoke_grant(KeyId=key, GrantId=exactly["GrantId"])
    refused(kms.encrypt, KeyId=key, Plaintext=b"x", EncryptionContext=good)


def test_who_may_grant(client, user):
    key = make_key(client, ROOT)
    condition = {"ForAllValues:StringEquals": {"kms:GrantOperations": ["Decrypt"]}, "Bool": {"kms:GrantIsForAWSResource": "false"}}
    _, own = user({"Effect": "Allow", "Action": "kms:CreateGrant", "Resource": key, "Condition": condition})
    grantee, theirs = user()
    own().create_grant(KeyId=key, GranteePrincipal=grantee, Operations=["Decrypt"])
    blob = client("kms").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert theirs().decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    refused(own().create_grant, KeyId=key, GranteePrincipal=grantee, Operations=["Decrypt", "Encrypt"])
    refused(own().list_grants, KeyId=key)


def test_a_key_of_another_account(client, user):
    """Its policy and the user's own must both allow."""
    statement = {**ROOT, "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Action": ["kms:Encrypt", "kms:Decrypt", "kms:DescribeKey"]}
    shared, private = make_key(client, ROOT, statement), make_key(client, ROOT)
    _, may = user({"Effect": "Allow", "Action": "kms:*", "Resource": "*"}, **THERE)
    _, may_not = user({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, **THERE)
    root = client("kms", **THERE)
    for kms in [may(), root]:
        blob = kms.encrypt(KeyId=shared, Plaintext=b"x")["CiphertextBlob"]
        assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
        assert client("kms").decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
        assert kms.describe_key(KeyId=shared)["KeyMetadata"]["AWSAccountId"] == ACCOUNT
        refused(kms.encrypt, KeyId=private, Plaintext=b"x")
        refused(kms.generate_data_key, KeyId=shared, KeySpec="AES_256")
    refused(may_not().encrypt, KeyId=shared, Plaintext=b"x")
    # What stands in the other account's policies opens nothing here by itself.
    sealed = client("kms").encrypt(KeyId=private, Plaintext=b"x")["CiphertextBlob"]
    for kms in [may(), root]:
        refused(kms.decrypt, CiphertextBlob=sealed)
    # A grant reaches over, too.
    arn, own = user({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": private}, **THERE)
    refused(own().decrypt, CiphertextBlob=sealed, KeyId=private)
    client("kms").create_grant(KeyId=private, GranteePrincipal=arn, Operations=["Decrypt"])
    assert own().decrypt(CiphertextBlob=sealed, KeyId=private)["Plaintext"] == b"x"
