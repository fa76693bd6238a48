"""Certificates of a sandbox: one authority, the API server's, and one for each identity."""

import base64
import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sandbox.errors import SandboxError

LONGEST_NAME = 64
"""X.520's bound of what kube-apiserver reads users and groups from."""

# Clocks differ, and a test may run for days; a sandbox does not.
BACKDATED = datetime.timedelta(hours=1)
LIFETIME = datetime.timedelta(days=30)
# The group that RBAC lets do everything.
ADMINISTRATORS = "system:masters"


@dataclass(frozen=True)
class Identity:
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True)
class Authority:
    """Signs certificates. Its files are `ca.crt` and `ca.key` in a `pki` directory."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def create(cls, directory: Path) -> "Authority":
        """A new authority whose files are written to `directory`."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("assent-sandbox", [])
        certificate = (
            _builder(name, name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        (directory / "ca.crt").write_bytes(_certificate_pem(certificate))
        write_private(directory / "ca.key", _key_pem(key))
        return cls(certificate, key)

    @classmethod
    def load(cls, directory: Path) -> "Authority":
        """The authority whose files are in `directory`.

        Raises:
            SandboxError: they are not there.
        """
        try:
            certificate = x509.load_pem_x509_certificate((directory / "ca.crt").read_bytes())
            key = serialization.load_pem_private_key((directory / "ca.key").read_bytes(), None)
        except FileNotFoundError as error:
            raise SandboxError(f"There is no sandbox here: {error.filename} is missing.") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise SandboxError(f"{directory / 'ca.key'} is not a key of this sandbox.")
        return cls(certificate, key)

    @property
    def pem(self) -> bytes:
        """The authority's own certificate."""
        return _certificate_pem(self.certificate)

    def client(self, user: str, groups: Sequence[str] = ()) -> Identity:
        """A new identity that the API server knows as `user`, a member of `groups`.

        Raises:
            SandboxError: a certificate cannot hold one of the names.
        """
        return self._issue(_name(user, groups), [ExtendedKeyUsageOID.CLIENT_AUTH], [])

    def server(self) -> Identity:
        """A certificate for a server on loopback."""
        names: list[x509.GeneralName] = [
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            x509.DNSName("localhost"),
            x509.DNSName("kubernetes.default.svc"),
        ]
        return self._issue(_name("kube-apiserver", []), [ExtendedKeyUsageOID.SERVER_AUTH], names)

    def _issue(
        self,
        subject: x509.Name,
        usages: Sequence[x509.ObjectIdentifier],
        names: Sequence[x509.GeneralName],
    ) -> Identity:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(subject, self.certificate.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return Identity(_certificate_pem(builder.sign(self.key, hashes.SHA256())), _key_pem(key))


def new_signing_key() -> tuple[bytes, bytes]:
    """A private and a public key (PEM) for service account tokens."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return _key_pem(key), public


def kubeconfig(server: str, authority: Authority, user: str, identity: Identity) -> str:
    """A kubeconfig (YAML) with which `user` reaches the API server at the URL `server`."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": "sandbox",
                "cluster": {"server": server, "certificate-authority-data": _b64(authority.pem)},
            }
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": _b64(identity.certificate),
                    "client-key-data": _b64(identity.key),
                },
            }
        ],
        "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": user}}],
        "current-context": "sandbox",
    }
    return yaml.safe_dump(content, sort_keys=False)


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    partial.write_bytes(content)
    partial.replace(path)


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _name(common: str, organizations: Sequence[str]) -> x509.Name:
    for name in (common, *organizations):
        if not 1 <= len(name) <= LONGEST_NAME:
            raise SandboxError(
                f"Users and groups have names of 1 to {LONGEST_NAME} characters, for they stand "
                f"in a certificate; this has {len(name)}: {name!r}"
            )
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, name) for name in organizations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _certificate_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
