"""Thinking again: one's own approval can be taken back until the claim, and not after it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.lifecycle import IN_FLIGHT
from tests.integration.api.kubeapi import APPLY, MERGE, Answer, KubeApi, Who, path
from tests.integration.api.life import PLURAL, Filed, Life, approval
from tests.integration.api.people import ALICE, BOB, MALLORY, SAM

ROUNDS = 24
YES = ((ALICE, approval(ALICE)),)


@pytest.fixture(scope="module")
def second(kube: KubeApi) -> Iterator[KubeApi]:
    """Another connection to the same API server, for another thread."""
    with closing(KubeApi(kube.server)) as api:
        yield api


def claim(kube: KubeApi, proposal: Filed, operator: Who, resource_version: str) -> Answer:
    """Write what the operator writes at the claim: over exactly the version it decided on."""
    body = {
        "metadata": {"resourceVersion": resource_version},
        "status": {"phase": "Executing", "execution": {"epoch": 1, "holder": "x", "steps": []}},
    }
    at = path("actionproposals", proposal.name, "status")
    return kube.call("PATCH", at, body, by=operator, content_type=MERGE)


def at_once(*acts: Callable[[], Answer]) -> list[Answer]:
    """Return what came of acts that began at the same moment."""
    start, found = threading.Barrier(len(acts)), dict[int, Answer]()

    def run(number: int) -> None:
        start.wait()
        found[number] = acts[number]()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return [found[number] for number in range(len(acts))]


def test_exactly_one_of_claim_and_withdrawal_wins(
    life: Life, kube: KubeApi, second: KubeApi, operator: Who
) -> None:
    """The claim is a compare-and-swap over the version that had the approval: what runs was
    approved when it was claimed, and a withdrawal that was accepted means that nothing runs.
    """
    won = {"claim": 0, "withdrawal": 0}
    for _ in range(ROUNDS):
        proposal = life.assessed(approvals=YES)
        version = proposal.read()["metadata"]["resourceVersion"]
        claimed, withdrawn = at_once(
            lambda p=proposal, v=version: claim(second, p, operator, v),  # type: ignore[misc]
            lambda p=proposal: p.patch({"approvals": None}, by=ALICE),  # type: ignore[misc]
        )
        after = proposal.read()
        if claimed.code == 200:
            won["claim"] += 1
            withdrawn.refused(422, "frozen: this proposal is Executing", "kubectl proposals revert")
            assert [seat["by"] for seat in after["spec"]["approvals"]] == ["alice"]
        else:
            won["withdrawal"] += 1
            claimed.refused(409, "the object has been modified")
            withdrawn.ok()
            assert "approvals" not in after["spec"]
            assert after["status"]["phase"] == "Pending"
    assert sum(won.values()) == ROUNDS


def test_a_claim_over_an_older_version_is_refused(life: Life, kube: KubeApi, operator: Who) -> None:
    """The order without luck: the withdrawal came first."""
    proposal = life.assessed(approvals=YES)
    version = proposal.read()["metadata"]["resourceVersion"]
    proposal.patch({"approvals": None}, by=ALICE).ok()
    claim(kube, proposal, operator, version).refused(409)
    assert proposal.read()["status"]["phase"] == "Pending"


def test_nobody_withdraws_for_another(life: Life) -> None:
    """Also not while both would be needed."""
    proposal = life.assessed(approvals=(*YES, (BOB, approval(BOB))))
    proposal.patch({"approvals": [approval(BOB)]}, by=BOB).refused(422, "only withdraw your own")
    left = proposal.patch({"approvals": [approval(BOB)]}, by=ALICE).ok()["spec"]["approvals"]
    assert [seat["by"] for seat in left] == ["bob"]


SENT = sorted({*IN_FLIGHT, Phase.SUCCEEDED, Phase.FAILED, Phase.ROLLED_BACK, Phase.ROLLBACK_FAILED})


@pytest.mark.parametrize("phase", SENT)
def test_after_the_claim_the_refusal_names_the_ways_that_are_left(life: Life, phase: Phase) -> None:
    """A Git revert, or second thoughts, that come too late: stop it, or take it back."""
    proposal = life.assessed(approvals=YES, phase=phase.value)
    proposal.patch({"approvals": None}, by=ALICE).refused(
        422,
        f"frozen: this proposal is {phase.value}",
        f"to stop it: kubectl proposals cancel {proposal.name} -n tikv",
        f"to take back what was done: kubectl proposals revert {proposal.name} -n tikv",
    )


@pytest.mark.parametrize("phase", ["Rejected", "Expired", "Superseded", "Cancelled"])
def test_where_nothing_was_sent_nothing_can_be_taken_back(life: Life, phase: str) -> None:
    """The sentence does not send people the wrong way."""
    proposal = life.assessed(approvals=YES, phase=phase)
    answer = proposal.patch({"approvals": None}, by=ALICE)
    answer.refused(422, f"frozen: this proposal is {phase}; file a new proposal")
    assert "revert" not in answer.message


@pytest.mark.parametrize("phase", sorted(IN_FLIGHT))
def test_pruning_what_is_in_flight_names_the_ways_too(life: Life, phase: Phase) -> None:
    """A GitOps tool that prunes the file after a revert deletes the object."""
    proposal = life.assessed(phase=phase.value)
    proposal.delete(by=SAM).refused(
        422, f"kubectl proposals revert {proposal.name} -n tikv", "journal must survive"
    )


def test_a_seat_that_another_manager_applies_too_is_withdrawn_by_a_patch_only(life: Life) -> None:
    """Server-side apply lets anybody own lines with others, for that changes nothing: then taking
    them out of one's own file takes nothing away. The pages say so; a patch always withdraws.
    """
    proposal = life.assessed()
    seats = {"approvals": [approval(ALICE)]}
    _applied(proposal, seats, by=ALICE, manager="a-git-tool").ok()
    _applied(proposal, seats, by=MALLORY, manager="mallory").ok()
    _applied(proposal, {}, by=ALICE, manager="a-git-tool").ok()
    assert proposal.read()["spec"]["approvals"] == [approval(ALICE)]
    _applied(proposal, {}, by=MALLORY, manager="mallory").refused(422, "only withdraw your own")
    proposal.patch({"approvals": None}, by=ALICE).ok()
    assert "approvals" not in proposal.read()["spec"]


def _applied(proposal: Filed, spec: dict[str, Any], *, by: Who, manager: str) -> Answer:
    body = {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "ActionProposal",
        "metadata": {"name": proposal.name},
        "spec": spec,
    }
    at, query = path(PLURAL, proposal.name), {"fieldManager": manager}
    return proposal.kube.call("PATCH", at, body, by=by, content_type=APPLY, query=query)
