"""Failures of reads, as typed errors whose reasons a TiKVCluster shows as its status."""

import json
from collections.abc import Sequence
from typing import NoReturn

from assent.errors import AssentError, Retryable, Terminal
from assent.pd.fields import UNUSABLE
from assent.pd.tls import TLS_FAILED
from assent.pd.wire import Answer, FailureKind, WireFailure

UNREACHABLE = "PDUnreachable"
NOT_READY = "PDNotReady"

NOT_LEADER = "redirect to not leader"
NOT_BOOTSTRAPPED = "[PD:cluster:ErrNotBootstrapped]"
"""Also said by a leader that is just taking over: it means "retry" (P02)."""
_PLAIN_REQUEST = "Client sent an HTTP request to an HTTPS server"


class LeaderGone(Retryable):
    """The member does not answer as leader; another may. Nothing happened."""


def unanswered(failure: WireFailure, *, call: str, url: str) -> AssentError:
    """Return the error of a read that got no whole answer, in one sentence."""
    if failure.kind is FailureKind.TLS:
        return Retryable(TLS_FAILED, f"{url}: {failure.cause}")
    if failure.kind is FailureKind.OVERSIZE:
        return Terminal(UNUSABLE, f"{call} answered something unusable: {failure.cause}")
    hint = ""
    if failure.kind is FailureKind.CLOSED and url.startswith("http://"):
        hint = " (a PD that wants https does that)"
    elif failure.kind in (FailureKind.CLOSED, FailureKind.BROKEN) and url.startswith("https://"):
        # With TLS 1.3 the refusal comes after our handshake, and a reset can overtake it.
        hint = " (a PD that refuses the client certificate may do that)"
    return LeaderGone(UNREACHABLE, f"PD at {url} does not answer: {failure.cause}{hint}")


def check(answer: Answer, *, call: str, url: str) -> NoReturn:
    """Raise for a status that the caller cannot use.

    Raises:
        LeaderGone: PDNotReady; the member does not lead, or is starting or stopping.
        Retryable: PDNotReady, or TLSFailed for plain http at a TLS port.
        Terminal: PDAnswerUnusable; nothing that a PD would say.
    """
    text = message_of(answer)
    if answer.status == 400 and _PLAIN_REQUEST in text:
        raise Retryable(TLS_FAILED, f"{url}: the endpoint says http, and PD speaks https")
    if NOT_BOOTSTRAPPED in text:
        raise Retryable(
            NOT_READY,
            f"PD at {url} does not run a cluster yet: it has just changed leader, or no TiKV"
            " has ever joined",
        )
    if answer.status == 503 or (answer.status == 500 and not answer.is_json):
        raise LeaderGone(NOT_READY, f"PD at {url} is not leading: {text or answer.status}")
    if answer.status == 429 or answer.status >= 500:
        raise Retryable(NOT_READY, f"PD at {url} answered {answer.status} to {call}: {text}")
    raise Terminal(UNUSABLE, f"{call} at {url} answered {answer.status}, which no PD does: {text}")


def no_leader(problems: Sequence[AssentError]) -> AssentError:
    """Return the most telling of what every member said; one sentence for all unreachable ones."""
    for reason in (NOT_READY, TLS_FAILED, UNUSABLE):
        for problem in problems:
            if problem.reason == reason:
                return problem
    shown = "; ".join(problem.message for problem in problems[:3])
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return Retryable(UNREACHABLE, shown + more)


def message_of(answer: Answer) -> str:
    """Return what PD says in an answer, whatever its shape (P04), cut to 300 characters.

    A JSON string loses its quotes, twice where PD hands on the answer of its own inner call.
    """
    text = answer.text
    for _ in range(2):
        if not text.startswith('"'):
            break
        try:
            inner = json.loads(text)
        except ValueError:
            break
        text = str(inner).strip()
    return text
