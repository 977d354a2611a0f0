"""Other people's S3 clients: `aws s3 sync`, rclone, s3cmd, s3fs; all but the first where the machine has them."""

import filecmp
import os
import random
import shutil
import subprocess
import sys
import urllib.parse

import pytest
from conftest import REGION, eventually

FILES = 300


@pytest.fixture
def tree(tmp_path):
    """Small files in folders, awkward names, and one that goes up in parts."""
    dice, root = random.Random(7), tmp_path / "up"
    for number in range(FILES):
        path = root / f"{number % 7}" / f"f{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dice.randbytes(number * 7))
    (root / "name with ü & +.txt").write_bytes(b"x")
    (root / "big.bin").write_bytes(dice.randbytes(20_000_000))
    return root


def same(left, right):
    found = filecmp.dircmp(left, right)
    assert not (found.left_only or found.right_only or found.funny_files)
    _, different, errors = filecmp.cmpfiles(left, right, found.common_files, shallow=False)
    assert not different and not errors
    for folder in found.common_dirs:
        same(left / folder, right / folder)


def run(*words, **variables):
    # Proxies and certificates of the machine are not for a cloud on it.
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RCLONE_"))}
    done = subprocess.run(
        [str(word) for word in words], env={**clean, **variables}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def needs(program):
    if not shutil.which(program):
        pytest.skip(f"skipped: {program} is not installed")


def test_sync(endpoint, tree, tmp_path, unique):
    aws = os.path.join(os.path.dirname(sys.executable), "aws")
    key = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
    s3 = lambda *words: run(aws, "--endpoint-url", endpoint, "s3", *words, AWS_CONFIG_FILE="/dev/null", **key)
    bucket = f"s3://{unique('sync')}"
    s3("mb", bucket)
    s3("sync", "--quiet", tree, f"{bucket}/tree")
    s3("sync", "--quiet", f"{bucket}/tree", tmp_path / "down")
    same(tree, tmp_path / "down")
    # Nothing is left to do; then one file is.
    assert s3("sync", tree, f"{bucket}/tree") == ""
    (tree / "0" / "f0.txt").unlink()
    assert s3("sync", "--delete", tree, f"{bucket}/tree").count("delete:") == 1
    s3("rb", "--force", bucket)


def test_rclone(endpoint, tree, tmp_path, unique):
    needs("rclone")
    options = {
        "TYPE": "s3", "PROVIDER": "Other", "ENDPOINT": endpoint, "REGION": REGION,
        "ACCESS_KEY_ID": "test", "SECRET_ACCESS_KEY": "test",
    }
    variables = {f"RCLONE_CONFIG_G_{name}": value for name, value in options.items()}
    rclone = lambda *words: run("rclone", *words, RCLONE_CONFIG="/dev/null", **variables)
    bucket = f"g:{unique('rclone')}"
    rclone("mkdir", bucket)
    rclone("sync", tree, f"{bucket}/tree")
    rclone("check", tree, f"{bucket}/tree")
    rclone("copyto", f"{bucket}/tree/big.bin", f"{bucket}/copy.bin")
    rclone("copy", f"{bucket}/tree", tmp_path / "down")
    same(tree, tmp_path / "down")
    rclone("purge", bucket)


def test_s3cmd(endpoint, tree, tmp_path, unique):
    needs("s3cmd")
    host = urllib.parse.urlsplit(endpoint).netloc
    options = ["-c", "/dev/null", "--access_key=test", "--secret_key=test", "--no-ssl", f"--region={REGION}"]
    s3cmd = lambda *words: run("s3cmd", *options, f"--host={host}", f"--host-bucket={host}", *words)
    bucket = f"s3://{unique('s3cmd')}"
    s3cmd("mb", bucket)
    s3cmd("sync", f"{tree}/", f"{bucket}/tree/")
    (tmp_path / "down").mkdir()
    s3cmd("sync", f"{bucket}/tree/", f"{tmp_path}/down/")
    same(tree, tmp_path / "down")
    assert "20000000" in s3cmd("info", f"{bucket}/tree/big.bin")
    s3cmd("del", "-r", "-f", f"{bucket}/")
    s3cmd("rb", bucket)


def test_s3fs(endpoint, tmp_path, unique):
    needs("s3fs")
    if not os.path.exists("/dev/fuse") or os.geteuid() != 0:
        pytest.skip("skipped: mounting needs root and /dev/fuse")
    aws = os.path.join(os.path.dirname(sys.executable), "aws")
    key = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
    s3 = lambda *words: run(aws, "--endpoint-url", endpoint, "s3", *words, AWS_CONFIG_FILE="/dev/null", **key)
    bucket, mount, password = unique("s3fs"), tmp_path / "mount", tmp_path / "password"
    s3("mb", f"s3://{bucket}")
    mount.mkdir()
    password.write_text("test:test")
    password.chmod(0o600)
    options = f"url={endpoint},endpoint={REGION},use_path_request_style,passwd_file={password},multipart_size=5"
    run("s3fs", bucket, mount, "-o", options)
    try:
        eventually(lambda: os.path.ismount(mount), 60)
        body = os.urandom(12_000_000)
        (mount / "folder").mkdir()
        (mount / "folder" / "film").write_bytes(body)
        (mount / "note").write_text("hello")
        os.rename(mount / "note", mount / "folder" / "note 2")
        assert (mount / "folder" / "film").read_bytes() == body
        assert sorted(os.listdir(mount / "folder")) == ["film", "note 2"]
        os.unlink(mount / "folder" / "note 2")
    finally:
        run("umount", mount)
    s3("cp", "--quiet", f"s3://{bucket}/folder/film", tmp_path / "film")
    assert (tmp_path / "film").read_bytes() == body
    assert "note" not in s3("ls", "--recursive", f"s3://{bucket}")
    s3("rb", "--force", f"s3://{bucket}")
