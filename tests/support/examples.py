"""How many examples a property test draws: few in every run, many where time is no matter."""

import os

MANY = "ASSENT_MANY_EXAMPLES"
"""Set by ``make properties`` and ``make long``."""
FEW = 5
"""The share of the examples, one in so many, that ``make test`` draws."""


def examples(many: int, least: int = 10) -> int:
    """Return that many where the environment asks for it, else a fifth, and no fewer than least."""
    return many if os.environ.get(MANY) else max(least, many // FEW)
