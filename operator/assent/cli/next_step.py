"""What has to happen next with a proposal: the column NEXT, and the line that does it."""

from __future__ import annotations

from datetime import datetime

from assent.cli.proposal import OPEN, Proposal
from assent.cli.steps import step_of
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
COMMANDS: dict[str, tuple[str, ...]] = {
    "Pending": ("kubectl approve {name}",),
    "Failed": ("kubectl proposals show {name}",),
    "RollbackFailed": ("kubectl proposals show {name}",),
    "OutcomeUnknown": (
        "kubectl proposals resolve {name} --happened",
        "kubectl proposals resolve {name} --did-not-happen",
    ),
    "Suspended": ("kubectl proposals resume {cluster}",),
}
"""The lines that do it, by phase or reason; of several, one of them or all, as the words say."""
UNHALT, DELETE_HALTS = "kubectl proposals unhalt", ": kubectl delete halt "
"""Our line, and how the check ends that names the Halts which stand."""
BRAKES = {"Suspended": "NotSuspended", "Halted": "NotHalted"}
"""The reasons that a person ends, and the checks that say so, too."""
CANNOT_YET = "Cannot be assessed yet: "
NO_CLUSTER = "there is no TiKVCluster "
TOO_RISKY = ".group: the step is "
"""What the check of a plan's groups says of a step that facts make too risky."""


def next_step(proposal: Proposal, now: datetime) -> str:
    """Return who has to do what now, in a few words."""
    if proposal.phase in OPEN and has_no_cluster(proposal):
        return f"create TiKVCluster {proposal.cluster}, or delete this and file it anew"
    if not proposal.phase or (proposal.phase == "Pending" and not proposal.is_assessed):
        why = unassessed(proposal)
        return (
            HELD.get(proposal.reason, f"wait: {why}") if why else "wait: the operator assesses it"
        )
    if proposal.phase == "Suggested":
        return "nothing: the cluster only observes"
    if proposal.phase in ("Pending", "Approved") and _risky_step(proposal):
        return f"take step {_risky_step(proposal)} out of its group, or wait until it is less risky"
    if proposal.phase == "Pending":
        return _pending(proposal)
    if proposal.phase == "Approved":
        return _waits(proposal)
    if proposal.phase == "Active":
        return f"nothing: takes itself back {until(proposal.status.get('revertAt'), now)}"
    if is_left_standing(proposal):
        return "nothing, if that was meant; else revert it"
    return ENDED.get(proposal.phase, f"see kubectl proposals show {proposal.name}")


def next_commands(proposal: Proposal) -> list[str]:
    """Return the lines to copy for what comes next; none where nobody has to do anything."""
    if proposal.phase in OPEN and (
        has_no_cluster(proposal) or (proposal.phase == "Pending" and not proposal.is_assessed)
    ):
        return []
    lines: tuple[str, ...] = COMMANDS.get(proposal.phase, ())
    if proposal.phase in OPEN and (step := _risky_step(proposal)):
        lines = (f"kubectl proposals modify {proposal.name} {step}.group=",)
    elif is_left_standing(proposal):
        lines = (f"kubectl proposals revert {proposal.name}",)
    elif proposal.phase == "Approved" or proposal.reason in HELD:
        brakes = _brakes(proposal)
        lines = COMMANDS["Suspended"] if "Suspended" in brakes else ()
        return [*_filled(proposal, lines), *(_unhalt(proposal) if "Halted" in brakes else [])]
    return _filled(proposal, lines)


def _filled(proposal: Proposal, lines: tuple[str, ...]) -> list[str]:
    names = {"name": proposal.name, "cluster": proposal.cluster}
    return [f"{line.format(**names)} -n {proposal.namespace}" for line in lines]


def _unhalt(proposal: Proposal) -> list[str]:
    """Return a line for each Halt that the checks name: unhalt alone asks which, of several."""
    messages = [str(gate.get("message")) for gate in proposal.gates if gate["verdict"] == "hold"]
    names = " ".join(message.partition(DELETE_HALTS)[2] for message in messages).split()
    return [f"{UNHALT} {name}" for name in names] or [UNHALT]


def _brakes(proposal: Proposal) -> list[str]:
    held = {gate.get("name") for gate in proposal.gates if gate.get("verdict") == "hold"}
    return [reason for reason, gate in BRAKES.items() if proposal.reason == reason or gate in held]


def has_no_cluster(proposal: Proposal) -> bool:
    """True when nothing can ever be assessed as it stands: its clusterRef cannot change."""
    return any(one.startswith(NO_CLUSTER) for one in in_the_way(proposal))


def unassessed(proposal: Proposal) -> str:
    """Return why the operator, which has looked at it, cannot assess it yet; empty when it can."""
    said = "" if proposal.is_assessed else proposal.message
    start, _, why = said.partition(CANNOT_YET)
    return "" if start else why.partition(": kubectl ")[0]


def _risky_step(proposal: Proposal) -> int:
    """Return the step that is too risky for its group as facts stand; 0 for none."""
    for one in in_the_way(proposal):
        field, sign, _ = one.partition(TOO_RISKY)
        if sign and step_of(field):
            return step_of(field)
    return 0


def is_left_standing(proposal: Proposal) -> bool:
    """True when a person cancelled what would have taken itself back: it stands, as they said."""
    return (proposal.phase, proposal.reason) == ("RollbackFailed", "Cancelled")


def _pending(proposal: Proposal) -> str:
    missing = proposal.count.get("missing", 1)
    if missing == 0:
        return _waits(proposal)
    return f"approve or reject ({count(missing, 'more approval')})"


def _waits(proposal: Proposal) -> str:
    others = len(in_the_way(proposal)) - 1
    first = HELD.get(proposal.reason, f"wait: {holder(proposal) or 'the operator begins'}")
    return f"{first} (and {others} more)" if others > 0 else first


def in_the_way(proposal: Proposal) -> list[str]:
    """Return all that stands in the way, in words, what cannot heal first; none twice."""
    found = [
        str(gate.get("message", "")).partition(": kubectl ")[0]
        for verdict in ("deny", "hold")
        for gate in proposal.gates
        if gate.get("verdict") == verdict
    ]
    return list(dict.fromkeys(found))


def not_said_yet(proposal: Proposal) -> list[str]:
    """Return all that stands in the way and that the status message does not name."""
    said = str(proposal.status.get("message") or "").casefold()
    return [one for one in in_the_way(proposal) if one.casefold() not in said]


def holder(proposal: Proposal) -> str:
    """Return the first of what stands in the way, in words; empty when nothing does."""
    return next(iter(in_the_way(proposal)), "")


def after_yes(proposal: Proposal, *, alone: bool = False) -> str:
    """Return what happens once one more person has approved, or one who needs no others."""
    missing = 0 if alone else max(0, int(proposal.count.get("missing", 1)) - 1)
    if missing:
        return f"Nothing is sent yet: {count(missing, 'more approval')} needed."
    if proposal.is_dry:
        return "Dry run: the call is shown in the status; nothing is sent."
    if held := in_the_way(proposal):
        what = "this ends" if len(held) == 1 else "these end"
        return f"It waits until {what}: {'; '.join(held)}. Then the call is sent, once."
    return "The operator checks everything again and sends the call, once, within seconds."
