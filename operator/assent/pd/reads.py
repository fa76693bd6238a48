"""Reads everything that one decision may look at, in a fixed number of calls."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from assent.core.model.operator import EndedOperator
from assent.core.model.reading import Wanted
from assent.core.model.snapshot import (
    ClusterSnapshot,
    PdIdentity,
    Region,
    lists_its_schedulers,
)
from assent.errors import Retryable
from assent.pd import readings, schemas
from assent.pd.client import API, Leader, PdClient
from assent.pd.failures import NOT_READY, LeaderGone, check, message_of
from assent.pd.fields import Node, parse
from assent.pd.more import More
from assent.pd.together import Together

EVICT_LEADER = "evict-leader-scheduler"
SAMPLE_REGIONS = 128
NOTHING_MORE = Wanted()
_NO_OPERATOR = ("[PD:operator:ErrOperatorNotFound]", "operator not found")
"""v6.6 and older leave the code out."""


async def read_snapshot(
    client: PdClient,
    *,
    now: Callable[[], datetime],
    wanted: Wanted = NOTHING_MORE,
    sample_regions: int = SAMPLE_REGIONS,
) -> ClusterSnapshot:
    """Return the cluster as its leader shows it: 9 calls whatever its size, and 2 a region asked.

    What else is ``wanted`` costs the calls that ``core.model.reading`` names.
    One more call looks for the leader when it is not known, and one asks a new leader's version.
    ``sample_regions`` is how many regions are sampled in key order; 0 saves that call.
    Nothing in PD changes, whatever comes of it.

    Raises:
        Retryable: PDUnreachable, TLSFailed, or PDNotReady: no leader, a change of leader in the
            middle, or a leader that does not know its schedulers yet (P15).
        Terminal: PDAnswerUnusable; the message names the call and the field.
    """
    return await client.on_leader(
        lambda leader: _Cycle(client, leader).snapshot(now, wanted, sample_regions)
    )


class _Cycle:
    """The reads of one cycle, all from one leader."""

    def __init__(self, client: PdClient, leader: Leader) -> None:
        self._client = client
        self._leader = leader

    async def snapshot(
        self, now: Callable[[], datetime], wanted: Wanted, sample_regions: int
    ) -> ClusterSnapshot:
        taken_at = now()
        asked = sorted(wanted.region_ids)
        async with Together() as side_by_side:
            side_by_side.start(self._check_leader())
            side_by_side.start(self._check_cluster())
            version = side_by_side.start(self._client.version(self._leader))
            limits = side_by_side.start(self._get("/stores/limit"))
            stores = side_by_side.start(self._get("/stores"))
            schedulers = side_by_side.start(self._get("/schedulers"))
            evicted = side_by_side.start(self._evicted())
            schedule = side_by_side.start(self._get("/config/schedule"))
            count = side_by_side.start(self._get("/regions/count"))
            sample = side_by_side.start(self._sample(sample_regions))
            regions = [side_by_side.start(self._region(number)) for number in asked]
            operators = [side_by_side.start(self._operator(number)) for number in asked]
            more = side_by_side.start(More(self._client, self._leader).read(wanted))
        names = schemas.schedulers(schedulers.result())
        disabled = readings.disabled_schedulers(schedule.result())
        snapshot = ClusterSnapshot(
            pd=PdIdentity(
                cluster_id=self._leader.cluster_id,
                version=version.result(),
                leader_name=self._leader.name,
                leader_id=self._leader.member_id,
                leader_url=self._leader.url,
            ),
            taken_at=taken_at,
            stores=schemas.stores(stores.result(), schemas.store_limits(limits.result())),
            schedulers=names,
            evicted_store_ids=_evicted_stores(evicted.result(), names, disabled),
            schedule=schemas.schedule_config(schedule.result()),
            region_count=schemas.region_count(count.result()),
            regions={
                number: region
                for number, task in zip(asked, regions, strict=True)
                if (region := task.result()) is not None
            },
            running_operators={
                number: found
                for number, task in zip(asked, operators, strict=True)
                if isinstance(found := task.result(), str)
            },
            ended_operators={
                number: found
                for number, task in zip(asked, operators, strict=True)
                if isinstance(found := task.result(), EndedOperator)
            },
            sample=sample.result(),
            settings=readings.settings(schedule.result()),
            disabled_schedulers=disabled,
        )
        return replace(snapshot, **more.result())

    async def _get(self, path: str, route: str | None = None) -> Node:
        answer = await self._client.get(self._leader, path, route=route)
        return parse(answer.body, f"GET {API}{path}")

    async def _check_leader(self) -> None:
        if schemas.leader_id(await self._get("/leader")) != self._leader.member_id:
            raise LeaderGone(NOT_READY, f"PD at {self._leader.url} has just lost its leadership")

    async def _check_cluster(self) -> None:
        found = schemas.cluster_id(await self._get("/cluster"))
        if found != self._leader.cluster_id:
            raise LeaderGone(
                NOT_READY, f"PD at {self._leader.url} has just become another cluster: {found}"
            )

    async def _evicted(self) -> Node | None:
        """Return the scheduler's list, None for 404: it does not exist, or PD is not prepared."""
        path = f"/scheduler-config/{EVICT_LEADER}/list"
        answer = await self._client.get(self._leader, path, accept=(404,))
        return None if answer.status == 404 else parse(answer.body, f"GET {API}{path}")

    async def _sample(self, limit: int) -> tuple[Region, ...]:
        if limit == 0:
            return ()
        return schemas.regions(await self._get(f"/regions/key?key=&limit={limit}"))

    async def _region(self, number: int) -> Region | None:
        return schemas.region(await self._get(f"/region/id/{number}", "/region/id/{id}"))

    async def _operator(self, number: int) -> str | EndedOperator | None:
        """Return the text of the running operator, or the one that has ended, None for neither."""
        path = f"/operators/{number}"
        answer = await self._client.get(self._leader, path, route="/operators/{id}", accept=(500,))
        if answer.is_json and message_of(answer).startswith(_NO_OPERATOR):
            return None
        if answer.status != 200:
            check(answer, call=f"GET {API}{path}", url=self._leader.url)
        shown = parse(answer.body, f"GET {API}{path}")
        return schemas.running_operator(shown) or readings.ended_operator(shown)


def _evicted_stores(
    found: Node | None, schedulers: tuple[str, ...], disabled: frozenset[str]
) -> frozenset[int]:
    if not lists_its_schedulers(schedulers, disabled):
        raise Retryable(
            NOT_READY, "PD lists no scheduler yet: it has just changed leader and is not prepared"
        )
    if found is not None:
        return schemas.evicted_stores(found)
    if EVICT_LEADER in schedulers:
        raise Retryable(NOT_READY, f"PD lists {EVICT_LEADER} and then does not know it")
    return frozenset()
