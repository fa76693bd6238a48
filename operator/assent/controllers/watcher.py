"""One TiKVCluster under watch: its PD client, its last snapshot, what detection remembers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from assent.api.reasons import ClusterState
from assent.api.v1alpha1.tikvcluster import PdAccess
from assent.core.detection.engine import detect
from assent.core.detection.finding import Memory, Observed, Problem
from assent.core.detection.recollection import recall
from assent.core.model.reading import Wanted
from assent.core.model.resource import Cluster, Proposal
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.tidb_operator import TidbOperatorFacts
from assent.errors import AssentError
from assent.observability.crash_points import Point, reached
from assent.pd.client import PdClient
from assent.pd.reads import read_snapshot

MAX_REGIONS_READ = 64
"""Regions of open proposals that one snapshot reads; two PD calls each."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the last cycle brought."""

    snapshot: ClusterSnapshot | None
    asked: Wanted
    """What the snapshot was asked for."""
    failure: AssentError | None
    problems: tuple[Problem, ...]
    detected_at: datetime | None
    """When detection last ran on a prepared snapshot; None when it has not."""
    failed_at: datetime | None = None
    """When the reading began that ended in ``failure``; None without one."""
    tidb_operator: TidbOperatorFacts | None = None
    """What TiDB Operator's object said just after the snapshot; None when the cluster names none,
    or with no snapshot."""


NOTHING_SEEN = Look(None, Wanted(), None, (), None)


class Watcher:
    """Reads one PD for one TiKVCluster. It decides nothing and writes nothing."""

    def __init__(
        self,
        *,
        connect: Callable[[Cluster], Awaitable[PdClient]],
        read_tidb: Callable[[Cluster, ClusterSnapshot], Awaitable[TidbOperatorFacts | None]],
        now: Callable[[], datetime],
    ) -> None:
        self._connect = connect
        self._read_tidb = read_tidb
        self._now = now
        self._client: PdClient | None = None
        self._connected_for: PdAccess | None = None
        self._looked_for: PdAccess | None = None
        self._memory: Memory | None = None
        self._connecting = asyncio.Lock()
        self._reading = asyncio.Lock()
        self.look = NOTHING_SEEN

    async def aclose(self) -> None:
        """Close the connections to PD."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def client(self, cluster: Cluster) -> PdClient:
        """Return the client for the cluster's PD, made anew when spec.pd changed.

        Raises:
            Retryable: the TLS secret could not be read; nothing was connected.
        """
        if self._client is not None and self._connected_for == cluster.spec.pd:
            return self._client
        async with self._connecting:  # two at once would each make one, and one be lost
            if self._client is None or self._connected_for != cluster.spec.pd:
                await self.aclose()
                self._client = await self._connect(cluster)
                self._connected_for = cluster.spec.pd
            return self._client

    async def refresh(self, cluster: Cluster, wanted: Wanted, *, newer_than: datetime) -> Look:
        """Return a look whose snapshot is newer, reading PD only when the last one is not.

        A failure is part of the look, never raised: it is a fact about the cluster. As long as it
        is newer it is shared too: many who ask for a PD that is silent wait for it once.
        """
        asked = replace(wanted, region_ids=frozenset(sorted(wanted.region_ids)[:MAX_REGIONS_READ]))
        # An approval must not wait for a reading that it does not need.
        if not self._answers(cluster, asked, newer_than):
            async with self._reading:
                if not self._answers(cluster, asked, newer_than):
                    await self._read(cluster, asked)
        return self.look

    def _answers(self, cluster: Cluster, asked: Wanted, newer_than: datetime) -> bool:
        if self._looked_for != cluster.spec.pd:
            return False
        look, now = self.look, self._now()
        # A clock that was set back must not make what is old young for as long as that.
        if look.failed_at is not None and newer_than <= look.failed_at <= now:
            return True
        if look.snapshot is None or not asked <= look.asked:
            return False
        return newer_than <= look.snapshot.taken_at <= now

    async def renew(self, cluster: Cluster, wanted: Wanted) -> Look:
        """Return a look at PD as it is now."""
        return await self.refresh(cluster, wanted, newer_than=self._now())

    async def _read(self, cluster: Cluster, asked: Wanted) -> None:
        began = self._now()
        try:
            client = await self.client(cluster)
            reached(Point.PD_READ_DUE)
            snapshot = await read_snapshot(client, now=self._now, wanted=asked)
            reached(Point.PD_READ)
            beside = await self._read_tidb(cluster, snapshot)
        except AssentError as error:
            if error.reason == ClusterState.TLS_FAILED:
                # The certificate may have been rotated: read the secret again next time.
                await self.aclose()
            look = replace(
                self.look, snapshot=None, failure=error, failed_at=began, tidb_operator=None
            )
        else:
            look = replace(
                self.look,
                snapshot=snapshot,
                asked=asked,
                failure=None,
                failed_at=None,
                tidb_operator=beside,
            )
        # Both at once: a look is only for the PD that it was taken of.
        self.look, self._looked_for = look, cluster.spec.pd

    async def detect(self, cluster: Cluster, proposals: Sequence[Proposal]) -> Look:
        """Run detection on the last snapshot; without a prepared one nothing is concluded.

        What ``proposals`` of the cluster do is no trouble. The first time, what earlier processes
        saw is recalled from the cluster and them.
        """
        snapshot = self.look.snapshot
        if snapshot is None or not snapshot.prepared:
            return self.look
        if self._memory is None:
            self._memory = recall(cluster, proposals)
        observed = Observed(snapshot, self.look.tidb_operator, proposals)
        now = self._now()
        problems, self._memory = detect(observed, cluster.spec.detection, self._memory, now)
        self.look = replace(self.look, problems=problems, detected_at=now)
        return self.look

    def forget(self) -> None:
        """Forget what detection concluded, as when another cluster turns out to answer."""
        self._memory = None
        self.look = replace(self.look, problems=(), detected_at=None)
