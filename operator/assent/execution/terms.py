"""A term of leadership as a value with one moving part, its deadline; and who may begin one. Pure.

Time here is this process's own monotonic clock: no instant of another machine is ever compared.
"""

from dataclasses import dataclass

from assent.kube.leases import LeaseRecord


class Term:
    """One uninterrupted leadership. Its epoch is unique and higher than every earlier one."""

    def __init__(
        self,
        *,
        epoch: int,
        holder: str,
        began_monotonic_seconds: float,
        deadline_monotonic_seconds: float,
        released_epoch: int | None,
    ) -> None:
        self.epoch = epoch
        self.holder = holder
        """Our own pod name."""
        self.began_monotonic_seconds = began_monotonic_seconds
        self.released_epoch = released_epoch
        """Epoch of the term just before, when its holder released the Lease after its work was
        drained: proof that nothing of that term is still on its way. None without that proof."""
        self._deadline = deadline_monotonic_seconds
        self._ended = False

    @property
    def deadline_monotonic_seconds(self) -> float:
        """Local instant after which this process must have stopped. Moves with renewals."""
        return self._deadline

    @property
    def ended(self) -> bool:
        """True once leadership is known to be lost or given back; never False again."""
        return self._ended

    def valid(self, at_monotonic_seconds: float) -> bool:
        """Whether this process leads at that local instant."""
        return not self._ended and at_monotonic_seconds < self._deadline

    def extend(self, deadline_monotonic_seconds: float) -> None:
        """Move the deadline after a renewal; never back."""
        self._deadline = max(self._deadline, deadline_monotonic_seconds)

    def end(self) -> None:
        """Say that it is over."""
        self._ended = True


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a candidate last saw of the Lease, and since when it stands like that."""

    record: LeaseRecord | None
    """None: there is no Lease."""
    since_monotonic_seconds: float
    """When this very state was first seen, by our clock."""


def sight(before: Sighting | None, record: LeaseRecord | None, now: float) -> Sighting:
    """Return the sighting after a look: the clock starts anew only when something changed."""
    if before is not None:
        old = before.record
        same = (old is None) == (record is None)
        if same and (old is None or record is None or old.beat == record.beat):
            return Sighting(record, before.since_monotonic_seconds)
    return Sighting(record, now)


def free_at(seen: Sighting, *, identity: str, duration_seconds: float, led_up_to: int) -> float:
    """Return the local instant from which a candidate may try to take the Lease.

    ``led_up_to`` is the highest epoch of which anything is known; 0 when nobody ever led.

    - Released, or new while nobody ever led: at once.
    - Ours (this pod led before its container was restarted; two containers of a pod never run at
      the same time): at once, as a new term.
    - Held by another: after it stood still for the longer of its duration and ours, counted
      from when *we* first saw it so. Clock skew does not matter, skew of clock rates does,
      by the ratio of lease duration to renew deadline (client-go's leaderelection.go).
    - Absent, or made anew (its transitions are below ``led_up_to``): after the lease duration, for
      a leader whose Lease was deleted believes in itself until its next renewal.
    """
    since, record = seen.since_monotonic_seconds, seen.record
    if record is None:
        return since + duration_seconds if led_up_to > 0 else since
    if record.holder == identity:
        return since
    if record.holder == "":
        return since if record.transitions >= led_up_to else since + duration_seconds
    return since + max(duration_seconds, record.duration_seconds)


def released_epoch(record: LeaseRecord | None, *, led_up_to: int) -> int | None:
    """Return the epoch whose holder released the Lease, None when the Lease does not show that."""
    if record is None or record.holder != "" or record.transitions == 0:
        return None
    return record.transitions if record.transitions >= led_up_to else None


def next_epoch(seen: LeaseRecord | None, highest_epoch_seen: int) -> int:
    """Return the epoch of a term that begins now: one more than all that was ever seen.

    Looking at statuses too keeps it from going back when the Lease was deleted or re-installed.
    """
    return 1 + max(seen.transitions if seen else 0, highest_epoch_seen)
