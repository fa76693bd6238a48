"""SetStoreLabels: some labels of one store, by which PD decides where replicas may be."""

from collections.abc import Mapping, Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.store import SetStoreLabels, StoreLabel
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks
from assent.core.actions.action import (
    Idempotency,
    Manual,
    Progress,
    Reversibility,
    Verification,
)
from assent.core.actions.on_store import StoreAction
from assent.core.model.call import PdCall
from assent.core.model.reading import Reading
from assent.core.model.snapshot import ClusterSnapshot, StoreState
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn

RESERVED = frozenset({"engine", "exclusive"})
"""Labels by which PD keeps all replicas off a store that no rule names (label_constraint.go)."""
PREFIX = "label/"


class SetStoreLabelsAction(StoreAction[SetStoreLabels]):
    """POST /store/{id}/label (pd-api.md 1.3): PD merges, an empty value removes. Never with a
    query: the mere word ``force`` there replaces all labels of the store.
    """

    type = ActionType.SET_STORE_LABELS
    base_tier = Tier.HIGH
    reversibility = Reversibility.FULLY
    idempotency = Idempotency.ABSOLUTE
    timeout_seconds = None
    """PD has none: the labels show at once."""
    goal_required = False
    readings = frozenset({Reading.REPLICATION})
    manual = Manual(
        endpoint="POST /pd/api/v1/store/{id}/label",
        example=SetStoreLabels(store_id=4, labels=[StoreLabel(key="zone", value="z1")]),
        timeout_reason="PD has none: the labels show at once; actionTimeout rules",
        unchecked_by_pd=(
            "what placement then moves: often most of the store's data",
            "TiKV sends its own labels again when it restarts, TiDB Operator those of the node",
            "names are compared without case, so Zone would change zone",
        ),
    )

    def sentence(self, params: SetStoreLabels) -> str:
        """Return what it does in one line."""
        words = [
            f"{label.key}={label.value}" if label.value else f"no {label.key}"
            for label in params.labels
        ]
        return f"label store {params.store_id} with {', '.join(words)}"

    def pd_ctl(self, params: SetStoreLabels) -> str:
        """Return the equivalent pd-ctl lines."""
        store = f"pd-ctl store label {params.store_id}"
        return "; ".join(
            f"{store} {label.key}={label.value}" if label.value else f"{store} {label.key} --delete"
            for label in params.labels
        )

    def risk(self, params: SetStoreLabels, snapshot: ClusterSnapshot) -> Risk:
        """Return High, always: placement is judged anew for every region of the store."""
        factors = ["PD moves data to wherever placement then wants it"]
        located = _location_labels(snapshot)
        named = sorted(label.key for label in params.labels if label.key in located)
        if named:
            factors.append(f"replicas are spread by {', '.join(named)}")
        return Risk(tier=self.base_tier, factors=factors)

    def preconditions(self, params: SetStoreLabels, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return whether PD would take the labels, as named and under its own strictness."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        return (
            checks.prepared(),
            Check("StoreKnown", _store_known(params.store_id, snapshot)),
            Check("LabelsAllowed", _allowed(params, snapshot)),
            Check("LabelsMatch", _match_strictly(params, snapshot)),
        )

    def already_done(self, params: SetStoreLabels, snapshot: ClusterSnapshot) -> bool:
        """Return True when every named label is as asked."""
        store = snapshot.store(params.store_id)
        return store is not None and all(
            store.labels.get(label.key, "") == label.value for label in params.labels
        )

    def call(self, params: SetStoreLabels) -> PdCall:
        """Return the one call to PD."""
        return _set(params.store_id, {label.key: label.value for label in params.labels})

    def before(self, params: SetStoreLabels, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return every named label, empty where the store has none; nothing without the store."""
        store = snapshot.store(params.store_id)
        if store is None:
            return ()
        keys = sorted(label.key for label in params.labels)
        return tuple(Fact(name=PREFIX + key, value=store.labels.get(key, "")) for key in keys)

    def verify(
        self, params: SetStoreLabels, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SETTLED once PD shows every named label; what it then moves is its own."""
        after = self.before(params, snapshot)
        shown = ", ".join(f"{fact.name.removeprefix(PREFIX)}={fact.value}" for fact in after)
        if self.already_done(params, snapshot):
            return Verification(Progress.SETTLED, f"store {params.store_id} has {shown}", after)
        message = f"store {params.store_id} still has {shown or 'no labels that PD shows'}"
        return Verification(Progress.NOT_SEEN, message, after)

    def unchanged(
        self, params: SetStoreLabels, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while PD shows every named label as captured."""
        return len(before) > 0 and self.before(params, snapshot) == tuple(before)

    def inverse(self, params: SetStoreLabels, before: Sequence[Fact]) -> PdCall | None:
        """Return the call that sets the captured labels again, empty ones removing what was not
        there; None without them.
        """
        known = {fact.name.removeprefix(PREFIX): fact.value for fact in before}
        return _set(params.store_id, known) if known else None


def _set(store_id: int, labels: Mapping[str, str]) -> PdCall:
    return PdCall("POST", f"/pd/api/v1/store/{store_id}/label", dict(labels))


def _location_labels(snapshot: ClusterSnapshot) -> frozenset[str]:
    text = (snapshot.replication or {}).get("location-labels", "")
    return frozenset(filter(None, text.split(",")))


def _store_known(store_id: int, snapshot: ClusterSnapshot) -> Verdict:
    store = snapshot.store(store_id)
    if store is None:
        return Deny("StoreUnknown", f"PD lists no store {store_id}")
    if store.state is StoreState.OFFLINE:
        return Warn(f"store {store_id} is being removed")
    return Allow(f"store {store_id} at {store.address}")


def _allowed(params: SetStoreLabels, snapshot: ClusterSnapshot) -> Verdict:
    keys = [label.key for label in params.labels]
    folded = [key.casefold() for key in keys]
    if reserved := sorted(RESERVED.intersection(folded)):
        message = f"{reserved[0]} says what kind of store it is: PD would keep all replicas off it"
        return Deny("LabelReserved", message)
    if len(set(folded)) < len(folded):
        return Deny("LabelsTwice", "PD compares names without case: two of these are one label")
    store = snapshot.store(params.store_id)
    for shown in store.labels if store is not None else ():
        if shown.casefold() in folded and shown not in keys:
            message = f"the store has {shown}: PD would change that, so write it the same way"
            return Deny("LabelSpelling", message)
    return Allow("PD takes the labels as they are named")


def _match_strictly(params: SetStoreLabels, snapshot: ClusterSnapshot) -> Verdict:
    replication, store = snapshot.replication, snapshot.store(params.store_id)
    if replication is None or store is None or "strictly-match-label" not in replication:
        return Hold("ReplicationUnknown", "PD does not show whether labels must match strictly")
    if replication["strictly-match-label"] != "true":
        return Allow("PD takes any labels")
    located = _location_labels(snapshot)
    after = {**store.labels, **{label.key: label.value for label in params.labels}}
    present = {key for key, value in after.items() if value}
    if missing := sorted(located - present):
        message = f"strictly-match-label is true: the store would have no {missing[0]}"
        return Hold("LabelMissing", message)
    if extra := sorted(present - located):
        message = f"strictly-match-label is true: {extra[0]} is no location label"
        return Hold("LabelUnexpected", message)
    return Allow("the labels match the location labels")
