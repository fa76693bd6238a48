"""The checks of the actions that add, remove and move peers, each on one thing.

PD carries these out for an administrator whatever stands in the way: store limits, schedule
limits, halt-scheduling, ``schedule=deny`` labels (P19), quorum, space, a store that is leaving and
placement rules (P20). So all of it is looked at here.
"""

from assent.core.actions import checks
from assent.core.actions.key_range import overlaps
from assent.core.actions.on_region import operators_allowed, region_checks
from assent.core.actions.quorum import Replicas, replicas_of
from assent.core.model.snapshot import ClusterSnapshot, PeerRole, Region
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn


def region_part(region_id: int, snapshot: ClusterSnapshot) -> list[Check]:
    """Return the checks on PD and the region that all of them need; PD must be prepared."""
    found = [checks.prepared(), operators_allowed(snapshot), scheduling_allowed(snapshot)]
    found += region_checks(region_id, snapshot)
    region = snapshot.regions.get(region_id)
    if region is not None:
        found.append(schedule_not_denied(region, snapshot))
    return found


def scheduling_allowed(snapshot: ClusterSnapshot) -> Check:
    """Return whether somebody has halted PD's scheduling, which an administrator's operator
    would not even notice (P19).
    """
    name = "SchedulingNotHalted"
    if snapshot.schedule.halt_scheduling:
        message = "halt-scheduling is true: whoever halted PD wants no peer to move (P19)"
        return Check(name, Hold("SchedulingHalted", message))
    return Check(name, Allow("scheduling is not halted"))


def target_part(
    store_id: int, role: PeerRole, region: Region, snapshot: ClusterSnapshot
) -> list[Check]:
    """Return the checks on the store that shall hold a new peer of that role."""
    return [
        checks.store_up(store_id, snapshot),
        Check("TargetTakesRole", _takes_role(store_id, role, snapshot)),
        Check("TargetHasSpace", _has_space(store_id, region, snapshot)),
        Check("TargetNotSlow", _not_slow(store_id, snapshot)),
    ]


def target_free(store_id: int, region: Region) -> Check:
    """Return whether the store holds no peer of the region yet."""
    name = "TargetFree"
    peer = region.peer_on(store_id)
    if peer is None:
        return Check(name, Allow(f"store {store_id} holds no peer of region {region.id}"))
    message = f"store {store_id} already holds peer {peer.id} of region {region.id}: {peer.role}"
    return Check(name, Deny("PeerThere", message))


def leader_may_go(
    store_id: int, region: Region, joining: int | None, snapshot: ClusterSnapshot
) -> Check:
    """Return whether another peer can lead when the leader's is taken away, ``joining`` included:
    PD moves the leadership first.
    """
    name = "LeaderMayGo"
    if region.leader_store_id != store_id:
        return Check(name, Allow(f"store {store_id} does not lead region {region.id}"))
    rest = replicas_of(region, snapshot).without(store_id).all
    ids = [one.store_id for one in rest if one.votes and one.trouble is None]
    stores = [snapshot.store(one) for one in (*ids, *([joining] if joining else []))]
    able = [one.id for one in stores if one is not None and checks.can_lead(one, snapshot)]
    if not able:
        message = f"store {store_id} leads region {region.id}, and no other healthy voter may lead"
        return Check(name, Hold("NoOtherLeader", message))
    return Check(name, Allow(f"the leadership moves first, store {able[0]} may lead"))


def repair_waits(region: Region, kept: Replicas, bound_seconds: int) -> Check:
    """Return whether PD's own repair of the region would have to wait for this (P19)."""
    name = "RepairDoesNotWait"
    if kept.unhealthy:
        message = (
            f"{kept.unhealthy[0].trouble}: PD's own repair of region {region.id} waits until "
            f"this operator has ended, up to {bound_seconds // 60} min (P19)"
        )
        return Check(name, Warn(message))
    return Check(name, Allow("no repair of the region has to wait"))


def time_enough(region: Region, pd_seconds: int, bound_seconds: int) -> Check:
    """Return whether the action's own timeout is longer than PD's for a region of that size."""
    name = "TimeEnough"
    if pd_seconds >= bound_seconds:
        message = (
            f"region {region.id} has {region.size_mib} MiB, for which PD takes up to "
            f"{pd_seconds // 60} min, longer than {bound_seconds // 60} min: raise the timeout of "
            "this type in the policy (P22)"
        )
        return Check(name, Warn(message))
    return Check(name, Allow(f"PD gives up after {pd_seconds} s"))


def schedule_not_denied(region: Region, snapshot: ClusterSnapshot) -> Check:
    """Return whether a label rule denies scheduling of the region, which PD would not look at for
    an administrator's operator (P19).
    """
    return Check("ScheduleNotDenied", _denied(region, snapshot))


def _denied(region: Region, snapshot: ClusterSnapshot) -> Verdict:
    rules = snapshot.label_rules
    if rules is None:
        return Hold("LabelsUnknown", "PD's region label rules were not read")
    for rule in rules:
        met = any(overlaps(region, low.upper(), high.upper()) for low, high in rule.ranges)
        if met and rule.labels.get("schedule") == "deny":
            message = (
                f"label rule {rule.id} denies scheduling of region {region.id}, as BR and "
                "Lightning do while they import; PD would not stop this operator (P19)"
            )
            return Hold("ScheduleDenied", message)
    return Allow("no label rule denies scheduling")


def _takes_role(store_id: int, role: PeerRole, snapshot: ClusterSnapshot) -> Verdict:
    store = snapshot.store(store_id)
    if store is not None and store.is_tiflash and role is not PeerRole.LEARNER:
        return Deny("StoreIsTiFlash", f"store {store_id} is TiFlash: it holds only learners")
    return Allow(f"store {store_id} may hold a {role}")


def _not_slow(store_id: int, snapshot: ClusterSnapshot) -> Verdict:
    store = snapshot.store(store_id)
    if store is not None and store.slow_score >= checks.SLOW_SCORE:
        return Warn(f"PD finds store {store_id} slow: a snapshot may take it longer than PD waits")
    return Allow(f"store {store_id} is not slow")


def _has_space(store_id: int, region: Region, snapshot: ClusterSnapshot) -> Verdict:
    store, text = snapshot.store(store_id), snapshot.settings.get("low-space-ratio", "")
    try:
        ratio = float(text)
    except ValueError:
        return Hold("SpaceUnknown", f"PD shows no low-space-ratio: {text[:40]!r}")
    if store is None:
        return Hold("SpaceUnknown", f"PD lists no store {store_id}")
    left = store.available_bytes - region.size_mib * 2**20
    if left < store.capacity_bytes * (1 - ratio):
        message = (
            f"store {store_id} would have {max(left, 0) // 2**30} of "
            f"{store.capacity_bytes // 2**30} GiB left with region {region.id} on it: less than "
            f"low-space-ratio {text} wants, and PD does not look (P20)"
        )
        return Hold("LowSpace", message)
    return Allow(f"store {store_id} keeps {left // 2**30} GiB free")
