"""What the process knows of the custom resources: a cache fed by watch events, lists and writes."""

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar

from assent.api import meta
from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.lifecycle import FINISHED, OPEN
from assent.core.model.resource import Cluster, HaltOrder, Proposal
from assent.errors import AssentError
from assent.kube.resources import KINDS, Resource, parse

V = TypeVar("V")
Raw = Mapping[str, Any]
Key = tuple[str, str]
"""(kind, "namespace/name")"""

_QUIET: Final = frozenset({Reason.WAITING.value, Reason.STALLED.value, Reason.BUSY.value})
"""Reasons of a proposal in ``ACTING`` that only waits: PD works, a fact is to come, or another
proposal that began meanwhile goes first.
"""
ACTING: Final = frozenset({Phase.EXECUTING, Phase.ROLLING_BACK})
"""Phases with a call in flight or being verified."""
MAX_GRAVES: Final = 4096
"""How many deletions are remembered: late news of an object comes within seconds, not hours."""


def _version(raw: Raw) -> int:
    return int(raw["metadata"]["resourceVersion"])


def _key(kind: str, raw: Raw) -> Key:
    return kind, f"{raw['metadata'].get('namespace', '')}/{raw['metadata']['name']}"


def _remembered(proposal: Proposal) -> Proposal:
    """Return a finished proposal without what only people read: more than half of its memory."""
    if proposal.status.phase not in FINISHED:
        return proposal
    shown = {"gates": None, "conditions": None, "history": None}
    return replace(proposal, status=proposal.status.model_copy(update=shown))


def _slim(raw: Raw) -> Raw:
    """Return the object without managedFields: half of its memory, and nothing reads them."""
    metadata = raw["metadata"]
    if "managedFields" not in metadata:
        return raw
    kept = {name: value for name, value in metadata.items() if name != "managedFields"}
    return {**raw, "metadata": kept}


@dataclass(frozen=True, slots=True)
class _Kept:
    """An object as JSON. Finished proposals are many and hardly read again: they are kept packed,
    in a sixth of the memory.
    """

    uid: str
    version: int
    epoch: int | None
    content: Raw | bytes

    @classmethod
    def of(cls, kind: str, raw: Raw) -> "_Kept":
        path = ("status", "execution", "epoch") if kind == KINDS.proposal else ("status", "epoch")
        epoch = _at(raw, *path)
        content = _slim(raw)
        finished = kind == KINDS.proposal and _at(raw, "status", "phase") in FINISHED
        return cls(
            uid=raw["metadata"]["uid"],
            version=_version(raw),
            epoch=epoch if isinstance(epoch, int) else None,
            content=json.dumps(content).encode() if finished else content,
        )

    def raw(self) -> Raw:
        if not isinstance(self.content, bytes):
            return self.content
        found: Raw = json.loads(self.content)
        return found


class _Shelf(Generic[V]):
    """Values by the TiKVCluster they name: looking for one cluster's costs nothing of others'."""

    def __init__(self) -> None:
        self._shelves: dict[str, dict[Key, V]] = {}
        self._places: dict[Key, str] = {}

    def put(self, key: Key, cluster_key: str, value: V) -> None:
        if self._places.get(key, cluster_key) != cluster_key:
            self.remove(key)
        self._places[key] = cluster_key
        self._shelves.setdefault(cluster_key, {})[key] = value

    def remove(self, key: Key) -> None:
        place = self._places.pop(key, None)
        if place is None:
            return
        shelf = self._shelves[place]
        del shelf[key]
        if not shelf:
            del self._shelves[place]

    def all(self) -> tuple[V, ...]:
        return tuple(value for shelf in self._shelves.values() for value in shelf.values())

    def of(self, cluster_key: str) -> tuple[V, ...]:
        return tuple(self._shelves.get(cluster_key, {}).values())


class World:
    """The newest known state of every TiKVCluster, ActionProposal and Halt.

    An older event never replaces a newer object: resourceVersions of one kind are compared as
    numbers, which Kubernetes allows since KEP-5504.
    """

    def __init__(
        self,
        on_change: Callable[[Key], None],
        on_malformed: Callable[[Key, AssentError], None],
    ) -> None:
        self._on_change = on_change
        self._on_malformed = on_malformed
        self._kept: dict[Key, _Kept] = {}
        self._clusters: dict[Key, Cluster] = {}
        self._proposals: dict[Key, Proposal] = {}
        self._halts: dict[Key, HaltOrder] = {}
        self._of_cluster = _Shelf[Proposal]()
        self._unfinished = _Shelf[Proposal]()
        self._acting = _Shelf[Raw]()
        self._buried: OrderedDict[Key, int] = OrderedDict()

    def observe(self, kind: str, raw: Raw) -> None:
        """Take in an object as the API server showed it, unless a newer one is known."""
        key = _key(kind, raw)
        known = self._kept.get(key)
        if known is not None and known.version >= _version(raw):
            return
        if self._buried.get(key, -1) >= _version(raw):
            return
        self._kept[key] = _Kept.of(kind, raw)
        try:
            self._keep(key, parse(kind, raw))
        except AssentError as error:
            self._drop(key)
            self._on_malformed(key, error)
        if kind == KINDS.proposal:
            self._shelve_acting(key, _slim(raw))
        self._on_change(key)

    def bury(self, kind: str, raw: Raw) -> None:
        """Take in that an object was deleted, unless it is known to have been made anew since."""
        key = _key(kind, raw)
        known = self._kept.get(key)
        another = known is not None and known.uid != raw["metadata"]["uid"]
        if known is not None and another and known.version > _version(raw):
            return
        self._kept.pop(key, None)
        self._drop(key)
        self._acting.remove(key)
        self._buried[key] = max(_version(raw), self._buried.pop(key, 0))
        while len(self._buried) > MAX_GRAVES:
            self._buried.popitem(last=False)
        self._on_change(key)

    def versions(self, kind: str) -> Mapping[Key, int]:
        """Return which objects of the kind are known, and in which version, at this moment."""
        return {key: kept.version for key, kept in self._kept.items() if key[0] == kind}

    def replace(self, kind: str, items: Iterable[Raw], *, known_before: Mapping[Key, int]) -> None:
        """Take in a complete list: what it lacks was deleted while nobody watched.

        ``known_before`` are the ``versions`` from before the list was asked for: an object that
        came or changed since proves nothing by being absent from an older list.
        """
        listed = {_key(kind, raw): raw for raw in items}
        for key, version in known_before.items():
            known = self._kept.get(key)
            if key not in listed and known is not None and known.version == version:
                self.bury(kind, known.raw())
        for raw in listed.values():
            self.observe(kind, raw)

    def raw(self, key: Key) -> Raw | None:
        """Return the object as JSON, None when it is not known."""
        kept = self._kept.get(key)
        return None if kept is None else kept.raw()

    def proposal(self, key: str) -> Proposal | None:
        """Return the proposal ``namespace/name``, None when unknown or malformed. A finished one
        is without its gates, conditions and history; ``raw`` has them.
        """
        return self._proposals.get((KINDS.proposal, key))

    def cluster(self, key: str) -> Cluster | None:
        """Return the TiKVCluster ``namespace/name``, None when unknown or malformed."""
        return self._clusters.get((KINDS.cluster, key))

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """Every TiKVCluster known."""
        return tuple(self._clusters.values())

    @property
    def proposals(self) -> tuple[Proposal, ...]:
        """Every proposal known."""
        return tuple(self._proposals.values())

    @property
    def halts(self) -> tuple[HaltOrder, ...]:
        """Every Halt known."""
        return tuple(self._halts.values())

    def proposals_of(self, cluster: Cluster) -> tuple[Proposal, ...]:
        """Return the proposals that name this TiKVCluster."""
        return self._of_cluster.of(cluster.meta.key)

    def open_proposals_of(self, cluster: Cluster) -> tuple[Proposal, ...]:
        """Return those of its proposals that people may still decide."""
        return tuple(
            item
            for item in self.unfinished_proposals_of(cluster)
            if item.status.phase is None or item.status.phase in OPEN
        )

    def unfinished_proposals_of(self, cluster: Cluster) -> tuple[Proposal, ...]:
        """Return those of its proposals whose life has not ended."""
        return self.unfinished_proposals_naming(cluster.meta.key)

    def unfinished_proposals_naming(self, cluster_key: str) -> tuple[Proposal, ...]:
        """Return the unfinished proposals for TiKVCluster ``namespace/name``, known or not."""
        return self._unfinished.of(cluster_key)

    @property
    def unfinished_proposals(self) -> tuple[Proposal, ...]:
        """Every proposal known whose life has not ended."""
        return self._unfinished.all()

    def acting_proposals_of(self, cluster: Cluster) -> Mapping[str, str]:
        """Return the proposals (uid and name) with a call in flight or being verified on this
        TiKVCluster; those that only wait are not among them.

        Told by the bare JSON: one that cannot be read has a call in flight all the same.
        """
        return {
            raw["metadata"]["uid"]: raw["metadata"]["name"]
            for raw in self._acting.of(cluster.meta.key)
        }

    def others_acting(self, proposal: Proposal, cluster: Cluster) -> tuple[str, ...]:
        """Return the names of the other proposals that act on this TiKVCluster, in order."""
        acting = self.acting_proposals_of(cluster)
        return tuple(sorted(name for uid, name in acting.items() if uid != proposal.meta.uid))

    def names_without_incident(self, namespace: str) -> frozenset[str]:
        """Return the names of the namespace's proposals that detection did not file."""
        return frozenset(
            item.meta.name
            for item in self.proposals
            if item.meta.namespace == namespace and meta.LABEL_INCIDENT not in item.meta.labels
        )

    def proposals_in(self, phase: Phase) -> int:
        """Return how many proposals are in that phase."""
        return sum(item.status.phase is phase for item in self.proposals)

    def clusters_in(self, state: str) -> int:
        """Return how many TiKVClusters show that state."""
        return sum(item.status.state == state for item in self.clusters)

    @property
    def highest_epoch(self) -> int:
        """The highest epoch that any status has seen; 0 when none has. Malformed objects count."""
        epochs = (kept.epoch for kept in self._kept.values())
        return max((epoch for epoch in epochs if epoch is not None), default=0)

    def _keep(self, key: Key, found: Resource) -> None:
        if isinstance(found, Proposal):
            found = _remembered(found)
            self._proposals[key] = found
            cluster_key = f"{found.meta.namespace}/{found.spec.cluster_ref.name}"
            self._of_cluster.put(key, cluster_key, found)
            if found.status.phase in FINISHED:
                self._unfinished.remove(key)
            else:
                self._unfinished.put(key, cluster_key, found)
        elif isinstance(found, Cluster):
            self._clusters[key] = found
        else:
            self._halts[key] = found

    def _drop(self, key: Key) -> None:
        for known in (self._clusters, self._proposals, self._halts):
            known.pop(key, None)
        self._of_cluster.remove(key)
        self._unfinished.remove(key)

    def _shelve_acting(self, key: Key, raw: Raw) -> None:
        acting = _at(raw, "status", "phase") in ACTING
        if acting and _at(raw, "status", "reason") not in _QUIET:
            name = _at(raw, "spec", "clusterRef", "name")
            self._acting.put(key, f"{raw['metadata'].get('namespace', '')}/{name}", raw)
        else:
            self._acting.remove(key)


def _at(raw: Raw, *path: str) -> Any:
    """Return the value at the path, None when the object does not have it."""
    found: Any = raw
    for name in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found
