#!/usr/bin/python3
"""As Lambda Insights does: registers, subscribes, and reports what it got when an event or the end comes."""
import http.server, json, os, sys, threading, time, urllib.request

api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"]
mode = os.environ.get("MODE", "")
told = []

def call(method, path, body=None, **headers):
    headers = {"Lambda-Extension-" + name.replace("_", "-"): value for name, value in headers.items()}
    data = None if body is None else json.dumps(body).encode()
    return urllib.request.urlopen(urllib.request.Request(api + path, data, headers, method=method))

class Sink(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        told.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass

name = os.path.basename(sys.argv[0])
print("extension says hello", "_HANDLER" in os.environ, "AWS_LAMBDA_FUNCTION_NAME" in os.environ, flush=True)
if mode == "crash":
    os._exit(7)
answer = call("POST", "/2020-01-01/extension/register", {"events": ["INVOKE", "SHUTDOWN"]}, Name=name, Accept_Feature="accountId")
me = answer.headers["Lambda-Extension-Identifier"]
print("registered", answer.read().decode(), flush=True)
if mode == "init-error":
    call("POST", "/2020-01-01/extension/init/error", {"errorMessage": "x"}, Identifier=me, Function_Error_Type="Extension.NoConfiguration")
    sys.exit(1)
server = http.server.ThreadingHTTPServer(("sandbox.localdomain", 8099), Sink)
threading.Thread(target=server.serve_forever, daemon=True).start()
subscription = {"schemaVersion": "2022-12-13", "types": ["platform", "function", "extension"],
                "buffering": {"timeoutMs": 25}, "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8099"}}
call("PUT", "/2022-07-01/telemetry", subscription, Identifier=me)
while True:
    event = json.load(call("GET", "/2020-01-01/extension/event/next", Identifier=me))
    if event["eventType"] == "SHUTDOWN":
        time.sleep(0.3)
        kinds = [one["type"] for one in told]
        print("shutdown", event["shutdownReason"], event["deadlineMs"] > time.time() * 1000 - 400, json.dumps(kinds), flush=True)
        sys.exit(0)
    print("invoke", event["requestId"], event["invokedFunctionArn"], event["tracing"]["type"], flush=True)
    time.sleep(0.3)
    if mode == "exit":
        os._exit(9)
    with open("/tmp/told", "w") as file:
        json.dump(told, file)
