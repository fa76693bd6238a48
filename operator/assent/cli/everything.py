"""--all: exactly those proposals that wait for this person at this moment."""

import argparse
import json
from collections.abc import Sequence

from assent.cli.console import Console
from assent.cli.failures import CliError, Exit
from assent.cli.kubectl import Kubectl, documents, username
from assent.cli.listing import sort_key
from assent.cli.proposal import OPEN, Proposal
from assent.cli.reading import listed, place, start_listing
from assent.cli.seats import APPROVE, refuse_approval
from assent.cli.wording import TIERS, count, table


def decide_all(
    decision: str, chosen: argparse.Namespace, kubectl: Kubectl, console: Console
) -> tuple[list[Proposal], str]:
    """Return what waits for this person and who they are, after they have agreed to the list.

    Raises:
        CliError: nothing waits, it was declined, or nobody could be asked; nothing was sent.
    """
    asking, reading = kubectl.whoami(), start_listing(kubectl)
    proposals, me = listed(reading), username(asking)
    mine = waiting_for(me, decision, proposals, kubectl)
    verb = decision.lower()
    if not mine:
        where = place(kubectl)
        raise CliError(f"Nothing waits for you ({me}) to {verb} in {where}.", Exit.NOT_NOW)
    console.say(f"{count(len(mine), 'proposal')} you ({me}) may {verb}:")
    rows = [
        [
            (one.name, ()),
            (one.tier, TIERS.get(one.tier, ())),
            (str(one.count.get("summary", "-")), ()),
            (one.sentence, ()),
        ]
        for one in mine
    ]
    table(console, ("NAME", "TIER", "APPROVALS", "ACTION"), rows, indent="  ")
    if not chosen.yes:
        if not console.is_asked:
            raise CliError(f"Say --yes to {verb} them without being asked.", Exit.USAGE)
        if not console.agrees(f"Go through {'them' if len(mine) > 1 else 'it'}?"):
            raise CliError("Nothing was sent.", Exit.DECLINED)
    console.say()
    return mine, me


def waiting_for(
    me: str, decision: str, proposals: Sequence[Proposal], kubectl: Kubectl
) -> list[Proposal]:
    """Return those that this person may decide now, by phase, seat and right."""
    open_ones = sorted(filter(lambda one: _is_open(one, me, decision), proposals), key=sort_key)
    rights = allowed(decision.lower(), {_asked(one) for one in open_ones}, kubectl)
    return [one for one in open_ones if rights[_asked(one)]]


def _asked(proposal: Proposal) -> tuple[str, str, str]:
    return proposal.namespace, proposal.tier or "Critical", proposal.action_type


def _is_open(proposal: Proposal, me: str, decision: str) -> bool:
    if decision != APPROVE:
        return proposal.phase in OPEN and not proposal.rejecters
    try:
        refuse_approval(proposal, me)
    except CliError:
        return False
    return True


def allowed(
    verb: str, asked: set[tuple[str, str, str]], kubectl: Kubectl
) -> dict[tuple[str, str, str], bool]:
    """Return for each (namespace, tier, action type) whether we may: one kubectl for all of them.

    The review asks what the approval gate asks (policy assent-approvals).
    """
    ordered = sorted(asked)
    if not ordered:
        return {}
    reviews = [
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {
                "resourceAttributes": {
                    "group": "assent.tikv.org",
                    "resource": "actionproposals",
                    "subresource": tier.lower(),
                    "namespace": namespace,
                    "name": action_type,
                    "verb": verb,
                }
            },
        }
        for namespace, tier, action_type in ordered
    ]
    given = json.dumps({"apiVersion": "v1", "kind": "List", "items": reviews})
    # kubectl prints one object after the other, in the order of the list.
    printed = kubectl.text("create", "-f", "-", "-o", "json", "--validate=false", given=given)
    answers, _ = documents(printed)
    return {
        key: bool(one["status"].get("allowed")) for key, one in zip(ordered, answers, strict=True)
    }
