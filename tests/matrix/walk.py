"""Walks random lives on an API server, so many steps as are asked for."""

import time
from typing import Any

from hypothesis import HealthCheck, core, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.matrix.lives import Lives
from tests.matrix.stage import Stage

STEPS_A_LIFE = 60


def walk(stage: Stage, *, steps: int, seed: int) -> dict[str, Any]:
    """Return the figures of at least so many steps.

    Raises:
        AssertionError: what must never be was; Hypothesis has printed the shortest way to it.
    """

    class Walked(Lives):
        """With counters of its own."""

    Walked.stage, Walked.steps = stage, 0
    Walked.counts = type(Lives.counts)()
    began, lives = time.monotonic(), 0
    while Walked.steps < steps:
        # Lives end before their steps are used up: a few more are drawn until it is enough.
        more = max(1, (steps - Walked.steps) // STEPS_A_LIFE)
        core.global_force_seed = seed + lives  # type: ignore[assignment]
        lives += more
        run_state_machine_as_test(
            Walked,
            settings=settings(
                max_examples=more,
                stateful_step_count=STEPS_A_LIFE,
                deadline=None,
                database=None,
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
    return {
        "steps": Walked.steps,
        "lives": lives,
        "seed": seed,
        "secondsOfSteps": round(time.monotonic() - began, 1),
        "rules": dict(sorted(Walked.counts.items())),
    }
