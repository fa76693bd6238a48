"""Regions by their borders: which lie side by side, and how to put them back as they were."""

import re
from collections.abc import Callable

from assent.core.model.snapshot import ClusterSnapshot, Region
from tests.contract.actions.stage import Stage


def bounded(region: Region) -> bool:
    """Return True for a region that is neither the first nor the last."""
    return region.start_key != "" and region.end_key != ""


def between(region: Region, count: int) -> list[str]:
    """Return sorted keys inside the region: its start and one byte more."""
    return [f"{region.start_key}{number:02X}" for number in range(1, count + 1)]


def parts_of(region: Region, seen: ClusterSnapshot) -> list[Region]:
    """Return the regions that cover the former one's range, in order."""
    return [
        item
        for item in seen.sample
        if bounded(item) and region.start_key <= item.start_key and item.end_key <= region.end_key
    ]


def granted_seconds(operator: str) -> float:
    """Return how long PD gives the operator of that text, such as 60 for ``timeout:[1m0s]``."""
    found = re.search(r"timeout:\[(?:(\d+)h)?(?:(\d+)m)?(?:([\d.]+)s)?\]", operator)
    assert found is not None, operator
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


async def rejoin(stage: Stage, region: Region) -> None:
    """Merge the parts of a region that was split into the one that kept its id, as a person would
    by hand, one after the other.
    """
    while True:
        seen = await stage.see()
        parts = parts_of(region, seen)
        if len(parts) == 1:
            return
        place = next(index for index, part in enumerate(parts) if part.id == region.id)
        neighbour = parts[place - 1] if place else parts[1]
        await stage.at_rest()
        stage.pd(
            "POST",
            "/operators",
            {
                "name": "merge-region",
                "source_region_id": neighbour.id,
                "target_region_id": region.id,
            },
        )
        await stage.until(_without(neighbour), f"region {neighbour.id} merged")


def _without(region: Region) -> Callable[[ClusterSnapshot], bool]:
    return lambda now: all(item.id != region.id for item in now.sample)
