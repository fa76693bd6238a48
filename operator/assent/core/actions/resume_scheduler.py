"""ResumeScheduler: end the pause of one of PD's schedulers."""

from collections.abc import Sequence
from datetime import timedelta

from assent.api.v1alpha1.actionproposal import Fact, Risk
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.scheduling import ResumeScheduler, SchedulerName
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks, on_scheduler
from assent.core.actions.action import (
    Idempotency,
    Manual,
    Progress,
    Reversibility,
    Verification,
)
from assent.core.actions.on_scheduler import SchedulerAction, instant
from assent.core.model.call import PdCall
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Allow, Check, Verdict, Warn

TOOL_SECONDS = 600
"""BR and Lightning pause several schedulers at once, for minutes, and pause them again before the
time is over (pd-api.md 1.6)."""

_ONE_SECOND = timedelta(seconds=1)


class ResumeSchedulerAction(SchedulerAction[ResumeScheduler]):
    """POST /schedulers/{name} with delay 0 (pd-api.md 1.6), never for ``all``.

    Undone by a pause for what was left when it was read.
    """

    type = ActionType.RESUME_SCHEDULER
    base_tier = Tier.MEDIUM
    reversibility = Reversibility.FULLY
    idempotency = Idempotency.ABSOLUTE
    timeout_seconds = None
    """PD has none: the pause is gone at once."""
    goal_required = False
    ends = frozenset({ActionType.PAUSE_SCHEDULER})

    manual = Manual(
        endpoint="POST /pd/api/v1/schedulers/{name}",
        example=ResumeScheduler(name=SchedulerName.BALANCE_LEADER),
        timeout_reason="PD has none: the pause is gone at once; actionTimeout rules",
        unchecked_by_pd=("whoever paused it is not asked; BR and Lightning pause it again",),
    )

    def sentence(self, params: ResumeScheduler) -> str:
        """Return what it does in one line."""
        return f"resume {params.name}"

    def pd_ctl(self, params: ResumeScheduler) -> str:
        """Return the equivalent pd-ctl line."""
        return f"pd-ctl scheduler resume {params.name}"

    def risk(self, params: ResumeScheduler, snapshot: ClusterSnapshot) -> Risk:
        """Return Medium: somebody paused it for a reason that PD does not tell."""
        until = on_scheduler.paused_until(params.name, snapshot)
        factor = "it is not paused" if until is None else f"it is paused until {instant(until)}"
        return Risk(tier=self.base_tier, factors=[f"{factor}; who paused it is not known to PD"])

    def preconditions(self, params: ResumeScheduler, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return whether PD runs it, whether pauses are known, and whose pause it may be."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        return (
            checks.prepared(),
            on_scheduler.scheduler_listed(params.name, snapshot),
            on_scheduler.pauses_known(snapshot),
            Check("NoToolPausesIt", _tool(params, snapshot)),
        )

    def already_done(self, params: ResumeScheduler, snapshot: ClusterSnapshot) -> bool:
        """Return True when PD runs it and it is not paused."""
        return (
            snapshot.prepared
            and snapshot.paused_schedulers is not None
            and on_scheduler.listed(params.name, snapshot)
            and on_scheduler.paused_until(params.name, snapshot) is None
        )

    def call(self, params: ResumeScheduler) -> PdCall:
        """Return the one call to PD."""
        return on_scheduler.resume(params.name)

    def before(self, params: ResumeScheduler, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return until when it is paused and what is left of that; nothing when not read."""
        return on_scheduler.pause_facts(params.name, snapshot)

    def verify(
        self, params: ResumeScheduler, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SETTLED once it is not paused."""
        after = self.before(params, snapshot)
        if self.already_done(params, snapshot):
            message = f"{params.name} is not paused{on_scheduler.forgotten(before, snapshot)}"
            return Verification(Progress.SETTLED, message, after)
        until = on_scheduler.paused_until(params.name, snapshot)
        shown = "not read" if until is None else f"until {instant(until)}"
        return Verification(Progress.NOT_SEEN, f"{params.name} is paused: {shown}", after)

    def unchanged(
        self, params: ResumeScheduler, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while it is paused at least until the captured moment.

        Later is as before, too: the pause that ``inverse`` sets begins anew when it is sent.
        """
        was = on_scheduler.captured_instant(before, on_scheduler.PAUSED_UNTIL)
        until = on_scheduler.paused_until(params.name, snapshot)
        if not snapshot.prepared or was is None or until is None:
            return False
        return until >= was - _ONE_SECOND

    def inverse(self, params: ResumeScheduler, before: Sequence[Fact]) -> PdCall | None:
        """Return the call that pauses it for what was left; None when it was not paused."""
        left = on_scheduler.captured(before, on_scheduler.PAUSE_LEFT)
        return None if left is None else on_scheduler.pause(params.name, int(left))


def _tool(params: ResumeScheduler, snapshot: ClusterSnapshot) -> Verdict:
    """Return a warning when the pause looks like that of BR or Lightning."""
    soon = snapshot.taken_at + timedelta(seconds=TOOL_SECONDS)
    names = sorted(
        name
        for name, until in (snapshot.paused_schedulers or {}).items()
        if snapshot.taken_at < until <= soon
    )
    if params.name in names and len(names) > 1:
        return Warn(
            f"{len(names)} schedulers are paused for minutes ({', '.join(names)}): BR and Lightning"
            " do that, and would pause them again"
        )
    return Allow("it does not look like a pause of BR or Lightning")
