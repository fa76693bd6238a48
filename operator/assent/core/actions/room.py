"""Whether the other stores can take what a leaving store holds: PD looks at almost none of this.

PD counts Down, silent and TiFlash stores as able to take replicas, and looks at neither labels,
rules nor space (P28). Every check here gets no easier when a store falls ill or leaves.
"""

from assent.core.actions import checks
from assent.core.actions.label_constraints import fits
from assent.core.model.snapshot import ClusterSnapshot, PeerRole, Store, StoreState
from assent.core.model.verdict import Allow, Check, Hold, Verdict

_MIB = 2**20


def others(store_id: int, snapshot: ClusterSnapshot) -> tuple[Store, ...]:
    """Return the other stores that take replicas now: healthy TiKV."""
    return tuple(
        store
        for store in snapshot.stores
        if store.id != store_id and store.is_healthy and not store.is_tiflash
    )


def replicas_fit(store_id: int, snapshot: ClusterSnapshot) -> Check:
    """Return whether as many healthy TiKV stores remain as a region has replicas."""
    name = "ReplicasFit"
    wanted = _max_replicas(snapshot)
    if wanted is None:
        return Check(name, Hold("ReplicationUnknown", "PD does not show max-replicas"))
    left = len(others(store_id, snapshot))
    if left < wanted:
        message = (
            f"{left} healthy TiKV stores would remain and max-replicas is {wanted}; "
            "PD would count silent and TiFlash ones too (P28)"
        )
        return Check(name, Hold("StoresNotEnough", message))
    return Check(name, Allow(f"{left} healthy TiKV stores remain for {wanted} replicas"))


def labels_fit(store_id: int, snapshot: ClusterSnapshot) -> Check:
    """Return whether every location label keeps as many values as replicas are spread over."""
    return Check("LabelsFit", _labels(store_id, snapshot))


def _labels(store_id: int, snapshot: ClusterSnapshot) -> Verdict:
    store, wanted = snapshot.store(store_id), _max_replicas(snapshot)
    if store is None or snapshot.replication is None or wanted is None:
        return Hold("ReplicationUnknown", "PD does not show its location labels")
    for key in filter(None, snapshot.replication.get("location-labels", "").split(",")):
        value = store.labels.get(key, "")
        values = {one.labels.get(key, "") for one in others(store_id, snapshot)}
        if value not in values and len(values) < wanted:
            shown = f"{key}={value}" if value else f"no {key}"
            message = (
                f"store {store_id} is the last healthy one with {shown}, and {len(values)} "
                f"values of {key} would remain for {wanted} replicas"
            )
            return Hold("IsolationLost", message)
    return Allow("no location is lost that replicas are spread over")


def rules_fit(store_id: int, snapshot: ClusterSnapshot) -> Check:
    """Return whether every placement rule that may use the store finds enough others."""
    return Check("RulesFit", _rules(store_id, snapshot))


def _rules(store_id: int, snapshot: ClusterSnapshot) -> Verdict:
    store, replication = snapshot.store(store_id), snapshot.replication
    if store is None or replication is None:
        return Hold("RulesUnknown", "PD does not show whether placement rules are enabled")
    if snapshot.placement_rules is None:
        if replication.get("enable-placement-rules") == "false":
            return Allow("placement rules are disabled")
        return Hold("RulesUnknown", "PD does not show its placement rules")
    for rule in snapshot.placement_rules:
        if not fits(store, rule.document):
            continue
        left = [one for one in others(store_id, snapshot) if fits(one, rule.document)]
        if len(left) < rule.count:
            message = (
                f"rule {rule.key} wants {rule.count} replicas, and "
                f"{len(left)} healthy stores that fit it would remain"
            )
            return Hold("RuleUnsatisfied", message)
    return Allow("every placement rule finds enough other stores")


def space_fits(store_id: int, snapshot: ClusterSnapshot) -> Check:
    """Return whether the others have room for what the store uses, each up to low-space-ratio."""
    return Check("SpaceFits", _space(store_id, snapshot))


def _space(store_id: int, snapshot: ClusterSnapshot) -> Verdict:
    store, ratio = snapshot.store(store_id), _number(snapshot.settings.get("low-space-ratio"))
    if store is None or ratio is None:
        return Hold("SpaceUnknown", "PD does not show low-space-ratio")
    if store.capacity_bytes == 0:
        return Hold("SpaceUnknown", f"PD does not show how much store {store_id} uses")
    used = store.capacity_bytes - store.available_bytes
    room = sum(_room(one, ratio) for one in others(store_id, snapshot))
    if room < used:
        message = (
            f"store {store_id} uses {used // _MIB} MiB and the others have room for "
            f"{room // _MIB} MiB until they are low on space (low-space-ratio {ratio:g})"
        )
        return Hold("SpaceNotEnough", message)
    return Allow(f"the others have room for {room // _MIB} MiB; it uses {used // _MIB} MiB")


def _room(store: Store, low_space_ratio: float) -> int:
    return max(0, store.available_bytes - int(store.capacity_bytes * (1 - low_space_ratio)))


def leaders_fit(store_id: int, snapshot: ClusterSnapshot) -> Check:
    """Return whether another store may take leaders: eviction from all others leaves none."""
    name = "LeadersHaveAPlace"
    places = [one for one in others(store_id, snapshot) if checks.can_lead(one, snapshot)]
    if not places:
        return Check(name, Hold("NoPlaceForLeaders", "no other healthy store may take leaders"))
    return Check(name, Allow("other stores may take leaders"))


def alone(store_id: int, snapshot: ClusterSnapshot) -> Check:
    """Return whether no other store is being removed."""
    name = "NoOtherRemoval"
    leaving = [
        str(store.id)
        for store in snapshot.stores
        if store.id != store_id and store.state is StoreState.OFFLINE
    ]
    if leaving:
        message = f"store {', '.join(leaving)} is being removed: one after the other"
        return Check(name, Hold("OtherStoreRemoving", message))
    return Check(name, Allow("no other store is being removed"))


def replicas_may_move(snapshot: ClusterSnapshot) -> Check:
    """Return whether PD moves replicas off a leaving store at all (P18, P30)."""
    return Check("ReplicasMayMove", _may_move(snapshot))


def _may_move(snapshot: ClusterSnapshot) -> Verdict:
    if snapshot.schedule.halt_scheduling:
        return Hold("SchedulingHalted", "halt-scheduling is true: PD's schedulers stand still")
    for key in ("replica-schedule-limit", "region-schedule-limit"):
        value = _number(snapshot.settings.get(key))
        if value is None:
            return Hold("SettingsUnknown", f"PD does not show {key}")
        if value == 0:
            return Hold("ScheduleLimitZero", f"{key} is 0: PD moves no replica (P30)")
    if snapshot.settings.get("enable-replace-offline-replica") != "true":
        return Hold("RepairDisabled", "enable-replace-offline-replica is not true")
    return Allow("PD moves replicas")


def regions_whole(store_id: int, snapshot: ClusterSnapshot) -> Check:
    """Return whether, of the sampled regions, none misses a peer on another store."""
    name = "RegionsWhole"
    if not snapshot.sample:
        return Check(name, Hold("RegionsUnknown", "PD shows no region to look at"))
    for region in (*snapshot.sample, *snapshot.regions.values()):
        if down := region.down_store_ids - {store_id}:
            message = f"region {region.id} misses its peer on store {min(down)}"
            return Check(name, Hold("RegionsImpaired", message))
    message = f"no peer is down elsewhere in {len(snapshot.sample)} sampled regions"
    return Check(name, Allow(message))


def quorum_elsewhere(store_id: int, snapshot: ClusterSnapshot) -> Check:
    """Return whether the sampled regions keep a majority without the store.

    Counted by us: PD declares the data lost whatever is left (P20, P27).
    """
    name = "QuorumElsewhere"
    if not snapshot.sample:
        return Check(name, Hold("RegionsUnknown", "PD shows no region to look at"))
    healthy = {store.id for store in others(store_id, snapshot)}
    for region in (*snapshot.sample, *snapshot.regions.values()):
        if region.peer_on(store_id) is None:
            continue
        voters = [peer for peer in region.peers if peer.role is not PeerRole.LEARNER]
        alive = [
            peer
            for peer in voters
            if peer.store_id in healthy - region.down_store_ids - region.pending_store_ids
        ]
        if len(alive) * 2 <= len(voters):
            message = (
                f"region {region.id} has {len(alive)} of {len(voters)} voters without store "
                f"{store_id}: no majority, so its data would be lost"
            )
            return Check(name, Hold("QuorumLost", message))
    message = f"a majority is elsewhere in {len(snapshot.sample)} sampled regions"
    return Check(name, Allow(message))


def _max_replicas(snapshot: ClusterSnapshot) -> int | None:
    found = _number((snapshot.replication or {}).get("max-replicas"))
    return None if found is None else int(found)


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
