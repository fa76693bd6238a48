"""Kubeconfigs of whoever is to be played: one identity each, and never another's."""

import base64
import itertools
from pathlib import Path

import pytest
import yaml
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.identities import _file_name, kubeconfig_file, kubeconfig_text
from sandbox.layout import Layout
from tests.support.examples import examples
from tests.unit.sandbox.fake_supervisor import with_certificates

SERVER = "https://127.0.0.1:6443"
# They look the same where what a file name cannot hold is replaced.
ALIKE: list[tuple[str, list[str]]] = [
    ("a:b", []),
    ("a/b", []),
    ("a_b", []),
    ("a", ["b"]),
    ("a+b", []),
    ("a", ["b", "c"]),
    ("a", ["b+c"]),
    ("a", ["b_c"]),
]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return with_certificates(Layout(tmp_path))


def subject(kubeconfig: str) -> tuple[str, set[str]]:
    """Whom the API server takes the holder of the certificate for."""
    (user,) = yaml.safe_load(kubeconfig)["users"]
    data = base64.b64decode(user["user"]["client-certificate-data"])
    name = x509.load_pem_x509_certificate(data).subject
    (common,) = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    groups = name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(common.value), {str(one.value) for one in groups}


def test_the_certificate_names_user_and_groups(layout: Layout) -> None:
    """CN and O are what the API server reads."""
    assert subject(kubeconfig_text(layout, SERVER, "alice", ["sre", "oncall"])) == (
        "alice",
        {"sre", "oncall"},
    )


def test_it_leads_to_this_server_and_trusts_only_it(layout: Layout) -> None:
    """Another sandbox's API server must not be reached by mistake."""
    document = yaml.safe_load(kubeconfig_text(layout, SERVER, "alice"))
    (cluster,) = document["clusters"]
    assert cluster["cluster"]["server"] == SERVER
    trusted = base64.b64decode(cluster["cluster"]["certificate-authority-data"])
    assert trusted == (layout.pki / "ca.crt").read_bytes()
    assert document["current-context"] == document["contexts"][0]["name"]


def test_identities_that_look_alike_have_files_of_their_own(layout: Layout) -> None:
    """Else whoever comes second acts with the rights of the first."""
    made = [kubeconfig_file(layout, SERVER, user, groups) for user, groups in ALIKE]
    assert len(set(made)) == len(ALIKE)
    for (user, groups), path in zip(ALIKE, made, strict=True):
        assert subject(path.read_text()) == (user, set(groups))


def test_the_same_identity_has_one_file(layout: Layout) -> None:
    """Made once; a second certificate would cost a key."""
    first = kubeconfig_file(layout, SERVER, "alice", ["sre"])
    content = first.read_bytes()
    assert kubeconfig_file(layout, SERVER, "alice", ["sre"]) == first
    assert first.read_bytes() == content


def test_people_recognize_the_file(layout: Layout) -> None:
    """They are listed and copied by hand."""
    assert kubeconfig_file(layout, SERVER, "alice", ["sre"]).name.startswith("alice_sre-")


@settings(max_examples=examples(60), deadline=None)
@given(users=st.lists(st.text(min_size=1, max_size=300), min_size=2, max_size=4, unique=True))
def test_no_two_users_share_a_file_name(users: list[str]) -> None:
    """Whatever they are called, and the name fits into a directory."""
    for one, other in itertools.combinations(users, 2):
        assert _file_name(one, []) != _file_name(other, [])
    for user in users:
        name = _file_name(user, [])
        assert len(name.encode()) <= 255
        assert "/" not in name
        assert name not in (".", "..")
