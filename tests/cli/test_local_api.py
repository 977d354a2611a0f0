"""What API Gateway does around functions, in `gureum local start-api`: tokens, CORS, binary bodies, stages, answers
that are none."""

import json
import socket

import pytest
from oidc import Issuer
from test_local import fetch, gureum, served

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters: {{Stage: {{Type: String, Default: dev}}, Cold: {{Type: String, Default: 'no', AllowedValues: ['yes', 'no']}}}}
Mappings: {{Words: {{dev: {{word: mapped}}, prod: {{word: productive}}}}}}
Conditions: {{IsCold: !Equals [!Ref Cold, 'yes']}}
Globals:
  Function: {{Runtime: python3.11, CodeUri: src, Timeout: 5, Environment: {{Variables: {{WORD: !FindInMap [Words, !Ref Stage, word]}}}}}}
  HttpApi: {{CorsConfiguration: {{AllowOrigins: ['https://a.example', 'https://b.example'], AllowMethods: [GET], AllowHeaders: [x-own], MaxAge: 60, AllowCredentials: true}}}}
Resources:
  Rest:
    Type: AWS::Serverless::Api
    Properties:
      StageName: !Ref Stage
      Variables: {{colour: blue}}
      BinaryMediaTypes: ['image~1*']
      Auth:
        Authorizers: {{Pool: {{UserPoolArn: 'arn:aws:cognito-idp:us-east-1:000000000000:userpool/pool_1'}}}}
  Web:
    Type: AWS::Serverless::HttpApi
    Properties:
      StageName: v2
      StageVariables: {{size: large}}
      Auth:
        Authorizers:
          Token:
            IdentitySource: $request.header.Authorization
            JwtConfiguration: {{issuer: '{issuer}', audience: [desk]}}
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.echo
      Events:
        All: {{Type: Api, Properties: {{Path: '/rest/{{proxy+}}', Method: any, RestApiId: !Ref Rest}}}}
        Pool: {{Type: Api, Properties: {{Path: /pool, Method: get, RestApiId: !Ref Rest, Auth: {{Authorizer: Pool}}}}}}
        Web: {{Type: HttpApi, Properties: {{Path: '/web/{{id}}/{{rest+}}', Method: get, ApiId: !Ref Web}}}}
        Old: {{Type: HttpApi, Properties: {{Path: /old, Method: get, ApiId: !Ref Web, PayloadFormatVersion: '1.0'}}}}
        Token: {{Type: HttpApi, Properties: {{Path: /token, Method: get, ApiId: !Ref Web, Auth: {{Authorizer: Token}}}}}}
        Scope: {{Type: HttpApi, Properties: {{Path: /scope, Method: get, ApiId: !Ref Web, Auth: {{Authorizer: Token, AuthorizationScopes: [admin]}}}}}}
  Answers:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.answers
      Events:
        One: {{Type: Api, Properties: {{Path: '/answers/{{which}}', Method: get, RestApiId: !Ref Rest}}}}
        Two: {{Type: HttpApi, Properties: {{Path: '/second/{{which}}', Method: get, ApiId: !Ref Web}}}}
  Never: {{Type: AWS::Serverless::Function, Condition: IsCold, Properties: {{Handler: app.never, Events: {{A: {{Type: Api, Properties: {{Path: /never, Method: get}}}}}}}}}}
"""
SOURCE = """
import json, os

def echo(event, context):
    return {"statusCode": 200, "body": json.dumps({**event, "word": os.environ["WORD"]})}

ANSWERS = {
    "picture": {"statusCode": 200, "headers": {"content-type": "image/png"}, "body": "iVBORw==", "isBase64Encoded": True},
    "plain": {"statusCode": 200, "headers": {"content-type": "text/plain"}, "body": "aGk=", "isBase64Encoded": True},
    "text-status": {"statusCode": "202", "body": "ok"},
    "no-status": {"body": "ok"},
    "bare": "text",
    "list": [1],
    "number": 7,
    "map-body": {"statusCode": 200, "body": {"a": 1}},
    "bad-header": {"statusCode": 200, "headers": ["a"]},
    "newline": {"statusCode": 200, "headers": {"x": "a\\r\\nb: c"}},
    "bad-status": {"statusCode": "many"},
    "bad-base64": {"statusCode": 200, "headers": {"content-type": "image/png"}, "body": "%", "isBase64Encoded": True},
    "cookies": {"statusCode": 200, "cookies": ["a=1", "b=2"], "body": "ok"},
    "extra": {"statusCode": 200, "colour": "red"},
}

def answers(event, context):
    return ANSWERS[event["pathParameters"]["which"]]
"""
FAILED = (502, '{"message": "Internal server error"}')


@pytest.fixture(scope="module")
def issuer():
    issuer = Issuer()
    yield issuer
    issuer.close()


@pytest.fixture(scope="module")
def url(issuer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("api")
    (folder / "template.yaml").write_text(TEMPLATE.format(issuer=issuer.url))
    (folder / "src").mkdir()
    (folder / "src/app.py").write_text(SOURCE)
    # Where SDKs find Cognito, the pool's tokens come from: here it is the issuer below its pool's id.
    pool = f"{issuer.url}/pool_1"
    issuer.documents["/pool_1/.well-known/openid-configuration"] = {"issuer": pool, "jwks_uri": f"{issuer.url}/keys"}
    with served(folder, "start-api", env={"AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER": issuer.url}) as url:
        yield url


def echoed(url, *words, **headers):
    status, _, body = fetch(url, *words, **headers)
    assert status == 200, body
    return json.loads(body)


def test_stages_variables_and_paths(url):
    event = echoed(f"{url}/rest/a/b%20c?x=1&x=2", "PUT", b"body", X_Many="1")
    assert event["requestContext"]["stage"] == "dev" and event["stageVariables"] == {"colour": "blue"}
    assert event["pathParameters"] == {"proxy": "a/b c"} and event["resource"] == "/rest/{proxy+}"
    assert event["path"] == "/rest/a/b%20c" and event["httpMethod"] == "PUT" and event["word"] == "mapped"
    assert event["multiValueHeaders"]["X-Many"] == ["1"]
    event = echoed(f"{url}/web/7/x/y?q=1&q=2")
    assert event["pathParameters"] == {"id": "7", "rest": "x/y"} and event["requestContext"]["stage"] == "v2"
    assert event["stageVariables"] == {"size": "large"} and event["queryStringParameters"] == {"q": "1,2"}
    assert event["routeKey"] == "GET /web/{id}/{rest+}"
    event = echoed(f"{url}/old?q=1&q=2")
    assert event["version"] == "1.0" and event["multiValueQueryStringParameters"] == {"q": ["1", "2"]}
    assert fetch(f"{url}/never")[0] == 403


def test_binary_bodies(url):
    event = echoed(f"{url}/rest/x", "POST", b"\x89PNG", Content_Type="image/png")
    assert event["isBase64Encoded"] is True and event["body"] == "iVBORw=="
    event = echoed(f"{url}/rest/x", "POST", b"text", Content_Type="text/plain")
    assert event["isBase64Encoded"] is False and event["body"] == "text"
    import urllib.request

    with urllib.request.urlopen(f"{url}/answers/picture", timeout=60) as answer:
        assert answer.read() == b"\x89PNG"
    assert fetch(f"{url}/answers/plain")[2] == "aGk="
    assert fetch(f"{url}/second/plain")[2] == "hi"


def test_answers_that_are_none(url):
    for which in ("no-status", "bare", "list", "number", "map-body", "bad-header", "newline", "bad-status", "bad-base64", "extra"):
        assert fetch(f"{url}/answers/{which}")[0::2] == FAILED, which
    assert fetch(f"{url}/answers/unknown")[0::2] == FAILED
    assert fetch(f"{url}/answers/text-status")[0::2] == (202, "ok")
    # Format 2.0 takes whatever has no status as the body.
    assert fetch(f"{url}/second/no-status")[0::2] == (200, '{"body":"ok"}')
    assert fetch(f"{url}/second/bare")[0::2] == (200, "text")
    assert fetch(f"{url}/second/list")[0::2] == (200, "[1]")
    status, headers, _ = fetch(f"{url}/second/cookies")
    assert status == 200 and headers.get_all("Set-Cookie") == ["a=1", "b=2"]


def test_cors_of_http_apis(url):
    status, headers, body = fetch(f"{url}/web/1/2", "OPTIONS", Origin="https://b.example", Access_Control_Request_Method="GET")
    assert (status, body) == (204, "")
    assert headers["Access-Control-Allow-Origin"] == "https://b.example"
    assert headers["Access-Control-Allow-Methods"] == "GET" and headers["Access-Control-Allow-Headers"] == "x-own"
    assert headers["Access-Control-Max-Age"] == "60" and headers["Access-Control-Allow-Credentials"] == "true"
    _, headers, _ = fetch(f"{url}/web/1/2", Origin="https://a.example")
    assert headers["Access-Control-Allow-Origin"] == "https://a.example"
    _, headers, _ = fetch(f"{url}/web/1/2", Origin="https://evil.example")
    assert headers["Access-Control-Allow-Origin"] is None


def test_json_web_tokens(url, issuer):
    refused = (401, '{"message":"Unauthorized"}')
    bearer = lambda **claims: f"Bearer {issuer.token(**claims)}"
    event = echoed(f"{url}/token", Authorization=bearer(groups=["a", "b"]))
    jwt = event["requestContext"]["authorizer"]["jwt"]
    assert jwt["claims"]["sub"] == "kim" and jwt["claims"]["groups"] == "[a b]" and jwt["scopes"] is None
    assert fetch(f"{url}/token")[0::2] == refused
    assert fetch(f"{url}/token", Authorization="Bearer x.y.z")[0::2] == refused
    for claims in ({"aud": "other"}, {"exp": 1}, {"iss": "http://localhost:1"}):
        assert fetch(f"{url}/token", Authorization=bearer(**claims))[0::2] == refused, claims
    forged = issuer.token()[:-4] + "AAAA"
    assert fetch(f"{url}/token", Authorization=forged)[0::2] == refused
    assert fetch(f"{url}/scope", Authorization=bearer(scope="read"))[0::2] == (403, '{"message":"Forbidden"}')
    event = echoed(f"{url}/scope", Authorization=bearer(scope="read admin"))
    assert event["requestContext"]["authorizer"]["jwt"]["scopes"] == ["read", "admin"]


def test_tokens_of_a_user_pool(url, issuer):
    token = issuer.token(iss=f"{issuer.url}/pool_1")
    event = echoed(f"{url}/pool", Authorization=token)
    assert event["requestContext"]["authorizer"]["claims"]["sub"] == "kim"
    assert fetch(f"{url}/pool")[0::2] == (401, '{"message":"Unauthorized"}')
    assert fetch(f"{url}/pool", Authorization=issuer.token())[0::2] == (401, '{"message":"Unauthorized"}')


def test_errors_of_templates_name_their_place(tmp_path):
    def check(text, *expected):
        (tmp_path / "template.yaml").write_text(text)
        error = gureum(tmp_path, "local", "start-api", "--port", 0, code=1)[1]
        assert all(one in error for one in ("template.yaml: line", *expected)), error

    function = "Transform: AWS::Serverless-2016-10-31\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n"
    check(function + "      Handler: a.b\n      Runtime: python3.11\n      CodeUri: !Sub '${Nowhere}'\n", "line 8", "Nowhere")
    check(function + "      Handler: a.b\n      CodeUri: .\n", "F needs Runtime")
    check("Resources: [1]\n", "line 1", "Resources must be a map")
    check("Resources:\n  F: {Type: A\n", "line")
    check(function + "      Handler: a.b\n      Runtime: python3.11\n      CodeUri: .\n      Timeout: soon\n", "line 9", "Timeout")


def test_addresses_in_use_are_said(tmp_path):
    (tmp_path / "template.yaml").write_text(TEMPLATE.format(issuer="http://localhost:1"))
    (tmp_path / "src").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert "choose another with --port" in gureum(tmp_path, "local", "start-api", "--port", port, code=1)[1]


SIGNED = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.11, CodeUri: src, Handler: app.handler, Timeout: 5}}
Resources:
  Open:
    Type: AWS::Serverless::Function
    Properties:
      Events:
        Open: {Type: Api, Properties: {Path: /open, Method: get}}
        Rest: {Type: Api, Properties: {Path: /rest, Method: get, Auth: {Authorizer: AWS_IAM}}}
        Web: {Type: HttpApi, Properties: {Path: /web, Method: get, Auth: {Authorizer: AWS_IAM}}}
"""


def test_signed_routes_are_refused_by_name_and_others_served(tmp_path):
    (tmp_path / "template.yaml").write_text(SIGNED)
    (tmp_path / "src").mkdir()
    (tmp_path / "src/app.py").write_text("def handler(event, context): return {'statusCode': 200, 'body': 'here'}\n")
    with served(tmp_path, "start-api") as url:
        assert fetch(f"{url}/open")[::2] == (200, "here")
        for path in ("rest", "web"):
            status, _, body = fetch(f"{url}/{path}")
            assert status == 501 and "--disable-authorizer" in json.loads(body)["message"]
    with served(tmp_path, "start-api", "--disable-authorizer") as url:
        assert fetch(f"{url}/rest")[::2] == fetch(f"{url}/web")[::2] == (200, "here")
