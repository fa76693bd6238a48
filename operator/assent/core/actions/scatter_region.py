"""ScatterRegion: PD places the peers and the leader of one region anew."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.region import ScatterRegion
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks, region_health
from assent.core.actions.action import (
    Idempotency,
    Manual,
    Progress,
    Reversibility,
    Verification,
)
from assent.core.actions.key_range import as_fact
from assent.core.actions.on_region import (
    RegionAction,
    operator_call,
    outcome_note,
)
from assent.core.actions.peer_checks import region_part
from assent.core.model.call import PdCall
from assent.core.model.reading import Reading
from assent.core.model.snapshot import ClusterSnapshot, Region
from assent.core.model.verdict import Allow, Check, Verdict, Warn

LAYOUT = "layout"


class ScatterRegionAction(RegionAction[ScatterRegion]):
    """POST /operators scatter-region (pd-api.md 1.5). PD answers "created" also when it found
    nothing to move, and then there is no operator (P06): only the region's layout is believed.
    One that did not move ends as NoEffect, which says "it lies well" and "nothing came of it"
    alike; PD tells the two apart nowhere.
    """

    type = ActionType.SCATTER_REGION
    base_tier = Tier.MEDIUM
    reversibility = Reversibility.NOT
    """Peers that moved are new peers: moving them back is another action for each."""
    idempotency = Idempotency.NEVER_REPEAT
    """A repeat scatters again."""
    timeout_seconds = 120
    """For the first sign of it. PD's own time for all steps is up to 18 min a peer, but a step
    shows within seconds, and while it shows the rest is PD's work."""
    goal_required = False
    readings = frozenset({Reading.PLACEMENT, Reading.REPLICATION, Reading.REGION_LABELS})
    manual = Manual(
        endpoint="POST /pd/api/v1/operators (scatter-region)",
        example=ScatterRegion(region_id=17),
        timeout_reason="for the first step to show, which takes seconds; the rest, up to 18 min a"
        " peer, is PD's work",
        unchecked_by_pd=(
            "whether anything needs to move: without it PD says yes and does nothing (P06)",
            "balance may move peers and leaders again afterwards (P21)",
        ),
    )

    def sentence(self, params: ScatterRegion) -> str:
        """Return what it does in one line."""
        return f"let PD place the peers and the leader of region {params.region_id} anew"

    def pd_ctl(self, params: ScatterRegion) -> str:
        """Return the equivalent pd-ctl line."""
        return f"pd-ctl operator add scatter-region {params.region_id}"

    def risk(self, params: ScatterRegion, snapshot: ClusterSnapshot) -> Risk:
        """Return Medium, always: the data of one region moves to where PD chooses."""
        region = snapshot.regions.get(params.region_id)
        size = "of unknown size" if region is None else f"of about {region.size_mib} MiB"
        return Risk(tier=self.base_tier, factors=[f"moves peers of one region {size}"])

    def preconditions(self, params: ScatterRegion, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return whether the region is whole and at rest, whether scheduling is neither halted nor
        denied, and whether there is room to move.
        """
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        found = region_part(params.region_id, snapshot)
        region = snapshot.regions.get(params.region_id)
        if region is None:
            return found
        return (
            *found,
            Check("PeersInStep", region_health.in_step(region)),
            Check("RegionReplicated", region_health.replicated(region, snapshot)),
            Check("RoomToMove", _room_to_move(region, snapshot)),
        )

    def already_done(self, params: ScatterRegion, snapshot: ClusterSnapshot) -> bool:
        """Return False, always: only PD knows what it finds well placed."""
        return False

    def call(self, params: ScatterRegion) -> PdCall:
        """Return the one call to PD: of this region, never of a range (P07)."""
        return operator_call("scatter-region", {"region_id": params.region_id})

    def before(self, params: ScatterRegion, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return where the peers are, in which role, and which leads; nothing when PD does not
        know the region.
        """
        region = snapshot.regions.get(params.region_id)
        return () if region is None else (Fact(name=LAYOUT, value=as_fact(_layout(region))),)

    def verify(
        self, params: ScatterRegion, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SEEN once a peer or the leader has moved, SETTLED once it is at rest after it."""
        after = self.before(params, snapshot)
        region = snapshot.regions.get(params.region_id)
        if region is None or not before:
            message = f"PD does not show region {params.region_id}"
            return Verification(Progress.NOT_SEEN, message, after)
        note = outcome_note(region.id, snapshot)
        if after == tuple(before):
            message = f"region {region.id} lies as before ({_layout(region)}){note}"
            if not _runs(region, snapshot):
                # Whatever ended last may be older than the call: PD remembers it for ten minutes.
                message += "; PD may have found nothing to move (P06)"
            return Verification(Progress.NOT_SEEN, message, after)
        moved = f"region {region.id} moved from {before[0].value} to {_layout(region)}"
        if region.in_joint_state or region.pending_store_ids or _runs(region, snapshot):
            return Verification(Progress.SEEN, f"{moved}, and still moves{note}", after)
        return Verification(Progress.SETTLED, moved, after)

    def unchanged(
        self, params: ScatterRegion, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while the region lies as it did."""
        return len(before) > 0 and self.before(params, snapshot) == tuple(before)

    def inverse(self, params: ScatterRegion, before: Sequence[Fact]) -> PdCall | None:
        """Return None: each peer that moved would need a move of its own."""
        return None


def _layout(region: Region) -> str:
    """Return the peers by store, such as ``1 Voter leads, 2 Voter, 4 Learner``."""
    words = []
    for peer in sorted(region.peers, key=lambda peer: peer.store_id):
        leads = " leads" if peer.store_id == region.leader_store_id else ""
        words.append(f"{peer.store_id} {peer.role.value}{leads}")
    return ", ".join(words)


def _runs(region: Region, snapshot: ClusterSnapshot) -> bool:
    return region.id in snapshot.running_operators


def _room_to_move(region: Region, snapshot: ClusterSnapshot) -> Verdict:
    taken = {peer.store_id for peer in region.peers}
    free = [store for store in snapshot.stores if store.is_healthy and not store.is_tiflash]
    if all(store.id in taken for store in free):
        return Warn(f"no other store could take a peer of region {region.id}: only leaders move")
    return Allow("another store could take a peer")
