"""Credentials and providers of IAM as boto3 uses them."""

import base64
import csv
import hashlib
import hmac
import io
import struct
import time

import pytest
from conftest import ACCOUNT, error_of


@pytest.fixture
def iam(client):
    return client("iam")


@pytest.fixture
def user(iam, unique):
    name = unique("user")
    iam.create_user(UserName=name)
    return name


def totp(seed, step):
    """RFC 6238, by the seed's base 32."""
    digest = hmac.new(base64.b32decode(seed), struct.pack(">q", step), hashlib.sha1).digest()
    at = digest[19] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def test_access_keys(iam, user):
    key = iam.create_access_key(UserName=user)["AccessKey"]
    assert key["AccessKeyId"].startswith("AKIA") and len(key["SecretAccessKey"]) == 40
    iam.update_access_key(UserName=user, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    assert iam.list_access_keys(UserName=user)["AccessKeyMetadata"][0]["Status"] == "Inactive"
    used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    assert used["UserName"] == user and used["AccessKeyLastUsed"]["ServiceName"] == "N/A"
    iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    assert error_of(iam.delete_access_key, UserName=user, AccessKeyId=key["AccessKeyId"]) == (
        "NoSuchEntity",
        f"The Access Key with id {key['AccessKeyId']} cannot be found.",
    )


def test_mfa_device(iam, user):
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName=user)["VirtualMFADevice"]
    assert device["QRCodePNG"].startswith(b"\x89PNG")
    serial, seed = device["SerialNumber"], device["Base32StringSeed"]
    step = int(time.time()) // 30
    codes = {"AuthenticationCode1": totp(seed, step - 1), "AuthenticationCode2": totp(seed, step)}
    swapped = {"AuthenticationCode1": codes["AuthenticationCode2"], "AuthenticationCode2": codes["AuthenticationCode1"]}
    assert error_of(iam.enable_mfa_device, UserName=user, SerialNumber=serial, **swapped)[0] == "InvalidAuthenticationCode"
    iam.enable_mfa_device(UserName=user, SerialNumber=serial, **codes)
    assert [found["SerialNumber"] for found in iam.list_mfa_devices(UserName=user)["MFADevices"]] == [serial]
    assert error_of(iam.delete_virtual_mfa_device, SerialNumber=serial)[0] == "DeleteConflict"
    assert error_of(iam.delete_user, UserName=user)[0] == "DeleteConflict"
    iam.deactivate_mfa_device(UserName=user, SerialNumber=serial)
    iam.delete_virtual_mfa_device(SerialNumber=serial)


def test_password(iam, user):
    assert error_of(iam.create_login_profile, UserName=user, Password="abc")[0] == "PasswordPolicyViolation"
    iam.create_login_profile(UserName=user, Password="Long-enough-1", PasswordResetRequired=True)
    assert iam.get_login_profile(UserName=user)["LoginProfile"]["PasswordResetRequired"]
    iam.update_login_profile(UserName=user, Password="Other-enough-2", PasswordResetRequired=False)
    iam.delete_login_profile(UserName=user)
    assert error_of(iam.get_login_profile, UserName=user)[0] == "NoSuchEntity"


def test_oidc_provider(iam, unique):
    url = f"https://{unique('idp')}.example/tenant"
    arn = iam.create_open_id_connect_provider(Url=url, ClientIDList=["sts.amazonaws.com"])["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{url[8:]}"
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="more")
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["a" * 40])
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (found["Url"], found["ClientIDList"], found["ThumbprintList"]) == (
        url[8:],
        ["sts.amazonaws.com", "more"],
        ["a" * 40],
    )
    assert error_of(iam.create_open_id_connect_provider, Url=url)[0] == "EntityAlreadyExists"
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)


def test_saml_provider(iam, unique):
    metadata = f"""<?xml version="1.0"?>
<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example">
<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">
<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{"A" * 1000}</X509Certificate></X509Data>
</KeyInfo></KeyDescriptor></IDPSSODescriptor></EntityDescriptor>"""
    name = unique("saml")
    arn = iam.create_saml_provider(Name=name, SAMLMetadataDocument=metadata)["SAMLProviderArn"]
    found = iam.get_saml_provider(SAMLProviderArn=arn)
    assert found["SAMLMetadataDocument"] == metadata and found["ValidUntil"] > found["CreateDate"]
    assert error_of(iam.update_saml_provider, SAMLProviderArn=arn, SAMLMetadataDocument="x" * 1000)[0] == "InvalidInput"
    iam.delete_saml_provider(SAMLProviderArn=arn)
    assert error_of(iam.get_saml_provider, SAMLProviderArn=arn)[0] == "NoSuchEntity"


def test_reports(iam, user):
    iam.generate_credential_report()
    report = iam.get_credential_report()
    rows = list(csv.DictReader(io.StringIO(report["Content"].decode())))
    assert rows[0]["user"] == "<root_account>" and len(rows[0]) == 22
    details = iam.get_account_authorization_details(Filter=["User"], MaxItems=1000)
    assert user in [found["UserName"] for found in details["UserDetailList"]]
    assert details["RoleDetailList"] == []
    summary = iam.get_account_summary()["SummaryMap"]
    assert summary["Users"] >= 1 and summary["UsersQuota"] == 5000


def test_service_credential(iam, user):
    made = iam.create_service_specific_credential(UserName=user, ServiceName="codecommit.amazonaws.com")
    made = made["ServiceSpecificCredential"]
    assert made["ServiceUserName"] == f"{user}-at-{ACCOUNT}" and made["ServicePassword"]
    again = iam.reset_service_specific_credential(
        UserName=user, ServiceSpecificCredentialId=made["ServiceSpecificCredentialId"]
    )
    assert again["ServiceSpecificCredential"]["ServicePassword"] != made["ServicePassword"]


def test_account(iam):
    iam.update_account_password_policy(MinimumPasswordLength=10, RequireSymbols=True, MaxPasswordAge=90)
    policy = iam.get_account_password_policy()["PasswordPolicy"]
    assert policy["MinimumPasswordLength"] == 10 and policy["ExpirePasswords"] and policy["MaxPasswordAge"] == 90
    iam.delete_account_password_policy()
    assert error_of(iam.get_account_password_policy) == (
        "NoSuchEntity",
        f"The Password Policy with domain name {ACCOUNT} cannot be found.",
    )
    assert error_of(iam.create_account_alias, AccountAlias="two--dashes")[0] == "ValidationError"
    iam.create_account_alias(AccountAlias="flight-desk")
    assert iam.list_account_aliases()["AccountAliases"] == ["flight-desk"]
    iam.delete_account_alias(AccountAlias="flight-desk")
