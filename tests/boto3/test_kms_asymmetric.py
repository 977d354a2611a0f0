"""What KMS signs, encrypts, agrees on and takes in, checked with another library."""

import datetime
import hashlib
import hmac
import os

import pytest
from conftest import error_of
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
MESSAGE = b"to whom it may concern"


@pytest.fixture
def kms(client):
    return client("kms")


def make(kms, spec, usage, **arguments):
    return kms.create_key(KeySpec=spec, KeyUsage=usage, **arguments)["KeyMetadata"]


def public_key(kms, key):
    answer = kms.get_public_key(KeyId=key["KeyId"])
    assert answer["KeyId"] == key["Arn"] and answer["KeySpec"] == key["KeySpec"]
    return serialization.load_der_public_key(answer["PublicKey"])


def check_signature(public, algorithm, signature, message, digest=None):
    """Raises InvalidSignature. `digest`: the message's, when that was signed."""
    if algorithm.startswith("ED25519_SHA"):
        return public.verify(signature, message)
    kind = HASHES[algorithm[-3:]]
    what, kind = (digest, utils.Prehashed(kind)) if digest else (message, kind)
    if algorithm.startswith("ECDSA"):
        return public.verify(signature, what, ec.ECDSA(kind))
    scheme = padding.PKCS1v15()
    if "PSS" in algorithm:
        plain = HASHES[algorithm[-3:]]
        scheme = padding.PSS(padding.MGF1(plain), plain.digest_size)
    return public.verify(signature, what, scheme, kind)


@pytest.mark.parametrize(
    "spec",
    ["RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519"],
)
def test_signatures(kms, spec):
    key = make(kms, spec, "SIGN_VERIFY")
    public = public_key(kms, key)
    for algorithm in key["SigningAlgorithms"]:
        arguments = {"KeyId": key["KeyId"], "SigningAlgorithm": algorithm}
        kind = hashlib.new("sha" + algorithm[-3:])
        kind.update(MESSAGE)
        inputs = [("RAW", MESSAGE), ("DIGEST", kind.digest())]
        if algorithm.startswith("ED25519"):
            inputs = inputs[1:] if "PH" in algorithm else inputs[:1]
        for form, message in inputs:
            made = kms.sign(Message=message, MessageType=form, **arguments)
            assert made["KeyId"] == key["Arn"] and made["SigningAlgorithm"] == algorithm
            if "PH" not in algorithm:
                check_signature(public, algorithm, made["Signature"], MESSAGE)
                with pytest.raises(InvalidSignature):
                    check_signature(public, algorithm, made["Signature"], b"other")
            answer = kms.verify(Message=message, MessageType=form, Signature=made["Signature"], **arguments)
            assert answer["SignatureValid"] is True
            changed = bytes([message[0] ^ 1]) + message[1:]
            refused = error_of(
                kms.verify, Message=changed, MessageType=form, Signature=made["Signature"], **arguments
            )
            assert refused == ("KMSInvalidSignatureException", "")
        if len(inputs) == 2:
            assert error_of(kms.sign, Message=b"short", MessageType="DIGEST", **arguments) == (
                "ValidationException",
                f"Digest is invalid length for algorithm {algorithm}.",
            )


@pytest.mark.parametrize("spec", ["ML_DSA_44", "ML_DSA_65", "ML_DSA_87"])
def test_ml_dsa_by_message_and_by_mu(kms, spec):
    """μ as FIPS 204 has it, with an empty context: what signs one verifies as the other."""
    key = make(kms, spec, "SIGN_VERIFY")
    public = kms.get_public_key(KeyId=key["KeyId"])["PublicKey"]
    raw = public[-{"44": 1312, "65": 1952, "87": 2592}[spec[-2:]] :]
    mu = hashlib.shake_256(hashlib.shake_256(raw).digest(64) + b"\0\0" + MESSAGE).digest(64)
    arguments = {"KeyId": key["KeyId"], "SigningAlgorithm": "ML_DSA_SHAKE_256"}
    forms = {"RAW": MESSAGE, "EXTERNAL_MU": mu}
    for signed in forms:
        signature = kms.sign(Message=forms[signed], MessageType=signed, **arguments)["Signature"]
        for verified in forms:
            answer = kms.verify(Message=forms[verified], MessageType=verified, Signature=signature, **arguments)
            assert answer["SignatureValid"], (signed, verified)
    assert error_of(kms.sign, Message=mu, MessageType="DIGEST", **arguments)[0] == "ValidationException"


@pytest.mark.parametrize("size", [2048, 4096])
def test_rsa_encryption(kms, size):
    key = make(kms, f"RSA_{size}", "ENCRYPT_DECRYPT")
    public = public_key(kms, key)
    for algorithm, kind in [("RSAES_OAEP_SHA_1", hashes.SHA1()), ("RSAES_OAEP_SHA_256", hashes.SHA256())]:
        longest = size // 8 - 2 * kind.digest_size - 2
        arguments = {"KeyId": key["KeyId"], "EncryptionAlgorithm": algorithm}
        ours = kms.encrypt(Plaintext=b"x" * longest, **arguments)["CiphertextBlob"]
        theirs = public.encrypt(b"theirs", padding.OAEP(padding.MGF1(kind), kind, None))
        assert kms.decrypt(CiphertextBlob=ours, **arguments)["Plaintext"] == b"x" * longest
        assert kms.decrypt(CiphertextBlob=theirs, **arguments)["Plaintext"] == b"theirs"
        assert error_of(kms.encrypt, Plaintext=b"x" * (longest + 1), **arguments) == (
            "ValidationException",
            f"Algorithm {algorithm} and key spec RSA_{size} cannot encrypt data larger than {longest} bytes.",
        )
        assert error_of(kms.decrypt, CiphertextBlob=ours[1:], **arguments) == ("InvalidCiphertextException", "")


@pytest.mark.parametrize("bits", ["224", "256", "384", "512"])
def test_macs(kms, bits):
    key = make(kms, f"HMAC_{bits}", "GENERATE_VERIFY_MAC")
    assert key["MacAlgorithms"] == [f"HMAC_SHA_{bits}"]
    arguments = {"KeyId": key["KeyId"], "MacAlgorithm": f"HMAC_SHA_{bits}", "Message": MESSAGE}
    made = kms.generate_mac(**arguments)["Mac"]
    assert len(made) == int(bits) // 8
    assert kms.verify_mac(Mac=made, **arguments)["MacValid"] is True
    assert error_of(kms.verify_mac, **{**arguments, "Message": b"other"}, Mac=made) == ("KMSInvalidMacException", "")
    other = "256" if bits != "256" else "512"
    assert error_of(kms.generate_mac, **{**arguments, "MacAlgorithm": f"HMAC_SHA_{other}"}) == (
        "InvalidKeyUsageException",
        f"Algorithm HMAC_SHA_{other} is incompatible with key spec HMAC_{bits}.",
    )


@pytest.mark.parametrize(
    "spec, curve", [("ECC_NIST_P256", ec.SECP256R1()), ("ECC_NIST_P384", ec.SECP384R1()), ("ECC_NIST_P521", ec.SECP521R1())]
)
def test_shared_secrets(kms, spec, curve):
    key = make(kms, spec, "KEY_AGREEMENT")
    mine = ec.generate_private_key(curve)
    encoded = mine.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    arguments = {"KeyId": key["KeyId"], "KeyAgreementAlgorithm": "ECDH"}
    answer = kms.derive_shared_secret(PublicKey=encoded, **arguments)
    assert answer["SharedSecret"] == mine.exchange(ec.ECDH(), public_key(kms, key))
    assert answer["KeyOrigin"] == "AWS_KMS"
    assert error_of(kms.derive_shared_secret, PublicKey=b"rubbish", **arguments) == ("ValidationException", "")


@pytest.mark.parametrize("size", ["512", "768", "1024"])
def test_ml_kem(kms, size):
    key = make(kms, f"ML_KEM_{size}", "ENCAPSULATE_DECAPSULATE")
    arguments = {"KeyId": key["KeyId"], "EncapsulationAlgorithm": "ML_KEM"}
    made = kms.encapsulate(**arguments)
    opened = kms.decapsulate(SharedSecretCiphertextBlob=made["SharedSecretCiphertextBlob"], **arguments)
    assert opened["SharedSecret"] == made["SharedSecret"] and len(made["SharedSecret"]) == 32


def test_usages_are_kept_apart(kms):
    sign, seal = make(kms, "ECC_NIST_P256", "SIGN_VERIFY"), kms.create_key()["KeyMetadata"]
    wrong = "InvalidKeyUsageException"
    assert error_of(kms.encrypt, KeyId=sign["KeyId"], Plaintext=b"x") == (
        wrong,
        f"{sign['Arn']} key usage is SIGN_VERIFY which is not valid for Encrypt.",
    )
    assert error_of(kms.sign, KeyId=seal["KeyId"], Message=b"x", SigningAlgorithm="ECDSA_SHA_256") == (
        wrong,
        f"{seal['Arn']} key usage is ENCRYPT_DECRYPT which is not valid for Sign.",
    )
    assert error_of(kms.sign, KeyId=sign["KeyId"], Message=b"x", SigningAlgorithm="ECDSA_SHA_384")[0] == wrong
    assert error_of(kms.get_public_key, KeyId=seal["KeyId"])[0] == "UnsupportedOperationException"


@pytest.mark.parametrize("spec", ["RSA_2048", "ECC_NIST_P256", "ECC_NIST_P521", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519"])
def test_data_key_pairs(kms, spec):
    key = kms.create_key()["KeyMetadata"]
    made = kms.generate_data_key_pair(KeyId=key["KeyId"], KeyPairSpec=spec, EncryptionContext={"a": "b"})
    private = serialization.load_der_private_key(made["PrivateKeyPlaintext"], None)
    encoded = private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert encoded == made["PublicKey"]
    opened = kms.decrypt(CiphertextBlob=made["PrivateKeyCiphertextBlob"], EncryptionContext={"a": "b"})
    assert opened["Plaintext"] == made["PrivateKeyPlaintext"]
    hidden = kms.generate_data_key_pair_without_plaintext(KeyId=key["KeyId"], KeyPairSpec=spec)
    assert "PrivateKeyPlaintext" not in hidden and hidden["PublicKey"] != made["PublicKey"]


def wrap(algorithm, public_der, material):
    """Wraps as a customer does who imports."""
    public = serialization.load_der_public_key(public_der)
    kind = hashes.SHA1() if algorithm.endswith("SHA_1") else hashes.SHA256()
    oaep = padding.OAEP(padding.MGF1(kind), kind, None)
    if algorithm.startswith("RSAES"):
        return public.encrypt(material, oaep)
    kek = os.urandom(32)
    return public.encrypt(kek, oaep) + keywrap.aes_key_wrap_with_padding(kek, material)


def take_in(kms, key_id, material, algorithm="RSAES_OAEP_SHA_256", **arguments):
    parameters = kms.get_parameters_for_import(KeyId=key_id, WrappingAlgorithm=algorithm, WrappingKeySpec="RSA_2048")
    arguments.setdefault("ExpirationModel", "KEY_MATERIAL_DOES_NOT_EXPIRE")
    return kms.import_key_material(
        KeyId=key_id,
        ImportToken=parameters["ImportToken"],
        EncryptedKeyMaterial=wrap(algorithm, parameters["PublicKey"], material),
        **arguments,
    )


WRAPPINGS = ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256"]


@pytest.mark.parametrize("algorithm", WRAPPINGS)
def test_imported_hmac_keys_are_what_was_imported(kms, algorithm):
    key = make(kms, "HMAC_256", "GENERATE_VERIFY_MAC", Origin="EXTERNAL")
    assert (key["KeyState"], key["Enabled"], key["Origin"]) == ("PendingImport", False, "EXTERNAL")
    material = os.urandom(32)
    take_in(kms, key["KeyId"], material, algorithm)
    made = kms.generate_mac(KeyId=key["KeyId"], Message=MESSAGE, MacAlgorithm="HMAC_SHA_256")["Mac"]
    assert made == hmac.digest(material, MESSAGE, "sha256")


def test_imported_private_keys(kms):
    def pkcs8(private):
        return private.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    for spec, private, algorithm, wrapping in [
        ("RSA_2048", rsa.generate_private_key(65537, 2048), "RSASSA_PSS_SHA_256", "RSA_AES_KEY_WRAP_SHA_256"),
        ("ECC_NIST_P384", ec.generate_private_key(ec.SECP384R1()), "ECDSA_SHA_384", "RSAES_OAEP_SHA_1"),
        ("ECC_SECG_P256K1", ec.generate_private_key(ec.SECP256K1()), "ECDSA_SHA_256", "RSAES_OAEP_SHA_256"),
        ("ECC_NIST_EDWARDS25519", ed25519.Ed25519PrivateKey.generate(), "ED25519_SHA_512", "RSAES_OAEP_SHA_256"),
    ]:
        key = make(kms, spec, "SIGN_VERIFY", Origin="EXTERNAL")
        take_in(kms, key["KeyId"], pkcs8(private), wrapping)
        signature = kms.sign(KeyId=key["KeyId"], Message=MESSAGE, SigningAlgorithm=algorithm)["Signature"]
        check_signature(private.public_key(), algorithm, signature, MESSAGE)
    wrong = make(kms, "ECC_NIST_P256", "SIGN_VERIFY", Origin="EXTERNAL")["KeyId"]
    other = pkcs8(ec.generate_private_key(ec.SECP384R1()))
    assert error_of(take_in, kms=kms, key_id=wrong, material=other, algorithm=WRAPPINGS[0])[0] == "IncorrectKeyMaterialException"


def test_imported_symmetric_key_its_whole_life(kms):
    key = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]
    key_id, arn = key["KeyId"], key["Arn"]
    pending = ("KMSInvalidStateException", f"{arn} is pending import.")
    assert error_of(kms.encrypt, KeyId=key_id, Plaintext=b"x") == pending
    material = os.urandom(32)
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=30)
    first = take_in(kms, key_id, material, ExpirationModel="KEY_MATERIAL_EXPIRES", ValidTo=soon)["KeyMaterialId"]
    described = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    assert described["ExpirationModel"] == "KEY_MATERIAL_EXPIRES" and abs((described["ValidTo"] - soon).total_seconds()) < 2
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"kept")["CiphertextBlob"]
    kms.delete_imported_key_material(KeyId=key_id)
    assert error_of(kms.decrypt, CiphertextBlob=blob) == pending
    assert error_of(take_in, kms=kms, key_id=key_id, material=os.urandom(32))[0] == "IncorrectKeyMaterialException"
    assert take_in(kms, key_id, material)["KeyMaterialId"] == first
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"
    assert error_of(kms.rotate_key_on_demand, KeyId=key_id) == (
        "KMSInvalidStateException",
        f"No available key material pending rotation for the key: {arn}.",
    )
    second = take_in(kms, key_id, os.urandom(32), ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
    assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["CurrentKeyMaterialId"] == first
    kms.rotate_key_on_demand(KeyId=key_id)
    assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["CurrentKeyMaterialId"] == second
    assert kms.decrypt(CiphertextBlob=blob)["KeyMaterialId"] == first
    assert error_of(kms.enable_key_rotation, KeyId=key_id) == (
        "UnsupportedOperationException",
        f"{arn} origin is EXTERNAL which is not valid for this operation.",
    )


def test_imports_that_are_refused(kms):
    own = kms.create_key()["KeyMetadata"]
    wanted = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
    assert error_of(kms.get_parameters_for_import, KeyId=own["KeyId"], **wanted) == (
        "UnsupportedOperationException",
        f"{own['Arn']} origin is AWS_KMS which is not valid for this operation.",
    )
    first, second = (kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"] for _ in range(2))
    parameters = kms.get_parameters_for_import(KeyId=first, **wanted)
    wrapped = wrap("RSAES_OAEP_SHA_256", parameters["PublicKey"], os.urandom(32))
    arguments = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE", "EncryptedKeyMaterial": wrapped}
    token = parameters["ImportToken"]
    refuse = kms.import_key_material
    assert error_of(refuse, KeyId=second, ImportToken=token, **arguments)[0] == "InvalidImportTokenException"
    assert error_of(refuse, KeyId=first, ImportToken=token[:-1], **arguments)[0] == "InvalidImportTokenException"
    arguments["EncryptedKeyMaterial"] = wrapped[:-1]
    assert error_of(refuse, KeyId=first, ImportToken=token, **arguments)[0] == "InvalidCiphertextException"
    del arguments["ExpirationModel"]
    assert error_of(refuse, KeyId=first, ImportToken=token, **arguments) == (
        "ValidationException",
        "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES",
    )
