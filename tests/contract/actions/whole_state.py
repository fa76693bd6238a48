"""Everything PD shows that an action may change, flat, and compared field by field.

A path is such as ``store/4/label/zone``, ``region/7480…-7480…/leader``, ``config/schedule/…``.
What is left out is named in ``LEFT_OUT`` with its reason, so that nothing is left out by accident.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from sandbox.remote import PdClient, RefusedError

MISSING = "(absent)"
PAUSE_TOLERANCE_SECONDS = 3
PLACEMENT_RULES_DISABLED = 412

LEFT_OUT: Mapping[str, str] = {
    "store.last_heartbeat": "every store heartbeat moves it",
    "store.start_timestamp": "of the store's process: an action does not restart it",
    "store.deploy_path": "of the store's process, too",
    "store.node_state": "Preparing becomes Serving by itself; state_name tells of a removal",
    "store.version": "of the store's process, too",
    "status.capacity": "reported by the store; the simulated ones fill as peers come and go",
    "status.available": "reported by the store, too",
    "status.used_size": "reported by the store, too",
    "status.leader_count": "follows from region/*/leader",
    "status.leader_score": "follows from region/*/leader and the weight",
    "status.leader_size": "follows from region/*/leader",
    "status.region_count": "follows from region/*/peers",
    "status.region_score": "follows from region/*/peers, the weight and the free space",
    "status.region_size": "follows from region/*/peers",
    "status.learner_count": "follows from region/*/peers",
    "status.witness_count": "follows from region/*/peers",
    "status.slow_score": "reported by the store",
    "status.slow_trend": "reported by the store",
    "status.start_ts": "of the store's process",
    "status.last_heartbeat_ts": "every store heartbeat moves it",
    "status.uptime": "grows",
    "status.is_busy": "reported by the store",
    "status.sending_snap_count": "reported by the store",
    "status.receiving_snap_count": "reported by the store",
    "region.epoch": "an undo advances it; `assert_same` sees to it that it never goes back",
    "region.cpu_usage": "a flow",
    "region.written_bytes": "a flow",
    "region.read_bytes": "a flow",
    "region.written_keys": "a flow",
    "region.read_keys": "a flow",
    "region.approximate_size": "a split and a merge halve and add it; the ranges are compared",
    "region.approximate_keys": "as the size",
    "region.buckets": "statistics",
    "region.replication_status": "of DR auto-sync, which is off",
    "rule.version": "counts the writes of a rule since PD's leader started",
    "peer.id": "a peer that is removed and added again has a new one; its store and role count",
    "config.schedule.store-limit": "limit/* has the same, by store",
    "config.pd-server.trace-region-flow": "old PD drops it at the next change of its leader",
    "config.schedule.schedulers-payload": "scheduler/* has the same, by scheduler",
    "balance-hot-region-scheduler.read-priorities": "PD adapts them itself after its start",
    "balance-hot-region-scheduler.write-leader-priorities": "PD adapts them, too",
}
"""What PD shows that is not compared, and why: of a store, its status, a region and its peers, a
rule, a section of the configuration, a scheduler's settings."""

CHECKERS = ("learner", "replica", "rule", "split", "merge", "joint-state")


@dataclass(frozen=True)
class WholeState:
    """One look at everything."""

    fields: Mapping[str, object]
    epochs: Mapping[int, tuple[int, int]]
    """By region: version and conf_ver."""

    def below(self, prefix: str) -> dict[str, object]:
        """Return the fields whose path begins so, by what follows it."""
        return {
            path.removeprefix(prefix): value
            for path, value in self.fields.items()
            if path.startswith(prefix)
        }


def read_whole_state(pd: PdClient) -> WholeState:
    """Return what PD's leader shows now. It changes nothing.

    Raises:
        RefusedError: PD refused a read, for instance while it changes leader.
    """
    fields: dict[str, object] = {}
    for part in (_stores, _schedulers, _config, _placement, _members):
        fields.update(part(pd))
    regions = pd.get("/regions")["regions"] or []
    for region in regions:
        fields.update(_region(region))
    running = pd.get("/operators") or []
    fields.update({f"operator/{_region_of(text)}": text.split(" {")[0] for text in running})
    epochs = {
        region["id"]: (region["epoch"]["version"], region["epoch"]["conf_ver"])
        for region in regions
    }
    return WholeState(fields, epochs)


def differences(
    before: WholeState, after: WholeState, *, except_for: Sequence[str] = ()
) -> list[str]:
    """Return one sentence for each field that differs; empty when all is the same.

    ``except_for`` are patterns of paths (``region/*/leader``) that may differ.
    """
    found = []
    for path in sorted({*before.fields, *after.fields}):
        was, now = before.fields.get(path, MISSING), after.fields.get(path, MISSING)
        if _same(path, was, now) or any(fnmatchcase(path, pattern) for pattern in except_for):
            continue
        found.append(f"{path}: was {was}, is {now}")
    for number, epoch in before.epochs.items():
        later = after.epochs.get(number)
        if later is not None and (later[0] < epoch[0] or later[1] < epoch[1]):
            found.append(f"region {number}: its epoch went back from {epoch} to {later}")
    return found


def assert_same(before: WholeState, after: WholeState, *, except_for: Sequence[str] = ()) -> None:
    """Fail with every field that differs, by name."""
    found = differences(before, after, except_for=except_for)
    assert not found, "not as before:\n" + "\n".join(found)


def _same(path: str, was: object, now: object) -> bool:
    if path.startswith("paused/") and isinstance(was, int) and isinstance(now, int):
        # PD takes a number of seconds from now, so a restored pause ends within the second or so.
        return abs(was - now) <= PAUSE_TOLERANCE_SECONDS
    if path.startswith("operator/") and now == MISSING:
        return True  # one that ran before has ended by itself; a new one would be of our making
    return was == now


def _stores(pd: PdClient) -> Iterator[tuple[str, object]]:
    for entry in pd.get("/stores?state=0&state=1&state=2")["stores"] or []:
        store, status = dict(entry["store"]), dict(entry["status"])
        name = f"store/{store.pop('id')}"
        for label in store.pop("labels", []):
            yield f"{name}/label/{label['key']}", label["value"]
        yield from _kept(name, "store", store)
        yield from _kept(name, "status", status)
    for number, limits in pd.get("/stores/limit?include_tombstone=true").items():
        for kind, rate in limits.items():
            yield f"limit/{number}/{kind}", rate


def _region(region: dict[str, Any]) -> Iterator[tuple[str, object]]:
    shown = dict(region)
    name = f"region/{shown.pop('start_key')}-{shown.pop('end_key')}"
    yield f"{name}/leader", shown.pop("leader", {}).get("store_id", MISSING)
    yield (
        f"{name}/peers",
        sorted(
            f"{peer['store_id']}:{peer['role_name']}" + (":witness" * peer.get("is_witness", False))
            for peer in shown.pop("peers")
        ),
    )
    pending = sorted(peer["store_id"] for peer in shown.pop("pending_peers", []))
    down = sorted(item["peer"]["store_id"] for item in shown.pop("down_peers", []))
    yield f"{name}/pending", pending
    yield f"{name}/down", down
    yield from _kept(name, "region", shown)


def _schedulers(pd: PdClient) -> Iterator[tuple[str, object]]:
    for name in pd.get("/schedulers") or []:
        yield f"scheduler/{name}", "listed"
        try:
            settings = pd.get(f"/scheduler-config/{name}/list")
        except RefusedError:  # 404: this one has no settings
            continue
        if isinstance(settings, dict):
            yield from _kept(f"scheduler/{name}", name, settings)
    for paused in pd.get("/schedulers?status=paused&timestamp=true") or []:
        yield f"paused/{paused['name']}", _seconds(paused["resume_at"])
    for checker in CHECKERS:
        yield f"checker/{checker}/paused", pd.get(f"/checker/{checker}")["paused"]


def _config(pd: PdClient) -> Iterator[tuple[str, object]]:
    for section in ("schedule", "replicate", "pd-server"):
        for name, shown in pd.get(f"/config/{section}").items():
            value = shown
            if name == "schedulers-v2":  # its order is that of coming and going
                value = {item["type"]: item for item in value}
            if f"config.{section}.{name}" not in LEFT_OUT:
                yield from _flat(f"config/{section}/{name}", value)
    yield "config/cluster-version", pd.get("/config/cluster-version")


def _placement(pd: PdClient) -> Iterator[tuple[str, object]]:
    for group in _rule_groups(pd):
        name = f"rule-group/{group['group_id']}"
        for rule in group.get("rules") or []:
            yield from _kept(f"rule/{group['group_id']}/{rule['id']}", "rule", rule)
        yield f"{name}/index", group.get("group_index", 0)
        yield f"{name}/override", group.get("group_override", False)
    for rule in pd.get("/config/region-label/rules") or []:
        yield from _flat(f"label-rule/{rule['id']}", rule)


def _rule_groups(pd: PdClient) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = pd.get("/config/placement-rule")
    except RefusedError as error:
        if error.status != PLACEMENT_RULES_DISABLED:
            raise
        return []
    return found


def _members(pd: PdClient) -> Iterator[tuple[str, object]]:
    shown = pd.get("/members")
    yield "pd/leader", shown["leader"]["name"]
    for member in shown["members"]:
        name = f"pd/member/{member['name']}"
        for key in ("member_id", "client_urls", "peer_urls"):
            yield f"{name}/{key}", member[key]
        yield f"{name}/leader_priority", member.get("leader_priority", 0)


def _kept(name: str, kind: str, shown: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for key, value in shown.items():
        if f"{kind}.{key}" not in LEFT_OUT:
            yield from _flat(f"{name}/{key}", value)


def _flat(path: str, value: Any) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(f"{path}/{key}", inner)
    elif isinstance(value, list) and any(isinstance(item, (dict, list)) for item in value):
        for number, inner in enumerate(value):
            yield from _flat(f"{path}/{number}", inner)
    else:
        yield path, value


def _region_of(operator: str) -> str:
    return operator.partition("region:")[2].partition("(")[0]


def _seconds(moment: str | int) -> int:
    if isinstance(moment, int):  # older PD
        return moment
    return int(datetime.fromisoformat(moment).timestamp())
