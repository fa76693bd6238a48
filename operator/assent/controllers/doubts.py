"""What nobody can be believed about: approvals that stood while the approval gate was open."""

from assent.controllers.world import World
from assent.core.model.resource import Proposal


class Doubts:
    """The digests that people could quote while the gate was seen to be open.

    A doubt lasts until its proposal has another digest, or none: what was said meanwhile is then
    void. That the gate stands again does not end it, for the forger's own write may have outrun
    the one that takes the digest away.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._doubted: dict[str, tuple[str, str]] = {}
        """By uid: the digest, and how the gate was seen to be open."""

    def cast(self, opening: str) -> None:
        """Doubt every unfinished proposal as it is known now."""
        unfinished = self._world.unfinished_proposals
        known = {item.meta.uid for item in unfinished}
        self._doubted = {uid: held for uid, held in self._doubted.items() if uid in known}
        for item in unfinished:
            if item.status.digest is not None:
                self._doubted[item.meta.uid] = (item.status.digest, opening)

    def about(self, proposal: Proposal) -> str | None:
        """Return how the gate was seen to be open under the proposal's digest, None if not."""
        digest, opening = self._doubted.get(proposal.meta.uid, (None, None))
        if digest is None or digest == proposal.status.digest:
            return opening
        del self._doubted[proposal.meta.uid]
        return None
