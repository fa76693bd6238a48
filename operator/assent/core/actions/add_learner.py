"""AddLearner: one more replica of a region on a store, without a vote."""

from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.region import AddLearner
from assent.core.actions.action import Manual
from assent.core.actions.adding import UNCHECKED_BY_PD, AddingAction
from assent.core.actions.operator_time import (
    LARGEST_REGION_MIB,
    MARGIN_SECONDS,
    add_learner_seconds,
)
from assent.core.model.snapshot import PeerRole


class AddLearnerAction(AddingAction[AddLearner]):
    """POST /operators add-learner (pd-api.md 1.5); TiFlash stores hold nothing else.

    Only where a placement rule wants a learner: elsewhere PD would promote or remove it (P21).
    """

    type = ActionType.ADD_LEARNER
    role = PeerRole.LEARNER
    operator = "add-learner"
    timeout_seconds = add_learner_seconds(LARGEST_REGION_MIB) + MARGIN_SECONDS
    manual = Manual(
        endpoint="POST /pd/api/v1/operators (add-learner)",
        example=AddLearner(region_id=17, store_id=7),
        timeout_reason=(
            "PD gives up after 10 min up to 100 MiB, after 15 min at 144 MiB, the largest region "
            "of v8.1 (P22); a minute more for seeing the end"
        ),
        unchecked_by_pd=UNCHECKED_BY_PD,
    )

    def pd_seconds(self, size_mib: int) -> int:
        """Return PD's timeout for a region of that size."""
        return add_learner_seconds(size_mib)
