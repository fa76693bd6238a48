"""`resolve` and `cancel`: what a person says to a proposal beside yes and no."""

import argparse

from assent.cli.briefing import capital
from assent.cli.console import Console
from assent.cli.failures import CliError, Exit
from assent.cli.kubectl import Kubectl
from assent.cli.proposal import OPEN, Proposal
from assent.cli.reading import read_with_name
from assent.cli.sending import agree, send, told
from assent.cli.showing import show_step
from assent.cli.steps import plan_steps
from assent.cli.wording import heading, lines

HAPPENED, DID_NOT_HAPPEN = "Happened", "DidNotHappen"


def resolve(chosen: argparse.Namespace, kubectl: Kubectl, console: Console) -> int:
    """Show the call that nobody knows the end of, and store what the person found out.

    Raises:
        CliError: nothing is unknown there, or it was declined; nothing was sent.
    """
    (proposal,), me = read_with_name(kubectl, [chosen.name])
    if proposal.phase != "OutcomeUnknown":
        raise CliError(
            f"{proposal.name} is {proposal.phase or 'new'}: there is nothing to resolve.",
            Exit.NOT_NOW,
        )
    outcome = HAPPENED if chosen.happened else DID_NOT_HAPPEN
    console.say(console.paint(capital(proposal.sentence), "bold"))
    for step in proposal.steps:
        if step.get("state") == "Unknown":
            show_step(step, console)
    heading(console, "Then")
    lines(console, _ends(outcome, proposal))
    lines(console, "It stays on record in your name. Nothing is ever sent again for it.")
    agree(chosen, console, f"Say that it {_words(outcome)}?")
    spec = {"resolution": {"by": me, "outcome": outcome, "digest": proposal.digest}}
    printed = send(proposal, spec, chosen, kubectl)
    told(chosen, console, printed, f"{proposal.name}: {me} says that it {_words(outcome)}")
    return 0


def _words(outcome: str) -> str:
    return "happened" if outcome == HAPPENED else "did not happen"


def _ends(outcome: str, proposal: Proposal) -> str:
    undo = any(
        one.get("state") == "Unknown" and one.get("kind") == "Undo" for one in proposal.steps
    )
    if outcome == HAPPENED and not undo:
        return "It ends as Succeeded; a plan of which steps are left ends as Failed."
    return "It ends as Failed. If the action is still wanted, file a new proposal."


def cancel(chosen: argparse.Namespace, kubectl: Kubectl, console: Console) -> int:
    """Stop it before its next call. It is not guarded by what was read: a stop must get through.

    Raises:
        CliError: it has ended already, or it was declined; nothing was sent.
    """
    (proposal,), me = read_with_name(kubectl, [chosen.name])
    if proposal.spec.get("cancel"):
        by = proposal.spec["cancel"]["by"]
        raise CliError(f"{proposal.name}: {by} has cancelled it already.", Exit.NOT_NOW)
    if proposal.phase not in (*OPEN, "Executing", "Active", "RollingBack", "OutcomeUnknown"):
        raise CliError(f"{proposal.name} has ended: it is {proposal.phase}.", Exit.NOT_NOW)
    console.say(console.paint(capital(proposal.sentence), "bold"))
    lines(console, _stops(proposal))
    agree(chosen, console, f"Cancel {proposal.name} as {me}? It cannot be taken back.")
    said = {"by": me, **({"reason": chosen.message} if chosen.message else {})}
    printed = send(proposal, {"cancel": said}, chosen, kubectl, as_read=False)
    told(chosen, console, printed, f"{proposal.name} cancelled by {me}")
    return 0


def _stops(proposal: Proposal) -> str:
    if proposal.phase in OPEN:
        return "Nothing was sent yet, and nothing will be."
    stays = "What was sent stays as it is: no further call, so nothing is taken back either."
    if _drains(proposal):
        stop = f"kubectl proposals revert {proposal.where}"
        return f"{stays} PD goes on draining; what stops that is a CancelDrain, filed by: {stop}"
    return stays


def _drains(proposal: Proposal) -> bool:
    """True while PD may be moving a store's data away for it."""
    action = proposal.spec.get("action") or {}
    kinds = [action.get("type"), *(step.get("type") for step in plan_steps(proposal))]
    return "DrainStore" in kinds and proposal.phase == "Executing"
