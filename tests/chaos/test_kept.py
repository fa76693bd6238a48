"""Histories of campaigns that went wrong once: the checker still says of each what was wrong."""

from pathlib import Path

import pytest

from tests.chaos.checker import check
from tests.chaos.history import History

KEPT = Path(__file__).parent / "kept"


@pytest.mark.parametrize(
    ("name", "unknown", "seconds_to_finish"),
    [
        # A leader without a watch: what was approved and resolved was not noticed for minutes.
        pytest.param("deaf-leader", 2, 283.2, id="an operator that led without a watch"),
    ],
)
def test_a_kept_history_is_judged_as_before(
    name: str, unknown: int, seconds_to_finish: float
) -> None:
    """No effect was doubled or lost in it; what went wrong shows in the time to finish."""
    report = check(History.load(KEPT / f"{name}.json.gz"))
    assert report.clean
    assert len(report.unknown) == unknown
    assert report.worst_seconds_to_finish == seconds_to_finish


def test_every_kept_history_is_judged() -> None:
    """A file that no test reads proves nothing."""
    assert {path.name for path in KEPT.iterdir()} == {"deaf-leader.json.gz"}
