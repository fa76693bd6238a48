"""The classes of actions that are killed: what each does, and what PD shows when it is done."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from assent.observability.crash_points import Point
from sandbox.library import Sandbox
from tests.integration.operator.scene import set_limit

Action = dict[str, Any]
NEVER_COMES = {"fact": "StoreWithoutLeaders", "storeId": 1, "timeout": "2s"}
RATES = itertools.cycle(range(20, 150))
"""No two cases after each other set the same limit; above 150 it would be of a higher tier."""


@dataclass(frozen=True)
class Case:
    """One ask on one sandbox, made for one kill."""

    action: Action | None
    """What is filed by hand; None when detection is to find it."""
    effects: int
    """How many calls have taken effect once it Succeeded, undos included."""
    ends: str
    """The phase that it ends in where nothing is lost."""
    shows: Callable[[], bool]
    """Whether PD shows what that phase claims."""
    ask: Mapping[str, Any] = field(default_factory=dict)
    """More of the proposal's spec."""
    region: int | None = None
    """The region whose changes the stores' log is searched for."""
    region_kind: str = ""
    """The kind of those changes."""


@dataclass(frozen=True)
class ActionClass:
    """A class of actions that are alike in what a crash may do to them."""

    name: str
    prepare: Callable[[Sandbox], Case]
    heart: Point
    """The point that begins the part which the class is about: what happens to everything the
    process does all the time counts only from there on."""
    undoing: bool = False
    """Whether that part is an undo."""
    resendable: bool = False
    """Whether every call of it sets a value, so that it may be sent again if it had no effect."""
    rules: Mapping[str, Any] = field(default_factory=dict)
    """Detection rules that differ from "all off"."""


def _limit(box: Sandbox, store: int) -> Any:
    return box.pd.get("/stores/limit")[str(store)]["add-peer"]


def _absolute(box: Sandbox) -> Case:
    rate = next(RATES)
    return Case(set_limit(2, rate), 1, "Succeeded", lambda: _limit(box, 2) == rate)


def _transfer_action(box: Sandbox) -> tuple[Action, int, Callable[[], bool]]:
    """Another region each time would run out of them: the one that moved longest ago."""
    regions = box.pd.get("/regions/key?key=&limit=64")["regions"]
    moves = [effect["region"] for effect in box.effects()]
    region = min(regions, key=lambda item: (moves.count(item["id"]), item["id"]))
    target = next(
        peer["store_id"]
        for peer in region["peers"]
        if peer["store_id"] != region["leader"]["store_id"]
    )
    action = {
        "type": "TransferLeader",
        "transferLeader": {"regionId": region["id"], "toStoreId": target},
    }

    def shows() -> bool:
        seen: Any = box.pd.get(f"/region/id/{region['id']}")
        return bool(seen["leader"]["store_id"] == target)

    return action, region["id"], shows


def _refused(box: Sandbox) -> Case:
    action, region, shows = _transfer_action(box)
    return Case(action, 1, "Succeeded", shows, region=region, region_kind="transfer_leader")


def _never(box: Sandbox) -> Case:
    regions = box.pd.get("/regions/key?key=&limit=64")["regions"]
    region = max(
        (item for item in regions if item["start_key"] and item["end_key"]),
        key=lambda item: (item.get("approximate_size", 0), item["id"]),
    )
    number = region["id"]
    return Case(
        {"type": "SplitRegion", "splitRegion": {"regionId": number, "policy": "Approximate"}},
        1,
        "Succeeded",
        lambda: bool(_changes(box, number, "split")),
        region=number,
        region_kind="split",
    )


def _plan(box: Sandbox) -> Case:
    first, last = next(RATES), next(RATES)
    transfer, region, _ = _transfer_action(box)
    return Case(
        _steps(set_limit(1, first), transfer, set_limit(3, last)),
        3,
        "Succeeded",
        lambda: _limit(box, 1) == first and _limit(box, 3) == last,
        region=region,
        region_kind="transfer_leader",
    )


def _group(box: Sandbox) -> Case:
    rates = [next(RATES) for _ in range(3)]
    steps = [
        {**set_limit(store, rate), "group": "limits"} for store, rate in enumerate(rates, start=1)
    ]
    return Case(
        _steps(*steps),
        3,
        "Succeeded",
        lambda: [_limit(box, store) for store in (1, 2, 3)] == rates,
    )


def _rollback(box: Sandbox) -> Case:
    before = [_limit(box, store) for store in (1, 2, 3)]
    steps = (
        set_limit(1, next(RATES)),
        {**set_limit(2, next(RATES)), "waitUntil": NEVER_COMES},
        set_limit(3, next(RATES)),
    )
    return Case(
        _steps(*steps),
        4,
        "RolledBack",
        lambda: [_limit(box, store) for store in (1, 2, 3)] == before,
    )


def _revert(box: Sandbox) -> Case:
    before = _limit(box, 2)
    return Case(
        set_limit(2, next(RATES)),
        2,
        "Succeeded",
        lambda: bool(_limit(box, 2) == before),
        ask={"revertAfter": "2s"},
    )


def _found(box: Sandbox) -> Case:
    box.pd.post("/schedulers", {"name": "evict-leader-scheduler", "store_id": 4})
    return Case(None, 1, "Succeeded", lambda: "evict-leader-scheduler" not in box.pd.schedulers())


def _steps(*steps: Action) -> Action:
    return {"type": "Plan", "plan": {"steps": list(steps)}}


def _changes(box: Sandbox, region: int, kind: str) -> list[dict[str, Any]]:
    return [
        effect
        for effect in box.effects()
        if effect["region"] == region and effect["kind"] == kind and effect["cause"] == "pd"
    ]


CLASSES = (
    ActionClass("absolute", _absolute, Point.INTENT_STORED, resendable=True),
    ActionClass("refused-on-repeat", _refused, Point.INTENT_STORED),
    ActionClass("never-repeat", _never, Point.INTENT_STORED),
    ActionClass("plan", _plan, Point.INTENT_STORED),
    ActionClass("parallel-group", _group, Point.INTENT_STORED, resendable=True),
    ActionClass("rollback", _rollback, Point.ROLLBACK_STORED, undoing=True, resendable=True),
    ActionClass("revert-after", _revert, Point.REVERT_STORED, undoing=True, resendable=True),
    ActionClass(
        "found-by-detection",
        _found,
        Point.INTENT_STORED,
        resendable=True,
        rules={"leftoverEviction": {"olderThan": "1s"}},
    ),
)
"""The seven of issue 5, and what only detection passes: the filing of a proposal."""

BY_NAME = {one.name: one for one in CLASSES}
