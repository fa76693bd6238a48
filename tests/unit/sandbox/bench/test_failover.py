"""The figures of a change of leaders, and what counts as too slow."""

import pytest

from sandbox.bench.failover import Failover, Sample, summary

FAST = [Sample(0.1, 0.5), Sample(0.2, 0.7), Sample(0.3, 0.9)]
AFTER_A_CRASH = [Sample(13.0, 13.4), Sample(14.0, 14.5), Sample(15.0, 16.9)]


def figures(crash: list[Sample], graceful: list[Sample]) -> Failover:
    """The summary of these."""
    return summary(crash, graceful, 1.25)


def test_the_middle_and_the_worst_are_told() -> None:
    """The worst is what was promised; the middle is what is usual."""
    found = figures(AFTER_A_CRASH, FAST)
    assert (found.times, found.load_before) == (3, 1.2)
    assert (found.crash_lease_s_p50, found.crash_act_s_p50, found.crash_act_s_max) == (
        14.0, 14.5, 16.9,
    )  # fmt: skip
    assert (found.graceful_lease_s_p50, found.graceful_act_s_p50) == (0.2, 0.7)
    assert found.graceful_act_s_max == 0.9
    assert found.misses == []


@pytest.mark.parametrize(
    ("crash", "graceful", "said"),
    [
        pytest.param(17.01, 0.5, ["after a crash"], id="a crash"),
        pytest.param(16.0, 1.51, ["after a graceful stop"], id="a stop"),
        pytest.param(20.0, 2.0, ["after a crash", "after a graceful stop"], id="both"),
        pytest.param(17.0, 1.5, [], id="just in time"),
    ],
)
def test_one_that_is_too_slow_is_a_miss(crash: float, graceful: float, said: list[str]) -> None:
    """The issue's bounds hold for every single one, not for the middle."""
    found = figures([*AFTER_A_CRASH, Sample(13.0, crash)], [*FAST, Sample(0.1, graceful)])
    assert [miss.split(" at most")[0] for miss in found.misses] == said
