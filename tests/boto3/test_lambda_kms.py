"""Functions whose variables are under a key of KMS (KMSKeyArn)."""

import pytest
from conftest import ACCOUNT, REGION, ROLE, error_of, eventually, zipped
from test_kms_access import ROOT, make_key, policy, user  # noqa: F401
from test_lambda import functions, invoke  # noqa: F401

SOURCE = "import os\ndef handler(event, context): return os.environ.get('SECRET')"
PLEASE = "Please check the function's KMS key settings. KMS Exception: "


@pytest.fixture
def role(client, unique):
    """Makes roles that may do nothing but run functions."""
    iam, made = client("iam"), []
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}

    def make():
        made.append(unique("role"))
        return iam.create_role(RoleName=made[-1], AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]

    yield make
    for name in made:
        iam.delete_role(RoleName=name)


@pytest.fixture
def create(functions, unique):  # noqa: F811
    created = []

    def make(key, role=ROLE, variables=(("SECRET", "암호"),), **settings):
        name = unique("sealed")
        functions.create_function(
            FunctionName=name, Runtime="python3.11", Handler="main.handler", Role=role, Timeout=60, KMSKeyArn=key,
            Environment={"Variables": dict(variables)}, Code={"ZipFile": zipped({"main.py": SOURCE})}, **settings,
        )
        created.append(name)
        settled(functions, name)
        return name

    yield make
    for name in created:
        functions.delete_function(FunctionName=name)


def settled(functions, name):  # noqa: F811
    def probe():
        found = functions.get_function_configuration(FunctionName=name)
        return found["State"] == "Active" and found["LastUpdateStatus"] == "Successful" and found

    return eventually(probe, 120)


def update(functions, name, **settings):  # noqa: F811
    functions.update_function_configuration(FunctionName=name, **settings)
    return settled(functions, name)


def cold(functions, name):  # noqa: F811
    """What a sandbox answers, or is refused with, that was started after now."""
    update(functions, name, Description=settled(functions, name)["RevisionId"])
    return invoke(functions, name)["Payload"]


def test_variables_are_under_the_key(client, functions, create, role):  # noqa: F811
    kms, key, runner = client("kms"), make_key(client, ROOT), role()
    long = "\n\"" * 1600
    name = create(key, runner, {"SECRET": "암호", "LONG": long}.items())
    shown = functions.get_function_configuration(FunctionName=name)
    assert shown["KMSKeyArn"] == key and shown["Environment"]["Variables"] == {"SECRET": "암호", "LONG": long}
    # The role itself may nothing: it has a grant, for this function's variables alone.
    assert invoke(functions, name)["Payload"] == "암호"
    [grant] = kms.list_grants(KeyId=key)["Grants"]
    assert grant["GranteePrincipal"] == runner and "Decrypt" in grant["Operations"]
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    assert grant["Constraints"] == {"EncryptionContextEquals": {"aws:lambda:FunctionArn": arn}}
    # A version keeps them as they were; nothing has changed, so there is no second one.
    version = functions.publish_version(FunctionName=name)
    assert version["KMSKeyArn"] == key and version["Environment"]["Variables"]["SECRET"] == "암호"
    assert functions.publish_version(FunctionName=name)["Version"] == version["Version"]
    settled(functions, f"{name}:{version['Version']}")
    assert invoke(functions, f"{name}:{version['Version']}")["Payload"] == "암호"
    functions.delete_function(FunctionName=name)
    assert kms.list_grants(KeyId=key)["Grants"] == []
    functions.create_function(
        FunctionName=name, Runtime="python3.11", Handler="main.handler", Role=runner, Code={"ZipFile": zipped({"main.py": SOURCE})}
    )


def test_keys_and_roles_change(client, functions, create, role):  # noqa: F811
    kms, first, second = client("kms"), make_key(client, ROOT), make_key(client, ROOT)
    name = create(first, role())
    changed = update(functions, name, KMSKeyArn=second)
    assert changed["KMSKeyArn"] == second and changed["Environment"]["Variables"] == {"SECRET": "암호"}
    # The first key is not needed any more.
    kms.disable_key(KeyId=first)
    assert cold(functions, name) == "암호"
    other = role()
    update(functions, name, Role=other)
    assert other in [grant["GranteePrincipal"] for grant in kms.list_grants(KeyId=second)["Grants"]]
    assert cold(functions, name) == "암호"
    update(functions, name, Environment={"Variables": {"SECRET": "neu"}})
    assert cold(functions, name) == "neu"
    changed = update(functions, name, KMSKeyArn="")
    assert "KMSKeyArn" not in changed and changed["Environment"]["Variables"] == {"SECRET": "neu"}
    kms.disable_key(KeyId=second)
    assert cold(functions, name) == "neu"


def test_a_key_that_cannot_be_used(client, functions, create):  # noqa: F811
    kms, key = client("kms"), make_key(client, ROOT)
    name = create(key)
    unable = "Lambda was unable to decrypt the environment variables because "
    kms.disable_key(KeyId=key)
    code, text = error_of(cold, functions=functions, name=name)
    assert code == "KMSDisabledException"
    assert text.startswith(f"{unable}the KMS key used is disabled. {PLEASE}DisabledExceptionKMS Message: "), text
    # Its settings can be seen, but not these.
    shown = functions.get_function_configuration(FunctionName=name)["Environment"]
    assert "Variables" not in shown and shown["Error"]["ErrorCode"] == "AccessDeniedException"
    kms.enable_key(KeyId=key)
    assert cold(functions, name) == "암호"
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    code, text = error_of(cold, functions=functions, name=name)
    assert code == "KMSInvalidStateException" and f"{PLEASE}KMSInvalidStateExceptionKMS Message: " in text, text
    kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
    # A policy that says no to the role of the function.
    deny = {"Effect": "Deny", "Principal": {"AWS": ROLE}, "Action": "kms:Decrypt", "Resource": "*"}
    kms.put_key_policy(KeyId=key, Policy=policy(ROOT, deny))
    code, text = error_of(cold, functions=functions, name=name)
    assert code == "KMSAccessDeniedException"
    assert text.startswith(f"{unable}KMS access was denied. {PLEASE}AccessDeniedExceptionKMS Message: User: "), text
    assert "is not authorized to perform: kms:Decrypt" in text


def test_who_may_not_use_the_key_sees_no_variables(client, functions, create, user):  # noqa: F811
    key = make_key(client, ROOT)
    name = create(key)
    _, own = user({"Effect": "Allow", "Action": ["lambda:*", "iam:PassRole"], "Resource": "*"})
    found = own("lambda").get_function(FunctionName=name)["Configuration"]
    assert found["KMSKeyArn"] == key and "Variables" not in found["Environment"]
    error = found["Environment"]["Error"]
    assert error["ErrorCode"] == "AccessDeniedException"
    assert error["Message"].startswith(
        "Lambda was unable to decrypt your environment variables because the KMS access was denied. Please check your "
        "KMS permissions. KMS Exception: AccessDeniedException KMS Message: User: "
    )
    listed = {one["FunctionName"]: one for one in own("lambda").list_functions()["Functions"]}
    assert "Error" in listed.get(name, found)["Environment"]
    # Nor may they set some.
    code, text = error_of(
        own("lambda").update_function_configuration, FunctionName=name, Environment={"Variables": {"SECRET": "mine"}}
    )
    assert code == "InvalidParameterValueException" and "KMS Exception: AccessDeniedException" in text
    # But invoke it.
    assert invoke(own("lambda"), name)["Payload"] == "암호"


@pytest.mark.parametrize(
    ("key", "exception"),
    [
        (f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000", "NotFoundException"),
        (f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/some", "InvalidArnException"),
    ],
)
def test_keys_that_are_none(create, key, exception):
    code, text = error_of(create, key=key)
    assert code == "InvalidParameterValueException"
    assert text.startswith(
        "Lambda was unable to configure access to your environment variables because the KMS key is invalid for "
        f"CreateGrant. Please check your KMS key settings. KMS Exception: {exception} KMS Message: "
    ), text

