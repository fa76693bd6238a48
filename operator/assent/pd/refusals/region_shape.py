"""Splits, merges, scatters and cancellations: an operator exists only once AddOperator said yes."""

from assent.pd.refusals.shape import NO_OPERATOR, NO_REGION, NOT_ADDED, Refusal, row


def _of_every(write: str) -> Refusal:
    return row(
        write,
        500,
        "json",
        f"{NO_REGION}|{NOT_ADDED}",
        "no such region in PD's cache, or AddOperator said no to all of them: another operator,"
        " another epoch, waiting limit, store limit (P18)",
    )


REGION_SHAPE = (
    _of_every("split-region"),
    row(
        "split-region",
        500,
        "json",
        r"(?:check policy \S+ is not supported|split key \S* is not in hex format"
        r"|cannot split region which is in joint state)",
        "looked at before the operator is built",
    ),
    row(
        "split-region",
        400,
        "json",
        r"(?:missing operator name|missing region id|missing split policy|bad format keys"
        r"|unknown operator)",
        "arguments are checked first",
    ),
    _of_every("merge-region"),
    row(
        "merge-region",
        500,
        "json",
        r"(?:\[PD:region:(?:ErrRegionAbnormalPeer|ErrRegionNotAdjacent)\].*"
        r"|region \d+ has abnormal peer|two regions are not adjacent"
        r"|cannot merge regions which are in joint state)",
        "both regions are looked at before the operators are built",
    ),
    row(
        "merge-region",
        500,
        "json",
        r"(?:cannot (?:build operator for region|add peer|remove peer|promote peer|demote voter"
        r"|transfer leader) .*|no operator step is built|setPeers with mismatch peers.*"
        r"|no valid leader|fail to build operator: plan is empty.*)",
        "the builder finds no way to bring the source's peers to the target's; nothing is queued",
    ),
    row(
        "merge-region",
        400,
        "json",
        r"(?:missing operator name|missing region id|invalid target region id to merge to"
        r"|unknown operator)",
        "arguments are checked first",
    ),
    _of_every("scatter-region"),
    row(
        "scatter-region",
        500,
        "json",
        r"region \d+ (?:is a hot region|is hot|is not fully replicated|has no leader)",
        "looked at before any place is chosen; PD at most looks sooner at a region that is not"
        " fully replicated",
    ),
    row(
        "scatter-region",
        500,
        "json",
        r"\[PD:(?:common:ErrGetSourceStore|common:ErrGetTargetStore|schedule:ErrCreateOperator)\].*",
        "the scatterer finds no way; nothing is queued",
    ),
    row(
        "scatter-region",
        400,
        "json",
        r"(?:missing operator name|missing region id|unknown operator)",
        "arguments are checked first",
    ),
    row(
        "cancel-operator",
        500,
        "json",
        NO_OPERATOR,
        "no operator runs on the region: it is looked up first",
        "already done",
    ),
    row(
        "cancel-operator",
        400,
        "json",
        r"(?:\[PD:strconv:\w+\])?strconv\.ParseUint.*",
        "the id is parsed first",
    ),
)
