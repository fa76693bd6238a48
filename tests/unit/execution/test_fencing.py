"""Leave to send one call, or why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assent.core.model.call import Permit
from assent.core.model.verdict import Hold
from assent.errors import LeadershipLost
from assent.execution.fencing import (
    FENCE_CATCHES_UP_SECONDS,
    FENCE_MARGIN_SECONDS,
    judge_refusal,
    permit_call,
    too_short,
)
from assent.execution.terms import Term
from assent.kube.errors import Fenced
from assent.settings import LeaseTiming


def term(*, deadline: float = 110.0) -> Term:
    """Return a term that began at 100 s."""
    return Term(
        epoch=5,
        holder="me",
        began_monotonic_seconds=100.0,
        deadline_monotonic_seconds=deadline,
        released_epoch=None,
    )


def ask(now: float, running: Term | None = None) -> Permit | Hold:
    """Ask for a call of 4 s with half a second to spare."""
    return permit_call(
        running or term(), now_monotonic_seconds=now, timeout_seconds=4.0, margin_seconds=0.5
    )


def test_with_time_enough_there_is_a_permit_with_the_last_instant_to_send() -> None:
    """The PD client looks at that instant once more, right before it sends."""
    assert ask(101.0) == Permit(
        epoch=5, send_by_monotonic_seconds=105.5, lease_deadline_monotonic_seconds=110.0
    )


def test_with_too_little_time_the_call_waits_for_a_renewal() -> None:
    """The lease may well be renewed in a moment: this is a hold, not a loss."""
    held = ask(105.6)
    assert isinstance(held, Hold)
    assert "4.4 s left" in held.message


@pytest.mark.parametrize("now", [110.0, 500.0])
def test_past_the_deadline_leadership_is_lost(now: float) -> None:
    """A process that was frozen finds out here, before anything is sent."""
    with pytest.raises(LeadershipLost):
        ask(now)


def test_a_term_that_ended_gives_no_permit_whatever_the_clock_says() -> None:
    """Leadership may be lost long before the deadline: the Lease names another."""
    running = term()
    running.end()
    with pytest.raises(LeadershipLost):
        ask(101.0, running)


@given(
    now=st.floats(100, 120, allow_nan=False),
    deadline=st.floats(100, 120, allow_nan=False),
    timeout=st.floats(0.1, 10, allow_nan=False),
    margin=st.floats(0, 2, allow_nan=False),
)
def test_no_permitted_call_can_outlast_the_lease(
    now: float, deadline: float, timeout: float, margin: float
) -> None:
    """Sent at the last permitted instant and taking all its time, it still ends in the term."""
    try:
        given_leave = permit_call(
            term(deadline=deadline),
            now_monotonic_seconds=now,
            timeout_seconds=timeout,
            margin_seconds=margin,
        )
    except LeadershipLost:
        assert now >= deadline
        return
    if isinstance(given_leave, Permit):
        assert now <= given_leave.send_by_monotonic_seconds
        assert given_leave.send_by_monotonic_seconds + timeout + margin <= deadline + 1e-9


def test_a_refusal_at_the_start_of_a_term_is_retried() -> None:
    """The API server's cache of the Lease may not have seen the new holder yet."""
    refusal = Fenced("fenced")
    assert judge_refusal(term(), refusal, now_monotonic_seconds=100.5) is refusal


@pytest.mark.parametrize("now", [100.0 + FENCE_CATCHES_UP_SECONDS, 200.0])
def test_a_refusal_later_means_that_leadership_is_lost(now: float) -> None:
    """The cache has caught up, so it is right and we are wrong."""
    judged = judge_refusal(term(), Fenced("fenced: x"), now_monotonic_seconds=now)
    assert isinstance(judged, LeadershipLost)
    assert "fenced: x" in judged.message


@pytest.mark.parametrize(
    ("deadline", "retry", "fits"),
    [
        pytest.param(10.0, 2.0, True, id="the defaults"),
        pytest.param(7.0, 2.0, True, id="just"),
        pytest.param(6.9, 2.0, False, id="held whenever a renewal is near"),
        pytest.param(4.0, 0.5, False, id="held for ever"),
    ],
)
def test_timings_in_which_no_call_fits_are_named(
    deadline: float, retry: float, *, fits: bool
) -> None:
    """A call of 4.5 s: at the worst moment, just before a renewal, there must be a permit."""
    timing = LeaseTiming(15.0, deadline, retry)
    said = too_short(timing, timeout_seconds=4.5)
    assert (said is None) is fits
    worst = permit_call(
        term(deadline=100.0 + deadline),
        now_monotonic_seconds=100.0 + retry,
        timeout_seconds=4.5,
        margin_seconds=FENCE_MARGIN_SECONDS,
    )
    assert isinstance(worst, Permit) is fits
