"""Whether a region's placement rules would keep a peer on a store, or PD would take it back.

PD itself asks nobody on add-peer and transfer-peer (P20); its rule checker moves, demotes or
removes afterwards what no rule wants (P21, pd-api.md 2.8). The matching follows PD's
``pkg/schedule/placement``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from assent.core.actions.label_constraints import fits, items, label
from assent.core.model.call import Json
from assent.core.model.placement import PlacementRule
from assent.core.model.snapshot import ClusterSnapshot, PeerRole, Region, Store
from assent.core.model.verdict import Allow, Deny, Hold, Verdict, Warn

MAX_REPLICAS = "max-replicas"


@dataclass(frozen=True, slots=True)
class NewPeer:
    """A peer that shall be."""

    store_id: int
    role: PeerRole
    instead_of: int | None = None
    """The store whose peer it replaces."""


def rules_of(region_id: int, snapshot: ClusterSnapshot) -> tuple[PlacementRule, ...] | None:
    """Return the rules that apply to the region; None when they were not read.

    With placement rules disabled ``max-replicas`` and ``location-labels`` are one rule.
    """
    fit = snapshot.region_fits.get(region_id)
    if fit is not None:
        return fit.rules or None
    replication = snapshot.replication
    if replication is None or replication.get("enable-placement-rules") != "false":
        return None
    count = replication.get(MAX_REPLICAS, "")
    if not count.isdecimal():
        return None
    labels = [name for name in replication.get("location-labels", "").split(",") if name]
    document: dict[str, Json] = {
        "location_labels": labels,
        "isolation_level": replication.get("isolation-level", ""),
    }
    return (PlacementRule("", MAX_REPLICAS, "voter", int(count), "", "", document),)


def wanted_voters(rules: Sequence[PlacementRule]) -> int:
    """Return how many voters the rules want together."""
    return sum(rule.count for rule in rules if rule.role != "learner")


def wanted_learners(rules: Sequence[PlacementRule]) -> int:
    """Return how many learners the rules want together."""
    return sum(rule.count for rule in rules if rule.role == "learner")


def rules_take(new: NewPeer, region: Region, snapshot: ClusterSnapshot) -> Verdict:
    """Return whether the rules would have room for the peer, once it is there.

    Deny when no rule may ever count it, Hold when those that may are full, or when rules or
    labels are not known.
    """
    rules, store = rules_of(region.id, snapshot), snapshot.store(new.store_id)
    if rules is None:
        return Hold("RulesUnknown", f"PD's placement rules for region {region.id} were not read")
    if store is None:
        return Hold("RulesUnknown", f"the labels of store {new.store_id} are not known")
    kind = "learner" if new.role is PeerRole.LEARNER else "voter"
    fitting = [rule for rule in rules if _counts(rule, new.role, store)]
    if not fitting:
        message = (
            f"no placement rule of region {region.id} wants a {kind} on store {store.id}: "
            "PD's rule checker would take it away again (P21)"
        )
        return Deny("RuleViolated", message)
    others = []
    for peer in region.peers:
        if peer.store_id in (new.store_id, new.instead_of):
            continue
        its_store = snapshot.store(peer.store_id)
        if its_store is None:
            return Hold("RulesUnknown", f"the labels of store {peer.store_id} are not known")
        others.append((peer.role, its_store))
    if _placed(rules, [*others, (new.role, store)]) == _placed(rules, others):
        names = ", ".join(f"{rule.key} ({rule.count})" for rule in fitting[:4])
        message = (
            f"region {region.id} has as many {kind}s as its rules want: {names}; "
            "PD's rule checker would take one away again (P21)"
        )
        return Hold("RuleFull", message)
    remaining = [its_store for _, its_store in others]
    return _isolated(new, store, remaining, fitting[0], snapshot)


def _isolated(
    new: NewPeer,
    store: Store,
    others: Sequence[Store],
    rule: PlacementRule,
    snapshot: ClusterSnapshot,
) -> Verdict:
    """Return whether the location labels speak for the store (``CompareLocation``)."""
    labels = _texts(rule.document.get("location_labels"))
    level = rule.document.get("isolation_level") or ""
    if level in labels:
        strict = labels[: labels.index(level) + 1]
        near = [other.id for other in others if _differ_at(store, other, strict) is None]
        if near:
            message = (
                f"rule {rule.key} isolates by {level}, and store {store.id} shares its {level} "
                f"with store {near[0]}: PD's rule checker would move it (P21)"
            )
            return Deny("IsolationViolated", message)
    score = _distinct(store, others, labels)
    taken = {other.id for other in others}
    better = [
        one.id
        for one in snapshot.stores
        if one.id not in taken
        and one.is_healthy
        and _counts(rule, new.role, one)
        and _distinct(one, others, labels) > score
    ]
    if better:
        message = (
            f"store {better[0]} would be farther from the other peers by {','.join(labels)} than "
            f"store {store.id}: PD may move it on (P21)"
        )
        return Warn(message)
    return Allow(f"rule {rule.key} has room on store {store.id}")


def _counts(rule: PlacementRule, role: PeerRole, store: Store) -> bool:
    """Return True when the rule may count a peer of that role on that store."""
    if (rule.role == "learner") is not (role is PeerRole.LEARNER):
        return False
    return fits(store, rule.document)


def _placed(rules: Sequence[PlacementRule], peers: Sequence[tuple[PeerRole, Store]]) -> int:
    """Return how many of the peers the rules can count at once: a maximum matching."""
    seats = [rule for rule in rules for _ in range(min(rule.count, len(peers)))]
    taken: dict[int, int] = {}

    def seat(peer: int, tried: set[int]) -> bool:
        for number, rule in enumerate(seats):
            if number in tried or not _counts(rule, *peers[peer]):
                continue
            tried.add(number)
            if number not in taken or seat(taken[number], tried):
                taken[number] = peer
                return True
        return False

    return sum(seat(peer, set()) for peer in range(len(peers)))


def _distinct(store: Store, others: Sequence[Store], labels: Sequence[str]) -> int:
    """``DistinctScore``: the higher, the farther apart."""
    found = (_differ_at(store, other, labels) for other in others if other.id != store.id)
    return sum(100 ** (len(labels) - level - 1) for level in found if level is not None)


def _differ_at(one: Store, other: Store, labels: Sequence[str]) -> int | None:
    """Return the first level at which they differ; an absent label differs from nothing."""
    for level, name in enumerate(labels):
        ours, theirs = label(one, name).lower(), label(other, name).lower()
        if ours and theirs and ours != theirs:
            return level
    return None


def _texts(value: Json) -> list[str]:
    return [one for one in items(value) if isinstance(one, str)]
