"""Functions that mean no good: AWS's error for their caller, and nothing for anybody else."""

import os
import pathlib
import time

import pytest
from test_lambda import deploy, functions, invoke  # noqa: F401


@pytest.fixture(scope="module")
def neighbour(client):
    """Another function, in whose sandbox nothing may change."""
    from conftest import ROLE, zipped

    functions = client("lambda")  # noqa: F811
    name = f"neighbour-{os.getpid()}-{time.time_ns()}"
    source = "import os\nseen = []\ndef handler(e, c):\n seen.append(1)\n return [os.getpid(), len(seen)]"
    functions.create_function(
        FunctionName=name, Runtime="python3.11", Handler="main.handler", Role=ROLE, Code={"ZipFile": zipped({"main.py": source})}
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    calls = []

    def check():
        pid, count = invoke(functions, name)["Payload"]
        calls.append(pid)
        assert count == len(calls), "the neighbour's sandbox was replaced"

    check()
    yield check
    functions.delete_function(FunctionName=name)


@pytest.fixture
def bad(functions, deploy, neighbour):  # noqa: F811
    """Runs the body of a handler; the answer. Afterwards it and its neighbour still work."""

    def run(body, event=None, **settings):
        indented = "\n    ".join(body.strip("\n").split("\n"))
        source = f"import os, sys, json, time, socket, ctypes, errno, subprocess, urllib.request\ndef handler(event, context):\n    if event == 'well?': return 'well'\n    {indented}\n"
        name = deploy(source, **{"Timeout": 5, **settings})
        answer = invoke(functions, name, event, LogType="Tail")
        assert invoke(functions, name, "well?")["Payload"] == "well"
        neighbour()
        return answer

    return run


def error(answer):
    assert answer.get("FunctionError") == "Unhandled", answer
    return answer["Payload"]["errorType"], answer["Payload"]["errorMessage"]


def test_forks_without_end(bad):
    answer = bad(
        """
count = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(600)
        count += 1
except OSError as refused:
    return [count, refused.errno]
""",
        Timeout=30,
        MemorySize=1024,
    )
    if "FunctionError" in answer:  # Their memory together is too much before their number is, or the machine is slow.
        assert error(answer)[0] in ("Runtime.OutOfMemory", "Sandbox.Timedout")
    else:
        count, errno = answer["Payload"]
        assert errno == 11 and 100 < count <= 1024


def test_children_end_with_the_sandbox(bad):
    marker = f"left-behind-{os.getpid()}-{time.time_ns()}"
    answer = bad(f"subprocess.Popen(['/bin/sh', '-c', 'exec -a {marker} sleep 300'], start_new_session=True)\nos._exit(1)")
    assert error(answer)[0] == "Runtime.ExitError"
    lines = [p.read_bytes() for p in pathlib.Path("/proc").glob("[0-9]*/cmdline") if p.exists()]
    assert not any(marker.encode() in line for line in lines)


def test_fills_tmp(bad):
    answer = bad(
        """
written = 0
try:
    with open('/tmp/all', 'wb') as file:
        while True:
            written += file.write(bytes(1 << 20))
            file.flush()
except OSError as full:
    os.unlink('/tmp/all')
    return [written >> 20, full.errno]
""",
        Timeout=30,
        MemorySize=1024,
    )
    written, errno = answer["Payload"]
    assert errno == 28 and 500 <= written <= 513


def test_fills_memory(bad):
    kind, message = error(bad("waste = []\nwhile True: waste.append(os.urandom(1 << 20))", Timeout=30))
    assert kind == "Runtime.OutOfMemory"
    assert message.endswith("Error: Runtime exited with error: signal: killed")


def test_ignores_requests_to_end(bad):
    began = time.time()
    answer = bad("import signal\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\ntime.sleep(600)", Timeout=1)
    assert error(answer)[0] == "Sandbox.Timedout"
    assert "Status: timeout" in answer["LogResult"]
    assert time.time() - began < 20


def test_prints_bytes(bad):
    answer = bad("sys.stdout.buffer.write(bytes(range(256)) * 4096)\nsys.stdout.flush()\nos.write(62, b'\\xa5\\x5a\\x00\\x03\\xff\\xff\\xff\\xff' + bytes(range(256)))\nreturn 1")
    assert answer["Payload"] == 1


def test_prints_one_line_without_end(bad):
    answer = bad("for _ in range(64): os.write(1, b'x' * (1 << 20))\nreturn 2", Timeout=30)
    assert answer["Payload"] == 2
    assert len(answer["LogResult"]) <= 4096


OTHERS = """
base = 'http://' + os.environ['AWS_LAMBDA_RUNTIME_API'] + '/2018-06-01/runtime/'
def post(path, body=b'"mine"'):
    try:
        return urllib.request.urlopen(urllib.request.Request(base + path, body, method='POST')).status
    except urllib.error.HTTPError as refused:
        return [refused.code, json.load(refused)['errorType']]
"""


def test_answers_twice(bad):
    answer = bad(OTHERS + "status = post(f'invocation/{context.aws_request_id}/response')\ntime.sleep(0.2)\nreturn 'again'")
    assert answer["Payload"] == "mine"


def test_answers_another_request(bad):
    answer = bad(OTHERS + "return [post('invocation/00000000-0000-0000-0000-000000000000/response'), post('init/error'), post('invocation/../../x/response')]")
    refused = [400, "InvalidRequestID"]
    assert answer["Payload"][0] == refused
    assert [code for code, _ in answer["Payload"]] == [400, 400, 404]


def test_takes_the_next_event_before_it_answers(bad):
    # Nobody else's event is handed out: the request waits until the sandbox ends.
    answer = bad(OTHERS + "urllib.request.urlopen(base + 'invocation/next', timeout=20)", Timeout=1)
    assert error(answer)[0] == "Sandbox.Timedout"


@pytest.mark.parametrize(("excess", "fits"), [(0, True), (1, False)])
def test_six_megabytes_and_one(bad, excess, fits):
    answer = bad(f"return 'x' * (6291556 - 2 + {excess})")
    if fits:
        assert len(answer["Payload"]) == 6291554
    else:
        assert error(answer) == (
            "Function.ResponseSizeTooLarge",
            "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        )


def test_opens_sockets(bad, endpoint):
    port = int(endpoint.rsplit(":", 1)[1])
    answer = bad(
        f"""
found = []
for target in [('1.1.1.1', 80), ('169.254.169.254', 80), ('127.0.0.1', {port}), ('127.0.0.1', 22)]:
    try:
        socket.create_connection(target, timeout=2).close()
        found.append(list(target))
    except OSError:
        pass
for family in (16, 17, 40):
    try:
        socket.socket(family, socket.SOCK_RAW if family < 40 else socket.SOCK_STREAM).close()
        found.append(family)
    except OSError:
        pass
listeners = []
try:
    while True: listeners.append(socket.socket())
except OSError as full:
    return [found, len(listeners) < 1024, full.errno]
"""
    )
    # The sandbox's own address of this cloud is always the same, and may be the test's.
    found = [target for target in answer["Payload"][0] if target != ["127.0.0.1", 4566] and target != 16]
    assert (found, answer["Payload"][1:]) == ([], [True, 24])


def test_looks_around(bad):
    answer = bad(
        """
seen = []
for path in ['/proc/1/environ', '/proc/1/mem', '/proc/1/root', '/proc/1/cwd', '/proc/1/fd/0', '/proc/kcore', '/sys/kernel', '/home', '/etc/shadow', '/var/run/docker.sock']:
    try:
        seen.append([path, os.listdir(path) if os.path.isdir(path) else open(path, 'rb').read(16).hex()])
    except OSError:
        pass
return [seen, sorted(int(p) for p in os.listdir('/proc') if p.isdigit())[:2], os.getuid() != 0]
"""
    )
    seen, pids, unprivileged = answer["Payload"]
    assert seen == []
    assert pids[0] == 1 and unprivileged


ESCAPES = """
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(number, *arguments)
    return errno.errorcode.get(ctypes.get_errno(), 'fine') if result < 0 else 'fine'
def write(path, data=b'x'):
    try:
        with open(path, 'r+b') as file: file.write(data); return 'fine'
    except OSError as refused:
        return errno.errorcode[refused.errno]
child = subprocess.Popen(['/bin/sleep', '5'])
found = {
    'unshare': call(272, 0x10000000),
    'clone': call(56, 0x10000000 | 17, 0, 0, 0, 0),
    'mount': call(165, b'none', b'/tmp', b'tmpfs', 0, None),
    'umount': call(166, b'/tmp', 2),
    'pivot_root': call(155, b'/tmp', b'/tmp'),
    'chroot': call(161, b'/tmp'),
    'ptrace': call(101, 16, child.pid, 0, 0),
    'process_vm_readv': call(310, child.pid, None, 0, None, 0, 0),
    'io_uring': call(425, 8, ctypes.create_string_buffer(256)),
    'setns': call(308, os.open('/proc/self/ns/user', os.O_RDONLY), 0),
    'bpf': call(321, 0, None, 0),
    'userfaultfd': call(323, 0),
    'keyctl': call(250, 0, -1, 1),
    'perf': call(298, None, 0, -1, -1, 0),
    'open_by_handle': call(304, -100, None, 0),
    'module': call(313, 0, b'', 0),
    'reboot': call(169, 0xfee1dead, 672274793, 0, None),
    'setuid': call(105, 0),
    'exe': write('/proc/self/exe'),
    'agent': write('/proc/1/exe'),
    'core_pattern': write('/proc/sys/kernel/core_pattern'),
    'uid_map': write('/proc/self/uid_map'),
    'oom': write('/proc/1/oom_score_adj'),
    'code': write('/var/task/main.py'),
    'runtime': write(next(p for p in [os.path.join('/var/runtime', n) for n in os.listdir('/var/runtime')] if os.path.isfile(p))),
    'kill': errno.errorcode.get(0),
}
child.kill()
try:
    os.kill(1, 9)
    found['kill'] = 'ignored'
except OSError as refused:
    found['kill'] = errno.errorcode[refused.errno]
return found
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="skipped: the numbers of system calls are x86-64's")
def test_known_ways_out(bad):
    found = bad(ESCAPES, Timeout=10)["Payload"]
    # The agent is PID 1 of its namespace, where a signal of a child does nothing.
    assert found.pop("kill") in ("ignored", "EPERM")
    assert found.pop("io_uring") == "ENOSYS"
    refusals = {"EPERM", "EACCES", "EROFS", "ETXTBSY", "ENOENT", "EINVAL", "ENOSYS"}
    assert {name: how for name, how in found.items() if how not in refusals} == {}
    for name in ["unshare", "clone", "mount", "pivot_root", "chroot", "ptrace", "setns", "bpf", "userfaultfd"]:
        assert found[name] == "EPERM", (name, found)


def test_the_answer_is_no_json(bad):
    answer = bad("return {1, 2}")
    assert error(answer)[0] == "Runtime.MarshalError"


def test_the_log_holds_the_last_four_kilobytes(bad):
    answer = bad("for n in range(1000): print(f'line {n:04}')\nreturn 3")
    assert answer["Payload"] == 3
    assert "line 0999" in answer["LogResult"] and "line 0000" not in answer["LogResult"]
    assert len(answer["LogResult"].encode()) <= 4096



def bootstrap(content):
    """A package whose program is this."""
    import io
    import zipfile

    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as out:
        info = zipfile.ZipInfo("bootstrap")
        info.external_attr = 0o755 << 16
        out.writestr(info, content)
    return archive.getvalue()


def elf(machine):
    """The head of a program for a processor of that number, and nothing else."""
    return b"\x7fELF\x02\x01\x01" + bytes(9) + (2).to_bytes(2, "little") + machine.to_bytes(2, "little") + bytes(44)


@pytest.mark.parametrize(
    "content", [elf(243), elf(8), b"echo no first line", b"MZ\x90\x00", b""], ids=["riscv", "mips", "script", "windows", "empty"]
)
def test_a_program_for_another_machine(functions, unique, content):  # noqa: F811
    from conftest import ROLE

    name = unique("foreign")
    functions.create_function(
        FunctionName=name, Runtime="provided.al2023", Handler="x", Role=ROLE, Code={"ZipFile": bootstrap(content)}
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    assert error(invoke(functions, name)) == (
        "Runtime.InvalidEntrypoint",
        "Error: fork/exec /var/task/bootstrap: exec format error",
    )
    functions.delete_function(FunctionName=name)


def test_the_handler_is_not_there(functions, deploy):  # noqa: F811
    assert error(invoke(functions, deploy("x = 1")))[0] == "Runtime.HandlerNotFound"


def test_another_architecture_is_refused(functions, unique):  # noqa: F811
    from botocore.exceptions import ClientError
    from conftest import ROLE, zipped

    other = "arm64" if os.uname().machine == "x86_64" else "x86_64"
    with pytest.raises(ClientError) as refused:
        functions.create_function(
            FunctionName=unique("arm"), Runtime="python3.11", Handler="main.handler", Role=ROLE,
            Architectures=[other], Code={"ZipFile": zipped({"main.py": "handler = print"})},
        )
    assert refused.value.response["Error"]["Code"] == "NotImplementedException"
    assert other in refused.value.response["Error"]["Message"]


@pytest.mark.parametrize("name", ["../evil.py", "/etc/evil", "a/../../evil", "..\\evil"])
def test_traversal(functions, unique, name):  # noqa: F811
    from conftest import ROLE, error_of, zipped

    code, message = error_of(
        functions.create_function, FunctionName=unique("evil"), Runtime="python3.11", Handler="main.handler", Role=ROLE,
        Code={"ZipFile": zipped({name: "x"})},
    )
    assert code == "InvalidParameterValueException" and "The zip file contains the entry" in message
