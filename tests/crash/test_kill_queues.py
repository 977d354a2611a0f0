"""Kills the real server with SIGKILL while messages are sent, published, received and deleted.

Every acknowledged message must come out of its queue, in FIFO queues in order within its group and
once for all repetitions of a send; what was deleted must not come again; every message published
must have reached the queue that subscribes. The variables are those of test_kill.py.
"""

import json
import random
import shutil
import threading
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from test_kill import LIVES, SEED, Server
from test_kill import ROUNDS as ROUNDS_OF_ALL

# A round takes a second with its checks.
ROUNDS = max(1, min(ROUNDS_OF_ALL // 5, 100))
REGION, ACCOUNT = "us-east-1", "000000000000"
GROUPS = 3


def client(service, port):
    return boto3.client(
        service, endpoint_url=f"http://127.0.0.1:{port}", region_name=REGION,
        aws_access_key_id="test", aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=30),
    )


class Queues:
    """What the clients have seen acknowledged, for the life of one data directory."""

    def __init__(self):
        self.lock = threading.Lock()
        self.number = 0
        # By kind: acknowledged, on its way when the server died, deleted.
        self.sent = {kind: set() for kind in ("standard", "fifo", "topic")}
        self.deleted, self.deleting = set(), set()
        self.changes, self.error = 0, None

    def make(self, port):
        sqs, sns = client("sqs", port), client("sns", port)
        usual = {"VisibilityTimeout": "5"}
        self.urls = {
            "standard": sqs.create_queue(QueueName="standard", Attributes=usual)["QueueUrl"],
            "fifo": sqs.create_queue(QueueName="q.fifo", Attributes={"FifoQueue": "true", **usual})["QueueUrl"],
        }
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:topic"
        statement = {
            "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.urls["topic"] = sqs.create_queue(QueueName="topic", Attributes={"Policy": policy, **usual})["QueueUrl"]
        self.topic = sns.create_topic(Name="t")["TopicArn"]
        sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})

    def moved(self, port):
        """The port is another after a restart."""
        for kind, url in self.urls.items():
            self.urls[kind] = f"http://127.0.0.1:{port}/{url.split('/', 3)[3]}"

    def run(self, port, seed):
        dice = random.Random(seed)
        sqs, sns = client("sqs", port), client("sns", port)
        try:
            while True:
                action = dice.choice([self.send, self.send, self.order, self.publish, self.take])
                action(sqs, sns, dice)
        except ClientError as error:
            self.error = error
        except (BotoCoreError, OSError):
            pass

    def next(self, kind):
        with self.lock:
            self.number += 1
            return f"{kind}-{self.number}"

    def done(self, kind, bodies):
        with self.lock:
            self.sent[kind].update(bodies)
            self.changes += len(bodies)

    def send(self, sqs, sns, dice):
        bodies = [self.next("standard") for _ in range(dice.randrange(1, 4))]
        entries = [{"Id": body, "MessageBody": body} for body in bodies]
        assert len(sqs.send_message_batch(QueueUrl=self.urls["standard"], Entries=entries)["Successful"]) == len(bodies)
        self.done("standard", bodies)

    def order(self, sqs, sns, dice):
        """Sent twice, as a client does that has not heard."""
        with self.lock:
            # Numbers of a group go out in their order.
            self.number += 1
            body = f"fifo-{self.number}"
            group = str(self.number % GROUPS)
            for _ in range(2):
                sqs.send_message(
                    QueueUrl=self.urls["fifo"], MessageBody=body, MessageGroupId=group, MessageDeduplicationId=body
                )
            self.sent["fifo"].add(body)
            self.changes += 1

    def publish(self, sqs, sns, dice):
        body = self.next("topic")
        sns.publish(TopicArn=self.topic, Message=body)
        self.done("topic", [body])

    def take(self, sqs, sns, dice):
        url = self.urls["standard"]
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3).get("Messages", []):
            with self.lock:
                assert message["Body"] not in self.deleted, f"{message['Body']} came again"
                self.deleting.add(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            with self.lock:
                self.deleted.add(message["Body"])
                self.changes += 1

    def drain(self, sqs, kind, wanted):
        """All messages of a queue, until those that are wanted have come."""
        got, deadline = [], time.monotonic() + 60
        while True:
            found = sqs.receive_message(QueueUrl=self.urls[kind], MaxNumberOfMessages=10, WaitTimeSeconds=1)
            messages = found.get("Messages", [])
            got += [message["Body"] for message in messages]
            entries = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)]
            if entries:
                assert not sqs.delete_message_batch(QueueUrl=self.urls[kind], Entries=entries).get("Failed")
            elif wanted <= set(got) or time.monotonic() > deadline:
                return got

    def check(self, port):
        sqs = client("sqs", port)
        standard = self.drain(sqs, "standard", self.sent["standard"] - self.deleting)
        assert not self.sent["standard"] - self.deleting - set(standard), "lost"
        assert not set(standard) & self.deleted, "came again"
        assert len(standard) == len(set(standard)), "twice"
        fifo = self.drain(sqs, "fifo", self.sent["fifo"])
        assert not self.sent["fifo"] - set(fifo), "lost in order"
        assert len(fifo) == len(set(fifo)), "a repetition was a message of its own"
        for group in range(GROUPS):
            numbers = [n for n in (int(body.split("-")[1]) for body in fifo) if n % GROUPS == group]
            assert numbers == sorted(numbers), "out of order"
        topic = self.drain(sqs, "topic", self.sent["topic"])
        assert not self.sent["topic"] - set(topic), "lost on its way"


def life(folder, first, rounds):
    queues = Queues()
    for number in range(first, first + rounds):
        dice = random.Random((SEED + number) * 1000)
        server = Server(folder)
        try:
            port = server.port()
            queues.make(port) if number == first else queues.moved(port)
            threads = [
                threading.Thread(target=queues.run, args=(port, (SEED + number) * 10 + n)) for n in range(4)
            ]
            for thread in threads:
                thread.start()
            time.sleep(dice.uniform(0.05, 0.5))
        finally:
            server.kill()
        for thread in threads:
            thread.join()
        if queues.error:
            raise queues.error
    server = Server(folder)
    try:
        port = server.port()
        queues.moved(port)
        queues.check(port)
    finally:
        server.kill()
    return queues.changes


def test_no_message_is_lost_or_comes_again(tmp_path):
    acknowledged, started = 0, time.monotonic()
    for first in range(0, ROUNDS, LIVES):
        folder = tmp_path / f"data-{first}"
        acknowledged += life(folder, first, min(LIVES, ROUNDS - first))
        shutil.rmtree(folder)
    seconds = time.monotonic() - started
    print(f"{ROUNDS} kills in {seconds:.0f} s: all of {acknowledged} acknowledged changes were there")
    assert acknowledged > ROUNDS
