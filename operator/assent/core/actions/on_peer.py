"""What the actions that add, remove and move peers share: their checks, and what they capture.

PD carries these out for an administrator whatever stands in the way: store limits, schedule
limits, halt-scheduling, ``schedule=deny`` labels (P19), quorum, space, a store that is leaving and
placement rules (P20). So all of it is looked at here.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TypeVar

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.targets import OfRegion
from assent.core.actions import checks
from assent.core.actions.action import Scope
from assent.core.actions.on_region import (
    RegionAction,
    operator_call,
    operators_allowed,
    outcome_note,
    region_checks,
)
from assent.core.actions.quorum import Replicas, replicas_of
from assent.core.model.call import PdCall
from assent.core.model.placement import RegionLabelRule
from assent.core.model.reading import Reading
from assent.core.model.snapshot import ClusterSnapshot, Peer, PeerRole, Region
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn

R = TypeVar("R", bound=OfRegion)

LEADER = "leaderStoreId"
EPOCH = "epoch"
NONE = "none"


class PeerAction(RegionAction[R]):
    """An action that changes which stores hold peers of one region."""

    readings = frozenset({Reading.REPLICATION, Reading.PLACEMENT, Reading.REGION_LABELS})

    @abstractmethod
    def touched(self, params: R) -> tuple[int, ...]:
        """Return the stores on which a peer comes or goes, the one that loses its peer first."""

    def scope(self, params: R) -> Scope:
        """Return the region and the stores on which a peer comes or goes."""
        return Scope(frozenset(self.touched(params)), frozenset({params.region_id}))

    def before(self, params: R, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return the peers on the stores it touches, the leader and the epoch; nothing when PD
        does not know the region.
        """
        region = snapshot.regions.get(params.region_id)
        if region is None:
            return ()
        peers = ((store_id, region.peer_on(store_id)) for store_id in self.touched(params))
        return (
            *(Fact(name=_name(store_id), value=_value(peer)) for store_id, peer in peers),
            Fact(name=LEADER, value=str(region.leader_store_id or NONE)),
            Fact(name=EPOCH, value=region.epoch),
        )

    def unchanged(self, params: R, before: Sequence[Fact], snapshot: ClusterSnapshot) -> bool:
        """Return True while the stores it touches hold peers in the captured roles, and the
        former leader leads if its peer was the one to go.

        The number of a peer and the region's epoch are PD's to give: they differ for ever after.
        """
        region = snapshot.regions.get(params.region_id)
        if region is None or not before:
            return False
        for store_id in self.touched(params):
            peer = region.peer_on(store_id)
            if captured_role(before, store_id) != (peer.role if peer else None):
                return False
        led = leader_to_restore(before, self.touched(params)[0])
        return led is None or region.leader_store_id == led


def captured_role(before: Sequence[Fact], store_id: int) -> PeerRole | None:
    """Return the role that was captured for the store, None for no peer (or nothing captured)."""
    words = _captured(before, store_id).split()
    return PeerRole(words[0]) if len(words) == 2 else None


def leader_to_restore(before: Sequence[Fact], store_id: int) -> int | None:
    """Return the store when it led the region before, None when another did."""
    led = next((fact.value for fact in before if fact.name == LEADER), NONE)
    return store_id if led == str(store_id) else None


def leader_back(
    region_id: int, before: Sequence[Fact], store_id: int, snapshot: ClusterSnapshot
) -> PdCall | None:
    """Return the transfer that gives the store its leadership back, once its peer is back and PD
    is done with the region; None as long as there is nothing to do.
    """
    region = snapshot.regions.get(region_id)
    if region is None or leader_to_restore(before, store_id) is None:
        return None
    peer = region.peer_on(store_id)
    if peer is None or peer.role is not PeerRole.VOTER or store_id in region.pending_store_ids:
        return None
    if region.leader_store_id in (None, store_id) or region_id in snapshot.running_operators:
        return None
    return operator_call("transfer-leader", {"region_id": region_id, "to_store_id": store_id})


def undone_note(
    region_id: int, store_id: int, before: Sequence[Fact], snapshot: ClusterSnapshot
) -> str:
    """Return what shows that PD took the change back (P21), and what it remembers (P23)."""
    region = snapshot.regions.get(region_id)
    if region is None:
        return ""
    peer, then = region.peer_on(store_id), _captured(before, store_id)
    note = ""
    if peer is not None and then != NONE and then.split()[-1] != str(peer.id):
        note = (
            f"; it was removed, and PD's rule checker has put peer {peer.id} there again (P21): "
            "its placement rules want one"
        )
    elif peer is None and then == NONE and _captured_epoch(before) not in ("", region.epoch):
        note = (
            f"; the epoch has moved from {_captured_epoch(before)} to {region.epoch}: PD's rule "
            "checker may have taken it away again (P21)"
        )
    return note + outcome_note(region_id, snapshot)


def region_part(region_id: int, snapshot: ClusterSnapshot) -> list[Check]:
    """Return the checks on PD and the region that all of them need; PD must be prepared."""
    found = [checks.prepared(), operators_allowed(snapshot), scheduling_allowed(snapshot)]
    found += region_checks(region_id, snapshot)
    region = snapshot.regions.get(region_id)
    if region is not None:
        found.append(Check("ScheduleNotDenied", _not_denied(region, snapshot)))
        found.append(Check("RegionHasQuorum", _has_quorum(region, snapshot)))
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


def _has_quorum(region: Region, snapshot: ClusterSnapshot) -> Verdict:
    replicas = replicas_of(region, snapshot)
    if not replicas.has_quorum:
        message = f"region {region.id} can decide nothing now: {replicas.sentence}"
        return Hold("QuorumMissing", message)
    return Allow(replicas.sentence)


def _not_denied(region: Region, snapshot: ClusterSnapshot) -> Verdict:
    rules = snapshot.label_rules
    if rules is None:
        return Hold("LabelsUnknown", "PD's region label rules were not read")
    for rule in rules:
        if rule.labels.get("schedule") == "deny" and _covers(rule, region):
            message = (
                f"label rule {rule.id} denies scheduling of region {region.id}, as BR and "
                "Lightning do while they import; PD would not stop this operator (P19)"
            )
            return Hold("ScheduleDenied", message)
    return Allow("no label rule denies scheduling")


def _covers(rule: RegionLabelRule, region: Region) -> bool:
    """Return True when a range of the rule and the region share a key; keys are hex text."""
    start, end = region.start_key.upper(), region.end_key.upper()
    return any(
        (end == "" or low.upper() < end) and (high == "" or start < high.upper())
        for low, high in rule.ranges
    )


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


def _captured(before: Sequence[Fact], store_id: int) -> str:
    return next((fact.value for fact in before if fact.name == _name(store_id)), NONE)


def _captured_epoch(before: Sequence[Fact]) -> str:
    return next((fact.value for fact in before if fact.name == EPOCH), "")


def _name(store_id: int) -> str:
    return f"peerOnStore/{store_id}"


def _value(peer: Peer | None) -> str:
    return NONE if peer is None else f"{peer.role} {peer.id}"
