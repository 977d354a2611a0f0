"""Outbound identity federation: tokens of our issuer, for others and for ourselves."""

import json
import time
import urllib.error
import urllib.request

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from conftest import ACCOUNT, REGION, error_of

jwt = pytest.importorskip("jwt", reason="skipped: PyJWT is not installed")
CLAIMS = "https://sts.amazonaws.com/"


@pytest.fixture
def issuer(client):
    """The account's issuer, switched on."""
    iam = client("iam")
    try:
        iam.enable_outbound_web_identity_federation()
    except iam.exceptions.FeatureEnabledException:
        pass
    return iam.get_outbound_web_identity_federation_info()["IssuerIdentifier"]


def document(address):
    with urllib.request.urlopen(address, timeout=10) as answer:
        assert answer.headers["content-type"] == "application/json"
        return json.load(answer)


def verified(token, issuer, audience, algorithm):
    """The claims of a token, after PyJWT has verified it as a stranger would."""
    found = document(f"{issuer}/.well-known/openid-configuration")
    assert found["issuer"] == issuer
    assert algorithm in found["id_token_signing_alg_values_supported"]
    key = jwt.PyJWKClient(found["jwks_uri"]).get_signing_key_from_jwt(token)
    return jwt.decode(
        token, key, algorithms=[algorithm], audience=audience, issuer=issuer, options={"require": ["exp", "iat", "jti"]}
    )


def test_the_switch(client):
    # An account of its own: others need the switch as it is.
    iam = client("iam", aws_access_key_id="111122223333")
    sts = client("sts", aws_access_key_id="111122223333")
    ask = dict(Audience=["a"], SigningAlgorithm="RS256")
    assert error_of(iam.get_outbound_web_identity_federation_info)[0] == "FeatureDisabled"
    assert error_of(iam.disable_outbound_web_identity_federation)[0] == "FeatureDisabled"
    assert error_of(sts.get_web_identity_token, **ask)[0] == "OutboundWebIdentityFederationDisabledException"
    made = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    assert error_of(iam.enable_outbound_web_identity_federation)[0] == "FeatureEnabled"
    info = iam.get_outbound_web_identity_federation_info()
    assert (info["IssuerIdentifier"], info["JwtVendingEnabled"]) == (made, True)
    token = sts.get_web_identity_token(**ask)["WebIdentityToken"]
    iam.disable_outbound_web_identity_federation()
    assert error_of(sts.get_web_identity_token, **ask)[0] == "OutboundWebIdentityFederationDisabledException"
    # What was made stays verifiable until it expires.
    assert verified(token, made, "a", "RS256")["sub"] == "arn:aws:iam::111122223333:root"


@pytest.mark.parametrize("algorithm", ["RS256", "ES384"])
def test_tokens_verify(client, issuer, algorithm):
    sts = client("sts")
    before = int(time.time())
    got = sts.get_web_identity_token(
        Audience=["https://api.example.com"],
        SigningAlgorithm=algorithm,
        DurationSeconds=120,
        Tags=[{"Key": "job-id", "Value": "예약-1"}],
    )
    token = got["WebIdentityToken"]
    claims = verified(token, issuer, "https://api.example.com", algorithm)
    assert jwt.get_unverified_header(token)["typ"] == "JWT"
    assert before <= claims["iat"] <= time.time() and claims["exp"] == claims["iat"] + 120
    assert int(got["Expiration"].timestamp()) == claims["exp"]
    assert claims["sub"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert claims[CLAIMS]["aws_account"] == ACCOUNT
    assert claims[CLAIMS]["source_region"] == REGION
    assert claims[CLAIMS]["request_tags"] == {"job-id": "예약-1"}
    several = sts.get_web_identity_token(Audience=["a", "b"], SigningAlgorithm=algorithm)["WebIdentityToken"]
    assert verified(several, issuer, "b", algorithm)["aud"] == ["a", "b"]
    other = sts.get_web_identity_token(Audience=["a"], SigningAlgorithm=algorithm)["WebIdentityToken"]
    with pytest.raises(jwt.InvalidSignatureError):
        verified(token.rsplit(".", 1)[0] + "." + other.rsplit(".", 1)[1], issuer, "https://api.example.com", algorithm)
    with pytest.raises(jwt.InvalidAudienceError):
        verified(other, issuer, "b", algorithm)


def test_only_two_algorithms(client, issuer):
    for name in ["HS256", "PS256", "none!"]:
        code, _ = error_of(client("sts").get_web_identity_token, Audience=["a"], SigningAlgorithm=name)
        assert code == "ValidationError"


def role_for(iam, name, policy, trust, **more):
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust), **more)
    if policy:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
    return made["Role"]["Arn"]


def allow(**statement):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}


def session(client, credentials, service):
    return client(
        service,
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def test_a_role_s_token(client, issuer, unique):
    """Session tags, the end of the session, and conditions on what is asked for."""
    iam, name = client("iam"), unique("out")
    condition = {
        "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": ["good"]},
        "NumericLessThanEquals": {"sts:DurationSeconds": "300"},
        "StringEquals": {"sts:SigningAlgorithm": "ES384"},
    }
    policy = allow(Action="sts:GetWebIdentityToken", Resource="*", Condition=condition)
    trust = allow(Action=["sts:AssumeRole", "sts:TagSession"], Principal={"AWS": ACCOUNT})
    tags = [{"Key": "team", "Value": "desk"}, {"Key": "stage", "Value": "test"}]
    arn = role_for(iam, name, policy, trust, Tags=tags)
    got = client("sts").assume_role(
        RoleArn=arn, RoleSessionName="kim", DurationSeconds=900, Tags=[{"Key": "Team", "Value": "tower"}]
    )
    sts = session(client, got["Credentials"], "sts")
    token = sts.get_web_identity_token(Audience=["good"], SigningAlgorithm="ES384")["WebIdentityToken"]
    claims = verified(token, issuer, "good", "ES384")
    assert claims["sub"] == arn
    assert claims["exp"] == claims["iat"] + 300
    assert claims[CLAIMS]["principal_tags"] == {"Team": "tower", "stage": "test"}
    ends = got["Credentials"]["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ")
    assert claims[CLAIMS]["original_session_exp"] == ends
    refused = [
        dict(Audience=["good", "bad"], SigningAlgorithm="ES384"),
        dict(Audience=["good"], SigningAlgorithm="RS256"),
        dict(Audience=["good"], SigningAlgorithm="ES384", DurationSeconds=301),
        dict(Audience=["good"], SigningAlgorithm="ES384", Tags=[{"Key": "a", "Value": "b"}]),
    ]
    for ask in refused:
        assert error_of(sts.get_web_identity_token, **ask)[0] == "AccessDenied", ask
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(allow(Action="sts:*", Resource="*")))
    code, _ = error_of(sts.get_web_identity_token, Audience=["a"], SigningAlgorithm="RS256", DurationSeconds=3600)
    assert code == "SessionDurationEscalationException"
    many = [{"Key": f"k{i}", "Value": "v" * 256} for i in range(50)]
    code, _ = error_of(sts.get_web_identity_token, Audience=["a"], SigningAlgorithm="RS256", Tags=many)
    assert code == "JWTPayloadSizeExceededException"


def test_a_token_opens_a_role_elsewhere(client, issuer, unique):
    """Another account trusts this one's issuer."""
    there = dict(aws_access_key_id="111122224444")
    iam, name = client("iam", **there), unique("fed")
    provider = iam.create_open_id_connect_provider(Url=issuer, ClientIDList=["tower"], ThumbprintList=["0" * 40])
    provider = provider["OpenIDConnectProviderArn"]
    key = provider.split(":oidc-provider/")[1]
    trust = allow(
        Action="sts:AssumeRoleWithWebIdentity",
        Principal={"Federated": provider},
        Condition={"StringEquals": {f"{key}:aud": "tower", f"{key}:sub": f"arn:aws:iam::{ACCOUNT}:root"}},
    )
    arn = role_for(iam, name, None, trust)
    anonymous = client("sts", config=Config(signature_version=UNSIGNED))
    for algorithm in ["RS256", "ES384"]:
        token = client("sts").get_web_identity_token(Audience=["tower"], SigningAlgorithm=algorithm)
        got = anonymous.assume_role_with_web_identity(
            RoleArn=arn, RoleSessionName="kim", WebIdentityToken=token["WebIdentityToken"]
        )
        who = session(client, got["Credentials"], "sts").get_caller_identity()
        assert who["Arn"] == f"arn:aws:sts::111122224444:assumed-role/{name}/kim"
    wrong = client("sts").get_web_identity_token(Audience=["desk"], SigningAlgorithm="RS256")["WebIdentityToken"]
    ask = dict(RoleArn=arn, RoleSessionName="kim", WebIdentityToken=wrong)
    assert error_of(anonymous.assume_role_with_web_identity, **ask)[0] == "InvalidIdentityToken"
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider)


def test_documents_that_are_not_there(endpoint):
    for path in ["999999999999/.well-known/jwks.json", f"{ACCOUNT}/", "x/.well-known/jwks.json", ""]:
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{endpoint}/_gureum/issuer/{path}", timeout=10)
        assert caught.value.code == 404, path
