"""`kubectl proposals revert`: file the inverse of what was done, as a proposal of one's own."""

import argparse
import json

from assent.cli.console import Console
from assent.cli.failures import CliError, Exit, KubectlError
from assent.cli.inverses import inverse
from assent.cli.kubectl import FIELD_MANAGER, Kubectl, wanted
from assent.cli.manifest import to_yaml
from assent.cli.proposal import IN_FLIGHT, OPEN, Json, Proposal
from assent.cli.reading import read, read_with_name
from assent.cli.sending import agree, told
from assent.cli.wording import heading, lines, verbatim

LONGEST_NAME = 63
MOST_TRIES = 9
"""How many earlier ones, rejected or expired, are passed over."""


def revert(chosen: argparse.Namespace, kubectl: Kubectl, console: Console) -> int:
    """Show the inverse, ask, file it in this person's name; others approve it.

    Raises:
        CliError: there is nothing to take back, or no action does it; the message says what to do.
    """
    (proposal,), me = read_with_name(kubectl, [chosen.name])
    action = inverse_of(proposal)
    filed = filed_by(me, proposal, action)
    heading(console, f"Takes back {proposal.name}: {proposal.sentence}")
    verbatim(console, to_yaml(action))
    heading(console, "Then")
    lines(
        console,
        "It is a proposal like any other: assessed, approved by somebody else, checked, sent once. "
        "The checks see what PD shows by then; whatever somebody set since is overwritten.",
    )
    agree(chosen, console, f"File {filed['metadata']['name']} as {me}?")
    printed = _filed(filed, wanted(chosen.dry_run, chosen.output), kubectl)
    name, namespace = filed["metadata"]["name"], proposal.namespace
    told(
        chosen, console, printed,
        f"{name} filed. Somebody else approves it: kubectl approve {name} -n {namespace}",
    )  # fmt: skip
    return 0


def _filed(filed: Json, more: list[str], kubectl: Kubectl) -> str:
    """Create it, under the next name where an earlier try has ended; return what kubectl prints."""
    first, here = filed["metadata"]["name"], Kubectl((*kubectl.flags, *_where(filed)))
    for number in range(2, MOST_TRIES + 2):
        try:
            return kubectl.text(
                "create", "-f", "-", f"--field-manager={FIELD_MANAGER}", *more,
                given=json.dumps(filed),
            )  # fmt: skip
        except KubectlError as error:
            if "(AlreadyExists)" not in str(error):
                raise  # in the API server's words, with the role that may
        (there,) = read(here, [filed["metadata"]["name"]])
        if there.phase in (*OPEN, *IN_FLIGHT):
            break
        filed["metadata"]["name"] = _named(first, f"-{number}")
    raise CliError(
        f"{there.name} exists already, and is {there.phase or 'new'}: kubectl proposals show "
        f"{there.where}",
        Exit.NOT_NOW,
    )


def _where(filed: Json) -> tuple[str, ...]:
    return (f"--namespace={filed['metadata']['namespace']}",)


def _named(name: str, suffix: str = "") -> str:
    return f"{name[: LONGEST_NAME - len(suffix)].rstrip('-.')}{suffix}"


def filed_by(me: str, proposal: Proposal, action: Json) -> Json:
    """Return the proposal to be filed."""
    return {
        "apiVersion": "assent.tikv.org/v1alpha1",
        "kind": "ActionProposal",
        "metadata": {
            "name": _named(f"revert-{proposal.name}"),
            "namespace": proposal.namespace,
        },
        "spec": {
            "clusterRef": {"name": proposal.cluster},
            "proposedBy": me,
            "reason": f"Takes back {proposal.name}: {proposal.sentence}",
            "action": action,
        },
    }


def inverse_of(proposal: Proposal) -> Json:
    """Return the action that takes back what was done.

    Raises:
        CliError: nothing was done, or no action takes it back; one sentence says which.
    """
    if (why_not := _nothing_to_revert(proposal)) is not None:
        raise CliError(f"{proposal.name}: {why_not}", Exit.NOT_NOW)
    first = _still_there(proposal)
    if not first:
        raise CliError(
            f"{proposal.name}: no call of it took effect, so there is nothing to take back.",
            Exit.NOT_NOW,
        )
    action = (proposal.status.get("assessed") or proposal.spec)["action"]
    asked = action["plan"]["steps"] if action["type"] == "Plan" else [action]
    answers = [
        inverse(
            asked[place - 1], {fact["name"]: fact["value"] for fact in step.get("before") or []}
        )
        for place, step in sorted(first.items(), reverse=True)
    ]
    for answer in answers:
        if isinstance(answer, str):
            raise CliError(
                f"{proposal.name}: {answer}. Look what PD shows and file what is wanted; "
                f"`kubectl proposals show {proposal.where}` has the values "
                "before.",
                Exit.NOT_NOW,
            )
    found = [answer for answer in answers if isinstance(answer, dict)]
    return found[0] if len(found) == 1 else {"type": "Plan", "plan": {"steps": found}}


def _still_there(proposal: Proposal) -> dict[int, Json]:
    """Return the first done call of each step of the plan whose effect was not taken back since: a
    step may take several calls, and what was before is what was before the first.
    """
    done: dict[str, dict[int, list[Json]]] = {"Forward": {}, "Undo": {}}
    for step in proposal.steps:
        if step.get("state") == "Done" and (calls := done.get(str(step.get("kind")))) is not None:
            calls.setdefault(int(step.get("planStep") or 1), []).append(step)
    return {
        place: calls[0]
        for place, calls in done["Forward"].items()
        if len(done["Undo"].get(place, ())) < len(calls)
    }


def _nothing_to_revert(proposal: Proposal) -> str | None:
    phase, where = proposal.phase, proposal.where
    if phase in OPEN:
        return f"nothing was done yet. `kubectl proposals cancel {where}` stops it."
    if phase == "Active":
        return "it takes itself back; see status.revertAt."
    if phase == "OutcomeUnknown":
        return f"nobody knows whether it happened. First: kubectl proposals resolve {where}"
    if phase in IN_FLIGHT and proposal.spec.get("cancel"):
        return f"it is still {phase}, and cancelled: it ends before its next call. Try again then."
    if phase in IN_FLIGHT:
        return f"it is still {phase}. `kubectl proposals cancel {where}` stops its next call."
    if phase == "RolledBack":
        return "it was taken back already."
    if proposal.reason in ("DryRun", "AlreadyDone", "Reverted"):
        said = {
            "DryRun": "it was a dry run: nothing was sent",
            "AlreadyDone": "PD already was as asked, so nothing was sent",
            "Reverted": "it has taken itself back already",
        }
        return f"{said[proposal.reason]}."
    return None
