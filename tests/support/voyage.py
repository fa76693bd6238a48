"""Drives one proposal through its whole execution, without I/O: PD is a snapshot that tests change
as calls arrive. What the operator's flight does with a real PD is done here with values.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from assent.api.v1alpha1.actionproposal import ActionProposalStatus, Phase, StepState
from assent.api.v1alpha1.actions import Action
from assent.core.actions.catalogue import CATALOGUE
from assent.core.lifecycle.active import revert_or_wait
from assent.core.lifecycle.between import go_on, is_between
from assent.core.lifecycle.case import Evidence
from assent.core.lifecycle.decide import decide
from assent.core.lifecycle.decision import Decision
from assent.core.lifecycle.facts import Facts
from assent.core.lifecycle.forward import Now
from assent.core.lifecycle.journal import Sender
from assent.core.lifecycle.settle import settle
from assent.core.model.call import CallOutcome, Did, PdCall
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.tidb_operator import TidbOperatorFacts
from assent.core.model.verdict import Hold
from tests.support.proposals import approved, facts, proposal

ACTING = (Phase.EXECUTING, Phase.ROLLING_BACK)
MOST_TURNS = 200

Answer = Callable[[PdCall, ClusterSnapshot], tuple[CallOutcome, ClusterSnapshot]]
"""What PD answers to a call, and what it shows from then on."""


@dataclass
class Voyage:
    """One proposal, approved by two people, and the PD it acts on."""

    asks: Action
    shown: ClusterSnapshot
    answer: Answer
    revert_after: str | None = None
    hold: Hold | None = None
    """What stands against calls between two steps."""
    tidb_operator: TidbOperatorFacts | None = None
    """What TiDB Operator's object says once the first call was sent."""
    step_seconds: float = 1.0
    """How much time passes at every turn in which nothing happens."""
    passing: Callable[[ClusterSnapshot], ClusterSnapshot] = field(default=lambda shown: shown)
    """What PD shows after such a turn."""
    sent: list[PdCall] = field(default_factory=list)
    known: Facts = field(init=False)

    def __post_init__(self) -> None:
        spec = {} if self.revert_after is None else {"revert_after": self.revert_after}
        first = facts(proposal(self.asks, **spec), snapshot=self.shown)
        self.known = approved(first, "sre-2", "sre-3")

    @property
    def status(self) -> ActionProposalStatus:
        """The proposal's status as stored."""
        return self.known.proposal.status

    @property
    def states(self) -> list[tuple[int | None, str, StepState]]:
        """The journal: plan step, kind, state."""
        execution = self.status.execution
        steps = execution.steps if execution is not None else []
        return [(step.plan_step, step.kind.value, step.state) for step in steps]

    @property
    def lines(self) -> list[str]:
        """The calls that PD got."""
        return [call.line for call in self.sent]

    def go(self, turns: int = MOST_TURNS) -> ActionProposalStatus:
        """Carry it on until it acts no more, or so many turns have passed; return its status."""
        if self.status.phase in (Phase.PENDING, Phase.APPROVED):
            self._take(decide(self._now_facts()))
        for _ in range(turns):
            if self.status.phase not in ACTING:
                break
            self.turn()
        return self.status

    def turn(self) -> None:
        """Look once; let time pass where nothing happens."""
        if is_between(self.known.proposal):
            view = Now(
                self.shown,
                self.known.now,
                Sender(7, "assent-0"),
                self._now_facts().cluster.spec.policy,  # type: ignore[union-attr]
                self.hold,
                self.tidb_operator,
            )
            decision = go_on(self.known.proposal, view)
        else:
            decision = settle(
                self.known.proposal,
                Evidence(
                    self._outcome, self.shown, self.known.now, tidb_operator=self.tidb_operator
                ),
            )
        if decision is None or decision.status == self.status:
            self.wait(self.step_seconds)
            self.shown = self.passing(self.shown)
        else:
            self._take(decision)

    def revert(self) -> Decision:
        """Ask what becomes of the Active proposal now, and do it."""
        decision = revert_or_wait(self._now_facts(), CATALOGUE)
        self._take(decision)
        return decision

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.known = replace(self.known, now=self.known.now + timedelta(seconds=seconds))

    @property
    def now(self) -> datetime:
        """The time on the voyage."""
        return self.known.now

    _outcome: CallOutcome = field(default_factory=lambda: Did("200 ok"))

    def _now_facts(self) -> Facts:
        shown = replace(self.shown, taken_at=self.known.now)
        return replace(self.known, snapshot=shown)

    def _take(self, decision: Decision) -> None:
        status = ActionProposalStatus.model_validate(decision.status.wire())
        self.known = replace(self.known, proposal=replace(self.known.proposal, status=status))
        if decision.call is not None:
            self.sent.append(decision.call)
            self._outcome, self.shown = self.answer(decision.call, self.shown)
