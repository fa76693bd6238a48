"""The verdict on a history: doubles, losses, what is stuck, what nobody asked for. Pure.

An effect is a change of PD by the operators. It is counted in PD's journal; whom it belongs to is
decided by what the stored asks want changed, never by what the operators say they did.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.attribution import (
    SLACK_SECONDS,
    Effects,
    attribute,
    harmless,
    may_have_acted,
    took,
)
from tests.chaos.calls import Repeat, Wanted, touch, wanted
from tests.chaos.history import FINISHED, IN_FLIGHT, UNKNOWN, History, Sent
from tests.chaos.lives import Life, approved, lives_of
from tests.chaos.unknowns import CallsOf, why_unknown

LATE_SECONDS = 20.0
"""Expiry is judged at the claim, by wall clocks that are set wrong by up to 5 s; its call may start
as long as its effect may show, 12 s here."""
HOLD_SECONDS = 3.0
"""A no stops the next call after one read: so long its answer may be under way to the sender."""
LOOK_SECONDS = 10.0
"""So old may be what an operator has seen of PD when it sends: PD has no compare-and-swap."""
NEVER_BEGUN = ("Rejected", "Expired", "Superseded", "Cancelled")


@dataclass(frozen=True)
class Report:
    """What a history shows. Each violation is a sentence."""

    seed: int
    minutes: float
    faults_by_kind: dict[str, int]
    proposals: int
    approvals: int
    effects: int
    repeats: int
    """Absolute calls that PD got twice with nothing in between: one change."""
    ends: dict[str, int]
    doubles: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    stuck: tuple[str, ...] = ()
    unapproved: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """With what made it unknown."""
    wrongly_unknown: tuple[str, ...] = ()
    worst_seconds_to_finish: float = 0.0
    """From the last fault to the end of the last proposal that was open then."""

    @property
    def clean(self) -> bool:
        """Nothing that may not be."""
        return not (
            self.doubles or self.lost or self.stuck or self.unapproved or self.wrongly_unknown
        )


def check(history: History) -> Report:
    """The verdict."""
    lives = lives_of(history)
    owned, strangers = attribute(lives, history.sent)
    unapproved = [f"nobody asked for {_line(sent)}" for sent in strangers]
    doubles, repeats = [], 0
    for effects in owned:
        unapproved += _without_leave(effects, history)
        verdict = _doubles(effects, history)
        doubles += verdict
        unapproved += _overwritten(effects, history)
        repeats += 0 if verdict else max(0, len(may_have_acted(effects.forward)) - 1)
    doubles += _split_twice(lives, history)
    unapproved += [sentence for life in lives if (sentence := _claimed_without_leave(life))]
    agreed = {
        (life.name, item.digest) for life in lives for item in life.versions if approved(item)
    }
    lost = [sentence for life in lives if (sentence := _lost(life, owned))]
    stuck = [
        f"{life.name} is {life.last.phase} ({life.last.reason}) for good"
        for life in lives
        if life.last.phase in IN_FLIGHT and life.deleted_at is None
    ]
    asked = [life for life in lives if any(item.phase == UNKNOWN for item in life.versions)]
    unknown = [
        (life, why_unknown(life.versions, _calls_of(life, owned), history.struck)) for life in asked
    ]
    open_then = [life.ended_at for life in lives if life.ended_at and life.ended_at > history.calm]
    return Report(
        seed=history.seed,
        minutes=round((history.calm - history.began) / 60, 1),
        faults_by_kind=faults_by_kind(history),
        proposals=len(lives),
        approvals=len(agreed),
        effects=sum(bool(took(item.forward)) + bool(took(item.undo)) for item in owned),
        repeats=repeats,
        ends=dict(sorted(Counter(_end(life) for life in lives).items())),
        doubles=tuple(doubles),
        lost=tuple(lost),
        stuck=tuple(stuck),
        unapproved=tuple(unapproved),
        unknown=tuple(f"{life.name}: {why}" for life, why in unknown if why),
        wrongly_unknown=tuple(f"{life.name}: no evidence" for life, why in unknown if not why),
        worst_seconds_to_finish=round(max((at - history.calm for at in open_then), default=0.0), 1),
    )


def faults_by_kind(history: History) -> dict[str, int]:
    """How many faults of each kind were done, requests that were broken included."""
    done = Counter(item.kind for item in history.struck if item.done)
    return dict(sorted({**done, **history.requests}.items()))


def _doubles(effects: Effects, history: History) -> list[str]:
    """More than one effect. An absolute call that is repeated is one change, unless another value
    was set in between, which the repeat then overwrote.
    """
    found = []
    for what, calls in (("call", effects.forward), ("undo", effects.undo)):
        acted = may_have_acted(calls)
        if len(acted) < 2:
            continue
        first, last = acted[0], acted[-1]
        absolute = effects.wanted.repeat is Repeat.ABSOLUTE
        same = len({(call.path, call.body) for call in acted}) == 1
        if absolute and same and not _changed_between(first, last, history):
            continue
        lines = ", ".join(f"{_line(call)} at {call.started:.3f}" for call in acted)
        found.append(
            f"{effects.life.name} step {effects.step}: {len(acted)} times its {what}: {lines}"
        )
    return found


def _changed_between(first: Sent, last: Sent, history: History) -> bool:
    mine = touch(first.method, first.path, first.body)
    for call in history.sent:
        if not first.started < call.started < last.started or harmless(call):
            continue
        other = touch(call.method, call.path, call.body)
        if mine and other and other.key == mine.key and other != mine:
            return True
    before = last.started - LOOK_SECONDS
    return mine is not None and _meddled(mine.key, first.finished, before, history)


def _meddled(key: str, after: float, before: float, history: History) -> bool:
    """Whether somebody past the operators set that key meanwhile."""
    return any(
        item.kind == "meddle" and item.done and item.victim.partition(" ")[0] == key
        and after < item.until < before
        for item in history.struck
    )  # fmt: skip


def _overwritten(effects: Effects, history: History) -> list[str]:
    """Undos that took back what somebody else had set since: never mind what they restored."""
    done, found = took(effects.forward), []
    for undo in may_have_acted(effects.undo) if done else ():
        key, since = effects.wanted.touch.key, done[-1].finished
        if _meddled(key, since, undo.started - LOOK_SECONDS, history):
            found.append(f"{effects.life.name}: {_line(undo)} undid a later change of {key}")
    return found


def _without_leave(effects: Effects, history: History) -> list[str]:
    """What the step's calls lacked: an approval, time, or nobody's no."""
    life, found = effects.life, []
    agreed = life.approved_at(effects.digest)
    for call in may_have_acted([*effects.forward, *effects.undo]):
        if agreed is None or call.started < agreed - SLACK_SECONDS:
            found.append(f"{life.name}: {_line(call)} without approval")
        elif life.last.phase in NEVER_BEGUN:
            found.append(f"{life.name}: {_line(call)}, and yet it is {life.last.phase}")
        if (held := _held(history, call.started)) is not None:
            found.append(f"{life.name}: {_line(call)} although {held}")
    for call in may_have_acted(effects.forward):
        limit = life.last.not_after
        if effects.step == 1 and limit is not None and call.started > limit + LATE_SECONDS:
            found.append(f"{life.name}: {_line(call)} {call.started - limit:.1f} s too late")
    return found


def _claimed_without_leave(life: Life) -> str | None:
    """Begun although the object, as that very write left it, did not allow it."""
    claim = life.claim
    if claim is None or (approved(claim) and not claim.cancelled):
        return None
    before = life.versions[life.versions.index(claim) - 1]
    if approved(before) and not before.cancelled:
        return None  # it came after the claim, whose own version nobody saw
    return f"{life.name} was begun without an approval that stood, or after it was cancelled"


def _held(history: History, at: float) -> str | None:
    """The no that stood at that moment, for longer than a last look takes."""
    standing: dict[str, float] = {}
    for said in sorted(history.said, key=lambda item: item.at):
        if said.at > at:
            break
        if said.on:
            standing.setdefault(said.what, said.at)
        else:
            standing.pop(said.what, None)
    long = [what for what, since in standing.items() if at - since > HOLD_SECONDS]
    return f"{long[0]} stood since {at - standing[long[0]]:.1f} s" if long else None


def _split_twice(lives: Sequence[Life], history: History) -> list[str]:
    """Regions that the stores have split more often than was asked."""
    asked = {step.touch.key for life in lives for step in _all_wanted(life)}
    counted = Counter(
        item.region for item in history.splits if f"split-region/{item.region}" in asked
    )
    return [f"region {number} was split {times} times" for number, times in counted.items()
            if times > 1]  # fmt: skip


def _all_wanted(life: Life) -> list[Wanted]:
    return [step for item in life.versions if item.action for step in wanted(item.action)]


def _lost(life: Life, owned: Sequence[Effects]) -> str | None:
    """Approved and forgotten, or said to be done although PD was never asked."""
    last = life.last
    decided = (*FINISHED, *IN_FLIGHT, UNKNOWN)
    waits = life.deleted_at is None and approved(last) and not last.cancelled
    if waits and last.phase not in decided:
        return f"{life.name} is approved, and {last.phase} ({last.reason}) for good"
    if last.phase != "Succeeded" or last.reason not in ("Done", "Reverted"):
        return None
    sent = {step for kind, step, state, _ in last.steps if kind == "Forward" and state == "Done"}
    shown = {item.step for item in owned if item.life == life and may_have_acted(item.forward)}
    missing = {step or 1 for step in sent} - shown
    return f"{life.name} says Done, and PD was not asked for {sorted(missing)}" if missing else None


def _calls_of(life: Life, owned: Sequence[Effects]) -> CallsOf:
    """What reached PD's proxies of one step of that proposal."""

    def calls_of(kind: str, step: int) -> Sequence[Sent]:
        mine = [item for item in owned if item.life.uid == life.uid and item.step == step]
        return [call for item in mine for call in (item.undo if kind == "Undo" else item.forward)]

    return calls_of


def _end(life: Life) -> str:
    if life.deleted_at is not None and life.last.phase not in FINISHED:
        return "deleted"
    return life.last.phase or "not assessed"


def _line(call: Sent) -> str:
    return f"{call.method} {call.path} {call.body}".strip()
