"""What nobody can be believed about: approvals that stood while the approval gate was open."""

from collections.abc import Iterable
from typing import Final

from assent.api.v1alpha1.lifecycle import OPEN
from assent.controllers.world import World
from assent.core.model.resource import Cluster, Proposal

MADE_ANEW: Final = "the approval gate was made anew or edited, and nobody saw how it stood before"


class Doubts:
    """The digests that people could quote while the gate was seen to be open, or may have been.

    A doubt lasts until its proposal has another digest, or none: what was said meanwhile is then
    void. That the gate stands again does not end it, for the forger's own write may have outrun
    the one that takes the digest away.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._doubted: dict[str, tuple[str, str]] = {}
        """By uid: the digest, and how the gate was seen to be open."""
        self._compared: dict[str, str] = {}
        """By uid of a TiKVCluster: the mark of the gate that its proposals were judged by."""

    def cast(self, opening: str) -> None:
        """Doubt every unfinished proposal as it is known now."""
        self._cast(self._world.unfinished_proposals, opening)

    def compare(self, mark: str) -> None:
        """Doubt what was asked under another installation of the gate than the one that stands.

        ``status.gate`` of the TiKVCluster says which that was: the gate may have been away while
        nobody led, and whoever forged something then knew the digest to quote.
        """
        clusters = self._world.clusters
        for cluster in clusters:
            # Either will do: the note is a cycle behind, and what this process compared by may be a
            # term behind, in which another leader has asked anew. No mark ever comes back.
            if mark not in (cluster.status.gate, self._compared.get(cluster.meta.uid)):
                self._cast(self._world.unfinished_proposals_of(cluster), MADE_ANEW)
        self._compared = {cluster.meta.uid: mark for cluster in clusters}

    def settled(self, cluster: Cluster) -> bool:
        """Return whether nothing of the cluster that people still decide on is in doubt."""
        return not any(
            self._doubted.get(item.meta.uid, (None, None))[0] == item.status.digest
            for item in self._world.unfinished_proposals_of(cluster)
            if item.status.digest is not None and item.status.phase in OPEN
        )

    def about(self, proposal: Proposal) -> str | None:
        """Return how the gate was seen to be open under the proposal's digest, None if not."""
        digest, opening = self._doubted.get(proposal.meta.uid, (None, None))
        if digest is None or digest == proposal.status.digest:
            return opening
        del self._doubted[proposal.meta.uid]
        return None

    def _cast(self, proposals: Iterable[Proposal], opening: str) -> None:
        known = {item.meta.uid for item in self._world.unfinished_proposals}
        self._doubted = {uid: held for uid, held in self._doubted.items() if uid in known}
        for item in proposals:
            if item.status.digest is not None:
                self._doubted[item.meta.uid] = (item.status.digest, opening)
