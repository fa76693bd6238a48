"""Draws from a strategy by a seed, without Hypothesis's search.

The search is there to find and to shrink a counterexample: it varies what it has seen before, and
of 2,000 examples of a cluster two thirds can be the same cluster. Where examples are to be counted
they are drawn here, each anew.

It leans on two inner names of Hypothesis (there is no public way to draw from a given seed); the
lock pins its version.
"""

from random import Random
from typing import TypeVar

from hypothesis.control import BuildContext
from hypothesis.errors import StopTest, UnsatisfiedAssumption
from hypothesis.internal.conjecture.data import ConjectureData
from hypothesis.strategies import SearchStrategy

T = TypeVar("T")


def drawn(strategy: SearchStrategy[T], seed: int) -> T | None:
    """Return what the seed draws, always the same; None where the strategy rejects it."""
    data = ConjectureData(random=Random(seed), prefix=())  # noqa: S311 - test data
    try:
        with BuildContext(data, wrapped_test=None):  # type: ignore[arg-type]
            return data.draw(strategy)
    except (StopTest, UnsatisfiedAssumption):
        return None
