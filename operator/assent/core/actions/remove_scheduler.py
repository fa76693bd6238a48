"""RemoveScheduler: stop one of PD's schedulers until somebody adds it again."""

from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Fact, Risk
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.scheduling import RemoveScheduler, SchedulerName
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

BALANCE = frozenset({SchedulerName.BALANCE_LEADER, SchedulerName.BALANCE_REGION})
"""Without these nothing spreads leaders and data, and nothing says so."""


class RemoveSchedulerAction(SchedulerAction[RemoveScheduler]):
    """DELETE /schedulers/{name} (pd-api.md 1.6), never for evict-leader-scheduler (P29).

    PD disables its default schedulers and erases the others. What was set in the scheduler's own
    configuration is deleted with it (Controller.RemoveScheduler), so the way back is to PD's
    defaults: PARTLY. The way to stop one for a while is PauseScheduler.
    """

    type = ActionType.REMOVE_SCHEDULER
    base_tier = Tier.MEDIUM
    reversibility = Reversibility.PARTLY
    idempotency = Idempotency.REFUSED_ON_REPEAT
    timeout_seconds = None
    """PD has none: it is gone from the list at once."""
    goal_required = False

    manual = Manual(
        endpoint="DELETE /pd/api/v1/schedulers/{name}",
        example=RemoveScheduler(name=SchedulerName.BALANCE_HOT_REGION),
        timeout_reason="PD has none: the scheduler is gone at once; actionTimeout rules",
        raised_by=("High for balance-leader-scheduler and balance-region-scheduler",),
        unchecked_by_pd=(
            "the scheduler's own configuration is deleted: added again, it has PD's defaults",
            "evict-slow-store-scheduler lets go of the store that it evicts",
            "with none left PD looks as if it were not prepared",
        ),
    )

    def sentence(self, params: RemoveScheduler) -> str:
        """Return what it does in one line."""
        return f"let PD no longer run {params.name}"

    def pd_ctl(self, params: RemoveScheduler) -> str:
        """Return the equivalent pd-ctl line."""
        return f"pd-ctl scheduler remove {params.name}"

    def risk(self, params: RemoveScheduler, snapshot: ClusterSnapshot) -> Risk:
        """Return Medium; High for those without which leaders or data pile up."""
        factors = ["what was set in the scheduler's own configuration is lost"]
        if params.name in BALANCE:
            factors.insert(0, f"without {params.name} load piles up, and nothing reports it")
            return Risk(tier=Tier.HIGH, factors=factors)
        return Risk(tier=self.base_tier, factors=factors)

    def preconditions(self, params: RemoveScheduler, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return whether others are left, and no pause would be lost with it."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        return (
            checks.prepared(),
            _others_left(params, snapshot),
            on_scheduler.pauses_known(snapshot),
            _no_pause_lost(params, snapshot),
        )

    def already_done(self, params: RemoveScheduler, snapshot: ClusterSnapshot) -> bool:
        """Return True when PD certainly does not run it."""
        return on_scheduler.removed(params.name, snapshot)

    def call(self, params: RemoveScheduler) -> PdCall:
        """Return the one call to PD."""
        return on_scheduler.remove(params.name)

    def before(self, params: RemoveScheduler, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return whether PD lists it, and whether its configuration has it disabled."""
        return on_scheduler.running_facts(params.name, snapshot)

    def verify(
        self, params: RemoveScheduler, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SETTLED once PD lists it no more, and its configuration says the same."""
        after = self.before(params, snapshot)
        if self.already_done(params, snapshot):
            return Verification(Progress.SETTLED, f"PD no longer runs {params.name}", after)
        return Verification(Progress.NOT_SEEN, f"PD has not removed {params.name}", after)

    def unchanged(
        self, params: RemoveScheduler, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while PD runs it, as captured."""
        return snapshot.prepared and self.before(params, snapshot) == tuple(before)

    def inverse(self, params: RemoveScheduler, before: Sequence[Fact]) -> PdCall | None:
        """Return the call that adds it again, with PD's defaults; None when it did not run."""
        if on_scheduler.captured(before, on_scheduler.LISTED) != "true":
            return None
        return on_scheduler.add(params.name)


def _others_left(params: RemoveScheduler, snapshot: ClusterSnapshot) -> Check:
    """Return whether PD would still list a scheduler: by that it is known to be prepared (P48).

    The eviction does not count: it may end at any time, and alone it proves nothing (P31).
    """
    name = "OthersLeft"
    gone = (params.name, checks.EVICT_LEADER)
    others = len([one for one in snapshot.schedulers if one not in gone])
    if others == 0:
        message = f"PD would run none without {params.name}, and look as if it were not prepared"
        return Check(name, Hold("LastScheduler", message))
    return Check(name, Allow(f"PD runs {others} others"))


def _no_pause_lost(params: RemoveScheduler, snapshot: ClusterSnapshot) -> Check:
    name = "NotPaused"
    until = on_scheduler.paused_until(params.name, snapshot)
    if until is not None:
        message = (
            f"{params.name} is paused until {on_scheduler.instant(until)}: that would be lost, and"
            " could not be put back"
        )
        return Check(name, Hold("SchedulerPaused", message, until))
    return Check(name, Allow(f"{params.name} is not paused"))
