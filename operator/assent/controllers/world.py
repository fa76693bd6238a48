"""What the process knows of the custom resources: a cache fed by watch events, lists and writes."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from assent.api import meta
from assent.api.v1alpha1.actionproposal import Phase
from assent.api.v1alpha1.lifecycle import FINISHED, OPEN
from assent.core.model.resource import Cluster, HaltOrder, Proposal
from assent.errors import AssentError
from assent.kube.resources import KINDS, Resource, parse

Raw = Mapping[str, Any]
Key = tuple[str, str]
"""(kind, "namespace/name")"""

ACTING: Final = frozenset({Phase.EXECUTING, Phase.ROLLING_BACK})
"""Phases with a call in flight or being verified."""
MAX_GRAVES: Final = 4096
"""How many deletions are remembered: late news of an object comes within seconds, not hours."""


def _version(raw: Raw) -> int:
    return int(raw["metadata"]["resourceVersion"])


def _key(kind: str, raw: Raw) -> Key:
    return kind, f"{raw['metadata'].get('namespace', '')}/{raw['metadata']['name']}"


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
        self._raw: dict[Key, Raw] = {}
        self._parsed: dict[Key, Resource] = {}
        self._buried: OrderedDict[Key, int] = OrderedDict()

    def observe(self, kind: str, raw: Raw) -> None:
        """Take in an object as the API server showed it, unless a newer one is known."""
        key = _key(kind, raw)
        known = self._raw.get(key)
        if known is not None and _version(known) >= _version(raw):
            return
        if self._buried.get(key, -1) >= _version(raw):
            return
        try:
            self._parsed[key] = parse(kind, raw)
        except AssentError as error:
            self._parsed.pop(key, None)
            self._on_malformed(key, error)
        self._raw[key] = raw
        self._on_change(key)

    def bury(self, kind: str, raw: Raw) -> None:
        """Take in that an object was deleted."""
        key = _key(kind, raw)
        known = self._raw.get(key)
        if known is not None and known["metadata"]["uid"] != raw["metadata"]["uid"]:
            return
        self._raw.pop(key, None)
        self._parsed.pop(key, None)
        self._buried[key] = max(_version(raw), self._buried.pop(key, 0))
        while len(self._buried) > MAX_GRAVES:
            self._buried.popitem(last=False)
        self._on_change(key)

    def versions(self, kind: str) -> Mapping[Key, int]:
        """Return which objects of the kind are known, and in which version, at this moment."""
        return {key: _version(raw) for key, raw in self._raw.items() if key[0] == kind}

    def replace(self, kind: str, items: Iterable[Raw], *, known_before: Mapping[Key, int]) -> None:
        """Take in a complete list: what it lacks was deleted while nobody watched.

        ``known_before`` are the ``versions`` from before the list was asked for: an object that
        came or changed since proves nothing by being absent from an older list.
        """
        listed = {_key(kind, raw): raw for raw in items}
        for key, version in known_before.items():
            known = self._raw.get(key)
            if key not in listed and known is not None and _version(known) == version:
                self.bury(kind, known)
        for raw in listed.values():
            self.observe(kind, raw)

    def raw(self, key: Key) -> Raw | None:
        """Return the object as JSON, None when it is not known."""
        return self._raw.get(key)

    def proposal(self, key: str) -> Proposal | None:
        """Return the proposal ``namespace/name``, None when unknown or malformed."""
        found = self._parsed.get((KINDS.proposal, key))
        return found if isinstance(found, Proposal) else None

    def cluster(self, key: str) -> Cluster | None:
        """Return the TiKVCluster ``namespace/name``, None when unknown or malformed."""
        found = self._parsed.get((KINDS.cluster, key))
        return found if isinstance(found, Cluster) else None

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """Every TiKVCluster known."""
        return tuple(item for item in self._parsed.values() if isinstance(item, Cluster))

    @property
    def proposals(self) -> tuple[Proposal, ...]:
        """Every proposal known."""
        return tuple(item for item in self._parsed.values() if isinstance(item, Proposal))

    @property
    def halts(self) -> tuple[HaltOrder, ...]:
        """Every Halt known."""
        return tuple(item for item in self._parsed.values() if isinstance(item, HaltOrder))

    def proposals_of(self, cluster: Cluster) -> tuple[Proposal, ...]:
        """Return the proposals that name this TiKVCluster."""
        return tuple(
            item
            for item in self.proposals
            if item.meta.namespace == cluster.meta.namespace
            and item.spec.cluster_ref.name == cluster.meta.name
        )

    def open_proposals_of(self, cluster: Cluster) -> tuple[Proposal, ...]:
        """Return those of its proposals that people may still decide."""
        return tuple(
            item
            for item in self.proposals_of(cluster)
            if item.status.phase is None or item.status.phase in OPEN
        )

    def unfinished_proposals_of(self, cluster: Cluster) -> tuple[Proposal, ...]:
        """Return those of its proposals whose life has not ended."""
        return self.unfinished_proposals_naming(cluster.meta.key)

    def unfinished_proposals_naming(self, cluster_key: str) -> tuple[Proposal, ...]:
        """Return the unfinished proposals for TiKVCluster ``namespace/name``, known or not."""
        return tuple(
            item
            for item in self.proposals
            if item.status.phase not in FINISHED
            and f"{item.meta.namespace}/{item.spec.cluster_ref.name}" == cluster_key
        )

    def acting_proposals_of(self, cluster: Cluster) -> Mapping[str, str]:
        """Return the proposals (uid and name) with a call in flight on this TiKVCluster.

        Told by the bare JSON: one that cannot be read has a call in flight all the same.
        """
        return {
            raw["metadata"]["uid"]: raw["metadata"]["name"]
            for raw in self._raw_of(KINDS.proposal)
            if raw["metadata"].get("namespace", "") == cluster.meta.namespace
            and _at(raw, "spec", "clusterRef", "name") == cluster.meta.name
            and _at(raw, "status", "phase") in ACTING
        }

    def names_without_incident(self, namespace: str) -> frozenset[str]:
        """Return the names of the namespace's proposals that detection did not file."""
        return frozenset(
            item.meta.name
            for item in self.proposals
            if item.meta.namespace == namespace and meta.LABEL_INCIDENT not in item.meta.labels
        )

    @property
    def highest_epoch(self) -> int:
        """The highest epoch that any status has seen; 0 when none has. Malformed objects count."""
        epochs = [_at(raw, "status", "epoch") for raw in self._raw_of(KINDS.cluster)]
        epochs += [_at(raw, "status", "execution", "epoch") for raw in self._raw_of(KINDS.proposal)]
        return max((epoch for epoch in epochs if isinstance(epoch, int)), default=0)

    def _raw_of(self, kind: str) -> Iterator[Raw]:
        return (raw for key, raw in self._raw.items() if key[0] == kind)


def _at(raw: Raw, *path: str) -> Any:
    """Return the value at the path, None when the object does not have it."""
    found: Any = raw
    for name in path:
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found
