"""What a call changes in PD, and what an ask wants changed: the two sides of the count. Pure.

Written from PD's own paths, not from the operator's code, so that both cannot be wrong alike.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

API = "/pd/api/v1"
LIMITS = {"AddPeer": "add-peer", "RemovePeer": "remove-peer"}


class Repeat(StrEnum):
    """What a second sending of the same call does."""

    ABSOLUTE = "absolute"
    """Sets the same value again."""
    REFUSED = "refused"
    """PD refuses it."""
    AGAIN = "again"
    """Does it once more."""


@dataclass(frozen=True)
class Touch:
    """One change: what of PD it touches, and how that is then."""

    key: str
    value: str


@dataclass(frozen=True)
class Wanted:
    """What one step of an ask changes."""

    touch: Touch
    repeat: Repeat


def touch(method: str, path: str, body: str) -> Touch | None:
    """What a write to PD changes; None for one that is not known here."""
    path = path.removeprefix(API).partition("?")[0]
    content = json.loads(body) if body else {}
    if method == "POST" and path == "/operators":
        target = content.get("to_store_id", content.get("policy", ""))
        return Touch(f"{content['name']}/{content['region_id']}", str(target))
    if method == "POST" and path == "/schedulers":
        if "store_id" in content:
            return Touch(f"evict/{content['store_id']}", "on")
        return Touch(f"scheduler/{content['name']}", "on")
    if method == "POST" and path == "/config":
        (key, value), *_ = sorted(content.items())
        return Touch(f"config/{key.rpartition('.')[2]}", _text(value))
    if method == "DELETE":
        return _deleted(path)
    if (found := re.fullmatch(r"/store/(\d+)/limit", path)) is not None:
        return Touch(f"limit/{found[1]}/{content['type']}", _text(content["rate"]))
    if (found := re.fullmatch(r"/store/(\d+)/weight", path)) is not None:
        return Touch(f"weight/{found[1]}", f"{_text(content['leader'])} {_text(content['region'])}")
    return None


def _deleted(path: str) -> Touch | None:
    eviction = r"/scheduler-config/evict-leader-scheduler/delete/(\d+)"
    if (found := re.fullmatch(eviction, path)) is not None:
        return Touch(f"evict/{found[1]}", "off")
    if (found := re.fullmatch(r"/schedulers/(.+)", path)) is not None:
        return Touch(f"scheduler/{found[1]}", "off")
    return None


def wanted(action: Mapping[str, Any]) -> tuple[Wanted, ...]:
    """What each step of an ask's action changes, in order.

    Raises:
        ValueError: an action that no campaign asks for.
    """
    kind = action["type"]
    given = action[kind[0].lower() + kind[1:]]
    if kind == "Plan":
        return tuple(step for item in given["steps"] for step in wanted(item))
    if kind == "SetStoreLimit":
        key = f"limit/{given['storeId']}/{LIMITS[given['kind']]}"
        return _absolute(key, _text(given["ratePerMinute"]))
    if kind == "SetStoreWeight":
        weights = (given["leaderWeightPercent"] / 100, given["regionWeightPercent"] / 100)
        return _absolute(f"weight/{given['storeId']}", " ".join(map(_text, weights)))
    if kind == "SetScheduleConfig":
        return _absolute(f"config/{given['key']}", _text(given["value"]))
    if kind in ("EvictLeaders", "StopEvictLeaders"):
        return _absolute(f"evict/{given['storeId']}", "on" if kind == "EvictLeaders" else "off")
    if kind in ("AddScheduler", "RemoveScheduler"):
        state = "on" if kind == "AddScheduler" else "off"
        return (Wanted(Touch(f"scheduler/{given['name']}", state), Repeat.REFUSED),)
    if kind == "TransferLeader":
        target = Touch(f"transfer-leader/{given['regionId']}", str(given["toStoreId"]))
        return (Wanted(target, Repeat.REFUSED),)
    if kind == "SplitRegion":
        target = Touch(f"split-region/{given['regionId']}", given["policy"].lower())
        return (Wanted(target, Repeat.AGAIN),)
    if kind == "ScatterRegion":
        return (Wanted(Touch(f"scatter-region/{given['regionId']}", ""), Repeat.AGAIN),)
    raise ValueError(f"No campaign asks for {kind}.")


def _absolute(key: str, value: str) -> tuple[Wanted, ...]:
    return (Wanted(Touch(key, value), Repeat.ABSOLUTE),)


def _text(value: object) -> str:
    """A number in its shortest form, so that 44, 44.0 and "44" are the same."""
    try:
        return f"{float(str(value)):g}"
    except ValueError:
        return str(value).lower()
