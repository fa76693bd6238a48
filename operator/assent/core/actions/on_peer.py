"""What the actions that add, remove and move peers share: what they capture, by what they are
undone, and how they tell that PD took the change back.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TypeVar

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.targets import OfRegion
from assent.core.actions.action import Scope
from assent.core.actions.on_region import (
    RegionAction,
    operator_call,
    outcome_note,
)
from assent.core.model.call import PdCall
from assent.core.model.reading import Reading
from assent.core.model.snapshot import ClusterSnapshot, Peer, PeerRole

R = TypeVar("R", bound=OfRegion)

LEADER = "leaderStoreId"
EPOCH = "epoch"
NONE = "none"


class PeerAction(RegionAction[R]):
    """An action that changes which stores hold peers of one region."""

    readings = frozenset({Reading.REPLICATION, Reading.PLACEMENT, Reading.REGION_LABELS})

    @abstractmethod
    def touched(self, params: R) -> tuple[int, ...]:
        """Return the stores on which a peer comes or goes, the one that loses its peer first."""

    def scope(self, params: R) -> Scope:
        """Return the region and the stores on which a peer comes or goes."""
        return Scope(frozenset(self.touched(params)), frozenset({params.region_id}))

    def before(self, params: R, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return the peers on the stores it touches, the leader and the epoch; nothing when PD
        does not know the region.
        """
        region = snapshot.regions.get(params.region_id)
        if region is None:
            return ()
        peers = ((store_id, region.peer_on(store_id)) for store_id in self.touched(params))
        return (
            *(Fact(name=_name(store_id), value=_value(peer)) for store_id, peer in peers),
            Fact(name=LEADER, value=str(region.leader_store_id or NONE)),
            Fact(name=EPOCH, value=region.epoch),
        )

    def unchanged(self, params: R, before: Sequence[Fact], snapshot: ClusterSnapshot) -> bool:
        """Return True while the stores it touches hold peers in the captured roles, and the
        former leader leads if its peer was the one to go.

        The number of a peer and the region's epoch are PD's to give: they differ for ever after.
        """
        region = snapshot.regions.get(params.region_id)
        if region is None or not before:
            return False
        for store_id in self.touched(params):
            peer = region.peer_on(store_id)
            if captured_role(before, store_id) != (peer.role if peer else None):
                return False
        led = leader_to_restore(before, self.touched(params)[0])
        return led is None or region.leader_store_id == led


def captured_role(before: Sequence[Fact], store_id: int) -> PeerRole | None:
    """Return the role that was captured for the store, None for no peer (or nothing captured)."""
    words = _captured(before, store_id).split()
    return PeerRole(words[0]) if len(words) == 2 else None


def leader_to_restore(before: Sequence[Fact], store_id: int) -> int | None:
    """Return the store when it led the region before, None when another did."""
    led = next((fact.value for fact in before if fact.name == LEADER), NONE)
    return store_id if led == str(store_id) else None


def leader_back(
    region_id: int, before: Sequence[Fact], store_id: int, snapshot: ClusterSnapshot
) -> PdCall | None:
    """Return the transfer that gives the store its leadership back, once its peer is back and PD
    is done with the region; None as long as there is nothing to do.
    """
    region = snapshot.regions.get(region_id)
    if region is None or leader_to_restore(before, store_id) is None:
        return None
    peer = region.peer_on(store_id)
    if peer is None or peer.role is not PeerRole.VOTER or store_id in region.pending_store_ids:
        return None
    if region.leader_store_id in (None, store_id) or region_id in snapshot.running_operators:
        return None
    return operator_call("transfer-leader", {"region_id": region_id, "to_store_id": store_id})


def undone_note(
    region_id: int, store_id: int, before: Sequence[Fact], snapshot: ClusterSnapshot
) -> str:
    """Return what shows that PD took the change back (P21), and what it remembers (P23)."""
    region = snapshot.regions.get(region_id)
    if region is None:
        return ""
    peer, then = region.peer_on(store_id), _captured(before, store_id)
    note = ""
    if peer is not None and then != NONE and then.split()[-1] != str(peer.id):
        note = (
            f"; it was removed, and PD's rule checker has put peer {peer.id} there again (P21): "
            "its placement rules want one"
        )
    elif peer is None and then == NONE and _captured_epoch(before) not in ("", region.epoch):
        note = (
            f"; the epoch has moved from {_captured_epoch(before)} to {region.epoch}: PD's rule "
            "checker may have taken it away again (P21)"
        )
    return note + outcome_note(region_id, snapshot)


def _captured(before: Sequence[Fact], store_id: int) -> str:
    return next((fact.value for fact in before if fact.name == _name(store_id)), NONE)


def _captured_epoch(before: Sequence[Fact]) -> str:
    return next((fact.value for fact in before if fact.name == EPOCH), "")


def _name(store_id: int) -> str:
    return f"peerOnStore/{store_id}"


def _value(peer: Peer | None) -> str:
    return NONE if peer is None else f"{peer.role} {peer.id}"
