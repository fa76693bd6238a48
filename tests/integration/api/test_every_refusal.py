"""Every sentence by which the gate refuses is provoked here on a real API server, one by one.

A validation that is added without its provocation fails the first test; so does one of the
prototype from which the gate was made that is guarded no more.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from assent.api.admission import policies
from assent.api.v1alpha1.actionproposal import MAX_AUTHORS
from tests.integration.api.cluster_in_use import until_spared
from tests.integration.api.kubeapi import ADMIN, GROUP_ROOT, MERGE, Answer, KubeApi, Who, path
from tests.integration.api.life import DIGEST, EVICT, Life, approval, rejection
from tests.integration.api.people import (
    ALICE,
    ARGO,
    BOB,
    CONNY,
    FLUX,
    GRETA,
    MALLORY,
    OLA,
    OPERATOR_AS_ADMIN,
    SAM,
    TENANT,
)

WHY = "both colleagues are on a plane"
YES = ((ALICE, approval(ALICE)),)
RESOLVED = {"outcome": "Happened", "digest": DIGEST}
HALTS = f"{GROUP_ROOT}/halts"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/assent-system/leases/assent"


@dataclass(frozen=True)
class Stage:
    """All that a provocation may use."""

    kube: KubeApi
    life: Life
    operator: Who
    standby: Who

    def cluster(self, name: str) -> str:
        """Return the path of a new TiKVCluster."""
        manifest = {
            "apiVersion": "assent.tikv.org/v1alpha1",
            "kind": "TiKVCluster",
            "metadata": {"name": name},
            "spec": {"pd": {"endpoints": ["http://pd:2379"]}},
        }
        self.kube.call("POST", path("tikvclusters"), manifest, by=CONNY).ok()
        return path("tikvclusters", name)


def patched(write: dict[str, Any], by: Who, **state: Any) -> Callable[[Stage], Answer]:
    """Return the provocation by which this person merge-patches the spec of such a proposal."""
    return lambda stage: stage.life.assessed(**state).patch(write, by=by)


def created(by: Who, **spec: Any) -> Callable[[Stage], Answer]:
    """Return the provocation by which this person files such a proposal."""
    return lambda stage: stage.life.create(stage.life.manifest(author=by, **spec), by=by)


def seats(*entries: dict[str, str]) -> dict[str, Any]:
    return {"approvals": list(entries)}


def glass(who: Who, **fields: str) -> dict[str, Any]:
    return seats(approval(who, breakGlass=WHY, **fields))


def edited_since(stage: Stage) -> Answer:
    proposal = stage.life.assessed()
    proposal.patch({"reason": "changed since"}, by=SAM).ok()
    return proposal.patch(seats(approval(ALICE)), by=ALICE)


def earlier_author(stage: Stage) -> Answer:
    proposal = stage.life.assessed(author=ALICE)
    proposal.patch({"reason": "better so", "proposedBy": "sam"}, by=SAM).ok()
    proposal.assess()
    return proposal.patch(seats(approval(ALICE)), by=ALICE)


def one_author_too_many(stage: Stage) -> Answer:
    proposal = stage.life.assessed()
    authors = ["sam", *(f"editor-{number}" for number in range(MAX_AUTHORS - 1))]
    proposal.status({"authors": authors}).ok()
    proposal.patch({"reason": "still one of them"}, by=SAM).ok()
    return proposal.patch({"reason": "a new one", "proposedBy": "mallory"}, by=MALLORY)


def resolved(change: dict[str, Any] | None, by: Who) -> Callable[[Stage], Answer]:
    def act(stage: Stage) -> Answer:
        proposal = stage.life.assessed(phase="OutcomeUnknown")
        proposal.patch({"resolution": {"by": "alice", **RESOLVED}}, by=ALICE).ok()
        return proposal.patch({"resolution": change}, by=by)

    return act


def cancelled(stage: Stage) -> Answer:
    proposal = stage.life.assessed()
    proposal.patch({"cancel": {"by": "sam"}}, by=SAM).ok()
    return proposal.patch({"cancel": None}, by=SAM)


def with_metadata(**metadata: Any) -> Callable[[Stage], Answer]:
    def act(stage: Stage) -> Answer:
        manifest = stage.life.manifest(author=MALLORY)
        manifest["metadata"].update(metadata)
        return stage.life.create(manifest, by=MALLORY)

    return act


def bound_halt(stage: Stage) -> Answer:
    body = {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "Halt",
        "metadata": {"name": "every-refusal", "finalizers": ["a.b/c"]},
        "spec": {"reason": "for ever"},
    }
    return stage.kube.call("POST", HALTS, body, by=OLA)


def relabelled(stage: Stage) -> Answer:
    marks = {"labels": {"assent.tikv.org/rule": "Other"}}
    return stage.life.assessed().merge({"metadata": marks}, by=MALLORY)


def in_use(stage: Stage) -> Answer:
    name = "every-refusal-used"
    at = stage.cluster(name)
    proposal = stage.life.assessed(phase="Executing", clusterRef={"name": name})
    until_spared(stage.kube, name, proposal.name)
    return stage.kube.call("DELETE", at, by=CONNY)


def configured(stage: Stage) -> Answer:
    at = stage.cluster("every-refusal-loosened")
    return stage.kube.call("PATCH", at, {"spec": {"dryRun": False}}, by=SAM, content_type=MERGE)


def fenced(stage: Stage) -> Answer:
    return stage.life.assessed().status({"message": "x"}, by=stage.standby)


def leased(stage: Stage) -> Answer:
    body = {"spec": {"holderIdentity": "me"}}
    return stage.kube.call("PATCH", LEASE, body, content_type=MERGE)


PROVOKED: dict[str, Callable[[Stage], Answer]] = {
    # assent-approvals: decisions
    "the ask and its approvals are frozen once execution began": patched(
        {"approvals": None}, ALICE, approvals=YES, phase="Executing"
    ),
    "a decision can only be given in your own name": patched(seats(approval(BOB)), ALICE),
    "you may only withdraw your own decision": patched({"approvals": None}, BOB, approvals=YES),
    "rejected: a Reject is final; file a new proposal": patched(
        {"approvals": None}, ALICE, approvals=((ALICE, rejection(ALICE)),)
    ),
    # assent-approvals: the ask
    "rejected: the ask can no longer change; file a new proposal": patched(
        {"reason": "please"}, SAM, approvals=((ALICE, rejection(ALICE)),)
    ),
    "a changed ask voids earlier approvals: remove them in the same write": patched(
        {"reason": "other"}, SAM, approvals=YES
    ),
    "a new or changed ask starts without approvals: it must be assessed first": created(
        MALLORY, **seats(approval(MALLORY))
    ),
    "spec.proposedBy must be you when you write or change the ask": created(
        MALLORY, proposedBy="sam"
    ),
    "spec.proposedBy changes only together with the ask": patched(
        {"proposedBy": "mallory"}, MALLORY
    ),
    "16 people have changed this ask: file a new proposal": one_author_too_many,
    # assent-approvals: rights
    "the operator never decides": patched(seats(rejection(OPERATOR_AS_ADMIN)), OPERATOR_AS_ADMIN),
    "you may not approve this": patched(seats(approval(MALLORY)), MALLORY),
    "you may not reject this": patched(seats(rejection(MALLORY)), MALLORY),
    "you may not break the glass for this": patched(glass(ALICE), ALICE),
    # assent-approvals: what an approval is for
    "only a Pending proposal can be approved": patched(
        seats(approval(ALICE)), ALICE, phase="Suggested"
    ),
    "the ask has changed and is not assessed yet: look again in a moment": edited_since,
    "the digest is not that of the ask as it stands: look again": patched(
        seats(approval(ALICE, digest="sha256:0b")), ALICE
    ),
    "you proposed this: somebody else must approve it": patched(
        seats(approval(ALICE)), ALICE, author=ALICE
    ),
    "you wrote an earlier revision of this ask: somebody else must approve it": earlier_author,
    "Critical: type the target into confirm": patched(
        seats(approval(GRETA, confirm="region/5")), GRETA, tier="Critical"
    ),
    # assent-approvals: seats and glass
    "service accounts have no seat at this tier: people must approve it": patched(
        seats(approval(FLUX)), FLUX, tier="High"
    ),
    "a service account of the proposal's own namespace has no seat: whoever may edit there may act"
    " as it": patched(seats(approval(TENANT)), TENANT),
    "all service accounts together have one seat, and it is taken: a person must approve": patched(
        seats(approval(FLUX), approval(ARGO)), ARGO, approvals=((FLUX, approval(FLUX)),)
    ),
    "breakGlass stands beside an Approve only": patched(
        seats({**rejection(GRETA), "breakGlass": WHY}), GRETA
    ),
    "only a person can break the glass": patched(glass(FLUX), FLUX),
    "Critical: the glass cannot be broken; everybody who is needed must approve": patched(
        glass(ADMIN, by="admin", confirm="region/4"), ADMIN, tier="Critical"
    ),
    # assent-approvals: last words
    "only somebody with the right to resolve this tier, in their own name, and only while the"
    " outcome is unknown": patched(
        {"resolution": {"by": "alice", **RESOLVED}}, ALICE, phase="Executing"
    ),
    "the resolution's digest is not that of the ask as it stands: look again": patched(
        {"resolution": {"by": "alice", "outcome": "Happened", "digest": "sha256:0b"}},
        ALICE,
        phase="OutcomeUnknown",
    ),
    "a resolution stays on record: nobody changes or removes it": resolved(None, MALLORY),
    "cancel in your own name": patched({"cancel": {"by": "sam"}}, MALLORY),
    "cancelled: that cannot be taken back; file a new proposal": cancelled,
    "it has ended: there is nothing to cancel": patched(
        {"cancel": {"by": "sam"}}, SAM, phase="Succeeded"
    ),
    # assent-journal and assent-cluster-in-use
    "in flight: its journal must survive until it ends (cancel it, or resolve it)": (
        lambda stage: stage.life.assessed(phase="Executing").delete(by=ADMIN)
    ),
    "finalizers and owners of a proposal are the operator's": with_metadata(finalizers=["a.b/c"]),
    "a Halt bears no finalizers and no owners: whoever may end it must be able to": bound_halt,
    "labels of assent.tikv.org stay as they were when the proposal was filed": relabelled,
    "the labels assent.tikv.org/incident and assent.tikv.org/round are the operator's": (
        with_metadata(labels={"assent.tikv.org/incident": "abc"})
    ),
    "in use: a proposal for this TiKVCluster is in flight": in_use,
    # status, Lease and configuration
    "status is written by the operator only": (
        lambda stage: stage.life.assessed().status({"message": "x"}, by=ADMIN)
    ),
    "fenced: caller pod does not hold the operator Lease": fenced,
    "this Lease is written by the operator only": leased,
    "you may not configure this TiKVCluster": configured,
}

PROTOTYPE: dict[str, str] = {
    "a decision can only be given in your own name (": (
        "a decision can only be given in your own name"
    ),
    "only somebody with the right to resolve this tier, in their own name, and only while the"
    " outcome is unknown": (
        "only somebody with the right to resolve this tier, in their own name, and only while the"
        " outcome is unknown"
    ),
    " may not approve ": "you may not approve this",
    " may not reject ": "you may not reject this",
    "only a Pending proposal can be approved; this one is ": (
        "only a Pending proposal can be approved"
    ),
    **{
        same: same
        for same in (
            "you may only withdraw your own decision",
            "rejected: the ask can no longer change; file a new proposal",
            "a changed ask voids earlier approvals: remove them in the same write",
            "a new or changed ask starts without approvals: it must be assessed first",
            "spec.proposedBy must be you when you write or change the ask",
            "spec.proposedBy changes only together with the ask",
            "the ask and its approvals are frozen once execution began",
            "the ask has changed and is not assessed yet: look again in a moment",
            "the digest is not that of the ask as it stands: look again",
            "you proposed this: somebody else must approve it",
            "cancel in your own name",
            "in flight: its journal must survive until it ends (cancel it, or resolve it)",
            "finalizers and owners of a proposal are the operator's",
            "fenced: caller pod does not hold the operator Lease",
        )
    },
}
"""What the prototype refused with, and the sentence that stands for it here."""

VALIDATIONS: dict[str, dict[str, Any]] = {
    validation["message"]: validation
    for document in policies(namespace="assent-system", service_account="assent")
    if document["kind"] == "ValidatingAdmissionPolicy"
    for validation in document["spec"]["validations"]
}

_TEXT = re.compile(r"'((?:[^'\\]|\\.)*)'")


def said_by(validation: dict[str, Any]) -> str:
    """Return the words that only this validation puts into its refusal."""
    if "messageExpression" not in validation:
        return str(validation["message"])
    found = [text.replace("\\'", "'") for text in _TEXT.findall(validation["messageExpression"])]
    return str(max(found, key=len))


def test_every_sentence_has_its_provocation() -> None:
    """And no provocation outlives its sentence."""
    assert set(PROVOKED) == set(VALIDATIONS)


def test_every_sentence_tells_which_rule_spoke() -> None:
    """Two rules with the same words could stand in for each other unseen."""
    said = [said_by(validation) for validation in VALIDATIONS.values()]
    for text in said:
        assert sum(text in other for other in said) == 1, text


@pytest.mark.parametrize("old", PROTOTYPE)
def test_what_the_prototype_refused_is_refused_still(old: str) -> None:
    """In its words, or in those that stand for them."""
    validation = VALIDATIONS[PROTOTYPE[old]]
    assert old in (validation["message"], said_by(validation)) or old in validation.get(
        "messageExpression", ""
    )


@pytest.fixture
def stage(kube: KubeApi, life: Life, operator: Who, standby: Who) -> Stage:
    """Everything that a provocation may use."""
    return Stage(kube, life, operator, standby)


@pytest.mark.parametrize("message", PROVOKED)
def test_sentence_is_heard(stage: Stage, message: str) -> None:
    """The write is refused with the words of exactly this rule, and the right code."""
    validation = VALIDATIONS[message]
    code = 403 if validation.get("reason") == "Forbidden" else 422
    PROVOKED[message](stage).refused(code, said_by(validation))


def test_crd_rules_of_the_prototype(life: Life) -> None:
    """Those that stand in the CRD: another cluster, a lower epoch, a union that does not fit."""
    proposal = life.assessed()
    proposal.patch({"clusterRef": {"name": "other"}}, by=SAM).refused(
        422, "clusterRef is immutable"
    )
    journal = {"holder": "assent-0", "steps": []}
    proposal.status({"execution": {"epoch": 5, **journal}}).ok()
    stale = proposal.status({"execution": {"epoch": 4, **journal}})
    stale.refused(422, "stale epoch: another leader has taken over")
    wrong = life.manifest(action={"type": "DrainStore", "evictLeaders": EVICT["evictLeaders"]})
    life.create(wrong, by=SAM).refused(422, "exactly the member that type names")
