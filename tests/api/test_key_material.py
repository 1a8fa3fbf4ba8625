"""Which public keys are any, and what pairs are made of."""

from __future__ import annotations

from base64 import b64decode, b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates
from cryptography.hazmat.primitives.serialization.ssh import SSHCertificateBuilder, SSHCertificateType
from cryptography.x509 import ExtendedKeyUsage, load_pem_x509_certificate

from actors.api.key_material import certificate_fault, new_certificate, new_ssh_key, ssh_key_fault

NOW = 1_700_000_000.0


def line(key: Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def on_the_wire(*fields: bytes) -> str:
    """RFC 4251's strings, in base64."""
    return b64encode(b"".join(len(field).to_bytes(4, "big") + field for field in fields)).decode()


def certified() -> str:
    own = Ed25519PrivateKey.generate()
    builder = SSHCertificateBuilder().public_key(own.public_key()).serial(1).type(SSHCertificateType.USER)
    builder = builder.key_id(b"me").valid_principals([b"me"]).valid_after(0).valid_before(2**40)
    return builder.sign(Ed25519PrivateKey.generate()).public_bytes().decode()


def in_hardware(name: str, *fields: bytes) -> str:
    return f"{name} {on_the_wire(name.encode(), *fields, b'ssh:')}"


ED25519 = Ed25519PrivateKey.generate()
POINT = ec.generate_private_key(ec.SECP256R1()).public_key()
KEYS = {
    "ed25519": line(ED25519),
    "with a comment and a line's end": f"{line(ED25519)} ann@host of hers\n",
    "rsa": line(rsa.generate_private_key(public_exponent=65_537, key_size=2_048)),
    "nistp256": line(ec.generate_private_key(ec.SECP256R1())),
    "nistp521": line(ec.generate_private_key(ec.SECP521R1())),
    "certificate": certified(),
    "sk ed25519": in_hardware("sk-ssh-ed25519@openssh.com", ED25519.public_key().public_bytes_raw()),
    "sk nistp256": in_hardware(
        "sk-ecdsa-sha2-nistp256@openssh.com",
        b"nistp256",
        POINT.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
    ),
    "sk certificate": in_hardware("sk-ssh-ed25519-cert-v01@openssh.com", b"nonce"),
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_every_key_of_openssh_is_one(key: str) -> None:
    assert ssh_key_fault(key) is None


JUNK = {
    "no base64": "ssh-rsa JUNK nova@ubuntu",
    "base64 that is no key": f"ssh-rsa {'A' * 2048} openstack@ubuntu",
    "another type's data": f"ssh-rsa {line(ED25519).split()[1]}",
    "cut off": line(ED25519)[:-8],
    "no data": "ssh-ed25519",
    "no type": line(ED25519).split()[1],
    "no such type": f"ssh-ed448 {on_the_wire(b'ssh-ed448', bytes(57))}",
    "two": f"{line(ED25519)}\n{line(ED25519)}",
    "hardware's that is not what it says": f"sk-ssh-ed25519-cert-v01@openssh.com {on_the_wire(b'ssh-rsa', b'nonce')}",
    "not ascii": "ssh-rsa ÄÖÜ",
}


@pytest.mark.parametrize("key", JUNK.values(), ids=JUNK)
def test_what_is_no_key_is_refused(key: str) -> None:
    fault = ssh_key_fault(key)
    assert fault is not None and fault.status == 400


def test_a_pair_for_ssh_fits() -> None:
    public, private = new_ssh_key()
    key = load_ssh_private_key(private.encode(), None)
    assert isinstance(key, Ed25519PrivateKey) and line(key) == " ".join(public.split()[:2])


@pytest.mark.parametrize("user_id", ["ann", "u" * 200], ids=["short", "long"])
def test_a_certificate_names_its_user_and_comes_with_its_key(user_id: str) -> None:
    public, private = new_certificate(user_id, NOW)
    assert certificate_fault(public) is None
    certificate = load_pem_x509_certificate(public.encode())
    key, same, _ = load_key_and_certificates(b64decode(private), None)
    assert key is not None and key.public_key() == certificate.public_key() and same == certificate
    certificate.verify_directly_issued_by(certificate)
    assert certificate.extensions.get_extension_for_class(ExtendedKeyUsage).value
    assert f"{user_id}@localhost".encode() in certificate.public_bytes(Encoding.DER)


def test_no_certificate() -> None:
    for text in ("no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", line(ED25519)):
        assert certificate_fault(text) is not None
