"""AddScheduler: let one of PD's schedulers run, also one that somebody removed."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.scheduling import AddScheduler, SchedulerName
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks, on_scheduler
from assent.core.actions.action import (
    Idempotency,
    Manual,
    Progress,
    Reversibility,
    Verification,
)
from assent.core.actions.on_scheduler import SchedulerAction
from assent.core.model.call import PdCall
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Allow, Check, Hold

OPPOSITES = {SchedulerName.BALANCE_HOT_REGION: "grant-hot-region-scheduler"}
"""Schedulers that undo each other; from v8.5 PD refuses the second itself (pd-api.md 6)."""


class AddSchedulerAction(SchedulerAction[AddScheduler]):
    """POST /schedulers (pd-api.md 1.6) for a scheduler without arguments."""

    type = ActionType.ADD_SCHEDULER
    base_tier = Tier.MEDIUM
    reversibility = Reversibility.FULLY
    idempotency = Idempotency.REFUSED_ON_REPEAT
    timeout_seconds = None
    """PD has none: it is listed at once."""
    goal_required = False

    manual = Manual(
        endpoint="POST /pd/api/v1/schedulers",
        example=AddScheduler(name=SchedulerName.BALANCE_LEADER),
        timeout_reason="PD has none: the scheduler is listed at once; actionTimeout rules",
        unchecked_by_pd=(
            "before v8.5 balance-hot-region beside grant-hot-region, which undo each other",
        ),
    )

    def sentence(self, params: AddScheduler) -> str:
        """Return what it does in one line."""
        return f"let PD run {params.name}"

    def pd_ctl(self, params: AddScheduler) -> str:
        """Return the equivalent pd-ctl line."""
        return f"pd-ctl scheduler add {params.name}"

    def risk(self, params: AddScheduler, snapshot: ClusterSnapshot) -> Risk:
        """Return Medium: PD begins to move data or leaders by itself."""
        return Risk(tier=self.base_tier, factors=[f"PD schedules by {params.name} from then on"])

    def preconditions(self, params: AddScheduler, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return whether nothing runs that works against it."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        return (checks.prepared(), _unopposed(params, snapshot))

    def already_done(self, params: AddScheduler, snapshot: ClusterSnapshot) -> bool:
        """Return True when PD lists it."""
        return on_scheduler.listed(params.name, snapshot)

    def call(self, params: AddScheduler) -> PdCall:
        """Return the one call to PD."""
        return on_scheduler.add(params.name)

    def before(self, params: AddScheduler, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return whether PD lists it, and whether its configuration has it disabled."""
        return on_scheduler.running_facts(params.name, snapshot)

    def verify(
        self, params: AddScheduler, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SETTLED once PD lists it."""
        after = self.before(params, snapshot)
        if self.already_done(params, snapshot):
            return Verification(Progress.SETTLED, f"PD runs {params.name}", after)
        return Verification(Progress.NOT_SEEN, f"PD lists no {params.name}", after)

    def unchanged(
        self, params: AddScheduler, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while PD does not run it, as captured; never while it is not prepared."""
        return snapshot.prepared and self.before(params, snapshot) == tuple(before)

    def inverse(self, params: AddScheduler, before: Sequence[Fact]) -> PdCall | None:
        """Return the call that removes it again; None when it ran before."""
        if on_scheduler.captured(before, on_scheduler.LISTED) != "false":
            return None
        return on_scheduler.remove(params.name)


def _unopposed(params: AddScheduler, snapshot: ClusterSnapshot) -> Check:
    name = "SchedulerUnopposed"
    opposite = OPPOSITES.get(params.name)
    if opposite is not None and opposite in snapshot.schedulers:
        message = f"PD runs {opposite}, which undoes what {params.name} does"
        return Check(name, Hold("SchedulerOpposed", message))
    return Check(name, Allow(f"nothing works against {params.name}"))
