"""Say yes or no to one proposal: show, ask, send; show again what changed meanwhile."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from assent.cli.briefing import brief, show_changes
from assent.cli.console import Console
from assent.cli.failures import CliError, Exit, KubectlError
from assent.cli.kubectl import Kubectl, merge_patch
from assent.cli.proposal import Proposal, changes
from assent.cli.queries import PROPOSALS
from assent.cli.reading import read
from assent.cli.seats import (
    APPROVE,
    Saying,
    refuse_approval,
    refuse_other_digest,
    refuse_rejection,
    seats_with,
)

TRIES = 5
"""How often a conflict is read and shown again before giving up."""


class Decider:
    """Decides in one person's name, with the flags of one command."""

    def __init__(
        self, chosen: argparse.Namespace, kubectl: Kubectl, console: Console, me: str
    ) -> None:
        self._chosen = chosen
        self._kubectl = kubectl
        self._console = console
        self._me = me

    def decide(self, proposal: Proposal, decision: str) -> None:
        """Show it, ask where a person is there, send the decision.

        Raises:
            CliError: it makes no sense now, was declined, or changed while nobody looked; nothing
                was sent.
            KubectlError: the API server said no, in its own words; nothing was stored.
        """
        for _ in range(TRIES):
            self._check(proposal, decision)
            brief(proposal, self._me, self._console, rejecting=decision != APPROVE)
            saying = self._asked(proposal, Saying(decision, self._me, self._chosen.message))
            try:
                self._console_result(proposal, self._send(proposal, saying), decision)
                return
            except KubectlError as error:
                if not error.is_conflict:
                    raise CliError(_refusal(proposal, str(error), decision)) from error
            proposal = self._again(proposal)
        raise CliError(f"{proposal.name} changes faster than it can be read.", Exit.CHANGED)

    def _check(self, proposal: Proposal, decision: str) -> None:
        refuse_other_digest(proposal, self._chosen.digest)
        check: Callable[[Proposal, str], None] = (
            refuse_approval if decision == APPROVE else refuse_rejection
        )
        check(proposal, self._me)

    def _asked(self, proposal: Proposal, saying: Saying) -> Saying:
        if saying.decision == APPROVE and proposal.tier == "Critical":
            return Saying(APPROVE, saying.by, saying.comment, self._typed(proposal))
        if self._chosen.yes or not self._console.is_asked:
            return saying
        verb = "Approve" if saying.decision == APPROVE else "Reject"
        if not self._console.agrees(f"{verb} {proposal.name} as {self._me}?"):
            raise CliError(f"Nothing was sent; {proposal.name} still waits.", Exit.DECLINED)
        return saying

    def _typed(self, proposal: Proposal) -> str:
        typed = self._chosen.confirm
        if typed is None:
            if not self._console.is_asked:
                raise CliError(
                    f"{proposal.name} is Critical: type its target with --confirm TARGET. "
                    "Nothing was sent.",
                    Exit.DECLINED,
                )
            typed = self._console.ask(
                f"This is Critical. Type the target ({proposal.target}) to approve: "
            )
        if typed != proposal.target:
            raise CliError(
                f"{typed!r} is not the target {proposal.target!r}. Nothing was sent.",
                Exit.DECLINED,
            )
        return str(typed)

    def _send(self, proposal: Proposal, saying: Saying) -> str:
        more = ["--dry-run=server"] if self._chosen.dry_run == "server" else []
        if self._chosen.output:
            more += ["-o", self._chosen.output]
        spec = {"approvals": seats_with(proposal, saying)}
        return merge_patch(self._kubectl, PROPOSALS, proposal.document, spec, *more)

    def _again(self, shown: Proposal) -> Proposal:
        """Read it again. Without a person it goes on only if exactly the same text stands."""
        (found,) = read(self._kubectl, [shown.name])
        self._console.warn(f"{shown.name} changed while you looked; this is how it stands now.")
        if (differs := changes(shown.spec, found.spec)) or found.digest != shown.digest:
            show_changes(list(differs), self._console)
            if self._chosen.yes or not self._console.is_asked:
                raise CliError(
                    f"{shown.name} is not what was shown any more. Nothing was sent. Look again: "
                    f"kubectl proposals show {shown.name}",
                    Exit.CHANGED,
                )
        return found

    def _console_result(self, proposal: Proposal, printed: str, decision: str) -> None:
        if self._chosen.output:
            self._console.give(printed)
            return
        dry = " (server dry run: nothing was stored)" if self._chosen.dry_run == "server" else ""
        verb = "approved" if decision == APPROVE else "rejected"
        mark = self._console.paint("✔", "green")
        self._console.say(f"{mark} {proposal.name} {verb} by {self._me}{dry}")


def _refusal(proposal: Proposal, said: str, decision: str) -> str:
    if "may not approve" in said or "may not reject" in said:
        verb = decision.lower()
        return (
            f"{said}\nSomebody with the verb {verb!r} on actionproposals/{proposal.tier.lower()} "
            f"must do it, for example with the role assent-approver-{proposal.tier.lower()}."
        )
    return said
