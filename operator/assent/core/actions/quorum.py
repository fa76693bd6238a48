"""How many replicas of a region live, and how many may be lost: arithmetic, no opinion.

PD counts none of this before it removes a peer (P20), so it is counted here. A replica counts as
healthy only while everything says so: PD lists its store as Up with a heartbeat, and its leader
reports it neither down nor pending. Whatever is not known counts as unhealthy.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from assent.core.model.snapshot import ClusterSnapshot, PeerRole, Region, StoreState

_OLD = frozenset({PeerRole.VOTER, PeerRole.DEMOTING_VOTER})
_NEW = frozenset({PeerRole.VOTER, PeerRole.INCOMING_VOTER})


def quorum(voters: int) -> int:
    """Return how many of that many voters a Raft group needs to decide anything: more than half.

    1 for no voters at all, so that an empty group never has a quorum.

    Raises:
        ValueError: for a negative number.
    """
    if voters < 0:
        raise ValueError(f"there cannot be {voters} voters")
    return voters // 2 + 1


@dataclass(frozen=True, slots=True)
class Replica:
    """One peer and what is wrong with it."""

    store_id: int
    role: PeerRole
    trouble: str | None = None
    """Why it does not count as healthy, such as ``store 3 is Down``; None when it does."""

    @property
    def votes(self) -> bool:
        """True for every role but the learner's, the two joint ones included."""
        return self.role is not PeerRole.LEARNER


@dataclass(frozen=True, slots=True)
class Replicas:
    """The replicas of one region."""

    all: tuple[Replica, ...]

    @property
    def voters(self) -> int:
        """How many vote, healthy or not."""
        return sum(one.votes for one in self.all)

    @property
    def healthy_voters(self) -> int:
        """How many vote and are healthy."""
        return sum(one.votes and one.trouble is None for one in self.all)

    @property
    def learners(self) -> int:
        """How many do not vote, healthy or not."""
        return len(self.all) - self.voters

    @property
    def healthy_learners(self) -> int:
        """How many do not vote and are healthy."""
        return sum(not one.votes and one.trouble is None for one in self.all)

    @property
    def failures_to_spare(self) -> int:
        """How many more healthy voters may fail before the quorum is lost; below 0 when it is.

        In a joint state two majorities are needed, the old members' and the new ones' (P43), and
        the poorer one counts.
        """
        return min(_spare(self.all, _OLD), _spare(self.all, _NEW))

    @property
    def has_quorum(self) -> bool:
        """True while healthy voters alone can decide."""
        return self.failures_to_spare >= 0

    @property
    def unhealthy(self) -> tuple[Replica, ...]:
        """Those that something is wrong with."""
        return tuple(one for one in self.all if one.trouble is not None)

    def without(self, store_id: int) -> "Replicas":
        """Return the same without the replica on that store; unchanged when there is none."""
        return replace(self, all=tuple(one for one in self.all if one.store_id != store_id))

    def plus(self, added: Replica) -> "Replicas":
        """Return the same with one more replica.

        Raises:
            ValueError: its store already holds one.
        """
        if any(one.store_id == added.store_id for one in self.all):
            raise ValueError(f"store {added.store_id} already holds a replica")
        return replace(self, all=(*self.all, added))

    @property
    def sentence(self) -> str:
        """Say it in numbers, such as ``2 of 3 voters are healthy (store 3 is Down)``."""
        text = f"{self.healthy_voters} of {self.voters} voters are healthy"
        if self.learners:
            text += f", and {self.healthy_learners} of {self.learners} learners"
        troubles = sorted({one.trouble for one in self.all if one.trouble is not None})
        return f"{text} ({'; '.join(troubles[:5])})" if troubles else text


def replicas_of(region: Region, snapshot: ClusterSnapshot) -> Replicas:
    """Return the region's replicas, each judged by its store and by its leader's report."""
    return Replicas(
        tuple(
            Replica(peer.store_id, peer.role, _trouble(peer.store_id, region, snapshot))
            for peer in region.peers
        )
    )


def _trouble(store_id: int, region: Region, snapshot: ClusterSnapshot) -> str | None:
    store = snapshot.store(store_id)
    if store is None:
        return f"PD lists no store {store_id}"
    if store.state is not StoreState.UP:
        return f"store {store_id} is {store.state}"
    if not store.is_healthy:
        return f"store {store_id} has sent no heartbeat"
    if store_id in region.down_store_ids:
        return f"the peer on store {store_id} is down"
    if store_id in region.pending_store_ids:
        return f"the peer on store {store_id} is pending"
    return None


def _spare(replicas: Iterable[Replica], members: frozenset[PeerRole]) -> int:
    group = [one for one in replicas if one.role in members]
    return sum(one.trouble is None for one in group) - quorum(len(group))
