"""A plan, one line a step: what it does, beside what it works, and what it then waits for."""

from __future__ import annotations

from assent.cli.console import flat
from assent.cli.proposal import Json, Proposal

AWAITED = {
    "StoreWithoutLeaders": "leads nothing",
    "StoreUp": "is Up",
    "StoreRemoved": "is removed",
}
"""The facts of `waitUntil`, in words; a test holds them to the model's."""
FIELD = "action.plan.steps["
"""How the fields of a plan's steps begin, in differences and in what checks say."""
LONGEST_WAIT = "1h"
"""What the API server writes where no timeout was given."""


def headline(proposal: Proposal) -> str:
    """Return what is asked in one line; of a plan only how many steps it has."""
    steps = plan_steps(proposal)
    if not steps:
        return proposal.sentence
    return "do 1 step, as a plan:" if len(steps) == 1 else f"do {len(steps)} steps, in this order:"


def step_lines(proposal: Proposal) -> list[str]:
    """Return a line for each step of a plan; empty for any other action."""
    steps = plan_steps(proposal)
    sentences = _sentences(proposal, steps)
    found = [
        f"{number}. {sentence}{_more(step)}"
        for number, (sentence, step) in enumerate(zip(sentences, steps, strict=True), start=1)
    ]
    if any(step.get("group") for step in steps):
        found.append("Steps in a row of the same group work in PD at the same time.")
    return found


def step_of(field: str) -> int:
    """Return of which step of a plan the field is, as people and modify count; 0 for none."""
    place = field.removeprefix(FIELD).partition("]")[0] if field.startswith(FIELD) else ""
    return int(place) + 1 if place.isdecimal() else 0


def plan_steps(proposal: Proposal) -> list[Json]:
    """Return the steps that were assessed, or, before that, those that are asked for."""
    ask = proposal.status.get("assessed") or proposal.spec
    return list(((ask.get("action") or {}).get("plan") or {}).get("steps") or [])


def _sentences(proposal: Proposal, steps: list[Json]) -> list[str]:
    """The operator's own words, where they are whole and no value of a step looks like another
    step; else what the step holds.
    """
    _, _, rest = proposal.sentence.partition(": ")
    found = []
    for number in range(len(steps), 1, -1):
        if rest.count(f"; {number}. ") != 1:
            break
        rest, _, sentence = rest.partition(f"; {number}. ")
        found.append(sentence)
    found.append(rest.removeprefix("1. "))
    is_whole = len(found) == len(steps) and rest.startswith("1. ")
    if not is_whole or proposal.sentence.endswith("…"):
        return [_bare(step) for step in steps]
    return found[::-1]


def _bare(step: Json) -> str:
    kind = str(step.get("type"))
    parameters = step.get(kind[:1].lower() + kind[1:]) or {}
    return flat(" ".join([kind, *(f"{name}={value}" for name, value in parameters.items())]))


def _more(step: Json) -> str:
    group = f" [group {flat(str(step['group']))}]" if step.get("group") else ""
    wait = step.get("waitUntil")
    if not wait:
        return group
    fact = AWAITED.get(str(wait.get("fact")), f"shows {flat(str(wait.get('fact')))}")
    longest = flat(str(wait.get("timeout") or LONGEST_WAIT))
    return f"{group}; then wait until store {wait.get('storeId')} {fact} (at most {longest})"
