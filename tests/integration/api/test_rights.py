"""What RBAC gives: the operator the least it needs, people what their role says, and no more."""

from typing import Any

import pytest

from tests.integration.api.installing import manifests, path_of
from tests.integration.api.kubeapi import ADMIN, GROUP_ROOT, KubeApi, Who, path
from tests.integration.api.life import Life
from tests.integration.api.people import ALICE, CONNY, MALLORY, OLA, OTTO, SAM, VERA

OPERATOR = Who(
    "system:serviceaccount:assent-system:assent",
    ("system:serviceaccounts", "system:serviceaccounts:assent-system", "system:authenticated"),
)
OURS = "assent.tikv.org"
LEASES = "coordination.k8s.io"
ADMISSION = "admissionregistration.k8s.io"

Right = tuple[str, str, str, str, str]
"""verb, group, resource (with subresource), namespace, name."""


def may(kube: KubeApi, who: Who, right: Right) -> bool:
    verb, group, resource, namespace, name = right
    plural, _, subresource = resource.partition("/")
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": who.user,
            "groups": list(who.groups),
            "resourceAttributes": {
                "verb": verb,
                "group": group,
                "resource": plural,
                "subresource": subresource,
                "namespace": namespace,
                "name": name,
            },
        },
    }
    answer = kube.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return bool(answer.ok()["status"]["allowed"])


OPERATOR_MAY: list[Right] = [
    *[
        (verb, OURS, plural, "tikv", "")
        for plural in ("tikvclusters", "actionproposals")
        for verb in ("get", "list", "watch")
    ],
    *[(verb, OURS, "halts", "", "") for verb in ("get", "list", "watch")],
    ("create", OURS, "actionproposals", "tikv", ""),
    ("patch", OURS, "actionproposals/status", "tikv", "x"),
    ("patch", OURS, "tikvclusters/status", "tikv", "x"),
    ("create", LEASES, "leases", "assent-system", ""),
    ("get", LEASES, "leases", "assent-system", "assent"),
    ("watch", LEASES, "leases", "assent-system", "assent"),
    ("patch", LEASES, "leases", "assent-system", "assent"),
    ("create", "", "events", "tikv", ""),
    ("patch", "", "events", "tikv", "x"),
    ("get", "", "pods", "assent-system", "x"),
    ("list", ADMISSION, "validatingadmissionpolicies", "", ""),
    ("list", ADMISSION, "validatingadmissionpolicybindings", "", ""),
    *[
        ("get", "apiextensions.k8s.io", "customresourcedefinitions", "", f"{plural}.{OURS}")
        for plural in ("actionproposals", "halts", "tikvclusters")
    ],
    ("get", "pingcap.com", "tidbclusters", "tikv", "x"),
    ("get", "core.pingcap.com", "clusters", "tikv", "x"),
]

OPERATOR_MAY_NOT: list[Right] = [
    *[
        (verb, OURS, "actionproposals", "tikv", "x")
        for verb in ("update", "patch", "delete", "deletecollection")
    ],
    *[
        (verb, OURS, f"actionproposals/{tier}", "tikv", "TransferLeader")
        for tier in ("low", "medium", "high", "critical")
        for verb in ("approve", "reject", "resolve", "break-glass")
    ],
    *[
        (verb, OURS, "tikvclusters", "tikv", "x")
        for verb in ("create", "update", "patch", "delete")
    ],
    ("configure", OURS, "tikvclusters/policy", "tikv", "x"),
    *[(verb, OURS, "halts", "", "x") for verb in ("create", "update", "patch", "delete")],
    *[
        (verb, ADMISSION, plural, "", "x")
        for plural in ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
        for verb in ("create", "update", "patch", "delete")
    ],
    ("patch", LEASES, "leases", "assent-system", "another"),
    ("delete", LEASES, "leases", "assent-system", "assent"),
    ("patch", LEASES, "leases", "kube-system", "assent"),
    *[("get", "", "secrets", namespace, "x") for namespace in ("tikv", "assent-system")],
    ("list", "", "secrets", "tikv", ""),
    ("list", "", "pods", "assent-system", ""),
    ("get", "", "pods", "tikv", "x"),
    ("delete", "", "pods", "tikv", "x"),
    ("patch", "pingcap.com", "tidbclusters", "tikv", "x"),
    ("patch", "core.pingcap.com", "clusters", "tikv", "x"),
    ("impersonate", "", "users", "", "alice"),
    ("escalate", "rbac.authorization.k8s.io", "clusterroles", "", "x"),
    ("patch", "apiextensions.k8s.io", "customresourcedefinitions", "", f"actionproposals.{OURS}"),
    ("get", "apiextensions.k8s.io", "customresourcedefinitions", "", "x"),
]


@pytest.mark.parametrize("right", OPERATOR_MAY, ids=" ".join)
def test_operator_has_what_it_needs(kube: KubeApi, right: Right) -> None:
    """Each of these is a call that the operator makes."""
    assert may(kube, OPERATOR, right)


@pytest.mark.parametrize("right", OPERATOR_MAY_NOT, ids=" ".join)
def test_operator_has_no_more(kube: KubeApi, right: Right) -> None:
    """Whoever steals its token can approve nothing, loosen nothing and read no secret."""
    assert not may(kube, OPERATOR, right)


PEOPLE: list[tuple[Who, Right, bool]] = [
    (VERA, ("list", OURS, "actionproposals", "tikv", ""), True),
    (VERA, ("create", OURS, "actionproposals", "tikv", ""), False),
    (VERA, ("patch", OURS, "actionproposals", "tikv", "x"), False),
    (SAM, ("create", OURS, "actionproposals", "tikv", ""), True),
    (SAM, ("delete", OURS, "actionproposals", "tikv", "x"), True),
    (SAM, ("patch", OURS, "tikvclusters", "tikv", "x"), True),
    (SAM, ("delete", OURS, "tikvclusters", "tikv", "x"), False),
    (SAM, ("configure", OURS, "tikvclusters/policy", "tikv", "x"), False),
    (SAM, ("approve", OURS, "actionproposals/low", "tikv", "TransferLeader"), False),
    (SAM, ("patch", OURS, "actionproposals/status", "tikv", "x"), False),
    (ALICE, ("approve", OURS, "actionproposals/low", "tikv", "EvictLeaders"), True),
    (ALICE, ("approve", OURS, "actionproposals/medium", "tikv", "TransferLeader"), True),
    (ALICE, ("approve", OURS, "actionproposals/medium", "tikv", "EvictLeaders"), False),
    (ALICE, ("approve", OURS, "actionproposals/high", "tikv", "TransferLeader"), False),
    (ALICE, ("patch", OURS, "actionproposals/status", "tikv", "x"), False),
    (CONNY, ("configure", OURS, "tikvclusters/policy", "tikv", "x"), True),
    (CONNY, ("create", OURS, "tikvclusters", "tikv", ""), True),
    (CONNY, ("patch", OURS, "tikvclusters/status", "tikv", "x"), False),
    (OLA, ("create", OURS, "halts", "", ""), True),
    (OLA, ("delete", OURS, "halts", "", "x"), False),
    (OLA, ("patch", OURS, "halts", "", "x"), False),
    (OTTO, ("delete", OURS, "halts", "", "x"), True),
    (OTTO, ("create", OURS, "halts", "", ""), False),
]


@pytest.mark.parametrize(
    ("who", "right", "allowed"),
    PEOPLE,
    ids=[f"{who.user} {' '.join(right)}" for who, right, _ in PEOPLE],
)
def test_roles_of_people(kube: KubeApi, who: Who, right: Right, *, allowed: bool) -> None:
    """A role says in one line what its holder may; deciding is never part of a lighter one."""
    assert may(kube, who, right) is allowed


@pytest.mark.parametrize(
    ("role", "label"),
    [("assent-viewer", "aggregate-to-view"), ("assent-proposer", "aggregate-to-edit")],
)
def test_roles_join_the_built_in_ones(kube: KubeApi, role: str, label: str) -> None:
    """Whoever views or edits a namespace views or proposes there; nobody decides by default."""
    root = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    found = kube.call("GET", f"{root}/{role}").ok()
    assert found["metadata"]["labels"][f"rbac.authorization.k8s.io/{label}"] == "true"


def test_no_deciding_role_joins_a_built_in_one() -> None:
    """Only the two above carry an aggregation label."""
    joining = [
        role["metadata"]["name"]
        for role in manifests("deploy/rbac")
        if any("aggregate-to" in label for label in role["metadata"].get("labels", {}))
    ]
    assert joining == ["assent-viewer", "assent-proposer"]


def test_halt_is_made_and_ended_by_different_people(kube: KubeApi) -> None:
    """Stopping is light; going on is another's decision."""
    halts = f"{GROUP_ROOT}/halts"
    body = {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "Halt",
        "metadata": {"name": "rights"},
        "spec": {"reason": "test"},
    }
    kube.call("POST", halts, body, by=OTTO).refused(403, 'User "otto" cannot create')
    kube.call("POST", halts, body, by=OLA).ok()
    kube.call("DELETE", f"{halts}/rights", by=OLA).refused(403, 'User "ola" cannot delete')
    kube.call("DELETE", f"{halts}/rights", by=OTTO).ok()


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_operator_cannot_touch_a_proposal_but_its_status(
    kube: KubeApi, life: Life, operator: Who, method: str
) -> None:
    """Even the leader, with its real token."""
    proposal = life.assessed()
    at = path("actionproposals", proposal.name)
    body = {"spec": {"reason": "x"}} if method == "PATCH" else None
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    kube.call(method, at, body, by=operator, content_type=kind).refused(403, "cannot")


def test_operator_files_in_its_own_name_only(life: Life, operator: Who) -> None:
    """Its proposals carry its name: nobody else can be made to look like the author."""
    own = life.manifest(author=OPERATOR)
    own["metadata"]["labels"] = {f"{OURS}/incident": "abc", f"{OURS}/round": "1"}
    life.create(own, by=operator).ok()
    life.create(life.manifest(author=SAM), by=operator).refused(422, "proposedBy must be you")


SAMPLES: list[dict[str, Any]] = manifests("deploy/samples")


@pytest.mark.parametrize(
    "sample", SAMPLES, ids=[f"{item['kind']} {item['metadata']['name']}" for item in SAMPLES]
)
def test_sample_is_accepted(kube: KubeApi, sample: dict[str, Any]) -> None:
    """Every sample applies as it stands, by the user it names, under strict validation."""
    author = sample.get("spec", {}).get("proposedBy")
    by = Who(author, ("system:masters",)) if author else ADMIN
    query = {"dryRun": "All", "fieldManager": "tests", "fieldValidation": "Strict"}
    apply = "application/apply-patch+yaml"
    kube.call("PATCH", path_of(sample), sample, by=by, content_type=apply, query=query).ok()


def test_every_action_type_has_a_sample() -> None:
    """A new type comes with its example."""
    from assent.api.v1alpha1.actions import ActionType

    shown = {item["spec"]["action"]["type"] for item in SAMPLES if item["kind"] == "ActionProposal"}
    assert shown == set(ActionType)


def test_reject_and_approve_are_not_given_by_proposing(life: Life) -> None:
    """The role that joins `edit` decides nothing."""
    proposal = life.assessed()
    entry = {"by": "mallory", "decision": "Reject"}
    proposal.patch({"approvals": [entry]}, by=MALLORY).refused(403, "may not reject")
