"""Small histories, written by hand: one proposal's life, and what PD got."""

import itertools
from dataclasses import replace
from typing import Any

from tests.chaos.history import History, Said, Sent, Split, Struck, Version

T0 = 1_000_000.0
DIGEST = "sha256:a"
LIMIT = {
    "type": "SetStoreLimit",
    "setStoreLimit": {"storeId": 2, "kind": "AddPeer", "ratePerMinute": 44},
}
TRANSFER = {"type": "TransferLeader", "transferLeader": {"regionId": 7, "toStoreId": 3}}
SPLIT = {"type": "SplitRegion", "splitRegion": {"regionId": 9, "policy": "Approximate"}}
LIMIT_PATH = "/pd/api/v1/store/2/limit"
ALICE = ("alice", "Approve", DIGEST)
NUMBERS = itertools.count(1)


def limit(store: int, rate: int) -> dict[str, Any]:
    """The action SetStoreLimit on add-peer."""
    change = {"storeId": store, "kind": "AddPeer", "ratePerMinute": rate}
    return {"type": "SetStoreLimit", "setStoreLimit": change}


def life(
    *phases: str, name: str = "p1", action: dict[str, Any] = LIMIT, start: float = T0, **last: Any
) -> tuple[Version, ...]:
    """A proposal that was filed, assessed, approved, and then went through the phases.

    A version a second; `last` changes the last one.
    """
    base = Version(
        at=start, uid=f"uid-{name}", name=name, version=next(NUMBERS), action=action, author="sam"
    )
    assessed = replace(base, phase="Pending", digest=DIGEST, tier="Medium", assessed=True)
    versions = [base, assessed, replace(assessed, approvals=(ALICE,))]
    for phase in phases:
        versions.append(replace(versions[-1], phase=phase, reason=_reason(phase)))
    found = [
        replace(item, at=start + number, version=next(NUMBERS))
        for number, item in enumerate(versions)
    ]
    return (*found[:-1], replace(found[-1], **last))


def _reason(phase: str) -> str:
    return {"Succeeded": "Done", "Executing": "Calling"}.get(phase, phase)


def sent(
    at: float = T0 + 3.2,
    *,
    method: str = "POST",
    path: str = LIMIT_PATH,
    body: str = '{"rate":44,"type":"add-peer"}',
    pd_status: int = 200,
    fault: str = "",
) -> Sent:
    """A write of the operators."""
    status = 0 if fault.startswith("cut") else pd_status
    return Sent(at, at + 0.1, method, path, body, status, pd_status, fault)


def operator_call(name: str, at: float = T0 + 3.2, **arguments: Any) -> Sent:
    """A POST to PD's operators."""
    body = '{"name":"transfer-leader","region_id":7,"to_store_id":3}'
    if name == "split-region":
        body = '{"name":"split-region","policy":"approximate","region_id":9}'
    return sent(at, path="/pd/api/v1/operators", body=body, **arguments)


def history(
    *lives: tuple[Version, ...],
    calls: tuple[Sent, ...] = (),
    struck: tuple[Struck, ...] = (),
    said: tuple[Said, ...] = (),
    splits: tuple[Split, ...] = (),
) -> History:
    """All of it; the faults end 60 s after the beginning."""
    return History(
        seed=1,
        began=T0,
        calm=T0 + 60,
        ended=T0 + 90,
        versions=tuple(version for one in lives for version in one),
        sent=calls,
        struck=struck,
        said=said,
        splits=splits,
        requests={"pd read delay_before": 3},
    )
