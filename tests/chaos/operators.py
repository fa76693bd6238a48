"""The three operators of a campaign: who leads, who is away, and somebody who starts them again."""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from sandbox.errors import NotRunningError, SandboxError
from sandbox.layout import CHECKOUT
from sandbox.library import Sandbox
from sandbox.objects import Query
from tests.chaos.faults import LEASE_SECONDS, Fault, Victim
from tests.chaos.history import Struck

COUNT = 3
CLOCK = CHECKOUT / "tests/chaos/clock.py"
LOOK_SECONDS = 0.25
RESTART_SECONDS = 1.0
"""How long one that ended by itself stays away."""
TIMING = {
    "ASSENT_LEASE_DURATION_SECONDS": f"{LEASE_SECONDS:g}",
    # A call to PD may take 4.5 s and must end half a second before the deadline.
    "ASSENT_RENEW_DEADLINE_SECONDS": "7",
    "ASSENT_RETRY_PERIOD_SECONDS": "0.4",
}
LEASE = Query("leases", "assent", "assent-system")


class Operators:
    """Starts all, and starts again whoever ended, as a kubelet does, when its time away is over."""

    def __init__(self, box: Sandbox, log: Callable[[Struck], None]) -> None:
        self._box = box
        self._log = log
        self._guard = threading.Lock()
        self._away_until: dict[int, float] = {}
        self._frozen: set[int] = set()
        self._ran: set[int] = set()
        self._ending: set[int] = set()
        self._stop = threading.Event()
        for number in range(1, COUNT + 1):
            self.clock(number).write_text("0")
        self._thread = threading.Thread(target=self._keep, name="kubelet", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Start nobody any more."""
        self._stop.set()
        self._thread.join()

    def clock(self, number: int) -> Path:
        """The file that says by how many seconds the wall clock of that operator is wrong."""
        return self._box.layout.root / f"clock-{number}"

    def leader(self) -> int | None:
        """The number of the operator that the Lease names; None when it names none."""
        holder = self._box.objects.get(LEASE)["spec"].get("holderIdentity") or ""
        found = holder.removeprefix("assent-").partition("-")[0]
        return int(found) if found.isdigit() else None

    def end(self, fault: Fault, *, gently: bool) -> str:
        """Kill or stop one that runs; its name, empty when there is none."""
        number = self._choose(fault)
        if number is None:
            return ""
        self._ending.add(number)
        try:
            operator = self._box.operator(number)
            (operator.stop if gently else operator.kill)()
            with self._guard:
                self._away_until[number] = time.monotonic() + fault.seconds
                self._ran.discard(number)
        finally:
            self._ending.discard(number)
        return f"operator-{number}"

    def freeze(self, fault: Fault) -> str:
        """Freeze one for so long, and thaw it; its name, empty when it did not live through it."""
        number = self._choose(fault)
        if number is None:
            return ""
        operator = self._box.operator(number)
        before = operator.process_id
        self._frozen.add(number)
        try:
            operator.freeze()
            self._stop.wait(fault.seconds)
            operator.thaw()
        finally:
            self._frozen.discard(number)
        return f"operator-{number}" if operator.process_id == before else ""

    def step_clock(self, fault: Fault) -> str:
        """Set the wall clock of one wrong by so much, in one step; its name."""
        number = self._choose(fault)
        if number is None:
            return ""
        self.clock(number).write_text(f"{fault.seconds:.3f}")
        return f"operator-{number}"

    def mend(self) -> None:
        """All run, none is frozen, all clocks are right."""
        with self._guard:
            self._away_until.clear()
        for number in range(1, COUNT + 1):
            self.clock(number).write_text("0")
            self._box.operator(number).thaw()

    def _choose(self, fault: Fault) -> int | None:
        running = [number for number in self._box.running_operators() if number not in self._frozen]
        leader = self.leader()
        if fault.victim is Victim.LEADER:
            return leader if leader in running else None
        others = [number for number in running if number != leader]
        return others[fault.number % len(others)] if others else None

    def _keep(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            try:
                running = self._box.running_operators()
            except NotRunningError:  # the sandbox has ended, and so has this
                return
            for number in range(1, COUNT + 1):
                if number in self._ending:
                    continue
                if number in running:
                    self._ran.add(number)
                    continue
                self._note_end(number)
                if time.monotonic() >= self._away_until.get(number, 0.0):
                    self._start(number)

    def _note_end(self, number: int) -> None:
        with self._guard:
            if number not in self._ran:
                return
            self._ran.discard(number)
            self._away_until[number] = time.monotonic() + RESTART_SECONDS
        state = self._box.operator(number).facts.get("state", "")
        now = time.time()
        self._log(Struck(now, now, "ended_by_itself", f"operator-{number} {state}"))

    def _start(self, number: int) -> None:
        environment: Mapping[str, str] = {
            **TIMING,
            "CHAOS_CLOCK": str(self.clock(number)),
            "PYTHONPATH": os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "operator")]),
        }
        command = (sys.executable, "-P", str(CLOCK))
        try:
            self._box.operator(number).start(environment, command=command, wait=False)
        except SandboxError:  # without an API server there is no Pod
            self._away_until[number] = time.monotonic() + RESTART_SECONDS


def said(struck: Struck) -> str:
    """One line of the log of faults."""
    return json.dumps(struck.__dict__)
