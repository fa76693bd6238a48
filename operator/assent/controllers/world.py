"""What the process knows of the custom resources: a cache fed by watch events, lists and writes."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from assent.api.v1alpha1.lifecycle import FINISHED, OPEN
from assent.core.model.resource import Cluster, HaltOrder, Proposal
from assent.errors import AssentError
from assent.kube.resources import KINDS, Resource, parse

Raw = Mapping[str, Any]
Key = tuple[str, str]
"""(kind, "namespace/name")"""


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
        self._buried: dict[Key, int] = {}

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
        self._buried[key] = _version(raw)
        self._on_change(key)

    def replace(self, kind: str, items: Iterable[Raw]) -> None:
        """Take in a complete list: what it lacks was deleted while nobody watched."""
        listed = {_key(kind, raw): raw for raw in items}
        for key in [key for key in self._raw if key[0] == kind and key not in listed]:
            self.bury(kind, self._raw[key])
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
        return tuple(
            item for item in self.proposals_of(cluster) if item.status.phase not in FINISHED
        )

    @property
    def highest_epoch(self) -> int:
        """The highest epoch that any status has seen; 0 when none has."""
        epochs = [cluster.status.epoch or 0 for cluster in self.clusters]
        epochs += [
            item.status.execution.epoch
            for item in self.proposals
            if item.status.execution is not None
        ]
        return max(epochs, default=0)
