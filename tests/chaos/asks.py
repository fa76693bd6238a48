"""The stream of asks: what people want, and what they do with it, from a seed. Pure.

No two asks of a campaign set the same value, so that PD's journal says whose call it shows. What
cannot be unique (a scheduler that is added and removed, an eviction) has a `turn`: the next ask of
that turn is filed only when the one before it has ended.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any

STORES = 6
AT_ONCE = 3
"""So many asks come at the beginning, so that there is work from the first fault on."""
REGIONS = 160
Action = dict[str, Any]
SCHEDULERS = (
    "balance-witness-scheduler",
    "transfer-witness-leader-scheduler",
    "evict-slow-trend-scheduler",
    "label-scheduler",
)
SETTINGS = {
    "leader-schedule-limit": range(5, 60),
    "region-schedule-limit": range(1000, 2040),
    "replica-schedule-limit": range(30, 120),
    "merge-schedule-limit": range(2, 60),
    "hot-region-schedule-limit": range(5, 60),
    "max-snapshot-count": range(20, 120),
    "max-pending-peer-count": range(30, 120),
}


class Manner(StrEnum):
    """What people do with an ask once it is assessed."""

    APPROVE = "approve"
    APPROVE_TWICE = "approve_twice"
    APPROVE_CANCEL = "approve_cancel"
    APPROVE_WITHDRAW = "approve_withdraw"
    EDIT_APPROVE = "edit_approve"
    APPROVE_EDIT = "approve_edit"
    REJECT = "reject"
    CANCEL = "cancel"
    DELETE = "delete"
    APPROVE_DELETE = "approve_delete"


_MANNERS = {
    Manner.APPROVE: 62,
    Manner.APPROVE_TWICE: 7,
    Manner.APPROVE_CANCEL: 4,
    Manner.APPROVE_WITHDRAW: 3,
    Manner.EDIT_APPROVE: 5,
    Manner.APPROVE_EDIT: 4,
    Manner.REJECT: 4,
    Manner.CANCEL: 3,
    Manner.DELETE: 4,
    Manner.APPROVE_DELETE: 4,
}


@dataclass(frozen=True)
class Toggle:
    """An ask that depends on what PD shows when it is filed: switch it on, or off again."""

    kind: str
    """scheduler or eviction."""
    name: str


@dataclass(frozen=True)
class OnRegion:
    """An ask about a region, counted from 0 in the order of the keys at the start."""

    kind: str
    """TransferLeader, SplitRegion or ScatterRegion."""
    place: int


@dataclass(frozen=True)
class Ask:
    """One ask, and what becomes of it on the side of the people."""

    name: str
    wish: Action | Toggle | OnRegion
    manner: Manner
    pause_seconds: float
    """From the ask before it."""
    hesitation_seconds: float
    """From what was assessed to what people do."""
    second_seconds: float
    """From what they do first to what they do then."""
    edited: Action | None = None
    """What it is changed to; None where nobody edits."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """revertAfter."""
    expires_seconds: float | None = None
    """From filing to notAfter; None for the cluster's own rule."""
    turn: str = ""
    """Empty: it waits for no other."""


def stream(seed: int, *, mean_pause_seconds: float = 4.0) -> Iterator[Ask]:
    """The asks of a campaign: the same for the same seed. It ends when values run out."""
    dice = Random(f"{seed} asks")
    values = _Values(dice)
    number = 0
    while True:
        wish, turn = values.wish()
        manner = dice.choices(list(_MANNERS), list(_MANNERS.values()))[0]
        editable = isinstance(wish, dict) and wish["type"] != "Plan"
        edited = None
        if manner in (Manner.EDIT_APPROVE, Manner.APPROVE_EDIT):
            edited = values.limit() if editable else None
            manner = manner if editable else Manner.APPROVE
        plain = isinstance(wish, dict) and wish["type"] == "SetStoreLimit"
        extra = {}
        if plain and dice.random() < 0.25:
            extra["revertAfter"] = f"{dice.randint(2, 8)}s"
        expires = dice.uniform(5.0, 25.0) if plain and not extra and dice.random() < 0.2 else None
        yield Ask(
            name=f"ask-{number:04d}",
            wish=wish,
            manner=manner,
            pause_seconds=dice.expovariate(1 / mean_pause_seconds) if number >= AT_ONCE else 0.0,
            hesitation_seconds=dice.uniform(0.0, 2.0),
            second_seconds=dice.choice((0.0, dice.uniform(0.0, 0.3), dice.uniform(0.3, 4.0))),
            edited=edited,
            extra=extra,
            expires_seconds=expires,
            turn=turn,
        )
        number += 1


class _Values:
    """Draws wishes without ever drawing a value twice."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._rates = {
            (store, kind): self._shuffled(range(16, 150))
            for store in range(1, STORES + 1)
            for kind in ("AddPeer", "RemovePeer")
        }
        self._weights = {store: self._shuffled(range(50, 200)) for store in range(1, STORES + 1)}
        self._settings = {key: self._shuffled(values) for key, values in SETTINGS.items()}
        self._regions = self._shuffled(range(REGIONS))
        self._kinds: Mapping[Callable[[], Action | Toggle | OnRegion], int] = {
            self.limit: 26,
            self._weight: 12,
            self._setting: 12,
            self._transfer: 12,
            self._split: 8,
            self._scatter: 3,
            self._scheduler: 8,
            self._eviction: 6,
            self._plan: 10,
            self._group: 8,
        }

    def _shuffled(self, values: range) -> list[int]:
        drawn = list(values)
        self._dice.shuffle(drawn)
        return drawn

    def wish(self) -> tuple[Action | Toggle | OnRegion, str]:
        """What is wanted next, and its turn."""
        draw = self._dice.choices(list(self._kinds), list(self._kinds.values()))[0]
        drawn = draw()
        return drawn, f"{drawn.kind} {drawn.name}" if isinstance(drawn, Toggle) else ""

    def limit(self, of_store: int = 0) -> Action:
        """A store limit that none has set; of any store when none is named."""
        free = [key for key, left in self._rates.items() if left and of_store in (0, key[0])]
        store, kind = key = self._dice.choice(free)
        change = {"storeId": store, "kind": kind, "ratePerMinute": self._rates[key].pop()}
        return {"type": "SetStoreLimit", "setStoreLimit": change}

    def _weight(self, of_store: int = 0) -> Action:
        store = of_store or self._dice.choice([key for key, left in self._weights.items() if left])
        weight = self._weights[store].pop()
        # The weight that differs comes last, as every value that is set does.
        change = {"storeId": store, "regionWeightPercent": 100, "leaderWeightPercent": weight}
        return {"type": "SetStoreWeight", "setStoreWeight": change}

    def _setting(self) -> Action:
        key = self._dice.choice([key for key, left in self._settings.items() if left])
        change = {"key": key, "value": str(self._settings[key].pop())}
        return {"type": "SetScheduleConfig", "setScheduleConfig": change}

    def _plan(self) -> Action:
        """Steps that touch different things, so that an undo of one is no call of another."""
        steps: dict[object, Action] = {}
        for _ in range(self._dice.randint(2, 4)):
            step = self._dice.choice((self.limit, self._weight, self._setting))()
            member = step[step["type"][0].lower() + step["type"][1:]]
            steps.setdefault((step["type"], *list(member.values())[:-1]), step)
        return {"type": "Plan", "plan": {"steps": list(steps.values())}}

    def _group(self) -> Action:
        """Steps on different stores that work beside each other, and sometimes one after them."""
        stores = self._dice.sample(range(1, STORES + 1), self._dice.randint(2, 4))
        draws: list[Callable[[int], Action]] = [self.limit, self._weight]
        steps = [{**self._dice.choice(draws)(store), "group": "beside"} for store in stores]
        if self._dice.random() < 0.4:
            steps.append(self._setting())
        return {"type": "Plan", "plan": {"steps": steps}}

    def _transfer(self) -> Action | OnRegion:
        return self._region("TransferLeader")

    def _split(self) -> Action | OnRegion:
        return self._region("SplitRegion")

    def _scatter(self) -> Action | OnRegion:
        return self._region("ScatterRegion")

    def _region(self, kind: str) -> Action | OnRegion:
        return OnRegion(kind, self._regions.pop()) if self._regions else self.limit()

    def _scheduler(self) -> Toggle:
        return Toggle("scheduler", self._dice.choice(SCHEDULERS))

    def _eviction(self) -> Toggle:
        return Toggle("eviction", str(self._dice.choice((5, 6))))
