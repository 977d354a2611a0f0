"""The AWS Encryption SDK for Python seals with keys of ours and opens again."""

import aws_encryption_sdk
import boto3
import botocore.session
import pytest
from aws_encryption_sdk import CommitmentPolicy, StrictAwsKmsMasterKeyProvider
from aws_encryption_sdk.exceptions import AWSEncryptionSDKClientError
from conftest import REGION


class Provider(StrictAwsKmsMasterKeyProvider):
    """The SDK makes its clients itself: this one makes them for the cloud under test."""

    endpoint = None

    def add_regional_client(self, region_name):
        if region_name not in self._regional_clients:
            self._regional_clients[region_name] = boto3.client(
                "kms",
                region_name=region_name,
                endpoint_url=self.endpoint,
                aws_access_key_id="test",
                aws_secret_access_key="test",
            )

    def add_regional_clients_from_list(self, region_names):
        for region_name in region_names:
            self.add_regional_client(region_name)


@pytest.fixture
def provider(endpoint, monkeypatch):
    monkeypatch.setattr(Provider, "endpoint", endpoint)
    return lambda *arns: Provider(key_ids=list(arns), botocore_session=botocore.session.Session())


@pytest.mark.parametrize("length", [0, 1, 100_000])
def test_round_trip(client, provider, length):
    kms = client("kms")
    first, second = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    sdk = aws_encryption_sdk.EncryptionSDKClient(
        commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
    )
    plain = bytes(n % 251 for n in range(length))
    sealed, header = sdk.encrypt(source=plain, key_provider=provider(first, second), encryption_context={"for": "desk"})
    assert len(header.encrypted_data_keys) == 2 and REGION in first
    # Either key alone opens it.
    for arn in [first, second]:
        opened, header = sdk.decrypt(source=sealed, key_provider=provider(arn))
        assert opened == plain and header.encryption_context["for"] == "desk"
    other = kms.create_key()["KeyMetadata"]["Arn"]
    with pytest.raises(AWSEncryptionSDKClientError):
        sdk.decrypt(source=sealed, key_provider=provider(other))
    kms.disable_key(KeyId=first)
    assert sdk.decrypt(source=sealed, key_provider=provider(first, second))[0] == plain
