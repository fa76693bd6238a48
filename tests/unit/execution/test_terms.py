"""Who may lead, from when, and under which epoch: on a clock of the test."""

from dataclasses import replace

import pytest

from assent.execution.terms import Sighting, Term, free_at, next_epoch, released_epoch, sight
from assent.kube.leases import LeaseRecord

HELD = LeaseRecord(
    resource_version="9",
    uid="u",
    holder="other",
    transitions=4,
    duration_seconds=15.0,
    renew_time="t1",
)
RELEASED = replace(HELD, holder="")


def free(
    record: LeaseRecord | None, *, led_up_to: int = 4, duration_seconds: float = 15.0
) -> float:
    """Return when pod "me" may take a Lease that was seen like that at 100 s."""
    return free_at(
        Sighting(record, 100.0),
        identity="me",
        duration_seconds=duration_seconds,
        led_up_to=led_up_to,
    )


@pytest.mark.parametrize(
    ("record", "led_up_to", "at", "why"),
    [
        (None, 0, 100.0, "nobody ever led: a fresh installation starts at once"),
        (None, 4, 115.0, "the Lease was deleted under a leader who does not know yet"),
        (RELEASED, 4, 100.0, "given back after the work was drained"),
        (RELEASED, 5, 115.0, "made anew: term 5 was seen, and did not give this Lease back"),
        (replace(RELEASED, transitions=0), 0, 100.0, "installed empty, never taken"),
        (replace(RELEASED, transitions=0), 4, 115.0, "re-installed empty under a leader"),
        (HELD, 4, 115.0, "another holds it: it must stand still for its duration"),
        (replace(HELD, holder="me"), 4, 100.0, "our own container was restarted"),
        (replace(HELD, duration_seconds=60), 4, 160.0, "the holder believes in its own duration"),
        (replace(HELD, duration_seconds=1), 4, 115.0, "never less than ours"),
    ],
)
def test_a_lease_is_free_when_nobody_can_believe_to_hold_it(
    record: LeaseRecord | None, led_up_to: int, at: float, why: str
) -> None:
    """Too early makes two leaders, too late only waits."""
    assert free(record, led_up_to=led_up_to) == at, why


def test_a_lease_that_stands_still_keeps_its_first_sighting() -> None:
    """The wait runs from when it was first seen so, not from the last look."""
    first = sight(None, HELD, 10.0)
    assert sight(first, replace(HELD, resource_version="12"), 20.0).since_monotonic_seconds == 10.0


@pytest.mark.parametrize(
    "record",
    [
        replace(HELD, renew_time="t2"),
        replace(HELD, holder="third"),
        replace(HELD, transitions=5),
        replace(HELD, uid="made anew"),
        None,
    ],
)
def test_whatever_a_living_holder_changes_starts_the_wait_anew(record: LeaseRecord | None) -> None:
    """A renewal, another holder, another term, another object, none."""
    first = sight(None, HELD, 10.0)
    assert sight(first, record, 20.0).since_monotonic_seconds == 20.0


def test_an_absent_lease_that_stays_absent_keeps_its_first_sighting() -> None:
    """Else a deleted Lease would never be taken."""
    first = sight(None, None, 10.0)
    assert sight(first, None, 20.0).since_monotonic_seconds == 10.0


@pytest.mark.parametrize(
    ("record", "highest", "epoch", "why"),
    [
        (None, 0, 1, "the first term ever"),
        (HELD, 0, 5, "one more than the Lease has seen"),
        (HELD, 9, 10, "one more than a status has seen, where the Lease was made anew"),
        (None, 9, 10, "a re-installation"),
    ],
)
def test_an_epoch_is_above_everything_that_was_ever_seen(
    record: LeaseRecord | None, highest: int, epoch: int, why: str
) -> None:
    """An epoch that came back would let a deposed leader write."""
    assert next_epoch(record, highest) == epoch, why


@pytest.mark.parametrize(
    ("record", "led_up_to", "epoch", "why"),
    [
        (RELEASED, 4, 4, "term 4 gave it back"),
        (RELEASED, 5, None, "term 5 was seen: this Lease is not the one it held"),
        (HELD, 4, None, "held"),
        (None, 4, None, "absent"),
        (replace(RELEASED, transitions=0), 0, None, "never taken: nobody gave it back"),
    ],
)
def test_a_release_is_proof_only_for_the_term_that_released(
    record: LeaseRecord | None, led_up_to: int, epoch: int | None, why: str
) -> None:
    """On this proof a call may be repeated."""
    assert released_epoch(record, led_up_to=led_up_to) == epoch, why


def term() -> Term:
    """Return a term whose deadline is at 110 s."""
    return Term(
        epoch=5,
        holder="me",
        began_monotonic_seconds=100.0,
        deadline_monotonic_seconds=110.0,
        released_epoch=None,
    )


def test_a_term_is_valid_up_to_its_deadline_and_not_at_it() -> None:
    """The instant itself belongs to nobody."""
    assert term().valid(109.999)
    assert not term().valid(110.0)


def test_a_renewal_moves_the_deadline_and_never_back() -> None:
    """Answers may arrive out of order."""
    running = term()
    running.extend(120.0)
    running.extend(115.0)
    assert running.deadline_monotonic_seconds == 120.0


def test_a_term_that_ended_stays_ended() -> None:
    """A renewal whose answer comes late revives nothing."""
    running = term()
    running.end()
    running.extend(200.0)
    assert running.ended
    assert not running.valid(105.0)
