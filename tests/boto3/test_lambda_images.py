"""Functions that are container images, made here without any tool for containers."""

import gzip
import hashlib
import http.server
import io
import json
import os
import pathlib
import platform
import shutil
import subprocess
import tarfile
import threading

import pytest
from conftest import ROLE, ROOT, error_of
from test_lambda import functions, invoke  # noqa: F401  (fixtures)

# Speaks the Runtime API with nothing but a shell and this machine's own programs.
RUN = """#!/bin/bash
base="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
api=${AWS_LAMBDA_RUNTIME_API}
talk() {
    exec 3<>"/dev/tcp/${api%:*}/${api#*:}"
    printf '%s' "$1" >&3
    cat <&3
    exec 3>&-
}
while true; do
    event=$(talk $'GET /2018-06-01/runtime/invocation/next HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n')
    id=$(printf '%s' "$event" | tr -d '\\r' | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p')
    body="{\\"args\\": \\"$*\\", \\"cwd\\": \\"$PWD\\", \\"greeting\\": \\"$GREETING\\", \\"own\\": \\"$OWN\\", \\"handler\\": \\"$_HANDLER\\", \\"files\\": \\"$(echo /*)\\", \\"low\\": \\"$(cat /low)\\", \\"gone\\": \\"$(cat /gone 2>/dev/null)\\", \\"write\\": \\"$(echo x 2>/dev/null >/low && echo yes)$(echo x >/tmp/x && cat /tmp/x)\\", \\"hosts\\": \\"$(head -c 9 /etc/hosts)\\"}"
    talk $'POST /2018-06-01/runtime/invocation/'"$id"$'/response HTTP/1.0\\r\\nHost: x\\r\\nContent-Length: '"${#body}"$'\\r\\n\\r\\n'"$body" >/dev/null
done
"""


def programs():
    """This machine's shell and what it needs, as names in an image and their content."""
    files = {}
    for program in ("bash", "cat", "sed", "tr", "head"):
        path = shutil.which(program)
        files[f"bin/{program}"] = pathlib.Path(path).read_bytes()
        for line in subprocess.run(["ldd", path], capture_output=True, text=True, check=True).stdout.splitlines():
            for word in line.split():
                if word.startswith("/"):
                    files[word.lstrip("/")] = pathlib.Path(word).read_bytes()
    return files


def layer(files, mode=0o755):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), mode
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


class Image:
    """An image's blobs by digest, and its manifest."""

    def __init__(self, layers, change=lambda manifest: None, **config):
        self.blobs = {}
        machine = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
        described = []
        for plain in layers:
            kind, stored = "application/vnd.oci.image.layer.v1.tar+gzip", gzip.compress(plain, 1)
            described.append({"mediaType": kind, **self.put(stored)})
        plain = [self.digest(one) for one in layers]
        text = json.dumps({"architecture": machine, "os": "linux", "config": config, "rootfs": {"type": "layers", "diff_ids": plain}})
        self.manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **self.put(text.encode())},
            "layers": described,
        }
        change(self.manifest)
        self.described = {"mediaType": self.manifest["mediaType"], **self.put(json.dumps(self.manifest).encode())}

    @staticmethod
    def digest(content):
        return "sha256:" + hashlib.sha256(content).hexdigest()

    def put(self, content):
        digest = self.digest(content)
        self.blobs[digest] = content
        return {"digest": digest, "size": len(content)}

    def layout(self, folder):
        (folder / "blobs/sha256").mkdir(parents=True)
        for digest, content in self.blobs.items():
            (folder / "blobs/sha256" / digest[7:]).write_bytes(content)
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [self.described]}))
        return folder


@pytest.fixture(scope="module")
def good():
    low = layer({**programs(), "low": b"low", "gone": b"gone", "run": RUN.encode()})
    high = layer({".wh.gone": b"", "w/here": b""})
    config = {"Entrypoint": ["run"], "Cmd": ["app.handler", "two"], "WorkingDir": "/w", "Env": ["PATH=/bin:/", "OWN=own", "GREETING=own"]}
    return Image([low, high], **config)


@pytest.fixture
def load(endpoint, tmp_path):
    """Imports an image under a name."""

    def make(image, name):
        folder = image.layout(tmp_path / hashlib.sha256(name.encode()).hexdigest())
        ran = subprocess.run(
            [os.environ.get("GUREUM_BINARY", ROOT / "gureum"), "--json", "image", "import", f"oci:{folder}", name, "--endpoint", endpoint],
            capture_output=True,
            text=True,
        )
        return json.loads(ran.stdout)

    return make


@pytest.fixture
def create(functions, unique):  # noqa: F811
    made = []

    def make(uri, **settings):
        name = unique("image")
        arguments = {"PackageType": "Image", "Code": {"ImageUri": uri}, "Role": ROLE, "Timeout": 20, "MemorySize": 256, **settings}
        created = functions.create_function(FunctionName=name, **arguments)
        made.append(name)
        functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
        return name, created

    yield make
    for name in made:
        functions.delete_function(FunctionName=name)


def test_an_imported_image_runs(functions, good, load, create, unique):  # noqa: F811
    uri = f"000000000000.dkr.ecr.us-east-1.amazonaws.com/{unique('desk')}:v1"
    digest = load(good, uri)["digest"]
    assert digest == good.described["digest"]
    name, created = create(uri, Environment={"Variables": {"GREETING": "안녕"}})
    assert (created["PackageType"], created["CodeSize"], created["CodeSha256"]) == ("Image", 0, digest[7:])
    assert "Runtime" not in created and "Handler" not in created and "ImageConfigResponse" not in created
    code = functions.get_function(FunctionName=name)["Code"]
    assert code == {"RepositoryType": "ECR", "ImageUri": uri, "ResolvedImageUri": f"{uri[:-3]}@{digest}"}
    answer = invoke(functions, name)["Payload"]
    files = answer.pop("files").split()
    assert {"/bin", "/dev", "/etc", "/low", "/proc", "/run", "/tmp", "/w"} <= set(files)
    # Nothing of this machine is there, and nothing of the image can be changed.
    assert not {"/home", "/root", "/usr/bin", "/var"} & set(files) and "/gone" not in files
    assert answer == {
        "args": "app.handler two",
        "cwd": "/w",
        "greeting": "안녕",
        "own": "own",
        "handler": "app.handler",
        "low": "low",
        "gone": "",
        "write": "x",
        "hosts": "127.0.0.1",
    }


def test_its_configuration_can_be_changed(functions, good, load, create, unique):  # noqa: F811
    uri = f"{unique('desk')}:v1"
    load(good, uri)
    config = {"EntryPoint": ["/bin/bash", "/run", "first"], "Command": ["second"], "WorkingDirectory": "/tmp"}
    name, created = create(uri, ImageConfig=config)
    assert created["ImageConfigResponse"] == {"ImageConfig": config}
    answer = invoke(functions, name)["Payload"]
    assert (answer["args"], answer["cwd"], answer["handler"]) == ("first second", "/tmp", "second")
    functions.update_function_configuration(FunctionName=name, ImageConfig={"Command": ["third"]})
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    assert invoke(functions, name)["Payload"]["args"] == "third"
    functions.update_function_configuration(FunctionName=name, ImageConfig={"EntryPoint": ["/none"]})
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    answer = invoke(functions, name)
    assert answer["FunctionError"] == "Unhandled"
    assert answer["Payload"]["errorType"] == "Runtime.InvalidEntrypoint"


class Registry(http.server.BaseHTTPRequestHandler):
    images = {}

    def do_GET(self):
        _, _, repository, kind, name = self.path.split("/")
        image = self.images.get(repository)
        content = image and image.blobs.get(image.described["digest"] if name == "v1" else name)
        self.send_response(200 if content else 404)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    def log_message(self, *_):
        pass


def test_a_registry_on_this_machine(functions, good, create):  # noqa: F811
    other = Image([layer({"w/other": b""})], Entrypoint=["/none"])
    Registry.images = {"desk": good, "other": other}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"localhost:{server.server_port}"
    missing = f"{base}/desk:none"
    assert error_of(create, uri=missing) == (
        "InvalidParameterValueException",
        f"Source image {missing} does not exist. Provide a valid source image.",
    )
    name, _ = create(f"{base}/other:v1")
    digest = good.described["digest"]
    functions.update_function_code(FunctionName=name, ImageUri=f"{base}/desk@{digest}")
    # The registry is not needed any more.
    server.shutdown()
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
    code = functions.get_function(FunctionName=name)["Code"]
    assert code["ResolvedImageUri"] == f"{base}/desk@{digest}"
    assert invoke(functions, name)["Payload"]["low"] == "low"


def test_refused(functions, good, load, create, unique):  # noqa: F811
    def check(arguments, message, code="InvalidParameterValueException"):
        assert error_of(create, **arguments) == (code, message)

    for uri in ("Desk", "desk", "../x:v1", "http://x/desk:v1"):
        check({"uri": uri}, f"Source image {uri} is not valid. Provide a valid source image.")
    gone = f"{unique('desk')}:v1"
    check({"uri": gone}, f"Source image {gone} does not exist. Provide a valid source image.")
    message = "Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image."
    check({"uri": gone, "Handler": "main.handler"}, message)
    uri = f"{unique('desk')}:v1"
    load(good, uri)
    name, _ = create(uri)
    assert error_of(functions.update_function_code, FunctionName=name, ZipFile=b"x") == (
        "InvalidParameterValueException",
        "Please provide ImageUri when updating a function with packageType Image.",
    )


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ({"../evil": b"x"}, "leads out of the image"),
        ({"a/.wh...": b"x"}, "leads out of the image"),
    ],
)
def test_hostile_layers(load, unique, entries, why, tmp_path):
    answer = load(Image([layer(entries)], Entrypoint=["/x"]), f"{unique('evil')}:v1")
    assert why in answer["error"]
    assert not (tmp_path / "evil").exists()


def test_hostile_manifests(load, unique):
    def lie(manifest):
        manifest["layers"][0]["size"] = 1

    answer = load(Image([layer({"a": b"x"})], lie), f"{unique('lie')}:v1")
    assert "too large" in answer["error"]
    answer = load(Image([layer({"a": b"x"})], lambda m: m.update(mediaType="text/plain")), f"{unique('lie')}:v1")
    assert "not supported" in answer["error"]
    assert os.path.exists("/etc/passwd")
