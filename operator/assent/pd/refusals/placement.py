"""Rules: PD checks the content, then whether every range keeps a voter, and only then stores.

Except for its default rule: there it sets ``max-replicas`` first, so that a refusal of the rule
itself proves nothing (``server/api/rule.go``, SetRule). A test sees it happen.
"""

from assent.pd.refusals.shape import row

_DISABLED = r"(?:\[PD:placement:ErrPlacementDisabled\])?placement rules feature is disabled"
_CONTENT = r"(?:\[PD:placement:ErrRuleContent\]|\[PD:hex:ErrHexDecodingString\]).*"
_UNSERVED = r"\[PD:placement:ErrBuildRuleList\].*"

PLACEMENT = (
    row("placement-rule", 412, "json", _DISABLED, "the middleware, before the handler"),
    row("default-placement-rule", 412, "json", _DISABLED, "the middleware, before the handler"),
    row("delete-placement-rule", 412, "json", _DISABLED, "the middleware, before the handler"),
    row("placement-rule", 400, "json", _CONTENT, "AdjustRule, the rule manager's first step"),
    row("placement-rule", 500, "json", _UNSERVED, "buildRuleList, before anything is stored"),
    row("delete-placement-rule", 500, "json", _UNSERVED, "buildRuleList, before the deletion"),
    row(
        "default-placement-rule",
        400,
        "json",
        r"cannot (?:update MaxReplicas(?:,| or) LocationLabels"
        r"|to update replication config, the default).*",
        "the replication settings are checked before either is set",
    ),
    row(
        "region-label-rule",
        400,
        "json",
        r"(?:\[PD:region:ErrRegionRuleContent\]|\[PD:hex:ErrHexDecodingString\]).*",
        "checkAndAdjust, the labeler's first step; also for a label whose time is over",
    ),
    row(
        "delete-region-label-rule",
        404,
        "json",
        r"\[PD:region:ErrRegionRuleNotFound\].*",
        "there is no such rule",
        "already done",
    ),
)
