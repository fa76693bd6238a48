"""Sentences for people, and the kubectl line that they can copy."""

import json
import shlex
from collections.abc import Sequence

from assent.api.v1alpha1.actionproposal import Approval, BrokenGlass, ResolutionOutcome
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.model.resource import Metadata
from assent.core.policy.ceremony import ceremony_of

MAX_SENTENCE = 1024
MAX_MESSAGE = 2048
DRY_RUN_MARK = "[DRY-RUN]"
YOU = "<you>"


def clip(text: str, limit: int) -> str:
    """Return the text, shortened to the limit with an ellipsis when it is longer."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def with_command(sentence: str, command: str | None) -> str:
    """Return the sentence and the line to copy. The line is never cut: it goes whole or not."""
    if command is None:
        return clip(sentence, MAX_MESSAGE)
    whole = f"{sentence}. {command}"
    return whole if len(whole) <= MAX_MESSAGE else clip(sentence, MAX_MESSAGE)


def sentence_case(text: str) -> str:
    """Return the text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def broken(glass: BrokenGlass) -> str:
    """Return who broke the glass, for how many people, and why, on one line."""
    people = "1 person" if glass.stands_in_for == 1 else f"{glass.stands_in_for} people"
    why = " ".join(glass.reason.split())
    return f"{glass.by} broke the glass and stands in for {people} who did not approve: {why}"


def approve_command(
    meta: Metadata, approvals: Sequence[Approval], *, digest: str, tier: Tier
) -> str:
    """Return the kubectl line that approves this digest.

    A merge patch replaces the list, so it repeats what others have said: nobody but they may
    take it away. A typed confirmation stays for the reader to type.
    """
    mine: dict[str, str] = {"by": YOU, "decision": "Approve", "digest": digest}
    if ceremony_of(tier).typed_confirmation:
        mine["confirm"] = "<type the target's id>"
    seats = [*(approval.wire() for approval in approvals), mine]
    line = _patch(meta, {"approvals": seats})
    if len(line) > MAX_MESSAGE - MAX_SENTENCE:
        return f"kubectl -n {meta.namespace} edit ap {meta.name}"
    return line


def cancel_command(meta: Metadata) -> str:
    """Return the kubectl line that stops a proposal before its next call."""
    return _patch(meta, {"cancel": {"by": YOU}})


def resolve_command(meta: Metadata, *, digest: str) -> str:
    """Return the kubectl line by which a person says what came of an unknown call."""
    outcomes = "|".join(outcome.value for outcome in ResolutionOutcome)
    return _patch(meta, {"resolution": {"by": YOU, "outcome": outcomes, "digest": digest}})


def _patch(meta: Metadata, spec: dict[str, object]) -> str:
    body = json.dumps({"spec": spec}, separators=(",", ":"), ensure_ascii=False)
    return (
        f"kubectl -n {meta.namespace} patch ap {meta.name} --field-manager=approver "
        f"--type merge -p {shlex.quote(body)}"
    )
