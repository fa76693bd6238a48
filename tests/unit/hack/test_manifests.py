"""The generated manifests: whole pairs, in the release's namespace, in the tree's own style."""

from pathlib import Path

import pytest
import yaml

from assent.api.admission import policies
from assent.api.meta import OPERATOR_NAMESPACE, OPERATOR_SERVICE_ACCOUNT
from hack.generate import ROOT
from hack.manifests import as_yaml, manifests

ADMISSION = sorted(
    path for path in (ROOT / "deploy/admission").glob("*.yaml") if path.name != "kustomization.yaml"
)
TEMPLATES = sorted(
    path
    for kind in ("admission", "rbac")
    for path in (ROOT / "helm/assent/templates").glob(f"{kind}-*.yaml")
)


@pytest.mark.parametrize("path", ADMISSION, ids=lambda path: path.stem)
def test_every_policy_stands_beside_its_binding(path: Path) -> None:
    """A policy without a binding enforces nothing, and one that only warns lets all pass."""
    policy, binding = yaml.safe_load_all(path.read_text())
    assert policy["kind"] == "ValidatingAdmissionPolicy"
    assert binding["kind"] == "ValidatingAdmissionPolicyBinding"
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    assert "Deny" in binding["spec"]["validationActions"]
    assert policy["spec"]["failurePolicy"] == "Fail"


def test_what_is_shipped_is_what_the_operator_compares_with() -> None:
    """The gate test at start reads the same documents; a difference would stop all execution."""
    shipped = policies(namespace=OPERATOR_NAMESPACE, service_account=OPERATOR_SERVICE_ACCOUNT)
    written = {
        (document["kind"], document["metadata"]["name"]): document
        for path in ADMISSION
        for document in yaml.safe_load_all(path.read_text())
    }
    assert len(written) == len(shipped)
    for document in shipped:
        assert written[document["kind"], document["metadata"]["name"]] == document


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_the_charts_copies_follow_the_namespace_of_the_release(path: Path) -> None:
    """Somebody installs it elsewhere; a fixed namespace would fence nobody."""
    text = path.read_text()
    assert f"namespace: {OPERATOR_NAMESPACE}" not in text
    assert "RELEASE-NAMESPACE" not in text


def test_the_charts_roles_are_those_of_the_tree(tmp_path: Path) -> None:
    """All files but the kustomization, each under its own name."""
    rbac = tmp_path / "deploy/rbac"
    rbac.mkdir(parents=True)
    (rbac / "kustomization.yaml").write_text("resources: []\n")
    (rbac / "lease.yaml").write_text(f"metadata:\n  namespace: {OPERATOR_NAMESPACE}\n")
    made = {path: text for path, text in manifests(tmp_path).items() if "/rbac-" in path}
    assert list(made) == ["helm/assent/templates/rbac-lease.yaml"]
    assert made["helm/assent/templates/rbac-lease.yaml"].endswith(
        "metadata:\n  namespace: {{ .Release.Namespace }}\n"
    )


def test_yaml_is_as_people_write_it() -> None:
    """Lists indented, keys in their order, no anchors, signs as they are."""
    twice = {"b": 1, "a": ["é"]}
    assert as_yaml([{"one": twice, "two": twice}]) == (
        "one:\n  b: 1\n  a:\n    - é\ntwo:\n  b: 1\n  a:\n    - é\n"
    )


def test_several_documents_come_back_as_they_were() -> None:
    """Expressions of CEL hold colons, hashes, quotes and line breaks."""
    hard = [{"x": "a: b # c"}, {"x": 'it\'s "so"\n  and\n'}, {"x": ["", " ", "null", "1e3", "~"]}]
    assert list(yaml.safe_load_all(as_yaml(hard))) == hard
