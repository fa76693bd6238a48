"""Armed operators on one sandbox: one leads, one stands by, one more may come."""

import sys
from pathlib import Path

from sandbox.library import OperatorHandle, Sandbox
from sandbox.objects import ObjectError, Query
from tests.crash.orders import FOLDER, Post

ENTRY = Path(__file__).with_name("armed.py")
LEASE = {
    "ASSENT_LEASE_DURATION_SECONDS": "5",
    "ASSENT_RENEW_DEADLINE_SECONDS": "4.2",
    "ASSENT_RETRY_PERIOD_SECONDS": "0.3",
}
"""A call to PD takes 2.5 s at most here (``armed``) and has 0.5 s of margin."""
SLOTS = (7, 8, 9)
"""Numbers that no other test of a shared sandbox uses: an operator keeps its settings."""
PATIENCE_SECONDS = 60.0


class Crew:
    """The operators of one sandbox."""

    def __init__(self, box: Sandbox, folder: Path) -> None:
        self._box = box
        self._posts = {slot: Post(folder / f"operator-{slot}") for slot in SLOTS}

    def operator(self, slot: int) -> OperatorHandle:
        """The operator in that slot."""
        return self._box.operator(slot)

    def post(self, slot: int) -> Post:
        """Its orders and its trace."""
        return self._posts[slot]

    def lives(self, slot: int) -> bool:
        """Whether its process runs."""
        return self.operator(slot).process_id is not None

    def leader(self) -> int:
        """The slot whose operator leads; one is started where none runs.

        Raises:
            WaitTimeoutError: nobody does for a minute.
        """
        if not any(self.lives(slot) for slot in SLOTS):
            self.start(SLOTS[0])

        def leading() -> int | None:
            holder = self._holder()
            named = [
                slot for slot in SLOTS if self.lives(slot) and self.operator(slot).pod == holder
            ]
            return named[0] if named else None

        return self._box.wait_for(leading, PATIENCE_SECONDS, "leader")

    def standby(self, *others: int) -> int:
        """A slot beside those whose operator runs and does not lead; started if there is none.

        A new start takes away the Pod of its slot's last operator, which may be the proof that
        this has ended: ``others`` says whose Pods must stay.
        """
        free = [slot for slot in SLOTS if slot not in others]
        for slot in free:
            if self.lives(slot):
                return slot
        self.start(free[0])
        return free[0]

    def start(self, slot: int) -> None:
        """Start it, armed and without orders; ready on return."""
        post = self.post(slot)
        post.clear()
        environment = {**LEASE, FOLDER: str(post.trace_path.parent)}
        self.operator(slot).start(environment, command=[sys.executable, str(ENTRY)])

    def stop_all(self) -> None:
        """Stop every operator."""
        for slot in SLOTS:
            if self.lives(slot):
                self.operator(slot).kill()

    def _holder(self) -> str:
        try:
            lease = self._box.objects.get(Query("leases", "assent", "assent-system"))
        except ObjectError:
            return ""
        return str(lease["spec"].get("holderIdentity", ""))
