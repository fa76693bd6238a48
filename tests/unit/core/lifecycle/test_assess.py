"""The first look and every later one: revision, digest, expiry, gates, and when to stay silent."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.tikvcluster import Mode, Tier
from assent.core.detection.finding import Problem
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.facts import Facts
from tests.support.proposals import (
    EVICT_4,
    LIMIT_4,
    MOVE_17,
    NOW,
    OPERATOR,
    STOP_4,
    approval,
    approved,
    assessed,
    at,
    at_tier,
    cluster,
    evicted,
    facts,
    later,
    metadata,
    problem,
    proposal,
    stored,
    with_spec,
)
from tests.support.snapshots import region, snapshot, store, unprepared


def test_first_look_assesses_and_asks() -> None:
    """Everything that people need to decide stands on the object after one write."""
    status = decide(facts()).status
    assert status.phase is Phase.PENDING
    assert status.reason == Reason.AWAITING_APPROVAL
    assert status.revision == 1
    assert status.assessed is not None
    assert status.risk is not None
    assert status.risk.tier is Tier.LOW
    assert status.target is not None
    assert status.target.id == "store/4"
    assert status.approvals is not None
    assert status.approvals.summary == "0/1"
    assert status.effective_dry_run is False
    assert status.expires_at == NOW + timedelta(hours=24)
    assert status.summary == "stop evicting leaders from store 4"
    assert status.observed_generation == 1
    assert [entry.phase for entry in status.history or []] == [Phase.PENDING]
    assert {gate.verdict for gate in status.gates or []} == {"pass"}


def test_message_carries_the_line_to_type() -> None:
    """Copied as it stands, with a name filled in, it approves this digest."""
    status = decide(facts()).status
    assert status.message is not None
    assert "kubectl -n tikv patch ap p1 --field-manager=approver --type merge -p" in status.message
    assert f'"decision":"Approve","digest":"{status.digest}"' in status.message


def test_first_look_is_announced() -> None:
    """A Kubernetes Event tells watchers that somebody is asked."""
    (notice,) = decide(facts()).notices
    assert notice.reason == Reason.AWAITING_APPROVAL
    assert not notice.warning


def test_in_observe_it_is_a_suggestion() -> None:
    """Observe touches nothing, and asks nobody."""
    status = decide(facts(cluster=cluster(mode=Mode.OBSERVE))).status
    assert status.phase is Phase.SUGGESTED
    assert status.reason == Reason.OBSERVE_MODE
    assert status.digest is not None
    assert "kubectl" not in (status.message or "")


def test_a_suggestion_becomes_a_question_when_the_mode_changes() -> None:
    """Same digest: nothing about the ask has changed."""
    known = assessed(facts(cluster=cluster(mode=Mode.OBSERVE)))
    status = decide(replace(known, cluster=cluster())).status
    assert status.phase is Phase.PENDING
    assert status.digest == known.proposal.status.digest


@pytest.mark.parametrize(
    "start", [assessed, approved], ids=["waiting for people", "already agreed to"]
)
def test_a_question_becomes_a_suggestion_in_observe(start: Callable[[Facts], Facts]) -> None:
    """Whoever sets Observe takes the question back, also one that people had agreed to."""
    known = replace(start(facts()), cluster=cluster(mode=Mode.OBSERVE))
    decided = decide(known)
    assert decided.status.phase is Phase.SUGGESTED
    assert decided.call is None


def _edited(known: Facts) -> Facts:
    return with_spec(known, action=EVICT_4, approvals=None)


def _dry_run(known: Facts) -> Facts:
    return replace(known, cluster=cluster(dry_run=True))


def _moved(known: Facts) -> Facts:
    stores = [store(number) for number in (1, 2, 3)]
    moved = store(4, leader_count=0, address="elsewhere:20160")
    return replace(known, snapshot=snapshot(*stores, moved, evicted_store_ids={4}))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_edited, id="the ask was edited"),
        pytest.param(_dry_run, id="the cluster went into dry-run"),
        pytest.param(_moved, id="the store's address changed"),
        pytest.param(lambda known: with_spec(known, reason="other"), id="the reason was edited"),
        pytest.param(lambda known: with_spec(known, dry_run=True), id="the ask became a dry-run"),
        pytest.param(lambda known: with_spec(known, not_after=at(900)), id="the end was moved"),
    ],
)
@pytest.mark.parametrize("start", [assessed, approved], ids=["undecided", "agreed to"])
def test_what_shapes_the_call_makes_a_new_revision(
    change: Callable[[Facts], Facts], start: Callable[[Facts], Facts]
) -> None:
    """Earlier approvals are void, in the same look that saw the change."""
    known = change(start(facts()))
    decided = decide(known)
    assert decided.call is None
    assert decided.status.phase is Phase.PENDING
    assert decided.status.revision == 2
    assert decided.status.digest != known.proposal.status.digest
    assert decided.status.approvals is not None
    assert decided.status.approvals.given == 0
    assert decided.notices


def test_a_flip_back_does_not_revive_approvals() -> None:
    """Dry-run on and off again: the yes was void in between and stays so."""
    known = approved(facts())
    flipped = stored(known, decide(replace(known, cluster=cluster(dry_run=True))))
    back = decide(replace(flipped, cluster=cluster()))
    assert back.status.revision == 3
    assert back.status.phase is Phase.PENDING
    assert back.call is None


def test_a_risk_that_rose_asks_again() -> None:
    """People agreed to a lower tier."""
    known = approved(facts())
    decided = decide(known, at_tier(Tier.MEDIUM))
    assert decided.status.phase is Phase.PENDING
    assert decided.status.revision == 2
    assert decided.call is None


def test_a_risk_that_fell_does_not_void_a_full_yes() -> None:
    """Who agreed to more agreed to less; the stored tier's ceremony stays."""
    known = approved(facts(), "sre-2", "sre-3", catalogue=at_tier(Tier.HIGH))
    decided = decide(known)
    assert decided.call is not None
    assert decided.status.risk is not None
    assert decided.status.risk.tier is Tier.HIGH


def test_a_risk_that_fell_is_shown_while_people_are_asked() -> None:
    """They should not be asked for more than it takes."""
    known = approved(facts(), "sre-2", catalogue=at_tier(Tier.HIGH))
    status = decide(known).status
    assert status.risk is not None
    assert status.risk.tier is Tier.LOW
    assert status.revision == 2


def test_a_changed_ask_starts_its_time_anew() -> None:
    """It is another question."""
    known = with_spec(later(assessed(facts()), 3600), reason="other")
    assert decide(known).status.expires_at == at(3600 + 24 * 3600)


def test_a_changed_target_does_not_start_its_time_anew() -> None:
    """Else a region that splits all day would never expire."""
    known = later(_moved(assessed(facts())), 3600)
    status = decide(known).status
    assert status.revision == 2
    assert status.expires_at == at(24 * 3600)


def test_a_policy_that_changes_later_does_not_move_the_end() -> None:
    """What was said to the people who decide stays."""
    known = replace(assessed(facts()), cluster=cluster(policy={"expire_after": "1h"}))
    assert decide(known).status.expires_at == at(24 * 3600)


@pytest.mark.parametrize(
    ("blindness", "says"),
    [
        ({"cluster": None}, "no TiKVCluster demo"),
        ({"cluster_ready": "PD does not answer at pd:2379"}, "PD does not answer"),
        ({"snapshot": None}, "PD has not been read"),
        ({"snapshot": unprepared(evicted())}, "PD lists no scheduler"),
    ],
)
def test_without_facts_nobody_is_asked(blindness: dict[str, Any], says: str) -> None:
    """No digest, so no approval; kept, and assessed when the facts come."""
    known = facts(**blindness)
    decided = decide(known)
    assert decided.status.phase is Phase.PENDING
    assert decided.status.reason == Reason.CLUSTER_NOT_READY
    assert says in (decided.status.message or "")
    assert decided.status.digest is None
    assert decided.look_again_at is not None
    after = decide(replace(stored(known, decided), cluster=cluster(), **_SIGHT))
    assert after.status.digest is not None
    assert after.status.reason == Reason.AWAITING_APPROVAL


_SIGHT: dict[str, Any] = {"cluster_ready": None, "snapshot": evicted()}


@pytest.mark.parametrize("blindness", [{"cluster_ready": "no PD"}, {"snapshot": None}])
def test_blindness_keeps_what_was_assessed(blindness: dict[str, Any]) -> None:
    """A PD that is away for a minute costs nobody a new decision."""
    known = assessed(facts())
    status = decide(replace(known, **blindness)).status
    assert status.digest == known.proposal.status.digest
    assert status.reason == Reason.AWAITING_APPROVAL


def test_a_blind_edit_voids_at_once() -> None:
    """Nobody may approve what nobody could assess."""
    known = _edited(replace(approved(facts()), snapshot=None))
    status = decide(known).status
    assert status.phase is Phase.PENDING
    assert (status.digest, status.assessed, status.risk, status.expires_at) == (None,) * 4
    assert status.revision == 1


def test_a_blind_flip_of_dry_run_voids_at_once() -> None:
    """The ask stands and keeps its time; the digest goes, because dry-run is part of it."""
    known = replace(approved(facts()), snapshot=None, cluster=cluster(dry_run=True))
    status = decide(known).status
    assert status.digest is None
    assert status.assessed is not None
    assert status.expires_at == at(24 * 3600)


def test_a_suggestion_without_its_cluster_stays_one() -> None:
    """Nothing says that the mode has changed."""
    known = replace(assessed(facts(cluster=cluster(mode=Mode.OBSERVE))), cluster=None)
    assert decide(known).status == known.proposal.status


def test_an_approved_one_without_its_cluster_waits() -> None:
    """The policy is unknown, so seats cannot be counted; nothing is voided for that."""
    known = replace(approved(facts()), in_flight=("other",))
    known = replace(stored(known, decide(known)), cluster=None)
    decided = decide(known)
    assert decided.status.phase is Phase.APPROVED
    assert decided.status.reason == Reason.CLUSTER_NOT_READY


@pytest.mark.parametrize("said", [(), ("sre-2",)], ids=["nobody yet", "somebody said yes since"])
def test_an_undecided_one_without_its_cluster_asks_for_no_approval(said: tuple[str, ...]) -> None:
    """No seat can be counted: asking for one would send people in circles."""
    known = replace(assessed(facts()), cluster=None)
    seats = [approval(by, known.proposal.status.digest) for by in said]
    status = decide(with_spec(known, approvals=seats)).status
    assert status.phase is Phase.PENDING
    assert status.reason == Reason.CLUSTER_NOT_READY
    gone = "Cannot be decided: there is no TiKVCluster demo in namespace tikv"
    assert status.message == gone
    assert status.digest == known.proposal.status.digest, "it may come back"


def test_a_target_that_cannot_come_back_fails() -> None:
    """A store that PD does not list is refused with its own words."""
    status = decide(facts(proposal(LIMIT_4), snapshot=snapshot(store(1)))).status
    assert status.phase is Phase.FAILED
    assert status.reason == Reason.PRECONDITION_FAILED
    assert "no store 4" in (status.message or "")
    assert status.finished_at == NOW


def test_a_target_that_may_come_back_waits_without_digest() -> None:
    """Nothing identifies what would be touched, so nothing can be approved."""
    known = facts(proposal(STOP_4), snapshot=snapshot(store(1), evicted_store_ids={4}))
    status = decide(known).status
    assert status.phase is Phase.PENDING
    assert status.reason == Reason.PRECONDITION_WAITING
    assert status.digest is None
    assert status.gates


def test_a_target_that_vanishes_keeps_its_digest() -> None:
    """It holds the execution; it does not ask people again."""
    known = approved(facts())
    gone = snapshot(store(1), evicted_store_ids={4})
    decided = decide(replace(known, snapshot=gone))
    assert decided.status.digest == known.proposal.status.digest
    assert decided.status.phase is Phase.APPROVED
    assert decided.status.reason == Reason.PRECONDITION_WAITING
    assert "store/4" in (decided.status.message or "")


def test_a_region_that_split_is_another_target() -> None:
    """Its epoch is its identity."""
    known = approved(facts(proposal(MOVE_17)))
    split = evicted(regions=[region(17, version=4)])
    decided = decide(replace(known, snapshot=split))
    assert decided.call is None
    assert decided.status.revision == 2


def test_max_tier_refuses_at_the_first_look() -> None:
    """Approved or not it could never run; the failure keeps what a silence needs."""
    known = facts(
        proposal(proposed_by=OPERATOR),
        cluster=cluster(policy={"max_tier": Tier.LOW}),
        problem=problem(),
    )
    status = decide(known, at_tier(Tier.MEDIUM)).status
    assert status.phase is Phase.FAILED
    assert status.reason == Reason.TIER_NOT_ALLOWED
    assert status.finding is not None
    assert status.risk is not None


def test_a_suggestion_shows_its_refusal() -> None:
    """In Observe nothing fails; the gate says what would happen."""
    known = facts(cluster=cluster(mode=Mode.OBSERVE, policy={"max_tier": Tier.LOW}))
    status = decide(known, at_tier(Tier.HIGH)).status
    assert status.phase is Phase.SUGGESTED
    assert {gate.name: gate.verdict for gate in status.gates or []}["MaxTier"] == "deny"


def test_refusals_do_not_matter_when_it_is_done_already() -> None:
    """Nothing would be sent."""
    on_tiflash = store(4, leader_count=0, labels={"engine": "tiflash"})
    done = snapshot(store(1), on_tiflash, evicted_store_ids={4})
    status = decide(facts(proposal(EVICT_4), snapshot=done)).status
    assert status.phase is Phase.PENDING
    assert {gate.name: gate.verdict for gate in status.gates or []}["AlreadyDone"] == "warn"


def test_a_being_deleted_proposal_is_left_alone() -> None:
    """Open ones simply go."""
    known = approved(facts())
    gone = replace(known.proposal, meta=replace(known.proposal.meta, deleting=True))
    assert decide(replace(known, proposal=gone)).status == known.proposal.status


def test_numbers_that_drift_are_not_written() -> None:
    """Risk and passing gates keep their words while their verdicts stand."""
    known = assessed(facts(proposal(EVICT_4), snapshot=snapshot()))
    busier = snapshot(*(store(number, leader_count=100 + number) for number in (1, 2, 3, 4)))
    assert decide(later(replace(known, snapshot=busier), 60)).status == known.proposal.status


def _observed(value: Problem | None) -> Facts:
    ours = replace(proposal(proposed_by=OPERATOR), meta=metadata())
    return facts(ours, problem=value, detection_ran=True)


def test_the_operators_own_carries_its_finding() -> None:
    """Silence after a rejection compares fingerprints."""
    status = decide(_observed(problem())).status
    assert status.finding is not None
    assert status.finding.fingerprint == "f1"


def test_a_finding_moves_only_with_a_new_revision() -> None:
    """Evidence drifts; it is not written for that."""
    known = assessed(_observed(problem()))
    assert decide(replace(known, problem=problem(fingerprint="f2"))).status == (
        known.proposal.status
    )
    again = decide(_moved(replace(known, problem=problem(fingerprint="f2")))).status
    assert again.finding is not None
    assert again.finding.fingerprint == "f2"


def test_one_filed_by_hand_has_no_finding() -> None:
    """Also when detection happens to see the same problem."""
    assert decide(facts(problem=problem())).status.finding is None


def test_a_blind_look_keeps_the_finding_of_its_fingerprint() -> None:
    """Two blind looks with drifting evidence are one write."""
    known = assessed(replace(_observed(problem()), snapshot=None))
    assert decide(replace(known, problem=problem())).status == known.proposal.status


def test_approvals_that_come_are_counted() -> None:
    """One of two: the status shows who is missing, and the line keeps what others said."""
    known = facts(cluster=cluster(policy={"approvals_needed": {"low": 2}}))
    known = assessed(known)
    one = with_spec(known, approvals=[approval("sre-2", known.proposal.status.digest)])
    status = decide(one).status
    assert status.approvals is not None
    assert status.approvals.summary == "1/2"
    assert "Needs 1 more approval" in (status.message or "")
    assert '{"by":"sre-2"' in (status.message or "")
    assert status.observed_generation == 2


def test_the_line_for_pd_ctl_stands_on_the_object() -> None:
    """For the day when the operator cannot run: what to type instead."""
    status = assessed(facts()).proposal.status
    assert status.pd_ctl == "pd-ctl scheduler config evict-leader-scheduler delete-store 4"
