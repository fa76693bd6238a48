"""Figures, percentiles and the table of the bench."""

import json
from dataclasses import asdict, replace

import pytest

from sandbox.bench.figures import Figures, keys, lines, percentile, table
from sandbox.errors import SandboxError

GOOD = Figures(
    approve_to_pd_ms_p50=9.8764,
    approve_to_pd_ms_p95=14.2,
    csr_ms_p50=10.0,
    csr_ms_p95=12.9,
    ratio_p50=0.98764,
    writes_before_call=1,
    writes_per_lifecycle=4,
    idle_writes_per_minute=0.0,
    rss_mib=84.1234,
    cycle_calls_1k=9.0,
    cycle_calls_20k=9.0,
    cycle_bytes_1k=71_526.0,
    cycle_bytes_20k=71_687.0,
)


def test_the_file_is_flat_and_has_exactly_the_promised_keys() -> None:
    """Whoever compares two runs reads these keys; the issue names them."""
    promised = [
        *("approve_to_pd_ms_p50", "approve_to_pd_ms_p95", "csr_ms_p50", "csr_ms_p95"),
        *("ratio_p50", "writes_before_call", "writes_per_lifecycle", "idle_writes_per_minute"),
        *("rss_mib", "cycle_calls_1k", "cycle_calls_20k", "cycle_bytes_1k", "cycle_bytes_20k"),
    ]
    assert list(json.loads(GOOD.to_json())) == promised
    assert tuple(json.loads(GOOD.to_json())) == keys()


def test_the_file_says_no_more_digits_than_were_measured() -> None:
    """Nobody measures picoseconds with two clocks of two processes."""
    found = json.loads(GOOD.to_json())
    assert found["approve_to_pd_ms_p50"] == 9.876
    assert found["writes_before_call"] == 1
    assert isinstance(found["writes_before_call"], int)


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        pytest.param([7.0], 0.5, 7.0, id="one value is every percentile of itself"),
        pytest.param([7.0], 0.95, 7.0, id="one value, far out"),
        pytest.param([3.0, 1.0, 2.0], 0.5, 2.0, id="order does not matter"),
        pytest.param([1.0, 2.0], 0.5, 1.5, id="between neighbours it is interpolated"),
        pytest.param([0.0, 10.0, 20.0, 30.0], 0.0, 0.0, id="0 is the least"),
        pytest.param([0.0, 10.0, 20.0, 30.0], 1.0, 30.0, id="1 is the most"),
        pytest.param(list(map(float, range(101))), 0.95, 95.0, id="p95 of 0 to 100"),
    ],
)
def test_percentiles(values: list[float], share: float, expected: float) -> None:
    """As numpy's default (linear) has them, so that others can check ours."""
    assert percentile(values, share) == pytest.approx(expected)


def test_nothing_has_no_percentile() -> None:
    """A run without samples must end in words, not in an IndexError."""
    with pytest.raises(SandboxError):
        percentile([], 0.5)


def test_every_target_is_met_by_a_good_run() -> None:
    """Lines without a target have no verdict; the others say met."""
    assert {line.met for line in lines(GOOD)} == {None, True}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        pytest.param({"ratio_p50": 1.001}, "ratio", id="slower than Kubernetes' own flow"),
        pytest.param({"writes_before_call": 2}, "before the call", id="a second write before"),
        pytest.param({"writes_before_call": 0}, "before the call", id="no intent was stored"),
        pytest.param({"writes_per_lifecycle": 6}, "lifecycle", id="one write too many"),
        pytest.param({"idle_writes_per_minute": 1.0}, "idle", id="writes while idle"),
        pytest.param({"rss_mib": 90.1}, "memory", id="too much memory"),
        pytest.param({"cycle_calls_20k": 10.0}, "calls a cycle, 20", id="calls grow with regions"),
        pytest.param({"cycle_bytes_20k": 90_000.0}, "bytes a cycle, 20", id="bytes grow"),
    ],
)
def test_a_missed_target_is_said_at_its_line(change: dict[str, float], what: str) -> None:
    """Exactly the line that missed says so: the table is what people look at."""
    figures = Figures(**{**asdict(GOOD), **change})
    missed = [line for line in lines(figures) if line.met is False]
    assert len(missed) == 1
    assert what in missed[0].what


def test_the_limits_themselves_are_met() -> None:
    """Targets are "at most": the value at the limit meets them."""
    at_limit = replace(
        GOOD, ratio_p50=1.0, writes_per_lifecycle=5, rss_mib=90.0, cycle_bytes_20k=85_831.2
    )
    assert all(line.met is not False for line in lines(at_limit))


def test_the_table_shows_value_target_and_verdict_side_by_side() -> None:
    """One line a figure under one heading, in columns that line up."""
    shown = table(replace(GOOD, ratio_p50=1.5)).splitlines()
    assert len(shown) == 1 + len(keys())
    ratio = next(line for line in shown if line.startswith("ratio"))
    assert "1.5" in ratio
    assert "≤ 1.0" in ratio
    assert ratio.endswith("MISSED")
    column = shown[0].index("TARGET")
    assert ratio[column:].startswith("≤ 1.0")


def test_large_numbers_are_readable() -> None:
    """Bytes are shown in thousands, never as 7.15e+04."""
    shown = table(GOOD)
    assert "71,526 B" in shown
    assert "e+0" not in shown
