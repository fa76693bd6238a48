"""`kubectl proposals modify`: a new revision of the ask, with the editor as its author."""

import argparse
import copy

from assent.cli.assignments import changed_ask
from assent.cli.briefing import capital, show_changes
from assent.cli.console import Console
from assent.cli.failures import CliError, Exit
from assent.cli.kubectl import Kubectl
from assent.cli.proposal import OPEN, Json, Proposal, changes
from assent.cli.reading import read_with_name
from assent.cli.sending import agree, send, told
from assent.cli.wording import heading, lines


def modify(chosen: argparse.Namespace, kubectl: Kubectl, console: Console) -> int:
    """Show the difference, ask, store it.

    Raises:
        CliError: it can no longer be changed, or nothing would change; nothing was sent.
    """
    (proposal,), me = read_with_name(kubectl, [chosen.name])
    _refuse(proposal)
    changed = changed_ask(proposal.spec, chosen.assignments)
    after = {**proposal.spec, **copy.deepcopy(changed)}
    found = changes(proposal.spec, _without_none(after))
    if not found:
        raise CliError(f"{proposal.name} says that already; nothing was sent.", Exit.NOT_NOW)
    console.say(console.paint(f"{proposal.name}: {capital(proposal.sentence)}", "bold"))
    show_changes(found, console)
    _consequences(proposal, me, console)
    agree(chosen, console, f"Change {proposal.name} as {me}?")
    spec = {**changed, "proposedBy": me, "approvals": None}
    printed = send(proposal, spec, chosen, kubectl)
    told(
        chosen, console, printed,
        f"{proposal.name} changed by {me}. Somebody else approves it: "
        f"kubectl approve {proposal.where}",
    )  # fmt: skip
    return 0


def _refuse(proposal: Proposal) -> None:
    if proposal.phase in OPEN and not proposal.rejecters:
        return
    why = "rejected" if proposal.rejecters else f"{proposal.phase}: its ask is frozen"
    raise CliError(
        f"{proposal.name} is {why}. File a new one: kubectl proposals export "
        f"{proposal.where} writes what to start from.",
        Exit.NOT_NOW,
    )


def _consequences(proposal: Proposal, me: str, console: Console) -> None:
    heading(console, "Then")
    lines(console, f"You ({me}) are its author and cannot approve it.")
    if proposal.seats:
        voided = ", ".join(str(seat["by"]) for seat in proposal.seats)
        lines(console, f"What {voided} said is void: they must look again.")
    lines(console, "Tier, checks and digest are made anew within seconds.")


def _without_none(ask: Json) -> Json:
    """What a merge patch leaves: None removes."""
    if isinstance(ask, dict):
        return {name: _without_none(one) for name, one in ask.items() if one is not None}
    return [_without_none(one) for one in ask] if isinstance(ask, list) else ask
