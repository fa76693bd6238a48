"""On a slow machine faults come more slowly, and never faster than they were drawn."""

import pytest

from tests.chaos.pace import RESTART_SECONDS, SLOWEST, Pace


@pytest.mark.parametrize(
    ("restarts", "factor"),
    [
        pytest.param([], 1.0, id="nothing measured yet"),
        pytest.param([1.0, 2.0], 1.0, id="a fast machine changes nothing"),
        pytest.param([3 * RESTART_SECONDS], 2.0, id="half of what was just seen counts"),
        pytest.param([1e6] * 20, SLOWEST, id="there is an end to patience"),
    ],
)
def test_the_factor_follows_what_was_measured(restarts: list[float], factor: float) -> None:
    """Between what was before and what is now."""
    pace = Pace()
    for seconds in restarts:
        pace.took(seconds)
    assert pace.factor == pytest.approx(factor, rel=1e-3)


def test_it_recovers() -> None:
    """A machine that is idle again is fast again."""
    pace = Pace()
    for seconds in [60.0] * 5 + [RESTART_SECONDS] * 12:
        pace.took(seconds)
    assert pace.factor < 1.01


def test_a_restart_that_fails_is_no_measure() -> None:
    """It may have failed at once."""
    pace = Pace()
    with pytest.raises(ValueError, match="broken"), pace.restart():
        raise ValueError("broken")
    with pace.restart():
        pass
    assert pace.factor == 1.0
