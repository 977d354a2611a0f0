"""Kills the real server with SIGKILL while objects are uploaded, completed, copied and deleted.

Every acknowledged object must be there with all of its bytes, of the one request that was on its
way all or nothing, and `gureum fsck` must find nothing wrong. The variables are those of
test_kill.py.
"""

import hashlib
import json
import pathlib
import random
import shutil
import subprocess
import threading
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from test_kill import BINARY, LIVES, SEED, Server
from test_kill import ROUNDS as ROUNDS_OF_ALL

# Its rounds take longer than those of items.
ROUNDS = min(ROUNDS_OF_ALL, 300)

BUCKET = "crash-bucket"
KEYS = 6
PART_BYTES = 5 * 1024 * 1024
# One that lies in the store, ones that are files, one of several batches.
SIZES = [0, 700, 65_536, 65_537, 400_000, 1_500_000]


def client(port):
    return boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
        config=Config(
            retries={"total_max_attempts": 1}, read_timeout=30, s3={"addressing_style": "path"}
        ),
    )


class Writer:
    """Writes keys of its own until the server is gone. `objects` maps a key to an MD5, or None."""

    def __init__(self, number, seed):
        self.number = number
        self.dice = random.Random(seed)
        self.objects = {f"w{number}/{slot}": None for slot in range(KEYS)}
        self.pending = None
        self.acknowledged = 0
        self.error = None

    def run(self, port):
        s3 = client(port)
        while True:
            key = self.dice.choice(list(self.objects))
            action = self.dice.choice([self.put, self.put, self.put, self.delete, self.copy, self.parts])
            self.pending = None
            try:
                action(s3, key)
            except ClientError as error:
                self.error = error
                return
            except (BotoCoreError, OSError):
                return
            if self.pending:
                self.objects[self.pending[0]] = self.pending[1]
                self.acknowledged += 1
                self.pending = None

    def put(self, s3, key):
        data = self.dice.randbytes(self.dice.choice(SIZES))
        self.pending = (key, hashlib.md5(data).hexdigest())
        s3.put_object(Bucket=BUCKET, Key=key, Body=data)

    def delete(self, s3, key):
        self.pending = (key, None)
        s3.delete_object(Bucket=BUCKET, Key=key)

    def copy(self, s3, key):
        there = [other for other, md5 in self.objects.items() if md5 and other != key]
        if there:
            source = self.dice.choice(there)
            self.pending = (key, self.objects[source])
            s3.copy_object(Bucket=BUCKET, Key=key, CopySource={"Bucket": BUCKET, "Key": source})

    def parts(self, s3, key):
        pieces = [self.dice.randbytes(PART_BYTES), self.dice.randbytes(self.dice.choice(SIZES[1:]))]
        upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
        at = {"Bucket": BUCKET, "Key": key, "UploadId": upload}
        parts = [
            {"PartNumber": number, "ETag": s3.upload_part(**at, PartNumber=number, Body=piece)["ETag"]}
            for number, piece in enumerate(pieces, 1)
        ]
        self.pending = (key, hashlib.md5(b"".join(pieces)).hexdigest())
        s3.complete_multipart_upload(**at, MultipartUpload={"Parts": parts})

    def check(self, s3):
        """What is there is what was acknowledged, or what the last request would have made."""
        for key, expected in self.objects.items():
            try:
                found = hashlib.md5(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()).hexdigest()
            except s3.exceptions.NoSuchKey:
                found = None
            allowed = {expected}
            if self.pending and self.pending[0] == key:
                allowed.add(self.pending[1])
            assert found in allowed, f"{key} is {found}, not one of {allowed}"
            self.objects[key] = found
        self.pending = None


def fsck(folder):
    """What is wrong with a data directory: nothing."""
    done = subprocess.run(
        [BINARY, "--json", "fsck", "--data", folder], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def life(folder, first, rounds):
    writers = [Writer(number, (SEED + first) * 10 + number) for number in range(3)]
    for number in range(first, first + rounds):
        dice = random.Random((SEED + number) * 1000)
        server = Server(folder)
        try:
            port = server.port()
            s3 = client(port)
            if number == first:
                s3.create_bucket(Bucket=BUCKET)
            for writer in writers:
                writer.check(s3)
            threads = [threading.Thread(target=writer.run, args=(port,)) for writer in writers]
            for thread in threads:
                thread.start()
            time.sleep(dice.uniform(0.02, 0.4))
        finally:
            server.kill()
        for thread in threads:
            thread.join()
        for writer in writers:
            if writer.error:
                raise writer.error
        if dice.randrange(5) == 0:
            fsck(folder)
    server = Server(folder)
    try:
        s3 = client(server.port())
        for writer in writers:
            writer.check(s3)
        # What nobody refers to goes away by itself; then the disk has what the store knows of.
        deadline = time.monotonic() + 30
        files = lambda: sum(1 for _ in pathlib.Path(folder, "blobs", "objects").glob("*/*"))
        while True:
            left = files()
            time.sleep(0.5)
            if left == files() or time.monotonic() > deadline:
                break
    finally:
        server.kill()
    found = fsck(folder)
    assert found["blobs"]["orphans"] == 0
    assert files() == found["blobs"]["files"]
    return sum(writer.acknowledged for writer in writers)


def test_no_object_is_lost_or_half_there(tmp_path):
    acknowledged = 0
    started = time.monotonic()
    for first in range(0, ROUNDS, LIVES):
        folder = tmp_path / f"data-{first}"
        acknowledged += life(folder, first, min(LIVES, ROUNDS - first))
        shutil.rmtree(folder)
    seconds = time.monotonic() - started
    print(f"{ROUNDS} kills in {seconds:.0f} s: all of {acknowledged} acknowledged changes were there")
    assert acknowledged > 0
