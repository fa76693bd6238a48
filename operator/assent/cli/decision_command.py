"""`kubectl approve` and `kubectl reject`: flags, names or --all, and the wait for the end."""

from __future__ import annotations

from assent.cli import ahead
from assent.cli.deciding import Decider
from assent.cli.failures import CliError, Exit
from assent.cli.kubectl import Kubectl
from assent.cli.proposal import Proposal
from assent.cli.queries import NAMED_SHORT, bare
from assent.cli.reading import read_with_name
from assent.cli.seats import APPROVE, REJECT
from assent.cli.wording import RULE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import Any

    from assent.cli.console import Console

SHORTEST_REASON, LONGEST_REASON = 10, 512
"""Characters of ``spec.approvals[].breakGlass``; a test holds them to the model's."""

APPROVE_EXAMPLES = """\
examples:
  kubectl approve NAME -m "checked with the DBA"
  kubectl approve NAME --wait          # follow it to its end; the exit code is the outcome
  kubectl approve --all                # what waits for you now, listed and asked first
  kubectl approve NAME --dry-run=server
  kubectl approve NAME --break-glass "PD is about to fall, everybody is asleep"
  kubectl approve -f proposal.yaml --as-account flux-system:assent   # for a pull request
"""
REJECT_EXAMPLES = """\
examples:
  kubectl reject NAME -m "not on a Friday"
"""


def parser(decision: str) -> argparse.ArgumentParser:
    """Return the parser of the plugin for this decision."""
    import argparse

    from assent.cli.flags import Help, add_connection_flags

    verb = "approve" if decision == APPROVE else "reject"
    made = argparse.ArgumentParser(
        prog=f"kubectl {verb}",
        description=f"Show what is proposed, and {verb} exactly that, in your own name.",
        epilog=APPROVE_EXAMPLES if decision == APPROVE else REJECT_EXAMPLES,
        formatter_class=Help,
        allow_abbrev=False,
    )
    made.add_argument("names", nargs="*", metavar="NAME", help="ActionProposals")
    made.add_argument(
        "-m", "--message", metavar="WHY", required=decision == REJECT, help="kept in your seat"
    )
    made.add_argument("-y", "--yes", action="store_true", help="do not ask")
    made.add_argument("--digest", help="only if this is still its digest")
    made.add_argument("--dry-run", choices=("none", "server"), default="none",
                      help="server: let the API server judge it, store nothing")  # fmt: skip
    made.add_argument("-o", "--output", choices=("name", "json", "yaml"), help="print the object")
    made.add_argument("--all", action="store_true", help="those that wait for you now")
    made.add_argument("--wait", action="store_true", help="follow it to its end")
    made.add_argument("--timeout", default="0", metavar="TIME",
                      help="for --wait: 90s, 10m, 1h; 0 waits for ever (default)")  # fmt: skip
    if decision == APPROVE:
        made.add_argument("--confirm", metavar="TARGET",
                          help="for Critical and --break-glass: the target, typed")  # fmt: skip
        made.add_argument("--break-glass", metavar="REASON",
                          help="stand in for the approvals that are missing; loudly")  # fmt: skip
        made.add_argument("-f", "--filename", metavar="FILE",
                          help="write the seat of --as-account into this manifest")  # fmt: skip
        made.add_argument("--as-account", metavar="NAMESPACE:NAME",
                          help="with -f: the service account by which Git is applied")  # fmt: skip
    else:
        made.set_defaults(confirm=None, filename=None, as_account=None, break_glass=None)
    made.set_defaults(connection=[], namespace=None)
    add_connection_flags(made)
    return made


class Plain:
    """What most lines say, as `parser` would read it: argparse takes a tenth of an approval."""

    KNOWN = frozenset(("-m", "--message", "-y", "--yes", "--dry-run", *NAMED_SHORT.values()))

    def __init__(self, line: ahead.Line) -> None:
        own = line.own
        self.names = line.words
        self.connection = line.flags
        self.message = own.get("-m", own.get("--message"))
        self.yes = "-y" in own or "--yes" in own
        self.dry_run = own.get("--dry-run", "none")
        self.digest = self.output = self.confirm = self.break_glass = None
        self.filename = self.as_account = None
        self.all = self.wait = False
        self.timeout = "0"

    @classmethod
    def of(cls, decision: str, arguments: Sequence[str]) -> Plain | None:
        """Return it; None when argparse should judge the line."""
        line = ahead.plain(arguments)
        if line is None or not line.words or {"-m", "--message"} <= line.own.keys():
            return None
        if not all(name in cls.KNOWN or name[2:] in ahead.CONNECTION for name in line.own):
            return None
        made = cls(line)
        says_why = decision == APPROVE or made.message is not None
        return made if says_why and made.dry_run in ("none", "server") else None


def run(decision: str, arguments: Sequence[str], console: Console) -> int:
    """Carry out the command.

    Raises:
        CliError: with the exit code; what was decided before it stays decided.
    """
    chosen: Any = Plain.of(decision, arguments)
    if chosen is None:
        chosen = parser(decision).parse_intermixed_args(arguments)  # names may follow flags
    kubectl = Kubectl(chosen.connection)
    console.quiet_out = chosen.output is not None
    if chosen.filename or chosen.as_account:
        return _in_file(chosen, kubectl, console)
    chosen.names = list(dict.fromkeys(bare(name) for name in chosen.names))
    limit = _patience(chosen)
    _refuse_glass(chosen)
    if decision == REJECT and not chosen.message.strip():
        raise CliError("-m wants a reason: whoever proposed it will read it.", Exit.USAGE)
    if chosen.all == bool(chosen.names):
        raise CliError("Name proposals, or say --all. `kubectl proposals` lists them.", Exit.USAGE)
    if chosen.all:
        from assent.cli.everything import decide_all

        proposals, me = decide_all(decision, chosen, kubectl, console)
    else:
        proposals, me = read_with_name(kubectl, chosen.names)
    decider = Decider(chosen, kubectl, console, me)
    try:
        decided, code = _decide_each(decider, proposals, decision, console)
    finally:
        decider.give_list()
    if not decided or not chosen.wait or chosen.dry_run == "server":
        return code
    from assent.cli.waiting import wait_for_each

    outcome = wait_for_each(decided, limit, kubectl, console, rejected=decision == REJECT)
    return outcome if code == Exit.OK else code


def _patience(chosen: argparse.Namespace | Plain) -> float:
    """Return the seconds of --timeout, 0 for ever; said before anything is sent."""
    if chosen.timeout == "0":
        return 0.0
    from assent.cli.waiting import seconds_of

    if not chosen.wait:
        raise CliError("--timeout is for --wait.", Exit.USAGE)
    return seconds_of(chosen.timeout)


def _decide_each(
    decider: Decider, proposals: Sequence[Proposal], decision: str, console: Console
) -> tuple[list[Proposal], int]:
    """Decide one after the other; one that cannot be decided does not stop the others."""
    decided, code = list[Proposal](), Exit.OK
    for number, proposal in enumerate(proposals):
        if number:
            console.say(RULE)
        try:
            decided.append(decider.decide(proposal, decision))
        except CliError as error:
            if len(proposals) == 1:
                raise
            console.warn(f"{error}" if proposal.name in str(error) else f"{proposal.name}: {error}")
            code = error.code
    return decided, code


def _refuse_glass(chosen: argparse.Namespace | Plain) -> None:
    if chosen.break_glass is None:
        return
    if chosen.all or len(chosen.names) != 1:
        raise CliError("--break-glass is for one proposal: name it, alone.", Exit.USAGE)
    if not SHORTEST_REASON <= len(chosen.break_glass.strip()) <= LONGEST_REASON:
        raise CliError(
            f"--break-glass wants a reason of {SHORTEST_REASON} to {LONGEST_REASON} characters: "
            "others will read it.",
            Exit.USAGE,
        )


def _in_file(chosen: argparse.Namespace, kubectl: Kubectl, console: Console) -> int:
    if not (chosen.filename and chosen.as_account) or chosen.names or chosen.all:
        raise CliError("Use -f FILE and --as-account NAMESPACE:NAME together, alone.", Exit.USAGE)
    sends = {
        "--break-glass": chosen.break_glass, "--confirm": chosen.confirm, "--wait": chosen.wait,
        "--dry-run": chosen.dry_run == "server", "--output": chosen.output,
        "--timeout": chosen.timeout != "0",
    }  # fmt: skip
    if unfit := [flag for flag, given in sends.items() if given]:
        raise CliError(f"-f writes a file and sends nothing: {unfit[0]} is not for it.", Exit.USAGE)
    from assent.cli.git_file import approve_file

    return approve_file(chosen, kubectl, console)


def approve(arguments: Sequence[str], console: Console) -> int:
    """Carry out `kubectl approve`; errors as `run`."""
    return run(APPROVE, arguments, console)


def reject(arguments: Sequence[str], console: Console) -> int:
    """Carry out `kubectl reject`; errors as `run`."""
    return run(REJECT, arguments, console)
