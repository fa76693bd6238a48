"""A PD that takes every call and shows its effect only some turns later; for groups of steps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from assent.core.model.call import CallOutcome, Did, PdCall
from assent.core.model.snapshot import ClusterSnapshot
from tests.support.obedient_pd import obey

NEVER = 10_000
"""More turns than any voyage takes."""


@dataclass
class SlowPd:
    """Answers at once, acts later. ``answer`` and ``pass_turn`` are a voyage's PD."""

    delays: Callable[[PdCall], int] = lambda call: 2
    """After how many turns in which nothing else happens a call shows."""
    outcomes: Mapping[int, CallOutcome] = field(default_factory=dict)
    """What is answered to calls of these numbers, from 1; only Did has an effect."""
    pending: list[tuple[PdCall, int]] = field(default_factory=list)
    most_pending: int = 0
    """How many calls were on their way at once, at most."""
    calls: int = 0

    def answer(self, call: PdCall, shown: ClusterSnapshot) -> tuple[CallOutcome, ClusterSnapshot]:
        """Return the answer, and the cluster as before."""
        self.calls += 1
        outcome = self.outcomes.get(self.calls, Did("200 ok"))
        if isinstance(outcome, Did):
            self.pending.append((call, self.delays(call)))
        self.most_pending = max(self.most_pending, len(self.pending))
        return outcome, shown

    def pass_turn(self, shown: ClusterSnapshot) -> ClusterSnapshot:
        """Return the cluster one turn later."""
        self.pending = [(call, turns - 1) for call, turns in self.pending]
        for call, turns in self.pending:
            if turns <= 0:
                _, shown = obey(call, shown)
        self.pending = [(call, turns) for call, turns in self.pending if turns > 0]
        return shown
