"""PauseScheduler: stop one of PD's schedulers for a while, by PD's own clock."""

from collections.abc import Sequence
from datetime import timedelta

from assent.api.v1alpha1.actionproposal import Fact, Risk
from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.parameters.scheduling import PauseScheduler, SchedulerName
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions import checks, on_scheduler
from assent.core.actions.action import (
    Idempotency,
    Manual,
    Progress,
    Reversibility,
    Verification,
)
from assent.core.actions.on_scheduler import SchedulerAction, instant, lasts
from assent.core.model.call import PdCall
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.verdict import Allow, Check, Hold

LONG_SECONDS = 3600
"""A longer pause is Medium: by then leaders or data may have piled up."""

SENDING_SECONDS = 120
"""A pause that ends later than the asked time after its facts were read, by more than this, is
somebody else's: between reading and PD's clock lie the call and the skew of two clocks."""


class PauseSchedulerAction(SchedulerAction[PauseScheduler]):
    """POST /schedulers/{name} with a delay (pd-api.md 1.6), never for ``all``.

    The pause is in the PD leader's memory: a change of leader ends it (P32). It ends by itself
    otherwise, as a lever should (P52).
    """

    type = ActionType.PAUSE_SCHEDULER
    base_tier = Tier.LOW
    reversibility = Reversibility.FULLY
    idempotency = Idempotency.ABSOLUTE
    timeout_seconds = None
    """PD has none: the pause shows at once."""
    goal_required = False

    manual = Manual(
        endpoint="POST /pd/api/v1/schedulers/{name}",
        example=PauseScheduler(name=SchedulerName.BALANCE_REGION, seconds=1800),
        timeout_reason="PD has none: the pause shows at once; actionTimeout rules",
        raised_by=("Medium when longer than an hour",),
        unchecked_by_pd=(
            "a change of PD's leader ends the pause early, and nothing says so (P32)",
            "a pause by somebody else would be overwritten",
        ),
    )

    def sentence(self, params: PauseScheduler) -> str:
        """Return what it does in one line."""
        return f"pause {params.name} for {lasts(params.seconds)} h, or until PD changes its leader"

    def pd_ctl(self, params: PauseScheduler) -> str:
        """Return the equivalent pd-ctl line."""
        return f"pd-ctl scheduler pause {params.name} {params.seconds}"

    def risk(self, params: PauseScheduler, snapshot: ClusterSnapshot) -> Risk:
        """Return Low, for it ends by itself; Medium when that is long."""
        factor = f"{params.name} stands still for {lasts(params.seconds)} h, then PD resumes it"
        tier = Tier.MEDIUM if params.seconds > LONG_SECONDS else self.base_tier
        return Risk(tier=tier, factors=[factor])

    def preconditions(self, params: PauseScheduler, snapshot: ClusterSnapshot) -> Sequence[Check]:
        """Return whether PD runs it, and nobody else has paused it."""
        if (waiting := checks.not_prepared(snapshot)) is not None:
            return (waiting,)
        return (
            checks.prepared(),
            on_scheduler.scheduler_listed(params.name, snapshot),
            on_scheduler.pauses_known(snapshot),
            self._nobody_elses(params, snapshot),
        )

    def already_done(self, params: PauseScheduler, snapshot: ClusterSnapshot) -> bool:
        """Return True when it is paused for at least as long."""
        until = on_scheduler.paused_until(params.name, snapshot)
        return until is not None and until >= snapshot.taken_at + timedelta(seconds=params.seconds)

    def call(self, params: PauseScheduler) -> PdCall:
        """Return the one call to PD."""
        return on_scheduler.pause(params.name, params.seconds)

    def before(self, params: PauseScheduler, snapshot: ClusterSnapshot) -> tuple[Fact, ...]:
        """Return the pause as it is, and in which leader's memory; nothing when not read."""
        return on_scheduler.pause_facts(params.name, snapshot)

    def verify(
        self, params: PauseScheduler, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> Verification:
        """Return SETTLED while it is paused as asked; NOT_SEEN also for somebody's longer pause,
        so that it is never taken back as ours.
        """
        after = self.before(params, snapshot)
        until = on_scheduler.paused_until(params.name, snapshot)
        if until is None:
            message = f"{params.name} is not paused{on_scheduler.forgotten(before, snapshot)}"
            return Verification(Progress.NOT_SEEN, message, after)
        read_at = on_scheduler.captured_instant(before, on_scheduler.READ_AT)
        longest = timedelta(seconds=params.seconds + SENDING_SECONDS)
        as_before = until == on_scheduler.captured_instant(before, on_scheduler.PAUSED_UNTIL)
        if not as_before and read_at is not None and until > read_at + longest:
            message = f"somebody has paused {params.name} for longer, until {instant(until)}"
            return Verification(Progress.NOT_SEEN, message, after)
        left = int((until - snapshot.taken_at).total_seconds())
        message = (
            f"{params.name} is paused until {instant(until)} ({left} s left), in the memory of PD"
            f" leader {snapshot.pd.leader_name}: a change of leader ends it (P32)"
        )
        return Verification(Progress.SETTLED, message, after)

    def unchanged(
        self, params: PauseScheduler, before: Sequence[Fact], snapshot: ClusterSnapshot
    ) -> bool:
        """Return True while it is not paused, as captured."""
        was = on_scheduler.captured(before, on_scheduler.PAUSED_UNTIL)
        if was is None or not snapshot.prepared or snapshot.paused_schedulers is None:
            return False
        return on_scheduler.captured(self.before(params, snapshot), "pausedUntil") == was

    def inverse(self, params: PauseScheduler, before: Sequence[Fact]) -> PdCall | None:
        """Return the call that resumes it; None when it was paused before, or nobody knows."""
        if on_scheduler.captured(before, on_scheduler.PAUSED_UNTIL) != on_scheduler.NOT_PAUSED:
            return None
        return on_scheduler.resume(params.name)

    def _nobody_elses(self, params: PauseScheduler, snapshot: ClusterSnapshot) -> Check:
        """Return whether a pause would be overwritten: BR, Lightning and people pause so, too."""
        name = "NotPaused"
        until = on_scheduler.paused_until(params.name, snapshot)
        if until is None or self.already_done(params, snapshot):
            return Check(name, Allow("no pause would be overwritten"))
        message = (
            f"somebody has paused {params.name} until {instant(until)}; PD keeps one pause, and"
            " ours would take its place"
        )
        return Check(name, Hold("SchedulerPaused", message, until))
