"""The closed list of writes: what is not exactly one of four shapes never leaves."""

import pytest

from assent.core.model.call import PdCall
from assent.pd.whitelist.table import WHITELIST, allowed
from tests.support.pd import EVICT, LIMIT, STOP_EVICT, TRANSFER

OPERATORS = "/pd/api/v1/operators"
SCHEDULERS = "/pd/api/v1/schedulers"
STORE_LIMIT = "/pd/api/v1/store/2/limit"
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
    ],
)
def test_the_calls_of_the_four_actions_are_allowed(call: PdCall, name: str) -> None:
    """And the undo of a limit, which restores any number that PD showed."""
    found = allowed(call)
    assert found is not None
    assert found.name == name


def test_every_kind_is_used() -> None:
    """The list holds nothing that no action needs."""
    calls = (TRANSFER, EVICT, STOP_EVICT, LIMIT)
    assert {kind.name for call in calls if (kind := allowed(call))} == {k.name for k in WHITELIST}


@pytest.mark.parametrize(
    ("method", "path", "body", "why"),
    [
        ("DELETE", "/pd/api/v1/store/2", None, "takes a store out"),
        ("DELETE", "/pd/api/v1/store/2?force", None, "P27: declares its data lost"),
        ("DELETE", "/pd/api/v1/store/2?force=false", None, "P27: forces as well"),
        ("DELETE", "/pd/api/v1/schedulers/evict-leader-scheduler", None, "P29: ends all"),
        ("DELETE", OPERATORS, None, "P25: kills PD's own repair"),
        ("DELETE", f"{OPERATORS}/5", None, "P25: cancels whoever's it is"),
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
        ("POST", OPERATORS, {"name": "remove-peer", "region_id": 1, "store_id": 2}, "P20"),
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
