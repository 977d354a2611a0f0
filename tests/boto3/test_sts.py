from conftest import ACCOUNT


def test_caller_identity(client):
    identity = client("sts").get_caller_identity()
    assert identity["Account"] == ACCOUNT
    assert identity["Arn"].startswith(f"arn:aws:iam::{ACCOUNT}:")
    assert identity["UserId"]
    assert identity["ResponseMetadata"]["RequestId"]


def test_every_region_knows_the_account(client):
    for region in ["us-east-1", "eu-central-1"]:
        assert client("sts", region_name=region).get_caller_identity()["Account"] == ACCOUNT
