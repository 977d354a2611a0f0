"""KMS: the life of keys, encryption, data keys, aliases, grants, policies, rotation, regions."""

import json

import pytest
from conftest import ACCOUNT, REGION, error_of


@pytest.fixture
def kms(client):
    return client("kms")


@pytest.fixture
def make(kms):
    """Makes a key, gives its metadata."""
    return lambda **arguments: kms.create_key(**arguments)["KeyMetadata"]


def arn_of(key_id, region=REGION):
    return f"arn:aws:kms:{region}:{ACCOUNT}:key/{key_id}"


def test_a_new_key(kms, make):
    key = make(Description="desk", Tags=[{"TagKey": "team", "TagValue": "desk"}])
    created, material = key.pop("CreationDate"), key.pop("CurrentKeyMaterialId")
    key_id = key.pop("KeyId")
    assert created.year >= 2024 and len(material) == 64 and len(key_id) == 36
    assert key == {
        "AWSAccountId": ACCOUNT,
        "Arn": arn_of(key_id),
        "Description": "desk",
        "Enabled": True,
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": "Enabled",
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": False,
    }
    assert kms.describe_key(KeyId=arn_of(key_id))["KeyMetadata"]["CurrentKeyMaterialId"] == material
    ids = [k["KeyId"] for page in kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 3}) for k in page["Keys"]]
    assert ids.count(key_id) == 1
    policy = json.loads(kms.get_key_policy(KeyId=key_id)["Policy"])
    assert policy == {
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }
    assert kms.list_key_policies(KeyId=key_id)["PolicyNames"] == ["default"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            {"KeySpec": "HMAC_256"},
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
        ),
        (
            {"KeySpec": "RSA_2048", "KeyUsage": "KEY_AGREEMENT"},
            "KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048",
        ),
        (
            {"KeySpec": "ECC_SECG_P256K1", "KeyUsage": "KEY_AGREEMENT"},
            "KeyUsage KEY_AGREEMENT is not compatible with KeySpec ECC_SECG_P256K1",
        ),
    ],
)
def test_keys_that_cannot_be(kms, arguments, message):
    assert error_of(kms.create_key, **arguments) == ("ValidationException", message)


def test_sm2_is_refused_by_name(kms):
    code, message = error_of(kms.create_key, KeySpec="SM2", KeyUsage="SIGN_VERIFY")
    assert code == "NotImplementedException" and "SM2" in message


def test_names_of_keys(kms, make):
    key_id = make()["KeyId"]
    other = "11111111-2222-3333-4444-555555555555"
    assert error_of(kms.describe_key, KeyId=other) == ("NotFoundException", f"Key '{arn_of(other)}' does not exist")
    assert error_of(kms.describe_key, KeyId="fake-key-id") == ("NotFoundException", "Invalid keyId 'fake-key-id'")
    assert error_of(kms.describe_key, KeyId="mrk-fake-key-id") == (
        "NotFoundException",
        "Invalid keyId 'mrk-fake-key-id'",
    )
    assert error_of(kms.describe_key, KeyId="alias/none") == (
        "NotFoundException",
        f"Alias arn:aws:kms:{REGION}:{ACCOUNT}:alias/none is not found.",
    )
    assert error_of(kms.describe_key, KeyId=arn_of(key_id, "us-west-2")) == ("NotFoundException", "Invalid arn us-west-2")


def test_encryption_is_bound_to_its_context(kms, make):
    key = make()
    context = {"tenant": "1", "for": "desk"}
    sealed = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"secret", EncryptionContext=context)
    blob = sealed["CiphertextBlob"]
    assert sealed["KeyId"] == key["Arn"] and sealed["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    assert b"secret" not in blob
    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext=dict(reversed(context.items())))
    assert opened["Plaintext"] == b"secret" and opened["KeyId"] == key["Arn"]
    assert opened["KeyMaterialId"] == key["CurrentKeyMaterialId"]
    refused = ("InvalidCiphertextException", "")
    assert error_of(kms.decrypt, CiphertextBlob=blob) == refused
    assert error_of(kms.decrypt, CiphertextBlob=blob, EncryptionContext={"tenant": "1"}) == refused
    assert error_of(kms.decrypt, CiphertextBlob=blob[:-1], EncryptionContext=context) == refused
    assert error_of(kms.decrypt, CiphertextBlob=b"rubbish") == refused
    for at in range(0, len(blob), 7):
        damaged = bytearray(blob)
        damaged[at] ^= 0x40
        code, _ = error_of(kms.decrypt, CiphertextBlob=bytes(damaged), EncryptionContext=context)
        assert code in ("InvalidCiphertextException", "AccessDeniedException"), at
    other = make()["KeyId"]
    assert error_of(kms.decrypt, CiphertextBlob=blob, EncryptionContext=context, KeyId=other) == (
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
    )


def test_longest_plaintext(kms, make):
    key = make()["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x" * 4096)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x" * 4096
    assert error_of(kms.encrypt, KeyId=key, Plaintext=b"x" * 4097) == (
        "ValidationException",
        "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: "
        "Member must have length less than or equal to 4096",
    )


def test_ciphertext_of_another_region_is_unknown(client, kms, make):
    blob = kms.encrypt(KeyId=make()["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    code, message = error_of(client("kms", region_name="us-west-2").decrypt, CiphertextBlob=blob)
    assert code == "AccessDeniedException"
    assert message.startswith("The ciphertext refers to a customer master key that does not exist")


def test_data_keys(kms, make):
    key = make()
    for arguments, length in [({"KeySpec": "AES_256"}, 32), ({"KeySpec": "AES_128"}, 16), ({"NumberOfBytes": 1024}, 1024)]:
        made = kms.generate_data_key(KeyId=key["KeyId"], EncryptionContext={"a": "b"}, **arguments)
        assert len(made["Plaintext"]) == length and made["KeyMaterialId"] == key["CurrentKeyMaterialId"]
        opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"a": "b"})
        assert opened["Plaintext"] == made["Plaintext"]
    hidden = kms.generate_data_key_without_plaintext(KeyId=key["Arn"], KeySpec="AES_256")
    assert "Plaintext" not in hidden
    assert len(kms.decrypt(CiphertextBlob=hidden["CiphertextBlob"])["Plaintext"]) == 32
    assert error_of(kms.generate_data_key, KeyId=key["KeyId"])[0] == "ValidationException"
    assert len(kms.generate_random(NumberOfBytes=99)["Plaintext"]) == 99


def test_re_encrypt(kms, make):
    first, second = make()["Arn"], make()["Arn"]
    blob = kms.encrypt(KeyId=first, Plaintext=b"moved", EncryptionContext={"a": "1"})["CiphertextBlob"]
    moved = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext={"a": "1"},
        DestinationKeyId=second,
        DestinationEncryptionContext={"b": "2"},
    )
    assert (moved["SourceKeyId"], moved["KeyId"]) == (first, second)
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"b": "2"})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"moved", second)
    assert error_of(kms.re_encrypt, CiphertextBlob=blob, DestinationKeyId=second)[0] == "InvalidCiphertextException"


def test_states(kms, make):
    key = make()
    key_id, arn = key["KeyId"], key["Arn"]
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=key_id)
    assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"] == "Disabled"
    assert error_of(kms.encrypt, KeyId=key_id, Plaintext=b"x") == ("DisabledException", f"{arn} is disabled.")
    assert error_of(kms.decrypt, CiphertextBlob=blob) == ("DisabledException", f"{arn} is disabled.")
    kms.enable_key(KeyId=key_id)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    ending = kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    assert (ending["KeyId"], ending["KeyState"], ending["PendingWindowInDays"]) == (arn, "PendingDeletion", 7)
    described = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    assert described["DeletionDate"] == ending["DeletionDate"] and not described["Enabled"]
    pending = ("KMSInvalidStateException", f"{arn} is pending deletion.")
    assert error_of(kms.decrypt, CiphertextBlob=blob) == pending
    assert error_of(kms.enable_key, KeyId=key_id) == pending
    assert error_of(kms.schedule_key_deletion, KeyId=key_id) == pending
    assert kms.cancel_key_deletion(KeyId=key_id)["KeyId"] == arn
    assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"] == "Disabled"
    assert error_of(kms.cancel_key_deletion, KeyId=key_id)[0] == "KMSInvalidStateException"
    assert error_of(kms.schedule_key_deletion, KeyId=key_id, PendingWindowInDays=6)[0] == "ValidationException"


def test_aliases(kms, make, unique):
    name, first, second = "alias/" + unique("a"), make(), make()
    arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:{name}"
    kms.create_alias(AliasName=name, TargetKeyId=first["KeyId"])
    for called in [name, arn]:
        assert kms.describe_key(KeyId=called)["KeyMetadata"]["KeyId"] == first["KeyId"]
    assert error_of(kms.create_alias, AliasName=name, TargetKeyId=second["Arn"]) == (
        "AlreadyExistsException",
        f"An alias with the name {arn} already exists",
    )
    kms.update_alias(AliasName=name, TargetKeyId=second["Arn"])
    blob = kms.encrypt(KeyId=name, Plaintext=b"x")
    assert blob["KeyId"] == second["Arn"]
    listed = kms.list_aliases(KeyId=second["KeyId"])["Aliases"]
    assert [(a["AliasName"], a["AliasArn"], a["TargetKeyId"]) for a in listed] == [(name, arn, second["KeyId"])]
    assert kms.list_aliases(KeyId=first["KeyId"])["Aliases"] == []
    everything = [
        a["AliasName"]
        for page in kms.get_paginator("list_aliases").paginate(PaginationConfig={"PageSize": 4})
        for a in page["Aliases"]
    ]
    assert everything.count(name) == 1 and everything.count("alias/aws/rds") == 1
    assert everything == sorted(everything)
    kms.delete_alias(AliasName=name)
    assert error_of(kms.describe_key, KeyId=name) == ("NotFoundException", f"Alias {arn} is not found.")
    assert error_of(kms.create_alias, AliasName="desk", TargetKeyId=first["KeyId"])[0] == "ValidationException"
    assert error_of(kms.create_alias, AliasName="alias/aws/desk", TargetKeyId=first["KeyId"])[0] == "NotAuthorizedException"


def test_aws_managed_keys_come_with_their_first_use(kms):
    key = kms.describe_key(KeyId="alias/aws/sqs")["KeyMetadata"]
    assert (key["KeyManager"], key["KeyState"]) == ("AWS", "Enabled")
    assert kms.describe_key(KeyId="alias/aws/sqs")["KeyMetadata"]["KeyId"] == key["KeyId"]
    assert kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]
    policy = json.loads(kms.get_key_policy(KeyId=key["KeyId"])["Policy"])
    assert policy["Statement"][0]["Condition"]["StringEquals"]["kms:ViaService"] == f"sqs.{REGION}.amazonaws.com"
    assert error_of(kms.schedule_key_deletion, KeyId=key["KeyId"])[0] == "AccessDeniedException"
    assert error_of(kms.describe_key, KeyId="alias/aws/nosuchservice")[0] == "NotFoundException"


def test_tags(kms, make):
    key = make()["KeyId"]
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": f"k{n}", "TagValue": str(n)} for n in range(4)])
    kms.untag_resource(KeyId=key, TagKeys=["k1", "absent"])
    pages = kms.get_paginator("list_resource_tags").paginate(KeyId=key, PaginationConfig={"PageSize": 2})
    assert [(t["TagKey"], t["TagValue"]) for p in pages for t in p["Tags"]] == [("k0", "0"), ("k2", "2"), ("k3", "3")]
    twice = [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}]
    assert error_of(kms.tag_resource, KeyId=key, Tags=twice) == ("TagException", "Duplicate tag keys")
    own = [{"TagKey": "AWS:a", "TagValue": "1"}]
    assert error_of(kms.tag_resource, KeyId=key, Tags=own) == ("TagException", "Tags beginning with aws: are reserved")
    many = [{"TagKey": f"t{n}", "TagValue": ""} for n in range(51)]
    assert error_of(kms.create_key, Tags=many) == ("TagException", "Too many tags")


def test_key_policies(kms, make):
    key = make()["KeyId"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": ["kms:Put*", "kms:Get*"],
                "Resource": "*",
            }
        ],
    }
    text = json.dumps(policy)
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=text)
    assert kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"] == text
    policy["Statement"][0]["Action"] = "kms:Get*"
    locked = json.dumps(policy)
    assert error_of(kms.put_key_policy, KeyId=key, Policy=locked) == (
        "MalformedPolicyDocumentException",
        "The new key policy will not allow you to update the key policy in the future.",
    )
    kms.put_key_policy(KeyId=key, Policy=locked, BypassPolicyLockoutSafetyCheck=True)
    assert error_of(kms.put_key_policy, KeyId=key, Policy="{")[0] == "MalformedPolicyDocumentException"
    assert error_of(kms.get_key_policy, KeyId=key, PolicyName="other") == ("NotFoundException", "No such policy exists")


def test_grants(kms, make):
    key = make()
    grantee, retiring = f"arn:aws:iam::{ACCOUNT}:role/reader", f"arn:aws:iam::{ACCOUNT}:role/{key['KeyId']}"
    arguments = {
        "KeyId": key["KeyId"],
        "GranteePrincipal": grantee,
        "RetiringPrincipal": retiring,
        "Operations": ["Decrypt", "DescribeKey"],
        "Constraints": {"EncryptionContextSubset": {"a": "b"}},
        "Name": "reader",
    }
    first = kms.create_grant(**arguments)
    assert len(first["GrantId"]) == 64
    assert kms.create_grant(**arguments)["GrantId"] == first["GrantId"]
    second = kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=grantee, Operations=["Encrypt"])
    (found,) = kms.list_grants(KeyId=key["KeyId"], GrantId=first["GrantId"])["Grants"]
    del found["CreationDate"]
    assert found == {
        "KeyId": key["Arn"],
        "GrantId": first["GrantId"],
        "Name": "reader",
        "GranteePrincipal": grantee,
        "RetiringPrincipal": retiring,
        "IssuingAccount": f"arn:aws:iam::{ACCOUNT}:root",
        "Operations": ["Decrypt", "DescribeKey"],
        "Constraints": {"EncryptionContextSubset": {"a": "b"}},
    }
    pages = kms.get_paginator("list_grants").paginate(KeyId=key["KeyId"], PaginationConfig={"PageSize": 1})
    assert {g["GrantId"] for p in pages for g in p["Grants"]} == {first["GrantId"], second["GrantId"]}
    (retirable,) = kms.list_retirable_grants(RetiringPrincipal=retiring)["Grants"]
    assert retirable["GrantId"] == first["GrantId"]
    assert kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x", GrantTokens=[second["GrantToken"]])["CiphertextBlob"]
    assert error_of(kms.encrypt, KeyId=key["KeyId"], Plaintext=b"x", GrantTokens=["x"])[0] == "InvalidGrantTokenException"
    kms.retire_grant(GrantToken=first["GrantToken"])
    assert kms.list_retirable_grants(RetiringPrincipal=retiring)["Grants"] == []
    kms.revoke_grant(KeyId=key["KeyId"], GrantId=second["GrantId"])
    assert kms.list_grants(KeyId=key["KeyId"])["Grants"] == []
    assert error_of(kms.revoke_grant, KeyId=key["KeyId"], GrantId=second["GrantId"]) == (
        "NotFoundException",
        f"Grant ID {second['GrantId']} not found",
    )
    assert error_of(kms.create_grant, KeyId=key["KeyId"], GranteePrincipal=grantee, Operations=["Sign"])[0] == "ValidationException"


def test_dry_runs_do_nothing(kms, make):
    key = make()["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    dry = ("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
    assert error_of(kms.encrypt, KeyId=key, Plaintext=b"x", DryRun=True) == dry
    assert error_of(kms.decrypt, CiphertextBlob=blob, DryRun=True) == dry
    assert error_of(kms.decrypt, CiphertextBlob=blob[:-1], DryRun=True)[0] == "InvalidCiphertextException"
    assert error_of(kms.decrypt, KeyId=key, DryRun=True, DryRunModifiers=["IGNORE_CIPHERTEXT"]) == dry
    assert error_of(kms.decrypt, KeyId=key)[0] == "ValidationException"
    assert error_of(kms.generate_data_key, KeyId=key, KeySpec="AES_256", DryRun=True) == dry
    root = f"arn:aws:iam::{ACCOUNT}:root"
    assert error_of(kms.create_grant, KeyId=key, GranteePrincipal=root, Operations=["Decrypt"], DryRun=True) == dry
    assert kms.list_grants(KeyId=key)["Grants"] == []


def test_rotation_keeps_old_ciphertexts_open(kms, make):
    key = make()
    key_id = key["KeyId"]
    assert kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"] is False
    kms.enable_key_rotation(KeyId=key_id, RotationPeriodInDays=90)
    status = kms.get_key_rotation_status(KeyId=key_id)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 90)
    assert 89 <= (status["NextRotationDate"] - key["CreationDate"]).days <= 90
    old = kms.encrypt(KeyId=key_id, Plaintext=b"old")["CiphertextBlob"]
    assert kms.rotate_key_on_demand(KeyId=key_id)["KeyId"] == key["Arn"]
    current = kms.describe_key(KeyId=key_id)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert current != key["CurrentKeyMaterialId"]
    opened = kms.decrypt(CiphertextBlob=old)
    assert (opened["Plaintext"], opened["KeyMaterialId"]) == (b"old", key["CurrentKeyMaterialId"])
    new = kms.encrypt(KeyId=key_id, Plaintext=b"new")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=new)["KeyMaterialId"] == current
    (rotation,) = kms.list_key_rotations(KeyId=key_id)["Rotations"]
    assert (rotation["RotationType"], rotation["KeyMaterialId"]) == ("ON_DEMAND", current)
    everything = kms.list_key_rotations(KeyId=key_id, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    assert [r["KeyMaterialState"] for r in everything] == ["NON_CURRENT", "CURRENT"]
    kms.disable_key_rotation(KeyId=key_id)
    assert kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"] is False
    rsa = make(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyId"]
    assert error_of(kms.enable_key_rotation, KeyId=rsa) == ("UnsupportedOperationException", "")
    assert kms.get_key_rotation_status(KeyId=rsa)["KeyRotationEnabled"] is False


def test_on_demand_rotations_have_an_end(kms, make):
    key = make()
    for _ in range(25):
        kms.rotate_key_on_demand(KeyId=key["KeyId"])
    assert error_of(kms.rotate_key_on_demand, KeyId=key["KeyId"]) == (
        "LimitExceededException",
        "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations "
        f"can be performed for this key: {key['Arn']}",
    )


def test_multi_region_keys_share_their_material(client, kms, make):
    other = "eu-west-1"
    there = client("kms", region_name=other)
    key = make(MultiRegion=True)
    key_id = key["KeyId"]
    assert key_id.startswith("mrk-") and len(key_id) == 36
    replica = kms.replicate_key(KeyId=key_id, ReplicaRegion=other, Description="there")
    regions = replica["ReplicaKeyMetadata"]["MultiRegionConfiguration"]
    assert regions == {
        "MultiRegionKeyType": "REPLICA",
        "PrimaryKey": {"Arn": key["Arn"], "Region": REGION},
        "ReplicaKeys": [{"Arn": arn_of(key_id, other), "Region": other}],
    }
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"both")["CiphertextBlob"]
    assert there.decrypt(CiphertextBlob=blob)["KeyId"] == arn_of(key_id, other)
    kms.rotate_key_on_demand(KeyId=key_id)
    newer = there.encrypt(KeyId=key_id, Plaintext=b"newer")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=newer)["Plaintext"] == b"newer"
    assert error_of(there.replicate_key, KeyId=key_id, ReplicaRegion="us-east-1") == (
        "UnsupportedOperationException",
        f"{arn_of(key_id, other)} is not a multi-region primary key.",
    )
    assert error_of(kms.replicate_key, KeyId=key_id, ReplicaRegion=other)[0] == "AlreadyExistsException"
    kms.update_primary_region(KeyId=key_id, PrimaryRegion=other)
    now = there.describe_key(KeyId=key_id)["KeyMetadata"]["MultiRegionConfiguration"]
    assert (now["MultiRegionKeyType"], now["ReplicaKeys"][0]["Region"]) == ("PRIMARY", REGION)
    ending = there.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    assert ending["KeyState"] == "PendingReplicaDeletion" and "DeletionDate" not in ending
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"both"


def test_last_use(kms, make):
    key = make()
    unused = kms.get_key_last_usage(KeyId=key["KeyId"])
    assert not unused.get("KeyLastUsage") and unused["KeyCreationDate"] == key["CreationDate"]
    answer = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    used = kms.get_key_last_usage(KeyId=key["KeyId"])["KeyLastUsage"]
    assert used["Operation"] == "Encrypt"
    assert used["KmsRequestId"] == answer["ResponseMetadata"]["RequestId"]
