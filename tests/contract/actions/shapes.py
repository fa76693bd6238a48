"""Clusters of another shape than one PD member, 4 stores and 24 regions."""

import pytest

from tests.support.real_cluster import Shape


def shaped(shape: Shape) -> pytest.MarkDecorator:
    """Return the decorator that gives a test's ``stage`` that shape.

    All tests of one shape run in one worker, so that its cluster starts once.
    """
    group = pytest.mark.xdist_group(f"stage-{shape}")
    return pytest.mark.parametrize(
        "stage", [pytest.param(shape, id=str(shape), marks=group)], indirect=True
    )


THREE_MEMBERS = shaped(Shape(members=3))
"""PD with three members, for changes of its leader: 3 s each."""
