"""Whose each write to PD is, by what the stored asks want changed. Pure.

Never by what the operators say they did: an effect that nobody asked for has no owner.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sandbox.chaos.calls import Touch, Wanted, touch, wanted
from sandbox.chaos.history import Sent
from sandbox.chaos.lives import Life

SLACK_SECONDS = 1.0
"""Between what the API server stamps and what the proxies stamp: one clock, two processes."""
UNANSWERED_BY_PD = ("cut_before_send", "status")


@dataclass
class Effects:
    """What belongs to one step of one approved ask."""

    life: Life
    step: int
    wanted: Wanted
    forward: list[Sent] = field(default_factory=list)
    undo: list[Sent] = field(default_factory=list)


def attribute(lives: Sequence[Life], sent: Iterable[Sent]) -> tuple[list[Effects], list[Sent]]:
    """Whose each write is, by what the stored asks want; and the writes that are nobody's."""
    owned: dict[tuple[str, str, int], Effects] = {}
    strangers = []
    for call in sent:
        change = touch(call.method, call.path, call.body)
        owner = None if change is None else _owner(lives, change, call.started)
        if owner is None:
            if not harmless(call):
                strangers.append(call)
            continue
        life, digest, number, step, undo = owner
        effects = owned.setdefault((life.name, digest, number), Effects(life, number, step))
        (effects.undo if undo else effects.forward).append(call)
    return list(owned.values()), strangers


def _owner(
    lives: Sequence[Life], change: Touch, at: float
) -> tuple[Life, str, int, Wanted, bool] | None:
    """The step whose call this is: its own window first, then an undo, then one that is late."""
    late = None
    undo = None
    for life in lives:
        for version in {item.digest: item for item in life.versions if item.digest}.values():
            for number, step in enumerate(wanted(version.action), start=1):
                if step.touch == change:
                    if _within(life, at):
                        return life, version.digest, number, step, False
                    late = late or (life, version.digest, number, step, False)
                elif step.touch.key == change.key and _undoing(life, at):
                    undo = (life, version.digest, number, step, True)
    return undo or late


def _within(life: Life, at: float) -> bool:
    began, ended = life.began_at, life.ended_at
    if began is None:
        return False
    return began - SLACK_SECONDS <= at and (ended is None or at <= ended + SLACK_SECONDS)


def _undoing(life: Life, at: float) -> bool:
    began = life.rolled_back_at()
    return began is not None and began - SLACK_SECONDS <= at


def harmless(call: Sent) -> bool:
    """It certainly changed nothing: PD never had it, or refused it."""
    return call.fault in UNANSWERED_BY_PD or call.pd_status >= 300


def may_have_acted(calls: Iterable[Sent]) -> list[Sent]:
    """Those that PD took, and those of which nobody knows whether it did."""
    return [call for call in calls if not harmless(call)]


def took(calls: Iterable[Sent]) -> list[Sent]:
    """Those that PD took, by its own answer."""
    return [call for call in calls if 200 <= call.pd_status < 300]
