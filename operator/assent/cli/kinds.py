"""What the plugins know of each action type: its parameters, and how it is taken back.

The models know more, but cost 100 ms to load; a test holds this table to them.
"""


class Kind:
    """One action type.

    ``reversible`` is fully, partly or not, as in the catalogue; ``undo`` says how it is taken
    back, in one sentence.
    """

    def __init__(self, parameters: tuple[str, ...], reversible: str, undo: str) -> None:
        self.parameters = parameters
        self.reversible = reversible
        self.undo = undo


def _fully(undo: str, *parameters: str) -> Kind:
    return Kind(parameters, "fully", undo)


def _partly(undo: str, *parameters: str) -> Kind:
    return Kind(parameters, "partly", undo)


def _never(undo: str, *parameters: str) -> Kind:
    return Kind(parameters, "not", undo)


_SETTING = "The old value is captured and set again."

KINDS = {
    "TransferLeader": _fully(
        "The leadership goes back to the store that led before.", "regionId", "toStoreId"
    ),
    "TransferPeer": _fully(
        "The peer moves back to the store it came from.", "regionId", "fromStoreId", "toStoreId"
    ),
    "AddPeer": _fully("The new peer is removed again.", "regionId", "storeId"),
    "AddLearner": _fully("The new learner is removed again.", "regionId", "storeId"),
    "RemovePeer": _partly(
        "A peer is added again on the same store; its data is copied anew.", "regionId", "storeId"
    ),
    "SplitRegion": _never(
        "It cannot be undone: what was cut stays cut until PD merges it.",
        "regionId", "policy", "keys",
    ),
    "MergeRegions": _never(
        "It cannot be undone: the source's id is gone for good.",
        "sourceRegionId", "targetRegionId",
    ),
    "ScatterRegion": _never("It cannot be undone: PD chooses where peers go.", "regionId"),
    "CancelOperator": _never(
        "It cannot be undone; PD may make such an operator again by itself.",
        "regionId", "operator",
    ),
    "EvictLeaders": _fully("The eviction is ended; leaders may return.", "storeId"),
    "StopEvictLeaders": _fully("The store is evicted again.", "storeId"),
    "DrainStore": _partly(
        "CancelDrain keeps the store until PD has buried it; what has moved stays moved.",
        "storeId",
    ),
    "CancelDrain": _fully("The removal begins again.", "storeId", "removePeerPerMinute"),
    "SetStoreLimit": _fully(
        "The old limit is captured and set again.", "storeId", "kind", "ratePerMinute"
    ),
    "SetStoreWeight": _fully(
        "The old weights are captured and set again.",
        "storeId", "leaderWeightPercent", "regionWeightPercent",
    ),
    "SetStoreLabels": _fully("The old labels are captured and set again.", "storeId", "labels"),
    "RemoveTombstones": _never("It cannot be undone: PD forgets these stores.", "storeIds"),
    "ForceRemoveStore": _never(
        "It cannot be undone: the store's data is given up, and it must never start again.",
        "storeId",
    ),
    "AddScheduler": _fully("The scheduler is removed again.", "name"),
    "RemoveScheduler": _partly(
        "The scheduler is added again, with PD's defaults instead of its own configuration.", "name"
    ),
    "PauseScheduler": _fully("The pause is ended.", "name", "seconds"),
    "ResumeScheduler": _fully("The rest of the pause is set again.", "name"),
    "SetScheduleConfig": _fully(_SETTING, "key", "value"),
    "SetReplicationConfig": _fully(_SETTING, "key", "value"),
    "SetPlacementRule": _fully(
        "The whole old rule is captured and set again, or the new one removed.",
        "groupId", "id", "index", "override", "startKey", "endKey", "role", "count",
        "labelConstraints", "locationLabels", "isolationLevel",
    ),
    "SetRegionLabelRule": _fully(
        "The whole old rule is captured and set again, or the new one removed.",
        "id", "labels", "ranges",
    ),
    "DeleteRegionLabelRule": _fully("The whole old rule is captured and set again.", "id"),
    "TransferPDLeader": _fully("The former leader leads PD again.", "toMember"),
    "Plan": _partly(
        "Its steps are taken back in reverse order, each as far as it can be.", "steps"
    ),
}  # fmt: skip


def member_of(action_type: str) -> str:
    """Return the union member that carries this type's parameters."""
    return action_type[:1].lower() + action_type[1:]


def undo_of(action_type: str) -> str:
    """Return how the type is taken back; what is not known here promises nothing."""
    kind = KINDS.get(action_type)
    return kind.undo if kind else "This plugin does not know this type: see the reference."
