"""Why nobody could know: the outside evidence beside a proposal that asked a person. Pure."""

from collections.abc import Sequence

from tests.chaos.history import UNKNOWN, Sent, Struck, Version

SENDER_ENDS = frozenset({"kill_operator", "stop_operator", "freeze_operator", "ended_by_itself"})
LOST = {
    "cut_after_answer": "PD's answer was cut off",
    "half_answer": "half of PD's answer was lost",
    "cut_before_send": "the request was cut off on its way, which its sender cannot tell",
    "status": "something before PD answered in its place, which its sender cannot tell",
    "delay_before": "the request was late at PD",
    "delay_after": "PD's answer was late",
}


def why_unknown(versions: Sequence[Version], sent: Sequence[Sent], struck: Sequence[Struck]) -> str:
    """What made the outcome unknown; empty when nothing did."""
    unknown_at = next(item.at for item in versions if item.phase == UNKNOWN)
    intended = [item.at for item in versions if item.steps and item.at <= unknown_at]
    call = next((item for item in reversed(sent) if item.started <= unknown_at), None)
    if call is not None and call.fault in LOST:
        return LOST[call.fault]
    if call is not None and call.pd_status >= 300:
        return f"PD answered {call.pd_status}, which proves nothing"
    since = call.started if call is not None else min(intended, default=unknown_at)
    broken = [item for item in struck if item.at <= unknown_at and item.until >= since - 1.0]
    if call is not None and not call.status:
        return "the connection broke before PD's answer came" + _beside(broken)
    ends = [item for item in broken if item.kind in SENDER_ENDS]
    if call is None:
        return f"the sender was lost with the call in its hands{_beside(ends)}" if ends else ""
    if ends:
        return f"the sender was lost before it wrote PD's answer down{_beside(ends)}"
    return f"PD could not be read while its time lasted{_beside(broken)}" if broken else ""


def _beside(struck: Sequence[Struck]) -> str:
    kinds = sorted({item.kind for item in struck})
    return f" ({', '.join(kinds)})" if kinds else ""
