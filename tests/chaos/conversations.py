"""Lets people live through the stream of asks: file, wait, decide, change their minds."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import httpx

from sandbox.errors import SandboxError
from sandbox.library import Sandbox
from sandbox.objects import Object
from tests.chaos.asks import Action, Ask, Manner, OnRegion, Toggle
from tests.chaos.history import FINISHED, UNKNOWN
from tests.chaos.people import APPROVERS, AUTHORS, Person, RefusedByServerError, in_seconds
from tests.chaos.watching import Watching

AT_ONCE = 10
"""Conversations; with so many open no further ask is filed."""
ASSESSED_SECONDS = 90.0
ENDED_SECONDS = 120.0
REQUEST_SECONDS = 60.0
Fact = TypeVar("Fact")


class Conversations:
    """Carries the stream out. `stop` ends the filing; what people have agreed to goes on."""

    def __init__(self, box: Sandbox, seen: Watching, stream: Iterator[Ask]) -> None:
        self._box = box
        self._seen = seen
        self._stream = stream
        self._people = {user: Person(box, user) for user in (*AUTHORS, *APPROVERS)}
        self._regions = box.pd.get("/regions/key?key=&limit=400")["regions"]
        self._stop = threading.Event()
        self._turns: dict[str, Future[None]] = {}
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="people")
        self._slots = threading.Semaphore(AT_ONCE)
        self.filed = 0
        self.errors: list[str] = []
        self._thread = threading.Thread(target=self._run, name="stream", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """File nothing more, and let no one begin to decide."""
        self._stop.set()
        self._thread.join()
        self._pool.shutdown(wait=True)

    def give_up(self) -> None:
        """Cancel what waits for PD to be other than it is, as its author would in the end."""
        for name, found in self._seen.all().items():
            status = found.get("status", {})
            if (status.get("phase"), status.get("reason")) == ("Approved", "PreconditionWaiting"):
                author = self._people[found["spec"]["proposedBy"]]
                self.errors.append(f"{name} was given up: {status.get('message')}")
                author.patch(name, _cancel(author), until=_soon())

    def close(self) -> None:
        """Close the connections."""
        for person in self._people.values():
            person.close()

    def _run(self) -> None:
        for ask in self._stream:
            if self._stop.wait(ask.pause_seconds):
                return
            while not self._slots.acquire(timeout=0.2):
                if self._stop.is_set():
                    return
            begun = self._pool.submit(self._converse, ask, self._turns.get(ask.turn))
            begun.add_done_callback(lambda _: self._slots.release())
            if ask.turn:
                self._turns[ask.turn] = begun

    def _converse(self, ask: Ask, before: Future[None] | None) -> None:
        try:
            if before is not None:
                before.result()
            if not self._stop.is_set():
                self._live_through(ask)
        except (RefusedByServerError, SandboxError, httpx.HTTPError) as error:
            self.errors.append(f"{ask.name}: {error!r}")

    def _live_through(self, ask: Ask) -> None:
        number = int(ask.name.rpartition("-")[2])
        author = self._people[AUTHORS[number % len(AUTHORS)]]
        first = self._people[APPROVERS[number % len(APPROVERS)]]
        second = self._people[APPROVERS[(number + 1) % len(APPROVERS)]]
        action = self._action(ask)
        if action is None:
            return
        extra = dict(ask.extra)
        if ask.expires_seconds is not None:
            extra["notAfter"] = in_seconds(ask.expires_seconds)
        if not author.file(ask.name, action, extra, until=_soon()):
            return
        self.filed += 1
        if (found := self._assessed(ask.name)) is None:
            return
        if self._stop.wait(ask.hesitation_seconds):
            return
        if ask.manner is Manner.EDIT_APPROVE:
            found = self._edited(ask, second, found)
            if found is None:
                return
        self._decide(ask, found, author, first, second)
        if ask.turn:
            self._until(ask.name, _over, ENDED_SECONDS)

    def _decide(
        self, ask: Ask, found: Object, author: Person, first: Person, second: Person
    ) -> None:
        manner, name = ask.manner, ask.name
        if manner is Manner.REJECT:
            first.decide(found, "Reject", until=_soon())
        elif manner is Manner.CANCEL:
            author.patch(name, _cancel(author), until=_soon())
        elif manner is Manner.DELETE:
            author.delete(name, until=_soon())
        else:
            first.decide(found, "Approve", until=_soon())
            if found["status"].get("risk", {}).get("tier") in ("High", "Critical"):
                self._second(name, second)
        if not manner.startswith("approve_"):
            return
        time.sleep(ask.second_seconds)
        if manner is Manner.APPROVE_TWICE:
            self._second(name, second)
        elif manner is Manner.APPROVE_CANCEL:
            author.patch(name, _cancel(author), until=_soon())
        elif manner is Manner.APPROVE_WITHDRAW:
            first.patch(name, {"approvals": []}, until=_soon())
        elif manner is Manner.APPROVE_DELETE:
            author.delete(name, until=_soon())
        elif manner is Manner.APPROVE_EDIT:
            self._reconsider(ask, first, second)

    def _second(self, name: str, second: Person) -> None:
        if (newest := self._seen.get(name)) is not None and "digest" in newest.get("status", {}):
            second.decide(newest, "Approve", until=_soon())

    def _reconsider(self, ask: Ask, first: Person, second: Person) -> None:
        """After an approval the ask is changed, which voids it; somebody else approves anew."""
        if (newest := self._seen.get(ask.name)) is None:
            return
        if (changed := self._edited(ask, second, newest)) is not None:
            first.decide(changed, "Approve", until=_soon())

    def _edited(self, ask: Ask, editor: Person, found: Object) -> Object | None:
        """The proposal once its changed ask is assessed; None when it was not changed."""
        before = found.get("status", {}).get("digest")
        spec = {"proposedBy": editor.user, "action": ask.edited, "approvals": None}
        if not editor.patch(ask.name, whole(found, spec), until=_soon()):
            return None

        def anew(newest: Object | None) -> bool:
            return newest is None or (_ready(newest) and newest["status"]["digest"] != before)

        if not self._until(ask.name, anew, ASSESSED_SECONDS):
            return None
        return self._seen.get(ask.name)

    def _assessed(self, name: str) -> Object | None:
        def ready(found: Object | None) -> bool:
            return found is not None and _ready(found)

        return self._seen.get(name) if self._until(name, ready, ASSESSED_SECONDS) else None

    def _until(
        self, name: str, reached: Callable[[Object | None], bool], timeout_seconds: float
    ) -> bool:
        """Whether it came so far in time, and before the filing was stopped."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline and not self._stop.is_set():
            if self._seen.until(name, reached, 1.0):
                return True
        return False

    def _action(self, ask: Ask) -> Action | None:
        """The action as it is filed: what the wish means with PD as it is now."""
        wish = ask.wish
        if isinstance(wish, dict):
            return wish
        if isinstance(wish, OnRegion):
            return self._on_region(wish)
        return self._patiently(lambda: self._toggled(wish))

    def _on_region(self, wish: OnRegion) -> Action | None:
        number = self._regions[wish.place % len(self._regions)]["id"]
        if wish.kind == "SplitRegion":
            return {"type": wish.kind, "splitRegion": {"regionId": number, "policy": "Approximate"}}
        if wish.kind == "ScatterRegion":
            return {"type": wish.kind, "scatterRegion": {"regionId": number}}
        region = self._patiently(lambda: self._box.pd.get(f"/region/id/{number}"))
        if region is None or "leader" not in region:
            return None
        leader = region["leader"]["store_id"]
        others = [peer["store_id"] for peer in region["peers"] if peer["store_id"] != leader]
        change = {"regionId": number, "toStoreId": others[wish.place % len(others)]}
        return {"type": wish.kind, "transferLeader": change}

    def _toggled(self, wish: Toggle) -> Action:
        schedulers = self._box.pd.schedulers()
        if wish.kind == "scheduler":
            kind = "RemoveScheduler" if wish.name in schedulers else "AddScheduler"
            return {"type": kind, kind[0].lower() + kind[1:]: {"name": wish.name}}
        listed: dict[str, Any] = {}
        if "evict-leader-scheduler" in schedulers:
            listed = self._box.pd.get("/scheduler-config/evict-leader-scheduler/list")
        evicted = wish.name in listed.get("store-id-ranges", {})
        kind = "StopEvictLeaders" if evicted else "EvictLeaders"
        return {"type": kind, kind[0].lower() + kind[1:]: {"storeId": int(wish.name)}}

    def _patiently(self, ask: Callable[[], Fact]) -> Fact | None:
        """What PD says, as soon as it says something."""
        deadline = time.monotonic() + REQUEST_SECONDS
        while time.monotonic() < deadline:
            try:
                return ask()
            except (SandboxError, httpx.HTTPError):
                time.sleep(0.5)
        return None


def _soon() -> float:
    return time.monotonic() + REQUEST_SECONDS


def _ready(found: Object) -> bool:
    status = found.get("status", {})
    return status.get("phase") in ("Pending", "Approved") and "digest" in status


def _over(found: Object | None) -> bool:
    phase = None if found is None else found.get("status", {}).get("phase")
    return found is None or phase in FINISHED or phase == UNKNOWN


def _cancel(author: Person) -> dict[str, Any]:
    return {"cancel": {"by": author.user, "reason": "changed our minds"}}


def whole(found: Object, spec: dict[str, Any]) -> dict[str, Any]:
    """A merge patch that replaces the action: members of the old union go."""
    old = found["spec"]["action"]
    removed = dict.fromkeys(set(old) - {"type"} - set(spec["action"]), None)
    member = {
        key: {**dict.fromkeys(old.get(key, {}), None), **value}
        if isinstance(value, dict)
        else value
        for key, value in spec["action"].items()
    }
    return {**spec, "action": {**removed, **member}}
