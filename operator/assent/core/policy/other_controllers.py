"""Who else works on this cluster, as far as PD and TiDB Operator's object show it.

BR and TiDB Lightning pause all of PD's balancers at once while they restore or import, and newer
ones deny scheduling of the ranges that they write by a region label rule, named by a UUID, whose
label lapses unless they renew it (pkg/pdutil of pingcap/tidb). People pause schedulers too.

What PD does not show, so nobody can see it here: who paused a scheduler or set a rule, values that
were set with a TTL (P11), paused checkers in its lists, and whether BR runs between two renewals.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from assent.api.reasons import Reason
from assent.api.v1alpha1.actions import Action, ActionType
from assent.core.actions.catalogue import action_of
from assent.core.actions.checks import BALANCE_LEADER, EVICT_LEADER
from assent.core.model.instant import instant
from assent.core.model.placement import RegionLabelRule
from assent.core.model.reading import Reading, Wanted
from assent.core.model.snapshot import BALANCERS, ClusterSnapshot, Region
from assent.core.model.tidb_operator import TidbOperatorFacts
from assent.core.model.verdict import Allow, Check, Hold, Verdict, Warn
from assent.core.policy.deed import Deed, deeds_of, worst
from assent.core.policy.tidb_operator import tidb_checks

_RELIES_ON: Mapping[ActionType, frozenset[str]] = {
    ActionType.EVICT_LEADERS: frozenset({EVICT_LEADER}),
    ActionType.STOP_EVICT_LEADERS: frozenset({BALANCE_LEADER}),
    ActionType.SET_STORE_WEIGHT: frozenset({BALANCE_LEADER, "balance-region-scheduler"}),
    ActionType.CANCEL_DRAIN: frozenset({"balance-region-scheduler"}),
    ActionType.DRAIN_STORE: frozenset(),
}
"""The schedulers without which these types change PD's mind and nothing else."""

_ON_SCHEDULER = frozenset({ActionType.RESUME_SCHEDULER, ActionType.REMOVE_SCHEDULER})

_ON_REGION = frozenset(
    {
        ActionType.TRANSFER_LEADER,
        ActionType.TRANSFER_PEER,
        ActionType.ADD_PEER,
        ActionType.ADD_LEARNER,
        ActionType.REMOVE_PEER,
        ActionType.SPLIT_REGION,
        ActionType.MERGE_REGIONS,
        ActionType.SCATTER_REGION,
    }
)

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def wanted_for(asked: Action) -> Wanted:
    """Return what a snapshot must show for the ask to be judged, by its own checks and by these."""
    action, params = action_of(asked)
    return action.wanted(params) | Wanted(readings=readings_for(deeds_of(asked)))


def readings_for(deeds: Sequence[Deed]) -> frozenset[Reading]:
    """Return what a snapshot must show for ``check_others`` to see all that can be seen."""
    found: set[Reading] = set()
    for deed in deeds:
        if deed.type in _RELIES_ON or deed.type in _ON_SCHEDULER:
            found.add(Reading.PAUSES)
        if deed.type in _ON_REGION:
            found.add(Reading.REGION_LABELS)
    return frozenset(found)


def check_others(
    deeds: Sequence[Deed],
    operator: TidbOperatorFacts | None,
    snapshot: ClusterSnapshot,
    ours: frozenset[str] = frozenset(),
) -> tuple[Check, ...]:
    """Return whether other controllers leave room for all of the deeds.

    Args:
        deeds: what would be done, in order.
        operator: None when the cluster names no object of TiDB Operator.
        snapshot: PD; what was not read of it is not judged.
        ours: settings (``Scope.settings``) that our own proposals hold as they are, so that a
            pause or a rule of ours does not count as somebody else's.
    """
    mine = ours.union(*(deed.scope.settings for deed in deeds if deed.type not in _ON_SCHEDULER))
    pauses = tuple(
        verdict for deed in deeds if (verdict := _paused(deed, snapshot, mine)) is not None
    )
    ranges = tuple(
        verdict for deed in deeds if (verdict := _denied_range(deed, snapshot, mine)) is not None
    )
    return (
        *tidb_checks(deeds, operator),
        *worst("NobodyPaused", pauses),
        *worst("NobodyDeniesRange", ranges),
    )


def _paused(deed: Deed, snapshot: ClusterSnapshot, ours: frozenset[str]) -> Verdict | None:
    """Return what a pause means for the deed, None when it is none of its business."""
    known = deed.type in _RELIES_ON or deed.type in _ON_SCHEDULER
    if not known or snapshot.paused_schedulers is None:
        return None
    paused = {
        name: until
        for name, until in snapshot.paused_schedulers.items()
        if until > snapshot.taken_at
    }
    if deed.type is ActionType.EVICT_LEADERS and EVICT_LEADER in paused:
        message = f"{_until(EVICT_LEADER, paused)}: no leader would leave"
        return Hold(Reason.PRECONDITION_WAITING, message, paused[EVICT_LEADER])
    foreign = {name: end for name, end in paused.items() if f"scheduler/{name}" not in ours}
    if foreign.keys() >= BALANCERS:
        return _all_paused(deed, foreign)
    touched = _RELIES_ON.get(deed.type, frozenset()) | {
        setting.removeprefix("scheduler/")
        for setting in deed.scope.settings
        if deed.type in _ON_SCHEDULER
    }
    if met := sorted(touched & foreign.keys()):
        return Warn(f"{_until(met[0], foreign)}; PD does not show who did it")
    return Allow("nobody has paused what it relies on")


def _all_paused(deed: Deed, foreign: Mapping[str, datetime]) -> Verdict:
    first = min(BALANCERS, key=lambda name: (foreign[name], name))
    message = (
        f"all balancers are paused, the first until {instant(foreign[first])}, as BR and TiDB "
        "Lightning do while they work; PD does not show who did it"
    )
    if deed.type is ActionType.DRAIN_STORE:
        return Hold(Reason.PRECONDITION_WAITING, message, foreign[first])
    return Warn(message)


def _until(name: str, paused: Mapping[str, datetime]) -> str:
    return f"somebody paused {name} until {instant(paused[name])}"


def _denied_range(deed: Deed, snapshot: ClusterSnapshot, ours: frozenset[str]) -> Verdict | None:
    """Return what rules that deny scheduling mean for the deed; None for deeds on no region."""
    if deed.type not in _ON_REGION or snapshot.label_rules is None:
        return None
    regions = [
        region
        for region_id in sorted(deed.scope.region_ids)
        if (region := snapshot.regions.get(region_id)) is not None
    ]
    denying = [
        (rule, region)
        for rule in snapshot.label_rules
        for region in regions
        if rule.labels.get("schedule") == "deny"
        and f"label-rule/{rule.id}" not in ours
        and any(_overlap(region, start, end) for start, end in rule.ranges)
    ]
    for rule, region in denying:
        if _lapses(rule) and _UUID.fullmatch(rule.id):
            return Hold(
                Reason.PRECONDITION_WAITING,
                f"region label rule {rule.id} denies scheduling of region {region.id} for a while, "
                "as BR and TiDB Lightning do while they write to it",
            )
    if denying:
        rule, region = denying[0]
        return Warn(
            f"region label rule {rule.id[:128]} denies scheduling of region {region.id}: somebody "
            "wants it left as it is"
        )
    return Allow("no region label rule denies scheduling there")


def _overlap(region: Region, start: str, end: str) -> bool:
    """Return True when region and range share a key; hex of either case, empty for no bound."""
    first, last = start.upper(), end.upper()
    begins_before_end = not last or region.start_key.upper() < last
    ends_after_start = not region.end_key or first < region.end_key.upper()
    return begins_before_end and ends_after_start


def _lapses(rule: RegionLabelRule) -> bool:
    labels = rule.document.get("labels")
    return isinstance(labels, list) and any(
        isinstance(label, Mapping) and label.get("key") == "schedule" and bool(label.get("ttl"))
        for label in labels
    )
