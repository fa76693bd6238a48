"""`kubectl proposals withdraw`: take one's own yes back, while nothing has been sent."""

import argparse

from assent.cli.briefing import capital, people
from assent.cli.console import Console
from assent.cli.failures import CliError, Exit
from assent.cli.kubectl import Kubectl
from assent.cli.proposal import IN_FLIGHT, OPEN, Proposal
from assent.cli.reading import read, read_with_name
from assent.cli.seats import REJECT, seats_without
from assent.cli.sending import agree, send, told

WITHOUT_A_CALL = ("Rejected", "Expired", "Superseded", "Cancelled")
TRIES = 3
"""How often somebody else's write in between is read again: a withdrawal should get through."""


def withdraw(chosen: argparse.Namespace, kubectl: Kubectl, console: Console) -> int:
    """Remove one's own seat; those of others stay.

    The API server lets either this write or the operator's claim be first: the yes is gone before
    anything was sent, or this says that it is too late.

    Raises:
        CliError: there is nothing to take back any more, or it was declined; nothing was stored.
    """
    (proposal,), me = read_with_name(kubectl, [chosen.name])
    _refuse(proposal, me)
    console.say(console.paint(capital(proposal.sentence), "bold"))
    people(proposal, me, console)
    agree(chosen, console, f"Take back what you ({me}) said of {proposal.name}?")
    for left in reversed(range(TRIES)):
        try:
            spec = {"approvals": seats_without(proposal, me) or None}
            printed = send(proposal, spec, chosen, kubectl)
            break
        except CliError as error:
            if error.code is not Exit.CHANGED or not left:
                raise
        (proposal,) = read(kubectl, [proposal.name])
        _refuse(proposal, me)
    told(chosen, console, printed, f"{proposal.name}: {me} has withdrawn; it waits again")
    return 0


def _refuse(proposal: Proposal, me: str) -> None:
    name, where = proposal.name, proposal.where
    mine = proposal.seat_of(me)
    if mine is None:
        raise CliError(f"{name}: you ({me}) have said nothing there.", Exit.NOT_NOW)
    if mine.get("decision") == REJECT:
        raise CliError(f"{name}: a rejection is final. File a new proposal.", Exit.NOT_NOW)
    if proposal.phase in OPEN:
        return
    cancel = f"`kubectl proposals cancel {where}` stops its next call; "
    revert = f"`kubectl proposals revert {where}` takes back what was done."
    instead = f"{cancel}{revert}" if proposal.phase in IN_FLIGHT else revert
    if proposal.phase in WITHOUT_A_CALL:
        instead = "Nothing was sent."
    raise CliError(f"{name}: it is {proposal.phase}: too late to withdraw. {instead}", Exit.NOT_NOW)
