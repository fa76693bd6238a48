"""Schedulers: each is looked up by name, and of an eviction the store, before anything is stored.

``pkg/schedule/schedulers/scheduler_controller.go`` and ``server/api/scheduler.go``.
"""

from assent.pd.refusals.shape import row

SCHEDULERS = (
    row(
        "evict-leader",
        500,
        "json",
        r"\[PD:core:ErrStoreNotFound\].*",
        "the store is looked up before the scheduler is stored",
    ),
    row(
        "evict-leader",
        500,
        "json",
        r"\[PD:core:ErrPauseLeaderTransfer\].*",
        "another scheduler already holds the store's leaders; refused before storing",
    ),
    row(
        "evict-leader",
        500,
        "json",
        r"\[PD:scheduler:ErrSchedulerExisted\].*",
        "somebody created it in the same moment; AddScheduler's first step",
    ),
    row(
        "evict-leader",
        400,
        "json",
        r"(?:missing scheduler name|missing store id|unknown scheduler)",
        "arguments are checked first",
    ),
    row(
        "stop-evict-leader",
        404,
        "json",
        r"\[PD:scheduler:ErrScheduleConfigNotExist\].*",
        "the store is not being evicted",
        "already done",
    ),
    row(
        "stop-evict-leader",
        400,
        "json",
        r"(?:\[PD:strconv:\w+\])?strconv\.ParseUint.*",
        "the id is parsed first",
    ),
    row(
        "add-scheduler",
        500,
        "json",
        r"\[PD:scheduler:ErrSchedulerExisted\].*",
        "AddScheduler's first step: PD runs it",
        "already done",
    ),
    row(
        "add-scheduler",
        400,
        "json",
        r"(?:missing scheduler name|unknown scheduler)",
        "the name is looked at first: this PD has no such scheduler",
    ),
    row(
        "remove-scheduler",
        404,
        "json",
        r"\[PD:scheduler:ErrSchedulerNotFound\].*",
        "RemoveScheduler's first step: PD does not run it",
        "already done",
    ),
    row(
        "pause-scheduler",
        500,
        "json",
        r"\[PD:scheduler:ErrSchedulerNotFound\].*",
        "PauseOrResumeScheduler's first step: PD does not run it",
    ),
    row("pause-scheduler", 400, "json", r"missing pause time", "arguments are checked first"),
)
