"""Installation keys: rotated while the cloud goes on, killed in the middle, protected by a passphrase."""

import json
import os
import subprocess

import boto3
import pytest
from botocore.config import Config
from conftest import REGION, ROOT, eventually

KEYS = 60
ROUNDS = 4


class Cloud:
    """A cloud of its own in a data directory."""

    def __init__(self, folder):
        self.folder, self.process = folder, None

    def environment(self, extra=None):
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("GUREUM_", "AWS_"))}
        return {**clean, **(extra or {})}

    def start(self, **extra):
        self.process = subprocess.Popen(
            [ROOT / "gureum", "up", "--data", self.folder, "--listen", "127.0.0.1:0", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environment(extra),
            text=True,
        )
        line = self.process.stdout.readline()
        if not line or "endpoint" not in json.loads(line):
            return line + self.process.communicate(timeout=30)[1]
        self.endpoint = json.loads(line)["endpoint"]
        return None

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=30)

    def stop(self):
        self.process.terminate()
        assert self.process.wait(timeout=30) == 0

    def keys(self, *words):
        done = subprocess.run(
            [ROOT / "gureum", "--json", "keys", *words, "--endpoint", self.endpoint],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def client(self, service, key="test", secret="test"):
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=Config(retries={"total_max_attempts": 1}),
        )


@pytest.fixture
def cloud(tmp_path):
    cloud = Cloud(tmp_path / "data")
    yield cloud
    if cloud.process and cloud.process.poll() is None:
        cloud.kill()


def test_rotation_survives_being_killed(cloud, tmp_path):
    assert cloud.start() is None
    kms, iam = cloud.client("kms"), cloud.client("iam")
    sealed = []
    for n in range(KEYS):
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        sealed.append((str(n).encode(), kms.encrypt(KeyId=key, Plaintext=str(n).encode())["CiphertextBlob"]))
    iam.create_user(UserName="desk")
    access = iam.create_access_key(UserName="desk")["AccessKey"]
    for version in range(2, 2 + ROUNDS):
        cloud.keys("rotate", "--no-wait")
        if version % 2:
            # Somewhere in the middle of what it seals again.
            cloud.kill()
            assert cloud.start() is None
        facts = eventually(
            lambda: (found := cloud.keys("ls")) and not found["resealing"]["running"] and found, seconds=60
        )
        assert facts["resealing"]["error"] is None
        assert [key["version"] for key in facts["keys"] if key["current"]] == [version]
        assert all(key["replaced"] for key in facts["keys"] if not key["current"])
        kms = cloud.client("kms")
        for plain, blob in sealed:
            assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == plain
        own = cloud.client("sts", access["AccessKeyId"], access["SecretAccessKey"])
        assert own.get_caller_identity()["Arn"].endswith(":user/desk")
    # The newest key alone opens everything that lies in the store.
    cloud.stop()
    file = cloud.folder / "installation.key"
    content = json.loads(file.read_text())
    for key in content["keys"]:
        if key["version"] not in (1, content["current"]):
            key["key"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    file.write_text(json.dumps(content))
    assert cloud.start() is None
    kms = cloud.client("kms")
    assert [kms.decrypt(CiphertextBlob=blob)["Plaintext"] for _, blob in sealed] == [plain for plain, _ in sealed]


def test_a_waited_for_rotation_says_what_it_did(cloud):
    assert cloud.start() is None
    cloud.client("kms").create_key()
    done = cloud.keys("rotate")
    assert done["resealing"]["resealed"] >= 1 and not done["resealing"]["running"]
    assert [key["replaced"] for key in done["keys"]] == [True, False]


def test_passphrase(cloud, tmp_path):
    assert cloud.start() is None
    kms = cloud.client("kms")
    blob = kms.encrypt(KeyId=kms.create_key()["KeyMetadata"]["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    cloud.stop()
    plain = json.loads((cloud.folder / "installation.key").read_text())["keys"][0]["key"]
    assert cloud.start(GUREUM_PASSPHRASE="correct horse") is None
    assert cloud.client("kms").decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    cloud.stop()
    text = (cloud.folder / "installation.key").read_text()
    assert plain not in text and "argon2id" in text
    assert "GUREUM_PASSPHRASE" in cloud.start()
    assert "the passphrase is not the right one" in cloud.start(GUREUM_PASSPHRASE="wrong horse")
    file = tmp_path / "passphrase"
    file.write_text("correct horse\n")
    assert cloud.start(GUREUM_PASSPHRASE_FILE=str(file)) is None
    assert cloud.client("kms").decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
