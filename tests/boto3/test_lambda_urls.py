"""URLs of functions: their settings by boto3, their hosts by plain HTTP."""

import json
import urllib.error
import urllib.request

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from conftest import ACCOUNT, REGION, error_of
from test_lambda import deploy, functions  # noqa: F401

ECHO = """
import json
def handler(event, context):
    if event["rawPath"] == "/raise": raise ValueError("no")
    if event["rawPath"] == "/plain": return {"a": 1}
    if event["rawPath"] == "/image":
        return {"statusCode": 200, "headers": {"Content-Type": "image/gif"}, "body": "R0lG", "isBase64Encoded": True}
    return {"statusCode": 201, "headers": {"X-Own": "yes", "access-control-allow-origin": "https://own"}, "cookies": ["a=1", "b=2"], "body": json.dumps(event)}
"""


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()


def fetch(url, method="GET", body=None, headers={}):
    """Asks the host of a function, whose name need not be resolved for it: `localhost` answers."""
    host = url.split("/")[2]
    port = host.split(":")[1]
    request = urllib.request.Request(url.replace(host, f"127.0.0.1:{port}"), method=method, data=body)
    for name, value in {"Host": host, **headers}.items():
        request.add_unredirected_header(name, value)
    try:
        return Answer(urllib.request.urlopen(request, timeout=60))
    except urllib.error.HTTPError as error:
        return Answer(error)


def open_to_all(functions, name):
    functions.add_permission(
        FunctionName=name, StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE"
    )
    functions.add_permission(
        FunctionName=name, StatementId="via", Action="lambda:InvokeFunction", Principal="*", InvokedViaFunctionUrl=True
    )


def test_settings(functions, deploy):
    name = deploy(ECHO)
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    assert error_of(functions.get_function_url_config, FunctionName=name) == (
        "ResourceNotFoundException",
        "The resource you requested does not exist.",
    )
    made = functions.create_function_url_config(FunctionName=name, AuthType="NONE", Cors={"AllowOrigins": ["*"]})
    assert (made["FunctionArn"], made["AuthType"], made["InvokeMode"]) == (arn, "NONE", "BUFFERED")
    assert f".lambda-url.{REGION}.localhost:" in made["FunctionUrl"]
    assert error_of(functions.create_function_url_config, FunctionName=name, AuthType="NONE")[0] == "ResourceConflictException"
    changed = functions.update_function_url_config(FunctionName=name, AuthType="AWS_IAM", Cors={"MaxAge": 5})
    assert (changed["AuthType"], changed["Cors"]) == ("AWS_IAM", {"MaxAge": 5})
    listed = functions.list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"]
    assert [url["FunctionUrl"] for url in listed] == [made["FunctionUrl"]]
    functions.delete_function_url_config(FunctionName=name)
    assert fetch(made["FunctionUrl"]).status == 403


def test_everybody(functions, deploy):
    name = deploy(ECHO)
    url = functions.create_function_url_config(FunctionName=name, AuthType="NONE")["FunctionUrl"]
    assert fetch(url).status == 403
    open_to_all(functions, name)
    answer = fetch(f"{url}a%20b?x=1&x=2&%EB%91%98=%EC%85%8B", "POST", '{"말":1}'.encode(), {"Content-Type": "application/json", "Cookie": "k=v; l=w"})
    assert (answer.status, answer.headers["x-own"], answer.headers["content-type"]) == (201, "yes", "application/json")
    assert answer.headers.get_all("set-cookie") == ["a=1", "b=2"]
    event = json.loads(answer.body)
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "$default", "/a b")
    assert event["rawQueryString"] == "x=1&x=2&%EB%91%98=%EC%85%8B"
    assert event["queryStringParameters"] == {"x": "1,2", "둘": "셋"}
    assert (event["body"], event["isBase64Encoded"], event["cookies"]) == ('{"말":1}', False, ["k=v", "l=w"])
    context = event["requestContext"]
    assert context["http"]["method"] == "POST" and context["domainPrefix"] == url.split("//")[1].split(".")[0]
    assert context["accountId"] == "anonymous" and "authorizer" not in context
    form = json.loads(fetch(url, "POST", b"a=1", {"Content-Type": "application/x-www-form-urlencoded"}).body)
    assert (form["body"], form["isBase64Encoded"]) == ("YT0x", True)
    plain = fetch(f"{url}plain")
    assert (plain.status, json.loads(plain.body)) == (200, {"a": 1})
    image = fetch(f"{url}image")
    assert (image.headers["content-type"], image.body) == ("image/gif", b"GIF")
    failed = fetch(f"{url}raise")
    assert (failed.status, failed.body) == (502, b"Internal Server Error")
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    assert fetch(url).status == 429


def test_pages(functions, deploy):
    name = deploy(ECHO)
    cors = {"AllowOrigins": ["https://page.example"], "AllowMethods": ["POST"], "AllowHeaders": ["x-a"], "MaxAge": 9, "AllowCredentials": True}
    url = functions.create_function_url_config(FunctionName=name, AuthType="NONE", Cors=cors)["FunctionUrl"]
    open_to_all(functions, name)
    asked = {"Origin": "https://page.example", "Access-Control-Request-Method": "POST"}
    allowed = fetch(url, "OPTIONS", headers=asked)
    assert allowed.status == 200 and allowed.headers["access-control-allow-origin"] == "https://page.example"
    assert allowed.headers["access-control-allow-methods"] == "POST"
    assert (allowed.headers["access-control-max-age"], allowed.headers["access-control-allow-credentials"]) == ("9", "true")
    other = fetch(url, "OPTIONS", headers={**asked, "Origin": "https://other.example"})
    assert "access-control-allow-origin" not in other.headers
    answer = fetch(url, headers={"Origin": "https://page.example"})
    assert answer.headers["access-control-allow-origin"] == "https://page.example"


def test_signed(functions, deploy, client, unique):
    name = deploy(ECHO)
    url = functions.create_function_url_config(FunctionName=name, AuthType="AWS_IAM")["FunctionUrl"]
    assert fetch(url).status == 403

    def signed(credentials, secret_suffix=""):
        credentials = credentials.get_frozen_credentials() if hasattr(credentials, "get_frozen_credentials") else credentials
        request = AWSRequest("POST", url, data=b"{}", headers={"Content-Type": "application/json"})
        SigV4Auth(credentials, "lambda", REGION).add_auth(request)
        return fetch(url, "POST", b"{}", dict(request.headers))

    root = boto3.Session("test", "test", region_name=REGION).get_credentials()
    event = json.loads(signed(root).body)
    assert event["requestContext"]["authorizer"]["iam"]["accountId"] == ACCOUNT
    wrong = boto3.Session("test", "wrong", region_name=REGION).get_credentials()
    assert signed(wrong).status == 403
    iam = client("iam")
    user = unique("user")
    iam.create_user(UserName=user)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    own = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION).get_credentials()
    assert signed(own).status == 403
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    statement = {"Effect": "Allow", "Action": ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"], "Resource": arn}
    iam.put_user_policy(UserName=user, PolicyName="url", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    assert signed(own).status == 201
    iam.delete_user_policy(UserName=user, PolicyName="url")
    iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=user)


def test_alias_and_stream(functions, deploy):
    stream = """
exports.handler = awslambda.streamifyResponse(async (event, out) => {
  out = awslambda.HttpResponseStream.from(out, { statusCode: 202, headers: { "content-type": "text/plain" } });
  out.write("one ");
  out.write("two");
  out.end();
});
"""
    from conftest import zipped

    name = deploy("", Runtime="nodejs20.x", Handler="index.handler", Code={"ZipFile": zipped({"index.js": stream})})
    version = functions.publish_version(FunctionName=name)["Version"]
    functions.get_waiter("published_version_active").wait(FunctionName=name, Qualifier=version, WaiterConfig={"Delay": 1})
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    url = functions.create_function_url_config(FunctionName=name, Qualifier="live", AuthType="NONE", InvokeMode="RESPONSE_STREAM")
    for sid, more in [("a", {"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"}), ("b", {"Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True})]:
        functions.add_permission(FunctionName=name, Qualifier="live", StatementId=sid, Principal="*", **more)
    answer = fetch(url["FunctionUrl"])
    assert (answer.status, answer.headers["content-type"], answer.body) == (202, "text/plain", b"one two")
    assert error_of(functions.create_function_url_config, FunctionName=name, Qualifier="$LATEST", AuthType="NONE")[0] == "ValidationException"
