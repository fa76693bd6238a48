"""The fixture ``stage``: a real PD with simulated stores, started once a worker for each shape."""

import time
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from assent.pd.client import PdClient
from sandbox.toolchain import ensure
from tests.contract.actions.differences import left_out
from tests.contract.actions.mending import Pristine, look, mend
from tests.contract.actions.stage import Stage
from tests.support.real_cluster import TOOLS, RealCluster, Shape, start_cluster

DEFAULT = Shape()


@dataclass
class Clusters:
    """The clusters of this worker, each used again until a test leaves one beyond mending."""

    folder: Path
    tools: dict[str, Path]
    running: dict[Shape, tuple[RealCluster, Pristine]] = field(default_factory=dict)
    started: int = 0

    def get(self, shape: Shape) -> tuple[RealCluster, Pristine]:
        """Return a cluster of that shape, started when there is none."""
        if shape not in self.running:
            self.started += 1
            folder = self.folder / f"{self.started}-{shape}"
            tools = {**self.tools, **ensure([shape.pd])}
            cluster = start_cluster(folder, tools, shape)
            try:
                self.running[shape] = cluster, look(cluster)
            except BaseException:
                cluster.close()
                raise
        return self.running[shape]

    def drop(self, shape: Shape) -> None:
        """End the cluster of that shape."""
        cluster, _ = self.running.pop(shape)
        cluster.close()


@pytest.fixture(scope="session")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clusters]:
    """All clusters of this worker; they end with it."""
    found = Clusters(tmp_path_factory.mktemp("clusters"), ensure(TOOLS))
    yield found
    for shape in list(found.running):
        found.drop(shape)


@pytest.fixture
async def stage(clusters: Clusters, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """The stage, mended afterwards; ask for another shape by ``shaped(...)``."""
    shape = getattr(request, "param", DEFAULT)
    cluster, pristine = clusters.get(shape)
    client = PdClient(cluster.urls, clock=time.monotonic)
    found = Stage(cluster, client)
    yield found
    await client.aclose()
    if (why := "spoilt" if found.spoilt else mend(cluster, pristine)) is not None:
        print(f"a new cluster of shape {shape} is needed: {why}")  # noqa: T201 - shown with -rA
        clusters.drop(shape)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what means nothing on this line of PD; `differences.py` says why."""
    gone = [item for item in items if left_out(DEFAULT.line, item.nodeid)]
    if gone:
        config.hook.pytest_deselected(items=gone)
        items[:] = [item for item in items if item not in gone]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of every log beside a failure."""
    report = yield
    stage = getattr(item, "funcargs", {}).get("stage")
    if report.failed and isinstance(stage, Stage):
        for process in stage.cluster.processes.values():
            said = process.log.read_text(errors="replace").splitlines()[-25:]
            report.sections.append((process.name, "\n".join(said)))
    return report
