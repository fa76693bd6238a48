"""What takes one done call back, as a typed action made from the values captured before it.

An answer that is text instead says why there is none, and what to do.
"""

from collections.abc import Callable, Mapping

from assent.cli.former_rules import former_label_rule, former_placement_rule
from assent.cli.kinds import KINDS, member_of
from assent.cli.proposal import Json

Before = Mapping[str, str]
Answer = Json | str


def inverse(action: Json, before: Before) -> Answer:
    """Return the action that restores ``before`` (fact name → value), or why there is none."""
    kind = str(action.get("type"))
    made = _BY_TYPE.get(kind)
    parameters = action.get(member_of(kind)) or {}
    if made is None:
        undo = KINDS[kind].undo if kind in KINDS else f"This plugin does not know {kind}."
        return undo.rstrip(".")
    try:
        return made(parameters, before)
    except KeyError as missing:
        return f"The value before was not captured ({missing.args[0]})"


def action_of(kind: str, /, **parameters: object) -> Json:
    """Return the union of this type."""
    return {"type": kind, member_of(kind): parameters}


def _transfer_leader(done: Json, before: Before) -> Answer:
    led = before["leaderStoreId"]
    if not led.isdigit():
        return "No store led the region before"
    return action_of("TransferLeader", regionId=done["regionId"], toStoreId=int(led))


def _transfer_peer(done: Json, _before: Before) -> Answer:
    return action_of(
        "TransferPeer",
        regionId=done["regionId"],
        fromStoreId=done["toStoreId"],
        toStoreId=done["fromStoreId"],
    )


def _remove_added(done: Json, _before: Before) -> Answer:
    return action_of("RemovePeer", regionId=done["regionId"], storeId=done["storeId"])


def _add_removed(done: Json, before: Before) -> Answer:
    role = before[f"peerOnStore/{done['storeId']}"].partition(" ")[0].lower()
    kind = "AddLearner" if role == "learner" else "AddPeer"
    return action_of(kind, regionId=done["regionId"], storeId=done["storeId"])


def _on_store(kind: str) -> Callable[[Json, Before], Answer]:
    return lambda done, _before: action_of(kind, storeId=done["storeId"])


def _on_scheduler(kind: str) -> Callable[[Json, Before], Answer]:
    return lambda done, _before: action_of(kind, name=done["name"])


def _limit(done: Json, before: Before) -> Answer:
    fact = "addPeerLimitPerMinute" if done["kind"] == "AddPeer" else "removePeerLimitPerMinute"
    rate = float(before[fact])
    if not (rate.is_integer() and 1 <= rate <= 1000):
        return f"The limit before was {rate:g} a minute, which no proposal may ask for"
    return action_of(
        "SetStoreLimit", storeId=done["storeId"], kind=done["kind"], ratePerMinute=int(rate)
    )


def _weight(done: Json, before: Before) -> Answer:
    percents = {}
    for name in ("leaderWeight", "regionWeight"):
        percent = round(float(before[name]) * 100, 6)
        if not (percent.is_integer() and 0 <= percent <= 1000):
            return f"The {name} before was {before[name]}, which no proposal may ask for"
        percents[f"{name}Percent"] = int(percent)
    return action_of("SetStoreWeight", storeId=done["storeId"], **percents)


def _labels(done: Json, before: Before) -> Answer:
    labels = [
        {"key": label["key"], "value": before[f"label/{label['key']}"]} for label in done["labels"]
    ]
    return action_of("SetStoreLabels", storeId=done["storeId"], labels=labels)


def _setting(kind: str) -> Callable[[Json, Before], Answer]:
    return lambda done, before: action_of(kind, key=done["key"], value=before[done["key"]])


def _resume(done: Json, before: Before) -> Answer:
    if before["pausedUntil"] != "not paused":
        return "It was paused before, too: what of that pause is left is not known"
    return action_of("ResumeScheduler", name=done["name"])


def _pause(done: Json, before: Before) -> Answer:
    left = int(before["pauseLeftSeconds"])
    if not 30 <= left <= 86_400:
        return f"The pause that was ended had {left} s left: too short to be set again"
    return action_of("PauseScheduler", name=done["name"], seconds=left)


def _placement_rule(_done: Json, before: Before) -> Answer:
    if before["rule"] == "absent":
        return (
            "There was no such rule before, and no action removes a placement rule: remove it with "
            "pd-ctl config placement-rules"
        )
    rule = former_placement_rule(before["rule"])
    return rule if isinstance(rule, str) else action_of("SetPlacementRule", **rule)


def _label_rule(done: Json, before: Before) -> Answer:
    if before["rule"] == "absent":
        return action_of("DeleteRegionLabelRule", id=done["id"])
    rule = former_label_rule(before["rule"])
    return rule if isinstance(rule, str) else action_of("SetRegionLabelRule", **rule)


def _pd_leader(_done: Json, before: Before) -> Answer:
    return action_of("TransferPDLeader", toMember=before["pdLeader"])


_BY_TYPE: dict[str, Callable[[Json, Before], Answer]] = {
    "TransferLeader": _transfer_leader,
    "TransferPeer": _transfer_peer,
    "AddPeer": _remove_added,
    "AddLearner": _remove_added,
    "RemovePeer": _add_removed,
    "EvictLeaders": _on_store("StopEvictLeaders"),
    "StopEvictLeaders": _on_store("EvictLeaders"),
    "DrainStore": _on_store("CancelDrain"),
    "CancelDrain": _on_store("DrainStore"),
    "SetStoreLimit": _limit,
    "SetStoreWeight": _weight,
    "SetStoreLabels": _labels,
    "AddScheduler": _on_scheduler("RemoveScheduler"),
    "RemoveScheduler": _on_scheduler("AddScheduler"),
    "PauseScheduler": _resume,
    "ResumeScheduler": _pause,
    "SetScheduleConfig": _setting("SetScheduleConfig"),
    "SetReplicationConfig": _setting("SetReplicationConfig"),
    "SetPlacementRule": _placement_rule,
    "SetRegionLabelRule": _label_rule,
    "DeleteRegionLabelRule": _label_rule,
    "TransferPDLeader": _pd_leader,
}
"""The types that have an inverse of their own; a plan's is made of those of its steps."""
