"""Whose each write to PD is, by what the stored asks want changed. Pure.

Never by what the operators say they did: an effect that nobody asked for has no owner.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from tests.chaos.calls import Touch, Wanted, touch, wanted
from tests.chaos.history import Sent
from tests.chaos.lives import Life

SLACK_SECONDS = 1.0
"""Between what the API server stamps and what the proxies stamp: one clock, two processes."""
UNANSWERED_BY_PD = ("cut_before_send", "status")


@dataclass
class Effects:
    """What belongs to one step of one approved ask."""

    life: Life
    digest: str
    """Of the ask that wants it: an edit makes another."""
    step: int
    wanted: Wanted
    forward: list[Sent] = field(default_factory=list)
    undo: list[Sent] = field(default_factory=list)


@dataclass(frozen=True)
class Owner:
    """The step whose call it is."""

    life: Life
    digest: str
    step: int
    wanted: Wanted
    undo: bool = False

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells it from other steps."""
        return self.life.uid, self.digest, self.step


def attribute(lives: Sequence[Life], sent: Iterable[Sent]) -> tuple[list[Effects], list[Sent]]:
    """Whose each write is, by what the stored asks want; and the writes that are nobody's."""
    wishes: defaultdict[str, list[Owner]] = defaultdict(list)
    for life in lives:
        for digest, action in life.assessed_actions().items():
            for number, step in enumerate(wanted(action), start=1):
                wishes[step.touch.key].append(Owner(life, digest, number, step))
    owned: dict[tuple[str, str, int], Effects] = {}
    strangers = []
    for call in sent:
        change = None if broken_off(call) else touch(call.method, call.path, call.body)
        owner = None if change is None else _owner(wishes[change.key], change, call.started)
        if owner is None:
            if not harmless(call):
                strangers.append(call)
            continue
        effects = owned.setdefault(
            owner.key, Effects(owner.life, owner.digest, owner.step, owner.wanted)
        )
        (effects.undo if owner.undo else effects.forward).append(call)
    return list(owned.values()), strangers


def _owner(wishes: Sequence[Owner], change: Touch, at: float) -> Owner | None:
    """Who wants this in a flight of his own; else who takes it back then; else who wanted it at
    another time: a call that was late.
    """
    same = [owner for owner in wishes if owner.wanted.touch == change]
    for owner in same:
        if _within(owner.life.began_at, owner.life.ended_at, at):
            return owner
    undoing = [owner for owner in wishes if _undoing(owner, change, at)]
    if undoing:
        # Several may have ended with an undo of the same thing: the one that was at it then, or
        # the last one before.
        return replace(max(undoing, key=lambda owner: _rank(owner.life, at)), undo=True)
    return same[0] if same else None


def _undoing(owner: Owner, change: Touch, at: float) -> bool:
    began = owner.life.rolled_back_at
    mine = owner.wanted.touch != change and owner.digest == owner.life.last.digest
    return mine and began is not None and began - SLACK_SECONDS <= at


def _rank(life: Life, at: float) -> tuple[bool, float]:
    began = life.rolled_back_at
    return _within(began, life.ended_at, at), began or 0.0


def _within(began: float | None, ended: float | None, at: float) -> bool:
    if began is None:
        return False
    return began - SLACK_SECONDS <= at and (ended is None or at <= ended + SLACK_SECONDS)


def harmless(call: Sent) -> bool:
    """It certainly changed nothing: PD never had it, or said that the request is wrong. An answer
    of 500 and above proves nothing.
    """
    return call.fault in UNANSWERED_BY_PD or 300 <= call.pd_status < 500 or broken_off(call)


def broken_off(call: Sent) -> bool:
    """Its sender died before the body was whole. PD reads a body whole before it acts on it."""
    if call.method != "POST" or call.pd_status != 0:
        return False
    try:
        json.loads(call.body)
    except ValueError:
        return True
    return False


def may_have_acted(calls: Iterable[Sent]) -> list[Sent]:
    """Those that PD took, and those of which nobody knows whether it did."""
    return [call for call in calls if not harmless(call)]


def took(calls: Iterable[Sent]) -> list[Sent]:
    """Those that PD took, by its own answer."""
    return [call for call in calls if 200 <= call.pd_status < 300]
