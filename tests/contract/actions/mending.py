"""Puts a cluster back as it was after a test, so that the next one need not wait for a new one."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from sandbox.errors import SandboxError
from sandbox.remote import RefusedError
from tests.contract.actions.differences import OLDER
from tests.contract.actions.whole_state import MISSING, WholeState, differences, read_whole_state
from tests.support.real_cluster import RealCluster, wait_for

SETTLE_SECONDS = 10.0
NOT_MENDED = ("region/*", "operator/*", "pd/leader")
"""Where regions lie and who leads may differ from test to test; tests ask, they do not assume."""
HEALTHY_PEERS = 3
FEWEST_LEADERS = 2
CAMPAIGN = "start to campaign PD leader"
MOST_CAMPAIGNS = 3
"""PD 8.1 gives its etcd leadership away rather than lead a fourth time within 5 minutes
(pkg/member/member.go, ErrLeaderFrequentlyChange); nobody who asked for it is told."""
FEWEST_REGIONS = 12
"""Splits and merges of tests stay; below this there is too little left to choose from."""


@dataclass(frozen=True)
class Pristine:
    """How a cluster was before its first test."""

    state: WholeState
    rules: Any
    label_rules: Any
    settings: Mapping[str, Any]
    """Of the simulated stores."""


def look(cluster: RealCluster) -> Pristine:
    """Return how the cluster is now, for `mend`."""
    return Pristine(
        read_whole_state(cluster.pd),
        cluster.pd.get("/config/placement-rule"),
        cluster.pd.get("/config/region-label/rules"),
        cluster.stores.get("/settings"),
    )


def mend(cluster: RealCluster, pristine: Pristine) -> str | None:
    """Put it back; return None, or why that cannot be done (a tombstone, for one): close it."""
    try:
        _mend_processes(cluster)
        if (why := _worn(cluster, pristine)) is not None:
            return why
        _mend_stores(cluster, pristine)
        wait_for(lambda: _prepared(cluster), "PD's schedulers")
        found = read_whole_state(cluster.pd)
        if "Tombstone" in found.fields.values():
            return "a store is a tombstone"
        if _wrong(cluster, pristine):
            _mend_settings(cluster, found, pristine)
            wait_for(
                lambda: not _wrong(cluster, pristine),
                "PD to be as before",
                seconds=SETTLE_SECONDS,
            )
        return _level_leaders(cluster)
    except (AssertionError, SandboxError, httpx.HTTPError) as error:
        return f"{error}; " + "; ".join(_wrong(cluster, pristine))


def _wrong(cluster: RealCluster, pristine: Pristine) -> list[str]:
    """Return what is not as it must be for the next test, in words; empty when all is."""
    state = read_whole_state(cluster.pd)
    found = differences(pristine.state, state, except_for=NOT_MENDED)
    found += [f"an operator runs on region {number}" for number in state.below("operator/")]
    peers = {path: held for path, held in state.fields.items() if path.endswith("/peers")}
    for path, held in state.fields.items():
        if path.startswith("region/") and path.endswith(("/down", "/pending")) and held:
            found.append(f"{path}: {held}")
    for path, held in peers.items():
        voters = [peer for peer in held if "Voter" in peer] if isinstance(held, list) else []
        if len(voters) != HEALTHY_PEERS or held != voters:
            found.append(f"{path}: {held}")
    shown = cluster.stores.status()
    if not len(peers) == shown["regions"] >= FEWEST_REGIONS:
        found.append(f"PD knows {len(peers)} regions, the stores have {shown['regions']}")
    if shown["unfinished"]:
        found.append(f"the stores have {shown['unfinished']} commands in hand")
    return found


def _mend_processes(cluster: RealCluster) -> None:
    for process in cluster.processes.values():
        process.thaw()
        process.start()
    cluster.faults.clear()


def _mend_stores(cluster: RealCluster, pristine: Pristine) -> None:
    for number, store in cluster.stores.stores().items():
        address = pristine.state.fields[f"store/{number}/address"]
        if store["address"] != address:
            cluster.stores.store(number, "stop")
        if store["state"] == "stopped" or store["address"] != address:
            cluster.stores.store(number, "start", address=address)
        for shown, fault in (("hung", "hang"), ("slow", "slow"), ("full", "fill")):
            if store[shown]:
                cluster.stores.store(number, fault, off=True)
        if store["hot_regions"]:
            cluster.stores.store(number, "heat", off=True)
    if cluster.stores.get("/settings") != pristine.settings:
        cluster.stores.post("/settings", pristine.settings)
    cluster.stores.drop_commands()  # after the settings: from now on none is delayed


def _prepared(cluster: RealCluster) -> bool:
    with suppress(SandboxError, httpx.HTTPError):
        return len(cluster.pd.schedulers()) > 0
    return False


def _mend_settings(cluster: RealCluster, found: WholeState, pristine: Pristine) -> None:
    pd, before = cluster.pd, pristine.state
    for number in found.below("operator/"):
        _quietly(lambda number=number: pd.delete(f"/operators/{number}"))
    _mend_schedulers(cluster, found, pristine)
    for path, value in found.fields.items():
        was = before.fields.get(path, MISSING)
        head, _, rest = path.partition("/")
        section, _, name = rest.partition("/")
        if was == value:
            continue
        if path == "config/schedule/halt-scheduling":  # PD shows it only while it is true
            pd.post("/config", {"schedule.halt-scheduling": "false"})
        elif head == "config" and "/" not in name and was is not MISSING:
            pd.post("/config", {f"{_prefix(section)}{name}": was})
        elif head == "limit":
            pd.post(f"/store/{section}/limit", {"rate": was, "type": name})
        elif head == "checker":
            pd.post(f"/checker/{section}", {"delay": 0})
        elif head == "store" and name == "state_name" and value == "Offline":
            pd.post(f"/store/{section}/state?state=Up")
        elif head == "store" and name.endswith("_weight"):
            weights = {
                kind: before.fields[f"store/{section}/{kind}_weight"]
                for kind in ("leader", "region")
            }
            pd.post(f"/store/{section}/weight", weights)
        elif head == "pd" and name.endswith("/leader_priority"):
            pd.post(f"/members/name/{name.split('/')[0]}", {"leader-priority": was})
    _mend_labels(cluster, found, pristine)
    _mend_rules(cluster, pristine)


def _mend_schedulers(cluster: RealCluster, found: WholeState, pristine: Pristine) -> None:
    pd = cluster.pd
    for name in found.below("paused/"):
        pd.post(f"/schedulers/{name}", {"delay": 0})
    listed, wanted = _schedulers(found), _schedulers(pristine.state)
    for name in listed - wanted:
        pd.delete(f"/schedulers/{name}")
    for name in wanted - listed:
        pd.post("/schedulers", {"name": name})


def _mend_labels(cluster: RealCluster, found: WholeState, pristine: Pristine) -> None:
    for number in cluster.stores.stores():
        labels = pristine.state.below(f"store/{number}/label/")
        if found.below(f"store/{number}/label/") != labels:
            cluster.pd.post(f"/store/{number}/label?force", labels)


def _mend_rules(cluster: RealCluster, pristine: Pristine) -> None:
    pd = cluster.pd
    found = read_whole_state(pd)
    if any(found.below(kind) != pristine.state.below(kind) for kind in ("rule/", "rule-group/")):
        pd.post("/config/placement-rule", pristine.rules)
    kept = {rule["id"]: rule for rule in pristine.label_rules}
    now = {rule["id"]: rule for rule in pd.get("/config/region-label/rules") or []}
    for name in now.keys() - kept.keys():
        pd.delete(f"/config/region-label/rule/{quote(name, safe='')}")
    for name, rule in kept.items():
        if now.get(name) != rule:
            pd.post("/config/region-label/rule", rule)


def _level_leaders(cluster: RealCluster) -> str | None:
    """Give every store a leader or two to work with, without PD; return why that fails."""
    stores = cluster.stores.stores()
    counts = {number: store["leader_count"] for number, store in stores.items()}
    share = sum(store["peer_count"] for store in stores.values()) / len(stores)
    for number, store in stores.items():
        if store["peer_count"] < share / 2:
            return f"store {number} has {store['peer_count']} peers, its share is {share:g}"
    for number in counts:
        for giver in sorted(counts, key=lambda n: -counts[n]):
            lacking = FEWEST_LEADERS - counts[number]
            if giver != number and lacking > 0 and counts[giver] > FEWEST_LEADERS:
                moved = cluster.stores.move_leaders(
                    from_store=giver, to_store=number, count=lacking
                )
                counts[giver] -= moved
                counts[number] += moved
        if counts[number] == 0:
            return f"store {number} leads nothing"
    return None


def _worn(cluster: RealCluster, pristine: Pristine) -> str | None:
    """Return why PD's leader would not change any more as the tests expect."""
    if cluster.shape.line == OLDER and len(cluster.members) > 1:
        leader = cluster.pd.leader()
        if leader != pristine.state.fields["pd/leader"]:
            return f"{leader} leads: this PD is not prepared for minutes when another leads again"
    for member in cluster.members:
        log = cluster.processes[member.name].log.read_text(errors="replace")
        recent = log.rpartition("frequently changed")[2]
        if len(cluster.members) > 1 and recent.count(CAMPAIGN) >= MOST_CAMPAIGNS:
            return f"{member.name} would not lead a {MOST_CAMPAIGNS + 1}th time within 5 minutes"
    return None


def _schedulers(state: WholeState) -> set[str]:
    return {name.split("/")[0] for name in state.below("scheduler/")}


def _prefix(section: str) -> str:
    return {"schedule": "schedule.", "replicate": "replication.", "pd-server": "pd-server."}[
        section
    ]


def _quietly(call: Any) -> None:
    with suppress(RefusedError):  # it ended meanwhile
        call()
