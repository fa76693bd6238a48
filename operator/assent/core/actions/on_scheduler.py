"""What actions on one of PD's schedulers share: what they touch, and reading its state."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from assent.api.v1alpha1.actionproposal import Fact, Target
from assent.api.v1alpha1.parameters.scheduling import OfScheduler, SchedulerName
from assent.core.actions.action import Action, Scope
from assent.core.model.call import PdCall
from assent.core.model.reading import Reading
from assent.core.model.snapshot import BALANCERS, ClusterSnapshot
from assent.core.model.verdict import Allow, Check, Hold

S = TypeVar("S", bound=OfScheduler)

SCHEDULERS = "/pd/api/v1/schedulers"

LISTED = "listed"
DISABLED = "disabled"
PAUSED_UNTIL = "pausedUntil"
PAUSE_LEFT = "pauseLeftSeconds"
READ_AT = "readAt"
PD_LEADER = "pdLeader"
NOT_PAUSED = "not paused"


class SchedulerAction(Action[S]):
    """An action on the scheduler that ``params.name`` names."""

    readings = frozenset({Reading.PAUSES})

    def scope(self, params: S) -> Scope:
        """Return the scheduler."""
        return Scope(settings=frozenset({f"scheduler/{params.name}"}))

    def target(self, params: S, snapshot: ClusterSnapshot) -> Target | None:
        """Return the scheduler by its name; it has no other identity, running or not."""
        return Target(
            cluster_id=str(snapshot.pd.cluster_id),
            id=f"scheduler/{params.name}",
            identity=[Fact(name="scheduler", value=params.name)],
        )


def listed(name: SchedulerName, snapshot: ClusterSnapshot) -> bool:
    """Return True when PD runs it (or has it paused)."""
    return name in snapshot.schedulers


def removed(name: SchedulerName, snapshot: ClusterSnapshot) -> bool:
    """Return True when PD certainly does not run it, nor will after a change of its leader.

    While a new leader starts its schedulers one by one it lists only some of them, so one that
    every PD runs by default counts as removed only once the stored configuration has it disabled.
    """
    if not snapshot.prepared or listed(name, snapshot):
        return False
    return name not in BALANCERS or name in (snapshot.disabled_schedulers or frozenset())


def running_facts(name: SchedulerName, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
    """Return whether PD lists it, and whether its configuration has it disabled."""
    found = [Fact(name=LISTED, value=_text(answer=listed(name, snapshot)))]
    if snapshot.disabled_schedulers is not None:
        disabled = name in snapshot.disabled_schedulers
        found.append(Fact(name=DISABLED, value=_text(answer=disabled)))
    return tuple(found)


def paused_until(name: SchedulerName, snapshot: ClusterSnapshot) -> datetime | None:
    """Return when PD resumes it, None when it is not paused or nothing is known of pauses."""
    until = (snapshot.paused_schedulers or {}).get(name)
    return until if until is not None and until > snapshot.taken_at else None


def pause_facts(name: SchedulerName, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
    """Return the pause, the moment and the PD leader in whose memory it is (P32).

    Nothing when the snapshot says nothing of pauses.
    """
    if snapshot.paused_schedulers is None:
        return ()
    until = paused_until(name, snapshot)
    found = [Fact(name=PAUSED_UNTIL, value=NOT_PAUSED if until is None else instant(until))]
    if until is not None:
        left = math.ceil((until - snapshot.taken_at).total_seconds())
        found.append(Fact(name=PAUSE_LEFT, value=str(left)))
    found.append(Fact(name=READ_AT, value=instant(snapshot.taken_at)))
    found.append(Fact(name=PD_LEADER, value=snapshot.pd.leader_name[:256]))
    return tuple(found)


def captured(before: Sequence[Fact], name: str) -> str | None:
    """Return the captured value of that name, None without one."""
    return next((fact.value for fact in before if fact.name == name), None)


def captured_instant(before: Sequence[Fact], name: str) -> datetime | None:
    """Return the captured instant of that name, None without one."""
    text = captured(before, name)
    return None if text in (None, NOT_PAUSED) else datetime.fromisoformat(str(text))


def pause(name: SchedulerName, seconds: int) -> PdCall:
    """Return the call that pauses it for so long; PD resumes it by itself (P32: or forgets)."""
    return PdCall("POST", f"{SCHEDULERS}/{name}", {"delay": seconds})


def resume(name: SchedulerName) -> PdCall:
    """Return the call that ends its pause, harmless when there is none."""
    return PdCall("POST", f"{SCHEDULERS}/{name}", {"delay": 0})


def add(name: SchedulerName) -> PdCall:
    """Return the call that creates it; 500 when it is there."""
    return PdCall("POST", SCHEDULERS, {"name": name.value})


def remove(name: SchedulerName) -> PdCall:
    """Return the call that removes it; 404 when it is not there.

    The name is one of ours, so never evict-leader-scheduler, which would end the eviction of
    every store (P29).
    """
    return PdCall("DELETE", f"{SCHEDULERS}/{name}")


def pauses_known(snapshot: ClusterSnapshot) -> Check:
    """Return whether the snapshot says which schedulers are paused."""
    name = "PausesKnown"
    if snapshot.paused_schedulers is None:
        return Check(name, Hold("PausesUnknown", "which schedulers are paused was not read"))
    return Check(name, Allow("PD says which schedulers are paused"))


def scheduler_listed(name: SchedulerName, snapshot: ClusterSnapshot) -> Check:
    """Return whether PD runs it: it pauses and resumes no other."""
    if not listed(name, snapshot):
        message = f"PD runs no {name}: it was removed, or this PD has none"
        return Check("SchedulerListed", Hold("SchedulerMissing", message))
    return Check("SchedulerListed", Allow(f"PD runs {name}"))


def forgotten(before: Sequence[Fact], snapshot: ClusterSnapshot) -> str:
    """Return the words that PD's leader changed since, which ends every pause (P32)."""
    leader = captured(before, PD_LEADER)
    if leader is None or leader == snapshot.pd.leader_name[:256]:
        return ""
    return f"; PD's leader changed from {leader} to {snapshot.pd.leader_name}: it forgets pauses"


def instant(moment: datetime) -> str:
    """Return the instant as exact text."""
    return moment.astimezone(UTC).isoformat()


def lasts(seconds: int) -> str:
    """Return a time in words, such as ``1:30:00``."""
    return str(timedelta(seconds=seconds))


def _text(*, answer: bool) -> str:
    return "true" if answer else "false"
