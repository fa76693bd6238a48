"""Somebody who is asked about unknown outcomes: looks into PD's journal, and says what it shows."""

import threading
import time

from sandbox.library import Sandbox
from sandbox.objects import Object
from tests.chaos.history import UNKNOWN
from tests.chaos.people import APPROVERS, Person
from tests.chaos.watching import Watching

LOOK_SECONDS = 1.0
REQUEST_SECONDS = 20.0


class Resolving:
    """A thread that resolves what is OutcomeUnknown: Happened where PD took the call."""

    def __init__(self, box: Sandbox, seen: Watching) -> None:
        self._box = box
        self._seen = seen
        self._person = Person(box, APPROVERS[0])
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="resolving", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Resolve nothing more."""
        self._stop.set()
        self._thread.join()
        self._person.close()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            for name, found in self._seen.all().items():
                status = found.get("status", {})
                if status.get("phase") == UNKNOWN and "resolution" not in found["spec"]:
                    self._resolve(name, found)

    def _resolve(self, name: str, found: Object) -> None:
        call = found["status"]["execution"]["steps"][-1]["call"]
        taken = any(
            line.pd_status == 200
            and line.path == call["path"]
            and line.body == call.get("body", "")
            for line in self._box.pd_writes(caller="assent")
        )
        resolution = {
            "by": self._person.user,
            "outcome": "Happened" if taken else "DidNotHappen",
            "digest": found["status"]["digest"],
        }
        until = time.monotonic() + REQUEST_SECONDS
        self._person.patch(name, {"resolution": resolution}, until=until)
