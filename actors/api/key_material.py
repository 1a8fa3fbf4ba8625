"""What a key pair is made of: which public keys are any, and pairs that are made here. Pure but for the randomness.

Called by `keypairs.py`. A key that is sent is kept as it was sent, whatever is read from it here.
"""

from __future__ import annotations

import warnings
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_public_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from actors.api.validation import key_fault
from actors.errors import CallerFault, bad_request

RSA_BITS = 2_048
VALID_FOR = timedelta(days=3_650)
COMMON_NAME_LIMIT = 64  # characters, RFC 5280
PRINCIPAL_NAME = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")  # of a Windows user, whom the certificate lets in by WinRM
UTF8_STRING = 0x0C  # ASN.1's tag
NO_KEY = "Keypair data is invalid: failed to generate fingerprint"


def ssh_key_fault(public_key: str) -> CallerFault | None:
    """Anything but one public key of OpenSSH's; '' passes."""
    fault = key_fault("public_key", public_key)
    if fault is not None or not public_key:
        return fault
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CryptographyDeprecationWarning)  # DSA is still a key
            load_ssh_public_key(public_key.encode())
    except UnsupportedAlgorithm:  # certificates of keys that are in hardware
        return None if _says_its_type(public_key) else bad_request("public_key", NO_KEY)
    except ValueError:
        return bad_request("public_key", NO_KEY)
    return None


def _says_its_type(public_key: str) -> bool:
    """A key's data begins with the name of its type, after four bytes of its length (RFC 4253, 6.6)."""
    name, data = public_key.split()[:2]
    try:
        return b64decode(data, validate=True).startswith(len(name).to_bytes(4, "big") + name.encode())
    except NotBase64:
        return False


def certificate_fault(certificate: str) -> CallerFault | None:
    """Anything but an X.509 certificate in PEM form; '' passes."""
    try:
        if certificate:
            x509.load_pem_x509_certificate(certificate.encode())
    except ValueError:
        return bad_request("public_key", "Keypair data is invalid: it is no certificate in PEM form")
    return None


def new_ssh_key() -> tuple[str, str]:
    """Public, private."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return f"{public} Generated-by-novaray", private


def new_certificate(user_id: str, at: float) -> tuple[str, str]:
    """For WinRM: a certificate that its user signed himself, and both halves as PKCS#12 in base64, as Nova has them."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=RSA_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, user_id[:COMMON_NAME_LIMIT])])
    since = datetime.fromtimestamp(at, UTC)
    principal = x509.OtherName(PRINCIPAL_NAME, _utf8_string(f"{user_id}@localhost"))
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), since, since + VALID_FOR)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([principal]), critical=False)
        .sign(key, SHA256())
    )
    bundle = serialize_key_and_certificates(None, key, certificate, None, NoEncryption())
    return certificate.public_bytes(Encoding.PEM).decode(), b64encode(bundle).decode()


def _utf8_string(text: str) -> bytes:
    """In DER; its length in one byte up to 127 and in more after that."""
    data = text.encode()
    size = bytes([len(data)])
    if len(data) > 127:
        length = len(data).to_bytes((len(data).bit_length() + 7) // 8, "big")
        size = bytes([0x80 | len(length)]) + length
    return bytes([UTF8_STRING]) + size + data
