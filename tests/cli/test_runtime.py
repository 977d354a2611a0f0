"""gureum runtime: the single binary installs what Lambda's runtimes need, also on first use."""

import json
import shutil
import subprocess

import pytest
from conftest import ROOT
from test_local import environment

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties: {Runtime: java17, Handler: "Hello::handle", CodeUri: classes, Timeout: 20, MemorySize: 256}
"""
SOURCE = """
import java.util.Map;
public class Hello {
    public Map<String, Object> handle(Map<String, Object> event) { return Map.of("heard", event); }
}
"""


def command(folder, *words, **env):
    return subprocess.run(
        [ROOT / "gureum", *map(str, words)], cwd=folder, env=environment(**env), capture_output=True, text=True, timeout=200
    )


def test_names_are_checked(tmp_path):
    runtimes = tmp_path / "runtimes"
    done = command(tmp_path, "runtime", "install", "cobol74", GUREUM_RUNTIMES=str(runtimes))
    assert done.returncode == 1 and "cobol74 is no runtime that is served; there are nodejs20.x, " in done.stderr
    assert not runtimes.exists()
    done = command(tmp_path, "--json", "runtime", "ls", GUREUM_RUNTIMES=str(runtimes))
    listed = {entry["runtime"]: entry for entry in json.loads(done.stdout)["runtimes"]}
    assert listed["java17"]["version"] is None and "`gureum runtime install java17`" in listed["java17"]["problem"]


def test_installed_on_first_use(tmp_path):
    """Without the repository: the binary alone, in an empty folder."""
    if not shutil.which("javac"):
        pytest.skip("skipped: there is no javac")
    (tmp_path / "template.yaml").write_text(TEMPLATE)
    (tmp_path / "classes").mkdir()
    (tmp_path / "classes/Hello.java").write_text(SOURCE)
    subprocess.run(["javac", "--release", "17", "Hello.java"], cwd=tmp_path / "classes", check=True)
    runtimes = tmp_path / "runtimes"
    local = ["local", "invoke", "-e", "-"]
    event = {"input": '{"a": 1}'}
    words = [ROOT / "gureum", *local]
    env = environment(GUREUM_RUNTIMES=str(runtimes))
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=200, **event)
    if done.returncode and "curl: (" in done.stderr:
        pytest.skip("skipped: Maven Central has not given the runtime client")
    assert done.returncode == 0 and json.loads(done.stdout) == {"heard": {"a": 1}}, done.stderr
    assert "java17 is installed, once." in done.stderr and "java17: ready:" in done.stderr
    assert not list(runtimes.glob(".new-*")), "nothing half done stays"
    again = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=200, **event)
    assert again.returncode == 0 and "once" not in again.stderr
    # What lies there is compared with what the binary carries before it is run.
    [script] = runtimes.glob(".installer-*/install.sh")
    script.write_text("exit 7\n")
    done = command(tmp_path, "runtime", "install", "java17", "provided.al2023", GUREUM_RUNTIMES=str(runtimes))
    assert done.returncode == 0 and "provided.al2023: ready" in done.stderr, done.stderr
    assert "exit 7" not in script.read_text()
