"""Schedulers: PrepareConfig and the inner call both look the store up first."""

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
)
