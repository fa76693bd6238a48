"""What one sees before one decides: all that the digest stands for, and what follows."""

from assent.cli.console import Console, flat
from assent.cli.kinds import undo_of
from assent.cli.next_step import after_yes
from assent.cli.proposal import Json, Proposal, changes
from assent.cli.seats import stands_in_for
from assent.cli.steps import headline, step_lines, step_of
from assent.cli.wording import TIERS, VERDICTS, clock, count, fields, heading, lines, until

LONGEST_BESIDE = 120
"""Characters of a target's identity that stand beside it; more go one a line, never cut."""
AFTER_NO = "It ends as Rejected, for good: the ask cannot be changed."
SILENT = (
    "The same problem stays silent for the cluster's spec.detection.coolDown, unless its facts "
    "change."
)
"""Of what was found, not of what a person filed."""


def brief(
    proposal: Proposal,
    me: str,
    console: Console,
    *,
    rejecting: bool = False,
    break_glass: str | None = None,
) -> None:
    """Write what would be approved or rejected, and what follows."""
    console.say(
        f"{console.paint(capital(headline(proposal)), 'bold')}"
        f" {console.paint('[dry run]', 'cyan') if proposal.is_dry else ''}".rstrip()
    )
    plan(proposal, console)
    fields(console, _facts(proposal, console))
    impact(proposal, console)
    evidence(proposal, console)
    difference(proposal, console)
    obstacles(proposal, console)
    people(proposal, me, console)
    if break_glass is not None:
        _glass(proposal, me, break_glass, console)
    heading(console, "Then")
    if rejecting:
        lines(console, f"{AFTER_NO} {SILENT}" if proposal.status.get("finding") else AFTER_NO)
    else:
        lines(console, after_yes(proposal, alone=break_glass is not None))
        lines(console, undoing(proposal))
    console.say()


def capital(text: str) -> str:
    """Return the text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def plan(proposal: Proposal, console: Console) -> None:
    """Write the steps of a plan, with the waits and groups that people approve with them."""
    for line in step_lines(proposal):
        lines(console, line, hanging="     ")


def _glass(proposal: Proposal, me: str, reason: str, console: Console) -> None:
    console.say()
    console.say(console.paint("BREAKING THE GLASS", "red", "bold"))
    missing = count(stands_in_for(proposal, me), "missing approval")
    lines(console, f"You ({me}) stand in for {missing}: {flat(reason)}")
    lines(
        console,
        "Everybody is told: a warning Event, a metric, and a mark on the record for ever. It skips "
        "people, never a check.",
    )


def _facts(proposal: Proposal, console: Console) -> list[tuple[str, str]]:
    status, spec = proposal.status, proposal.spec
    identity = (status.get("target") or {}).get("identity") or []
    who = ", ".join(str(fact["value"]) for fact in identity)
    short = len(who) <= LONGEST_BESIDE
    revision = status.get("revision", 1)
    why = f": {flat(str(status['revisionReason']))}" if status.get("revisionReason") else ""
    edited = f" (revision {revision}{why})" if revision and revision > 1 else ""
    return [
        ("Proposal", f"{proposal.namespace}/{proposal.name}{edited}"),
        ("Cluster", proposal.cluster),
        (
            "Target",
            proposal.target + (f" ({who})" if short and who not in ("", proposal.target) else ""),
        ),
        *((f"  {fact['name']}", str(fact["value"])) for fact in identity if not short),
        ("Tier", console.paint(proposal.tier, *TIERS.get(proposal.tier, ()))),
        ("Proposed by", proposal.author),
        ("Why", "" if status.get("finding") else str(spec.get("reason") or "")),
        ("Not before", clock(spec.get("notBefore")) if spec.get("notBefore") else ""),
        ("Expires", until(status.get("expiresAt"), console.now())),
        ("Digest", proposal.digest or "none yet: not assessed"),
    ]


def impact(proposal: Proposal, console: Console) -> None:
    """Write the facts that make the tier."""
    factors = (proposal.status.get("risk") or {}).get("factors") or []
    if factors:
        heading(console, "Impact")
        for factor in factors:
            lines(console, f"- {capital(str(factor))}", hanging="    ")


def evidence(proposal: Proposal, console: Console) -> None:
    """Write what was seen; nothing on what a person filed."""
    finding = proposal.status.get("finding")
    if not finding:
        return
    heading(console, f"Evidence ({flat(finding['rule'])}, confidence {finding['confidence']} %)")
    lines(console, str(finding.get("diagnosis", "")))
    fields(console, [(str(one["name"]), str(one["value"])) for one in finding.get("evidence", [])])


def difference(proposal: Proposal, console: Console) -> None:
    """Write how the ask differs from the one that was filed, and from the one that was assessed."""
    filed, assessed = proposal.original, proposal.status.get("assessed")
    if filed and (found := changes(filed, proposal.spec)):
        first, last = flat(proposal.authors[0]), flat(proposal.author)
        heading(console, f"Changed since {first} filed it, last by {last}")
        show_changes(found, console)
    if assessed and (found := changes(assessed, proposal.spec)):
        heading(console, "Changed since it was assessed")
        show_changes(found, console)


def show_changes(found: list[tuple[str, object, object]], console: Console) -> None:
    """Write a difference: what goes in red, what comes in green."""
    for field, before, after in found:
        path = f"{field} (step {step_of(field)})" if step_of(field) else field
        if before is not None:
            console.say(console.paint(f"  - {path}: {flat(str(before))}", "red"))
        if after is not None:
            console.say(console.paint(f"  + {path}: {flat(str(after))}", "green"))


def obstacles(proposal: Proposal, console: Console) -> None:
    """Write the checks that do not simply pass."""
    found = [gate for gate in proposal.gates if gate.get("verdict") != "pass"]
    if found:
        heading(console, "Checks that do not simply pass")
        for gate in found:
            show_gate(gate, console)


def show_gate(gate: Json, console: Console) -> None:
    """Write one check."""
    verdict = str(gate["verdict"])
    ends = f" (until {clock(gate['until'])})" if gate.get("until") else ""
    mark = console.paint(f"{verdict:<4}", *VERDICTS.get(verdict, ()))
    lines(console, f"{gate['name']}: {gate['message']}{ends}", f"  {mark}  ", " " * 8)


def people(proposal: Proposal, me: str, console: Console) -> None:
    """Write one line a seat, and how many are missing."""
    need = proposal.count
    heading(console, f"Approvals {need.get('summary', '-')}")
    ignored = {one["by"]: one["reason"] for one in need.get("notCounting") or []}
    for seat in proposal.seats:
        lines(console, _seat(seat, ignored, me, console), hanging="      ")
    missing = int(need.get("missing") or 0)
    if proposal.glass:
        stood = count(int(proposal.glass.get("standsInFor") or 0), "missing approval")
        lines(console, f"{proposal.glass['by']} stands in for {stood}")
    if missing:
        lines(console, f"{count(missing, 'approval')} missing")
    elif not proposal.seats:
        lines(console, "nobody has said anything")


def _seat(seat: Json, ignored: dict[str, str], me: str, console: Console) -> str:
    yes = seat.get("decision") == "Approve"
    counts = seat["by"] not in ignored
    mark = console.paint("✔", "green") if yes and counts else console.paint("✘", "red")
    verb = "approved" if yes else "rejected"
    text = f"{mark} {seat['by']}{' (you)' if seat['by'] == me else ''} {verb}"
    if seat.get("breakGlass"):
        text += (
            f", {console.paint('breaking the glass', 'red', 'bold')}: {flat(seat['breakGlass'])}"
        )
    if seat.get("comment"):
        text += f": {flat(seat['comment'])}"
    return text if counts else f"{text}; it does not count: {ignored[seat['by']]}"


def undoing(proposal: Proposal) -> str:
    """Return how it is taken back, in a sentence or two."""
    spec = proposal.spec
    if proposal.is_dry:
        return "There is nothing to undo."
    undo = undo_of(proposal.action_type)
    if spec.get("revertAfter"):
        return f"It takes itself back {spec['revertAfter']} after it was done. {undo}"
    if undo.startswith("It cannot"):
        return undo
    return (
        f"Taken back by itself if the effect does not show, and later by"
        f" `kubectl proposals revert`. {undo}"
    )
