"""Kills the real server with SIGKILL under load, again and again, and looks at what is left.

Every acknowledged write must be there, no transaction half there, every index equal to its table,
also one that is made meanwhile, and the stream lead to exactly what is stored. GUREUM_CRASH_ROUNDS sets the number of kills (10 if
unset), GUREUM_CRASH_SEED the first seed, GUREUM_BINARY the program.
"""

import json
import os
import pathlib
import random
import shutil
import subprocess
import time

import load
from wire import Connection

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BINARY = os.environ.get("GUREUM_BINARY", TARGET / "debug" / "gureum")
ROUNDS = int(os.environ.get("GUREUM_CRASH_ROUNDS", "10"))
SEED = int(os.environ.get("GUREUM_CRASH_SEED", "1"))
WRITERS = 4
# So many kills happen to one data directory.
LIVES = 40


class Server:
    """The server on a data directory."""

    def __init__(self, folder):
        command = [BINARY, "--json", "up", "--data", folder, "--listen", "127.0.0.1:0"]
        environment = {**os.environ, "GUREUM_LOG": "error"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment
        )

    def port(self):
        """Waits until it listens."""
        line = self.process.stdout.readline()
        assert line, f"the server did not come up: {self.process.wait()}"
        return int(json.loads(line)["endpoint"].rpartition(":")[2])

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Life:
    """A data directory and what must be in it."""

    def __init__(self, folder, seed):
        self.folder = folder
        self.writers = [load.Writer(number, seed * 10 + number) for number in range(WRITERS)]
        self.stream = load.Stream()
        self.has_tables = False
        self.index_changes = 0

    def round(self, dice):
        """Starts, checks, loads, and kills at some moment."""
        if dice.randrange(10) == 0:
            # While it comes up.
            server = Server(self.folder)
            time.sleep(dice.uniform(0, 0.06))
            server.kill()
        server = Server(self.folder)
        try:
            port = server.port()
            connection = Connection(port)
            if not self.has_tables:
                load.create_tables(connection)
                self.has_tables = True
            load.check(connection, self.writers, self.stream)
            if dice.randrange(3) == 0:
                self.index_changes += load.change_indexes(connection)
            connection.close()
            threads = load.start(self.writers, port)
            time.sleep(dice.uniform(0.01, 0.15))
        finally:
            server.kill()
        for thread in threads:
            thread.join()
        for writer in self.writers:
            if writer.error:
                raise writer.error

    def end(self):
        """The last check."""
        server = Server(self.folder)
        try:
            connection = Connection(server.port())
            load.settle_tables(connection)
            load.check(connection, self.writers, self.stream)
        finally:
            server.kill()
        return sum(writer.acknowledged for writer in self.writers)


def test_nothing_acknowledged_is_lost(tmp_path):
    assert pathlib.Path(BINARY).exists(), f"build {BINARY} first: cargo build -p cloud"
    acknowledged = indexes = 0
    started = time.monotonic()
    for first in range(0, ROUNDS, LIVES):
        life = Life(tmp_path / f"data-{first}", SEED + first)
        for number in range(first, min(first + LIVES, ROUNDS)):
            try:
                life.round(random.Random((SEED + number) * 1000))
            except Exception:
                print(f"round {number} failed, seed {SEED}")
                raise
        acknowledged += life.end()
        indexes += life.index_changes
        # Only what failed is kept: a journal has 64 MiB allocated ahead.
        shutil.rmtree(life.folder)
    seconds = time.monotonic() - started
    print(
        f"{ROUNDS} kills in {seconds:.0f} s: all of {acknowledged} acknowledged writes were there; "
        f"{indexes} times an index was made or deleted meanwhile"
    )
    assert acknowledged > ROUNDS, "there was no load"
