"""Fetches the readings that a decision asked for beside what every snapshot shows."""

from typing import Any

from assent.core.model.reading import Reading, Wanted
from assent.core.model.snapshot import StoreState
from assent.pd import readings, schemas
from assent.pd.client import API, Leader, PdClient
from assent.pd.failures import check, message_of
from assent.pd.fields import Node, parse
from assent.pd.together import Together

MAX_REMOVALS = 8
"""Stores whose progress one snapshot reads: more are never removed at once in their right mind."""
_NO_PROGRESS = "[PD:progress:ErrProgressNotFound]"


class More:
    """The extra reads of one cycle, all from one leader."""

    def __init__(self, client: PdClient, leader: Leader) -> None:
        self._client = client
        self._leader = leader

    async def read(self, wanted: Wanted) -> dict[str, Any]:
        """Return the fields of ``ClusterSnapshot`` that the readings fill; {} for none."""
        kinds = {
            Reading.REPLICATION: self._replication(),
            Reading.PLACEMENT: self._placement(wanted.region_ids),
            Reading.REGION_LABELS: self._region_labels(),
            Reading.PAUSES: self._pauses(),
            Reading.MEMBERS: self._members(),
            Reading.TOMBSTONES: self._tombstones(),
            Reading.REMOVALS: self._removals(),
        }
        async with Together() as side_by_side:
            started = []
            for kind, reading in kinds.items():
                if kind in wanted.readings:
                    started.append(side_by_side.start(reading))
                else:
                    reading.close()
        return {name: value for task in started for name, value in task.result().items()}

    async def _replication(self) -> dict[str, Any]:
        return {"replication": readings.settings(await self._get("/config/replicate"))}

    async def _placement(self, region_ids: frozenset[int]) -> dict[str, Any]:
        rules = await self._get_or("/config/rules", 412)
        if rules is None:  # placement rules are disabled
            return {"placement_rules": None}
        fits = {}
        for number in sorted(region_ids):
            path = f"/config/rules/region/{number}/detail"
            found = await self._get_or(path, 404, route="/config/rules/region/{id}/detail")
            if found is not None:
                fits[number] = readings.region_fit(found)
        return {"placement_rules": readings.placement_rules(rules), "region_fits": fits}

    async def _region_labels(self) -> dict[str, Any]:
        return {"label_rules": readings.label_rules(await self._get("/config/region-label/rules"))}

    async def _pauses(self) -> dict[str, Any]:
        found = await self._get("/schedulers?status=paused&timestamp=1")
        return {"paused_schedulers": readings.paused_schedulers(found)}

    async def _members(self) -> dict[str, Any]:
        known, health = await self._get("/members"), await self._get("/health")
        return {"members": readings.members(known, health)}

    async def _tombstones(self) -> dict[str, Any]:
        return {"tombstones": readings.tombstones(await self._get("/stores?state=2"))}

    async def _removals(self) -> dict[str, Any]:
        stores = schemas.stores(await self._get("/stores"), {})
        going = [store.id for store in stores if store.state is StoreState.OFFLINE]
        removals = {}
        for store_id in going[:MAX_REMOVALS]:
            found = await self._progress(store_id)
            if found is not None:
                removals[store_id] = readings.removal(found)
        return {"removals": removals}

    async def _progress(self, store_id: int) -> Node | None:
        """Return the progress, None where PD has none: just started, or its leader changed."""
        path = f"/stores/progress?id={store_id}"
        answer = await self._client.get(
            self._leader, path, route="/stores/progress?id={id}", accept=(404,)
        )
        if answer.status == 404 and not message_of(answer).startswith(_NO_PROGRESS):
            check(answer, call=f"GET {API}{path}", url=self._leader.url)
        return None if answer.status == 404 else parse(answer.body, f"GET {API}{path}")

    async def _get(self, path: str) -> Node:
        answer = await self._client.get(self._leader, path)
        return parse(answer.body, f"GET {API}{path}")

    async def _get_or(self, path: str, absent: int, *, route: str | None = None) -> Node | None:
        answer = await self._client.get(self._leader, path, route=route, accept=(absent,))
        return None if answer.status == absent else parse(answer.body, f"GET {API}{path}")
