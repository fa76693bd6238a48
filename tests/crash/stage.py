"""One run: an action of a class, in a way, with an operator that is told where to die."""

import contextlib
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from assent.observability.crash_points import Point
from sandbox.library import KubectlError, Sandbox
from tests.crash.classes import ActionClass, Case
from tests.crash.crew import Crew
from tests.crash.judge import ENDED, Seen, Verdict, judge
from tests.crash.orders import Orders
from tests.crash.ways import Way
from tests.integration.operator.scene import OPERATOR, Scene

NAMES = itertools.count(1)
NAME = "p1"
MOMENT_SECONDS = 60.0
"""How long a run may take to come to its moment."""
QUIET_SECONDS = 90.0
"""How long an end is waited for: longer than it may take, so that late is told from never."""
PAUSE_SECONDS = 0.1
AFTERMATH_SECONDS = 0.5
"""How long a process that is only watched is watched beyond the end: Events come after it."""
LAST_MOMENTS_SECONDS = 5.0
"""How long after the end of its proposal an operator may come to the point at which it dies."""
LATE_MILLISECONDS = 700
POLICY = {
    "actionTimeout": "5s",
    "overrides": [
        {"type": "TransferLeader", "timeout": "5s"},
        {"type": "SplitRegion", "timeout": "8s"},
    ],
}
"""A call that left no trace is OutcomeUnknown this soon."""
RULES_OFF = {
    "leftoverEviction": {"disabled": True},
    "leaderImbalance": {"disabled": True},
    "storeDown": {"disabled": True},
}
FAULTS = {
    Way.SLOW: "delay_after",
    Way.STOPPED: "delay_after",
    Way.LOST: "cut_after_answer",
}
"""What the proxy does to the operator's writes."""
EVICTION = "evict-leader-scheduler"


@dataclass
class Run:
    """What became of a run."""

    kind: str
    way: str
    point: str | None
    """Where the operator was to die; None in a dry pass."""
    passed: list[Point] = field(default_factory=list)
    """The points that the operator which is the subject passed, in order."""
    died: bool = False
    verdict: Verdict = field(default_factory=lambda: Verdict("(not run)"))
    seconds_to_end: float = 0.0
    seconds: float = 0.0
    phases: dict[str, Any] = field(default_factory=dict)
    """The proposal's status at the end."""
    writes: list[str] = field(default_factory=list)
    """The calls that reached PD, with PD's status."""
    trouble: str = ""
    """What kept the run from being one: the sandbox, not the operator. Empty for nothing."""


class Stage:
    """One sandbox with its crew, for run after run."""

    def __init__(self, box: Sandbox, crew: Crew) -> None:
        self._box = box
        self._crew = crew

    def run(
        self, kind: ActionClass, way: Way, *, first: Orders | None = None, kill: Orders | None
    ) -> Run:
        """Do one run, judge it, clean up.

        ``first`` is how the process before dies (in the ways that have one), ``kill`` how the
        subject does; without it the subject is only watched.
        """
        began = time.monotonic()
        namespace = self._box.create_namespace(f"crash-{next(NAMES)}")
        run = Run(kind.name, way.name, None if kill is None else kill.die_at)
        play = _Play(self._box, self._crew, Scene(self._box, namespace), kind, way)
        try:
            play.play(run, first, kill)
        finally:
            self._box.faults.clear()
            self._tidy(kind)
            self._box.delete_namespace(namespace)
            run.seconds = time.monotonic() - began
        return run

    def begin_anew(self) -> None:
        """End all operators, so that the next run begins with new ones."""
        self._crew.stop_all()

    def _tidy(self, kind: ActionClass) -> None:
        if kind.rules and EVICTION in self._box.pd.schedulers():
            self._box.pd.delete(f"/schedulers/{EVICTION}")


class _Play:
    """The course of one run."""

    def __init__(self, box: Sandbox, crew: Crew, scene: Scene, kind: ActionClass, way: Way) -> None:
        self._box, self._crew, self._scene = box, crew, scene
        self._kind, self._way = kind, way
        self._filed = self._kind.rules != {}
        self._suspended = False
        self._last_crash: float | None = None

    def play(self, run: Run, first: Orders | None, kill: Orders | None) -> None:
        leader = self._crew.leader()
        heir = self._crew.standby(leader)
        post = self._crew.post(leader)
        since = post.size()
        standing = Orders(stand_at=self._kind.heart.name) if self._way is Way.HELD else Orders()
        orders = first or kill or Orders()
        post.give(Orders(orders.die_at, orders.occurrence, orders.only_after, standing.stand_at))
        case = self._kind.prepare(self._box)
        self._begin(case)
        subject = leader
        if first is not None:
            subject, since = heir, self._crew.post(heir).size()
            self._crew.post(heir).give(kill or Orders())
            self._await_death_or_end(leader, "the first death")
        else:
            self._befall(leader, since)
        self._await_death_or_end(subject, "the end of the subject")
        if kill is not None:
            run.died = self._await_last_moments(subject, since, kill)
        else:
            time.sleep(AFTERMATH_SECONDS)
        if not any(self._crew.lives(slot) for slot in (leader, heir)):
            self._crew.standby(leader, heir)
        self._relent()
        ended = self._await_end()
        run.passed = self._crew.post(subject).passed(since)
        # The subject, where it lives on, must not obey an order of a run that is over.
        for slot in (leader, heir):
            self._crew.post(slot).give(Orders())
        run.seconds_to_end = max(0.0, ended - (self._last_crash or ended))
        self._judge(run, case, run.seconds_to_end)

    # -- what people and the world do ---------------------------------------------------------

    def _begin(self, case: Case) -> None:
        scene = self._scene
        scene.invite()
        rules = {**RULES_OFF, **self._kind.rules}
        detection = {"interval": "1s", "coolDown": "1h", "rules": rules}
        scene.watch(policy=POLICY, detection=detection)
        fault = FAULTS.get(self._way)
        for method in ("POST", "DELETE") if fault else ():
            self._box.faults.add(
                fault or "", method=method, caller="assent", count=0, milliseconds=LATE_MILLISECONDS
            )
        if case.action is not None:
            scene.file(NAME, case.action, **case.ask)

    def _befall(self, leader: int, since: int) -> None:
        """Do to the leader, at the class's heart, what the way says."""
        if self._way not in (Way.HELD, Way.STOPPED):
            return
        post = self._crew.post(leader)

        def at_heart() -> bool:
            self._tend()
            return self._kind.heart in post.passed(since)

        self._box.wait_for(at_heart, MOMENT_SECONDS, f"{self._kind.heart.name}")
        if self._way is Way.HELD:
            self._scene.configure(suspend=True)
            self._suspended = True
            post.go_on()
            said = (Point.WITHHELD, Point.NOTE_STORED)
            self._wait(
                lambda _: not self._crew.lives(leader) or _any(said, post.passed(since)),
                "something to be withheld",
            )
            self._relent()
        else:
            self._box.wait_for(lambda: self._box.faults.hits() > 0, 20, "call to be at PD")
            self._crew.operator(leader).stop()
            self._last_crash = time.monotonic()

    def _relent(self) -> None:
        """End what stands in the way."""
        self._box.faults.clear()
        if self._suspended:
            self._scene.configure(suspend=False)
            self._suspended = False

    def _tend(self) -> list[dict[str, Any]]:
        """Approve what wants an approval, as a person does who is there all the time.

        Returns the proposals as they were.
        """
        proposals = self._scene.proposals()
        for found in proposals:
            status = found.get("status", {})
            given = {item["digest"] for item in found["spec"].get("approvals", [])}
            wants = status.get("phase") == "Pending" and status.get("digest")
            if wants and status["digest"] not in given:
                with contextlib.suppress(KubectlError):  # it has just become another
                    self._scene.approve(found["metadata"]["name"])
        return proposals

    # -- waiting ------------------------------------------------------------------------------

    def _wait(self, fact: Callable[[list[dict[str, Any]]], bool], what: str) -> None:
        self._box.wait_for(lambda: fact(self._tend()), MOMENT_SECONDS, what)

    def _await_death_or_end(self, slot: int, what: str) -> None:
        """Return once the process is dead, or the proposal has ended without that."""
        lived = True

        def over(proposals: list[dict[str, Any]]) -> bool:
            nonlocal lived
            lived = self._crew.lives(slot)
            return not lived or _ended(proposals)

        self._wait(over, what)
        if not lived:
            self._last_crash = time.monotonic()

    def _await_last_moments(self, slot: int, since: int, kill: Orders) -> bool:
        """Return whether the process dies as ordered; after the end of the proposal there are
        still points to pass.
        """
        deadline = time.monotonic() + LAST_MOMENTS_SECONDS
        while self._crew.lives(slot) and time.monotonic() < deadline:
            time.sleep(PAUSE_SECONDS)
        if self._crew.lives(slot):
            return False
        self._last_crash = self._last_crash or time.monotonic()
        passed = self._crew.post(slot).passed(since)
        return bool(passed) and passed[-1].name == kill.die_at

    def _await_end(self) -> float:
        """Return the instant of the end, or of giving up."""
        deadline = time.monotonic() + QUIET_SECONDS
        while not _ended(self._tend()) and time.monotonic() < deadline:
            time.sleep(PAUSE_SECONDS)
        return time.monotonic()

    def _judge(self, run: Run, case: Case, seconds: float) -> None:
        proposals = self._scene.proposals()
        writes = self._scene.calls()
        run.verdict = judge(
            case,
            Seen(
                writes=writes,
                region_changes=self._region_changes(case),
                proposals=proposals,
                filed=self._created(),
                shows=case.shows(),
                seconds=seconds,
            ),
            resendable=self._kind.resendable,
        )
        run.phases = proposals[0].get("status", {}) if proposals else {}
        run.writes = [
            f"{item.started} {item.method} {item.path} {item.body} -> {item.pd_status}"
            for item in writes
        ]

    def _region_changes(self, case: Case) -> int:
        return sum(
            effect["region"] == case.region
            and effect["kind"] == case.region_kind
            and effect["cause"] == "pd"
            and effect["time"] >= self._scene.began
            for effect in self._box.effects()
        )

    def _created(self) -> int:
        """Return how many proposals the operator has created in the namespace."""
        return sum(
            item.user == OPERATOR
            and item.verb == "create"
            and item.persists
            and item.resource == "actionproposals"
            and item.namespace == self._scene.namespace
            for item in self._box.audit()
        )


def _ended(proposals: Sequence[dict[str, Any]]) -> bool:
    """Return True once there is one, and all have ended."""
    phases = [item.get("status", {}).get("phase") for item in proposals]
    return bool(phases) and all(phase in ENDED for phase in phases)


def _any(wanted: Sequence[Point], passed: Sequence[Point]) -> bool:
    return any(point in passed for point in wanted)
