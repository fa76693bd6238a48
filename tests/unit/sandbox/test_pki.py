"""Certificates: who they name, who accepts them, who may read the keys."""

import base64
import ssl
import stat
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import NameOID

from sandbox.errors import SandboxError
from sandbox.pki import Authority, kubeconfig, write_private


def test_a_client_is_its_user_and_groups(tmp_path: Path) -> None:
    """kube-apiserver reads the user from CN and the groups from O."""
    identity = Authority.create(tmp_path).client("alice", ["sre", "oncall"])
    subject = x509.load_pem_x509_certificate(identity.certificate).subject
    common = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    groups = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    assert [name.value for name in common] == ["alice"]
    assert [group.value for group in groups] == ["sre", "oncall"]


@pytest.mark.parametrize(
    ("user", "groups"), [("", []), ("x" * 65, []), ("bob", [""]), ("bob", ["y" * 65])]
)
def test_a_name_that_no_certificate_can_hold_is_refused(
    tmp_path: Path, user: str, groups: list[str]
) -> None:
    """X.509 bounds both: a sentence for who types `user NAME --group G`."""
    with pytest.raises(SandboxError, match="1 to 64 characters"):
        Authority.create(tmp_path).client(user, groups)


def test_both_sides_of_a_connection_accept_each_other(tmp_path: Path) -> None:
    """Python's strict chain checks stand for Go's: both sides demand a good certificate."""
    authority = Authority.create(tmp_path)
    for name, identity in (("server", authority.server()), ("client", authority.client("bob"))):
        (tmp_path / f"{name}.crt").write_bytes(identity.certificate)
        (tmp_path / f"{name}.key").write_bytes(identity.key)
    server_side = ssl.create_default_context(
        ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "ca.crt")
    )
    server_side.verify_mode = ssl.CERT_REQUIRED
    server_side.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    client_side = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    client_side.load_cert_chain(tmp_path / "client.crt", tmp_path / "client.key")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_side.wrap_bio(there, back, server_side=True)
    client = client_side.wrap_bio(back, there, server_hostname="127.0.0.1")
    for _ in range(4):
        for end in (client, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert server.getpeercert() is not None
    assert client.getpeercert() is not None


def test_an_authority_can_be_loaded_again(tmp_path: Path) -> None:
    """`user` signs long after `up`, in another process."""
    made = Authority.create(tmp_path)
    assert Authority.load(tmp_path).pem == made.pem


def test_without_an_authority_there_is_no_sandbox(tmp_path: Path) -> None:
    """The message is for somebody who gave a wrong --dir."""
    with pytest.raises(SandboxError, match="no sandbox here"):
        Authority.load(tmp_path)


def test_a_kubeconfig_holds_everything_itself(tmp_path: Path) -> None:
    """It can be printed, copied and used from anywhere."""
    authority = Authority.create(tmp_path)
    identity = authority.client("alice")
    content = yaml.safe_load(kubeconfig("https://127.0.0.1:1", authority, "alice", identity))
    (cluster,), (user,) = content["clusters"], content["users"]
    assert cluster["cluster"]["server"] == "https://127.0.0.1:1"
    held = base64.b64decode(cluster["cluster"]["certificate-authority-data"])
    assert held == authority.pem
    assert base64.b64decode(user["user"]["client-key-data"]) == identity.key
    assert content["current-context"] == content["contexts"][0]["name"]


def test_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    """Other users of the machine must not become cluster administrators."""
    Authority.create(tmp_path)
    write_private(tmp_path / "token", b"one")
    write_private(tmp_path / "token", b"two")
    assert (tmp_path / "token").read_bytes() == b"two"
    for name in ("ca.key", "token"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".*"))
