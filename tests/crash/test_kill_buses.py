"""Kills the real server with SIGKILL while events are put on a bus and objects into a bucket that tells the default one.

Every acknowledged event must reach the queue behind its rule, also by way of a second bus, and again when the archive of the
bus is replayed while the server is killed; it may come more than once. The variables are those of test_kill.py.
"""

import datetime
import json
import random
import shutil
import threading
import time

from botocore.exceptions import BotoCoreError, ClientError

from test_kill import LIVES, SEED, Server
from test_kill_queues import ACCOUNT, REGION, ROUNDS, client


class Buses:
    """What the clients have seen acknowledged, for the life of one data directory."""

    def __init__(self):
        self.lock = threading.Lock()
        self.number, self.sent, self.error = 0, set(), None

    def make(self, port):
        events, sqs, s3 = client("events", port), client("sqs", port), client("s3", port)
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:told"
        statement = {
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        sqs.create_queue(QueueName="told", Attributes={"Policy": policy})
        second = events.create_event_bus(Name="second")["EventBusArn"]
        for bus, source, target in (("default", "first", arn), ("default", "far", second), ("second", "far", arn), ("default", "aws.s3", arn)):
            name = f"{bus}-{source}"
            events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps({"source": [source]}))
            events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "1", "Arn": target}])
        bus = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
        self.archive = events.create_archive(ArchiveName="kept", EventSourceArn=bus)["ArchiveArn"]
        s3.create_bucket(Bucket="told")
        s3.put_bucket_notification_configuration(Bucket="told", NotificationConfiguration={"EventBridgeConfiguration": {}})

    def run(self, port, seed):
        dice = random.Random(seed)
        events, s3 = client("events", port), client("s3", port)
        try:
            while True:
                with self.lock:
                    self.number += 1
                    body = f"{self.number}"
                if dice.randrange(4) == 0:
                    s3.put_object(Bucket="told", Key=body, Body=b"")
                    sent = [body]
                else:
                    sent = [f"{body}-{n}" for n in range(dice.randrange(1, 4))]
                    source = dice.choice(["first", "far"])
                    entries = [{"Source": source, "DetailType": "t", "Detail": json.dumps({"n": n})} for n in sent]
                    assert events.put_events(Entries=entries)["FailedEntryCount"] == 0
                with self.lock:
                    self.sent.update(sent)
        except ClientError as error:
            self.error = error
        except (BotoCoreError, OSError):
            pass

    def replay(self, port):
        now, day = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)
        bus = {"Arn": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"}
        client("events", port).start_replay(
            ReplayName="again", EventSourceArn=self.archive, EventStartTime=now - day, EventEndTime=now + day, Destination=bus
        )

    def check(self, port, replayed):
        sqs, got, deadline = client("sqs", port), set(), time.monotonic() + 60
        url = sqs.get_queue_url(QueueName="told")["QueueUrl"]
        while not self.sent <= got and time.monotonic() < deadline:
            found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in found.get("Messages", []):
                event = json.loads(message["Body"])
                detail = event["detail"]
                if ("replay-name" in event) == replayed:
                    got.add(detail["n"] if "n" in detail else detail["object"]["key"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        assert not self.sent - got, "lost"


def life(folder, first, rounds):
    buses = Buses()
    for number in range(first, first + rounds):
        dice = random.Random((SEED + number) * 1000)
        server = Server(folder)
        try:
            port = server.port()
            if number == first:
                buses.make(port)
            threads = [threading.Thread(target=buses.run, args=(port, (SEED + number) * 10 + n)) for n in range(4)]
            for thread in threads:
                thread.start()
            time.sleep(dice.uniform(0.05, 0.5))
        finally:
            server.kill()
        for thread in threads:
            thread.join()
        if buses.error:
            raise buses.error
    for replayed in (False, True):
        server = Server(folder)
        try:
            port = server.port()
            buses.check(port, replayed)
            if not replayed:
                buses.replay(port)
        finally:
            server.kill()
    return len(buses.sent)


def test_no_event_is_lost(tmp_path):
    acknowledged, started = 0, time.monotonic()
    for first in range(0, ROUNDS, LIVES):
        folder = tmp_path / f"data-{first}"
        acknowledged += life(folder, first, min(LIVES, ROUNDS - first))
        shutil.rmtree(folder)
    seconds = time.monotonic() - started
    print(f"{ROUNDS} kills in {seconds:.0f} s: all of {acknowledged} acknowledged events have come")
    assert acknowledged > ROUNDS
