"""POST /operators: an operator exists only once AddOperator returned true."""

from assent.pd.refusals.shape import NO_REGION, NOT_ADDED, Refusal, row

ADDING = ("transfer-peer", "add-peer", "add-learner")
PEERS = (*ADDING, "remove-peer")


def _of_peers(write: str) -> tuple[Refusal, ...]:
    """Return how PD refuses every operator that changes a region's peers."""
    return (
        row(
            write,
            500,
            "json",
            NO_REGION,
            "no such region in PD's cache, the handler's first look",
        ),
        row(
            write,
            500,
            "json",
            NOT_ADDED,
            "AddOperator said no: another operator, another epoch, waiting limit (P18)",
        ),
        row(
            write,
            500,
            "json",
            r"(?:cannot build operator for region .*|no valid leader"
            r"|fail to build operator: plan is empty.*|no operator step is built"
            r"|\[PD:schedule:ErrCreateOperator\].*)",
            "the builder finds no way; nothing is queued",
        ),
        row(
            write,
            400,
            "json",
            r"(?:missing operator name|missing region id|unknown operator"
            r"|invalid store id to transfer peer (?:from|to))",
            "arguments are checked first",
        ),
    )


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
        NO_REGION,
        "no such region in PD's cache",
    ),
    row(
        "transfer-leader",
        500,
        "json",
        NOT_ADDED,
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
    *(one for write in PEERS for one in _of_peers(write)),
    *(
        row(
            write,
            500,
            "json",
            r"\[PD:core:ErrStore(?:NotFound|Removed|Unhealthy)\].*",
            "the target store is judged before the operator is built (checkStoreState)",
        )
        for write in ADDING
    ),
    row(
        "transfer-peer",
        500,
        "json",
        r"region has no peer in store \d+",
        "the source is looked up before the operator is built",
    ),
    row(
        "transfer-peer",
        500,
        "json",
        r"cannot add peer .*: already have peer .*",
        "the builder finds a peer on the target; nothing is queued",
    ),
    *(
        row(
            write,
            500,
            "json",
            r"region already has peer in store \d+",
            "the target is looked up before the operator is built",
        )
        for write in ("add-peer", "add-learner")
    ),
    row(
        "remove-peer",
        500,
        "json",
        r"region has no peer in store \d+",
        "the store holds no peer: it is as asked",
        "already done",
    ),
    row(
        "remove-peer",
        500,
        "json",
        "cannot create operator: target peers have no voter",
        "the builder refuses to remove the last voter; nothing is queued",
    ),
)
