"""AddPeer: one more voter of a region on a store."""

from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.region import AddPeer
from assent.core.actions.action import Manual
from assent.core.actions.adding import UNCHECKED_BY_PD, AddingAction
from assent.core.actions.operator_time import (
    LARGEST_REGION_MIB,
    MARGIN_SECONDS,
    add_peer_seconds,
)
from assent.core.model.snapshot import PeerRole


class AddPeerAction(AddingAction[AddPeer]):
    """POST /operators add-peer (pd-api.md 1.5): a learner first, promoted once it has caught up.

    Only where the placement rules have room: every voter beyond them is removed by PD (P21).
    """

    type = ActionType.ADD_PEER
    role = PeerRole.VOTER
    operator = "add-peer"
    timeout_seconds = add_peer_seconds(LARGEST_REGION_MIB) + MARGIN_SECONDS
    manual = Manual(
        endpoint="POST /pd/api/v1/operators (add-peer)",
        example=AddPeer(region_id=17, store_id=5),
        timeout_reason=(
            "PD gives up after 11 min up to 100 MiB, after 16 min at 144 MiB, the largest region "
            "of v8.1 (P22); a minute more for seeing the end"
        ),
        unchecked_by_pd=UNCHECKED_BY_PD,
    )

    def pd_seconds(self, size_mib: int) -> int:
        """Return PD's timeout for a region of that size."""
        return add_peer_seconds(size_mib)
