"""`kubectl proposals show`: one proposal, section by section."""

import argparse

from assent.cli.briefing import (
    capital,
    difference,
    evidence,
    impact,
    people,
    plan,
    show_gate,
    undoing,
)
from assent.cli.console import Console
from assent.cli.kubectl import Kubectl
from assent.cli.listing import status_cell
from assent.cli.next_step import next_commands, next_step, not_said_yet
from assent.cli.proposal import IN_FLIGHT, OPEN, Json, Proposal
from assent.cli.queries import PROPOSALS
from assent.cli.reading import read_with_name
from assent.cli.steps import headline
from assent.cli.wording import PHASES, RULE, TIERS, clock, fields, heading, lines, until, verbatim


def show(chosen: argparse.Namespace, kubectl: Kubectl, console: Console) -> int:
    """Write the sections, or with ``-o`` the object."""
    console.only_reads = True
    if chosen.output:
        console.give(kubectl.text("get", PROPOSALS, *chosen.names, "-o", chosen.output))
        return 0
    proposals, me = read_with_name(kubectl, chosen.names)
    for number, proposal in enumerate(proposals):
        if number:
            console.say(RULE)
        _sections(proposal, me, console)
    return 0


def _sections(proposal: Proposal, me: str, console: Console) -> None:
    phase = console.paint(status_cell(proposal), *PHASES.get(proposal.phase, ()), "bold")
    console.say(f"{console.paint(proposal.name, 'bold')}  {phase}")
    _what(proposal, console)
    _why(proposal, console)
    impact(proposal, console)
    people(proposal, me, console)
    _gates(proposal, console)
    _steps(proposal, console)
    _history(proposal, console)
    _why_not_running(proposal, console)
    _by_hand(proposal, console)


def _what(proposal: Proposal, console: Console) -> None:
    status, spec = proposal.status, proposal.spec
    heading(console, "What")
    lines(console, capital(headline(proposal)))
    plan(proposal, console)
    identity = (status.get("target") or {}).get("identity") or []
    fields(
        console,
        [
            ("Cluster", f"{proposal.namespace}/{proposal.cluster}"),
            ("Target", proposal.target),
            *((f"  {fact['name']}", str(fact["value"])) for fact in identity),
            ("Tier", console.paint(proposal.tier, *TIERS.get(proposal.tier, ()))),
            ("Dry run", "yes: nothing is sent" if proposal.is_dry else ""),
            ("Not before", clock(spec["notBefore"]) if spec.get("notBefore") else ""),
            ("Reverts after", str(spec.get("revertAfter") or "")),
            ("Reverts", until(status.get("revertAt"), console.now()).replace("-", "")),
            ("Expires", _expiry(proposal, console)),
            ("Digest", proposal.digest),
            ("Revision", str(status.get("revision") or "")),
        ],
    )
    lines(console, undoing(proposal))
    difference(proposal, console)


def _expiry(proposal: Proposal, console: Console) -> str:
    text = proposal.status.get("expiresAt")
    if not text or proposal.phase not in OPEN:
        return ""
    return f"{until(text, console.now())} ({clock(text)})"


def _why(proposal: Proposal, console: Console) -> None:
    heading(console, "Why")
    reason = proposal.spec.get("reason")
    said = reason and reason != (proposal.status.get("finding") or {}).get("diagnosis")
    kept = (proposal.original or {}).get("reason") == reason  # whoever changed the rest
    speaker = proposal.authors[0] if kept else proposal.author
    lines(console, f"{speaker}: {reason}" if said else f"Proposed by {proposal.author}")
    evidence(proposal, console)


def _gates(proposal: Proposal, console: Console) -> None:
    if proposal.gates:
        heading(console, "Checks")
        for gate in proposal.gates:
            show_gate(gate, console)


def _steps(proposal: Proposal, console: Console) -> None:
    if not proposal.steps:
        return
    heading(console, "Steps")
    for number, step in enumerate(proposal.steps, start=1):
        what = "undo" if step.get("kind") == "Undo" else "do"
        place = f" (step {step['planStep']} of the plan)" if step.get("planStep") else ""
        lines(console, f"{number}. {what}{place}: {step['state']}")
        show_step(step, console)


def show_step(step: Json, console: Console) -> None:
    """Write the journal of one call."""
    fields(console, _step(step), indent="     ")


def _step(step: Json) -> list[tuple[str, str]]:
    call = step.get("call") or {}
    sent = f"{call.get('method', '')} {call.get('path', '')} {call.get('body', '')}".strip()
    late = " (after the lease's deadline!)" if step.get("late") else ""
    looked = "verified" if step.get("state") == "Done" else "looked at"
    return [
        ("call", sent),
        ("before", _facts(step.get("before"))),
        ("sent", f"{clock(step.get('intendedAt'))} by {step.get('holder')}, term {step['epoch']}"),
        ("to", str(step.get("pdLeader") or "")),
        ("answer", f"{step['answer']}{late}" if step.get("answer") else ""),
        ("after", _facts(step.get("after"))),
        (looked, clock(step["verifiedAt"]) if step.get("verifiedAt") else ""),
    ]


def _facts(facts: list[Json] | None) -> str:
    return ", ".join(f"{fact['name']}={fact['value']}" for fact in facts or [])


def _history(proposal: Proposal, console: Console) -> None:
    history = proposal.status.get("history") or []
    if history:
        heading(console, "History")
    for entry in history:
        start = f"  {clock(entry['at'])}  "
        who = str(entry["by"]).rpartition(":")[2]
        lines(
            console, f"{entry['phase']} ({entry['reason']}) by {who}: {entry['message']}",
            start, " " * len(start),
        )  # fmt: skip


def _why_not_running(proposal: Proposal, console: Console) -> None:
    is_open = proposal.phase in OPEN
    heading(console, "Why it is not running" if is_open else "Now")
    lines(console, proposal.message or "The operator has not looked at it yet.")
    for obstacle in not_said_yet(proposal) if is_open else ():
        lines(console, f"Also in the way: {obstacle}", hanging="    ")
    if is_open or proposal.phase in (*IN_FLIGHT, "RollbackFailed"):
        lines(console, f"Next: {next_step(proposal, console.now())}")
        for command in next_commands(proposal):
            if not command.startswith("kubectl proposals show "):  # that is what one reads
                console.say(f"  {console.paint(command, 'cyan')}")


def _by_hand(proposal: Proposal, console: Console) -> None:
    if proposal.status.get("pdCtl"):
        heading(console, "By hand (when the operator cannot run; nothing is checked then)")
        verbatim(console, str(proposal.status["pdCtl"]))
