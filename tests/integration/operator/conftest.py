"""A scene with one operator, which leads and is asked to stop (not killed) at the end."""

from collections.abc import Iterator

import pytest

from sandbox.library import Sandbox
from tests.integration.operator.scene import FAST_LEASE, Scene


@pytest.fixture
def stage(box: Sandbox, namespace: str) -> Iterator[Scene]:
    """People, but neither a TiKVCluster nor an operator yet."""
    scene = Scene(box, namespace)
    scene.invite()
    limits = box.pd.get("/stores/limit")
    yield scene
    for number in box.running_operators():
        # A graceful end releases the Lease, so that the next test's operator leads at once.
        box.operator(number).thaw()
        box.operator(number).stop()
    for store, limit in limits.items():
        for kind, rate in limit.items():
            box.pd.post(f"/store/{store}/limit", {"type": kind, "rate": rate})


@pytest.fixture
def scene(stage: Scene) -> Scene:
    """A TiKVCluster `prod` in mode Approval, watched by one operator."""
    stage.watch()
    stage.box.operator(1).start(FAST_LEASE)
    stage.await_state("Watching")
    return stage
