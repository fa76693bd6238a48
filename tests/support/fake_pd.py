"""A PD of several members as an httpx transport: state, texts and refusals as PD's own.

What it says is checked against a real pd-server by ``tests/contract/pd``. It holds only what the
client uses. Time stands still in it: what PD schedules happens at once.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

JSON = "application/json; charset=UTF-8"
PLAIN = "text/plain; charset=utf-8"
STREAMED = "application/octet-stream"
NOT_BOOTSTRAPPED = (
    "[PD:cluster:ErrNotBootstrapped]TiKV cluster not bootstrapped, please start TiKV first"
)
DEFAULT_SCHEDULERS = (
    "balance-region-scheduler",
    "balance-leader-scheduler",
    "balance-hot-region-scheduler",
    "evict-slow-store-scheduler",
)
EVICT = "evict-leader-scheduler"


@dataclass
class FakeStore:
    """A store as PD counts it."""

    id: int
    state_name: str = "Up"
    add_peer: float = 15
    remove_peer: float = 15
    labels: dict[str, str] = field(default_factory=dict)
    last_heartbeat: datetime | None = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    capacity: str = "1.8TiB"
    available: str = "1.75TiB"


@dataclass
class FakeRegion:
    """A region: its voters by store, who leads, and the last operator on it."""

    id: int
    store_ids: tuple[int, ...]
    leader_store_id: int
    down: tuple[int, ...] = ()
    pending: tuple[int, ...] = ()
    operator: str | None = None
    """The whole text of GET /operators/{id}, None for none."""


@dataclass(frozen=True)
class Seen:
    """One request as a member received it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: str
    member: int
    executed: bool


class FakePd(httpx.AsyncBaseTransport):
    """The cluster. Change its public attributes to change the world."""

    def __init__(self, *, members: int = 3, stores: int = 4, regions: int = 12) -> None:
        self.cluster_id = 7710608329648601271
        self.urls = tuple(f"http://pd-{index}.pd:2379" for index in range(members))
        self.leader: int | None = 0
        self.bootstrapped = True
        self.prepared = True
        self.evicted: set[int] = set()
        self.stores = {number: FakeStore(number) for number in range(1, stores + 1)}
        self.regions: dict[int, FakeRegion] = {}
        for index in range(regions):
            holders = tuple((index + step) % stores + 1 for step in range(min(3, stores)))
            self.regions[100 + index] = FakeRegion(100 + index, holders, holders[0])
        self.seen: list[Seen] = []
        self.unreachable: set[int] = set()
        self.answers: dict[tuple[str, str], Callable[[httpx.Request], httpx.Response]] = {}
        """Answers instead of PD's own, by method and path."""

    @property
    def executed_writes(self) -> list[Seen]:
        """The writes that a member acted on, in order."""
        return [seen for seen in self.seen if seen.executed and seen.method != "GET"]

    def calls(self, path: str) -> int:
        """How often that path was asked for."""
        return sum(seen.path == path for seen in self.seen)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as the member whose URL it is, and note the request in ``seen``."""
        member = self._member(request)
        if member in self.unreachable:
            raise httpx.ConnectError("connection refused", request=request)
        body = (await request.aread()).decode()
        prepared_answer = self.answers.get((request.method, request.url.path))
        if prepared_answer is not None:
            self._note(request, body, member, executed=False)
            return prepared_answer(request)
        refusal = self._redirector(request, member)
        self._note(request, body, member, executed=refusal is None)
        if refusal is not None:
            return refusal
        serves = member if "pd-allow-follower-handle" in request.headers else self.leader
        return self._serve(request, body, leads=serves == self.leader)

    def _member(self, request: httpx.Request) -> int:
        base = f"{request.url.scheme}://{request.url.host}:{request.url.port}"
        return self.urls.index(base)

    def _note(self, request: httpx.Request, body: str, member: int, *, executed: bool) -> None:
        path = request.url.path
        self.seen.append(Seen(request.method, path, dict(request.headers), body, member, executed))

    def _redirector(self, request: httpx.Request, member: int) -> httpx.Response | None:
        if member == self.leader or "pd-allow-follower-handle" in request.headers:
            return None
        if self.leader is None:
            return plain(503, "no leader")
        if request.headers.get("pd-redirector"):
            return plain(500, "[PD:apiutil:ErrRedirectToNotLeader]redirect to not leader")
        return None

    def _serve(self, request: httpx.Request, body: str, *, leads: bool) -> httpx.Response:
        path = request.url.path.removeprefix("/pd/api/v1")
        for method, pattern, needs_cluster, handler in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match is None or request.method != method:
                continue
            if needs_cluster and not (leads and self.bootstrapped):
                status = 406 if path.startswith("/scheduler-config") else 500
                return answer(status, NOT_BOOTSTRAPPED)
            return handler(self, match, json.loads(body) if body else None, request)
        return plain(404, "404 page not found")

    # What each path answers, named after PD's handlers.

    def _get_members(self, *_: object) -> httpx.Response:
        listed = [self._describe(index) for index in range(len(self.urls))]
        found: dict[str, object] = {
            "header": {"cluster_id": self.cluster_id},
            "members": listed,
        }
        if self.leader is not None:
            found["leader"] = found["etcd_leader"] = listed[self.leader]
        return answer(200, found)

    def _get_leader(self, *_: object) -> httpx.Response:
        return answer(200, None if self.leader is None else self._describe(self.leader))

    def _get_cluster(self, *_: object) -> httpx.Response:
        return answer(200, {"id": self.cluster_id, "max_peer_count": 3})

    def _get_version(self, *_: object) -> httpx.Response:
        return answer(200, {"version": "v8.1.0", "build_time": "", "hash": "", "branch": ""})

    def _get_stores(self, *_: object) -> httpx.Response:
        listed = [
            self._store(store) for store in self.stores.values() if store.state_name != "Tombstone"
        ]
        return answer(200, {"count": len(listed), "stores": listed})

    def _get_limits(self, *_: object) -> httpx.Response:
        return answer(
            200,
            {
                str(store.id): {"add-peer": store.add_peer, "remove-peer": store.remove_peer}
                for store in self.stores.values()
            },
        )

    def _get_schedulers(
        self, _: re.Match[str], __: object, request: httpx.Request
    ) -> httpx.Response:
        if not self.prepared or request.url.params.get("status") == "paused":
            return answer(200, [])
        return answer(200, [*DEFAULT_SCHEDULERS, *([EVICT] if self.evicted else [])])

    def _get_label_rules(self, *_: object) -> httpx.Response:
        return answer(200, [])

    def _get_schedule(self, *_: object) -> httpx.Response:
        settings = {"leader-schedule-limit": 4, "scheduler-max-waiting-operator": 5}
        return answer(200, {**settings, "max-store-down-time": "30m0s"})

    def _get_region_count(self, *_: object) -> httpx.Response:
        return answer(200, {"count": len(self.regions), "regions": None})

    def _get_regions_by_key(
        self, _: re.Match[str], __: object, request: httpx.Request
    ) -> httpx.Response:
        limit = int(request.url.params.get("limit", "16"))
        listed = [self._region(region) for region in list(self.regions.values())[:limit]]
        return answer(200, {"count": len(listed), "regions": listed}, STREAMED)

    def _get_region(self, match: re.Match[str], *_: object) -> httpx.Response:
        region = self.regions.get(int(match[1]))
        if region is None:
            nothing = {"id": 0, "start_key": "", "end_key": "", "leader": {"role_name": ""}}
            return answer(200, {**nothing, "approximate_size": 0}, STREAMED)
        return answer(200, self._region(region), STREAMED)

    def _get_operator(self, match: re.Match[str], *_: object) -> httpx.Response:
        region = self.regions.get(int(match[1]))
        if region is None or region.operator is None:
            return answer(500, "[PD:operator:ErrOperatorNotFound]operator not found")
        return answer(200, region.operator)

    def _list_evicted(self, *_: object) -> httpx.Response:
        if not self.evicted or not self.prepared:
            return plain(404, "404 page not found")
        whole = [{"start-key": "", "end-key": ""}]
        return answer(200, {"store-id-ranges": {str(n): whole for n in sorted(self.evicted)}})

    def _create_operator(
        self, _: re.Match[str], body: dict[str, object], *__: object
    ) -> httpx.Response:
        if body.get("name") != "transfer-leader":
            return answer(400, "unknown operator")
        region = self.regions.get(_number(body["region_id"]))
        target = _number(body["to_store_id"])
        if region is None:
            text = f"[PD:region:ErrRegionNotFound]region {body['region_id']} not found"
            return answer(500, text)
        if target not in region.store_ids:
            return answer(500, f"region has no voter in store {target}")
        if target == region.leader_store_id:
            return answer(500, "no operator step is built")
        source, region.leader_store_id = region.leader_store_id, target
        region.operator = (
            "status: SUCCESS, operator: admin-transfer-leader {transfer leader: store "
            f"{source} to {target}}} (kind:admin,leader, region:{region.id}(1, 5)) finished"
        )
        return answer(200, "The operator is created.")

    def _create_scheduler(
        self, _: re.Match[str], body: dict[str, object], *__: object
    ) -> httpx.Response:
        if body.get("name") != EVICT:
            return answer(400, "unknown scheduler")
        if "store_id" not in body:
            return answer(400, "missing store id")
        number = _number(body["store_id"])
        first = not self.evicted
        if number not in self.stores:
            text = f"[PD:core:ErrStoreNotFound]store {number} not found"
            # For a second store PD calls itself and hands on the inner answer, quotes and all.
            return answer(500, text if first else json.dumps(text))
        self.evicted.add(number)
        for region in self.regions.values():
            others = [n for n in region.store_ids if n not in self.evicted]
            if region.leader_store_id in self.evicted and others:
                region.leader_store_id = others[0]
        text = (
            "The scheduler is created."
            if first
            else ("The scheduler has been applied to the store.")
        )
        return answer(200, text)

    def _stop_evicting(self, match: re.Match[str], *_: object) -> httpx.Response:
        if not self.evicted:
            return plain(404, "404 page not found")
        if int(match[1]) not in self.evicted:
            text = "[PD:scheduler:ErrScheduleConfigNotExist]the config does not exist"
            return answer(404, text)
        self.evicted.remove(int(match[1]))
        return answer(200, None if self.evicted else "The last store has been deleted")

    def _set_limit(
        self, match: re.Match[str], body: dict[str, object], *_: object
    ) -> httpx.Response:
        store = self.stores.get(int(match[1]))
        if store is None:
            return answer(500, f"[PD:core:ErrStoreNotFound]store {match[1]} not found")
        if not isinstance(body.get("rate"), (int, float)):
            return answer(400, "rate unset")
        rate = float(str(body["rate"]))
        if rate <= 0:
            return answer(400, "invalid rate which should be larger than 0")
        if body.get("type", "add-peer") == "add-peer":
            store.add_peer = rate
        if body.get("type", "remove-peer") == "remove-peer":
            store.remove_peer = rate
        return answer(200, "The store's limit is updated.")

    def _describe(self, index: int) -> dict[str, object]:
        return {
            "name": f"pd-{index}",
            "member_id": 7991701852439577752 + index,
            "client_urls": [self.urls[index]],
            "binary_version": "v8.1.0",
        }

    def _store(self, store: FakeStore) -> dict[str, object]:
        meta: dict[str, object] = {
            "id": store.id,
            "address": f"tikv-{store.id}:20160",
            "version": "8.1.0",
            "state_name": store.state_name,
        }
        if store.labels:
            meta["labels"] = [{"key": key, "value": text} for key, text in store.labels.items()]
        led = sum(region.leader_store_id == store.id for region in self.regions.values())
        status: dict[str, object] = {
            "capacity": store.capacity,
            "available": store.available,
            "leader_count": led,
            "leader_weight": 1,
            "region_weight": 1,
            "region_count": sum(store.id in region.store_ids for region in self.regions.values()),
        }
        if store.last_heartbeat is not None:
            status["last_heartbeat_ts"] = store.last_heartbeat.isoformat().replace("+00:00", "123Z")
        return {"store": meta, "status": status}

    def _region(self, region: FakeRegion) -> dict[str, object]:
        def peer(store_id: int) -> dict[str, object]:
            return {"role_name": "Voter", "id": region.id * 10 + store_id, "store_id": store_id}

        found: dict[str, object] = {
            "id": region.id,
            "epoch": {"conf_ver": 5, "version": 1},
            "peers": [peer(store_id) for store_id in region.store_ids],
            "leader": peer(region.leader_store_id),
            "approximate_size": 96,
        }
        if region.down:
            found["down_peers"] = [{"down_seconds": 700, "peer": peer(n)} for n in region.down]
        if region.pending:
            found["pending_peers"] = [peer(n) for n in region.pending]
        return found


def answer(status: int, value: object, kind: str = JSON) -> httpx.Response:
    """Return an answer as PD's handlers render it."""
    return httpx.Response(
        status, headers={"Content-Type": kind}, content=json.dumps(value, indent=2).encode()
    )


def plain(status: int, text: str) -> httpx.Response:
    """Return an answer as PD's plumbing gives it."""
    return httpx.Response(status, headers={"Content-Type": PLAIN}, content=f"{text}\n".encode())


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("PD would take this for a missing argument")
    return int(value)


Handler = Callable[..., httpx.Response]
_ROUTES: tuple[tuple[str, str, bool, Handler], ...] = (
    ("GET", "/members", False, FakePd._get_members),
    ("GET", "/leader", False, FakePd._get_leader),
    ("GET", "/cluster", False, FakePd._get_cluster),
    ("GET", "/version", False, FakePd._get_version),
    ("GET", "/stores", True, FakePd._get_stores),
    ("GET", "/stores/limit", True, FakePd._get_limits),
    ("GET", "/schedulers", True, FakePd._get_schedulers),
    ("GET", "/config/region-label/rules", True, FakePd._get_label_rules),
    ("GET", "/config/schedule", False, FakePd._get_schedule),
    ("GET", "/regions/count", True, FakePd._get_region_count),
    ("GET", "/regions/key", True, FakePd._get_regions_by_key),
    ("GET", r"/region/id/(\d+)", True, FakePd._get_region),
    ("GET", r"/operators/(\d+)", True, FakePd._get_operator),
    ("GET", f"/scheduler-config/{EVICT}/list", True, FakePd._list_evicted),
    ("POST", "/operators", True, FakePd._create_operator),
    ("POST", "/schedulers", True, FakePd._create_scheduler),
    ("DELETE", rf"/scheduler-config/{EVICT}/delete/(\d+)", True, FakePd._stop_evicting),
    ("POST", r"/store/(\d+)/limit", True, FakePd._set_limit),
)
