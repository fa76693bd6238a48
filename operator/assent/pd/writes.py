"""The only place from which PD is changed: one call, once, to the leader (import-linter: only
``assent.execution`` may import this).
"""

from collections.abc import Callable

from assent.core.model.call import CallOutcome, Did, DidNot, PdCall, Permit, Unknown
from assent.observability.crash_points import Point, reached
from assent.pd.client import LEADER_ONLY, PdClient
from assent.pd.failures import message_of
from assent.pd.refusals.table import refusal
from assent.pd.whitelist.table import allowed
from assent.pd.wire import Answer, StopSending, WireFailure

ANSWER_CAP_BYTES = 64 * 1024
_HEADERS = {**LEADER_ONLY, "Content-Type": "application/json"}


class _TooLate(StopSending):
    """The permit ran out while waiting for a connection."""


async def send(
    client: PdClient, call: PdCall, permit: Permit, *, monotonic: Callable[[], float]
) -> CallOutcome:
    """Return what came of sending ``call`` to the known leader, exactly once and unchanged.

    - ``Did``: PD answered 200. Whether it had an effect is for verification.
    - ``DidNot``: certainly nothing changed. It was not sent (``sent`` is False: not on the
      whitelist, no known leader, permit over, no connection), or PD refused it with an answer
      of the table in ``refusals``.
    - ``Unknown``: it may have run. Read back before anything else.

    The permit is looked at a last time right before the first byte leaves, after any wait for a
    connection. ``late`` says that the answer, or its absence, came after the lease deadline.
    Nothing is raised but cancellation, and a cancelled send is unknown. It lasts no longer than
    ``client.request_timeout_seconds``.
    """
    kind = allowed(call)
    if kind is None:
        return _not_sent(f"{call.method} {call.path} is not a write that Assent makes")
    leader = client.known_leader
    if leader is None:
        return _not_sent("leader not known")
    body = call.body_text

    def still_permitted() -> None:
        if monotonic() > permit.send_by_monotonic_seconds:
            raise _TooLate

    def leave() -> None:
        still_permitted()
        reached(Point.CALL_LEAVES)

    try:
        still_permitted()
        # No suspension lies between the check above and the request's way into the transport.
        answer = await client.wire.exchange(
            call.method,
            leader.url + call.path,
            route=kind.route,
            headers=_HEADERS if body is not None else LEADER_ONLY,
            content=None if body is None else body.encode(),
            cap_bytes=ANSWER_CAP_BYTES,
            before_first_byte=leave,
        )
    except _TooLate:
        return _not_sent("the permit to send ran out")
    except WireFailure as failure:
        client.forget_leader(leader)
        if not failure.sent:
            return _not_sent(failure.cause)
        return Unknown(failure.cause, late=_late(permit, monotonic))
    reached(Point.ANSWERED)
    outcome = _judge(kind.name, answer, late=_late(permit, monotonic))
    if isinstance(outcome, Unknown) or not answer.is_json:
        # Not a handler's refusal: the next read looks for the leader anew.
        client.forget_leader(leader)
    return outcome


def _not_sent(why: str) -> DidNot:
    return DidNot(f"not sent: {why}", sent=False)


def _judge(write: str, answer: Answer, *, late: bool) -> CallOutcome:
    text = message_of(answer)
    if answer.status == 200:
        return Did(text, late=late)
    return refusal(write, answer) or Unknown(f"{answer.status} {text}", late=late)


def _late(permit: Permit, monotonic: Callable[[], float]) -> bool:
    return monotonic() > permit.lease_deadline_monotonic_seconds
