"""Why nobody could know: the outside evidence beside a proposal that asked a person. Pure."""

from collections.abc import Callable, Sequence

from tests.chaos.history import UNKNOWN, Sent, Struck, Version

SENDER_ENDS = frozenset({"kill_operator", "stop_operator", "freeze_operator", "ended_by_itself"})
CONTROL_PLANE = frozenset(
    {"kill_etcd", "kill_api_server", "restart_api_server", "freeze_api_server"}
)
PD_BREAKS = frozenset({"kill_pd", "cut_pd", "move_pd_leader"})
LOST = {
    "cut_after_answer": "PD's answer was cut off",
    "half_answer": "half of PD's answer was lost",
    "cut_before_send": "the request was cut off on its way, which its sender cannot tell",
    "status": "something before PD answered in its place, which its sender cannot tell",
    "delay_before": "the request was late at PD",
    "delay_after": "PD's answer was late",
}


CallsOf = Callable[[str, int], Sequence[Sent]]
"""(Forward or Undo, number of the step from 1) → what reached PD's proxies of it."""
Step = tuple[str, int, str, str]


def why_unknown(versions: Sequence[Version], calls_of: CallsOf, struck: Sequence[Struck]) -> str:
    """What made the outcome unknown; empty when nothing did. In a group several calls may be."""
    unknown = next(item for item in versions if item.phase == UNKNOWN)
    steps = [step for step in unknown.steps if step[2] == "Unknown"] or unknown.steps[-1:]
    found = [_why(step, versions, unknown, calls_of, struck) for step in steps]
    return "; ".join(dict.fromkeys(found)) if all(found) else ""


def _why(
    step: Step,
    versions: Sequence[Version],
    unknown: Version,
    calls_of: CallsOf,
    struck: Sequence[Struck],
) -> str:
    kind, number, _, sender = step
    place = unknown.steps.index(step)
    since = next(item.at for item in versions if len(item.steps) > place)
    sent = [item for item in calls_of(kind, number or 1) if item.started <= unknown.at]
    call = sent[-1] if sent else None
    if call is not None and call.fault in LOST:
        return LOST[call.fault]
    if call is not None and call.pd_status >= 300:
        return f"PD answered {call.pd_status}, which proves nothing"
    broken = [item for item in struck if item.at <= unknown.at and item.until >= since - 1.0]
    if call is not None and not call.status:
        return "the connection broke before PD's answer came" + _beside(broken)
    ends = [item for item in broken if _strikes(item, sender)]
    if ends or unknown.holder not in ("", sender):
        what = "before it sent the call" if call is None else "before it wrote PD's answer down"
        return f"the sender {sender} was lost {what}{_beside(ends)}"
    if call is None:
        return ""
    seen = [item for item in broken if item.kind in PD_BREAKS]
    return f"PD could not be read while its time lasted{_beside(seen)}" if seen else ""


def _strikes(item: Struck, sender: str) -> bool:
    """Whether it hit that Pod's process, or everybody's way to the API server."""
    number = sender.removeprefix("assent-").partition("-")[0]
    mine = item.kind in SENDER_ENDS and item.victim.split(" ")[0] == f"operator-{number}"
    return mine or item.kind in CONTROL_PLANE


def _beside(struck: Sequence[Struck]) -> str:
    kinds = sorted({item.kind for item in struck})
    return f" ({', '.join(kinds)})" if kinds else ""
