"""PD's default placement rule, pd/default, and the setting that PD keeps in step with it.

Whoever sets the rule sets ``max-replicas`` to its count, and PD does that first (``server/api/
rule.go``, syncReplicateConfigWithDefaultRule): a rule that it then refuses has changed the setting
all the same. And it lets ``max-replicas`` change only while rule and replication settings agree
(``server.go``, SetReplicationConfig), so that a careless change has no way back.
"""

from collections.abc import Mapping

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.placement import SetPlacementRule
from assent.core.actions.placement_rules import asked_document, normal
from assent.core.model.call import Json
from assent.core.model.placement import PlacementRule
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict

GROUP, ID = "pd", "default"
MAX_REPLICAS = "max-replicas"
SETTING = f"replicate/{MAX_REPLICAS}"
FACT = "maxReplicas"


def is_default(params: SetPlacementRule) -> bool:
    """Return True when the ask is about PD's default rule."""
    return (params.group_id, params.id) == (GROUP, ID)


def facts(params: SetPlacementRule, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
    """Return ``max-replicas`` as PD shows it; nothing for other rules, or when it is not known."""
    shown = (snapshot.replication or {}).get(MAX_REPLICAS)
    if not is_default(params) or shown is None:
        return ()
    return (Fact(name=FACT, value=shown),)


def follows(params: SetPlacementRule, snapshot: ClusterSnapshot) -> bool:
    """Return True when ``max-replicas`` is the count that was asked for, or is not touched."""
    shown = (snapshot.replication or {}).get(MAX_REPLICAS)
    return not is_default(params) or shown == str(params.count)


def in_step(
    params: SetPlacementRule, former: PlacementRule | None, snapshot: ClusterSnapshot
) -> Check:
    """Return whether rule and settings agree now, and would still after, so that an undo works."""
    return Check("DefaultRuleInStep", _in_step(params, former, snapshot))


def _in_step(
    params: SetPlacementRule, former: PlacementRule | None, snapshot: ClusterSnapshot
) -> Verdict:
    replication = snapshot.replication
    if replication is None:
        return Hold("ReplicationUnknown", "PD's replication settings have not been read")
    if former is None:
        return Hold("NoDefaultRule", "there is no rule pd/default whose count max-replicas follows")
    shown = replication.get(MAX_REPLICAS)
    if shown != str(former.count):
        message = f"rule pd/default wants {former.count} replicas, max-replicas is {shown}"
        return Hold("DefaultRuleOutOfStep", message)
    if params.count == former.count:
        return Allow(f"max-replicas stays {former.count}")
    if _shape(normal(former.document)) != _settings(replication):
        message = (
            "keys, location labels or isolation level of rule pd/default are not those of the"
            " replication settings: PD refuses another count"
        )
        return Hold("DefaultRuleOutOfStep", message)
    if _shape(normal(asked_document(params))) != _shape(normal(former.document)):
        message = (
            "another count together with other keys, location labels or isolation level has no way"
            " back: PD would refuse the old count"
        )
        return Deny("ChangeOneThing", message)
    return Allow(f"max-replicas goes with it from {former.count} to {params.count}")


def _shape(rule: dict[str, Json]) -> tuple[Json, ...]:
    names = ("start_key", "end_key", "location_labels", "isolation_level")
    return tuple(rule[name] for name in names)


def _settings(replication: Mapping[str, str]) -> tuple[Json, ...]:
    labels = [name for name in replication.get("location-labels", "").split(",") if name]
    return "", "", labels, replication.get("isolation-level", "")
