"""Two crashes of the real operator, as `make crash` does hundreds of: judged from outside.

`make test` has the first, `make contract` the second (docs/design/crash-points.md).
"""

from pathlib import Path

import pytest

from sandbox.library import Sandbox
from tests.crash.classes import BY_NAME
from tests.crash.crew import Crew
from tests.crash.orders import Orders
from tests.crash.stage import Stage
from tests.crash.ways import Way

pytestmark = pytest.mark.xdist_group("crash")


def test_an_operator_killed_after_its_call_leaves_one_effect_and_an_end(
    box: Sandbox, tmp_path: Path
) -> None:
    """PD did it, nothing is on record: the next process sees that it is done."""
    stage = Stage(box, Crew(box, tmp_path))
    run = stage.run(BY_NAME["absolute"], Way.PLAIN, kill=Orders("CLASSIFIED"))
    assert run.died
    assert run.verdict.good, run.verdict
    assert run.verdict.phase == "Succeeded"
    assert len(run.writes) == 1
    assert run.passed[-1].name == "CLASSIFIED"


@pytest.mark.contract
def test_an_operator_killed_before_its_call_sends_nothing_that_may_not_be_repeated(
    box: Sandbox, tmp_path: Path
) -> None:
    """The intent is stored, and nobody can know whether it was sent: a person is asked."""
    stage = Stage(box, Crew(box, tmp_path))
    run = stage.run(BY_NAME["refused-on-repeat"], Way.PLAIN, kill=Orders("FENCED"))
    assert run.died
    assert run.verdict.good, run.verdict
    assert run.verdict.phase == "OutcomeUnknown"
    assert run.writes == []
