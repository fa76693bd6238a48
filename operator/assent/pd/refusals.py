"""Which answers prove that a write changed nothing: a table, read from PD's source.

A status code alone proves nothing: PD answers 500 for "you did not say a valid store" and for
"stored, then failed to answer", and one write answered 400 ``ErrEtcdKVPut … deadline exceeded``
although it had run (prototypes, "Refusing to be forwarded"). So a row names endpoint, status,
shape of the body and text, and stands for a place in PD's code that lies before the first change.
What is not in the table is unknown.
"""

import re
from dataclasses import dataclass

from assent.core.model.call import DidNot
from assent.pd.failures import message_of
from assent.pd.wire import Answer

ANY = "any"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One way in which PD says no before it acts."""

    write: str
    """The name of the write in the whitelist, or ``any``."""
    status: tuple[int, ...]
    json: bool
    """True for an answer of the handler, False for plain text of what stands before it (P04)."""
    text: re.Pattern[str]
    why: str
    """Where PD refuses, and why nothing has happened by then."""
    already_done: bool = False


def _row(
    write: str, status: int | tuple[int, ...], shape: str, text: str, why: str, done: str = ""
) -> Refusal:
    statuses = (status,) if isinstance(status, int) else status
    return Refusal(
        write, statuses, shape == "json", re.compile(text, re.DOTALL), why, done == "already done"
    )


_CODE = r"(?:\[[\w:]+\])?"

REFUSALS = (
    # Before any handler: redirector, rate limit, router.
    _row(ANY, 500, "plain", _CODE + "redirect to not leader", "redirector: not the leader"),
    _row(ANY, 500, "plain", _CODE + "server not started", "redirector: starting or stopping"),
    _row(ANY, 503, "plain", "no leader", "redirector: there is no leader to act"),
    _row(ANY, 429, "plain", "Too Many Requests", "rate limit, before the handler"),
    _row(ANY, 404, "plain", "404 page not found", "router: nothing serves the path"),
    _row(
        ANY,
        (406, 500),
        "json",
        r"\[PD:cluster:ErrNotBootstrapped\].*",
        "the handler finds no running cluster, its first step (P02)",
    ),
    # POST /operators: an operator exists only once AddOperator returned true.
    _row(
        "transfer-leader",
        500,
        "json",
        "no operator step is built",
        "the builder has nothing to do: the store already leads (P16)",
        "already done",
    ),
    _row(
        "transfer-leader",
        500,
        "json",
        r"\[PD:region:ErrRegionNotFound\].*",
        "no such region in PD's cache",
    ),
    _row(
        "transfer-leader",
        500,
        "json",
        r"\[PD:operator:ErrAddOperator\].*",
        "AddOperator said no: another operator, another epoch, waiting limit (P18)",
    ),
    _row(
        "transfer-leader",
        500,
        "json",
        r"region has no voter in store \d+",
        "checked before the operator is built",
    ),
    _row(
        "transfer-leader",
        500,
        "json",
        r"cannot (?:transfer leader to \d+: .*|build operator for region .*"
        r"|create operator: target leader is not allowed)",
        "the builder refuses; nothing is queued",
    ),
    _row(
        "transfer-leader",
        500,
        "json",
        r"(?:no valid leader|fail to build operator: plan is empty.*"
        r"|\[PD:schedule:ErrCreateOperator\].*)",
        "the builder finds no way; nothing is queued",
    ),
    _row(
        "transfer-leader",
        400,
        "json",
        r"(?:missing operator name|missing region id|missing store id to transfer leader to"
        r"|unknown operator)",
        "arguments are checked first",
    ),
    # POST /schedulers: PrepareConfig and the inner call both look the store up first.
    _row(
        "evict-leader",
        500,
        "json",
        r"\[PD:core:ErrStoreNotFound\].*",
        "the store is looked up before the scheduler is stored",
    ),
    _row(
        "evict-leader",
        500,
        "json",
        r"\[PD:core:ErrPauseLeaderTransfer\].*",
        "another scheduler already holds the store's leaders; refused before storing",
    ),
    _row(
        "evict-leader",
        500,
        "json",
        r"\[PD:scheduler:ErrSchedulerExisted\].*",
        "somebody created it in the same moment; AddScheduler's first step",
    ),
    _row(
        "evict-leader",
        400,
        "json",
        r"(?:missing scheduler name|missing store id|unknown scheduler)",
        "arguments are checked first",
    ),
    # DELETE …/delete/{id}
    _row(
        "stop-evict-leader",
        404,
        "json",
        r"\[PD:scheduler:ErrScheduleConfigNotExist\].*",
        "the store is not being evicted",
        "already done",
    ),
    _row(
        "stop-evict-leader",
        400,
        "json",
        r"(?:\[PD:strconv:\w+\])?strconv\.ParseUint.*",
        "the id is parsed first",
    ),
    # POST /store/{id}/limit
    _row(
        "store-limit",
        (404, 500),
        "json",
        r"\[PD:core:ErrStoreNotFound\].*",
        "the store is looked up first",
    ),
    _row(
        "store-limit",
        400,
        "json",
        r"(?:rate unset|invalid rate which should be larger than 0|unknown type|bad format type"
        r"|.*not support set limit)",
        "arguments are checked first (the last: a store-limit-version other than v1, v8.5)",
    ),
)


def refusal(write: str, answer: Answer) -> DidNot | None:
    """Return DidNot when this answer proves that the write changed nothing, else None.

    None for everything that PD's scheduling service answered: its texts stand for other code.
    """
    if answer.from_microservice:
        return None
    text = message_of(answer)
    for row in REFUSALS:
        if (
            row.write in (ANY, write)
            and answer.status in row.status
            and answer.is_json == row.json
            and row.text.fullmatch(text)
        ):
            return DidNot(f"{answer.status} {text}", already_done=row.already_done)
    return None
