"""An OpenID Connect issuer of a few lines, with keys made by openssl."""

import base64
import contextlib
import http.server
import json
import ssl
import subprocess
import threading
import time

import rsa


def b64(data):
    """Base 64 as in tokens."""
    data = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def new_key(bits=2048):
    """A private key."""
    command = ["openssl", "genrsa", "-traditional", str(bits)]
    return rsa.PrivateKey.load_pkcs1(subprocess.run(command, check=True, capture_output=True).stdout)


def jwk(key, kid):
    """The public half as a document."""
    number = lambda n: b64(n.to_bytes((n.bit_length() + 7) // 8, "big"))
    return {"kty": "RSA", "use": "sig", "kid": kid, "n": number(key.n), "e": number(key.e)}


class Issuer:
    """Publishes its keys over HTTP, or over TLS with a certificate, and signs tokens."""

    def __init__(self, certificate=None):
        self.keys = {"one": new_key()}
        self.requests = 0
        self.documents = {}
        self.scheme = "https" if certificate else "http"
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.requests += 1
                found = issuer.document(self.path)
                body = found if isinstance(found, bytes) else json.dumps(found).encode()
                self.send_response(404 if found is None else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"{self.scheme}://localhost:{self.server.server_port}"

    @property
    def name(self):
        """As policies and ARNs name it."""
        return self.url.split("://")[1]

    def document(self, path):
        if path in self.documents:
            return self.documents[path]
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        if path == "/keys":
            return {"keys": [jwk(key, kid) for kid, key in self.keys.items()]}
        return None

    def token(self, kid="one", alg="RS256", header=None, **changes):
        """A signed token; a claim of None is left out."""
        now = int(time.time())
        claims = {"iss": self.url, "sub": "kim", "aud": "desk", "iat": now, "exp": now + 300}
        claims = {k: v for k, v in {**claims, **changes}.items() if v is not None}
        head = b64({"alg": alg, "kid": kid, "typ": "JWT", **(header or {})})
        signed = f"{head}.{b64(claims)}"
        digest = {"RS256": "SHA-256", "RS384": "SHA-384", "RS512": "SHA-512"}.get(alg, "SHA-256")
        return f"{signed}.{b64(rsa.sign(signed.encode(), self.keys[kid], digest))}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
