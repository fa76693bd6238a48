"""What kubectl shows of the custom resources: strict acceptance, columns, selectors, names."""

import subprocess
from typing import Any

import pytest

from sandbox.toolchain import kubectl_path
from tests.integration.api.installing import manifests, path_of
from tests.integration.api.kubeapi import GROUP_ROOT, KubeApi, path
from tests.integration.api.life import EVICT, Life

DEFINITIONS = manifests("crds")
KIND_NAMES = [definition["spec"]["names"]["kind"] for definition in DEFINITIONS]
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


@pytest.mark.parametrize(
    "definition", manifests("crds"), ids=lambda crd: crd["spec"]["names"]["kind"]
)
def test_crd_passes_strict_validation(kube: KubeApi, definition: dict[str, Any]) -> None:
    """Nothing in it is unknown to the API server, structural, and every rule within its cost."""
    renamed = as_another_group(definition)
    query = {"dryRun": "All", "fieldValidation": "Strict"}
    root = path_of(renamed).rsplit("/", 1)[0]
    kube.call("POST", root, renamed, query=query).ok()


def as_another_group(definition: dict[str, Any]) -> dict[str, Any]:
    """Return it under a name that is not installed, so that it can be created."""
    group = "strict.example.org"
    spec = {**definition["spec"], "group": group}
    metadata = {"name": f"{spec['names']['plural']}.{group}"}
    return {**definition, "metadata": metadata, "spec": spec}


@pytest.mark.parametrize(
    "definition", manifests("crds"), ids=lambda crd: crd["spec"]["names"]["kind"]
)
def test_crd_is_accepted_by_the_api_server(kube: KubeApi, definition: dict[str, Any]) -> None:
    """No condition says that names clash or that the schema is not structural."""
    stored = kube.call("GET", path_of(definition)).ok()
    conditions = {item["type"]: item["status"] for item in stored["status"]["conditions"]}
    assert conditions["NamesAccepted"] == "True"
    assert conditions["Established"] == "True"
    assert "NonStructuralSchema" not in conditions


def table(kube: KubeApi, at: str, **query: str) -> dict[str, Any]:
    return kube.call("GET", at, accept=TABLE, query=query).ok()


def columns(listed: dict[str, Any], *, wide: bool) -> list[str]:
    return [
        column["name"].upper()
        for column in listed["columnDefinitions"]
        if wide or column["priority"] == 0
    ]


def test_columns_of_a_proposal(kube: KubeApi, life: Life) -> None:
    """One line answers what, how risky, how far, why not running."""
    proposal = life.assessed(tier="Medium")
    proposal.status(
        {
            "reason": "AwaitingApproval",
            "summary": "TransferLeader region 4 to store 2",
            "approvals": {"needed": 2, "given": 1, "missing": 1, "summary": "1/2"},
            "effectiveDryRun": True,
            "expiresAt": "2030-01-01T00:00:00.000Z",
        }
    ).ok()
    listed = table(kube, path("actionproposals"), fieldSelector=f"metadata.name={proposal.name}")
    narrow = ["NAME", "STATUS", "REASON", "ACTION", "TIER", "APPROVALS", "CLUSTER", "AGE"]
    assert columns(listed, wide=False) == narrow
    assert {"DRY-RUN", "EXPIRES"} <= set(columns(listed, wide=True))
    row = dict(zip(columns(listed, wide=True), listed["rows"][0]["cells"], strict=True))
    assert row["STATUS"] == "Pending"
    assert row["REASON"] == "AwaitingApproval"
    assert row["ACTION"] == "TransferLeader region 4 to store 2"
    assert row["TIER"] == "Medium"
    assert row["APPROVALS"] == "1/2"
    assert row["DRY-RUN"] is True
    assert row["CLUSTER"] == "prod"
    assert row["EXPIRES"] == "2030-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    ("plural", "expected"),
    [
        ("tikvclusters", ["NAME", "STATUS", "MODE", "DRY-RUN", "PD", "AGE"]),
        ("halts", ["NAME", "REASON", "AGE"]),
    ],
)
def test_columns_of_the_others(kube: KubeApi, plural: str, expected: list[str]) -> None:
    """The narrow view fits a terminal."""
    assert columns(table(kube, f"{GROUP_ROOT}/{plural}"), wide=False) == expected


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("spec.clusterRef.name=selected", True),
        ("spec.clusterRef.name=other", False),
        ("spec.action.type=EvictLeaders,spec.clusterRef.name=selected", True),
        ("spec.action.type=TransferLeader,spec.clusterRef.name=selected", False),
        ("status.phase=Pending,spec.clusterRef.name=selected", True),
        ("status.phase=Failed,spec.clusterRef.name=selected", False),
    ],
)
def test_proposals_are_selected_by_field(
    kube: KubeApi, life: Life, selector: str, *, found: bool
) -> None:
    """Lists stay cheap on the server: by cluster, type and phase."""
    proposal = life.assessed(clusterRef={"name": "selected"}, action=EVICT)
    listed = kube.call("GET", path("actionproposals"), query={"fieldSelector": selector}).ok()
    names = [item["metadata"]["name"] for item in listed["items"]]
    assert (proposal.name in names) is found
    proposal.delete(by=life.administrator).ok()


def kubectl(kube: KubeApi, *arguments: str) -> str:
    command = [str(kubectl_path()), f"--kubeconfig={kube.server.kubeconfig}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["ap", "tikvc", "halts", "assent"])
def test_kubectl_knows_the_short_names(kube: KubeApi, name: str) -> None:
    """`kubectl get assent` shows all kinds, as the category promises."""
    kubectl(kube, "get", name, "-A")


def test_kubectl_explains_fields(kube: KubeApi) -> None:
    """Descriptions come from the models and reach whoever asks kubectl."""
    said = kubectl(kube, "explain", "actionproposal.spec.approvals.digest")
    assert "An Approve needs it, a Reject does not." in " ".join(said.split())
