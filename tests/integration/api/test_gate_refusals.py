"""Attacks on the approval gate, each refused by the real API server with its own sentence."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from assent.api.admission.ask import ask_fields
from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.lifecycle import FINISHED
from tests.integration.api.kubeapi import ADMIN, Who
from tests.integration.api.life import DIGEST, EVICT, Filed, Life, approval, rejection
from tests.integration.api.people import (
    ALICE,
    BOB,
    CAROL,
    MALLORY,
    OPERATOR_AS_ADMIN,
    SAM,
    VERA,
)

FROZEN = "the ask and its approvals are frozen"
VOID = "a changed ask voids earlier approvals: remove them in the same write"
UNASSESSED = "a new or changed ask starts without approvals: it must be assessed first"
ONLY_RESOLVER = "only somebody with the right to resolve this tier, in their own name"

ALICE_SAID_YES = ((ALICE, approval(ALICE)),)
RESOLVED = {"outcome": "Happened", "digest": DIGEST}


EVERY_CHANGE: dict[str, dict[str, Any]] = {
    "proposedBy": {"proposedBy": "mallory", "reason": "mine now"},
    "reason": {"reason": "another one than people read"},
    "action": {"action": {"transferLeader": {"toStoreId": 9}}},
    "dryRun": {"dryRun": False},
    "notBefore": {"notBefore": "2031-01-01T00:00:00Z"},
    "notAfter": {"notAfter": "2031-01-01T00:00:00Z"},
    "revertAfter": {"revertAfter": "10m"},
}
"""One change of every field of the ask; ``test_no_field_of_the_ask_is_forgotten`` sees to it."""


@dataclass(frozen=True)
class Attack:
    """One write that must not get through."""

    why: str
    by: Who
    write: dict[str, Any]
    """Merge patch of spec."""
    says: str
    code: int = 422
    state: dict[str, Any] = field(default_factory=dict)
    """How the proposal stands before: keywords of ``Life.assessed``."""


def yes(*entries: dict[str, str]) -> dict[str, Any]:
    return {"approvals": list(entries)}


DECISIONS = [
    Attack(
        "Approving in a colleague's name",
        ALICE,
        yes(approval(BOB)),
        "a decision can only be given in your own name (alice)",
    ),
    Attack(
        "Adding a second seat in another's name beside one's own",
        ALICE,
        yes(approval(ALICE), approval(BOB)),
        "in your own name (alice)",
    ),
    Attack(
        "An administrator lends a name: not even system:masters may",
        ADMIN,
        yes(approval(ALICE)),
        "in your own name (admin)",
    ),
    Attack(
        "Approving without any right to approve",
        MALLORY,
        yes(approval(MALLORY)),
        "user mallory may not approve Low-risk TransferLeader",
        403,
    ),
    Attack(
        "Rejecting without the right: a veto is a decision too",
        MALLORY,
        yes(rejection(MALLORY)),
        "user mallory may not reject Low-risk TransferLeader",
        403,
    ),
    Attack(
        "A right to one type of a tier used for another type",
        ALICE,
        yes(approval(ALICE)),
        "user alice may not approve Medium-risk EvictLeaders",
        403,
        {"tier": "Medium", "action": EVICT},
    ),
    Attack(
        "A right to a low tier used for a higher one",
        ALICE,
        yes(approval(ALICE)),
        "user alice may not approve High-risk TransferLeader",
        403,
        {"tier": "High"},
    ),
    Attack(
        "Somebody with no right to patch at all",
        VERA,
        yes(approval(VERA)),
        'User "vera" cannot patch resource "actionproposals"',
        403,
    ),
    Attack(
        "The operator approving, with every right RBAC can give",
        OPERATOR_AS_ADMIN,
        yes(approval(OPERATOR_AS_ADMIN)),
        "the operator never decides",
        403,
    ),
    Attack(
        "The operator rejecting, with every right RBAC can give",
        OPERATOR_AS_ADMIN,
        yes(rejection(OPERATOR_AS_ADMIN)),
        "the operator never decides",
        403,
    ),
    Attack(
        "The author approving what they proposed",
        ALICE,
        yes(approval(ALICE)),
        "you proposed this: somebody else must approve it",
        state={"author": ALICE},
    ),
    Attack(
        "Erasing a colleague's approval",
        BOB,
        {"approvals": None},
        "you may only withdraw your own decision",
        state={"approvals": ALICE_SAID_YES},
    ),
    Attack(
        "Replacing a colleague's approval by one's own",
        BOB,
        yes(approval(BOB)),
        "you may only withdraw your own decision",
        state={"approvals": ALICE_SAID_YES},
    ),
    Attack(
        "Changing what a colleague said",
        BOB,
        yes(approval(ALICE, comment="I love it")),
        "in your own name (bob)",
        state={"approvals": ALICE_SAID_YES},
    ),
    Attack(
        "Erasing a colleague's rejection",
        BOB,
        {"approvals": None},
        "you may only withdraw your own decision",
        state={"approvals": ((ALICE, rejection(ALICE)),)},
    ),
]

WHAT_WAS_SEEN = [
    Attack(
        "An approval of another digest than the one that stands",
        ALICE,
        yes(approval(ALICE, digest="sha256:0b")),
        "the digest is not that of the ask as it stands: look again",
    ),
    Attack(
        "An approval of no digest: of what, then?",
        ALICE,
        yes(approval(ALICE, digest="")),
        "the digest is not that of the ask as it stands: look again",
    ),
    Attack(
        "Approving what is only a suggestion",
        ALICE,
        yes(approval(ALICE)),
        "only a Pending proposal can be approved; this one is Suggested",
        state={"phase": "Suggested"},
    ),
    Attack(
        "Adding an approval after there were enough",
        BOB,
        yes(approval(ALICE), approval(BOB)),
        "only a Pending proposal can be approved; this one is Approved",
        state={"approvals": ALICE_SAID_YES, "phase": "Approved"},
    ),
    Attack(
        "Critical without a typed target",
        CAROL,
        yes(approval(CAROL)),
        "Critical: confirm must be the target, typed: region/4",
        state={"tier": "Critical"},
    ),
    Attack(
        "Critical with another target typed",
        CAROL,
        yes(approval(CAROL, confirm="region/5")),
        "Critical: confirm must be the target, typed: region/4",
        state={"tier": "Critical"},
    ),
]

ASK = [
    *(
        Attack(
            f"Changing {field} under an approval",
            SAM,
            change,
            VOID,
            state={"approvals": ALICE_SAID_YES, "dryRun": True},
        )
        for field, change in EVERY_CHANGE.items()
        if field != "proposedBy"
    ),
    Attack(
        "Changing the ask and approving the result in one write",
        ALICE,
        {"reason": "mine now", "proposedBy": "alice", **yes(approval(ALICE))},
        UNASSESSED,
    ),
    Attack(
        "Changing the ask and putting another approval in place of those there were",
        BOB,
        {"reason": "mine now", "proposedBy": "bob", **yes(approval(BOB))},
        UNASSESSED,
        state={"approvals": ALICE_SAID_YES},
    ),
    Attack(
        "Changing the ask in its author's name",
        MALLORY,
        {"reason": "forged"},
        "spec.proposedBy must be you (mallory) when you write or change the ask",
    ),
    Attack(
        "Giving authorship away, so as to approve one's own ask later",
        ALICE,
        {"proposedBy": "mallory"},
        "spec.proposedBy must be you (alice)",
        state={"author": ALICE},
    ),
    Attack(
        "Taking authorship of an unchanged ask",
        MALLORY,
        {"proposedBy": "mallory"},
        "spec.proposedBy changes only together with the ask",
    ),
    Attack(
        "Editing one's way out of a rejection",
        SAM,
        {"reason": "please", "approvals": None},
        "rejected: the ask can no longer change; file a new proposal",
        state={"approvals": ((ALICE, rejection(ALICE)),)},
    ),
    Attack(
        "Moving the proposal to another cluster",
        SAM,
        {"clusterRef": {"name": "other"}},
        "clusterRef is immutable",
    ),
]

FREEZING = [
    Attack(
        f"{what}, in phase {phase}",
        by,
        write,
        f"{FROZEN}: this proposal is {phase}",
        state={"approvals": ALICE_SAID_YES, "phase": phase},
    )
    for phase in ("Executing", "RollingBack", "OutcomeUnknown", "Succeeded", "Expired")
    for what, by, write in (
        ("Changing the ask", SAM, {"reason": "late", "approvals": None}),
        ("Withdrawing an approval", ALICE, {"approvals": None}),
        ("Rejecting beside the approval", BOB, yes(approval(ALICE), rejection(BOB))),
    )
]

LAST_WORDS = [
    Attack(
        "Cancelling in another's name",
        MALLORY,
        {"cancel": {"by": "sam"}},
        "cancel in your own name",
    ),
    Attack(
        "Resolving what is not in doubt",
        ALICE,
        {"resolution": {"by": "alice", **RESOLVED}},
        ONLY_RESOLVER,
        state={"phase": "Executing"},
    ),
    Attack(
        "Resolving in another's name",
        ALICE,
        {"resolution": {"by": "bob", **RESOLVED}},
        ONLY_RESOLVER,
        state={"phase": "OutcomeUnknown"},
    ),
    Attack(
        "Resolving without the right",
        MALLORY,
        {"resolution": {"by": "mallory", **RESOLVED}},
        ONLY_RESOLVER,
        state={"phase": "OutcomeUnknown"},
    ),
    Attack(
        "Resolving another digest than the one in doubt",
        ALICE,
        {"resolution": {"by": "alice", "outcome": "Happened", "digest": "sha256:0b"}},
        "the resolution's digest is not that of the ask as it stands",
        state={"phase": "OutcomeUnknown"},
    ),
]

ATTACKS = [*DECISIONS, *WHAT_WAS_SEEN, *ASK, *FREEZING, *LAST_WORDS]


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.why for attack in ATTACKS])
def test_write_is_refused_and_nothing_changes(life: Life, attack: Attack) -> None:
    """Each attack gets the sentence that names its rule; the stored object stays as it was."""
    proposal = life.assessed(**attack.state)
    before = proposal.read()
    proposal.patch(attack.write, by=attack.by).refused(attack.code, attack.says)
    assert proposal.read() == before


def test_no_field_of_the_ask_is_forgotten() -> None:
    """A new field of the ask needs its change here, and so its refusals on the API server."""
    assert set(EVERY_CHANGE) == set(ask_fields())


@pytest.mark.parametrize("field", EVERY_CHANGE)
def test_nobody_approves_a_change_that_was_not_assessed(life: Life, field: str) -> None:
    """Whichever field it was: what the operator assessed is not what stands there."""
    proposal = life.assessed(dryRun=True)
    change = EVERY_CHANGE[field]
    proposal.patch(change, by=MALLORY if "proposedBy" in change else SAM).ok()
    proposal.patch(yes(approval(BOB)), by=BOB).refused(422, "not assessed yet")


FORGED = [
    ("An ask that comes with its approval", yes(approval(MALLORY)), "must be assessed first"),
    ("An ask that comes approved by others", yes(approval(ALICE)), "in your own name (mallory)"),
    ("An ask in another's name", {"proposedBy": "sam"}, "spec.proposedBy must be you (mallory)"),
    ("An ask cancelled in another's name", {"cancel": {"by": "sam"}}, "cancel in your own name"),
    (
        "An ask that comes with its resolution",
        {"resolution": {"by": "mallory", **RESOLVED}},
        ONLY_RESOLVER,
    ),
]


@pytest.mark.parametrize(("why", "spec", "says"), FORGED, ids=[case[0] for case in FORGED])
def test_forged_creation_is_refused(life: Life, why: str, spec: dict[str, Any], says: str) -> None:
    """A new proposal holds an ask of its writer and nothing that others have to say."""
    manifest = life.manifest(author=MALLORY, **spec)
    life.create(manifest, by=MALLORY).refused(422, says)


def edited_after_assessment(life: Life) -> Filed:
    proposal = life.assessed()
    proposal.patch({"reason": "changed since"}, by=SAM).ok()
    return proposal


def not_assessed(life: Life) -> Filed:
    return life.filed()


WINDOWS: list[tuple[str, Callable[[Life], Filed], dict[str, str], str]] = [
    (
        "Approving in the moment between an edit and its assessment",
        edited_after_assessment,
        approval(CAROL),
        "the ask has changed and is not assessed yet: look again in a moment",
    ),
    (
        "Approving before the first assessment",
        not_assessed,
        approval(CAROL),
        "only a Pending proposal can be approved; this one is not yet assessed",
    ),
]


@pytest.mark.parametrize(
    ("why", "prepare", "entry", "says"), WINDOWS, ids=[case[0] for case in WINDOWS]
)
def test_unassessed_ask_cannot_be_approved(
    life: Life,
    why: str,
    prepare: Callable[[Life], Filed],
    entry: dict[str, str],
    says: str,
) -> None:
    """An approval is for what the operator has assessed, never for what came after."""
    proposal = prepare(life)
    # Low for the edited one, whatever is unassessed counts as Critical: Carol has both rights.
    by = Who("admin", ("system:masters",))
    proposal.patch(yes({**entry, "by": "admin"}), by=by).refused(422, says)


@pytest.mark.parametrize("digest", ["none", "null", "None", "", None])
def test_what_has_no_digest_cannot_be_approved(life: Life, digest: str | None) -> None:
    """While nobody can assess it, or the gate was seen open, there is nothing to quote, whatever
    a rule may take for nothing.
    """
    proposal = life.assessed()
    proposal.status({"digest": None}).ok()
    entry = approval(ALICE, digest="") if digest is None else {**approval(ALICE), "digest": digest}
    answer = proposal.patch(yes(entry), by=ALICE)
    answer.refused(422, "the digest is not that of the ask as it stands")


@pytest.mark.parametrize("change", [{"cancel": None}, {"cancel": {"by": "mallory"}}])
def test_cancel_cannot_be_taken_back(life: Life, change: dict[str, Any]) -> None:
    """Who said stop is not overruled by an edit; also not by taking the cancel over."""
    proposal = life.assessed()
    proposal.patch({"cancel": {"by": "sam", "reason": "wrong store"}}, by=SAM).ok()
    proposal.patch(change, by=MALLORY).refused(422, "cancelled: that cannot be taken back")


def test_resolution_stays_on_record(life: Life) -> None:
    """What a person said of a lost answer is part of the record."""
    proposal = life.assessed(phase="OutcomeUnknown")
    proposal.patch({"resolution": {"by": "alice", **RESOLVED}}, by=ALICE).ok()
    for change in (None, {"by": "bob", "outcome": "DidNotHappen", "digest": DIGEST}):
        proposal.patch({"resolution": change}, by=BOB).refused(422, "stays on record")


@pytest.mark.parametrize("phase", sorted(FINISHED))
def test_what_has_ended_cannot_be_cancelled(life: Life, phase: Phase) -> None:
    """Nobody would look at it again: it would be about to be looked at for ever."""
    proposal = life.assessed(phase=phase.value)
    answer = proposal.patch({"cancel": {"by": "sam"}}, by=SAM)
    answer.refused(422, f"it has ended ({phase.value}): there is nothing to cancel")
    sent = phase.value not in ("Rejected", "Expired", "Superseded", "Cancelled")
    assert (f"kubectl proposals revert {proposal.name} -n tikv" in answer.message) is sent
