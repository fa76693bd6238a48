"""Recovery over every combination of what may be on record and what PD may show.

Every open intent is classified into exactly one of five; "unknown" never becomes "repeat", and no
passing of time does. The laws are checked over the whole product of these values, not over a
sample of it, and are told in other words than the code's.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product

import pytest

from assent.api.v1alpha1.actionproposal import Phase, Risk, Step, StepKind, StepState
from assent.api.v1alpha1.actions import Action, action
from assent.api.v1alpha1.parameters.region import ScatterRegion
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Idempotency
from assent.core.actions.catalogue import action_of
from assent.core.lifecycle.case import Evidence
from assent.core.lifecycle.journal import stored_call
from assent.core.lifecycle.recovery import (
    NO_RECORD,
    Adopt,
    Compensate,
    ContinueVerifying,
    DeclareUnknown,
    Recovery,
    SafeRepeat,
    adopt,
    classify,
)
from assent.core.lifecycle.settle import settle
from assent.core.model.call import Did
from assent.core.model.resource import Proposal
from assent.core.model.snapshot import ClusterSnapshot
from tests.support.lives import ALL_STORES, PD_SHOWS
from tests.support.proposals import (
    EVICT_4,
    LIMIT_4,
    MOVE_17,
    STOP_4,
    at,
    claimed,
    evicted,
    facts,
    stored,
)
from tests.support.region_shape import fit_of
from tests.support.snapshots import region, snapshot

pytestmark = pytest.mark.xdist_group("recovery")
"""What one worker has worked out is not worked out by another."""

FIVE = (Adopt, ContinueVerifying, SafeRepeat, Compensate, DeclareUnknown)
SCATTER_17 = action(ScatterRegion(region_id=17))
OPEN_STATES = (StepState.INTENDED, StepState.WAITING, StepState.UNKNOWN)
ANSWERS = (None, "no answer within 4.5 s")
TIMES = (at(1), at(300), at(3600), at(25 * 3600))
"""While it may show, when its time is just over, long after, and after its expiry."""
FORWARD: Mapping[str, tuple[Action, ClusterSnapshot]] = {
    "stop evicting": (STOP_4, evicted()),
    "evict": (EVICT_4, snapshot()),
    "limit": (LIMIT_4, snapshot()),
    "transfer": (MOVE_17, snapshot(regions=[region(17)])),
    "scatter": (
        SCATTER_17,
        replace(
            snapshot(regions=[region(17)]),
            replication={"enable-placement-rules": "true"},
            region_fits={17: fit_of(region(17))},
            label_rules=(),
        ),
    ),
}
CLASSES = {
    "stop evicting": Idempotency.ABSOLUTE,
    "evict": Idempotency.ABSOLUTE,
    "limit": Idempotency.ABSOLUTE,
    "transfer": Idempotency.REFUSED_ON_REPEAT,
    "scatter": Idempotency.NEVER_REPEAT,
    "undo of an eviction": Idempotency.ABSOLUTE,
}


@dataclass(frozen=True)
class Record:
    """What an earlier process left, and what is known now."""

    flying: Proposal
    shown: str
    sender_gone: bool
    now: datetime

    @property
    def snapshot(self) -> ClusterSnapshot | None:
        """PD as it is now."""
        return PD_SHOWS[self.shown]

    @property
    def step(self) -> Step:
        """The open step."""
        execution = self.flying.status.execution
        assert execution is not None
        return execution.steps[-1]

    @property
    def tier(self) -> Tier:
        """Its risk."""
        assert self.flying.status.risk is not None
        return self.flying.status.risk.tier

    def judged(self) -> Recovery:
        """What recovery says."""
        return classify(self.flying, self.snapshot, sender_gone=self.sender_gone, now=self.now)


def _flying(name: str) -> Proposal:
    if name in FORWARD:
        asked, before = FORWARD[name]
        return claimed(asked, snapshot=before)
    begun = claimed(EVICT_4, snapshot=snapshot())
    full = snapshot(*ALL_STORES, evicted_store_ids={4})
    decision = settle(begun, Evidence(Did("200"), full, at(300)))
    assert decision is not None
    return stored(facts(begun), decision).proposal


def _with(flying: Proposal, state: StepState, answer: str | None, tier: Tier) -> Proposal:
    execution = flying.status.execution
    assert execution is not None
    step = execution.steps[-1].model_copy(update={"state": state, "answer": answer})
    journal = execution.model_copy(update={"steps": [*execution.steps[:-1], step]})
    risk = Risk(tier=tier, factors=["of this test"])
    status = flying.status.model_copy(update={"execution": journal, "risk": risk})
    return replace(flying, status=status)


def records(name: str) -> Iterator[Record]:
    """Every record of that action: the whole product."""
    flying = _flying(name)
    noted = [(state, answer, Tier.MEDIUM) for state, answer in product(OPEN_STATES, ANSWERS)]
    for state, answer, tier in (*noted, (StepState.INTENDED, None, Tier.CRITICAL)):
        changed = _with(flying, state, answer, tier)
        for shown, gone, now in product(PD_SHOWS, (True, False), TIMES):
            yield Record(changed, shown, gone, now)


@pytest.fixture(scope="module", params=sorted(CLASSES))
def judged(request: pytest.FixtureRequest) -> tuple[str, list[tuple[Record, Recovery]]]:
    """Every record of one action, with the verdict."""
    name = str(request.param)
    return name, [(record, record.judged()) for record in records(name)]


Judged = tuple[str, list[tuple[Record, Recovery]]]


def test_every_record_has_exactly_one_verdict(judged: Judged) -> None:
    """Total: nothing raises, nothing is left out; and every kind of verdict that may come comes."""
    name, verdicts = judged
    counts = Counter(type(verdict) for _, verdict in verdicts)
    assert set(counts) <= set(FIVE)
    assert len(verdicts) == (3 * 2 + 1) * len(PD_SHOWS) * 2 * len(TIMES)
    assert counts[ContinueVerifying] > 0
    assert counts[DeclareUnknown] > 0
    assert (counts[SafeRepeat] > 0) is (CLASSES[name] is Idempotency.ABSOLUTE)


def test_a_repeat_needs_all_of_its_grounds(judged: Judged) -> None:
    """An absolute call, nothing known of an answer, PD as before, and proof that its sender ended.

    Whether PD is as before is judged here by the captured facts, not by the action's own word.
    """
    name, verdicts = judged
    for record, verdict in verdicts:
        if not isinstance(verdict, SafeRepeat):
            continue
        assert CLASSES[name] is Idempotency.ABSOLUTE
        assert record.sender_gone
        assert record.step.state is StepState.INTENDED
        assert record.step.answer is None, "an answer that was lost is an answer that is unknown"
        assert record.tier is not Tier.CRITICAL
        assert record.flying.status.expires_at is not None
        # An undo is owed whatever the hour: it may have waited for a Halt to end.
        undo = record.step.kind is StepKind.UNDO
        assert undo or record.now < record.flying.status.expires_at
        assert record.snapshot is not None
        assert record.snapshot.prepared
        assert _shown(name, record) == _expected_of_a_repeat(name, record)
        assert stored_call(verdict.call) == record.step.call, "exactly what was stored"


TELLING = {
    "stop evicting": "evicted",
    "evict": "evicted",
    "limit": "addPeerLimitPerMinute",
    "undo of an eviction": "evicted",
}
"""The captured fact that the call changes."""


def _shown(name: str, record: Record) -> str:
    acting, params = action_of(record.flying.spec.action)
    assert record.snapshot is not None
    facts_now = {fact.name: fact.value for fact in acting.before(params, record.snapshot)}
    return facts_now[TELLING[name]]


def _expected_of_a_repeat(name: str, record: Record) -> str:
    """A call forward: the value captured before it. An undo: the value that we had set."""
    execution = record.flying.status.execution
    assert execution is not None
    captured = {fact.name: fact.value for fact in execution.steps[0].before}
    return captured[TELLING[name]] if record.step.kind is StepKind.FORWARD else "true"


def test_without_proof_of_the_senders_end_nothing_is_repeated(judged: Judged) -> None:
    """And that proof changes nothing else: everything but a repeat stays what it was."""
    _, verdicts = judged
    by_proof = {
        (id(record.flying), record.shown, record.now, record.sender_gone): type(verdict)
        for record, verdict in verdicts
    }
    for (flying, shown, now, gone), kind in by_proof.items():
        if gone and kind is not SafeRepeat:
            assert by_proof[(flying, shown, now, False)] is kind
        if not gone:
            assert kind is not SafeRepeat


def test_no_passing_of_time_makes_a_repeat_of_anything(judged: Judged) -> None:
    """What may not be repeated now may not be repeated later; only the other way round."""
    _, verdicts = judged
    allowed: dict[tuple[int, str, bool], bool] = {}
    for record, verdict in verdicts:  # times ascend within each record
        key = (id(record.flying), record.shown, record.sender_gone)
        repeats = isinstance(verdict, SafeRepeat)
        assert allowed.get(key, True) or not repeats
        allowed[key] = repeats


def test_nobody_says_unknown_before_the_time_is_over(judged: Judged) -> None:
    """And where PD shows the effect, nobody says unknown at all."""
    _, verdicts = judged
    for record, verdict in verdicts:
        if isinstance(verdict, DeclareUnknown):
            assert record.now >= record.step.verify_by
            assert verdict.decision.call is None
            assert verdict.decision.status.phase is Phase.OUTCOME_UNKNOWN


def test_what_is_taken_back_is_journaled_as_an_undo(judged: Judged) -> None:
    """A compensation is a call of its own with an intent of its own."""
    name, verdicts = judged
    compensations = [verdict for _, verdict in verdicts if isinstance(verdict, Compensate)]
    assert bool(compensations) is (name == "evict"), "the one whose goal may be missed"
    for verdict in compensations:
        execution = verdict.decision.status.execution
        assert execution is not None
        last = execution.steps[-1]
        assert (last.kind, last.state) == (StepKind.UNDO, StepState.INTENDED)
        assert stored_call(verdict.call) == last.call


def test_every_takeover_raises_the_epoch_and_sends_only_what_its_verdict_allows(
    judged: Judged,
) -> None:
    """The decision that is stored first: ours by epoch, with a call only for two of the five."""
    _, verdicts = judged
    for record, verdict in verdicts:
        decision = adopt(record.flying, verdict, epoch=9, holder="assent-1", now=record.now)
        assert (decision.call is not None) is isinstance(verdict, SafeRepeat | Compensate)
        execution = decision.status.execution
        assert execution is not None
        assert (execution.epoch, execution.holder) == (9, "assent-1")
        sender = execution.steps[-1].holder
        assert (sender == "assent-1") is isinstance(verdict, SafeRepeat | Compensate)


def test_a_lost_answer_is_the_outcome_of_every_unrecorded_call() -> None:
    """Nobody wrote anything down: that is unknown, never "did not"."""
    assert NO_RECORD.answer == "the operator ended before PD's answer was stored"
