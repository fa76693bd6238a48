"""The closed list of writes: what is not exactly one of its shapes never leaves."""

import pytest

from assent.core.actions.catalogue import CATALOGUE
from assent.core.model.call import PdCall
from assent.pd.whitelist.table import WHITELIST, allowed
from tests.support.pd import EVICT, LIMIT, STOP_EVICT, TRANSFER

OPERATORS = "/pd/api/v1/operators"
SCHEDULERS = "/pd/api/v1/schedulers"
STORE_LIMIT = "/pd/api/v1/store/2/limit"
LABEL = "/pd/api/v1/store/2/label"
STATE = "/pd/api/v1/store/2/state"
STORE = "/pd/api/v1/store/2"
TOMBSTONES = "/pd/api/v1/stores/remove-tombstone"
WEIGHT = "/pd/api/v1/store/2/weight"
STOP = "/pd/api/v1/scheduler-config/evict-leader-scheduler/delete"


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (TRANSFER, "transfer-leader"),
        (EVICT, "evict-leader"),
        (STOP_EVICT, "stop-evict-leader"),
        (LIMIT, "store-limit"),
        (PdCall("POST", STORE_LIMIT, {"rate": 15.5, "type": "remove-peer"}), "store-limit"),
        (PdCall("POST", STORE_LIMIT, {"rate": 1e8, "type": "remove-peer"}), "store-limit"),
        (PdCall("DELETE", STORE), "drain-store"),
        (PdCall("POST", f"{STATE}?state=Up"), "cancel-drain"),
        (PdCall("POST", WEIGHT, {"leader": 0, "region": 2.5}), "store-weight"),
        (PdCall("POST", LABEL, {"zone": "z1", "topology.k8s.io/host": ""}), "store-labels"),
        (PdCall("DELETE", TOMBSTONES), "remove-tombstones"),
        (PdCall("DELETE", f"{STORE}?force"), "force-remove-store"),
    ],
)
def test_the_calls_of_the_actions_are_allowed(call: PdCall, name: str) -> None:
    """And the undo of a limit, which restores any number that PD showed."""
    found = allowed(call)
    assert found is not None
    assert found.name == name


def test_every_kind_is_used() -> None:
    """The list holds nothing that no action needs."""
    undoes = {"default-placement-rule", "delete-placement-rule"}
    calls = [found.call(found.manual.example) for found in CATALOGUE.values()]
    used = {kind.name for call in calls if (kind := allowed(call))}
    assert used | undoes == {kind.name for kind in WHITELIST}


def test_p27_force_is_in_one_row_only() -> None:
    """P52: a store is forced by ForceRemoveStore and by nothing else, and with no value."""
    forced = [kind.name for kind in WHITELIST if "force" in kind.path.pattern]
    assert forced == ["force-remove-store"]


@pytest.mark.parametrize(
    ("method", "path", "body", "why"),
    [
        ("DELETE", f"{STORE}?force=false", None, "P27: forces as well"),
        ("DELETE", f"{STORE}?force=", None, "P27: one spelling only"),
        ("DELETE", f"{STORE}?force&x=1", None, "P27: nothing beside it"),
        ("DELETE", f"{STORE}?x", None, "no other query"),
        ("DELETE", f"{STORE}?", None, "no empty query"),
        ("DELETE", STORE, {"force": True}, "a body where none belongs"),
        ("POST", f"{STATE}?state=Offline", None, "a drain by another door"),
        ("POST", f"{STATE}?state=up", None, "one spelling only"),
        ("POST", f"{STATE}?state=Tombstone", None, "PD refuses it, and rightly"),
        ("POST", f"{STATE}?state=Up&force", None, "P52: never force"),
        ("POST", f"{LABEL}?force", {"zone": "z1"}, "P52: replaces all labels"),
        ("POST", LABEL, {}, "says nothing"),
        ("POST", LABEL, {"engine": "tiflash"}, "makes it another kind of store"),
        ("POST", LABEL, {"Exclusive": "x"}, "PD compares names without case"),
        ("POST", LABEL, {"$mode": "x"}, "a dollar keeps replicas off"),
        ("POST", LABEL, {"zone": 1}, "no text"),
        ("POST", LABEL, {"zone": "a b"}, "PD refuses it"),
        ("POST", LABEL, {f"k{n}": "v" for n in range(17)}, "more than is ever asked for"),
        ("DELETE", LABEL, None, "PD wants a body there"),
        ("POST", WEIGHT, {"leader": 1}, "PD wants both"),
        ("POST", WEIGHT, {"leader": -1, "region": 1}, "below nothing"),
        ("POST", WEIGHT, {"leader": True, "region": 1}, "no number"),
        ("POST", WEIGHT, {"leader": 1, "region": float("inf")}, "not JSON"),
        ("DELETE", f"{TOMBSTONES}?force", None, "P52: never force"),
        ("DELETE", "/pd/api/v1/schedulers/evict-leader-scheduler", None, "P29: ends all"),
        ("DELETE", OPERATORS, None, "P25: kills PD's own repair"),
        ("POST", "/pd/api/v1/admin/unsafe/remove-failed-stores", {"timeout": 1}, "P39"),
        ("POST", "/pd/api/v1/config", {"leader-schedule-limit": 0}, "P30: stops repair"),
        ("POST", "/pd/api/v1/regions/split", {"retry_limit": 1}, "P38: hangs PD"),
        ("GET", "/pd/api/v1/stores", None, "reads have another door"),
        ("PUT", STORE_LIMIT, dict(LIMIT.body or {}), "another method"),
        ("post", STORE_LIMIT, dict(LIMIT.body or {}), "methods are written large"),
        ("POST", f"{STORE_LIMIT}?ttlSecond=60", dict(LIMIT.body or {}), "P11: drops errors"),
        ("POST", f"{STORE_LIMIT}?force", dict(LIMIT.body or {}), "P52: never force"),
        ("POST", f"{STORE_LIMIT}\n", dict(LIMIT.body or {}), "the whole path, to its end"),
        ("POST", f"{STORE_LIMIT}/", dict(LIMIT.body or {}), "PD would redirect"),
        ("POST", "/pd/api/v1/store/2/../3/limit", dict(LIMIT.body or {}), "another store"),
        ("POST", "/pd/api/v1/store/02/limit", dict(LIMIT.body or {}), "one spelling only"),
        ("POST", "/pd/api/v1/store/٢/limit", dict(LIMIT.body or {}), "ASCII digits only"),
        ("POST", "http://other/pd/api/v1/store/2/limit", dict(LIMIT.body or {}), "a host"),
        ("POST", "/pd/api/v1/stores/limit", dict(LIMIT.body or {}), "all stores"),
        ("POST", STORE_LIMIT, None, "no body"),
        ("POST", STORE_LIMIT, {"rate": 30}, "without a type PD sets both"),
        ("POST", STORE_LIMIT, {"rate": 30, "type": "send-snapshot"}, "another limit"),
        ("POST", STORE_LIMIT, {"rate": 0, "type": "add-peer"}, "stops repair"),
        ("POST", STORE_LIMIT, {"rate": -1, "type": "add-peer"}, "below nothing"),
        ("POST", STORE_LIMIT, {"rate": float("nan"), "type": "add-peer"}, "not JSON"),
        ("POST", STORE_LIMIT, {"rate": float("inf"), "type": "add-peer"}, "not JSON"),
        ("POST", STORE_LIMIT, {"rate": True, "type": "add-peer"}, "no number"),
        ("POST", STORE_LIMIT, {"rate": 30, "type": "add-peer", "x": 1}, "one field more"),
        ("POST", SCHEDULERS, {"name": "grant-leader-scheduler", "store_id": 2}, "draws all"),
        ("POST", SCHEDULERS, {"name": "evict-leader-scheduler"}, "P10: no store"),
        ("POST", SCHEDULERS, {"name": "evict-leader-scheduler", "store_id": "2"}, "P10"),
        ("POST", SCHEDULERS, {"name": "evict-leader-scheduler", "store_id": 2.5}, "0.4: cut off"),
        ("POST", SCHEDULERS, {"name": "evict-leader-scheduler", "store_id": 2**53}, "0.4: float"),
        ("POST", f"{SCHEDULERS}/all", {"delay": 60}, "P32: pauses everything"),
        ("POST", OPERATORS, {"name": "remove-peer", "region_id": 1}, "no store"),
        ("POST", OPERATORS, {"name": "transfer-leader", "region_id": 1}, "no target"),
        (
            "POST",
            OPERATORS,
            {"name": "transfer-leader", "region_id": True, "to_store_id": 2},
            "True is 1 to Python and an error to PD",
        ),
        ("DELETE", f"{STOP}/0", None, "no store"),
        ("DELETE", f"{STOP}/2/3", None, "a longer path"),
        ("DELETE", f"{STOP}/", None, "no store"),
        ("DELETE", f"{STOP}/2", {"name": "x"}, "a body where none belongs"),
        ("DELETE", STOP.replace("evict", "grant") + "/2", None, "another scheduler"),
    ],
)
def test_everything_else_is_not(
    method: str, path: str, body: dict[str, str | int | float] | None, why: str
) -> None:
    """Each is a call that PD would take, or nearly."""
    assert allowed(PdCall(method, path, body)) is None, why


def test_routes_hold_no_ids() -> None:
    """They become metric labels."""
    assert all(not any(sign.isdigit() for sign in kind.route[10:]) for kind in WHITELIST)
