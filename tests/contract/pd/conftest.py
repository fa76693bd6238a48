"""The same assertions on the fake PD and on a real one with simulated stores."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from assent.core.model.reading import Wanted
from assent.core.model.snapshot import ClusterSnapshot
from assent.errors import Retryable
from assent.pd.client import PdClient
from assent.pd.reads import read_snapshot
from sandbox.toolchain import ensure
from tests.support.fake_pd import FakePd
from tests.support.pd import at_noon
from tests.support.real_pd import RealPd, running_pd

EFFECT_SECONDS = 30.0
"""How long PD may take to schedule and the simulated stores to report it."""


@dataclass
class World:
    """A PD of three members, and a client on it."""

    urls: tuple[str, ...]
    transport: FakePd | None
    """None for the real one."""
    client: PdClient

    def new_client(self, *urls: str) -> PdClient:
        """A client that knows only these members."""
        return PdClient(urls, transport=self.transport, clock=time.monotonic)

    async def request(
        self, method: str, url: str, headers: dict[str, str], body: object = None
    ) -> httpx.Response:
        """Send one raw request, past the client."""
        async with httpx.AsyncClient(transport=self.transport, trust_env=False) as http:
            return await http.request(method, url, headers=headers, json=body)

    async def snapshot(self, *region_ids: int) -> ClusterSnapshot:
        """Read the cluster."""
        return await read_snapshot(self.client, now=at_noon, wanted=Wanted(frozenset(region_ids)))

    async def until(
        self, fact: Callable[[ClusterSnapshot], bool], *region_ids: int
    ) -> ClusterSnapshot:
        """Return the first snapshot in which the fact holds."""
        deadline = time.monotonic() + EFFECT_SECONDS
        while True:
            snapshot = await self.snapshot(*region_ids)
            if fact(snapshot):
                return snapshot
            assert time.monotonic() < deadline, "PD never showed it"


@pytest.fixture(scope="session")
def real_pd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPd]:
    """One real cluster for all contract tests of a worker."""
    tools = ensure(["pd-server", "tikvsim"])
    folder = tmp_path_factory.mktemp("pd")
    with running_pd(
        folder, pd_server=tools["pd-server"], tikvsim=tools["tikvsim"], members=3, regions=40
    ) as pd:
        yield pd


@pytest.fixture(
    params=[
        pytest.param("fake", id="fake", marks=pytest.mark.smoke),
        # One worker runs all of these, so that three members and four stores start once.
        pytest.param("real", id="real", marks=pytest.mark.xdist_group("real-pd")),
    ]
)
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """A cluster in its ordinary state: nothing evicted, limits as PD sets them."""
    fake = FakePd(regions=40) if request.param == "fake" else None
    urls = fake.urls if fake else request.getfixturevalue("real_pd").urls
    found = World(urls, fake, PdClient(urls, transport=fake, clock=time.monotonic))
    await settled(found.snapshot)
    yield found
    await found.client.aclose()


async def settled(read: Callable[[], Awaitable[ClusterSnapshot]]) -> ClusterSnapshot:
    """Return the first snapshot after a change of leader has passed."""
    deadline = time.monotonic() + EFFECT_SECONDS
    while True:
        try:
            return await read()
        except Retryable:
            if time.monotonic() > deadline:
                raise
