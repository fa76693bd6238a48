"""Send one change of a proposal's spec in one's own name, after asking where a person is."""

import argparse
from typing import Any

from assent.cli.console import Console
from assent.cli.failures import CliError, Exit, KubectlError
from assent.cli.kubectl import Kubectl, merge_patch, wanted
from assent.cli.proposal import Json, Proposal
from assent.cli.queries import PROPOSALS
from assent.cli.reading import read

TRIES = 5
"""How often a conflict with a mere status is tried again."""


def agree(chosen: argparse.Namespace, console: Console, question: str) -> None:
    """Ask, unless --yes was said or nobody is there to be asked.

    Raises:
        CliError: the answer was not yes; nothing was sent.
    """
    if chosen.yes or not console.is_asked:
        return
    if not console.agrees(question):
        raise CliError("Nothing was sent.", Exit.DECLINED)


def send(
    proposal: Proposal,
    spec: dict[str, Any],
    chosen: argparse.Namespace,
    kubectl: Kubectl,
    *,
    as_read: bool = True,
) -> str:
    """Store the change, if the proposal still says what was read; return what kubectl prints.

    The operator writes the status now and then: what people wrote, the phase and the digest are
    compared, and if none of them has changed it is sent again.

    Raises:
        CliError: it changed meanwhile; nothing was stored.
        KubectlError: the API server said no.
    """
    more = wanted(chosen.dry_run, chosen.output)
    now = proposal
    for _ in range(TRIES):
        try:
            return merge_patch(kubectl, PROPOSALS, now.document, spec, *more, as_read=as_read)
        except KubectlError as error:
            if not error.is_conflict:
                raise
        (now,) = read(kubectl, [proposal.name])
        if _stands(now) != _stands(proposal):
            break
    raise CliError(
        f"{proposal.name} changed while you looked. Nothing was stored. Look at it and say it "
        f"again: kubectl proposals show {proposal.where}",
        Exit.CHANGED,
    )


def _stands(proposal: Proposal) -> tuple[Json, str, str]:
    return proposal.spec, proposal.phase, proposal.digest


def told(chosen: argparse.Namespace, console: Console, printed: str, sentence: str) -> None:
    """Write what came of it: the object with -o, else the sentence."""
    if chosen.output:
        console.give(printed)
        return
    dry = " (server dry run: nothing was stored)" if chosen.dry_run == "server" else ""
    console.say(f"{console.paint('✔', 'green')} {sentence}{dry}")
