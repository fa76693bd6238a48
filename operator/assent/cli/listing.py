"""`kubectl proposals`: what there is, what waits, and for whom."""

from __future__ import annotations

from assent.cli import ahead
from assent.cli.console import Console
from assent.cli.kubectl import Kubectl
from assent.cli.next_step import is_left_standing, next_step
from assent.cli.proposal import Proposal
from assent.cli.queries import PROPOSALS
from assent.cli.reading import listed, place, start_listing
from assent.cli.wording import PHASES, TIERS, table, until

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from datetime import datetime

TITLES = ("NAME", "STATUS", "TIER", "TARGET", "APPROVALS", "EXPIRES", "NEXT")
ORDER = ("OutcomeUnknown", "RollbackFailed", "Pending", "", "Approved", "Executing", "RollingBack",
         "Active", "Suggested")  # fmt: skip
"""What needs a person comes first; what has ended comes last."""
ENDED = ("Succeeded", "Failed", "RolledBack", "Rejected", "Expired", "Superseded", "Cancelled")
"""What nobody has to look at. Not RollbackFailed; and not what this plugin does not know yet."""


def plain_list(arguments: Sequence[str], console: Console) -> int:
    """Write the table for a line that `ahead.is_plain_list` has judged, without argparse."""
    line = ahead.plain(arguments) or ahead.Line()
    everywhere = bool({"-A", "--all-namespaces"} & line.own.keys())
    return write_list(
        Kubectl(line.flags), console, everywhere=everywhere, ended="--ended" in line.own
    )


def show_list(chosen: argparse.Namespace, kubectl: Kubectl, console: Console) -> int:
    """Write the table, or with ``-o`` the objects."""
    console.only_reads = True
    if chosen.output:
        scope = ["-A"] if chosen.all_namespaces else []
        console.give(kubectl.text("get", PROPOSALS, "-o", chosen.output, *scope))
        return 0
    return write_list(kubectl, console, everywhere=chosen.all_namespaces, ended=chosen.ended)


def write_list(kubectl: Kubectl, console: Console, *, everywhere: bool, ended: bool) -> int:
    """Write the table: what has not ended, or with ``ended`` all."""
    console.only_reads = True
    proposals = listed(start_listing(kubectl, everywhere=everywhere))
    shown = proposals if ended else [one for one in proposals if _concerns(one)]
    hidden = len(proposals) - len(shown)
    if shown:
        _table(shown, console, namespaces=everywhere)
    else:
        where = "" if everywhere else f" in {place(kubectl)} (-A looks in all)"
        console.say(f"Nothing waits{where}.")
    if hidden:
        console.say(console.paint(f"{hidden} ended; --ended shows them.", "dim"))
    return 0


def _concerns(proposal: Proposal) -> bool:
    return proposal.phase not in ENDED


def sort_key(proposal: Proposal) -> tuple[int, str]:
    """Order by who needs a person first, then by age."""
    place = ORDER.index(proposal.phase) if proposal.phase in ORDER else len(ORDER)
    return place, str(proposal.meta.get("creationTimestamp", ""))


def status_cell(proposal: Proposal) -> str:
    """Return the one STATUS column: the phase, and the reason where the phase alone says little."""
    if not proposal.phase:
        return "New"
    speaks = {"Approved", "Failed", "Succeeded", "Superseded", "Executing"}
    quiet = {"Done", "Calling", ""}
    if is_left_standing(proposal) or (proposal.phase in speaks and proposal.reason not in quiet):
        return f"{proposal.phase} ({proposal.reason})"
    return proposal.phase + (
        " [dry-run]" if proposal.is_dry and proposal.phase == "Pending" else ""
    )


def _table(proposals: list[Proposal], console: Console, *, namespaces: bool) -> None:
    now = console.now()
    titles = ("NAMESPACE", *TITLES) if namespaces else TITLES
    ordered = sorted(proposals, key=sort_key)
    rows = [_row(one, now, namespaces=namespaces) for one in ordered]
    table(console, titles, rows)


def _row(
    proposal: Proposal, now: datetime, *, namespaces: bool
) -> list[tuple[str, tuple[str, ...]]]:
    expires = proposal.status.get("expiresAt") if proposal.phase in ORDER[2:5] else None
    cells: list[tuple[str, tuple[str, ...]]] = [
        (proposal.name, ()),
        (status_cell(proposal), PHASES.get(proposal.phase, ())),
        (proposal.tier or "-", TIERS.get(proposal.tier, ())),
        (f"{proposal.cluster} {proposal.target}".strip(), ()),
        (str(proposal.count.get("summary", "-")), ()),
        (until(expires, now), ()),
        (next_step(proposal, now), ()),
    ]
    return [(proposal.namespace, ()), *cells] if namespaces else cells
