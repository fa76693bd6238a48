"""Judges one run by what PD, the stores and the API server wrote down; never by the operator's
own words alone. Pure.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.records import PdRequest
from tests.crash.classes import Case

END_SECONDS = 60.0
"""How long after the crash a proposal may take to end."""
UNKNOWN = "OutcomeUnknown"
ENDED = frozenset(
    {
        "Rejected",
        "Expired",
        "Superseded",
        "Cancelled",
        "Succeeded",
        "Failed",
        "RolledBack",
        "RollbackFailed",
        UNKNOWN,
    }
)


@dataclass(frozen=True)
class Seen:
    """What is known of a run from outside."""

    writes: Sequence[PdRequest]
    """The operator's writes that reached PD's proxy since the run began."""
    region_changes: int
    """How often the stores changed the case's region in the way that the case asks for."""
    proposals: Sequence[Mapping[str, Any]]
    """All proposals of the run's namespace at its end."""
    filed: int
    """How many proposals were created in the namespace, by the API server's audit log."""
    shows: bool
    """Whether PD shows what the case is about."""
    seconds: float
    """From the last crash to the end."""


@dataclass(frozen=True)
class Verdict:
    """One sentence for each thing that must not be."""

    phase: str
    doubles: tuple[str, ...] = ()
    stuck: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """True when nothing is wrong."""
        return not (self.doubles or self.stuck or self.lost)


def judge(case: Case, seen: Seen, *, resendable: bool) -> Verdict:
    """Return what is wrong with the run."""
    if not seen.proposals:
        return Verdict("(gone)", lost=("the proposal is gone",))
    status = seen.proposals[0].get("status", {})
    phase = status.get("phase", "(none)")
    return Verdict(
        phase,
        doubles=(*_repeated(case, seen, resendable=resendable), *_filed_again(seen)),
        stuck=_stuck(phase, seen),
        lost=_lost(case, phase, seen),
    )


def _repeated(case: Case, seen: Seen, *, resendable: bool) -> list[str]:
    taken = [write for write in seen.writes if write.pd_status == 200]
    found = [
        f"PD took {count} times: {call}" for call, count in _counts(taken).items() if count > 1
    ]
    if not resendable:
        found += [
            f"sent {count} times: {call}"
            for call, count in _counts(seen.writes).items()
            if count > 1
        ]
    if len(taken) > case.effects:
        calls = "; ".join(_counts(taken))
        found.append(f"{len(taken)} effects where {case.effects} were approved: {calls}")
    if seen.region_changes > 1:
        found.append(f"the stores made {seen.region_changes} {case.region_kind} of {case.region}")
    return found


def _counts(writes: Sequence[PdRequest]) -> Counter[str]:
    return Counter(f"{write.method} {write.path} {write.body}".strip() for write in writes)


def _filed_again(seen: Seen) -> list[str]:
    found = []
    if len(seen.proposals) > 1:
        found.append(f"{len(seen.proposals)} proposals for the same thing")
    if seen.filed > 1:
        found.append(f"{seen.filed} proposals were created for the same thing")
    return found


def _stuck(phase: str, seen: Seen) -> tuple[str, ...]:
    if phase not in ENDED:
        return (f"still {phase} {seen.seconds:.0f} s after the crash",)
    if seen.seconds > END_SECONDS:
        return (f"ended only {seen.seconds:.0f} s after the crash",)
    return ()


def _lost(case: Case, phase: str, seen: Seen) -> tuple[str, ...]:
    """What was approved and went another way, or is said to be done and was not."""
    if phase == UNKNOWN or phase not in ENDED:
        return ()
    if phase != case.ends:
        return (f"it ended as {phase}, and without a crash as {case.ends}",)
    found = []
    taken = sum(write.pd_status == 200 for write in seen.writes)
    if taken < case.effects:
        found.append(f"{phase}, but PD took {taken} calls of {case.effects}")
    if not seen.shows:
        found.append(f"{phase}, but PD shows otherwise")
    return tuple(found)
