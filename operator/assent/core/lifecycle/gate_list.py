"""Checks as they are stored in ``status.gates``, and what they amount to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import Gate, GateVerdict
from assent.core.lifecycle.messages import MAX_SENTENCE, clip
from assent.core.model.verdict import Allow, Check, Deny, Hold, Verdict, Warn

MAX_GATES = 32
_REASONS = {reason.value: reason for reason in Reason}
_QUIET = frozenset({GateVerdict.PASS, GateVerdict.WARN})


@dataclass(frozen=True, slots=True)
class Obstacle:
    """The check that stands in the way."""

    reason: Reason
    message: str


def gates_of(checks: Iterable[Check], stored: Sequence[Gate] | None) -> list[Gate]:
    """Return the checks as gates.

    A gate that passes as before keeps its stored words: an action may name numbers in them that
    drift with every look, and nothing is written for that. Beyond the bound of the CRD the last of
    those that pass are left out: what holds must be seen.
    """
    known = {gate.name: gate for gate in stored or ()}
    gates = []
    for check in checks:
        gate = _gate(check)
        old = known.get(gate.name)
        same = old is not None and old.verdict is gate.verdict and gate.verdict in _QUIET
        gates.append(old if old is not None and same else gate)
    passing = [place for place, gate in enumerate(gates) if gate.verdict is GateVerdict.PASS]
    too_many = max(0, len(gates) - MAX_GATES)
    left_out = set(passing[max(0, len(passing) - too_many) :])
    return [gate for place, gate in enumerate(gates) if place not in left_out][:MAX_GATES]


def first_denied(checks: Iterable[Check]) -> Obstacle | None:
    """Return the first refusal that cannot heal, None when there is none."""
    for check in checks:
        if isinstance(check.verdict, Deny):
            return Obstacle(_REASONS[check.verdict.reason], check.verdict.message)
    return None


def first_held(checks: Iterable[Check]) -> Obstacle | None:
    """Return the first check that says not now, None when there is none."""
    for check in checks:
        if isinstance(check.verdict, Hold):
            return Obstacle(_REASONS[check.verdict.reason], check.verdict.message)
    return None


def as_precondition(check: Check) -> Check:
    """Return an action's own check with a reason that proposals show.

    Actions name their refusals finely (``StoreUnknown``); ``status.reason`` has two words for
    all of them, and the message says the rest.
    """
    match check.verdict:
        case Hold(message=message, until=until):
            verdict: Verdict = Hold(Reason.PRECONDITION_WAITING, message, until)
        case Deny(message=message):
            verdict = Deny(Reason.PRECONDITION_FAILED, message)
        case other:
            verdict = other
    return Check(check.name, verdict)


def _gate(check: Check) -> Gate:
    match check.verdict:
        case Allow(message=message):
            verdict, until = GateVerdict.PASS, None
        case Warn(message=message):
            verdict, until = GateVerdict.WARN, None
        case Hold(message=message, until=until):
            verdict = GateVerdict.HOLD
        case Deny(message=message):
            verdict, until = GateVerdict.DENY, None
    return Gate(name=check.name, verdict=verdict, message=clip(message, MAX_SENTENCE), until=until)
