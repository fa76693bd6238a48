"""Say yes or no to one proposal: show, ask, send; show again what changed meanwhile."""

from __future__ import annotations

from assent.cli.briefing import brief, show_changes
from assent.cli.console import Console
from assent.cli.failures import CliError, Exit, KubectlError
from assent.cli.kubectl import Kubectl, merge_patch, wanted
from assent.cli.proposal import Proposal, changes
from assent.cli.queries import PROPOSALS
from assent.cli.reading import read
from assent.cli.seats import (
    APPROVE,
    Saying,
    has_approved,
    refuse_approval,
    refuse_other_digest,
    refuse_rejection,
    seats_with,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from assent.cli.decision_command import Plain

TRIES = 5
"""How often a conflict is read and shown again before giving up."""


class Decider:
    """Decides in one person's name, with the flags of one command."""

    def __init__(
        self, chosen: argparse.Namespace | Plain, kubectl: Kubectl, console: Console, me: str
    ) -> None:
        self._chosen = chosen
        self._kubectl = kubectl
        self._console = console
        self._me = me
        self._printed = list[str]()

    def decide(self, proposal: Proposal, decision: str) -> Proposal:
        """Show it, ask where a person is there, send the decision; return what was decided on.

        Raises:
            CliError: it makes no sense now, was declined, or changed while nobody looked; nothing
                was sent.
            KubectlError: the API server said no, in its own words; nothing was stored.
        """
        if decision == APPROVE and self._only_waits(proposal):
            self._console.say(f"You ({self._me}) have approved exactly this already.")
            return proposal
        for _ in range(TRIES):
            self._check(proposal, decision)
            brief(
                proposal, self._me, self._console,
                rejecting=decision != APPROVE, break_glass=self._chosen.break_glass,
            )  # fmt: skip
            saying = self._asked(proposal, decision)
            try:
                self._console_result(proposal, self._send(proposal, saying), decision)
                return proposal
            except KubectlError as error:
                if not error.is_conflict:
                    raise CliError(_refusal(proposal, str(error), decision)) from error
            proposal = self._again(proposal)
        raise CliError(f"{proposal.name} changes faster than it can be read.", Exit.CHANGED)

    def _only_waits(self, proposal: Proposal) -> bool:
        """A wait that was interrupted, or whose time was over, is taken up again."""
        chosen = self._chosen
        same = chosen.digest in (None, proposal.digest) and chosen.break_glass is None
        return chosen.wait and same and has_approved(proposal, self._me)

    def _check(self, proposal: Proposal, decision: str) -> None:
        refuse_other_digest(proposal, self._chosen.digest)
        if decision == APPROVE:
            refuse_approval(proposal, self._me, self._chosen.break_glass)
        else:
            refuse_rejection(proposal, self._me)

    def _asked(self, proposal: Proposal, decision: str) -> Saying:
        """Return what the person says, after asking them where the tier or their flags want it."""
        comment, glass = self._chosen.message, self._chosen.break_glass
        if decision == APPROVE and proposal.tier == "Critical":
            typed = self._typed(proposal, "Critical")
            return Saying(APPROVE, self._me, comment, confirm=typed)
        if glass is not None:
            self._typed(proposal, "breaking the glass")
            return Saying(APPROVE, self._me, comment, break_glass=glass)
        saying = Saying(decision, self._me, comment)
        if self._chosen.yes or not self._console.is_asked:
            return saying
        verb = "Approve" if decision == APPROVE else "Reject"
        if not self._console.agrees(f"{verb} {proposal.name} as {self._me}?"):
            raise CliError(f"Nothing was sent; {proposal.name} still waits.", Exit.DECLINED)
        return saying

    def _typed(self, proposal: Proposal, why: str) -> str:
        typed = self._chosen.confirm
        if typed is None:
            if not self._console.is_asked:
                raise CliError(
                    f"{proposal.name}: this is {why}: type its target with --confirm TARGET. "
                    "Nothing was sent.",
                    Exit.DECLINED,
                )
            typed = self._console.ask(
                f"This is {why}. Type the target ({proposal.target}) to approve: "
            )
        if typed != proposal.target:
            raise CliError(
                f"{typed!r} is not the target {proposal.target!r}. Nothing was sent.",
                Exit.DECLINED,
            )
        return str(typed)

    def _send(self, proposal: Proposal, saying: Saying) -> str:
        more = wanted(self._chosen.dry_run, self._chosen.output)
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
                    f"kubectl proposals show {shown.where}",
                    Exit.CHANGED,
                )
        return found

    def _console_result(self, proposal: Proposal, printed: str, decision: str) -> None:
        if self._chosen.output:
            self._give(printed)
            return
        dry = " (server dry run: nothing was stored)" if self._chosen.dry_run == "server" else ""
        verb = "approved" if decision == APPROVE else "rejected"
        mark = self._console.paint("✔", "green")
        alone = "; the glass is broken" if self._chosen.break_glass else ""
        self._console.say(f"{mark} {proposal.name} {verb} by {self._me}{alone}{dry}")

    def _give(self, printed: str) -> None:
        """Write the object, or keep it for the List of several."""
        chosen = self._chosen
        if chosen.output != "name" and (chosen.all or len(chosen.names) > 1):
            self._printed.append(printed)
        else:
            self._console.give(printed)

    def give_list(self) -> None:
        """Write the objects of several proposals that were decided, as kubectl get does."""
        if self._printed:
            from assent.cli.manifest import list_of

            self._console.give(list_of(self._printed, str(self._chosen.output)))


def _refusal(proposal: Proposal, said: str, decision: str) -> str:
    if "may not break the glass" in said:
        return f"{said}\nThe role assent-glass-breaker has that verb, beside an approver's role."
    if "may not approve" in said or "may not reject" in said:
        # What nobody has assessed counts as Critical.
        verb, tier = decision.lower(), (proposal.tier or "Critical").lower()
        return (
            f"{said}\nSomebody with the verb {verb!r} on actionproposals/{tier} must do it, for "
            f"example with the role assent-approver-{tier}."
        )
    return said
