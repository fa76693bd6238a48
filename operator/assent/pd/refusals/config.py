"""POST /config with one item: it is looked for, typed and validated before anything is stored.

The texts of ``server/api/config.go`` and ``pkg/schedule/config``, all before the first change
(``server.go`` SetScheduleConfig, SetReplicationConfig). Not here, because something may have
changed by then: failures to persist, and ``ErrNotBootstrapped`` as 400, which also stands after
the default rule was rewritten.
"""

from assent.pd.refusals.shape import row

_TYPED = (
    r"json: (?:cannot unmarshal|invalid use of ,string struct tag).*"
    r"|time: (?:invalid duration|unknown unit|missing unit).*",
    "the value is read into a copy first (jsonutil.AddKeyValue)",
)
_KNOWN = (
    r"config (?:item|prefix) .+ not found|cannot update config prefix .+",
    "the item is looked for first: this PD has none of that name",
)

CONFIG = (
    row("schedule-config", 400, "json", *_TYPED),
    row("schedule-config", 400, "json", *_KNOWN),
    row(
        "schedule-config",
        400,
        "json",
        r"need to clean up TTL first for .+",
        "somebody's temporary override stands; looked at before the value (P11)",
    ),
    row(
        "schedule-config",
        400,
        "json",
        r"tolerant-size-ratio should be non-negative"
        r"|(?:low|high)-space-ratio should between 0 and 1"
        r"|low-space-ratio should be larger than high-space-ratio"
        r"|leader-schedule-policy .* is invalid"
        r"|slow-store-evicting-affected-store-ratio-threshold is not set"
        r"|[a-z-]+ has already been deprecated",
        "SetScheduleConfig validates the copy before it takes it",
    ),
    row("replication-config", 400, "json", *_TYPED),
    row("replication-config", 400, "json", *_KNOWN),
    row(
        "replication-config",
        400,
        "json",
        r"isolation-level must be one of location-labels or empty|.* does not match format .*",
        "SetReplicationConfig validates the copy before it takes it",
    ),
    row(
        "replication-config",
        400,
        "json",
        r"cannot update MaxReplicas(?:, LocationLabels or IsolationLevel| or LocationLabels)"
        r" when placement rules feature"
        r" is enabled and not only default rule exists, please update rule instead"
        r"|cannot to update replication config, the default rules do not consistent with"
        r" replication config, please update rule instead",
        "rule pd/default is compared before it is rewritten",
    ),
)
