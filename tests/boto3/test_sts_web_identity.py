"""AssumeRoleWithWebIdentity against an issuer of our own."""

import base64
import hashlib
import hmac
import json
import ssl
import subprocess
import time

import boto3
import oidc
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from conftest import ACCOUNT, REGION


@pytest.fixture(scope="module")
def issuer():
    issuer = oidc.Issuer()
    yield issuer
    issuer.close()


@pytest.fixture
def sts(client):
    return client("sts", config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}))


def trust(issuer, actions=("sts:AssumeRoleWithWebIdentity",), **conditions):
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{issuer.name}"},
        "Action": list(actions),
    }
    if conditions:
        statement["Condition"] = {
            operator: {f"{issuer.name}:{key}": value for key, value in keys.items()}
            for operator, keys in conditions.items()
        }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def role(client, unique):
    """Makes roles that trust an issuer."""
    iam = client("iam")

    def make(document, **more):
        name = unique("web")
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document, **more)
        return made["Role"]["Arn"]

    return make


@pytest.fixture
def provider(client, issuer):
    iam = client("iam")
    made = iam.create_open_id_connect_provider(
        Url=issuer.url, ClientIDList=["desk", "app"], ThumbprintList=["0" * 40]
    )
    yield made["OpenIDConnectProviderArn"]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=made["OpenIDConnectProviderArn"])


def assume(sts, role_arn, token, **more):
    return sts.assume_role_with_web_identity(
        RoleArn=role_arn, RoleSessionName="kim", WebIdentityToken=token, **more
    )


def refused(sts, role_arn, token, **more):
    with pytest.raises(ClientError) as caught:
        assume(sts, role_arn, token, **more)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_session(client, sts, issuer, provider, role):
    arn = role(trust(issuer, StringEquals={"aud": "desk", "sub": "kim"}))
    for alg in ["RS256", "RS384", "RS512"]:
        got = assume(sts, arn, issuer.token(alg=alg))
        assert got["SubjectFromWebIdentityToken"] == "kim"
        assert got["Audience"] == "desk"
        assert got["Provider"] == provider
        session = arn.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/kim"
        assert got["AssumedRoleUser"]["Arn"] == session
        keys = got["Credentials"]
        caller = client(
            "sts",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        assert caller.get_caller_identity()["Arn"] == session


def test_trust_decides(sts, issuer, provider, role):
    denied = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
    arn = role(trust(issuer, StringEquals={"sub": "lee"}))
    assert refused(sts, arn, issuer.token()) == denied
    assert assume(sts, arn, issuer.token(sub="lee"))["Credentials"]
    missing = f"arn:aws:iam::{ACCOUNT}:role/nobody-made-it"
    assert refused(sts, missing, issuer.token()) == denied
    arn = role(trust(issuer, **{"ForAnyValue:StringEquals": {"amr": ["mfa"]}}))
    assert refused(sts, arn, issuer.token(amr=["pwd"])) == denied
    assert assume(sts, arn, issuer.token(amr=["pwd", "mfa"]))["Credentials"]
    other = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": "sts:AssumeRole",
            },
        }
    )
    assert refused(sts, role(other), issuer.token()) == denied


def test_session_tags(sts, issuer, provider, role):
    tags = {"principal_tags": {"Team": ["desk"]}, "transitive_tag_keys": ["Team"]}
    token = issuer.token(**{"https://aws.amazon.com/tags": tags})
    plain = role(trust(issuer))
    assert refused(sts, plain, token)[1] == "Not authorized to perform sts:TagSession"
    both = role(trust(issuer, ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]))
    assert assume(sts, both, token)["PackedPolicySize"] > 0
    source = issuer.token(**{"https://aws.amazon.com/source_identity": "kim"})
    assert refused(sts, both, source)[1] == "Not authorized to perform sts:SetSourceIdentity"
    actions = ["sts:AssumeRoleWithWebIdentity", "sts:SetSourceIdentity"]
    assert assume(sts, role(trust(issuer, actions)), source)["SourceIdentity"] == "kim"
    odd = issuer.token(**{"https://aws.amazon.com/source_identity": "aws:kim"})
    assert refused(sts, both, odd)[0] == "InvalidIdentityToken"


def test_bad_tokens(sts, issuer, provider, role):
    arn = role(trust(issuer))
    now = int(time.time())
    code = lambda token: refused(sts, arn, token)[0]
    assert code(issuer.token(aud="x")) == "InvalidIdentityToken"
    assert refused(sts, arn, issuer.token(aud="x"))[1] == "Incorrect token audience"
    assert code(issuer.token(exp=now - 1)) == "ExpiredTokenException"
    assert code(issuer.token(iat=now + 900)) == "InvalidIdentityToken"
    assert code(issuer.token(nbf=now + 900)) == "InvalidIdentityToken"
    assert assume(sts, arn, issuer.token(iat=now + 60))["Credentials"]
    for claim in ["sub", "aud", "exp", "iat", "iss"]:
        assert code(issuer.token(**{claim: None})) == "InvalidIdentityToken"
    for foreign in ["https://a.example", issuer.url + "/x", "localhost", "", "http://"]:
        assert code(issuer.token(iss=foreign)) == "InvalidIdentityToken"
    good = issuer.token()
    head, claims, signature = good.split(".")
    forged = oidc.b64({**json.loads(base64.urlsafe_b64decode(claims + "==")), "sub": "root"})
    for bad in [
        f"{head}.{forged}.{signature}",
        f"{head}.{claims}.",
        f"{head}.{claims}",
        good[:-4],
        good + "AAAA",
        "A" * 20_000,
        "....",
    ]:
        assert code(bad) == "InvalidIdentityToken"
    with pytest.raises(ClientError, match="20000"):
        assume(sts, arn, "A" * 20_001)
    # Without a signature, and signed with the public key as if that were a secret.
    unsigned = oidc.b64({"alg": "none", "kid": "one"})
    assert code(f"{unsigned}.{claims}.") == "InvalidIdentityToken"
    public = json.dumps(oidc.jwk(issuer.keys["one"], "one")).encode()
    confused = f"{oidc.b64({'alg': 'HS256', 'kid': 'one'})}.{claims}"
    mac = hmac.new(public, confused.encode(), hashlib.sha256).digest()
    assert code(f"{confused}.{oidc.b64(mac)}") == "InvalidIdentityToken"
    assert code(issuer.token(header={"crit": ["exp"]})) == "InvalidIdentityToken"


def test_keys_change(sts, client, role):
    issuer = oidc.Issuer()
    iam = client("iam")
    arn = role(trust(issuer))
    token = issuer.token()
    message = f"No OpenIDConnect provider found in your account for {issuer.url}"
    assert refused(sts, arn, token) == ("InvalidIdentityToken", message)
    iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=["desk"], ThumbprintList=["0" * 40])
    assert assume(sts, arn, token)["Credentials"]
    asked = issuer.requests
    assert asked == 2
    assert assume(sts, arn, issuer.token())["Credentials"]
    assert issuer.requests == asked, "keys are kept"
    # A signature that is wrong does not make anyone ask again.
    stranger = oidc.Issuer()
    stranger.keys["one"] = oidc.new_key()
    forged = stranger.token(iss=issuer.url)
    assert refused(sts, arn, forged)[0] == "InvalidIdentityToken"
    assert issuer.requests == asked
    issuer.close()
    assert assume(sts, arn, token)["Credentials"], "kept keys outlive their publisher"
    stranger.close()


@pytest.mark.parametrize(
    ["documents", "expected"],
    [
        ({"/.well-known/openid-configuration": b"<html>"}, "InvalidIdentityToken"),
        ({"/.well-known/openid-configuration": {"issuer": "https://x"}}, "InvalidIdentityToken"),
        ({"/.well-known/openid-configuration": b"x" * 70_000}, "IDPCommunicationError"),
        ({"/keys": b"[]"}, "InvalidIdentityToken"),
        ({"/keys": {"keys": []}}, "InvalidIdentityToken"),
        ({"/keys": None}, "InvalidIdentityToken"),
        ({"/keys": b" " * 600_000}, "IDPCommunicationError"),
    ],
)
def test_odd_issuers(sts, client, role, documents, expected):
    issuer = oidc.Issuer()
    issuer.documents = documents
    client("iam").create_open_id_connect_provider(
        Url=issuer.url, ClientIDList=["desk"], ThumbprintList=["0" * 40]
    )
    assert refused(sts, role(trust(issuer)), issuer.token())[0] == expected
    issuer.close()


def test_an_issuer_that_is_away(sts, client, role):
    issuer = oidc.Issuer()
    client("iam").create_open_id_connect_provider(
        Url=issuer.url, ClientIDList=["desk"], ThumbprintList=["0" * 40]
    )
    token = issuer.token()
    issuer.close()
    assert refused(sts, role(trust(issuer)), token)[0] == "IDPCommunicationError"


def certificate(folder):
    """An authority, and a chain for localhost: files, and the authority's thumbprint."""
    run = lambda *arguments: subprocess.run(["openssl", *arguments], check=True, capture_output=True)
    path = lambda name: str(folder / name)
    (folder / "names").write_text("subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Authority",
        "-keyout", path("ca.key"), "-out", path("ca.pem"))
    run("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
        "-keyout", path("key"), "-out", path("csr"))
    run("x509", "-req", "-in", path("csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
        "-CAcreateserial", "-days", "2", "-extfile", path("names"), "-out", path("leaf.pem"))
    authority = (folder / "ca.pem").read_text()
    (folder / "chain.pem").write_text((folder / "leaf.pem").read_text() + authority)
    thumbprint = hashlib.sha1(ssl.PEM_cert_to_DER_cert(authority)).hexdigest()
    return (path("chain.pem"), path("key")), thumbprint


def test_tls_by_thumbprint(sts, client, role, tmp_path):
    files, thumbprint = certificate(tmp_path)
    issuer = oidc.Issuer(certificate=files)
    iam = client("iam")
    arn = role(trust(issuer))
    made = iam.create_open_id_connect_provider(
        Url=issuer.url, ClientIDList=["desk"], ThumbprintList=["0" * 40]
    )["OpenIDConnectProviderArn"]
    assert refused(sts, arn, issuer.token())[0] == "IDPCommunicationError"
    iam.update_open_id_connect_provider_thumbprint(
        OpenIDConnectProviderArn=made, ThumbprintList=[thumbprint]
    )
    assert assume(sts, arn, issuer.token())["Credentials"]
    issuer.close()


def test_boto3_with_a_token_file(endpoint, issuer, provider, role, tmp_path, monkeypatch):
    (tmp_path / "token").write_text(issuer.token())
    arn = role(trust(issuer))
    (tmp_path / "config").write_text(
        f"[profile web]\nrole_arn = {arn}\nrole_session_name = from-file\n"
        f"web_identity_token_file = {tmp_path / 'token'}\nregion = {REGION}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]:
        monkeypatch.delenv(name, raising=False)
    session = boto3.Session(profile_name="web")
    assert session.client("sts").get_caller_identity()["Arn"].endswith("/from-file")
