"""What has to happen next with a proposal: the column NEXT, and the line that does it."""

from __future__ import annotations

from datetime import datetime

from assent.cli.proposal import Proposal
from assent.cli.wording import count, until

ENDED = {
    "Succeeded": "nothing",
    "Rejected": "nothing",
    "Expired": "nothing",
    "Superseded": "nothing",
    "Cancelled": "nothing",
    "Failed": "look why",
    "RolledBack": "nothing: it was taken back",
    "RollbackFailed": "mend by hand",
    "OutcomeUnknown": "say what came of it",
    "Executing": "wait: PD is called or works on it",
    "RollingBack": "wait: it is being taken back",
}
HELD = {
    "Halted": "wait: a Halt stands",
    "Suspended": "wait: the cluster is suspended",
    "GateNotInstalled": "repair: the approval policies are missing",
}
COMMANDS = {
    "Pending": "kubectl approve {name}",
    "Failed": "kubectl proposals show {name}",
    "RollbackFailed": "kubectl proposals show {name}",
    "OutcomeUnknown": "kubectl proposals resolve {name} --happened (or --did-not-happen)",
    "Halted": "kubectl proposals unhalt",
    "Suspended": "kubectl proposals resume {cluster}",
}
"""The line that does it, by phase or reason."""


def next_step(proposal: Proposal, now: datetime) -> str:
    """Return who has to do what now, in a few words."""
    if not proposal.phase or (proposal.phase == "Pending" and not proposal.is_assessed):
        return "wait: the operator assesses it"
    if proposal.phase == "Suggested":
        return "nothing: the cluster only observes"
    if proposal.phase == "Pending":
        return _pending(proposal)
    if proposal.phase == "Approved":
        return HELD.get(proposal.reason, f"wait: {holder(proposal) or 'the operator begins'}")
    if proposal.phase == "Active":
        return f"nothing: takes itself back {until(proposal.status.get('revertAt'), now)}"
    return ENDED.get(proposal.phase, f"see kubectl proposals show {proposal.name}")


def next_command(proposal: Proposal) -> str:
    """Return the line to copy for what comes next; empty where nobody has to do anything."""
    key = proposal.reason if proposal.reason in HELD else proposal.phase
    line = COMMANDS.get(key, "").format(name=proposal.name, cluster=proposal.cluster)
    return f"{line} -n {proposal.namespace}" if line and key != "Halted" else line


def _pending(proposal: Proposal) -> str:
    missing = proposal.count.get("missing", 1)
    if missing == 0:
        return f"wait: {holder(proposal) or 'the operator begins'}"
    return f"approve or reject ({count(missing, 'more approval')})"


def holder(proposal: Proposal) -> str:
    """Return what stands in the way, in words; empty when nothing does."""
    for verdict in ("deny", "hold"):
        for gate in proposal.gates:
            if gate.get("verdict") == verdict:
                return str(gate.get("message", "")).partition(": kubectl ")[0]
    return ""


def after_yes(proposal: Proposal, *, alone: bool = False) -> str:
    """Return what happens once one more person has approved, or one who needs no others."""
    missing = 0 if alone else max(0, int(proposal.count.get("missing", 1)) - 1)
    if missing:
        return f"Nothing is sent yet: {count(missing, 'more approval')} needed."
    if proposal.is_dry:
        return "Dry run: the call is shown in the status; nothing is sent."
    if held := holder(proposal):
        return f"It waits until this ends: {held}. Then the call is sent, once."
    return "The operator checks everything again and sends the call, once, within seconds."
