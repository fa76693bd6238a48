"""POST /operators: an operator exists only once AddOperator returned true."""

from assent.pd.refusals.shape import row

OPERATORS = (
    row(
        "transfer-leader",
        500,
        "json",
        "no operator step is built",
        "the builder has nothing to do: the store already leads (P16)",
        "already done",
    ),
    row(
        "transfer-leader",
        500,
        "json",
        r"\[PD:region:ErrRegionNotFound\].*",
        "no such region in PD's cache",
    ),
    row(
        "transfer-leader",
        500,
        "json",
        r"\[PD:operator:ErrAddOperator\].*",
        "AddOperator said no: another operator, another epoch, waiting limit (P18)",
    ),
    row(
        "transfer-leader",
        500,
        "json",
        r"region has no voter in store \d+",
        "checked before the operator is built",
    ),
    row(
        "transfer-leader",
        500,
        "json",
        r"cannot (?:transfer leader to \d+: .*|build operator for region .*"
        r"|create operator: target leader is not allowed)",
        "the builder refuses; nothing is queued",
    ),
    row(
        "transfer-leader",
        500,
        "json",
        r"(?:no valid leader|fail to build operator: plan is empty.*"
        r"|\[PD:schedule:ErrCreateOperator\].*)",
        "the builder finds no way; nothing is queued",
    ),
    row(
        "transfer-leader",
        400,
        "json",
        r"(?:missing operator name|missing region id|missing store id to transfer leader to"
        r"|unknown operator)",
        "arguments are checked first",
    ),
)
