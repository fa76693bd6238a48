"""What the tests of the actions on peers share."""

import re
from collections.abc import Sequence
from typing import Any

from assent.core.model.snapshot import ClusterSnapshot, PeerRole, Region
from tests.contract.actions.stage import Stage

_TIMEOUT = re.compile(r"timeout:\[(?:(\d+)h)?(?:(\d+)m)?(\d+)s\]")


def roles_of(snapshot: ClusterSnapshot, region_id: int) -> dict[int, PeerRole]:
    """Return the role of each of the region's peers by store."""
    region = snapshot.regions.get(region_id)
    return {} if region is None else {peer.store_id: peer.role for peer in region.peers}


def operator_text(stage: Stage, region_id: int) -> str:
    """Return what PD says of the region's operator, running or just ended."""
    found: Any = stage.pd("GET", f"/operators/{region_id}")
    return str(found)


def pd_timeout_seconds(stage: Stage, region_id: int) -> int:
    """Return after how long PD gives up the region's operator, by its own text."""
    match = _TIMEOUT.search(operator_text(stage, region_id))
    assert match is not None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def hold_rule_checker(stage: Stage) -> None:
    """Let PD's rule checker stand still for a minute, so that it takes nothing back (P21)."""
    stage.pd("POST", "/checker/rule", {"delay": 60})


def want_replicas(
    stage: Stage, region: Region, *, constraints: Sequence[object] = (), **counts: int
) -> None:
    """Let PD's rules want so many replicas of this one region, by role: ``voter=4, learner=1``.

    Those of voters take the place of the default rule's.
    """
    for index, (role, count) in enumerate(counts.items(), start=1):
        rule = {
            "group_id": "pd",
            "id": f"wanted-{role}",
            "index": index,
            "override": role == "voter",
            "start_key": region.start_key,
            "end_key": region.end_key,
            "role": role,
            "count": count,
            "label_constraints": list(constraints),
        }
        stage.pd("POST", "/config/rule", rule)
