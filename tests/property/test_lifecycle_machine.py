"""Random lives: people, clusters, PD and executors do anything in any order; the promises hold.

The machine plays everybody but the code under test. Admission is not played: every approval,
edit and stale digest that the API server would refuse reaches the decision too.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from assent.api.v1alpha1.actionproposal import (
    ActionProposalStatus,
    Ask,
    Decision,
    Phase,
    Resolution,
    ResolutionOutcome,
    StepState,
    Target,
)
from assent.api.v1alpha1.actions import Action
from assent.api.v1alpha1.lifecycle import FINISHED, IN_FLIGHT, moves
from assent.api.v1alpha1.tikvcluster import Mode, Tier
from assent.core.actions.catalogue import CATALOGUE
from assent.core.approvals.digest import ask_of, same_ask
from assent.core.lifecycle.case import Evidence
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.decision import Decision as Decided
from assent.core.lifecycle.facts import Facts
from assent.core.lifecycle.history import broken_at
from assent.core.lifecycle.interrupts import may_call
from assent.core.lifecycle.recovery import SafeRepeat, adopt, classify
from assent.core.lifecycle.settle import settle
from assent.core.lifecycle.withhold import withhold
from assent.core.model.call import CallOutcome, Unknown
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.policy.limits import SNAPSHOT_MAX_AGE_SECONDS
from tests.support.examples import examples
from tests.support.lives import ASKS, OUTCOMES, PD_SHOWS, PEOPLE, ROBOTS, SPOILT_CLUSTERS
from tests.support.proposals import (
    AUTHOR,
    LIMIT_4,
    MOVE_17,
    NOW,
    OPERATOR,
    STOP_4,
    approval,
    cancel,
    cluster,
    facts,
    halt,
    problem,
    proposal,
    rejection,
    stored,
    with_spec,
)

MOVES = moves()
pytestmark = pytest.mark.timeout(600)
"""Lives are many; the machine they are walked on may be busy."""


class Life(RuleBasedStateMachine):
    """One proposal from its first write to its end."""

    def __init__(self) -> None:
        super().__init__()
        self.known: Facts = facts()
        self.seen: dict[str, tuple[Ask, Tier, bool, Target]] = {}
        """What stood on the object under each digest: what people said yes to."""
        self.calls = 0

    @initialize(
        asks=st.sampled_from(ASKS),
        author=st.sampled_from([AUTHOR, AUTHOR, OPERATOR]),
        dry=st.sampled_from([False, False, False, True]),
    )
    def filed(self, asks: Action, author: str, dry: bool) -> None:
        """Somebody, or the operator itself, writes the first ask."""
        filed = proposal(asks, proposed_by=author, dry_run=dry and author == AUTHOR)
        self.known = facts(filed, problem=problem(asks))

    @property
    def status(self) -> ActionProposalStatus:
        """The status as stored."""
        return self.known.proposal.status

    # What people do

    @rule(who=st.sampled_from(PEOPLE), old=st.booleans())
    def approve(self, who: str, old: bool) -> None:
        """A yes to what stands there now, or to something that stood there once."""
        digest = self.status.digest
        if old and self.seen:
            digest = next(iter(self.seen))
        self._say(who, approval(who, digest, "store/4"))

    @rule(who=st.sampled_from(PEOPLE), well=st.booleans())
    def break_the_glass(self, who: str, well: bool) -> None:
        """One for all, whoever it is; mostly while nothing else stands in the way."""
        if well and self.status.phase not in FINISHED:
            self.all_is_well()
            self.known = replace(
                self.known, cluster=cluster(policy={"approvals_needed": {"low": 2, "medium": 2}})
            )
            self.look()
        seat = approval(who, self.status.digest, "store/4")
        self._say(who, seat.model_copy(update={"break_glass": "nobody else is awake"}))
        self.look()

    @rule()
    def approve_by_two(self) -> None:
        """The plain way to enough: everything is in order, people are asked and say yes.

        Without it few random lives would ever come to their call.
        """
        if self.status.phase in FINISHED:
            return
        self.all_is_well()
        self.look()
        self.approve("sre-2", False)
        self.approve("sre-3", False)

    @rule(
        who=st.sampled_from(["sre-2", AUTHOR, "sre-2", *ROBOTS]),
        other=st.sampled_from(["sre-2", AUTHOR, "sre-3"]),
        spoil=st.one_of(
            st.sampled_from([{}, {"in_flight": ("other",)}, {"halts": (halt(),)}]),
            st.sampled_from([{"gate_installed": False}, {"cluster_ready": "PD does not answer"}]),
            st.sampled_from(SPOILT_CLUSTERS).map(lambda there: {"cluster": there}),
            st.sampled_from(sorted(PD_SHOWS)).map(lambda shown: {"snapshot": PD_SHOWS[shown]}),
        ),
    )
    def agree_and_spoil(self, who: str, other: str, spoil: dict[str, Any]) -> None:
        """People say yes, and before the operator looks one thing goes wrong."""
        self.approve_by_two()
        self._write(approvals=None)
        self.approve(who, False)
        self.approve(other, False)
        self.known = replace(self.known, **spoil)
        self.look()

    @rule(who=st.sampled_from(PEOPLE))
    def withdraw(self, who: str) -> None:
        """Whoever said something takes it back."""
        seats = [one for one in self.known.proposal.spec.approvals or [] if one.by != who]
        self._write(approvals=seats or None)

    @rule(really=st.integers(0, 19).map(lambda one: one == 7))
    def reject(self, really: bool) -> None:
        """Rarely, or no life would go on."""
        if really:
            self._say("sre-4", rejection("sre-4"))

    @rule(really=st.integers(0, 19).map(lambda one: one == 7))
    def stop(self, really: bool) -> None:
        """Cancel is open in every phase."""
        if really:
            self._write(cancel=cancel())

    @precondition(lambda self: self.status.phase not in IN_FLIGHT)
    @rule(
        change=st.sampled_from(
            [
                *({"action": asks} for asks in ASKS),
                {"reason": "other"},
                {"dry_run": True},
                {"dry_run": False},
                {"not_before": NOW + timedelta(minutes=5)},
                {"not_before": None},
                {"not_after": NOW + timedelta(hours=1)},
                {"proposed_by": "sre-3"},
            ]
        ),
        keep=st.booleans(),
    )
    def edit(self, change: dict[str, Any], keep: bool) -> None:
        """The ask changes; the frozen phases are the API server's to guard."""
        self._write(**change, **({} if keep else {"approvals": None}))

    @rule(outcome=st.sampled_from(list(ResolutionOutcome)), right=st.booleans())
    def resolve(self, outcome: ResolutionOutcome, right: bool) -> None:
        """A person says what came of it, perhaps of something else."""
        digest = (self.status.digest if right else None) or "sha256:x"
        self._write(resolution=Resolution(by="sre-5", outcome=outcome, digest=digest))

    # What clusters and PD do

    @rule(
        change=st.sampled_from(
            [
                {},
                {},
                {"suspend": True},
                {"dry_run": True},
                {"mode": Mode.OBSERVE},
                {"policy": {"max_tier": Tier.LOW}},
                {"policy": {"approvals_needed": {"low": 2, "medium": 2}}},
                None,
            ]
        )
    )
    def configure(self, change: dict[str, Any] | None) -> None:
        """The TiKVCluster changes, or goes."""
        there = None if change is None else cluster(**change)
        self.known = replace(self.known, cluster=there)

    @rule(
        halted=st.sampled_from([(), (), (halt(),), (halt(allow_rollback=True),)]),
        gate=st.sampled_from([True, True, False]),
        busy=st.sampled_from([(), (), ("other",)]),
        ready=st.sampled_from([None, None, "PD does not answer"]),
    )
    def surround(
        self, halted: tuple[Any, ...], gate: bool, busy: tuple[str, ...], ready: str | None
    ) -> None:
        """Halt, gate, neighbours, reachability."""
        self.known = replace(
            self.known, halts=halted, gate_installed=gate, in_flight=busy, cluster_ready=ready
        )

    @rule(shown=st.sampled_from(sorted(PD_SHOWS)))
    def observe(self, shown: str) -> None:
        """PD is read anew and shows anything."""
        found = PD_SHOWS[shown]
        taken = None if found is None else replace(found, taken_at=self.known.now)
        self.known = replace(self.known, snapshot=taken)

    @rule(value=st.sampled_from(["same", "same", "gone", "other"]), ran=st.booleans())
    def detect(self, value: str, ran: bool) -> None:
        """Detection says something of the incident."""
        now = {
            "same": problem(self.known.proposal.spec.action),
            "gone": None,
            "other": problem(LIMIT_4),
        }
        self.known = replace(self.known, problem=now[value], detection_ran=ran)

    @rule(seconds=st.sampled_from([0.0005, 1, 5, 11, 300, 301, 4000, 90_000]))
    def wait(self, seconds: float) -> None:
        """Time passes; facts grow old."""
        self.known = replace(self.known, now=self.known.now + timedelta(seconds=seconds))

    @rule()
    def all_is_well(self) -> None:
        """Everything that could stand in the way is gone, so that lives also reach their call."""
        self.known = replace(
            self.known,
            cluster=cluster(),
            cluster_ready=None,
            halts=(),
            gate_installed=True,
            in_flight=(),
            standing=(),
            detection_ran=False,
            snapshot=replace(self._workable(), taken_at=self.known.now),
        )

    # What the code under test does

    @rule()
    def look(self) -> None:
        """The operator looks once; everything that must hold of one decision is checked."""
        before, known = self.status, self.known
        decided = decide(known)
        assert decided == decide(known), "same facts, same decision"
        self._check_move(before, decided.status)
        if before.phase in FINISHED:
            assert decided.status == before
        if decided.call is None:
            entered = (
                decided.status.phase is Phase.EXECUTING and before.phase is not Phase.EXECUTING
            )
            assert not entered, "an intent without its call"
        else:
            self._check_claim(before, decided)
        after = stored(known, decided)
        assert after.proposal.status == decided.status, "what is stored is what was decided"
        self._check_idle(before, after, decided)
        self.known = after
        self._remember()

    @precondition(lambda self: self.status.phase in (Phase.EXECUTING, Phase.ROLLING_BACK))
    @rule(
        outcome=st.sampled_from(OUTCOMES),
        shown=st.sampled_from(sorted(PD_SHOWS)),
        seconds=st.sampled_from([0, 1, 300, 301]),
    )
    def fly(self, outcome: CallOutcome, shown: str, seconds: int) -> None:
        """The executor judges what came of the call, after some time and by what PD shows then."""
        self.wait(seconds)
        self.observe(shown)
        before = self.status
        evidence = Evidence(outcome, self.known.snapshot, self.known.now)
        decided = settle(self.known.proposal, evidence)
        assert decided == settle(self.known.proposal, evidence)
        if decided is None:
            return
        self._check_move(before, decided.status)
        if isinstance(outcome, Unknown) and decided.status.phase is Phase.FAILED:
            last = _last_state(before, decided)
            assert last is StepState.DONE, "an unknown call was called not done"
        if decided.call is not None:
            assert before.phase is Phase.EXECUTING
            assert decided.status.phase is Phase.ROLLING_BACK
            assert self.known.proposal.spec.cancel is None, "an undo after a cancel"
        self.known = stored(self.known, decided)

    @precondition(lambda self: self.status.phase in (Phase.EXECUTING, Phase.ROLLING_BACK))
    @rule()
    def last_look(self) -> None:
        """The executor looks live before its call, and withholds it when somebody said no."""
        known, undo = self.known, self.status.phase is Phase.ROLLING_BACK
        hold = may_call(known.proposal, known.cluster, known.halts, known.now, undo=undo)
        said_no = (
            known.proposal.spec.cancel is not None
            or known.cluster is None
            or known.cluster.spec.suspend
            or known.cluster.spec.dry_run
            or known.cluster.spec.mode is Mode.OBSERVE
            or any(not (undo and order.spec.allow_rollback) for order in known.halts)
        )
        assert not said_no or hold is not None
        if hold is not None:
            decided = withhold(known.proposal, hold, known.now)
            assert decided.call is None
            self._check_move(self.status, decided.status)
            self.known = stored(known, decided)

    @precondition(lambda self: self.status.phase in (Phase.EXECUTING, Phase.ROLLING_BACK))
    @rule(gone=st.booleans(), shown=st.sampled_from(sorted(PD_SHOWS)))
    def take_over(self, gone: bool, shown: str) -> None:
        """The process dies; the next leader classifies the open intent."""
        self.observe(shown)
        known, before = self.known, self.status
        epoch, holder = known.epoch + 1, f"assent-{known.epoch + 1}"
        found = classify(known.proposal, known.snapshot, sender_gone=gone, now=known.now)
        if isinstance(found, SafeRepeat):
            assert gone, "a repeat without proof"
            assert known.snapshot is not None
            assert known.snapshot.prepared
            assert known.proposal.spec.action != MOVE_17, "a repeat of what is not absolute"
            assert before.execution is not None
            assert before.execution.steps[-1].state is StepState.INTENDED
        decided = adopt(known.proposal, found, epoch=epoch, holder=holder, now=known.now)
        self._check_move(before, decided.status)
        assert decided.status.execution is not None
        assert decided.status.execution.epoch == epoch
        self.known = replace(stored(known, decided), epoch=epoch, holder=holder)

    # What must always hold

    @invariant()
    def the_record_holds(self) -> None:
        """History is chained and bounded, whatever happened."""
        history = self.status.history or []
        assert broken_at(history) is None
        assert len(history) <= 64

    @invariant()
    def words_fit(self) -> None:
        """The API server would refuse a status that does not."""
        assert len(self.status.message or "") <= 2048
        assert self.status.phase is None or self.status.reason

    # Machinery

    def _check_claim(self, before: ActionProposalStatus, decided: Decided) -> None:
        known, spec = self.known, self.known.proposal.spec
        self.calls += 1
        assert before.phase in (Phase.PENDING, Phase.APPROVED)
        assert decided.status.phase is Phase.EXECUTING
        assert before.digest is not None
        ask, tier, dry_run, target = self.seen[before.digest]
        assert same_ask(ask, ask_of(spec)), "it runs another ask than was approved"
        assert not dry_run, "a rehearsal was sent"
        action = CATALOGUE[ask.action.type]
        assert decided.call == action.call(ask.action.parameters)
        enough = self._yes(before.digest, tier) >= _needed(known, tier)
        assert enough or self._glass(before.digest, tier), "not enough people"
        assert not any(one.decision is Decision.REJECT for one in spec.approvals or [])
        assert spec.cancel is None
        there = known.cluster
        assert there is not None
        assert not there.spec.suspend
        assert not there.spec.dry_run
        assert not spec.dry_run
        assert there.spec.mode is Mode.APPROVAL
        assert tier.rank <= there.spec.policy.max_tier.rank
        assert not known.halts
        assert known.gate_installed
        assert not known.in_flight
        assert known.cluster_ready is None
        assert known.snapshot is not None
        assert known.snapshot.prepared
        age = known.now - known.snapshot.taken_at
        assert age <= timedelta(seconds=SNAPSHOT_MAX_AGE_SECONDS)
        assert action.target(ask.action.parameters, known.snapshot) == target
        assert _in_time(spec.not_before, known.now, spec.not_after)
        assert before.expires_at is not None
        assert known.now < before.expires_at

    def _yes(self, digest: str, tier: Tier) -> int:
        spec = self.known.proposal.spec
        names = {
            one.by
            for one in spec.approvals or []
            if one.decision is Decision.APPROVE and one.digest == digest
        } - self._barred()
        robots = {name for name in names if name in ROBOTS}
        return len(names - robots) + (1 if robots and tier.rank <= Tier.MEDIUM.rank else 0)

    def _glass(self, digest: str, tier: Tier) -> bool:
        """Whether a person who may stands in for those who are missing."""
        barred = {*self._barred(), *ROBOTS}
        return tier is not Tier.CRITICAL and any(
            one.break_glass is not None and one.digest == digest and one.by not in barred
            for one in self.known.proposal.spec.approvals or []
        )

    def _barred(self) -> set[str]:
        """The operator, and everybody who wrote an ask that was ever assessed in this life."""
        wrote = {ask.proposed_by for ask, *_ in self.seen.values()}
        return {OPERATOR, self.known.proposal.spec.proposed_by, *wrote}

    def _check_move(self, before: ActionProposalStatus, after: ActionProposalStatus) -> None:
        same = after.phase is before.phase
        assert after.phase is not None
        assert same or after.phase in MOVES[before.phase], (before.phase, after.phase)
        old = before.execution.steps if before.execution else []
        new = after.execution.steps if after.execution else []
        assert len(new) >= len(old), "the journal shrank"

    def _check_idle(self, before: ActionProposalStatus, after: Facts, decided: Decided) -> None:
        """Deciding on the result writes nothing, but for the second half of leaving Observe."""
        again = decide(after)
        left_observe = before.phase is Phase.SUGGESTED and decided.status.phase is Phase.PENDING
        if left_observe and again.status.phase is not Phase.PENDING:
            return
        assert again.call is None
        assert again.status == decided.status, "an idle write"
        assert again.notices == ()

    def _remember(self) -> None:
        status = self.status
        if status.digest is not None and status.digest not in self.seen:
            assert status.assessed is not None
            assert status.risk is not None
            assert status.target is not None
            dry_run = bool(status.effective_dry_run)
            self.seen[status.digest] = (
                status.assessed,
                status.risk.tier,
                dry_run,
                status.target,
            )

    def _workable(self) -> ClusterSnapshot:
        found = PD_SHOWS["evicted" if self.known.proposal.spec.action == STOP_4 else "normal"]
        assert found is not None
        return found

    def _say(self, who: str, word: Any) -> None:
        others = [one for one in self.known.proposal.spec.approvals or [] if one.by != who]
        self._write(approvals=[*others, word])

    def _write(self, **changes: Any) -> None:
        """Write spec; nobody writes to what has ended, so that lives are not spent on that."""
        if self.status.phase not in FINISHED or "reason" in changes:
            self.known = with_spec(self.known, **changes)


def _needed(known: Facts, tier: Tier) -> int:
    assert known.cluster is not None
    return known.cluster.spec.policy.approvals_needed.of(tier)


def _in_time(start: datetime | None, now: datetime, end: datetime | None) -> bool:
    return (start is None or start <= now) and (end is None or now < end)


def _last_state(before: ActionProposalStatus, decided: Decided) -> StepState:
    assert before.execution is not None
    assert decided.status.execution is not None
    return decided.status.execution.steps[len(before.execution.steps) - 1].state


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=examples(100),
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
