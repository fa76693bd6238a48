"""A scene with one operator, which runs on from test to test, as it does for users."""

from collections.abc import Iterator

import pytest

from sandbox.library import Sandbox
from tests.integration.mending import FAILED, mend
from tests.integration.operator.scene import FAST_LEASE, FORMER_LIMIT, Scene

OPERATOR = 1


@pytest.fixture
def box(session_box: Sandbox, request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """The worker's sandbox; operator 1 is left running unless the test failed.

    Whatever it has seen of a cluster must end with the TiKVCluster: the next test's is another.
    """
    yield session_box
    failed = request.node.stash.get(FAILED, False)
    mend(session_box, kept_operator=None if failed else OPERATOR)


@pytest.fixture
def stage(box: Sandbox, namespace: str) -> Iterator[Scene]:
    """People, but no TiKVCluster yet; operator 1 may run, or is to be started."""
    scene = Scene(box, namespace)
    scene.invite()
    # Before any operator looks at the scene's cluster: what it is depends on nobody's leftovers.
    reset_limits(box)
    yield scene
    reset_limits(box)


def reset_limits(box: Sandbox) -> None:
    """Set every store's limits to what PD begins with."""
    for store, limit in box.pd.get("/stores/limit").items():
        for kind in limit:
            box.pd.post(f"/store/{store}/limit", {"type": kind, "rate": FORMER_LIMIT})


@pytest.fixture
def scene(stage: Scene) -> Scene:
    """A TiKVCluster `prod` in mode Approval, watched by one operator."""
    stage.watch()
    stage.box.operator(OPERATOR).start(FAST_LEASE)
    stage.await_state("Watching")
    return stage
