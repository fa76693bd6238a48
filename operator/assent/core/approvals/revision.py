"""Who wrote an ask, how it was first filed, in what it differs since, and why it is asked anew."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from assent.api.reasons import Reason
from assent.api.v1alpha1.actionproposal import (
    MAX_AUTHORS,
    ActionProposalSpec,
    ActionProposalStatus,
    Ask,
    Change,
    Target,
)
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.approvals.digest import ask_of, canonical_json, same_ask

MAX_CHANGES: Final = 32
MAX_VALUE: Final = 512
MAX_FIELD: Final = 128
NAMED_CHANGES: Final = 3
"""How many changed fields one sentence names."""
AUTHOR: Final = "proposedBy"
"""Left out of the changes: ``status.authors`` says it."""


def authors_of(spec: ActionProposalSpec, status: ActionProposalStatus) -> list[str]:
    """Return everybody who wrote the ask so far, the first who filed it, the present one last.

    None of them has a seat. Admission lets nobody new change what that many have written; should it
    have been gone, the oldest but the first are forgotten.
    """
    known = list(status.authors or ())
    if not known and status.assessed is not None:  # assessed by an operator before this field
        known = [status.assessed.proposed_by]
    if spec.proposed_by not in known:
        known.append(spec.proposed_by)
    return known if len(known) <= MAX_AUTHORS else [known[0], *known[1 - MAX_AUTHORS :]]


def origin_of(spec: ActionProposalSpec, status: ActionProposalStatus) -> Ask | None:
    """Return the ask as first filed; None while nobody has changed it since it was assessed."""
    if status.original is not None:
        return status.original
    changed = status.assessed is not None and not same_ask(status.assessed, ask_of(spec))
    return status.assessed if changed else None


def record_of(spec: ActionProposalSpec, status: ActionProposalStatus) -> dict[str, Any]:
    """Return the status fields that say who wrote the ask and what was changed."""
    original = origin_of(spec, status)
    changes = changes_between(original, ask_of(spec)) if original is not None else []
    return {
        "authors": authors_of(spec, status),
        "original": original,
        "changes": changes or None,
    }


def changes_between(original: Ask, ask: Ask) -> list[Change]:
    """Return every field in which two asks differ, in the order of their paths, values as text."""
    was, now = dict(_leaves(original.wire())), dict(_leaves(ask.wire()))
    changed = [path for path in sorted({*was, *now}) if was.get(path) != now.get(path)]
    return [
        Change(field=path[:MAX_FIELD], was=_clipped(was.get(path)), now=_clipped(now.get(path)))
        for path in changed
        if path != AUTHOR
    ][:MAX_CHANGES]


def why_anew(
    spec: ActionProposalSpec,
    status: ActionProposalStatus,
    *,
    tier: Tier,
    target: Target,
    dry_run: bool,
) -> str | None:
    """Return why what was approved before counts no more; None for the first assessment.

    The first of these that holds: the ask changed, dry-run, tier, target, or the gate was open.
    """
    if status.revision is None:
        return None
    ask = ask_of(spec)
    if not same_ask(status.assessed, ask):
        before = status.assessed or status.original
        return f"{spec.proposed_by} changed {_named(before, ask)}"
    if status.effective_dry_run is not None and status.effective_dry_run is not dry_run:
        return f"dry-run was switched {'on' if dry_run else 'off'}"
    if status.risk is not None and status.risk.tier is not tier:
        rose = "rose" if tier.rank > status.risk.tier.rank else "fell"
        return f"the tier {rose} from {status.risk.tier.value} to {tier.value}"
    if status.target is not None and status.target != target:
        return f"PD shows {target.id} otherwise than it was assessed"
    if status.reason == Reason.GATE_NOT_INSTALLED:
        return "the approval gate stood open or was made anew: nothing said before can be believed"
    return "it could not be judged for a while"


def _named(before: Ask | None, ask: Ask) -> str:
    fields = [change.field for change in changes_between(before, ask)] if before else []
    if not fields:
        return "the ask"
    more = len(fields) - NAMED_CHANGES
    return ", ".join(fields[:NAMED_CHANGES]) + (f" and {more} more" if more > 0 else "")


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every scalar below a JSON value with its path; an empty list or object is one too."""
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _leaves(item, f"{path}[{index}]")
    else:
        yield path, value if isinstance(value, str) else canonical_json(value)


def _clipped(text: str | None) -> str | None:
    return text if text is None or len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"
