"""`gureum doctor`: what this machine gives."""

import json
import socket

from test_gureum import gureum

RUNTIMES = 12


def findings(text):
    return {finding["name"]: finding for finding in json.loads(text)["findings"]}


def test_doctor_tells_what_there_is_and_what_to_do(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        free = taken.getsockname()[1]
    options = ["--data", tmp_path / "data", "--listen", f"127.0.0.1:{free}"]
    told = gureum("--json", "doctor", *options)
    assert json.loads(told)["usable"] is True
    found = findings(told)
    assert found["isolation"]["state"] == "good" and "namespaces" in found["isolation"]["found"]
    assert found["disk"]["state"] in ("good", "fair") and found["address"]["found"].endswith("is free")
    # Looking leaves nothing behind.
    assert not (tmp_path / "data").exists()
    runtimes = [finding for name, finding in found.items() if name.startswith(("node", "python", "java", "provided"))]
    assert len(runtimes) == RUNTIMES
    for finding in runtimes:
        assert (finding["state"] == "good") == (finding["advice"] is None)
        if finding["advice"]:
            assert finding["advice"] == f"gureum runtime install {finding['name']}"
    text = gureum("doctor", *options)
    assert "\nmachine\n" in text and text.endswith("Clouds and functions can run here.\n")


def test_doctor_fails_when_something_must_be_mended():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        told = gureum("--json", "doctor", "--data", "/dev/null/nowhere", "--listen", address, code=1)
    found = findings(told)
    assert found["data directory"]["state"] == "broken"
    assert found["address"]["state"] == "broken" and "--listen" in found["address"]["advice"]


def test_doctor_knows_a_cloud_that_runs(endpoint, tmp_path):
    address = endpoint.removeprefix("http://")
    found = findings(gureum("--json", "doctor", "--data", tmp_path, "--listen", address))
    assert found["address"]["found"] == f"a cloud runs at {address}"
