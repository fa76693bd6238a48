"""What a contract test of an action does: see, perform, undo, and compare everything."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.base import ApiModel
from assent.core.actions.action import Action, Progress, Verification
from assent.core.actions.catalogue import CATALOGUE
from assent.core.model.call import CallOutcome, Did, DidNot, PdCall
from assent.core.model.reading import Wanted
from assent.core.model.snapshot import ClusterSnapshot, Region
from assent.core.model.verdict import Check, Deny, Hold
from assent.errors import Retryable
from assent.pd.client import PdClient
from assent.pd.reads import read_snapshot
from assent.pd.writes import send
from sandbox.errors import SandboxError
from sandbox.records import PdRequest, effective_writes
from tests.contract.actions.whole_state import WholeState, differences, read_whole_state
from tests.support.pd import permit
from tests.support.real_cluster import RealCluster

TIMEOUT_SECONDS = 30.0
PAUSE_SECONDS = 0.05
REQUEST_AGAIN_SECONDS = 5.0
CALLER = "assent"


@dataclass(frozen=True)
class Performed:
    """One action, carried out; what `undo` needs."""

    action: Action[Any]
    params: ApiModel
    checks: tuple[Check, ...]
    """All preconditions, as they were right before the call."""
    before: tuple[Fact, ...]
    outcome: CallOutcome | None
    """Of the first call; None when it was already so and nothing was sent."""
    verification: Verification
    """The last one: SETTLED, unless the outcome was a refusal or the time was over."""
    sent: tuple[PdCall, ...]
    """Every call in order: the first, then the follow-ups."""
    pd_leader: str
    """Who led PD when the first call was sent."""
    seconds: float

    @property
    def follow_ups(self) -> tuple[PdCall, ...]:
        """The calls after the first."""
        return self.sent[1:]

    @property
    def settled(self) -> bool:
        """True when verification saw the whole effect."""
        return self.verification.progress is Progress.SETTLED


@dataclass
class Stage:
    """A real PD with simulated stores, for one test."""

    cluster: RealCluster
    client: PdClient
    """The production client, on the proxies."""
    spoilt: bool = False
    """Set it where the test leaves what cannot be mended: the next test gets a new cluster."""
    _effects_before: int = field(init=False)
    _requests_before: int = field(init=False)
    _commands_before: int = field(init=False)

    def __post_init__(self) -> None:
        known = self.cluster.stores.get("/commands")
        self._commands_before = known[-1]["seq"] if known else 0
        self._effects_before = len(self.cluster.effects.read())
        self._requests_before = len(self.cluster.requests())

    # Looking

    async def see(
        self, params: ApiModel | None = None, *region_ids: int, wanted: Wanted | None = None
    ) -> ClusterSnapshot:
        """Return a fresh snapshot with what the action of ``params`` wants to see, and more.

        While PD changes leader it is asked again, for 30 s.
        """
        asked = Wanted(frozenset(region_ids)) | (wanted or Wanted())
        if params is not None:
            asked |= action_for(params).wanted(params)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            try:
                return await read_snapshot(self.client, now=_now, wanted=asked)
            except Retryable:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(PAUSE_SECONDS)

    async def until(
        self,
        fact: Callable[[ClusterSnapshot], bool],
        what: str,
        params: ApiModel | None = None,
        *region_ids: int,
        wanted: Wanted | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> ClusterSnapshot:
        """Return the first snapshot in which the fact holds; AssertionError when none does."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            snapshot = await self.see(params, *region_ids, wanted=wanted)
            if fact(snapshot):
                return snapshot
            assert time.monotonic() < deadline, f"PD never showed {what}"
            await asyncio.sleep(PAUSE_SECONDS)

    async def region(self, fact: Callable[[Region], bool] = lambda region: True) -> Region:
        """Return the first region, in key order, of which the fact holds, at rest."""
        snapshot = await self.see()
        return next(region for region in snapshot.sample if fact(region))

    def whole_state(self) -> WholeState:
        """Return everything that PD shows now."""
        return read_whole_state(self.cluster.pd)

    async def until_same(
        self,
        before: WholeState,
        *,
        except_for: Sequence[str] = (),
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> WholeState:
        """Return once all is as before, field by field; fail with every field that is not.

        It waits because PD cleans up after an operator in its own time (orphan peers, for one).
        """
        deadline = time.monotonic() + timeout_seconds
        while True:
            now = self.whole_state()
            found = differences(before, now, except_for=except_for)
            if not found:
                return now
            assert time.monotonic() < deadline, "not as before:\n" + "\n".join(found)
            await asyncio.sleep(PAUSE_SECONDS)

    def effects(self, *kinds: str, **fields: object) -> list[dict[str, Any]]:
        """Return what the stores carried out since the test began, oldest first.

        ``kinds`` as in sandbox/go/tikvsim/README.md (none: all); ``fields`` must be equal, such
        as ``region=7, to_store=2, cause="pd"``.
        """
        return [
            line
            for line in self.cluster.effects.read()[self._effects_before :]
            if (not kinds or line["kind"] in kinds)
            and all(line[name] == value for name, value in fields.items())
        ]

    def commands(self, region_id: int = 0) -> list[dict[str, Any]]:
        """Return the commands of PD that reached the stores since the test began, of one region
        or of all, repeats too: ``seq time store region command epoch result``.

        ``result`` is done, splitting, or why a store did nothing (stale_epoch, store_hung, …).
        """
        found: list[dict[str, Any]] = self.cluster.stores.get(
            f"/commands?after={self._commands_before}&region={region_id}"
        )
        return found

    def writes(self, caller: str = CALLER) -> list[PdRequest]:
        """Return what reached PD under that caller since the test began, each once.

        Only for clusters of one member is "since the test began" exact.
        """
        names = [member.name for member in self.cluster.members]
        requests = self.cluster.requests()
        if len(names) == 1:
            requests = requests[self._requests_before :]
        return [found for found in effective_writes(requests, names) if found.caller == caller]

    # Acting

    async def refusals(self, params: ApiModel) -> list[Check]:
        """Return the preconditions that hold or deny now."""
        snapshot = await self.see(params)
        return refused(action_for(params).preconditions(params, snapshot))

    async def perform(
        self,
        params: ApiModel,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        enough: Progress = Progress.SETTLED,
    ) -> Performed:
        """Carry the action out as the operator does: snapshot, preconditions, before-values, one
        call, verification until it is ``enough`` (SEEN: PD shows it), follow-ups.

        It fails when a precondition refuses. A call that certainly did nothing is returned at
        once, unless it was already so. One that is unknown is verified like one that was done.
        """
        action = action_for(params)
        began = time.monotonic()
        snapshot = await self.see(params)
        checks = tuple(action.preconditions(params, snapshot))
        assert not refused(checks), refused(checks)
        before = action.before(params, snapshot)
        leader = snapshot.pd.leader_name
        sent: list[PdCall] = []
        outcome: CallOutcome | None = None
        if not action.already_done(params, snapshot):
            sent.append(action.call(params))
            outcome = await self.send(sent[0])
        verification = action.verify(params, before, snapshot)
        gone = isinstance(outcome, DidNot) and not outcome.already_done
        deadline = time.monotonic() + timeout_seconds
        while not gone:
            snapshot = await self.see(params)
            verification = action.verify(params, before, snapshot)
            more = None
            if verification.progress is not Progress.NOT_SEEN:
                more = action.follow_up(params, before, snapshot)
            if more is not None:
                sent.append(more)
                answer = await self.send(more)
                assert isinstance(answer, Did), f"{more.line}: {answer}"
            elif _reached(verification.progress, enough) or time.monotonic() > deadline:
                break
            await asyncio.sleep(PAUSE_SECONDS)
        took = time.monotonic() - began
        return Performed(
            action, params, checks, before, outcome, verification, tuple(sent), leader, took
        )

    async def undo(
        self, done: Performed, *, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> tuple[PdCall, ...]:
        """Take the action back as the operator does, until PD shows the before-values; return
        the calls that were sent.
        """
        action, params, before = done.action, done.params, done.before
        call = action.inverse(params, before)
        assert call is not None, f"{action.type} has nothing to undo: {before}"
        await self.see(params)  # finds the leader again if it moved
        outcome = await self.send(call)
        assert isinstance(outcome, Did), f"{call.line}: {outcome}"
        sent = [call]
        deadline = time.monotonic() + timeout_seconds
        while True:
            snapshot = await self.see(params)
            more = action.inverse_follow_up(params, before, snapshot)
            if more is not None:
                sent.append(more)
                outcome = await self.send(more)
                assert isinstance(outcome, Did), f"{more.line}: {outcome}"
            elif action.unchanged(params, before, snapshot):
                return tuple(sent)
            shown = action.before(params, snapshot)
            assert time.monotonic() < deadline, f"not undone: {before}, but {shown}"
            await asyncio.sleep(PAUSE_SECONDS)

    async def send(self, call: PdCall) -> CallOutcome:
        """Send one call as production does, with a permit that lasts."""
        return await send(self.client, call, permit(), monotonic=time.monotonic)

    # Arranging the scene, as somebody else would; nothing of it is in `writes`

    def lively(self) -> None:
        """Let PD's balancing move leaders and regions as it does by default (P21)."""
        self.config("tolerant-size-ratio", 0)

    def config(self, name: str, value: object) -> None:
        """Set one item of PD's configuration; it is restored after the test."""
        self.cluster.pd.post("/config", {name: value})

    def pd(self, method: str, path: str, body: object | None = None) -> Any:
        """Ask PD's leader directly; paths begin after /pd/api/v1. Errors raise RefusedError."""
        return {
            "GET": lambda: self.cluster.pd.get(path),
            "POST": lambda: self.cluster.pd.post(path, body),
            "DELETE": lambda: self.cluster.pd.delete(path),
        }[method]()

    def store(self, number: int, fault: str, **details: object) -> None:
        """Stop, start, hang, slow, fill or heat a simulated store; ``off=True`` ends it."""
        self.cluster.stores.store(number, fault, **details)

    def stores_settings(self, **settings: object) -> None:
        """Change settings of the simulated stores, such as ``snapshot_delay_ms=500``."""
        self.cluster.stores.post("/settings", settings)

    async def move_pd_leader(self) -> str:
        """Make another member lead PD and return its name; it need not be prepared yet (P15)."""
        old = self.cluster.pd.leader()
        names = [member.name for member in self.cluster.members]
        new = names[(names.index(old) + 1) % len(names)]
        deadline, asked_at = time.monotonic() + TIMEOUT_SECONDS, 0.0
        while True:
            with suppress(SandboxError):
                if self.cluster.pd.leader() == new:
                    return new
                if time.monotonic() > asked_at + REQUEST_AGAIN_SECONDS:  # 200 may mean nothing
                    asked_at = time.monotonic()
                    self.cluster.pd.post(f"/leader/transfer/{new}")
            assert time.monotonic() < deadline, f"{new} never led"
            await asyncio.sleep(PAUSE_SECONDS)

    async def at_rest(self) -> None:
        """Return once no operator runs."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while running := self.cluster.pd.get("/operators"):
            assert time.monotonic() < deadline, f"still running: {running}"
            await asyncio.sleep(PAUSE_SECONDS)


def action_for(params: ApiModel) -> Action[Any]:
    """Return the action whose parameters these are."""
    return CATALOGUE[ActionType(type(params).__name__)]


def refused(checks: Sequence[Check]) -> list[Check]:
    """Return the checks that hold or deny."""
    return [check for check in checks if isinstance(check.verdict, (Hold, Deny))]


def follower_store(region: Region) -> int:
    """Return a store with a voter of the region that does not lead it."""
    return next(peer.store_id for peer in region.peers if peer.store_id != region.leader_store_id)


def store_without(region: Region, stores: int = 4) -> int:
    """Return a store that holds no peer of the region."""
    holding = {peer.store_id for peer in region.peers}
    return next(number for number in range(1, stores + 1) if number not in holding)


def _reached(progress: Progress, enough: Progress) -> bool:
    order = (Progress.NOT_SEEN, Progress.SEEN, Progress.SETTLED)
    return order.index(progress) >= order.index(enough)


def _now() -> datetime:
    return datetime.now(UTC)
