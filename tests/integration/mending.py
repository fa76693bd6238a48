"""Brings a sandbox that several tests share back to where it was."""

import contextlib
from typing import Any

import pytest

from sandbox import Sandbox
from sandbox.objects import ObjectError, Query

LASTING_FAULTS = ("hang", "slow", "fill", "heat")
EVICTION = "evict-leader-scheduler"
FEW = 20
"""Leaders that a store is given back."""
OPERATOR = "system:serviceaccount:assent-system:assent"
FAILED = pytest.StashKey[bool]()
"""In the stash of a test that failed."""


def mend(box: Sandbox, *, kept_operator: int | None = None) -> None:
    """Bring a sandbox back to where it was: all processes run, all stores up, nothing evicted.

    Operators are stopped; `kept_operator` runs on if it is alive and well.
    """
    mend_operators(box, kept=kept_operator)
    box.faults.clear()
    for store in box.tikvsim.stores().values():
        if store["state"] == "stopped":
            box.tikvsim.store(store["id"], "start")
        for fault in LASTING_FAULTS:
            box.tikvsim.store(store["id"], fault, off=True)
    if EVICTION in box.pd.schedulers():
        box.pd.delete(f"/schedulers/{EVICTION}")
    _lead_everywhere(box)


def _lead_everywhere(box: Sandbox) -> None:
    """Give leaders to a store whose leaders a test took: PD itself gives them back in its time."""
    stores = box.pd.stores()
    idle = [
        number
        for number, store in stores.items()
        if store["state_name"] == "Up" and store.get("region_count") and not _leaders(store)
    ]
    busiest = max(stores, key=lambda number: _leaders(stores[number]))
    given = [
        number
        for number in idle
        if box.tikvsim.move_leaders(from_store=busiest, to_store=number, count=FEW)
    ]
    box.wait_for(
        lambda: all(box.pd.leader_counts()[number] > 0 for number in given),
        what=f"leaders on stores {given}",
    )


def _leaders(store: dict[str, Any]) -> int:
    return int(store.get("leader_count", 0))


def mend_operators(box: Sandbox, *, kept: int | None = None) -> None:
    """Stop all operators, but not `kept` if that is alive and well."""
    left = []
    for number in box.running_operators():
        operator = box.operator(number)
        if number == kept and operator.facts["state"] == "running":
            left.append(number)
        else:
            # A graceful end releases the Lease, so that the next one leads at once.
            operator.stop()
    if not left:
        release_lease(box)


def release_lease(box: Sandbox) -> None:
    """Free the Lease of operators that were killed, so that the next need not wait for its end."""
    lease = Query("leases", "assent", "assent-system")
    with contextlib.suppress(ObjectError):  # 404: nobody has ever led here
        if box.objects.get(lease)["spec"].get("holderIdentity"):
            # In the operator's name: the gate lets nobody else write its Lease.
            box.kubectl(
                "-n", "assent-system", "patch", "lease", "assent", "--as", OPERATOR,
                "--type=merge", "-p", '{"spec":{"holderIdentity":""}}',
            )  # fmt: skip
