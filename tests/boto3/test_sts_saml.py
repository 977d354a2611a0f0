"""AssumeRoleWithSAML. Responses are canonicalized by Python's own library and signed by openssl's key."""

import base64
import hashlib
import json
import subprocess
import time
import xml.etree.ElementTree as ElementTree

import oidc
import pytest
import rsa
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from conftest import ACCOUNT

ENTITY = "https://office.example/saml"
RECIPIENT = "https://signin.aws.amazon.com/saml"
DSIG = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"


class Provider:
    """Who signs."""

    def __init__(self, folder):
        run = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        files = ["-subj", "/CN=Office", "-keyout", folder / "key", "-out", folder / "pem"]
        subprocess.run([*run, *files], check=True, capture_output=True)
        command = ["openssl", "rsa", "-traditional", "-in", folder / "key"]
        pem = subprocess.run(command, check=True, capture_output=True).stdout
        self.key = rsa.PrivateKey.load_pkcs1(pem)
        self.certificate = "".join((folder / "pem").read_text().split("\n")[1:-2])

    def metadata(self):
        return (
            f'<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{ENTITY}">'
            '<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
            f'<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="{DSIG}"><ds:X509Data>'
            f"<ds:X509Certificate>{self.certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
            "</md:KeyDescriptor><md:SingleSignOnService "
            'Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://office.example/"/>'
            "</md:IDPSSODescriptor></md:EntityDescriptor>"
        )

    def sign(self, text, mark="<!--sign-->", identity="a1", **algorithms):
        """Signs an element whose text is given; the signature comes where the mark is."""
        digest = algorithms.get("digest", "http://www.w3.org/2001/04/xmlenc#sha256")
        method = algorithms.get("method", "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256")
        hashed = hashlib.sha1 if digest.endswith("sha1") else hashlib.sha256
        canonical = ElementTree.canonicalize(text.replace(mark, ""))
        info = (
            f'<ds:SignedInfo xmlns:ds="{DSIG}"><ds:CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>'
            f'<ds:SignatureMethod Algorithm="{method}"/><ds:Reference URI="#{identity}"><ds:Transforms>'
            f'<ds:Transform Algorithm="{DSIG}enveloped-signature"/><ds:Transform Algorithm="{EXCLUSIVE}"/>'
            f'</ds:Transforms><ds:DigestMethod Algorithm="{digest}"/><ds:DigestValue>'
            f"{base64.b64encode(hashed(canonical.encode()).digest()).decode()}</ds:DigestValue>"
            "</ds:Reference></ds:SignedInfo>"
        )
        how = "SHA-1" if method.endswith("sha1") else "SHA-256"
        value = rsa.sign(ElementTree.canonicalize(info).encode(), self.key, how)
        signature = (
            f'<ds:Signature xmlns:ds="{DSIG}">{info}<ds:SignatureValue>\n'
            f"{base64.encodebytes(value).decode()}</ds:SignatureValue></ds:Signature>"
        )
        return text.replace(mark, signature)


def when(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def attribute(name, *values):
    values = "".join(f"<saml:AttributeValue>{value}</saml:AttributeValue>" for value in values)
    return f'<saml:Attribute Name="https://aws.amazon.com/SAML/Attributes/{name}">{values}</saml:Attribute>'


def assertion(role, provider_arn, **change):
    """The text of an assertion, with a mark where its signature belongs."""
    get = lambda name, usual: change.get(name, usual)
    more = get("more", "")
    role_name = get("session", attribute("RoleSessionName", "kim"))
    return (
        f'<saml:Assertion xmlns:saml="{ASSERTION}" ID="{get("id", "a1")}" Version="2.0" '
        f'IssueInstant="{get("issued", when(0))}"><saml:Issuer>{get("issuer", ENTITY)}</saml:Issuer>'
        "<!--sign--><saml:Subject><saml:NameID "
        'Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">'
        f'{get("subject", "kim &amp; co")}</saml:NameID>'
        '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
        f'<saml:SubjectConfirmationData NotOnOrAfter="{get("until", when(240))}" '
        f'Recipient="{get("recipient", RECIPIENT)}"/></saml:SubjectConfirmation></saml:Subject>'
        f'<saml:Conditions NotBefore="{when(-60)}" NotOnOrAfter="{get("until", when(240))}">'
        f'<saml:AudienceRestriction><saml:Audience>{get("audience", RECIPIENT)}</saml:Audience>'
        "</saml:AudienceRestriction></saml:Conditions>"
        f'<saml:AuthnStatement AuthnInstant="{when(0)}" SessionNotOnOrAfter="{get("ends", when(1800))}"/>'
        f'<saml:AttributeStatement>{attribute("Role", f"{role},{provider_arn}")}{role_name}{more}'
        "</saml:AttributeStatement></saml:Assertion>"
    )


def response(inner, status="Success", before="", head=""):
    return (
        f'<samlp:Response xmlns:samlp="{PROTOCOL}" ID="r1" Version="2.0" IssueInstant="{when(0)}">{head}'
        f'<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{status}"/></samlp:Status>'
        f"{before}{inner}</samlp:Response>"
    )


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    return Provider(tmp_path_factory.mktemp("saml"))


@pytest.fixture
def provider_arn(client, unique, office):
    made = client("iam").create_saml_provider(Name=unique("office"), SAMLMetadataDocument=office.metadata())
    return made["SAMLProviderArn"]


@pytest.fixture
def role(client, unique, provider_arn):
    def make(actions=("sts:AssumeRoleWithSAML",), condition=None):
        statement = {"Effect": "Allow", "Principal": {"Federated": provider_arn}, "Action": list(actions)}
        statement["Condition"] = condition or {"StringEquals": {"SAML:aud": RECIPIENT}}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        return client("iam").create_role(RoleName=unique("saml"), AssumeRolePolicyDocument=document)["Role"]["Arn"]

    return make


@pytest.fixture
def assume(client, provider_arn):
    sts = client("sts", config=Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}))

    def call(role_arn, xml, **more):
        return sts.assume_role_with_saml(
            RoleArn=role_arn,
            PrincipalArn=provider_arn,
            SAMLAssertion=base64.b64encode(xml.encode()).decode(),
            **more,
        )

    return call


@pytest.fixture
def refused(assume):
    def call(*arguments, **more):
        with pytest.raises(ClientError) as caught:
            assume(*arguments, **more)
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]

    return call


def test_a_session(client, office, provider_arn, role, assume):
    arn = role()
    by_assertion = response(office.sign(assertion(arn, provider_arn)))
    by_response = office.sign(
        response(assertion(arn, provider_arn).replace("<!--sign-->", ""), head="<!--sign-->"), identity="r1"
    )
    for xml in [by_assertion, by_response]:
        got = assume(arn, xml)
        assert got["Subject"] == "kim & co"
        assert got["SubjectType"] == "persistent"
        assert got["Issuer"] == ENTITY
        assert got["Audience"] == RECIPIENT
        assert got["AssumedRoleUser"]["Arn"].endswith("/kim")
        name = provider_arn.split("/")[1]
        qualifier = hashlib.sha1(f"{ENTITY}{ACCOUNT}/{name}".encode()).digest()
        assert got["NameQualifier"] == base64.b64encode(qualifier).decode()
        # The provider's session ends before the hour.
        left = got["Credentials"]["Expiration"].timestamp() - time.time()
        assert 1500 < left <= 1801
        keys = got["Credentials"]
        caller = client(
            "sts",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        assert caller.get_caller_identity()["Arn"] == got["AssumedRoleUser"]["Arn"]


def test_tags_and_source_identity(office, provider_arn, role, assume, refused):
    more = attribute("PrincipalTag:Team", "desk") + attribute("TransitiveTagKeys", "Team")
    more += attribute("SourceIdentity", "kim")
    plain = role()
    xml = response(office.sign(assertion(plain, provider_arn, more=more)))
    assert refused(plain, xml) == ("AccessDenied", "Not authorized to perform sts:TagSession")
    every = role(["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"])
    got = assume(every, response(office.sign(assertion(every, provider_arn, more=more))))
    assert got["SourceIdentity"] == "kim"
    assert got["PackedPolicySize"] > 0


def test_what_a_response_must_say(office, provider_arn, role, refused):
    arn = role()
    code = lambda **change: refused(arn, response(office.sign(assertion(arn, provider_arn, **change))))
    assert code(issuer="https://other.example")[1] == "Issuer not present in specified provider"
    assert code(audience="https://other.example")[1] == "Response does not contain the required audience."
    assert code(recipient="https://other.example/saml")[0] == "InvalidIdentityToken"
    assert code(recipient="https://evil.example/signin.aws.amazon.com/saml")[0] == "InvalidIdentityToken"
    assert code(issued=when(-301))[0] == "ExpiredTokenException"
    assert code(issued=when(120))[0] == "InvalidIdentityToken"
    assert code(until=when(-1))[0] == "ExpiredTokenException"
    assert code(ends=when(-1))[0] == "ExpiredTokenException"
    assert code(session="")[1] == "RoleSessionName is required in AuthnResponse"
    assert code(session=attribute("RoleSessionName", "a b"))[0] == "InvalidIdentityToken"
    assert code(subject="")[0] == "InvalidIdentityToken"
    failed = response(office.sign(assertion(arn, provider_arn)), status="Requester")
    assert refused(arn, failed)[0] == "IDPRejectedClaim"
    # Not a role that the response offers; not a condition that it meets.
    other = role()
    denied = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML")
    assert refused(other, response(office.sign(assertion(arn, provider_arn)))) == denied
    strict = role(condition={"StringEquals": {"SAML:sub": "lee"}})
    assert refused(strict, response(office.sign(assertion(strict, provider_arn)))) == denied


def test_forgeries(office, provider_arn, role, refused, tmp_path):
    arn = role()
    text = assertion(arn, provider_arn)
    signed = office.sign(text)
    unsigned = text.replace("<!--sign-->", "")
    evil = assertion(arn, provider_arn, id="evil", subject="root").replace("<!--sign-->", "")
    stranger = Provider(tmp_path)
    info = lambda xml: refused(arn, xml)
    forgeries = {
        "unsigned": response(unsigned),
        "changed": response(signed.replace("kim &amp; co", "root")),
        "a comment in a name": response(signed.replace("kim &amp; co", "root<!-- -->kim &amp; co")),
        "a stranger's key": response(stranger.sign(text)),
        "two assertions": response(evil + signed),
        "an assertion inside an extension": response(
            evil, before=f"<samlp:Extensions>{signed}</samlp:Extensions>"
        ),
        "the signed one within the signature of the evil one": response(
            evil.replace("<saml:Subject>", signed_inside(signed) + "<saml:Subject>", 1)
        ),
        "the same id twice": response(
            evil.replace('ID="evil"', 'ID="a1"').replace(
                "<saml:Subject>", signed_inside(signed) + "<saml:Subject>", 1
            )
        ),
        "no reference": response(signed.replace('URI="#a1"', 'URI=""')),
        "sha1": response(office.sign(text, method=f"{DSIG}rsa-sha1")),
        "sha1 digest": response(office.sign(text, digest=f"{DSIG}sha1")),
        "another transform": response(signed.replace(f"{DSIG}enveloped-signature", "http://www.w3.org/TR/1999/REC-xslt-19991116")),
        "encrypted": response(f'<saml:EncryptedAssertion xmlns:saml="{ASSERTION}"/>'),
        "an entity": '<!DOCTYPE x [<!ENTITY e "kim">]>' + response(signed),
        "not a response": signed,
        "no XML": "hello world",
        "deep": "<a>" * 9000,
    }
    for name, xml in forgeries.items():
        assert info(xml)[0] == "InvalidIdentityToken", name
    for at in range(0, len(signed), 97):
        cut = response(signed[:at] + signed[at + 1 :])
        with_error = info(cut)[0]
        assert with_error in ("InvalidIdentityToken", "ExpiredTokenException"), (at, with_error)


def signed_inside(signed):
    """A signature that carries the element it signs."""
    start, end = signed.index("<ds:Signature "), signed.index("</ds:Signature>")
    bare = signed[:start] + signed[end + len("</ds:Signature>") :]
    return signed[start:end] + f"<ds:Object>{bare}</ds:Object></ds:Signature>"


def test_providers(office, provider_arn, role, refused, client):
    arn = role()
    xml = base64.b64encode(response(office.sign(assertion(arn, provider_arn))).encode()).decode()
    sts = client("sts", config=Config(signature_version=UNSIGNED))
    for other in [f"{provider_arn}x", f"arn:aws:iam::111122223333:saml-provider/office"]:
        with pytest.raises(ClientError, match="Specified provider doesn't exist"):
            sts.assume_role_with_saml(RoleArn=arn, PrincipalArn=other, SAMLAssertion=xml)
    with pytest.raises(ClientError, match="InvalidIdentityToken"):
        sts.assume_role_with_saml(RoleArn=arn, PrincipalArn=provider_arn, SAMLAssertion="%%%%")
